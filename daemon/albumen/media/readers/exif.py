"""EXIF (CIPA DC-008): dates with offset and sub-seconds, camera, lens, exposure, orientation, GPS; from any TIFF block."""

import re

from albumen.errors import Rejected
from albumen.media.readers import colour, iptc, makers, xmp
from albumen.media.readers.draft import Draft
from albumen.media.readers.positions import place
from albumen.media.readers.tiff import Directory, Ratio, Tiff
from albumen.media.readers.window import Memory, Part, Window, text


def block(draft: Draft, window: Window, *, orient: bool = True) -> None:
    """An EXIF block (a TIFF file in itself). A broken one is told and leaves what was found before.

    ``orient`` = False where the format turns pictures by its own means (HEIF, JPEG XL), so that nothing is turned twice.
    """
    if not draft.another():
        return
    try:
        tiff = Tiff(window)
        directory(draft, tiff, tiff.directory(tiff.start), orient=orient)
    except Rejected as error:
        draft.tell(f"EXIF not read: {error}")


def directory(draft: Draft, tiff: Tiff, main: Directory, *, orient: bool = True) -> None:
    """What IFD0 says, and the EXIF and GPS directories it points to."""
    draft.make = draft.make or main.text(0x010F)
    draft.model = draft.model or main.text(0x0110) or main.text(0xC614)
    draft.serial = draft.serial or main.text(0xC62F)
    if orient and draft.orientation is None:
        draft.turn(main.number(0x0112))
    _words(draft, main)
    rating = main.number(0x4746)
    draft.rating = rating if draft.rating is None and rating and 1 <= rating <= 5 else draft.rating
    for tag, reader in ((0x8769, inner), (0x8825, lambda one, _, found: gps(one, found))):
        at = main.number(tag)
        if at:
            try:
                reader(draft, tiff, tiff.directory(at))
            except Rejected as error:
                draft.tell(f"EXIF is not whole: {error}")
    if 0x9003 in main or 0x829A in main:  # TIFF/EP, which RAW formats follow, has them here
        _camera_clock(draft, main, "exif:DateTimeOriginal", 0x9003, 0x9291, 0x9011)
        _light(draft, main)
    draft.lens = draft.lens or makers.lens(main, 0xC630)
    draft.stamp(
        "exif:DateTime", main.raw(0x0132).partition(b"\0")[0].decode("latin-1")
    )  # its OffsetTime is an editor's: not used
    if 0x02BC in main:
        xmp.packet(draft, main.raw(0x02BC))
    if 0x8649 in main:
        iptc.photoshop(draft, Memory(main.raw(0x8649)), main.raw(0x83BB))
    elif 0x83BB in main:
        iptc.records(draft, Memory(main.raw(0x83BB)))
    if 0x8773 in main:
        colour.profile(draft, Part(tiff.window, *main.place(0x8773)))


def _words(draft: Draft, main: Directory) -> None:
    """What people entered; Windows writes its own in UTF-16."""
    draft.say("description", "exif", main.text(0x010E))
    draft.say("title", "note", _wide(main.raw(0x9C9B)))
    draft.say("description", "note", _wide(main.raw(0x9C9C)))
    keywords = (word.strip() for word in _wide(main.raw(0x9C9E)).split(";"))
    draft.keywords.setdefault("note", []).extend(word for word in keywords if word)


def _wide(raw: bytes) -> str:
    return raw.decode("utf-16-le", "replace").partition("\0")[0].strip("\0 \ufffd")


def inner(draft: Draft, tiff: Tiff, found: Directory) -> None:
    """What the EXIF directory says: dates, lens, serial number, Apple's content identifier."""
    _camera_clock(draft, found, "exif:DateTimeOriginal", 0x9003, 0x9291, 0x9011)
    _camera_clock(draft, found, "exif:DateTimeDigitized", 0x9004, 0x9292, 0x9012)
    draft.serial = draft.serial or found.text(0xA431)
    draft.lens = draft.lens or found.text(0xA434)
    _light(draft, found)
    _colour(draft, tiff, found)
    draft.say("title", "note", found.text(0xA436))
    draft.say("description", "note", _comment(found.raw(0x9286), tiff.order))
    width, height = found.number(0xA002), found.number(0xA003)
    if width and height and draft.claimed is None:
        draft.claimed = (width, height)
    makers.note(draft, tiff, found)
    draft.lens = draft.lens or makers.lens(found, 0xA432)


def _light(draft: Draft, found: Directory) -> None:
    """Exposure, as measured, else as the APEX values say (EXIF 2.32, annex C). Zeros stand for "not known"."""
    speed, opening = _apex(found, 0x9201), _apex(found, 0x9202)
    iso, flash = _sensitivity(found), found.number(0x9209)
    draft.light(
        time=_measured(found, 0x829A) or (round(2**-speed, 7) if speed is not None and -20 < speed < 20 else None),
        aperture=_measured(found, 0x829D) or (round(2 ** (opening / 2), 1) if opening and 0 < opening < 20 else None),
        iso=iso,
        focal=_measured(found, 0x920A),
        focal_35=float(found.number(0xA405) or 0) or None,
        bias=_apex(found, 0x9204),
        flash=bool(flash & 1) if flash is not None else None,
    )


def _sensitivity(found: Directory) -> int | None:
    """PhotographicSensitivity holds 16 bits: beyond, it says 65535 and the value stands in the tag that SensitivityType names."""
    iso = found.number(0x8827) or 0
    if iso in (0, 65535):
        named = {1: 0x8831, 2: 0x8832, 3: 0x8833, 4: 0x8831, 5: 0x8831, 6: 0x8832, 7: 0x8831}.get(found.number(0x8830) or 0, 0)
        iso = found.number(named) or iso
    return iso if 0 < iso < 1 << 31 else None


def _apex(found: Directory, tag: int) -> float | None:
    above, below = (found.ratios(tag) or ((0, 0),))[0]
    return round(above / below, 7) if below else None


def _measured(found: Directory, tag: int) -> float | None:
    value = _apex(found, tag)
    return value if value and 0 < value < 1e7 else None


def _colour(draft: Draft, tiff: Tiff, found: Directory) -> None:
    """ColorSpace; Adobe RGB is "uncalibrated" there, and named by the interoperability directory (DCF 2.0)."""
    space = found.number(0xA001)
    at = found.number(0xA005)
    if space == 0xFFFF and at:
        try:
            space = 2 if tiff.directory(at).text(1) == "R03" else space
        except Rejected:
            return
    draft.colour = draft.colour or {1: "sRGB", 2: "Adobe RGB"}.get(space or 0, "")


def _comment(raw: bytes, order: str) -> str:
    """UserComment behind its eight bytes of character code."""
    code, words = raw[:8], raw[8:]
    if code.startswith(b"UNICODE"):
        return words.decode("utf-16-be" if order == ">" else "utf-16-le", "replace").partition("\0")[0].strip()
    found = text(words) if code.startswith(b"ASCII") else ""
    return "" if found.count(";") > 4 < found.count(":") else found  # phones leave notes about their software there


def _camera_clock(draft: Draft, where: Directory, source: str, date: int, subsec: int, offset: int) -> None:
    """One date with the sub-seconds and the offset that belong to it; these three stand in one directory."""
    draft.stamp(source, where.raw(date).partition(b"\0")[0].decode("latin-1"), where.text(subsec), where.text(offset))


def gps(draft: Draft, found: Directory) -> None:
    """What the GPS directory says: the position, and the time in UTC."""
    lat = _degrees(found, 2, found.text(1), "S")
    lon = _degrees(found, 4, found.text(3), "W")
    high = _value(found.ratios(6)[:1])
    below = found.number(5) in (1, 3)  # EXIF 3.0 has 2 and 3 for heights over the ellipsoid
    place(draft, lat, lon, -high if high is not None and below else high, direction=_value(found.ratios(0x11)[:1]))
    if (2 in found or 4 in found) and lat is None and lon is None:
        draft.tell("GPS position not used: it is blank")
    day, clock = found.text(0x1D), found.ratios(7)
    if day and len(clock) == 3 and all(below for _, below in clock):
        hours, minutes, seconds = (above / below for above, below in clock)
        if 0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60:
            draft.stamp("gps:DateTime", f"{day} {int(hours):02}:{int(minutes):02}:{int(seconds):02}")


def _degrees(gps: Directory, tag: int, letter: str, negative: str) -> float | None:
    value = _value(gps.ratios(tag)[:3] or _written(gps.text(tag)))
    return -value if value is not None and letter.upper().startswith(negative) else value


def _written(words: str) -> tuple[Ratio, ...]:
    """Degrees, minutes and seconds that a writer put down as text, with points or commas before the decimals."""
    parts = re.findall(r"\d{1,3}(?:[.,]\d{1,9})?", words)[:3]
    return tuple((round(float(part.replace(",", ".")) * 10**9), 10**9) for part in parts)


def _value(parts: tuple[Ratio, ...]) -> float | None:
    """Degrees, minutes, seconds together. A zero denominator after the degrees counts as nothing; in the degrees it is no value."""
    if not parts or not parts[0][1]:
        return None
    return sum(above / below / (1, 60, 3600)[at] for at, (above, below) in enumerate(parts) if below)
