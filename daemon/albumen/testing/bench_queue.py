"""What the contracts of queues are tested with: processes on one set of jobs, and a handler to watch."""

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Protocol

import pytest

from albumen.model import Done, Item, Job, Outcome, Ref
from albumen.ports import Circuits, Memory, Queue, Scratch
from albumen.testing.clock import FakeClock

PATIENCE = 20.0  # seconds of real time before a test says that something never came


class WholeQueue(Queue, Circuits, Protocol):
    """A queue with its circuits and the memory of sources."""

    def memory(self, source: str) -> Memory:
        """What that source has seen."""

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""

    def shutdown(self) -> None:
        """Stop without waiting and close what is open."""


class Bench(Protocol):
    """One set of jobs and the processes that work on it. ``clock`` is the queues' clock, ``lease`` their lease in seconds."""

    clock: FakeClock
    lease: float

    def open(self, *, places: Set[str] = frozenset({""})) -> WholeQueue:
        """The queue as one more process sees it."""

    def die(self, queue: WholeQueue) -> None:
        """That process counts as dead from now on (its threads may go on: they are the ones to be fenced)."""


class Watched:
    """A handler to watch. ``jobs`` are the deliveries in order; ``answers`` the outcomes still to be given by name of the item
    (an exception is raised), else ``Done``. A name in ``hold`` is kept running until ``release``."""

    def __init__(self, answers: Mapping[str, Sequence[object]] | None = None, *, hold: Set[str] = frozenset()) -> None:
        self.jobs: list[Job] = []
        self.most: dict[str, int] = {}  # most jobs that ran at once, by key
        self._answers = {name: list(some) for name, some in (answers or {}).items()}
        self._hold = set(hold)
        self._running: dict[str, int] = {}
        self._changed = threading.Condition()

    @property
    def names(self) -> list[str]:
        """Paths of the items delivered so far, in order."""
        with self._changed:
            return [job.item.main.path for job in self.jobs]

    def __call__(self, job: Job) -> Outcome:
        """Handle one job."""
        name = job.item.main.path
        with self._changed:
            self.jobs.append(job)
            self._running[job.key] = self._running.get(job.key, 0) + 1
            self.most[job.key] = max(self.most.get(job.key, 0), self._running[job.key])
            self._changed.notify_all()
            self._changed.wait_for(lambda: name not in self._hold, PATIENCE)
            self._running[job.key] -= 1
            waiting = self._answers.get(name)
            answer = waiting.pop(0) if waiting else Done()
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[return-value]  # a test may answer nonsense on purpose

    def came(self, count: int) -> bool:
        """Wait until that many deliveries were made."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.jobs) >= count, PATIENCE)

    def release(self, name: str) -> None:
        """Let what is held go on."""
        with self._changed:
            self._hold.discard(name)
            self._changed.notify_all()


def a_job(
    name: str,
    *,
    key: str = "",
    dedupe: str = "",
    batch: str = "",
    lane: str = "io",
    place: str = "",
    priority: int = 0,
) -> Job:
    """A job for the item of that path."""
    item = Item(Ref("nas", name))
    return Job(item, ("look",), key=key, dedupe=dedupe, batch=batch, lane=lane, place=place, priority=priority)


def run(queue: Queue, handle: Callable[[Job], Outcome], *, io: int = 1, cpu: int = 0) -> None:
    """Start so many workers."""
    queue.start(handle, workers={"io": io, "cpu": cpu})


class OnBench:
    """Base of the contract classes: override the fixture ``bench``."""

    @pytest.fixture
    def bench(self) -> Bench:
        """Where the jobs are."""
        raise NotImplementedError("override the fixture `bench`")

    @pytest.fixture
    def queue(self, bench: Bench) -> WholeQueue:
        """The first process."""
        return bench.open()
