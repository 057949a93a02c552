"""A store that fails by script."""

import threading
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeAlias, cast

from albumen.errors import Transient
from albumen.model import Content, Digests, Item, Rev
from albumen.ports import Store

_STORE = ("list", "stat", "open", "put", "delete")
_ABILITIES = (
    *(
        "stage",
        "commit",
        "sync",
        "discard",
        "prove",
        "folder",
        "names",
        "mkdir",
        "rmdir",
        "move",
        "copy",
        "exchange",
        "ping",
        "local",
        "tags",
        "assign",
        "unassign",
    ),
)


@dataclass(frozen=True)
class Cut:
    """The bytes that go in (``put``, ``stage``) or come out (``open``) break off with ``error`` after ``count`` of them."""

    count: int
    error: Exception


@dataclass(frozen=True)
class Lost:
    """The call is done, but its answer is lost: ``error`` is raised instead."""

    error: Exception


Step: TypeAlias = "Exception | type[Exception] | Cut | Lost | Callable[[], object] | None"
ok: Step = None


def cut_after(count: int, error: Exception | None = None) -> Cut:
    """See ``Cut``; a ``Transient`` unless told."""
    return Cut(count, error or Transient(f"the connection broke after {count} bytes"))


def lost(error: Exception | None = None) -> Lost:
    """See ``Lost``; a ``Transient`` unless told."""
    return Lost(error or Transient("the answer was lost"))


class Faulty:
    """``store`` with the same abilities, where each call of one of ``calls`` takes the next step of ``script``.

    A step is ``ok`` (None), an exception (raised before anything is done), ``cut_after(n)``, ``lost()``, or something to call
    first (to change the store behind the caller's back). After the last step all is well. ``done`` lists (method, first argument).
    """

    def __new__(cls, store: Store, *_: object, **__: object) -> "Faulty":
        """Of a class that has just the optional methods that ``store`` has, so that ``isinstance`` tells its abilities."""
        methods = {name: _method(name) for name in _ABILITIES if hasattr(store, name)}
        return super().__new__(type(cls.__name__, (cls,), methods))

    def __init__(self, store: Store, script: Iterable[Step] = (), *, calls: Container[str] = (*_STORE, *_ABILITIES)) -> None:
        self.store = store
        self.name = store.name
        self.done: list[tuple[str, object]] = []
        self._script = iter(script)
        self._calls = calls
        self._lock = threading.Lock()

    def key(self, path: str) -> str:
        """As the store; never fails."""
        return self.store.key(path)

    def list(self, prefix: str = "") -> Iterator[Item]:
        """See ``Store.list``."""
        return cast("Iterator[Item]", self._call("list", prefix))

    def stat(self, path: str) -> Item:
        """See ``Store.stat``."""
        return cast("Item", self._call("stat", path))

    def open(self, path: str, *, rev: Rev | None = None, start: int = 0) -> BinaryIO:
        """See ``Store.open``."""
        return cast("BinaryIO", self._call("open", path, rev=rev, start=start))

    def put(self, path: str, data: Content, *, expect: Digests | None = None, replace: Rev | None = None) -> Item:
        """See ``Store.put``."""
        return cast("Item", self._call("put", path, data, expect=expect, replace=replace))

    def delete(self, path: str, *, rev: Rev | None = None) -> None:
        """See ``Store.delete``."""
        self._call("delete", path, rev=rev)

    def _call(self, name: str, *args: Any, **named: Any) -> object:
        with self._lock:
            self.done.append((name, args[0] if args else None))
            step = next(self._script, ok) if name in self._calls else ok
        if isinstance(step, Exception) or (isinstance(step, type) and issubclass(step, Exception)):
            raise step if isinstance(step, Exception) else step(f"{name} failed by script")
        if callable(step):
            step()
        if isinstance(step, Cut):
            args = tuple(_cut_content(one, step) if isinstance(one, Content) else one for one in args)
        answer = getattr(self.store, name)(*args, **named)
        if isinstance(step, Lost):
            raise step.error
        return _Cutting(answer, step) if isinstance(step, Cut) and name == "open" else answer


class _Cutting:
    """A stream that breaks."""

    def __init__(self, stream: BinaryIO, cut: Cut) -> None:
        self._stream = stream
        self._left = cut.count
        self._error = cut.error

    def read(self, size: int = -1) -> bytes:
        if self._left == 0:
            raise self._error
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> "_Cutting":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _cut_content(data: Content, cut: Cut) -> Content:
    return replace(data, open=lambda: cast("BinaryIO", _Cutting(data.open(), cut)))


def _method(name: str) -> Callable[..., object]:
    def method(self: Faulty, *args: Any, **named: Any) -> object:
        return self._call(name, *args, **named)

    method.__name__ = name
    return method
