"""``restore``: the databases of a backup in the place of the present ones, which are kept aside. All of them or none.

The copies are brought beside their places and made durable first; then a journal, ``restore.json``, says that they count. From
there on the swap is only finished, by whoever opens the state directory next. What is swapped moves by renaming: nothing is
overwritten, and a set is never mixed.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from albumen import sqlite_file
from albumen.catalogs import sqlite_schema
from albumen.errors import NotFound, Rejected, Unavailable, UsageError
from albumen.ledgers import rows as ledger_rows
from albumen.operations import backing
from albumen.operations.backing import Backup, sync
from albumen.owners import StateLock
from albumen.queues import rows as queue_rows

BEFORE_UPGRADE = "before-upgrade"  # in the state directory: see ``opening``
SCHEMAS: Mapping[str, int] = {  # what this program knows, in the order in which they are copied
    "ledger.db": len(ledger_rows.SCHEMA),
    "catalog.db": len(sqlite_schema.SCHEMA),
    "state.db": len(queue_rows.SCHEMA),
}
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


def check(backup: Backup) -> None:
    """``UsageError`` when a newer program made it; ``Rejected`` when it is not sound, or lacks what must be in it."""
    unknown = sorted(set(backup.files) - set(SCHEMAS))
    for name, one in backup.files.items():
        if name in SCHEMAS and one.schema > SCHEMAS[name]:
            raise UsageError(
                f"{backup.path} was made by a newer albumen ({backup.program}; {name} has schema {one.schema}, this program knows "
                f"{SCHEMAS[name]}): install that one, or take an older backup (albumen backup --list)"
            )
    if unknown or not set(backing.PRECIOUS) <= set(backup.files):
        raise Rejected(
            f"{backup.path} holds {', '.join(sorted(backup.files))}, not ledger.db and catalog.db: take another backup"
        )
    backing.check(backup)


def preview(state: str, backup: Backup, *, clock: Callable[[], int] = time.time_ns) -> Restored:
    """What ``restore`` would do; checks the backup as it does. Changes nothing."""
    check(backup)
    return Restored(backup, _aside(state, clock()) if _present(state) else "")


def restore(state: str, backup: Backup, lock: StateLock, *, clock: Callable[[], int] = time.time_ns) -> Restored:
    """Do it. ``UsageError`` while albumen runs there; ``Unavailable`` (a full disk) when nothing was changed."""
    lock.alone("restore")
    finish(state)
    found = preview(state, backup, clock=clock)
    aside = found.aside or _aside(state, clock())
    try:
        _bring(state, backup)
        told = {"backup": backup.path, "aside": os.path.basename(aside), "files": sorted(backup.files)}
        write_down(os.path.join(state, _JOURNAL), told, draft=os.path.join(state, _FRESH, _JOURNAL))
    except OSError as error:
        shutil.rmtree(os.path.join(state, _FRESH), ignore_errors=True)
        raise Unavailable("restore", f"nothing was changed: {error.strerror} ({state})") from error
    finish(state)
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


def finish(state: str) -> None:
    """Put in place what a journal says, if there is one; for who has the state directory alone. Twice is harmless."""
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


def write_down(path: str, told: Mapping[str, object], *, draft: str = "") -> None:
    """A durable file with this JSON, there whole or not at all; written under the name ``draft`` first."""
    draft = draft or f"{path}.draft"
    with open(draft, "w", encoding="ascii") as file:
        json.dump(told, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
    sync(os.path.dirname(path))
