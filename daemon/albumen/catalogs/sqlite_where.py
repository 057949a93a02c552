"""A ``Query`` as a condition on the table ``record`` (called ``r``). What each field means is said in ``terms``."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.sqlite_schema import blob
from albumen.model import Query

Part = tuple[str, Sequence[Any]]


def where(query: Query) -> Part:
    """The condition and its values; "" when nothing is asked (``companions`` is not a condition)."""
    found = [part for make in (_words, _known, _facts, _placed, _spot) for part in make(query)]
    return " AND ".join(f"({sql})" for sql, _ in found), [value for _, values in found for value in values]


def _words(query: Query) -> Iterator[Part]:
    if query.text:
        split = [terms.words(text) for text in query.text]
        if not all(split):
            yield "0", ()
            return
        match = " AND ".join(f'"{word}"*' for words in split for word in words)
        yield "r.n IN (SELECT rowid FROM search WHERE search MATCH ?)", (match,)
    for what, values in (("tag", query.tags), ("person", query.people)):
        for value in values:
            yield _term(what, [value])
    for what, values in (("name", query.names), ("album", query.albums), ("place", (query.place,) if query.place else ())):
        if values:
            yield _term(what, values)


def _term(what: str, values: Sequence[str]) -> Part:
    return (
        f"r.n IN (SELECT n FROM term WHERE what = ? AND value IN ({_marks(values)}))",  # noqa: S608  # question marks only
        (what, *(blob(terms.fold(value)) for value in values)),
    )


def _known(query: Query) -> Iterator[Part]:
    if query.ids:
        yield _any(query.ids, _id)
    if query.digest:
        yield "r.n IN (SELECT n FROM part WHERE digest = ?)", (_text(query.digest.lower()),)
    if query.sizes:
        yield f"r.n IN (SELECT n FROM part WHERE size IN ({_marks(query.sizes)}))", query.sizes  # noqa: S608  # question marks
    if query.group:
        yield "r.grp <> x'' AND r.grp = ?", (blob(query.group),)
    if query.near is not None:
        yield "r.hash IS NOT NULL AND distance(r.hash, ?) <= ?", (_text(query.near[0]), query.near[1])


def _id(id: str) -> Part:
    first = _text(terms.bare(id))
    return "r.id >= ? AND r.id < ?", (first, first + "~")


def _facts(query: Query) -> Iterator[Part]:
    for column, values in (("kind", query.kinds), ("type", query.types)):
        if values:
            yield f"r.{column} IN ({_marks(values)})", [_text(value) for value in values]
    for column, value in (("camera", query.camera), ("lens", query.lens)):
        if value:
            yield f"instr(r.{column}, ?) > 0", (blob(terms.fold(value)),)
    if query.taken is not None:
        first, last = query.taken
        # what is known to a month only is less than its days and yet may lie among them: the text after it decides
        yield "r.taken <> '' AND r.taken >= ? AND r.taken || '~' >= ?", (_text(first[:4]), _text(first))
        if last:
            yield "r.taken <= ?", (_text(last) + "~",)


def _placed(query: Query) -> Iterator[Part]:
    if query.paths:
        yield _any(query.paths, _path)
    for mark in query.marks:
        without = mark.startswith("-")
        yield f"instr(r.marks, ?) {'=' if without else '>'} 0", (f"\n{_text(mark.removeprefix('-'))}\n",)


def _path(path: tuple[str, str]) -> Part:
    store, prefix = path
    conditions: list[str] = []
    values: list[bytes | str] = []
    if prefix:
        conditions.append("(path = ? OR path > ? AND path < ?)")
        values += [blob(prefix), blob(prefix + "/"), blob(prefix + "0")]  # "0" comes right after "/"
    if store:
        conditions.append("store = ?")
        values.append(blob(store).decode("utf-8", "replace"))
    return f"r.n IN (SELECT n FROM path WHERE {' AND '.join(conditions) or '1'})", values  # noqa: S608  # fixed texts


def _spot(query: Query) -> Iterator[Part]:
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


def _any(values: Sequence[Any], make: Callable[[Any], Part]) -> Part:
    made = [make(value) for value in values]
    return " OR ".join(f"({sql})" for sql, _ in made), [value for _, values in made for value in values]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()  # sqlite3 refuses surrogates; no kept value of these columns has any
