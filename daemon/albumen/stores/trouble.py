"""What the kernel says to what albumen says: the one table of ``OSError``."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from albumen.errors import AlbumenError, Exists, NotFound, Rejected, Transient, Unavailable

_GONE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY}
_CLOSED = {  # the place, not the file: its circuit opens
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the quota is used up; free some space",
    errno.EROFS: "the file system is read-only; look at the kernel's log, then mount it writable",
    errno.EIO: "the disk reports an error; look at the kernel's log",
    errno.ESTALE: "the network file system was exchanged under us; mount it again",
    errno.ENODEV: "the device is gone; plug it in again",
    errno.ENXIO: "the device is gone; plug it in again",
    errno.ENOTCONN: "the mount is broken; mount it again",
    errno.EHOSTDOWN: "the server does not answer",
    errno.ETIMEDOUT: "the server does not answer",
}
_REFUSED = {  # this name or content, for good
    errno.EACCES: "permission denied; check owner and mode of the file and its folders",
    errno.EPERM: "the file system does not permit it; check owner and attributes",
    errno.ENAMETOOLONG: "the name is too long for this file system; shorten it",
    errno.EINVAL: "the file system cannot take this name",
    errno.EILSEQ: "the file system cannot take these characters in a name",
    errno.ELOOP: "a symbolic link lies on the way; links are never followed, name what it points to",
    errno.EFBIG: "the file is too large for this file system",
    errno.EXDEV: "lies on another file system than the root of its store; make that file system a store of its own",
}


def translated(error: OSError, store: str, path: str, *, reading: bool = False) -> AlbumenError:
    """The error as albumen's own. One file that cannot be read to its end (EIO while ``reading``) closes no place: it may be the
    only bad one on a good disk."""
    number = error.errno or 0
    where = f"{store}:{path}"
    if number in _GONE:
        return NotFound(f"{where}: there is no such file")
    if number in _TAKEN:
        return Exists(f"{where}: the name is taken; nothing was overwritten")
    if number in _REFUSED:
        return Rejected(f"{where}: {_REFUSED[number]}")
    if number == errno.EIO and reading:
        return Transient(f"{where}: cannot be read: {error.strerror}; the disk may be failing there")
    if number in _CLOSED:
        return Unavailable(store, f"{_CLOSED[number]} ({path or 'root'}: {error.strerror})")
    return Transient(f"{where}: {error.strerror or error}")


@contextmanager
def guarded(store: str, path: str, *, reading: bool = False) -> Iterator[None]:
    """Any ``OSError`` of the block comes out as ``translated``."""
    try:
        yield
    except OSError as error:
        raise translated(error, store, path, reading=reading) from error
