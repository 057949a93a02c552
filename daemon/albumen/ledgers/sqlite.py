"""The embedded ledger: ``ledger.db``.

Every method is one transaction; those that change something return when it is durable and share their commits with all who wait
(``albumen.sqlite``). A deed's ``after`` is emptied when it is done, unless it has a ``before``: undo takes the record as it is then,
and it would stay for ever, about 2 KB a photo. ``at`` is when a deed came into its present state.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Container, Iterable, Sequence, Set
from dataclasses import replace
from os import fsdecode
from typing import Any

from albumen.errors import NotFound, Overtaken, Taken
from albumen.ledgers.rows import (
    COLUMNS,
    INSERT,
    NUMBER,
    SCHEMA,
    SELECT,
    STATES,
    batch_id,
    batch_number,
    blob,
    deed_id,
    deed_number,
    from_row,
    to_row,
)
from albumen.model import BatchId, BatchInfo, Claimed, Deed, DeedId, DeedState, Owner, Page
from albumen.sqlite import Database, no_remedy

_PAGE = 500  # deeds
_BATCHES = 100

# One look per deed: its kept twin, and whether another open deed has its name, its content, its source.
_LOOK = """SELECT
(SELECT n FROM deed WHERE key=? AND state<>3),
?<>x'' AND EXISTS (SELECT 1 FROM deed WHERE t_store=? AND t_key=? AND held=1 AND t_path<>x''),
EXISTS (SELECT 1 FROM deed WHERE content=? AND state<2 AND content<>x''),
? IN ('move', 'expire') AND EXISTS (SELECT 1 FROM deed WHERE s_store=? AND s_path=? AND state<2 AND verb IN ('move', 'expire'))"""
# Whether a deed that had the name, the content or the source was done after a moment.
_DONE = """SELECT
EXISTS (SELECT 1 FROM deed WHERE t_path=? AND t_store=? AND t_path<>x'' AND state=2 AND moment>?)
OR EXISTS (SELECT 1 FROM deed WHERE sha=? AND content=? AND sha<>'' AND content<>x'' AND state=2 AND moment>?)
OR EXISTS (SELECT 1 FROM deed WHERE s_path=? AND s_store=? AND state=2 AND moment>? AND verb='move')"""
_TEXT = "CAST(? AS TEXT)"  # bound as bytes: what a person asks for may hold surrogates, which sqlite3 refuses
_MENTIONS = f"""SELECT n FROM deed WHERE sha={_TEXT} AND sha<>'' UNION SELECT n FROM deed WHERE record={_TEXT} AND record<>''
UNION SELECT n FROM deed WHERE before_id={_TEXT} AND before_id<>'' UNION SELECT n FROM deed WHERE after_id={_TEXT} AND after_id<>''
UNION SELECT n FROM deed WHERE s_path=? AND s_store={_TEXT} UNION SELECT n FROM deed WHERE t_path=? AND t_store={_TEXT}"""  # noqa: S608  # own words
_LOOKED = [COLUMNS.index(name) for name in ("key", "t_path", "t_store", "t_key", "content", "verb", "s_store", "s_path")]


class SqliteLedger:
    """``Ledger`` in one SQLite file, shared by threads and processes. ``owner in owners`` = its process is gone (``Owners``).
    ``database`` is for checkpoints; ``remedy`` says how a person gets a lost file back."""

    def __init__(
        self,
        path: str,
        owners: Container[Owner],
        *,
        clock: Callable[[], int] = time.time_ns,
        remedy: Callable[[], str] = no_remedy,
    ) -> None:
        self._owners = owners
        self._clock = clock
        self.database = Database(path, SCHEMA, name="ledger", remedy=remedy)

    def close(self) -> None:
        """Finish what waits and close the file. Twice is harmless."""
        self.database.close()

    def begin(self, what: str, owner: Owner, *, undoes: BatchId | None = None) -> BatchId:
        """As the port says. Only a dead owner's batch goes on (the oldest): the same owner asking twice gets two batches, so that
        two commands of one living process never end each other's work."""
        undone = batch_number(undoes or "")

        def work(db: sqlite3.Connection) -> BatchId:
            unended = "SELECT n, owner FROM batch WHERE what=? AND undoes=? AND ended IS NULL ORDER BY n"
            for number, before in db.execute(unended, (blob(what), undone)).fetchall():
                if before != owner and before in self._owners:
                    db.execute("UPDATE batch SET owner=? WHERE n=?", (owner, number))
                    return batch_id(number)
            row = (blob(what), owner, self._clock(), undone)
            return batch_id(db.execute("INSERT INTO batch (what, owner, begun, undoes) VALUES (?, ?, ?, ?)", row).lastrowid or 0)

        return self.database.write(work)

    def moment(self) -> int:
        """As the port says."""
        return int(self.database.rows("SELECT n FROM moment")[0][0])

    def intend(self, deeds: Sequence[Deed], owner: Owner | None = None, *, looked: int | None = None) -> Sequence[Deed]:
        """As the port says, in the order given. Two deeds of one call conflict like any others. A deed that was dropped is not
        kept: its key is free. An ended batch that gets a new deed is open again. ``NotFound`` for a batch that never began."""
        state = DeedState.intended if owner else DeedState.planned
        fresh = [replace(deed, id="", owner=owner or "", state=state, undone_by="", why="", at=self._clock()) for deed in deeds]
        rows = [to_row(deed) for deed in fresh]
        numbers = self.database.write(lambda db: _reserve(db, fresh, rows, looked))
        kept = {deed.id: deed for deed in self._read([number for number, is_new in numbers if not is_new])}
        return [
            replace(deed, id=deed_id(number)) if is_new else kept[deed_id(number)]
            for deed, (number, is_new) in zip(fresh, numbers, strict=True)
        ]

    def claim(self, ids: Sequence[DeedId], owner: Owner) -> Sequence[Claimed]:
        """As the port says, in the order given; unknown ids are left out.

        Does not wait for the sync: a claim that a power cut forgets is found out by the doing itself, which asks the places as
        soon as anything is not as it was planned.
        """
        numbers = list(dict.fromkeys(deed_number(id) for id in ids))
        now = self._clock()

        def work(db: sqlite3.Connection) -> tuple[set[int], list[Any]]:
            sql = "UPDATE deed SET state=1, owner=?, at=? WHERE n=? AND state=0"
            mine = {number for number in numbers if db.execute(sql, (owner, now, number)).rowcount}
            return mine, [
                row for number in numbers for row in db.execute(f"{SELECT} WHERE n=?", (number,)).fetchall()
            ]  # own words

        mine, rows = self.database.write(work, durable=False)
        return [
            Claimed(deed, DeedState.planned if deed_number(deed.id) in mine else deed.state)
            for deed in map(from_row, rows)
            if deed.owner == owner or deed.state not in (DeedState.planned, DeedState.intended)
        ]

    def settle(self, ids: Iterable[DeedId], state: DeedState, why: str = "") -> None:
        """As the port says. ``planned`` gives an intended deed back, without owner. What is settled stays as it is, so twice is
        harmless. Done turns ``undone_by`` along the whole chain: undone, in effect again, undone …"""
        if state is DeedState.intended:
            raise ValueError("a deed is intended by claim, never by settle")
        numbers = [deed_number(id) for id in ids]
        now = self._clock()

        def work(db: sqlite3.Connection) -> None:
            if state is DeedState.done:
                db.execute("UPDATE moment SET n=n+1")
            for number in numbers:
                if db.execute(_settling(state), (NUMBER[state], blob(why), now, number)).rowcount and state is DeedState.done:
                    _turn_chain(db, number)

        self.database.write(work)

    def recover(self, dead: Container[Owner], owner: Owner) -> Sequence[Deed]:
        """As the port says, oldest first. Writes nothing while there is nothing to recover."""
        owners = [one for (one,) in self.database.rows("SELECT DISTINCT owner FROM deed WHERE state=1")]
        gone = json.dumps([one for one in owners if one != owner and one in dead])
        if gone == "[]":
            return []

        def work(db: sqlite3.Connection) -> list[int]:
            taken = "SELECT n FROM deed WHERE state=1 AND owner IN (SELECT value FROM json_each(?)) ORDER BY n"
            numbers = [number for (number,) in db.execute(taken, (gone,))]
            db.executemany("UPDATE deed SET owner=? WHERE n=?", [(owner, number) for number in numbers])
            return numbers

        return self._read(self.database.write(work))

    def held(self, store: str, prefix: str) -> Set[str]:
        """As the port says."""
        sql = "SELECT t_key FROM deed WHERE held=1 AND t_path<>x'' AND t_store=? AND t_key>=?"
        low = blob(prefix)
        high = _successor(low)
        values = (store, low) if high is None else (store, low, high)
        return {fsdecode(key) for (key,) in self.database.rows(sql if high is None else sql + " AND t_key<?", values)}

    def history(
        self,
        *,
        batch: BatchId | None = None,
        item: str | None = None,
        ids: Sequence[DeedId] = (),
        state: DeedState | None = None,
        after: str = "",
    ) -> Page[Deed]:
        """As the port says, at most 500 to a page; unknown ids and batches give nothing."""
        where, values = ["n>?"], [deed_number(after)]
        for sql, given in _filters(batch, item, ids, state):
            where.append(sql)
            values.extend(given)
        rows = self.database.rows(f"{SELECT} WHERE {' AND '.join(where)} ORDER BY n LIMIT {_PAGE + 1}", values)
        found = tuple(from_row(row) for row in rows[:_PAGE])
        return Page(found, found[-1].id if len(rows) > _PAGE else "")

    def batches(self, *, before: str = "", ids: Sequence[BatchId] = (), open: bool = False) -> Page[BatchInfo]:
        """As the port says, at most 100 to a page."""
        where, values = ["1"], list[Any]()
        if before:
            where.append("n<?")
            values.append(batch_number(before))
        if ids:
            where.append("n IN (SELECT value FROM json_each(?))")
            values.append(json.dumps([batch_number(id) for id in ids]))
        if open:
            where.append("ended IS NULL")
        sql = f"SELECT n, what, owner, begun, ended, undoes FROM batch WHERE {' AND '.join(where)}"  # noqa: S608  # own words
        with self.database.read() as db:
            db.execute("BEGIN")  # batches and their numbers of one moment
            rows = db.execute(f"{sql} ORDER BY n DESC LIMIT {_BATCHES + 1}", values).fetchall()
            found = tuple(_batch(db, row) for row in rows[:_BATCHES])
        return Page(found, found[-1].id if len(rows) > _BATCHES else "")

    def end(self, batch: BatchId) -> bool:
        """As the port says. Twice is harmless: the first end stands. ``NotFound`` for a batch that never began."""
        number = batch_number(batch)
        now = self._clock()

        def work(db: sqlite3.Connection) -> bool:
            _known(db, number, batch)
            if db.execute("SELECT 1 FROM deed WHERE batch=? AND state IN (0, 1) LIMIT 1", (number,)).fetchone():
                return False
            db.execute("UPDATE deed SET held=0 WHERE batch=? AND state=4 AND held=1", (number,))
            db.execute("UPDATE batch SET ended=? WHERE n=? AND ended IS NULL", (now, number))
            return True

        return self.database.write(work)

    def _read(self, numbers: Sequence[int]) -> list[Deed]:
        if not numbers:
            return []
        sql = SELECT + " WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n"  # noqa: S608  # own words
        return [from_row(row) for row in self.database.rows(sql, (json.dumps(numbers),))]


def _reserve(db: sqlite3.Connection, deeds: Sequence[Deed], rows: list[list[Any]], looked: int | None) -> list[tuple[int, bool]]:
    """Per deed its row, and whether it is new. All conflicts are collected; raising them takes back what was inserted."""
    for number, id in {batch_number(deed.batch): deed.batch for deed in deeds}.items():
        _known(db, number, id)
    (last,) = db.execute("SELECT coalesce(max(n), 0) FROM deed").fetchone()
    names, contents, sources = set[tuple[str, str]](), set[str](), set[tuple[str, str]]()
    numbers, reopened = [], set[int]()
    for deed, row in zip(deeds, rows, strict=True):
        twin, name, content, source = db.execute(_LOOK, [row[column] for column in _LOOKED]).fetchone()
        if twin:
            numbers.append((twin, False))
            continue
        if name:
            names.add((deed.target.store, deed.target_key))
        if content:
            contents.add(deed.content)
        if source:
            sources.add((deed.source.store, deed.source.path))
        if not (name or content or source):
            if looked is not None and _is_done(db, deed, looked):
                raise Overtaken(f"{deed.source.path} was planned before another batch finished what touches it")
            last += 1
            db.execute(INSERT, [last, *row[1:]])
            numbers.append((last, True))
            reopened.add(row[1])
    if names or contents or sources:
        raise Taken(names, contents, sources)
    db.executemany("UPDATE batch SET ended=NULL WHERE n=? AND ended IS NOT NULL", [(number,) for number in reopened])
    return numbers


def _is_done(db: sqlite3.Connection, deed: Deed, looked: int) -> bool:
    name, source = (blob(deed.target.path), deed.target.store, looked), (blob(deed.source.path), deed.source.store, looked)
    sha = deed.sha256 if deed.content else ""  # sidecars reserve none: thousands of them may be the very same bytes
    return bool(db.execute(_DONE, (*name, sha, blob(deed.content), looked, *source)).fetchone()[0])


def _settling(state: DeedState) -> str:
    """The update of one open deed; values: state, why, at, row."""
    extra = {
        DeedState.planned: ", owner=''",
        DeedState.done: ", held=0, moment=(SELECT n FROM moment), after=CASE WHEN before IS NULL THEN NULL ELSE after END",
        DeedState.dropped: ", held=0",
    }.get(state, "")
    was = "state=1" if state is DeedState.planned else "state<2"
    return f"UPDATE deed SET state=?, why=?, at=?{extra} WHERE n=? AND {was}"  # noqa: S608  # own words


def _turn_chain(db: sqlite3.Connection, number: int) -> None:
    """``number`` is in effect now: what it undoes is not, what that had undone is again, and so on."""
    in_effect = True
    while True:
        row = db.execute("SELECT undoes FROM deed WHERE n=?", (number,)).fetchone()
        if row is None or not row[0]:
            return
        db.execute("UPDATE deed SET undone_by=? WHERE n=?", (number if in_effect else 0, row[0]))
        number, in_effect = row[0], not in_effect


def _filters(
    batch: BatchId | None, item: str | None, ids: Sequence[DeedId], state: DeedState | None
) -> list[tuple[str, list[Any]]]:
    """Conditions that the indexes answer, each with its values."""
    found: list[tuple[str, list[Any]]] = []
    if batch is not None:
        found.append(("batch=?", [batch_number(batch)]))
    if item is not None:
        store, _, path = item.partition(":")
        found.append((f"n IN ({_MENTIONS})", [blob(one) for one in (item, item, item, item, path, store, path, store)]))
    if ids:
        found.append(("n IN (SELECT value FROM json_each(?))", [json.dumps([deed_number(id) for id in ids])]))
    if state is not None:
        found.append((f"state={NUMBER[state]}" + (" AND state<>2" if state is not DeedState.done else ""), []))
    return found


def _batch(db: sqlite3.Connection, row: Sequence[Any]) -> BatchInfo:
    number, what, owner, begun, ended, undoes = row
    counts = db.execute("SELECT state, count(*), sum(undone_by=0) FROM deed WHERE batch=? GROUP BY state", (number,)).fetchall()
    deeds = {STATES[state].value: count for state, count, _ in counts}
    effective = sum(stands for state, _, stands in counts if STATES[state] is DeedState.done)
    return BatchInfo(batch_id(number), fsdecode(what), owner, begun, ended, batch_id(undoes), deeds, effective)


def _known(db: sqlite3.Connection, number: int, id: BatchId) -> None:
    if db.execute("SELECT 1 FROM batch WHERE n=?", (number,)).fetchone() is None:
        raise NotFound(f"there is no batch {id}: `albumen log` lists them")


def _successor(prefix: bytes) -> bytes | None:
    """The smallest bytes after everything that starts with ``prefix``; None when there is no end."""
    cut = prefix.rstrip(b"\xff")
    return cut[:-1] + bytes([cut[-1] + 1]) if cut else None
