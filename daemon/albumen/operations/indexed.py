"""The catalog on Elasticsearch as a place that ``migrate`` copies from and into, and whose schema it changes."""

from dataclasses import replace

from albumen.catalogs.elastic import ElasticCatalog, changing, index, indices
from albumen.catalogs.elastic.changing import Changed, Changing, Shape, Told
from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.document import SCHEMA
from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.model import CATALOG
from albumen.operations.engines import Home
from albumen.plugins import Context

_RECORDS = {"query": {"exists": {"field": "kind"}}}  # other documents only stand in for main records that are not kept


class ElasticPlace:
    """``operations.migrating.Place`` for an alias. A draft is an index beside the one that the alias names, with an alias of its own."""

    def __init__(self, settings: ElasticSettings, context: Context) -> None:
        self.home = Home("elasticsearch", f"{settings.place}, {settings.index}")
        self._settings = settings
        self._context = context
        self._connection = Connection(CATALOG, settings, context.stop)
        self._opened: list[ElasticCatalog] = []

    def current(self) -> ElasticCatalog | None:
        """See ``Place``."""
        if not indices.behind(self._connection, self._settings.index):
            return None
        return self._open(self._settings)

    def records(self) -> int:
        """See ``Place``."""
        there = indices.behind(self._connection, self._settings.index)
        if not there:
            return 0
        self._connection.ask("POST", f"/{there}/_refresh")
        return int(self._connection.ask("POST", f"/{there}/_count", _RECORDS)["count"])

    def draft(self, name: str) -> tuple[str, ElasticCatalog]:
        """See ``Place``."""
        alias = self._settings.index
        there = indices.behind(self._connection, alias)
        mine = replace(self._settings, index=f"{alias}-draft")
        if not name or name == there or indices.behind(self._connection, mine.index) != name:
            self.discard(indices.behind(self._connection, mine.index))
            name = indices.fresh_name(self._connection, alias, SCHEMA)
            body = {
                "settings": index.settings(mine),
                "mappings": index.mapping(),
                "aliases": {mine.index: {"is_write_index": True}},
            }
            indices.made(self._connection, name, body)
        return name, self._open(mine)

    def publish(self, name: str) -> str:
        """See ``Place``: the index that was there stays, without the alias."""
        alias = self._settings.index
        there = indices.behind(self._connection, alias)
        if there != name:
            indices.point(self._connection, alias, there, name, draft=f"{alias}-draft")
        return f"index {there} (delete it when nobody wants it any more)" if there not in ("", name) else ""

    def discard(self, name: str) -> None:
        """See ``Place``."""
        if name and name != indices.behind(self._connection, self._settings.index):
            indices.remove(self._connection, name)

    def schema(self) -> tuple[int, int]:
        """Of what is there (0: nothing is), and of this program."""
        there = indices.behind(self._connection, self._settings.index)
        return int(indices.said(self._connection, there).get("schema", 0)) if there else 0, SCHEMA

    def change(self, told: Told) -> Changed | None:
        """Bring it to this program's schema while others go on; see ``Changing.run``."""
        return Changing(self._connection, self._settings.index, Shape(self._settings), told=told).run()

    def back(self) -> Changed:
        """See ``changing.back``."""
        return changing.back(self._connection, self._settings)

    def close(self) -> None:
        """See ``Place``."""
        for one in self._opened:
            one.close()
        self._opened.clear()
        self._connection.close()

    def _open(self, settings: ElasticSettings) -> ElasticCatalog:
        self._opened.append(ElasticCatalog(CATALOG, settings, self._context))
        return self._opened[-1]
