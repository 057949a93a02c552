"""Names that appear, move and vanish without ever covering or taking a file that was not meant.

All work on (folder descriptor, name) pairs and raise ``OSError``.
"""

import errno
import os
from typing import TypeAlias

from albumen.stores import kernel
from albumen.stores.tree import regular

Spot: TypeAlias = tuple[int, str]

_LACKS = {errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP}  # the file system or kernel cannot do it so


def give(source: Spot, target: Spot) -> None:
    """Move a file to a free name; EEXIST when it is taken.

    By renameat2; where that lacks by a hard link; where that lacks too (FAT, some network mounts) by an empty file that reserves
    the name and is then replaced: only a crash between the two leaves something, an empty file.
    """
    try:
        kernel.rename(*source, *target, kernel.NOREPLACE)
    except OSError as error:
        if error.errno not in _LACKS:
            raise
    else:
        return
    try:
        os.link(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0], follow_symlinks=False)
    except OSError as error:
        if error.errno not in _LACKS | {errno.EMLINK}:
            raise
        _reserve_and_replace(source, target)
        return
    if os.path.samestat(_lstat(source), _lstat(target)):  # else somebody put another file there: it stays
        os.unlink(source[1], dir_fd=source[0])


def look(spot: Spot) -> os.stat_result:
    """The regular file of this name, ENOENT for anything else."""
    return regular(_lstat(spot))


def mark(status: os.stat_result) -> str:
    """What a rename does not change (it changes ctime): names the content that is meant to be taken away."""
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"


def take(source: Spot, aside: Spot, expected: str) -> bool:
    """Remove the file with that mark: it is renamed ``aside`` and looked at there, so that nobody can exchange it in between.
    False when it was another one; it is back under its name then (or still aside, when that name was taken again meanwhile)."""
    give(source, aside)
    if mark(_lstat(aside)) == expected:
        os.unlink(aside[1], dir_fd=aside[0])
        return True
    _put_back(aside, source)
    return False


def swap(one: Spot, other: Spot) -> None:
    """Both names change their files, at once. ``OSError`` with EOPNOTSUPP where the file system cannot."""
    try:
        kernel.rename(*one, *other, kernel.EXCHANGE)
    except OSError as error:
        if error.errno in _LACKS:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP)) from error
        raise


def exchange(fresh: Spot, target: Spot, expected: str) -> bool:
    """Put ``fresh`` in the place of the file with that mark, which is then removed; the name never misses a file where the file
    system can swap two. False when it was another one: it keeps its name, and ``fresh`` its own."""
    mine = look(fresh)
    try:
        kernel.rename(*fresh, *target, kernel.EXCHANGE)
    except OSError as error:
        if error.errno not in _LACKS:
            raise
        return _exchange_by_steps(fresh, target, expected)
    if mark(_lstat(fresh)) == expected:
        os.unlink(fresh[1], dir_fd=fresh[0])
        return True
    kernel.rename(*fresh, *target, kernel.EXCHANGE)
    if not os.path.samestat(_lstat(fresh), mine):  # written a second time meanwhile: both stay, nothing may be removed
        raise OSError(errno.EBUSY, f"is being replaced again and again; what was there lies at {fresh[1]}")
    return False


def _exchange_by_steps(fresh: Spot, target: Spot, expected: str) -> bool:
    old = (fresh[0], fresh[1] + ".old")
    give(target, old)
    if mark(_lstat(old)) != expected:
        _put_back(old, target)
        return False
    try:
        give(fresh, target)
    except OSError:
        _put_back(old, target)
        raise
    os.unlink(old[1], dir_fd=old[0])
    return True


def _lstat(spot: Spot) -> os.stat_result:
    return os.stat(spot[1], dir_fd=spot[0], follow_symlinks=False)


def _put_back(aside: Spot, home: Spot) -> None:
    """Taken again meanwhile: what is aside stays there; ``sweep`` never removes a file that has not the mark of its name."""
    try:
        give(aside, home)
    except FileExistsError:
        return


def _reserve_and_replace(source: Spot, target: Spot) -> None:
    os.close(os.open(target[1], os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target[0]))
    try:
        if look(target).st_size:
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])
    except OSError:
        if look(target).st_size == 0:
            os.unlink(target[1], dir_fd=target[0])
        raise
