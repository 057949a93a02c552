"""The chunks of a PNG: whether they are whole, and what they tell, before the pixels or behind them."""

import struct
import zlib
from collections.abc import Iterator

from albumen.errors import Rejected
from albumen.media.scaling.metadata import Told

_KEPT = frozenset((b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"tIME", b"gAMA", b"cHRM", b"sRGB", b"cICP"))
_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_XMP_TEXT = b"XML:com.adobe.xmp"
_COLOUR = frozenset((b"gAMA", b"cHRM", b"sRGB"))  # a profile says it better


def told(data: bytes, icc: bytes) -> Told:
    """What it tells beside its pixels, with this profile."""
    found: dict[bytes, bytes] = {}
    chunks = []
    for kind, content in pieces(data):
        keyword = content.partition(b"\0")[0] if kind in _TEXTS else b""
        if kind == b"eXIf":
            found.setdefault(kind, content.removeprefix(b"Exif\0\0"))
        elif keyword == _XMP_TEXT:
            found.setdefault(_XMP_TEXT, _text(kind, content))
        elif kind in _KEPT and not keyword.startswith(b"Raw profile type") and not (icc and kind in _COLOUR):
            chunks.append(kind + content)
    return Told(exif=found.get(b"eXIf", b""), xmp=found.get(_XMP_TEXT, b""), icc=icc, chunks=tuple(chunks))


def _text(kind: bytes, content: bytes) -> bytes:
    """Of a text chunk, behind its keyword; b"" for what cannot be unpacked."""
    rest = content.partition(b"\0")[2]
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", b"\0" + rest[2:].split(b"\0", 2)[-1]
    if not packed:
        return rest[1:] if kind == b"iTXt" else rest
    try:
        return zlib.decompress(rest[1:])
    except zlib.error:
        return b""


def pieces(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk of a PNG. ``Rejected`` when one is damaged or the last is missing."""
    at = 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if data[at + 8 + size : at + 12 + size] != struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))):
            raise Rejected(f"its pixels cannot be decoded: the part at byte {at} is damaged or cut off")
        yield kind, content
        if kind == b"IEND":
            return
        at += 12 + size
    raise Rejected("its pixels cannot be decoded: its end is missing")


def whole(data: bytes) -> None:
    """Whether it has all its pixels: OpenCV would show what is there."""
    inflated, expected = zlib.decompressobj(), None
    found = 0
    left = b""
    try:
        for kind, content in pieces(data):
            if kind == b"IHDR":
                expected = _expected(content)
            elif kind == b"IDAT":
                left = content
                while left:
                    found += len(inflated.decompress(left, 1 << 20))
                    left = inflated.unconsumed_tail
    except zlib.error as error:
        raise Rejected(f"its pixels cannot be decoded: {error}") from None
    if expected is None or found < expected:
        raise Rejected("its pixels cannot be decoded: some of them are missing")


def _expected(header: bytes) -> int:
    """Bytes of its rows, each with its filter; of an interlaced one at least so many."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits: int = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    if interlaced:
        return int(width * height * bits // 8)
    return int(height * (1 + (width * bits + 7) // 8))
