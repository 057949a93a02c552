"""What is particular to the embedded catalog."""

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.catalogs.sqlite_schema import SCHEMA, rows_of, write
from albumen.errors import ConfigError, Permanent
from albumen.model import Query, Record
from albumen.sqlite import Database
from albumen.testing.records import a_record, everything
from make import f16


def test_it_starts_by_itself_and_survives_a_restart(tmp_path: Path) -> None:
    """S0-79 (part: the first start makes it, the next one finds it)."""
    path = str(tmp_path / "catalog.db")
    for _ in range(2):
        catalog = SqliteCatalog(path)
        if not catalog.count(Query())[""]:
            catalog.put([everything(0)])
        assert catalog.find(Query(text=("seepromenade",))).rows == tuple(catalog.get([everything(0).id]).values())
        catalog.close()
        catalog.close()


def test_two_processes_see_each_other(tmp_path: Path) -> None:
    path = str(tmp_path / "catalog.db")
    one, other = SqliteCatalog(path), SqliteCatalog(path)
    one.put([a_record(1)])
    other.put([a_record(2)])
    assert one.count(Query()) == other.count(Query()) == {"": 2}
    one.close()
    other.close()


def test_a_body_that_cannot_be_read_names_record_and_file(tmp_path: Path) -> None:
    catalog = SqliteCatalog(str(tmp_path / "catalog.db"))
    record = a_record(1)
    catalog.put([record])
    for broken in ("{", "[]", '{"id": "x"}'):
        catalog.database.write(lambda connection, body=broken: connection.execute("UPDATE body SET json = ?", (body,)))  # type: ignore[misc]  # a lambda's default has no type
        with pytest.raises(Permanent, match=rf"{record.id} in .*catalog\.db .*rebuild"):
            catalog.find(Query())
    catalog.close()


def test_a_newer_catalog_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "catalog.db")
    catalog = SqliteCatalog(path)
    catalog.database.write(lambda connection: connection.execute("CREATE TABLE later(x)"))
    with catalog.database.read() as connection:
        connection.execute("PRAGMA user_version = 99")
    catalog.close()
    with pytest.raises(ConfigError, match="newer albumen"):
        SqliteCatalog(path)


def test_a_catalog_of_the_first_schema_answers_as_a_new_one(tmp_path: Path) -> None:
    """What ``search`` is asked for since the second schema is made from what the first one kept."""
    dates = ("2021", "2021-7", "2021-02-31", "2021-13-01", "2021-12-31x", "2021-12-31T", "")
    records = [*f16.records(400), everything(0), *(a_record(date, taken=date) for date in dates)]
    new = SqliteCatalog(str(tmp_path / "new.db"))
    new.put(records)
    _first_schema(str(tmp_path / "old.db"), records)
    old = SqliteCatalog(str(tmp_path / "old.db"))
    for question in ("SELECT what, value FROM seen ORDER BY 1, 2", "SELECT id, json FROM record JOIN body USING (n) ORDER BY 1"):
        assert old.database.rows(question) == new.database.rows(question)
    kept = "SELECT id, tokens FROM record JOIN search ON search.rowid = n ORDER BY 1"
    for (id, was), (same, made) in zip(old.database.rows(kept), new.database.rows(kept), strict=True):
        assert (id, set(was.lower().split())) == (same, set(made.split()))
    for query in (
        Query(),
        Query(kinds=("video",)),
        Query(types=("jpeg",), taken=("2015", "2021-07")),
        Query(marks=("nas", "-cloud")),
    ):
        assert old.count(query) == new.count(query)
        assert old.find(query) == new.find(query)
    old.close()
    new.close()


def _first_schema(path: str, records: Sequence[Record]) -> None:
    """A catalog as it was kept before the second schema."""
    later = re.compile(r" _(kind|type|store|on|part|gone)[0-9a-f]*\b")
    database = Database(path, SCHEMA[:1], name="catalog")
    rows = [
        replace(
            one, tokens=later.sub("", one.tokens), seen=frozenset(pair for pair in one.seen if pair[0] not in ("year", "odd"))
        )
        for one in map(rows_of, records)
    ]
    database.write(lambda connection: write(connection, dict(enumerate(rows, 1)), {}))
    database.close()


def test_a_page_is_of_one_state(tmp_path: Path) -> None:
    """Records deleted between the look at the index and the look at their bodies do not break a page."""
    catalog = SqliteCatalog(str(tmp_path / "catalog.db"))
    records = [a_record(n) for n in range(5)]

    def churn() -> None:
        for _ in range(50):
            catalog.put(records)
            catalog.delete([one.id for one in records])

    thread = threading.Thread(target=churn)
    thread.start()
    lengths = set()
    while thread.is_alive():
        lengths.add(len(catalog.find(Query()).rows))
    thread.join()
    assert lengths <= {0, 5}
    catalog.close()


def test_thousands_of_sizes_are_asked_at_once(tmp_path: Path) -> None:
    """``import`` asks for the sizes of a whole folder."""
    catalog = SqliteCatalog(str(tmp_path / "catalog.db"))
    catalog.put([a_record(n, size=n) for n in range(0, 3000, 1000)])
    assert catalog.count(Query(sizes=tuple(range(1, 2500)))) == {"": 2}
    catalog.close()
