"""Entries into a JPEG: its XMP, its IPTC and EXIF texts where it has them; the picture and all else stay byte for byte.

What lies behind the picture may be found by its distance from a segment: the multi-picture index (CIPA DC-007) is put right, videos
and Samsung's blocks count from the end and need nothing, and a picture that no index names is not moved.
"""

import re
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from albumen.errors import Rejected
from albumen.media.readers.window import Window
from albumen.media.writers import exif, iptc, xmp
from albumen.media.writers.entries import Entries

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF = b"Exif\0\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_MPF = b"MPF\0"
_ROOM = 2048  # bytes of padding in a packet that grows: later entries then move nothing
_FULL = 65533  # bytes that a segment can hold
_MOST = 3000  # segments
_ENTRIES = 0xB002

Piece: TypeAlias = bytes | tuple[int, int]  # new bytes, or a part of the old file from … to


@dataclass(slots=True)
class _Segment:
    """``start`` and ``end`` in the old file (marker and length included); ``new`` its bytes when they change."""

    marker: int
    start: int
    end: int
    new: bytes | None = None

    @property
    def growth(self) -> int:
        return 0 if self.new is None else len(self.new) - (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The pieces of the new file in their order, and by how many bytes it is longer."""

    pieces: Sequence[Piece]
    growth: int


def rewrite(window: Window, wanted: Entries, names: Collection[str], frame: xmp.Frame) -> Rewritten:
    """The file with those fields as wanted. ``Rejected`` with the reason when that cannot be done without harm."""
    segments = _segments(window)
    for one in segments:
        body = window.at(one.start + 4, one.end - one.start - 4)
        if one.marker == 0xED and body.startswith(_PHOTOSHOP) and iptc.is_newer(body[len(_PHOTOSHOP) :]):
            names = {*names, "title", "description", "tags"}  # XMP is read first from now on
    _put_xmp(window, segments, wanted, names, frame)
    for one in segments:
        if one.end == one.start:
            continue
        head = window.at(one.start + 4, 16)
        body = window.at(one.start + 4, one.end - one.start - 4)
        if one.marker == 0xE1 and head.startswith(_EXIF):
            _change(one, body, _EXIF + exif.patched(body[len(_EXIF) :], wanted, names))
        elif one.marker == 0xED and head.startswith(_PHOTOSHOP):
            _change(one, body, _PHOTOSHOP + iptc.patched(body[len(_PHOTOSHOP) :], wanted, names))
    growth = sum(one.growth for one in segments)
    if growth:
        _put_right(window, segments, growth)
    pieces: list[Piece] = [(0, 2)]
    for one in segments:
        pieces += [one.new] if one.new is not None else [(one.start, one.end)]
    return Rewritten([*pieces, (segments[-1].end if segments else 2, window.size)], growth)


def write(pieces: Sequence[Piece], source: BinaryIO, target: BinaryIO) -> None:
    """All pieces, one behind the other; ``source`` is the old file."""
    for piece in pieces:
        if isinstance(piece, bytes):
            target.write(piece)
            continue
        source.seek(piece[0])
        left = piece[1] - piece[0]
        while left and (part := source.read(min(left, 1 << 20))):
            target.write(part)
            left -= len(part)
        if left:
            raise Rejected("it became shorter while it was read")


def _segments(window: Window) -> list[_Segment]:
    """All segments before the first scan, in one unbroken row."""
    if window.at(0, 2) != b"\xff\xd8":
        raise Rejected("it is no JPEG")
    found: list[_Segment] = []
    at = 2
    for _ in range(_MOST):
        start = at
        while window.at(at, 2) == b"\xff\xff":  # fill bytes belong to the segment behind them
            at += 1
        head = window.at(at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (0, 1, *range(0xD0, 0xDA)):
            raise Rejected(f"its headers are not in order at byte {at}: its entries can be written beside it (--sidecar)")
        if head[1] == 0xDA:
            return found
        if at != start:
            found.append(_Segment(0, start, at))
        size = int.from_bytes(head[2:4], "big")
        end = at + 2 + size
        if size < 2 or end > window.size:
            raise Rejected("it ends inside its headers")
        found.append(_Segment(head[1], at, end))
        at = end
    raise Rejected(f"it has more than {_MOST} segments")


def _change(one: _Segment, old: bytes, new: bytes) -> None:
    if new != old:
        one.new = _segment(one.marker, new)


def _segment(marker: int, body: bytes) -> bytes:
    if len(body) > _FULL:
        raise Rejected(f"its entries need {len(body)} bytes, a segment of a JPEG holds {_FULL}: write them beside it (--sidecar)")
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _put_xmp(window: Window, segments: list[_Segment], wanted: Entries, names: Collection[str], frame: xmp.Frame) -> None:
    """The packet that is there, changed; else a new one behind EXIF and JFIF."""
    mine = [one for one in segments if one.marker == 0xE1 and window.at(one.start + 4, len(_XMP)) == _XMP]
    if len(mine) > 1:
        raise Rejected(f"it holds {len(mine)} XMP packets: its entries can be written beside it (--sidecar)")
    most = _FULL - len(_XMP)
    if not mine:
        packet = xmp.new(wanted, frame, told_alone=False)
        at = _behind_first(window, segments)
        place = segments[at - 1].end if at else 2
        segments.insert(at, _Segment(0xE1, place, place, _segment(0xE1, _XMP + _fitted(packet, 0, most))))
        return
    old = window.at(mine[0].start + 4, mine[0].end - mine[0].start - 4)[len(_XMP) :]
    _change(mine[0], _XMP + old, _XMP + _fitted(xmp.merged(old, wanted, names, frame), len(old), most))


def _fitted(packet: bytes, size: int, most: int) -> bytes:
    """The packet in the size it had, as long as that will do; else with room for what comes later, as far as there is any."""
    need = xmp.bare_size(packet)
    if need > most:
        raise Rejected(f"its XMP needs {need} bytes, a segment of a JPEG holds {most}: write its entries beside it (--sidecar)")
    return xmp.padded(packet, size if need <= size else min(most, need + _ROOM))


def _behind_first(window: Window, segments: Sequence[_Segment]) -> int:
    """How many segments of JFIF and EXIF come first."""
    at = 0
    for number, one in enumerate(segments):
        head = window.at(one.start + 4, 6)
        if one.marker == 0xE0 or (one.marker == 0xE1 and head == _EXIF):
            at = number + 1
        elif one.marker:
            break
    return at


# ------------------------------------------------------------------------------------------------- what lies behind the picture


def _put_right(window: Window, segments: Sequence[_Segment], growth: int) -> None:
    """What names places behind the picture by their distance from a segment names them still."""
    index = next((one for one in segments if one.marker == 0xE2 and window.at(one.start + 4, 4) == _MPF), None)
    if index is None:
        end = _end(window, segments[-1].end if segments else 2)
        if window.at(end, 2) == b"\xff\xd8":
            raise Rejected(
                "behind it lies another picture that no index names: longer entries would lose it; write them beside it (--sidecar)"
            )
        return
    before = sum(one.growth for one in segments[: segments.index(index)])
    body = bytearray(window.at(index.start + 4, index.end - index.start - 4))
    order = "<" if body[4:6] == b"II" else ">"
    try:
        place, count = _index(bytes(body[4:]), order)
        for row in range(4 + place, 4 + place + count // 16 * 16, 16):
            _, size, offset = struct.unpack_from(f"{order}III", body, row)
            if offset:
                struct.pack_into(f"{order}I", body, row + 8, offset + growth - before)
            elif size:
                struct.pack_into(f"{order}I", body, row + 4, size + growth)
    except struct.error:
        raise Rejected("its index of several pictures is broken: its entries can be written beside it (--sidecar)") from None
    index.new = _segment(0xE2, bytes(body))


def _index(block: bytes, order: str) -> tuple[int, int]:
    """Where the entries of the pictures stand, and how many bytes they have."""
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    (rows,) = struct.unpack_from(f"{order}H", block, first)
    for row in range(first + 2, first + 2 + 12 * rows, 12):
        tag, _, count, offset = struct.unpack_from(f"{order}HHII", block, row)
        if tag == _ENTRIES:
            return offset, count
    raise struct.error


_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")


def _end(window: Window, at: int) -> int:
    """Where the picture ends: behind its end-of-image marker, all scans passed. The file's end when there is none."""
    while at < window.size:
        head = window.at(at, 4)
        if head[:2] == b"\xff\xd9":
            return at + 2
        at += 2 + int.from_bytes(head[2:4], "big") if head[:1] == b"\xff" else 1
        at = _next(window, at)
    return window.size


def _next(window: Window, at: int) -> int:
    """The next marker behind entropy-coded data."""
    while at < window.size:
        piece = window.at(at, 1 << 20)
        match = _MARKER.search(piece)
        if match:
            return at + match.start()
        at += max(1, len(piece) - 1)
    return window.size
