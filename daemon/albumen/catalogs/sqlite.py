"""The embedded catalog: one SQLite file, records as JSON bodies beside the tables that find them."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from albumen.catalogs import sqlite_schema, terms
from albumen.catalogs.sqlite_schema import Rows, rows_of
from albumen.catalogs.sqlite_where import Part, where
from albumen.errors import Permanent, Stale, UsageError
from albumen.jsonable import loads
from albumen.model import Page, Query, Record
from albumen.sqlite import Database

_BY = {
    "kind": "m.kind",
    "type": "m.type",
    "month": "substr(m.taken, 1, 7)",
    "store": "m.marks",
    "camera": "m.camera_label",
}


class SqliteCatalog:
    """``ports.Catalog`` on the file ``path``, made when missing. ``database`` is for backup and integrity checks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.database = Database(path, sqlite_schema.SCHEMA, name="catalog")

    def get(self, ids: Sequence[str]) -> Mapping[str, Record]:
        """Records by full id; unknown ids are left out."""
        rows = self.database.rows(
            "SELECT record.id, json FROM record JOIN body USING (n) WHERE record.id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {id: self._read(id, body) for id, body in rows}

    def put(self, records: Sequence[Record]) -> None:
        """All or none, durable; equal ids in one call count one after the other. ``Stale`` names the ids refused."""
        if records:
            made = [rows_of(record) for record in records]
            self.database.write(lambda connection: _put(connection, made))

    def delete(self, ids: Iterable[str]) -> int:
        """How many were there. Twice is harmless."""
        given = json.dumps(list(ids))

        def work(connection: sqlite3.Connection) -> int:
            found = dict(connection.execute("SELECT n, id FROM record WHERE id IN (SELECT value FROM json_each(?))", (given,)))
            sqlite_schema.erase(connection, found)
            return len(found)

        return self.database.write(work)

    def find(self, query: Query, *, after: str = "", limit: int = 100) -> Page[Record]:
        """Newest taken first, then id; records without a date last. ``UsageError`` when ``after`` is none of our cursors."""
        condition, values = self._where(query)
        sort, id = ("taken", "id") if query.companions else ("sort", "shown")
        conditions = [condition] if condition else []
        values = [*values]
        if after:
            conditions.append(f"r.{sort} <= ? AND (r.{sort} < ? OR r.{id} > ?)")
            taken, last = _place(after)
            values += [taken, taken, last]
        sql = (
            f"SELECT DISTINCT r.{sort}, r.{id} FROM record r WHERE {' AND '.join(conditions) or '1'} "  # noqa: S608  # fixed texts
            f"ORDER BY r.{sort} DESC, r.{id} LIMIT ?"
        )
        with self.database.read() as connection:
            _teach(connection, query)
            connection.execute("BEGIN")  # the page and its bodies are of one state
            keys = connection.execute(sql, [*values, limit + 1]).fetchall()
            bodies = dict(connection.execute(_BODIES, (json.dumps([id for _, id in keys[:limit]]),)))
        rows = tuple(self._read(id, bodies[id]) for _, id in keys[:limit])
        return Page(rows, terms.after_of(*keys[limit - 1]) if len(keys) > limit else "")

    def count(self, query: Query, by: str | None = None) -> Mapping[str, int]:
        """As the port says; what has no date, camera … counts under "" (a record without tags under no tag). History is left out.

        Tags are as spelled, cameras by model (else make). ``UsageError`` for an unknown ``by``.
        """
        if by not in (None, "tag", *_BY):
            raise UsageError(f"records cannot be counted by {by!r}: choose one of {', '.join((*_BY, 'tag'))}")
        condition, values = self._where(query)
        counted = "m.marks <> ''" if query.companions else "m.counted = 1"
        if condition:
            counted += f" AND m.id IN (SELECT r.{'id' if query.companions else 'shown'} FROM record r WHERE {condition})"  # noqa: S608  # fixed
        with self.database.read() as connection:
            _teach(connection, query)
            if by is None:
                return {"": connection.execute(f"SELECT count(*) FROM record m WHERE {counted}", values).fetchone()[0]}  # noqa: S608  # fixed
            if by == "tag":
                sql = f"SELECT t.spelled, count(*) FROM record m JOIN tag t USING (n) WHERE {counted} GROUP BY 1"  # noqa: S608  # fixed
            else:
                sql = f"SELECT {_BY[by]}, count(*) FROM record m WHERE {counted} GROUP BY 1"  # noqa: S608  # fixed
            rows = connection.execute(sql, values).fetchall()
        return _per_store(rows) if by == "store" else {_spelled(key): number for key, number in rows}

    def close(self) -> None:
        """Finish what waits and close the file. Twice is harmless."""
        self.database.close()

    def _where(self, query: Query) -> Part:
        anywhere = any(not store for store, _ in query.paths)
        return where(query, [name for (name,) in self.database.rows("SELECT name FROM store")] if anywhere else ())

    def _read(self, id: str, body: str) -> Record:
        try:
            return loads(Record, body)
        except (ValueError, TypeError, AttributeError) as error:
            raise Permanent(
                f"record {id} in {self.path} cannot be read ({error}): restore the newest backup, or run albumen rebuild"
            ) from None


_BODIES = "SELECT record.id, json FROM record JOIN body USING (n) WHERE record.id IN (SELECT value FROM json_each(?))"


def _put(connection: sqlite3.Connection, made: Sequence[Rows]) -> None:
    ids = json.dumps([rows.id for rows in made])
    select = "SELECT id, n, version FROM record WHERE id IN (SELECT value FROM json_each(?))"
    kept = {id: (n, version) for id, n, version in connection.execute(select, (ids,))}
    (last,) = connection.execute("SELECT coalesce(max(n), 0) FROM record").fetchone()
    fresh: dict[int, Rows] = {}
    known: dict[int, Rows] = {}
    refused = []
    for rows in made:
        n, version = kept.get(rows.id, (0, 0))
        if version != rows.version:
            refused.append(rows.id)
            continue
        if not n:
            last += 1
            n = last
            fresh[n] = rows
        else:
            (fresh if n in fresh else known)[n] = rows
        kept[rows.id] = (n, rows.version + 1)
    if refused:
        raise Stale(refused)
    sqlite_schema.write(connection, fresh, known)


def _teach(connection: sqlite3.Connection, query: Query) -> None:
    if query.near is not None:
        connection.create_function("distance", 2, terms.distance, deterministic=True)


def _place(after: str) -> tuple[str, str]:
    try:
        return terms.place_of(after)
    except ValueError:
        raise UsageError("the page mark (after) is not one that was given out: start again without it") from None


def _spelled(key: str | bytes) -> str:
    return key if isinstance(key, str) else key.decode("utf-8", "surrogatepass")


def _per_store(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for marks, number in rows:
        for store in marks.strip("\n").split("\n"):
            found[store] = found.get(store, 0) + number
    return found
