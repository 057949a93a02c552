"""Who runs the jobs of a command: the daemon when one runs, else the command itself; and the wait for a batch."""

import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Protocol

from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError, Unavailable
from albumen.model import BatchId, Pending
from albumen.owners import DaemonLock
from albumen.pipeline import Pipeline
from albumen.ports import Circuits, Pings, Probes, Queue
from albumen.queues.circuits import due

_LOOK = 0.03  # seconds between looks at the queue
_DAEMON = 1.0  # … at the daemon's lock
_WORTH = 40.0  # seconds until a retry that a command waits for: 2, 8 and 30 s, not 2 min


class WorkingQueue(Queue, Circuits, Protocol):
    """What is needed of a queue here and by the supervisor: both ports in one object."""


class Working:
    """As a context: workers that ``take_over`` started in it are stopped at its end. A daemon that dies meanwhile is taken over from.

    A command begins its batch first and takes over then: else what a killed run of it left would be carried on and closed as
    nobody's, while it lists the rest.
    """

    def __init__(
        self,
        engine: Engine,
        pipeline: Pipeline,
        queue: WorkingQueue,
        daemon: DaemonLock,
        workers: Mapping[str, int],
        stop: threading.Event,
    ) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._queue = queue
        self._daemon = daemon
        self._workers = workers
        self._stop = stop
        self.working = False

    def __enter__(self) -> "Working":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.working:
            self._queue.stop()
            self.working = False

    def take_over(self, *batches: BatchId) -> bool:
        """Run the workers unless somebody does; what dead owners left is queued first, and tidied up, also in these batches, which
        we go on with. True when they run here."""
        if not self.working and not self._daemon.held():
            recover(self._engine, self._pipeline, self._queue, batches)
            probe(
                self._queue, self._engine.desk.places
            )  # whoever starts a command wants it now, and no daemon is there to ask later
            self._queue.start(self._pipeline, workers=self._workers)
            self.working = True
        return self.working

    def wait(self, batch: BatchId, progress: Callable[[Pending], None]) -> Pending:
        """Until no job of the batch can go on now: each is done, buried, or waits for a place or a later try. Where the workers are
        ours the first three tries are waited for, whoever failed before."""
        since = 0.0
        while True:
            pending = self._queue.pending(batch)
            progress(pending)
            if self._stop.is_set() or not (pending.active or (self.working and (pending.next or _WORTH) < _WORTH)):
                return pending
            self._stop.wait(_LOOK)
            since += _LOOK
            if since >= _DAEMON:
                since = 0.0
                if self.working and pending.later:  # perhaps for what another command was doing, which died
                    recover(self._engine, self._pipeline, self._queue)
                self.take_over()


def probe(queue: Circuits, places: Mapping[str, object], now: int | None = None) -> Sequence[str]:
    """Ask closed places of these names (``now``, in ns: only those whose time has come) whether they work again. Those that do: their
    jobs go on. A place that cannot be asked is believed until the next failure."""
    works = []
    for circuit in queue.circuits():
        if now is not None and not due(circuit, now):
            continue
        try:
            ask(places.get(circuit.place))
        except Unavailable as error:
            queue.reopen(circuit.place, str(error), retry_after=error.retry_after, auth=error.auth)
        except AlbumenError as error:
            queue.reopen(circuit.place, str(error))
        else:
            queue.close(circuit.place)
            works.append(circuit.place)
    return works


def ask(place: object) -> None:
    """Whether it can be used now, also where it is known to be closed. ``Unavailable``."""
    if isinstance(place, Probes):
        place.probe()
    elif isinstance(place, Pings):
        place.ping()


def recover(engine: Engine, pipeline: Pipeline, queue: Queue, also: Sequence[BatchId] = ()) -> int:
    """Queue what dead owners left: groups begun or planned, and the closing of their batches. How many of both. ``also``: see
    ``deeds.recover``. A group whose job was buried waits for a person's answer: a step that kills the daemon again and again, or
    hangs in it, would else begin anew with every life of it."""
    left = engine.recover(also)
    jobs = [pipeline.deed_job(group) for group in left.groups]
    buried = _buried(queue) if jobs else frozenset()
    jobs = [one for one in jobs if one.dedupe not in buried]
    queue.put(jobs + [pipeline.closing(batch) for batch in left.close])
    return len(jobs) + len(left.close)


def _buried(queue: Queue) -> frozenset[str]:
    found: set[str] = set()
    after = ""
    while True:
        page = queue.dead(after)
        found |= {one.job.dedupe for one in page.rows}
        after = page.after
        if not after:
            return frozenset(found)
