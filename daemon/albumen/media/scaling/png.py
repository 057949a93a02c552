"""The chunks of a PNG: whether they are whole, and what they tell, before the pixels or behind them."""

import struct
import zlib
from collections.abc import Iterator

from albumen.errors import Rejected
from albumen.media.scaling.metadata import Told

_KEPT = frozenset((b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"tIME", b"gAMA", b"cHRM", b"sRGB", b"cICP"))
_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_XMP_TEXT, _RAW = b"XML:com.adobe.xmp", b"Raw profile type "
_COLOUR = frozenset((b"gAMA", b"cHRM", b"sRGB"))  # a profile says it better


def told(data: bytes, icc: bytes) -> Told:
    """What it tells beside its pixels, with this profile."""
    first: dict[str, bytes] = {}
    raw: dict[str, bytes] = {}
    chunks = []
    for kind, content in pieces(data):
        keyword = content.partition(b"\0")[0] if kind in _TEXTS else b""
        what, inside = _profile(kind, content) if keyword.startswith(_RAW) else ("", b"")
        if what:
            raw.setdefault(what, inside)
        if kind == b"eXIf":
            first.setdefault("exif", content.removeprefix(b"Exif\0\0"))
        elif keyword == _XMP_TEXT:
            first.setdefault("xmp", _text(kind, content))
        elif kind in _KEPT and what in ("", "iptc") and not (icc and kind in _COLOUR):
            chunks.append(kind + content)
    return Told(**(raw | first | ({"icc": icc} if icc else {})), chunks=tuple(chunks))


def _profile(kind: bytes, content: bytes) -> tuple[str, bytes]:
    """What one of ImageMagick's raw profiles is, and its bytes; ("", b"") for another or one that cannot be read."""
    lines = _text(kind, content).strip().split(b"\n", 2)
    try:
        inside = bytes.fromhex(lines[2].decode("ascii")) if len(lines) == 3 else b""
    except ValueError:
        return "", b""
    name = content.partition(b"\0")[0].removeprefix(_RAW).lower()
    if name in (b"exif", b"app1") and inside.startswith((b"Exif\0\0", b"II*\0", b"MM\0*")):
        return "exif", inside.removeprefix(b"Exif\0\0")
    if name in (b"xmp", b"app1") and b"<" in inside:
        return "xmp", inside[inside.find(b"<") :]
    if name in (b"iptc", b"8bim") and (records := _records(inside)):
        return "iptc", records
    return ("icc", inside) if name in (b"icc", b"icm") and inside[36:40] == b"acsp" else ("", b"")


def _records(block: bytes) -> bytes:
    """The IPTC of a Photoshop block, or what is nothing else."""
    at = 0
    while block.startswith(b"8BIM", at) and len(block) >= at + 12:
        name = 2 + block[at + 6] // 2 * 2
        (size,) = struct.unpack_from(">I", block.ljust(at + 10 + name, b"\0"), at + 6 + name)
        start = at + 10 + name
        if block[at + 4 : at + 6] == b"\4\4":
            return block[start : start + size]
        at = start + size + size % 2
    return block if block[:1] == b"\x1c" else b""


def _text(kind: bytes, content: bytes) -> bytes:
    """Of a text chunk, behind its keyword; b"" for what cannot be unpacked."""
    rest = content.partition(b"\0")[2]
    packed = kind == b"zTXt" or (kind == b"iTXt" and rest[:1] == b"\1")
    text = {b"tEXt": rest, b"zTXt": rest[1:]}.get(kind) or rest[2:].split(b"\0", 2)[-1]
    try:
        return zlib.decompress(text) if packed else text
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
