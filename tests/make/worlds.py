"""A small collection to try deeds on, in memory or on the real engines, and a fault at any call of any of them.

Time stands still, files are a few bytes with a believable beginning, their date comes from a fake probe: what happens depends on
nothing but the calls that are made.
"""

import os
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import structlog

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.deeds import undo
from albumen.deeds.desk import Desk, Filing
from albumen.deeds.engine import Engine
from albumen.handlers.catalog import CatalogHandler
from albumen.handlers.file import FileHandler
from albumen.handlers.looking import know
from albumen.ledgers.sqlite import SqliteLedger
from albumen.media import grouping, signature
from albumen.model import (
    DISK,
    BatchId,
    Buried,
    Deed,
    Done,
    Facts,
    Item,
    Job,
    Outcome,
    Owner,
    Pending,
    Query,
    Ref,
    Stamp,
)
from albumen.operations.working import recover
from albumen.owners import Owners
from albumen.pipeline import Pipeline, Step, folder_ref
from albumen.plugins import Context
from albumen.ports import Catalog, Handler, Ledger, Memory, Queue, Store
from albumen.spool import Spool
from albumen.stores.disk import DiskStore
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.syncing import Syncs
from albumen.testing import MemoryCatalog, MemoryLedger, MemoryMemory, MemoryStore

NOW = 1_700_000_000_000_000_000
THEN = 1_600_000_000_000_000_000
WHEN = "2021:07:01 00:30:00"
LIBRARY = "nas"

JPEG = b"\xff\xd8\xff\xe0"
RAW = b"II*\0\x10\0\0\0CR\x02\0"
XMP = b"<x:xmpmeta>"


def jpeg(what: str) -> bytes:
    """Bytes that begin like a JPEG, all pictures of these worlds were taken at ``WHEN``."""
    return JPEG + what.encode()


def raw(what: str) -> bytes:
    """Bytes that begin like a Canon RAW."""
    return RAW + what.encode()


def xmp(what: str) -> bytes:
    """Bytes that begin like a sidecar."""
    return XMP + what.encode()


class Killed(BaseException):
    """The process is gone: nothing catches it, nothing runs after it."""


@dataclass
class Fault:
    """Strikes at the ``at``-th call of anything it guards (0 = never). ``after`` = the call has its effect, its answer is lost."""

    at: int = 0
    raises: Callable[[], BaseException] = Killed
    after: bool = False
    calls: list[str] = field(default_factory=list)
    dead: bool = False

    @property
    def struck(self) -> bool:
        """Whether the run came as far as the fault."""
        return 0 < self.at <= len(self.calls)

    def call(self, name: str, work: Callable[[], object]) -> object:
        """Do ``work`` unless the fault strikes here."""
        if self.dead:
            raise Killed
        self.calls.append(name)
        if len(self.calls) != self.at:
            return work()
        if self.after:
            work()
        error = self.raises()
        self.dead = isinstance(error, Killed)
        raise error


def guarded(thing: object, fault: Fault, name: str) -> Any:
    """``thing`` with the same methods, each of which the fault may strike; pure ones are left out."""

    def method(called: str) -> Callable[..., object]:
        def run(_self: object, *args: object, **named: object) -> object:
            return fault.call(f"{name}.{called}", lambda: getattr(thing, called)(*args, **named))

        return run

    names = [one for one in dir(type(thing)) if not one.startswith("_") and callable(getattr(thing, one))]
    methods: dict[str, Any] = {one: method(one) for one in names if one not in ("key", "close", "Settings", "local", "identity")}
    methods["key"] = lambda _self, *args: getattr(thing, "key")(*args)  # noqa: B009  # of stores only
    made = type("Guarded", (), methods)()
    made.name = getattr(thing, "name", name)
    return made


def probe(path: Path, name: str) -> Facts:
    """What a file of these worlds says of itself."""
    head = path.read_bytes()[:64]
    return facts_of(head, name)


def facts_of(head: bytes, name: str) -> Facts:
    """A picture taken at ``WHEN``."""
    role = signature.companion_role(name, head)
    if role is not None:
        return Facts("other", role)
    found = signature.sniff(head, name)
    assert found is not None
    return Facts(found[0], found[1], stamps=(Stamp("exif:DateTimeOriginal", WHEN),))


class Ground(Protocol):
    """Where a world lies."""

    folder: Path
    ledger: Any
    catalog: Any

    @property
    def dead(self) -> Container[Owner]:
        """Owners whose process is gone."""

    def life(self) -> tuple[Owner, Mapping[str, Store], Ledger, Catalog]:
        """A new process: the one before is dead."""

    def disk(self) -> str:
        """The path of the card in the store ``disk``."""

    def write(self, path: str, data: bytes, *, modified: int = THEN, mode: int = 0o640) -> None:
        """What a person does: a file on the card."""

    def tree(self) -> dict[str, object]:
        """Everything that lies on the card (with modes and times) and in the library (with times)."""


class InMemory:
    """Everything forgets with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stores = {DISK: MemoryStore(DISK, clock=lambda: NOW), LIBRARY: MemoryStore(LIBRARY, clock=lambda: NOW)}
        self.dead: set[Owner] = set()
        self.ledger = MemoryLedger(self.dead, clock=lambda: NOW)
        self.catalog = MemoryCatalog()
        self._lives = 0

    def life(self) -> tuple[Owner, Mapping[str, Store], Ledger, Catalog]:
        if self._lives:
            self.dead.add(f"owner{self._lives}")
            for one in self.stores.values():
                one.staged.clear()
        self._lives += 1
        return f"owner{self._lives}", self.stores, self.ledger, self.catalog

    def disk(self) -> str:
        return "card"

    def write(self, path: str, data: bytes, *, modified: int = THEN, mode: int = 0o640) -> None:
        self.stores[DISK].write(f"card/{path}", data, modified=modified, mode=mode)

    def tree(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, store in self.stores.items():
            for path, data in store.tree().items():
                now = store.stat(path).main
                found[f"{name}:{path}"] = (data, now.modified, now.mode if name == DISK else None)
        return found


class OnDisk:
    """The embedded engines under a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.card = folder / "card"
        self.card.mkdir(parents=True)
        self.state = folder / "state"
        self.state.mkdir()
        self.owners = Owners(str(self.state))
        self._old: list[Owners] = []
        self.ledger = SqliteLedger(str(self.state / "ledger.db"), self, clock=lambda: NOW)
        self.catalog = SqliteCatalog(str(self.state / "catalog.db"))
        self.syncs = _NoSyncs()
        self._lives = 0

    def __contains__(self, owner: object) -> bool:
        return owner in self.owners

    @property
    def dead(self) -> Container[Owner]:
        return self.owners

    def life(self) -> tuple[Owner, Mapping[str, Store], Ledger, Catalog]:
        if self._lives:
            self.owners.close()
            self.owners = Owners(str(self.state))
        self._lives += 1
        context = Context(str(self.state), self.owners, clock=lambda: NOW)
        disk = DiskStore(context, syncs=self.syncs)
        settings = LocalSettings(str(self.folder / "library"), floor=0, case="exact")
        return (
            self.owners.me,
            {DISK: disk, LIBRARY: LocalStore(LIBRARY, settings, context, syncs=self.syncs)},
            self.ledger,
            self.catalog,
        )

    def close(self) -> None:
        self.ledger.close()
        self.catalog.close()
        self.owners.close()

    def disk(self) -> str:
        return str(self.card).lstrip("/")

    def write(self, path: str, data: bytes, *, modified: int = THEN, mode: int = 0o640) -> None:
        where = self.card / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data)
        where.chmod(mode)
        os.utime(where, ns=(modified, modified))

    def folder_times(self) -> None:
        """Folders of the card get a mode and a time of their own, deepest first."""
        for at, (path, _, _) in enumerate(os.walk(self.card, topdown=False)):
            os.chmod(path, 0o750)
            os.utime(path, ns=(THEN + at * 10**9, THEN + at * 10**9))

    def tree(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for top, name in ((self.card, DISK), (self.folder / "library", LIBRARY)):
            for folder, _, names in os.walk(top):
                for one in names:
                    path = Path(folder, one)
                    status = path.stat()
                    where = f"{name}:{path.relative_to(self.folder if name == DISK else top)}"
                    if not where.endswith(".albumen/store.json"):
                        found[where] = (path.read_bytes(), status.st_mtime_ns, status.st_mode & 0o777 if name == DISK else None)
                if name == DISK:
                    status = os.stat(folder)
                    found[f"folder {Path(folder).relative_to(self.folder)}"] = (status.st_mtime_ns, status.st_mode & 0o777)
                elif not folder.startswith(str(top / ".albumen")) and folder != str(top):
                    found[f"folder library {Path(folder).relative_to(top)}"] = True
        return found


class _NoSyncs(Syncs):
    """Durability is for other tests: these are about the order of calls."""

    def wait(self, fd: int, alone: Callable[[], bool | None]) -> None:
        """At once."""


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
        """The job that asks is running; the rest waits, unless it is another batch's."""
        return Pending(ready=sum(one.batch == batch for one in self.waiting), running=1)

    def run(self, handle: Callable[[Job], Outcome]) -> None:
        """Until nothing is left."""
        for _ in range(500):
            if not self.waiting:
                return
            job = self.waiting.popleft()
            outcome = handle(job)
            if isinstance(outcome, Done):
                self.put(outcome.next)
            elif isinstance(outcome, Buried):
                self.buried.append(outcome.why)
            else:
                self.waiting.append(replace(job, tries=job.tries + 1))
        raise AssertionError(f"these jobs never end: {self.waiting}")


class Log:
    """A logger that keeps its lines. A bug is raised: in these worlds there shall be none."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, what: str, **fields: object) -> None:
        """One line."""
        self.lines.append((what, fields))

    warning = error = info

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
        desk = Desk(self.stores, self.catalog, self.ledger, Filing(LIBRARY), owner, ground.dead, lambda: NOW, self._traced)
        self.engine = Engine(desk)
        self.jobs = Jobs()
        self.log = Log()
        self.memory = MemoryMemory(clock=lambda: NOW)
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
            clock=lambda: NOW,
            log=cast("structlog.stdlib.BoundLogger", self.log),
        )

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
            for group in grouping.group(list(names), signature.kind_of_name):
                parts = tuple(names[name] for name, _ in group.companions)
                found.append(self.known(Item(names[group.main], parts, source="import", root=top, move=move, batch=batch)))
        return found

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
