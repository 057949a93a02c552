"""TIFF directories (TIFF 6.0, section 2; BigTIFF): under EXIF, TIFF pictures and most RAW formats."""

import struct
from collections.abc import Iterator

from albumen.errors import Rejected
from albumen.media.readers.window import Window, text, unpack

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
    129: 1,
}  # 129: UTF-8 of EXIF 3.0
_FORMS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_VALUE = 1 << 20  # a metadata value longer than this is not read
_ENTRIES = 1000  # entries of one directory; real ones have below 200
_MAGIC = (42, 43, 0x55, 0x4F52, 0x5352)  # TIFF, BigTIFF, Panasonic RW2, Olympus ORF (RO, RS)

Ratio = tuple[int, int]


class Directory:
    """One IFD. Getters return "" / () / b"" / None for a tag that is absent, of another type, or beyond the file's end."""

    def __init__(self, window: Window, order: str, rows: dict[int, tuple[int, int, int]], follows: int) -> None:
        self._window = window
        self._order = order
        self._rows = rows  # tag → (type, count, offset of the value)
        self.follows = follows  # offset of the next directory, 0 = none

    def __contains__(self, tag: int) -> bool:
        return tag in self._rows

    def raw(self, tag: int) -> bytes:
        """The value's bytes; b"" for an overlong one."""
        kind, count, at = self._rows.get(tag, (0, 0, 0))
        size = count * _SIZES.get(kind, 0)
        return self._window.at(at, size) if 0 < size <= _VALUE else b""

    def inner(self, offset: int) -> "Directory":
        """Another directory of the same block. ``Rejected`` when none is there."""
        return Tiff.bare(self._window, self._order).directory(offset)

    def place(self, tag: int) -> tuple[int, int]:
        """(offset, length in bytes) of the value, (0, 0) when absent."""
        kind, count, at = self._rows.get(tag, (0, 0, 0))
        return at, count * _SIZES.get(kind, 0)

    def text(self, tag: int) -> str:
        """Text without what surrounds it."""
        return text(self.raw(tag)) if self._rows.get(tag, (0,))[0] in (1, 2, 7, 129) else ""

    def ints(self, tag: int) -> tuple[int, ...]:
        """Whole numbers of any width."""
        form = _FORMS.get(self._rows.get(tag, (0,))[0], "f")
        if form in "fd":
            return ()
        raw = self.raw(tag)
        count = len(raw) // struct.calcsize(form)
        return struct.unpack(f"{self._order}{count}{form}", raw[: count * struct.calcsize(form)])

    def number(self, tag: int) -> int | None:
        """The first whole number."""
        found = self.ints(tag)
        return found[0] if found else None

    def ratios(self, tag: int) -> tuple[Ratio, ...]:
        """(numerator, denominator) pairs as they stand, zero denominators included."""
        kind = self._rows.get(tag, (0,))[0]
        if kind not in (5, 10):
            return ()
        raw = self.raw(tag)
        flat = struct.unpack(f"{self._order}{len(raw) // 4}{'I' if kind == 5 else 'i'}", raw[: len(raw) // 4 * 4])
        return tuple(zip(flat[::2], flat[1::2], strict=False))


class Tiff:
    """A TIFF block that fills ``window``. ``Rejected`` when it does not begin like one."""

    @classmethod
    def bare(cls, window: Window, order: str) -> "Tiff":
        """Directories without a TIFF header before them, as maker notes have them; ``order`` as ``struct`` writes it."""
        found = cls.__new__(cls)
        found.window, found.order, found.big, found.magic, found.start = window, order, False, 42, 0
        return found

    def __init__(self, window: Window) -> None:
        head = window.at(0, 16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 8:
            raise Rejected("no TIFF header")
        (self.magic,) = struct.unpack(order + "H", head[2:4])
        if self.magic not in _MAGIC:
            raise Rejected("no TIFF header")
        self.window = window
        self.order = order
        self.big = self.magic == 43
        self.start: int = unpack(order + ("Q" if self.big else "I"), window, 8 if self.big else 4)[0]

    def directory(self, offset: int) -> Directory:
        """The directory at ``offset``; a cut one has the entries that are there. ``Rejected`` when none is there."""
        order, window = self.order, self.window
        head, form, slot = (8, "QHHQ", 20) if self.big else (2, "HHHI", 12)
        (count,) = unpack(order + form[0], window, offset)
        if count > _ENTRIES:
            raise Rejected(f"a TIFF directory claims {count} entries")
        table = window.at(offset + head, count * slot)
        rows: dict[int, tuple[int, int, int]] = {}
        entry = struct.Struct(order + ("HHQ" if self.big else "HHI"))
        pointer = struct.Struct(order + ("Q" if self.big else "I"))
        for at in range(0, len(table) - slot + 1, slot):
            tag, kind, number = entry.unpack_from(table, at)
            inline = at + entry.size
            place = offset + head + inline
            if number * _SIZES.get(kind, 0) > pointer.size:
                (place,) = pointer.unpack_from(table, inline)
            rows.setdefault(tag, (kind, number, place))
        after = window.at(offset + head + count * slot, pointer.size)
        follows = pointer.unpack(after)[0] if len(after) == pointer.size else 0
        return Directory(window, order, rows, follows)

    def chain(self, most: int = 20) -> Iterator[Directory]:
        """The directories of the main chain, each once, at most ``most``; ends silently where it breaks after the first."""
        seen: set[int] = set()
        offset = self.start
        while offset and offset not in seen and len(seen) < most:
            seen.add(offset)
            try:
                found = self.directory(offset)
            except Rejected:
                if len(seen) == 1:
                    raise
                return
            yield found
            offset = found.follows
