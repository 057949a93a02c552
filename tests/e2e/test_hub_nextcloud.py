"""The daemon at a Nextcloud: raw pictures are doubled, people tag the results, tagged ones go to their folders; undo, and all is as before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command import Home
from make.daemons import until
from make.hubs import PASSWORD, SORTED, SORTING, USER, CloudFiles, Hub, config, running, wrong
from servers import nextcloud

ENV = {"HUB_PASSWORD": PASSWORD}
PATIENCE = 120.0
CATEGORIES = ("cats", "Gämse & Co", "sea")


@pytest.fixture(params=[pytest.param(34), pytest.param(28, marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest) -> Iterator[nextcloud.Server]:
    with nextcloud.serve(request.param, {USER: PASSWORD}, base="/cloud") as found:
        yield found


@pytest.fixture
def hub(server: nextcloud.Server) -> Hub:
    return Hub(CloudFiles(server))


@pytest.fixture
def home(tmp_path: Path, server: nextcloud.Server) -> Home:
    (tmp_path / "library").mkdir()
    (tmp_path / "albumen.toml").write_text(config(server.url, kind="nextcloud", more=[SORTING]))
    return Home(tmp_path)


def finished(hub: Hub, number: int) -> bool:
    return len(hub.results()) >= number and not hub.raws()


def tag(server: nextcloud.Server, hub: Hub) -> dict[str, bytes]:
    """A person sorts all results into three categories; where each shall lie then."""
    wanted = {}
    for number, (path, data) in enumerate(sorted(hub.results().items())):
        category = CATEGORIES[number % len(CATEGORIES)]
        server.tag(USER, path, "holiday")
        server.tag(USER, path, f"ai:{category}")
        wanted[f"{SORTED}/{category}/{path.rpartition('/')[2]}"] = data
    return wanted


def sorted_files(hub: Hub) -> dict[str, bytes]:
    return {path: data for path, data in hub.visible().items() if path.startswith(f"{SORTED}/")}


def undo_all(home: Home) -> None:
    """Every batch that still has effect, the newest first."""
    for row in home.run("log", "--json", "--limit", "0", env=ENV).rows:
        if row["done"] and not row["undoes"]:
            home.run("undo", row["id"], code=0, env=ENV)


def test_raws_are_doubled_tagged_sorted_and_undone(home: Home, hub: Hub, server: nextcloud.Server) -> None:
    """S1-03, S1-06, S1-07, S1-19, S1-21, S1-24 (part: each in short)."""
    with running(home.path) as daemon:
        hub.drop(12)
        before = hub.visible()
        until(lambda: finished(hub, 12) or daemon.poll() is not None, PATIENCE)
        assert wrong(hub) == [], (home.path / "log").read_text()
        wanted = tag(server, hub)
        until(lambda: sorted_files(hub) == wanted or daemon.poll() is not None, PATIENCE)
        assert sorted_files(hub) == wanted, (home.path / "log").read_text()
        until(lambda: all(server.tags_of(USER, path) == ["holiday"] for path in wanted) or daemon.poll() is not None, PATIENCE)
        assert hub.results() == {}
        assert server.busiest <= 4 + 2, "four transfers, and a look of each source"
    assert daemon.returncode == 0
    undo_all(home)
    assert hub.visible() == before
