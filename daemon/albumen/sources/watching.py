"""Native file system events as hints, where this machine gives them; a walk does the rest."""

import os
import re
import sys
from typing import Protocol

from albumen.sources.hints import Hints

# Changes made by other machines raise no event here: these are walked every minute.
_REMOTE = frozenset({
    "9p", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip


class Watch(Protocol):
    """A running watch of one folder."""

    def is_alive(self) -> bool:
        """False when it ended by itself: its folder was removed."""

    def is_whole(self) -> bool:
        """Whether every folder below is really watched."""

    def close(self) -> None:
        """Stop; returns when its threads ended. Twice is harmless."""


class Watching:
    """At most one watch, begun when it is first needed and again when it died."""

    def __init__(self, hints: Hints, *, recursive: bool) -> None:
        self._hints = hints
        self._recursive = recursive
        self._watch: Watch | None = None
        self._root = ""

    def ensure(self, root: str, *, retry: bool) -> None:
        """Watch this folder from now on. ``retry``: also try again where no watch could be begun."""
        if self._root == root and (not retry if self._watch is None else self._watch.is_alive()):
            return
        self.close()
        self._root = root
        self._watch = watch(root, self._hints, recursive=self._recursive)
        if self._watch is not None:
            self._hints.whole()  # what happened before the watch began was told by nobody

    def sees_everything(self) -> bool:
        """Whether no walk is needed to notice a change."""
        return self._watch is not None and self._watch.is_alive() and self._watch.is_whole() and tells_everything(self._root)

    def close(self) -> None:
        """Stop watching. Twice is harmless."""
        if self._watch is not None:
            self._watch.close()
        self._watch = None
        self._root = ""


def watch(root: str, hints: Hints, *, recursive: bool) -> Watch | None:
    """Begin to watch a folder; None where this machine cannot (no inotify, its limit of watches is used up)."""
    if not sys.platform.startswith("linux"):
        return None
    from albumen.sources.inotify import Inotify

    try:
        return Inotify(root, hints, recursive=recursive)
    except OSError:  # no watches or instances left, or no permission: the walk does it alone
        return None


def tells_everything(path: str, table: str = "/proc/self/mountinfo") -> bool:
    """Whether every change of the file system under a path raises events here: False for network and user-space file systems
    (another host or the program behind them changes files silently) and where nothing is known. ``table`` as in proc(5)."""
    try:
        with open(table, "rb") as lines:
            mounts = [_mount(line) for line in lines]
    except OSError:
        return False
    real = os.fsencode(os.path.realpath(path)).rstrip(b"/") + b"/"
    # The last of equal mount points hides the others. By path, since stat shows other device numbers than the table on btrfs.
    above = [(len(point), row, kind) for row, (point, kind) in enumerate(mounts) if real.startswith(point.rstrip(b"/") + b"/")]
    kind = max(above)[2] if above else "fuse"
    return kind not in _REMOTE and not kind.startswith("fuse")


def _mount(line: bytes) -> tuple[bytes, str]:
    """Mount point and file system type of a line; blanks in paths are written as octal."""
    fields, _, rest = line.partition(b" - ")
    point = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), fields.split()[4])
    return point, rest.split()[0].decode()
