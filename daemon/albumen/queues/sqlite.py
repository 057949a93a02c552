"""The embedded queue: jobs, circuits and what sources have seen, in one SQLite file (``state.db``), shared by threads and processes.

Measured shape (engines page, "Embedded queue design that passed"): one table, partial indexes, claims by lease, acknowledgements
fenced by owner and claim number. ``state.db`` may be deleted: the next scan finds what is undone.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Literal

from albumen.errors import NotFound
from albumen.model import BatchId, Circuit, DeadJob, Job, Outcome, Page, Pending, QueueStats
from albumen.owners import Owners
from albumen.ports import Memory, Scratch
from albumen.queues.circuits import REST, SECOND, Rest, stale
from albumen.queues.jobs import Jobs, open_circuit
from albumen.queues.rows import INSERT, LATER, READY, RUNNING, SCHEMA, STATES, job_of, pack, row, unpack
from albumen.queues.scratch import SqliteScratch
from albumen.queues.seen import SqliteMemory
from albumen.queues.workers import Workers
from albumen.sqlite import Database, no_remedy

_PAGE = 100
# A delayed job whose time has come counts as ready, even before a minder says so.
_PENDING = """
SELECT CASE WHEN state=2 AND circuit=x'' AND due<=:now THEN 0 ELSE state END AS now_state, count(*)
FROM job WHERE batch=:batch AND state<3 GROUP BY now_state
"""
_REASONS = """
SELECT DISTINCT why FROM job WHERE batch=:batch AND state<3 AND state=2 AND why<>x'' AND NOT (circuit=x'' AND due<=:now)
ORDER BY why LIMIT 20
"""
_RETRY = "SELECT min(due) FROM job WHERE batch=:batch AND state<3 AND state=2 AND circuit=x'' AND due>:now"
_STATS = (  # one query per state: each is counted in its own partial index, without reading the jobs
    "SELECT lane, 0, count(*), min(due) FROM job WHERE state=0 GROUP BY lane",
    "SELECT lane, 1, count(*), 0 FROM job WHERE state=1 GROUP BY lane",
    "SELECT lane, 2*(circuit<>x'' OR due>:now) AS now_state, count(*), min(due) FROM job WHERE state=2 GROUP BY lane, now_state",
    "SELECT lane, 3, count(*), 0 FROM job WHERE state=3 GROUP BY lane",
)
_DEAD = """
SELECT due, why, id, item, steps, batch, key, dedupe, priority, place, lane, tries
FROM job WHERE state=3 AND (due, id)>(?, ?) ORDER BY due, id LIMIT ?
"""
_AGAIN = "UPDATE OR IGNORE job SET state=0, due=?, tries=0, why=x'', circuit=x'' WHERE id=? AND state=3"
_DROP = "DELETE FROM job WHERE id=? AND state=3"
_CIRCUITS = "SELECT place, why, since, until, failures, auth FROM circuit WHERE closed=0 ORDER BY place"
_CLOSE = "UPDATE circuit SET closed=? WHERE place=? AND closed=0"
_HURRY = "UPDATE circuit SET until=0 WHERE place=? AND closed=0"
_UNPARK = "UPDATE job SET state=0, due=? WHERE state=2 AND circuit<>x'' AND circuit=?"


class SqliteQueue:
    """Ports ``Queue`` and ``Circuits``; ``memory`` gives each source its ``Memory`` on the same file.

    ``lease`` is how many seconds a job stays with an owner that stopped answering; a dead owner's jobs are delivered again within
    about a second. ``places`` are the hosts this process is: jobs of other places are left alone. ``poll`` is how often, in
    seconds, jobs of other processes are looked for while workers are idle; ``beat`` is called each time. ``rest`` is how long
    closed places are left alone.
    """

    def __init__(
        self,
        path: str,
        owners: Owners,
        *,
        clock: Callable[[], int] = time.time_ns,
        lease: float = 30.0,
        places: Set[str] = frozenset({""}),
        poll: float = 0.5,
        remedy: Callable[[], str] = no_remedy,
        beat: Callable[[], None] = lambda: None,
        rest: Rest = REST,
    ) -> None:
        self._db = Database(path, SCHEMA, anew=True, remedy=remedy)
        self._clock = clock
        self._jobs = Jobs(self._db, owners, clock, lease, places, rest)
        self._rest = rest
        self._poll = poll
        self._beat = beat
        self._tend = min(2 * poll, lease / 4)
        self._workers: Workers | None = None

    def shutdown(self) -> None:
        """Stop without waiting and close the file. Twice is harmless. (``close`` closes a circuit.)"""
        self.stop(0.0)
        self._db.close()

    def checkpoint(self) -> int:
        """See ``Database.checkpoint``."""
        return self._db.checkpoint()

    def memory(self, source: str) -> Memory:
        """What the source of that name has seen."""
        return SqliteMemory(self._db, source, self._clock, self._nudge)

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""
        return SqliteScratch(self._db, drawer)

    # --------------------------------------------------------------------------------------------------------------- Queue

    def put(self, jobs: Sequence[Job], *, delay: float = 0.0) -> None:
        """Durable, all or none. A job whose dedupe is already waiting is swallowed; the one that waits keeps the higher priority
        and the earlier time of both."""
        if not jobs:
            return
        due = self._clock() + round(max(delay, 0.0) * SECOND)
        rows = [row(job, due, later=delay > 0) for job in jobs]
        self._db.write(lambda connection: connection.executemany(INSERT, rows))
        self._nudge()

    def start(self, handle: Callable[[Job], Outcome], *, workers: Mapping[str, int]) -> None:
        """Begin to deliver, with that many threads per lane; returns at once. ``RuntimeError`` when it delivers already."""
        if self._workers is not None and not self._workers.stopping:
            raise RuntimeError("this queue delivers already: stop it first")
        self._workers = Workers(self._jobs, handle, workers, poll=self._poll, tend=self._tend, beat=self._beat)
        self._workers.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Take no new job, finish what runs. What still runs after ``timeout`` seconds may still be acknowledged; it is delivered
        again when its lease has run out, or at once when this process ends. Called again, it waits again for what still runs."""
        if self._workers is not None:
            self._workers.stop(timeout)

    def stuck(self, limit: float) -> Sequence[Job]:
        """See ``ports.Minds``."""
        return self._workers.stuck(limit) if self._workers is not None else ()

    def give_up(self, job: Job, outcome: Outcome) -> bool:
        """See ``ports.Minds``."""
        return self._workers is not None and self._workers.give_up(job.id, outcome)

    def pending(self, batch: BatchId) -> Pending:
        """Unfinished jobs of a batch, as of one moment."""
        now: dict[str, Any] = {"batch": batch, "now": self._clock()}
        with self._db.read() as connection:
            connection.execute("BEGIN")
            counts = dict(connection.execute(_PENDING, now).fetchall())
            reasons = [unpack(why) for (why,) in connection.execute(_REASONS, now)] if counts.get(LATER) else []
            (due,) = connection.execute(_RETRY, now).fetchone() if counts.get(LATER) else (None,)
        return Pending(
            ready=counts.get(READY, 0),
            running=counts.get(RUNNING, 0),
            later=counts.get(LATER, 0),
            reasons=tuple(reasons),
            next=None if due is None else (due - now["now"]) / SECOND,
        )

    def stats(self) -> QueueStats:
        """Numbers for status and metrics, as of one moment."""
        now = self._clock()
        counts: dict[tuple[str, str], int] = {}
        oldest: dict[str, float] = {}
        with self._db.read() as connection:
            connection.execute("BEGIN")
            for sql in _STATS:
                for lane, state, count, due in connection.execute(sql, {"now": now}):
                    key = (lane, STATES[state])
                    counts[key] = counts.get(key, 0) + count
                    if state == READY:
                        oldest[lane] = max(oldest.get(lane, 0.0), (now - due) / SECOND)
        return QueueStats(counts, oldest)

    def dead(self, after: str = "") -> Page[DeadJob]:
        """Buried jobs, those buried first come first, 100 a page."""
        at, _, id = after.partition(".")
        rows = self._db.rows(_DEAD, (_number(at), _number(id), _PAGE + 1))
        found = tuple(DeadJob(job_of(tuple(values)), unpack(why), due) for due, why, *values in rows[:_PAGE])
        return Page(found, f"{found[-1].at}.{found[-1].job.id}" if len(rows) > _PAGE else "")

    def resolve(self, id: str, what: Literal["again", "drop"]) -> None:
        """Answer a dead job: tried from the beginning (unless its twin waits already), or forgotten. ``NotFound``."""
        number = _number(id)

        def work(connection: sqlite3.Connection) -> bool:
            if what == "again" and connection.execute(_AGAIN, (self._clock(), number)).rowcount:
                return True
            return connection.execute(_DROP, (number,)).rowcount > 0

        if not self._db.write(work):
            raise NotFound(f"no buried job has the number {id}: `queue dead` lists them")
        self._nudge()

    # ------------------------------------------------------------------------------------------------------------ Circuits

    def circuits(self) -> Sequence[Circuit]:
        """All that are open, by place."""
        rows = self._db.rows(_CIRCUITS)
        return tuple(
            Circuit(unpack(place), unpack(why), since, until, failures, bool(auth))
            for place, why, since, until, failures, auth in rows
        )

    def reopen(self, place: str, why: str, *, retry_after: float | None = None, auth: bool = False) -> None:
        """A probe failed: closed for longer (1 s doubling to 10 min), at least for ``retry_after`` seconds; for an hour (``auth``)."""
        now = self._clock()
        how: dict[str, Any] = {"retry_after": retry_after, "probed": True, "auth": auth, "rest": self._rest}
        self._db.write(lambda connection: open_circuit(connection, place, why, now, **how))

    def hurry(self, place: str) -> None:
        """It is probed at the next turn of whoever does."""
        self._db.write(lambda connection: connection.execute(_HURRY, (pack(place),)))

    def close(self, place: str) -> None:
        """The place works again: its jobs are ready now. Twice is harmless."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_CLOSE, (now, pack(place)))
            closed = connection.execute("SELECT place, closed FROM circuit WHERE closed>0").fetchall()
            connection.executemany("DELETE FROM circuit WHERE place=?", [(old,) for old, at in closed if stale(at, now)])
            connection.execute(_UNPARK, (now, pack(place)))

        self._db.write(work)
        self._nudge()

    def _nudge(self) -> None:
        if self._workers is not None:
            self._workers.nudge()


def _number(text: str) -> int:
    """A row number or time as a person or a cursor gives it; -1, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else -1
