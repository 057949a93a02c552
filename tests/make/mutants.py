"""Damage for files, reproducible from a ``random.Random``: by bytes, and by the structures that formats are made of.

Each mutation takes the file, another one to take pieces from, and the dice; it gives other bytes, or the same where it finds
nothing to change.
"""

import random
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

Mutation: TypeAlias = Callable[[bytes, bytes, random.Random], bytes]

_LARGEST = 1 << 20  # a mutant is never larger
_HUGE = (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFF, 0x8000, 0, 1, 2)
_POINTERS = (0x8769, 0x8825, 0xA005, 0x014A, 0x927C, 0x02BC, 0x83BB, 0x8649, 0x002E, 0x2010)
_CONTAINERS = (
    *(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"meta", b"iprp", b"ipco", b"iinf", b"ilst", b"keys", b"jp2h"),
    *(b"uuid", b"stsd", b"dinf", b"mvex", b"moof"),
)


def mutant(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """One to three mutations, one after the other."""
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3))):
        data = dice.choice(MUTATIONS)(data or b"\0", other or b"\0", dice)[:_LARGEST]
    return data


def _spot(data: bytes, dice: random.Random) -> int:
    """A place, more often near the beginning, where structures lie."""
    return dice.randrange(min(len(data), dice.choice((64, 512, 4096, _LARGEST))))


# ---------------------------------------------------------------------------------------------------------------------- bytes


def flipped(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """Single bits, and bytes replaced by extreme values as often as by any."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 16)):
        at = _spot(data, dice)
        out[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256), out[at] ^ 1 << dice.randrange(8)))
    return bytes(out)


def cut(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """The end missing, or a piece out of the middle."""
    start = _spot(data, dice)
    return data[:start] + (data[start + dice.randrange(1, 200) :] if dice.random() < 0.5 else b"")


def spliced(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """The beginning of one file and the rest of another; or a piece of it put in."""
    at, start = _spot(data, dice), _spot(other, dice)
    return data[:at] + other[start : start + dice.randrange(1, 2000)] + (data[at:] if dice.random() < 0.5 else b"")


def swollen(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """Two, four or eight bytes turned into a huge or odd number: sizes, counts, offsets."""
    wide, at = dice.choice((2, 4, 4, 4, 8)), _spot(data, dice)
    number = dice.choice((*_HUGE, len(data), max(0, len(data) - at), at, dice.randrange(1 << 32)))
    return data[:at] + (number % (1 << 8 * wide)).to_bytes(wide, dice.choice(("big", "little"))) + data[at + wide :]


def swapped(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """Two numbers that may be lengths or offsets of this file, exchanged."""
    order = dice.choice(("big", "little"))
    first = dice.randrange(4)
    places = [
        at
        for at in range(first, min(len(data) - 4, 8192), 2)
        if 0 < int.from_bytes(data[at : at + 4], order) <= len(data)  # type: ignore[arg-type]  # one of the two
    ]
    if len(places) < 2:
        return data
    one, two = sorted(dice.sample(places, 2))
    if two - one < 4:
        return data
    return data[:one] + data[two : two + 4] + data[one + 4 : two] + data[one : one + 4] + data[two + 4 :]


def repeated(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """A piece many times over."""
    at = _spot(data, dice)
    piece = data[at : at + dice.choice((1, 2, 4, 8, 12, 16, 64, 400))]
    return data[:at] + piece * dice.choice((2, 10, 300, 3000)) + data[at:]


# ----------------------------------------------------------------------------------------------------------------- TIFF blocks


def _directories(data: bytes) -> list[tuple[int, int, str]]:
    """(offset of the block, offset of a directory in it, byte order) of the TIFF blocks inside."""
    found: list[tuple[int, int, str]] = []
    for mark, order in ((b"II*\0", "<"), (b"MM\0*", ">"), (b"IIU\0", "<"), (b"IIRO", "<")):
        base = data.find(mark)
        while 0 <= base <= len(data) - 8 and len(found) < 40:
            at = struct.unpack_from(order + "I", data, base + 4)[0]
            seen: set[int] = set()
            while at and at not in seen and base + at + 2 <= len(data) and len(seen) < 8:
                seen.add(at)
                found.append((base, at, order))
                pointers = (place for tag, place in _rows(data, base, at, order) if tag in (0x8769, 0x8825, 0x014A))
                at = next((one for one in pointers if one not in seen), 0)
            base = data.find(mark, base + 4)
    return found


def _rows(data: bytes, base: int, at: int, order: str) -> list[tuple[int, int]]:
    (count,) = struct.unpack_from(order + "H", data, base + at)
    starts = range(base + at + 2, min(base + at + 2 + 12 * min(count, 200), len(data) - 12), 12)
    return [(struct.unpack_from(order + "H", data, row)[0], struct.unpack_from(order + "I", data, row + 8)[0]) for row in starts]


def looped(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """An entry made to point at a directory: its own, an earlier one, anywhere; or the next directory is this one."""
    found = _directories(data)
    if not found:
        return data
    base, at, order = dice.choice(found)
    count = len(_rows(data, base, at, order))
    target = dice.choice((at, 8, dice.choice(found)[1], dice.randrange(len(data) + 1), 0xFFFFFFFF))
    if not count or dice.random() < 0.2:
        end = base + at + 2 + 12 * count
        return data[:end] + struct.pack(order + "I", target) + data[end + 4 :]
    row = base + at + 2 + 12 * dice.randrange(count)
    tag = dice.choice((*_POINTERS, struct.unpack_from(order + "H", data, row)[0]))
    entry = struct.pack(order + "HHII", tag, dice.choice((4, 4, 13, 7, 2)), dice.choice((1, 1, 4, 20, 0xFFFFFFFF)), target)
    return data[:row] + entry + data[row + 12 :]


def retyped(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """An entry of another type or count: texts as ratios, numbers as texts, a value of gigabytes."""
    found = _directories(data)
    base, at, order = dice.choice(found) if found else (0, 0, "<")
    count = len(_rows(data, base, at, order)) if found else 0
    if not count:
        return data
    row = base + at + 2 + 12 * dice.randrange(count)
    kind, number = dice.randrange(20), dice.choice((0, 1, 2, 3, 4, 100, 65535, 1 << 20, 0x20000000, 0xFFFFFFFF))
    return data[: row + 2] + struct.pack(order + "HI", kind, number) + data[row + 8 :]


def grafted(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """A directory of another file over one of this."""
    here, there = _directories(data), _directories(other)
    if not here or not there:
        return data
    base, at, _ = dice.choice(here)
    base_there, at_there, _ = dice.choice(there)
    piece = other[base_there + at_there : base_there + at_there + dice.choice((30, 126, 600))]
    return data[: base + at] + piece + data[base + at + len(piece) :]


# ------------------------------------------------------------------------------------------------------------ boxes and chunks


def _parts(data: bytes) -> list[tuple[int, int]]:
    """(start, end) of boxes, PNG or RIFF chunks, JPEG segments, with the boxes inside containers."""
    if data[:2] == b"\xff\xd8":
        return _segments(data)
    if data[:8] in (b"\x89PNG\r\n\x1a\n", b"\x8aMNG\r\n\x1a\n"):
        return _chunks(data, 8, ">", 12, 1)
    if data[:4] == b"RIFF":
        return _chunks(data, 12, "<", 8, 2)
    return _boxes(data, 0, len(data), 0) if data[4:8].isalnum() or data[4:8] in (b"JXL ", b"jP  ") else []


def _chunks(data: bytes, at: int, order: str, extra: int, even: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while at + 8 <= len(data) and len(found) < 500:
        size = struct.unpack_from(order + "I", data, at if order == ">" else at + 4)[0]
        end = min(at + extra + size + size % even, len(data))
        found.append((at, end))
        at = end
    return found


def _segments(data: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and len(found) < 500:
        end = min(at + 2 + struct.unpack_from(">H", data, at + 2)[0], len(data))
        found.append((at, end))
        if data[at + 1] == 0xDA:
            break
        at = end
    return found


def _boxes(data: bytes, at: int, end: int, depth: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while at + 8 <= end and len(found) < 500:
        size = struct.unpack_from(">I", data, at)[0]
        if size < 8 or at + size > end:
            break
        found.append((at, at + size))
        if data[at + 4 : at + 8] in _CONTAINERS and depth < 8:
            skip = {b"meta": 12, b"iinf": 14, b"keys": 16, b"stsd": 16, b"uuid": 24}.get(data[at + 4 : at + 8], 8)
            found += _boxes(data, at + skip, at + size, depth + 1)
        at += size
    return found


def shuffled(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """A box, chunk or segment doubled, many times over, left out, moved, or replaced by one of another file."""
    parts = _parts(data)
    if not parts:
        return data
    start, end = dice.choice(parts)
    into = dice.choice(parts)[0]
    theirs = _parts(other)
    piece = data[start:end]
    if dice.random() < 0.4 and theirs:
        first, last = dice.choice(theirs)
        piece = other[first:last]
    how = dice.randrange(4)
    if how == 0:
        most = max(1, _LARGEST // max(1, len(piece)))
        return data[:into] + piece * min(most, dice.choice((1, 2, 30, 1000, 30_000))) + data[into:]
    if how == 1:
        return data[:start] + data[end:]
    if how == 2:
        return data[:start] + piece + data[end:]
    return data[:into] + piece + data[into:start] + data[end:] if into < start else data[:start] + data[end:] + piece


def nested(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """A box deep inside boxes of its kind, a list inside lists, brackets or elements without end."""
    deep = dice.choice((3, 30, 300, 3000, 30_000))
    at = _spot(data, dice)
    if data[:4] == b"RIFF":
        inside = b"".join(b"LIST" + struct.pack("<I", 12 * (deep - one)) + b"hdrl" for one in range(deep))
        return data[:12] + inside + data[12:]
    if data[:4] == b"\x1a\x45\xdf\xa3":
        kind = dice.choice((b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\x12\x54\xc3\x67", b"\xae", b"\x73\x73"))
        return data[:at] + (kind + b"\x01\xff\xff\xff\xff\xff\xff\xff") * min(deep, 3000) + data[at:]
    if data.lstrip()[:1] in (b"{", b"<") or b"<rdf:RDF" in data:
        opening = dice.choice(
            (b"[", b'{"a":', b"<rdf:li><rdf:Bag>", b'<rdf:li rdf:parseType="Resource"><dc:title>', b"<!--", b"<a ")
        )
        return data[:at] + opening * deep + data[at:]
    parts = [one for one in _parts(data) if data[one[0] + 4 : one[0] + 8] in _CONTAINERS]
    start, end = dice.choice(parts) if parts else (at, len(data))
    kind = data[start + 4 : start + 8]
    heads = b"".join(struct.pack(">I", 8 * (deep - one) + end - start) + kind for one in range(min(deep, 3000)))
    return data[:start] + heads + data[start:]


def counted(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """The size of a box, chunk or segment wrong: nothing, one, huge, off by little, to the end."""
    parts = _parts(data)
    if not parts:
        return data
    start, end = dice.choice(parts)
    if data[:2] == b"\xff\xd8":
        return data[: start + 2] + struct.pack(">H", dice.choice((0, 1, 2, 3, 0xFFFF, dice.randrange(65536)))) + data[start + 4 :]
    size = dice.choice((0, 1, 7, 8, 9, end - start - 1, end - start + 1, len(data), 0x7FFFFFFF, 0xFFFFFFFF))
    if data[:4] == b"RIFF":
        return data[: start + 4] + struct.pack("<I", size) + data[start + 8 :]
    return data[:start] + struct.pack(">I", size) + data[start + 4 :]


MUTATIONS: Sequence[Mutation] = (
    *(flipped, cut, spliced, swollen, swapped, repeated),
    *(looped, retyped, grafted, shuffled, nested, counted),
)
