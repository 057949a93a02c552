"""The queue's own writes fail: workers keep their outcome, try again, and never die of it."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from albumen.errors import Unavailable
from albumen.model import Batch, Done, Seen
from albumen.owners import Owners
from albumen.queues.sqlite import SqliteQueue
from albumen.sqlite import Database
from albumen.testing.bench_queue import PATIENCE, Watched, a_job, run


class Disk:
    """A database that can be full: SQLite itself refuses to grow the file. ``failed`` counts refused writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._changed = threading.Condition()
        self._failed = 0
        self._write = Database.write
        monkeypatch.setattr(Database, "write", self._watched())

    def _watched(self) -> Callable[..., Any]:
        write = self._write

        def watched(db: Database, work: Callable[..., Any], **how: bool) -> Any:
            try:
                return write(db, work, **how)
            except Unavailable:
                with self._changed:
                    self._failed += 1
                    self._changed.notify_all()
                raise

        return watched

    def fill(self, queue: SqliteQueue) -> None:
        """No page more."""
        self._write(queue._db, lambda connection: connection.execute("PRAGMA max_page_count=1").fetchone())

    def free(self, queue: SqliteQueue) -> None:
        """As many as wanted."""
        self._write(queue._db, lambda connection: connection.execute("PRAGMA max_page_count=1000000").fetchone())

    def failed(self, count: int) -> bool:
        """Wait until so many writes were refused."""
        with self._changed:
            return self._changed.wait_for(lambda: self._failed >= count, PATIENCE)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Not full yet."""
    return Disk(monkeypatch)


@pytest.fixture
def queue(tmp_path: Path, disk: Disk) -> Iterator[SqliteQueue]:
    """An embedded queue."""
    queue = SqliteQueue(str(tmp_path / "state.db"), Owners(str(tmp_path)), poll=0.02)
    yield queue
    queue.shutdown()


def big(name: str) -> Done:
    """An outcome that makes the file grow."""
    return Done(tuple(a_job(f"{name}/{number}/" + "x" * 2000, lane="cpu") for number in range(20)))


def test_outcomes_are_kept_until_the_disk_has_room(queue: SqliteQueue, disk: Disk) -> None:
    """Each job ran once, nothing it said is lost, and as many workers as before go on."""
    names = [str(number) for number in range(8)]
    queue.put([a_job(name) for name in names])
    handle = Watched({name: [big(name)] for name in names}, hold=set(names))
    run(queue, handle, io=4)
    assert handle.came(4)
    disk.fill(queue)
    for name in names[:4]:
        handle.release(name)
    assert disk.failed(8), "each of the four tried at least once, some again"
    assert (queue.pending("").running, len(handle.names)) == (4, 4)
    disk.free(queue)
    assert handle.came(8), "all four workers live"
    for name in names[4:]:
        handle.release(name)
    queue.stop()
    assert sorted(handle.names) == names
    assert queue.stats().counts == {("cpu", "ready"): 160}


def test_stop_does_not_wait_for_room(queue: SqliteQueue, disk: Disk, tmp_path: Path) -> None:
    """The outcome is given up and the job delivered again, by the next process."""
    queue.put([a_job("1")])
    handle = Watched({"1": [big("1")]}, hold={"1"})
    run(queue, handle)
    assert handle.came(1)
    disk.fill(queue)
    handle.release("1")
    assert disk.failed(1)
    began = time.monotonic()
    queue.stop(PATIENCE)
    assert time.monotonic() - began < PATIENCE / 2
    disk.free(queue)
    assert queue.pending("").running == 1
    queue._jobs._owners.close()
    other, again = SqliteQueue(str(tmp_path / "state.db"), Owners(str(tmp_path)), poll=0.02), Watched()
    run(other, again)
    assert again.came(1)
    other.stop()
    assert again.names == ["1"]
    other.shutdown()


def test_a_failed_put_keeps_nothing(queue: SqliteQueue, disk: Disk) -> None:
    """All or none; the caller is told which file, and may put again."""
    disk.fill(queue)
    jobs = [a_job(f"{number}/" + "x" * 2000) for number in range(20)]
    with pytest.raises(Unavailable, match=r"full .*state\.db"):
        queue.put(jobs)
    assert queue.pending("").active == 0
    disk.free(queue)
    queue.put(jobs)
    assert queue.pending("").ready == 20


def test_a_piece_of_a_scan_is_kept_whole_or_not_at_all(queue: SqliteQueue, disk: Disk) -> None:
    """Jobs, what was seen and the cursor stand or fall together: a crash costs time, never a file."""
    memory = queue.memory("camera")
    memory.commit(Batch(seen=(Seen("old", "1"),), cursor="1"), [])
    seen = tuple(Seen(f"{number}/" + "x" * 500, "1") for number in range(200))
    batch = Batch(seen=seen, forget=("old",), cursor="2")
    disk.fill(queue)
    with pytest.raises(Unavailable, match="full"):
        memory.commit(batch, [a_job("1")])
    assert (queue.pending("").active, list(memory.all()), memory.cursor()) == (0, [Seen("old", "1")], "1")
    disk.free(queue)
    memory.commit(batch, [a_job("1")])
    assert (queue.pending("").active, len(list(memory.all())), memory.cursor()) == (1, 200, "2")


def test_a_failed_claim_is_tried_again(queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while nothing at all can be written, workers and minder go on living."""
    write, broken, refused = Database.write, threading.Event(), threading.Event()

    def refusing(db: Database, work: Callable[..., Any], **how: bool) -> Any:
        if broken.is_set():
            refused.set()
            raise Unavailable("state.db", "read-only file system")
        return write(db, work, **how)

    queue.put([a_job("1"), a_job("2")])
    broken.set()
    monkeypatch.setattr(Database, "write", refusing)
    handle = Watched()
    run(queue, handle, io=2)
    assert refused.wait(PATIENCE)
    broken.clear()
    assert handle.came(2)
    queue.stop()
    assert queue.pending("").active == 0
