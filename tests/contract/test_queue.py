"""Every queue keeps the contracts of ``Queue``, ``Circuits`` and ``Memory``."""

from collections.abc import Iterator, Set
from pathlib import Path

import pytest

from albumen.owners import Owners
from albumen.queues.sqlite import SqliteQueue
from albumen.testing import FakeClock
from albumen.testing.bench_queue import Bench, WholeQueue
from albumen.testing.contracts_circuits import CircuitContract
from albumen.testing.contracts_memory import MemoryContract
from albumen.testing.contracts_queue import QueueContract
from albumen.testing.memory_jobs import MemoryJobs
from albumen.testing.queues import MemoryQueue


class MemoryBench:
    """Processes are queues on the same jobs."""

    lease = 30.0

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.queues: list[WholeQueue] = []
        self._jobs = MemoryJobs()
        self._dead: set[str] = set()

    def open(self, *, places: Set[str] = frozenset({""})) -> WholeQueue:
        """One more process."""
        me = str(len(self.queues))
        queue = MemoryQueue(self._jobs, me=me, dead=self._dead, clock=self.clock, lease=self.lease, places=places, poll=0.02)
        self.queues.append(queue)
        return queue

    def die(self, queue: WholeQueue) -> None:
        """It counts as dead."""
        self._dead.add(str(self.queues.index(queue)))


class SqliteBench:
    """Processes are queues on the same file, each with an owner of its own."""

    lease = 30.0

    def __init__(self, state: Path) -> None:
        self.clock = FakeClock()
        self.queues: list[WholeQueue] = []
        self.owners: list[Owners] = []
        self._state = str(state)

    def open(self, *, places: Set[str] = frozenset({""})) -> WholeQueue:
        """One more process."""
        owners = Owners(self._state)
        path = f"{self._state}/state.db"
        queue = SqliteQueue(path, owners, clock=self.clock, lease=self.lease, places=places, poll=0.02)
        self.queues.append(queue)
        self.owners.append(owners)
        return queue

    def die(self, queue: WholeQueue) -> None:
        """Its lock is freed, as the kernel does."""
        self.owners[self.queues.index(queue)].close()


class TestMemoryQueue(QueueContract, CircuitContract, MemoryContract):
    """The queue in memory."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        """In memory."""
        bench = MemoryBench()
        yield bench
        for queue in bench.queues:
            queue.shutdown()


class TestSqliteQueue(QueueContract, CircuitContract, MemoryContract):
    """The embedded queue."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """In a file."""
        bench = SqliteBench(tmp_path)
        yield bench
        for queue in bench.queues:
            queue.shutdown()
