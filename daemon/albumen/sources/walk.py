"""What lies in a folder, read from the folder itself: the one walk behind local sources and ``import``.

Folders are opened without following links and listed through their descriptor, so a name of any bytes (no UTF-8, a newline,
255 bytes) is found and a loop of links is harmless. Nothing but folders is ever opened here: a FIFO cannot block us.

A folder's ``state`` is a fingerprint of the names, inodes, sizes and times in it. Whoever walks again and again may say which
states it knows: such a folder is listed and every file in it is asked for its status, but no entry is made of it.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from albumen.sources import litter

Why: TypeAlias = Literal["symlink", "special", "unreadable", "mount"]
Known: TypeAlias = Callable[[str, int], bool]  # folder, state: whether it was met like this before, with nothing to tell of it


def nothing_known(folder: str, state: int) -> bool:
    """The ``Known`` of somebody who walks for the first time."""
    del folder, state
    return False


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file: its absolute byte-true path and what ``lstat`` said of it."""

    path: str
    stat: os.stat_result

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not taken and told; ``reason`` is a sentence that follows the path ("is a symbolic link; …")."""

    path: str
    what: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """One folder. ``entries``, ``folders`` (names of sub-folders that are no litter) and ``skipped`` are sorted by bytes.

    ``litter`` counts names left out silently. ``stat`` is the folder's own, None when it could not be opened. ``complete`` is
    False when something of this folder could not be read: then nothing may be judged gone from it or from below it.
    ``missing`` says that the folder itself is not there (any more). ``state`` is comparable within one process only; ``same`` = it
    is known: ``entries`` are left out then (there is at least one name in the folder).
    """

    folder: str
    stat: os.stat_result | None = None
    entries: tuple[Entry, ...] = ()
    folders: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    litter: int = 0
    complete: bool = True
    missing: bool = False
    state: int = 0
    same: bool = False


def walk(
    root: str | bytes, *, recursive: bool = True, ignore: tuple[str, ...] = litter.DEFAULT, across: bool = False
) -> Iterator[Found]:
    """Every folder from ``root`` down, each before those in it, siblings by the bytes of their names.

    ``root`` itself may be a link or a hidden folder: a person named it. Links below it are told, never followed. Another file
    system mounted below it is told too unless ``across``. A folder that cannot be read (also the root) comes as a ``Found``
    that is not complete; nothing is raised.
    """
    names = litter.Litter(ignore)
    found = look(os.path.abspath(os.fsdecode(root)), names, follow=True)
    device = None if across or found.stat is None else found.stat.st_dev
    yield found
    if recursive:
        yield from below(found, names, device)


def below(top: Found, names: litter.Litter, device: int | None, known: Known = nothing_known) -> Iterator[Found]:
    """The folders below one that was looked at, as ``walk`` orders them; those of another ``device`` are told, not entered."""
    waiting = _below(top)
    while waiting:
        found = look(waiting.pop(), names, known=known)
        if device is not None and found.stat is not None and found.stat.st_dev != device:
            yield _mounted(found)
            continue
        yield found
        waiting += _below(found)


def look(folder: str, names: litter.Litter, *, follow: bool = False, known: Known = nothing_known) -> Found:
    """One folder as it is now, nothing of what lies deeper. ``follow`` lets the folder itself be a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        fd = os.open(folder, flags)
    except OSError as error:
        return _closed(folder, error)
    try:
        return _list(folder, fd, names, known)
    finally:
        os.close(fd)


def single(path: str | bytes) -> Entry | Skipped:
    """One file that a person named: an ``Entry`` when it is regular, else why it is not taken (a folder is ``special``)."""
    full = os.path.abspath(os.fsdecode(path))
    try:
        status = os.lstat(full)
    except OSError as error:
        return Skipped(full, "unreadable", f"cannot be read: {error.strerror}")
    return _skip(full, status) or Entry(full, status)


def join(folder: str, name: str) -> str:
    """The path of a name in a folder; the root "/" gets no second slash."""
    return f"{folder}{name}" if folder.endswith("/") else f"{folder}/{name}"


def _below(found: Found) -> list[str]:
    """The sub-folders, last one first: a stack gives them back in order."""
    return [join(found.folder, name) for name in reversed(found.folders)]


@dataclass(slots=True)
class _Listing:
    """What one pass over a folder gives. ``files`` is everything that is no folder; ``facts`` is what its state is made of."""

    files: list[tuple[str, os.stat_result]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    facts: list[tuple[str | int, ...]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def _list(folder: str, fd: int, names: litter.Litter, known: Known) -> Found:
    listing = _listing(folder, fd, names)
    own = os.fstat(fd)
    complete = not listing.skipped
    state = hash((own.st_dev, own.st_ino, frozenset(listing.facts)))
    folders = [one for one in listing.folders if not names.folder(one)]
    dropped = len(listing.folders) - len(folders)
    folders.sort(key=os.fsencode)
    if complete and listing.facts and known(folder, state):
        return Found(folder, own, folders=tuple(folders), litter=dropped, state=state, same=True)
    entries: list[Entry] = []
    for name, status in listing.files:
        if names.file(name):
            dropped += 1
            continue
        path = join(folder, name)
        skipped = _skip(path, status)
        if skipped is None:
            entries.append(Entry(path, status))
        else:
            listing.skipped.append(skipped)
    entries.sort(key=lambda one: os.fsencode(one.path))
    listing.skipped.sort(key=lambda one: os.fsencode(one.path))
    return Found(folder, own, tuple(entries), tuple(folders), tuple(listing.skipped), dropped, complete, state=state)


def _listing(folder: str, fd: int, names: litter.Litter) -> _Listing:
    """The hot loop: nothing but what a state needs."""
    found = _Listing()
    files, folders, facts = found.files, found.folders, found.facts
    try:
        with os.scandir(fd) as listing:
            for one in listing:
                name = one.name
                if one.is_dir(follow_symlinks=False):
                    folders.append(name)
                    facts.append((name, one.inode()))
                    continue
                try:
                    status = one.stat(follow_symlinks=False)
                except OSError as error:
                    _unread(found, folder, name, error, names)
                    continue
                files.append((name, status))
                facts.append((name, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    except OSError as error:
        reason = f"cannot be listed to its end: {error.strerror}; look at the disk"
        found.skipped.append(Skipped(folder, "unreadable", reason))
    return found


def _unread(found: _Listing, folder: str, name: str, error: OSError, names: litter.Litter) -> None:
    """A listed name without a status: it vanished between being listed and being looked at, or it cannot be looked at."""
    if not isinstance(error, FileNotFoundError) and not names.file(name):
        reason = f"cannot be looked at: {error.strerror}; check its permissions and the disk"
        found.skipped.append(Skipped(join(folder, name), "unreadable", reason))


def _skip(path: str, status: os.stat_result) -> Skipped | None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return Skipped(path, "symlink", "is a symbolic link; links are not followed, name what it points to")
    names = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"))
    what = next((text for test, text in names if test(mode)), "a device")
    return Skipped(path, "special", f"is {what}, not a file; left alone")


def _closed(folder: str, error: OSError) -> Found:
    reason = f"cannot be opened: {error.strerror}; check its permissions"
    missing = error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
    return Found(folder, skipped=(Skipped(folder, "unreadable", reason),), complete=False, missing=missing)


def _mounted(found: Found) -> Found:
    reason = "is another file system mounted here; not entered, name it itself"
    return Found(found.folder, skipped=(Skipped(found.folder, "mount", reason),), complete=False)
