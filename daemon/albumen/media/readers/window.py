"""Bytes at an offset, of a file, of a part of it, or of memory; never more than the budget of one file."""

import os
import struct
from collections.abc import Iterator
from typing import Any, Protocol

from albumen.errors import Rejected

HEAD = 65536  # read once: nearly all of what an ordinary picture tells lies there
_BLOCK = 16384  # what a small read elsewhere brings along
_BUDGET = 256 << 20  # bytes read of one file; a structure that wants more is no picture's


class Window(Protocol):
    """``at`` gives ``count`` bytes from ``offset``, fewer at the end, none before 0 or beyond it."""

    size: int

    def at(self, offset: int, count: int) -> bytes: ...


class Memory:
    """A window on bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def at(self, offset: int, count: int) -> bytes:
        return self._data[offset : offset + count] if offset >= 0 and count > 0 else b""


class Part:
    """A window on ``size`` bytes of another one, as far as they exist."""

    def __init__(self, whole: Window, start: int, size: int | None = None) -> None:
        room = max(0, whole.size - start)
        self._whole = whole
        self._start = start
        self.size = room if size is None else max(0, min(size, room))

    def at(self, offset: int, count: int) -> bytes:
        if offset < 0 or offset >= self.size:
            return b""
        return self._whole.at(self._start + offset, min(count, self.size - offset))


class File:
    """A window on an open file. ``Rejected`` once ``_BUDGET`` bytes were read; ``OSError`` as the system raises it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size
        self._head = os.pread(fd, HEAD, 0)
        self._block, self._block_at = b"", 0
        self._left = _BUDGET

    def at(self, offset: int, count: int) -> bytes:
        if offset < 0 or count <= 0 or offset >= self.size:
            return b""
        end = offset + count
        if end <= len(self._head):
            return self._head[offset:end]
        inside = offset - self._block_at
        if inside < 0 or inside + min(count, self.size - offset) > len(self._block):
            self._fill(offset, count)
            inside = 0
        return self._block[inside : inside + count]

    def _fill(self, offset: int, count: int) -> None:
        self._block = os.pread(self._fd, min(max(count, _BLOCK), self._left), offset)
        self._block_at = offset
        self._left -= len(self._block)
        if self._left <= 0:
            raise Rejected(f"its structure leads over more than {_BUDGET >> 20} MiB without telling anything")


def unpack(form: str, window: Window, offset: int) -> tuple[Any, ...]:
    """``struct.unpack`` at an offset; ``Rejected`` where the file ends before."""
    need = struct.calcsize(form)
    data = window.at(offset, need)
    if len(data) < need:
        raise Rejected(f"it ends inside its structure (byte {min(offset, window.size)})")
    return struct.unpack(form, data)


def stream(window: Window, start: int = 0, piece: int = 1 << 20) -> Iterator[bytes]:
    """The bytes from ``start`` on, in pieces."""
    while start < window.size:
        data = window.at(start, piece)
        if not data:
            return
        yield data
        start += len(data)


def text(raw: bytes) -> str:
    """Text up to the first NUL: UTF-8, else Latin-1; blanks at both ends and control characters taken away."""
    raw = raw.partition(b"\0")[0].strip()
    try:
        found = raw.decode()
    except UnicodeDecodeError:
        found = raw.decode("latin-1")
    if found.isprintable():
        return found
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in found).strip()
