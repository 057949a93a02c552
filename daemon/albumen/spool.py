"""Local copies of remote files while their steps run: one download each, whole, bounded, freed when the steps end; and folders for
what steps make.
"""

import hashlib
import os
import shutil
import tempfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from albumen.deeds.desk import shown
from albumen.errors import Changed, Transient, Unavailable
from albumen.model import Ref
from albumen.ports import Local, Store

_CHUNK = 1 << 20


class Spool:
    """Files under ``folder``, those of each process (``owner``) in a folder of its own; of this one at most ``limit`` bytes together,
    a single larger file is let through alone. What no step needs now goes when others need the room: it is fetched again."""

    def __init__(self, folder: str, limit: int = 10 << 30, *, owner: str = "") -> None:
        self._top = folder
        self._owner = owner
        self._folder = os.path.join(folder, owner) if owner else folder
        self._limit = limit
        self._guard = threading.Lock()
        self._held: dict[str, int] = {}  # name → bytes
        self._resting: OrderedDict[str, None] = OrderedDict()  # of those: no step runs that asked for it; the longest first
        self._busy: dict[str, threading.Lock] = {}
        self._needed: Counter[str] = Counter()  # by name: jobs that run now and may ask for it

    def local(self, store: Store, ref: Ref) -> Path:
        """Where the file lies on this machine: its own place, or a download that is made at most once. ``Changed`` when it is
        another revision by now, ``Transient`` when it did not come whole or while there is no room."""
        if isinstance(store, Local):
            return store.local(ref.path)
        name = _name(ref)
        path = Path(self._folder, name)
        with self._lock_of(name):
            with self._guard:
                self._resting.pop(name, None)
                there = name in self._held
            if not there:
                self._room(name, ref.size or 0)
                self._fetch(store, ref, path)
        return path

    def need(self, ref: Ref) -> None:
        """A job begins that may ask for it: until it says ``rest`` or ``free`` nobody else's takes it away. After a kill one job may
        finish a deed of a file while another makes its result anew."""
        with self._guard:
            self._needed[_name(ref)] += 1

    def rest(self, ref: Ref) -> None:
        """Ends a ``need``: a step that may have asked for it ended, others will come. It is kept while there is room."""
        name = _name(ref)
        with self._guard:
            if not self._is_needed_still(name) and name in self._held:
                self._resting[name] = None
                self._resting.move_to_end(name)

    def free(self, ref: Ref) -> None:
        """Ends a ``need``, if there was one: its steps ended, and nobody else's go on."""
        name = _name(ref)
        with self._guard:
            if not self._is_needed_still(name):
                self._drop(name)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """See ``ports.Run.folder``."""
        try:
            os.makedirs(self._folder, exist_ok=True)
            made = tempfile.mkdtemp(prefix="made-", dir=self._folder)
        except OSError as error:
            raise Unavailable("spool", f"{error.strerror} ({self._folder})") from error
        try:
            yield Path(made)
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def sweep(self, dead: Container[str] = ()) -> None:
        """Remove what processes left that are gone, whatever is no process's, and what is ours: to be called before any step runs."""
        with suppress(OSError):
            for name in os.listdir(self._top):
                if not self._owner or name == self._owner or name in dead:
                    path = os.path.join(self._top, name)
                    shutil.rmtree(path, ignore_errors=True)
                    with suppress(OSError):
                        os.unlink(path)
        with self._guard:
            self._held.clear()
            self._resting.clear()

    def close(self) -> None:
        """This process ends."""
        if self._owner:
            shutil.rmtree(self._folder, ignore_errors=True)

    # -------------------------------------------------------------------------------------------------------------- inside

    def _lock_of(self, name: str) -> threading.Lock:
        with self._guard:
            return self._busy.setdefault(name, threading.Lock())

    def _is_needed_still(self, name: str) -> bool:
        """Whether any other job needs it, now that one ended."""
        left = max(0, self._needed[name] - 1)
        self._needed[name] = left
        if not left:
            del self._needed[name]
        return left > 0

    def _drop(self, name: str) -> None:
        self._resting.pop(name, None)
        if self._held.pop(name, None) is not None:
            self._busy.pop(name, None)
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, name))

    def _room(self, name: str, size: int) -> None:
        with self._guard:
            while self._resting and sum(self._held.values()) + size > self._limit:
                self._drop(next(iter(self._resting)))
            if self._held and sum(self._held.values()) + size > self._limit:
                raise Transient("the spool is full; the file is fetched when others are finished")
            self._held[name] = size

    def _fetch(self, store: Store, ref: Ref, path: Path) -> None:
        part = path.with_suffix(".part")
        try:
            with store.open(ref.path, rev=ref.rev or None) as source:
                size = self._write(source, part)
            self._whole(store, ref, size)
            part.rename(path)
        except BaseException:
            with self._guard:
                self._held.pop(path.name, None)
            with suppress(OSError):
                part.unlink()
            raise
        with self._guard:
            self._held[path.name] = size

    def _whole(self, store: Store, ref: Ref, size: int) -> None:
        """A connection that ends early says nothing, and a server may serve a piece under the revision of the whole."""
        if ref.size is None or size == ref.size:
            return
        now = store.stat(ref.path).main
        if (now.rev, now.size) != (ref.rev, ref.size):
            raise Changed(f"{shown(ref)} changed while it was fetched: it has {now.size} bytes, and had {ref.size}")
        raise Transient(f"{shown(ref)}: {size} of {ref.size} bytes came; it is fetched again")

    def _write(self, source: BinaryIO, part: Path) -> int:
        try:
            os.makedirs(self._folder, exist_ok=True)
            target = part.open("wb")
        except OSError as error:
            raise Unavailable("spool", f"{error.strerror} ({self._folder})") from error
        size = 0
        with target:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                try:
                    target.write(chunk)
                except OSError as error:
                    raise Unavailable("spool", f"{error.strerror} ({self._folder})") from error
        return size


def _name(ref: Ref) -> str:
    return hashlib.sha256(f"{ref.store}\0{ref.path}\0{ref.rev}".encode("utf-8", "surrogateescape")).hexdigest()
