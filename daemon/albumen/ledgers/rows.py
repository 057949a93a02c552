"""The ledger's tables, and deeds as their rows.

Whatever may hold the bytes of a path (paths, keys, groups, reasons) is a BLOB: ``sqlite3`` refuses surrogates in TEXT. The three
reservations are partial unique indexes, so that no code path, version or second process can ever break them.
"""

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from albumen import jsonable
from albumen.model import Deed, DeedState, Record, Ref

STATES = (DeedState.planned, DeedState.intended, DeedState.done, DeedState.dropped, DeedState.failed)
NUMBER = {state: number for number, state in enumerate(STATES)}  # open ones are < 2

_V1 = """
CREATE TABLE batch (
    n INTEGER PRIMARY KEY, what BLOB NOT NULL, owner TEXT NOT NULL, begun INTEGER NOT NULL, ended INTEGER,
    undoes INTEGER NOT NULL
);
CREATE INDEX batch_open ON batch (what) WHERE ended IS NULL;
CREATE TABLE deed (
    n INTEGER PRIMARY KEY, batch INTEGER NOT NULL REFERENCES batch, key BLOB NOT NULL, grp BLOB NOT NULL, role TEXT NOT NULL,
    verb TEXT NOT NULL,
    s_store TEXT NOT NULL, s_path BLOB NOT NULL, s_rev BLOB NOT NULL, s_size INTEGER, s_modified INTEGER, s_mode INTEGER,
    t_store TEXT NOT NULL, t_path BLOB NOT NULL, t_rev BLOB NOT NULL, t_size INTEGER, t_modified INTEGER, t_mode INTEGER,
    t_key BLOB NOT NULL, sha TEXT NOT NULL, content BLOB NOT NULL, album BLOB NOT NULL,
    record TEXT NOT NULL, before_id TEXT NOT NULL, before TEXT, after_id TEXT NOT NULL, after TEXT,
    undoes INTEGER NOT NULL, undone_by INTEGER NOT NULL, owner TEXT NOT NULL, state INTEGER NOT NULL, held INTEGER NOT NULL,
    why BLOB NOT NULL, at INTEGER NOT NULL
);
CREATE UNIQUE INDEX deed_key ON deed (key) WHERE state<>3;
CREATE UNIQUE INDEX deed_name ON deed (t_store, t_key) WHERE held=1 AND t_path<>x'';
CREATE UNIQUE INDEX deed_content ON deed (content) WHERE state<2 AND content<>x'';
CREATE UNIQUE INDEX deed_source ON deed (s_store, s_path) WHERE state<2 AND verb='move';
CREATE INDEX deed_owner ON deed (owner) WHERE state=1;
CREATE INDEX deed_unlike_done ON deed (state) WHERE state<>2;
CREATE INDEX deed_batch ON deed (batch);
CREATE INDEX deed_batch_state ON deed (batch, state, n, undone_by);
CREATE INDEX deed_sha ON deed (sha) WHERE sha<>'';
CREATE INDEX deed_record ON deed (record) WHERE record<>'';
CREATE INDEX deed_before ON deed (before_id) WHERE before_id<>'';
CREATE INDEX deed_after ON deed (after_id) WHERE after_id<>'';
CREATE INDEX deed_from ON deed (s_path);
CREATE INDEX deed_to ON deed (t_path);
"""
_V2 = """
DROP INDEX deed_source;
CREATE UNIQUE INDEX deed_source ON deed (s_store, s_path) WHERE state<2 AND verb IN ('move', 'expire');
"""  # what is being deleted for good is not brought back by an undo at the same time
_V3 = """
ALTER TABLE deed ADD COLUMN tags TEXT NOT NULL DEFAULT '';
"""  # the store's own tags that a deed assigns and removes, as a list in JSON, "" for none
_V4 = """
ALTER TABLE deed ADD COLUMN moment INTEGER NOT NULL DEFAULT 0;
CREATE TABLE moment (n INTEGER NOT NULL);
INSERT INTO moment VALUES (0);
"""  # how many times deeds were settled as done, and the number at which this one was
SCHEMA = (_V1, _V2, _V3, _V4)  # one script per version; a released one is never edited

COLUMNS = (
    "n", "batch", "key", "grp", "role", "verb",
    "s_store", "s_path", "s_rev", "s_size", "s_modified", "s_mode",
    "t_store", "t_path", "t_rev", "t_size", "t_modified", "t_mode",
    "t_key", "sha", "content", "album", "record", "before_id", "before", "after_id", "after",
    "undoes", "undone_by", "owner", "state", "held", "why", "at", "tags",
)  # fmt: skip  # read as the groups of the table
INSERT = f"INSERT INTO deed ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # own column names
SELECT = f"SELECT {', '.join(COLUMNS)} FROM deed"  # noqa: S608  # own column names


def blob(text: str) -> bytes:
    """Text that may hold a path's bytes, as those bytes."""
    return os.fsencode(text)


def deed_number(id: str) -> int:
    """The row of a deed id, 0 (no row) for "" and what is no deed id."""
    return int(id, 16) if re.fullmatch("[0-9a-f]{16}", id) else 0


def deed_id(number: int) -> str:
    """16 hex digits, so that ids sort by age as text; "" for 0."""
    return f"{number:016x}" if number else ""


def batch_number(id: str) -> int:
    """The row of a batch id, 0 (no row) for "" and what is no batch id."""
    return int(id[1:]) if re.fullmatch("b[1-9][0-9]{0,17}", id) else 0


def batch_id(number: int) -> str:
    """``b17``: short, to be typed by a person; "" for 0."""
    return f"b{number}" if number else ""


def to_row(deed: Deed) -> list[Any]:
    """All columns of one deed, in their order; its name is held. The ids of ``before`` and ``after`` are kept, to be found by,
    where they are not its record's."""
    before, after = deed.before, deed.after
    return [
        deed_number(deed.id), batch_number(deed.batch), blob(deed.key), blob(deed.group), deed.role, deed.verb,
        *_ref_columns(deed.source),
        *_ref_columns(deed.target),
        blob(deed.target_key), deed.sha256, blob(deed.content), blob(deed.album),
        deed.record,
        before.id if before and before.id != deed.record else "", jsonable.dumps(before) if before else None,
        after.id if after and after.id != deed.record else "", jsonable.dumps(after) if after else None,
        deed_number(deed.undoes), deed_number(deed.undone_by), deed.owner, NUMBER[deed.state], 1, blob(deed.why), deed.at,
        json.dumps(deed.tags) if deed.tags else "",
    ]  # fmt: skip  # read as the groups of the table


def from_row(row: Sequence[Any]) -> Deed:
    """The deed of one row of ``SELECT``."""
    one = dict(zip(COLUMNS, row, strict=True))
    return Deed(
        id=deed_id(one["n"]),
        batch=batch_id(one["batch"]),
        key=os.fsdecode(one["key"]),
        group=os.fsdecode(one["grp"]),
        role=one["role"],
        verb=one["verb"],
        source=_ref(row[6:12]),
        target=_ref(row[12:18]),
        target_key=os.fsdecode(one["t_key"]),
        sha256=one["sha"],
        content=os.fsdecode(one["content"]),
        album=os.fsdecode(one["album"]),
        record=one["record"],
        before=jsonable.loads(Record, one["before"]) if one["before"] else None,
        after=jsonable.loads(Record, one["after"]) if one["after"] else None,
        undoes=deed_id(one["undoes"]),
        undone_by=deed_id(one["undone_by"]),
        owner=one["owner"],
        state=STATES[one["state"]],
        why=os.fsdecode(one["why"]),
        at=one["at"],
        tags=tuple(json.loads(one["tags"])) if one["tags"] else (),
    )


def _ref_columns(ref: Ref) -> tuple[Any, ...]:
    return ref.store, blob(ref.path), blob(ref.rev), ref.size, ref.modified, ref.mode


def _ref(row: Sequence[Any]) -> Ref:
    store, path, rev, size, modified, mode = row
    return Ref(store, os.fsdecode(path), os.fsdecode(rev), size, modified, mode)
