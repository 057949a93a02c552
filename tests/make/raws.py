"""RAW files without pixels, with everything that a camera writes about the picture: date, offset, camera, lens, position, size."""

import struct

from make.exif import Entry, block, directory, long, position, short, text
from make.media import box
from make.pictures import jpeg_bytes

WHEN, OFFSET = "2021:07:01 00:30:00", "+02:00"
SPOT = (46.94887, 7.4313)
WHOLE = (6000, 4000)
SENSOR = (6080, 4040)  # with the border that cameras crop
_INNER = [text(0x9003, WHEN), text(0x9011, OFFSET), text(0xA434, "Lens 35mm F2"), text(0xA431, "SN-1"), short(0x8827, 800)]


def _preview(maker: str, orientation: int) -> bytes:
    """The embedded JPEG of cameras that keep their EXIF there."""
    inner = [*_INNER, long(0xA002, WHOLE[0]), long(0xA003, WHOLE[1])]
    exif = block(make=maker, model="Model R", orientation=orientation, gps=SPOT, more=inner)
    return jpeg_bytes(exif=b"Exif\0\0" + exif)


def cr3(orientation: int = 1) -> bytes:
    """Canon: TIFF blocks CMT1, CMT2 and CMT4, the sensor's size in its track."""

    def cmt(kind: bytes, entries: list[Entry]) -> bytes:
        return box(kind, b"II*\0\x08\0\0\0" + directory(entries, 8))

    main = [
        text(0x010F, "Canon"),
        text(0x0110, "Model R"),
        short(0x0112, orientation),
        short(0x100, WHOLE[0]),
        short(0x101, WHOLE[1]),
    ]
    parts = (cmt(b"CMT1", main), cmt(b"CMT2", list(_INNER)), cmt(b"CMT4", position(SPOT)))
    canon = box(b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48"), *parts)
    entry = box(b"CRAW", b"\0" * 24, struct.pack(">HH", *SENSOR), b"\0" * 50)
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stsd", b"\0" * 4, b"\0\0\0\1", entry)))))
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", canon, track) + box(b"mdat", b"\0" * 16)


def raf(orientation: int = 1) -> bytes:
    """Fujifilm: a header with the places of preview, records and sensor data."""
    preview = _preview("FUJIFILM", orientation)
    rows = [(0x100, SENSOR), (0x111, WHOLE)]
    records = struct.pack(">I", len(rows)) + b"".join(struct.pack(">HHHH", tag, 4, size[1], size[0]) for tag, size in rows)
    at = 160
    places = struct.pack(">6I", at, len(preview), at + len(preview), len(records), at + len(preview) + len(records), 16)
    head = b"FUJIFILMCCD-RAW 0201" + b"\0" * 64 + places
    return head.ljust(at, b"\0") + preview + records + b"\0" * 16


def rw2(orientation: int = 1) -> bytes:
    """Panasonic: TIFF with a magic of its own, the sensor's borders, EXIF in the preview."""
    preview = _preview("Panasonic", orientation)
    borders = [short(4, 4), short(5, 8), short(6, 4 + WHOLE[1]), short(7, 8 + WHOLE[0])]
    entries = [short(2, SENSOR[0]), short(3, SENSOR[1]), *borders, short(0x0112, orientation), (0x2E, 7, len(preview), preview)]
    return b"IIU\0\x08\0\0\0" + directory(entries, 8)


def tiff_based(
    magic: bytes, maker: str, orientation: int = 1, *, mark: tuple[Entry, ...] = (), more: tuple[Entry, ...] = ()
) -> bytes:
    """NEF, ARW, PEF, ORF, SRW, DNG …: a thumbnail first, EXIF, GPS, and the sensor's picture in a directory of its own.

    ``mark`` adds to the first directory, ``more`` to EXIF's.
    """

    def first(sub: int, inner: int, gps: int) -> list[Entry]:
        words = [text(0x010F, maker), text(0x0110, "Model R"), short(0x0112, orientation)]
        return [
            long(0xFE, 1),
            long(0x100, 160),
            long(0x101, 120),
            *words,
            long(0x14A, sub),
            long(0x8769, inner),
            long(0x8825, gps),
            *mark,
        ]

    mosaic = [long(0xFE, 0), long(0x100, WHOLE[0]), long(0x101, WHOLE[1]), short(0x103, 1), short(0x106, 32803)]
    parts: list[bytes] = []
    starts = [8 + len(directory(first(0, 0, 0), 8))]
    for entries in (mosaic, [*_INNER, *more], position(SPOT)):
        parts.append(directory(entries, starts[-1]))
        starts.append(starts[-1] + len(parts[-1]))
    return magic + struct.pack("<I", 8) + directory(first(*starts[:3]), 8) + b"".join(parts)


def x3f(rotation: int = 0) -> bytes:
    """Sigma, an early one: no EXIF, only a section of properties."""
    pairs = {
        "TIME": "1625099400",
        "CAMMANUF": "SIGMA",
        "CAMMODEL": "Model R",
        "CAMSERIAL": "SN-1",
        "ISO": "800",
        "SHUTTER": "0.004",
    }
    words, rows = "", b""
    for pair in pairs.items():
        places = []
        for one in pair:
            places.append(len(words))
            words += one + "\0"
        rows += struct.pack("<II", *places)
    head = (b"FOVb" + struct.pack("<I", 0x20002)).ljust(28, b"\0") + struct.pack("<III", *WHOLE, rotation)
    section = b"SECp" + struct.pack("<IIIII", 0x20000, len(pairs), 0, 0, len(words)) + rows + words.encode("utf-16-le")
    table = b"SECd" + struct.pack("<II", 0x20000, 1) + struct.pack("<II", len(head), len(section)) + b"PROP"
    return head + section + table + struct.pack("<I", len(head) + len(section))
