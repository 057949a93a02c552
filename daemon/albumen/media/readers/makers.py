"""Maker notes, as far as they say what EXIF leaves open: Apple's marks; lens, serial number or size of Canon, Nikon, Olympus,
Panasonic, Pentax and Sony. Each is a TIFF directory; they differ in what their offsets count from."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from albumen.errors import Rejected
from albumen.media.readers.draft import Draft
from albumen.media.readers.tiff import Directory, Tiff
from albumen.media.readers.window import Part

_HEADS = MappingProxyType(  # how the note begins → (maker, bytes before its directory)
    {
        b"OLYMPUS\0": ("olympus", 12),
        b"OLYMP\0": ("olymp", 8),
        b"OM SYSTEM\0": ("olympus", 16),
        b"Nikon\0\2": ("nikon", 10),
        b"Panasonic\0": ("panasonic", 12),
        b"SONY DSC \0": ("sony", 12),
        b"SONY CAM \0": ("sony", 12),
        b"Apple iOS\0": ("apple", 14),
        b"AOC\0": ("pentax", 6),
        b"FUJIFILM": ("fuji", 12),
        b"PENTAX \0": ("pentax", 10),
    }
)
_WITHOUT_HEAD = ("canon", "sony", "nikon")  # at once a directory, known by the camera alone
_OWN_START = ("olympus", "apple", "fuji")  # offsets count from the note's beginning; else from the TIFF block's


def note(draft: Draft, tiff: Tiff, inner: Directory) -> None:
    """Read the note of an EXIF directory; a broken or unknown one says nothing."""
    at, size = inner.place(0x927C)
    if size < 18:
        return
    head = tiff.window.at(at, 18)
    maker, skip = next((found for start, found in _HEADS.items() if head.startswith(start)), ("", 0))
    maker = maker or next((one for one in _WITHOUT_HEAD if draft.make.upper().startswith(one.upper())), "")
    reader = _READERS.get(maker)
    if reader is None:
        return
    try:
        reader(draft, _opened(tiff, maker, at, size, skip))
    except Rejected:
        return


def _opened(tiff: Tiff, maker: str, at: int, size: int, skip: int) -> Directory:
    """The note's first directory, its offsets counted as that maker does."""
    if maker == "nikon":  # a TIFF block of its own
        if not skip:
            return Tiff.bare(tiff.window, tiff.order).directory(at)
        block = Tiff(Part(tiff.window, at + skip, size))
        return block.directory(block.start)
    own = tiff.window.at(at, 16)
    marked = {"olympus": own[skip - 4 : skip - 2], "apple": own[12:14], "pentax": own[skip - 2 : skip], "fuji": b"II"}.get(
        maker, b""
    )
    order = {b"II": "<", b"MM": ">"}.get(marked, tiff.order)
    if maker in _OWN_START or own.startswith(b"PENTAX \0"):
        return Tiff.bare(Part(tiff.window, at, size), order).directory(skip)
    return Tiff.bare(tiff.window, order).directory(at + skip)


def _apple(draft: Draft, found: Directory) -> None:
    """Burst, the content identifier that a live photo's movie carries too, and the headroom of a gain map."""
    draft.burst = draft.burst or found.text(0x0B)
    draft.group = draft.group or found.text(0x11)


def _canon(draft: Draft, found: Directory) -> None:
    number = found.number(0x0C)
    draft.serial = draft.serial or (str(number) if number and number != 0xFFFFFFFF else "")
    settings = found.ints(0x01)  # where older cameras keep the sensitivity, as a code, and the lens's range
    if len(settings) > 16 and draft.exposure.iso is None:
        code = settings[16]
        draft.light(iso=code & 0x3FFF if code & 0x4000 else {16: 50, 17: 100, 18: 200, 19: 400, 20: 800}.get(code))
    canon_shot(draft, found.ints(0x04))
    if len(settings) > 25 and settings[25] and settings[24]:
        longest, shortest = (round(settings[at] / settings[25], 1) for at in (23, 24))
        draft.lens = draft.lens or (f"{shortest:g}-{longest:g}mm" if longest > shortest else f"{shortest:g}mm")
    draft.lens = draft.lens or found.text(0x95)


def canon_shot(draft: Draft, values: Sequence[int]) -> None:
    """Canon's record of the shot, for want of EXIF's: sensitivity as steps of 1/32, exposure as APEX in Canon's thirds."""
    if len(values) < 23:
        return
    auto, base = values[1], values[2]
    speed, opening = _canon_steps(values[22]), _canon_steps(values[21])
    draft.light(
        iso=round(2 ** (auto / 32) * 2 ** (base / 32) * 100 / 32) if 0 < base < 1000 and auto < 1000 else None,
        time=round(2**-speed, 7) if values[22] and -20 < speed < 20 else None,
        aperture=round(2 ** (opening / 2), 1) if 0 < opening < 20 else None,
    )


def _canon_steps(value: int) -> float:
    """A signed number of 1/32; 12 and 20 of them stand for thirds."""
    sign, value = (-1, 0x10000 - value) if value > 0x7FFF else (1, value)
    part = {12: 32 / 3, 20: 64 / 3}.get(value & 31, float(value & 31))
    return sign * ((value & ~31) + part) / 32


def _nikon(draft: Draft, found: Directory) -> None:
    draft.serial = draft.serial or found.text(0x1D) or found.text(0xA0).removeprefix("NO=").strip()
    draft.lens = draft.lens or lens(found, 0x84)


def _olympus(draft: Draft, found: Directory) -> None:
    at, size = found.place(0x2010)
    equipment = at if size > 4 else found.number(0x2010)  # older cameras put the directory itself there, not its offset
    if equipment:
        inner = found.inner(equipment)
        draft.serial = draft.serial or inner.text(0x0101)
        draft.lens = draft.lens or inner.text(0x0203)


def _panasonic(draft: Draft, found: Directory) -> None:
    draft.lens = draft.lens or _said(found.text(0x51))


def _pentax(draft: Draft, found: Directory) -> None:
    draft.serial = draft.serial or found.text(0x0229)


def _fuji(draft: Draft, found: Directory) -> None:
    stars = found.number(0x1431)
    draft.rating = stars if draft.rating is None and stars and 1 <= stars <= 5 else draft.rating


def _sony(draft: Draft, found: Directory) -> None:
    """FullImageSize, height first: the picture without the sensor's border."""
    size = found.ints(0xB02B)
    if len(size) == 2 and all(size):
        draft.whole = (size[1], size[0])


def lens(found: Directory, tag: int) -> str:
    """Four ratios, shortest and longest focal length and the f-numbers there: "18-55mm f/3.5-5.6"; "" where they are unknown."""
    parts = [round(above / below, 1) if below else 0.0 for above, below in found.ratios(tag)]
    if len(parts) != 4 or not parts[0]:
        return ""
    focal, light = (
        f"{low:g}-{high:g}" if high > low else f"{low:g}" for low, high in ((parts[0], parts[1]), (parts[2], parts[3]))
    )
    return f"{focal}mm" + (f" f/{light}" if parts[2] else "")


def _said(name: str) -> str:
    """A name that is one: cameras without a lens they know write "NO-LENS" or "N/A"."""
    return "" if name.upper().strip("- ") in ("NO-LENS", "N/A", "NONE") else name


_READERS: Mapping[str, Callable[[Draft, Directory], None]] = MappingProxyType(
    {
        "apple": _apple,
        "canon": _canon,
        "fuji": _fuji,
        "nikon": _nikon,
        "olympus": _olympus,
        "olymp": _olympus,
        "panasonic": _panasonic,
        "pentax": _pentax,
        "sony": _sony,
    }
)
