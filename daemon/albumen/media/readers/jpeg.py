"""JPEG (ITU-T T.81, annex B) by its markers: size, EXIF, XMP, IPTC, further pictures (CIPA DC-007), and whether it ends."""

import struct
from collections.abc import Iterator

from albumen.errors import Rejected
from albumen.media.readers import exif, iptc, xmp
from albumen.media.readers.draft import Draft
from albumen.media.readers.tiff import Tiff
from albumen.media.readers.window import Memory, Part, Window, stream

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TAIL = 65536
_MOST = 3000  # segments of one picture
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def read(draft: Draft, window: Window, name: str = "") -> str:
    """Fill ``draft``; "jpeg", or "mpo" for several pictures of equal rank in one file."""
    found, scan = "jpeg", 0
    for marker, at, size in _segments(draft, window):
        if marker == 0xDA:
            scan = at + size
        elif marker in _FRAMES and not draft.width:
            frame = window.at(at, 5)
            if len(frame) == 5:
                draft.shape(int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big"))
        elif marker in (0xE1, 0xE2, 0xED):
            found = _application(draft, window, marker, (at, size), name) or found
    if draft.empty:
        raise Rejected("a JPEG without a picture: no frame and no metadata in it")
    if not draft.width:  # the frame header is gone; EXIF may still tell the size
        draft.shape(*(draft.claimed or (0, 0)))
        draft.hurt("the JPEG has no frame header")
    if not scan:
        draft.hurt("the JPEG has no picture data")
    elif not _ends(window, scan):
        draft.hurt("the JPEG's end is missing (no end-of-image marker)")
    return found


def _segments(draft: Draft, window: Window) -> Iterator[tuple[int, int, int]]:
    """(marker, offset of the content, its length) up to and with the first scan's header."""
    at = 2
    for _ in range(_MOST):
        head = window.at(at, 4)
        if len(head) < 4:
            draft.hurt("the JPEG ends inside its headers")
            return
        if head[0] != 0xFF:  # some writers leave stray bytes between segments: go on at the next marker
            skip = window.at(at, 4096).find(b"\xff")
            if skip < 0:
                draft.hurt(f"no JPEG marker at byte {at}")
                return
            at += skip
            continue
        marker = head[1]
        if marker in (0xFF, 0x00):  # fill byte, or a lone FF among the stray bytes
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        if marker == 0xD9:
            return
        size = max(2, int.from_bytes(head[2:4], "big"))
        yield marker, at + 4, size - 2
        if marker == 0xDA:
            return
        at += 2 + size


def _application(draft: Draft, window: Window, marker: int, place: tuple[int, int], name: str) -> str | None:
    at, size = place
    head = window.at(at, min(size, 32))
    if marker == 0xE1 and head.startswith((b"Exif\0", b"\0\0Exif")):
        exif.block(draft, Memory(window.at(at + 6, size - 6)))
    elif marker == 0xE1 and head.startswith(_XMP):
        xmp.packet(draft, window.at(at + len(_XMP), size - len(_XMP)))
    elif marker == 0xED and head.startswith(b"Photoshop 3.0\0"):
        block = Part(window, at + 14, size - 14)
        for start, length in (found for number, found in iptc.resources(block).items() if number == 0x0404):
            iptc.records(draft, Part(block, start, length))
    elif marker == 0xE2 and head.startswith(b"MPF\0"):
        return _several(draft, window, at + 4, size - 4, name)
    return None


def _several(draft: Draft, window: Window, at: int, size: int, name: str) -> str | None:
    """The multi-picture index. Phones keep gain maps there too: only pictures of equal rank, or the name, make it an MPO."""
    try:
        tiff = Tiff(Part(window, at, size))
        index = tiff.directory(tiff.start)
    except Rejected:
        return None
    entries = index.raw(0xB002)
    rows = [entries[row : row + 16] for row in range(0, len(entries) // 16 * 16, 16)]
    views, cut = 0, False
    for row in rows:
        kind, length, start = struct.unpack_from(f"{tiff.order}III", row)
        views += kind >> 16 & 0xFF == 2
        cut = cut or bool(start and at + start + length > window.size)
    several = len(rows) > 1 and (views > 0 or name.lower().endswith(".mpo"))
    if cut and several:
        draft.hurt("the second picture of the file is not whole")
    elif cut:
        draft.tell("the gain map or preview behind the picture is missing, the picture itself is whole")
    return "mpo" if several else None


def _ends(window: Window, scan: int) -> bool:
    """Whether the picture data reaches an end marker. Inside the data FF is always followed by 00 or a restart marker.

    Looked for at the file's end first; where much else follows the picture (motion photos), through all of it.
    """
    start = max(scan, window.size - _TAIL)
    if b"\xff\xd9" in window.at(start, _TAIL):
        return True
    last = b""
    for piece in stream(window, scan):
        if b"\xff\xd9" in last + piece:
            return True
        last = piece[-1:]
    return False
