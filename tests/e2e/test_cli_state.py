"""The state directory through the command: saved, restored, upgraded, deleted under the daemon."""

import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from e2e.command import Home, patched
from make import jpeg
from make.daemons import CONFIG, until
from servers import switch

DATABASES = ("catalog.jsonl.gz" if switch.is_on() else "catalog.db", "ledger.db", "state.db")


@pytest.fixture
def copying(home: Home) -> Home:
    """Files stay in the inbox."""
    (home.path / "albumen.toml").write_text(CONFIG.replace('mode = "move"', 'mode = "copy"'))
    (home.path / "inbox").mkdir()
    return home


def photos(home: Home, *days: int) -> None:
    for day in days:
        jpeg(home / f"inbox/{day}.jpg", when=f"2021:07:{day:02} 00:30:00")


def works(home: Home) -> None:
    """The daemon does what there is."""
    home.run("run", "--idle-exit", "1", code=0)


def known(home: Home) -> dict[str, str]:
    """SHA-256 by path, of all that the catalog knows."""
    rows = home.run("export", code=0).rows
    return {place["path"]: one["sha256"] for one in rows for place in one["placements"]}


def test_what_is_restored_is_completed_by_the_daemon(copying: Home) -> None:
    """Filed after the backup, then forgotten by a restore: known again at its place, nothing lost, nothing twice. U-03 (part)."""
    photos(copying, 1, 2, 3)
    works(copying)
    saved = copying.run("backup", code=0).lines[0]
    assert "3 records, 3 deeds" in saved
    photos(copying, 4, 5)
    works(copying)
    before = copying.filed()
    assert len(before) == 5
    listed, *_ = copying.run("backup", "--list", "--json", code=0).rows  # the daemon made one, too
    told = copying.run("restore", "newest", "--dry-run", code=0).lines
    assert told[0].startswith(f"would restore {listed['path']}")
    assert len(known(copying)) == 5
    told = copying.run("restore", "newest", code=0).lines
    assert told[0].startswith(f"restored {listed['path']}")
    aside = Path(told[1].removeprefix("what was there is kept in "))
    assert sorted(one.name for one in aside.iterdir()) == sorted(DATABASES)
    assert len(known(copying)) == 3
    assert copying.filed() == before
    works(copying)
    assert copying.filed() == before
    assert known(copying) == before
    assert copying.run("status", code=0).lines[0] == "all is well"


def test_what_a_moving_source_brought_after_the_backup_is_still_there(home: Home) -> None:
    """Its source is empty, so it is in the library only, and not known until somebody brings it again; then it is not doubled."""
    (home.path / "albumen.toml").write_text(CONFIG)
    (home.path / "inbox").mkdir()
    photos(home, 1)
    works(home)
    home.run("backup", code=0)
    photos(home, 2)
    works(home)
    before = home.filed()
    home.run("restore", "newest", code=0)
    works(home)
    assert home.filed() == before
    assert len(known(home)) == 1
    photos(home, 2)
    works(home)
    assert home.filed() == known(home) == before
    assert not list((home.path / "inbox").iterdir())


def test_a_restore_beside_the_daemon_is_refused_and_a_backup_is_not(copying: Home) -> None:
    photos(copying, 1)
    with copying.started("run") as process:
        until(lambda: len(copying.filed()) == 1)
        until(lambda: copying.run("status").code == 0)
        assert "1 records" in copying.run("backup", code=0).out
        ran = copying.run("restore", "newest", code=2)
        assert f"albumen runs (process {process.pid}): stop it first" in ran.err
        until(lambda: len(known(copying)) == 1)
    copying.run("restore", "newest", code=0)


@pytest.mark.parametrize("words", [("backup",), ("restore", "newest"), ("restore", "2020-01-01T00-00-00Z")])
def test_what_is_not_there_is_told_in_a_sentence(copying: Home, words: tuple[str, ...]) -> None:
    """U-03 (part: backup and restore)."""
    ran = copying.run(*words)
    assert ran.code in (1, 2)
    assert len(ran.err.splitlines()) == 1
    assert not (copying.path / "state").exists()


def test_a_backup_goes_where_it_is_told_and_there_all_stay(copying: Home) -> None:
    photos(copying, 1)
    works(copying)
    env = {"ALBUMEN_STATE_KEEP": "1", "ALBUMEN_STATE_BACKUPS": copying / "default"}
    for _ in range(2):
        copying.run("backup", "other", env=env, code=0)
        copying.run("backup", env=env, code=0)
    assert len(os.listdir(copying / "other")) == 2
    assert len(os.listdir(copying / "default")) == 1
    (newest, _) = copying.run("backup", "other", "--list", "--json", code=0).rows
    copying.run("restore", newest["path"], code=0)
    assert len(known(copying)) == 1


def test_state_db_may_be_deleted_between_two_runs(copying: Home) -> None:
    """What is known is not filed again, what is new is."""
    photos(copying, 1, 2)
    works(copying)
    before = copying.filed()
    for name in os.listdir(copying / "state"):
        if name.startswith("state.db"):
            os.unlink(copying / f"state/{name}")
    photos(copying, 3)
    works(copying)
    assert before.items() < copying.filed().items()
    assert len(copying.filed()) == 3
    assert copying.run("status", code=0).lines[0] == "all is well"


def seen(home: Home) -> int:
    with closing(sqlite3.connect(f"file:{home / 'state/state.db'}?mode=ro", uri=True, timeout=10)) as db:
        try:
            return int(db.execute("SELECT count(*) FROM seen").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


@pytest.mark.slow
def test_state_db_may_be_deleted_under_the_daemon(copying: Home) -> None:
    """Again and again: it goes on with a new one, what comes is filed once, and its sources look at everything again."""
    photos(copying, 1, 2)
    with copying.started("run") as process:
        until(lambda: len(copying.filed()) == 2 and seen(copying) == 2)
        before = copying.filed()
        for day in (3, 4, 5):
            subprocess.run("rm -f state.db*", shell=True, cwd=copying / "state", check=True)
            photos(copying, day)
            until(lambda day=day: len(copying.filed()) == day)  # type: ignore[misc]  # the day of this turn
        until(lambda: seen(copying) == 5, 90)
        assert before.items() < copying.filed().items()
        assert process.poll() is None
        until(lambda: copying.run("status").code == 0)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=40)
        assert process.returncode == 0
        assert "Traceback" not in err
        assert "was deleted while it was in use" in err
    assert known(copying) == copying.filed()


@switch.about_the_file()
def test_a_catalog_deleted_under_the_daemon_is_told_and_restored(copying: Home) -> None:
    """Nothing is made anew and empty; the way back is named, and taking it completes everything."""
    photos(copying, 1)
    with copying.started("run") as process:
        until(lambda: len(copying.filed()) == 1)
        until(lambda: copying.run("status").code == 0)
        copying.run("backup", code=0)
        for name in os.listdir(copying / "state"):
            if name.startswith("catalog.db"):
                os.unlink(copying / f"state/{name}")
        photos(copying, 2)
        until(lambda: "catalog.db of " in copying.run("status", code=2).err)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=40)
        assert "catalog.db was deleted while it was in use" in err
        assert "`albumen restore newest`" in err
        assert "Traceback" not in err
    ran = copying.run("run", "--idle-exit", "1", code=2)
    assert "catalog.db of " in ran.err
    assert "`albumen restore newest`" in ran.err
    assert not (copying.path / "state/catalog.db").exists()
    copying.run("restore", "newest", code=0)
    works(copying)
    assert known(copying) == copying.filed()
    assert len(copying.filed()) == 2


@switch.about_the_file()
def test_a_newer_database_is_refused_with_the_way_back(copying: Home) -> None:
    """S4-48 (part: an older program refuses): the copy made before the upgrade is named; it is restored, and works."""
    photos(copying, 1)
    works(copying)
    state = copying.path / "state"
    copying.run("backup", "state/before-upgrade", code=0)
    (copy,) = copying.run("backup", "state/before-upgrade", "--list", "--json", code=0).rows[:1]
    for name in DATABASES:
        with closing(sqlite3.connect(state / name)) as db:
            db.execute("PRAGMA user_version=99")
    for words in (("run", "--idle-exit", "1"), ("status",), ("import", "inbox"), ("find",)):
        ran = copying.run(*words, code=2)
        assert "was written by a newer albumen (schema 99" in ran.err
        assert f"`albumen restore {copy['path']}`" in ran.err
        assert len(ran.err.splitlines()) == 1
    copying.run("restore", copy["path"], code=0)
    works(copying)
    assert known(copying) == copying.filed()


def test_a_state_directory_on_a_network_file_system_is_refused(copying: Home) -> None:
    env = patched(copying, "import albumen.mounts as m\nm.bars_databases = lambda path: 'cifs' if 'state' in path else ''\n")
    for words in (("run", "--idle-exit", "1"), ("import", "inbox"), ("status",)):
        if words == ("status",):
            (copying.path / "state").mkdir()
        ran = copying.run(*words, env=env, code=2)
        assert "of the kind cifs" in ran.err
        assert "[state] dir" in ran.err
        assert len(ran.err.splitlines()) == 1
    shutil.rmtree(copying.path / "state")
    assert not copying.library.exists()
