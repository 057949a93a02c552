"""Local copies of remote files while their steps run: one download each, bounded, freed when the steps end."""

import hashlib
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from albumen.errors import Transient, Unavailable
from albumen.model import Ref
from albumen.ports import Local, Store


class Spool:
    """Files under ``folder``, at most ``limit`` bytes together; a single larger file is let through alone."""

    def __init__(self, folder: str, limit: int = 10 << 30) -> None:
        self._folder = folder
        self._limit = limit
        self._guard = threading.Lock()
        self._held: dict[str, int] = {}  # name → bytes
        self._busy: dict[str, threading.Lock] = {}

    def local(self, store: Store, ref: Ref) -> Path:
        """Where the file lies on this machine: its own place, or a download that is made at most once."""
        if isinstance(store, Local):
            return store.local(ref.path)
        name = hashlib.sha256(f"{ref.store}\0{ref.path}\0{ref.rev}".encode("utf-8", "surrogateescape")).hexdigest()
        path = Path(self._folder, name)
        with self._lock_of(name):
            if name not in self._held:
                self._room(name, ref.size or 0)
                self._fetch(store, ref, path)
        return path

    def free(self, ref: Ref) -> None:
        """Its steps ended. Twice is harmless."""
        name = hashlib.sha256(f"{ref.store}\0{ref.path}\0{ref.rev}".encode("utf-8", "surrogateescape")).hexdigest()
        with self._guard:
            held = self._held.pop(name, None)
            if held is not None:
                self._busy.pop(name, None)
        if held is not None:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, name))

    def clear(self) -> None:
        """Empty what an earlier process left."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _lock_of(self, name: str) -> threading.Lock:
        with self._guard:
            return self._busy.setdefault(name, threading.Lock())

    def _room(self, name: str, size: int) -> None:
        with self._guard:
            if self._held and sum(self._held.values()) + size > self._limit:
                raise Transient("the spool is full; the file is fetched when others are finished")
            self._held[name] = size

    def _fetch(self, store: Store, ref: Ref, path: Path) -> None:
        part = path.with_suffix(f".{os.getpid()}.part")  # a command beside the daemon may fetch the same file
        try:
            with store.open(ref.path, rev=ref.rev or None) as source:
                self._write(source, part)
            part.rename(path)
        except BaseException:
            with self._guard:
                self._held.pop(path.name, None)
            with suppress(OSError):
                part.unlink()
            raise

    def _write(self, source: BinaryIO, part: Path) -> None:
        try:
            os.makedirs(self._folder, exist_ok=True)
            with part.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        except OSError as error:
            raise Unavailable("spool", f"{error.strerror} ({self._folder})") from error
