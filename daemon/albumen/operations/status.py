"""``status``: is all well, and if not, why not; the numbers; and the answers to what failed."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from albumen.alive import Daemon
from albumen.deeds.desk import shown
from albumen.errors import NotFound, Unavailable
from albumen.model import CATALOG, DISK, Batch, Circuit, Query, Refused
from albumen.operations import timetable
from albumen.operations.history import BatchRow, batch_row
from albumen.operations.notifying import Receiver
from albumen.operations.problems import Asked, Problem, StatusQueue, interrupted, problems
from albumen.operations.refusing import Refusals
from albumen.operations.timetable import Timed
from albumen.operations.working import Working
from albumen.ports import Catalog, Pings, Queue

__all__ = ["Aside", "Failed", "Status", "asides", "counts", "failures", "look", "resolve"]


@dataclass(frozen=True, slots=True)
class Failed:
    """A dead job: ``file`` as a person writes it, ``at`` in ns."""

    id: str
    file: str
    why: str
    at: int
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """A file that a source left where it is, with the reason. ``id`` is "" when nobody needs to answer."""

    source: str
    path: str
    why: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """No ``problems`` = all is well. ``copies``: records per store; ``history``: records that lie nowhere; these and ``records`` are
    None while the catalog cannot be asked. ``asks`` are files set
    aside that nobody answered, ``listed`` those left where they are; ``clock`` is what runs by the clock, ``told`` who gets a word."""

    problems: tuple[Problem, ...]
    records: int | None
    copies: Mapping[str, int] | None
    history: int | None
    queue: Mapping[str, int]
    failed: tuple[Failed, ...] = ()
    asks: tuple[Aside, ...] = ()
    listed: tuple[Aside, ...] = ()
    circuits: tuple[Circuit, ...] = ()
    refused: tuple[Refused, ...] = ()
    interrupted: tuple[BatchRow, ...] = ()
    clock: tuple[Timed, ...] = ()
    told: tuple[Receiver, ...] = ()
    daemon: Daemon | None = None


def look(catalog: Catalog, asked: Asked, daemon: Daemon | None, now: int, told: Sequence[Receiver] = ()) -> Status:
    """Everything at once; ``now`` in ns."""
    aside = asides(asked.queue, asked.sources)
    found = problems(asked, daemon, now)
    records, copies, history = _numbers(catalog, [name for name in asked.stores if name != DISK], found)
    return Status(
        problems=found,
        records=records,
        copies=copies,
        history=history,
        queue=counts(asked.queue),
        failed=failures(asked.queue),
        asks=tuple(one for one in aside if one.id),
        listed=tuple(one for one in aside if not one.id),
        circuits=tuple(asked.queue.circuits()),
        refused=Refusals(asked.queue, catalog, asked.stores, asked.sources).all(now),
        interrupted=tuple(batch_row(one) for one in interrupted(asked.ledger, asked.dead)),
        clock=tuple(timetable.remembered(asked.queue.scratch(timetable.DRAWER))),
        told=tuple(told),
        daemon=daemon,
    )


def _numbers(
    catalog: Catalog, stores: Sequence[str], found: Sequence[Problem]
) -> tuple[int | None, Mapping[str, int] | None, int | None]:
    """Records, those in each store, and those in none; nothing where it was found that the catalog is away: asking costs a time out."""
    if isinstance(catalog, Pings) and any(one.cause == f"database {CATALOG}" for one in found):
        return None, None, None
    try:
        return (
            catalog.count(Query()).get("", 0),
            {name: catalog.count(Query(marks=(name,))).get("", 0) for name in stores},
            catalog.count(Query(marks=tuple(f"-{name}" for name in stores))).get("", 0),
        )
    except Unavailable:  # since it was asked
        return None, None, None


def failures(queue: Queue) -> tuple[Failed, ...]:
    """All dead jobs, oldest first."""
    found: list[Failed] = []
    after = ""
    while True:
        page = queue.dead(after)
        found += [Failed(one.job.id, shown(one.job.item.main), one.why, one.at, one.job.batch) for one in page.rows]
        after = page.after
        if not after:
            return tuple(found)


def asides(queue: StatusQueue, sources: Sequence[str]) -> tuple[Aside, ...]:
    """All files set aside or listed, by source and path."""
    return tuple(
        Aside(name, one.path, one.why, _aside_id(name, one.path) if one.state == "aside" else "")
        for name in sources
        for one in queue.memory(name).set_aside()
    )


def resolve(queue: StatusQueue, sources: Sequence[str], ids: Sequence[str], working: Working, *, again: bool) -> list[Failed]:
    """Answer dead jobs, and files set aside. Jobs to be tried again are run until they can go on no more; what is still (or again)
    dead. A file set aside is left until its bytes change or, ``again``, looked at anew when its source walks next.

    ``NotFound`` for an id that is none of them: nothing is answered then.
    """
    jobs = {one.id: one for one in failures(queue)}
    files = {one.id: one for one in asides(queue, sources) if one.id}
    for id in ids:
        if id not in jobs and id not in files:
            raise NotFound(f"{id}: no failed job and no file set aside has this id; albumen queue dead lists them")
    for id in ids:
        if id in files:
            _answer(queue, files[id], again=again)
        else:
            queue.resolve(id, "again" if again else "drop")
    if again and jobs.keys() & ids:
        working.take_over()
        for batch in dict.fromkeys(jobs[id].batch for id in ids if id in jobs):
            working.wait(batch, lambda _now: None)
    return [one for one in failures(queue) if one.id in ids]


def counts(queue: Queue) -> Mapping[str, int]:
    """Jobs per state: ready, running, later, dead."""
    found: dict[str, int] = {}
    for (_, state), number in queue.stats().counts.items():
        found[state] = found.get(state, 0) + number
    return found


def _answer(queue: StatusQueue, file: Aside, *, again: bool) -> None:
    memory = queue.memory(file.source)
    seen = memory.get([file.path]).get(file.path)
    if seen is not None and seen.state == "aside":  # else its source saw other bytes meanwhile
        memory.commit(Batch(forget=(file.path,)) if again else Batch(seen=(replace(seen, state="listed"),)), ())


def _aside_id(source: str, path: str) -> str:
    """Short, the same at every look, and never the number of a job."""
    return "a" + hashlib.sha256(os.fsencode(f"{source}/{path}")).hexdigest()[:10]
