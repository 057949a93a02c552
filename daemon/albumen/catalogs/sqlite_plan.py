"""How a question is best answered: by a short list of numbers, by a walk from the newest on, or by ``search`` alone.

SQLite cannot know how many records a word or a region finds. Looked up one by one and sorted, a word in every record of a million
takes seconds; walked newest first, a rare one does. So each index is asked first, up to a limit. What is long is never put into a
table (half a second per million) but passed by a short list: ``search`` finds 25 million numbers a second as long as no row is
looked at.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.sqlite_schema import text
from albumen.catalogs.sqlite_where import FOUND, Part, where
from albumen.model import Query

BY = ("kind", "type", "month", "store", "camera", "tag")

_KEYS = {"kind": "r.kind", "type": "r.type", "month": "substr(r.taken, 1, 7)", "store": "r.marks", "camera": "r.camera"}
_GIVEN = "SELECT value FROM json_each(?)"
_HOW_MANY = f"SELECT count(*) FROM ({FOUND})"  # noqa: S608  # a fixed text
_RARE = 20_000  # numbers that are fetched and handed back as a list
_STEP = 2000  # rows of the first look of a walk: they hold a page of what one record in twenty has
_LONGEST = 32_000


@dataclass(frozen=True, slots=True)
class Plan:
    """``rare``: the only numbers that can meet it, when they are few. Else ``many``: queries that each find much; ``words`` is the
    first of them when it asks ``search``. ``tests`` are conditions on a table written as ``{r}``. All of it must hold."""

    rare: str | None
    words: str
    many: tuple[Part, ...]
    tests: tuple[Part, ...]

    @property
    def simple(self) -> bool:
        """Whether ``words`` say it all."""
        return bool(self.words) and len(self.many) == 1 and not self.tests

    def source(self, r: str, more: str = "") -> tuple[str, str, list[Any]]:
        """The table ``r`` as a FROM, what must hold of it as a WHERE, and the values of both. Rows are looked up in the order in
        which the first of what finds much finds them. ``more``: one more word that must hold, where words are asked."""
        bound: list[Any] = []
        source, parts = f"record {r}", []
        for at, (sql, values) in enumerate(self.many):
            if at == 0:
                source = f"({sql}) AS {r}_found CROSS JOIN record {r} ON {r}.n = {r}_found.n"
            else:  # the plus keeps SQLite from looking up each number of a long list
                parts.append(f"+{r}.n IN ({sql})")
            bound += [f"({self.words}) AND {more}"] if more and self.words and at == 0 else values
        if self.rare is not None:
            parts.append(f"{r}.n IN ({_GIVEN})")
            bound.append(self.rare)
        for sql, values in self.tests:
            parts.append(f"({sql.format(r=r)})")
            bound += values
        return source, " AND ".join(parts) or "1", bound


def plan(connection: sqlite3.Connection, query: Query) -> Plan:
    """Ask each index, and say how its answer is best used. The connection is taught what the condition needs."""
    if query.near is not None:
        connection.create_function("distance", 2, terms.distance, deterministic=True)

    def seen(what: str) -> list[str]:
        return [text(value) for (value,) in connection.execute("SELECT value FROM seen WHERE what = ?", (what,))]

    asked = where(query, seen)
    rare: set[int] | None = None
    many: list[Part] = []
    for sql, bound in asked.sets:
        found = _numbers(connection, f"{sql} LIMIT {_RARE + 1}", bound)
        if len(found) > _RARE:
            many.append((sql, bound))
        else:
            rare = found if rare is None else rare & found
    if rare is not None:
        return Plan(_listed(_among(connection, many, rare)), "", (), asked.tests)
    words = many[0][1][0] if many and many[0][0] is FOUND else ""
    return Plan(None, words, tuple(many), asked.tests)


def page(connection: sqlite3.Connection, query: Query, start: tuple[str, str] | None, limit: int) -> list[tuple[str, str]]:
    """The (taken, id) of what is shown, newest first, behind ``start``."""
    asked = plan(connection, query)
    sort, id, index = ("taken", "id", "record_taken") if query.companions else ("sort", "shown", "record_shown")
    behind = f"r.{sort} <= ? AND (r.{sort} < ? OR r.{id} > ?)" if start else "1"
    after: tuple[str, ...] = (start[0], start[0], start[1]) if start else ()
    if asked.many:
        if ceiling := _ceiling(connection, query, asked):
            behind, after = f"r.{sort} <= ? AND {behind}", (ceiling, *after)
        walk = f"SELECT r.{sort}, r.{id}, r.n FROM record r INDEXED BY {index} WHERE {behind} ORDER BY r.{sort} DESC, r.{id}"  # noqa: S608  # fixed texts
        found = _walked(connection, asked, connection.execute(walk, after), limit)
        return _sorted(connection, asked, (sort, id), (behind, after), limit) if found is None else found
    hint = f"INDEXED BY {index}" if asked.rare is None else ""
    _, condition, values = asked.source("r")
    sql = (
        f"SELECT DISTINCT r.{sort}, r.{id} FROM record r {hint} WHERE {condition} AND {behind} "  # noqa: S608  # fixed texts
        f"ORDER BY r.{sort} DESC, r.{id} LIMIT ?"
    )
    return connection.execute(sql, (*values, *after, limit)).fetchall()


def _ceiling(connection: sqlite3.Connection, query: Query, asked: Plan) -> str:
    """No record that is shown was taken later than this; "" when that is not known. A member may show by a main record that is newer
    than what was asked."""
    last = query.taken[1] if query.taken is not None else ""
    if not last or not last.isascii():
        return ""
    if query.companions:
        return last + "~"
    source, condition, values = asked.source("m", '"_part"')
    (newest,) = connection.execute(f"SELECT max(m.sort) FROM {source} WHERE m.shown <> m.id AND {condition}", values).fetchone()  # noqa: S608  # fixed texts
    return max(last + "~", newest or "")


def _walked(connection: sqlite3.Connection, asked: Plan, rows: sqlite3.Cursor, limit: int) -> list[tuple[str, str]] | None:
    """The first of ``rows`` (taken, id, number) that meet it: looked at in pieces, each larger than the one before. None when they
    are not among the first."""
    found: dict[tuple[str, str], None] = {}
    size = _STEP
    while piece := rows.fetchmany(size):
        numbers = _meeting(connection, asked, {n for _, _, n in piece})
        found.update(((sort, id), None) for sort, id, n in piece if n in numbers)
        size *= 4
        if len(found) >= limit or size > _LONGEST:
            break
    short = len(found) < limit and rows.fetchone() is not None
    rows.close()
    return None if short else list(found)[:limit]


def _sorted(
    connection: sqlite3.Connection, asked: Plan, names: tuple[str, str], behind: tuple[str, tuple[str, ...]], limit: int
) -> list[tuple[str, str]]:
    """The same by looking at all that meets it, for what lies close together far behind the newest."""
    source, condition, values = asked.source("r")
    sort, id = names
    sql = f"SELECT r.{sort}, r.{id} FROM {source} WHERE {condition} AND {behind[0]} ORDER BY r.{sort} DESC, r.{id} LIMIT ?"  # noqa: S608  # fixed texts
    size = 2 * limit  # the members of a group show as one; SQLite keeps no more than it shall give, unless told DISTINCT
    while True:
        rows = connection.execute(sql, (*values, *behind[1], size)).fetchall()
        found = list(dict.fromkeys(rows))
        if len(found) >= limit or len(rows) < size:
            return found[:limit]
        size *= 4


def _meeting(connection: sqlite3.Connection, asked: Plan, numbers: set[int]) -> set[int]:
    """Those of the numbers that meet it."""
    if asked.rare is not None:
        numbers = numbers & set(json.loads(asked.rare))
    numbers = _among(connection, asked.many, numbers)
    if not asked.tests or not numbers:
        return numbers
    tests = " AND ".join(f"({sql.format(r='r')})" for sql, _ in asked.tests)
    values = [value for _, bound in asked.tests for value in bound]
    return _numbers(connection, f"SELECT r.n FROM record r WHERE r.n IN ({_GIVEN}) AND {tests}", [_listed(numbers), *values])  # noqa: S608  # fixed texts


def _among(connection: sqlite3.Connection, many: Iterable[Part], numbers: set[int]) -> set[int]:
    """Those of the numbers that all queries find."""
    for sql, bound in many:
        if numbers:
            # the plus: to be read once to its end, not asked for each number
            narrowed = f"SELECT n FROM ({sql}) WHERE +n IN ({_GIVEN})"  # noqa: S608  # fixed texts
            numbers = _numbers(connection, narrowed, [*bound, _listed(numbers)])
    return numbers


def _numbers(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> set[int]:
    return {n for (n,) in connection.execute(sql, values)}


def _listed(numbers: Iterable[int]) -> str:
    return json.dumps(sorted(numbers))


def counts(connection: sqlite3.Connection, query: Query, by: str | None) -> dict[str, int]:
    """Numbers of what is shown and no history, by one of ``BY``; None: {"": all}."""
    asked = plan(connection, query)
    kept = "r.marks <> ''" if query.companions else "r.counted = 1"
    found = {} if by else {"": 0}
    more = ""
    if by is None and asked.simple:
        left_out = '"_gone"' if query.companions else '("_gone" OR "_part")'
        (found[""],) = connection.execute(_HOW_MANY, (f"({asked.words}) NOT {left_out}",)).fetchone()
        if query.companions:
            return found
        more = '"_part"'  # a companion may be counted by another record: those are looked at one by one
    source, condition, values = asked.source("r", more)
    _add(found, connection, by, source, f"{kept} AND {condition}", values)
    if not query.companions and (asked.many or asked.rare is not None or asked.tests):
        _add_mains(found, connection, by, asked)
    return found


def _add_mains(found: dict[str, int], connection: sqlite3.Connection, by: str | None, asked: Plan) -> None:
    """Main records that do not answer themselves, but by a member."""
    source, condition, values = asked.source("m", '"_part"')
    members = f"SELECT m.shown FROM {source} WHERE m.shown <> m.id AND {condition}"  # noqa: S608  # fixed texts
    mains = _numbers(connection, f"SELECT n FROM record WHERE counted = 1 AND id IN ({members})", values)  # noqa: S608  # fixed texts
    mains -= _meeting(connection, asked, mains)
    if mains:
        _add(found, connection, by, "record r", f"r.n IN ({_GIVEN})", [_listed(mains)])


def _add(
    found: dict[str, int], connection: sqlite3.Connection, by: str | None, source: str, condition: str, values: Sequence[Any]
) -> None:
    if by == "tag":
        sql = f"SELECT t.spelled, count(*) FROM {source} JOIN tag t ON t.n = r.n WHERE {condition} GROUP BY 1"  # noqa: S608  # fixed texts
    elif by:
        sql = f"SELECT {_KEYS[by]}, count(*) FROM {source} WHERE {condition} GROUP BY 1"  # noqa: S608  # fixed texts
    else:
        sql = f"SELECT '', count(*) FROM {source} WHERE {condition}"  # noqa: S608  # fixed texts
    for key, number in connection.execute(sql, values):
        name = text(key)
        for one in name.strip("\n").split("\n") if by == "store" else (name,):
            found[one] = found.get(one, 0) + number
