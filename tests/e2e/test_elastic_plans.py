"""A dry run beside a catalog on Elasticsearch: the same plan as on SQLite, and nothing there is touched."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from e2e.command import Home
from make import f01, f04, jpeg
from make.daemons import CONFIG
from servers import elastic

pytestmark = pytest.mark.timeout(600)  # the first start of a server may build it

PLANS = (
    ("import", "more", "--dry-run"),
    ("import", "more", "--move", "-r", "--dry-run"),
    ("import", "in", "more", "--album", "Summer", "--dry-run"),
    ("import", "more", "--dry-run", "--json"),
    ("undo", "last", "--dry-run"),
    ("undo", "b1", "--dry-run", "--json"),
    ("tag", "kind:image", "--add", "lake", "--rating", "4", "--sidecar", "--dry-run"),
    ("dates", "fix", "kind:image", "--shift", "+1h", "--dry-run"),
    ("dates", "fix", "in/2.jpg", "--set", "2020-02-03T04:05:06", "--dry-run", "--json"),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as made:
        yield made


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, url: str) -> tuple[Home, Home]:
    """The same files imported, with the catalog in SQLite and there; some others not yet."""
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    return filled(here, ""), filled(there, section(url, elastic.index_of(there)))


def section(url: str, index: str) -> str:
    return f'[catalog]\ntype = "elasticsearch"\nurls = ["{url}"]\nindex = "{index}"\n'


def filled(folder: Path, catalog: str) -> Home:
    home = Home(folder, switched=False)
    config = home.path / "albumen.toml"
    config.write_text(CONFIG + (catalog or '[catalog]\ntype = "sqlite"\n'))
    (home.path / "inbox").mkdir()
    f01(home / "in")
    f04(home / "in")
    for number in range(4):
        jpeg(home / f"in/{number}.jpg", when=f"2021:07:0{number // 2 + 1} 10:00:00")
    home.run("import", "in", "-r", code=0)
    home.run("tag", "kind:image", "--add", "sea", code=0)
    for number in range(3):
        jpeg(home / f"more/{number}.jpg", when="2021:07:01 10:00:00", size=(80 + number, 60))
    (home.path / "more/same.jpg").write_bytes((home.path / "in/1.jpg").read_bytes())
    (home.path / "more/broken.jpg").write_text("no picture")
    return home


def said(home: Home, words: Sequence[str]) -> tuple[object, ...]:
    ran = home.run(*words)
    said = (re.sub(r'"steps":\{[^}]*\}', "", text).replace(str(home.path), "HERE") for text in (ran.out, ran.err))
    return (ran.code, *said)


def state_of(url: str, index: str) -> Any:
    """The highest sequence number and the number of documents of each of its indices: any write changes it."""
    node = elastic.Node(Path("/"), port=int(url.rpartition(":")[2]))
    indices = node.ask("GET", f"/{index}*/_stats/docs?level=shards")["indices"]
    return {
        name: [(copy["seq_no"]["max_seq_no"], copy["docs"]["count"]) for copies in one["shards"].values() for copy in copies]
        for name, one in indices.items()
    }


@pytest.mark.parametrize("words", PLANS, ids=" ".join)
def test_the_plan_is_the_same_and_nothing_is_written(homes: tuple[Home, Home], url: str, words: tuple[str, ...]) -> None:
    """S0-34, U-05 (part: the plans of both engines)."""
    here, there = homes
    before = state_of(url, elastic.index_of(there.path))
    assert said(there, words) == said(here, words)
    assert state_of(url, elastic.index_of(there.path)) == before


def test_before_anything_was_filed_nothing_is_made(tmp_path: Path, url: str) -> None:
    """Looking and planning make no index."""
    home = Home(tmp_path, switched=False)
    (home.path / "albumen.toml").write_text(CONFIG + section(url, elastic.index_of(tmp_path)))
    jpeg(home / "in/1.jpg", when="2021:07:01 10:00:00")
    (home.path / "inbox").mkdir()
    assert "2021-07-01 10-00-00" in home.run("import", "in", "--dry-run", code=0).out
    assert home.run("find", "--json").rows == []
    home.run("status")
    assert state_of(url, elastic.index_of(tmp_path)) == {}
