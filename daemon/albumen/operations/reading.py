"""The files of an import, read in parallel and in order: walk, group, hash, probe. Plans nothing."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError, SetAside
from albumen.handlers.halves import split
from albumen.handlers.looking import know
from albumen.media import grouping, signature
from albumen.media.grouping import Group
from albumen.model import BatchId, Facts, Item, Query, Ref, Staged
from albumen.operations.intake import Order
from albumen.ports import Catalog
from albumen.sources import walk

_READERS = 8  # files read at once; more do not read faster from one disk (measured on 2 cores)
_AHEAD = 2000  # files read ahead of the planner at most


@dataclass
class Look:
    """What became of reading one group: ``known`` items (one, or orphaned companions), ``aside`` with the reason, ``broken`` files;
    ``same`` companions hold the very bytes of their main file."""

    asked: Item
    known: Sequence[Item] = ()
    aside: str = ""
    broken: list[tuple[Ref, str]] = field(default_factory=list)
    same: int = 0


@dataclass
class Piece:
    """Groups of one folder that are planned together. Who plans says how many were ``taken``."""

    folder: str
    futures: list["Future[Look]"] = field(default_factory=list)
    taken: int = 0

    def looks(self) -> Iterator[Look]:
        """In the order of their names; waits for each."""
        return (one.result() for one in self.futures)


class Reading:
    """Submit folder by folder, take what is ``ready`` in the same order, and the ``rest`` at the end.

    With a limit nothing is read ahead: a folder is read in pieces of as many groups as may still be taken. ``left`` counts files
    that were found and not looked at because of it.
    """

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        probe: Callable[[Ref], Facts],
        stop: threading.Event,
        order: Order,
        batch: BatchId,
        *,
        stage: bool,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._probe = probe
        self._stop = stop
        self._order = order
        self._batch = batch
        self._stage = stage
        self._todo: deque[tuple[str, str, dict[str, Ref], list[Group]]] = deque()  # only with a limit
        self._waiting: deque[Piece] = deque()
        self._may = order.limit
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="read")
        self.left = 0

    # -------------------------------------------------------------------------------------------------------------- walking

    def folders(self) -> Iterator[tuple[walk.Found, str]]:
        """Every folder to be looked at with the top it belongs to: files that were named are sets by their folders."""
        named: dict[str, list[walk.Entry]] = {}
        for top in self._order.tops:
            if not os.path.isdir(top) and isinstance(entry := walk.single(top), walk.Entry):
                named.setdefault(os.path.dirname(top), []).append(entry)
        for folder, entries in named.items():
            yield walk.Found(folder, entries=tuple(entries)), folder
        for top in self._order.tops:
            if os.path.isdir(top):
                for found in walk.walk(top, recursive=self._order.recursive, ignore=self._order.ignore):
                    if self._full():
                        return
                    yield found, top

    def _full(self) -> bool:
        return self._stop.is_set() or self._may == 0

    # -------------------------------------------------------------------------------------------------------------- reading

    def submit(self, folder: str, top: str, refs: Sequence[Ref]) -> None:
        """Begin to read these files of a folder."""
        by_name = {one.name: one for one in refs}
        groups = grouping.group(list(by_name), signature.kind_of_name)
        if self._may is None:
            self._waiting.append(self._begin(folder, top, by_name, groups))
        else:
            self._todo.append((folder, top, by_name, groups))

    def ready(self) -> Iterator[Piece]:
        """Pieces to be planned now, so that no more than a bounded number of files is read ahead."""
        ahead = sum(len(one.futures) for one in self._waiting)
        while self._waiting and ahead > _AHEAD:
            ahead -= len(self._waiting[0].futures)
            yield self._waiting.popleft()
        while self._todo:
            folder, top, refs, groups = self._todo.popleft()
            while groups and self._may and not self._stop.is_set():
                piece = self._begin(folder, top, refs, groups[: self._may])
                groups = groups[len(piece.futures) :]
                yield piece
                self._may -= piece.taken
            self.left += sum(1 + len(one.companions) for one in groups)

    def rest(self) -> Iterator[Piece]:
        """What is left."""
        while self._waiting and not self._stop.is_set():
            yield self._waiting.popleft()

    def close(self) -> None:
        """Read nothing more; returns when what is being read is. Twice is harmless."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, folder: str, top: str, refs: dict[str, Ref], groups: Sequence[Group]) -> Piece:
        sizes = self._known_sizes([one.size or 0 for one in refs.values()])

        def read(ref: Ref) -> Staged:
            return self._engine.stage(ref) if self._stage and ref.size not in sizes else self._engine.hashed(ref)

        piece = Piece(folder)
        for group in groups:
            item = Item(
                main=refs[group.main],
                companions=tuple(refs[name] for name, _ in group.companions),
                source="import",
                root=top.lstrip("/"),
                move=self._order.move,
                album=self._order.album,
                batch=self._batch,
            )
            piece.futures.append(self._pool.submit(self._look, item, read))
        return piece

    def _look(self, item: Item, read: Callable[[Ref], Staged]) -> Look:
        look = Look(item)

        def broken(ref: Ref, why: str) -> None:
            look.broken.append((ref, _reason(why, ref)))

        try:
            known = know(item, read, self._probe, broken)
        except SetAside as error:
            look.aside = _reason(str(error), item.main)
        except AlbumenError as error:
            look.broken = [(item.main, _reason(str(error), item.main))]
            look.known = self._orphans(item, read, broken)
        else:
            look.known = split(known)
            look.same = len(item.companions) - len(known.companions) - len(look.broken)
        return look

    def _orphans(self, item: Item, read: Callable[[Ref], Staged], broken: Callable[[Ref, str], None]) -> list[Item]:
        """Companions of a main file that cannot be taken are taken for themselves."""
        kept = []
        for ref in item.companions:
            try:
                kept.append(know(replace(item, main=ref, companions=()), read, self._probe, broken))
            except AlbumenError as error:
                broken(ref, str(error))
        return kept

    def _known_sizes(self, sizes: Sequence[int]) -> set[int]:
        """Sizes that some known content has: such a file is hashed before a byte of it is written."""
        found: set[int] = set()
        wanted = sorted(set(sizes))
        for start in range(0, len(wanted), 400):
            some = wanted[start : start + 400]
            after = ""
            while True:
                page = self._catalog.find(Query(sizes=tuple(some), companions=True), after=after, limit=1000)
                found |= {one.size for one in page.rows}
                found |= {part.size for one in page.rows for part in one.companions}
                after = page.after
                if not after or found >= set(some):
                    break
        return found & set(wanted)


def _reason(why: str, ref: Ref) -> str:
    """The reason without the path it starts with: the line names the path already."""
    return why.removeprefix(f"{ref.store}:{ref.path}").removeprefix(shown(ref)).removeprefix(ref.name).lstrip(": ")
