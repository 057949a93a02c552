"""``ElasticCatalog``: the catalog in an index of Elasticsearch."""

# ruff: noqa: ARG002  # the methods are being built

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.errors import Unavailable
from albumen.model import Page, Placement, Query, Record
from albumen.plugins import Context


class ElasticCatalog:
    """``ports.Catalog`` with ``Samples`` and ``Pings``; ``close`` ends its connections. Made at once, also while the server is away:
    it is first asked when it is first used, and again until it answers. What cannot be used now is ``Unavailable("catalog", …)``."""

    Settings: ClassVar[type] = ElasticSettings

    def __init__(self, name: str, settings: ElasticSettings, context: Context) -> None:
        del context
        self.name = name
        self.settings = settings

    def get(self, ids: Sequence[str]) -> Mapping[str, Record]:
        """See ``ports.Catalog``."""
        raise self._not_yet()

    def put(self, records: Sequence[Record]) -> None:
        """See ``ports.Catalog``."""
        raise self._not_yet()

    def delete(self, ids: Iterable[str]) -> int:
        """See ``ports.Catalog``."""
        raise self._not_yet()

    def find(self, query: Query, *, after: str = "", limit: int = 100) -> Page[Record]:
        """See ``ports.Catalog``."""
        raise self._not_yet()

    def count(self, query: Query, by: str | None = None) -> Mapping[str, int]:
        """See ``ports.Catalog``."""
        raise self._not_yet()

    def sample(self, store: str, number: int) -> Sequence[Placement]:
        """See ``ports.Samples``."""
        raise self._not_yet()

    def ping(self) -> None:
        """See ``ports.Pings``."""
        raise self._not_yet()

    def close(self) -> None:
        """End its connections. Twice is harmless."""

    def _not_yet(self) -> Unavailable:
        return Unavailable(self.name, "the catalog on Elasticsearch is being built")
