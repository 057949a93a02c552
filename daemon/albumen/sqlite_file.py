"""One SQLite file as a file: who may write it now, how it is opened and brought to a schema, and a checked copy of it.

While a process has a database open, nobody in it may open that file in another way than through SQLite: closing any descriptor of
it would give up SQLite's locks.
"""

import errno
import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from urllib.parse import quote

from albumen.errors import Unavailable

_PAGES = 1000  # of 4 KiB, copied between two looks at ``stop``
_STEPS = 100_000  # of SQLite's machine, between two looks at ``stop``

Identity = tuple[int, int] | None


class Gate:
    """``flock`` on a side file, for processes and threads alike; as a context, and the same thread may enter again. The kernel frees
    it when the process dies. A side file that somebody deleted is made anew. ``OSError`` when it cannot be."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = threading.RLock()
        self._depth = 0
        self._fd = self._opened()

    def __enter__(self) -> None:
        self._turn.acquire()
        try:
            if not self._depth:
                self._lock()
            self._depth += 1
        except BaseException:
            self._turn.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth and self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._turn.release()

    def close(self) -> None:
        """Give the side file back. Twice is harmless."""
        with self._turn:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _lock(self) -> None:
        if self._fd < 0:
            raise OSError(errno.EBADF, "the database is closed", self._path)
        while True:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            status = os.fstat(self._fd)
            if identity(self._path) == (status.st_dev, status.st_ino):
                return
            os.close(self._fd)
            self._fd = -1
            self._fd = self._opened()

    def _opened(self) -> int:
        return os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)


def identity(path: str) -> Identity:
    """Which file lies under a path now; None when none does. ``OSError`` when that cannot be told."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def connect(path: str, *, how: str = "mode=rw") -> sqlite3.Connection:
    """A connection that commits by itself unless told to begin. ``how`` as in SQLite's URIs: nothing is made unless it says so."""
    address = f"file:{quote(os.fsencode(os.path.abspath(path)))}?{how}"
    connection = sqlite3.connect(
        address, uri=True, timeout=30, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    for pragma in ("busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON", "cache_size=-4000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def version(connection: sqlite3.Connection) -> int:
    """How many scripts of its schema were applied; 0 for an empty file."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def migrate(connection: sqlite3.Connection, schema: Sequence[str]) -> None:
    """Apply the scripts that the file lacks, all in one transaction. ``sqlite3.Error``: nothing of it was done."""
    if version(connection) == len(schema):
        return
    scripts = "\n;".join(schema[version(connection) :])
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{scripts}\n;PRAGMA user_version={len(schema)};\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.rollback()
        raise


# ------------------------------------------------------------------------------------------------------------------- copies


@dataclass(frozen=True)
class Copied:
    """What a checked copy holds: bytes, their SHA-256, its schema version, and the rows of each table."""

    size: int
    sha256: str
    schema: int
    rows: Mapping[str, int]


def never() -> bool:
    """Nobody wants to stop."""
    return False


def copy(path: str, to: str, *, stop: Callable[[], bool] = never) -> Copied:
    """A whole, checked and durable copy of a database as of one moment; those who write are not held up. The name ``to`` is free,
    and durable only once its folder is. ``Unavailable`` (also when ``stop`` came): then there is no copy."""
    try:
        with closing(connect(path)) as source:
            source.execute("BEGIN")
            rows = _rows(source)  # the first read is the moment
            _pages(source, to, stop)
        schema, found = examine(to, stop=stop)
        if found != rows:
            raise Unavailable(
                "backup", f"the copy {to} holds {_shown(found)}, but {path} {_shown(rows)}: check the disk of the copy"
            )
        _sync(to)
        return Copied(os.path.getsize(to), digest(to), schema, rows)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(to)
        if isinstance(error, sqlite3.Error | OSError):
            raise Unavailable("backup", f"{path} cannot be copied to {to}: {error}") from error
        raise


def examine(path: str, *, stop: Callable[[], bool] = never) -> tuple[int, Mapping[str, int]]:
    """Schema version and rows by table of a file that nobody has open, after SQLite checked all of it. ``Unavailable`` with what is
    wrong, or when ``stop`` came."""
    try:
        with closing(connect(path, how="mode=ro&immutable=1")) as connection:
            connection.set_progress_handler(stop, _STEPS)
            wrong = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            if wrong != ["ok"]:
                raise Unavailable("backup", f"{path} is damaged: {'; '.join(wrong)}")
            return version(connection), _rows(connection)
    except sqlite3.Error as error:
        why = "the check was stopped" if stop() else f"it is no sound database: {error}"
        raise Unavailable("backup", f"{path}: {why}") from error


def digest(path: str) -> str:
    """The SHA-256 of a file that nobody has open."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pages(source: sqlite3.Connection, to: str, stop: Callable[[], bool]) -> None:
    """All pages that ``source`` sees in its transaction."""

    def look(_status: int, _left: int, _all: int) -> None:
        if stop():
            raise Unavailable("backup", "it was stopped")

    with closing(sqlite3.connect(to, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode=OFF")  # what fails is thrown away as a whole
        target.execute("PRAGMA synchronous=OFF")  # synced at its end
        source.backup(target, pages=_PAGES, progress=look, sleep=0)


def _rows(connection: sqlite3.Connection) -> Mapping[str, int]:
    names = "SELECT name FROM sqlite_master WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    found = {}
    for (name,) in connection.execute(names).fetchall():
        (found[str(name)],) = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608  # its own table
    return found


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _shown(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{number} in {table}" for table, number in rows.items())
