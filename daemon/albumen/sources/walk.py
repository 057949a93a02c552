"""What lies in a folder, read from the folder itself: the one walk behind local sources and ``import``.

Folders are opened without following links and listed through their descriptor, so a name of any bytes (no UTF-8, a newline,
255 bytes) is found and a loop of links is harmless. Nothing but folders is ever opened here: a FIFO cannot block us.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from albumen.sources import litter

Why: TypeAlias = Literal["symlink", "special", "unreadable", "mount"]


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
    ``missing`` says that the folder itself is not there (any more).
    """

    folder: str
    stat: os.stat_result | None = None
    entries: tuple[Entry, ...] = ()
    folders: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    litter: int = 0
    complete: bool = True
    missing: bool = False


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


def below(top: Found, names: litter.Litter, device: int | None) -> Iterator[Found]:
    """The folders below one that was looked at, as ``walk`` orders them; those of another ``device`` are told, not entered."""
    waiting = _below(top)
    while waiting:
        found = look(waiting.pop(), names)
        if device is not None and found.stat is not None and found.stat.st_dev != device:
            yield _mounted(found)
            continue
        yield found
        waiting += _below(found)


def look(folder: str, names: litter.Litter, *, follow: bool = False) -> Found:
    """One folder as it is now, nothing of what lies deeper. ``follow`` lets the folder itself be a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        fd = os.open(folder, flags)
    except OSError as error:
        return _closed(folder, error)
    try:
        return _list(folder, fd, names)
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


def _list(folder: str, fd: int, names: litter.Litter) -> Found:
    entries: list[Entry] = []
    folders: list[str] = []
    skipped: list[Skipped] = []
    dropped = 0
    complete = True
    try:
        with os.scandir(fd) as listing:
            for one in listing:
                is_folder = one.is_dir(follow_symlinks=False)
                if names.folder(one.name) if is_folder else names.file(one.name):
                    dropped += 1
                elif is_folder:
                    folders.append(one.name)
                else:
                    found = _entry(folder, one)
                    if isinstance(found, Entry):
                        entries.append(found)
                    elif found is not None:
                        skipped.append(found)
                        complete = complete and found.what != "unreadable"
    except OSError as error:
        complete = False
        skipped.append(Skipped(folder, "unreadable", f"cannot be listed to its end: {error.strerror}; look at the disk"))
    return Found(
        folder,
        os.fstat(fd),
        tuple(sorted(entries, key=lambda one: os.fsencode(one.path))),
        tuple(sorted(folders, key=os.fsencode)),
        tuple(sorted(skipped, key=lambda one: os.fsencode(one.path))),
        dropped,
        complete,
    )


def _entry(folder: str, one: "os.DirEntry[str]") -> Entry | Skipped | None:
    """A listed name; None when it vanished between being listed and being looked at."""
    path = join(folder, one.name)
    try:
        status = one.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Skipped(path, "unreadable", f"cannot be looked at: {error.strerror}; check its permissions and the disk")
    return _skip(path, status) or Entry(path, status)


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
