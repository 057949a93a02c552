"""A ``Query`` as conditions of Elasticsearch. What each field means is said in ``catalogs.terms``."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.elastic.document import LONG, lies, term
from albumen.model import Query

Clause = dict[str, Any]
Near = Callable[[str, int], Clause]

NOTHING: Clause = {"match_none": {}}
IS_RECORD: Clause = {"exists": {"field": "shown"}}  # not one that only stands in for a main record
LIES: Clause = {"exists": {"field": "stores"}}  # no history

_MANY = 60_000  # values in one condition: the server takes 65536
_LONGEST = 8000
_LARGEST = 1 << 63
_FAR = 1e300  # no degree is more


def where(query: Query, near: Near) -> list[Clause]:
    """What a record must meet itself, all of it (``companions`` is no condition). ``near`` makes the one for a perceptual hash."""
    return [*_words(query), *_named(query), *_contents(query, near), *_taken(query)]


def _words(query: Query) -> Iterator[Clause]:
    for text in query.text:
        found = terms.words(text)
        if not found:
            yield NOTHING
        for word in found:
            if len(word) <= LONG:
                yield {"prefix": {"words": {"value": word}}}
            else:
                yield {"prefix": {"long_words": {"value": word[:_LONGEST]}}}


def _named(query: Query) -> Iterator[Clause]:
    if query.ids:
        yield any_of([{"prefix": {"id": {"value": term(terms.bare(one))}}} for one in query.ids])
    for field, asked in (("names", query.names), ("albums", query.albums)):
        if asked:
            yield one_of(field, map(terms.fold, asked))
    for field, exact in (("kind", query.kinds), ("type", query.types)):
        if exact:
            yield one_of(field, exact)
    if query.paths:
        yield any_of([clause for store, path in query.paths for clause in _lies(store, path)])
    for field, part in (("cameras", query.camera), ("lenses", query.lens)):
        if part and terms.fold(part):
            yield {"wildcard": {field: {"value": f"*{_plain(term(terms.fold(part)))}*"}}}
    for field, every in (("tags", query.tags), ("people", query.people)):
        yield from (_is(field, terms.fold(one)) for one in every)
    for mark in query.marks:
        there = _is("stores", mark.removeprefix("-"))
        yield {"bool": {"must_not": [there]}} if mark.startswith("-") else there
    if query.place:
        yield _is("places", terms.fold(query.place))
    if query.group:
        yield _is("group", query.group)


def _lies(store: str, path: str) -> Iterator[Clause]:
    if store:
        yield _is("lies", None, lies(store, path))
    elif not path:
        yield {"exists": {"field": "lies"}}
    else:
        yield _is("path", path)
        yield {"prefix": {"path": {"value": term(path + "/")}}}


def _contents(query: Query, near: Near) -> Iterator[Clause]:
    if query.digest:
        yield _is("digests", query.digest.lower())
    if query.sizes:
        sizes = [one for one in query.sizes if abs(one) < _LARGEST]
        yield {"terms": {"sizes": sizes}} if sizes else NOTHING
    if query.near is not None:
        yield near(*query.near)
    if query.box is not None:
        west, south, east, north = (min(max(edge, -_FAR), _FAR) for edge in query.box)
        yield {"range": {"lat": {"gte": south, "lte": north}}}
        if west <= east:
            yield {"range": {"lon": {"gte": west, "lte": east}}}
        else:
            yield any_of([{"range": {"lon": {"gte": west}}}, {"range": {"lon": {"lte": east}}}])


def _taken(query: Query) -> Iterator[Clause]:
    """Text compares as dates do; what is known to a month only is less than its days and yet may lie among them."""
    if query.taken is None:
        return
    first, last = query.taken
    yield {"bool": {"must_not": [_is("taken", "")]}}
    if first:
        begun = {"range": {"taken": {"gte": term(first)}}}
        yield any_of([begun, one_of("taken", (first[:length] for length in range(1, min(len(first), 100))))])
    if last:
        yield any_of([{"range": {"taken": {"lte": term(last)}}}, {"prefix": {"taken": {"value": term(last)}}}])


def one_of(field: str, values: Iterable[str]) -> Clause:
    """The field has one of these values."""
    kept = sorted(set(map(term, values)))
    if len(kept) <= _MANY:
        return {"terms": {field: kept}}
    return any_of([{"terms": {field: kept[start : start + _MANY]}} for start in range(0, len(kept), _MANY)])


def any_of(clauses: Sequence[Clause]) -> Clause:
    """At least one of them."""
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def _is(field: str, value: str | None, kept: str = "") -> Clause:
    return {"term": {field: {"value": kept if value is None else term(value)}}}


def _plain(text: str) -> str:
    """As a part of a wildcard that means nothing but itself."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
