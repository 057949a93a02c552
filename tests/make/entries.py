"""Metadata blocks written by hand: XMP packets, IPTC records in Photoshop resources, ICC profiles, JPEG segments."""

import hashlib
import struct
from collections.abc import Mapping, Sequence

from make.pictures import jpeg_bytes

SPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    ' xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"'
    ' xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:MP="http://ns.microsoft.com/photo/1.2/"'
    ' xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"'
    ' xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
)


def xmp(inside: str = "", **attributes: str) -> bytes:
    """A packet; ``inside`` are elements, ``attributes`` are written as ``prefix__name="…"``."""
    plain = "".join(f' {name.replace("__", ":")}="{value}"' for name, value in attributes.items())
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {SPACES}>'
        f'<rdf:Description rdf:about=""{plain}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def bag(name: str, *items: str) -> str:
    """An array of texts."""
    return f"<{name}><rdf:Bag>{''.join(f'<rdf:li>{one}</rdf:li>' for one in items)}</rdf:Bag></{name}>"


def words(name: str, text: str) -> str:
    """A text with its language."""
    return (
        f'<{name}><rdf:Alt><rdf:li xml:lang="de">andere</rdf:li><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></{name}>'
    )


def iptc(sets: Sequence[tuple[int, str]], *, digest: bool | None = None) -> bytes:
    """Photoshop's resources with the records (number, text); ``digest``: of them (True), of others (False), or none."""
    raw = b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(text.encode())) + text.encode() for number, text in sets)
    kept = [] if digest is None else [(0x0425, hashlib.md5(raw if digest else b"older", usedforsecurity=False).digest())]
    return b"Photoshop 3.0\0" + b"".join(_resource(number, data) for number, data in [(0x0404, raw), *kept])


def _resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def profile(name: str, *, version: int = 2) -> bytes:
    """An ICC profile with nothing but its description."""
    if version == 2:
        text = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + b"\0" * 79
    else:
        wide = name.encode("utf-16-be")
        text = b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(wide), 28) + wide
    head = bytearray(128)
    head[8], head[36:40] = version, b"acsp"
    body = struct.pack(">I", 1) + b"desc" + struct.pack(">II", 144, len(text)) + text
    return struct.pack(">I", 128 + len(body)) + bytes(head[4:]) + body


def segment(marker: int, data: bytes) -> bytes:
    """One JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def jpeg_with(
    packet: bytes = b"", *, exif: bytes = b"", resources: bytes = b"", segments: Sequence[bytes] = (), behind: bytes = b""
) -> bytes:
    """A JPEG of 48 × 32 with those segments, and bytes behind its end."""
    plain = jpeg_bytes()
    parts: Mapping[int, Sequence[bytes]] = {
        0xE1: [one for one in (exif and b"Exif\0\0" + exif, packet and b"http://ns.adobe.com/xap/1.0/\0" + packet) if one],
        0xED: [resources] if resources else [],
    }
    made = b"".join(segment(marker, data) for marker, all_ in parts.items() for data in all_)
    return plain[:2] + made + b"".join(segments) + plain[2:] + behind
