"""A folder and what lies below it, reached part by part without ever following a symlink.

Every call enters by the root anew, so that a disk that was unmounted is noticed: what is then done happens in the very tree that
was proven.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from albumen.errors import Rejected
from albumen.stores import kernel
from albumen.stores.paths import folder_of

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 5  # a folder that somebody removes just when it was made is made again


class Tree:
    """``enter(flags)`` gives a new descriptor of the proven root (see ``Mount.open``); what it raises reaches the caller."""

    def __init__(self, root: str, enter: Callable[[int], int]) -> None:
        self.root = root
        self._enter = enter

    @contextmanager
    def folder(self, path: str, flags: int = os.O_PATH, *, make: bool = False, mode: int = 0o777) -> Iterator[int]:
        """A descriptor of a folder. ``make`` makes it, and those above it, when it is not there; ``Rejected`` when a
        file lies where it is needed. ``OSError`` as the kernel says."""
        fd = self._open(path, flags, make, mode)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder in which ``path`` lies and its name there."""
        with self.folder(folder_of(path), make=make) as fd:
            yield fd, path.rpartition("/")[2]

    def stat(self, path: str) -> os.stat_result:
        """What lies there; a symlink is looked at itself."""
        with self.parent(path) as (fd, name):
            return os.stat(name, dir_fd=fd, follow_symlinks=False)

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of a regular file, for the caller to close. ENOENT for anything else: a FIFO blocks nobody."""
        with self.parent(path) as (fd, name):
            regular(os.stat(name, dir_fd=fd, follow_symlinks=False))
            file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
        try:
            regular(os.fstat(file))
        except OSError:
            os.close(file)
            raise
        return file

    def _open(self, path: str, flags: int, make: bool, mode: int) -> int:  # noqa: FBT001  # the keywords of ``folder``
        if path == "":
            return self._enter(flags)
        root = self._enter(os.O_PATH)
        try:
            for _ in range(_TRIES if make else 0):
                with suppress(FileNotFoundError):
                    return _below(root, path, flags)
                with suppress(FileNotFoundError):
                    _make(root, path, mode)
            return _below(root, path, flags)
        except NotADirectoryError:
            if not make:
                raise
            raise Rejected(f"{path}: a file lies where a folder is needed; move it or choose another name") from None
        finally:
            os.close(root)


def regular(status: os.stat_result) -> os.stat_result:
    """The status itself when it is a regular file's, else ENOENT."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return status


def _below(root: int, path: str, flags: int) -> int:
    """In one call where the kernel can; part by part before Linux 5.6, under a filter that forbids it (EPERM), and for paths
    beyond PATH_MAX."""
    try:
        return kernel.open_beneath(root, path, flags | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EPERM, errno.ENAMETOOLONG}:
            raise
    return _walk(root, path, flags)


def _walk(root: int, path: str, flags: int) -> int:
    above, _, name = path.rpartition("/")
    fd = os.dup(root)
    try:
        for part in above.split("/") if above else ():
            lower = os.open(part, os.O_PATH | _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = lower
        return os.open(name, flags | _FOLDER, dir_fd=fd)
    finally:
        os.close(fd)


def _make(root: int, path: str, mode: int) -> None:
    fd = os.dup(root)
    try:
        for part in path.split("/"):
            with suppress(FileExistsError):
                os.mkdir(part, mode, dir_fd=fd)
            lower = os.open(part, os.O_PATH | _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = lower
    finally:
        os.close(fd)
