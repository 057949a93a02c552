"""The embedded catalog: one SQLite file, records as JSON bodies beside the tables that find them."""

import json
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from albumen.catalogs import sqlite_schema, terms
from albumen.catalogs.sqlite_plan import BY, counts, page
from albumen.catalogs.sqlite_schema import Rows, rows_of
from albumen.errors import Permanent, Stale, UsageError
from albumen.jsonable import loads
from albumen.model import Page, Placement, Query, Record
from albumen.sqlite import Database, no_remedy


class SqliteCatalog:
    """``ports.Catalog`` on the file ``path``, made when missing. ``database`` is for checkpoints; ``remedy`` says how a person gets a
    lost file back."""

    def __init__(self, path: str, *, remedy: Callable[[], str] = no_remedy) -> None:
        self.path = path
        self.database = Database(path, sqlite_schema.SCHEMA, name="catalog", remedy=remedy)

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
        start = _place(after) if after else None
        with self.database.read() as connection:
            connection.execute("BEGIN")  # the page and its bodies are of one state
            keys = page(connection, query, start, limit + 1)
            bodies = dict(connection.execute(_BODIES, (json.dumps([id for _, id in keys[:limit]]),)))
        rows = tuple(self._read(id, bodies[id]) for _, id in keys[:limit])
        return Page(rows, terms.after_of(*keys[limit - 1]) if len(keys) > limit else "")

    def count(self, query: Query, by: str | None = None) -> Mapping[str, int]:
        """As the port says; what has no date, camera … counts under "" (a record without tags under no tag). History is left out.

        Tags are as spelled, cameras by model (else make). ``UsageError`` for an unknown ``by``.
        """
        if by is not None and by not in BY:
            raise UsageError(f"records cannot be counted by {by!r}: choose one of {', '.join(BY)}")
        with self.database.read() as connection:
            connection.execute("BEGIN")
            return counts(connection, query, by)

    def sample(self, store: str, number: int) -> Sequence[Placement]:
        """See ``ports.Samples``: records by random numbers, which are dense; of a store that few records lie in, fewer."""
        with self.database.read() as connection:
            (last,) = connection.execute("SELECT coalesce(max(n), 0) FROM record").fetchone()
            if last <= _TRIED * number:
                drawn: Sequence[int] = range(1, last + 1)
            else:
                drawn = random.sample(range(1, last + 1), _TRIED * number)
            rows = connection.execute(_DRAWN, (json.dumps(list(drawn)), f"\n{store}\n", number)).fetchall()
        return tuple(one for id, body in rows for one in self._read(id, body).placements if one.store == store)

    def walk(self, after: str = "") -> Iterator[Record]:
        """See ``ports.Carries``."""
        while rows := self.database.rows(_NEXT, (after, _PIECE)):
            for id, body in rows:
                yield self._read(id, body)
            after = rows[-1][0]

    def carry(self, records: Sequence[Record]) -> None:
        """See ``ports.Carries``; here it is all or none."""
        if records:
            made = {record.id: rows_of(record, as_is=True) for record in records}
            self.database.write(lambda connection: _carry(connection, made))

    def close(self) -> None:
        """Finish what waits and close the file. Twice is harmless."""
        self.database.close()

    def _read(self, id: str, body: str) -> Record:
        try:
            return loads(Record, body)
        except (ValueError, TypeError, AttributeError) as error:
            raise Permanent(
                f"record {id} in {self.path} cannot be read ({error}): restore the newest backup, or run albumen rebuild"
            ) from None


_TRIED = 50  # numbers drawn for each record wanted: gaps and records that lie elsewhere are among them
_DRAWN = (
    "SELECT id, json FROM (SELECT n, id FROM record WHERE n IN (SELECT value FROM json_each(?)) AND instr(marks, ?)"
    " ORDER BY random() LIMIT ?) JOIN body USING (n)"
)
_BULK = 100
_PIECE = 500  # records that a walk holds at a time
_NEXT = "SELECT record.id, json FROM record JOIN body USING (n) WHERE record.id > ? ORDER BY record.id LIMIT ?"
_VERSIONS = "SELECT id, n, version FROM record WHERE id IN (SELECT value FROM json_each(?))"
_BODIES = "SELECT record.id, json FROM record JOIN body USING (n) WHERE record.id IN (SELECT value FROM json_each(?))"


def _put(connection: sqlite3.Connection, made: Sequence[Rows]) -> None:
    kept, last = _kept(connection, [rows.id for rows in made])
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


def _carry(connection: sqlite3.Connection, made: Mapping[str, Rows]) -> None:
    kept, last = _kept(connection, list(made))
    fresh = {n: made[id] for n, id in enumerate(sorted(made.keys() - kept.keys()), start=last + 1)}
    sqlite_schema.write(connection, fresh, {n: made[id] for id, (n, _) in kept.items()})


def _kept(connection: sqlite3.Connection, ids: Sequence[str]) -> tuple[dict[str, tuple[int, int]], int]:
    """Number and version of those that are kept, and the last number of all."""
    if len(ids) >= _BULK:
        connection.execute("PRAGMA cache_size=-32000")  # the indexes of many records do not fit into the usual 4 MB
    rows = connection.execute(_VERSIONS, (json.dumps(ids),))
    (last,) = connection.execute("SELECT coalesce(max(n), 0) FROM record").fetchone()
    return {id: (n, version) for id, n, version in rows}, last


def _place(after: str) -> tuple[str, str]:
    try:
        return terms.place_of(after)
    except ValueError:
        raise UsageError("the page mark (after) is not one that was given out: start again without it") from None
