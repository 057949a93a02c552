"""What ``changing`` and a migration do with indices and aliases. Each may be repeated after a lost answer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.trouble import Gone, Lost
from albumen.errors import AlbumenError, Permanent, Transient, UsageError

_PIECE = 1000  # documents of a page
_KEEP = "5m"  # between two pages
_ALL: Mapping[str, Any] = {"match_all": {}}


def said(connection: Connection, index: str) -> Mapping[str, Any]:
    """What an index says of itself (``schema``; ``left`` once a change left it behind); {} where it is none of ours. ``Gone``."""
    found = connection.ask("GET", f"/{index}/_mapping")
    return next(iter(found.values()))["mappings"].get("_meta", {}).get("albumen", {})  # type: ignore[no-any-return]  # JSON


def behind(connection: Connection, alias: str) -> str:
    """The index that an alias names; "" when there is no such alias. ``UsageError`` when it names several, or is an index itself."""
    found: Sequence[str]
    try:
        found = sorted(connection.ask("GET", f"/_alias/{alias}"))
    except Gone:
        found = _named(connection, alias)
        if alias in found:
            raise UsageError(
                f"{alias} is an index that this albumen did not make: set another name for ours ([catalog] index)"
            ) from None
    if len(found) > 1:
        raise UsageError(f"the alias {alias} names {', '.join(found)}: it must name one index; remove it from the others")
    return found[0] if found else ""


def exists(connection: Connection, index: str) -> bool:
    """Whether there is an index (or alias) of that name."""
    return bool(_named(connection, index))


def _named(connection: Connection, name: str) -> Sequence[str]:
    """The index of that name, or those behind the alias of that name; none when there is neither."""
    try:
        return sorted(connection.ask("GET", f"/{name}/_settings"))
    except Gone:
        return ()


def made(connection: Connection, index: str, body: Mapping[str, Any]) -> bool:
    """Make an index; False when it is there already."""
    try:
        connection.send("PUT", f"/{index}", body)
    except (Permanent, Lost):
        if not exists(connection, index):
            raise
        return False
    return True


def ours(connection: Connection, alias: str) -> Sequence[str]:
    """All indices that were made for an alias, sorted by name."""
    return sorted(connection.ask("GET", f"/{alias}-v*", expand_wildcards="open,closed,hidden"))


def fresh_name(connection: Connection, alias: str, schema: int) -> str:
    """A name that no index has yet."""
    taken, number = set(ours(connection, alias)), 1
    while f"{alias}-v{schema}-{number}" in taken:
        number += 1
    return f"{alias}-v{schema}-{number}"


def close_for_writing(connection: Connection, index: str) -> None:
    """No write is accepted any more, and none is under way."""
    connection.ask("PUT", f"/{index}/_block/write")


def open_for_writing(connection: Connection, index: str) -> None:
    """The reverse."""
    connection.ask("PUT", f"/{index}/_settings", {"index.blocks.write": None})


def point(connection: Connection, alias: str, old: str, new: str, *, draft: str = "") -> None:
    """Let the alias name ``new`` instead of ``old`` ("" = none), and ``draft`` name it no more, in one step. Twice is harmless."""
    actions: list[Mapping[str, Any]] = [{"add": {"index": new, "alias": alias, "is_write_index": True}}]
    if draft:
        actions.insert(0, {"remove": {"index": new, "alias": draft}})
    if old:
        actions.insert(0, {"remove": {"index": old, "alias": alias, "must_exist": True}})
    try:
        connection.send("POST", "/_aliases", {"actions": actions})
    except (Lost, Gone):
        if behind(connection, alias) != new:
            raise


def leave(connection: Connection, index: str) -> None:
    """Let an index say that a change left it behind: it is the way back."""
    told = {**said(connection, index), "left": True}
    connection.ask("PUT", f"/{index}/_mapping", {"_meta": {"albumen": told}})


def remove(connection: Connection, index: str) -> None:
    """Delete an index; none is there: fine."""
    with suppress(Gone):
        connection.ask("DELETE", f"/{index}")


def pages(
    connection: Connection, index: str, query: Mapping[str, Any] = _ALL, key: str = "id", *, source: bool = True
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The hits of an index as of now, sorted by a field, in pieces."""
    moment = connection.ask("POST", f"/{index}/_pit", keep_alive=_KEEP)["id"]
    asked: dict[str, Any] = {"query": query, "sort": [{key: "asc"}], "size": _PIECE, "seq_no_primary_term": True}
    asked |= {"track_total_hits": False, "_source": source}
    try:
        while True:
            found = connection.ask("POST", "/_search", {**asked, "pit": {"id": moment, "keep_alive": _KEEP}})
            moment, hits = found["pit_id"], found["hits"]["hits"]
            if found["_shards"]["failed"]:
                raise Transient(f"not all of {index} can be read now: try again")
            if not hits:
                return
            yield hits
            asked["search_after"] = hits[-1]["sort"]
    finally:
        with suppress(AlbumenError):
            connection.send("DELETE", "/_pit", {"id": moment})
