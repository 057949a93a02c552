"""A process over a world of ``make.worlds``: an engine, its pipeline and its jobs, as import, undo and the daemon use them."""

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import structlog

from albumen.deeds import undo
from albumen.deeds.desk import Desk, Filing
from albumen.deeds.engine import Engine
from albumen.handlers.catalog import CatalogHandler
from albumen.handlers.file import FileHandler
from albumen.handlers.halves import sorted_out
from albumen.handlers.looking import know
from albumen.media import grouping, signature
from albumen.model import (
    DISK,
    BatchId,
    Buried,
    DeadJob,
    Deed,
    Done,
    Facts,
    Item,
    Job,
    Outcome,
    Page,
    Pending,
    Query,
    Ref,
)
from albumen.operations.working import recover
from albumen.pipeline import Pipeline, Step, folder_ref
from albumen.plugins import Context
from albumen.ports import Catalog, Handler, Ledger, Memory, Queue, Store
from albumen.spool import Spool
from albumen.testing import MemoryMemory
from make.worlds import LIBRARY, Fault, Ground, facts_of, guarded, probe


class Jobs:
    """Just enough of a queue: a list; ``run`` does one after the other, what comes back later goes to the end."""

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.buried: list[str] = []

    def put(self, jobs: Sequence[Job], *, delay: float = 0.0) -> None:
        """The port's, with its rule about twins."""
        for one in jobs:
            if not one.dedupe or one.dedupe not in {other.dedupe for other in self.waiting}:
                self.waiting.append(replace(one, id=str(id(one))))

    def pending(self, batch: BatchId) -> Pending:
        """What is left of a batch; the job that asks is none of it."""
        return Pending(ready=sum(one.batch == batch for one in self.waiting))

    def dead(self, after: str = "") -> Page[DeadJob]:
        """None: what was buried here is asked for by nobody again."""
        return Page(())

    def run(self, handle: Callable[[Job], Outcome], chance: random.Random | None = None, steps: int = 0) -> None:
        """Until nothing is left, or for so many ``steps``; in any order where a ``chance`` is given."""
        for _ in range(steps or 500):
            if not self.waiting:
                return
            if chance is not None:
                self.waiting.rotate(chance.randrange(len(self.waiting)))
            job = self.waiting.popleft()
            outcome = handle(job)
            if isinstance(outcome, Done):
                self.put(outcome.next)
            elif isinstance(outcome, Buried):
                self.buried.append(outcome.why)
            else:
                self.waiting.append(replace(job, tries=job.tries + 1))
        if steps:
            return
        raise AssertionError(f"these jobs never end: {self.waiting}")


class Log:
    """A logger that keeps its lines. A bug is raised: in these worlds there shall be none."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, what: str, **fields: object) -> None:
        """One line."""
        self.lines.append((what, fields))

    warning = error = debug = info

    def exception(self, what: str, **fields: object) -> None:
        """Called inside an ``except``."""
        raise AssertionError(what, fields)


class Life:
    """One process: an engine, its pipeline, its jobs."""

    def __init__(self, ground: Ground, fault: Fault) -> None:
        self.ground = ground
        self.fault = fault
        owner, stores, ledger, catalog = ground.life()
        self.stores = {name: cast("Store", guarded(one, fault, name)) for name, one in stores.items()}
        self.ledger = cast("Ledger", guarded(ledger, fault, "ledger"))
        self.catalog = cast("Catalog", guarded(catalog, fault, "catalog"))
        self._step: Callable[[str], object] = lambda _step: None
        self.log = Log()
        desk = Desk(
            self.stores,
            self.catalog,
            self.ledger,
            Filing(LIBRARY),
            owner,
            ground.dead,
            lambda: ground.now,
            self._traced,
            log=self._log(),
        )
        self.engine = Engine(desk)
        self.jobs = Jobs()
        self.memory = MemoryMemory(clock=lambda: ground.now)
        context = cast("Context", _Nothing())
        self.pipeline = Pipeline(
            steps={
                "file": Step(cast("Handler", FileHandler("file", FileHandler.Settings(), context))),
                "catalog": Step(cast("Handler", CatalogHandler("catalog", CatalogHandler.Settings(), context))),
            },
            deeds=self.engine,
            catalog=self.catalog,
            queue=cast("Queue", self.jobs),
            stores=self.stores,
            memory=lambda _name: cast("Memory", self.memory),
            begin=self.engine.begin,
            spool=Spool(str(ground.folder / "spool")),
            probe=probe,
            clock=lambda: ground.now,
            log=self._log(),
        )

    def _log(self) -> structlog.stdlib.BoundLogger:
        return cast("structlog.stdlib.BoundLogger", self.log)

    def trace(self, step: Callable[[str], object]) -> None:
        """Call this at each step that a deed reaches from now on."""
        self._step = step

    def _traced(self, _deed: str, step: str) -> None:
        self._step(step)

    def sources(self, ids: Sequence[str]) -> list[Ref]:
        """Where these deeds take from."""
        return [one.source for one in self.ledger.history(ids=ids).rows]

    # ------------------------------------------------------------------------------------------------- what a person asks for

    def take_in(self, *, move: bool) -> BatchId:
        """As ``import [--move] -r card``."""
        recover(self.engine, self.pipeline, cast("Queue", self.jobs))
        self.jobs.run(self.pipeline)
        batch = self.engine.begin(f"import {'--move ' if move else ''}card")
        top = self.ground.disk()
        items = self.items(batch, move=move)
        if move:
            store = self.stores[DISK]
            folders = sorted({parent for one in items for parent in _between(one.main.folder, top)} | {top})
            refs = [ref for one in folders if (ref := folder_ref(store, one))]
            self.engine.remember_folders(batch, refs, root=top)
        for folder in sorted({one.main.folder for one in items}):
            self.place([one for one in items if one.main.folder == folder], batch)
        self.jobs.put([self.pipeline.closing(batch)])
        self.jobs.run(self.pipeline)
        return batch

    def items(self, batch: BatchId, *, move: bool) -> list[Item]:
        """All files of the card, in groups, read."""
        store, top = self.stores[DISK], self.ground.disk()
        refs = [one.main for one in store.list(top)]
        found = []
        for folder in sorted({one.folder for one in refs}):
            names = {one.name: one for one in refs if one.folder == folder}
            known = []
            for group in grouping.group(list(names), signature.kind_of_name):
                parts = tuple(names[name] for name, _ in group.companions)
                known.append(self.known(Item(names[group.main], parts, source="import", root=top, move=move, batch=batch)))
            found += sorted_out(known)
        return found

    def arrive(self, *paths: str, move: bool = True, run: bool = True) -> BatchId:
        """As a watched folder that offers these files of the card as one arrival, through ``catalog`` and ``file``."""
        batch = self.engine.begin("watch card")
        store, top = self.stores[DISK], self.ground.disk()
        refs = {path.rpartition("/")[2]: store.stat(f"{top}/{path}").main for path in paths}
        for group in grouping.group(list(refs), signature.kind_of_name):
            parts = tuple(refs[name] for name, _ in group.companions)
            item = Item(refs[group.main], parts, source="card", root=top, move=move, batch=batch)
            self.jobs.put([self.pipeline.job(item, ("catalog", "file"), batch)])
        self.jobs.put([self.pipeline.closing(batch)])
        if run:
            self.jobs.run(self.pipeline)
        return batch

    def known(self, item: Item) -> Item:
        """The item once its files were read."""
        return know(item, self.engine.stage, self.facts, lambda _ref, _why: None)

    def facts(self, ref: Ref) -> Facts:
        """As the probe."""
        with self.stores[ref.store].open(ref.path) as file:
            return facts_of(file.read(64), ref.name)

    def place(self, items: Sequence[Item], batch: BatchId) -> Sequence[Item]:
        """Reserve and queue."""
        placed = self.engine.reserve(items, batch)
        self.engine.forget([ref for one in placed if not one.deeds for ref in (one.main, *one.companions)])
        self.jobs.put([self.pipeline.job(one, ("file",), batch) for one in placed if one.deeds or one.duplicate_of])
        return placed

    def undo(self, batch: BatchId) -> undo.Inverse:
        """As ``undo BATCH``."""
        recover(self.engine, self.pipeline, cast("Queue", self.jobs))
        self.jobs.run(self.pipeline)
        into = self.engine.begin(f"undo {batch}", undoes=batch)
        inverse = undo.keep(self.engine.desk, self.engine.inverse(batch, into))
        self.jobs.put([self.pipeline.deed_job(group) for group in undo.groups(inverse.deeds)])
        self.jobs.put([self.pipeline.closing(into)])
        self.jobs.run(self.pipeline)
        return inverse


class _Nothing:
    """A context nobody looks at."""

    def __getattr__(self, name: str) -> object:
        return None


def _between(folder: str, top: str) -> list[str]:
    """``folder`` and those above it, below ``top``."""
    found = []
    while len(folder) > len(top):
        found.append(folder)
        folder = folder.rpartition("/")[0]
    return found


def all_deeds(ledger: Ledger) -> list[Deed]:
    """Every deed, oldest first."""
    found: list[Deed] = []
    after = ""
    while True:
        page = ledger.history(after=after)
        found += page.rows
        after = page.after
        if not after:
            return found


def known_places(catalog: Catalog) -> list[tuple[str, str, str, str]]:
    """(record, store, path, role) of every placement."""
    rows = catalog.find(Query(companions=True), limit=1000).rows
    return sorted((one.id, place.store, place.path, place.role) for one in rows for place in one.placements)
