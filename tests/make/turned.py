"""The same picture, 48 × 32 as stored, in the eight orientations and in every still format that can say so."""

import io
import os
import struct
from collections.abc import Callable, Mapping

from PIL import TiffImagePlugin

from make.exif import block
from make.media import box
from make.pictures import image, write

SIZE = (48, 32)
HEIF_TURNS = {
    1: b"",
    2: b"m\1",
    3: b"r\2",
    4: b"m\0",
    5: b"r\3m\1",
    6: b"r\3",
    7: b"r\3m\0",
    8: b"r\1",
}  # irot: quarters to the left


def _exif(orientation: int) -> bytes:
    return b"Exif\0\0" + block(orientation=orientation)


def _saved(format: str, **how: object) -> bytes:
    out = io.BytesIO()
    image(size=SIZE).save(out, format, **how)
    return out.getvalue()


def jpeg(orientation: int) -> bytes:
    """EXIF in a JPEG."""
    return _saved("JPEG", exif=_exif(orientation))


def png(orientation: int) -> bytes:
    """EXIF in an eXIf chunk."""
    return _saved("PNG", exif=_exif(orientation))


def webp(orientation: int) -> bytes:
    """EXIF in its chunk."""
    return _saved("WEBP", exif=_exif(orientation))


def tiff(orientation: int) -> bytes:
    """The tag of the first directory."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = orientation
    return _saved("TIFF", tiffinfo=tags)


def heic(orientation: int) -> bytes:
    """irot and imir; the EXIF beside them says the same, for readers that know no better."""
    return _heif(b"heic", HEIF_TURNS[orientation], _exif(orientation)[6:])


def jxl(orientation: int) -> bytes:
    """The codestream's header in its container, before an EXIF that says 6 and does not count."""
    codestream = b"\xff\x0a" + _jxl_header(*SIZE, orientation) + b"\0" * 16
    head = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return head + box(b"Exif", b"\0\0\0\0" + block(orientation=6)) + box(b"jxlc", codestream)


FORMATS: Mapping[str, Callable[[int], bytes]] = {"jpg": jpeg, "heic": heic, "png": png, "webp": webp, "tif": tiff, "jxl": jxl}


def eight(folder: str, suffix: str) -> list[str]:
    """The eight files of one format, in their order."""
    return [write(os.path.join(folder, f"{one}.{suffix}"), FORMATS[suffix](one)) for one in range(1, 9)]


def _jxl_header(width: int, height: int, orientation: int) -> bytes:
    """SizeHeader and the beginning of ImageMetadata (ISO/IEC 18181-1, annexes D.2 and E.2), lowest bit first."""
    value = at = 0
    fields = ((0, 1), (0, 2), (height - 1, 9), (0, 3), (0, 2), (width - 1, 9), (0, 1), (1, 1), (orientation - 1, 3))
    for number, bits in fields:
        value |= number << at
        at += bits
    return value.to_bytes(at // 8 + 1, "little")


def _heif(brand: bytes, turns: bytes, exif: bytes) -> bytes:
    """A still without pixels: its tables, its properties (``turns`` in pairs: r quarter, m axis), its EXIF item."""
    pairs = (turns[at : at + 2] for at in range(0, len(turns), 2))
    shape = box(b"ispe", b"\0" * 4, struct.pack(">II", *SIZE))
    properties = [shape, *(box(b"irot" if pair[:1] == b"r" else b"imir", pair[1:]) for pair in pairs)]
    bound = bytes(0x80 | one for one in range(1, len(properties) + 1))
    ipma = box(b"ipma", b"\0" * 4, struct.pack(">IHB", 1, 1, len(bound)), bound)
    infos = box(b"iinf", b"\0" * 4, b"\0\2", _info(1, b"hvc1"), _info(2, b"Exif"))
    item = b"\0\0\0\0" + exif

    def meta(start: int) -> bytes:
        places = b"".join(struct.pack(">HHHII", number, 0, 1, start + skip, size) for number, skip, size in _items(len(item)))
        iloc = box(b"iloc", b"\0" * 4, b"\x44\0", struct.pack(">H", 2), places)
        iprp = box(b"iprp", box(b"ipco", *properties), ipma)
        handler = box(b"hdlr", b"\0" * 8, b"pict", b"\0" * 13)
        return box(b"meta", b"\0" * 4, handler, box(b"pitm", b"\0" * 4, b"\0\1"), iloc, infos, iprp)

    head = box(b"ftyp", brand, b"\0\0\0\0", b"mif1", brand)
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", b"\0" * 8, item)


def _info(number: int, kind: bytes) -> bytes:
    return box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), kind, b"\0")


def _items(exif: int) -> tuple[tuple[int, int, int], ...]:
    """(number, offset inside mdat, length)."""
    return (1, 0, 8), (2, 8, exif)
