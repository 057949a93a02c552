"""A WebDAV server that goes away, hangs, cuts and fails while the daemon scales what lies there: it goes on by itself.

S1-10 (part: WebDAV). One line for each change of a place's state; nothing lost, nothing buried, no try counted.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from e2e.command import Home
from servers.dav import Server, serve
from servers.proxy import Proxy, answer, before, cut

PATIENCE = 240.0
RAW, UNSORTED = "ai/_raw", "ai/_unsorted"
SETTINGS = """
[log]
level = "info"
format = "json"
[queue]
pause = "0.2s"
longest_pause = "1s"
[store.library]
type = "local"
root = "library"
floor = 0
[store.hub]
type = "webdav"
url = "{url}"
timeout = "2s"
{more}
[source.raw]
type = "webdav"
store = "hub"
path = "ai/_raw"
every = "1s"
settle = "1s"
[step.double]
type = "scale"
to = "hub:ai/_unsorted"
compression = 0
[[route]]
from = "raw"
steps = ["catalog", "double"]
"""


def wait_for(what: Callable[[], object], told: Callable[[], object] = str) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, f"it never came to that: {told()}"
        time.sleep(0.05)


@dataclass
class Daemon:
    """``albumen run`` over a server behind a proxy."""

    home: Home
    server: Server
    proxy: Proxy
    process: "subprocess.Popen[str]"
    lines: list[Mapping[str, Any]] = field(default_factory=list)

    def said(self, event: str, **fields: str) -> list[Mapping[str, Any]]:
        """Lines of the log with that event."""
        return [
            one
            for one in list(self.lines)
            if one["event"] == event and all(one.get(key) == value for key, value in fields.items())
        ]

    def drop(self, count: int, start: int = 0) -> None:
        """What a person does: raw pictures, each of its own."""
        for number in range(start, start + count):
            pixels = np.random.default_rng(number).integers(0, 255, (40, 60, 3), dtype=np.uint8)
            path = self.server.folder / RAW / f"raw {number}.png"
            Image.fromarray(pixels).save(path)
            self.server.give(path)

    def results(self) -> list[Path]:
        """Whole results."""
        return sorted(one for one in (self.server.folder / UNSORTED).glob("*.png") if not one.name.startswith("."))

    def raws(self) -> list[str]:
        """Names of raw pictures that were not scaled yet."""
        return sorted(one.name for one in (self.server.folder / RAW).glob("*.png"))

    def thrown(self) -> list[str]:
        """Names of those in the trash."""
        return sorted(one.name for one in (self.server.folder / ".albumen" / "trash").rglob("*.png"))

    def done(self, count: int) -> None:
        """Wait for so many; then each raw has one whole result, and lies in the trash, and nothing else is there."""
        wait_for(lambda: not self.raws() and len(self.thrown()) == count, lambda: (self.raws(), self.lines[-5:]))
        assert len(self.results()) == count
        for one in self.results():
            with Image.open(one) as picture:
                picture.load()
                assert picture.size == (120, 80)
        assert self.thrown() == sorted(f"raw {number}.png" for number in range(count))
        hidden = list((self.server.folder / "ai").rglob(".*"))
        assert hidden == []
        ran = self.home.run("--config", self.home / "albumen.toml", "queue", "dead")
        assert ran.out == ""
        assert self.said("failed") == []

    def read(self) -> None:
        """Keep the lines of its log."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("{"):
                self.lines.append(json.loads(line))


@contextmanager
def running(folder: Path, *, more: str = "", users: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    home = Home(folder)
    with serve("wsgidav", users=users) as server, before(server.url) as proxy:
        for one in (RAW, UNSORTED):
            (server.folder / one).mkdir(parents=True)
        (folder / "albumen.toml").write_text(SETTINGS.format(url=proxy.url, more=more))
        with home.started("--config", home / "albumen.toml", "run") as process:
            daemon = Daemon(home, server, proxy, process)
            reader = threading.Thread(target=daemon.read)
            reader.start()
            try:
                wait_for(lambda: daemon.said("running"))
                yield daemon
            finally:
                process.terminate()
                process.wait(PATIENCE)
                reader.join(PATIENCE)
                assert process.returncode == 0, daemon.lines[-5:]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with running(tmp_path) as found:
        yield found


def one_line_each(daemon: Daemon) -> None:
    """Closed, works again, closed …: never the same twice in a row."""
    told = [one["event"] for one in daemon.lines if one["event"] in ("place closed", "place works again")]
    assert told == (["place closed", "place works again"] * len(told))[: len(told)]  # it may be closed at the end
    assert not daemon.said("source cannot be looked at")


def test_all_is_well(daemon: Daemon) -> None:
    daemon.drop(6)
    daemon.done(6)
    assert daemon.said("place closed") == []


def test_a_server_that_is_stopped_mid_work(daemon: Daemon) -> None:
    daemon.drop(12)
    wait_for(lambda: len(daemon.results()) >= 3)
    daemon.server.kill()
    wait_for(lambda: daemon.said("place closed", place="hub"))
    ran = daemon.home.run("--config", daemon.home / "albumen.toml", "status", code=1)
    assert "hub is closed" in ran.out or "hub:" in ran.lines[0]
    asked = daemon.proxy.count()
    time.sleep(3)
    assert daemon.proxy.count() - asked <= 30  # probes, no jobs and no source
    daemon.server.start()
    daemon.done(12)
    wait_for(lambda: daemon.said("place works again"))
    one_line_each(daemon)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hole", "reset"])
def test_a_network_that_is_gone(daemon: Daemon, how: str) -> None:
    daemon.drop(12)
    wait_for(lambda: len(daemon.results()) >= 3)
    getattr(daemon.proxy, how)()
    wait_for(lambda: daemon.said("place closed", place="hub"))
    daemon.drop(4, start=12)
    daemon.proxy.heal()
    daemon.done(16)
    one_line_each(daemon)


@pytest.mark.slow
def test_bodies_that_are_cut(daemon: Daemon) -> None:
    daemon.proxy.fault(cut(3000), when=lambda one: one.method in ("GET", "PUT"), share=0.3)
    daemon.drop(12)
    wait_for(lambda: len(daemon.results()) >= 6)
    daemon.proxy.heal()
    daemon.done(12)


@pytest.mark.slow
def test_every_fifth_answer_is_an_error(daemon: Daemon) -> None:
    daemon.proxy.fault(answer(503), share=0.2)
    daemon.drop(8)
    daemon.done(8)
    one_line_each(daemon)


def test_come_less_often(daemon: Daemon) -> None:
    """Once told, nobody asks before the time that the server said."""
    daemon.proxy.fault(answer(429, {"Retry-After": "4"}), times=1)
    wait_for(lambda: daemon.said("place closed", place="hub"))
    asked, at = daemon.proxy.count(), time.monotonic()
    daemon.drop(2)
    wait_for(lambda: daemon.proxy.count() > asked + 1)
    assert time.monotonic() - at > 2.5
    daemon.done(2)


def test_a_wrong_password_is_tried_once(tmp_path: Path) -> None:
    """Then the place waits for another one, told by ``check``'s question; the source does not try for itself."""
    secret = tmp_path / "password"
    secret.write_text("wrong")
    secret.chmod(0o600)
    more = f'user = "ann"\npassword = "file:{secret}"'
    with running(tmp_path, more=more, users={"ann": "right"}) as daemon:
        wait_for(lambda: daemon.said("place closed", place="hub"))
        daemon.drop(3)
        time.sleep(4)
        assert daemon.proxy.count() <= 2  # the store's own and that of the source, which may have been on its way
        assert "password" in daemon.said("place closed")[0]["why"]
        assert len(daemon.said("place closed")) == 1
