"""A ``Query`` as conditions on the table ``record``. What each field means is said in ``terms``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.sqlite_schema import DAY, label, slices, token
from albumen.model import Query

Part = tuple[str, Sequence[Any]]
Seen = Callable[[str], Sequence[str]]

FOUND = "SELECT rowid AS n FROM search WHERE search MATCH ?"

_CHUNK = 500  # FTS5 takes the square of the time for more alternatives in one expression
_VARIANTS = 3000  # a hash with more neighbours than this is compared with every other


@dataclass(frozen=True, slots=True)
class Where:
    """``sets``: queries for record numbers ``n``, each met by an index of its own; one for ``search`` is the first and is ``FOUND``.
    ``tests``: conditions on one row, its table written as ``{r}``. All of both must hold."""

    sets: tuple[Part, ...]
    tests: tuple[Part, ...]


NOTHING = Where((("SELECT 0 AS n WHERE 0", ()),), ())


def where(query: Query, seen: Seen) -> Where:
    """What a record must meet itself (``companions`` is no condition). ``seen``: all values ever of "store", "camera", "lens",
    "year", and of "odd" those dates that are written as no other."""
    every, any_of = _every(query), list(_any_of(query, seen))
    if every is None or not all(any_of):
        return NOTHING
    span, exact = _span(*query.taken, seen) if query.taken is not None else ([], True)
    if query.taken is not None and exact and not span:
        return NOTHING
    any_of += [span] if span else []
    short = [f"({' OR '.join(one)})" for one in any_of if len(one) <= _CHUNK]
    words = " AND ".join([*every, *short])
    without = [_named("store", one[1:]) for one in query.marks if one.startswith("-")]
    if words and without:
        words = f"({words}) NOT ({' OR '.join(without)})"
    sets: list[Part] = [(FOUND, (words,))] if words else []
    sets += [_union(many) for many in any_of if len(many) > _CHUNK]
    tests = [*([] if words else _unlabelled(query)), *([] if exact else [_when(query)])]
    return Where((*sets, *_ranged(query)), tuple(tests))


def _union(many: Sequence[str]) -> Part:
    chunks = [" OR ".join(many[start : start + _CHUNK]) for start in range(0, len(many), _CHUNK)]
    return " UNION ".join([FOUND] * len(chunks)), chunks


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
    return found + [_named("store", one) for one in query.marks if not one.startswith("-")]


def _any_of(query: Query, seen: Seen) -> Iterator[list[str]]:
    """For each field that is asked: expressions of which one must hold; an empty list when nothing can."""
    if query.kinds:
        yield [_named("kind", one) for one in query.kinds]
    if query.types:
        yield [_named("type", one) for one in query.types]
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


def _exactly(what: str, *values: str) -> str:
    return f'"{token(what, *values)}"'


def _named(what: str, value: str) -> str:
    return f'"{label(what, value)}"'


def _span(first: str, last: str, seen: Seen) -> tuple[list[str], bool]:
    """The days from ``first`` to ``last`` as expressions of which one must hold, and whether that says it all: an end within a day
    does not, nor do dates that are no days. A record known to its month only may lie on any day of it, hence the exact ones."""
    if not all(one == "" or DAY.fullmatch(one) for one in (first, last)):
        return [], False
    begin, end = (one[:10].replace("-", "") for one in (first, last))
    begin += "00000101"[len(begin) :]
    end += "99991231"[len(end) :]
    found = ['"_on"'] if seen("odd") else []
    for year in seen("year"):
        if begin[:4] <= year <= end[:4]:
            found += _months(year, begin[4:] if year == begin[:4] else "0101", end[4:] if year == end[:4] else "1231")
    return found, max(len(first), len(last)) <= 10 and not seen("odd")


def _months(year: str, begin: str, end: str) -> Iterator[str]:
    if (begin, end) == ("0101", "1231"):
        yield f'"_on{year}"*'
        return
    yield f'"_on{year}"'
    for month in range(int(begin[:2]), int(end[:2]) + 1):
        low = int(begin[2:]) if month == int(begin[:2]) else 1
        high = int(end[2:]) if month == int(end[:2]) else 31
        if (low, high) == (1, 31):
            yield f'"_on{year}{month:02}"*'
        else:
            yield f'"_on{year}{month:02}"'
            yield from (f'"_on{year}{month:02}{day:02}"' for day in range(low, high + 1))


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
    if query.box is not None:
        west, south, east, north = query.box
        spans = _spans(west, east)
        # the tree keeps 32-bit numbers rounded outward: what it has inside is inside, what it has on an edge is looked at exactly
        sql = (
            f"SELECT n FROM spot WHERE ({_or('east >= ? AND west <= ?', spans)}) AND north >= ? AND south <= ? AND ("  # noqa: S608  # fixed texts
            f"({_or('west >= ? AND east <= ?', spans)}) AND south >= ? AND north <= ? OR EXISTS (SELECT 1 FROM record r "
            f"WHERE r.n = spot.n AND ({_or('r.lon BETWEEN ? AND ?', spans)}) AND r.lat BETWEEN ? AND ?))"
        )
        yield sql, [*(edge for span in spans for edge in span), south, north] * 3
    if query.near is not None:
        yield _alike(*query.near)


def _alike(hash: str, bits: int) -> Part:
    near = _neighbours(hash, bits)
    given = (_text(hash), bits)
    if near is None:
        return "SELECT r.n FROM record r WHERE r.hash IS NOT NULL AND distance(coalesce(r.hash, ''), ?) <= ?", given
    sql, bound = _union(near) if near else NOTHING.sets[0]
    test = "distance(coalesce(r.hash, ''), ?) <= ?"
    return f"SELECT r.n FROM ({sql}) AS f CROSS JOIN record r ON r.n = f.n WHERE {test}", (*bound, *given)  # noqa: S608  # fixed texts


def _when(query: Query) -> Part:
    """What is known to a month only is less than its days and yet may lie among them: the text after it decides."""
    first, last = query.taken or ("", "")
    sql = "{r}.taken <> '' AND {r}.taken || '~' >= ?" + " AND {r}.taken <= ?" * bool(last)
    return sql, [_text(first), *([_text(last) + "~"] if last else [])]


def _unlabelled(query: Query) -> Iterator[Part]:
    """What ``search`` cannot be asked: it finds no records that lack something, unless they have something else."""
    for mark in query.marks:
        yield "instr({r}.marks, ?) = 0", (f"\n{_text(mark.removeprefix('-'))}\n",)


def _spans(west: float, east: float) -> list[tuple[float, float]]:
    return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]


def _or(condition: str, values: Sequence[object]) -> str:
    return " OR ".join([condition] * len(values))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()  # sqlite3 refuses surrogates; no kept value of these columns has any
