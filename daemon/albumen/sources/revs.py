"""Files of this machine as refs of the ``disk`` store."""

import os
import stat

from albumen.model import DISK, Ref
from albumen.stores.looking import rev_of


def ref_of(path: str, status: os.stat_result) -> Ref:
    """The ``disk`` ref of an absolute path."""
    mode = stat.S_IMODE(status.st_mode)
    return Ref(DISK, path.lstrip("/"), rev_of(status), status.st_size, status.st_mtime_ns, mode)
