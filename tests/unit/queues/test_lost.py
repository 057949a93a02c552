"""``state.db`` deleted while jobs run: they end, and what they say changes nothing of the jobs that came since."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.model import Batch, Buried, Done, Later, Outcome, Seen, Waiting
from albumen.owners import Owners
from albumen.queues.sqlite import SqliteQueue
from albumen.testing.bench_queue import PATIENCE, Watched, a_job, run


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[SqliteQueue]:
    queue = SqliteQueue(str(tmp_path / "state.db"), Owners(str(tmp_path)), poll=0.02)
    yield queue
    queue.shutdown()


@pytest.mark.parametrize("outcome", [Done((a_job("next"),)), Later(1.0, "again"), Waiting("nas", "closed"), Buried("bad")])
def test_an_outcome_of_a_lost_job_touches_no_other(queue: SqliteQueue, tmp_path: Path, outcome: Outcome) -> None:
    """The new file counts its rows and claims from one again: the numbers of both are the same."""
    jobs = queue._jobs
    queue.put([a_job("old")])
    old = jobs.take("io")
    assert old is not None
    (tmp_path / "state.db").unlink()
    queue.put([a_job("new")])
    new = jobs.take("io")
    assert new is not None
    assert (new.id, new.number) == (old.id, old.number)
    assert jobs.finish(old, outcome, None) == (False, None)
    jobs.tend([old])
    assert queue.stats().counts == {("io", "running"): 1}
    assert jobs.finish(new, Done(()), None) == (True, None)
    assert queue.stats().counts == {}


def test_workers_go_on_with_the_new_file(queue: SqliteQueue, tmp_path: Path) -> None:
    """None of them dies, nobody has to restart anything; memory and drawers are empty and can be used."""
    handle = Watched({}, hold={"1"})
    memory = queue.memory("camera")
    memory.commit(Batch(seen=(Seen("a", "1"),), cursor="here"), [a_job("1")])
    queue.scratch("clock").put("last", "now")
    run(queue, handle, io=3)
    assert handle.came(1)
    (tmp_path / "state.db").unlink()
    assert (memory.cursor(), list(memory.all()), dict(queue.scratch("clock").all())) == ("", [], {})
    queue.put([a_job("2"), a_job("3")])
    assert handle.came(3)
    handle.release("1")
    memory.commit(Batch(cursor="there"), [a_job("4")])
    assert handle.came(4)
    queue.stop(PATIENCE)
    assert queue.stats().counts == {}
    assert sorted(handle.names) == ["1", "2", "3", "4"]
