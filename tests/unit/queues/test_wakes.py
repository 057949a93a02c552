"""Idle workers are woken, they do not poll: here a poll would come too late for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.model import Batch, Buried, Done, Later, Waiting
from albumen.owners import Owners
from albumen.queues.sqlite import SqliteQueue
from albumen.testing.bench_queue import PATIENCE, Watched, a_job, run


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[SqliteQueue]:
    """An embedded queue that looks by itself only after the test has given up; its clock is the real one."""
    queue = SqliteQueue(str(tmp_path / "state.db"), Owners(str(tmp_path)), poll=10 * PATIENCE)
    yield queue
    queue.shutdown()


def test_by_what_is_put_later_or_kept(queue: SqliteQueue) -> None:
    """A put, a delayed put, a piece of a scan."""
    handle = Watched()
    run(queue, handle, io=2)
    queue.put([a_job("1")])
    assert handle.came(1)
    queue.put([a_job("2")], delay=0.05)
    assert handle.came(2)
    queue.memory("camera").commit(Batch(), [a_job("3")])
    assert handle.came(3)
    queue.stop()


def test_by_outcomes(queue: SqliteQueue) -> None:
    """A retry that becomes due, what follows in another lane, a key that became free for another lane."""
    handle = Watched({"1": [Later(0.05), Done((a_job("2", lane="cpu"),))]}, hold={"3"})
    run(queue, handle, cpu=1)
    queue.put([a_job("1")])
    assert handle.came(3)
    queue.put([a_job("3", key="k")])
    queue.put([a_job("4", key="k", lane="cpu")])
    assert handle.came(4)
    handle.release("3")
    assert handle.came(5)
    queue.stop()
    assert handle.names == ["1", "1", "2", "3", "4"]


def test_by_persons_and_circuits(queue: SqliteQueue) -> None:
    """A circuit that closes, a dead job that is to be tried again."""
    handle = Watched({"1": [Waiting("cloud")], "2": [Buried("no")]})
    run(queue, handle)
    queue.put([a_job("1"), a_job("2"), a_job("3")])
    assert handle.came(3)
    queue.close("cloud")
    assert handle.came(4)
    queue.resolve(queue.dead().rows[0].job.id, "again")
    assert handle.came(5)
    queue.stop()
    assert handle.names == ["1", "2", "3", "1", "2"]
