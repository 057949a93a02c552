"""Is this the folder it was? The root of a WebDAV store, proven by its marker ``.albumen/store.json`` as that of a disk is.

A server whose disk is not mounted shows an empty folder and no error: it is refused until a person confirms it.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from albumen.errors import Changed, Exists, Transient, Unavailable
from albumen.model import Refused, refusal
from albumen.stores.dav.calls import Calls
from albumen.stores.dav.trouble import Refusal
from albumen.stores.paths import OURS
from albumen.stores.remembered import UNREADABLE, Remembered

__all__ = ["Place"]

MARKER = f"{OURS}/store.json"
_WITHIN = 10.0  # seconds that a proof is believed
_LONGEST = 1 << 12  # bytes of a marker


class Place:
    """The root of one store. ``write`` puts bytes at a path that is free, with the folders above it; ``Exists`` when it is not."""

    def __init__(
        self,
        calls: Calls,
        state: str,
        clock: Callable[[], int],
        write: Callable[[str, bytes], object],
        aside: Callable[[str], None],
    ) -> None:
        self._calls = calls
        self._store = calls.store
        self._where = calls.session.address("", folder=True)
        self._memory = Remembered(calls.store, state, self._where)
        self._clock = clock
        self._write = write
        self._aside = aside
        self._proven: float | None = None
        self._first = threading.Lock()

    def sure(self, within: float = _WITHIN) -> bool:
        """``Unavailable`` unless this was our place not longer ago than ``within`` seconds; False when it was never set up, and nobody
        knows."""
        if self._proven is not None and time.monotonic() - self._proven <= within:
            return True
        known = self._memory.id()
        if not known:
            return False
        asked = time.monotonic()
        refused = self._refusal(known, self.identity())
        if refused is not None:
            raise Unavailable(self._store, f"{refused.why} (albumen confirm {refused.id})")
        self._proven = asked
        return True

    def doubt(self) -> None:
        """Something was wrong: ask again before it is believed."""
        self._proven = None

    def establish(self) -> None:
        """At the very first time the root is made, marked and remembered; else ``sure``. Twice is harmless."""
        if self._memory.id():
            self.sure()
            return
        with self._first:
            if not self._memory.id():
                self._make_root()
                try:
                    self._memory.keep(self.identity() or self._mark(uuid.uuid4().hex))
                except Transient as error:
                    raise self._ours(error) from None

    def identity(self) -> str:
        """The id in the marker; "" when there is none. ``Unavailable`` when there is not even a root."""
        try:
            with self._calls.get(MARKER, ours=True) as answer:
                data = b""
                while len(data) <= _LONGEST and (piece := answer.read(_LONGEST)):
                    data += piece
        except Refusal as error:
            if error.status not in {404, 410}:
                raise self._ours(self._calls.meaning(error, MARKER)) from None
            self.root()
            return ""
        except Transient as error:
            raise self._ours(error) from None
        try:
            found = json.loads(data)
        except ValueError:
            return ""
        return str(found.get("id", "")) if isinstance(found, dict) else ""

    def root(self) -> None:
        """``Unavailable`` when no folder is at the address."""
        entry = self._calls.look("")
        if entry is None or not entry.folder:
            raise Unavailable(self._store, f"there is no folder at {self._where}: make it, or correct url")

    def refused(self) -> Refused | None:
        """See ``Guarded.refused``; a proof of just now is believed."""
        if self._proven is not None and time.monotonic() - self._proven <= _WITHIN:
            return None
        known = self._memory.id()
        return self._refusal(known, self.identity()) if known else None

    def accept(self, id: str) -> None:
        """See ``Guarded.accept``."""
        with self._first:
            known, found = self._memory.id(), self.identity()
            refused = self._refusal(known, found) if known else None
            if refused is None or refused.id != id:
                raise Changed(f"{self._where} is not as it was shown any more; nothing was changed: look at it again")
            fresh = uuid.uuid4().hex if known == UNREADABLE else known
            self._memory.keep(found or self._mark(fresh))

    # -------------------------------------------------------------------------------------------------------------- inside

    def _refusal(self, known: str, found: str) -> Refused | None:
        if found == known:
            return None
        place = f"store {self._store}"
        if known == UNREADABLE:
            why = f"{self._memory.file} cannot be read, so nobody knows whether {self._where} is the right folder"
        elif found:
            why = f"{self._where} is marked as another store ({found}, not {known}): is the address right?"
        else:
            why = f"the marker {self._where}{MARKER} is missing: is the server's disk mounted?"
        id = refusal(place, [known, found])
        return Refused(id, place, f"{why} Nothing is read or written there", self._clock(), accepts=found or known)

    def _ours(self, error: Exception) -> Exception:
        """What is wrong with the marker is about the place: it is no person's file, which alone would be tried again and given up."""
        return Unavailable(self._store, str(error)) if isinstance(error, Transient) else error

    def _make_root(self) -> None:
        if self._calls.look("") is None:
            try:
                self._calls.make("")
            except Refusal:
                self.root()

    def _mark(self, identity: str) -> str:
        """The id that the root is marked with then: this one, or that of another process that was quicker. A marker that nobody can
        read is kept under another name."""
        made = datetime.fromtimestamp(self._clock() / 1e9, UTC).isoformat(timespec="seconds")
        data = json.dumps({"id": identity, "name": self._store, "made": made}) + "\n"
        try:
            self._write(MARKER, data.encode())
        except Exists:
            if not self.identity():
                self._aside(MARKER)
                self._write(MARKER, data.encode())
        found = self.identity()
        if not found:
            raise Transient(f"{self._store}: its marker {MARKER} was written and cannot be read; it is tried again")
        return found
