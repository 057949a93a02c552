"""The threads of an embedded queue: per lane a pool that claims, handles and acknowledges, and one minder for all of them.

A worker claims for itself, one job at a time, in the same write that ends the job before: nothing claimed ever lies behind a long
job, and next to nothing has to be given back at a stop. (Batches of claims would save syncs, but the writer thread shares those already.)
Idle workers sleep on a condition; only the minder looks whether there is something for them, by reading, when it is nudged
and every ``poll`` seconds for what other processes put.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from albumen import observe
from albumen.effort import Pace
from albumen.errors import Unavailable
from albumen.model import Job, Later, Outcome

_PAUSE = 0.005  # seconds between two looks at least, however many nudges come …
_SHARE = 10  # … and this many times as long as a look takes: looking costs a tenth of a core at most
_FIRST, _LONGEST = 0.05, 2.0  # waits in seconds before a failed write is tried again, doubling
_GIVEN_BACK = Later(0.0, counted=False)  # claimed, but not begun when the stop came
_RETRY, _DAY = 2.0, 86_400.0  # delays in seconds after a handler that broke, growing by four


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """A claimed job. ``number`` counts the claims of its row: an acknowledgement counts only while the row still has this one.
    ``load`` builds the job in the worker's thread; ``tries`` is the job's. ``file`` counts the files that the engine made: a row of
    one that was lost is not this one, whatever its numbers."""

    id: int
    number: int
    tries: int
    load: Callable[[], Job]
    file: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """How many jobs idle workers could claim now, per lane, and the seconds until the next delayed one (None = none waits)."""

    claimable: Mapping[str, int]
    due: float | None


class Engine(Protocol):
    """Where the jobs are. Every method is one transaction and may raise ``Unavailable``: then it changed nothing."""

    def take(self, lane: str) -> Lease | None:
        """Claim the next job of a lane."""

    def finish(self, lease: Lease, outcome: Outcome, lane: str | None) -> tuple[bool, Lease | None]:
        """Apply the outcome (False: the lease was lost, nothing changed) and claim the next job of ``lane``, if one is named.
        ``TypeError`` or ``ValueError`` when the outcome cannot be kept."""

    def look(self, idle: Mapping[str, int]) -> Look:
        """Make due what waited long enough, then count what so many idle workers could claim."""

    def tend(self, running: Collection[Lease]) -> None:
        """Extend these leases, then make jobs ready again whose lease ran out or whose owner is dead."""


@dataclass
class _Lane:
    name: str
    size: int
    hints: int = 0  # claims worth trying
    idle: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, stop: threading.Event, idle: Callable[[], None]) -> bool:
        """Sleep until a claim is worth trying; False at the stop. ``idle`` is called once this sleeper is counted: what was put
        between its last claim and now is looked for then."""
        with self.changed:
            self.idle += 1
            idle()
            try:
                self.changed.wait_for(lambda: self.hints > 0 or stop.is_set())
            finally:
                self.idle -= 1
            if stop.is_set():
                return False
            self.hints -= 1
            return True

    def hint(self, count: int) -> None:
        with self.changed:
            self.hints = min(count, self.size)
            self.changed.notify(self.hints)

    def wake(self) -> None:
        with self.changed:
            self.changed.notify_all()


@dataclass(frozen=True, slots=True)
class _Handled:
    """A job in a handler ``since`` then (monotonic)."""

    thread: threading.Thread
    pace: Pace
    since: float


class Workers:
    """One run from start to stop. ``poll`` and ``tend`` are seconds of real time, whatever the queue's clock shows.
    The minder calls ``beat`` at each of its turns, every ``poll`` seconds at least."""

    def __init__(
        self,
        engine: Engine,
        handle: Callable[[Job], Outcome],
        sizes: Mapping[str, int],
        *,
        poll: float,
        tend: float,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._beat = beat
        self._handle = handle
        self._poll = poll
        self._tend = tend
        self._lanes = [_Lane(name, size) for name, size in sizes.items() if size > 0]
        self._stop = threading.Event()  # no new jobs
        self._over = threading.Event()  # nobody waits for running ones any more either
        self._nudged = threading.Event()
        self._running: set[Lease] = set()
        self._handled: dict[Lease, _Handled] = {}  # those of them that are in the handler
        self._lost: set[threading.Thread] = set()  # threads whose job was given up: nobody waits for them
        self._guard = threading.Lock()
        self._log = observe.logger("queue")
        self._minder = threading.Thread(target=self._mind, name="queue minder", daemon=True)
        self._workers = [
            threading.Thread(target=self._work, args=(lane,), name=f"{lane.name} {number + 1}", daemon=True)
            for lane in self._lanes
            for number in range(lane.size)
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in (self._minder, *self._workers):
            thread.start()

    def nudge(self) -> None:
        """There may be something to do: look now."""
        self._nudged.set()

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stop.is_set()

    def stop(self, timeout: float) -> None:
        """Let what runs finish, for so many seconds; the leases of what still runs then are no longer extended."""
        deadline = time.monotonic() + timeout
        self._take_no_more()
        for thread in self._workers:
            if thread not in self._lost:
                thread.join(max(0.0, deadline - time.monotonic()))
        self._over.set()
        self._nudged.set()
        self._minder.join(max(0.1, deadline - time.monotonic()))

    def stuck(self, limit: float) -> list[Job]:
        """See ``ports.Minds``."""
        now = time.monotonic()
        with self._guard:
            long = [(lease, one.pace) for lease, one in self._handled.items() if now - one.since >= limit / 20]
        return [lease.load() for lease, pace in long if pace.still(now) >= limit]

    def give_up(self, id: str, outcome: Outcome) -> bool:
        """See ``ports.Minds``."""
        with self._guard:
            lease = next((one for one in self._handled if str(one.id) == id), None)
            if lease is None:
                return False
            self._lost.add(self._handled.pop(lease).thread)
            self._running.discard(lease)  # its lease is extended no more, whatever becomes of the write
        self._take_no_more()  # its thread may hold what the next try needs: that belongs to the next life of the process
        return self._engine.finish(lease, outcome, None)[0]

    def _take_no_more(self) -> None:
        self._stop.set()
        for lane in self._lanes:
            lane.wake()

    # ------------------------------------------------------------------------------------------------------------- workers

    def _work(self, lane: _Lane) -> None:
        while lane.wait(self._stop, self.nudge):
            lease = self._first(lane)
            while lease is not None:
                with self._held(lease):
                    outcome = _GIVEN_BACK if self.stopping else self._outcome(lease)
                    lease = self._finish(lease, outcome, lane)

    def _first(self, lane: _Lane) -> Lease | None:
        wait = _FIRST
        while not self._stop.is_set():
            try:
                return self._engine.take(lane.name)
            except Unavailable as error:
                wait = self._patience(wait, error)
        return None

    def _outcome(self, lease: Lease) -> Outcome:
        with self._guard:
            self._handled[lease] = _Handled(threading.current_thread(), Pace(threading.get_native_id()), time.monotonic())
        try:
            return self._handle(lease.load())
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the pipeline catches all; a thread that dies would starve its lane
            return self._broken(lease, error)
        finally:
            with self._guard:
                self._handled.pop(lease, None)

    def _broken(self, lease: Lease, error: BaseException) -> Later:
        self._log.error("a job broke its handler, it is tried again", job=str(lease.id), exc_info=error)
        return Later(min(_RETRY * 4.0 ** min(lease.tries, 10), _DAY), f"{type(error).__name__}: {error}")

    def _finish(self, lease: Lease, outcome: Outcome, lane: _Lane) -> Lease | None:
        """Write the outcome, again and again while that fails; at the stop once more, then the job is delivered again."""
        wait = _FIRST
        while True:
            stopping = self.stopping
            try:
                kept, following = self._engine.finish(lease, outcome, None if stopping else lane.name)
            except (TypeError, ValueError) as error:
                outcome = self._broken(lease, error)
            except Unavailable as error:
                if stopping:
                    return None
                wait = self._patience(wait, error)
            else:
                if not kept:
                    self._log.warning("job was delivered again meanwhile, its outcome here is ignored", job=str(lease.id))
                if any(one.idle for one in self._lanes):
                    self.nudge()
                return following

    def _patience(self, wait: float, error: Unavailable) -> float:
        """Wait after a failed write, not past the stop; how long to wait after the next."""
        if wait == _FIRST:
            self._log.warning("the queue cannot be written, workers wait for it", why=str(error))
        self._stop.wait(wait)
        return min(2 * wait, _LONGEST)

    @contextmanager
    def _held(self, lease: Lease) -> Iterator[None]:
        with self._guard:
            self._running.add(lease)
        try:
            yield
        finally:
            with self._guard:
                self._running.discard(lease)

    # -------------------------------------------------------------------------------------------------------------- minder

    def _mind(self) -> None:
        tended = float("-inf")
        while not self._over.is_set():
            self._beat()
            self._nudged.clear()
            began = time.monotonic()
            due: float | None = None
            try:
                if began - tended >= self._tend:
                    tended = began
                    self._tend_all()
                due = None if self.stopping else self._hint()
            except (Unavailable, OSError) as error:  # OSError: no descriptor left to ask for an owner's lock
                self._log.debug("the queue cannot be looked at, trying again", why=str(error))
            self._over.wait(min(max(_PAUSE, _SHARE * (time.monotonic() - began)), self._poll))
            if not self._over.is_set():
                self._nudged.wait(self._poll if due is None else min(self._poll, due))

    def _tend_all(self) -> None:
        with self._guard:
            running = tuple(self._running)
        self._engine.tend(running)

    def _hint(self) -> float | None:
        look = self._engine.look({lane.name: lane.idle for lane in self._lanes})
        for lane in self._lanes:
            if count := look.claimable.get(lane.name, 0):
                lane.hint(count)
        return look.due
