"""PNG (W3C PNG, third edition): size, eXIf, text chunks with XMP, raw EXIF profiles and creation time, and whether it ends."""

import re
import zlib

from albumen.errors import Rejected
from albumen.media.readers import colour, exif, iptc, xmp
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Memory, Part, Window, text

_MOST = 100_000  # chunks
_TEXT = 8 << 20  # bytes of a text chunk, packed or unpacked
_ROOM = 32 << 20  # of all text chunks, unpacked, and a thousand of them at most: a few kilobytes may hold megabytes


def read(draft: Draft, window: Window) -> None:
    """Fill ``draft`` from the chunks."""
    at, ended, room = 8, False, _ROOM
    for _ in range(_MOST):
        head = window.at(at, 8)
        if len(head) < 8:
            break
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        body = Part(window, at + 8, size)
        if kind == b"IHDR":
            draft.shape(int.from_bytes(body.at(0, 4), "big"), int.from_bytes(body.at(4, 4), "big"))
        elif kind == b"cICP":
            colour.points(draft, *body.at(0, 2).ljust(2, b"\2"))
        elif kind == b"iCCP" and size <= _TEXT:
            _packed, _, data = body.at(0, size).partition(b"\0")
            colour.profile(draft, Memory(_unpacked(data[1:])))
        elif kind == b"sRGB":
            draft.colour = draft.colour or "sRGB"
        elif kind == b"eXIf":
            data = body.at(0, _TEXT)
            exif.block(draft, Memory(data[6:] if data.startswith(b"Exif\0\0") else data))
        elif kind in (b"tEXt", b"zTXt", b"iTXt") and size <= _TEXT and room > 0:
            room -= max(_note(draft, kind, body.at(0, size)), _ROOM >> 10)
        elif kind == b"IEND":
            ended = True
            break
        at += 12 + size
    if not draft.width:
        raise Rejected("a PNG without a size")
    if not ended:
        draft.hurt("the PNG's end is missing (no IEND chunk)")


def _note(draft: Draft, kind: bytes, data: bytes) -> int:
    """Bytes of the text, unpacked."""
    keyword, _, rest = data.partition(b"\0")
    if kind == b"zTXt":
        rest = _unpacked(rest[1:])
    elif kind == b"iTXt":
        packed, (_language, _, rest) = rest[:1] == b"\1", rest[2:].partition(b"\0")
        rest = rest.partition(b"\0")[2]
        rest = _unpacked(rest) if packed else rest
    name = keyword.decode("latin-1").lower()
    if name == "xml:com.adobe.xmp":
        xmp.packet(draft, rest)
    elif name in ("raw profile type exif", "raw profile type app1"):
        _profile(draft, rest)
    elif name == "raw profile type xmp":
        xmp.packet(draft, _hex(rest))
    elif name == "creation time":  # not ImageMagick's "date:create", which is the time of the file
        draft.stamp("png:CreationTime", _date(text(rest)))
    elif name == "title":
        draft.say("title", "note", text(rest))
    elif name in ("description", "comment"):
        draft.say("description", "note", text(rest))
    elif name in ("raw profile type iptc", "raw profile type 8bim"):
        data = _hex(rest)
        iptc.photoshop(draft, Memory(data)) if data.startswith(b"8BIM") else iptc.records(draft, Memory(data))
    elif name in ("raw profile type icc", "raw profile type icm"):
        colour.profile(draft, Memory(_hex(rest)))
    return len(rest)


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _TEXT)
    except zlib.error:
        return b""


def _hex(rest: bytes) -> bytes:
    """ImageMagick's raw profiles: name, length, then hex digits over many lines."""
    lines = rest.strip().split(b"\n", 2)
    digits = re.sub(rb"[^0-9a-fA-F]", b"", lines[2]) if len(lines) == 3 else b""
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def _profile(draft: Draft, rest: bytes) -> None:
    data = _hex(rest)
    if data.startswith((b"Exif\0\0", b"II*\0", b"MM\0*")):
        exif.block(draft, Memory(data.removeprefix(b"Exif\0\0")))
    elif b"<x:xmpmeta" in data:
        xmp.packet(draft, data[data.find(b"<x:xmpmeta") :])


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RFC = re.compile(
    r"^(?:[A-Za-z]{3},? )?(\d{1,2}) ([A-Za-z]{3})[a-z]* (\d{4}) (\d{2}:\d{2}:\d{2})(?: ?([+\-]\d{4}|GMT|UT|Z))?", re.ASCII
)


def _date(value: str) -> str:
    """The form the standard recommends (RFC 1123) as ISO; any other as it is."""
    match = _RFC.match(value)
    if match is None or match[2].lower() not in _MONTHS:
        return value
    zone = "Z" if match[5] in ("GMT", "UT", "Z") else match[5] or ""
    return f"{match[3]}-{_MONTHS.index(match[2].lower()) + 1:02}-{int(match[1]):02}T{match[4]}{zone}"
