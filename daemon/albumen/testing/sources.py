"""A source that offers a list."""

import os
from collections.abc import Iterator
from dataclasses import replace

from albumen.model import Batch, Event, Item, Ref, Seen
from albumen.ports import Memory


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
        back = [one for one in memory.all() if one.state == "missing" and one.path in self.files]
        if back:
            yield Batch(seen=tuple(replace(one, state="aside" if one.why else "") for one in back))
        lost = [one for one in memory.all() if one.path not in self.files and one.state != "listed"]
        listed = tuple(one.path for one in memory.set_aside() if one.path not in self.files and one.state == "listed")
        if listed:
            yield Batch(forget=listed)
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
