"""Files of this machine as refs of the ``disk`` store."""

import os
import stat

from albumen.model import DISK, Ref, Rev


def rev_of(status: os.stat_result) -> Rev:
    """The revision that local stores give: inode, size, modified and changed time."""
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ctime_ns:x}"


def ref_of(path: str, status: os.stat_result) -> Ref:
    """The ``disk`` ref of an absolute path."""
    mode = stat.S_IMODE(status.st_mode)
    return Ref(DISK, path.lstrip("/"), rev_of(status), status.st_size, status.st_mtime_ns, mode)
