"""``ElasticCatalog``: the catalog in an index of Elasticsearch."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from albumen.catalogs.elastic import index
from albumen.catalogs.elastic.bulk import Bulk
from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.document import FIELDS, RECORD, Kept, kept_of
from albumen.catalogs.elastic.refresh import Refreshes
from albumen.catalogs.elastic.searching import BY, Searching, cursor_of
from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.catalogs.elastic.trouble import Gone
from albumen.catalogs.elastic.writing import Writing
from albumen.errors import Permanent, Unavailable, UsageError
from albumen.jsonable import loads
from albumen.model import Page, Placement, Query, Record
from albumen.plugins import Context

_PIECE = 1000  # documents asked for at once
_MOVES = (0.5, 1.0, 2.0, 4.0)  # seconds to wait for an index that is being changed


class ElasticCatalog:
    """``ports.Catalog`` with ``Samples``, ``Carries`` and ``Pings``; ``close`` ends its connections. Made at once, also while the server is away:
    it is first asked when it is first used, and again until it answers. What cannot be used now is ``Unavailable("catalog", …)``.

    Any number of threads and processes may use one index. ``Permanent``: an index that is not ours, or does not take our documents;
    ``ConfigError``: it is of a newer albumen, or of an older one and to be migrated first.
    """

    Settings: ClassVar[type] = ElasticSettings

    def __init__(self, name: str, settings: ElasticSettings, context: Context) -> None:
        self.name = name
        self.settings = settings
        self.connection = Connection(name, settings, context.stop)
        self._stop = context.stop
        self._fresh = context.fresh
        self._alias = settings.index
        self._guard = threading.Lock()
        self._known: set[str] = set()  # indexes that are as ours are
        self._trouble: tuple[float, Unavailable] | None = None  # when we last could not look, and why
        self._searching = Searching(self.connection, self._alias, Refreshes(self._refresh))
        self._writing = Writing(self._alias, self._look, Bulk(self.connection, context.stop, self._look), self._moved)

    def get(self, ids: Sequence[str]) -> Mapping[str, Record]:
        """Records by full id, as they are now; unknown ids are left out."""
        return self._records(ids) if self._there() else {}

    def put(self, records: Sequence[Record]) -> None:
        """All or none, as far as a server without transactions can; durable; equal ids in one call count one after the other.
        ``Stale`` names the ids refused, and then nothing of the call is left, but for a record that somebody else has read and
        written anew in the milliseconds between: their version has our change in it, and stays.

        A kill or a lost server in the middle may leave some of the records written, each of them whole. Who writes several must
        therefore find out by reading what is still to be written, and may repeat that; ``deeds`` do (``records.after`` of records that
        have the change already is empty).
        """
        if records:
            self.ready()
            self._writing.put(records)

    def carry(self, records: Sequence[Record]) -> None:
        """See ``ports.Carries``."""
        if records:
            self.ready()
            self._writing.carry(records)

    def delete(self, ids: Iterable[str]) -> int:
        """How many were there. Twice is harmless; a kill in the middle leaves some of them."""
        return self._writing.delete(ids) if self._there() else 0

    def find(self, query: Query, *, after: str = "", limit: int = 100) -> Page[Record]:
        """Newest taken first, then id; records without a date last. The order is of the first page's moment while pages are asked for
        within minutes, and the records are as they are now; one that was deleted meanwhile is left out, so that a page may be short."""
        start = cursor_of(after) if after else None
        if not self._there():
            return Page(())
        ids, behind = self._searching.page(query, start, limit)
        kept = self._records(ids)
        return Page(tuple(kept[id] for id in ids if id in kept), "" if behind is None else str(behind))

    def count(self, query: Query, by: str | None = None) -> Mapping[str, int]:
        """As the port says, exact; what has no date, camera … counts under "" (a record without tags under no tag). History is left out.

        Tags are as spelled, cameras by model (else make). ``UsageError`` for an unknown ``by``.
        """
        if by is not None and by not in BY:
            raise UsageError(f"records cannot be counted by {by!r}: choose one of {', '.join(BY)}")
        if not self._there():
            return {"": 0} if by is None else {}
        return self._searching.counts(query, by)

    def sample(self, store: str, number: int) -> Sequence[Placement]:
        """See ``ports.Samples``."""
        if not self._there():
            return ()
        drawn = [self._loaded("", text) for text in self._searching.drawn(store, number)]
        return tuple(one for record in drawn for one in record.placements if one.store == store)

    def walk(self, after: str = "") -> Iterator[Record]:
        """See ``ports.Carries``: the records of the moment at which the first is asked for."""
        for hits in self._searching.all(after) if self._there() else ():
            yield from (self._loaded(hit["_id"], hit["_source"][RECORD]) for hit in hits)

    def ping(self) -> None:
        """``Unavailable`` when it cannot be reached, lacks a part, or takes no writes."""
        if not self._there():
            return
        found = self.connection.send("GET", f"/{self._alias}/_settings/index.blocks.*", flat_settings=True)
        blocks = {name for one in found.values() for name, value in one["settings"].items() if value in ("true", True)}
        for name in sorted(blocks & set(_NO_WRITES)):
            raise self.connection.place.block(_NO_WRITES[name])
        health = self.connection.send("GET", f"/_cluster/health/{self._alias}", timeout="5s")
        if health.get("status") == "red":
            raise self.connection.place.partial("a shard is not there")

    def close(self) -> None:
        """End its connections. Twice is harmless."""
        self.connection.close()

    def ready(self) -> str:
        """The index behind the alias, for who writes: made when there is none, unless it was lost. Looked at once, and again where
        something was wrong."""
        return self._index(make=True)

    # -------------------------------------------------------------------------------------------------------------- inside

    def _there(self) -> bool:
        """For who reads: False when nothing was ever written, so that looking makes nothing."""
        return bool(self._index(make=False))

    def _index(self, *, make: bool) -> str:
        """``Gone`` when there is none although something was filed: made anew and empty it would look as if nothing ever was."""
        began = time.monotonic()
        with self._guard:
            if not self._known:
                if self._trouble is not None and self._trouble[0] > began:
                    raise self._trouble[1]  # while this call waited: each trying a server that hangs by itself would take hours
                try:
                    found = index.found(self.connection, self.settings, make=make and self._fresh())
                except Unavailable as error:
                    self._trouble = time.monotonic(), error
                    raise
                if found:
                    self._known.add(found)
                elif not self._fresh():
                    raise self.connection.place.lost_index()
                else:
                    return ""
            return next(iter(self._known))

    def _records(self, ids: Iterable[str]) -> dict[str, Record]:
        found = (one for one in self._fetched(ids, (RECORD,)) if RECORD in one.get("_source", ()))
        return {one["_id"]: self._loaded(one["_id"], one["_source"][RECORD]) for one in found}

    def _look(self, ids: Iterable[str]) -> dict[str, Kept]:
        """Documents as they are now, one for each id."""
        found = {}
        for one in self._fetched(ids, FIELDS):
            try:
                found[one["_id"]] = kept_of(one)
            except (ValueError, TypeError, AttributeError) as error:
                raise self._unreadable(one["_id"], error) from None
        return found

    def _fetched(self, ids: Iterable[str], fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        asked = [one for one in dict.fromkeys(ids) if one]  # it refuses to be asked for ""
        for start in range(0, len(asked), _PIECE):
            for one in self._piece(asked[start : start + _PIECE], fields):
                self._meet(one["_index"])
                yield one

    def _piece(self, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Documents by their ids; one that cannot be read is asked for again with all, as long as its index is being opened."""

        def answer() -> Sequence[Mapping[str, Any]]:
            told = self.connection.send("POST", f"/{self._alias}/_mget", {"ids": ids}, _source=",".join(fields))
            docs: Sequence[Mapping[str, Any]] = told["docs"]
            for one in docs:
                if "error" in one:
                    raise self.connection.place.said(503, one, {})
            return docs

        return self.connection.patiently(answer)

    def _meet(self, name: str) -> None:
        """The alias may name another index than before: one of a newer schema is not for us."""
        if name not in self._known:
            self._known.add(index.found(self.connection, self.settings, make=False) or name)

    def _moved(self, name: str) -> bool:
        """Whether the alias names another index than this by now. While a change goes on that is waited for, a little."""
        for wait in (*_MOVES, None):
            try:
                now = sorted(self.connection.ask("GET", f"/_alias/{self._alias}"))
            except Gone:
                return False
            if now != [name]:
                self._meet(now[0])
                return True
            if wait is None or not self._changing() or self._stop.wait(wait):
                return False
        return False

    def _changing(self) -> bool:
        try:
            self.connection.ask("GET", f"/{self._alias}-change")
        except Gone:
            return False
        return True

    def _refresh(self) -> None:
        found = self.connection.ask("POST", f"/{self._alias}/_refresh")
        if found["_shards"]["failed"]:
            raise self.connection.place.partial("some shards were not refreshed")

    def _loaded(self, id: str, text: str) -> Record:
        try:
            return loads(Record, text)
        except (ValueError, TypeError, AttributeError) as error:
            raise self._unreadable(id, error) from None

    def _unreadable(self, id: str, error: Exception) -> Permanent:
        return Permanent(
            f"record {id} in {self._alias} at {self.settings.place} cannot be read ({error}): put the index back from a snapshot, or run "
            "albumen rebuild"
        )


_NO_WRITES = {
    "index.blocks.read_only_allow_delete": "read-only-allow-delete",
    "index.blocks.read_only": "FORBIDDEN/5/index read-only (api)",
    "index.blocks.write": "FORBIDDEN/8/index write (api)",
}
