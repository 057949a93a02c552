"""Whether the daemon is alive: asked every half minute by containers, so the question must be cheap."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from albumen.alive import STATUS, Daemon, daemon_of, silence
from albumen.config import state_dir
from albumen.errors import ConfigError
from albumen.owners import DAEMON_LOCK, DaemonLock

MINUTE = 60 * 10**9


def test_what_the_daemon_says_of_itself_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / STATUS).write_text(json.dumps({"pid": 7, "at": 5, "stalled": ["clock"], "sources": [{"name": "camera"}]}))
    assert daemon_of(str(tmp_path), "7") == Daemon("7", 5, ({"name": "camera"},), ("clock",))
    assert daemon_of(str(tmp_path), "") is None


@pytest.mark.parametrize("said", ["", "{", '{"at": "soon"}', '{"at": 1}', "[]"])
def test_a_daemon_that_said_nothing_whole_yet_moved_when_it_took_its_lock(tmp_path: pathlib.Path, said: str) -> None:
    (tmp_path / STATUS).write_text(said)
    assert daemon_of(str(tmp_path), "7") is None
    (tmp_path / DAEMON_LOCK).touch()
    os.utime(tmp_path / DAEMON_LOCK, ns=(3, 3))
    assert daemon_of(str(tmp_path), "7") == Daemon("7", 3)


def test_silence_is_told_after_a_minute_and_so_is_a_part_that_stands_still() -> None:
    assert silence(Daemon("7", 0), MINUTE) == ""
    assert "process 7) has not moved for 61 s" in silence(Daemon("7", 0), MINUTE + 10**9)
    assert "its clock, queue has stood still" in silence(Daemon("7", 0, (), ("clock", "queue")), 0)


def test_the_state_directory_is_told_whatever_else_is_wrong(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "albumen.toml"
    file.write_text('[state]\ndir = "kept"\n[store.nas]\ntype = "lokal"\n[stroe]\n[log]\nlevel = "loud"\n[[route]]\nfrom = 7\n')
    assert state_dir(str(file), {"ALBUMEN_LOG_LEVEL": "louder"}) == str(tmp_path / "kept")
    assert state_dir(str(file), {"ALBUMEN_STATE_DIR": "/var/kept"}) == "/var/kept"
    assert state_dir(None, {"ALBUMEN_CONFIG": str(file)}) == str(tmp_path / "kept")


@pytest.mark.parametrize(
    ("text", "why"), [('[state]\ndirr = "x"', "did you mean 'dir'"), ("[state]\ndir = 7", "dir"), ("[", "TOML")]
)
def test_a_state_directory_that_cannot_be_told_is_told(tmp_path: pathlib.Path, text: str, why: str) -> None:
    file = tmp_path / "albumen.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=why):
        state_dir(str(file), {})


def test_asking_loads_nothing_of_what_the_daemon_is_made_of(tmp_path: pathlib.Path) -> None:
    """It was 0.4 s and 38 MB each half minute; what must stay out is what costs."""
    lock = DaemonLock(str(tmp_path))
    assert lock.take()
    (tmp_path / STATUS).write_text(json.dumps({"at": time.time_ns(), "sources": []}))
    program = (
        "import sys; from albumen.cli import main\n"
        "try: main(['status', '--alive'])\n"
        "except SystemExit as left: print(left.code, *sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ALBUMEN_STATE_DIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    answer, told = done.stdout.splitlines()
    code, *loaded = told.split()
    assert (answer, code) == ("alive", "0")
    heavy = {"asyncio", "sqlite3", "structlog", "rich", "watchdog", "PIL", "albumen.app", "albumen.model", "albumen.supervisor"}
    assert heavy.isdisjoint(loaded)
    lock.release()
