"""The catalog from SQLite into a real Elasticsearch and back: the same records, byte for byte, also when a copy is killed."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumen.catalogs.elastic import ElasticCatalog, indices
from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.errors import Stale, UsageError
from albumen.model import Record
from albumen.operations import engines, migrating
from albumen.operations.embedded import EmbeddedPlace
from albumen.operations.export import export
from albumen.operations.indexed import ElasticPlace
from albumen.operations.migrating import Migrated, Told
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.testing.records import a_record, everything
from make import f16
from make.questions import records
from servers import elastic

pytestmark = pytest.mark.timeout(400)

SOME = [*(replace(one, version=1 + at % 4) for at, one in enumerate(f16.records(1300))), replace(everything("e"), version=9)]


@dataclass
class Collection:
    """A state directory and an alias of its own."""

    state: Path
    url: str

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True)
        self.settings = ElasticCatalog.Settings(urls=(self.url,), index=f"test-{uuid.uuid4().hex[:12]}")

    def fill(self, kept: Sequence[Record]) -> None:
        with closing(SqliteCatalog(str(self.state / "catalog.db"))) as catalog:
            catalog.carry(kept)

    def migrate(self, to: str, *, replace_held: bool = False, told: Told = lambda _what, _done, _total: None) -> Migrated:
        with closing(Owners(str(self.state))) as owners, ExitStack() as undo:
            embedded = undo.enter_context(closing(EmbeddedPlace(str(self.state))))
            elastic_one = undo.enter_context(closing(ElasticPlace(self.settings, Context(str(self.state), owners))))
            source, target = (embedded, elastic_one) if to == "elasticsearch" else (elastic_one, embedded)
            return migrating.migrate(str(self.state), source, target, replace_held=replace_held, told=told)

    def embedded(self, *, stable: bool = True, folder: Path | None = None) -> str:
        with closing(SqliteCatalog(str((folder or self.state) / "catalog.db"))) as catalog:
            return "\n".join(export(catalog, stable=stable))

    def elastic(self, *, stable: bool = True) -> str:
        with closing(Owners(str(self.state))) as owners, closing(self.catalog(owners)) as catalog:
            return "\n".join(export(catalog, stable=stable))

    def catalog(self, owners: Owners) -> ElasticCatalog:
        return ElasticCatalog("catalog", self.settings, Context(str(self.state), owners))

    def indices(self) -> Sequence[str]:
        with closing(Connection("catalog", self.settings, threading.Event())) as connection:
            return indices.ours(connection, self.settings.index)

    def remove(self) -> None:
        with closing(Connection("catalog", self.settings, threading.Event())) as connection:
            for name in indices.ours(connection, self.settings.index):
                indices.remove(connection, name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as url:
        yield url


@pytest.fixture
def here(server: str, tmp_path: Path) -> Iterator[Collection]:
    made = Collection(tmp_path / "state", server)
    yield made
    made.remove()


def test_there_and_back(here: Collection) -> None:
    """S4-48 (part: records before = after, engine to engine): versions, history, companions; what somebody read before can be put after."""
    here.fill(SOME)
    before, stable = here.embedded(stable=False), here.embedded()
    done = here.migrate("elasticsearch")
    assert (done.records, done.carried, done.aside) == (len(SOME), len(SOME), "")
    assert here.elastic(stable=False) == before
    assert here.elastic() == stable
    with closing(Owners(str(here.state))) as owners, closing(here.catalog(owners)) as catalog:
        catalog.put([replace(SOME[5], title="written after"), a_record("new")])
        with pytest.raises(Stale):
            catalog.put([replace(SOME[6], version=SOME[6].version + 1)])
        catalog.delete([SOME[7].id])
    after = here.elastic(stable=False)
    with pytest.raises(UsageError, match="holds 1301 records already"):
        here.migrate("sqlite")
    back = here.migrate("sqlite", replace_held=True)
    assert here.embedded(stable=False) == after
    assert here.embedded(stable=False, folder=Path(back.aside)) == before
    assert engines.home_of(str(here.state)).engine == "sqlite"
    again = here.migrate("elasticsearch", replace_held=True)  # the index before stays, without the alias
    assert "-v1-1 (delete it" in again.aside
    assert here.elastic(stable=False) == after
    assert len(here.indices()) == 2


class _Killed(BaseException):
    """As a kill, but that this process goes on."""


# What is killed here in the middle of an answer leaves its socket to the garbage collector; a process that is killed, to the system
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("to", ["elasticsearch", "sqlite"])
def test_a_copy_that_was_cut_off_goes_on(here: Collection, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any of these places; nobody sees anything of it before it is whole."""
    monkeypatch.setattr(migrating, "_NOTED", 500)
    here.fill(SOME)
    if to == "sqlite":
        here.migrate("elasticsearch")
        (here.state / "catalog.db").unlink()
    expected = here.elastic() if to == "sqlite" else here.embedded()
    for what, at in (("copied", 500), ("copied", 1000), ("compared", 1000)):

        def told(now: str, done: int, _total: int, what: str = what, at: int = at) -> None:
            if now == what and done >= at:
                raise _Killed

        with pytest.raises(_Killed):
            here.migrate(to, told=told)
        assert engines.home_of(str(here.state)).engine != to
        assert (here.elastic() if to == "elasticsearch" else not (here.state / "catalog.db").exists()) in ("", True)
    assert here.migrate(to).carried == 0
    assert (here.embedded() if to == "sqlite" else here.elastic()) == expected


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(records, max_size=8, unique_by=lambda one: one.id), st.integers(1, 3))
def test_whatever_records_there_are(
    server: str, tmp_path_factory: pytest.TempPathFactory, kept: list[Record], version: int
) -> None:
    here = Collection(tmp_path_factory.mktemp("any") / "state", server)
    here.fill([replace(one, version=version) for one in (*kept, a_record("a"), everything("e"))])
    before, stable = here.embedded(stable=False), here.embedded()
    here.migrate("elasticsearch")
    assert (here.elastic(stable=False), here.elastic()) == (before, stable)
    (here.state / "catalog.db").unlink()
    here.migrate("sqlite")
    assert (here.embedded(stable=False), here.embedded()) == (before, stable)
    here.remove()
