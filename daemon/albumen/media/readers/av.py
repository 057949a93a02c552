"""AVI, ASF (WMV), Matroska and WebM, MPEG: length, size and dates as far as their headers tell them plainly."""

import re
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta

from albumen.errors import Rejected
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Part, Window, text, unpack

_MOST = 5000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def avi(draft: Draft, window: Window) -> None:
    """RIFF AVI: main header (hdrl/avih), capture date (IDIT or ICRD)."""
    (claimed,) = unpack("<I", window, 4)
    if claimed + 8 > window.size:
        draft.hurt(f"the file ends before its data does, {claimed + 8 - window.size} bytes are missing")
    for kind, body in _chunks(Part(window, 12), 0):
        if kind == b"avih":
            each, _, _, _, frames, _, _, _, width, height = unpack("<10I", body, 0)
            draft.shape(width, height)
            if each and frames:
                draft.duration = round(each * frames / 1e6, 3)
        elif kind in (b"IDIT", b"ICRD"):
            draft.stamp("riff:DateTimeOriginal", _riff_date(text(body.at(0, 64))))
    if draft.empty:
        raise Rejected("an AVI without a header")


def _chunks(window: Window, depth: int) -> Iterator[tuple[bytes, Part]]:
    """Chunks of the header lists, depth first; the picture data is passed over."""
    at = 0
    for _ in range(_MOST):
        head = window.at(at, 12)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:8], "little")
        if head[:4] == b"LIST" and head[8:12] != b"movi" and depth < 4:
            yield from _chunks(Part(window, at + 12, size - 4), depth + 1)
        elif head[:4] != b"LIST":
            yield head[:4], Part(window, at + 8, size)
        at += 8 + size + size % 2


_RIFF = re.compile(r"^[A-Za-z]{3} ([A-Za-z]{3})\w* +(\d{1,2}) (\d{2}:\d{2}:\d{2}) (\d{4})", re.ASCII)


def _riff_date(value: str) -> str:
    """``Mon Mar 10 15:04:43 2003`` as ISO, any other as it is."""
    match = _RIFF.match(value)
    if match is None or match[1].lower() not in _MONTHS:
        return value.replace("/", "-").strip()
    return f"{match[4]}-{_MONTHS.index(match[1].lower()) + 1:02}-{int(match[2]):02}T{match[3]}"


_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")


def asf(draft: Draft, window: Window) -> None:
    """ASF: file properties (creation time, length) and the first video stream's size."""
    (size,) = unpack("<Q", window, 16)
    if size > window.size:
        draft.hurt("the file ends inside its headers")
    at = 30
    while at + 24 <= min(size, window.size):
        kind, length = window.at(at, 16), unpack("<Q", window, at + 16)[0]
        if length < 24:
            break
        if kind == _FILE_PROPERTIES:
            whole, created, _, length_of, _, before = unpack("<QQQQQQ", window, at + 40)
            draft.duration = round(max(0, length_of / 1e7 - before / 1e3), 3) or None
            if created:
                when = datetime(1601, 1, 1) + timedelta(microseconds=min(created // 10, 1 << 57))  # noqa: DTZ001  # UTC by the format
                draft.stamp("asf:CreationDate", when.isoformat(timespec="seconds") + "Z")
            if whole > window.size:
                draft.hurt(f"the file ends before its data does, {whole - window.size} bytes are missing")
        elif kind == _STREAM_PROPERTIES and window.at(at + 24, 16) == _VIDEO and not draft.width:
            draft.shape(*unpack("<II", window, at + 78))
        at += length
    if draft.empty:
        raise Rejected("a Windows media file without a header")


def matroska(draft: Draft, window: Window) -> None:
    """EBML (RFC 8794), Matroska (RFC 9559): segment information and the first video track."""
    for kind, body, _ in _elements(window):
        if kind == 0x18538067:
            for inner, part, cut in _elements(body):
                if inner == 0x1549A966:
                    _information(draft, part)
                elif inner == 0x1654AE6B:
                    for _, track, _ in _elements(part):
                        _matroska_track(draft, track)
                elif inner == 0x1254C367:
                    _matroska_tags(draft, part)
                if cut:
                    draft.hurt("the file ends inside its data")
    if draft.empty:
        raise Rejected("a Matroska file without tracks")


def _information(draft: Draft, window: Window) -> None:
    scale, length = 1_000_000, 0.0
    for kind, body, _ in _elements(window):
        data = body.at(0, 256)
        if kind == 0x2AD7B1:
            scale = int.from_bytes(data, "big")
        elif kind == 0x4489 and len(data) in (4, 8):
            (length,) = struct.unpack(">f" if len(data) == 4 else ">d", data)
        elif kind == 0x4461 and len(data) == 8:
            (ns,) = struct.unpack(">q", data)
            when = datetime(2001, 1, 1) + timedelta(microseconds=ns // 1000)  # noqa: DTZ001  # UTC by the format
            draft.stamp("matroska:DateUTC", when.isoformat(timespec="seconds") + "Z")
        elif kind == 0x7BA9:
            draft.title = draft.title or text(data)
    if 0 < length * scale < 1e18:
        draft.duration = round(length * scale / 1e9, 3)


def _matroska_track(draft: Draft, window: Window) -> None:
    for kind, body, _ in _elements(window):
        if kind == 0xE0 and not draft.width:
            sizes = {inner: int.from_bytes(part.at(0, 8), "big") for inner, part, _ in _elements(body)}
            draft.shape(sizes.get(0xB0, 0), sizes.get(0xBA, 0))


def _matroska_tags(draft: Draft, window: Window) -> None:
    """``DATE_RECORDED`` and its kin, as the tag specification (RFC 9559, section 5.1.8) has them."""
    for _, tag, _ in _elements(window):
        for kind, simple, _ in _elements(tag):
            fields = {inner: text(part.at(0, 256)) for inner, part, _ in _elements(simple)} if kind == 0x67C8 else {}
            if fields.get(0x45A3) in ("DATE_RECORDED", "DATE", "CREATION_TIME", "com.apple.quicktime.creationdate"):
                draft.stamp("matroska:Tag", fields.get(0x4487, ""))


def _elements(window: Window) -> Iterator[tuple[int, Part, bool]]:
    """(id, body, cut) of one level; an element of unknown size reaches to the end."""
    at = 0
    for _ in range(_MOST):
        head = window.at(at, 12)
        if len(head) < 2 or not head[0] & 0xF0:
            return
        wide = 9 - head[0].bit_length()
        kind = int.from_bytes(head[:wide], "big")
        if len(head) <= wide or not head[wide]:
            return
        long = 9 - head[wide].bit_length()
        size = int.from_bytes(head[wide : wide + long], "big") & ((1 << 7 * long) - 1)
        start = at + wide + long
        if size == (1 << 7 * long) - 1:
            size = window.size - start
        yield kind, Part(window, start, size), start + size > window.size
        at = start + size


def mpeg(draft: Draft, window: Window) -> None:
    """MPEG-1/2: the first sequence header."""
    data = window.at(0, 1 << 20)
    at = data.find(b"\0\0\1\xb3")
    if at >= 0 and len(data) >= at + 7:
        size = int.from_bytes(data[at + 4 : at + 7], "big")
        draft.shape(size >> 12, size & 0xFFF)
