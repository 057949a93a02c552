"""``run``, ``check``, ``status``, ``queue`` beside and without a daemon; the logs."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from functools import partial

import pytest

from e2e.command import ALBUMEN, Home, whole
from make import daemons, f01, jpeg

until = partial(daemons.until, seconds=30.0)

FAST = '[source.inbox]\ntype = "local"\npath = "inbox"\nmode = "move"\nsettle = "0s"\n'
CONFIG = f"""
[store.library]
type = "local"
root = "library"

{FAST}
[[route]]
from = "inbox"
steps = ["catalog", "file"]
"""


@pytest.fixture
def configured(home: Home) -> Home:
    """A settings file whose source waits for no quiet."""
    (home.path / "albumen.toml").write_text(CONFIG)
    (home.path / "inbox").mkdir()
    return home


def test_the_daemon_takes_in_what_appears_and_leaves_on_a_signal(configured: Home) -> None:
    with configured.started("run") as process:
        until(lambda: "alive" in configured.run("status", "--alive").out)
        jpeg(configured / "inbox/new.jpg", when="2021:07:01 00:30:00")
        until(lambda: len(configured.filed()) == 1)
        until(lambda: not (configured.path / "inbox/new.jpg").exists())
        told = configured.run("status", code=0).lines
        assert told[0] == "all is well"
        assert f"daemon: process {process.pid}" in told
        second = configured.run("run", code=2)
        assert f"another daemon (process {process.pid})" in second.err
        f01(configured / "in")
        assert "Added 1 entries to catalog." in configured.run("import", "in", code=0).lines  # its workers do it
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=40)
        assert time.monotonic() - begun < 30
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert configured.run("status", "--alive", code=1).err.startswith("no daemon works on")


def test_the_daemon_makes_the_folders_of_the_defaults_and_leaves_when_idle(home: Home) -> None:
    home.run("run", "--idle-exit", "0.5", code=0)
    assert (home.path / "inbox").is_dir()
    assert (home.path / "library").is_dir()


def test_what_failed_is_told_tried_again_and_dropped(configured: Home) -> None:
    (configured.path / "inbox/broken.jpg").write_text("no picture at all")
    configured.run("run", "--idle-exit", "3", code=0)
    assert configured.run("status", code=1).lines[0].startswith(f"1 failed: {configured / 'inbox/broken.jpg'}")
    (dead,) = configured.run("queue", "dead", "--json", code=0).rows
    assert dead["file"] == configured / "inbox/broken.jpg"
    assert "broken.jpg" in configured.run("queue", "again", dead["id"], code=1).err
    (dead,) = configured.run("queue", "dead", "--json", code=0).rows
    configured.run("queue", "drop", dead["id"], code=0)
    assert configured.run("status", code=0).lines[0] == "all is well"
    assert (configured.path / "inbox/broken.jpg").exists()


def test_a_library_that_is_gone_is_the_first_thing_told(configured: Home) -> None:
    (configured.path / "albumen.toml").write_text(CONFIG + '\n[state]\ndir = "state"\n')
    f01(configured / "in")
    configured.run("import", "in", code=0)
    configured.library.rename(configured.path / "unplugged")
    for command in ("status", "check"):
        ran = configured.run(command, code=1)
        assert "is the disk mounted?" in (ran.out if command == "status" else ran.err).splitlines()[0]
    configured.library.mkdir()
    assert "the marker" in configured.run("status", code=1).lines[0]
    assert configured.run("import", "in").code == 1
    assert list(configured.library.iterdir()) == []


def test_check_tells_every_mistake_at_once(home: Home) -> None:
    """S0-77 (part: all problems at once, suggestions, bad TOML, a missing file, another current directory)."""
    config = home.path / "elsewhere" / "my.toml"
    config.parent.mkdir()
    config.write_text(
        CONFIG.replace("root =", "roots =").replace('mode = "move"', 'mode = "movie"') + '\n[libary]\nzone = "Nowhere/Land"\n'
    )
    ran = home.run("check", "--config", str(config), code=2)
    assert len(ran.err.splitlines()) >= 4
    assert all("my.toml" in line for line in ran.err.splitlines())
    assert "did you mean 'root'?" in ran.err
    assert "did you mean 'library'?" in ran.err
    config.write_text("[store\n")
    assert "is not valid TOML" in home.run("check", "--config", str(config), code=2).err
    config.write_text(CONFIG)
    (config.parent / "inbox").mkdir()
    good = home.run("check", "--config", str(config), code=0)
    assert f"inbox (local {config.parent / 'inbox'}, move) -> catalog -> file -> library" in good.lines
    assert "settings: the defaults (no file)" in home.run("check", code=0).lines


def test_check_names_a_folder_that_is_not_there_and_changes_nothing(configured: Home) -> None:
    (configured.path / "inbox").rmdir()
    before = whole(configured.path)
    assert f"[source.inbox]: {configured / 'inbox'} is not there" in configured.run("check", code=1).err
    assert whole(configured.path) == before


def test_logs_follow_the_settings_and_the_environment(configured: Home) -> None:
    """S1-17 (part: level, format and date form by environment and aliases; a wrong level)."""

    def logged(**env: str) -> str:
        return configured.run("run", "--idle-exit", "0", env=env, code=0).err

    assert "running" in logged()
    assert "\x1b[" not in logged()
    assert logged(ALBUMEN_LOG_LEVEL="error") == ""
    assert logged(LOGGER_LEVEL="ERROR") == ""
    assert "running" in logged(LOGGER_LEVEL="error", ALBUMEN_LOG_LEVEL="info")
    assert {json.loads(line)["event"] for line in logged(ALBUMEN_LOG_FORMAT="json").splitlines()} >= {"running", "stopped"}
    line = logged(LOGGER_FORMAT="%(asctime)s|%(levelname)s|%(message)s", LOGGER_DATE_FORMAT="%d.%m.%Y").splitlines()[0]
    assert re.match(r"\d\d\.\d\d\.\d{4}\|INFO\|running", line)
    wrong = configured.run("run", env={"ALBUMEN_LOG_LEVEL": "loud"}, code=2)
    assert "ALBUMEN_LOG_LEVEL" in wrong.err


def test_colours_are_for_terminals(configured: Home) -> None:
    """S1-17 (part: on a pty)."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*ALBUMEN, "run", "--idle-exit", "0"],
        cwd=configured.path,
        env=configured.environment({"TERM": "xterm-256color"}),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    assert "\x1b[" in everything(leader)
    assert process.wait(30) == 0


def test_an_import_on_a_terminal_keeps_its_lines(home: Home) -> None:
    f01(home / "in")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*ALBUMEN, "import", "in"], cwd=home.path, env=home.environment(), stdout=follower, stderr=follower
    )
    os.close(follower)
    assert "Added 1 entries to catalog." in everything(leader)
    assert process.wait(30) == 0


def everything(leader: int) -> str:
    """What was written to a terminal until it was closed."""
    said = b""
    try:
        while select.select([leader], [], [], 30)[0] and (chunk := os.read(leader, 65536)):
            said += chunk
    except OSError:  # the other end was closed
        pass
    finally:
        os.close(leader)
    return said.decode(errors="replace")
