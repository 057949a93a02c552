"""Is this the disk it was? A store's root, proven by its marker before anything is read or written below it.

``.albumen/store.json`` in the root holds the store's id; ``stores/<name>.json`` in the state directory remembers it. A root
without its marker is an empty mount point, not an empty library: it is refused until a person confirms that it is the right one.
"""

import errno
import json
import os
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from albumen.errors import Changed, Unavailable
from albumen.model import Refused, refusal
from albumen.mounts import lacks_room
from albumen.stores import renaming
from albumen.stores.paths import OURS
from albumen.stores.remembered import UNREADABLE, Remembered, written
from albumen.stores.trouble import guarded

_MARKER = "store.json"


class Mount:
    """The root of one store. ``floor``: bytes kept free, None = 1 GiB or 5 % of the disk, the smaller of both."""

    def __init__(self, store: str, root: str, state: str, clock: Callable[[], int], *, floor: int | None = None) -> None:
        self._store = store
        self._root = root
        self._clock = clock
        self._floor = floor
        self._memory = Remembered(store, state, root)
        self._proven: tuple[int, ...] | None = None
        self._first = threading.Lock()  # threads that meet an unmarked root together mark it once

    def open(self, flags: int) -> int:
        """A new descriptor of the root, proven. ``Unavailable`` when a root that we know is not there or is another one;
        ``OSError`` when one that was never set up cannot be opened."""
        try:
            fd = os.open(self._root, flags | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            if not self._memory.id():
                raise
            why = f"{self._root} cannot be opened ({error.strerror}): is the disk mounted?"
            raise Unavailable(self._store, why) from error
        try:
            self._prove(fd)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _prove(self, fd: int) -> None:
        """The marker is read again only when the folder or the marker itself is another one."""
        here = _here(fd)
        if here is not None and here == self._proven:
            return
        known = self._memory.id()
        if not known:
            return  # not set up yet: may be read, and is set up before the first write
        refused = self._refusal(known, _identity(fd))
        if refused is not None:
            raise Unavailable(self._store, f"{refused.why} (albumen confirm {refused.id})")
        self._proven = here

    def _refusal(self, known: str, found: str) -> Refused | None:
        """Why a root that can be opened is not the one we know; None when it is."""
        if found == known:
            return None
        place = f"store {self._store}"
        if known == UNREADABLE:
            why = f"{self._memory.file} cannot be read, so nobody knows whether {self._root} is the right folder"
        elif found:
            why = f"{self._root} is marked as another store ({found}, not {known}): is another disk mounted there?"
        else:
            why = f"the marker {self._root}/{OURS}/{_MARKER} is missing: is its disk mounted?"
        id = refusal(place, [known, found])
        return Refused(id, place, f"{why} Nothing is read or written there", self._clock(), accepts=found or known)

    def refused(self) -> Refused | None:
        """See ``Guarded.refused``."""
        known = self._memory.id()
        try:
            fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None  # gone, not another one: there is nothing to confirm
        try:
            return self._refusal(known, _identity(fd)) if known else None
        finally:
            os.close(fd)

    def accept(self, id: str) -> None:
        """See ``Guarded.accept``."""
        with self._first, guarded(self._store, ""):
            fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                known, found = self._memory.id(), _identity(fd)
                refused = self._refusal(known, found) if known else None
                if refused is None or refused.id != id:
                    raise Changed(f"{self._root} is not as it was shown any more; nothing was changed: look at it again")
                fresh = uuid.uuid4().hex if known == UNREADABLE else known
                self._memory.keep(found or self._write_marker(fd, fresh))
            finally:
                os.close(fd)

    def establish(self) -> None:
        """At the very first time the root is made, marked and remembered. ``Unavailable`` as ``open``. Twice is harmless."""
        if self._proven is not None:
            return
        with self._first, guarded(self._store, ""):
            self._set_up()

    def _set_up(self) -> None:
        """What is set up already is only looked at."""
        known = self._memory.id()
        if not known:
            os.makedirs(self._root, exist_ok=True)
        fd = self.open(os.O_RDONLY)
        try:
            if not known:
                self._memory.keep(_identity(fd) or self._write_marker(fd, uuid.uuid4().hex))
                self._prove(fd)
        finally:
            os.close(fd)

    def identity(self) -> str:
        """The id in the marker; "" before the store is set up. ``Unavailable`` as ``open``."""
        with guarded(self._store, ""):
            try:
                fd = self.open(os.O_RDONLY)
            except FileNotFoundError:
                return ""
            try:
                return _identity(fd)
            finally:
                os.close(fd)

    def ping(self) -> None:
        """``Unavailable`` when the root is gone, another one, read-only or full. A store that was never used is well."""
        self._proven = None
        if not self._memory.id():
            return
        fd = self.open(os.O_RDONLY)
        try:
            if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
                raise Unavailable(self._store, f"{self._root} is mounted read-only; look at the kernel's log")
        finally:
            os.close(fd)
        self.room(0)

    def room(self, size: int) -> None:
        """``Unavailable`` when ``size`` more bytes would leave less than the floor."""
        with guarded(self._store, ""):
            try:
                why = lacks_room(self._root, size, self._floor)
            except (FileNotFoundError, NotADirectoryError) as error:  # of the root: no file of it is gone
                why = f"{self._root} cannot be opened ({error.strerror}): is the disk mounted?"
        if why:
            raise Unavailable(self._store, why)

    def _write_marker(self, root: int, identity: str) -> str:
        """The id that the root is marked with then: this one, or that of another process that was quicker. A marker that nobody can
        read is kept under another name."""
        try:
            os.mkdir(OURS, dir_fd=root)
        except FileExistsError:
            pass
        else:
            os.fsync(root)
        made = datetime.fromtimestamp(self._clock() / 1e9, UTC).isoformat(timespec="seconds")
        fd = os.open(OURS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
        try:
            draft = written(fd, {"id": identity, "name": self._store, "made": made})
            if _is_garbage(root):
                os.rename(_MARKER, f"{_MARKER}.{uuid.uuid4().hex}", src_dir_fd=fd, dst_dir_fd=fd)
            try:
                renaming.give((fd, draft), (fd, _MARKER))
            except FileExistsError:  # another process was quicker: its id counts
                os.unlink(draft, dir_fd=fd)
            os.fsync(fd)
        finally:
            os.close(fd)
        return _identity(root)


class Anywhere(Mount):
    """The root "/" of the machine: no marker, no floor; it is always itself."""

    def __init__(self, store: str, root: str, clock: Callable[[], int]) -> None:
        super().__init__(store, root, "", clock, floor=0)

    def open(self, flags: int) -> int:
        """A new descriptor of it."""
        return os.open(self._root, flags | os.O_DIRECTORY | os.O_CLOEXEC)

    def establish(self) -> None:
        """Nothing to set up."""

    def refused(self) -> Refused | None:
        """There is no other machine."""
        return None

    def ping(self) -> None:
        """Always well: its file systems are asked when they are used."""


def _here(root: int) -> tuple[int, ...] | None:
    """What tells this folder and its marker from others, for as long as the machine runs; None without a marker."""
    try:
        marker = os.stat(f"{OURS}/{_MARKER}", dir_fd=root, follow_symlinks=False)
    except OSError:
        return None
    folder = os.fstat(root)
    return folder.st_dev, folder.st_ino, marker.st_ino, marker.st_mtime_ns, marker.st_ctime_ns


def _is_garbage(root: int) -> bool:
    """Whether something is in the marker's place that is none."""
    try:
        os.stat(f"{OURS}/{_MARKER}", dir_fd=root, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return not _identity(root)


def _identity(root: int) -> str:
    """The id in the marker below ``root``; "" when there is no marker or no id in it."""
    try:
        fd = os.open(f"{OURS}/{_MARKER}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=root)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return ""
        raise
    with open(fd, encoding="utf-8") as stream:
        try:
            found = json.load(stream)
        except ValueError:
            return ""
    return str(found.get("id", "")) if isinstance(found, dict) else ""
