"""A ``Query`` as a condition on the table ``record`` (called ``r``). What each field means is said in ``terms``."""

from collections.abc import Iterator, Sequence
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.sqlite_schema import blob, token
from albumen.model import Query

Part = tuple[str, Sequence[Any]]

_CHUNK = 500  # FTS5 takes the square of the time for more alternatives in one expression


def where(query: Query, stores: Sequence[str]) -> Part:
    """The condition and its values; "" when nothing is asked (``companions`` is not a condition).

    ``stores``: all names in the table ``store``, where a path is looked for when its store is not told.
    """
    found = [*_searched(query, stores), *_facts(query), *_taken(query), *_inside(query)]
    return " AND ".join(f"({sql})" for sql, _ in found), [value for _, values in found for value in values]


def _searched(query: Query, stores: Sequence[str]) -> Iterator[Part]:
    split = [terms.words(text) for text in query.text]
    if not all(split):
        yield "0", ()
        return
    paths = [(one, path) for store, path in query.paths for one in ([store] if store else stores)]
    if query.paths and not paths:
        yield "0", ()
        return
    all_of = [f'"{word}"*' for words in split for word in words]
    all_of += [_exactly("tag", terms.fold(one)) for one in query.tags]
    all_of += [_exactly("person", terms.fold(one)) for one in query.people]
    all_of += [_exactly("place", terms.fold(query.place))] if query.place else []
    all_of += [_exactly("digest", query.digest.lower())] if query.digest else []
    all_of += [_exactly("group", query.group)] if query.group else []
    if all_of:
        yield _match([" AND ".join(all_of)])
    for any_of in (
        [_exactly("name", terms.fold(one)) for one in query.names],
        [_exactly("album", terms.fold(one)) for one in query.albums if one],
        [_exactly("size", one) for one in query.sizes],
        [_exactly("path", *one) for one in paths],
    ):
        if any_of:
            yield _match([" OR ".join(any_of[start : start + _CHUNK]) for start in range(0, len(any_of), _CHUNK)])
    if query.albums and not any(query.albums):
        yield "0", ()


def _exactly(what: str, *values: object) -> str:
    return f'"{token(what, *values)}"'


def _match(expressions: Sequence[str]) -> Part:
    one = "r.n IN (SELECT rowid FROM search WHERE search MATCH ?)"
    return " OR ".join([one] * len(expressions)), expressions


def _facts(query: Query) -> Iterator[Part]:
    if query.ids:
        ends = [(one, one + "~") for one in (_text(terms.bare(id)) for id in query.ids)]
        yield " OR ".join(["r.id >= ? AND r.id < ?"] * len(ends)), [value for pair in ends for value in pair]
    for column, values in (("kind", query.kinds), ("type", query.types)):
        if values:
            yield f"r.{column} IN ({', '.join('?' * len(values))})", [_text(value) for value in values]
    for column, value in (("camera", query.camera), ("lens", query.lens)):
        if value:
            yield f"instr(r.{column}, ?) > 0", (blob(terms.fold(value)),)
    for mark in query.marks:
        without = mark.startswith("-")
        yield f"instr(r.marks, ?) {'=' if without else '>'} 0", (f"\n{_text(mark.removeprefix('-'))}\n",)
    if query.near is not None:
        yield "r.hash IS NOT NULL AND distance(r.hash, ?) <= ?", (_text(query.near[0]), query.near[1])


def _taken(query: Query) -> Iterator[Part]:
    if query.taken is not None:
        first, last = query.taken
        # what is known to a month only is less than its days and yet may lie among them: the text after it decides
        yield "r.taken <> '' AND r.taken >= ? AND r.taken || '~' >= ?", (_text(first[:4]), _text(first))
        if last:
            yield "r.taken <= ?", (_text(last) + "~",)


def _inside(query: Query) -> Iterator[Part]:
    if query.box is None:
        return
    west, south, east, north = query.box
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    # the tree keeps 32-bit numbers rounded outward: what it finds is looked at exactly
    across = " OR ".join("east >= ? AND west <= ?" for _ in spans)
    exact = " OR ".join("r.lon BETWEEN ? AND ?" for _ in spans)
    edges = [edge for span in spans for edge in span]
    yield f"r.n IN (SELECT n FROM spot WHERE ({across}) AND north >= ? AND south <= ?)", (*edges, south, north)  # noqa: S608  # fixed
    yield f"({exact}) AND r.lat BETWEEN ? AND ?", (*edges, south, north)


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()  # sqlite3 refuses surrogates; no kept value of these columns has any
