"""Tables of ``catalog.db`` and the rows one record becomes.

``body`` holds the record as JSON; everything else is made from it and only serves searching. What is asked by beginning (words) or
by equality (tags, digests, folders …) are tokens of one FTS5 table: an index of its own for each of them cost five times the
pages per commit. ``record`` is small and apart from ``body``, so that a look at every record reads little. Human text is kept as
BLOB: sqlite3 refuses surrogates in TEXT.
"""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from albumen.catalogs import terms
from albumen.jsonable import dumps
from albumen.model import Camera, Place, Record

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
        camera BLOB NOT NULL,               -- as it is counted
        hash TEXT,
        lat REAL,
        lon REAL
    );
    CREATE INDEX record_shown ON record(sort DESC, shown, kind, type, marks);
    CREATE INDEX record_member ON record(shown) WHERE shown <> id;
    CREATE INDEX record_taken ON record(taken DESC, id);
    CREATE INDEX record_tally ON record(substr(taken, 1, 7), kind, type, marks, camera) WHERE counted = 1;
    CREATE INDEX record_main ON record(companion_of) WHERE companion_of <> '';

    CREATE TABLE body(n INTEGER PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE tag(n INTEGER NOT NULL, spelled BLOB NOT NULL, PRIMARY KEY(n, spelled)) WITHOUT ROWID;  -- to be counted
    CREATE TABLE seen(what TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY(what, value)) WITHOUT ROWID;  -- stores, cameras, lenses

    CREATE VIRTUAL TABLE search USING fts5(tokens, tokenize = "ascii tokenchars '_'", detail = none, columnsize = 0);
    CREATE VIRTUAL TABLE spot USING rtree(n, west, east, south, north);
    """,
    # What stands in ``record`` is asked of ``search``, too: it counts a million in 40 ms, where a look at each row took seconds.
    """
    CREATE TEMP TABLE dated(n INTEGER PRIMARY KEY, taken TEXT, usual INTEGER);
    INSERT INTO temp.dated SELECT n, taken, taken GLOB '[0-9][0-9][0-9][0-9]'
        OR (taken GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]' AND substr(taken, 6, 2) BETWEEN '01' AND '12')
        OR ((taken GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' OR taken GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*')
            AND substr(taken, 6, 2) BETWEEN '01' AND '12' AND substr(taken, 9, 2) BETWEEN '01' AND '31')
        FROM record WHERE taken <> '';
    UPDATE search SET tokens = tokens || (
        SELECT ' _kind' || hex(kind) || ' _type' || hex(type)
            || CASE WHEN companion_of <> '' THEN ' _part' ELSE '' END
            || CASE WHEN marks = '' THEN ' _gone' ELSE '' END
            || coalesce((SELECT ' _on' || CASE WHEN usual THEN replace(substr(taken, 1, 10), '-', '') ELSE '' END
                         FROM temp.dated WHERE dated.n = record.n), '')
            || coalesce((SELECT group_concat(' _store' || hex(value), '')
                         FROM json_each('[' || replace(json_quote(trim(marks, char(10))), '\\n', '","') || ']') WHERE value <> ''), '')
        FROM record WHERE n = search.rowid
    );
    INSERT OR IGNORE INTO seen SELECT 'year', CAST(substr(taken, 1, 4) AS BLOB) FROM temp.dated WHERE usual;
    INSERT OR IGNORE INTO seen SELECT 'odd', CAST('' AS BLOB) FROM temp.dated WHERE NOT usual;
    DROP TABLE temp.dated;
    """,
)
DAY = re.compile(
    r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T.*)?)?)?", re.ASCII | re.DOTALL
)  # how dates are usually written

_COLUMNS = "n, id, version, taken, kind, type, marks, companion_of, shown, sort, counted, camera, hash, lat, lon"
_RECORD = f"INSERT OR REPLACE INTO record({_COLUMNS}) VALUES ({', '.join('?' * 15)})"  # noqa: S608  # column names only
_DELETES = (
    "DELETE FROM tag WHERE n = ?",
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
    ) WHERE n = ?
"""
_COUNT = "UPDATE record SET counted = (shown = id AND marks <> '') WHERE n = ?"
_MEMBERS = "SELECT n FROM record WHERE companion_of <> '' AND companion_of IN (SELECT value FROM json_each(?))"


def blob(text: str) -> bytes:
    """Any str as bytes, one to one, order and beginnings kept."""
    return text.encode("utf-8", "surrogatepass")


def text(value: str | bytes) -> str:
    """The reverse of ``blob``; what is text already stays."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def token(what: str, *values: str) -> str:
    """What stands in ``search`` for a value that is asked by equality; no word begins with ``_``, so none is mistaken for it."""
    return f"_{what}{blake2b(blob(chr(10).join(values)), digest_size=10).hexdigest()}"


def label(what: str, value: str) -> str:
    """As ``token``, for the few values that SQL must be able to write, too."""
    return f"_{what}{blob(value).hex()}"


@dataclass(frozen=True, slots=True)
class Rows:
    """One record as rows, all but its number: made in the caller's thread, so that the writer thread only writes."""

    id: str
    version: int  # the one it was given with
    member: bool
    record: tuple[Any, ...]
    body: str
    tags: frozenset[bytes]
    seen: frozenset[tuple[str, bytes]]
    tokens: str
    spot: tuple[float, ...] | None


def rows_of(record: Record, *, as_is: bool = False) -> Rows:
    """The rows of a record, its version counted up unless ``as_is``."""
    body, _, _ = dumps(record).rpartition(",")  # the version is a record's last field
    position = record.position
    stores = terms.stores(record)
    marks = f"\n{chr(10).join(stores)}\n" if stores else ""
    taken = record.taken or ""
    camera, seen, _ = _camera(record.camera)
    years, day = _day(taken[:11])
    version = record.version + (not as_is)
    facts = (
        *_facts(record.kind, record.type),
        *map(_store, stores),
        *["_part"] * bool(record.companion_of),
        *["_gone"] * (not stores),
    )
    columns = (
        *(record.id, version, taken, record.kind, record.type, marks),
        *(record.companion_of or "", record.id, taken, int(bool(marks))),
        *(camera, record.perceptual_hash, position and position.lat, position and position.lon),
    )
    return Rows(
        id=record.id,
        version=record.version,
        member=bool(record.companion_of),
        record=columns,
        body=f'{body},"version":{version}}}',
        tags=frozenset(map(blob, record.tags)),
        seen=seen.union([("store", blob(one.store)) for one in record.placements], years),
        tokens=" ".join([terms.searched(record), *facts, *day, *sorted(_tokens(record))]),
        spot=(position.lon, position.lon, position.lat, position.lat) if position is not None else None,
    )


def slices(hash: str) -> list[str]:
    """A perceptual hash as tokens of 16 bits each: of two hashes k bits apart, one slice is at most k / slices bits apart."""
    parts = [hash[start : start + 4].lower() for start in range(0, len(hash), 4)] if terms.is_hash(hash) else []
    return [f"_hash{place}_{part}" for place, part in enumerate(parts)]


def _tokens(record: Record) -> set[str]:
    found = {*_camera(record.camera)[2], *slices(record.perceptual_hash or ""), *_place(record.place)}
    found.update([_folded("tag", one) for one in record.tags])
    found.update([_folded("person", one) for one in record.people])
    found.update([token("name", one) for one in terms.names(record)])
    if record.group:
        found.add(token("group", record.group))
    for digest, size in terms.parts(record):
        found.add(token("digest", digest))
        if size is not None:
            found.add(token("size", str(size)))
    for placement in record.placements:
        if placement.album:
            found.add(_folded("album", placement.album))
        found.add(token("path", placement.store, placement.path))
        found.update(_folders(placement.store, placement.path.rpartition("/")[0]))
    return found


# What many records share is made once.


@lru_cache(1024)
def _facts(kind: str, type: str) -> tuple[str, ...]:
    return label("kind", kind), label("type", type)


@lru_cache(1024)
def _store(store: str) -> str:
    return label("store", store)


@lru_cache(1024)
def _day(begins: str) -> tuple[frozenset[tuple[str, bytes]], tuple[str, ...]]:
    """What of the first 11 letters of a date is kept as seen, and its tokens."""
    if not begins:
        return frozenset(), ()
    if not DAY.fullmatch(begins):
        return frozenset({("odd", b"")}), ("_on",)
    return frozenset({("year", blob(begins[:4]))}), ("_on" + begins[:10].replace("-", ""),)


@lru_cache(1024)
def _folders(store: str, folder: str) -> tuple[str, ...]:
    pieces = folder.split("/")
    return tuple(token("path", store, "/".join(pieces[:depth])) for depth in range(len(pieces) + 1))


@lru_cache(1024)
def _folded(what: str, text: str) -> str:
    return token(what, terms.fold(text))


@lru_cache(1024)
def _place(place: Place | None) -> tuple[str, ...]:
    return tuple(token("place", one) for one in terms.places(place))


@lru_cache(1024)
def _camera(camera: Camera | None) -> tuple[bytes, frozenset[tuple[str, bytes]], tuple[str, ...]]:
    """How a camera is counted, what of it is kept as seen, and its tokens."""
    found = [(what, text) for what, text in (("camera", terms.camera(camera)), ("lens", terms.lens(camera))) if text]
    seen = frozenset((what, blob(text)) for what, text in found)
    return blob(terms.camera_label(camera)), seen, tuple(token(what, text) for what, text in found)


def write(connection: sqlite3.Connection, fresh: Mapping[int, Rows], known: Mapping[int, Rows]) -> None:
    """Insert the fresh records and replace the known ones, by number; then say again who shows each group they touch."""
    many = connection.executemany
    for statement in _DELETES if known else ():
        many(statement, ((n,) for n in known))
    both = {**fresh, **known}
    many(_RECORD, ((n, *rows.record) for n, rows in both.items()))
    many("INSERT OR REPLACE INTO body(n, json) VALUES (?, ?)", ((n, rows.body) for n, rows in both.items()))
    many("INSERT INTO tag(n, spelled) VALUES (?, ?)", ((n, one) for n, rows in both.items() for one in rows.tags))
    many("INSERT OR IGNORE INTO seen(what, value) VALUES (?, ?)", {one for rows in both.values() for one in rows.seen})
    many("INSERT INTO search(rowid, tokens) VALUES (?, ?)", ((n, rows.tokens) for n, rows in both.items()))
    spots = ((n, *rows.spot) for n, rows in both.items() if rows.spot)
    many("INSERT INTO spot(n, west, east, south, north) VALUES (?, ?, ?, ?, ?)", spots)
    _regroup(connection, {n for n, rows in both.items() if rows.member}, [rows.id for rows in both.values()])


def erase(connection: sqlite3.Connection, numbers: Mapping[int, str]) -> None:
    """Remove records, given as number → id."""
    for statement in (*_DELETES, "DELETE FROM body WHERE n = ?", "DELETE FROM record WHERE n = ?"):
        connection.executemany(statement, ((n,) for n in numbers))
    _regroup(connection, set(), list(numbers.values()))


def _regroup(connection: sqlite3.Connection, members: set[int], mains: list[str]) -> None:
    members |= {n for (n,) in connection.execute(_MEMBERS, (json.dumps(mains),))}
    for statement in (_SHOW, _COUNT):
        connection.executemany(statement, ((n,) for n in members))
