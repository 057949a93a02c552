"""What kind of file system a path lies on, from the table of mounts, and how much room it has; nothing is opened."""

import os
import re
from dataclasses import dataclass

# Changes made by other machines raise no event here: these are walked every minute.
_REMOTE = frozenset({
    "9p", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip

# Of those, where SQLite's shared memory works and all its users are on this machine. (Disks under "fuseblk" are of this machine.)
_SHARED_WELL = frozenset({"virtiofs"})

_FLOOR = 1 << 30  # bytes kept free, or 5 % of a small disk


def lacks_room(path: str, size: int = 0, floor: int | None = None) -> str:
    """A sentence when ``size`` more bytes would leave less than the floor on the disk of a path, else "". ``floor``: bytes kept
    free, None = 1 GiB or 5 % of the disk, the smaller of both; 0 = none. ``OSError``."""
    if floor == 0:
        return ""
    free, kept = room(path, floor)
    if free - size >= kept:
        return ""
    return f"less than {shown_size(kept)} would stay free on the disk of {path}; free some space"


def room(path: str, floor: int | None = None) -> tuple[int, int]:
    """The bytes that are free on the disk of a path, and those of them that are kept free. ``floor`` as ``lacks_room`` has it."""
    status = os.statvfs(path)
    kept = min(_FLOOR, status.f_blocks * status.f_frsize // 20) if floor is None else floor
    return status.f_bavail * status.f_frsize, kept


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table: where it is mounted, its file system, which folder of that it shows, and whether writing is forbidden to
    this mount alone (``closed``) or to the whole file system (``read_only``)."""

    point: bytes
    kind: str
    shows: bytes
    closed: bool
    read_only: bool


def tells_everything(path: str, table: str = "/proc/self/mountinfo") -> bool:
    """Whether every change of the file system under a path raises events here: False for network and user-space file systems
    (another host or the program behind them changes files silently) and where nothing is known. ``table`` as in proc(5)."""
    found = mount_of(path, table)
    return found is not None and found.kind not in _REMOTE and not found.kind.startswith("fuse")


def bars_databases(path: str, table: str = "/proc/self/mountinfo") -> str:
    """The kind of file system when databases must not be kept under a path, else "": several machines, or a program of somebody's,
    would change them behind SQLite's back, or its shared memory and locks do not work there. What is not known may keep them."""
    found = mount_of(path, table)
    kind = found.kind if found else ""
    bad = (kind in _REMOTE and kind not in _SHARED_WELL) or (kind.startswith("fuse") and kind != "fuseblk")
    return kind if bad else ""


def mount_of(path: str, table: str = "/proc/self/mountinfo") -> Mount | None:
    """What a path lies on; it need not be there. None where nothing is known. ``table`` as in proc(5)."""
    try:
        with open(table, "rb") as lines:
            mounts = [_mount(line) for line in lines]
    except OSError:
        return None
    real = os.fsencode(os.path.realpath(path)).rstrip(b"/") + b"/"
    # The last of equal mount points hides the others. By path, since stat shows other device numbers than the table on btrfs.
    above = [(len(one.point), row) for row, one in enumerate(mounts) if real.startswith(one.point.rstrip(b"/") + b"/")]
    return mounts[max(above)[1]] if above else None


def _mount(line: bytes) -> Mount:
    """A line of the table; blanks in paths are written as octal."""
    fields, _, rest = line.partition(b" - ")
    (_, _, _, shows, point, options), (kind, _, whole) = fields.split()[:6], rest.split(maxsplit=2)
    read_only = b"ro" in whole.strip().split(b",")
    return Mount(_path(point), kind.decode(), _path(shows), b"ro" in options.split(b",") and not read_only, read_only)


def _path(field: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), field)


def shown_size(size: int) -> str:
    """A number of bytes as a person writes it: "1.5 GiB"."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"
