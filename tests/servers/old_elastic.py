"""An Elasticsearch as the first seed's was, version 7.10: as much of it as reads an index, by scroll. It says nothing of its product,
which is why today's client library refuses it.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from servers import replies

__all__ = ["MAPPING", "OldElastic", "old_elastic"]

_TEXT = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
MAPPING: Mapping[str, Any] = {
    "properties": {
        **dict.fromkeys(("name", "path"), _TEXT),
        **{key: {"type": "boolean"} for key in ("dropbox", "nas")},
        **{key: {"type": "integer"} for key in ("size", "duration")},
        **{key: {"type": "date"} for key in ("captured", "modified")},
        **{key: {"type": "keyword"} for key in ("kind", "type", "hash", "path_hash", "dimensions", "checksum")},
        "location": {"type": "geo_point"},
    }
}


@dataclass
class OldElastic:
    """Its index and what it was asked. ``answers``: (status, body, headers) to be given next instead, before it goes on as always;
    ``lost``: the scroll is gone after so many pages; ``short``: it tells of so many documents more than it has."""

    documents: Sequence[tuple[str, Any]]
    index: str = "catalog"
    user: str = ""
    page: int = 0  # 0 = as it is asked
    lost: int | None = None
    short: int = 0
    url: str = ""
    asked: list[str] = field(default_factory=list)
    open: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    answers: list[tuple[int, Any, Mapping[str, str]]] = field(default_factory=list)

    def answer(self, method: str, target: str, body: Any, authorization: str) -> tuple[int, Any, Mapping[str, str]]:
        """What it says to a request."""
        self.asked.append(f"{method} {target}")
        if self.answers:
            return self.answers.pop(0)
        if self.user and authorization != f"Basic {base64.b64encode(self.user.encode()).decode()}":
            return 401, _error("security_exception", "missing authentication credentials"), {"WWW-Authenticate": "Basic"}
        parts = urlsplit(target)
        words = [unquote(one) for one in parts.path.split("/") if one]
        if words[-2:] == ["_search", "scroll"]:
            return self._scrolled(method, body)
        if len(words) == 2 and words[1] == "_search" and method == "POST":
            if words[0] != self.index:
                return 404, _error("index_not_found_exception", f"no such index [{words[0]}]"), {}
            assert parse_qs(parts.query)["scroll"]
            ordered = sorted(self.documents, key=_order)
            self.open["s1"] = ordered
            return 200, self._page(self.page or body["size"]), {}
        return 400, _error("illegal_argument_exception", f"no handler found for uri [{target}]"), {}

    def _scrolled(self, method: str, body: Any) -> tuple[int, Any, Mapping[str, str]]:
        if method == "DELETE":
            for one in body["scroll_id"]:
                self.open.pop(one, None)
            return 200, {"succeeded": True, "num_freed": 1}, {}
        if self.lost is not None:
            self.lost -= 1
            if self.lost < 0:
                return 404, _error("search_context_missing_exception", "No search context found for id [7]"), {}
        return 200, self._page(self.page or 1000), {}

    def _page(self, size: int) -> Any:
        rows, self.open["s1"] = self.open["s1"][:size], self.open["s1"][size:]
        hits = [{"_index": self.index, "_type": "_doc", "_id": id, "_score": None, "_source": source} for id, source in rows]
        total = {"value": len(self.documents) + self.short, "relation": "eq"}
        shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
        return {"_scroll_id": "s1", "timed_out": False, "_shards": shards, "hits": {"total": total, "hits": hits}}


def _order(document: tuple[str, Any]) -> tuple[Any, ...]:
    """By path, then name, documents without one behind."""
    found: list[Any] = []
    for key in ("path", "name"):
        value = document[1].get(key) if isinstance(document[1], dict) else None
        known = isinstance(value, str) and len(value) <= 256
        found += [not known, value if known else ""]
    return tuple(found)


def _error(kind: str, reason: str) -> Any:
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": 404}


@contextmanager
def old_elastic(documents: Sequence[tuple[str, Any]], *, tls: SSLContext | None = None, **how: Any) -> Iterator[OldElastic]:
    """A running one, at ``url``."""
    server = OldElastic(documents, **how)

    def answer(asked: replies.Asked) -> replies.Reply:
        return replies.Reply(*server.answer(asked.method, asked.target, asked.body, asked.headers.get("authorization", "")))

    with replies.server(answer, tls=tls) as server.url:
        yield server
