"""Many who write the same records of a catalog on Elasticsearch at once."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from albumen.catalogs.elastic import ElasticCatalog
from albumen.model import Query
from albumen.testing.records import a_record
from faults.elastic_writer import write
from make.elastic import a_catalog
from servers import elastic

CHILD = Path(__file__).with_name("elastic_writer.py")
RECORDS = 1000
pytestmark = pytest.mark.timeout(300)  # a server starts, and the machine may be busy


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as url:
        yield url


@pytest.fixture
def catalog(url: str) -> Iterator[ElasticCatalog]:
    """With a thousand records, some of them companions of others."""
    made = [
        a_record(n, taken=f"2020-01-{n % 28 + 1:02}", companion_of=a_record(n - 1).id if n % 10 == 9 else None)
        for n in range(RECORDS)
    ]
    with closing(a_catalog(url)) as catalog:
        catalog.put(made)
        yield catalog


def everybody_counts(catalog: ElasticCatalog, names: tuple[str, ...]) -> None:
    """Each writer's change of each record is there, once."""
    kept = list(catalog.walk())
    assert len(kept) == RECORDS
    assert Counter(tuple(sorted(one.tags)) for one in kept) == {tuple(sorted(names)): RECORDS}
    assert {one.version for one in kept} == {1 + len(names)}
    assert catalog.count(Query(tags=names, companions=True)) == {"": RECORDS}
    assert catalog.count(Query(tags=names)) == {"": RECORDS - RECORDS // 10}
    assert catalog.count(Query(), "tag") == dict.fromkeys(names, RECORDS - RECORDS // 10)


def test_two_processes_change_the_same_thousand_records(url: str, catalog: ElasticCatalog) -> None:
    """No change is lost, none is made twice."""
    names = ("one", "other")
    children = [
        subprocess.Popen([sys.executable, str(CHILD), url, catalog.settings.index, name], stdout=subprocess.PIPE, text=True)
        for name in names
    ]
    ends = [child.communicate(timeout=300)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sum(map(int, ends)) > 0, "they never met: this showed nothing"
    everybody_counts(catalog, names)


def test_threads_change_the_same_thousand_records(catalog: ElasticCatalog) -> None:
    names = ("a", "b", "c")
    with ThreadPoolExecutor(len(names)) as pool:
        refused = sum(pool.map(lambda name: write(catalog, name), names))
    assert refused > 0, "they never met: this showed nothing"
    everybody_counts(catalog, names)
