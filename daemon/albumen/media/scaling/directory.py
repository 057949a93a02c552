"""The directory of a TIFF: where its pixels lie, and what it tells."""

import struct
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, TiffImagePlugin, TiffTags

from albumen.media.scaling.metadata import Told

_STRUCTURAL = frozenset((0x0100, 0x0101, 0x0112, 0x8769, 0x8825, 0xA005))
_EXIF, _GPS, _OFFSETS = 0x8769, 0x8825, 273
_INTEROP, _INDEX = 0xA005, 1


def directory(
    size: tuple[int, int], channels: int, bits: int, rows: int, strips: tuple[Sequence[int], Sequence[int]], told: Told, at: int
) -> bytes:
    """To be written at that place of the file."""
    found = TiffImagePlugin.ImageFileDirectory_v2()
    _describe(found, told)
    for tag, data in ((700, told.xmp), (33723, told.iptc), (34675, told.icc)):
        if data:
            found.tagtype[tag] = TiffTags.UNDEFINED if tag == 34675 else TiffTags.BYTE
            found[tag] = data
    found[256], found[257] = size
    found[258] = (bits,) * channels
    found[259] = 8  # deflate
    found[262] = 1 if channels <= 2 else 2
    found.tagtype[_OFFSETS] = found.tagtype[279] = TiffTags.LONG
    found[_OFFSETS], found[279] = (0,) * len(strips[0]), tuple(strips[1])
    found[277] = channels
    found[278] = rows
    found[284] = 1
    found[317] = 2  # each pixel as its difference from the one before
    if channels in (2, 4):
        found[338] = 2  # transparency, not multiplied in
    return _placed(bytearray(found.tobytes(at)), strips[0], at)


def _placed(block: bytearray, offsets: Sequence[int], at: int) -> bytes:
    """With the places of the strips as they are: Pillow takes them for places behind the directory."""
    (count,) = struct.unpack_from("<H", block)
    for entry in range(2, 2 + 12 * count, 12):
        tag, _, number, value = struct.unpack_from("<HHII", block, entry)
        if tag == _OFFSETS:
            struct.pack_into(f"<{number}I", block, entry + 8 if number == 1 else value - at, *offsets)
    return bytes(block)


def _describe(found: TiffImagePlugin.ImageFileDirectory_v2, told: Told) -> None:
    if not told.exif:
        return
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + told.exif)
    for tag, value in verbatim(exif).items():
        if tag not in _STRUCTURAL:
            found[tag] = value
    for tag in (_EXIF, _GPS):
        if inside := inner(exif, tag):
            found[tag] = inside


class _Text(str):
    """What Pillow read of a tag, a character for each byte. Left to itself it writes "?" for what is not ASCII."""

    __slots__ = ()

    def encode(self, encoding: str = "ascii", errors: str = "replace") -> bytes:
        return super().encode("latin-1" if encoding == "ascii" else encoding, errors)


def inner(exif: Image.Exif, tag: int) -> dict[int, Any]:
    """A directory of it, and within that of EXIF the one of interoperability, instead of the place where that lay."""
    found = verbatim(exif.get_ifd(tag))
    if found.pop(_INTEROP, None) and tag == _EXIF:
        with warnings.catch_warnings(action="ignore"):  # Pillow's, of a place where there is none
            inside = verbatim(exif.get_ifd(_INTEROP))
        if _INDEX in inside:  # else the place was wrong
            found[_INTEROP] = inside
    return found


def verbatim(values: Mapping[int, Any]) -> dict[int, Any]:
    """Values of a directory, whose texts Pillow writes with the bytes that it read."""
    return {tag: _Text(value) if isinstance(value, str) else value for tag, value in values.items()}
