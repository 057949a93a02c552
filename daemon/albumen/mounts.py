"""What kind of file system a path lies on, from the table of mounts, and how much room it has; nothing is opened."""

import os
import re

# Changes made by other machines raise no event here: these are walked every minute.
_REMOTE = frozenset({
    "9p", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip

_FLOOR = 1 << 30  # bytes kept free, or 5 % of a small disk


def lacks_room(path: str, size: int = 0, floor: int | None = None) -> str:
    """A sentence when ``size`` more bytes would leave less than the floor on the disk of a path, else "". ``floor``: bytes kept
    free, None = 1 GiB or 5 % of the disk, the smaller of both; 0 = none. ``OSError``."""
    if floor == 0:
        return ""
    status = os.statvfs(path)
    kept = min(_FLOOR, status.f_blocks * status.f_frsize // 20) if floor is None else floor
    free = status.f_bavail * status.f_frsize - size
    if free >= kept:
        return ""
    return f"less than {_shown(kept)} would stay free on the disk of {path}; free some space"


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


def _shown(size: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"
