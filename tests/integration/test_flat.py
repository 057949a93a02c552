"""What restarts again and again leaves nothing behind: threads and descriptors after many rounds are those after a few."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from albumen.errors import Unavailable
from albumen.model import Done
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.queues.sqlite import SqliteQueue
from albumen.sources.local import LocalSource
from albumen.testing import MemoryQueue
from make import jpeg

ROUNDS = 40
WARM = 5


def held() -> tuple[int, int]:
    """Open descriptors and threads of this process."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def grows(what: Callable[[], object]) -> bool:
    """Whether more is held after many rounds than after a few."""
    for _ in range(WARM):
        what()
    few = held()
    for _ in range(ROUNDS):
        what()
    many = held()
    return many[0] > few[0] or many[1] > few[1]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    owners = Owners(str(tmp_path / "state"))
    yield Context(str(tmp_path / "state"), owners)
    owners.close()


def test_a_folder_that_comes_and_goes_and_is_another_each_time(tmp_path: Path, context: Context) -> None:
    """Each time it is back it is watched anew; the watch of the one before, which is still there, ends."""
    root = tmp_path / "in"
    for name in ("one", "two"):
        jpeg(str(tmp_path / name / "2021" / "a.jpg"), when="2021:07:01 00:30:00")
    source = LocalSource("in", LocalSource.Settings(str(root)), context)
    memory = MemoryQueue().memory("in")

    def comes_and_goes() -> None:
        for name in ("one", "two"):
            root.symlink_to(tmp_path / name)
            for batch in source.scan(memory):
                memory.commit(batch, ())
            root.unlink()
            with pytest.raises(Unavailable):
                list(source.scan(memory))

    try:
        assert not grows(comes_and_goes)
    finally:
        source.close()


def test_looks_that_are_broken_off(tmp_path: Path, context: Context) -> None:
    root = tmp_path / "in"
    for number in range(20):
        jpeg(str(root / str(number) / "a.jpg"), when="2021:07:01 00:30:00")
    source = LocalSource("in", LocalSource.Settings(str(root), settle=0.0), context)
    memory = MemoryQueue().memory("in")

    def broken_off() -> None:
        look = source.scan(memory)
        with suppress(StopIteration):
            next(look)
        del look

    try:
        assert not grows(broken_off)
    finally:
        source.close()


def test_a_queue_that_starts_and_stops(tmp_path: Path) -> None:
    owners = Owners(str(tmp_path))
    queue = SqliteQueue(str(tmp_path / "state.db"), owners, poll=0.01)

    def starts_and_stops() -> None:
        queue.start(lambda _job: Done(), workers={"io": 3})
        queue.stop(20.0)

    try:
        assert not grows(starts_and_stops)
    finally:
        queue.shutdown()
        owners.close()
