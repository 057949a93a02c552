"""What an index of this schema is like, and how the one behind the alias is found or made.

``changing`` moves records from an index of one schema to one of another.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.document import RECORD, SCHEMA, VECTOR
from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.catalogs.elastic.trouble import Conflict, Gone, OtherSchema
from albumen.errors import AlbumenError, Permanent, Unavailable

OLDEST = (8, 15)  # the first server with vectors of bits

_WORD: Mapping[str, Any] = {"type": "keyword"}
_ASKED: Mapping[str, Any] = {"type": "keyword", "doc_values": False}  # by equality only
_KEPT: Mapping[str, Any] = {"type": "keyword", "index": False, "doc_values": False}
_TOLD: Mapping[str, Any] = {"type": "keyword", "ignore_above": 1024}
_TEXT: Mapping[str, Any] = {"type": "text", "index": False}
_LOOSE: Mapping[str, Any] = {"ignore_malformed": True}
_WHOLE: Mapping[str, Any] = {"type": "long", **_LOOSE}
_REAL: Mapping[str, Any] = {"type": "double"}
_YES: Mapping[str, Any] = {"type": "boolean"}


def settings(mine: ElasticSettings) -> dict[str, Any]:
    """Of a new index. The analyzer is for people who ask by Kibana: it folds a question as ``terms.fold`` folded the words."""
    return {
        "index": {
            "number_of_shards": mine.shards,
            "auto_expand_replicas": mine.replicas,
            "translog": {"durability": "request"},  # what was put is on the disk
            "mapping": {"total_fields": {"limit": 200}},
        },
        "analysis": {
            "analyzer": {"asked": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "asciifolding"]}},
        },
    }


def mapping() -> dict[str, Any]:
    """Strict: what it does not name is refused."""
    return {
        "dynamic": "strict",
        "_meta": {"albumen": {"schema": SCHEMA}},
        "properties": {
            **dict.fromkeys((RECORD, "description", "title"), _TEXT),
            **dict.fromkeys(("marks", "members"), _KEPT),
            **dict.fromkeys(("id", "shown", "sort", "taken", "month", "kind", "type", "stores", "camera", "tag", "hash"), _WORD),
            **dict.fromkeys(("names", "albums", "tags", "people", "places", "digests", "lies", "path", "group"), _ASKED),
            **dict.fromkeys(("cameras", "lenses", "long_words", "companion_of"), _ASKED),
            **dict.fromkeys(("part", "counted"), _YES),
            "version": {"type": "long", "index": False},
            "sizes": {"type": "long", "doc_values": False},
            "words": {
                "type": "text",
                "analyzer": "whitespace",
                "search_analyzer": "asked",
                "index_prefixes": {"min_chars": 1, "max_chars": 3},
                "index_options": "docs",
                "norms": False,
            },
            **dict.fromkeys(("lat", "lon"), _REAL),
            "hash_digits": {"type": "integer", "doc_values": False},
            "hash_bits": {
                "type": "dense_vector",
                "element_type": "bit",
                "dims": 4 * VECTOR,
                "similarity": "l2_norm",
                "index_options": {"type": "flat"},  # every one is looked at: the answer is exact
            },
            **dict.fromkeys(("name", "person", "album", "city", "region", "country", "make", "model", "lens"), _TOLD),
            "location": {"type": "geo_point", **_LOOSE},
            "taken_at": {"type": "date", "format": "strict_date_optional_time", **_LOOSE},
            "arrived_at": {"type": "date", "format": "epoch_millis", **_LOOSE},
            **dict.fromkeys(("size", "width", "height", "rating"), _WHOLE),
            "duration": {"type": "double", **_LOOSE},
        },
    }


def found(connection: Connection, mine: ElasticSettings, *, make: bool) -> str:
    """The index behind the alias; when there is none it is made, or "". ``OtherSchema``, ``Permanent`` for one that is not ours,
    ``Unavailable`` for a server that is too old."""
    _check_server(connection)
    for _ in range(3):
        names = _behind(connection, mine.index)
        if names:
            _wait_for_shards(connection, names[0], _check(connection, mine, names))
            return names[0]
        if not make:
            return ""
        _make(connection, mine)
    raise Unavailable(connection.place.name, f"the alias {mine.index} at {mine.place} comes and goes: is somebody changing it?")


def newer(index: str, schema: int) -> str:
    """The sentence for who is too old."""
    return (
        f"the index {index} was made by a newer version of albumen (schema {schema}, this one knows {SCHEMA}): install the newer version "
        "again, or go back with its `albumen migrate --back`"
    )


def _behind(connection: Connection, alias: str) -> Sequence[str]:
    try:
        return sorted(connection.ask("GET", f"/_alias/{alias}"))
    except Gone:
        pass
    try:
        names = sorted(connection.ask("GET", f"/{alias}/_mapping"))
    except Gone:
        return ()
    if alias in names:
        raise Permanent(_foreign(connection, alias))
    return names  # somebody has made it between the two questions


def _check(connection: Connection, mine: ElasticSettings, names: Sequence[str]) -> int:
    """How many shards it has."""
    if len(names) > 1:
        raise Permanent(f"the alias {mine.index} at {mine.place} names {', '.join(names)}: remove it from all but the right one")
    whole = connection.ask("GET", f"/{names[0]}")[names[0]]
    said = whole["mappings"].get("_meta", {}).get("albumen")
    if not isinstance(said, Mapping) or not isinstance(said.get("schema"), int):
        raise Permanent(_foreign(connection, names[0]))
    if said["schema"] > SCHEMA:
        raise OtherSchema(connection.place.name, newer(names[0], said["schema"]))
    if said["schema"] < SCHEMA:
        why = f"the index {names[0]} is of an older version of albumen (schema {said['schema']}): run `albumen migrate`"
        raise OtherSchema(connection.place.name, why)
    return int(whole["settings"]["index"]["number_of_shards"])


def _wait_for_shards(connection: Connection, index: str, shards: int) -> None:
    """Somebody else may have made it this very moment: its shards take a second, in which its health is yellow already. Who may not
    ask, or asks in vain, is told by the next question."""
    with suppress(AlbumenError):
        connection.send("GET", f"/_cluster/health/{index}", wait_for_active_shards=shards, timeout="30s")


def _foreign(connection: Connection, index: str) -> str:
    return (
        f"there is an index {index} at {connection.place.url} that albumen did not make, and it is left as it is: set another name "
        "([catalog] index)"
    )


def _make(connection: Connection, mine: ElasticSettings) -> None:
    name = f"{mine.index}-v{SCHEMA}-1"
    body = {"settings": settings(mine), "mappings": mapping(), "aliases": {mine.index: {"is_write_index": True}}}
    try:
        connection.send("PUT", f"/{name}", body)
    except Permanent as error:
        if "already exists" not in str(error):
            raise
        if not _behind(connection, mine.index):
            raise Permanent(
                f"there is an index {name} at {mine.place}, but its alias {mine.index} is gone: give it back "
                f"(POST /_aliases), or delete the index if what is in it is not wanted"
            ) from None
    except Conflict:
        pass


def _check_server(connection: Connection) -> None:
    try:
        said = connection.ask("GET", "/")
    except Unavailable as error:
        if not error.auth:
            raise
        return  # a key may be allowed its index and no more: whether it is good is seen there
    version = str(said.get("version", {}).get("number", "")) if isinstance(said, Mapping) else ""
    numbers = tuple(int(one) for one in version.split(".")[:2] if one.isdigit())
    if numbers < OLDEST:
        raise Unavailable(
            connection.place.name,
            f"what answers at {connection.place.url} is Elasticsearch {version or 'of no known version'}: 8.15 or newer is needed",
        )
