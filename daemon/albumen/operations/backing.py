"""Backups of catalog and ledger: folders named by their UTC time, each whole and checked, the oldest removed beyond what is kept.

``<backups>/2026-11-21T03-00-00Z/`` holds ``catalog.db``, ``ledger.db`` and ``manifest.json``. A folder without a manifest that can
be read is none of ours: it is not listed, not counted and never removed.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from albumen.jsonable import from_json

MANIFEST = "manifest.json"
_DAY = 24 * 3600 * 10**9
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(?:-\d+)?", re.ASCII)


@dataclass(frozen=True)
class Kept:
    """One database in a backup: its bytes, its schema version, and the rows of each table when it was copied."""

    size: int
    sha256: str
    schema: int
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Backup:
    """One whole backup: ``at`` in ns, the program that made it, and its databases by file name."""

    path: str
    at: int
    program: str
    files: Mapping[str, Kept]

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
    """Whether a day went by since the newest backup, or it has a time to come: the clock was wrong once."""
    last = newest(folder)
    return last is None or not 0 <= now - last < _DAY


def read(path: str) -> Backup | None:
    """The backup at a path by its manifest, its files there at full size; None when it is none. Contents are not read."""
    try:
        with open(os.path.join(path, MANIFEST), encoding="ascii") as file:
            told = json.load(file)
        files = {name: from_json(Kept, one) for name, one in told["files"].items() if name == os.path.basename(name)}
        whole = files and all(os.path.getsize(os.path.join(path, name)) == one.size for name, one in files.items())
        return Backup(path, int(told["at"]), str(told["program"]), files) if whole else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
