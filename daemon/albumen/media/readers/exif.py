"""EXIF (CIPA DC-008): dates with offset and sub-seconds, camera, lens, orientation, GPS; from any TIFF block."""

from albumen.errors import Rejected
from albumen.media.readers import iptc, xmp
from albumen.media.readers.draft import Draft
from albumen.media.readers.positions import place
from albumen.media.readers.tiff import Directory, Ratio, Tiff
from albumen.media.readers.window import Memory, Part, Window, text

_UNSAID = ("OLYMPUS DIGITAL CAMERA", "SONY DSC", "MINOLTA DIGITAL CAMERA", "SAMSUNG", "default", "DCIM")  # no person wrote these


def block(draft: Draft, window: Window, *, orient: bool = True) -> None:
    """An EXIF block (a TIFF file in itself). A broken one is told and leaves what was found before.

    ``orient`` = False where the format turns pictures by its own means (HEIF, JPEG XL), so that nothing is turned twice.
    """
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
    words = main.text(0x010E)
    if words not in _UNSAID:
        draft.description = draft.description or words
    draft.title = draft.title or main.raw(0x9C9B).decode("utf-16-le", "replace").strip("\0 \ufffd")
    rating = main.number(0x4746)
    draft.rating = rating if draft.rating is None and rating and 1 <= rating <= 5 else draft.rating
    for tag, reader in ((0x8769, inner), (0x8825, lambda one, _, found: gps(one, found))):
        at = main.number(tag)
        if at:
            try:
                reader(draft, tiff, tiff.directory(at))
            except Rejected as error:
                draft.tell(f"EXIF is not whole: {error}")
    draft.stamp(
        "exif:DateTime", main.raw(0x0132).partition(b"\0")[0].decode("latin-1")
    )  # its OffsetTime is an editor's: not used
    if 0x02BC in main:
        xmp.packet(draft, main.raw(0x02BC))
    if 0x83BB in main:
        iptc.records(draft, Memory(main.raw(0x83BB)))


def inner(draft: Draft, tiff: Tiff, found: Directory) -> None:
    """What the EXIF directory says: dates, lens, serial number, Apple's content identifier."""
    _camera_clock(draft, found, "exif:DateTimeOriginal", 0x9003, 0x9291, 0x9011)
    _camera_clock(draft, found, "exif:DateTimeDigitized", 0x9004, 0x9292, 0x9012)
    draft.serial = draft.serial or found.text(0xA431)
    draft.lens = draft.lens or found.text(0xA434)
    width, height = found.number(0xA002), found.number(0xA003)
    if width and height and draft.claimed is None:
        draft.claimed = (width, height)
    _maker(draft, tiff, found)


def _camera_clock(draft: Draft, where: Directory, source: str, date: int, subsec: int, offset: int) -> None:
    """One date with the sub-seconds and the offset that belong to it; these three stand in one directory."""
    draft.stamp(source, where.raw(date).partition(b"\0")[0].decode("latin-1"), where.text(subsec), where.text(offset))


def _maker(draft: Draft, tiff: Tiff, inner: Directory) -> None:
    """Apple's note: tag 0x11 is the content identifier that a live photo's movie carries too."""
    at, size = inner.place(0x927C)
    if size < 32 or tiff.window.at(at, 10) != b"Apple iOS\0":
        return
    note = Part(tiff.window, at, size)
    order = {b"MM": ">", b"II": "<"}.get(note.at(12, 2))
    if order is None:
        return
    count = int.from_bytes(note.at(14, 2), "big" if order == ">" else "little")
    for entry in range(min(count, 200)):
        row = note.at(16 + 12 * entry, 12)
        if len(row) == 12 and int.from_bytes(row[:2], "big" if order == ">" else "little") == 0x11:
            length = int.from_bytes(row[4:8], "big" if order == ">" else "little")
            start = int.from_bytes(row[8:12], "big" if order == ">" else "little")
            draft.group = draft.group or text(note.at(start, min(length, 100)))


def gps(draft: Draft, found: Directory) -> None:
    """What the GPS directory says: the position, and the time in UTC."""
    lat = _degrees(found, 2, found.text(1), "S")
    lon = _degrees(found, 4, found.text(3), "W")
    high = _value(found.ratios(6)[:1])
    place(draft, lat, lon, -high if high is not None and found.number(5) == 1 else high)
    if (2 in found or 4 in found) and lat is None and lon is None:
        draft.tell("GPS position not used: it is blank")
    day, clock = found.text(0x1D), found.ratios(7)
    if day and len(clock) == 3 and all(below for _, below in clock):
        hours, minutes, seconds = (above / below for above, below in clock)
        if 0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60:
            draft.stamp("gps:DateTime", f"{day} {int(hours):02}:{int(minutes):02}:{int(seconds):02}")


def _degrees(gps: Directory, tag: int, letter: str, negative: str) -> float | None:
    value = _value(gps.ratios(tag)[:3])
    return -value if value is not None and letter.upper().startswith(negative) else value


def _value(parts: tuple[Ratio, ...]) -> float | None:
    """Degrees, minutes, seconds together. A zero denominator after the degrees counts as nothing; in the degrees it is no value."""
    if not parts or not parts[0][1]:
        return None
    return sum(above / below / (1, 60, 3600)[at] for at, (above, below) in enumerate(parts) if below)
