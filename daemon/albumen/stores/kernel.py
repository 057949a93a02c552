"""Calls of Linux that Python's ``os`` does not have. All free the GIL while they run and raise ``OSError`` as ``os`` does.

Sources: man pages renameat2(2), openat2(2), syncfs(2), statfs(2).
"""

import ctypes
import os

NOREPLACE = 1  # RENAME_NOREPLACE: EEXIST when the new name is taken
EXCHANGE = 2  # RENAME_EXCHANGE: both names stay and swap what they name
FUSE = 0x65735546  # f_type of file systems in user space

_OPENAT2 = 437  # the same number on every architecture
_NO_SYMLINKS, _BENEATH = 0x04, 0x08

_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    """``struct open_how``."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def rename(source_fd: int, source: str, target_fd: int, target: str, flags: int) -> None:
    """``renameat2``; EINVAL when the file system knows not these flags, ENOSYS when the kernel or the C library does not."""
    call = getattr(_libc, "renameat2", None)
    if call is None:
        raise OSError(38, os.strerror(38))  # ENOSYS
    if call(source_fd, os.fsencode(source), target_fd, os.fsencode(target), ctypes.c_uint(flags)):
        _fail()


def open_beneath(root_fd: int, path: str, flags: int) -> int:
    """A descriptor of what lies at ``path`` below ``root_fd``; ELOOP when a part is a symlink, EXDEV when it leads out."""
    how = _How(flags | os.O_CLOEXEC, 0, _NO_SYMLINKS | _BENEATH)
    fd = int(_libc.syscall(_OPENAT2, root_fd, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)))
    if fd < 0:
        _fail()
    return fd


def syncfs(fd: int) -> None:
    """Everything written so far to the file system of ``fd`` is on the disk. Reports failed writes since Linux 5.8."""
    if _libc.syncfs(fd):
        _fail()


def kind(fd: int) -> int:
    """``f_type`` of the file system of ``fd``."""
    answer = ctypes.create_string_buffer(512)  # struct statfs has 120 bytes; f_type is its first word
    if _libc.fstatfs(fd, answer):
        _fail()
    return int(ctypes.c_long.from_buffer(answer).value)


def _fail() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
