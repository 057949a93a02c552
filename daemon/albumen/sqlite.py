"""One SQLite file shared by threads and processes: many readers, one writer thread, grouped commits.

Rules a–c of the engines page, as measured there: every write transaction runs inside ``flock`` on a side file (the kernel frees
it at kill -9; SQLite's own busy handler starves writers for seconds), ``synchronous=FULL``, and writes that wait at the same time
share one transaction, one savepoint each, and so one sync.
"""

import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from albumen.errors import AlbumenError, ConfigError, Unavailable

T = TypeVar("T")

_GROUP = 256  # callers that share one transaction at most
_WINDOW = 0.010  # seconds a commit waits for company at most, when the last one had some


class Database:
    """``schema`` holds one migration script per version; the file's ``user_version`` counts those applied.

    A newer file is refused with ``ConfigError``. Reads run in the caller's thread on a connection of its own; writes run in the
    writer thread and return when they are durable.
    """

    def __init__(self, path: str, schema: Sequence[str], *, name: str = "") -> None:
        self.path = path
        self.name = name or os.path.basename(path)
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._lock_fd = os.open(path + ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        self._inbox: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        try:
            self._migrate(schema)
        except sqlite3.Error as error:
            raise self._translated(error) from error
        self._writer = threading.Thread(target=self._write_loop, name=f"write {self.name}", daemon=True)
        self._writer.start()

    # ------------------------------------------------------------------------------------------------------------- reading

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, this thread's own. Open a transaction on it (``BEGIN``) for several reads of one state."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            self._local.connection = connection
        try:
            yield connection
        except sqlite3.Error as error:
            raise self._translated(error) from error
        finally:
            if connection.in_transaction:
                connection.rollback()

    def rows(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        """All rows of one query."""
        with self.read() as connection:
            return connection.execute(sql, values).fetchall()

    # ------------------------------------------------------------------------------------------------------------- writing

    def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Run ``work`` in the writer thread inside a savepoint; returns its result once the commit is durable.

        ``durable=False`` waits for no sync: everybody sees the change and a kill leaves it, but a power cut may forget it. Only for
        what is found out anew when it is forgotten.

        What ``work`` raises undoes only its own changes and reaches the caller. ``Unavailable`` when the file cannot be written
        (disk full, read-only): then nothing of this call is kept.
        """
        if self._closed:
            raise Unavailable(self.name, "database is closed")
        call = _Call(work, durable)
        self._inbox.put(call)
        call.finished.wait()
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[no-any-return]  # the result of this very work

    def close(self) -> None:
        """Finish what waits, then close every connection. Twice is harmless."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        self._inbox.put(None)
        self._writer.join()
        for connection in self._all:
            connection.close()
        os.close(self._lock_fd)

    # -------------------------------------------------------------------------------------------------------------- inside

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-4000")
        with self._guard:
            self._all.append(connection)
        return connection

    def _migrate(self, schema: Sequence[str]) -> None:
        connection = self._connect()
        with self._exclusive():
            connection.execute("PRAGMA journal_mode=WAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(schema):
                raise ConfigError(
                    [
                        f"{self.path} was written by a newer albumen (schema {version}, this program knows {len(schema)}): "
                        "install the newer version again, or restore a backup made by this one"
                    ]
                )
            for number in range(version, len(schema)):
                connection.executescript(f"BEGIN IMMEDIATE;\n{schema[number]}\n;PRAGMA user_version={number + 1};\nCOMMIT;")

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def _write_loop(self) -> None:
        connection = self._connect()
        company, last = False, 0.0
        while True:
            call = self._inbox.get()
            if call is None:
                return
            group = [call]
            stopping = self._gather(group, 0.0)
            if company and any(one.durable for one in group):
                stopping = self._gather(group, min(_WINDOW, last / 2)) or stopping
            quick = [one for one in group if not one.durable]
            slow = [one for one in group if one.durable]
            if quick:
                connection.execute("PRAGMA synchronous=NORMAL")  # syncs at checkpoints only; OFF would not even then
                self._commit(connection, quick)
                connection.execute("PRAGMA synchronous=FULL")
            if slow:
                began = time.monotonic()
                self._commit(connection, slow)
                company, last = len(slow) > 1, time.monotonic() - began
            if stopping:
                return

    def _gather(self, group: list["_Call"], window: float) -> bool:
        """More calls that wait already, then those that come within ``window``. True when asked to stop."""
        deadline = time.monotonic() + window
        while len(group) < _GROUP:
            try:
                left = deadline - time.monotonic()
                call = self._inbox.get(timeout=left) if left > 0 else self._inbox.get_nowait()
            except queue.Empty:
                return False
            if call is None:
                return True
            group.append(call)
        return False

    def _commit(self, connection: sqlite3.Connection, group: list["_Call"]) -> None:
        try:
            with self._exclusive():
                connection.execute("BEGIN IMMEDIATE")
                for call in group:
                    self._one(connection, call)
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            if connection.in_transaction:
                connection.rollback()
            for call in group:
                call.error = call.error or self._translated(error)
        finally:
            for call in group:
                call.finished.set()

    def _one(self, connection: sqlite3.Connection, call: "_Call") -> None:
        connection.execute("SAVEPOINT one")
        try:
            call.result = call.work(connection)
        except sqlite3.OperationalError as error:
            if not connection.in_transaction:  # a full disk rolled the whole group back
                raise
            call.error = self._translated(error)
            connection.execute("ROLLBACK TO one")
        except BaseException as error:  # noqa: BLE001  # handed to the caller's thread, which raises it
            call.error = error
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")

    def _translated(self, error: Exception) -> AlbumenError | Exception:
        if isinstance(error, sqlite3.OperationalError | OSError):
            return Unavailable(self.name, f"{error} ({self.path})")
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            return Unavailable(self.name, f"{error} ({self.path}): restore the newest backup, or move the file away and rebuild")
        return error


@dataclass(slots=True)
class _Call:
    work: Callable[[sqlite3.Connection], Any]
    durable: bool = True
    result: Any = None
    error: BaseException | None = None
    finished: threading.Event = field(default_factory=threading.Event)
