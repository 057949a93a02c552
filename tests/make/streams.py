"""Videos byte by byte: transport and program streams, movies with codings and colours, Matroska, AVI, Windows media."""

import struct
from collections.abc import Iterator, Sequence

from make.media import box

SPS = bytes.fromhex("6764001eacd940b43dbff00080009100000303e90000ea600f162d96")  # x264: 720 × 480, pixels 8:9, 29.97 a second
HEVC_SPS = bytes.fromhex("42010102200000030090000003000003005aa005a201e1365959a4932bc05a84880482000007d20000ea6010")  # x265: PQ
SEQUENCE = bytes.fromhex("000001b32d01e023ffffe018") + bytes.fromhex(
    "000001b514820001000000000001b80008000000"
)  # 480i at 25, 4:3
_MDPM = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"
FRAME = 3003  # ticks of a picture at 29.97 a second


def mdpm(zone: int, when: str, more: Sequence[tuple[int, bytes]] = ()) -> bytes:
    """The supplemental message of an AVCHD camera; ``when`` as ``20110820111315``."""
    digits = bytes.fromhex(when)
    packs = [(0x18, bytes([zone]) + digits[:3]), (0x19, digits[3:]), *more]
    body = _MDPM + bytes([len(packs)]) + b"".join(bytes([tag]) + data for tag, data in packs)
    return _escaped(b"\x06\x05" + bytes([len(body)]) + body + b"\x80")


def _escaped(unit: bytes) -> bytes:
    """With the bytes that keep start codes out of it."""
    found = bytearray()
    for byte in unit:
        if byte <= 3 and found[-2:] == b"\0\0":
            found.append(3)
        found.append(byte)
    return bytes(found)


def _crc() -> bytes:
    return b"\0\0\0\0"


def _pts(ticks: int, mark: int = 0x20) -> bytes:
    ticks %= 1 << 33
    low, high = ticks & 0x7FFF, ticks >> 15 & 0x7FFF
    return bytes([mark | ticks >> 30 << 1 | 1]) + struct.pack(">HH", high << 1 | 1, low << 1 | 1)


def pes(stream: int, payload: bytes, ticks: int | None = None) -> bytes:
    """One packet of an elementary stream, MPEG-2."""
    head = b"\x80\x80\x05" + _pts(ticks) if ticks is not None else b"\x80\x00\x00"
    return b"\0\0\1" + bytes([stream]) + struct.pack(">H", len(head) + len(payload)) + head + payload


def _sections(kind: int, sound: int) -> tuple[bytes, bytes]:
    pat = b"\0\xb0\x0d\0\1\xc1\0\0" + b"\0\1\xe1\x00" + _crc()
    streams = bytes([kind, 0xE1, 0x01, 0xF0, 0]) + bytes([sound, 0xE1, 0x02, 0xF0, 0])
    pmt = b"\2\xb0" + bytes([13 + len(streams)]) + b"\0\1\xc1\0\0\xe1\x01\xf0\0" + streams + _crc()
    return b"\0" + pat, b"\0" + pmt


def _packets(pid: int, data: bytes) -> Iterator[bytes]:
    first = True
    while data:
        part, data = data[:184], data[184:]
        stuff = 184 - len(part)
        adaptation = b"" if not stuff else b"\0" if stuff == 1 else bytes([stuff - 1, 0]) + b"\xff" * (stuff - 2)
        flags = (0x40 if first else 0) | pid >> 8
        yield bytes([0x47, flags, pid & 255, 0x30 if stuff else 0x10]) + adaptation + part
        first = False


def transport(
    units: Sequence[bytes], times: Sequence[int], *, size: int = 188, kind: int = 0x1B, sound: int = 0x0F, between: int = 0
) -> bytes:
    """A transport stream: its first picture begins with ``units``, pictures are shown at ``times`` (ticks); ``between`` filling
    packets lie before the last."""
    pat, pmt = _sections(kind, sound)
    head = b"".join(b"\0\0\0\1" + one for one in units) + b"\0\0\0\1\x65" + b"\x11" * 700
    found = [*_packets(0, pat.ljust(184, b"\xff")), *_packets(0x100, pmt.ljust(184, b"\xff"))]
    for at, ticks in enumerate(times):
        if at == len(times) - 1:
            found += [b"\x47\x1f\xff\x10" + b"\xff" * 184] * between
        found += _packets(0x101, pes(0xE0, head if not at else b"\0\0\0\1\x41" + b"\x22" * 300, ticks))
    return b"".join((b"\0\0\0\0" + one if size == 192 else one) for one in found)


def program(times: Sequence[int], *, between: int = 0) -> bytes:
    """An MPEG-2 program stream of 720 × 480 pictures shown at 4:3, with sound."""
    pack = b"\0\0\1\xba\x44" + b"\0" * 8 + b"\xf8"
    parts = [pack, pes(0xE0, SEQUENCE + b"\0\0\1\0" + b"\x11" * 100, times[0]), pes(0xC0, b"\xff\xfd" * 50, times[0])]
    parts += [pack + pes(0xBE, b"\xff" * 2000)] * between
    parts += [pack + pes(0xE0, b"\0\0\1\0" + b"\x22" * 100, ticks) for ticks in times[1:]]
    return b"".join(parts) + b"\0\0\1\xb9"


MATRIX = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def keys(**values: str) -> bytes:
    """Apple's keys in a ``meta`` box; ``__`` stands for a point."""
    names = [f"com.apple.quicktime.{name.replace('__', '.')}".encode() for name in values]
    table = box(b"keys", b"\0" * 4, struct.pack(">I", len(names)), *(box(b"mdta", one) for one in names))
    items = [
        box(struct.pack(">I", at), box(b"data", struct.pack(">II", 1, 0), value.encode()))
        for at, value in enumerate(values.values(), 1)
    ]
    return box(b"meta", box(b"hdlr", b"\0" * 8, b"mdta", b"\0" * 12), table, box(b"ilst", *items))


def track(
    coding: bytes,
    *,
    size: tuple[int, int] = (0, 0),
    shown: tuple[int, int] | None = None,
    turn: int = 0,
    frames: int = 0,
    each: int = 1001,
    enabled: bool = True,
    more: bytes = b"",
    id: int = 1,
) -> bytes:
    """A track of pictures (with a ``size``) or sound; 30000 ticks a second."""
    a, b, c, d = (0x10000 * one for one in MATRIX[turn])
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    shape = size if shown is None else shown
    head = b"\0\0\0" + bytes([enabled]) + b"\0" * 8 + struct.pack(">III", id, 0, 0) + b"\0" * 16 + matrix
    tkhd = box(b"tkhd", head, struct.pack(">II", shape[0] << 16, shape[1] << 16))
    mdhd = box(b"mdhd", b"\0" * 12, struct.pack(">II", 30000, frames * each), b"\0" * 4)
    hdlr = box(b"hdlr", b"\0" * 8, b"vide" if size[0] else b"soun", b"\0" * 13)
    visual = b"\0" * 24 + struct.pack(">HH", *size) + b"\0" * 50
    entry = box(coding, visual if size[0] else b"\0" * 28, more)
    stsd = box(b"stsd", b"\0" * 4, struct.pack(">I", 1), entry)
    stts = box(b"stts", b"\0" * 4, struct.pack(">III", 1, frames, each) if frames else struct.pack(">I", 0))
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", box(b"stbl", stsd, stts))))


def movie(*parts: bytes, brand: bytes = b"qt  ", created: int = 3_708_000_000, length: int = 2000, behind: bytes = b"") -> bytes:
    """A movie of these tracks and metadata; ``created`` in seconds since 1904 UTC, ``length`` in ms."""
    mvhd = box(b"mvhd", b"\0" * 4, struct.pack(">IIII", created, created, 1000, length), b"\0" * 80)
    return box(b"ftyp", brand, b"\0\0\2\0", brand) + box(b"moov", mvhd, *parts) + box(b"mdat", b"\0" * 64) + behind


def nclx(primaries: int, transfer: int) -> bytes:
    """A colour box of code points."""
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 9, 0))


def element(id: int, body: bytes) -> bytes:
    """One EBML element."""
    raw = id.to_bytes((id.bit_length() + 7) // 8, "big")
    return raw + (0x0100000000000000 | len(body)).to_bytes(8, "big") + body


def whole(id: int, value: int) -> bytes:
    """An element that holds a number."""
    return element(id, value.to_bytes(4, "big"))


def matroska(*, video: bytes = b"", codec: bytes = b"V_MPEG4/ISO/AVC", date: int | None = None, each: int = 40_000_000) -> bytes:
    """A Matroska file of two seconds; ``video`` adds to its picture settings of 720 × 480, ``date`` in ns since 2001."""
    info = whole(0x2AD7B1, 1_000_000) + element(0x4489, struct.pack(">d", 2000.0))
    info += element(0x4461, struct.pack(">q", date)) if date is not None else b""
    sound = element(0xAE, whole(0xD7, 1) + whole(0x83, 2) + element(0x86, b"A_AAC/MPEG4/LC"))
    shape = element(0xE0, whole(0xB0, 720) + whole(0xBA, 480) + video)
    picture = element(0xAE, whole(0xD7, 2) + whole(0x83, 1) + element(0x86, codec) + whole(0x23E383, each) + shape)
    segment = element(0x18538067, element(0x1549A966, info) + element(0x1654AE6B, sound + picture))
    return element(0x1A45DFA3, element(0x4282, b"matroska")) + segment


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _list(kind: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


def avi(*, date: bytes = b"", fourcc: bytes = b"MJPG", frames: int = 50) -> bytes:
    """An AVI of 25 pictures a second with PCM sound; ``date`` as ``IDIT`` has it."""
    main = _chunk(b"avih", struct.pack("<14I", 40_000, 0, 0, 0, frames, 0, 2, 0, 320, 240, 0, 0, 0, 0))
    pictures = struct.pack("<4s4sIHHIIIIIIII", b"vids", fourcc, 0, 0, 0, 0, 1, 25, 0, frames, 0, 0, 0) + b"\0" * 8
    shape = struct.pack("<IiiHH4sIiiII", 40, 320, 240, 1, 24, fourcc, 0, 0, 0, 0, 0)
    sounds = struct.pack("<4s4sIHHIIIIIIII", b"auds", b"\0" * 4, 0, 0, 0, 0, 1, 8000, 0, 16000, 0, 0, 0) + b"\0" * 8
    header = _list(
        b"hdrl",
        main,
        _list(b"strl", _chunk(b"strh", pictures), _chunk(b"strf", shape)),
        _list(b"strl", _chunk(b"strh", sounds), _chunk(b"strf", struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8))),
    )
    body = b"AVI " + header + (_chunk(b"IDIT", date) if date else b"") + _list(b"movi")
    return b"RIFF" + struct.pack("<I", len(body)) + body
