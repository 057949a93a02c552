"""Files below a folder of this machine.

New bytes go past the page cache into ``.albumen/incoming/<owner>/`` and get their name by a rename that never replaces; durability
is shared by all threads that wait for it. No symlink is ever followed and no path leaves the root.
"""

import errno
import os
import uuid
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import ClassVar, Literal

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient
from albumen.model import Content, Digests, Item, Owner, Refused, Rev, Staged
from albumen.plugins import Context
from albumen.stores import direct, renaming, sweeping
from albumen.stores.durable import Durable
from albumen.stores.looking import Looking, rev_of
from albumen.stores.mount import Mount
from albumen.stores.paths import OURS, checked, folder_of, name_fits
from albumen.stores.syncing import Syncs
from albumen.stores.tree import Tree
from albumen.stores.trouble import guarded
from albumen.values import Folder

_TRIES = 20  # to give a name in a folder that somebody else removes


@dataclass(frozen=True)
class LocalSettings:
    """``[store.NAME] type = "local"``. ``floor``: bytes kept free (none: 1 GiB or 5 % of the disk, the smaller of both)."""

    root: Folder
    direct: bool = True  # write past the page cache where the file system can
    syncfs: bool = True  # threads that wait at the same time share one sync of the whole file system
    floor: int | None = None
    case: Literal["auto", "blind", "exact"] = "auto"


class LocalStore(Looking):
    """``Store`` with ``Stages``, ``Proves``, ``Folders``, ``Moves``, ``Exchanges``, ``Pings``, ``Guarded`` and ``Local``.

    ``digests``: which are computed of all new bytes (SHA-256 always). ``syncs``: give the same to all local stores of a process,
    so that they share their syncs, too.
    """

    Settings: ClassVar[type] = LocalSettings

    def __init__(
        self,
        name: str,
        settings: LocalSettings,
        context: Context,
        *,
        digests: Sequence[str] = ("sha256",),
        syncs: Syncs | None = None,
    ) -> None:
        self._root = os.path.abspath(settings.root)
        self._settings = settings
        self._me = context.owners.me
        self._names = tuple(digests)
        self._mount = self._mounted(name, context)
        blind = None if settings.case == "auto" else settings.case == "blind"
        super().__init__(name, Tree(self._root, self._mount.open), context.clock, direct_reads=settings.direct, blind=blind)
        self._durable = Durable(self._tree, syncs or Syncs(shared=settings.syncfs), context.clock)
        self._salt = uuid.uuid4().hex[:8]  # two stores of one owner never meet
        self._count = count(1)

    @property
    def root(self) -> str:
        """The absolute path of its folder, for telling whether a file of this machine lies in it."""
        return self._root

    def _mounted(self, name: str, context: Context) -> Mount:
        return Mount(name, self._root, context.state, context.clock, floor=self._settings.floor)

    # ------------------------------------------------------------------------------------------------- bytes first, then names

    def stage(self, data: Content, *, near: str = "") -> Staged:
        """See ``Stages.stage``. ``Unavailable`` when less than the floor would stay free."""
        return self._stage(data, near, self._names)

    def _stage(self, data: Content, near: str, names: Sequence[str]) -> Staged:
        self._mount.establish()
        self._mount.room(data.size or 0)
        token = self._work(near) + ".part"
        with direct.opened(data) as source, guarded(self.name, near or token):
            fd, is_direct = self._create(token)
            try:
                with self._buffers.one() as buffer:
                    done = direct.copy(source, fd, buffer, names, direct=is_direct)
                if data.mode is not None:
                    os.fchmod(fd, data.mode)
                if data.modified is not None:
                    os.utime(fd, ns=(data.modified, data.modified))
            except BaseException:
                self._unlink(token)
                raise
            finally:
                os.close(fd)
        return Staged(self.name, token, done.size, done.digests, done.head, done.tail)

    def _create(self, token: str) -> tuple[int, bool]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        for _ in range(_TRIES):
            with suppress(FileNotFoundError), self._tree.parent(token, make=True) as (folder, name):
                if self._settings.direct:
                    with suppress(OSError):  # EINVAL, after the name was made or before: it cannot
                        return os.open(name, flags | os.O_DIRECT, 0o666, dir_fd=folder), True
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)
                return os.open(name, flags, 0o666, dir_fd=folder), False
        raise self._restless(token)

    def commit(self, staged: Sequence[tuple[Staged, str]]) -> Sequence[Item]:
        """See ``Stages.commit``. ``Transient`` when staged bytes are gone: stage them again."""
        for _, path in staged:
            name_fits(checked(path))
        with guarded(self.name, ""):
            try:
                self._durable.data([one.token for one, _ in staged])
            except FileNotFoundError as error:
                raise Transient(f"{self.name}: staged bytes are gone; they must be staged again") from error
        items: list[Item] = []
        try:
            for one, path in staged:
                items.append(self._give(one, path))
        except AlbumenError:
            for (one, _), item in reversed(list(zip(staged, items, strict=False))):
                self._take_back(one, item)
            raise
        return items

    def sync(self, paths: Iterable[str]) -> None:
        """See ``Stages.sync``; folders that were made for these paths become durable too."""
        folders = {folder_of(checked(path, root=True)) for path in paths}
        with guarded(self.name, ""):
            self._durable.names(folders)

    def discard(self, staged: Staged) -> None:
        """See ``Stages.discard``."""
        with guarded(self.name, staged.token):
            self._unlink(staged.token)

    def put(self, path: str, data: Content, *, expect: Digests | None = None, replace: Rev | None = None) -> Item:
        """See ``Store.put``. ``NotFound`` when there is nothing to ``replace``."""
        name_fits(checked(path))
        staged = self._stage(data, path, [*self._names, *(expect or {})])
        try:
            if any(staged.digests[name] != value for name, value in (expect or {}).items()):
                raise Changed(f"{self.name}:{path}: the bytes that came are not those expected; nothing was stored")
            if replace is None:
                (item,) = self.commit([(staged, path)])
            else:
                item = self._replace(staged, path, replace)
        except BaseException:
            self.discard(staged)
            raise
        self.sync([path])
        return item

    def _replace(self, staged: Staged, path: str, rev: Rev) -> Item:
        taken = Exists(f"{self.name}:{path}: holds another revision than the one to be replaced; look at it again")
        with guarded(self.name, path), self._tree.parent(path) as target:
            self._durable.data([staged.token])
            old = renaming.look(target)
            if rev_of(old) != rev:
                raise taken
            fresh_mark = renaming.mark(self._tree.stat(staged.token))
            aside = self._work(path) + sweeping.aside(renaming.mark(old), fresh_mark)
            self._rename(staged.token, aside)
            with self._tree.parent(aside) as fresh:
                if not renaming.exchange(fresh, target, renaming.mark(old)):
                    os.unlink(fresh[1], dir_fd=fresh[0])
                    raise taken
            return replace(self._item(path, renaming.look(target)), digests=staged.digests)

    def delete(self, path: str, *, rev: Rev | None = None) -> None:
        """See ``Store.delete``. Durable after ``sync``."""
        self._mount.establish()
        with guarded(self.name, checked(path)), self._tree.parent(path) as spot:
            status = renaming.look(spot)
            if rev is None:
                os.unlink(spot[1], dir_fd=spot[0])
                return
            if rev_of(status) != rev:
                raise self._changed(path)
            aside = self._work(path) + sweeping.aside(renaming.mark(status))
            with self._tree.parent(aside, make=True) as other:
                if not renaming.take(spot, other, renaming.mark(status)):
                    raise self._changed(path)

    # ------------------------------------------------------------------------------------------------------ folders, moving

    def mkdir(self, path: str, *, mode: int | None = None, modified: int | None = None) -> None:
        """See ``Folders.mkdir``. ``Rejected`` when a file has this name, or one above it."""
        name_fits(checked(path))
        self._mount.establish()
        with guarded(self.name, path), self._tree.folder(path, os.O_RDONLY, make=True) as fd:
            if mode is not None:
                os.fchmod(fd, mode)
            if modified is not None:
                os.utime(fd, ns=(modified, modified))

    def rmdir(self, path: str) -> bool:
        """See ``Folders.rmdir``. ``Rejected`` for the root."""
        with guarded(self.name, checked(path)):
            try:
                with self._tree.parent(path) as (fd, name):
                    os.rmdir(name, dir_fd=fd)
            except OSError as error:
                if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                    return False
                if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                    raise
        return True

    def move(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.move``; durable."""
        name_fits(checked(to))
        with guarded(self.name, checked(path)), self._tree.parent(path) as spot:
            status = renaming.look(spot)
            if rev is not None and rev_of(status) != rev:
                raise self._changed(path)
            moved = self._rename(path, to)
            if renaming.mark(moved) != renaming.mark(status):
                self._rename(to, path)
                raise self._changed(path)
        self.sync([path, to])
        return self._item(to, moved)

    def exchange(self, path: str, other: str, *, rev: Rev | None = None, other_rev: Rev | None = None) -> tuple[Item, Item]:
        """See ``Exchanges.exchange``; durable. ``Rejected`` on a file system that cannot."""
        with guarded(self.name, checked(path)), self._tree.parent(path) as one, self._tree.parent(checked(other)) as two:
            before = renaming.look(one), renaming.look(two)
            for status, wanted, name in zip(before, (rev, other_rev), (path, other), strict=True):
                if wanted is not None and rev_of(status) != wanted:
                    raise self._changed(name)
            try:
                renaming.swap(one, two)
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
                raise Rejected(f"{self.name}: its file system cannot exchange two files, so none of them is rewritten") from error
            now = renaming.look(one), renaming.look(two)
            if [renaming.mark(status) for status in now] != [renaming.mark(status) for status in reversed(before)]:
                renaming.swap(one, two)
                raise self._changed(other)
        self.sync([path, other])
        return self._item(path, now[0]), self._item(other, now[1])

    def copy(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.copy``; durable."""
        now = self.stat(path).main
        return self.put(to, Content(lambda: self.open(path, rev=rev or now.rev), now.size, modified=now.modified, mode=now.mode))

    # -------------------------------------------------------------------------------------------------------- the store itself

    def ping(self) -> None:
        """See ``Pings.ping``: root there, with its marker, writable, not full."""
        self._mount.ping()

    def refused(self) -> Refused | None:
        """See ``Guarded.refused``: its marker is missing, or another store's."""
        return self._mount.refused()

    def accept(self, id: str) -> None:
        """See ``Guarded.accept``: a missing marker is written again, another store's is taken for ours."""
        self._mount.accept(id)

    def establish(self) -> str:
        """Set the store up at its first use (every write does): makes and marks the root, remembers its id. The id."""
        self._mount.establish()
        return self.identity()

    def identity(self) -> str:
        """The id in the marker; "" before the store is set up."""
        return self._mount.identity()

    def sweep(self, dead: Container[Owner], near: Iterable[str] = ()) -> Sequence[str]:  # noqa: ARG002  # DiskStore needs it
        """Remove what dead owners left in the incoming area. Paths of files that are no leftovers of ours and were kept: somebody
        changed them just when they were taken away. Twice is harmless."""
        kept: list[str] = []
        area = f"{OURS}/incoming"
        for owner in self.names(area):
            if owner in dead:
                kept += sweeping.sweep(self._tree, self.name, f"{area}/{owner}")
                self.rmdir(f"{area}/{owner}")
        return kept

    # -------------------------------------------------------------------------------------------------------------- inside

    def _work(self, near: str) -> str:  # noqa: ARG002  # DiskStore works beside the target
        """A new path for a file of ours that is not to be seen yet, or not any more."""
        return f"{OURS}/incoming/{self._me}/{self._salt}{next(self._count)}"

    def _give(self, staged: Staged, path: str) -> Item:
        try:
            status = self._rename(staged.token, path)
        except NotFound as error:
            raise Transient(f"{self.name}:{path}: the staged bytes are gone; they must be staged again") from error
        return replace(self._item(path, status), digests=staged.digests)

    def _take_back(self, staged: Staged, item: Item) -> None:
        """Only what is still ours: somebody may have put another file there since."""
        path = item.main.path
        found = renaming.mark(self._rename(path, staged.token))
        if found != item.main.rev.rpartition("-")[0]:
            self._rename(staged.token, path)

    def _rename(self, path: str, to: str) -> os.stat_result:
        """Never replacing; folders are made as needed, again when somebody removes an empty one just now. The file's status
        under its new name."""
        with guarded(self.name, to), self._tree.parent(path) as source:
            for _ in range(_TRIES):
                with suppress(FileNotFoundError), self._tree.parent(to, make=True) as target:
                    renaming.give(source, target)
                    return os.stat(target[1], dir_fd=target[0], follow_symlinks=False)
                renaming.look(source)  # or is it the file itself that is gone?
        raise self._restless(to)

    def _restless(self, path: str) -> Transient:
        return Transient(f"{self.name}:{path}: its folder is removed again and again; stop what removes it")

    def _unlink(self, path: str) -> None:
        with suppress(FileNotFoundError), self._tree.parent(path) as (fd, name):
            os.unlink(name, dir_fd=fd)
