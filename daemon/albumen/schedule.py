"""What runs by the clock: one table, ours, driven by our clock; APScheduler only wakes it and decides nothing.

A line is an ``Entry``: a name, how often (``period`` seconds, or daily after an ``hour`` of UTC), and ``work``, which does it and
returns a sentence for the log or None. To add one, write it into ``table``, its work into ``operations``, and what it needs into
``Parts``. Work must be
safe to repeat and heed the daemon's ``stop`` when it is long; what it raises is its failure. The rest is done here: each entry has a
thread of its own (one that hangs harms no other, none runs twice at once), a failed one is tried again later and later, and each
success, try and reason is remembered (``operations.timetable``), so that ``status`` and the metrics can tell it.

Not in the table, because only they know when a look is worth it: polls and re-walks of sources. They stay in the sources;
``status`` shows when each last looked.

When an entry is due, whatever the clock did: missed runs (the daemon was off for a month) are one run; a last success that lies
further ahead than a period (the clock was turned back) counts as none, so that nothing waits for years; summer time does not exist.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from albumen import observe
from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError, Unavailable
from albumen.lookout import attempt
from albumen.operations import timetable
from albumen.operations.census import census, recount
from albumen.operations.expiry import Expiry
from albumen.operations.timetable import SECOND, Timed
from albumen.operations.working import WorkingQueue, ask, probe, recover
from albumen.pipeline import Pipeline
from albumen.ports import Scratch

Clock = Callable[[], int]  # ns

DAY = 86_400.0
_HOUR = 3600.0
_MINUTE = 60.0
_WAKE = 1.0  # seconds between turns
_RETRY = (60.0, 120.0, 300.0, 900.0, 3600.0)  # seconds until the next try after so many failures; never longer than the period
_LONG = 600.0  # seconds: what runs more often is remembered only so often, else an idle disk would never sleep
_STOP = 1.5  # seconds that running work gets to heed the stop
_EXPIRY = "expiry"  # the drawer in which the trash remembers how time passed
_CUT_OFF = "the daemon ended while it ran"


class ClockQueue(WorkingQueue, Protocol):
    """What is asked of a queue here."""

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""


@dataclass(frozen=True)
class Entry:
    """One line of the table. With an ``hour`` (UTC) it is due once after that hour of each day, else ``period`` seconds after its
    last success."""

    name: str
    work: Callable[[], str | None]
    period: float = DAY
    hour: int | None = None


@dataclass(frozen=True)
class Parts:
    """What the table works with. ``keep`` is ``[trash] keep``; ``databases`` are checkpoints by the name of their database,
    ``backup`` makes one when a day went by since the last; ``renewed`` says whether a secret of that place has changed since it was
    last asked, ``vault`` keeps those of Vault fresh (None = there are none)."""

    engine: Engine
    pipeline: Pipeline
    queue: ClockQueue
    databases: Mapping[str, Callable[[], int]]
    keep: float
    backup: Callable[[], str | None]
    clock: Clock
    stop: threading.Event
    renewed: Callable[[str], bool] = lambda _place: False
    vault: Callable[[], str | None] | None = None
    begun: threading.Event = field(default_factory=threading.Event)  # closed places were asked once
    unsure: set[str] = field(default_factory=set)

    def probes(self) -> None:
        """Closed places whose time has come are asked whether they work again; at the first turn all that are known as closed: a person
        may have started the daemon because of them. One that another process opened is asked, too."""
        places = self.engine.desk.places
        first = not self.begun.is_set()
        for place in probe(self.queue, places, None if first else self.clock()):
            self.pipeline.works(place)
        self.begun.set()
        for place in self._opened_by_others():
            try:
                ask(places.get(place))
            except Unavailable as error:
                self.queue.reopen(place, str(error), retry_after=error.retry_after, auth=error.auth)
            else:
                self.pipeline.works(place)

    def _opened_by_others(self) -> frozenset[str]:
        """Places that we hold to be closed and no circuit says so, at this turn and the one before: the outcome of a job that has just
        failed there may be on its way."""
        now = frozenset(self.pipeline.closed) - {one.place for one in self.queue.circuits()}
        both = now & self.unsure
        self.unsure.clear()
        self.unsure.update(now)
        return both

    def renewals(self) -> None:
        """Places that refused our secret are asked as soon as it has changed."""
        for circuit in self.queue.circuits():
            if circuit.auth and self.renewed(circuit.place):
                self.queue.hurry(circuit.place)

    def recovery(self) -> str | None:
        """What dead processes left goes on."""
        found = recover(self.engine, self.pipeline, self.queue)
        return f"{found} pieces of work that a dead process left go on" if found else None

    def census(self) -> str | None:
        """A sample of the files that should be in each store is looked for."""
        desk = self.engine.desk
        return census(desk.catalog, desk.stores, self.queue, self.clock())

    def recount(self) -> None:
        """Where files were missing a sample is looked for again, so that it is well soon after they are back."""
        desk = self.engine.desk
        recount(desk.catalog, desk.stores, self.queue, self.clock())

    def checkpoint(self) -> None:
        """The databases' logs go back into their files, so that they stay small. One that is read for long waits for the next time."""
        for work in self.databases.values():
            if not self.stop.is_set():
                work()

    def expiry(self) -> str | None:
        """What lay in the trash long enough is deleted for good."""
        return Expiry(self.engine, self.queue.scratch(_EXPIRY), self.keep, self.stop).run()


def table(parts: Parts) -> tuple[Entry, ...]:
    """Everything that runs by the clock."""
    return (
        *([Entry("vault", parts.vault, period=_MINUTE)] if parts.vault else ()),
        Entry("probes", parts.probes, period=_WAKE),
        Entry("renewals", parts.renewals, period=_MINUTE),
        Entry("recovery", parts.recovery, period=_MINUTE),
        Entry("census", parts.census, period=_HOUR),
        Entry("recount", parts.recount, period=_MINUTE),
        Entry("backup", parts.backup, period=_HOUR),
        Entry("checkpoint", parts.checkpoint, period=_HOUR),
        Entry("expiry", parts.expiry, hour=3),
    )


def due(entry: Entry, last: Timed, now: int) -> bool:
    """Whether it is time, by what is remembered; ``now`` in ns."""
    if last.failures:
        delay = min(entry.period, _RETRY[min(last.failures, len(_RETRY)) - 1])
        return not last.tried <= now < last.tried + delay * SECOND
    if not last.succeeded or last.succeeded - now > entry.period * SECOND:
        return True
    if entry.hour is None:
        return now - last.succeeded >= entry.period * SECOND
    day, hour = round(DAY) * SECOND, entry.hour * 3600 * SECOND
    return last.succeeded < (now - hour) // day * day + hour


@dataclass
class _Slot:
    """An entry at work. ``kept`` is what the drawer has of it."""

    entry: Entry
    last: Timed
    kept: Timed
    go: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    busy: bool = False


class Schedule:
    """Turns the table. A ``supervisor.Service``: ``start`` and ``stop``; tests call ``turn`` themselves.

    ``stop`` is the daemon's; ``beat`` is called at every turn, for whoever watches that the clock moves.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        clock: Clock,
        drawer: Scratch,
        stop: threading.Event,
        log: observe.Log,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._entries = entries
        self._clock = clock
        self._drawer = drawer
        self._stop = stop
        self._log = log
        self._beat = beat
        self._guard = threading.Condition()
        self._slots: dict[str, _Slot] = {}
        self._ended = False
        self._why = ""  # the drawer cannot be used
        self._waker: Any = None

    def start(self) -> None:
        """Turn from now on, in a thread of its own."""
        self._waker = _waker(self.turn)
        self._waker.start()

    def stop(self) -> None:
        """Begin nothing more; wait a moment for what runs. Twice is harmless."""
        if self._waker is not None:
            self._waker.shutdown(wait=False)
            self._waker = None
        with self._guard:
            self._ended = True
            threads = [slot.thread for slot in self._slots.values() if slot.thread is not None]
            for slot in self._slots.values():
                slot.go.set()
        until = time.monotonic() + _STOP
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def turn(self) -> None:
        """Start what is due and does not run. Returns at once."""
        self._beat()
        with self._guard:
            if self._ended or self._stop.is_set():
                return
            if not self._slots and not self._remembered():
                return
            now = self._clock()
            for slot in self._slots.values():
                if not slot.busy and due(slot.entry, slot.last, now):
                    slot.busy = True
                    self._wake(slot)

    def quiet(self, timeout: float) -> bool:
        """Wait (real seconds) until nothing runs. False when it did not come to that."""
        with self._guard:
            return self._guard.wait_for(lambda: not any(slot.busy for slot in self._slots.values()), timeout)

    def entries(self) -> Mapping[str, Timed]:
        """How each entry is now, by name, in the order of the table; for metrics and who else asks. Any thread, at any time."""
        with self._guard:
            return {name: slot.last for name, slot in self._slots.items()}

    # -------------------------------------------------------------------------------------------------------------- inside

    def _remembered(self) -> bool:
        """Make the slots as the drawer has them; what was running was cut off. False while the drawer cannot be read: without it
        nobody knows what is due."""
        try:
            kept = {one.name: one for one in timetable.remembered(self._drawer)}
            for name in kept.keys() - {one.name for one in self._entries}:  # the table has it no more
                self._drawer.put(name, "")
        except AlbumenError as error:
            self._told(str(error))
            return False
        self._told("")
        for entry in self._entries:
            was = last = replace(kept.get(entry.name, Timed(entry.name, entry.period)), period=entry.period)
            if last.running:
                failing = last.failing or last.running
                last = replace(last, running=0, failures=last.failures + 1, failing=failing, why=_CUT_OFF)
            self._slots[entry.name] = _Slot(entry, last, was)
            self._remember(self._slots[entry.name], last)
        return True

    def _told(self, why: str) -> None:
        """One line when the drawer fails, not one a turn."""
        if why and why != self._why:
            self._log.warning("the clock cannot remember", why=why)
        self._why = why

    def _wake(self, slot: _Slot) -> None:
        if slot.thread is None or not slot.thread.is_alive():
            slot.thread = threading.Thread(target=self._serve, args=(slot,), name=f"clock {slot.entry.name}", daemon=True)
            slot.thread.start()
        slot.go.set()

    def _serve(self, slot: _Slot) -> None:
        """The entry's own thread, kept between its runs: databases have a connection per thread."""
        while True:
            slot.go.wait()
            slot.go.clear()
            if self._ended:
                return
            try:
                self._run(slot)
            finally:
                with self._guard:
                    slot.busy = False
                    self._guard.notify_all()

    def _run(self, slot: _Slot) -> None:
        entry, before, began = slot.entry, slot.last, self._clock()
        if entry.period >= _LONG:
            self._remember(slot, replace(before, tried=began, running=began))
        said: list[str | None] = []
        why = attempt(lambda: said.append(entry.work()), self._log, entry=entry.name)
        if self._stop.is_set():  # whether it came to its end is not known: it is due again
            self._remember(slot, before)
            return
        now = self._clock()
        if why:
            failing = before.failing if 0 < before.failing <= now else began
            failed = replace(before, tried=began, failures=before.failures + 1, failing=failing, why=why)
            self._remember(slot, failed)
            if why != before.why:
                self._log.warning("what runs by the clock failed", entry=entry.name, why=why)
            return
        self._remember(slot, Timed(entry.name, entry.period, now, began, said=said[0] or ""))
        if said[0]:
            self._log.info("by the clock", entry=entry.name, said=said[0])
        if before.failures:
            self._log.info("what runs by the clock works again", entry=entry.name)

    def _remember(self, slot: _Slot, now: Timed) -> None:
        with self._guard:
            slot.last = now
        kept = slot.kept
        same = (now.why, now.said, bool(now.running)) == (kept.why, kept.said, bool(kept.running))
        if same and max(abs(now.tried - kept.tried), abs(now.succeeded - kept.succeeded)) < _LONG * SECOND:
            return
        try:
            timetable.keep(self._drawer, now)
            slot.kept = now
            self._told("")
        except AlbumenError as error:  # a full disk: the work was done all the same
            self._told(str(error))


def _waker(turn: Callable[[], None]) -> Any:
    """An APScheduler whose one job turns ours. By itself it reckons with the wall clock: after a jump by a year forward it would make
    a list of thirty million missed runs, after one backward sleep for a year; so its job is due whenever it is awake, and next in
    a second."""
    import logging
    from datetime import UTC, datetime, timedelta

    from apscheduler.executors.debug import DebugExecutor  # type: ignore[import-untyped]
    from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-untyped]
    from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
    from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]

    class Soon(BaseTrigger):  # type: ignore[misc]  # the library has no types
        def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
            return now + timedelta(seconds=_WAKE)

    class Due(MemoryJobStore):  # type: ignore[misc]  # the library has no types
        def get_due_jobs(self, now: datetime) -> Any:
            for job in self.get_all_jobs():
                job._modify(next_run_time=now)
            return self.get_all_jobs()

    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it tells of every run
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore(Due())
    scheduler.add_executor(DebugExecutor())  # in its own thread: a turn returns at once
    scheduler.add_job(turn, Soon(), misfire_grace_time=None, coalesce=True)
    return scheduler
