"""What sources have seen, beside the jobs: a piece of a scan and the jobs it stands for are kept in one transaction."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from albumen.jsonable import dumps, loads
from albumen.model import REFUSED, Batch, Job, Refused, Seen
from albumen.queues import scratch
from albumen.queues.rows import INSERT, pack, row, unpack
from albumen.sqlite import Database

_PAGE = 2000  # rows per page of ``all``: no read transaction stays open between pages, so the WAL can be written back
_ONE = "SELECT path, rev, state, why, at FROM seen WHERE source=? AND path=?"
_MORE = "SELECT path, rev, state, why, at FROM seen WHERE source=? AND path>? AND path<? ORDER BY path LIMIT ?"
_ASIDE = "SELECT path, rev, state, why, at FROM seen WHERE source=? AND state IN ('aside','listed') ORDER BY path"
_REFUSED = "SELECT value FROM scratch WHERE drawer=? AND key=?"
_COUNT = "INSERT INTO change(source, number) VALUES(?,?) ON CONFLICT(source) DO UPDATE SET number=number+1"
_KEEP = "INSERT OR REPLACE INTO seen(source, path, rev, state, why, at) VALUES(?,?,?,?,?,?)"


class SqliteMemory:
    """Port ``Memory`` of one source. ``kept`` is called after each commit that put jobs."""

    def __init__(self, db: Database, source: str, clock: Callable[[], int], kept: Callable[[], None]) -> None:
        self._db = db
        self._source = source
        self._place = f"source {source}"
        self._clock = clock
        self._kept = kept

    def cursor(self) -> str:
        """The last kept cursor; "" at first."""
        rows = self._db.rows("SELECT value FROM cursor WHERE source=?", (self._source,))
        return unpack(rows[0][0]) if rows else ""

    def get(self, paths: Iterable[str]) -> Mapping[str, Seen]:
        """What is remembered of these paths; unknown ones are left out."""
        wanted = list(paths)
        found: dict[str, Seen] = {}
        with self._db.read() as connection:
            connection.execute("BEGIN")
            for path in wanted:
                for values in connection.execute(_ONE, (self._source, os.fsencode(path))):
                    found[path] = _seen(values)
        return found

    def all(self, prefix: str = "") -> Iterator[Seen]:
        """Everything under a folder ("" = all), sorted by path as bytes, read page by page: commits go on meanwhile."""
        folder = os.fsencode(prefix)
        after, end = (
            (folder + b"/", folder + b"0") if prefix else (b"", b"\xff" * 8)
        )  # "0" follows "/"; no path starts with eight \xff
        while True:
            rows = self._db.rows(_MORE, (self._source, after, end, _PAGE))
            for values in rows:
                yield _seen(values)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def set_aside(self) -> Sequence[Seen]:
        """Those whose state is "aside" or "listed", sorted by path as bytes."""
        return tuple(_seen(values) for values in self._db.rows(_ASIDE, (self._source,)))

    def refused(self) -> Refused | None:
        """What is refused at this source; None when nothing is."""
        rows = self._db.rows(_REFUSED, (REFUSED, pack(self._place)))
        return loads(Refused, unpack(rows[0][0])) if rows else None

    def changes(self) -> int:
        """Counted up by each commit, from the time (ns) of the first one."""
        rows = self._db.rows("SELECT number FROM change WHERE source=?", (self._source,))
        return int(rows[0][0]) if rows else 0

    def commit(self, batch: Batch, jobs: Sequence[Job]) -> None:
        """Keep a batch and the jobs it stands for, durably, all or nothing. A path both forgotten and seen is seen."""
        now = self._clock()
        rows = [row(job, now, later=False) for job in jobs]
        seen = [(self._source, os.fsencode(one.path), pack(one.rev), one.state, pack(one.why), one.at) for one in batch.seen]
        forget = [(self._source, os.fsencode(path)) for path in batch.forget]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(INSERT, rows)
            connection.executemany("DELETE FROM seen WHERE source=? AND path=?", forget)
            connection.executemany(_KEEP, seen)
            connection.execute(_COUNT, (self._source, now))
            if batch.cursor is not None:
                connection.execute("INSERT OR REPLACE INTO cursor VALUES(?,?)", (self._source, pack(batch.cursor)))
            if batch.refused is not None or batch.well:
                scratch.put(connection, REFUSED, self._place, dumps(batch.refused) if batch.refused else "")

        self._db.write(work)
        if rows:
            self._kept()


def _seen(values: Any) -> Seen:
    path, rev, state, why, at = values
    return Seen(os.fsdecode(path), unpack(rev), state, unpack(why), at)
