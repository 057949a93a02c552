"""A catalog that a dry run works on: the answers are the real ones, and nothing reaches it."""

import pytest

from albumen.catalogs.untouched import Untouched
from albumen.errors import Permanent, Unavailable
from albumen.model import Query
from albumen.testing import MemoryCatalog
from albumen.testing.records import a_record


class Server(MemoryCatalog):
    away = False
    closed = 0

    def ping(self) -> None:
        if self.away:
            raise Unavailable("catalog", "nobody answers")

    def close(self) -> None:
        self.closed += 1


def test_it_answers_as_the_other_one_and_takes_nothing() -> None:
    server = Server()
    server.put([a_record(1), a_record(2)])
    catalog = Untouched(server)
    ids = [a_record(1).id, "0" * 32]
    assert catalog.get(ids) == server.get(ids)
    assert catalog.find(Query(), limit=1) == server.find(Query(), limit=1)
    assert catalog.count(Query(), "kind") == {"image": 2}
    assert len(catalog.sample("nas", 9)) == 2
    for write in (lambda: catalog.put([a_record(3)]), lambda: catalog.delete(iter(ids))):
        with pytest.raises(Permanent, match="a dry run tried to write to the catalog"):
            write()
    catalog.put([])
    assert catalog.delete([]) == 0
    assert server.count(Query()) == {"": 2}


def test_it_is_asked_and_closed_with_the_other_one() -> None:
    server = Server()
    catalog = Untouched(server)
    catalog.ping()
    server.away = True
    with pytest.raises(Unavailable):
        catalog.ping()
    catalog.close()
    assert server.closed == 1
