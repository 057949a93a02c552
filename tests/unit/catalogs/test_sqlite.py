"""What is particular to the embedded catalog."""

import threading
from pathlib import Path

import pytest

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.errors import ConfigError, Permanent
from albumen.model import Query
from albumen.testing.records import a_record, everything


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
