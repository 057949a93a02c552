"""Somebody else's catalog for who only plans: every answer is the real one, and nothing can be written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from albumen.errors import Permanent
from albumen.model import Page, Placement, Query, Record
from albumen.ports import Catalog, Pings, Samples


class Untouched:
    """``ports.Catalog`` over another one. A dry run plans and writes nothing, and its database files are copies all the same; a
    catalog that is no file cannot be copied, so this keeps whatever a dry run should try away from it. ``close`` closes it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def get(self, ids: Sequence[str]) -> Mapping[str, Record]:
        """See ``ports.Catalog``."""
        return self.catalog.get(ids)

    def put(self, records: Sequence[Record]) -> None:
        """``Permanent``, unless there is nothing to write."""
        if records:
            _refuse()

    def delete(self, ids: Iterable[str]) -> int:
        """``Permanent``, unless there is nothing to delete."""
        if list(ids):
            _refuse()
        return 0

    def find(self, query: Query, *, after: str = "", limit: int = 100) -> Page[Record]:
        """See ``ports.Catalog``."""
        return self.catalog.find(query, after=after, limit=limit)

    def count(self, query: Query, by: str | None = None) -> Mapping[str, int]:
        """See ``ports.Catalog``."""
        return self.catalog.count(query, by)

    def sample(self, store: str, number: int) -> Sequence[Placement]:
        """See ``ports.Samples``; none where it cannot."""
        return self.catalog.sample(store, number) if isinstance(self.catalog, Samples) else ()

    def ping(self) -> None:
        """See ``ports.Pings``."""
        if isinstance(self.catalog, Pings):
            self.catalog.ping()

    def close(self) -> None:
        """Close the other one."""
        close = getattr(self.catalog, "close", None)
        if callable(close):
            close()


def _refuse() -> NoReturn:
    raise Permanent("a dry run tried to write to the catalog, which was kept from it: this is a bug, nothing was changed")
