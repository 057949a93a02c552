"""Bytes to a server under a name of ours beside their target: seen by nobody until they are whole and get their own.

``.albumen-<owner>-<n>.tmp`` are such bytes. ``.albumen-<owner>-<n>-<name>-<content>.old`` is a file that is just being replaced: by the
hashes of its name and of what takes its place, a later process puts it back or knows that it is no longer needed.
"""

import hashlib
import os
import re
import threading
import uuid
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from itertools import count

from albumen.errors import AlbumenError, Exists, Transient, Unavailable
from albumen.model import Content, Digests, Owner
from albumen.stores.dav.calls import Calls
from albumen.stores.dav.multistatus import Entry
from albumen.stores.dav.renaming import Renaming
from albumen.stores.dav.session import Severed
from albumen.stores.dav.streams import Body, Sized
from albumen.stores.dav.trouble import Refusal
from albumen.stores.paths import OURS, folder_of

__all__ = ["Uploads", "content_mark", "is_temporary", "name_mark"]

_OURS = re.compile(rf"{re.escape(OURS)}-([0-9a-f]+)-[0-9a-z]+(?:-([0-9a-f]{{16}})-([0-9a-f]{{16}}))?\.(tmp|old)")
_NO_FOLDER = frozenset({404, 409})


def is_temporary(name: str) -> bool:
    """Whether a file's name is one of these."""
    return name.startswith(OURS + "-")


def name_mark(path: str) -> str:
    """What stands for a file's name in that of its old bytes."""
    return hashlib.sha256(os.fsencode(path.rpartition("/")[2])).hexdigest()[:16]


def content_mark(digests: Digests) -> str:
    """… and for what takes its place."""
    return digests["sha256"][:16]


class Uploads:
    """The uploads of one store in this process."""

    def __init__(self, calls: Calls, renaming: Renaming, me: Owner) -> None:
        self._calls = calls
        self._renaming = renaming
        self._me = me
        self._salt = uuid.uuid4().hex[:8]  # two stores of one owner never meet
        self._count = count(1)
        self._guard = threading.Lock()
        self._stray: set[str] = set()  # could not be taken away, or may come again: the server did not answer
        self._unsettled: dict[str, str] = {}  # replaced files by their temporary names, of which nobody knows yet
        self._unswept: set[str] = set()

    def beside(self, path: str, end: str = ".tmp") -> str:
        """A new name in the folder of a path."""
        folder = folder_of(path)
        name = f"{OURS}-{self._me}-{self._salt}{next(self._count):x}{end}"
        return f"{folder}/{name}" if folder else name

    def send(self, path: str, data: Content, names: Iterable[str]) -> tuple[str, Entry, Digests]:
        """Bytes under a temporary name beside ``path``, proven to be as many as were sent: that name, what lies there, the digests of
        what was sent. Folders are made as needed; after an error nothing is left."""
        self._tidy()
        temp = self.beside(path)
        body = Body(data, names) if data.size is None else Sized(data, names)
        try:
            self._put(temp, path, data, body)
            entry = self._calls.look(temp)
            if entry is None or entry.size != body.size:
                has = "nothing" if entry is None else f"{entry.size} bytes"
                raise Transient(
                    f"{self._calls.store}:{path}: {body.size} bytes were sent, its server has {has}; it is sent again"
                )
        except BaseException as error:
            self.drop(temp, error)
            raise
        return temp, entry, body.digests

    def drop(self, temp: str, error: BaseException | None = None) -> None:
        """Take away what is ours; where the server does not answer, later. Later once more after a connection that broke: the server may
        still be making it of what it got."""
        deleted = not isinstance(error, Unavailable) and self._deleted(temp)
        if not deleted or (error is not None and isinstance(error.__cause__, Severed)):
            with self._guard:
                self._stray.add(temp)

    def settle(self, aside: str, path: str) -> None:
        """A replacement broke off: the old file gets its name back unless the new one has it; where the server does not answer, later."""
        found = _OURS.fullmatch(aside.rpartition("/")[2])
        try:
            if found:
                self._old(aside, [path], found[3])
        except (AlbumenError, Refusal):
            with self._guard:
                self._unsettled[aside] = path

    def sweep(self, dead: Container[Owner], near: Iterable[str]) -> Sequence[str]:
        """What dead owners left beside these paths; the paths of replaced files that were kept, since nobody knows what replaced
        them. What the server does not answer now is looked at next time."""
        paths = {path for path in near if path} | {f"{folder}/?" if folder else "?" for folder in self._unswept}
        by_folder: dict[str, set[str]] = {}
        for path in paths:
            by_folder.setdefault(folder_of(path), set()).add(path)
        kept: list[str] = []
        for folder, files in by_folder.items():
            try:
                kept += self._sweep(folder, files, dead)
                self._unswept.discard(folder)
            except (Transient, Unavailable):
                self._unswept.add(folder)
        return kept

    # -------------------------------------------------------------------------------------------------------------- inside

    def _deleted(self, temp: str) -> bool:
        with suppress(AlbumenError):
            try:
                self._calls.delete(temp)
            except Refusal as refusal:
                if refusal.status not in {404, 409, 410}:
                    raise self._calls.meaning(refusal, temp) from None
            return True
        return False

    def _put(self, temp: str, path: str, data: Content, body: Body) -> None:
        headers = {"Content-Type": data.type or "application/octet-stream"}
        if data.modified is not None:
            headers["X-OC-MTime"] = str(data.modified // 1_000_000_000)
        for tried in (False, True):
            try:
                self._calls.put(temp, _sendable(body), headers)
            except Refusal as refusal:
                if tried or refusal.status not in _NO_FOLDER:
                    raise self._calls.meaning(refusal, path) from None
                self._renaming.make(folder_of(path))
            except Severed as error:
                meant = self._calls.unsent(error, path, data.size or body.size)
                raise meant from (None if meant is error else error)
            else:
                return

    def _tidy(self) -> None:
        with self._guard:
            stray, self._stray = self._stray, set()
            unsettled, self._unsettled = self._unsettled, {}
        for one in stray:
            self.drop(one)
        for aside, path in unsettled.items():
            self.settle(aside, path)

    def _sweep(self, folder: str, files: Iterable[str], dead: Container[Owner]) -> Sequence[str]:
        listing = self._calls.inside(folder)
        kept = []
        for name in listing.inside if listing else ():
            found = _OURS.fullmatch(name)
            if not found or found[1] not in dead:
                continue
            path = f"{folder}/{name}" if folder else name
            if found[4] == "tmp":
                self.drop(path)
            elif not self._old(path, [one for one in files if name_mark(one) == found[2]], found[3]):
                kept.append(path)
        return kept

    def _old(self, path: str, files: Sequence[str], content: str) -> bool:
        """Whether a file that was being replaced is dealt with."""
        for file in files:
            entry, old = self._calls.look(file), self._calls.look(path)
            if old is None:
                return True
            if entry is None:
                with suppress(Exists):  # what the dead one had asked for was done just now
                    self._renaming.rename(path, file, old)
                    return True
            if self._mark(file) == content:
                self.drop(path)
                return True
        return False

    def _mark(self, path: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._calls.get(path) as answer:
                for piece in answer.pieces():
                    digest.update(piece)
        except Refusal:
            return ""
        return digest.hexdigest()[:16]


def _sendable(body: Body) -> object:
    """Nothing at all is sent as such: it has no length to declare, and a body in pieces is not liked everywhere."""
    if isinstance(body, Sized) and len(body) == 0:
        return b"".join(body)
    return body
