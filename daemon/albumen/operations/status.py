"""``status``: is all well, and if not, why not. Reads only."""

import json
import os
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from albumen.deeds.desk import shown
from albumen.errors import AlbumenError, NotFound
from albumen.model import DISK, Circuit, Owner, Query, Seen
from albumen.operations.history import BatchRow, batch_row
from albumen.operations.working import Working
from albumen.owners import DAEMON_LOCK
from albumen.ports import Catalog, Circuits, Ledger, Memory, Pings, Queue, Scratch, Store

_STALE = 60.0  # seconds after which a daemon that wrote nothing is not alive


class StatusQueue(Queue, Circuits, Protocol):
    """What is asked of a queue here."""

    def memory(self, source: str) -> Memory:
        """What that source has seen."""

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""


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
    """A file that a source left where it is, with the reason."""

    source: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Daemon:
    """The running daemon: its process id, when it last said something (ns) and what its sources do."""

    pid: str
    at: int
    sources: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Status:
    """``problems`` are sentences, empty = all is well. ``copies``: records per store; ``history``: records that lie nowhere."""

    problems: tuple[str, ...]
    records: int
    copies: Mapping[str, int]
    history: int
    queue: Mapping[str, int]
    failed: tuple[Failed, ...] = ()
    aside: tuple[Aside, ...] = ()
    circuits: tuple[Circuit, ...] = ()
    interrupted: tuple[BatchRow, ...] = ()
    daemon: Daemon | None = None


def look(
    catalog: Catalog,
    ledger: Ledger,
    queue: StatusQueue,
    stores: Mapping[str, Store],
    sources: Sequence[str],
    dead: Container[Owner],
    daemon: Daemon | None,
    now: int,
) -> Status:
    """Everything at once; ``now`` in ns."""
    failed = failures(queue)
    interrupted = tuple(batch_row(one) for one in _open(ledger) if one.owner in dead)
    circuits = tuple(queue.circuits())
    records = catalog.count(Query()).get("", 0)
    return Status(
        problems=tuple(_problems(stores, failed, interrupted, circuits, daemon, now)),
        records=records,
        copies={name: catalog.count(Query(marks=(name,))).get("", 0) for name in stores if name != DISK},
        history=catalog.count(Query(marks=tuple(f"-{name}" for name in stores if name != DISK))).get("", 0),
        queue=counts(queue),
        failed=failed,
        aside=tuple(Aside(name, one.path, one.why) for name in sources for one in _aside(queue.memory(name))),
        circuits=circuits,
        interrupted=interrupted,
        daemon=daemon,
    )


def daemon_of(state: str, file: str, pid: str) -> Daemon | None:
    """What the daemon of that process id says in its ``file`` of the state directory; None without one (``pid`` "").

    One that has said nothing yet moved when it took its lock.
    """
    if not pid:
        return None
    try:
        with open(os.path.join(state, file), encoding="ascii") as stream:
            told = json.load(stream)
        return Daemon(pid, int(told["at"]), tuple(told["sources"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        return Daemon(pid, os.stat(os.path.join(state, DAEMON_LOCK)).st_mtime_ns, ())
    except FileNotFoundError:
        return None


def silence(daemon: Daemon, now: int) -> str:
    """Why the daemon is not alive, "" when it moved in the last minute."""
    seconds = (now - daemon.at) / 1e9
    if seconds <= _STALE:
        return ""
    return f"the daemon (process {daemon.pid}) has not moved for {seconds:.0f} s: look at its log, restart it"


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


def resolve(queue: Queue, ids: Sequence[str], working: Working, *, again: bool) -> list[Failed]:
    """Answer dead jobs; those to be tried again are run until they can go on no more. What is still (or again) dead.

    ``NotFound`` for an id that is none of a dead job: nothing is answered then.
    """
    known = {one.id: one for one in failures(queue)}
    for id in ids:
        if id not in known:
            raise NotFound(f"{id}: no failed job has this id; albumen queue dead lists them")
    for id in ids:
        queue.resolve(id, "again" if again else "drop")
    if again:
        working.take_over()
        for batch in dict.fromkeys(known[id].batch for id in ids):
            working.wait(batch, lambda _now: None)
    return [one for one in failures(queue) if one.id in ids]


def counts(queue: Queue) -> Mapping[str, int]:
    """Jobs per state: ready, running, later, dead."""
    found: dict[str, int] = {}
    for (_, state), number in queue.stats().counts.items():
        found[state] = found.get(state, 0) + number
    return found


def _problems(
    stores: Mapping[str, Store],
    failed: Sequence[Failed],
    interrupted: Sequence[BatchRow],
    circuits: Sequence[Circuit],
    daemon: Daemon | None,
    now: int,
) -> list[str]:
    found = []
    for name, store in stores.items():
        if name != DISK and isinstance(store, Pings):
            try:
                store.ping()
            except AlbumenError as error:
                found.append(f"store {error}")
    found += [f"{one.place} is closed: {one.why}" for one in circuits if not any(f"store {one.place}:" in told for told in found)]
    if daemon is not None:
        found += [silent] if (silent := silence(daemon, now)) else []
        found += [f"source {one['name']} cannot be looked at: {one['why']}" for one in daemon.sources if one.get("why")]
    if failed:
        found.append(f"{len(failed)} failed: {failed[0].file}: {failed[0].why} (albumen queue dead lists them)")
    for one in interrupted:
        found.append(f"batch {one.id} ({one.what}) was interrupted: give the command again, or start the daemon")
    return found


def _open(ledger: Ledger) -> list[Any]:
    found: list[Any] = []
    before = ""
    while True:
        page = ledger.batches(before=before, open=True)
        found += [one for one in page.rows if one.deeds.get("planned", 0) + one.deeds.get("intended", 0)]
        before = page.after
        if not before:
            return found


def _aside(memory: Memory) -> list[Seen]:
    return [one for one in memory.all() if one.state == "aside"]
