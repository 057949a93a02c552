"""One database file: grouped commits, what is durable, what a failing write leaves."""

import gc
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from albumen.errors import ConfigError, Unavailable
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

    def counted(self: Database, group: list, synchronous: str) -> None:  # type: ignore[type-arg]
        groups.append(len(group))
        commit(self, group, synchronous)

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


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """S4-48 (part: a failing step)."""
    database = Database(path := str(tmp_path / "d.db"), _SCHEMA)
    _put(database, 1)
    database.close()
    with pytest.raises(Unavailable, match=r"cannot be brought from schema 1 to 3: .* left as it is"):
        Database(path, (*_SCHEMA, "ALTER TABLE kept ADD COLUMN more", "CREATE TABLE kept (n)"))
    database = Database(path, _SCHEMA)
    assert _kept(database) == [1]
    database.close()


def _remove(tmp_path: Path, *endings: str) -> None:
    for ending in endings:
        (tmp_path / f"a.db{ending}").unlink()


@pytest.mark.parametrize("endings", [("",), ("", "-wal", "-shm"), ("", "-wal", "-shm", ".lock")])
def test_a_file_that_may_be_lost_is_made_anew_while_it_is_open(tmp_path: Path, endings: tuple[str, ...]) -> None:
    """Two processes' worth of it: what either writes is seen by the other, in the file that lies there now."""
    one, two = (Database(str(tmp_path / "a.db"), _SCHEMA, anew=True) for _ in range(2))
    _put(one, 1)
    assert _kept(two) == [1]
    before = one.generation
    _remove(tmp_path, *endings)
    assert _kept(one) == []
    assert one.generation == before + 1
    _put(two, 2)
    _put(one, 3)
    assert _kept(one) == _kept(two) == [2, 3]
    one.close()
    assert _kept(two) == [2, 3], "closing takes no log of others away"
    _put(two, 4)
    two.close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as found:
        assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert found.execute("SELECT n FROM kept").fetchall() == [(2,), (3,), (4,)]


def test_threads_write_on_while_their_file_is_deleted_again_and_again(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "a.db"), _SCHEMA, anew=True)
    failed: list[BaseException] = []

    def work(first: int) -> None:
        for number in range(first, first + 50):
            try:
                _put(database, number)
                database.rows("SELECT count(*) FROM kept")
            except BaseException as error:  # noqa: BLE001  # told to the test below
                failed.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        (tmp_path / "a.db").unlink(missing_ok=True)
        threads[0].join(0.005)
    assert {type(one) for one in failed} <= {Unavailable}, "a file deleted while it is being made is told; the next try is well"
    _put(database, 1)
    assert 1 in _kept(database)
    assert database.rows("PRAGMA integrity_check") == [("ok",)]
    database.close()


def test_a_precious_file_that_is_deleted_is_told_and_never_made_anew(db: Database, tmp_path: Path) -> None:
    """Readers and writers hear of it, also threads that had not read before; the remedy is named."""
    _put(db, 1)
    os.rename(tmp_path / "a.db", tmp_path / "aside")
    db._remedy = lambda: "run `albumen restore newest`"
    for ask in (lambda: _kept(db), lambda: _put(db, 2), db.checkpoint):
        with pytest.raises(Unavailable, match=r"a\.db was deleted while it was in use.*`albumen restore newest`"):
            ask()
    (tmp_path / "a.db").write_bytes(b"")
    with pytest.raises(Unavailable, match="replaced by another file"):
        _kept(db)
    os.rename(tmp_path / "aside", tmp_path / "a.db")
    _put(db, 2)
    assert _kept(db) == [1, 2], "it is back, with its log"


@pytest.mark.parametrize("endings", [("-wal",), ("-shm",), ("-wal", "-shm")])
def test_a_log_that_is_deleted_loses_nothing(db: Database, tmp_path: Path, endings: tuple[str, ...]) -> None:
    _put(db, 1)
    _remove(tmp_path, *endings)
    assert _kept(db) == [1]
    _put(db, 2)
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        assert other.execute("SELECT n FROM kept").fetchall() == [(1,), (2,)]
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_checkpoint_empties_the_log_unless_a_reader_holds_it(db: Database, tmp_path: Path) -> None:
    log = tmp_path / "a.db-wal"
    _put(db, 1)
    assert log.stat().st_size > 0
    assert db.checkpoint() == log.stat().st_size == 0
    with db.read() as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM kept").fetchone() == (1,)
        _put(db, 2)
        assert db.checkpoint() == log.stat().st_size > 0
    assert db.checkpoint() == 0
    assert _kept(db) == [1, 2]


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_threads_share_a_few_connections(db: Database) -> None:
    """Each has a page cache of megabytes and two descriptors: forty threads that read now and then need no forty."""
    _kept(db)
    gc.collect()  # what other tests left
    before = _descriptors()
    together = threading.Barrier(8)

    def read() -> None:
        with db.read() as connection:
            together.wait(10)
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)

    for _ in range(10):
        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(db._readers) == 4
    assert _descriptors() <= before + 16, "SQLite keeps a few to use again"


def test_a_reader_within_a_reader_has_its_own_connection(db: Database) -> None:
    with db.read() as one, db.read() as other:
        assert one is not other
        one.execute("BEGIN")
        assert one.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        _put(db, 1)
        assert other.execute("SELECT count(*) FROM kept").fetchone() == (1,)
        assert one.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert _kept(db) == [1]


def test_what_a_reader_left_open_is_ended_before_the_next_one(db: Database) -> None:
    with suppress(ZeroDivisionError), db.read() as one:
        one.execute("BEGIN")
        one.execute("SELECT count(*) FROM kept").fetchone()
        raise ZeroDivisionError
    _put(db, 1)
    assert _kept(db) == [1]


def test_a_write_that_meets_the_end_is_done_or_refused_but_answered(tmp_path: Path) -> None:
    for turn in range(20):
        database = Database(str(tmp_path / f"{turn}.db"), _SCHEMA)
        start = threading.Barrier(5)
        said: list[str] = []

        def write(number: int, database: Database = database, start: threading.Barrier = start, said: list[str] = said) -> None:
            start.wait()
            for more in range(20):
                try:
                    _put(database, 100 * number + more, durable=False)
                except Unavailable as error:
                    said.append(str(error))

        threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(4)]
        for thread in threads:
            thread.start()
        start.wait()
        database.close()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive(), "a call was never answered"
        with closing(sqlite3.connect(database.path)) as kept:
            (done,) = kept.execute("SELECT count(*) FROM kept").fetchone()
        assert done + len(said) == 80
        assert set(said) <= {f"{turn}.db: database is closed"}
        with pytest.raises(Unavailable, match="closed"):
            _kept(database)
