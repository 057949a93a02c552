"""One small real file per extension of the first seed: written by Pillow, or byte by byte where nothing at hand writes it."""

import os
import struct

from make.exif import Entry, directory, long, text
from make.pictures import heic, image, jpeg_bytes, write

RAW = ("orf", "nef", "cr2")
VIDEO = ("mov", "avi", "mp4", "mpg", "m4v", "wmv", "mts", "3gp")
IMAGE = ("png", "jpg", "jpeg", "jpg2", "jp2", "heic", "bmp", "gif", "mpo", "psd")
_BRANDS = {"mov": b"qt  ", "mp4": b"isom", "m4v": b"M4V ", "3gp": b"3gp5"}


def box(kind: bytes, *parts: bytes) -> bytes:
    """One ISO-BMFF box."""
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def moov(*, created: int = 3_708_000_000, seconds: int = 1, size: tuple[int, int] = (320, 240)) -> bytes:
    """A ``moov`` box of one video track; ``created`` in seconds since 1904 UTC."""
    unit = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    times = struct.pack(">II", created, created)
    mvhd = box(b"mvhd", b"\0" * 4, times, struct.pack(">II", 1000, 1000 * seconds), b"\0" * 16, unit, b"\0" * 28)
    shape = struct.pack(">II", size[0] << 16, size[1] << 16)
    tkhd = box(b"tkhd", b"\0\0\0\1", times, struct.pack(">III", 1, 0, 1000 * seconds), b"\0" * 16, unit, shape)
    hdlr = box(b"hdlr", b"\0" * 8, b"vide", b"\0" * 13)
    return box(b"moov", mvhd, box(b"trak", tkhd, box(b"mdia", hdlr)))


def movie(brand: bytes) -> bytes:
    """A QuickTime-like file of that brand, without pictures."""
    return box(b"ftyp", brand, b"\0\0\2\0", brand) + moov() + box(b"mdat", b"\0" * 64)


def avi() -> bytes:
    """RIFF AVI: main header, 25 frames of 320 × 240 at 40 ms, an empty ``movi`` list."""
    avih = struct.pack("<14I", 40_000, 0, 0, 0, 25, 0, 0, 0, 320, 240, 0, 0, 0, 0)
    header = b"LIST" + struct.pack("<I", 12 + len(avih)) + b"hdrl" + b"avih" + struct.pack("<I", len(avih)) + avih
    body = b"AVI " + header + b"LIST" + struct.pack("<I", 4) + b"movi"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def mpg() -> bytes:
    """MPEG-2 program stream: one pack header, one packet of video with a sequence header of 320 × 240."""
    sequence = b"\0\0\1\xb3" + (320 << 12 | 240).to_bytes(3, "big") + b"\x13\xff\xff\xe0\0" + b"\0\0\1\xb7"
    packet = b"\0\0\1\xe0" + struct.pack(">H", 3 + len(sequence)) + b"\x80\0\0" + sequence
    return b"\0\0\1\xba\x44" + b"\0" * 9 + packet + b"\0\0\1\xb9"


def mts() -> bytes:
    """AVCHD transport stream: null packets of 188 bytes, each behind its four bytes of time."""
    return (b"\0\0\0\0" + b"\x47\x1f\xff\x10" + b"\xff" * 184) * 16


def wmv() -> bytes:
    """ASF header object with file properties: created 2021-07-01 UTC, one second."""
    created = 132_695_712_000_000_000
    inner = b"\0" * 16 + struct.pack("<QQQQQQIIII", 0, created, 0, 10_000_000, 10_000_000, 0, 2, 0, 0, 0)
    properties = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365") + struct.pack("<Q", 24 + len(inner)) + inner
    size = struct.pack("<QIBB", 30 + len(properties), 1, 1, 2)
    return b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel" + size + properties


def raw(magic: bytes, maker: str, *, start: int = 8, between: bytes = b"") -> bytes:
    """A TIFF-based RAW: a reduced first directory of that maker, the picture of 4288 × 2848 in a sub-directory."""

    def first(sub: int) -> list[Entry]:
        return [long(0xFE, 1), long(0x100, 160), long(0x101, 120), text(0x010F, maker), long(0x14A, sub)]

    sub = start + len(directory(first(0), start))
    head = magic + struct.pack("<I", start) + between
    return head + directory(first(sub), start) + directory([long(0xFE, 0), long(0x100, 4288), long(0x101, 2848)], sub)


def psd() -> bytes:
    """Photoshop header of 48 × 32 RGB with empty sections and a merged picture of zeros."""
    return b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 32, 48, 8, 3) + b"\0" * 12 + b"\0\0" + b"\0" * (3 * 32 * 48)


def every_extension(folder: str) -> dict[str, str]:
    """The files by their extension; two of them have it in capitals (``MyPic.PNG``, ``video.AVI``)."""
    plain = {
        "orf": raw(b"IIRO", "OLYMPUS IMAGING CORP."),
        "nef": raw(b"II*\0", "NIKON CORPORATION"),
        "cr2": raw(b"II*\0", "Canon", start=16, between=b"CR\2\0\0\0\0\0"),
        **{name: movie(brand) for name, brand in _BRANDS.items()},
        "avi": avi(),
        "mpg": mpg(),
        "wmv": wmv(),
        "mts": mts(),
        "jpg": jpeg_bytes(when="2021:07:01 10:00:00"),
        "jpeg": jpeg_bytes(when="2021:07:01 10:00:01"),
        "psd": psd(),
    }
    names = {"avi": "video.AVI", "png": "MyPic.PNG"}
    made = {one: write(os.path.join(folder, names.get(one, f"a.{one}")), data) for one, data in plain.items()}
    formats = {"png": "PNG", "bmp": "BMP", "gif": "GIF", "jp2": "JPEG2000", "jpg2": "JPEG2000", "mpo": "MPO"}
    for at, (one, format) in enumerate(formats.items()):
        made[one] = os.path.join(folder, names.get(one, f"a.{one}"))
        picture = image((20 * at, 90, 30))
        extra = {"append_images": [image((1, 2, 3))], "save_all": True} if one == "mpo" else {}
        picture.save(made[one], format, **extra)
    made["heic"] = heic(os.path.join(folder, "a.heic"))
    return made
