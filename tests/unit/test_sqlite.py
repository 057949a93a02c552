"""One database file: grouped commits, what is durable, what a failing write leaves."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.errors import ConfigError
from albumen.sqlite import Database

_SCHEMA = ("CREATE TABLE kept (n INTEGER PRIMARY KEY)",)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(str(tmp_path / "a.db"), _SCHEMA)
    yield database
    database.close()


def _put(db: Database, number: int, *, durable: bool = True) -> None:
    db.write(lambda connection: connection.execute("INSERT INTO kept VALUES (?)", (number,)), durable=durable)


def _kept(db: Database) -> list[int]:
    return [row[0] for row in db.rows("SELECT n FROM kept ORDER BY n")]


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_written_is_seen_by_every_reader_at_once(db: Database, tmp_path: Path, durable: bool) -> None:
    other = sqlite3.connect(tmp_path / "a.db")
    for number in range(20):
        _put(db, number, durable=durable)
        assert other.execute("SELECT max(n) FROM kept").fetchone() == (number,)
    other.close()


def test_a_failing_write_takes_back_only_its_own(db: Database) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO kept VALUES (1)")
        raise ValueError("no")

    threads = [threading.Thread(target=_put, args=(db, number)) for number in range(10, 20)]
    for thread in threads:
        thread.start()
    with pytest.raises(ValueError, match="no"):
        db.write(fails)
    for thread in threads:
        thread.join()
    assert _kept(db) == list(range(10, 20))


def test_writes_that_wait_together_share_commits(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    commit = Database._commit

    def counted(self: Database, connection: sqlite3.Connection, group: list) -> None:  # type: ignore[type-arg]
        groups.append(len(group))
        commit(self, connection, group)

    monkeypatch.setattr(Database, "_commit", counted)
    inside, go = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        inside.set()
        assert go.wait(10)

    first = threading.Thread(target=db.write, args=(slow,))
    first.start()
    assert inside.wait(10)
    threads = [threading.Thread(target=_put, args=(db, number)) for number in range(30)]
    for thread in threads:
        thread.start()
    while db._inbox.qsize() < 30:
        go.wait(0.001)
    go.set()
    for thread in (*threads, first):
        thread.join()
    assert groups == [1, 30]


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Database(str(tmp_path / "b.db"), (*_SCHEMA, "CREATE TABLE more (n)")).close()
    with pytest.raises(ConfigError, match="newer albumen"):
        Database(str(tmp_path / "b.db"), _SCHEMA)


def test_a_migration_runs_once(tmp_path: Path) -> None:
    Database(str(tmp_path / "c.db"), _SCHEMA).close()
    database = Database(str(tmp_path / "c.db"), (*_SCHEMA, "ALTER TABLE kept ADD COLUMN more"))
    assert database.rows("SELECT n, more FROM kept") == []
    database.close()
