"""Which folders hold nothing new and nothing gone, from one whole look to the next: some dozen bytes a folder, none a file.

A folder is *still* when it is exactly as the last whole look left it, and that look found everything in it remembered and
everything remembered of it there. When anybody else changed the memory since, no folder is; what we change ourselves takes its
folders out.
"""

from collections.abc import Iterable

from albumen.model import Batch
from albumen.ports import Memory


class Folders:
    """The folders of one source by path relative to its root ("" = the root). For one thread."""

    def __init__(self) -> None:
        self._states: dict[int, int] = {}  # by the hash of the path, as the last whole look left it
        self._next: dict[int, int] = {}  # … as the one that goes on finds it
        self._still: set[int] = set()
        self._blind: set[str] = set()
        self._changes = -1  # of memory, as we expect it
        self._is_clean = False  # nothing remembered was missed by the last whole look
        self._moved = False
        self._doubted = False

    def begin(self, memory: Memory) -> None:
        """A whole look begins; ``finish`` ends it."""
        changes = memory.changes()
        if changes != self._changes:
            self._states = {}
        self._changes = changes
        self._next = {}
        self._still = set()
        self._blind = set()
        self._moved = not self._is_clean
        self._doubted = False

    def kept(self, batch: Batch) -> None:
        """A batch of ours was committed."""
        self._changes += 1
        self._drop(one.path for one in batch.seen)
        self._drop(batch.forget)

    def knows(self, folder: str, state: int) -> bool:
        """Whether the last whole look left it like this."""
        return self._states.get(hash(folder)) == state

    def still(self, folder: str, state: int) -> None:
        """This look found a folder that it ``knows``."""
        number = hash(folder)
        self._next[number] = state
        self._still.add(number)

    def other(self, folder: str, state: int, *, settled: bool) -> None:
        """This look found a folder as it did not know it. ``settled``: all that lies in it is remembered as it is."""
        self._moved = True
        if settled:
            self._next[hash(folder)] = state

    def blind(self, folder: str) -> None:
        """This look could not look into this folder, or something is mounted over it: of what is remembered at any depth of it
        nothing is known."""
        self._moved = True
        self._blind.add(folder)

    def nothing_moved(self) -> bool:
        """Whether this look found every folder still, and the one before missed nothing: then nothing can be missed now."""
        return not self._moved

    def is_still(self, path: str) -> bool:
        """Whether a remembered file is there as it was."""
        return hash(path.rpartition("/")[0]) in self._still

    def is_blind(self, path: str) -> bool:
        """Whether this look could not tell of this remembered file."""
        while self._blind and path:
            path = path.rpartition("/")[0]
            if path in self._blind:
                return True
        return False

    def doubt(self, path: str) -> None:
        """A remembered file was not found, or nobody can tell: its folder is looked at anew until that is settled."""
        self._doubted = True
        self._drop((path,))

    def finish(self) -> None:
        """The look came to its end."""
        self._states, self._next = self._next, {}
        self._is_clean = not self._doubted and not self._blind
        self._still = set()
        self._blind = set()

    def _drop(self, paths: Iterable[str]) -> None:
        for path in paths:
            number = hash(path.rpartition("/")[0])
            self._states.pop(number, None)
            self._next.pop(number, None)
