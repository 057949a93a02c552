"""Why not all is well: reasons, each with a cause that stays the same while its numbers change, the gravest first. Reads only."""

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from albumen.alive import Daemon, silence
from albumen.deeds.desk import shown
from albumen.model import CATALOG, BatchInfo, Owner
from albumen.mounts import lacks_room
from albumen.observe import Health
from albumen.operations import backing, refusing, timetable
from albumen.owners import born
from albumen.ports import Circuits, Ledger, Memory, Queue, Scratch, Store

_PERIOD = 60.0  # seconds between looks at a source, at most; whether it walks then is its own business
_BACKUP = 26 * 3600.0  # seconds: a daily backup that was two hours late
_GRAVITY = (
    "daemon",
    "database",
    "store",
    "place",
    "disk",
    "refused",
    "settings",
    "source",
    "batch",
    "failed",
    "aside",
    "backup",
    "schedule",
)


class StatusQueue(Queue, Circuits, Protocol):
    """What is asked of a queue here."""

    def memory(self, source: str) -> Memory:
        """What that source has seen."""

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason: the first word of ``cause`` is its kind, ``text`` a sentence that says what to do."""

    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask. ``sources`` are names, ``dead`` holds the owners whose process is gone, ``health`` the pings of stores and
    databases, ``state`` is the state directory, ``backups`` where its backups lie, ``floor`` the bytes to be free on its disk
    (None: see ``mounts.lacks_room``)."""

    ledger: Ledger
    queue: StatusQueue
    stores: Mapping[str, Store]
    sources: Sequence[str]
    dead: Container[Owner]
    health: Health
    state: str
    backups: str
    floor: int | None = None


def problems(asked: Asked, daemon: Daemon | None, now: int) -> tuple[Problem, ...]:
    """All reasons, the gravest first; none = all is well. ``now`` in ns; without a daemon nobody looks at the sources."""
    closed = {one.cause: one for one in (*_circuits(asked), *_pings(asked.health))}  # whoever is asked now says it better
    found = [
        *_daemon(daemon, now),
        *closed.values(),
        *_disk(asked),
        *_refused(asked),
        *(_sources(daemon, now) if daemon else ()),
        *_batches(asked),
        *_failed(asked),
        *_aside(asked),
        *_backups(asked, now),
        *_clock(asked, daemon, now),
    ]
    return tuple(sorted(found, key=lambda one: _rank(one.cause)))


def interrupted(ledger: Ledger, dead: Container[Owner]) -> Iterable[BatchInfo]:
    """Batches with open deeds whose commander is dead, newest first."""
    before = ""
    while True:
        page = ledger.batches(before=before, open=True)
        for one in page.rows:
            if one.deeds.get("planned", 0) + one.deeds.get("intended", 0) and one.owner in dead:
                yield one
        before = page.after
        if not before:
            return


def _rank(cause: str) -> int:
    kind = cause.partition(" ")[0]
    return _GRAVITY.index(kind) if kind in _GRAVITY else len(_GRAVITY)


def _daemon(daemon: Daemon | None, now: int) -> Iterable[Problem]:
    why = silence(daemon, now) if daemon else ""
    if why:
        yield Problem("daemon", why)
    if daemon and daemon.refused:
        yield Problem("settings", f"settings were changed but cannot be followed, the old ones stay: {daemon.refused}")


def _circuits(asked: Asked) -> Iterable[Problem]:
    for one in asked.queue.circuits():
        kind = "store" if one.place in asked.stores else "database" if one.place == CATALOG else "place"
        yield Problem(f"{kind} {one.place}", f"{one.place} is closed: {one.why}")


def _pings(health: Health) -> Iterable[Problem]:
    for name, why in health.check().items():
        if why:
            kind, _, rest = name.partition(" ")
            yield Problem(name, f"{kind} {why}" if why.startswith(f"{rest}:") else f"{name}: {why}")


def _refused(asked: Asked) -> Iterable[Problem]:
    for one in refusing.kept(asked.queue, asked.stores, asked.sources):
        yield Problem(f"refused {one.place}", f"{one.place}: {one.why} (albumen confirm {one.id})")


def _disk(asked: Asked) -> Iterable[Problem]:
    with suppress(OSError):  # a state directory that is not there yet
        why = lacks_room(asked.state, floor=asked.floor)
        if why:
            yield Problem("disk", f"state directory: {why}")


def _sources(daemon: Daemon, now: int) -> Iterable[Problem]:
    for one in daemon.sources:
        name, looked = one["name"], one.get("looked", 0)
        since = (now - looked) / 1e9
        if one.get("why"):
            yield Problem(f"source {name}", f"source {name} cannot be looked at: {one['why']}")
        elif one.get("hangs"):
            yield Problem(f"source {name}", f"source {name} {one['hangs']}")
        elif looked and since > 2 * _PERIOD and not one.get("looking"):  # a long look is told when it gets nowhere
            yield Problem(f"source {name}", f"source {name} was not looked at for {since:.0f} s: look at the log")


def _batches(asked: Asked) -> Iterable[Problem]:
    for one in interrupted(asked.ledger, asked.dead):
        waits = "; ".join(asked.queue.pending(one.id).reasons)
        how = (
            f"waits, and goes on when it can: {waits}"
            if waits
            else "was interrupted: give the command again, or start the daemon"
        )
        text = f"batch {one.id} ({one.what}) {how}"
        yield Problem(f"batch {one.id}", text)


def _failed(asked: Asked) -> Iterable[Problem]:
    found = asked.queue.dead()
    if found.rows:
        number = sum(count for (_, state), count in asked.queue.stats().counts.items() if state == "dead")
        first = f"{shown(found.rows[0].job.item.main)}: {found.rows[0].why}"
        yield Problem("failed", f"{max(number, 1)} failed: {first} (albumen queue dead lists them)")


def _aside(asked: Asked) -> Iterable[Problem]:
    for name in asked.sources:
        found = [one for one in asked.queue.memory(name).set_aside() if one.state == "aside"]
        if found:
            text = f"{len(found)} set aside in {name}: {found[0].path}: {found[0].why} (albumen queue dead lists them)"
            yield Problem(f"aside {name}", text)


def _backups(asked: Asked, now: int) -> Iterable[Problem]:
    made = backing.newest(asked.backups)
    since = (now - (made or born(asked.state) or now)) / 1e9
    if since > _BACKUP:
        what = "the last backup of catalog and ledger is" if made else "catalog and ledger have no backup and are"
        yield Problem("backup", f"{what} {since / 3600:.0f} hours old: albumen backup makes one")


def _clock(asked: Asked, daemon: Daemon | None, now: int) -> Iterable[Problem]:
    for one in timetable.remembered(asked.queue.scratch(timetable.DRAWER)):
        text = one.problem(now, daemon=daemon is not None)
        if text:
            yield Problem(f"schedule {one.name}", text)
