"""The catalog's contract on a real Elasticsearch, and that it answers as the plain filter and SQLite do."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumen.catalogs.elastic import ElasticCatalog, bulk, catalog, searching, where
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.model import Query, Record
from albumen.ports import Catalog
from albumen.testing.catalogs import MemoryCatalog
from albumen.testing.contracts_catalog import CatalogContract
from make.elastic import a_catalog, emptied
from make.questions import IDS, answers, fill, queries, records
from servers import elastic

pytestmark = pytest.mark.timeout(300)  # a server starts, and the machine may be busy


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as url:
        yield url


@pytest.fixture(scope="class")
def shared(url: str) -> Iterator[ElasticCatalog]:
    """One index for all tests of a class: to make a new one takes a second. A test outside a class has one of its own, so that it
    finds nothing that they left."""
    with closing(a_catalog(url)) as catalog:
        yield catalog
        catalog.connection.ask("DELETE", f"/{catalog.ready()}")


class TestElasticCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self, shared: ElasticCatalog) -> ElasticCatalog:
        return emptied(shared)


@pytest.fixture(scope="module")
def sqlite_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteCatalog]:
    with closing(SqliteCatalog(str(tmp_path_factory.mktemp("catalog") / "catalog.db"))) as catalog:
        yield catalog


@pytest.fixture(scope="module", params=["few", "many"])
def pieces(request: pytest.FixtureRequest) -> Iterator[None]:
    """Once as it is, once as if every answer were too large for one piece."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many":
            patch.setattr(searching, "_PIECE", 2)
            patch.setattr(searching, "_MOST", 1)
            patch.setattr(where, "_MANY", 1)
            patch.setattr(catalog, "_PIECE", 2)
            patch.setattr(bulk, "_MANY", 1)
        yield


@pytest.mark.usefixtures("pieces")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(records, max_size=7),
    st.lists(queries, min_size=1, max_size=6),
    st.sets(st.sampled_from(IDS), max_size=2),
    st.integers(1, 5),
)
def test_all_engines_answer_alike(
    shared: ElasticCatalog, sqlite_catalog: SqliteCatalog, kept: list[Record], asked: list[Query], gone: set[str], limit: int
) -> None:
    """S0-78 (part: answers equal a plain filter), whatever was put, put again and deleted before."""
    engines: tuple[Catalog, ...] = (MemoryCatalog(), sqlite_catalog, shared)
    for engine in engines:
        fill(engine, kept, gone)
    for query in asked:
        plain, embedded, elsewhere = (answers(engine, query, limit) for engine in engines)
        assert embedded == plain
        assert elsewhere == plain
