"""One policy for every store: how many calls at once, which are repeated, which refused, what is measured, and that a place which is
closed is left alone.

``wrap(store, *policies)`` is an instance of the very class it wraps, with exactly its methods, so that ``isinstance`` tells the same
abilities. Each call of a method that a port names goes through the policies, the first one outermost; a policy is something to call:
``policy(call, work)`` returns what ``work()`` does, or raises. What comes piece by piece, a listing or an opened file, is begun inside
``work``; of what happens to it later ``policy.broke(call, error)`` and ``policy.ended(call)`` are told, where a policy has them.
"""

import inspect
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Protocol, TypeVar, cast

from albumen.errors import AlbumenError, Exists, Rejected, Transient, Unavailable
from albumen.ports import Exchanges, Folders, Guarded, Local, Moves, Pings, Proves, Stages, Store, Tags

_PORTS = (Store, Stages, Proves, Folders, Moves, Tags, Exchanges, Pings, Guarded)
_PURE = frozenset({"key", "local", "ref", "close"})  # they ask nobody
_CHANGES = frozenset(
    {"put", "delete", "stage", "commit", "move", "copy", "mkdir", "rmdir", "exchange", "assign", "unassign"},
)
_REPEATED = frozenset({"stat", "list", "open", "prove", "folder", "names", "tags", "put", "mkdir", "assign", "unassign"})
_WITHIN = 10.0  # seconds since the call began, in which it may be repeated
_DELAYS = (0.3, 1.5)  # seconds before the second and the third time

S = TypeVar("S", bound=Store)
Work = Callable[[], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call: the method's name, its first argument, and whether it names what it replaces."""

    method: str
    path: str = ""
    replaces: bool = False


class Policy(Protocol):
    """See the module."""

    def __call__(self, call: Call, work: Work) -> Any: ...


# ----------------------------------------------------------------------------------------------------------------- policies


class Limited:
    """At most ``limit`` calls at once, an opened file being one until it is closed. Listings do not count: they wait for whoever
    reads them. A thread that has a place already needs no second one, here or at any store with the same ``threads``: what it reads
    there to put it here would wait for itself, or two threads for one another."""

    def __init__(self, limit: int, threads: threading.local | None = None) -> None:
        self._places = threading.BoundedSemaphore(limit)
        self._local = threads or threading.local()
        self._files: dict[Call, _Holder] = {}

    def __call__(self, call: Call, work: Work) -> Any:
        holder = self._local.__dict__.setdefault("holder", _Holder())
        if call.method in ("list", "ping") or holder.places:
            return work()
        self._places.acquire()
        holder.places += 1
        try:
            answer = work()
        except BaseException:
            self._leave(holder)
            raise
        if call.method == "open":
            self._files[call] = holder
        else:
            self._leave(holder)
        return answer

    def ended(self, call: Call) -> None:
        """A file was closed, by whatever thread."""
        holder = self._files.pop(call, None)
        if holder is not None:
            self._leave(holder)

    def _leave(self, holder: "_Holder") -> None:
        holder.places -= 1
        self._places.release()


@dataclass(slots=True)
class _Holder:
    """How many places a thread has."""

    places: int = 0


@dataclass
class Retrying:
    """A call that broke off is repeated, at most twice within 10 s, where that is harmless: reads, and a ``put`` that sends the very
    same bytes and replaces nothing. Never what may have moved or deleted something: that is looked up by who asked for it.

    A ``put`` that finds its name taken when it is repeated may have been done before: who asked hears of the first error."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep

    def __call__(self, call: Call, work: Work) -> Any:
        if call.method not in _REPEATED or call.replaces:
            return work()
        began, broke = self.clock(), None
        for delay in (*_DELAYS, None):
            try:
                return work()
            except Exists:
                if broke is not None:
                    raise broke from None
                raise
            except (Transient, Unavailable) as error:
                if delay is None or not _momentary(error) or self.clock() - began + delay > _WITHIN:
                    raise
                broke = error
                self.sleep(delay * random.uniform(0.7, 1.3))  # noqa: S311  # jitter, no secret
        raise AssertionError("the last try raises or returns")


def _momentary(error: Transient | Unavailable) -> bool:
    """Whether the very next moment may be better: not when a place said when to come again, or refused our secret."""
    return isinstance(error, Transient) or not (error.auth or error.retry_after is not None)


@dataclass
class ReadOnly:
    """Nothing is changed in this store."""

    name: str

    def __call__(self, call: Call, work: Work) -> Any:
        if call.method in _CHANGES:
            raise Rejected(f"{self.name}:{call.path}: nothing is changed in this store (read_only = true in [store.{self.name}])")
        return work()


@dataclass(slots=True)
class Meter:
    """Of one kind of calls: how many, how many failed, and the seconds that all took together (up to the answer's beginning)."""

    calls: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass
class Measured:
    """Counts and times. ``meters`` by method; read it at any time."""

    clock: Callable[[], float] = time.monotonic
    meters: dict[str, Meter] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: Call, work: Work) -> Any:
        began, failed = self.clock(), 0
        try:
            return work()
        except (Transient, Unavailable):  # whatever else it says is an answer
            failed = 1
            raise
        finally:
            with self._guard:
                meter = self.meters.setdefault(call.method, Meter())
                meter.calls += 1
                meter.failed += failed
                meter.seconds += self.clock() - began

    def broke(self, call: Call, error: AlbumenError) -> None:  # noqa: ARG002  # which one does not matter
        """A listing or an opened file broke off."""
        with self._guard:
            self.meters.setdefault(call.method, Meter()).failed += 1


class Gate:
    """A place that is closed is left alone by all: what failed once is not asked by every job and source, until ``probe`` succeeds.

    The very first call waits for a ``ping`` of its own: ten at once with a wrong password would be ten guesses."""

    def __init__(self, name: str, ping: Callable[[], None] | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._ping = ping
        self._clock = clock
        self._guard = threading.Lock()
        self._asking = threading.Lock()
        self._asked = ping is None
        self._closed: tuple[Unavailable, float] | None = None

    def __call__(self, call: Call, work: Work) -> Any:
        if call.method == "refused" and (self._closed is not None or not self._asked):
            return None  # nobody can tell
        self._check()
        if call.method == "ping" and not self._asked:
            return self.probe()
        if not self._asked:
            with self._asking:
                self._check()
                if not self._asked:
                    self._ask()
        try:
            return work()
        except Unavailable as error:
            if error.auth and call.method != "ping" and self._takes_us(error):
                raise Transient(str(error)) from error
            self.broke(call, error)
            raise

    def _takes_us(self, error: Unavailable) -> bool:
        """Whether the place itself takes our secret: then only this one thing is forbidden, and nobody else need wait for it."""
        if self._ping is None or error.place != self._name:
            return False
        with self._asking:
            if self._closed is not None:
                return False
            try:
                self._ping()
            except AlbumenError:
                return False
        return True

    def broke(self, call: Call, error: AlbumenError) -> None:  # noqa: ARG002  # it closes for all
        """Whatever says that the place itself cannot be used closes it."""
        if isinstance(error, Unavailable) and error.place == self._name:
            with self._guard:
                self._closed = (error, self._clock())

    def probe(self) -> None:
        """See ``ports.Probes``."""
        with self._asking:
            self._ask()

    def _ask(self) -> None:
        began = self._clock()
        try:
            if self._ping is not None:
                self._ping()
        except Unavailable as error:
            self.broke(Call("ping"), error)
            raise
        with self._guard:
            self._asked = True
            if self._closed is not None and self._closed[1] <= began:
                self._closed = None

    def _check(self) -> None:
        with self._guard:
            closed = self._closed
        if closed is not None:
            error, at = closed
            rest = max(0.0, error.retry_after - (self._clock() - at)) if error.retry_after is not None else None
            raise Unavailable(error.place, error.why, retry_after=rest, auth=error.auth)


# -------------------------------------------------------------------------------------------------------------- the wrapper


def governed(
    store: S,
    *,
    limit: int = 0,
    read_only: bool = False,
    sleep: Callable[[float], object] = time.sleep,
    threads: threading.local | None = None,
) -> S:
    """``store`` under the policies that it needs: all of them for one that is asked over a network, ``limit`` calls at once (0 = any
    number). ``sleep`` may return early when all shall end; ``threads`` is the same for all stores of a process."""
    policies: list[Policy] = [Measured()]
    if read_only:
        policies.append(ReadOnly(store.name))
    if not isinstance(store, Local):
        policies += [Limited(limit, threads)] if limit else []
        policies += [Gate(store.name, store.ping if isinstance(store, Pings) else None), Retrying(sleep=sleep)]
    return wrap(store, *policies)


def meters(store: Store) -> Mapping[str, Meter]:
    """What was measured of a store, by method; nothing for one that is not."""
    found = [one.meters for one in getattr(store, "policies", ()) if isinstance(one, Measured)]
    return dict(found[0]) if found else {}


def wrap(store: S, *policies: Policy) -> S:
    """``store`` under these policies; itself when there are none."""
    if not policies:
        return store
    methods: dict[str, Any] = {name: _method(name) for name in _named(store) - _PURE}
    gate = next((one for one in policies if isinstance(one, Gate)), None)
    if gate is not None:
        methods["probe"] = lambda _self: gate.probe()
    inner = type(store)
    methods |= {name: _own(inner, name) for name in dir(inner) if not name.startswith("_") and name not in methods}
    methods["__class__"] = property(lambda _self: inner)
    return cast("S", type(f"Wrapped{inner.__name__}", (_Wrapped,), methods)(store, policies))


class _Wrapped:
    def __init__(self, store: Store, policies: tuple[Policy, ...]) -> None:
        self.wrapped = store
        self.policies = policies

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    def __repr__(self) -> str:
        return f"<{self.wrapped!r} under {len(self.policies)} policies>"


def _named(store: Store) -> set[str]:
    """The methods that ports name and this store has."""
    return {name for port in _PORTS for name in vars(port) if not name.startswith("_") and callable(getattr(store, name, None))}


def _own(inner: type, name: str) -> Any:
    """What no port names: as it is, but what is asked over a network goes through the gate, too."""
    if name in _PURE or not inspect.isfunction(inspect.getattr_static(inner, name)):
        return property(lambda self: getattr(self.wrapped, name))

    def method(self: _Wrapped, *args: Any, **named: Any) -> Any:
        gates = tuple(one for one in self.policies if isinstance(one, Gate))
        return _through(gates, Call(name), partial(getattr(self.wrapped, name), *args, **named))

    return method


def _method(name: str) -> Callable[..., Any]:
    def method(self: _Wrapped, *args: Any, **named: Any) -> Any:
        path = args[0] if args and isinstance(args[0], str) else ""
        call = Call(name, path, named.get("replace") is not None)
        work: Work = partial(getattr(self.wrapped, name), *args, **named)
        if name == "list":
            return _rest(self, call, _through(self.policies, call, partial(_begun, work)))
        answer = _through(self.policies, call, work)
        return cast("BinaryIO", _Stream(answer, self, call)) if name == "open" and _follows(self) else answer

    method.__name__ = name
    return method


def _through(policies: tuple[Policy, ...], call: Call, work: Work) -> Any:
    for policy in reversed(policies):
        work = partial(policy, call, work)
    return work()


def _begun(work: Work) -> tuple[list[Any], Iterator[Any]]:
    """A listing once it has brought its first line, or its end."""
    found = iter(work())
    return [one for one in (next(found, None),) if one is not None], found


def _rest(store: _Wrapped, call: Call, begun: tuple[list[Any], Iterator[Any]]) -> Iterator[Any]:
    first, found = begun
    try:
        yield from first
        yield from found
    except AlbumenError as error:
        _tell(store, "broke", call, error)
        raise


def _follows(store: _Wrapped) -> bool:
    """Whether any policy wants to know what becomes of an opened file."""
    return any(isinstance(one, Gate | Limited) for one in store.policies)


def _tell(store: _Wrapped, what: str, *args: object) -> None:
    for policy in store.policies:
        tell = getattr(policy, what, None)
        if tell is not None:
            tell(*args)


class _Stream:
    """An opened file: errors on the way and its end are told."""

    def __init__(self, stream: BinaryIO, store: _Wrapped, call: Call) -> None:
        self._stream = stream
        self._store = store
        self._call = call
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except AlbumenError as error:
            _tell(self._store, "broke", self._call, error)
            raise

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            if not self._ended:
                self._ended = True
                _tell(self._store, "ended", self._call)

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._ended:
            self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
