"""Where a watcher says "look again": paths in, from any thread; taken out by the next look. Nothing else is ever believed."""

import threading
from dataclasses import dataclass, field

from albumen.sources.canary import is_canary

_LIMIT = 50_000  # paths; more are looked at by one walk


@dataclass(slots=True)
class Dirty:
    """What to look at: single files, folders with all below them, or everything. Absolute paths. ``lost``: events got lost, so
    that a file may have come of which nobody told; everything is looked at then."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    whole: bool = False
    lost: bool = False

    def names(self, path: str) -> bool:
        """Whether an event told of this file, or of a folder above it."""
        if path in self.files:
            return True
        while self.folders and path:
            path = path.rpartition("/")[0]
            if path in self.folders:
                return True
        return False


class Hints:
    """The mailbox between a watcher's thread and a look."""

    def __init__(self) -> None:
        self._dirty = Dirty()
        self._changed = threading.Condition()
        self._canaries = 0

    @property
    def canaries(self) -> int:
        """How many events of canaries came so far; they are no news of files."""
        return self._canaries

    def file(self, path: str) -> None:
        """Something happened to this file."""
        with self._changed:
            if is_canary(path):
                self._canaries += 1
                return
            self._dirty.files.add(path)
            self._tell()

    def folder(self, path: str) -> None:
        """This folder came, went or was moved: whatever lies below it is in question."""
        with self._changed:
            self._dirty.folders.add(path)
            self._tell()

    def whole(self) -> None:
        """Everything is in question."""
        with self._changed:
            self._dirty.whole = True
            self._tell()

    def lost(self) -> None:
        """Events were lost: only a walk of everything helps."""
        with self._changed:
            self._dirty.whole = self._dirty.lost = True
            self._tell()

    def take(self) -> Dirty:
        """All hints so far; they are out of here then."""
        with self._changed:
            dirty, self._dirty = self._dirty, Dirty()
            return dirty

    def give_back(self, dirty: Dirty) -> None:
        """Taken hints whose look did not come to its end."""
        with self._changed:
            self._dirty.files |= dirty.files
            self._dirty.folders |= dirty.folders
            self._dirty.whole |= dirty.whole
            self._dirty.lost |= dirty.lost
            self._tell()

    def wait(self, timeout: float) -> bool:
        """Whether there is a hint, after at most ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(self._any, max(timeout, 0.0))

    def _any(self) -> bool:
        return bool(self._dirty.files or self._dirty.folders or self._dirty.whole)

    def _tell(self) -> None:
        if len(self._dirty.files) + len(self._dirty.folders) > _LIMIT:
            self._dirty = Dirty(whole=True, lost=self._dirty.lost)
        if self._any():
            self._changed.notify_all()
