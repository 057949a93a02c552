"""XMP of a JPEG that does not fit into one segment, joined again (Adobe XMP specification, part 3, section 1.1.3.1)."""

import re
import struct
from collections.abc import Iterable

from albumen.errors import Rejected
from albumen.media.writers import xmp

_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_NAMED = re.compile(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})")
_INSIDE = re.compile(rb"<((?:[\w.-]+:)?RDF)\b[^>]*>(.*)</\1\s*>", re.DOTALL)


def joined(packet: bytes, segments: Iterable[bytes]) -> bytes:
    """The packet with what stands in those segments that it names. ``Rejected`` when some of it is missing or cannot be joined."""
    named = _NAMED.search(packet)
    head = _EXTENSION + (named[1] if named else b"")
    parts = [one[len(head) :] for one in segments if one.startswith(head)] if named else []
    if not parts:
        return packet
    whole = b""
    for part in sorted(parts, key=lambda one: one[4:8]):
        size, at = struct.unpack_from(">II", part.ljust(8, b"\0"))
        whole = whole[:at] + part[8:] if at <= len(whole) else whole
    more, place = _INSIDE.search(whole), _INSIDE.search(packet)
    if len(whole) != size or more is None or place is None:
        raise Rejected("its XMP goes on in further segments, and they are not whole: a scaled picture would lose it")
    found = packet[: place.end(2)] + more[2] + packet[place.end(2) :]
    try:
        return xmp.changed(found, lambda _: False, [])
    except Rejected as error:
        raise Rejected(f"its XMP goes on in further segments, and would be lost: {error}") from None
