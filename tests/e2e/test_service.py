"""The daemon as a process: it begins anew in place when a step hangs or its settings change, and tells systemd how it goes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest

from albumen.owners import DaemonLock
from e2e.command import ALBUMEN, Home, patched
from make import daemons, jpeg, plugins

until = partial(daemons.until, seconds=30.0)

HANGS = """
import time
from dataclasses import dataclass

class Hangs:
    lane = "io"

    @dataclass(frozen=True)
    class Settings:
        pass

    def __init__(self, name, settings, context):
        self.name = name

    def __call__(self, item, run):
        while item.main.name.startswith("hangs"):
            time.sleep(0.2)
        return [item]
"""


HANGS_IN_A_DEED = """
import time, albumen.pipeline
albumen.pipeline.DELAYS = (0.1, 0.1)
from albumen.stores.local import LocalStore
real = LocalStore.commit
def commit(self, staged):
    while any("00-30-00" in path for _, path in staged):
        time.sleep(0.2)
    return real(self, staged)
LocalStore.commit = commit
"""


class Running:
    """A daemon with its log in a file."""

    def __init__(self, home: Home, env: dict[str, str]) -> None:
        self.home = home
        self.log = home.path / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*ALBUMEN, "run"], cwd=home.path, env=home.environment(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def said(self, what: str) -> int:
        """How many lines of its log have that."""
        return sum(what in line for line in self.log.read_text().splitlines())

    def lives(self) -> int:
        """How often this process was ready to work."""
        return self.said("] running")

    def hup(self) -> None:
        """Settings may have changed."""
        self.process.send_signal(signal.SIGHUP)

    def left(self) -> int:
        """Told to stop: its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


@contextmanager
def running(home: Home, **env: str) -> Iterator[Running]:
    """A daemon that is ready."""
    daemon = Running(home, env)
    try:
        until(daemon.lives)
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait(40)
        assert "Traceback" not in daemon.log.read_text()


@pytest.fixture
def configured(home: Home) -> Home:
    (home.path / "albumen.toml").write_text(daemons.CONFIG)
    (home.path / "inbox").mkdir()
    return home


def change(home: Home, old: str, new: str) -> None:
    file = home.path / "albumen.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def hanging(home: Home) -> str:
    """Settings with a step that hangs; the path where it is installed."""
    plugins.installed(home.path / "site", "hanging", HANGS, "[albumen.handlers]\nhangs = hanging:Hangs\n")
    change(home, '["catalog", "file"]', '["catalog", "hangs", "file"]')
    change(home, "[store.library]", '[queue]\nstuck = "1s"\n[store.library]')
    return str(home.path / "site")


# ------------------------------------------------------------------------------------------------------------- steps that hang


def test_a_step_that_hangs_ends_the_daemon_in_place_and_counts_as_a_failed_try(configured: Home) -> None:
    """The same process goes on, everything else is filed, and a person is told why."""
    site = hanging(configured)
    with running(configured, PYTHONPATH=site) as daemon:
        jpeg(configured / "inbox/hangs.jpg", when="2021:07:01 00:30:00")
        until(lambda: daemon.said("stuck"))
        jpeg(configured / "inbox/good.jpg", when="2021:07:02 00:30:00", colour=(1, 2, 3))
        until(lambda: len(configured.filed()) == 1)
        until(lambda: daemon.lives() >= 2)
        told = f"the daemon restarted itself: step hangs of {configured / 'inbox/hangs.jpg'} got nowhere for 1 s"
        until(lambda: told in configured.run("status", env={"PYTHONPATH": site}).lines)
        assert f"daemon: process {daemon.process.pid}" in configured.run("status", env={"PYTHONPATH": site}).lines
        until(lambda: daemon.lives() >= 3)  # it was tried again, after 2 s
        assert re.search(r"again later .*got nowhere for 1 s; the daemon restarted itself", daemon.log.read_text())
        begun = time.monotonic()
        assert daemon.left() == 0
        assert time.monotonic() - begun < 35
    assert (configured.path / "inbox/hangs.jpg").exists()


@pytest.mark.slow
def test_a_step_that_always_hangs_is_buried_and_the_daemon_rests(configured: Home) -> None:
    """Also where it hangs in the middle of a deed, which every new life of the daemon would take over."""
    change(configured, "[store.library]", '[queue]\nstuck = "1s"\n[store.library]')
    with running(configured, **patched(configured, HANGS_IN_A_DEED)) as daemon:
        jpeg(configured / "inbox/hangs.jpg", when="2021:07:01 00:30:00")
        until(
            lambda: re.fullmatch(r"queue: 2 dead(, 1 later)?", counts_line(configured)), seconds=90.0
        )  # later: the closing of the batch
        assert "got nowhere for 1 s; the daemon restarted itself" in configured.run("queue", "dead").out
        lives = daemon.lives() + 1  # the last try ends a life, too
        jpeg(configured / "inbox/good.jpg", when="2021:07:02 00:40:00", colour=(1, 2, 3))
        until(lambda: len(configured.filed()) == 1)
        time.sleep(6)  # six times longer than a step may hang: nothing is tried any more
        assert daemon.lives() <= lives
        assert daemon.left() == 0


def counts_line(home: Home) -> str:
    """What ``status`` says of the queue."""
    return next((line for line in home.run("status").lines if line.startswith("queue: ")), "")


# --------------------------------------------------------------------------------------------------------------------- reload


def test_settings_are_read_again_and_wrong_ones_leave_the_old(configured: Home) -> None:
    with running(configured) as daemon:
        daemon.hup()
        until(lambda: daemon.said("nothing of them needs a new beginning"))
        change(configured, 'mode = "move"', 'mode = "mooove"')
        daemon.hup()
        until(lambda: daemon.said("the old ones stay"))
        told = configured.run("status", code=1).lines
        assert told[0].startswith(
            f"the settings are wrong; the daemon (process {daemon.process.pid}) goes on with those it has: "
        )
        assert "'mooove' is not one of 'move', 'copy'" in told[0]
        change(configured, 'mode = "mooove"', 'mode = "copy"')
        daemon.hup()
        until(lambda: daemon.lives() == 2)
        until(lambda: configured.run("status").lines[0] == "all is well")
        jpeg(configured / "inbox/a.jpg", when="2021:07:01 00:30:00")
        until(lambda: len(configured.filed()) == 1)
        assert (configured.path / "inbox/a.jpg").exists()  # it was copied
        assert daemon.left() == 0
    assert daemon.process.returncode == 0


def test_settings_that_cannot_be_opened_leave_the_old(configured: Home) -> None:
    """Read without a mistake, but another daemon has the state directory they name."""
    other = configured.path / "other"
    other.mkdir()
    lock = DaemonLock(str(other))
    assert lock.take()
    with running(configured) as daemon:
        change(configured, 'dir = "state"', 'dir = "other"')
        daemon.hup()
        until(lambda: daemon.said(f"another daemon (process {os.getpid()}) works on {other}"))
        change(configured, 'dir = "other"', 'dir = "state"\n#')
        until(
            lambda: "settings were changed but cannot be followed, the old ones stay" in configured.run("status", code=1).lines[0]
        )
        change(configured, 'dir = "state"\n#', 'dir = "other"')
        lock.release()
        daemon.hup()
        until(lambda: daemon.lives() == 2)
        assert DaemonLock(str(other)).held() == str(daemon.process.pid)
        assert DaemonLock(str(configured.path / "state")).held() == ""
        assert daemon.left() == 0


@pytest.mark.slow
def test_an_address_that_is_taken_leaves_the_old_settings(configured: Home) -> None:
    """It is only found out by listening there: before the old life ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken, running(configured) as daemon:
        port = taken.getsockname()[1]
        (configured.path / "albumen.toml").write_text(f'[metrics]\nlisten = "127.0.0.1:{port}"\n{daemons.CONFIG}')
        daemon.hup()
        until(lambda: daemon.said("the old ones stay"))
        assert str(port) in daemon.log.read_text()
        assert daemon.left() == 0
        assert daemon.lives() == 1


@pytest.mark.slow
def test_no_other_daemon_comes_in_between(configured: Home) -> None:
    took, over = [], Event()

    def try_hard() -> None:
        lock = DaemonLock(str(configured.path / "state"))
        while not over.is_set():
            if lock.take():
                took.append(1)
                return

    with running(configured) as daemon:
        rival = Thread(target=try_hard)
        rival.start()
        try:
            change(configured, 'settle = "0s"', 'settle = "0.1s"')
            daemon.hup()
            until(lambda: daemon.lives() == 2)
        finally:
            over.set()
            rival.join()
        assert took == []
        assert daemon.left() == 0
    assert DaemonLock(str(configured.path / "state")).held() == ""


@pytest.mark.slow
def test_the_order_to_leave_holds_in_a_new_beginning(configured: Home) -> None:
    with running(configured) as daemon:
        change(configured, 'settle = "0s"', 'settle = "0.1s"')
        daemon.hup()
        until(lambda: daemon.said("stopped"))  # between two lives
        assert daemon.left() == 0


@pytest.mark.slow
def test_a_reload_that_fails_leaves_nothing_open(configured: Home) -> None:
    """Descriptors and threads after twenty of them are those after one."""
    site = configured.path / "site"
    broken = HANGS.replace("self.name = name", "raise RuntimeError('no such device')")
    plugins.installed(site, "broken", broken, "[albumen.handlers]\nbroken = broken:Hangs\n")

    def refused(daemon: Running, times: int) -> bool:
        return daemon.said("the old ones stay") == times

    def counts(pid: int) -> tuple[int, int]:
        return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))

    with running(configured, PYTHONPATH=str(site)) as daemon:
        change(configured, '["catalog", "file"]', '["catalog", "file", "broken"]')
        seen = []
        for number in range(1, 11):
            daemon.hup()
            until(partial(refused, daemon, number))
            seen.append(counts(daemon.process.pid))
        assert daemon.said("no such device") == 10
        assert seen[-1][0] <= seen[1][0] + 1
        assert seen[-1][1] <= seen[1][1]
        assert daemon.left() == 0


# -------------------------------------------------------------------------------------------------------------------- systemd


def test_systemd_is_told_how_it_goes(configured: Home, tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(name)
        heard.settimeout(30)
        words: list[str] = []
        end = time.monotonic() + 60

        def hear(word: str) -> None:
            """The next word that ends so."""
            while not any(one.endswith(word) for one in words):
                assert time.monotonic() < end, words[-5:]
                words.extend(heard.recv(65536).decode().split("\n"))
            while not words.pop(0).endswith(word):
                pass

        with running(configured, NOTIFY_SOCKET=name, WATCHDOG_USEC="1000000") as daemon:
            hear("READY=1")
            hear("1 sources, 0 files found since the start")
            for _ in range(5):
                hear("WATCHDOG=1")
            change(configured, 'settle = "0s"', 'settle = "0.1s"')
            daemon.hup()
            hear("RELOADING=1")
            hear("READY=1")
            hear("WATCHDOG=1")
            assert daemon.left() == 0
            hear("STOPPING=1")


def test_settings_that_the_unit_does_not_allow_are_told_before_anything_is_made(configured: Home) -> None:
    """A mount that is closed to us alone is what systemd makes of ProtectSystem=strict."""
    closed = configured.path / "closed"
    closed.mkdir()
    change(configured, 'dir = "state"', f'dir = "{closed}/state"')
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && shift 0 && exec "$@"'
    through = ["unshare", "-m", "sh", "-c", script, str(closed)]
    if os.geteuid() != 0 or subprocess.run([*through, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    ran = configured.run("run", env={"INVOCATION_ID": "1"}, code=2, through=through)
    assert len(ran.err.splitlines()) == 1
    assert f"[state] dir {closed}/state may not be written by the unit" in ran.err
    assert f"BindPaths=-{closed}/state" in ran.err  # the tests lie below /tmp, which is the unit's own there
    assert not (configured.path / "library/.albumen").exists()


def test_the_drop_in_is_printed(configured: Home) -> None:
    lines = configured.run("check", "--systemd", code=0).lines
    assert lines[1] == "[Unit]"
    assert any(configured / "inbox" in line for line in lines if "Paths=" in line)
    assert not (configured.path / "state").exists()


@pytest.mark.slow
def test_a_new_beginning_is_the_same_command(configured: Home) -> None:
    """Options, the current folder and the environment stay; so does the module or script it was started as."""
    (configured.path / "albumen.toml").rename(configured.path / "mine.toml")
    log = configured.path / "log"
    with open(log, "wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "albumen", "run", "--config", "mine.toml", "-v"],
            cwd=configured.path,
            env=configured.environment(),
            stdin=subprocess.DEVNULL,
            stderr=stream,
        )
    try:
        until(lambda: log.read_text().count("] running") == 1)
        before = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        text = (configured.path / "mine.toml").read_text()
        (configured.path / "mine.toml").write_text(text.replace('settle = "0s"', 'settle = "0.1s"'))
        process.send_signal(signal.SIGHUP)
        until(lambda: log.read_text().count("] running") == 2)
        assert Path(f"/proc/{process.pid}/cmdline").read_bytes() == before
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
