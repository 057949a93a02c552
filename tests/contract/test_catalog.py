"""The catalog's contract on the plain filter and on SQLite, and that both answer alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumen.catalogs import sqlite_plan, sqlite_where
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.model import Query, Record
from albumen.ports import Catalog
from albumen.testing.catalogs import MemoryCatalog
from albumen.testing.contracts_catalog import CatalogContract
from make.questions import IDS, answers, fill, queries, records


class TestMemoryCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self) -> MemoryCatalog:
        return MemoryCatalog()


class TestSqliteCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Iterator[Catalog]:
        catalog = SqliteCatalog(str(tmp_path / "catalog.db"))
        yield catalog
        catalog.close()


@pytest.fixture(scope="module", params=["few", "many"])
def sqlite_catalog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteCatalog]:
    """Once as it is, once as if every index found too much to make a list of: then it walks."""
    catalog = SqliteCatalog(str(tmp_path_factory.mktemp("catalog") / "catalog.db"))
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many":
            patch.setattr(sqlite_plan, "_RARE", 0)
            patch.setattr(sqlite_plan, "_STEP", 1)
            patch.setattr(sqlite_plan, "_LONGEST", 4)
            patch.setattr(sqlite_where, "_CHUNK", 1)
            patch.setattr(sqlite_where, "_VARIANTS", 0)
        yield catalog
    catalog.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(records, max_size=7),
    st.lists(queries, min_size=1, max_size=6),
    st.sets(st.sampled_from(IDS), max_size=2),
    st.integers(1, 5),
)
def test_both_engines_answer_alike(
    sqlite_catalog: SqliteCatalog, kept: list[Record], asked: list[Query], gone: set[str], limit: int
) -> None:
    """S0-78 (part: answers equal a plain filter), whatever was put, put again and deleted before."""
    engines: tuple[Catalog, ...] = (MemoryCatalog(), sqlite_catalog)
    for engine in engines:
        fill(engine, kept, gone)
    for query in asked:
        plain, indexed = (answers(engine, query, limit) for engine in engines)
        assert indexed == plain
