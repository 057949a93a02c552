"""A change of the index's shape while everybody goes on: another index beside the old one, and the alias moved in one step.

What others must keep to, and ``ElasticCatalog`` does:

- Everybody finds the index by its **alias** and writes to the index itself, by its own name and never by the alias: what was read
  there (sequence numbers) counts there only. An index that is **closed for writing** or gone makes a writer ask the alias again and
  read again; as long as it names the same index, that is ``Unavailable``.
- An index says in its mapping (``_meta``) of which schema it is; who knows only an older one refuses to work with it.

The copy: every document whose sequence number is higher than the last copied one, again and again, until few are left. Then the old
index is closed for writing, the rest is copied, what was deleted meanwhile is deleted, numbers are compared, and the alias moves.
Writers wait for that second, and lose nothing. Each copy carries the old sequence number as its external version, so that a late
request of a killed process never covers a newer one. Then old and new are compared record by record; the old one stays closed, as
the way back for an older program, until the next change.

One process changes at a time: it holds a **lease**, a document in an index of its own beside the alias, renewed at every step, which
also remembers how far the copy is. A second one that sees it renewed is refused; one that does not see it move for ``patience``
seconds takes it over and goes on.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from albumen.catalogs.elastic import document, index
from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.indices import (
    behind,
    close_for_writing,
    exists,
    fresh_name,
    leave,
    made,
    open_for_writing,
    ours,
    pages,
    point,
    remove,
    said,
)
from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.catalogs.elastic.trouble import Conflict, Gone, Lost
from albumen.errors import AlbumenError, Permanent, Transient, UsageError
from albumen.jsonable import dumps, from_json, loads
from albumen.model import Record

_FEW = 1000  # so many that are left may be copied while writers wait
_PASSES = 20  # more do not make them fewer

Told = Callable[[str, int, int], None]  # what is done, and how many documents of how many


class Shape:
    """What an index of this program's schema is like, for these settings."""

    def __init__(self, settings: ElasticSettings) -> None:
        self.schema = document.SCHEMA
        self._settings = settings

    def body(self) -> Mapping[str, Any]:
        """What an index is made with."""
        return {"settings": index.settings(self._settings), "mappings": index.mapping()}

    def remade(self, source: Mapping[str, Any]) -> Mapping[str, Any]:
        """A document of any older schema as one of this: the same record with the same version, shown as it is shown there."""
        kept = {name: source[name] for name in _STAYS if name in source}
        text = text_of(source)
        return kept if not text else {**document.fields(loads(Record, text), None), **kept}

    def same(self, source: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two documents of any schema hold the same record and version."""
        one, two = text_of(source), text_of(other)
        return one == two or (bool(one and two) and dumps(loads(Record, one)) == dumps(loads(Record, two)))


_STAYS = ("id", "members", "marks", "shown", "sort", "part", "counted")  # what does not follow from a document's own record


def text_of(source: Mapping[str, Any]) -> str:
    """The record of a document of any schema as JSON; "" for one that only stands in for a main record."""
    return next((str(text) for name, text in source.items() if name.startswith("record_")), "")


@dataclass(frozen=True)
class Lease:
    """Who changes, what into what, the sequence number up to which all is copied (-1: nothing), and how far it is."""

    owner: str
    old: str
    new: str = ""
    copied: int = -1
    step: str = "copy"  # copy | check
    beats: int = 0  # counts up, so that each renewal is a change


@dataclass(frozen=True)
class Changed:
    """What was done: schemas before and now, the index before (kept, closed) and now, and how many records were compared."""

    before: int
    schema: int
    old: str
    new: str
    records: int


class Changing:
    """One change of the index behind ``alias`` to ``shape``. ``patience``: seconds without a sign of life after which another process
    that changes it counts as dead; ``pause`` waits."""

    def __init__(
        self,
        connection: Connection,
        alias: str,
        shape: Shape,
        *,
        told: Told = lambda _what, _done, _total: None,
        patience: float = 20.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._alias = alias
        self._shape = shape
        self._told = told
        self._patience = patience
        self._pause = pause
        self._leases = f"{alias}-change"
        self._lease = Lease(uuid.uuid4().hex, "")
        self._mark: tuple[int, int] | None = None  # sequence number and term of our lease

    def run(self) -> Changed | None:
        """Change it, or go on with a change that was interrupted; None when there is nothing to do. ``UsageError`` when the index is of
        a newer schema, or another process changes it; ``Permanent`` when the comparison fails (the old index is kept)."""
        there = behind(self._connection, self._alias)
        if not there:
            return None
        schema = int(said(self._connection, there).get("schema", 0))
        if schema > self._shape.schema:
            raise UsageError(index.newer(there, schema))
        if schema == self._shape.schema and self._seen() is None:
            remove(self._connection, self._leases)
            return None
        self._take(there)
        before = int(said(self._connection, self._lease.old).get("schema", 0))
        if self._lease.step == "copy" and there != self._lease.new:
            self._copy_all()
        records = self._check()
        self._leave()
        return Changed(before, self._shape.schema, self._lease.old, self._lease.new, records)

    # ------------------------------------------------------------------------------------------------------------ the lease

    def _take(self, there: str) -> None:
        mine = replace(self._lease, old=there)
        settings = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True}
        made(self._connection, self._leases, {"mappings": {"dynamic": False}, "settings": settings})
        kept = self._seen()
        if kept is None:
            self._renew(mine)
            return
        self._pause(self._patience)
        again = self._seen()
        if again is None:
            raise Transient("another `albumen migrate` has just finished: nothing is left to do")
        if again != kept:
            raise UsageError("another `albumen migrate` is changing this catalog now: wait for it")
        lease, self._mark = again
        if there not in (lease.old, lease.new):
            lease = mine  # left by something else
        self._renew(replace(lease, owner=mine.owner))

    def _seen(self) -> tuple[Lease, tuple[int, int]] | None:
        try:
            found = self._connection.ask("GET", f"/{self._leases}/_doc/lease")
        except Gone:
            return None
        return from_json(Lease, found["_source"]), (found["_seq_no"], found["_primary_term"])

    def _renew(self, lease: Lease | None = None, **changes: Any) -> None:
        """A sign of life, and what is to be remembered. ``Transient``: another process took it over."""
        lease = replace(lease or self._lease, **changes)
        lease = replace(lease, beats=lease.beats + 1)
        how = {"op_type": "create"} if self._mark is None else {"if_seq_no": self._mark[0], "if_primary_term": self._mark[1]}
        with suppress(Lost, Conflict):
            self._connection.send("PUT", f"/{self._leases}/_doc/lease", asdict(lease), **how)
        kept = self._seen()
        if kept is None or kept[0] != lease:
            raise Transient("another `albumen migrate` changes this catalog now: this one gave way")
        self._lease, self._mark = kept

    def _leave(self) -> None:
        """The old index is the way back from now on; older ones are not needed any more."""
        lease = self._lease
        for name in ours(self._connection, self._alias):
            if name not in (lease.old, lease.new) and said(self._connection, name).get("left"):
                remove(self._connection, name)
        leave(self._connection, lease.old)
        remove(self._connection, self._leases)

    # ------------------------------------------------------------------------------------------------------------- the copy

    def _copy_all(self) -> None:
        connection, lease = self._connection, self._lease
        if not lease.new or not exists(connection, lease.new):
            self._renew(new=lease.new or fresh_name(connection, self._alias, self._shape.schema), copied=-1)
        made(connection, self._lease.new, self._shape.body())
        for _ in range(_PASSES):
            if self._pass() <= _FEW:
                break
        self._same_numbers()
        self._renew()
        close_for_writing(connection, lease.old)
        try:
            self._pass()
            before, after = self._same_numbers()
            if before != after:
                raise Permanent(
                    f"the copy {self._lease.new} holds {after} documents, {lease.old} {before}: nothing was changed; `albumen migrate` "
                    "tries again"
                )
            self._renew()
            point(connection, self._alias, lease.old, self._lease.new)
        except BaseException:
            self._open_again()
            raise
        self._renew(step="check")

    def _open_again(self) -> None:
        """Let writers go on with the old index, unless the alias moved or somebody else is at it."""
        with suppress(AlbumenError):  # what went wrong before is what is told
            self._renew()
            if behind(self._connection, self._alias) == self._lease.old:
                open_for_writing(self._connection, self._lease.old)

    def _pass(self) -> int:
        """Copy what has a higher number than the last copied one; how many that were."""
        connection, old = self._connection, self._lease.old
        shards = connection.ask("GET", f"/{old}/_stats/docs", level="shards")["indices"][old]["shards"]
        high = min(max(copy["seq_no"]["global_checkpoint"] for copy in copies) for copies in shards.values())
        connection.ask("POST", f"/{old}/_refresh")
        query = {"range": {"_seq_no": {"gt": self._lease.copied}}}
        total = connection.ask("POST", f"/{old}/_count", {"query": query})["count"]
        done = 0
        for hits in pages(connection, old, query, "_seq_no"):
            self._carry(hits)
            done += len(hits)
            self._told("copied", done, max(total, done))
            self._renew(copied=max(self._lease.copied, min(high, hits[-1]["_seq_no"])))
        self._renew(copied=max(self._lease.copied, high))
        return done

    def _carry(self, hits: Sequence[Mapping[str, Any]]) -> None:
        """Keep these documents in the new index, unless it has newer ones."""
        lines: list[Any] = []
        for hit in hits:
            version = {"version": hit["_seq_no"] + 1, "version_type": "external_gte"}
            lines += [{"index": {"_id": hit["_id"], **version}}, self._shape.remade(hit["_source"])]
        self._bulk(lines)

    def _bulk(self, lines: Sequence[Any]) -> None:
        body = b"".join(json.dumps(one).encode("ascii") + b"\n" for one in lines)
        for item in self._connection.ask("POST", f"/{self._lease.new}/_bulk", body)["items"]:
            (result,) = item.values()
            if result["status"] in (429, 503):
                raise Transient(f"{self._lease.new} takes no more now ({result['error']}): `albumen migrate` goes on")
            if result["status"] >= 300 and result["status"] not in (404, 409):
                raise Permanent(f"{self._lease.new} does not take {result['_id']}: {result['error']}")

    def _same_numbers(self) -> tuple[int, int]:
        """Documents in the old and in the new index, after what was deleted from the old one is deleted from the new one, too."""
        before, after = self._numbers()
        if before == after:
            return before, after
        kept = {hit["_id"] for hits in pages(self._connection, self._lease.old, source=False) for hit in hits}
        for hits in pages(self._connection, self._lease.new, source=False):
            extra = [{"delete": {"_id": hit["_id"]}} for hit in hits if hit["_id"] not in kept]
            if extra:
                self._bulk(extra)
            self._renew()
        return self._numbers()

    def _numbers(self) -> tuple[int, int]:
        lease = self._lease
        self._connection.ask("POST", f"/{lease.old},{lease.new}/_refresh")
        before, after = (self._connection.ask("GET", f"/{name}/_count")["count"] for name in (lease.old, lease.new))
        return before, after

    # ------------------------------------------------------------------------------------------------------------ the check

    def _check(self) -> int:
        """Compare the old index, which stands still, with the new one, which goes on: each record must be there as it was, or written since;
        one that is not there was deleted since, as the numbers were equal when the alias moved. How many are there. ``Permanent``."""
        lease, shape = self._lease, self._shape
        done, gone, wrong = 0, 0, []
        total = self._numbers()[0]
        for hits in pages(self._connection, lease.old):
            asked = {"ids": [hit["_id"] for hit in hits]}
            found = self._connection.ask("POST", f"/{lease.new}/_mget", asked)["docs"]
            for hit, there in zip(hits, found, strict=True):
                gone += not there["found"]
                is_copy = there["found"] and there["_version"] == hit["_seq_no"] + 1  # else it was written since
                if is_copy and not shape.same(hit["_source"], there["_source"]):
                    wrong.append(hit["_id"])
            done += len(hits)
            self._told("compared", done, total)
            self._renew()
        if wrong:
            raise Permanent(
                f"{len(wrong)} of {done} records are not the same in {lease.new} as in {lease.old} ({', '.join(wrong[:5])}): the old index "
                "is kept; `albumen migrate --back` of the older program goes back to it"
            )
        return done - gone


def back(connection: Connection, settings: ElasticSettings) -> Changed:
    """For an older program: the alias to the index of its schema that the last change left, as it was then. ``UsageError`` when there is
    none, or a change goes on."""
    alias, newest = settings.index, behind(connection, settings.index)
    if not newest:
        raise UsageError(f"there is no catalog {alias} at {settings.place}")
    schema = int(said(connection, newest).get("schema", 0))
    left = [name for name in ours(connection, alias) if name != newest and _fits(said(connection, name))]
    if schema <= document.SCHEMA or not left:
        why = "is not of a newer albumen" if schema <= document.SCHEMA else f"left no index of schema {document.SCHEMA} behind"
        raise UsageError(f"the catalog {alias} at {settings.place} {why}: there is nothing to go back to")
    if exists(connection, f"{alias}-change"):
        raise UsageError("a change of this catalog is not finished: let the newer program's `albumen migrate` end it first")
    close_for_writing(connection, newest)
    leave(connection, newest)
    open_for_writing(connection, left[-1])
    point(connection, alias, newest, left[-1])
    return Changed(schema, document.SCHEMA, newest, left[-1], connection.ask("GET", f"/{left[-1]}/_count")["count"])


def _fits(told: Mapping[str, Any]) -> bool:
    return bool(told.get("left")) and told.get("schema") == document.SCHEMA
