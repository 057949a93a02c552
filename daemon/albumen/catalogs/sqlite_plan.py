"""How a condition is best met: by a short list of numbers, or along an index.

SQLite cannot know how many records a word or a region finds. Looked up one by one and sorted, a word in every record of a million
takes seconds; walked newest first, a rare one does. So each index is asked first, up to a limit.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.sqlite_schema import text
from albumen.catalogs.sqlite_where import where
from albumen.model import Query

BY = ("kind", "type", "month", "store", "camera", "tag")

_KEYS = {"kind": "r.kind", "type": "r.type", "month": "substr(r.taken, 1, 7)", "store": "r.marks", "camera": "r.camera"}
_RARE = 5000  # numbers that are fetched and handed back as a list


@dataclass(frozen=True, slots=True)
class Plan:
    """``condition`` on a table written as ``{r}``, with its values ("1" when nothing is asked); ``rare``: few records meet it."""

    condition: str
    values: tuple[Any, ...]
    rare: bool


def plan(connection: sqlite3.Connection, query: Query) -> Plan:
    """Ask each index, and say how its answer is best used. The connection is taught what the condition needs."""
    if query.near is not None:
        connection.create_function("distance", 2, terms.distance, deterministic=True)

    def seen(what: str) -> list[str]:
        return [text(value) for (value,) in connection.execute("SELECT value FROM seen WHERE what = ?", (what,))]

    asked = where(query, seen)
    rare: set[int] | None = None
    conditions: list[str] = []
    values: list[Any] = []
    for sql, bound in asked.sets:
        found = {n for (n,) in connection.execute(f"{sql} LIMIT {_RARE + 1}", bound)}
        if len(found) <= _RARE:
            rare = found if rare is None else rare & found
        else:  # the plus keeps SQLite from looking up each number of a long list
            conditions.append(f"+{{r}}.n IN ({sql})")
            values += bound
    if rare is not None:
        conditions.insert(0, "{r}.n IN (SELECT value FROM json_each(?))")
        values.insert(0, json.dumps(sorted(rare)))
    for sql, bound in asked.tests:
        conditions.append(f"({sql})")
        values += bound
    return Plan(" AND ".join(conditions) or "1", tuple(values), rare is not None)


def page(connection: sqlite3.Connection, query: Query, start: tuple[str, str] | None, limit: int) -> list[tuple[str, str]]:
    """The (taken, id) of what is shown, newest first, behind ``start``."""
    asked = plan(connection, query)
    sort, id, index = ("taken", "id", "record_taken") if query.companions else ("sort", "shown", "record_shown")
    hint = "" if asked.rare else f"INDEXED BY {index}"
    behind = f"r.{sort} <= ? AND (r.{sort} < ? OR r.{id} > ?)" if start else "1"
    sql = (
        f"SELECT DISTINCT r.{sort}, r.{id} FROM record r {hint} WHERE {asked.condition.format(r='r')} AND {behind} "  # noqa: S608  # fixed texts
        f"ORDER BY r.{sort} DESC, r.{id} LIMIT ?"
    )
    bound = (start[0], start[0], start[1]) if start else ()
    return connection.execute(sql, (*asked.values, *bound, limit)).fetchall()


def counts(connection: sqlite3.Connection, query: Query, by: str | None) -> dict[str, int]:
    """Numbers of what is shown and no history, by one of ``BY``; None: {"": all}."""
    asked = plan(connection, query)
    condition = asked.condition.format(r="r")
    kept = "r.marks <> ''" if query.companions else "r.counted = 1"
    found = {} if by else {"": 0}
    _add(found, connection, by, f"{kept} AND {condition}", asked.values)
    if not query.companions and asked.values and connection.execute("SELECT 1 FROM record WHERE shown <> id LIMIT 1").fetchone():
        # main records that do not answer themselves, but by a member
        members = f"SELECT m.shown FROM record m WHERE m.shown <> m.id AND {asked.condition.format(r='m')}"  # noqa: S608  # fixed texts
        _add(found, connection, by, f"{kept} AND r.id IN ({members}) AND NOT ({condition})", asked.values * 2)
    return found


def _add(found: dict[str, int], connection: sqlite3.Connection, by: str | None, condition: str, values: tuple[Any, ...]) -> None:
    if by == "tag":
        sql = f"SELECT t.spelled, count(*) FROM record r JOIN tag t USING (n) WHERE {condition} GROUP BY 1"  # noqa: S608  # fixed texts
    elif by:
        sql = f"SELECT {_KEYS[by]}, count(*) FROM record r WHERE {condition} GROUP BY 1"  # noqa: S608  # fixed texts
    else:
        sql = f"SELECT '', count(*) FROM record r WHERE {condition}"  # noqa: S608  # fixed texts
    for key, number in connection.execute(sql, values):
        name = text(key)
        for one in name.strip("\n").split("\n") if by == "store" else (name,):
            found[one] = found.get(one, 0) + number
