"""Routes (event → steps) and one step (errors → outcome): the only place that decides whether a step is repeated.

| raised | becomes |
|---|---|
| Unavailable | the place's circuit opens; the job waits uncounted |
| Transient | again after 2 s, 8 s, 30 s, 2 min, 10 min, 1 h, 6 h, 24 h (with jitter), then buried |
| NotFound | done: the item itself is gone; should it come back, its source offers it again |
| SetAside | listed, and left until its bytes change; done |
| Changed, Exists | looked at anew: by its source when it has one, else as Transient |
| other Permanent, ConfigError | buried with the reason |
| anything else | logged with traceback, then as Transient: a bug must not lose a photo |
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from albumen import observe
from albumen.deeds import reading
from albumen.deeds.desk import shown
from albumen.deeds.records import is_placement
from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, SetAside, Transient, Unavailable
from albumen.handlers.file import FileHandler
from albumen.media.digest import record_id
from albumen.model import (
    Batch,
    BatchId,
    Buried,
    Deed,
    Done,
    Facts,
    Item,
    Job,
    Later,
    Outcome,
    Ref,
    Rev,
    Seen,
    Staged,
    Waiting,
)
from albumen.ports import Catalog, Deeds, Folders, Handler, Memory, Queue, Store
from albumen.spool import Spool

DELAYS = (2.0, 8.0, 30.0, 120.0, 600.0, 3600.0, 21600.0, 86400.0)
CLOSE = "close"  # the last job of a batch: no handler, see ``Pipeline._close``
NEVER = "gone"  # the revision of a file that was gone when its turn came
_SOON = 0.25  # seconds until a batch whose jobs still run is asked again
_PATIENT = 30.0  # … whose jobs only wait

Probe = Callable[[Path, str], Facts]


@dataclass(frozen=True)
class Step:
    """A configured step: its handler and the options it was made with."""

    handler: Handler
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class StepRun:
    """Implements ``ports.Run`` for one step."""

    deeds: Deeds
    catalog: Catalog
    stop: threading.Event
    options: Mapping[str, object]
    steps: Sequence[str]
    stores: Mapping[str, Store]
    spool: Spool
    prober: Probe
    log: observe.Log
    files: bool = False

    def local(self, item: Item) -> Path:
        """See ``ports.Run``."""
        return self.spool.local(self.store(item.main.store), item.main)

    def folder(self) -> AbstractContextManager[Path]:
        """See ``ports.Run``."""
        return self.spool.folder()

    def read(self, ref: Ref, *, whole: bool = False) -> Staged:
        """See ``ports.Run``."""
        store = self.store(ref.store)
        found = None if whole else reading.alien(store, ref)
        return found or reading.at(store, ref, self.spool.local(store, ref))

    def probe(self, ref: Ref) -> Facts:
        """See ``ports.Run``."""
        return self.prober(self.spool.local(self.store(ref.store), ref), ref.name)

    def store(self, name: str) -> Store:
        """See ``ports.Run``."""
        try:
            return self.stores[name]
        except KeyError:
            raise Unavailable(name, "no store of this name is configured (any more): configure it again") from None

    def tell(self, what: str, **fields: object) -> None:
        """See ``ports.Run``."""
        self.log.info(what, **fields)


@dataclass
class Pipeline:
    """``steps`` by name; ``memory`` gives a source's memory. Call it with a job (see ``Queue.start``)."""

    steps: Mapping[str, Step]
    deeds: Deeds
    catalog: Catalog
    queue: Queue
    stores: Mapping[str, Store]
    memory: Callable[[str], Memory]
    begin: Callable[[str], BatchId]
    spool: Spool
    probe: Probe
    clock: Callable[[], int]
    log: observe.Log
    sources: frozenset[str] = frozenset()
    stop: threading.Event = field(default_factory=threading.Event)
    commanded: set[BatchId] = field(default_factory=set)  # batches that a command of this process still adds to
    _brought: dict[str, list[BatchId]] = field(default_factory=dict)  # by source: batches that may have jobs to be done
    _away: dict[str, dict[str, Rev]] = field(default_factory=dict)  # by source: files that were taken from it since its last look
    closed: set[str] = field(default_factory=set)  # places that were told to be closed
    guard: threading.Lock = field(default_factory=threading.Lock)  # of ``closed`` and ``_away``
    count: Callable[[str, str], object] = lambda _source, _what: None  # each file: its source, and what became of it

    # ------------------------------------------------------------------------------------------------------------ one step

    def __call__(self, job: Job) -> Outcome:
        """Run the first step that is left; whatever happens becomes an outcome."""
        if job.steps and job.steps[0] == CLOSE:
            return self._guarded(job, lambda: self._close(job))
        for ref in _refs(job.item):
            self.spool.need(ref)
        outcome = self._guarded(job, lambda: self._step(job))
        going_on = {ref for one in getattr(outcome, "next", ()) for ref in _refs(one.item)}
        for ref in _refs(job.item):
            if ref in going_on or isinstance(outcome, Later | Waiting):
                self.spool.rest(ref)
            else:
                self.spool.free(ref)
        return outcome

    def _step(self, job: Job) -> Outcome:
        step = self.steps.get(job.steps[0])
        if step is None:
            return self._bury(
                job, f"step {job.steps[0]} is not configured any more; configure it again, then: albumen queue again {job.id}"
            )
        rest = job.steps[1:]
        items = step.handler(job.item, self._run(step, rest))
        self._taken(job.item, items)
        if isinstance(step.handler, FileHandler):
            for one in items:
                self.count(one.source, "duplicate" if one.duplicate_of else "filed")
        if not rest:
            return Done()
        return Done(tuple(self.job(one, rest, job.batch) for one in items))

    def _run(self, step: Step, rest: Sequence[str]) -> StepRun:
        run = StepRun(self.deeds, self.catalog, self.stop, step.options, rest, self.stores, self.spool, self.probe, self.log)
        run.files = any(isinstance(self.steps[name].handler, FileHandler) for name in rest if name in self.steps)
        return run

    def foresee(self, item: Item, steps: Sequence[str]) -> None:
        """Run these steps for a dry run, whose ``deeds`` are a ``Foresight``: ``Foreseen`` where the first of them would change
        something. Raises whatever a step may."""
        items: Sequence[Item] = [item]
        for at, name in enumerate(steps):
            if name not in self.steps:
                raise Rejected(f"{shown(item.main)}: step {name} is not configured")
            run = self._run(self.steps[name], steps[at + 1 :])
            items = [after for one in items for after in self.steps[name].handler(one, run)]

    def _guarded(self, job: Job, work: Callable[[], Outcome]) -> Outcome:
        try:
            return work()
        except Unavailable as error:
            self.shut(error, **_named(job.item))
            return Waiting(error.place, str(error), error.retry_after, error.auth)
        except NotFound as error:
            return self._gone(job, str(error))
        except SetAside as error:
            return self._aside(job, str(error))
        except (Changed, Exists) as error:
            return self._anew(job, error)
        except Transient as error:
            return self._later(job, error)
        except AlbumenError as error:
            return self._bury(job, str(error))
        except Exception as error:  # one of the three places: a bug must not lose a photo
            self.log.exception("bug", **_named(job.item), step=job.steps[0])
            return self._later(job, error)

    def shut(self, error: Unavailable, **what: str) -> bool:
        """A place turned out to be closed. Told once for each place, not for each of the thousands of jobs that wait for it: whether
        that was now."""
        with self.guard:
            news = error.place not in self.closed
            self.closed.add(error.place)
        tell = self.log.warning if news else self.log.debug
        tell("place closed" if news else "waiting", place=error.place, **what, why=error.why)
        return news

    def works(self, place: str) -> None:
        """A closed place works again."""
        with self.guard:
            self.closed.discard(place)
        self.log.info("place works again", place=place)

    def overdue(self, job: Job, why: str) -> Outcome:
        """What becomes of a job that was given up, since its step never came back: a failed try like any other."""
        return self._later(job, Transient(why))

    def _later(self, job: Job, error: Exception) -> Outcome:
        why = str(error) or type(error).__name__
        if job.tries >= len(DELAYS):
            return self._bury(job, why)
        delay = DELAYS[job.tries]
        self._told(self.log.info, "again later", job.item, step=job.steps[0], why=why, seconds=delay, tries=job.tries + 1)
        return Later(delay * random.uniform(0.9, 1.1), why)  # noqa: S311  # jitter, no secret

    def _bury(self, job: Job, why: str) -> Outcome:
        self._told(self.log.error, "failed", job.item, step=job.steps[0], job=job.id, why=why)
        return Buried(why)

    def _aside(self, job: Job, why: str) -> Outcome:
        self._told(self.log.info, "set aside", job.item, why=why)
        if job.item.source in self.sources:
            seen = Seen(below(job.item, job.item.main), job.item.main.rev, "listed", why, self.clock())
            self.memory(job.item.source).commit(Batch(seen=(seen,)), ())
        return Done()

    def _gone(self, job: Job, why: str) -> Outcome:
        """Its disk may only be unmounted: what is remembered of it gets a revision that no file has, so that its source offers it
        again when it is back, and misses it until then."""
        self._told(self.log.info, "gone", job.item, why=why)
        if job.item.source in self.sources:
            memory = self.memory(job.item.source)
            revs = {below(job.item, one): one.rev for one in _refs(job.item)}
            kept = [one for one in memory.get(revs).values() if one.rev == revs[one.path]]
            if kept:
                memory.commit(Batch(seen=tuple(replace(one, rev=NEVER) for one in kept)), ())
        return Done()

    def _taken(self, item: Item, now: Sequence[Item]) -> None:
        """What a move has taken away, or a step on a store of ours, is not remembered any more: was only its disk gone at that moment,
        its source offers it again when it is back, and it is known as a duplicate. Of a store of ours that is kept at once: a process
        that ends before the next look must not leave behind that all these are missing."""
        if item.source not in self.sources or not (item.move or is_placement(item.main.store, item.main.path)):
            return
        if any(one.main != item.main or (one.duplicate_of and one.deeds) for one in now):
            try:
                self.stores[item.main.store].stat(item.main.path)
            except NotFound:
                self._gone_by_us(item)
            except AlbumenError:
                return

    def _gone_by_us(self, item: Item) -> None:
        """Before the next look: one that is under way may remember it once more. Of a store of ours also at once."""
        path, rev = below(item, item.main), item.main.rev
        with self.guard:
            self._away.setdefault(item.source, {})[path] = rev
        if is_placement(item.main.store, item.main.path):
            with suppress(AlbumenError):  # then before the next look
                memory = self.memory(item.source)
                if any(one.rev == rev for one in memory.get([path]).values()):
                    memory.commit(Batch(forget=(path,)), ())

    def recall(self, source: str) -> Memory:
        """What a source has seen, for its next look: without what was taken away since the last one."""
        memory = self.memory(source)
        with self.guard:
            away = self._away.pop(source, {})
        if away:
            try:
                kept = memory.get(away)
                memory.commit(Batch(forget=tuple(path for path, one in kept.items() if one.rev == away[path])), ())
            except AlbumenError:
                with self.guard:
                    self._away[source] = {**away, **self._away.get(source, {})}
                raise
        return memory

    def _anew(self, job: Job, error: Exception) -> Outcome:
        """A source that forgot the item offers it again when it is quiet; its arrival rules are the only ones."""
        if job.item.source not in self.sources:
            return self._later(job, error)
        self._told(self.log.info, "looked at anew", job.item, why=str(error))
        self.memory(job.item.source).commit(Batch(forget=tuple(below(job.item, one) for one in _refs(job.item))), ())
        return Done()

    # -------------------------------------------------------------------------------------------------------------- batches

    @contextmanager
    def commanding(self, batch: BatchId) -> Iterator[None]:
        """While a command of this process still adds to its batch, no job closes it: the command does, at its end."""
        self.commanded.add(batch)
        try:
            yield
        finally:
            self.commanded.discard(batch)

    def _close(self, job: Job) -> Outcome:
        batch = job.item.batch
        if batch in self.commanded:
            return Done()
        pending = self.queue.pending(batch)
        if pending.active:
            return Later(_SOON, counted=False)
        if pending.later:
            with suppress(Transient):  # another batch moves a half: asked again
                self.deeds.unite(batch)  # what waits, perhaps for days, holds up no others
            # one that has no deed yet would open the batch again, and nobody would close it
            return Later(_PATIENT, "other jobs of the batch wait", counted=False)
        if self.deeds.close(batch):
            return Done()
        return Later(_PATIENT, "deeds of the batch are open", counted=False)

    def closing(self, batch: BatchId) -> Job:
        """The last job of a batch: removes emptied folders and ends it. Not one of the batch itself: nobody waits for it."""
        return Job(Item(Ref("", ""), batch=batch), (CLOSE,), key=f"close:{batch}", dedupe=f"close:{batch}", priority=-10)

    def job(self, item: Item, steps: Sequence[str], batch: BatchId) -> Job:
        """A job for the steps left: its lane is that of the first, its key the path until the content is known, then the content."""
        first = self.steps.get(steps[0])
        key = f"content:{item.id}" if item.id else f"path:{item.main.store}:{item.main.path}"
        dedupe = (
            f"deed:{item.deeds[0]}" if item.deeds else f"{steps[0]}:{batch}:{item.main.store}:{item.main.path}@{item.main.rev}"
        )
        lane = first.handler.lane if first else "io"
        return Job(item, tuple(steps), batch=batch, key=key, dedupe=dedupe, lane=lane)

    def deed_job(self, deeds: Sequence[Deed]) -> Job:
        """A job that does (or finishes) one group of deeds: all it needs is in the ledger."""
        main = next((one for one in deeds if one.role == "main"), deeds[0])
        item = Item(
            main.source,
            tuple(one.source for one in deeds if one is not main),
            source="import",
            move=main.verb == "move",
            batch=main.batch,
            id=record_id(main.sha256) if main.sha256 else "",
            digests={"sha256": main.sha256},
            deeds=tuple(one.id for one in deeds),
        )
        return self.job(item, ("file",), main.batch)

    # --------------------------------------------------------------------------------------------------------------- routes

    def keep(self, source: str, steps: Sequence[str], found: Batch) -> int:
        """Turn what a source found into jobs and keep both with its memory, in one transaction. How many jobs.

        The folders a move may empty are written into the ledger first, with the times they have now.
        """
        if found.refused is not None:
            self.log.warning("refused", place=found.refused.place, why=found.refused.why, confirm=found.refused.id)
        if found.well:
            self.log.info("nothing is refused any more", source=source)
        items = [one.item for one in found.events if one.what == "arrived"]
        if not items:
            self.memory(source).commit(found, ())
            self._tell(source, found, ())
            return 0
        batch = self.begin(f"watch {source}")
        items = [replace(one, batch=batch, source=source) for one in items]
        self._remember_folders(batch, [one for one in items if one.move])
        jobs = [self.job(one, steps, batch) for one in items]
        self.memory(source).commit(found, [*jobs, self.closing(batch)])
        self._brought.setdefault(source, []).append(batch)
        self._tell(source, found, items)
        return len(jobs)

    def unfinished(self, source: str) -> int:
        """How many jobs of what a source brought since the start wait for a worker or run. To be asked by the thread that keeps."""
        left = {batch: self.queue.pending(batch).active for batch in self._brought.get(source, ())}
        self._brought[source] = [batch for batch, active in left.items() if active]
        return sum(left.values())

    def _told(self, tell: Callable[..., object], what: str, item: Item, **more: object) -> None:
        """One line about an item, counted for its source."""
        tell(what, **_named(item), **more)
        self.count(item.source, what)

    def _tell(self, source: str, found: Batch, items: Sequence[Item]) -> None:
        """What was kept just now, one line a file."""
        for one in items:
            companions = {"companions": [ref.name for ref in one.companions]} if one.companions else {}
            self._told(self.log.info, "arrived", one, **companions)
        for event in found.events:
            if event.what == "gone":
                self._told(self.log.info, "gone", replace(event.item, source=source), why="missing in two looks")
        for seen in found.seen:
            if seen.state in ("aside", "listed"):
                tell = self.log.warning if seen.state == "aside" else self.log.info
                tell("set aside", file=seen.path, source=source, why=seen.why)
                self.count(source, "set aside")

    def _remember_folders(self, batch: BatchId, items: Sequence[Item]) -> None:
        wanted: dict[tuple[str, str], Ref] = {}
        for item in items:
            folder = item.main.folder
            while item.root and len(folder) > len(item.root) and (item.main.store, folder) not in wanted:
                ref = folder_ref(self.stores[item.main.store], folder)
                if ref is not None:
                    wanted[item.main.store, folder] = ref
                folder = folder.rpartition("/")[0]
        self.deeds.remember_folders(batch, list(wanted.values()))


def _named(item: Item) -> dict[str, str]:
    """What every line about an item says of it, as far as it is known."""
    known = {"file": shown(item.main) if item.main.path else "", "source": item.source, "batch": item.batch, "id": item.id}
    return {key: text for key, text in known.items() if text}


def _refs(item: Item) -> Sequence[Ref]:
    return (item.main, *item.companions)


def folder_ref(store: Store, path: str) -> Ref | None:
    """A folder's mode and times, None where the store has no folders or this one is gone."""
    if not isinstance(store, Folders):
        return None
    try:
        return store.folder(path)
    except NotFound:
        return None


def below(item: Item, ref: Ref) -> str:
    """The path a source remembers: relative to its folder."""
    inside = item.root.rstrip("/") + "/"
    return ref.path[len(inside) :].lstrip("/") if item.root and ref.path.startswith(inside) else ref.path
