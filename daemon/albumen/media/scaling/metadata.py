"""What a picture says about itself, carried over to another size of it: as it was, where it is still true."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from albumen.errors import Rejected
from albumen.media.scaling.wanted import Origin
from albumen.media.writers import xmp
from albumen.media.writers.entries import Entries, text
from albumen.model import Facts

_XMP_SPACE = "http://ns.adobe.com/xap/1.0/"
_ORIENTATION, _WIDTH, _HEIGHT, _EXIF = 0x0112, 0x0100, 0x0101, 0x8769
_PIXELS_X, _PIXELS_Y = 0xA002, 0xA003
_THUMBNAIL, _THUMBNAIL_SIZE = 0x0201, 0x0202
_JPEG = b"\xff\xd8"
_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
_MOST = 1000  # entries of one directory
# Properties of the old pixels, of what lay beside them in the file, and of this copy of it
_STALE = {
    "http://ns.adobe.com/tiff/1.0/": re.compile("Orientation|ImageWidth|ImageLength"),
    "http://ns.adobe.com/exif/1.0/": re.compile("PixelXDimension|PixelYDimension"),
    _XMP_SPACE: re.compile("Thumbnails"),
    _XMP_SPACE + "mm/": re.compile("DerivedFrom|DocumentID|InstanceID"),
    "http://ns.adobe.com/xmp/note/": re.compile("HasExtendedXMP"),
    "http://ns.google.com/photos/1.0/camera/": re.compile("Motion.*|MicroVideo.*"),
    "http://ns.google.com/photos/1.0/container/": re.compile("Directory"),
    "http://ns.adobe.com/hdr-gain-map/1.0/": re.compile(".*"),
    "http://ns.apple.com/HDRGainMap/1.0/": re.compile(".*"),
}
_REGIONS = {
    "http://www.metadataworkinggroup.com/schemas/regions/": re.compile("Regions"),
    "http://ns.microsoft.com/photo/1.2/": re.compile("RegionInfo"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """``exif`` is a TIFF block, ``xmp`` a packet, ``icc`` a profile, ``iptc`` its records; b"" for none. ``chunks`` are those of a PNG
    that are no pixels and nothing of the above: texts, resolution, gamma; ``comment`` is that of a JPEG."""

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    iptc: bytes = b""
    chunks: tuple[bytes, ...] = ()
    comment: bytes = b""


def carried(told: Told, facts: Facts, origin: Origin, size: tuple[int, int], *, was_turned: bool) -> Told:
    """What a picture of that size, turned the right way, says of itself. XMP gets what people entered, wherever it stood, and what the
    picture was made of."""
    return replace(told, exif=upright(told.exif, *size), xmp=_packet(told.xmp, facts, origin, size, was_turned=was_turned))


# --------------------------------------------------------------------------------------------------------------------- XMP


def _packet(raw: bytes, facts: Facts, origin: Origin, size: tuple[int, int], *, was_turned: bool) -> bytes:
    entries, frame = Entries.of(facts), xmp.Frame(*size)
    stale = _STALE | _REGIONS if was_turned else _STALE

    def gone(name: xmp.Name) -> bool:
        return name[0] in stale and stale[name[0]].fullmatch(name[1]) is not None

    made = _made_from(origin)
    if raw.strip():
        try:
            return xmp.merged(xmp.changed(raw, gone, [made]), entries, frame=frame)
        except Rejected:
            pass  # no XMP that anybody can read: what is known of it stands in the entries
    return xmp.changed(xmp.new(entries, frame, told_alone=False), gone, [made])


def _made_from(origin: Origin) -> str:
    """As ISO 16684-2 tells what something was derived from."""
    parts = {
        "documentID": f"urn:uuid:{origin.id}",
        "instanceID": f"urn:sha256:{origin.sha256}",
        "filePath": text(origin.name) or "?",
    }
    told = "".join(f"<stRef:{name}>{xmp.quoted(value)}</stRef:{name}>" for name, value in parts.items())
    return f'   <xmpMM:DerivedFrom rdf:parseType="Resource">{told}</xmpMM:DerivedFrom>\n'


# -------------------------------------------------------------------------------------------------------------------- EXIF


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int  # of its twelve bytes
    tag: int
    kind: int
    count: int


def upright(block: bytes, width: int, height: int) -> bytes:
    """The TIFF block of a picture of that size which is not turned and has no thumbnail. Values are overwritten where they lie, all
    else stays where it is, so that makers' notes stay right. One that cannot be read stays as it is."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2], "")
    if not order or len(block) < 8:
        return block
    data = bytearray(block)
    sizes = {_WIDTH: width, _HEIGHT: height, _PIXELS_X: width, _PIXELS_Y: height, _ORIENTATION: 1}
    try:
        (first,) = struct.unpack_from(order + "I", data, 4)
        _set(data, order, first, sizes)
        for one in _entries(data, order, first):
            if one.tag == _EXIF:
                _set(data, order, struct.unpack_from(order + "I", data, one.at + 8)[0], sizes)
        return _without_thumbnail(data, order, first)
    except struct.error:
        return bytes(data)


def _entries(data: bytes | bytearray, order: str, place: int) -> Iterator[_Entry]:
    (count,) = struct.unpack_from(order + "H", data, place)
    for number in range(min(count, _MOST)):
        tag, kind, values = struct.unpack_from(order + "HHI", data, place + 2 + 12 * number)
        yield _Entry(place + 2 + 12 * number, tag, kind, values)


def _set(data: bytearray, order: str, place: int, values: dict[int, int]) -> None:
    for one in list(_entries(data, order, place)):
        value = values.get(one.tag)
        if value is None or one.kind not in (3, 4) or one.count != 1:
            continue
        if one.kind == 3 and value <= 0xFFFF:
            struct.pack_into(order + "HH", data, one.at + 8, value, 0)
        else:
            struct.pack_into(order + "HII", data, one.at + 2, 4, 1, value)


def _without_thumbnail(data: bytearray, order: str, first: int) -> bytes:
    """The second directory is not named any more, and its picture is gone. Where no JPEG lies as it says, other things may: they stay."""
    (count,) = struct.unpack_from(order + "H", data, first)
    link = first + 2 + 12 * count
    (second,) = struct.unpack_from(order + "I", data, link)
    struct.pack_into(order + "I", data, link, 0)
    if not second:
        return bytes(data)
    found = {
        one.tag: struct.unpack_from(order + "I", data, one.at + 8)[0]
        for one in _entries(data, order, second)
        if one.tag in (_THUMBNAIL, _THUMBNAIL_SIZE)
    }
    start, size = found.get(_THUMBNAIL, 0), found.get(_THUMBNAIL_SIZE, 0)
    if 8 <= start < start + size <= len(data) and data.startswith(_JPEG, start):
        data[start : start + size] = bytes(size) if start + size < len(data) - 1 else b""
    return bytes(data)
