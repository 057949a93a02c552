"""Has this file its end? A cheap look at containers that say so themselves; nothing is decoded.

Sources: JPEG (ITU T.81, B.1.1: FF D9 cannot occur in coded data), PNG (11.2.5 IEND), RIFF (size field), ISO 14496-12 boxes.
What is not known here counts as complete: the time rule decides alone.
"""

import os
import struct
from collections.abc import Callable
from typing import BinaryIO

_CHUNK = 1 << 20
_STEPS = 200_000  # parts of one file: one of more is not known here
_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))


def complete(file: BinaryIO) -> bool:
    """Whether the container of an open file reaches its end. Trailing data is allowed. Moves the file's position."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    check = _check(head)
    return check is None or check(file, size)


def _check(head: bytes) -> Callable[[BinaryIO, int], bool] | None:
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png
    if head.startswith(b"RIFF"):
        return _riff
    return _boxes if head[4:8] in _BOXES else None


def _jpeg(file: BinaryIO, size: int) -> bool:
    """The segments up to the first scan are stepped over (their thumbnails end too), then an end marker must follow."""
    at = 2
    for _ in range(_STEPS):
        file.seek(at)
        head = file.read(4)
        if at + 4 > size or len(head) < 4 or head[0] != 0xFF:
            return False
        marker, length = struct.unpack(">xBH", head)
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        at += 2 + length
        if marker == 0xDA:
            return _has(file, at, b"\xff\xd9")
    return True


def _has(file: BinaryIO, at: int, what: bytes) -> bool:
    file.seek(at)
    before = b""
    while piece := file.read(_CHUNK):
        if what in before + piece:
            return True
        before = piece[-1:]
    return False


def _png(file: BinaryIO, size: int) -> bool:
    at = 8
    for _ in range(_STEPS):
        if at + 12 > size:
            return False
        file.seek(at)
        length = int.from_bytes(file.read(4), "big")
        at += 12 + length
        if file.read(4) == b"IEND":
            return at <= size
    return True


def _riff(file: BinaryIO, size: int) -> bool:
    file.seek(4)
    return 8 + int.from_bytes(file.read(4), "little") <= size


def _boxes(file: BinaryIO, size: int) -> bool:
    """``moov`` (a film) or ``meta`` (HEIC, AVIF) and its ``mdat`` are there, and no box claims more than the file holds."""
    at = 0
    kinds: set[bytes] = set()
    for _ in range(_STEPS):
        if at + 8 > size:
            break
        file.seek(at)
        length = int.from_bytes(file.read(4), "big")
        kind = file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        elif length == 0:  # reaches to the end; also the zeros of a file whose space was reserved
            kinds.add(kind)
            break
        if length < 8:  # no box: data that somebody appended
            break
        at += length
        if at > size:
            return False
        kinds.add(kind)
    return b"mdat" in kinds and not kinds.isdisjoint((b"moov", b"meta"))
