"""Is somebody writing this file now? The kernel knows, where it can lease files."""

import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from albumen.model import Ref
from albumen.stores.looking import rev_of


@contextmanager
def opened(ref: Ref) -> Iterator[BinaryIO | None]:
    """The file behind a ``disk`` ref for reading, or None when it is no longer the one that was looked at. Never blocks and never
    follows a link at the last part of the path. Raises ``OSError`` when it cannot be opened."""
    fd = os.open("/" + ref.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(fd, "rb") as file:
        yield file if rev_of(os.fstat(fd)) == ref.rev else None


def being_written(file: BinaryIO) -> bool:
    """Whether a process of this machine has the open file open for writing (also by a writable mapping). False where the file
    system or our rights cannot tell (network mounts, another owner's file): then the time rule decides alone."""
    fd = file.fileno()
    try:
        # The kernel tells the holder of a lease when somebody opens the file, by default with SIGIO, which ends a process
        # (seen: exit 157). SIGURG is ignored unless asked for, so an opener in this very instant does us no harm.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
