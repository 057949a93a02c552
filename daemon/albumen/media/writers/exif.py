"""Entries into an EXIF block that has them already: EXIF's description is read before XMP's, so it must not contradict.

Values are overwritten where they lie, longer ones are put behind the block: nothing else moves, so that makers' notes stay right.
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from albumen.errors import Rejected
from albumen.media.readers.window import text
from albumen.media.writers.entries import Entries

_DESCRIPTION, _RATING, _PERCENT = 0x010E, 0x4746, 0x4749
_XP_TITLE, _XP_COMMENT, _XP_WORDS, _XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
_WINDOWS = {None: 0, 1: 1, 2: 25, 3: 50, 4: 75, 5: 99}
_MOST = 1000  # entries of the directory


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int  # of its twelve bytes
    tag: int
    kind: int
    count: int


def patched(block: bytes, wanted: Entries, names: Collection[str]) -> bytes:
    """The TIFF block with those of these fields that it has, as wanted. ``Rejected`` when it cannot be read."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2], "")
    if not order:
        return block
    data = bytearray(block)
    for one in list(_entries(block, order)):
        new = _new(one, wanted, names, order)
        if new is not None:
            _put(data, one, new, order)
    return bytes(data)


def _entries(block: bytes, order: str) -> Iterator[_Entry]:
    try:
        (first,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, first)
        for number in range(min(count, _MOST)):
            tag, kind, values = struct.unpack_from(order + "HHI", block, first + 2 + 12 * number)
            yield _Entry(first + 2 + 12 * number, tag, kind, values)
    except struct.error:
        raise Rejected("its EXIF block ends inside its directory, so it is left as it is") from None


def _new(one: _Entry, wanted: Entries, names: Collection[str], order: str) -> bytes | None:
    """The value to be written; None = it stays."""
    if one.tag == _DESCRIPTION and one.kind in (2, 7) and "description" in names:
        value = (wanted.description or "").encode()
        return (value if text(value) == wanted.description else b"") + b"\0"  # what EXIF cannot tell is left to XMP
    if one.tag in (_RATING, _PERCENT) and one.kind == 3 and "rating" in names:
        return struct.pack(order + "H", (wanted.rating or 0) if one.tag == _RATING else _WINDOWS[wanted.rating])
    said = {
        _XP_TITLE: ("title", wanted.title),
        _XP_SUBJECT: ("title", wanted.title),
        _XP_COMMENT: ("description", wanted.description),
        _XP_WORDS: ("tags", ";".join(wanted.tags)),
    }.get(one.tag)
    if said is not None and one.kind in (1, 7) and said[0] in names:
        return (said[1] or "").encode("utf-16-le") + b"\0\0"
    return None


def _put(data: bytearray, one: _Entry, new: bytes, order: str) -> None:
    unit = _SIZES[one.kind]
    room = unit * one.count
    at = one.at + 8 if room <= 4 else struct.unpack_from(order + "I", data, one.at + 8)[0]
    if len(new) <= room and at + room <= len(data):
        data[at : at + room] = new.ljust(room, b"\0")
        return
    if len(new) <= 4:
        data[one.at + 8 : one.at + 12] = new.ljust(4, b"\0")
    else:
        data += b"\0" * (len(data) % 2)
        struct.pack_into(order + "I", data, one.at + 8, len(data))
        data += new
    struct.pack_into(order + "I", data, one.at + 4, len(new) // unit)
