"""A queue, its circuits and the memory of sources, kept in memory: the same behaviour as the embedded one, without a file."""

import os
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Literal

from albumen.errors import NotFound
from albumen.jsonable import dumps, loads
from albumen.model import (
    REFUSED,
    Batch,
    BatchId,
    Circuit,
    DeadJob,
    Job,
    Outcome,
    Owner,
    Page,
    Pending,
    QueueStats,
    Refused,
    Seen,
)
from albumen.ports import Memory, Scratch
from albumen.queues.circuits import SECOND
from albumen.queues.workers import Workers
from albumen.testing.memory_jobs import MemoryEngine, MemoryJobs, Row

_PAGE = 100


class MemoryQueue:
    """Ports ``Queue`` and ``Circuits``, and ``memory`` for sources. ``dead`` tells which owners of other queues on the same
    ``jobs`` are dead; the other arguments are those of ``SqliteQueue``."""

    def __init__(
        self,
        jobs: MemoryJobs | None = None,
        *,
        me: Owner = "me",
        dead: Container[Owner] = frozenset(),
        clock: Callable[[], int] = time.time_ns,
        lease: float = 30.0,
        places: Set[str] = frozenset({""}),
        poll: float = 0.05,
    ) -> None:
        self._jobs = jobs or MemoryJobs()
        self._clock = clock
        self._engine = MemoryEngine(self._jobs, me, dead, clock, lease, places)
        self._poll = poll
        self._workers: Workers | None = None

    def shutdown(self) -> None:
        """Stop without waiting. Twice is harmless."""
        self.stop(0.0)

    def memory(self, source: str) -> Memory:
        """What the source of that name has seen."""
        return MemoryMemory(self._jobs, source, clock=self._clock, kept=self._nudge)

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""
        return MemoryScratch(self._jobs, drawer)

    def put(self, jobs: Sequence[Job], *, delay: float = 0.0) -> None:
        """All or none; twins are swallowed."""
        with self._jobs.guard:
            now = self._clock()
            self._jobs.insert(jobs, now, now + round(max(delay, 0.0) * SECOND))
        self._nudge()

    def start(self, handle: Callable[[Job], Outcome], *, workers: Mapping[str, int]) -> None:
        """Begin to deliver; returns at once. ``RuntimeError`` when it delivers already."""
        if self._workers is not None and not self._workers.stopping:
            raise RuntimeError("this queue delivers already: stop it first")
        self._workers = Workers(self._engine, handle, workers, poll=self._poll, tend=self._poll)
        self._workers.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Take no new job, finish what runs. Called again, it waits again for what still runs."""
        if self._workers is not None:
            self._workers.stop(timeout)

    def stuck(self, limit: float) -> Sequence[Job]:
        """See ``ports.Minds``."""
        return self._workers.stuck(limit) if self._workers is not None else ()

    def give_up(self, job: Job, outcome: Outcome) -> bool:
        """See ``ports.Minds``."""
        return self._workers is not None and self._workers.give_up(job.id, outcome)

    def pending(self, batch: BatchId) -> Pending:
        """Unfinished jobs of a batch."""
        with self._jobs.guard:
            now = self._clock()
            rows = [row for row in self._jobs.rows.values() if row.job.batch == batch]
            counts = Counter(row.now(now) for row in rows)
            reasons = sorted({row.why for row in rows if row.now(now) == "later" and row.why})
            dues = [row.due for row in rows if row.now(now) == "later" and not row.circuit]
        soonest = (min(dues) - now) / SECOND if dues else None
        return Pending(counts["ready"], counts["running"], counts["later"], tuple(reasons[:20]), soonest)

    def stats(self) -> QueueStats:
        """Numbers for status and metrics."""
        with self._jobs.guard:
            now = self._clock()
            rows = list(self._jobs.rows.values())
            counts = Counter((row.job.lane, row.now(now)) for row in rows)
            oldest: dict[str, float] = {}
            for row in rows:
                if row.now(now) == "ready":
                    oldest[row.job.lane] = max(oldest.get(row.job.lane, 0.0), (now - row.due) / SECOND)
        return QueueStats(counts, oldest)

    def dead(self, after: str = "") -> Page[DeadJob]:
        """Buried jobs, those buried first come first, 100 a page."""
        with self._jobs.guard:
            rows = sorted((row.due, id, row) for id, row in self._jobs.rows.items() if row.state == "dead")
        at, _, number = after.partition(".")
        rows = [one for one in rows if not after or one[:2] > (int(at), int(number))]
        found = tuple(DeadJob(row.job, row.why, due) for due, _, row in rows[:_PAGE])
        return Page(found, f"{found[-1].at}.{found[-1].job.id}" if len(rows) > _PAGE else "")

    def resolve(self, id: str, what: Literal["again", "drop"]) -> None:
        """Answer a dead job. ``NotFound``."""
        with self._jobs.guard:
            number = next((number for number, row in self._jobs.rows.items() if row.job.id == id and row.state == "dead"), None)
            if number is None:
                raise NotFound(f"no buried job has the number {id}: `queue dead` lists them")
            row = self._jobs.rows[number]
            if what == "again":
                self._jobs.back(number, Row(replace(row.job, tries=0), "ready", self._clock(), claim=row.claim))
            else:
                del self._jobs.rows[number]
        self._nudge()

    def circuits(self) -> Sequence[Circuit]:
        """All that are open, by place."""
        with self._jobs.guard:
            return tuple(circuit for _, (circuit, closed) in sorted(self._jobs.circuits.items()) if not closed)

    def reopen(self, place: str, why: str, *, retry_after: float | None = None, auth: bool = False) -> None:
        """A probe failed: closed for longer (1 s doubling to 10 min), for an hour where it refused our secret."""
        with self._jobs.guard:
            self._jobs.open(place, why, self._clock(), retry_after, probed=True, auth=auth)

    def hurry(self, place: str) -> None:
        """It is probed at the next turn of whoever does."""
        with self._jobs.guard:
            if place in self._jobs.circuits and not self._jobs.circuits[place][1]:
                self._jobs.circuits[place] = (replace(self._jobs.circuits[place][0], until=0), 0)

    def close(self, place: str) -> None:
        """The place works again: its jobs are ready now. Twice is harmless."""
        with self._jobs.guard:
            now = self._clock()
            if place in self._jobs.circuits and not self._jobs.circuits[place][1]:
                self._jobs.circuits[place] = (self._jobs.circuits[place][0], now)
            for row in self._jobs.rows.values():
                if row.state == "later" and row.circuit == place:
                    row.state, row.due = "ready", now
        self._nudge()

    def _nudge(self) -> None:
        if self._workers is not None:
            self._workers.nudge()


class MemoryMemory:
    """Port ``Memory`` in memory, alone or (``jobs``) beside the jobs of a ``MemoryQueue``."""

    def __init__(
        self,
        jobs: MemoryJobs | None = None,
        source: str = "source",
        *,
        clock: Callable[[], int] = time.time_ns,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        self._jobs = jobs or MemoryJobs()
        self._source = source
        self._clock = clock
        self._kept = kept

    @property
    def jobs(self) -> Sequence[Job]:
        """The jobs kept so far and not done, oldest first: what a test of a source looks at."""
        with self._jobs.guard:
            return tuple(row.job for _, row in sorted(self._jobs.rows.items()))

    def cursor(self) -> str:
        """The last kept cursor; "" at first."""
        with self._jobs.guard:
            return self._jobs.cursors.get(self._source, "")

    def get(self, paths: Iterable[str]) -> Mapping[str, Seen]:
        """What is remembered of these paths; unknown ones are left out."""
        wanted = list(paths)
        with self._jobs.guard:
            seen = self._jobs.seen.get(self._source, {})
            return {path: seen[path] for path in wanted if path in seen}

    def all(self, prefix: str = "") -> Iterator[Seen]:
        """Everything under a folder ("" = all), sorted by path as bytes."""
        with self._jobs.guard:
            seen = list(self._jobs.seen.get(self._source, {}).values())
        inside = (one for one in seen if not prefix or one.path.startswith(f"{prefix}/"))
        yield from sorted(inside, key=lambda one: os.fsencode(one.path))

    def set_aside(self) -> Sequence[Seen]:
        """Those whose state is "aside" or "listed", sorted by path as bytes."""
        return tuple(one for one in self.all() if one.state in ("aside", "listed"))

    def refused(self) -> Refused | None:
        """What is refused at this source; None when nothing is."""
        with self._jobs.guard:
            text = self._jobs.scratch.get(REFUSED, {}).get(f"source {self._source}")
        return loads(Refused, text) if text else None

    def changes(self) -> int:
        """Counted up by each commit."""
        with self._jobs.guard:
            return self._jobs.changes.get(self._source, 0)

    def commit(self, batch: Batch, jobs: Sequence[Job]) -> None:
        """Keep a batch and the jobs it stands for, all or nothing. A path both forgotten and seen is seen."""
        with self._jobs.guard:
            now = self._clock()
            self._jobs.insert(jobs, now, now)
            seen = self._jobs.seen.setdefault(self._source, {})
            for path in batch.forget:
                seen.pop(path, None)
            seen.update({one.path: one for one in batch.seen})
            self._jobs.changes[self._source] = self._jobs.changes.get(self._source, now) + 1
            if batch.cursor is not None:
                self._jobs.cursors[self._source] = batch.cursor
            if batch.refused is not None or batch.well:
                drawer = MemoryScratch(self._jobs, REFUSED)
                drawer.put(f"source {self._source}", dumps(batch.refused) if batch.refused else "")
        self._kept()


class MemoryScratch:
    """Port ``Scratch``, for one drawer."""

    def __init__(self, jobs: MemoryJobs, drawer: str) -> None:
        self._jobs = jobs
        self._drawer = drawer

    def all(self) -> Mapping[str, str]:
        """Everything in it, sorted by key."""
        with self._jobs.guard:
            return dict(sorted(self._jobs.scratch.get(self._drawer, {}).items()))

    def put(self, key: str, text: str) -> None:
        """Keep a text under a key; "" takes the key away."""
        with self._jobs.guard:
            drawer = self._jobs.scratch.setdefault(self._drawer, {})
            if text:
                drawer[key] = text
            else:
                drawer.pop(key, None)
