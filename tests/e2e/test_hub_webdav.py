"""The daemon at a WebDAV server: raw pictures come in, are doubled, and their results lie in the unsorted folder."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from e2e.command import Home
from make.daemons import until
from make.hubs import PASSWORD, RAW, USER, DavFiles, Hub, config, is_whole_png, running, wrong
from make.pictures import jpeg_bytes
from servers import dav, proxy

ENV = {"HUB_PASSWORD": PASSWORD}
KINDS = [pytest.param("wsgidav"), pytest.param("apache", marks=pytest.mark.slow), pytest.param("rclone", marks=pytest.mark.slow)]
PATIENCE = 90.0

pytestmark = pytest.mark.timeout(900)  # several waits of that length


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[dav.Server]:
    with dav.serve(request.param, base="/some/where", users={USER: PASSWORD}) as found:
        yield found


@pytest.fixture
def hub(server: dav.Server) -> Hub:
    return Hub(DavFiles(server))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "library").mkdir()
    return Home(tmp_path)


def configure(home: Home, url: str, *, limit: int = 10) -> None:
    (home.path / "albumen.toml").write_text(config(url, store={"limit": limit}))


def finished(hub: Hub, number: int) -> bool:
    return len(hub.results()) >= number and not hub.raws()


def undo_all(home: Home) -> None:
    """Every batch that still has effect, the newest first."""
    for row in home.run("log", "--json", "--limit", "0", env=ENV).rows:
        if row["done"] and not row["undoes"]:
            home.run("undo", row["id"], code=0, env=ENV)


def test_raws_are_doubled_while_it_runs_and_undone(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-01, S1-03, S1-05, S1-06, S1-07, S1-14, S1-28 (part: each in short)."""
    hub.files.drop(f"{RAW}/other.jpg", b"not for us")
    with proxy.before(server.url) as way:
        configure(home, way.url, limit=3)
        with running(home.path) as daemon:
            hub.drop(12)
            before = hub.visible()
            until(lambda: finished(hub, 12) or daemon.poll() is not None, PATIENCE)
            assert wrong(hub) == [], (home.path / "log").read_text()
            assert way.busiest <= 3
            assert all(re.search(r"/jh_rescaler_\d{14}_[0-9a-f]{12}\.png$", path) for path in hub.results())
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(30) == 0
        assert not [one for one in (home.path / "state" / "spool").rglob("*") if one.is_file()], "S1-13"
        undo_all(home)
    assert hub.visible() == before


def _further(hub: Hub, number: int) -> bool:
    return finished(hub, 12) or len(hub.results()) >= number


@pytest.mark.slow
def test_one_slow_file_holds_up_nobody(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-07: its download hangs until all others are done."""
    slow = threading.Event()

    def wait(request: proxy.Request) -> None:
        if request.method == "GET" and "0003" in request.target:
            slow.wait(PATIENCE)

    with proxy.before(server.url) as way:
        way.seen = wait
        configure(home, way.url, limit=3)
        with running(home.path) as daemon:
            hub.drop(10)
            until(lambda: len(hub.results()) == 9 or daemon.poll() is not None, PATIENCE)
            slow.set()
            until(lambda: finished(hub, 10) or daemon.poll() is not None, PATIENCE)
            assert wrong(hub) == [], (home.path / "log").read_text()
            assert way.busiest <= 3


@pytest.mark.slow
def test_while_uploads_break_off_no_raw_leaves_and_nothing_broken_shows(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-06 (part: uploads that are cut), S1-10 (part: it goes on by itself)."""
    with proxy.before(server.url) as way:
        uploads: list[str] = []

        def later(request: proxy.Request) -> bool:
            if request.method == "PUT" and "_unsorted" in request.target:
                uploads.append(request.target)
            return len(uploads) > 2 and request.method == "PUT"

        way.fault(proxy.unsent(), when=later)
        configure(home, way.url)
        with running(home.path) as daemon:
            hub.drop(8)
            until(lambda: len(uploads) > 10 or daemon.poll() is not None, PATIENCE)  # some of them again
            results = hub.results()
            assert len(results) <= 2
            assert all(is_whole_png(data, (120, 80)) for data in results.values())
            assert len(hub.raws()) >= 6
            assert not hub.raws().keys() & hub.trash().keys()
            way.heal()
            until(lambda: finished(hub, 8) or daemon.poll() is not None, PATIENCE)
            assert wrong(hub) == [], (home.path / "log").read_text()
            assert home.run("queue", "dead", "--json", env=ENV).rows == []


@pytest.mark.slow
def test_a_server_that_is_stopped_in_the_middle(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-10 (part: the server stopped): goes on by itself, nothing is buried, one line when it closes and one when it works."""
    configure(home, server.url)
    with running(home.path) as daemon:
        hub.drop(30)
        until(lambda: len(hub.results()) >= 2 or daemon.poll() is not None, PATIENCE)
        server.kill()
        until(lambda: "place closed" in (home.path / "log").read_text() or daemon.poll() is not None, PATIENCE)
        server.start()
        until(lambda: finished(hub, 30) or daemon.poll() is not None, PATIENCE)
        assert wrong(hub) == [], (home.path / "log").read_text()
        assert home.run("queue", "dead", "--json", env=ENV).rows == []
    said = (home.path / "log").read_text()
    assert said.count("place closed") == said.count("place works again") == 1


@pytest.mark.slow
def test_a_broken_picture_is_tried_once_and_told(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-11: two rounds, one attempt; tried again when its bytes change."""
    with proxy.before(server.url) as way:
        configure(home, way.url)
        whole = jpeg_bytes(size=(300, 200), colour=(1, 2, 3))
        with running(home.path) as daemon:
            hub.files.drop(f"{RAW}/Unknown bad.jpg", whole[:-900])
            hub.drop(2)
            until(lambda: "failed" in (home.path / "log").read_text() or daemon.poll() is not None, PATIENCE)
            looks = way.count("PROPFIND")
            until(lambda: way.count("PROPFIND") > looks + 4 or daemon.poll() is not None, PATIENCE)
            assert sum(one.method == "GET" and "bad" in one.target for one in way.requests) == 1
            status = home.run("status", env=ENV, code=1)
            assert "Unknown bad.jpg" in status.out
            assert "not scaled" in status.out
            assert f"{RAW}/Unknown bad.jpg" in hub.raws()
            hub.files.drop(f"{RAW}/Unknown bad.jpg", whole)
            until(lambda: (len(hub.results()) == 3 and not hub.raws()) or daemon.poll() is not None, PATIENCE)
        assert not [one for one in (home.path / "state" / "spool").rglob("*") if one.is_file()], "S1-13"


@pytest.mark.slow
def test_killed_again_and_again(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-12: one result for each raw, none lost, no half file visible, whenever it was killed."""
    configure(home, server.url)
    hub.drop(12)
    for number in range(8):
        with running(home.path) as daemon:
            more = len(hub.results()) + 1
            until(partial(_further, hub, more), PATIENCE)
            time.sleep(0.07 * number)  # anywhere in what comes next
            daemon.kill()
            daemon.wait(30)
        if finished(hub, 12):
            break
    with running(home.path) as daemon:
        until(lambda: finished(hub, 12) or daemon.poll() is not None, PATIENCE)
        until(lambda: wrong(hub) == [] or daemon.poll() is not None, PATIENCE)
    assert wrong(hub) == []
