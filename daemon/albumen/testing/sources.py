"""A source that offers a list, and what a source remembers, both in memory."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from albumen.model import Batch, Event, Item, Job, Ref, Seen
from albumen.ports import Memory


class MemoryMemory:
    """``Memory`` of one source, without a queue: ``kept`` are the batches in their order, ``jobs`` what came with them.

    ``fail`` makes that many next commits raise ``OSError`` and keep nothing.
    """

    def __init__(self) -> None:
        self.kept: list[Batch] = []
        self.jobs: list[Job] = []
        self.fail = 0
        self._cursor = ""
        self._seen: dict[str, Seen] = {}

    def cursor(self) -> str:
        """As the port says."""
        return self._cursor

    def get(self, paths: Iterable[str]) -> Mapping[str, Seen]:
        """As the port says."""
        return {path: self._seen[path] for path in paths if path in self._seen}

    def all(self, prefix: str = "") -> Iterator[Seen]:
        """As the port says; what is kept meanwhile is not shown."""
        under = [path for path in self._seen if not prefix or path.startswith(prefix + "/")]
        return iter([self._seen[path] for path in sorted(under, key=os.fsencode)])

    def commit(self, batch: Batch, jobs: Sequence[Job] = ()) -> None:
        """As the port says."""
        if self.fail:
            self.fail -= 1
            raise OSError("the disk of the queue is full")
        for path in batch.forget:
            self._seen.pop(path, None)
        self._seen |= {one.path: one for one in batch.seen}
        self._cursor = self._cursor if batch.cursor is None else batch.cursor
        self.kept.append(batch)
        self.jobs += jobs


class MemorySource:
    """``Source`` over a list: ``files`` maps paths to revisions, ``piece`` is the number of events in one batch."""

    def __init__(self, name: str = "memory", *, piece: int = 500) -> None:
        self.name = name
        self.files: dict[str, str] = {}
        self._piece = piece

    def scan(self, memory: Memory) -> Iterator[Batch]:
        """As the port says; a path in memory that is no longer in the list is gone at the second look."""
        fresh = [path for path, rev in self.files.items() if (seen := memory.get([path]).get(path)) is None or seen.rev != rev]
        for some in self._pieces(sorted(fresh, key=os.fsencode)):
            refs = [Ref(self.name, path, self.files[path]) for path in some]
            events = tuple(Event("arrived", Item(ref, source=self.name)) for ref in refs)
            yield Batch(events, tuple(Seen(ref.path, ref.rev) for ref in refs))
        lost = [one for one in memory.all() if one.path not in self.files]
        again = {one.path: one for one in lost if one.state == "missing"}
        for some in self._pieces(list(again)):
            events = tuple(Event("gone", Item(Ref(self.name, path, again[path].rev), source=self.name)) for path in some)
            yield Batch(events, forget=tuple(some))
        first = tuple(Seen(one.path, one.rev, "missing") for one in lost if one.state != "missing")
        if first:
            yield Batch(seen=first)

    def _pieces(self, paths: list[str]) -> Iterator[list[str]]:
        for start in range(0, len(paths), self._piece):
            yield paths[start : start + self._piece]
