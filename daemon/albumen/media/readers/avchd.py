"""What AVCHD cameras write beside their pictures (MDPM, "modified digital video pack metadata"): date with its zone, place, make.

The packs are known from ExifTool's documentation of H264 tags; the standard itself is not public.
"""

from collections.abc import Mapping

from albumen.media.readers.draft import Draft
from albumen.media.readers.positions import place

_MARK = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"
_MAKES = {0x0103: "Panasonic", 0x0108: "Sony", 0x1011: "Canon", 0x1104: "JVC"}
_DATE, _TIME, _MAKE = 0x18, 0x19, 0xE0
_LAT, _LON = (0xB1, 0xB2), (0xB5, 0xB6)  # the letter, the first of degrees, minutes and seconds


def read(draft: Draft, message: bytes) -> None:
    """A supplemental message of the picture stream; one of another kind says nothing."""
    at = message.find(_MARK)
    if at < 0:
        return
    at += len(_MARK)
    count = message[at] if at < len(message) else 0
    packs = {message[one]: message[one + 1 : one + 5] for one in range(at + 1, min(at + 1 + 5 * count, len(message) - 4), 5)}
    if _DATE in packs and _TIME in packs:
        _when(draft, packs[_DATE], packs[_TIME])
    make = _MAKES.get(int.from_bytes(packs.get(_MAKE, b"")[:2], "big"))
    if make:
        draft.make = draft.make or make
    place(draft, _angle(packs, *_LAT, b"S"), _angle(packs, *_LON, b"W"))


def _when(draft: Draft, date: bytes, time: bytes) -> None:
    """Digits in pairs: century, year, month; day, hour, minute, second. The byte before them is the zone: sign, hours, half an hour,
    and whether clocks show summer time, which comes on top of the zone."""
    zone, digits = date[0], (date[1:] + time).hex()
    if not digits.isdecimal():
        return
    text = f"{digits[:4]}:{digits[4:6]}:{digits[6:8]} {digits[8:10]}:{digits[10:12]}:{digits[12:14]}"
    offset = ""
    if not zone & 0x80:
        minutes = (zone >> 1 & 15) * 60 + 30 * (zone & 1)
        minutes = (-minutes if zone & 0x20 else minutes) + (60 if zone & 0x40 else 0)
        offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    draft.stamp("h264:DateTimeOriginal", text, offset=offset)


def _angle(packs: Mapping[int, bytes], letter: int, first: int, negative: bytes) -> float | None:
    parts = [packs.get(first + step, b"") for step in range(3)]
    if any(len(one) != 4 for one in parts):
        return None
    pairs = [(int.from_bytes(one[:2], "big"), int.from_bytes(one[2:], "big")) for one in parts]
    if not all(under for _, under in pairs):
        return None
    degrees: float = sum(over / under / 60**step for step, (over, under) in enumerate(pairs))
    return -degrees if packs.get(letter, b"")[:1] == negative else degrees
