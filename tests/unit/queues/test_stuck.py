"""A job whose thread gets nowhere is seen, and ended without it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.model import Done, Item, Job, Later, Outcome, Ref
from albumen.owners import Owners
from albumen.ports import Minds
from albumen.queues.sqlite import SqliteQueue
from albumen.testing import MemoryQueue

PATIENCE = 20.0


@pytest.fixture(params=["sqlite", "memory"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteQueue | MemoryQueue]:
    if request.param == "memory":
        made: SqliteQueue | MemoryQueue = MemoryQueue(poll=0.01)
    else:
        made = SqliteQueue(str(tmp_path / "state.db"), Owners(str(tmp_path)), poll=0.01)
    yield made
    made.shutdown()


class Hands:
    """Handles jobs; that of file "stuck" waits for ever, "busy" computes for as long."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.came: list[str] = []
        self.went: list[str] = []

    def __call__(self, job: Job) -> Outcome:
        name = job.item.main.path
        self.came.append(name)
        if name == "stuck":
            self.free.wait(PATIENCE)
        while name == "busy" and not self.free.is_set():
            sum(range(10_000))
        self.went.append(name)
        return Done()


@pytest.fixture
def hands() -> Iterator[Hands]:
    made = Hands()
    yield made
    made.free.set()


def a_job(name: str) -> Job:
    return Job(Item(Ref("disk", name)), ("step",), key=name, dedupe=name)


def seen(queue: Minds, limit: float) -> list[Job]:
    """The first that is found to be stuck, asked for often."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := queue.stuck(limit):
            return list(found)
        time.sleep(limit / 40)
    return []


def test_a_job_that_gets_nowhere_is_seen_and_one_that_works_is_not(queue: SqliteQueue | MemoryQueue, hands: Hands) -> None:
    queue.put([a_job("busy"), a_job("stuck")])
    queue.start(hands, workers={"io": 2})
    assert [job.item.main.path for job in seen(queue, 0.5)] == ["stuck"]


def test_a_job_given_up_is_tried_again_and_what_its_thread_says_later_is_ignored(
    queue: SqliteQueue | MemoryQueue, hands: Hands
) -> None:
    queue.put([a_job("stuck")])
    queue.start(hands, workers={"io": 1})
    (job,) = seen(queue, 0.3)
    assert queue.give_up(job, Later(3600.0, "took longer than 0.3 s"))
    assert not queue.give_up(job, Later(3600.0, "again"))
    assert queue.pending("").later == 1
    hands.free.set()
    end = time.monotonic() + PATIENCE
    while not hands.went:
        assert time.monotonic() < end
        time.sleep(0.01)
    queue.stop()
    assert queue.pending("").reasons == ("took longer than 0.3 s",)


def test_after_a_job_was_given_up_none_is_taken(tmp_path: Path, hands: Hands) -> None:
    """Its thread may hold what the next try needs, even that of the same job, which a short delay makes ready at once."""
    beats = threading.Semaphore(0)  # one each time the queue looked for jobs
    queue = SqliteQueue(str(tmp_path / "state.db"), Owners(str(tmp_path)), poll=0.01, beat=beats.release)
    queue.put([a_job("stuck")])
    queue.start(hands, workers={"io": 3})
    (job,) = seen(queue, 0.3)
    assert queue.give_up(job, Later(0.0, "stuck"))
    queue.put([a_job("next")])
    while beats.acquire(blocking=False):
        pass
    assert all(beats.acquire(timeout=PATIENCE) for _ in range(5))
    queue.stop()
    assert hands.came == ["stuck"]
    assert queue.pending("").ready == 2
    queue.shutdown()


def test_the_stop_does_not_wait_for_a_thread_whose_job_was_given_up(queue: SqliteQueue | MemoryQueue, hands: Hands) -> None:
    queue.put([a_job("stuck")])
    queue.start(hands, workers={"io": 1})
    (job,) = seen(queue, 0.3)
    queue.give_up(job, Later(3600.0, "stuck"))
    begun = time.monotonic()
    queue.stop(PATIENCE)
    assert time.monotonic() - begun < PATIENCE / 2


def test_nothing_is_stuck_in_a_queue_that_does_not_run(queue: SqliteQueue | MemoryQueue) -> None:
    queue.put([a_job("stuck")])
    assert queue.stuck(0.0) in ([], ())
    assert not queue.give_up(a_job("stuck"), Done())
