"""Giving a file another name on its server, never replacing, and knowing afterwards whether it was done.

Servers say one thing and do another: an answer is lost, an error comes after the effect, ``Overwrite: F`` is no lock. So our own
moves into one folder go one after the other, and whatever is not a plain yes is settled by looking at both names.
"""

import re
import threading
import time
from collections.abc import Callable

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Rev
from albumen.stores.dav.calls import Calls, revision
from albumen.stores.dav.multistatus import Entry
from albumen.stores.dav.trouble import SOON, Refusal, is_momentary, may_run
from albumen.stores.paths import folder_of

__all__ = ["Renaming", "rev_of"]

_LOCKS = 64
_YOUNG = 3.0  # seconds after which a server's ETag that is still weak will stay so
_STEP = 0.2
_PROVEN = 3  # moves of our own that were looked at and left a file as it was
_CHECK = 16
_PLAIN = re.compile(r"[\w ./()@-]*", re.ASCII)
_NO_FOLDER = frozenset({403, 404, 409, 500})  # what servers say to a target whose folder is not there


def rev_of(entry: Entry) -> Rev:
    """The revision of a file."""
    return revision(entry.etag, entry.size, entry.modified)


class Renaming:
    """Moves and folders of one store. ``gone`` makes the error of a file that is not there."""

    def __init__(self, calls: Calls, gone: Callable[[str], NotFound]) -> None:
        self._calls = calls
        self._gone = gone
        self._steady = 0
        self._asked = 0
        self._locks = tuple(threading.RLock() for _ in range(_LOCKS))

    def lock(self, path: str) -> "threading.RLock":
        """Held while a name in the folder of this path is given; by this process alone, the ledger sees to others."""
        return self._locks[hash(folder_of(path)) % _LOCKS]

    def rename(self, path: str, to: str, before: Entry, *, guard: bool = False, ours: bool = False) -> Entry:
        """The file ``before`` gets another name; what lies there now. ``guard``: only if it is still that revision. ``ours``: nobody else
        knows it yet, so a plain yes is believed where looking has shown often enough that a move changes nothing else. ``Exists``,
        ``Changed``, ``NotFound``, ``Rejected``; ``Unavailable`` when nobody can tell whether it was done."""
        etag = before.etag if guard and not before.etag.startswith("W/") else ""
        with self.lock(to):
            told = self._move(path, to, before, etag)
            if isinstance(told, Entry):
                return told
            if ours and told and self._believes(to):
                return before
            found = self._arrived(path, to, before)
            if ours:
                self._steady = self._steady + 1 if rev_of(found) == rev_of(before) else -_CHECK
            return found

    def young(self, path: str, wanted: Rev | None) -> Entry:
        """The file as it is, once its server has settled on a name for this revision. ``NotFound``, ``Changed``."""
        end = time.monotonic() + _YOUNG
        while True:
            entry = self._calls.look(path)
            if entry is None or entry.folder:
                raise self._gone(path)
            if wanted is None:
                return entry
            if rev_of(entry) != wanted:
                raise Changed(f"{self._calls.store}:{path}: changed since it was looked at; it was left as it is")
            if not entry.etag.startswith("W/") or time.monotonic() > end:
                return entry
            time.sleep(_STEP)

    def make(self, folder: str) -> None:
        """A folder with all above it, unless it is there. ``Rejected`` when a file is in the way."""
        if not folder:
            return
        entry = self._calls.look(folder)
        if entry is not None and not entry.folder:
            raise Rejected(f"{self._calls.store}:{folder}: is a file, no folder")
        if entry is not None:
            return
        self.make(folder_of(folder))
        try:
            self._calls.make(folder)
        except Refusal as refusal:
            found = self._calls.look(folder)  # another thread was quicker?
            if found is None or not found.folder:
                raise self._calls.meaning(refusal, folder) from None

    def same(self, found: Entry, before: Entry) -> bool:
        """Whether what lies at a target is the file that was to be moved there, as far as its server can tell."""
        return not found.folder and found.size == before.size

    # -------------------------------------------------------------------------------------------------------------- inside

    def _believes(self, to: str) -> bool:
        """Whether this yes need not be looked at: not the first ones, not one of each ``_CHECK``, and no name that could be misread."""
        self._asked += 1
        return self._steady >= _PROVEN and self._asked % _CHECK != 0 and _PLAIN.fullmatch(to) is not None

    def _move(self, path: str, to: str, before: Entry, etag: str) -> Entry | bool:
        """Asked until it is done or refused for good, each answer that is no yes settled before the next try: as ``Calls.move``, or
        what lies at the target where only looking told that it was done. One that may still be under way is not asked twice, nor is
        what lies at the target then taken for somebody else's: it may be half of this file. ``Unavailable``."""
        waits, made = iter(SOON), False
        while True:
            try:
                return self._calls.move(path, to, etag)
            except (Refusal, Unavailable) as error:
                found = self._settle(error, path, to, before)
                if found is not None:
                    return found
                wait = next(waits, None) if is_momentary(error) else None
                if wait is not None:
                    time.sleep(wait)
                elif isinstance(error, Refusal) and error.status in _NO_FOLDER and not made:
                    made = True
                    self.make(folder_of(to))
                else:
                    raise self._calls.meaning(error, to) if isinstance(error, Refusal) else error from None

    def _settle(self, error: Refusal | Unavailable, path: str, to: str, before: Entry) -> Entry | None:
        """What came of a move that was not answered with yes: what lies at its target, when it was done; None when it was refused, and
        all is as it was before."""
        meant = self._calls.meaning(error, to) if may_run(error) and isinstance(error, Refusal) else error
        try:
            here, there = self._calls.look(path), self._calls.look(to)
        except AlbumenError as unknown:
            raise (meant if isinstance(meant, Unavailable) else unknown) from None
        if here is None and there is not None and self.same(there, before):
            return there
        if isinstance(meant, Unavailable):
            raise meant from None
        if here is None:
            raise self._gone(path)
        if there is not None:
            raise Exists(f"{self._calls.store}:{to}: the name is taken; nothing was overwritten")
        if rev_of(here) != rev_of(before):
            raise Changed(f"{self._calls.store}:{path}: changed since it was looked at; it was left as it is")
        return None

    def _arrived(self, path: str, to: str, before: Entry) -> Entry:
        found = self._calls.look(to)
        if found is None or not self.same(found, before):
            raise Transient(
                f"{self._calls.store}:{to}: its server says that {path} was moved there, but it is not there; look for it"
            )
        return found
