"""The parameter sets of H.264 (ITU-T H.264, 7.3.2.1, E.1) and H.265 (7.3.2.2, E.2): size as shown, frame rate, colour."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from albumen.media.readers import colour
from albumen.media.readers.draft import Draft

_ASPECTS = {  # table E.1: aspect_ratio_idc
    2: (12, 11),
    3: (10, 11),
    4: (16, 11),
    5: (40, 33),
    6: (24, 11),
    7: (20, 11),
    8: (32, 11),
    9: (80, 33),
    10: (18, 11),
    11: (15, 11),
    12: (64, 33),
    13: (160, 99),
    14: (4, 3),
    15: (3, 2),
    16: (2, 1),
}
_HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)  # profiles that state the chroma format
_START = re.compile(b"\0\0\1")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a parameter set says; ``width`` is stretched to the aspect of the pixels. ``rate`` in frames a second."""

    width: int
    height: int
    rate: float | None = None
    primaries: int = 2  # H.273: 2 = not stated
    transfer: int = 2


class _Over(Exception):
    """The bits ended."""


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise _Over
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise _Over
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value % 2 else -value // 2


def units(stream: bytes) -> Iterator[bytes]:
    """The NAL units of a byte stream (annex B), without their start codes."""
    starts = [one.end() for one in _START.finditer(stream)]
    for start, end in zip(starts, [*(one - 3 for one in starts[1:]), len(stream)], strict=False):  # none begins: none ends
        yield stream[start:end].rstrip(b"\0")


def raw(unit: bytes) -> bytes:
    """A unit without the bytes that keep start codes out of it."""
    return unit.replace(b"\0\0\3", b"\0\0")


def configured(kind: bytes, data: bytes) -> Picture | None:
    """The first parameter set of a decoder configuration box (``avcC``, ``hvcC``; ISO/IEC 14496-15)."""
    if kind == b"avcC":
        size = int.from_bytes(data[6:8], "big")
        return sps(data[8 : 8 + size]) if len(data) > 8 and data[5] & 31 else None
    at = 23
    for _ in range(data[22] if len(data) > 22 else 0):
        kind_, count = data[at] & 63 if at < len(data) else 0, int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3
        for _ in range(min(count, 64)):
            size = int.from_bytes(data[at : at + 2], "big")
            if kind_ == 33:
                return hevc_sps(data[at + 2 : at + 2 + size])
            at += 2 + size
    return None


def light(draft: Draft, found: Picture) -> None:
    """Colour and dynamic range of a parameter set."""
    colour.points(draft, found.primaries, found.transfer)


def sps(unit: bytes) -> Picture | None:
    """An H.264 sequence parameter set, its header byte first; None where it cannot be read."""
    try:
        return _sps(_Bits(raw(unit)[1:2048]))
    except (_Over, ZeroDivisionError):
        return None


def _sps(bits: _Bits) -> Picture:
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = 1
    if profile in _HIGH:
        chroma = bits.golomb()
        if chroma == 3:
            bits.take(1)
        bits.golomb()
        bits.golomb()
        bits.take(1)
        if bits.take(1):
            _scaling(bits, 8 if chroma != 3 else 12)
    bits.golomb()
    _order(bits)
    bits.golomb()
    bits.take(1)
    width, map_units = 16 * (bits.golomb() + 1), bits.golomb() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    height = 16 * map_units * (2 - frames_only)
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1) * (2 - frames_only)
        width, height = width - across * (left + right), height - down * (top + bottom)
    if not bits.take(1):
        return Picture(width, height)
    (over, under), primaries, transfer = _usability(bits)
    rate = None
    if bits.take(1):
        tick, scale = bits.take(32), bits.take(32)
        rate = round(scale / (2 * tick), 3) if tick else None
    return Picture(round(width * over / under), height, rate, primaries, transfer)


def _scaling(bits: _Bits, lists: int) -> None:
    for number in range(lists):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _order(bits: _Bits) -> None:
    """The picture order count; it only stands in the way."""
    kind = bits.golomb()
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 255)):
            bits.signed()


def _usability(bits: _Bits) -> tuple[tuple[int, int], int, int]:
    """The beginning of the VUI, alike in both standards: aspect of a pixel, primaries, transfer function."""
    aspect, primaries, transfer = (1, 1), 2, 2
    if bits.take(1):
        code = bits.take(8)
        over, under = (bits.take(16), bits.take(16)) if code == 255 else _ASPECTS.get(code, (1, 1))
        aspect = (over, under) if 0 < over <= 100 * under and under <= 100 * over else (1, 1)
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            primaries, transfer, _ = bits.take(8), bits.take(8), bits.take(8)
    if bits.take(1):
        bits.golomb()
        bits.golomb()
    return aspect, primaries, transfer


def hevc_sps(unit: bytes) -> Picture | None:
    """An H.265 sequence parameter set, its two header bytes first; None where it cannot be read."""
    try:
        return _hevc_sps(_Bits(raw(unit)[2:2048]))
    except (_Over, ZeroDivisionError):
        return None


def _hevc_sps(bits: _Bits) -> Picture:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _levels(bits, layers)
    bits.golomb()
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    width, height = bits.golomb(), bits.golomb()
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1)
        width, height = width - across * (left + right), height - down * (top + bottom)
    try:
        (over, under), primaries, transfer = _hevc_usability(bits, layers)
    except _Over:
        return Picture(width, height)
    return Picture(round(width * over / under), height, None, primaries, transfer)


def _levels(bits: _Bits, layers: int) -> None:
    bits.take(88)
    bits.take(8)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)


def _hevc_usability(bits: _Bits, layers: int) -> tuple[tuple[int, int], int, int]:
    """What lies between size and VUI; sets of reference pictures of its own are not read: then the VUI is not either."""
    bits.golomb()
    bits.golomb()
    order = bits.golomb() + 4
    for _ in range(1 if not bits.take(1) else layers + 1):
        bits.golomb(), bits.golomb(), bits.golomb()
    for _ in range(6):
        bits.golomb()
    if bits.take(1) and bits.take(1):
        raise _Over  # scaling lists
    bits.take(2)
    if bits.take(1):
        bits.take(8)
        bits.golomb(), bits.golomb()
        bits.take(1)
    _reference_sets(bits)
    if bits.take(1):
        for _ in range(min(bits.golomb(), 32)):
            bits.take(order + 1)
    bits.take(2)
    return _usability(bits) if bits.take(1) else ((1, 1), 2, 2)


def _reference_sets(bits: _Bits) -> None:
    before = 0
    for index in range(min(bits.golomb(), 64)):
        if index and bits.take(1):
            bits.take(1)
            bits.golomb()
            kept = 0
            for _ in range(before + 1):
                used = bits.take(1)
                kept += used or bits.take(1)
            before = kept
            continue
        negative, positive = bits.golomb(), bits.golomb()
        before = negative + positive
        if before > 32:
            raise _Over
        for _ in range(before):
            bits.golomb()
            bits.take(1)
