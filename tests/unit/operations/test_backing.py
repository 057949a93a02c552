"""Backups: whole or not at all, as of one moment, the oldest removed and never the last good one."""

import errno
import fcntl
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from albumen import sqlite_file
from albumen.errors import Rejected, Unavailable
from albumen.model import Query
from albumen.operations import backing
from albumen.testing import FakeClock
from albumen.testing.records import a_record
from make.states import State, killed_at

DAY = 24 * 3600.0


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Three records."""
    made = State(tmp_path / "state")
    made.know(1, 2, 3)
    return made


@pytest.fixture
def clock() -> FakeClock:
    """A time that the tests turn."""
    return FakeClock()


def names(folder: str) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_backup_is_whole_and_says_what_is_in_it(state: State, clock: FakeClock) -> None:
    made = backing.backup(state.path, state.backups, clock=clock)
    assert names(made.path) == ["catalog.db", "ledger.db", "manifest.json"]
    assert (made.at, backing.newest(state.backups)) == (clock(), clock())
    assert backing.listed(state.backups) == [made]
    assert made.files["catalog.db"].rows["record"] == 3
    assert made.files["ledger.db"].rows["batch"] == 3
    assert made.size == sum(os.path.getsize(os.path.join(made.path, name)) for name in ("catalog.db", "ledger.db"))
    backing.check(made)


def test_a_backup_is_of_one_moment_while_others_write(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who writes waits for it, and what they write during it is in none of its tables."""
    monkeypatch.setattr(sqlite_file, "_PAGES", 1)
    with state.open() as (catalog, _, _):
        written = threading.Event()

        def write() -> None:
            for seed in range(100, 140):
                catalog.put([a_record(seed)])
            written.set()

        thread = threading.Thread(target=write)

        def wait() -> bool:  # asked after the first page already
            if not thread.is_alive() and not written.is_set():
                thread.start()
            assert written.wait(20)
            return False

        copied = sqlite_file.copy(os.path.join(state.path, "catalog.db"), os.path.join(state.path, "copy"), stop=wait)
        thread.join()
        assert copied.rows["record"] == copied.rows["body"] == 3
        assert len(catalog.find(Query(), limit=1000).rows) == 43


def test_what_is_filed_between_the_copies_is_known_by_the_catalog_at_least(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog is written before a deed is settled: the other way round, a deed would be done of which nobody knows the record."""
    copy = sqlite_file.copy

    def slow(*args: str, **more: Any) -> sqlite_file.Copied:
        copied = copy(*args, **more)
        if "record" not in copied.rows:
            state.know(4)
        return copied

    monkeypatch.setattr(sqlite_file, "copy", slow)
    made = backing.backup(state.path, state.backups)
    assert made.files["ledger.db"].rows["batch"] == 3
    assert made.files["catalog.db"].rows["record"] == 4


def test_a_backup_that_is_killed_anywhere_is_none(state: State, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing half is listed; the next one sweeps up."""
    at = 0
    while killed_at(monkeypatch, at := at + 1, lambda: backing.backup(state.path, state.backups, clock=clock)):
        for one in backing.listed(state.backups):
            backing.check(one)
        clock.advance(60)
    assert at > 5
    assert all(not name.startswith(".") for name in names(state.backups))
    backing.check(backing.listed(state.backups)[0])


def test_the_oldest_go_and_only_ours(state: State, clock: FakeClock) -> None:
    os.makedirs(os.path.join(state.backups, "mine"))
    os.makedirs(os.path.join(state.backups, "2020-01-01T00-00-00Z"))  # a name like ours, but no manifest
    made = []
    for _ in range(16):
        made.append(backing.backup(state.path, state.backups, keep=14, clock=clock).name)
        clock.advance(DAY)
    assert [one.name for one in backing.listed(state.backups)] == made[:1:-1]
    assert names(state.backups) == sorted(["mine", "2020-01-01T00-00-00Z", *made[2:]])


def test_the_backup_just_made_stays_whatever_the_clock_says(state: State, clock: FakeClock) -> None:
    """Those before it have a time to come; ``keep = 1``."""
    backing.backup(state.path, state.backups, clock=clock)
    clock.advance(-365 * DAY)
    made = backing.backup(state.path, state.backups, keep=1, clock=clock)
    assert made in backing.listed(state.backups)


def test_two_in_one_second_have_two_names(state: State, clock: FakeClock) -> None:
    one, two = (backing.backup(state.path, state.backups, clock=clock) for _ in range(2))
    assert two.name == f"{one.name}-2"
    assert len(backing.listed(state.backups)) == 2


def test_one_a_day_is_due(state: State, clock: FakeClock) -> None:
    def daily() -> str | None:
        return backing.daily(state.path, state.backups, 14, clock=clock, stop=lambda: False)

    assert backing.due(state.backups, clock())
    assert "are saved in" in str(daily())
    assert daily() is None
    for _ in range(23):
        clock.advance(3600)
        assert daily() is None
    clock.advance(3599)  # asked an hour later, a moment less than a day after the last
    assert daily()
    clock.advance(-30 * DAY)
    assert daily(), "the newest lies in the future: the clock was wrong"


@pytest.mark.parametrize("where", ["copy", "manifest", "room"])
def test_a_full_disk_leaves_nothing_half(state: State, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    before = backing.backup(state.path, state.backups)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", state.backups)

    if where == "copy":
        monkeypatch.setattr(sqlite_file, "_sync", full)
    elif where == "manifest":
        monkeypatch.setattr(json, "dump", full)
    else:
        real = os.statvfs(state.path)
        small = os.statvfs_result((*real[:3], 0, 0, *real[5:]))
        monkeypatch.setattr(os, "statvfs", lambda _: small)
    with pytest.raises(Unavailable, match=r"No space left|MiB are needed in .* free some space"):
        backing.backup(state.path, state.backups, keep=1)
    assert backing.listed(state.backups) == [before]
    assert names(state.backups) == [before.name]


def test_a_stop_ends_it_without_a_trace(state: State) -> None:
    with pytest.raises(Unavailable, match="stopped"):
        backing.backup(state.path, state.backups, stop=lambda: True)
    assert names(state.backups) == []


def test_a_damaged_database_is_not_saved_as_if_it_were_well(state: State) -> None:
    with open(os.path.join(state.path, "catalog.db"), "r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\0" * 4096 * 2)
    with pytest.raises(Unavailable, match=r"damaged|malformed"):
        backing.backup(state.path, state.backups)
    assert backing.listed(state.backups) == []


def test_one_at_a_time(state: State) -> None:
    with open(os.path.join(state.path, "backup.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another one is being made"):
            backing.backup(state.path, state.backups)


def test_nothing_to_save_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"there is no ledger.db and no catalog.db in .* to save$"):
        backing.backup(str(tmp_path), str(tmp_path / "backups"))


def test_half_of_it_pushes_no_whole_one_out(state: State) -> None:
    """The catalog was deleted under the daemon, which goes on making backups."""
    before = backing.backup(state.path, state.backups)
    os.unlink(os.path.join(state.path, "catalog.db"))
    with pytest.raises(Unavailable, match=r"there is no catalog.db in .* `albumen restore newest`"):
        backing.backup(state.path, state.backups, keep=1)
    assert backing.listed(state.backups) == [before]


@pytest.mark.parametrize("harm", ["flip", "cut", "gone", "manifest", "other"])
def test_a_backup_that_was_harmed_is_seen(state: State, harm: str) -> None:
    made = backing.backup(state.path, state.backups)
    path = Path(made.path, "catalog.db")
    if harm == "flip":
        data = bytearray(path.read_bytes())
        data[-100] ^= 1
        path.write_bytes(data)
        with pytest.raises(Rejected, match=r"not what it was .* another backup"):
            backing.check(made)
        return
    if harm == "cut":
        os.truncate(path, path.stat().st_size - 4096)
    elif harm == "gone":
        path.unlink()
    elif harm == "manifest":
        Path(made.path, "manifest.json").write_text("{")
    else:
        shutil.rmtree(made.path)
        Path(made.path).write_text("")
    assert backing.listed(state.backups) == []
    assert backing.newest(state.backups) is None


def test_the_remedy_names_the_newest(state: State) -> None:
    assert "there is none" in backing.remedy(state.backups)
    made = backing.backup(state.path, state.backups)
    assert made.path in backing.remedy(state.backups)
    assert "albumen restore newest" in backing.remedy(state.backups)
