"""One small file of every type that the readers know, with as much inside as its format allows: what ``fuzz`` damages."""

import io
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial

from make import raws, streams, turned
from make.entries import bag, iptc, jpeg_with, profile, segment, words, xmp
from make.exif import block, directory, long, rationals, short, text, undefined
from make.media import box, every_extension, moov, mts
from make.pictures import formats, heic, image

WHEN = "2021:07:01 00:30:00"
_PACKET = xmp(words("dc:title", "A title") + bag("dc:subject", "Aare", "Bern") + bag("Iptc4xmpExt:PersonInImage", "Ann"))
_RESOURCES = iptc([(5, "Title"), (55, "20210701")], digest=False)[14:]
_ROWS = [long(0x0C, 4711), text(0x11, "PAIR-1"), text(0x95, "EF 50mm f/1.8"), text(0x0229, "SN"), text(0x51, "LUMIX 14-42")]
_NOTES = {  # how each maker's note begins: its directory follows at once
    "Canon": b"",
    "Apple": b"Apple iOS\0\0\1II",
    "OLYMPUS": b"OLYMPUS\0II\x03\0",
    "Panasonic": b"Panasonic\0\0\0",
    "SONY": b"SONY DSC \0\0\0",
    "PENTAX": b"PENTAX \0II",
    "RICOH": b"AOC\0II",
}


def note(maker: str) -> bytes:
    """A maker's note; Nikon's is a TIFF block of its own."""
    if maker.startswith("NIKON"):
        return b"Nikon\0\2\x10\0\0II*\0\x08\0\0\0" + directory([text(0x1D, "300123"), rationals(0x84, [(20, 1)] * 4)], 8)
    head = _NOTES.get(maker, b"OLYMPUS\0II\x03\0")
    start = len(head)
    equipment = directory(
        [text(0x0101, "SN 4711"), text(0x0203, "M.25mm")], start + len(directory([*_ROWS, long(0x2010, 0)], start))
    )
    return head + directory([*_ROWS, long(0x2010, start + len(directory([*_ROWS, long(0x2010, 0)], start)))], start) + equipment


def exif(make: str = "OLYMPUS") -> bytes:
    """A TIFF block with dates, position, exposure, a maker's note and XMP."""
    return block(
        when=WHEN,
        offset="+02:00",
        subsec="25",
        gps=(46.948865, 7.431296),
        altitude=540.0,
        make=make,
        model="Fixture",
        orientation=6,
        main=[undefined(0x02BC, _PACKET), undefined(0x8649, _RESOURCES), short(0x103, 1)],
        more=[rationals(0x829A, [(1, 250)]), rationals(0x829D, [(28, 10)]), short(0x8827, 200), undefined(0x927C, note(make))],
        interop=[text(1, "R98")],
    )


def rich_jpeg(make: str = "OLYMPUS") -> bytes:
    """EXIF, XMP, IPTC, a profile, a comment."""
    more = (segment(0xFE, b"A comment"), segment(0xE2, b"ICC_PROFILE\0\1\1" + profile("Display P3")))
    return jpeg_with(_PACKET, exif=exif(make), resources=iptc([(5, "Title"), (25, "Bern")], digest=True), segments=more)


def mrw() -> bytes:
    """Minolta's blocks PRD and TTW."""
    prd = b"\0" * 12 + struct.pack(">HH", 2000, 3000) + b"\0" * 8
    blocks = b"\0PRD" + struct.pack(">I", len(prd)) + prd + b"\0TTW" + struct.pack(">I", len(exif())) + exif("MINOLTA")
    return b"\0MRM" + struct.pack(">I", len(blocks)) + blocks + b"\0" * 64


def crw() -> bytes:
    """Canon's heap with one more heap in it: size, date, camera."""
    values = (
        struct.pack("<IIfi", 3072, 2048, 1.0, 90).ljust(28, b"\0")
        + struct.pack("<III", 1_625_000_000, 0, 0)
        + b"Canon\0EOS\0\0\0"
    )
    rows = struct.pack("<HIIHIIHII", 0x1810, 28, 0, 0x180E, 12, 28, 0x080A, 12, 40)
    inner = values + struct.pack("<H", 3) + rows + struct.pack("<I", len(values))
    heap = inner + struct.pack("<HHII", 1, 0x300A, len(inner), 0) + struct.pack("<I", len(inner))
    return b"II" + struct.pack("<I", 26) + b"HEAPCCDR" + b"\0" * 12 + heap


def movie() -> bytes:
    """A QuickTime file with Apple's keys, user data and XMP."""
    names = (
        b"com.apple.quicktime.creationdate",
        b"com.apple.quicktime.location.ISO6709",
        b"com.apple.quicktime.content.identifier",
    )
    keys = box(b"keys", b"\0" * 4, struct.pack(">I", len(names)), *(box(b"mdta", one) for one in names))
    values = (b"2021-07-01T00:30:00+0200", b"+46.9488+007.4312+540/", b"PAIR-1")
    rows = (box(struct.pack(">I", at), box(b"data", b"\0\0\0\1\0\0\0\0", one)) for at, one in enumerate(values, 1))
    meta = box(b"meta", box(b"hdlr", b"\0" * 8, b"mdta", b"\0" * 12), keys, box(b"ilst", *rows))
    note = box(b"\xa9xyz", struct.pack(">HH", 16, 0), b"+46.9488+007.431")
    inside = moov()[8:] + meta + box(b"udta", note, box(b"date", b"2021-07-01T00:30:00+0200"), box(b"XMP_", _PACKET))
    return box(b"ftyp", b"qt  \0\0\2\0qt  ") + box(b"moov", inside) + box(b"mdat", b"\0" * 64)


def psd() -> bytes:
    """Photoshop resources: EXIF, XMP, IPTC."""
    resources = _RESOURCES
    for number, data in ((1058, exif()), (1060, _PACKET)):
        resources += b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)
    head = b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHHI", 3, 32, 48, 8, 3, 0)
    return head + struct.pack(">I", len(resources)) + resources + struct.pack(">I", 0) + b"\0" * 64


def j2k() -> bytes:
    """A codestream that has its size and its end, and no picture between."""
    siz = struct.pack(">HHIIIIIIIIH", 47, 0, 48, 32, 0, 0, 48, 32, 0, 0, 3) + b"\7\1\1" * 3
    return b"\xff\x4f\xff\x51" + siz + b"\xff\xd9"


def jp2() -> bytes:
    """Boxes of JPEG 2000 with EXIF and XMP before the codestream."""
    colour = box(b"colr", b"\1\0\0", struct.pack(">I", 16))
    uuids = box(b"uuid", b"JpgTiffExif->JP2", exif()) + box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), _PACKET)
    shape = box(b"jp2h", box(b"ihdr", struct.pack(">IIHBBBB", 32, 48, 3, 7, 7, 0, 0)), colour)
    head = b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return head + shape + uuids + box(b"jp2c", j2k())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png() -> bytes:
    """Texts of all three kinds with XMP, a raw profile and a time, EXIF, a colour profile, code points."""
    plain = _by_pillow("PNG")()
    raw = b"\nexif\n%8d\n" % len(exif()) + exif().hex().encode()
    chunks = (
        (b"iCCP", b"p\0\0" + zlib.compress(profile("Display P3"))),
        (b"cICP", bytes((9, 16, 0, 1))),
        (b"eXIf", exif()),
        (b"tEXt", b"Creation Time\0" + b"Thu, 01 Jul 2021 00:30:00 +0200"),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(_PACKET)),
    )
    return plain[:33] + b"".join(_chunk(*one) for one in chunks) + plain[33:]


def gif() -> bytes:
    """Adobe's XMP block before the picture."""
    plain = _by_pillow("GIF")()
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    return plain[:-1] + b"\x21\xff\x0bXMP DataXMP" + _PACKET + trailer + b"\x3b"


def webp() -> bytes:
    """The extended header, profile, EXIF and XMP."""
    parts = ((b"VP8X", b"\x2c\0\0\0\x2f\0\0\x1f\0\0"), (b"ICCP", profile("sRGB")), (b"EXIF", exif()), (b"XMP ", _PACKET))
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _by_pillow(format: str) -> Callable[[], bytes]:
    def made() -> bytes:
        out = io.BytesIO()
        image(size=(32, 32)).convert("P" if format == "GIF" else "RGB").save(out, format)
        return out.getvalue()

    return made


_JSON = (
    b'{"title": "a.jpg", "description": "words", "photoTakenTime": {"timestamp": "1625092200"},'
    b' "geoData": {"latitude": 46.9, "longitude": 7.4, "altitude": 540.0}}'
)
_AAE = b'<?xml version="1.0"?><plist version="1.0"><dict><key>adjustmentData</key><data>AAAA</data></dict></plist>'
_TIFF_BASED = {
    "nef": (b"II*\0", "NIKON CORPORATION"),
    "arw": (b"II*\0", "SONY"),
    "pef": (b"II*\0", "PENTAX"),
    "orf": (b"IIRO", "OLYMPUS"),
    "srw": (b"II*\0", "SAMSUNG"),
    "kdc": (b"II*\0", "KODAK"),
    "3fr": (b"II*\0", "Hasselblad"),
    "erf": (b"II*\0", "EPSON"),
    "mef": (b"II*\0", "Mamiya"),
    "iiq": (b"II*\0", "Phase One"),
    "mos": (b"II*\0", "Leaf"),
}
_MADE: Mapping[str, Callable[[], bytes]] = {
    "rich.jpg": rich_jpeg,
    "rich.png": png,
    "rich.gif": gif,
    "rich.webp": webp,
    "a.tif": lambda: exif("ACME"),
    **{f"{maker}.jpg": partial(rich_jpeg, maker) for maker in (*_NOTES, "NIKON")},
    **{
        f"rich.{suffix}": partial(raws.tiff_based, magic, maker, 6, more=(undefined(0x927C, note(maker)),))
        for suffix, (magic, maker) in _TIFF_BASED.items()
    },
    "rich.dng": lambda: raws.tiff_based(b"II*\0", "Google", mark=(undefined(0xC612, b"\1\4\0\0"), undefined(0x02BC, _PACKET))),
    "a.cr3": raws.cr3,
    "a.raf": raws.raf,
    "a.rw2": raws.rw2,
    "a.x3f": raws.x3f,
    "a.mrw": mrw,
    "a.crw": crw,
    "a.mkv": lambda: streams.matroska(date=10**17, video=streams.whole(0x54B0, 640)),
    "a.webm": lambda: streams.matroska(codec=b"V_VP9").replace(b"matroska", b"webm\0\0\0\0"),
    "rich.avi": lambda: streams.avi(date=b"Mon Mar 10 15:04:43 2003\n\0"),
    "rich.mpg": lambda: streams.program([90_000, 93_600, 97_200]),
    "rich.ts": lambda: streams.transport([streams.HEVC_SPS], [streams.FRAME * at for at in range(4)], kind=0x24, sound=0x81),
    "rich.mts": lambda: streams.transport([streams.SPS, streams.mdpm(2, "20110820111315")], [0, streams.FRAME], size=192),
    "rich.mp4": lambda: streams.movie(
        streams.track(b"hvc1", size=(64, 48), frames=9, turn=90, more=streams.nclx(9, 16)),
        streams.track(b"mp4a", id=2, more=box(b"esds", b"\0" * 4, b"\x03\x19\0\0\0\x04\x11\x40\x15" + b"\0" * 12)),
        brand=b"isom",
    ),
    "rich.mov": movie,
    "rich.psd": psd,
    "rich.jp2": jp2,
    "a.j2k": j2k,
    "a.jxl": lambda: turned.jxl(6),
    "bare.jxl": lambda: b"\xff\x0a" + b"\x21\x43\x65" * 8,
    "turned.heic": lambda: turned.heic(6),
    "turned.webp": lambda: turned.webp(6),
    "turned.png": lambda: turned.png(6),
    "a.ts": lambda: b"".join(mts()[at + 4 : at + 192] for at in range(0, len(mts()), 192)),
    "a.xcf": lambda: b"gimp xcf v001\0" + struct.pack(">III", 48, 32, 0),
    "a.mng": lambda: b"\x8aMNG\r\n\x1a\n\0\0\0\x1cMHDR" + struct.pack(">II", 48, 32) + b"\0" * 24,
    "a.xmp": lambda: _PACKET,
    "a.jpg.json": lambda: _JSON,
    "a.aae": lambda: _AAE,
    **{f"a.{one.lower()}": _by_pillow(one) for one in ("TGA", "PCX", "PPM", "DDS", "ICNS", "ICO", "SGI")},
}


def every_type() -> Mapping[str, bytes]:
    """The files by their names."""
    found = {name: made() for name, made in _MADE.items()}
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            *every_extension(folder).values(),
            *formats(os.path.join(folder, "formats")),
            heic(os.path.join(folder, "x.heic")),
        ]
        for path in paths:
            with open(path, "rb") as file:
                found[os.path.basename(path)] = file.read()
    return found
