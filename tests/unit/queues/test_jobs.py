"""Leases of the embedded queue: what the minder does, one call at a time."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.model import Done
from albumen.owners import Owners
from albumen.queues import jobs
from albumen.queues.jobs import Jobs
from albumen.queues.rows import INSERT, SCHEMA, row
from albumen.queues.workers import Lease
from albumen.sqlite import Database
from albumen.testing import FakeClock
from albumen.testing.bench_queue import a_job

LEASE = 30.0


class Table:
    """The file and its processes."""

    def __init__(self, state: Path) -> None:
        self.clock = FakeClock()
        self.owners = Owners(str(state))
        self._others = Owners(str(state))
        self.db = Database(str(state / "state.db"), SCHEMA)
        self.mine = Jobs(self.db, self.owners, self.clock, LEASE, frozenset({""}))
        self.others = Jobs(self.db, self._others, self.clock, LEASE, frozenset({""}))

    def put(self, *names: str) -> None:
        """Jobs that are ready."""
        rows = [row(a_job(name), self.clock(), later=False) for name in names]
        self.db.write(lambda connection: connection.executemany(INSERT, rows))

    def take(self, jobs: Jobs) -> Lease:
        """A claim that must succeed."""
        lease = jobs.take("io")
        assert lease is not None
        return lease


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    """An empty table."""
    table = Table(tmp_path)
    yield table
    table.db.close()


def test_a_running_job_keeps_its_lease(table: Table) -> None:
    """Extended while it runs, however long: nobody else gets it."""
    table.put("1")
    lease = table.take(table.mine)
    for _ in range(10):
        table.clock.advance(LEASE * 0.9)
        table.mine.tend([lease])
        table.others.tend([])
        assert table.others.take("io") is None
    assert table.mine.finish(lease, Done(), None) == (True, None)


def test_ones_own_clock_may_jump(table: Table) -> None:
    """After a suspended hour the own running jobs are extended, not taken for lost."""
    table.put("1")
    lease = table.take(table.mine)
    table.clock.advance(3600.0)
    table.mine.tend([lease])
    assert table.mine.take("io") is None


def test_a_lease_that_nobody_extends_runs_out(table: Table) -> None:
    """Also one's own: a claim whose commit seemed to fail is nobody's job. The second claim by the same owner fences the first."""
    table.put("1")
    first = table.take(table.mine)
    table.mine.tend([])
    assert table.mine.take("io") is None
    table.clock.advance(LEASE + 1)
    table.mine.tend([])
    second = table.take(table.mine)
    assert (second.id, second.number) == (first.id, first.number + 1)
    assert table.mine.finish(first, Done((a_job("never"),)), None) == (False, None)
    assert table.mine.finish(second, Done(), None) == (True, None)
    assert table.mine.take("io") is None


def test_looking_writes_nothing(table: Table) -> None:
    """Idle processes cost no commits: neither looking nor tending writes when there is nothing to change."""
    table.put("1", "2")
    lease = table.take(table.mine)

    def changes(connection: sqlite3.Connection) -> int:
        return connection.total_changes

    before = table.db.write(changes)
    assert table.mine.look({"io": 5, "cpu": 0, "slow": 1}).claimable == {"io": 1, "slow": 0}
    table.mine.tend([lease])
    table.others.tend([])
    assert table.db.write(changes) == before


def test_looking_tells_when_the_next_is_due(table: Table) -> None:
    """In seconds; what is due already is made ready."""
    rows = [row(a_job(str(delay)), table.clock() + delay * 10**9, later=True) for delay in (5, 9)]
    table.db.write(lambda connection: connection.executemany(INSERT, rows))
    assert table.mine.look({"io": 5}).due == 5.0
    table.clock.advance(5.0)
    look = table.mine.look({"io": 5})
    assert (look.claimable, look.due) == ({"io": 1}, 4.0)


def test_every_hot_statement_has_its_index(table: Table) -> None:
    """With 200 000 jobs waiting nothing may walk through the table."""
    for sql, values in (
        (jobs._NEXT, ("io", "[]", 1)),
        (jobs._FIRST_DUE, ()),
        (jobs._MAKE_DUE, (0,)),
        (jobs._PARK, (b"", b"x")),
        (jobs._END, (1, "", 1)),
    ):
        plan = [line[3] for line in table.db.rows(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert not [line for line in plan if line.startswith("SCAN") and "json_each" not in line], plan
