"""EXIF blocks written byte by byte, so that readers are tested against something that shares no code with them."""

import struct
from collections.abc import Sequence
from fractions import Fraction

_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SRATIONAL = 2, 3, 4, 5, 7, 10
_DATES = {"DateTime": 0x0132, "DateTimeOriginal": 0x9003, "DateTimeDigitized": 0x9004}
_OFFSETS = {"DateTime": 0x9010, "DateTimeOriginal": 0x9011, "DateTimeDigitized": 0x9012}
_SUBSECS = {"DateTime": 0x9290, "DateTimeOriginal": 0x9291, "DateTimeDigitized": 0x9292}

Gps = tuple[float | None, float | None]
Entry = tuple[int, int, int, bytes]  # tag, type, count, value bytes


def text(tag: int, value: str | bytes) -> Entry:
    """An ASCII entry; ``str`` is written as UTF-8, ``bytes`` as they are."""
    raw = value.encode() if isinstance(value, str) else value
    return tag, _ASCII, len(raw) + 1, raw + b"\0"


def short(tag: int, value: int) -> Entry:
    """A SHORT entry."""
    return tag, _SHORT, 1, struct.pack("<H", value)


def long(tag: int, value: int) -> Entry:
    """A LONG entry."""
    return tag, _LONG, 1, struct.pack("<I", value)


def undefined(tag: int, value: bytes) -> Entry:
    """Bytes that only their maker knows."""
    return tag, _UNDEFINED, len(value), value


def signed(tag: int, value: tuple[int, int]) -> Entry:
    """One SRATIONAL."""
    return tag, _SRATIONAL, 1, struct.pack("<ii", *value)


def rationals(tag: int, values: Sequence[tuple[int, int]]) -> Entry:
    """RATIONAL values as (numerator, denominator)."""
    return tag, _RATIONAL, len(values), b"".join(struct.pack("<II", *one) for one in values)


def directory(entries: Sequence[Entry], start: int) -> bytes:
    """One IFD that begins at offset ``start`` of its TIFF block, its values behind it, no next IFD."""
    rows, values = b"", b""
    behind = start + 2 + 12 * len(entries) + 4
    for tag, kind, count, raw in sorted(entries):
        if len(raw) <= 4:
            field = raw.ljust(4, b"\0")
        else:
            field = struct.pack("<I", behind + len(values))
            values += raw + b"\0" * (len(raw) % 2)
        rows += struct.pack("<HHI", tag, kind, count) + field
    return struct.pack("<H", len(entries)) + rows + b"\0\0\0\0" + values


def position(gps: Gps, altitude: float | None = None) -> list[Entry]:
    """The GPS directory's entries; a part that is None is left out."""
    entries: list[Entry] = []
    for value, tag, letters in zip(gps, (1, 3), ("NS", "EW"), strict=True):
        if value is None:
            continue
        degrees = abs(value)
        minutes = (degrees - int(degrees)) * 60
        seconds = Fraction((minutes - int(minutes)) * 60).limit_denominator(100000)
        parts = [(int(degrees), 1), (int(minutes), 1), (seconds.numerator, seconds.denominator)]
        entries += [text(tag, letters[value < 0]), rationals(tag + 1, parts)]
    if altitude is not None:
        below = altitude < 0
        entries += [(5, 1, 1, bytes([below])), rationals(6, [(round(abs(altitude) * 100), 100)])]
    return entries


def block(
    *,
    when: str | None = None,
    tag: str = "DateTimeOriginal",
    offset: str | None = None,
    subsec: str | None = None,
    gps: Gps | None = None,
    altitude: float | None = None,
    orientation: int | None = None,
    make: str | None = None,
    model: str | None = None,
    artist: bytes | None = None,
    main: Sequence[Entry] = (),
    more: Sequence[Entry] = (),
    spot: Sequence[Entry] = (),
    interop: Sequence[Entry] = (),
) -> bytes:
    """A little-endian TIFF block. ``tag`` says which date ``when``, ``offset`` and ``subsec`` belong to.

    ``main`` adds to IFD0, ``more`` to the EXIF directory, ``spot`` to the GPS directory; ``interop`` is a directory of its own.
    """
    first: list[Entry] = list(main)
    first += [text(0x010F, make)] if make else []
    first += [text(0x0110, model)] if model else []
    first += [short(0x0112, orientation)] if orientation is not None else []
    first += [text(0x013B, artist)] if artist else []
    inner: list[Entry] = list(more)
    if when is not None:
        (first if tag == "DateTime" else inner).append(text(_DATES[tag], when))
    inner += [text(_OFFSETS[tag], offset)] if offset else []
    inner += [text(_SUBSECS[tag], subsec)] if subsec else []
    place = [*(position(gps, altitude) if gps else []), *spot]
    inner += [long(0xA005, 0)] if interop else []
    first += [long(0x8769, 0)] if inner else []
    first += [long(0x8825, 0)] if place else []
    head = len(directory(first, 8))
    parts = b""
    if interop:
        start = 8 + head
        inner = [long(0xA005, start) if one[0] == 0xA005 else one for one in inner]
        parts += directory(interop, start)
    for pointer, entries in ((0x8769, inner), (0x8825, place)):
        if entries:
            start = 8 + head + len(parts)
            first = [long(pointer, start) if one[0] == pointer else one for one in first]
            parts += directory(entries, start)
    return b"II*\0" + struct.pack("<I", 8) + directory(first, 8) + parts
