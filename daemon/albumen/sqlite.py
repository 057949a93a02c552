"""One SQLite file shared by threads and processes: many readers, one writer thread, grouped commits.

Rules a–c of the engines page, as measured there: every write transaction runs inside ``flock`` on a side file (the kernel frees
it at kill -9; SQLite's own busy handler starves writers for seconds), ``synchronous=FULL``, and writes that wait at the same time
share one transaction, one savepoint each, and so one sync.
"""

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from albumen import observe, sqlite_file
from albumen.errors import AlbumenError, ConfigError, Unavailable
from albumen.sqlite_file import Gate, Identity, connect, identity

T = TypeVar("T")

_GROUP = 256  # callers that share one transaction at most
_WINDOW = 0.010  # seconds a commit waits for company at most, when the last one had some
_LOST = (-1, -1)  # a file that went while it was being opened: no file is it
_READERS = 4  # connections that are kept for the next reader; more are open while more read at the same time
_CACHE = 1000  # KB of pages that a reader keeps; 4000 answer no faster (the kernel has them), and stay for good
_PATIENCE = 1000  # ms that a checkpoint waits for readers, and keeps writers waiting


def no_remedy() -> str:
    """Where nobody knows of a backup."""
    return "put it back from a backup"


class Database:
    """``schema`` holds one migration script per version; the file's ``user_version`` counts those applied.

    A newer file is refused with ``ConfigError``. Reads run in the caller's thread on a connection of its own; writes run in the
    writer thread and return when they are durable.

    A file that is deleted or replaced while it is open is noticed by the next read or write: with ``anew`` it is made again, empty,
    and ``generation`` counts up; else that is ``Unavailable`` until the process ends. ``remedy`` says how a person gets a file back
    that is lost, broken or too new.
    """

    def __init__(
        self,
        path: str,
        schema: Sequence[str],
        *,
        name: str = "",
        anew: bool = False,
        remedy: Callable[[], str] = no_remedy,
    ) -> None:
        self.path = path
        self.name = name or os.path.basename(path)
        self.generation = 0
        self._schema = schema
        self._anew = anew
        self._remedy = remedy
        self._readers: list[_Reader] = []  # that nobody uses now, the one used last at the end
        self._guard = threading.Lock()
        self._closed = False
        self._inbox: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._file: Identity = None
        self._log: tuple[Identity, Identity] = (None, None)
        with self._telling():
            self._gate = Gate(path + ".lock")
            with self._gate:
                self._writing = self._opened()
        self._writer = threading.Thread(target=self._write_loop, name=f"write {self.name}", daemon=True)
        self._writer.start()

    # ------------------------------------------------------------------------------------------------------------- reading

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, the caller's own until the end. Open a transaction on it (``BEGIN``) for several reads of one
        state."""
        with self._telling():
            reader = self._taken()
        try:
            yield reader.connection
        except sqlite3.Error as error:
            raise self._translated(error) from error
        finally:
            self._give_back(reader)

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
        call = _Call(work, durable)
        with self._guard:  # what comes in before the end is done before the end
            if self._closed:
                raise Unavailable(self.name, "database is closed")
            self._inbox.put(call)
        call.finished.wait()
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[no-any-return]  # the result of this very work

    def checkpoint(self) -> int:
        """Write the log (``-wal``) back into the file and cut it to nothing. Bytes that it has left: not 0 when a reader holds it for
        more than a second, in which nobody can write either. ``Unavailable``."""
        with self._telling(), self._gate:
            if self._closed:
                raise Unavailable(self.name, "database is closed")
            self._look()
            self._writing.execute(f"PRAGMA busy_timeout={_PATIENCE}")
            try:
                self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._writing.execute("PRAGMA busy_timeout=30000")
            return os.path.getsize(self.path + "-wal")

    def close(self) -> None:
        """Finish what waits, then close every connection. Twice is harmless."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._inbox.put(None)
        self._writer.join()
        with self._guard:
            for reader in self._readers:
                reader.connection.close()
            self._readers.clear()
        self._writing.close()
        self._gate.close()

    # ------------------------------------------------------------------------------------------------------------- the file

    def _opened(self) -> sqlite3.Connection:
        """The file as it is under our path now, made or migrated: from here on it is ours. Inside the gate."""
        if identity(self.path) is None:
            for rest in ("-wal", "-shm"):  # of a file that is gone: SQLite would share them with those that still have it open
                with suppress(FileNotFoundError):
                    os.unlink(self.path + rest)
        connection = connect(self.path, how="mode=rwc")
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            found = sqlite_file.version(connection)
            if found > len(self._schema):
                raise ConfigError(
                    [
                        f"{self.path} was written by a newer albumen (schema {found}, this program knows {len(self._schema)}): "
                        f"install the newer version again, or go back: {self._remedy()}"
                    ]
                )
            self._migrated(connection, found)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the log
        except BaseException:
            connection.close()
            raise
        self._file = identity(self.path) or _LOST
        self._log = self._logs()
        self.generation += 1
        return connection

    def _migrated(self, connection: sqlite3.Connection, found: int) -> None:
        try:
            sqlite_file.migrate(connection, self._schema)
        except sqlite3.Error as error:
            if not found:
                raise
            wanted = len(self._schema)
            why = f"{self.path} cannot be brought from schema {found} to {wanted}: {error}; it was left as it is"
            raise Unavailable(self.name, why) from error

    def _logs(self) -> tuple[Identity, Identity]:
        return identity(self.path + "-wal"), identity(self.path + "-shm")

    def _look(self) -> None:
        """Is the file still the one we have open, and its log? Inside the gate, before every write."""
        if identity(self.path) != self._file:
            if not self._anew:
                what = "deleted" if identity(self.path) is None else "replaced by another file"
                raise Unavailable(
                    self.name, f"{self.path} was {what} while it was in use: stop everything, then {self._remedy()}"
                )
            self._reopen("was deleted while it was in use; it is made anew, and the sources look at everything again")
        elif self._log != self._logs():
            self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # we still have the log open: nothing is lost
            self._reopen("lost its log; what it held was saved")

    def _reopen(self, why: str) -> None:
        self._writing.close()
        self._writing = self._opened()
        observe.logger("database").warning(why, file=self.path)

    def _taken(self) -> "_Reader":
        """The connection that was used last: few are ever open, and few page caches filled, however many threads there are."""
        changed = identity(self.path) != self._file
        with self._guard:
            while self._readers:
                reader = self._readers.pop()
                if not changed and reader.generation == self.generation:
                    return reader
                reader.connection.close()
        with self._gate:
            if self._closed:
                raise Unavailable(self.name, "database is closed")
            self._look()
            reader = _Reader(connect(self.path), self.generation)
            reader.connection.execute(f"PRAGMA cache_size=-{_CACHE}")
            reader.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the log
        return reader

    def _give_back(self, reader: "_Reader") -> None:
        if reader.connection.in_transaction:
            reader.connection.rollback()
        with self._guard:
            if not self._closed and len(self._readers) < _READERS:
                self._readers.append(reader)
                return
        reader.connection.close()

    # -------------------------------------------------------------------------------------------------------------- writing

    def _write_loop(self) -> None:
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
                self._commit(quick, "NORMAL")  # syncs at checkpoints only; OFF would not even then
            if slow:
                began = time.monotonic()
                self._commit(slow, "FULL")
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

    def _commit(self, group: list["_Call"], synchronous: str) -> None:
        try:
            with self._gate:
                self._look()
                self._transaction(self._writing, group, synchronous)
        except (sqlite3.Error, OSError, AlbumenError) as error:
            for call in group:
                call.error = call.error or self._translated(error)
        finally:
            for call in group:
                call.finished.set()

    def _transaction(self, connection: sqlite3.Connection, group: list["_Call"], synchronous: str) -> None:
        connection.execute(f"PRAGMA synchronous={synchronous}")
        try:
            connection.execute("BEGIN IMMEDIATE")
            for call in group:
                self._one(connection, call)
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            raise

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

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Errors of SQLite and of the disk as ours."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.ProgrammingError):
            return Unavailable(self.name, "database is closed") if self._closed else error
        if isinstance(error, sqlite3.OperationalError | OSError):
            return Unavailable(self.name, f"{error} ({self.path})")
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            return Unavailable(self.name, f"{error} ({self.path}): stop everything, then {self._remedy()}")
        return error


@dataclass(frozen=True, slots=True)
class _Reader:
    connection: sqlite3.Connection
    generation: int  # of the file


@dataclass(slots=True)
class _Call:
    work: Callable[[sqlite3.Connection], Any]
    durable: bool = True
    result: Any = None
    error: BaseException | None = None
    finished: threading.Event = field(default_factory=threading.Event)
