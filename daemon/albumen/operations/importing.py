"""``import``: take files in, planned folder by folder in sorted order, done in parallel, explained line by line.

One import is one batch of the ledger. A killed import that is started again with the same words goes on where it was.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from albumen.deeds import undo
from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.deeds.folders import pages
from albumen.errors import Changed, NotFound
from albumen.handlers.halves import join
from albumen.media import naming
from albumen.model import DISK, BatchId, Deed, DeedState, Facts, Item, Pending, Record, Ref
from albumen.operations import joining
from albumen.operations.accounting import GONE, Account
from albumen.operations.intake import Line, Order, Report, check
from albumen.operations.reading import Piece, Reading
from albumen.operations.working import Working, ask
from albumen.pipeline import Pipeline, folder_ref
from albumen.ports import Catalog, Queue
from albumen.sources import walk
from albumen.sources.revs import ref_of

_YOUNG = 2.0  # seconds: a file this young is looked at again (racy times, see the facts about watching)


@dataclass
class _Foreseen:
    """What a dry run has given away so far: names, contents, and the records that will be there."""

    stems: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)  # keys of target paths
    contents: set[str] = field(default_factory=set)
    records: dict[str, Record] = field(default_factory=dict)
    loaded: Counter[str] = field(default_factory=Counter)  # files by folder


class Importing:
    """One import. ``tell`` gets a line for each file that was not simply taken, and each that was, at the end."""

    def __init__(
        self,
        engine: Engine,
        pipeline: Pipeline,
        queue: Queue,
        catalog: Catalog,
        probe: Callable[[Ref], Facts],
        tell: Callable[[Line], None],
        stop: threading.Event,
    ) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._queue = queue
        self._catalog = catalog
        self._probe = probe
        self._tell = tell
        self._stop = stop
        self._account = Account(engine.desk, tell)

    @property
    def report(self) -> Report:
        """The numbers so far."""
        return self._account.report

    def run(self, order: Order, working: Working, progress: Callable[[Pending, Report], None]) -> Report:
        """Take the files in. ``UsageError`` before anything is done when the order cannot be, ``Unavailable`` when the library cannot
        be used: a person who waits is told at once."""
        check(order, self._engine.desk.stores.values())
        ask(self._engine.desk.library)
        report = self.report
        report.batch = self._engine.begin(order.what)
        with self._pipeline.commanding(report.batch):
            self._queue.put([self._pipeline.deed_job(one) for one in undo.groups(self._open(report.batch))])
            working.take_over(report.batch)
            with self._step("carried on"):  # first, so that nothing is listed that a job of the killed run is just taking away
                working.wait(report.batch, lambda now: progress(now, report))
            pending = self._work(order, working, progress)
        self._end(report.batch, pending)
        return report

    def _work(self, order: Order, working: Working, progress: Callable[[Pending, Report], None]) -> Pending:
        """All pieces, then until nothing of the batch can go on now."""
        report = self.report
        before = [one for one in self._kept(report.batch) if one.state is not DeedState.dropped]
        done = {(one.source.store, one.source.path, one.source.rev) for one in before}
        report.found += sum(_is_away(one) for one in before)
        with self._step("read and planned"), closing(self._pieces(order, done, stage=working.working)) as pieces:
            for piece in pieces:
                items = self._known(piece)
                if order.move:
                    self._wait_for_the_young(items)
                self._place(piece, items, report.batch)
                progress(self._queue.pending(report.batch), report)
        with self._step("stored"):
            return working.wait(report.batch, lambda now: progress(now, report))

    def preview(self, order: Order) -> Report:
        """Tell exactly what ``run`` would do; nothing is kept or written."""
        check(order, self._engine.desk.stores.values())
        foreseen = _Foreseen()
        with self._step("read and planned"), closing(self._pieces(order, set(), stage=False)) as pieces:
            for piece in pieces:
                items = self._known(piece)
                for item, deeds, double in self._engine.preview(items, foreseen.stems, foreseen.contents):
                    self._preview_one(item, deeds, double, foreseen)
                    piece.taken += bool(deeds)
        for line in joining.would_join(self._engine.desk, foreseen.records, foreseen.stems):
            self._tell(line)
        self._account.folders(foreseen.loaded)
        return self.report

    def _preview_one(self, item: Item, deeds: Sequence[Deed], double: str, foreseen: _Foreseen) -> None:
        for deed in deeds:
            self._preview_deed(deed, foreseen)
            foreseen.stems.add(self._engine.desk.library.key(naming.stem(deed.target.path)))
            if deed.content:
                foreseen.contents.add(deed.sha256)
                self._account.first(deed.record, shown(deed.source))
        if not double:
            self.report.duplicates += 1 + len(item.companions) - len(deeds)
            return
        self._account.double(item, double)
        record = foreseen.records.get(double) or self._catalog.get([double]).get(double)
        for deed in self._engine.preview_double(item, record, foreseen.names) if record else ():
            self._preview_deed(deed, foreseen)

    def _preview_deed(self, deed: Deed, foreseen: _Foreseen) -> None:
        self._account.foreseen(deed)
        foreseen.loaded["/" + deed.source.folder] += deed.role != "duplicate"
        foreseen.names.add(deed.target_key)
        joining.foreseen(foreseen.records, deed)

    # ------------------------------------------------------------------------------------------------------------- reading

    def _pieces(self, order: Order, done: set[tuple[str, str, str]], *, stage: bool) -> Generator[Piece]:
        """Pieces of folders, read; the folders are counted and, for a move, remembered with the times they have now."""
        reading = Reading(self._engine, self._catalog, self._probe, self._stop, order, self.report.batch, stage=stage)
        try:
            for found, root in reading.folders():
                self._account.top(root)
                if found.missing and self._account.vanished(found.folder):  # another import emptied and removed it
                    self._account.line("told", found.folder, GONE)
                    continue
                self._account.skipped(found)
                if order.move and self.report.batch:
                    self._remember(root, found.folder)
                reading.submit(found.folder, root, self._fresh(found, done))
                yield from reading.ready()
            yield from reading.rest()
            self.report.left += reading.left
        finally:
            reading.close()

    def _fresh(self, found: walk.Found, done: set[tuple[str, str, str]]) -> list[Ref]:
        """What is not empty and was not taken by an earlier run of this import."""
        refs = [ref_of(one.path, one.stat) for one in found.entries]
        fresh = [one for one in refs if (one.store, one.path, one.rev) not in done]
        self._account.listed(found, refs, fresh)
        return [one for one in fresh if one.size]

    def _remember(self, root: str, folder: str) -> None:
        ref = folder_ref(self._engine.desk.store(DISK), folder.lstrip("/"))
        if ref is not None:
            self._engine.remember_folders(self.report.batch, [ref], root=root.lstrip("/"))

    # ------------------------------------------------------------------------------------------------------------ planning

    def _known(self, piece: Piece) -> list[Item]:
        """The items whose bytes were read; the others are told, and their staged bytes forgotten."""
        items: list[Item] = []
        for look in piece.looks():
            self._account.read(look)
            self._engine.forget([ref for ref, _ in look.broken])
            if look.aside:
                self._engine.forget([look.asked.main, *look.asked.companions])
            items += look.known
        return join(items)

    def _wait_for_the_young(self, items: list[Item]) -> None:
        """A file written less than 2 s ago may be written again with the same times: it is looked at once more."""
        now = self._engine.desk.clock()
        ages = [(now - (one.main.modified or 0)) / 1e9 for one in items]
        young = [age for age in ages if 0 <= age < _YOUNG]
        if not young:
            return
        self._stop.wait(_YOUNG - min(young))
        for item, age in zip(list(items), ages, strict=True):
            if not 0 <= age < _YOUNG:
                continue
            try:
                same = self._engine.desk.store(item.main.store).stat(item.main.path).main.rev == item.main.rev
            except NotFound:
                items.remove(item)
                for ref in (item.main, *item.companions):
                    self._account.gone(ref)
                continue
            if not same:
                items.remove(item)
                for ref in (item.main, *item.companions):
                    self._account.failed(shown(ref), str(Changed("is being written; import it again when it is finished")))

    def _place(self, piece: Piece, items: Sequence[Item], batch: BatchId) -> None:
        placed = self._engine.reserve(items, batch) if items else ()
        for item in placed:
            if item.deeds:
                self._account.first(item.id, shown(item.main))
        jobs = []
        for item in placed:
            if item.deeds:
                piece.taken += 1
                self._account.taken(item)
            else:
                self._engine.forget([item.main, *item.companions])
                if not item.duplicate_of:
                    self._account.elsewhere(item)
                    continue
                self._account.double(item, item.duplicate_of)
            jobs.append(self._pipeline.job(item, ("file",), batch))
        self._queue.put(jobs)

    # ------------------------------------------------------------------------------------------------------------- the end

    def _open(self, batch: BatchId) -> Iterator[Deed]:
        """What a killed run of this import left to do."""
        return (one for one in self._kept(batch) if one.state in (DeedState.planned, DeedState.intended))

    def _kept(self, batch: BatchId) -> Iterator[Deed]:
        return (one for one in pages(self._engine.desk, batch) if one.verb in ("copy", "move"))

    def _end(self, batch: BatchId, pending: Pending) -> None:
        last = {one.source.path: one for one in self._kept(batch) if one.why != "planned anew"}  # of each file the newest deed
        closed = not pending.later and self._engine.close(batch)  # one that waits may have no deed yet
        loaded: Counter[str] = Counter()
        for deed in sorted(last.values(), key=lambda one: os.fsencode(one.source.path)):
            if deed.state is DeedState.done:
                self._account.done(deed)
                loaded["/" + deed.source.folder] += deed.role != "duplicate"
            elif deed.state in (DeedState.planned, DeedState.intended):
                self._account.later(deed, "; ".join(pending.reasons) or "waits for another process")
            else:
                self._account.undone(deed)
        for line in joining.joined(self._engine.desk, batch):
            self._tell(line)
        if pending.later and not self.report.later:
            self._account.waiting(pending.later, "; ".join(pending.reasons))
        self._account.folders(loaded)
        if not closed:
            self._queue.put([self._pipeline.closing(batch)])

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.report.steps[name] = time.monotonic() - begun


def _is_away(deed: Deed) -> bool:
    """Whether a deed of an earlier run took its source away, so that this run does not find the file."""
    return deed.state is DeedState.done and not os.path.lexists("/" + deed.source.path)
