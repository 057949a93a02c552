"""The table ``job`` as workers use it: claim, acknowledge, make due, redeliver. Each method is one write transaction."""

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from functools import partial
from typing import Any

from albumen.model import Buried, Circuit, Done, Later, Outcome, Waiting
from albumen.owners import Owners
from albumen.queues.circuits import REST, SECOND, Rest, opened
from albumen.queues.rows import INSERT, LATER, READY, job_of, pack, row
from albumen.queues.workers import Lease, Look
from albumen.sqlite import Database

# Free to be claimed: of its key none runs and none waits that came earlier. A waiting retry (state 2) blocks nobody.
# The terms key<>x'' AND state<2 repeat those of the partial index job_key: SQLite uses it only then.
_NEXT = """
SELECT claim, id, item, steps, batch, key, dedupe, priority, place, lane, tries
FROM job AS j WHERE j.state=0 AND j.lane=? AND j.place IN (SELECT value FROM json_each(?)) AND (j.key=x'' OR (
  NOT EXISTS (SELECT 1 FROM job AS r WHERE r.key<>x'' AND r.state<2 AND r.key=j.key AND r.state=1)
  AND NOT EXISTS (SELECT 1 FROM job AS e WHERE e.key<>x'' AND e.state<2 AND e.key=j.key AND e.state=0 AND e.id<j.id)))
ORDER BY j.priority DESC, j.id LIMIT ?
"""
_CLAIM = "UPDATE job SET state=1, claim=claim+1, token=?, lease=? WHERE id=?"
_EXTEND = "UPDATE job SET lease=? WHERE id=? AND state=1 AND token=? AND claim=?"
_END = "DELETE FROM job WHERE id=? AND state=1 AND token=? AND claim=?"
_BURY = "UPDATE job SET state=3, due=?, why=?, token='', lease=0 WHERE id=? AND state=1 AND token=? AND claim=?"
_BACK = """
UPDATE OR IGNORE job SET state=?, due=?, why=?, circuit=?, tries=tries+?, token='', lease=0
WHERE id=? AND state=1 AND token=? AND claim=?
"""
_FIRST_DUE = "SELECT min(due) FROM job WHERE state=2 AND circuit=x''"
_MAKE_DUE = "UPDATE job SET state=0 WHERE state=2 AND circuit=x'' AND due<=?"
_FALL = """
UPDATE OR IGNORE job SET state=0, token='', lease=0
WHERE state=1 AND (lease<:now OR token IN (SELECT value FROM json_each(:dead)))
"""
_FALL_ON_TWIN = "DELETE FROM job WHERE state=1 AND (lease<:now OR token IN (SELECT value FROM json_each(:dead)))"
_CIRCUIT = "SELECT since, until, failures, auth, closed FROM circuit WHERE place=?"
_OPEN = "INSERT OR REPLACE INTO circuit(place, why, since, until, failures, auth, closed) VALUES(?,?,?,?,?,?,0)"
_PARK = "UPDATE job SET state=2, why=? WHERE state=0 AND circuit<>x'' AND circuit=?"


class Jobs:
    """The ``Engine`` of ``SqliteQueue``."""

    def __init__(
        self, db: Database, owners: Owners, clock: Callable[[], int], lease: float, places: Set[str], rest: Rest = REST
    ) -> None:
        self._rest = rest
        self._db = db
        self._owners = owners
        self._clock = clock
        self._lease = round(lease * SECOND)
        self._places = json.dumps(sorted(places))

    # -------------------------------------------------------------------------------------------------------------- claims

    def take(self, lane: str) -> Lease | None:
        """Claim the next job of a lane."""
        now = self._clock()
        return _leased(self._db.write(lambda connection: self._claim(connection, lane, now), durable=False))

    def finish(self, lease: Lease, outcome: Outcome, lane: str | None) -> tuple[bool, Lease | None]:
        """Apply an outcome and claim the next job, in one transaction."""
        now = self._clock()
        following = [row(job, now, later=False) for job in outcome.next] if isinstance(outcome, Done) else []

        def work(connection: sqlite3.Connection) -> tuple[bool, Any]:
            kept = self._apply(connection, lease, outcome, following, now)
            return kept, self._claim(connection, lane, now) if lane is not None else None

        kept, found = self._db.write(work, durable=False)  # forgotten by a power cut, the job is delivered again
        return kept, _leased(found)

    def _claim(self, connection: sqlite3.Connection, lane: str, now: int) -> Any:
        found = connection.execute(_NEXT, (lane, self._places, 1)).fetchone()
        if found is not None:
            connection.execute(_CLAIM, (self._owners.me, now + self._lease, found[1]))
            return self._db.generation, *found
        return None

    # ------------------------------------------------------------------------------------------------------------ outcomes

    def _apply(self, connection: sqlite3.Connection, lease: Lease, outcome: Outcome, following: Sequence[Any], now: int) -> bool:
        if lease.file != self._db.generation:
            return False
        mine = (lease.id, self._owners.me, lease.number)
        match outcome:
            case Done():
                kept = connection.execute(_END, mine).rowcount > 0
                if kept:
                    connection.executemany(INSERT, following)
            case Later(delay, why, counted):
                state, due = (LATER, now + round(delay * SECOND)) if delay > 0 else (READY, now)
                kept = _back(connection, mine, state, due, why, counted=counted)
            case Waiting(place, why, retry_after, auth):
                kept = _back(connection, mine, LATER, now, why, circuit=place)
                if kept:
                    open_circuit(connection, place, why, now, retry_after=retry_after, probed=False, auth=auth, rest=self._rest)
            case Buried(why):
                kept = connection.execute(_BURY, (now, pack(why), *mine)).rowcount > 0
            case _:
                raise TypeError(f"a handler of jobs returned {outcome!r}, which is no outcome")
        return kept

    # ------------------------------------------------------------------------------------------------------------ the minder

    def look(self, idle: Mapping[str, int]) -> Look:
        """Make due what waited long enough, then count what idle workers could claim."""
        now = self._clock()
        ((due,),) = self._db.rows(_FIRST_DUE)
        if due is not None and due <= now:
            self._db.write(lambda connection: connection.execute(_MAKE_DUE, (now,)))
            ((due,),) = self._db.rows(_FIRST_DUE)
        free = {lane: len(self._db.rows(_NEXT, (lane, self._places, count))) for lane, count in idle.items() if count}
        return Look(free, None if due is None else max(0.0, (due - now) / SECOND))

    def tend(self, running: Collection[Lease]) -> None:
        """Extend these leases, then redeliver what ran out or belongs to a dead owner."""
        now, me = self._clock(), self._owners.me
        ends = dict(self._db.rows("SELECT token, min(lease) FROM job WHERE state=1 GROUP BY token"))
        extend = running and ends.get(me, now) < now + self._lease * 2 // 3
        dead = [token for token in ends if token in self._owners]
        if not (extend or dead or any(end < now for end in ends.values())):
            return

        def work(connection: sqlite3.Connection) -> None:
            if extend:
                mine = [(now + self._lease, lease.id, me, lease.number) for lease in running if lease.file == self._db.generation]
                connection.executemany(_EXTEND, mine)
            fallen = {"now": now, "dead": json.dumps(dead)}
            connection.execute(_FALL, fallen)
            connection.execute(_FALL_ON_TWIN, fallen)  # those still there: their twins wait already

        self._db.write(work)


def open_circuit(
    connection: sqlite3.Connection,
    place: str,
    why: str,
    now: int,
    *,
    retry_after: float | None,
    probed: bool,
    auth: bool,
    rest: Rest,
) -> None:
    """Open a place's circuit, or keep it open, and park the ready jobs that waited for this place before."""
    found = connection.execute(_CIRCUIT, (pack(place),)).fetchone()
    known, closed = None, 0
    if found:
        since, until, failures, locked, closed = found
        known = Circuit(place, "", since, until, failures, bool(locked))
    circuit = opened(known, closed, place, why, now, retry_after=retry_after, probed=probed, auth=auth, rest=rest)
    connection.execute(_OPEN, (pack(place), pack(why), circuit.since, circuit.until, circuit.failures, circuit.auth))
    connection.execute(_PARK, (pack(why), pack(place)))


def _back(
    connection: sqlite3.Connection,
    mine: tuple[int, str, int],
    state: int,
    due: int,
    why: str,
    *,
    circuit: str = "",
    counted: bool = False,
) -> bool:
    """A running job waits again; where its twin waits already, the twin stays and the running row goes."""
    if connection.execute(_BACK, (state, due, pack(why), pack(circuit), int(counted), *mine)).rowcount:
        return True
    return connection.execute(_END, mine).rowcount > 0


def _leased(found: Any) -> Lease | None:
    if found is None:
        return None
    file, claim, *values = found
    return Lease(values[0], claim + 1, values[-1], partial(job_of, tuple(values)), file)
