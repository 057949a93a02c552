"""Stores in memory: one with every ability, one with none, one as a server has them, a case-blind one and one whose listing lags
behind."""

import hashlib
import io
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from threading import RLock
from typing import BinaryIO

from albumen.errors import Changed, Exists, NotFound, Rejected, Transient
from albumen.media.digest import Digester
from albumen.model import Content, Digests, Item, Proof, Ref, Rev, Staged
from albumen.stores.paths import checked, folder_of, is_ours, name_fits, under

_EDGE = 65536  # bytes of head and tail that a ``Staged`` keeps


def content(data: bytes, *, modified: int | None = None, mode: int | None = None) -> Content:
    """Bytes as a ``Content`` that can be opened again and again."""
    return Content(lambda: io.BytesIO(data), size=len(data), modified=modified, mode=mode)


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    data: bytes
    modified: int
    mode: int
    rev: Rev


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    modified: int
    mode: int


class NoMoveStore:
    """Only the six methods of ``Store``, as a plain provider has them. The base of the other stores of this module."""

    def __init__(
        self,
        name: str = "memory",
        *,
        clock: Callable[[], int] = time.time_ns,
        digests: Sequence[str] = ("sha256",),
    ) -> None:
        self.name = name
        self._clock = clock
        self._names = tuple(digests)
        self._lock = RLock()
        self._files: dict[str, _File] = {}
        self._folders: dict[str, _Folder] = {}
        self._count = count(1)

    # ------------------------------------------------------------------------------------------------------- for the tests

    def tree(self) -> dict[str, bytes]:
        """Every file with its bytes, also those under ``.albumen/``."""
        with self._lock:
            return {one.path: one.data for one in self._files.values()}

    def read(self, path: str) -> bytes:
        """The bytes of one file. ``NotFound``."""
        return self._file(path).data

    def write(self, path: str, data: bytes, *, modified: int | None = None, mode: int = 0o644) -> Item:
        """What a person does: make or overwrite a file behind albumen's back."""
        with self._lock:
            self._put_away(path, data, self._clock() if modified is None else modified, mode)
            return self.stat(path)

    def remove(self, path: str) -> None:
        """What a person does: a file is gone. ``NotFound``."""
        with self._lock:
            del self._files[self.key(self._file(path).path)]
            self._changed()

    # ----------------------------------------------------------------------------------------------------------- the store

    def key(self, path: str) -> str:
        """Byte for byte."""
        return path

    def list(self, prefix: str = "") -> Iterator[Item]:
        """See ``Store.list``: a snapshot of the moment of the call."""
        checked(prefix, root=True)
        with self._lock:
            files = self._listed()
        wanted = self.key(prefix)
        found = [one for one in files if under(self.key(one.path), wanted) and not is_ours(one.path, prefix)]
        return iter([self._item(one) for one in found])

    def stat(self, path: str) -> Item:
        """See ``Store.stat``."""
        return self._item(self._file(path))

    def open(self, path: str, *, rev: Rev | None = None, start: int = 0) -> BinaryIO:
        """See ``Store.open``."""
        return io.BytesIO(self._file(path, rev).data[start:])

    def put(self, path: str, data: Content, *, expect: Digests | None = None, replace: Rev | None = None) -> Item:
        """See ``Store.put``."""
        checked(path)
        taken = read(data)
        digests = _digests(taken, {*self._names, *(expect or {})})
        if any(digests[name] != value for name, value in (expect or {}).items()):
            raise Changed(f"{self.name}:{path}: the bytes that came are not those expected; nothing was stored")
        with self._lock:
            if replace is None:
                self._free(path)
            elif self._file(path).rev != replace:
                raise Exists(f"{self.name}:{path}: holds another revision than the one to be replaced; look at it again")
            self._put_away(path, taken, self._clock() if data.modified is None else data.modified, data.mode)
            return self.stat(path)

    def delete(self, path: str, *, rev: Rev | None = None) -> None:
        """See ``Store.delete``."""
        with self._lock:
            self._file(path, rev)
            self.remove(path)

    # -------------------------------------------------------------------------------------------------------------- inside

    def _file(self, path: str, rev: Rev | None = None) -> _File:
        with self._lock:
            found = self._files.get(self.key(checked(path)))
        if found is None:
            raise NotFound(f"{self.name}:{path}: there is no such file")
        if rev is not None and found.rev != rev:
            raise Changed(f"{self.name}:{path}: changed since it was looked at")
        return found

    def _item(self, file: _File) -> Item:
        main = Ref(self.name, file.path, file.rev, len(file.data), file.modified, file.mode)
        return Item(main, digests=_digests(file.data, self._names))

    def _listed(self) -> Iterable[_File]:
        return list(self._files.values())

    def _free(self, path: str) -> None:
        """``Exists`` when a file or folder has this name, ``Rejected`` when a file lies where a folder is needed."""
        name_fits(path)
        if self.key(path) in self._files or self.key(path) in self._folders:
            raise Exists(f"{self.name}:{path}: the name is taken; nothing was overwritten")
        self._parents(path)

    def _parents(self, path: str) -> None:
        folder = folder_of(path)
        if folder and self.key(folder) in self._files:
            raise Rejected(f"{self.name}:{path}: {folder} is a file, no folder")
        if folder:
            self._parents(folder)
            self._folders.setdefault(self.key(folder), _Folder(folder, self._clock(), 0o755))

    def _put_away(self, path: str, data: bytes, modified: int, mode: int | None) -> None:
        self._parents(path)
        old = self._files.get(self.key(path))
        name = old.path if old else path
        self._files[self.key(path)] = _File(name, data, modified, 0o644 if mode is None else mode, f"{next(self._count):x}")
        self._changed()

    def _changed(self) -> None:
        """The listing is not what it was."""


class MemoryStore(NoMoveStore):
    """Every ability: ``Stages``, ``Proves``, ``Folders``, ``Moves``, ``Exchanges``, ``Pings``. ``synced`` counts calls of ``sync``."""

    def __init__(
        self,
        name: str = "memory",
        *,
        clock: Callable[[], int] = time.time_ns,
        digests: Sequence[str] = ("sha256",),
    ) -> None:
        super().__init__(name, clock=clock, digests=digests)
        self.staged: dict[str, tuple[bytes, Content]] = {}
        self.synced = 0

    def stage(self, data: Content, *, near: str = "") -> Staged:  # noqa: ARG002  # one incoming area for all
        """See ``Stages.stage``."""
        taken = read(data)
        with self._lock:
            token = f"{next(self._count):x}"
            self.staged[token] = (taken, data)
        return Staged(self.name, token, len(taken), _digests(taken, self._names), taken[:_EDGE], taken[-_EDGE:])

    def commit(self, staged: Sequence[tuple[Staged, str]]) -> Sequence[Item]:
        """See ``Stages.commit``."""
        with self._lock:
            folders = dict(self._folders)
            named: list[str] = []
            try:
                for one, path in staged:
                    self._commit(one, checked(path))
                    named.append(path)
            except (Exists, Rejected, Transient):
                for path in named:
                    del self._files[self.key(path)]
                self._folders = folders
                raise
            for one, _ in staged:
                del self.staged[one.token]
            return [self.stat(path) for path in named]

    def _commit(self, one: Staged, path: str) -> None:
        if one.token not in self.staged:
            raise Transient(f"{self.name}:{path}: the staged bytes are gone; they must be staged again")
        taken, data = self.staged[one.token]
        self._free(path)
        self._put_away(path, taken, self._clock() if data.modified is None else data.modified, data.mode)

    def sync(self, paths: Iterable[str]) -> None:
        """See ``Stages.sync``."""
        for path in paths:
            checked(path, root=True)
        with self._lock:
            self.synced += 1

    def discard(self, staged: Staged) -> None:
        """See ``Stages.discard``."""
        with self._lock:
            self.staged.pop(staged.token, None)

    def prove(self, path: str) -> Proof:
        """See ``Proves.prove``."""
        return Proof("read", "sha256:" + hashlib.sha256(self._file(path).data).hexdigest(), self._clock())

    def folder(self, path: str) -> Ref:
        """See ``Folders.folder``."""
        with self._lock:
            found = _Folder("", 0, 0o755) if path == "" else self._folders.get(self.key(checked(path)))
        if found is None:
            raise NotFound(f"{self.name}:{path}: there is no such folder")
        return Ref(self.name, found.path, modified=found.modified, mode=found.mode)

    def names(self, path: str) -> Sequence[str]:
        """See ``Folders.names``."""
        wanted = self.key(checked(path, root=True))
        with self._lock:
            everything = [one.path for one in self._files.values()] + [one.path for one in self._folders.values()]
        return [one.rpartition("/")[2] for one in everything if self.key(folder_of(one)) == wanted]

    def mkdir(self, path: str, *, mode: int | None = None, modified: int | None = None) -> None:
        """See ``Folders.mkdir``."""
        with self._lock:
            if self.key(checked(path)) in self._files:
                raise Exists(f"{self.name}:{path}: a file has this name")
            self._parents(path + "/x")
            made = self._folders[self.key(path)]
            self._folders[self.key(path)] = replace(
                made,
                mode=made.mode if mode is None else mode,
                modified=made.modified if modified is None else modified,
            )

    def rmdir(self, path: str) -> bool:
        """See ``Folders.rmdir``."""
        with self._lock:
            if self.names(checked(path)):
                return False
            self._folders.pop(self.key(path), None)
            return True

    def move(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.move``."""
        with self._lock:
            file = self._file(path, rev)
            self._free(checked(to))
            del self._files[self.key(path)]
            self._put_away(to, file.data, file.modified, file.mode)
            return self.stat(to)

    def copy(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.copy``."""
        with self._lock:
            file = self._file(path, rev)
            self._free(checked(to))
            self._put_away(to, file.data, file.modified, file.mode)
            return self.stat(to)

    def exchange(self, path: str, other: str, *, rev: Rev | None = None, other_rev: Rev | None = None) -> tuple[Item, Item]:
        """See ``Exchanges.exchange``."""
        with self._lock:
            one, two = self._file(path, rev), self._file(other, other_rev)
            self._put_away(path, two.data, two.modified, two.mode)
            self._put_away(other, one.data, one.modified, one.mode)
            return self.stat(path), self.stat(other)

    def ping(self) -> None:
        """Always well."""


class RemoteStore(NoMoveStore):
    """As a server that is asked over a network: ``Moves``, ``Tags`` and ``Pings``, nothing of the file systems'. A file that is moved
    keeps its tags and, unless told otherwise, its revision. ``closed`` is raised by every ``ping`` while it is set."""

    def __init__(
        self,
        name: str = "remote",
        *,
        clock: Callable[[], int] = time.time_ns,
        digests: Sequence[str] = ("sha256",),
        keeps_rev: bool = True,
    ) -> None:
        super().__init__(name, clock=clock, digests=digests)
        self._keeps_rev = keeps_rev
        self._tags: dict[str, set[str]] = {}
        self.closed: Exception | None = None

    def move(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.move``."""
        with self._lock:
            file = self._file(path, rev)
            self._free(checked(to))
            del self._files[self.key(path)]
            self._put_away(to, file.data, file.modified, file.mode)
            if self._keeps_rev:
                self._files[self.key(to)] = replace(file, path=to)
            if path in self._tags:
                self._tags[to] = self._tags.pop(path)
            self._changed()
            return self.stat(to)

    def copy(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.copy``."""
        with self._lock:
            file = self._file(path, rev)
            self._free(checked(to))
            self._put_away(to, file.data, file.modified, file.mode)
            return self.stat(to)

    def tags(self, path: str) -> Sequence[str]:
        """See ``Tags.tags``."""
        return sorted(self._tags.get(self._file(path).path, ()))

    def assign(self, path: str, tag: str) -> None:
        """See ``Tags.assign``."""
        with self._lock:
            self._tags.setdefault(self._file(path).path, set()).add(tag)

    def unassign(self, path: str, tag: str) -> None:
        """See ``Tags.unassign``."""
        with self._lock:
            self._tags.get(self._file(path).path, set()).discard(tag)

    def ping(self) -> None:
        """See ``Pings.ping``."""
        if self.closed is not None:
            raise self.closed


class CaseBlindStore(MemoryStore):
    """Names that differ only in case or in their Unicode form are one name; the first spelling is kept."""

    def key(self, path: str) -> str:
        """Folded and composed."""
        return unicodedata.normalize("NFC", path.casefold())


class LaggingStore(MemoryStore):
    """Its listing shows the state of ``lag`` changes ago, as object stores and search indexes do; ``catch_up`` ends the lag."""

    def __init__(self, name: str = "lagging", *, lag: int = 1, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__(name, clock=clock)
        self._states: deque[list[_File]] = deque([[]], maxlen=lag + 1)

    def catch_up(self) -> None:
        """From now on, until the next change, the listing shows what is there."""
        with self._lock:
            self._states.extend([list(self._files.values())] * (self._states.maxlen or 1))

    def _changed(self) -> None:
        self._states.append(list(self._files.values()))

    def _listed(self) -> Iterable[_File]:
        return self._states[0]


def read(data: Content) -> bytes:
    """All bytes of a content, opened anew; raw files that give less than asked are read to their end."""
    parts = []
    with data.open() as stream:
        while part := stream.read(1 << 20):
            parts.append(part)
    return b"".join(parts)


def _digests(data: bytes, names: Iterable[str]) -> Mapping[str, str]:
    digester = Digester(names)
    digester.update(data)
    return digester.hexdigests()
