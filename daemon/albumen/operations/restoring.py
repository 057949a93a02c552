"""``restore``: the databases of a backup in the place of the present ones, which are kept aside. All of them or none.

The copies are brought beside their places and made durable first; then a journal, ``restore.json``, says that they count. From
there on the swap is only finished, by whoever opens the state directory next. What is swapped moves by renaming: nothing is
overwritten, and a set is never mixed.

A catalog ``elsewhere``, which is no file of the state directory, is written aside first as a backup has it, and filled once the journal
says so: records that are not in the backup go, the others are as they were. Who is cut off there, or finds its server away, leaves the
rest to whoever opens next. A backup of one engine can be put into another one.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import asdict, dataclass

from albumen import sqlite_file
from albumen.catalogs import sqlite_schema
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.errors import AlbumenError, NotFound, Rejected, Unavailable, UsageError
from albumen.ledgers import rows as ledger_rows
from albumen.operations import backing, dumping, engines
from albumen.operations.backing import CATALOG, LEDGER, Backup, sync, write_down
from albumen.operations.engines import Home
from albumen.owners import StateLock
from albumen.ports import Catalog
from albumen.queues import rows as queue_rows

Elsewhere = Callable[[], AbstractContextManager[Catalog]]  # opens the catalog that is no file here

BEFORE_UPGRADE = "before-upgrade"  # in the state directory: see ``opening``
SCHEMAS: Mapping[str, int] = {  # what this program knows, in the order in which they are copied
    LEDGER: len(ledger_rows.SCHEMA),
    CATALOG: len(sqlite_schema.SCHEMA),
    "state.db": len(queue_rows.SCHEMA),
}
STATE = "state.db"
_JOURNAL = "restore.json"
_FRESH = ".restore"


@dataclass(frozen=True)
class Restored:
    """What was, or would be done: ``aside`` is where the databases that were there are kept, "" when there were none."""

    backup: Backup
    aside: str


def find(state: str, folder: str, which: str) -> Backup:
    """``newest``, a path (also one from the state directory on: ``before-upgrade/…``), or the name of a backup in the folder.
    ``NotFound``."""
    if which == "newest":
        found = backing.listed(folder)
        if not found:
            raise NotFound(f"there is no backup in {folder}: name one by its path")
        return found[0]
    paths = (which, os.path.join(folder, which), os.path.join(state, which))
    for path in paths:
        if backup := backing.read(os.path.abspath(path)):
            return backup
    raise NotFound(f"{which} is no whole backup: `albumen backup --list` tells which there are")


def databases(*, embedded: bool) -> tuple[str, ...]:
    """The files of a state directory, in the order in which they are copied; the catalog's only where it is ``embedded``."""
    return tuple(name for name in SCHEMAS if embedded or name != CATALOG)


def records_in(backup: Backup) -> str:
    """Which of its files has the records; "" when none has, as in what is kept before an upgrade while the catalog is elsewhere."""
    return next((name for name in (CATALOG, dumping.NAME) if name in backup.files), "")


def check(backup: Backup, *, embedded: bool = True) -> None:
    """``UsageError`` when a newer program made it; ``Rejected`` when it is not sound, or lacks what must be in it."""
    known = {**SCHEMAS, dumping.NAME: dumping.SCHEMA}
    unknown = sorted(set(backup.files) - set(known))
    for name, one in backup.files.items():
        if name in known and one.schema > known[name]:
            raise UsageError(
                f"{backup.path} was made by a newer albumen ({backup.program}; {name} has schema {one.schema}, this program knows "
                f"{known[name]}): install that one, or take an older backup (albumen backup --list)"
            )
    alone = not embedded and STATE in backup.files
    if unknown or LEDGER not in backup.files or not (records_in(backup) or alone):
        raise Rejected(
            f"{backup.path} holds {', '.join(sorted(backup.files))}, not ledger.db and catalog.db: take another backup"
        )
    backing.check(backup)


def preview(state: str, backup: Backup, *, embedded: bool = True, clock: Callable[[], int] = time.time_ns) -> Restored:
    """What ``restore`` would do; checks the backup as it does. Changes nothing."""
    check(backup, embedded=embedded)
    return Restored(backup, _aside(state, clock()) if _present(state) or not embedded else "")


def restore(
    state: str,
    backup: Backup,
    lock: StateLock,
    *,
    elsewhere: Elsewhere | None = None,
    home: Home = engines.HERE,
    clock: Callable[[], int] = time.time_ns,
) -> Restored:
    """Do it; the catalog is in ``home`` then, wherever it was. ``UsageError`` while albumen runs there; ``Unavailable`` (a full disk, or
    the catalog elsewhere is away) when nothing was changed, or when it says that the rest is to come."""
    lock.alone("restore")
    finish(state, elsewhere)
    found = preview(state, backup, embedded=elsewhere is None, clock=clock)
    aside = found.aside or _aside(state, clock())
    told: dict[str, object] = {"backup": backup.path, "aside": os.path.basename(aside), "home": asdict(home)}
    try:
        _bring(state, backup)
        if elsewhere is None:
            _embed(os.path.join(state, _FRESH))
            told["files"] = sorted({CATALOG, *backup.files} - {dumping.NAME})
        else:
            told |= {"names": databases(embedded=False), "catalog": records_in(backup)}
            told["files"] = sorted(set(backup.files) & set(databases(embedded=False)))
            if told["catalog"]:
                _save_aside(elsewhere, aside)
        write_down(os.path.join(state, _JOURNAL), told, draft=os.path.join(state, _FRESH, _JOURNAL))
    except (OSError, AlbumenError) as error:
        shutil.rmtree(os.path.join(state, _FRESH), ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError):
            raise Unavailable("restore", f"nothing was changed: {error.strerror} ({state})") from error
        if isinstance(error, Unavailable):
            raise Unavailable(error.place, f"nothing was changed: {error.why}") from error
        raise
    finish(state, elsewhere)
    return found


def exchange(state: str, fresh: str, names: Sequence[str], aside: str, at: int) -> str:
    """Put the databases of these names that lie in a folder of the state directory, closed, in the place of the present ones, all or
    none; the folder is gone then. For who has the state directory alone. The folder ``<aside>-<time>`` that keeps what was there; ""
    when nothing was. ``Unavailable``: nothing was changed."""
    where = _aside(state, at, aside)
    present = any(os.path.exists(os.path.join(state, name)) for name in names)
    told = {"aside": os.path.basename(where), "files": sorted(names), "names": sorted(names)}
    try:
        for name in names:
            _sync_file(os.path.join(fresh, name))
        sync(fresh)
        shutil.rmtree(os.path.join(state, _FRESH), ignore_errors=True)
        os.rename(fresh, os.path.join(state, _FRESH))
        sync(state)
        write_down(os.path.join(state, _JOURNAL), told, draft=os.path.join(state, _FRESH, _JOURNAL))
    except OSError as error:
        raise Unavailable("state", f"nothing was changed: {error.strerror} ({state})") from error
    finish(state)
    return where if present else ""


def is_unfinished(state: str) -> bool:
    """Whether a restore was interrupted that counts already."""
    return os.path.exists(os.path.join(state, _JOURNAL))


def has_leftovers(state: str) -> bool:
    """Whether one was interrupted at all: ``finish`` tidies up, too."""
    return is_unfinished(state) or os.path.exists(os.path.join(state, _FRESH))


def finish(state: str, elsewhere: Elsewhere | None = None) -> None:
    """Put in place what a journal says, if there is one; for who has the state directory alone. Twice is harmless. ``Unavailable`` while
    the catalog elsewhere that it needs is away."""
    fresh, journal = os.path.join(state, _FRESH), os.path.join(state, _JOURNAL)
    if is_unfinished(state):
        with open(journal, encoding="ascii") as file:
            told = json.load(file)
        aside = os.path.join(state, told["aside"])
        os.makedirs(aside, exist_ok=True)
        for name in told.get("names", SCHEMAS):
            _swap(state, name, fresh if name in told["files"] else "", aside)
        sync(aside)
        sync(state)
        if told.get("catalog"):
            _refill(elsewhere, os.path.join(fresh, told["catalog"]), os.path.join(aside, dumping.NAME))
        if "home" in told:
            engines.settle(state, Home(**told["home"]))
        with suppress(OSError):
            os.rmdir(aside)  # when nothing was there
        os.unlink(journal)
        sync(state)
    shutil.rmtree(fresh, ignore_errors=True)


def _bring(state: str, backup: Backup) -> None:
    fresh = os.path.join(state, _FRESH)
    shutil.rmtree(fresh, ignore_errors=True)
    os.mkdir(fresh)
    for name, kept in backup.files.items():
        path = os.path.join(fresh, name)
        shutil.copyfile(os.path.join(backup.path, name), path)
        _sync_file(path)
        if sqlite_file.digest(path) != kept.sha256:
            shutil.rmtree(fresh, ignore_errors=True)
            raise Rejected(f"{path} reads back other bytes than were written; nothing was changed: check the disk and its memory")
    sync(fresh)
    sync(state)


def _embed(fresh: str) -> None:
    """Records of a backup from elsewhere become a database."""
    records = os.path.join(fresh, dumping.NAME)
    if not os.path.exists(records):
        return
    path = os.path.join(fresh, CATALOG)
    with closing(SqliteCatalog(path)) as catalog:
        dumping.fill(catalog, dumping.read(records))
        catalog.database.checkpoint()
    for name in (dumping.NAME, f"{CATALOG}-wal", f"{CATALOG}-shm", f"{CATALOG}.lock"):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(fresh, name))
    _sync_file(path)
    sync(fresh)


def _save_aside(elsewhere: Elsewhere, aside: str) -> None:
    os.mkdir(aside)
    with elsewhere() as catalog:
        dumping.write(dumping.carrying(catalog), os.path.join(aside, dumping.NAME))
    sync(aside)
    sync(os.path.dirname(aside))


def _refill(elsewhere: Elsewhere | None, records: str, aside: str) -> None:
    if elsewhere is None:
        raise UsageError(
            f"a restore into a catalog elsewhere was interrupted, and [catalog] names it no more: name it again, `albumen status` goes on "
            f"then; what it held before is kept in {aside}"
        )
    try:
        with elsewhere() as catalog:
            dumping.replace(catalog, lambda: dumping.read(records))
    except Unavailable as error:
        why = f"the restore goes on with the next command, once it answers: {error.why}"
        raise Unavailable(error.place, why, retry_after=error.retry_after, auth=error.auth) from error


def _sync_file(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _swap(state: str, name: str, fresh: str, aside: str) -> None:
    """One database goes aside; its new file comes, if it gets one. What was done before a kill is not done again."""
    new = os.path.join(fresh, name)
    if fresh and not os.path.exists(new):
        return
    path = os.path.join(state, name)
    for ending in ("", "-wal"):
        with suppress(FileNotFoundError):
            os.rename(path + ending, os.path.join(aside, name + ending))
    with suppress(FileNotFoundError):
        os.unlink(path + "-shm")
    if fresh:
        sync(aside)
        sync(state)  # a power cut must not leave the old log beside the new file
        os.rename(new, path)


def _present(state: str) -> bool:
    return any(os.path.exists(os.path.join(state, name)) for name in SCHEMAS)


def _aside(state: str, at: int, what: str = "before-restore") -> str:
    path = first = os.path.join(state, f"{what}-{backing.stamp(at)}")
    number = 1
    while os.path.lexists(path):
        number += 1
        path = f"{first}-{number}"
    return path
