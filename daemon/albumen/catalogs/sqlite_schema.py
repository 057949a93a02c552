"""Tables of ``catalog.db`` and the rows one record becomes.

``body`` holds the record as JSON; everything else is made from it and only serves searching. Human text and paths are BLOBs:
sqlite3 refuses surrogates in TEXT. ``record`` is small and apart from ``body``, so that a look at every record reads little.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from albumen.catalogs import terms
from albumen.jsonable import to_json
from albumen.model import Record

SCHEMA = (
    """
    CREATE TABLE record(
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        taken TEXT NOT NULL,                -- '' = not known
        kind TEXT NOT NULL,
        type TEXT NOT NULL,
        marks TEXT NOT NULL,                -- the stores of its own bytes, each between line feeds; '' = history
        companion_of TEXT NOT NULL,
        shown TEXT NOT NULL,                -- id of the record that shows its group
        sort TEXT NOT NULL,                 -- taken of that record
        counted INTEGER NOT NULL,           -- it shows itself and is not history
        grp BLOB NOT NULL,
        camera BLOB NOT NULL,
        camera_label BLOB NOT NULL,
        lens BLOB NOT NULL,
        hash TEXT,
        lat REAL,
        lon REAL
    );
    CREATE INDEX record_shown ON record(sort DESC, shown, kind, type);
    CREATE INDEX record_taken ON record(taken DESC, id);
    CREATE INDEX record_tally ON record(substr(taken, 1, 7), kind, type, marks) WHERE counted = 1;
    CREATE INDEX record_group ON record(grp) WHERE grp <> x'';
    CREATE INDEX record_main ON record(companion_of) WHERE companion_of <> '';
    CREATE INDEX record_hash ON record(hash) WHERE hash IS NOT NULL;

    CREATE TABLE body(n INTEGER PRIMARY KEY, json TEXT NOT NULL);

    CREATE TABLE part(n INTEGER NOT NULL, digest TEXT NOT NULL, size INTEGER, PRIMARY KEY(n, digest)) WITHOUT ROWID;
    CREATE INDEX part_digest ON part(digest);
    CREATE INDEX part_size ON part(size) WHERE size IS NOT NULL;

    CREATE TABLE path(n INTEGER NOT NULL, store TEXT NOT NULL, path BLOB NOT NULL, PRIMARY KEY(n, store, path)) WITHOUT ROWID;
    CREATE INDEX path_path ON path(path, store);

    CREATE TABLE term(                      -- what: 'tag', 'person', 'name', 'album', 'place'
        n INTEGER NOT NULL, what TEXT NOT NULL, value BLOB NOT NULL, spelled BLOB NOT NULL,
        PRIMARY KEY(n, what, spelled)
    ) WITHOUT ROWID;
    CREATE INDEX term_value ON term(what, value, n);

    CREATE VIRTUAL TABLE search USING fts5(words, tokenize = 'ascii', detail = none);
    CREATE VIRTUAL TABLE spot USING rtree(n, west, east, south, north);
    """,
)

_COLUMNS = "n, id, version, taken, kind, type, marks, companion_of, shown, sort, counted, grp, camera, camera_label, lens, hash, lat, lon"
_RECORD = f"INSERT OR REPLACE INTO record({_COLUMNS}) VALUES ({', '.join('?' * 18)})"  # noqa: S608  # column names only
_INSERTS = (
    ("body", "INSERT OR REPLACE INTO body(n, json) VALUES (?, ?)"),
    ("part", "INSERT OR IGNORE INTO part(n, digest, size) VALUES (?, ?, ?)"),
    ("path", "INSERT OR IGNORE INTO path(n, store, path) VALUES (?, ?, ?)"),
    ("term", "INSERT OR IGNORE INTO term(n, what, value, spelled) VALUES (?, ?, ?, ?)"),
    ("search", "INSERT INTO search(rowid, words) VALUES (?, ?)"),
    ("spot", "INSERT INTO spot(n, west, east, south, north) VALUES (?, ?, ?, ?, ?)"),
)
_DELETES = (
    "DELETE FROM part WHERE n = ?",
    "DELETE FROM path WHERE n = ?",
    "DELETE FROM term WHERE n = ?",
    "DELETE FROM search WHERE rowid = ?",
    "DELETE FROM spot WHERE n = ?",
)
# A group shows by its main record, unless that is not kept, is a member itself, or is history while this member is not.
_SHOW = """
    UPDATE record SET (shown, sort) = (
        SELECT coalesce(main.id, own.id), coalesce(main.taken, own.taken) FROM record own
        LEFT JOIN record main
        ON main.id = own.companion_of AND main.companion_of = '' AND (main.marks <> '' OR own.marks = '')
        WHERE own.n = record.n
    ) WHERE {which}
"""
_COUNT = "UPDATE record SET counted = (shown = id AND marks <> '') WHERE {which}"
_MEMBERS = "companion_of <> '' AND companion_of = ?"  # the first half lets the partial index be used


def blob(text: str) -> bytes:
    """Any str as bytes, one to one, order and beginnings kept."""
    return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Rows:
    """One record as rows, all but its number: made in the caller's thread, so that the writer thread only writes."""

    id: str
    version: int  # the kept one
    companion_of: str
    record: tuple[Any, ...]
    body: str
    part: tuple[tuple[Any, ...], ...]
    path: tuple[tuple[Any, ...], ...]
    term: tuple[tuple[Any, ...], ...]
    words: str
    spot: tuple[float, ...] | None


def rows_of(record: Record) -> Rows:
    """The rows of a record, its version counted up."""
    body = to_json(record)
    body["version"] = record.version + 1
    position = record.position
    marks = "".join(f"\n{store}" for store in terms.stores(record))
    taken = record.taken or ""
    columns = (
        *(record.id, record.version + 1, taken, record.kind, record.type, marks and marks + "\n"),
        *(record.companion_of or "", record.id, taken, int(bool(marks))),
        *(blob(record.group or ""), blob(terms.camera(record)), blob(terms.camera_label(record)), blob(terms.lens(record))),
        *(record.perceptual_hash, position and position.lat, position and position.lon),
    )
    return Rows(
        id=record.id,
        version=record.version,
        companion_of=record.companion_of or "",
        record=columns,
        body=json.dumps(body, separators=(",", ":")),
        part=tuple(terms.parts(record)),
        path=tuple((one.store, blob(one.path)) for one in record.placements),
        term=tuple(_terms(record)),
        words=terms.searched(record),
        spot=(position.lon, position.lon, position.lat, position.lat) if position is not None else None,
    )


def _terms(record: Record) -> Iterable[tuple[str, bytes, bytes]]:
    spelled = (
        ("tag", record.tags),
        ("person", record.people),
        ("album", {one.album for one in record.placements if one.album}),
    )
    for what, values in spelled:
        for value in values:
            yield what, blob(terms.fold(value)), blob(value)
    for what, folded in (("name", terms.names(record)), ("place", terms.places(record))):
        for value in folded:
            yield what, blob(value), blob(value)


def write(connection: sqlite3.Connection, fresh: dict[int, Rows], known: dict[int, Rows]) -> None:
    """Insert the fresh records and replace the known ones, by number; then say again who shows each group they touch."""
    many = connection.executemany
    for statement in _DELETES if known else ():
        many(statement, ((n,) for n in known))
    both = {**fresh, **known}
    many(_RECORD, ((n, *rows.record) for n, rows in both.items()))
    flat: dict[str, list[tuple[Any, ...]]] = {
        "body": [(n, rows.body) for n, rows in both.items()],
        "part": [(n, *one) for n, rows in both.items() for one in rows.part],
        "path": [(n, *one) for n, rows in both.items() for one in rows.path],
        "term": [(n, *one) for n, rows in both.items() for one in rows.term],
        "search": [(n, rows.words) for n, rows in both.items()],
        "spot": [(n, *rows.spot) for n, rows in both.items() if rows.spot],
    }
    for table, statement in _INSERTS:
        if flat[table]:
            many(statement, flat[table])
    regroup(connection, members=[n for n, rows in both.items() if rows.companion_of], mains=[rows.id for rows in both.values()])


def erase(connection: sqlite3.Connection, numbers: dict[int, str]) -> None:
    """Remove records, given as number → id."""
    for statement in (*_DELETES, "DELETE FROM body WHERE n = ?", "DELETE FROM record WHERE n = ?"):
        connection.executemany(statement, ((n,) for n in numbers))
    regroup(connection, members=[], mains=list(numbers.values()))


def regroup(connection: sqlite3.Connection, *, members: list[int], mains: list[str]) -> None:
    """Who shows the group: of these members, and of all members of these main records."""
    for which, values in (("n = ?", members), (_MEMBERS, mains)):
        for statement in (_SHOW, _COUNT):
            if values:
                connection.executemany(statement.format(which=which), ((one,) for one in values))
