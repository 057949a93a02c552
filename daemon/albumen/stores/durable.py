"""Which syncs make files and names durable, shared by file system."""

import os
from collections.abc import Callable, Iterable, Sequence

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

    def _shared(self, folders: Iterable[str], alone: Callable[[Sequence[str]], None]) -> None:
        """One shared sync for each file system that these folders lie on; of one that is gone, for what is above it."""
        devices: dict[int, list[str]] = {}
        for folder in folders:
            there, device = self._nearest(folder)
            devices.setdefault(device, []).append(there)
        for members in devices.values():
            with self._tree.folder(members[0], os.O_RDONLY) as fd:
                self._syncs.wait(fd, lambda members=members: alone(members))  # type: ignore[misc]  # bound now, not later

    def _nearest(self, folder: str) -> tuple[str, int]:
        while True:
            try:
                with self._tree.folder(folder) as fd:
                    return folder, os.fstat(fd).st_dev
            except (FileNotFoundError, NotADirectoryError):
                if not folder:
                    raise
                folder = folder_of(folder)

    def _fsync(self, folders: Sequence[str]) -> None:
        """Each folder, and those above it that got a name lately: a folder whose own name is lost takes its files with it."""
        done: set[str] = set()
        for folder in folders:
            here, asked = folder, True
            while here not in done:
                done.add(here)
                with self._tree.folder(here, os.O_RDONLY) as fd:
                    if asked or abs(self._clock() - os.fstat(fd).st_ctime_ns) < _FRESH:
                        os.fsync(fd)
                here, asked = folder_of(here), False
