"""The jobs of a ``MemoryQueue``: what the table ``job`` and its statements are to the embedded queue."""

import threading
from collections.abc import Callable, Collection, Container, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from albumen.model import Buried, Circuit, Done, Job, Later, Outcome, Owner, Seen, Waiting
from albumen.queues.circuits import SECOND, opened
from albumen.queues.workers import Lease, Look


@dataclass
class Row:
    """One job and how it stands."""

    job: Job
    state: Literal["ready", "running", "later", "dead"]
    due: int  # ready since · not before · buried at
    circuit: str = ""
    why: str = ""
    token: Owner = ""
    claim: int = 0
    lease: int = 0

    def now(self, now: int) -> str:
        """The state at that time: what was delayed until then is ready."""
        return "ready" if self.state == "later" and not self.circuit and self.due <= now else self.state


@dataclass
class MemoryJobs:
    """What a database file is to the embedded queue: several ``MemoryQueue`` on one of these stand for several processes."""

    rows: dict[int, Row] = field(default_factory=dict)
    circuits: dict[str, tuple[Circuit, int]] = field(default_factory=dict)  # with the time it closed, 0 = open
    seen: dict[str, dict[str, Seen]] = field(default_factory=dict)  # by source
    cursors: dict[str, str] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    scratch: dict[str, dict[str, str]] = field(default_factory=dict)  # by drawer
    guard: threading.RLock = field(default_factory=threading.RLock)
    last: int = 0

    def insert(self, jobs: Sequence[Job], now: int, due: int) -> None:
        """Add jobs, swallowing those whose twin waits."""
        for job in jobs:
            if twin := self.twin(job.dedupe):
                twin.job = replace(twin.job, priority=max(twin.job.priority, job.priority))
                twin.due = min(twin.due, due)
                continue
            self.last += 1
            self.rows[self.last] = Row(replace(job, id=str(self.last)), "later" if due > now else "ready", due)

    def twin(self, dedupe: str) -> Row | None:
        """The job that waits with that dedupe, if any."""
        waiting = (row for row in self.rows.values() if row.state in ("ready", "later") and row.job.dedupe == dedupe)
        return next(waiting, None) if dedupe else None

    def back(self, id: int, row: Row) -> None:
        """A job waits again, as ``row`` says; where its twin waits already, the twin stays and this one goes."""
        if self.twin(row.job.dedupe):
            del self.rows[id]
        else:
            self.rows[id] = row

    def open(self, place: str, why: str, now: int, retry_after: float | None, *, probed: bool, auth: bool = False) -> None:
        """Open a circuit, or keep it open, and park the ready jobs that waited for that place before."""
        known, closed = self.circuits.get(place, (None, 0))
        self.circuits[place] = (opened(known, closed, place, why, now, retry_after=retry_after, probed=probed, auth=auth), 0)
        for row in self.rows.values():
            if row.state == "ready" and row.circuit == place:
                row.state, row.why = "later", why


class MemoryEngine:
    """The ``Engine`` of a ``MemoryQueue``."""

    def __init__(
        self, jobs: MemoryJobs, me: Owner, dead: Container[Owner], clock: Callable[[], int], lease: float, places: Set[str]
    ) -> None:
        self._jobs, self._me, self._dead, self._clock, self._places = jobs, me, dead, clock, places
        self._lease = round(lease * SECOND)

    def take(self, lane: str) -> Lease | None:
        """Claim the next job of a lane."""
        with self._jobs.guard:
            now = self._clock()
            for id in self._free(lane, now)[:1]:
                row = self._jobs.rows[id]
                row.state, row.token, row.lease, row.claim = "running", self._me, now + self._lease, row.claim + 1
                return Lease(id, row.claim, row.job.tries, partial(replace, row.job))
        return None

    def finish(self, lease: Lease, outcome: Outcome, lane: str | None) -> tuple[bool, Lease | None]:
        """Apply an outcome and claim the next job."""
        with self._jobs.guard:
            row = self._jobs.rows.get(lease.id)
            kept = row is not None and self._holds(row, lease)
            if kept and row is not None:
                self._apply(lease.id, row, outcome, self._clock())
            return kept, self.take(lane) if lane is not None else None

    def look(self, idle: Mapping[str, int]) -> Look:
        """Count what idle workers could claim."""
        with self._jobs.guard:
            now = self._clock()
            dues = [row.due for row in self._jobs.rows.values() if row.state == "later" and not row.circuit and row.due > now]
            free = {lane: len(self._free(lane, now)[:count]) for lane, count in idle.items() if count}
            return Look(free, (min(dues) - now) / SECOND if dues else None)

    def tend(self, running: Collection[Lease]) -> None:
        """Extend these leases, then redeliver what ran out or belongs to a dead owner."""
        with self._jobs.guard:
            now = self._clock()
            for lease in running:
                if (row := self._jobs.rows.get(lease.id)) and self._holds(row, lease):
                    row.lease = now + self._lease
            for id, row in list(self._jobs.rows.items()):
                if row.state == "running" and (row.lease < now or (row.token != self._me and row.token in self._dead)):
                    self._jobs.back(id, replace(row, state="ready", token=""))

    def _holds(self, row: Row, lease: Lease) -> bool:
        return row.state == "running" and row.token == self._me and row.claim == lease.number

    def _free(self, lane: str, now: int) -> list[int]:
        rows = self._jobs.rows
        running = {row.job.key for row in rows.values() if row.state == "running" and row.job.key}
        first: dict[str, int] = {}
        for id in sorted(rows):
            if rows[id].now(now) == "ready":
                first.setdefault(rows[id].job.key, id)
        free = [
            id
            for id, row in rows.items()
            if row.now(now) == "ready" and row.job.lane == lane and row.job.place in self._places
            if not row.job.key or (row.job.key not in running and first[row.job.key] == id)
        ]
        return sorted(free, key=lambda one: (-rows[one].job.priority, one))

    def _apply(self, id: int, row: Row, outcome: Outcome, now: int) -> None:
        match outcome:
            case Done(following):
                del self._jobs.rows[id]
                self._jobs.insert(following, now, now)
            case Later(delay, why, counted):
                job = replace(row.job, tries=row.job.tries + int(counted))
                due = now + round(max(delay, 0.0) * SECOND)
                self._jobs.back(id, replace(row, job=job, state="later" if due > now else "ready", due=due, why=why, circuit=""))
            case Waiting(place, why, retry_after, auth):
                self._jobs.back(id, replace(row, state="later", due=now, why=why, circuit=place))
                self._jobs.open(place, why, now, retry_after, probed=False, auth=auth)
            case Buried(why):
                row.state, row.due, row.why = "dead", now, why
            case _:
                raise TypeError(f"a handler of jobs returned {outcome!r}, which is no outcome")
