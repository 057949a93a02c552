"""The half of a local store that changes nothing."""

import errno
import io
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from albumen.errors import AlbumenError, Changed, Unavailable
from albumen.model import Item, Proof, Ref, Rev
from albumen.stores import direct
from albumen.stores.paths import OURS, checked, is_ours
from albumen.stores.tree import Tree, regular
from albumen.stores.trouble import guarded, translated

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Looking:
    """``Store`` without put and delete, ``Proves``, ``Local`` and the looks of ``Folders``. ``blind``: None = find out."""

    def __init__(self, name: str, tree: Tree, clock: Callable[[], int], *, direct_reads: bool, blind: bool | None) -> None:
        self.name = name
        self._tree = tree
        self._clock = clock
        self._direct = direct_reads
        self._blind = blind
        self._buffers = direct.Buffers()

    def key(self, path: str) -> str:
        """Byte for byte, or folded and composed where the file system is blind for case (found out once, from the marker)."""
        if self._blind is None:
            self._blind = self._find_blind()
        return unicodedata.normalize("NFC", path.casefold()) if self._blind else path

    def _find_blind(self) -> bool | None:
        with suppress(OSError, AlbumenError), self._tree.folder("") as fd:
            here = os.stat(OURS, dir_fd=fd, follow_symlinks=False)
            try:
                other = os.stat(OURS.upper(), dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                return False
            return os.path.samestat(here, other)
        return None  # not set up yet: asked again

    def list(self, prefix: str = "") -> Iterator[Item]:
        """See ``Store.list``. A folder that cannot be read raises ``Unavailable``; one that vanishes meanwhile held nothing."""
        waiting = [checked(prefix, root=True)]
        while waiting:
            folder = waiting.pop()
            try:
                items, folders = self._look(folder)
            except OSError as error:
                if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                    continue
                if error.errno in {errno.EACCES, errno.EPERM, errno.ELOOP}:
                    why = f"the folder {folder or self._tree.root} cannot be listed: {error.strerror}; check its owner and mode"
                    raise Unavailable(self.name, why) from error
                raise translated(error, self.name, folder) from error
            waiting += (one for one in folders if not is_ours(one + "/", prefix))
            yield from items

    def _look(self, folder: str) -> tuple[Sequence[Item], Sequence[str]]:
        items, folders = [], []
        head = folder + "/" if folder else ""
        with self._tree.folder(folder, os.O_RDONLY) as fd, os.scandir(fd) as entries:
            for one in entries:
                if one.is_dir(follow_symlinks=False):
                    folders.append(head + one.name)
                elif one.is_file(follow_symlinks=False) and not one.name.startswith(OURS + "-"):
                    with suppress(FileNotFoundError):
                        items.append(self._item(head + one.name, one.stat(follow_symlinks=False)))
        return items, folders

    def stat(self, path: str) -> Item:
        """See ``Store.stat``. What is no regular file is not there."""
        with guarded(self.name, checked(path)):
            return self._item(path, regular(self._tree.stat(path)))

    def open(self, path: str, *, rev: Rev | None = None, start: int = 0) -> BinaryIO:
        """See ``Store.open``: a raw file, which reads straight into the caller's buffer."""
        with guarded(self.name, checked(path)):
            fd = self._tree.open(path)
            file = _Reading(fd, self.name, path)
            if rev is not None and rev_of(os.fstat(fd)) != rev:
                file.close()
                raise self._changed(path)
            if start:
                file.seek(start)
            return file

    def prove(self, path: str) -> Proof:
        """See ``Proves.prove``: every byte re-read from the disk. ``Changed`` when it was written to meanwhile."""
        with guarded(self.name, checked(path), reading=True), self._buffers.one() as buffer:
            fd = self._tree.open(path)
            try:
                before = os.fstat(fd)
                digests = direct.prove(fd, before.st_size, buffer, direct=self._direct)
                if rev_of(os.fstat(fd)) != rev_of(before):
                    raise self._changed(path)
            finally:
                os.close(fd)
        return Proof("read", "sha256:" + digests["sha256"], self._clock())

    def local(self, path: str) -> Path:
        """See ``Local.local``. ``NotFound`` when its folder is not there."""
        with guarded(self.name, checked(path)), self._tree.parent(path):
            return Path(self._tree.root, path)

    def folder(self, path: str) -> Ref:
        """See ``Folders.folder``."""
        with guarded(self.name, checked(path, root=True)), self._tree.folder(path) as fd:
            status = os.fstat(fd)
        return Ref(self.name, path, modified=status.st_mtime_ns, mode=stat.S_IMODE(status.st_mode))

    def names(self, path: str) -> Sequence[str]:
        """See ``Folders.names``."""
        with guarded(self.name, path):
            try:
                with self._tree.folder(checked(path, root=True), os.O_RDONLY) as fd:
                    return os.listdir(fd)
            except (FileNotFoundError, NotADirectoryError):
                return ()

    def _item(self, path: str, status: os.stat_result) -> Item:
        mode = stat.S_IMODE(status.st_mode)
        return Item(Ref(self.name, path, rev_of(status), status.st_size, status.st_mtime_ns, mode))

    def _changed(self, path: str) -> Changed:
        return Changed(f"{self.name}:{path}: changed since it was looked at; it was left as it is")


def rev_of(status: os.stat_result) -> Rev:
    """The revision of a file's content state: whatever changes bytes, times or mode changes it."""
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ctime_ns:x}"


class _Reading(io.FileIO):
    """A raw file whose errors are sentences of its own store, wherever it is read."""

    def __init__(self, fd: int, store: str, path: str) -> None:
        super().__init__(fd, "rb")
        self._where = (store, path)

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        with guarded(*self._where, reading=True):
            return cast("int", super().readinto(buffer))

    def read(self, size: int | None = -1, /) -> bytes:
        with guarded(*self._where, reading=True):
            return cast("bytes", super().read(size))

    def readall(self) -> bytes:
        with guarded(*self._where, reading=True):
            return super().readall()
