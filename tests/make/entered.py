"""JPEGs byte by byte, for what writes entries into them: segments in any order, and what may lie behind the picture."""

import struct
from collections.abc import Sequence
from hashlib import md5

XMP = b"http://ns.adobe.com/xap/1.0/\0"
MORE = b"http://ns.adobe.com/xmp/extension/\0"
SCAN = bytes(range(1, 200)) * 40 + b"\xff\x00\xff\xd3" + bytes(range(200)) * 5  # stuffed bytes and a restart marker in it


def segment(marker: int, body: bytes) -> bytes:
    """One segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def frame(width: int = 48, height: int = 32, *, marker: int = 0xC0, parts: int = 3) -> bytes:
    """A frame header; 0xC2 is a progressive one, four parts are CMYK."""
    rows = b"".join(bytes([one, 0x11, 0]) for one in range(1, parts + 1))
    return segment(marker, struct.pack(">BHHB", 8, height, width, parts) + rows)


def jpeg(*segments: bytes, marker: int = 0xC0, parts: int = 3, scans: int = 1, behind: bytes = b"", name: str = "") -> bytes:
    """A JPEG of these segments, its picture data and what lies behind it. ``name`` makes its picture another one."""
    head = segment(0xDA, bytes([parts]) + b"".join(bytes([one, 0]) for one in range(1, parts + 1)) + b"\0\x3f\0")
    tables = segment(0xC4, b"\0" + bytes(16) + b"\xff\xd9")  # a table that looks like an end
    data = b"".join(tables + head + SCAN + name.encode() for _ in range(scans))
    return b"\xff\xd8" + b"".join(segments) + frame(marker=marker, parts=parts) + data + b"\xff\xd9" + behind


def jfif() -> bytes:
    """The segment of most JPEGs."""
    return segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def xmp(packet: bytes) -> bytes:
    """An XMP packet."""
    return segment(0xE1, XMP + packet)


def extended(packet: bytes, pieces: int = 2) -> tuple[str, bytes]:
    """An extended packet over several segments, and the digest that the main packet names it by."""
    digest = md5(packet, usedforsecurity=False).hexdigest().upper()
    size = -(-len(packet) // pieces)
    parts = [(at, packet[at : at + size]) for at in range(0, len(packet), size)]
    return digest, b"".join(
        segment(0xE1, MORE + digest.encode() + struct.pack(">II", len(packet), at) + one) for at, one in parts
    )


def index(sizes: Sequence[int], offsets: Sequence[int], order: str = ">") -> bytes:
    """A multi-picture index (CIPA DC-007); the offsets count from its byte order mark, the first picture has none."""
    rows = b"".join(
        struct.pack(f"{order}IIIHH", 0x030000 if not at else 0x050000, size, at, 0, 0)
        for size, at in zip(sizes, offsets, strict=True)
    )
    entries = [
        (0xB000, 7, 4, b"0100"),
        (0xB001, 4, 1, struct.pack(f"{order}I", len(sizes))),
        (0xB002, 7, len(rows), struct.pack(f"{order}I", 8 + 2 + 36 + 4)),
    ]
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}IH", 8, 3)
    table = b"".join(struct.pack(f"{order}HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return segment(0xE2, b"MPF\0" + head + table + b"\0\0\0\0" + rows)


def iptc(words: Sequence[bytes], *, digest: bool = True, newer: bool = False) -> bytes:
    """A Photoshop block with keywords and a resource of another kind; ``digest``: as a program leaves it that writes XMP, too;
    ``newer``: and another one changed it later."""
    raw = (
        b"\x1c\2\0\0\2\0\2" + b"".join(b"\x1c\2\x19" + struct.pack(">H", len(one)) + one for one in words) + b"\x1c\2\x50\0\3Ann"
    )
    parts = [(0x03ED, b"\0\x48\0\0\0\1\0\1\0\x48\0\0\0\1\0\1"), (0x0404, raw)]
    parts += [(0x0425, md5(b"old" if newer else raw, usedforsecurity=False).digest())] if digest else []
    block = b"".join(b"8BIM" + struct.pack(">HHI", id, 0, len(one)) + one + b"\0" * (len(one) % 2) for id, one in parts)
    return segment(0xED, b"Photoshop 3.0\0" + block)
