"""What comes before the databases of a state directory are opened: an interrupted restore is finished, a copy is kept before an
upgrade, and a precious one that is missing is told instead of being made anew and empty.

``before-upgrade/<UTC time>/`` in the state directory is a backup like any other, of all three databases, so that `albumen restore`
takes it. While ``upgrade.json`` is there, that copy stands and the upgrade is not finished: a killed one goes on.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from albumen import sqlite_file
from albumen.errors import AlbumenError, ConfigError, Unavailable, UsageError
from albumen.operations import backing, engines, restoring
from albumen.operations.engines import HERE, Home
from albumen.operations.restoring import BEFORE_UPGRADE, SCHEMAS, Elsewhere, databases
from albumen.owners import Owners, StateLock

_MARK = "upgrade.json"
_COPIES = 2  # sets of copies made before an upgrade that stay


@contextmanager
def standing(state: str) -> Iterator[StateLock]:
    """The lock alone, for who does not open the databases. ``ConfigError`` where there is no state directory."""
    if not os.path.isdir(state):
        raise ConfigError([f"there is no state directory {state}: nothing was ever kept there"])
    owners = Owners(state)
    lock = StateLock(state, owners)
    try:
        yield lock
    finally:
        lock.close()
        owners.close()


def enter(
    state: str,
    folder: str,
    owners: Owners,
    *,
    elsewhere: Elsewhere | None = None,
    home: Home = HERE,
    clock: Callable[[], int] = time.time_ns,
) -> StateLock:
    """The lock that whoever opens the databases holds; when ``has_opened`` was called, others may share it. ``folder`` holds the
    backups, ``elsewhere`` opens the catalog where it is no database here, ``home`` is where the settings want it. ``UsageError`` or
    ``Unavailable``: they cannot be opened, and nothing was changed."""
    names = databases(embedded=elsewhere is None)
    lock = StateLock(state, owners)
    try:
        lock.share()
        if not restoring.is_unfinished(state):  # it says where the catalog is
            engines.agree(state, home)
        if restoring.has_leftovers(state) or _is_older(state, names) or os.path.exists(os.path.join(state, _MARK)):
            lock.alone("an upgrade of the databases")
            restoring.finish(state, elsewhere)
            engines.agree(state, home)
            if _is_older(state, names):
                _keep(state, names, clock)
        _all_there(state, folder, names)
    except BaseException:
        lock.close()
        raise
    return lock


def has_opened(state: str, lock: StateLock) -> None:
    """The databases are open, so an upgrade of them is finished. Twice is harmless."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(state, _MARK))
    lock.share()


def peek(state: str, folder: str, *, embedded: bool = True, home: Home = HERE) -> None:
    """For who only copies the databases: ``UsageError`` when what is there cannot be opened as it is."""
    if restoring.is_unfinished(state):
        raise UsageError(f"a restore in {state} was interrupted: `albumen status` finishes it")
    engines.agree(state, home, keep=False)
    _all_there(state, folder, databases(embedded=embedded))


def remedy(state: str, folder: str, name: str) -> str:
    """How a person gets a database back that is lost or broken, or that a newer program wrote."""
    copies = backing.listed(os.path.join(state, BEFORE_UPGRADE))
    for one in copies if _schema(os.path.join(state, name)) > SCHEMAS[name] else ():
        if all(kept.schema <= SCHEMAS.get(file, 0) for file, kept in one.files.items()):
            return f"`albumen restore {one.path}` puts back what was kept before the upgrade (what came later is found again)"
    if name not in backing.PRECIOUS:
        return f"remove {os.path.join(state, name)}: what was not finished is found again"
    return backing.remedy(folder)


def _keep(state: str, names: Sequence[str], clock: Callable[[], int]) -> None:
    """Copy them all, unless an upgrade that was killed did. ``Unavailable`` where there is no room: nothing was changed."""
    mark = os.path.join(state, _MARK)
    if os.path.exists(mark):
        return
    folder = os.path.join(state, BEFORE_UPGRADE)
    try:
        made = backing.save(state, folder, names, clock=clock)
        backing.prune(folder, _COPIES, made)
        backing.write_down(mark, {"copy": made.name})
    except (AlbumenError, OSError) as error:
        why = error.why if isinstance(error, Unavailable) else error
        raise Unavailable("upgrade", f"no copy of the databases can be kept first, so nothing was changed: {why}") from error


def _is_older(state: str, names: Sequence[str]) -> bool:
    return any(0 < _schema(os.path.join(state, name)) < SCHEMAS[name] for name in names)


def _schema(path: str) -> int:
    """0 where there is none, or none that can be read: who opens it says why."""
    if not os.path.exists(path):
        return 0
    try:
        with closing(sqlite_file.connect(path)) as connection:
            return sqlite_file.version(connection)
    except (sqlite3.Error, OSError):
        return 0


def _all_there(state: str, folder: str, names: Sequence[str]) -> None:
    """``UsageError`` when catalog or ledger is missing although there is a sign that it was there."""
    gone = [name for name in backing.PRECIOUS if name in names and not _has_bytes(os.path.join(state, name))]
    if not gone:
        return
    sign = ""
    if backing.listed(folder):
        sign = f"there are backups in {folder}"
    for name, table in (("catalog.db", "record"), ("ledger.db", "deed")):
        if name in names and name not in gone and _has_rows(os.path.join(state, name), table):
            sign = f"{name} is there and not empty"
    if sign:
        raise UsageError(
            f"{' and '.join(gone)} of {state} {'are' if len(gone) > 1 else 'is'} missing, but {sign}: {backing.remedy(folder)}; to "
            "begin anew without what was known, move that away, too"
        )


def _has_bytes(path: str) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0


def _has_rows(path: str, table: str) -> bool:
    try:
        with closing(sqlite_file.connect(path)) as connection:
            if not sqlite_file.version(connection):
                return False  # another process is making it at this moment
            return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None  # noqa: S608  # own words
    except (sqlite3.Error, OSError):
        return True  # it cannot be read, so it was something
