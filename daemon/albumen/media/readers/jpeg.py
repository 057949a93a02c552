"""JPEG (ITU-T T.81, annex B) by its markers: size, EXIF, XMP, IPTC, profile, further pictures (CIPA DC-007), whether it ends."""

import re
import struct
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from albumen.errors import Rejected
from albumen.media.readers import colour, exif, iptc, motion, xmp
from albumen.media.readers.draft import Draft
from albumen.media.readers.tiff import Tiff
from albumen.media.readers.window import Memory, Part, Window, stream, text

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TAIL = 65536
_NEAR = 4096  # an ordinary picture ends within the file's last bytes
_MOST = 3000  # segments of one picture
_XMP = b"http://ns.adobe.com/xap/1.0/"  # then NUL; some programs write a blank before it
_MORE = b"http://ns.adobe.com/xmp/extension/\0"
_MORE_MOST = 2 << 20  # bytes of extended XMP; larger ones hold depth maps
_PROFILE = b"ICC_PROFILE\0"
_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
_COMMENT = 1 << 20
_LONG = 60_000  # a comment of this length goes on in the next segment


def read(draft: Draft, window: Window, name: str = "") -> str:
    """Fill ``draft``; "jpeg", or "mpo" for several pictures of equal rank in one file."""
    found, scan = "jpeg", 0
    comments: list[bytes] = []
    more: dict[int, bytes] = {}
    for marker, at, size in _segments(draft, window):
        if marker == 0xDA:
            scan = at + size
        elif marker in _FRAMES and not draft.width:
            frame = window.at(at, 5)
            if len(frame) == 5:
                height = int.from_bytes(frame[1:3], "big") or _lines(window, at)
                draft.shape(int.from_bytes(frame[3:5], "big"), height)
        elif marker == 0xEC:
            _notes(draft, window.at(at, min(size, 4096)))
        elif marker in (0xE1, 0xE2, 0xED):
            found = _application(draft, window, marker, (at, size), (name, more)) or found
        elif marker == 0xFE and sum(map(len, comments)) < _COMMENT:
            comments.append(window.at(at, size))
    if more:
        xmp.packet(draft, b"".join(more[at] for at in sorted(more)))
    draft.say("description", "note", _comment(comments))
    motion.settle(draft, window)
    _complete(draft, window, scan)
    return found


def _lines(window: Window, start: int) -> int:
    """A frame of 0 lines states their number behind its first scan (section B.2.5, DNL)."""
    last = b""
    for piece in stream(window, start):
        at = (last + piece).find(b"\xff\xdc\x00\x04")
        if at >= 0:
            return int.from_bytes(window.at(start - len(last) + at + 4, 2), "big")
        start += len(piece)
        last = piece[-3:]
    return 0


def _notes(draft: Draft, data: bytes) -> None:
    """APP12 of the first Olympus, Agfa and Epson cameras, before there was EXIF: lines of text."""
    found = dict(re.findall(rb"([A-Za-z#]{2,20})=([^\r\n]{1,80})", data)) if b"[picture info]" in data else {}
    seconds = found.get(b"TimeDate", b"")
    if re.fullmatch(rb"[0-9]{8,10}", seconds):  # the camera's clock, counted as if it were UTC
        when = datetime(1970, 1, 1) + timedelta(seconds=int(seconds))  # noqa: DTZ001  # wall clock
        draft.stamp("exif:DateTimeOriginal", when.isoformat(sep=" "))


def _complete(draft: Draft, window: Window, scan: int) -> None:
    """Whether all of it is there."""
    if draft.empty:
        raise Rejected("a JPEG without a picture: no frame and no metadata in it")
    if not draft.width:  # the frame header is gone; EXIF may still tell the size
        draft.shape(*(draft.claimed or (0, 0)))
        draft.hurt("the JPEG has no frame header")
    if not scan:
        draft.hurt("the JPEG has no picture data")
    elif not _ends(window, scan):
        draft.hurt("the JPEG's end is missing (no end-of-image marker)")


def _comment(parts: Sequence[bytes]) -> str:
    """The text, a long one over several segments."""
    joined = b""
    for part in parts:
        joined += part.rstrip(b"\0") + (b"" if len(part) >= _LONG else b"\n")
    return text(joined)


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


def _application(
    draft: Draft, window: Window, marker: int, place: tuple[int, int], rest: tuple[str, dict[int, bytes]]
) -> str | None:
    at, size = place
    name, more = rest
    head = window.at(at, min(size, 96))
    if marker == 0xE1 and head.startswith((b"Exif\0", b"\0\0Exif")):
        exif.block(draft, Memory(window.at(at + 6, size - 6)))
    elif marker == 0xE1 and head.startswith(_XMP):
        skip = len(_XMP) + (head[len(_XMP) : len(_XMP) + 1] == b"\0")
        xmp.packet(draft, window.at(at + skip, size - skip))
    elif marker == 0xE1 and head.startswith(_MORE):
        _extension(more, window, head, place)
    elif marker == 0xED and head.startswith(b"Photoshop 3.0\0"):
        iptc.photoshop(draft, Part(window, at + 14, size - 14))
    elif marker == 0xE2 and head.startswith(_PROFILE + b"\1"):
        colour.profile(draft, Part(window, at + 14, size - 14))  # name and tags stand in the first of its parts
    elif marker == 0xE2 and head.startswith(_GAIN_MAP):
        draft.hdr = draft.hdr or "gain map"
    elif marker == 0xE2 and head.startswith(b"MPF\0"):
        return _several(draft, window, at + 4, size - 4, name)
    return None


def _extension(more: dict[int, bytes], window: Window, head: bytes, place: tuple[int, int]) -> None:
    """A part of an extended packet: digest, length of the whole, offset, bytes (XMP part 3, section 1.1.3.1)."""
    start = len(_MORE) + 32
    total, offset = struct.unpack(">II", head[start : start + 8]) if len(head) >= start + 8 else (_MORE_MOST + 1, 0)
    if total <= _MORE_MOST and sum(map(len, more.values())) <= _MORE_MOST:
        more.setdefault(offset, window.at(place[0] + start + 8, place[1] - start - 8))


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
        if start and not draft.hdr and kind & 0xFFFFFF in (0, 0x50000) and motion.has_gain_map(window, at + start):
            draft.hdr = "gain map"
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
    for near in (_NEAR, _TAIL):
        if b"\xff\xd9" in window.at(max(scan, window.size - near), near):
            return True
    last = b""
    for piece in stream(window, scan):
        if b"\xff\xd9" in last + piece:
            return True
        last = piece[-1:]
    return False
