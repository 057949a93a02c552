"""Restore: all of a backup or nothing of it, and what was there is kept."""

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from albumen.errors import NotFound, Rejected, Unavailable, UsageError
from albumen.operations import backing, engines, opening, restoring
from albumen.operations.backing import Backup
from albumen.operations.engines import Home
from albumen.owners import Owners
from albumen.testing import FakeClock
from make.states import Killed, State, killed_at


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Saved with three records; two came since."""
    made = State(tmp_path / "state")
    made.know(1, 2, 3)
    backing.backup(made.path, made.backups)
    made.know(4, 5)
    return made


def restored(state: State, backup: Backup | None = None) -> restoring.Restored:
    with opening.standing(state.path) as lock:
        return restoring.restore(state.path, backup or restoring.find(state.path, state.backups, "newest"), lock)


def test_the_saved_ones_come_back_and_the_others_are_kept(state: State, tmp_path: Path) -> None:
    """``state.db`` belongs to a later time: it is begun anew."""
    done = restored(state)
    assert state.known() == (3, 3, 0)
    assert sorted(os.listdir(done.aside)) == ["catalog.db", "ledger.db", "state.db"]
    shutil.move(done.aside, tmp_path / "aside")
    assert State(tmp_path / "aside").known() == (5, 5, 5)
    backing.check(done.backup)
    assert [name for name in os.listdir(state.path) if "restore" in name] == []


def test_what_only_the_log_has_is_kept_aside_too(state: State, tmp_path: Path) -> None:
    """The daemon was killed: its last commits lie in the log, which must not meet the restored file."""
    log = tmp_path / "log"
    with state.open() as (catalog, _, _):
        catalog.put([])
        with closing(sqlite3.connect(os.path.join(state.path, "catalog.db"))) as db:
            db.execute("DELETE FROM record WHERE n > 4")
            db.commit()
        for name in ("catalog.db", "catalog.db-wal"):
            shutil.copy(os.path.join(state.path, name), tmp_path / name.replace("catalog.db", "log"))
    shutil.copy(log, os.path.join(state.path, "catalog.db"))
    shutil.copy(tmp_path / "log-wal", os.path.join(state.path, "catalog.db-wal"))
    done = restored(state)
    with closing(sqlite3.connect(os.path.join(done.aside, "catalog.db"))) as db:
        assert db.execute("SELECT count(*) FROM record").fetchone() == (4,)
    assert state.known() == (3, 3, 0)


def test_killed_anywhere_it_is_the_old_set_or_the_new(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens it next finishes the swap; never a mixed set, and nothing is lost."""
    seen = set()
    for at in range(1, 200):
        shutil.rmtree(tmp_path / "try", ignore_errors=True)
        shutil.copytree(state.path, tmp_path / "try")
        here = State(tmp_path / "try")
        backup = restoring.find(here.path, here.backups, "newest")
        with opening.standing(here.path) as lock:
            killed = killed_at(monkeypatch, at, partial(restoring.restore, here.path, backup, lock))
        owners = Owners(here.path)
        opening.enter(here.path, here.backups, owners).close()
        owners.close()
        known = here.known()
        assert known in {(5, 5, 5), (3, 3, 0)}
        seen.add(known)
        assert [name for name in os.listdir(here.path) if name.startswith((".restore", "restore"))] == []
        kept = [name for name in os.listdir(here.path) if name.startswith("before-restore")]
        assert len(kept) == (known == (3, 3, 0))
        for name in kept:
            shutil.move(os.path.join(here.path, name), tmp_path / f"kept-{at}")
            assert State(tmp_path / f"kept-{at}").known() == (5, 5, 5)
        if not killed:
            break
    assert at > 15
    assert seen == {(5, 5, 5), (3, 3, 0)}


def test_a_swap_killed_twice_is_finished(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = restoring.find(state.path, state.backups, "newest")
    with opening.standing(state.path) as lock:
        at = 1
        while not restoring.is_unfinished(state.path):
            assert killed_at(monkeypatch, at, lambda: restoring.restore(state.path, backup, lock))
            at += 1
        assert killed_at(monkeypatch, 4, lambda: restoring.finish(state.path))
        assert killed_at(monkeypatch, 5, lambda: restoring.finish(state.path))
        with pytest.raises(UsageError, match="was interrupted: `albumen status` finishes it"):
            opening.peek(state.path, state.backups)
        restoring.finish(state.path)
        restoring.finish(state.path)
    assert state.known() == (3, 3, 0)


def test_not_beside_a_running_albumen(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it open, a daemon or a command, is named; nothing is changed."""
    owners = Owners(state.path)
    lock = opening.enter(state.path, state.backups, owners)
    monkeypatch.setattr("albumen.owners._AGAIN", 0.001)
    monkeypatch.setattr("albumen.owners.StateLock.alone.__defaults__", (0.0,))
    with pytest.raises(UsageError, match=rf"restore needs .* albumen runs \(process {os.getpid()}\): stop it first"):
        restored(state)
    lock.close()
    owners.close()
    assert state.known() == (5, 5, 5)


def test_nothing_is_changed_without_room(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(Unavailable, match="nothing was changed: No space left"):
        restored(state)
    monkeypatch.undo()
    assert state.known() == (5, 5, 5)
    assert not [name for name in os.listdir(state.path) if "restore" in name]


@pytest.mark.parametrize("harm", ["flip", "newer", "lacks"])
def test_a_backup_is_checked_first(state: State, harm: str) -> None:
    backup = restoring.find(state.path, state.backups, "newest")
    path = Path(backup.path, "ledger.db")
    if harm == "flip":
        data = bytearray(path.read_bytes())
        data[5000] ^= 1
        path.write_bytes(data)
        error: type[Exception] = Rejected
    elif harm == "newer":
        backup = replace(backup, files={**backup.files, "ledger.db": replace(backup.files["ledger.db"], schema=99)})
        error = UsageError
    else:
        backup = replace(backup, files={"catalog.db": backup.files["catalog.db"]})
        error = Rejected
    for ask in (partial(restored, state, backup), partial(restoring.preview, state.path, backup)):
        with pytest.raises(error, match=r"another backup|older backup"):
            ask()
    assert state.known() == (5, 5, 5)


def test_a_dry_run_says_it_and_changes_nothing(state: State, clock: FakeClock) -> None:
    """U-05 (part: restore)."""
    before = sorted(os.listdir(state.path))
    backup = restoring.find(state.path, state.backups, "newest")
    foreseen = restoring.preview(state.path, backup, clock=clock)
    assert sorted(os.listdir(state.path)) == before
    with opening.standing(state.path) as lock:
        assert restoring.restore(state.path, backup, lock, clock=clock) == foreseen


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_into_an_empty_directory(state: State, tmp_path: Path) -> None:
    """A new disk: the backup lay on another one."""
    fresh = State(tmp_path / "fresh")
    done = restored(fresh, restoring.find(fresh.path, state.backups, "newest"))
    assert done.aside == ""
    assert fresh.known() == (3, 3, 0)
    assert not [name for name in os.listdir(fresh.path) if "restore" in name]


def test_a_backup_is_found_by_its_name_or_path(state: State, tmp_path: Path) -> None:
    newest = restoring.find(state.path, state.backups, "newest")
    assert restoring.find(state.path, state.backups, newest.name) == newest
    assert restoring.find(state.path, str(tmp_path), newest.path) == newest
    with pytest.raises(NotFound, match="backup --list"):
        restoring.find(state.path, state.backups, "2020-01-01T00-00-00Z")
    with pytest.raises(NotFound, match="there is no backup in"):
        restoring.find(state.path, str(tmp_path), "newest")


@pytest.mark.parametrize("killed", [False, True])
def test_a_restore_says_where_the_catalog_is(state: State, monkeypatch: pytest.MonkeyPatch, *, killed: bool) -> None:
    """Whoever lost an engine for good restores into the other one, which has the catalog from then on; also when it is killed."""
    engines.settle(state.path, Home("elsewhere", "gone for good"))
    if killed:
        monkeypatch.setattr(restoring, "_swap", _kill)
        with pytest.raises(Killed):
            restored(state)
        monkeypatch.undo()
        owners = Owners(state.path)
        opening.enter(state.path, state.backups, owners).close()
        owners.close()
    else:
        restored(state)
    assert engines.home_of(state.path) == engines.HERE
    assert state.known() == (3, 3, 0)


def _kill(*_: object) -> None:
    raise Killed
