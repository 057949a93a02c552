"""Which syncs make files and names durable, shared by file system."""

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import partial

from albumen.stores.paths import folder_of
from albumen.stores.syncing import Syncs
from albumen.stores.tree import Tree

_FRESH = 600 * 10**9  # ns; a name that a folder got longer ago was written to the disk by the kernel long since


class Durable:
    """Data and names of one tree. All raise ``OSError`` of a sync that failed."""

    def __init__(self, tree: Tree, syncs: Syncs, clock: Callable[[], int]) -> None:
        self._tree = tree
        self._syncs = syncs
        self._clock = clock

    def data(self, files: Sequence[str]) -> None:
        """The bytes of these files are on the disk."""

        def each(folders: Sequence[str]) -> None:
            for file in files:
                if folder_of(file) in folders:
                    fd = self._tree.open(file)
                    try:
                        os.fdatasync(fd)
                    finally:
                        os.close(fd)

        self._shared({folder_of(file) for file in files}, each)

    def names(self, folders: Iterable[str]) -> None:
        """All names given and removed in these folders, and the folders themselves, are on the disk."""
        self._shared(set(folders), self._fsync)

    def _shared(self, folders: Iterable[str], alone: Callable[[Sequence[str]], bool | None]) -> None:
        """One shared sync for each file system that these folders lie on; of one that is gone, for what is above it."""
        devices: dict[int, tuple[int, list[str]]] = {}
        with ExitStack() as opened:
            for folder in folders:
                there, fd = self._nearest(folder)
                opened.callback(os.close, fd)
                _, members = devices.setdefault(os.fstat(fd).st_dev, (fd, []))
                members.append(there)
            for fd, members in devices.values():
                self._syncs.wait(fd, partial(alone, members))

    def _nearest(self, folder: str) -> tuple[str, int]:
        while True:
            try:
                with self._tree.folder(folder, os.O_RDONLY) as fd:
                    return folder, os.dup(fd)
            except (FileNotFoundError, NotADirectoryError):
                if not folder:
                    raise
                folder = folder_of(folder)

    def _fsync(self, folders: Sequence[str]) -> bool:
        """Each folder, and those above it that got a name lately: a folder whose own name is lost takes its files with it.
        False, and nothing done, where one sync of the whole file system is cheaper (see ``Syncs.wait``)."""
        wanted: dict[str, int] = {}
        with ExitStack() as opened:
            for folder in folders:
                here, asked = folder, True
                while here not in wanted:
                    with suppress(FileNotFoundError, NotADirectoryError):
                        fd = opened.enter_context(self._tree.folder(here, os.O_RDONLY))
                        if asked or abs(self._clock() - os.fstat(fd).st_ctime_ns) < _FRESH:
                            wanted[here] = fd
                    if not here:
                        break
                    here, asked = folder_of(here), False
            if len(wanted) > 1 and self._syncs.can_share(next(iter(wanted.values()))):
                return False
            for fd in wanted.values():
                _fsync(fd)
        return True


def _fsync(folder: int) -> None:
    """Some network and shared file systems sync no folders and say EINVAL: their names are as durable as they can be."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
