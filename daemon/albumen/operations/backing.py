"""Backups of catalog and ledger: folders named by their UTC time, each whole and checked, the oldest removed beyond what is kept.

``<backups>/2026-11-21T03-00-00Z/`` holds ``catalog.db``, ``ledger.db`` and ``manifest.json``; where the catalog is no file of the state
directory, all its records (``dumping``) instead of ``catalog.db``. A folder without a manifest that can be read is none of ours: it is
not listed, not counted and never removed.
"""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import albumen
from albumen import sqlite_file
from albumen.errors import Rejected, Unavailable
from albumen.jsonable import from_json
from albumen.operations import dumping
from albumen.ports import Catalog
from albumen.sqlite_file import Copied, never

MANIFEST = "manifest.json"
# The catalog is written before a deed is settled: copied in this order, no deed of the copies is done without its record.
LEDGER, CATALOG = "ledger.db", "catalog.db"
PRECIOUS = (LEDGER, CATALOG)
_DUE = (24 * 3600 - 1800) * 10**9  # ns; asked every hour, it comes at the same hour each day and does not drift
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(?:-\d+)?", re.ASCII)
_DRAFT = ".part"
_ROOM = 4 << 20  # bytes that stay free beside a backup: the databases may lie on the same disk


@dataclass(frozen=True)
class Backup:
    """One whole backup: ``at`` in ns, the program that made it, and its databases by file name."""

    path: str
    at: int
    program: str
    files: Mapping[str, Copied]

    @property
    def name(self) -> str:
        """The last part of its path, which ``albumen restore`` takes."""
        return os.path.basename(self.path)

    @property
    def size(self) -> int:
        """Bytes of its databases."""
        return sum(one.size for one in self.files.values())


def listed(folder: str) -> Sequence[Backup]:
    """Every whole backup in a folder, newest first; none where there is no folder."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = [read(os.path.join(folder, name)) for name in names if _NAME.fullmatch(name)]
    return sorted((one for one in found if one is not None), key=lambda one: (one.at, one.name), reverse=True)


def newest(folder: str) -> int | None:
    """When the newest whole backup in a folder was made, in ns; None when there is none."""
    found = listed(folder)
    return found[0].at if found else None


def due(folder: str, now: int) -> bool:
    """Whether it is time: about a day went by since the newest backup, or it has a time to come (the clock was wrong once)."""
    last = newest(folder)
    return last is None or not 0 <= now - last < _DUE


def read(path: str) -> Backup | None:
    """The backup at a path by its manifest, its files there at full size; None when it is none. Contents are not read."""
    try:
        with open(os.path.join(path, MANIFEST), encoding="ascii") as file:
            told = json.load(file)
        files = {name: from_json(Copied, one) for name, one in told["files"].items() if name == os.path.basename(name)}
        whole = files and all(os.path.getsize(os.path.join(path, name)) == one.size for name, one in files.items())
        return Backup(path, int(told["at"]), str(told["program"]), files) if whole else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def check(backup: Backup) -> None:
    """``Rejected`` unless every database in it is what it was when it was made, and sound."""
    for name, kept in backup.files.items():
        path = os.path.join(backup.path, name)
        try:
            if sqlite_file.digest(path) != kept.sha256:
                raise Rejected(f"{path} is not what it was when the backup was made: take another backup (albumen backup --list)")
            found = dumping.examine(path) if name == dumping.NAME else sqlite_file.examine(path)
        except (Unavailable, OSError) as error:
            raise Rejected(f"{error}: take another backup (albumen backup --list)") from error
        if found != (kept.schema, kept.rows):
            raise Rejected(f"{path} holds other tables than its manifest says: take another backup (albumen backup --list)")


def remedy(folder: str) -> str:
    """How a person gets a lost or broken database back: names the newest backup."""
    found = listed(folder)
    if not found:
        return f"put it back from a backup of yours (there is none of albumen's in {folder})"
    return f"`albumen restore newest` puts back the backup {found[0].path}"


# ------------------------------------------------------------------------------------------------------------------- making


def backup(
    state: str,
    folder: str,
    *,
    keep: int | None = None,
    elsewhere: Catalog | None = None,
    clock: Callable[[], int] = time.time_ns,
    stop: Callable[[], bool] = never,
) -> Backup:
    """Make one now, while everything runs, of the catalog ``elsewhere`` if it is no file here; then only the newest ``keep`` stay (None = all), this one in any case. ``Unavailable``:
    nothing was made, nothing half is left, and nothing was removed. Two at once: the second is refused, as is one while a database is
    missing: it would push out those that have it."""
    names = [name for name in PRECIOUS if elsewhere is None or name != CATALOG]
    gone = [name for name in names if not os.path.exists(os.path.join(state, name))]
    if gone:
        why = f"there is no {' and no '.join(gone)} in {state} to save"
        raise Unavailable("backup", f"{why}: {remedy(folder)}" if listed(folder) else why)
    made = save(state, folder, names, elsewhere=elsewhere, clock=clock, stop=stop)
    if keep is not None:
        prune(folder, keep, made)
    return made


def daily(
    state: str, folder: str, keep: int, elsewhere: Catalog | None = None, *, clock: Callable[[], int], stop: Callable[[], bool]
) -> str | None:
    """Make one when a day went by since the newest; a sentence about it. ``Unavailable`` as ``backup``. Asked every hour, the newest
    is never older than 24.5 h and what it takes to make one."""
    if not due(folder, clock()):
        return None
    made = backup(state, folder, keep=keep, elsewhere=elsewhere, clock=clock, stop=stop)
    return f"catalog and ledger are saved in {made.path}"


def save(
    state: str,
    folder: str,
    names: Sequence[str],
    *,
    elsewhere: Catalog | None = None,
    clock: Callable[[], int] = time.time_ns,
    stop: Callable[[], bool] = never,
) -> Backup:
    """A backup of those databases of a state directory that are there, in this order, and of a catalog ``elsewhere`` after them.
    ``Unavailable`` as ``backup``."""
    names = [name for name in names if os.path.exists(os.path.join(state, name))]
    draft = ""
    try:
        with _only_one(state):
            os.makedirs(folder, exist_ok=True)
            _sweep(folder)
            before = next(iter(listed(folder)), None) if elsewhere else None
            _has_room(state, folder, names, before)
            at = clock()
            path = _free_name(folder, at)
            draft = _draft(path)
            os.mkdir(draft)
            files = {name: sqlite_file.copy(os.path.join(state, name), os.path.join(draft, name), stop=stop) for name in names}
            if elsewhere is not None:
                files[dumping.NAME] = _records(elsewhere, draft, before, stop)
            made = Backup(path, at, albumen.__version__, files)
            _write(draft, made)
            os.rename(draft, path)
            sync(folder)
            return made
    except OSError as error:
        raise Unavailable("backup", f"{error.strerror} ({os.fsdecode(error.filename or folder)})") from error
    finally:
        if draft:
            shutil.rmtree(draft, ignore_errors=True)  # when it was not given its name


def _records(catalog: Catalog, draft: str, before: Backup | None, stop: Callable[[], bool]) -> Copied:
    """All of them, unless there are none any more: that is no catalog to keep, and it would push out those that have some."""
    copied = dumping.write(dumping.carrying(catalog), os.path.join(draft, dumping.NAME), stop=stop)
    had = 0 if before is None else max(one.rows.get("record", 0) for one in before.files.values())
    if had and not copied.rows["record"]:
        why = f"the catalog holds nothing any more, and the newest backup {had} records: `albumen restore newest` puts them back"
        raise Unavailable("backup", why)
    return copied


def prune(folder: str, keep: int, made: Backup) -> Sequence[Backup]:
    """Remove the oldest beyond ``keep``, never ``made``; which they were. What cannot be removed stays for the next time."""
    old = [one for one in listed(folder)[max(keep, 1) :] if one.path != made.path]
    for one in old:
        with suppress(OSError):
            os.rename(one.path, _draft(one.path))  # half removed, it is no backup any more
    _sweep(folder)
    return old


def sync(folder: str) -> None:
    """The names in a folder are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def stamp(at: int) -> str:
    """A time in ns as the name of a folder."""
    return datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


def _draft(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}{_DRAFT}")


def _free_name(folder: str, at: int) -> str:
    path = first = os.path.join(folder, stamp(at))
    number = 1
    while os.path.lexists(path):
        number += 1
        path = f"{first}-{number}"
    return path


def _write(draft: str, made: Backup) -> None:
    told = {"at": made.at, "program": made.program, "files": {name: asdict(one) for name, one in made.files.items()}}
    with open(os.path.join(draft, MANIFEST), "x", encoding="ascii") as file:
        json.dump(told, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    sync(draft)


@contextmanager
def _only_one(state: str) -> Iterator[None]:
    """``Unavailable`` while another process or thread makes one."""
    fd = os.open(os.path.join(state, "backup.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Unavailable("backup", "another one is being made just now") from None
    finally:
        os.close(fd)


def _sweep(folder: str) -> None:
    """What a killed backup left."""
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(_DRAFT) and _NAME.fullmatch(name[1 : -len(_DRAFT)]):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _has_room(state: str, folder: str, names: Sequence[str], before: Backup | None) -> None:
    files = [os.path.join(state, name + ending) for name in names for ending in ("", "-wal")]
    wanted = sum(os.path.getsize(one) for one in files if os.path.exists(one)) + _ROOM
    if before and dumping.NAME in before.files:  # how much it will be is not known; about as much as the last time
        wanted += before.files[dumping.NAME].size * 5 // 4
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < wanted:
        raise Unavailable(
            "backup",
            f"{wanted // (1 << 20) + 1} MiB are needed in {folder} and {free // (1 << 20)} MiB are free: free some space, or set "
            "[state] backups to a folder on another disk",
        )


def write_down(path: str, told: Mapping[str, object], *, draft: str = "") -> None:
    """A durable file with this JSON, there whole or not at all; written under the name ``draft`` first."""
    draft = draft or f"{path}.draft"
    with open(draft, "w", encoding="ascii") as file:
        json.dump(told, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
    sync(os.path.dirname(path))
