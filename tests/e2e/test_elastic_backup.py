"""Backups beside a catalog on Elasticsearch: its records are in them, and come back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command import Home
from e2e.test_elastic_plans import section
from make import jpeg
from make.daemons import CONFIG, until
from servers import elastic

pytestmark = pytest.mark.timeout(600)  # the first start of a server may build it

COPYING = CONFIG.replace('"move"', '"copy"')


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[elastic.Node]:
    """One that may be stopped; each test finds it running."""
    with elastic.node(tmp_path_factory.mktemp("elastic")) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, node: elastic.Node) -> Home:
    """Three photos taken in, which stay where they came from."""
    made = Home(tmp_path, switched=False)
    configure(made, node)
    photos(made, 1, 2, 3)
    works(made)
    return made


def configure(home: Home, node: elastic.Node) -> None:
    index = elastic.index_of(home.path)
    (home.path / "albumen.toml").write_text(COPYING + section(node.url, index))


def photos(home: Home, *days: int) -> None:
    for day in days:
        jpeg(home / f"inbox/{day}.jpg", when=f"2021:07:{day:02} 00:30:00")


def works(home: Home) -> None:
    """The daemon does what there is."""
    home.run("run", "--idle-exit", "1", code=0)


def known(home: Home) -> list[str]:
    """The whole catalog, as two runs share it."""
    return sorted(home.run("export", "--stable", code=0).lines)


def test_what_is_restored_is_as_it_was_and_is_completed_by_the_daemon(home: Home) -> None:
    """U-03 (part: with this catalog)."""
    assert "3 records, 3 deeds" in home.run("backup", code=0).lines[0]
    before = known(home)
    photos(home, 4, 5)
    works(home)
    assert len(known(home)) == 5
    files = home.filed()
    foreseen = home.run("restore", "newest", "--dry-run", code=0).lines
    assert "what was there would be kept in" in foreseen[1]
    assert len(known(home)) == 5
    told = home.run("restore", "newest", code=0).lines
    assert "3 records" in told[0]
    assert known(home) == before
    aside = Path(told[1].removeprefix("what was there is kept in "))
    assert sorted(one.name for one in aside.iterdir()) == ["catalog.jsonl.gz", "ledger.db", "state.db"]
    works(home)
    assert home.filed() == files
    assert len(known(home)) == 5
    assert home.run("status", code=0).lines[0] == "all is well"


def test_the_daemon_saves_them_every_day(home: Home) -> None:
    """It made one when it began, with nothing in it; that is no reason against one with more, the other way round is."""
    (first, *_) = home.run("backup", "--list", "--json", code=0).rows
    assert sorted(first["files"]) == ["catalog.jsonl.gz", "ledger.db"]
    home.run("backup", code=0)
    (last, *_) = home.run("backup", "--list", "--json", code=0).rows
    assert last["files"]["catalog.jsonl.gz"]["rows"] == {"record": 3}
    assert "the daily backup saves them all with the ledger" in home.run("check", code=0).out


def test_a_server_that_lost_everything_gets_it_back(home: Home, node: elastic.Node) -> None:
    """The index is gone, as after a new disk there; nothing begins anew as if nothing had ever been filed."""
    before = known(home)
    home.run("backup", code=0)
    index = elastic.index_of(home.path)
    for name in node.ask("GET", f"/{index}*"):
        node.ask("DELETE", f"/{name}")
    ran = home.run("backup", code=1)
    assert "`albumen restore newest`" in ran.err or "any more" in ran.err
    home.run("restore", "newest", code=0)
    assert known(home) == before
    assert home.run("status", code=0).lines[0] == "all is well"


def test_while_it_is_away_nothing_is_restored_by_half(home: Home, node: elastic.Node) -> None:
    home.run("backup", code=0)
    photos(home, 4)
    works(home)
    before = known(home)
    node.stop()
    try:
        err = home.run("restore", "newest", code=1).err
        assert "nothing was changed: Elasticsearch at" in err
        assert "cannot be reached" in home.run("backup", code=1).err
    finally:
        node.start()
    until(lambda: home.run("check").code == 0)
    assert known(home) == before
    home.run("restore", "newest", code=0)
    assert len(known(home)) == 3


def test_a_backup_goes_from_one_engine_to_the_other(home: Home, node: elastic.Node, tmp_path: Path) -> None:
    """Put into a state directory that is new: there the records become a ``catalog.db``; and back again."""
    home.run("backup", str(tmp_path / "there"), code=0)
    before = known(home)
    here = Home(tmp_path / "here", switched=False)
    here.path.mkdir()
    (here.path / "albumen.toml").write_text(COPYING)
    here.run("restore", str(next((tmp_path / "there").iterdir())), code=0)
    assert known(here) == before
    assert (here.path / "state/catalog.db").is_file()
    here.run("backup", str(tmp_path / "again"), code=0)
    home.run("restore", str(next((tmp_path / "again").iterdir())), code=0)
    assert known(home) == before
