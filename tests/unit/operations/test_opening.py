"""Before the databases are opened: a copy before an upgrade, the way back from a newer program, and what is missing."""

import errno
import importlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from albumen import sqlite_file
from albumen.errors import ConfigError, Unavailable, UsageError
from albumen.operations import backing, opening, restoring
from albumen.operations.restoring import BEFORE_UPGRADE, SCHEMAS
from albumen.owners import Owners
from make.states import State, killed_at


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Three records."""
    made = State(tmp_path / "state")
    made.know(1, 2, 3)
    return made


def older(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program knows one schema more of each than what is there: its scripts make a table."""
    for where in ("catalogs.sqlite_schema", "ledgers.sqlite", "queues.sqlite"):
        schema = importlib.import_module(f"albumen.{where}").SCHEMA
        monkeypatch.setattr(f"albumen.{where}.SCHEMA", (*schema, "CREATE TABLE more(n);"))
    known = {name: version + 1 for name, version in SCHEMAS.items()}
    monkeypatch.setattr(opening, "SCHEMAS", known)
    monkeypatch.setattr(restoring, "SCHEMAS", known)


def opened(state: State) -> tuple[int, int, int]:
    """As the app opens it; what it knows then."""
    owners = Owners(state.path)
    try:
        lock = opening.enter(state.path, state.backups, owners)
        try:
            known = state.known()
            opening.has_opened(state.path, lock)
            return known
        finally:
            lock.close()
    finally:
        os.close(owners._fd)  # as when the process dies


def copies(state: State) -> list[backing.Backup]:
    return list(backing.listed(os.path.join(state.path, BEFORE_UPGRADE)))


def test_a_copy_is_kept_before_an_upgrade(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """S4-48 (part: migrates after a copy; records before = after)."""
    before = {name: state.schema(name) for name in SCHEMAS}
    assert opened(state) == (3, 3, 3)
    assert copies(state) == [], "nothing to upgrade, nothing to copy"
    older(state, monkeypatch)
    assert opened(state) == (3, 3, 3)
    assert {name: state.schema(name) for name in before} == {name: version + 1 for name, version in before.items()}
    (copy,) = copies(state)
    backing.check(copy)
    assert {name: one.schema for name, one in copy.files.items()} == before
    assert opened(state) == (3, 3, 3)
    assert copies(state) == [copy]
    assert not os.path.exists(os.path.join(state.path, "upgrade.json"))


def test_killed_anywhere_an_upgrade_goes_on_with_one_copy(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is of the state before, also when one database was upgraded already."""
    before = {name: state.schema(name) for name in SCHEMAS}
    older(state, monkeypatch)
    at = 0
    while killed_at(monkeypatch, at := at + 1, lambda: opened(state)):
        for copy in copies(state):
            assert {name: one.schema for name, one in copy.files.items()} == before
    assert at > 8
    assert opened(state) == (3, 3, 3)
    assert len(copies(state)) in (1, 2), "killed between the copy and its mark, it is made again"
    for copy in copies(state):
        backing.check(copy)
        assert {name: one.schema for name, one in copy.files.items()} == before


def test_two_copies_stay(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    older(state, monkeypatch)
    for _ in range(4):
        opened(state)
        for name in SCHEMAS:
            state.age(name, SCHEMAS[name])
        monkeypatch.setattr(
            sqlite_file, "migrate", lambda connection, schema: connection.execute(f"PRAGMA user_version={len(schema)}")
        )
    opened(state)
    assert len(copies(state)) == 2


def test_without_room_for_the_copy_nothing_is_changed(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: state.schema(name) for name in SCHEMAS}
    older(state, monkeypatch)

    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sqlite_file, "_sync", full)
    with pytest.raises(Unavailable, match=r"no copy of the databases can be kept first, so nothing was changed: .*No space left"):
        opened(state)
    assert {name: state.schema(name) for name in SCHEMAS} == before
    assert copies(state) == []


def test_an_upgrade_waits_until_nobody_else_is_there(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older daemon that still runs would meet tables it does not know."""
    older(state, monkeypatch)
    monkeypatch.setattr("albumen.owners.StateLock.alone.__defaults__", (0.0,))
    other = Owners(state.path)
    with pytest.raises(UsageError, match=r"an upgrade of the databases needs .* stop it first"):
        opened(state)
    other.close()
    assert opened(state) == (3, 3, 3)


def test_the_way_back_from_a_newer_program(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """S4-48 (part: an older program refuses): it names the copy that was kept before the upgrade; restoring that, it works again."""
    with monkeypatch.context() as newer:
        older(state, newer)
        opened(state)
        state.know(4)
    (copy,) = copies(state)
    for name in SCHEMAS:
        assert f"`albumen restore {copy.path}`" in opening.remedy(state.path, state.backups, name)
    with opening.standing(state.path) as lock:
        restoring.restore(state.path, restoring.find(state.path, state.backups, f"{BEFORE_UPGRADE}/{copy.name}"), lock)
    assert opened(state) == (3, 3, 3)


def test_the_way_back_without_a_copy(state: State) -> None:
    for name, known in SCHEMAS.items():
        state.age(name, known + 1)
    assert "there is none" in opening.remedy(state.path, state.backups, "catalog.db")
    assert "remove" in opening.remedy(state.path, state.backups, "state.db")
    with pytest.raises(ConfigError, match=r"newer albumen.*install the newer version again, or go back"):
        opened(state)


@pytest.mark.parametrize("gone", [("catalog.db",), ("ledger.db",)])
@pytest.mark.parametrize("emptied", [False, True])
def test_a_precious_one_that_is_missing_is_told(state: State, gone: tuple[str, ...], *, emptied: bool) -> None:
    """The other one says that it was there. ``state.db`` may go."""
    from albumen.model import Deed, Ref

    with state.open() as (_, ledger, _):
        batch = ledger.batches().rows[0].id
        ledger.intend([Deed(batch=batch, key="k", verb="copy", source=Ref("disk", "a"), target=Ref("nas", "a"), target_key="a")])
    os.unlink(os.path.join(state.path, "state.db"))
    for name in gone:
        os.unlink(os.path.join(state.path, name))
        if emptied:
            Path(state.path, name).touch()
    with pytest.raises(UsageError, match=f"{gone[0]} of .* is missing, but .* is there and not empty"):
        opened(state)
    with pytest.raises(UsageError):
        opening.peek(state.path, state.backups)
    assert not os.path.exists(os.path.join(state.path, gone[0])) or emptied


def test_both_missing_beside_backups_is_told(state: State) -> None:
    backing.backup(state.path, state.backups)
    for name in SCHEMAS:
        os.unlink(os.path.join(state.path, name))
    with pytest.raises(UsageError, match=r"are missing, but there are backups .*`albumen restore newest`"):
        opened(state)


def test_the_first_start_may_be_killed_between_the_two(tmp_path: Path) -> None:
    """An empty catalog without a ledger is no accident."""
    state = State(tmp_path / "state")
    state.know()
    os.unlink(os.path.join(state.path, "ledger.db"))
    assert opened(state) == (0, 0, 0)


def test_two_may_begin_at_once(tmp_path: Path) -> None:
    """The other one has made the file of its catalog, but neither its tables nor the ledger yet."""
    state = State(tmp_path / "state")
    with closing(sqlite3.connect(os.path.join(state.path, "catalog.db"))) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert os.path.getsize(os.path.join(state.path, "catalog.db"))
    assert opened(state)[0] == 0
