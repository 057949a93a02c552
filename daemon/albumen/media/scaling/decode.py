"""The pixels of a picture and what it tells beside them. Whatever would lose something is refused."""

import io
import struct
from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import numpy as np
from PIL import ExifTags, Image

from albumen.errors import Rejected
from albumen.media.readers.boxes import find, number, walk
from albumen.media.readers.tiff import Tiff
from albumen.media.readers.window import Memory
from albumen.media.scaling import opencv, png, turbo
from albumen.media.scaling.directory import inner, verbatim
from albumen.media.scaling.extended import joined
from albumen.media.scaling.metadata import Told
from albumen.media.scaling.pixels import Pixels, turned
from albumen.model import Facts

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "HEIF")
_TURNED = ("TIFF", "HEIF")  # their decoders turn them
# Pillow's modes: as which one the pixels are taken
_MODES: Mapping[str, str] = MappingProxyType(
    {
        **{one: one for one in ("L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B")},
        "1": "L",
        "RGBX": "RGB",
        "RGBa": "RGBA",
        "La": "LA",
        "PA": "RGBA",
        "YCbCr": "RGB",
    }
)
_IPTC = 0x0404
_BITS, _PHOTOMETRIC, _EXTRA = 258, 262, 338  # of a TIFF: of each value; 0 when white is zero; what values beyond the colours are
# Of the first directory of a TIFF: what says something about the picture, not where its pixels lie
_DESCRIBING = frozenset((0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, 0x4746, 0x4749, *range(0x9C9B, 0x9CA0)))
_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)

Opened: TypeAlias = Image.Image
T = TypeVar("T")


class Picture:
    """An opened picture: its size, its EXIF ``orientation`` (1–8) as its ``facts`` tell, what else it tells.

    ``Rejected`` when it is none that can be scaled without loss.
    """

    def __init__(self, data: bytes, facts: Facts) -> None:
        self._data = data
        self._opened = _opened(data)
        self._mode = _mode(self._opened)
        self._deep = _is_deep(self._opened, data)
        self.width, self.height = self._opened.size
        self.sampling = turbo.sampling(data) if self._is_jpeg else "444"
        self.orientation = _orientation(self._opened, facts)
        self.told = _told(self._opened, data)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height as shown: Pillow tells those of a TIFF, and those as stored of the others."""
        lies = self.orientation >= 5 and self._opened.format not in _TURNED
        return (self.height, self.width) if lies else (self.width, self.height)

    @property
    def cost(self) -> int:
        """Bytes of its pixels."""
        channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}.get(self._mode, 1)
        return self.width * self.height * channels * (2 if self._deep or self._mode.startswith("I;16") else 1)

    def pixels(self) -> Pixels:
        """All of them, as shown. ``Rejected`` when they cannot be had whole."""
        found = self._stored()
        return found if self.orientation == 1 or self._opened.format in _TURNED else turned(found, self.orientation)

    def _stored(self) -> Pixels:
        if self._is_jpeg:
            return turbo.decode(self._data, grey=self._mode == "L")
        if self._opened.format == "PNG":
            png.whole(self._data)
        if self._deep:
            return _see_through(_deep(self._opened, self._data), self._opened)
        return _guarded(self._plain)

    def close(self) -> None:
        """Its bytes are not needed any more. Twice is harmless."""
        self._opened.close()

    @property
    def _is_jpeg(self) -> bool:
        return self._opened.format in ("JPEG", "MPO")

    def _plain(self) -> Pixels:
        picture = self._opened
        picture.load()
        if self._mode.startswith("I;16"):
            return _see_through(_grey(picture)[:, :, np.newaxis], picture)
        if picture.mode != self._mode:
            picture = picture.convert(self._mode)
        found = np.asarray(picture)
        return found[:, :, np.newaxis] if found.ndim == 2 else found


def _grey(picture: Any) -> Pixels:
    """Grey from 0 for black to 65535 for white: Pillow leaves the numbers of a TIFF as they are stored."""
    found: Pixels = np.asarray(picture).astype(np.uint16)
    if picture.format == "TIFF" and max(picture.tag_v2.get(_BITS, (16,))) == 12:
        found = (found << 4) | (found >> 8)
    return ~found if picture.format == "TIFF" and picture.tag_v2.get(_PHOTOMETRIC) == 0 else found


def _opened(data: bytes) -> Opened:
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # the budget of memory is the limit, and the process has one
    picture = _guarded(lambda: Image.open(io.BytesIO(data), formats=_FORMATS))
    frames = _guarded(lambda: int(getattr(picture, "n_frames", 1)))
    if frames > 1 and picture.format == "TIFF":
        raise Rejected(f"it has {frames} pages, and only one could be kept")
    if frames > 1 and picture.format not in ("MPO", "HEIF"):  # those have one that counts
        raise Rejected(f"it is animated ({frames} pictures), and only one could be kept")
    _spread(picture, data)
    return picture


def _spread(picture: Opened, data: bytes) -> None:
    """Pillow makes 0 to 255 of grey of 2 and 4 bits, but not of the one that a PNG says is see-through."""
    key, step = picture.info.get("transparency"), {b"\x02\0": 85, b"\x04\0": 17}.get(data[24:26])
    if picture.format == "PNG" and isinstance(key, int) and step:
        picture.info["transparency"] = key * step


def _guarded(call: Callable[[], T]) -> T:
    """What Pillow answers; its many errors about broken files as ``Rejected``."""
    try:
        return call()
    except MemoryError:
        raise
    except (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError, EOFError, RuntimeError, struct.error) as error:
        why = "" if "<_io." in str(error) else f": {error}"  # Pillow says only which object of ours it was
        raise Rejected(f"its pixels cannot be decoded{why}") from None


def _mode(picture: Opened) -> str:
    """As which mode its pixels are taken. ``Rejected``."""
    if picture.mode == "CMYK":
        raise Rejected("its colours are CMYK, made for print: turned into others without its printer they would be wrong")
    if picture.mode == "P":
        return (
            "RGBA"
            if "transparency" in picture.info or (picture.palette is not None and picture.palette.mode == "RGBA")
            else "RGB"
        )
    if picture.mode not in _MODES:
        raise Rejected(f"its pixels are of a kind that is not scaled ({picture.mode})")
    mode = _MODES[picture.mode]
    if "transparency" in picture.info and picture.format != "GIF":
        return {"L": "LA", "RGB": "RGBA"}.get(mode, mode)  # one colour that is see-through
    return "RGBA" if "transparency" in picture.info else mode


def _is_deep(picture: Any, data: bytes) -> bool:
    """Whether Pillow would cut its pixels to 8 bits."""
    if picture.format == "TIFF":
        bits = set(picture.tag_v2.get(_BITS, (8,)))
        grey = picture.mode.startswith("I;16")
        if (max(bits) > 8 and bits != {16} and not (grey and bits == {12})) or picture.tag_v2.get(339, (1,))[0] != 1:
            raise _too_deep(max(bits))
        return bits == {16} and not grey
    if picture.format == "JPEG2000":
        return _is_deep_jpeg2000(picture.mode, data)
    if picture.format == "AVIF" and _is_deep_avif(data):
        raise _too_deep("more than 8")
    if picture.mode.startswith("I;16"):
        return False
    if picture.format == "PNG":
        return data[24:25] == b"\x10"
    return bool(picture.format == "HEIF") and int(picture.info.get("bit_depth", 8)) > 8


def _too_deep(bits: object) -> Rejected:
    return Rejected(f"its pixels are numbers of {bits} bits, which are not scaled: make a PNG of 16 bits of it")


def _is_deep_jpeg2000(mode: str, data: bytes) -> bool:
    """By its first segment (ITU-T T.800, annex A.5.1). Pillow keeps grey of 16 bits, OpenCV RGB."""
    found = find(Memory(data), b"jp2c")
    head = Memory(data) if found is None else found.body
    parts = [head.at(at, 3) for at in range(42, 42 + 3 * number(head.at(40, 2), 0, 2), 3)]
    bits = max((part[0] & 0x7F) + 1 for part in parts) if parts and all(parts) else 0
    if bits > 8 and (set(parts) != {b"\x0f\1\1"} or mode not in ("RGB", "I;16")):
        raise _too_deep(bits)
    return bits > 8 and mode == "RGB"


def _is_deep_avif(data: bytes) -> bool:
    """By the configuration of its pictures (AV1 in ISOBMFF, section 2.3)."""
    meta = find(Memory(data), b"meta")
    properties = None if meta is None else find(meta.body, b"iprp", b"ipco", start=4)
    known = () if properties is None else walk(properties.body)
    return any(box.kind == b"av1C" and number(box.body.at(2, 1), 0, 1) & 0x40 for box in known)


def _deep(picture: Opened, data: bytes) -> Pixels:
    if picture.format == "HEIF":
        return _deep_heif(data)
    found = opencv.decode(data)
    if found.shape[0] * found.shape[1] != picture.height * picture.width:
        raise Rejected("its pixels cannot be decoded as they are stored")
    if picture.format == "TIFF" and found.shape[2] == 4:
        return _of_samples(found, picture)
    if picture.format == "PNG" and data[25:26] == b"\x04":  # grey with transparency: comes as RGBA
        return np.ascontiguousarray(found[:, :, 2:])
    return found


def _of_samples(found: Pixels, picture: Any) -> Pixels:
    """RGB with what the fourth value of each pixel is: transparency, its colours multiplied by it or not, or nothing that is shown."""
    meaning = picture.tag_v2.get(_EXTRA, (0,))[0]
    if meaning not in (1, 2):
        return np.ascontiguousarray(found[:, :, :3])
    if meaning == 1:
        for row in found:
            alpha = np.maximum(row[:, 3:].astype(np.uint32), 1)
            row[:, :3] = np.minimum((row[:, :3] * np.uint32(65535) + alpha // 2) // alpha, np.where(row[:, 3:], 65535, 0))
    return found


def _see_through(pixels: Pixels, picture: Opened) -> Pixels:
    """With transparency where a PNG of 16 bits has one colour that stands for nothing."""
    key = picture.info.get("transparency")
    if picture.format != "PNG" or key is None or pixels.shape[2] not in (1, 3):
        return pixels
    clear = (pixels == np.asarray(key, np.uint16)).all(axis=2, keepdims=True)
    return np.concatenate([pixels, np.where(clear, 0, 65535).astype(np.uint16)], axis=2)


def _deep_heif(data: bytes) -> Pixels:
    import pillow_heif

    def read() -> Pixels:
        with closing(io.BytesIO(data)) as file:
            opened = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)
            found = np.asarray(opened)
            return found if found.ndim == 3 else found[:, :, np.newaxis]

    found: Pixels = _guarded(read)
    return found


# --------------------------------------------------------------------------------------------------------- what it tells beside


def _orientation(picture: Opened, facts: Facts) -> int:
    """HEIC and AVIF are turned by properties of their own: of AVIF, Pillow makes EXIF of it."""
    found = facts.orientation
    if picture.format in ("HEIF", "AVIF"):
        exif = Image.Exif()
        _guarded(lambda: exif.load(picture.info.get("exif") or b""))
        found = exif.get(ExifTags.Base.Orientation)
    return found if found and 1 <= found <= 8 else 1


def _told(picture: Opened, data: bytes) -> Told:
    info = picture.info
    if picture.format == "PNG":
        return png.told(data, info.get("icc_profile") or b"")
    exif = _of_tiff(picture) if picture.format == "TIFF" else info.get("exif") or b""
    packet = info.get("xmp") or b""
    packet = packet.encode() if isinstance(packet, str) else packet
    segments = [content for _, content in getattr(picture, "applist", ())]
    return Told(
        exif=exif.removeprefix(b"Exif\0\0"),
        xmp=joined(packet, segments),
        icc=info.get("icc_profile") or b"",
        iptc=_iptc(picture, data),
        comment=info.get("comment", b"") if picture.format in ("JPEG", "MPO") else b"",
    )


def _of_tiff(picture: Opened) -> bytes:
    """A block of its own of what a TIFF tells in its first directory."""
    whole, kept = picture.getexif(), Image.Exif()
    kept.update(verbatim({tag: whole[tag] for tag in _DESCRIBING & whole.keys()}))
    for directory in _DIRECTORIES:
        if found := inner(whole, directory):
            kept[directory] = found
    return _guarded(kept.tobytes) if len(kept) else b""


def _iptc(picture: Any, data: bytes) -> bytes:
    """The IPTC of a JPEG's or TIFF's Photoshop block, or of the TIFF itself."""
    found = picture.info.get("photoshop")
    inside = found.get(_IPTC) if isinstance(found, dict) else None
    if inside is None and picture.format == "TIFF":
        tiff = Tiff(Memory(data))
        at, size = tiff.directory(tiff.start).place(33723)  # as they are stored: some programs call its bytes numbers
        inside = data[at : at + size]
    return inside if isinstance(inside, bytes) else b""
