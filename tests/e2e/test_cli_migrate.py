"""``albumen migrate`` as a person uses it: into Elasticsearch, on with it, back; killed in the middle; a newer program."""

import hashlib
import signal
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from albumen.catalogs.sqlite import SqliteCatalog
from e2e.command import Home, patched
from make import f16, jpeg
from make.newer import newer
from servers import elastic

SWITCHED = False  # it has catalogs of both kinds, whatever the test run is about

pytestmark = pytest.mark.timeout(400)

PLAIN = '[state]\ndir = "state"\n[store.library]\ntype = "local"\nroot = "library"\n'
# Dies as by a power cut when the second piece was carried into another engine.
KILL = """
import os, signal
from albumen.catalogs.elastic import ElasticCatalog
from albumen.catalogs.sqlite import SqliteCatalog
def dying(carry):
    pieces = []
    def carried(self, records):
        carry(self, records)
        pieces.append(records)
        if len(pieces) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return carried
for one in (ElasticCatalog, SqliteCatalog):
    one.carry = dying(one.carry)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as url:
        yield url


@dataclass
class Both:
    """A home whose settings can name both engines."""

    home: Home
    url: str
    index: str

    def settings(self, *, elastic: bool) -> None:
        there = f'[catalog]\ntype = "elasticsearch"\nurls = ["{self.url}"]\nindex = "{self.index}"\n' if elastic else ""
        (self.home.path / "albumen.toml").write_text(PLAIN + there)

    def stable(self) -> str:
        return self.home.run("export", "--stable", code=0).out


@pytest.fixture
def both(home: Home, server: str) -> Both:
    made = Both(home, server, f"test-{uuid.uuid4().hex[:12]}")
    made.settings(elastic=False)
    for day in (1, 2, 3):
        jpeg(home / f"card/{day}.jpg", when=f"2021:07:{day:02} 10:00:00", size=(8, 8 + day))
    home.run("import", "card", "-r", code=0)
    return made


def test_into_elasticsearch_and_back(both: Both) -> None:
    """S4-01 (part: engines), S4-48 (part: records before = after): nothing starts on the wrong catalog meanwhile."""
    home, before = both.home, both.stable()
    refused = home.run("migrate", "--to", "elasticsearch", code=2)
    assert "the settings do not say where that is" in refused.err
    both.settings(elastic=True)
    for words in (["status"], ["import", "card"], ["backup"], ["find", "--json"]):
        assert "`albumen migrate --to elasticsearch`" in home.run(*words, code=2).err
    assert home.run("migrate", "--to", "elasticsearch", "--dry-run", code=0).out.startswith(
        "would copy 3 records from sqlite into"
    )
    done = home.run("migrate", "--to", "elasticsearch", code=0)
    assert f"3 records copied from sqlite into elasticsearch ({both.url}, {both.index})" in done.lines[0]
    assert done.lines[0].endswith(hashlib.sha256(before.encode()).hexdigest())
    assert both.stable() == before
    assert "nothing to do" in home.run("migrate", "--to", "elasticsearch", code=0).out

    jpeg(home / "card/4.jpg", when="2021:07:04 10:00:00", size=(8, 12))
    home.run("import", "card", "-r", code=0)  # three are known: one picture more
    after = both.stable()
    assert after.count("\n") == 4
    assert home.run("migrate", code=0).out == "the catalog (elasticsearch) is as this program needs it\n"

    assert "holds 3 records already" in home.run("migrate", "--to", "sqlite", code=2).err
    assert "only with --replace" in home.run("migrate", "--to", "sqlite", "--dry-run", code=0).out
    back = home.run("migrate", "--to", "sqlite", "--replace", code=0)
    assert "what was there is kept: " in back.out
    assert "`albumen migrate --to sqlite`" not in home.run("status", code=2).err
    both.settings(elastic=False)
    assert both.stable() == after
    home.run("undo", "last", code=0)
    assert both.stable().count("\n") == 4  # its record is history now


def test_a_daemon_at_work_is_not_disturbed(both: Both) -> None:
    both.settings(elastic=False)
    with both.home.started("run"):
        _until_alive(both.home)
        both.settings(elastic=True)
        assert "albumen runs" in both.home.run("migrate", "--to", "elasticsearch", code=2).err
        assert "would copy 3 records" in both.home.run("migrate", "--to", "elasticsearch", "-d", code=0).out


def _until_alive(home: Home) -> None:
    from make.daemons import until

    until(lambda: home.run("status", "--alive").code == 0)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_in_the_middle_both_ways(both: Both) -> None:
    """The same command goes on; until it has finished the source is the catalog."""
    home = both.home
    with closing(SqliteCatalog(str(home.path / "state" / "catalog.db"))) as catalog:
        catalog.carry([replace(one, version=2) for one in f16.records(1300)])
    before = both.stable()
    kill = patched(home, KILL)
    both.settings(elastic=True)
    assert home.run("migrate", "--to", "elasticsearch", env=kill).code == -signal.SIGKILL
    assert "`albumen migrate --to elasticsearch`" in home.run("status", code=2).err
    assert "going on" in home.run("migrate", "--to", "elasticsearch", "--dry-run", code=0).out
    assert "is given up" in home.run("migrate", "--to", "sqlite", code=0).out
    assert home.run("migrate", "--to", "elasticsearch", env=kill).code == -signal.SIGKILL
    home.run("migrate", "--to", "elasticsearch", code=0)
    assert both.stable() == before
    (home.path / "state" / "catalog.db").unlink()
    assert home.run("migrate", "--to", "sqlite", env=kill).code == -signal.SIGKILL
    assert both.stable() == before
    home.run("migrate", "--to", "sqlite", code=0)
    both.settings(elastic=False)
    assert both.stable() == before


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_newer_program_changes_the_schema_and_the_older_one_goes_back(both: Both, tmp_path: Path) -> None:
    """S4-48 (part: Elasticsearch): told at the start, done by the command, refused by the older program with its way back."""
    home, update = both.home, newer(tmp_path / "newer")
    both.settings(elastic=True)
    home.run("migrate", "--to", "elasticsearch", code=0)
    before = both.stable()
    assert "run `albumen migrate`" in home.run("find", "--json", env=update, code=1).err
    assert "run `albumen migrate`" in home.run("status", env=update, code=1).out
    assert "would be brought from schema 1 to 2" in home.run("migrate", "--dry-run", env=update, code=0).out
    changed = home.run("migrate", env=update, code=0)
    assert changed.lines[0].startswith(f"3 records are in {both.index}-v2-1 now, schema 2")
    assert home.run("export", "--stable", env=update, code=0).out == before
    assert "`albumen migrate --back`" in home.run("find", "--json", code=1).err
    assert "3 records" in home.run("migrate", "--back", code=0).out
    assert both.stable() == before
