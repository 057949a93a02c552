"""Pages, counts and draws: what is asked of the index, after a refresh."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from albumen.catalogs import terms
from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.document import RECORD, VECTOR, term, text_of
from albumen.catalogs.elastic.refresh import Refreshes
from albumen.catalogs.elastic.trouble import Gone
from albumen.catalogs.elastic.where import IS_RECORD, LIES, NOTHING, Clause, one_of, where
from albumen.errors import AlbumenError, Permanent, Unavailable, UsageError
from albumen.model import Query

BY: Mapping[str, str] = {
    "kind": "kind",
    "type": "type",
    "month": "month",
    "store": "stores",
    "camera": "camera",
    "tag": "tag",
}

_PIECE = 5000  # hits or buckets of one answer
_MOST = 10_000  # that a search by vectors gives
_KEEP = "5m"  # how long a point in time waits for the next page


class Shown(NamedTuple):
    """What a page is made of: where it is sorted, and its id."""

    sort: str
    id: str


class Cursor(NamedTuple):
    """Behind what the next page begins, and in which point in time ("" = now)."""

    behind: Shown
    moment: str = ""

    def __str__(self) -> str:
        return terms.after_of(self.behind.sort, self.behind.id) + (f"|{self.moment}" if self.moment else "")


def cursor_of(after: str) -> Cursor:
    """The reverse of ``str``; one of another engine is as good. ``UsageError``."""
    try:
        sort, rest = terms.place_of(after)
    except ValueError:
        raise UsageError("the page mark (after) is not one that was given out: start again without it") from None
    id, _, moment = rest.partition("|")
    return Cursor(Shown(sort, id), moment)


class Searching:
    """Questions to the index that ``alias`` names."""

    def __init__(self, connection: Connection, alias: str, refreshes: Refreshes) -> None:
        self._connection = connection
        self._alias = alias
        self._refreshes = refreshes

    # ---------------------------------------------------------------------------------------------------------------- pages

    def page(self, query: Query, after: Cursor | None, limit: int) -> tuple[Sequence[str], Cursor | None]:
        """The ids of what is shown, newest first, and the cursor for the rest; None when there is none.

        The first page is of now; the others are of that same moment, as long as somebody asks for the next one within minutes. Where
        the server has forgotten it, they go on behind the last record as things are then.
        """
        if after is not None and after.moment:
            with suppress(Gone, Permanent):
                return self._continued(query, after, limit)
        self._refreshes.wait()
        asked = self._where(query)
        behind = after.behind if after is not None else None
        if _narrow(query):  # most likely one page: a moment would be kept for nothing
            found = self._shown(asked, query, behind, limit + 1, "")
            if len(found) <= limit:
                return [one.id for one in found], None
        try:
            moment = self._moment()
        except Unavailable as error:
            if error.retry_after is None:
                raise
            found = self._shown(asked, query, behind, limit + 1, "")  # the server keeps no more moments: by key alone, then
            return [one.id for one in found[:limit]], Cursor(found[limit - 1]) if len(found) > limit else None
        return self._cut(self._shown(asked, query, behind, limit + 1, moment), limit, moment)

    def _continued(self, query: Query, after: Cursor, limit: int) -> tuple[Sequence[str], Cursor | None]:
        found = self._shown(self._where(query), query, after.behind, limit + 1, after.moment)
        return self._cut(found, limit, after.moment)

    def _cut(self, found: Sequence[Shown], limit: int, moment: str) -> tuple[Sequence[str], Cursor | None]:
        if len(found) > limit:
            return [one.id for one in found[:limit]], Cursor(found[limit - 1], moment)
        self._forget(moment)
        return [one.id for one in found], None

    def _shown(self, asked: Sequence[Clause], query: Query, behind: Shown | None, wanted: int, moment: str) -> list[Shown]:
        """The first ``wanted`` of what is shown; all there are when they are fewer. The members of a group follow one another."""
        names = ("taken", "id") if query.companions else ("sort", "shown", "id")
        order = [{name: "asc" if place else "desc"} for place, name in enumerate(names)]
        found: dict[Shown, None] = {}
        start = None if behind is None else [term(behind.sort), term(behind.id), "~"][: len(names)]
        while len(found) < wanted:
            size = min(wanted - len(found) + (0 if query.companions else wanted // 4 + 2), _PIECE)
            body = {"query": _all(asked), "sort": order, "size": size, "stored_fields": "_none_", "track_total_hits": False}
            hits = self._search({**body, **({"search_after": start} if start else {})}, moment)["hits"]["hits"]
            found.update((Shown(text_of(hit["sort"][0]), text_of(hit["sort"][1])), None) for hit in hits)
            if len(hits) < size:
                break
            start = hits[-1]["sort"]
        return list(found)[:wanted]

    # --------------------------------------------------------------------------------------------------------------- counts

    def counts(self, query: Query, by: str | None) -> dict[str, int]:
        """Numbers of what is shown and no history, by one of ``BY``; None: {"": all}."""
        self._refreshes.wait()
        asked = self._where(query)
        if query.companions:
            return self._tally([*asked, LIES], by, "")
        counted, parts = [*asked, _true("counted")], [*asked, _true("part")]
        if (
            len(asked) == 1
            or not self._search({"query": _all(parts), "size": 0, "terminate_after": 1}, "")["hits"]["total"]["value"]
        ):
            return self._tally(counted, by, "")
        with self._at_once() as moment:  # main records that do not answer themselves, but by a member
            found = self._tally(counted, by, moment)
            for mains in self._values(parts, "shown", moment):
                others = [one_of("id", mains), _true("counted"), {"bool": {"must_not": [_all(asked)]}}]
                for key, number in self._tally(others, by, moment).items():
                    found[key] = found.get(key, 0) + number
            return found

    def _tally(self, asked: Sequence[Clause], by: str | None, moment: str) -> dict[str, int]:
        if by is None:
            body = {"query": _all(asked), "size": 0, "track_total_hits": True}
            return {"": self._search(body, moment)["hits"]["total"]["value"]}
        return {text_of(one["key"]["key"]): one["doc_count"] for some in self._buckets(asked, BY[by], moment) for one in some}

    def _values(self, asked: Sequence[Clause], field: str, moment: str) -> Iterator[Sequence[str]]:
        for some in self._buckets(asked, field, moment):
            yield [text_of(one["key"]["key"]) for one in some]

    def _buckets(self, asked: Sequence[Clause], field: str, moment: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Every value of the field with the number of its records, in pieces: exact, however many there are."""
        after: Mapping[str, Any] | None = None
        while True:
            by: dict[str, Any] = {"size": _PIECE, "sources": [{"key": {"terms": {"field": field}}}]}
            if after is not None:
                by["after"] = after
            body = {"query": _all(asked), "size": 0, "track_total_hits": False, "aggs": {"by": {"composite": by}}}
            found = self._search(body, moment)["aggregations"]["by"]
            if found["buckets"]:
                yield found["buckets"]
            after = found.get("after_key")
            if after is None or len(found["buckets"]) < _PIECE:
                return

    # ----------------------------------------------------------------------------------------------------------------- others

    def drawn(self, store: str, number: int) -> Sequence[str]:
        """The records, as JSON, of so many that lie in this store, by chance."""
        self._refreshes.wait()
        chance = {"seed": random.getrandbits(31), "field": "_seq_no"}
        asked = _all([{"term": {"stores": {"value": term(store)}}}, IS_RECORD])
        query = {"function_score": {"query": asked, "random_score": chance, "boost_mode": "replace"}}
        body = {"query": query, "size": min(number, _MOST), "_source": [RECORD], "track_total_hits": False}
        return [hit["_source"][RECORD] for hit in self._search(body, "")["hits"]["hits"]]

    def all(self, after: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Every record of this moment with an id behind ``after``, sorted by id, as hits with their record, in pieces."""
        self._refreshes.wait()
        start = [term(after)] if after else None
        with self._at_once() as moment:
            while True:
                body = {"query": _all([IS_RECORD]), "sort": [{"id": "asc"}], "size": 1000, "_source": [RECORD]}
                more = {"search_after": start} if start else {}
                hits = self._search({**body, **more, "track_total_hits": False}, moment)["hits"]["hits"]
                if not hits:
                    return
                yield hits
                start = hits[-1]["sort"]

    # ----------------------------------------------------------------------------------------------------------------- inside

    def _where(self, query: Query) -> list[Clause]:
        return [IS_RECORD, *where(query, self._near)]

    def _near(self, hash: str, bits: int) -> Clause:
        """Hashes as long as usual are vectors, and the server looks at each of them. It gives no more than ``_MOST``; where that is
        too few, and for hashes of another length, all different ones are compared here."""
        if bits < 0 or not terms.is_hash(hash):
            return NOTHING
        if len(hash) == VECTOR:
            asked = {"field": "hash_bits", "query_vector": hash.lower(), "k": _MOST, "num_candidates": _MOST}
            clause: Clause = {"knn": {**asked, "similarity": min(bits, 4 * VECTOR)}}
            body = {"query": _all([clause]), "size": 0, "track_total_hits": True}
            if self._search(body, "")["hits"]["total"]["value"] < _MOST:
                return clause
        alike: list[str] = []
        for some in self._values([{"term": {"hash_digits": {"value": min(len(hash), 1 << 30)}}}], "hash", ""):
            alike += [one for one in some if (apart := terms.distance(one, hash)) is not None and apart <= bits]
        return one_of("hash", alike) if alike else NOTHING

    @contextmanager
    def _at_once(self) -> Iterator[str]:
        """A point in time, for questions that must be answered of one state."""
        moment = self._moment()
        try:
            yield moment
        finally:
            self._forget(moment)

    def _moment(self) -> str:
        return str(self._connection.ask("POST", f"/{self._alias}/_pit", keep_alive=_KEEP)["id"])

    def _forget(self, moment: str) -> None:
        with suppress(AlbumenError):
            self._connection.send("DELETE", "/_pit", {"id": moment})

    def _search(self, body: Mapping[str, Any], moment: str) -> Any:
        """One answer of the whole index, or an error: part of it is never taken for all."""
        if moment:
            body = {**body, "pit": {"id": moment, "keep_alive": _KEEP}}
        path = "/_search" if moment else f"/{self._alias}/_search"
        found = self._connection.ask("POST", path, body, allow_partial_search_results=False)
        if found.get("timed_out") or found["_shards"]["failed"]:
            raise self._connection.place.partial("some shards did not answer")
        return found


def _narrow(query: Query) -> bool:
    return bool(query.digest or query.ids or query.group or query.sizes or query.near)


def _all(clauses: Sequence[Clause]) -> Clause:
    return {"bool": {"filter": list(clauses)}}


def _true(field: str) -> Clause:
    return {"term": {field: True}}
