"""Catalogs on Elasticsearch for tests, each in an index of its own."""

import tempfile
import uuid
from typing import Any

from albumen.catalogs.elastic import ElasticCatalog
from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.owners import Owners
from albumen.plugins import Context

__all__ = ["a_catalog", "emptied"]


def a_catalog(url: str, index: str = "", **more: Any) -> ElasticCatalog:
    """On a new index, or on the one of that name."""
    settings = ElasticSettings((url,), index or f"test-{uuid.uuid4().hex[:12]}", **more)
    folder = tempfile.gettempdir()
    return ElasticCatalog("catalog", settings, Context(folder, Owners.__new__(Owners)))


def emptied(catalog: ElasticCatalog) -> ElasticCatalog:
    """The same without any document."""
    name = catalog.ready()
    catalog.connection.ask("POST", f"/{name}/_refresh")
    hits = catalog.connection.ask("POST", f"/{name}/_search", {"size": 10_000, "_source": False})["hits"]["hits"]
    lines = b"".join(b'{"delete":{"_id":"%s"}}\n' % hit["_id"].encode() for hit in hits)
    if lines:
        catalog.connection.send("POST", f"/{name}/_bulk", lines)
    return catalog
