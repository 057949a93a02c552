"""May what is no longer there be forgotten? Guards against an empty or foreign place that looks like a deletion."""

import json
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a folder from another one at the same path: its inode and its file system's id (0 = the system gives none)."""

    ino: int
    fsid: int

    def text(self) -> str:
        """As it is kept in a source's cursor."""
        return json.dumps({"fsid": self.fsid, "ino": self.ino})

    def is_same(self, other: "Identity") -> bool:
        """Whether both are the same folder. A file system that gives no id is known by the inode alone."""
        return self.ino == other.ino and (self.fsid == other.fsid or not self.fsid or not other.fsid)


def identity_of(path: str) -> Identity:
    """The folder as it is now. ``OSError``."""
    return Identity(os.stat(path).st_ino, os.statvfs(path).f_fsid)


def identity_at(path: str) -> Identity | None:
    """As ``identity_of``; None when it cannot be looked at."""
    try:
        return identity_of(path)
    except OSError:
        return None


def kept_identity(cursor: str) -> Identity | None:
    """The identity in a cursor; None when nothing was kept yet."""
    if not cursor:
        return None
    kept = json.loads(cursor)
    return Identity(int(kept["ino"]), int(kept["fsid"]))


def is_landslide(lost: int, total: int) -> bool:
    """More than max(50 files, 5 %), or more than half of at least 4, are too many to be believed without being asked."""
    return lost > max(50, total * 0.05) or (total >= 4 and lost * 2 > total)
