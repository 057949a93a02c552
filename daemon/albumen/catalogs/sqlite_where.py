"""A ``Query`` as conditions on the table ``record``. What each field means is said in ``terms``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.sqlite_schema import slices, token
from albumen.model import Query

Part = tuple[str, Sequence[Any]]
Seen = Callable[[str], Sequence[str]]

_CHUNK = 500  # FTS5 takes the square of the time for more alternatives in one expression
_VARIANTS = 3000  # a hash with more neighbours than this is compared with every other


@dataclass(frozen=True, slots=True)
class Where:
    """``sets``: queries for record numbers, each met by an index of its own. ``tests``: conditions on one row, its table written
    as ``{r}``. All of both must hold."""

    sets: tuple[Part, ...]
    tests: tuple[Part, ...]


def where(query: Query, seen: Seen) -> Where:
    """What a record must meet itself (``companions`` is no condition). ``seen``: all values ever of "store", "camera", "lens"."""
    return Where((*_searched(query, seen), *_ranged(query)), (*_facts(query), *_edges(query)))


def _searched(query: Query, seen: Seen) -> Iterator[Part]:
    every, any_of = _every(query), list(_any_of(query, seen))
    if every is None or not all(any_of):
        yield "SELECT 0 WHERE 0", ()
        return
    short = [f"({' OR '.join(one)})" for one in any_of if len(one) <= _CHUNK]
    expression = " AND ".join([*every, *short])
    if expression:
        yield "SELECT rowid FROM search WHERE search MATCH ?", (expression,)
    for many in any_of:
        if len(many) > _CHUNK:
            chunks = [" OR ".join(many[start : start + _CHUNK]) for start in range(0, len(many), _CHUNK)]
            yield " UNION ".join(["SELECT rowid FROM search WHERE search MATCH ?"] * len(chunks)), chunks


def _every(query: Query) -> list[str] | None:
    """Expressions that must all hold; None when nothing can."""
    split = [terms.words(text) for text in query.text]
    if not all(split):
        return None
    found = [f'"{word}"*' for words in split for word in words]
    found += [_exactly("tag", terms.fold(one)) for one in query.tags]
    found += [_exactly("person", terms.fold(one)) for one in query.people]
    found += [_exactly("place", terms.fold(query.place))] if query.place else []
    found += [_exactly("digest", query.digest.lower())] if query.digest else []
    found += [_exactly("group", query.group)] if query.group else []
    return found


def _any_of(query: Query, seen: Seen) -> Iterator[list[str]]:
    """For each field that is asked: expressions of which one must hold; an empty list when nothing can."""
    if query.names:
        yield [_exactly("name", terms.fold(one)) for one in query.names]
    if query.albums:
        yield [_exactly("album", terms.fold(one)) for one in query.albums if one]
    if query.sizes:
        yield [_exactly("size", str(one)) for one in query.sizes]
    if query.paths:
        yield [_exactly("path", one, path) for store, path in query.paths for one in ([store] if store else seen("store"))]
    for what, asked in (("camera", query.camera), ("lens", query.lens)):
        if asked:
            yield [_exactly(what, one) for one in seen(what) if terms.fold(asked) in one]
    near = _neighbours(*query.near) if query.near is not None else None
    if near is not None:
        yield near


def _exactly(what: str, *values: str) -> str:
    return f'"{token(what, *values)}"'


def _neighbours(hash: str, bits: int) -> list[str] | None:
    """Slices of which every hash at most ``bits`` away holds one; None when they are too many."""
    parts = [one.rsplit("_", 1) for one in slices(hash)]
    sizes = [4 * len(part) for _, part in parts]
    flips = [min(bits // len(parts), size) for size in sizes]
    if sum(comb(size, flipped) for size, most in zip(sizes, flips, strict=True) for flipped in range(most + 1)) > _VARIANTS:
        return None
    return [
        f'"{prefix}_{int(part, 16) ^ sum(1 << place for place in chosen):0{len(part)}x}"'
        for (prefix, part), size, most in zip(parts, sizes, flips, strict=True)
        for flipped in range(most + 1)
        for chosen in combinations(range(size), flipped)
    ]


def _ranged(query: Query) -> Iterator[Part]:
    if query.ids:
        ends = [(one, one + "~") for one in (_text(terms.bare(id)) for id in query.ids)]
        yield f"SELECT n FROM record WHERE {_or('id >= ? AND id < ?', ends)}", [value for pair in ends for value in pair]  # noqa: S608  # fixed texts
    if query.taken is not None:
        first, last = query.taken
        # what is known to a month only is less than its days and yet may lie among them: the text after it decides
        sql = "SELECT n FROM record WHERE taken <> '' AND taken >= ? AND taken || '~' >= ?" + " AND taken <= ?" * bool(last)  # noqa: S608  # fixed texts
        yield sql, [_text(first[:4]), _text(first), *([_text(last) + "~"] if last else [])]
    if query.box is not None:
        west, south, east, north = query.box
        spans = _spans(west, east)
        sql = f"SELECT n FROM spot WHERE ({_or('east >= ? AND west <= ?', spans)}) AND north >= ? AND south <= ?"  # noqa: S608  # fixed texts
        yield sql, [*(edge for span in spans for edge in span), south, north]


def _edges(query: Query) -> Iterator[Part]:
    if query.box is not None:  # the tree keeps 32-bit numbers rounded outward: what it finds is looked at exactly
        west, south, east, north = query.box
        spans = _spans(west, east)
        sql = f"({_or('{r}.lon BETWEEN ? AND ?', spans)}) AND {{r}}.lat BETWEEN ? AND ?"
        yield sql, [*(edge for span in spans for edge in span), south, north]


def _facts(query: Query) -> Iterator[Part]:
    for column, values in (("kind", query.kinds), ("type", query.types)):
        if values:
            yield f"{{r}}.{column} IN ({', '.join('?' * len(values))})", [_text(value) for value in values]
    for mark in query.marks:
        without = mark.startswith("-")
        yield f"instr({{r}}.marks, ?) {'=' if without else '>'} 0", (f"\n{_text(mark.removeprefix('-'))}\n",)
    if query.near is not None:
        yield "coalesce(distance(coalesce({r}.hash, ''), ?) <= ?, 0)", (_text(query.near[0]), query.near[1])


def _spans(west: float, east: float) -> list[tuple[float, float]]:
    return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]


def _or(condition: str, values: Sequence[object]) -> str:
    return " OR ".join([condition] * len(values))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()  # sqlite3 refuses surrogates; no kept value of these columns has any
