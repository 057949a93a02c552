"""X3F (Sigma, Foveon): size and rotation in the header, EXIF in a preview, and a section of properties by name."""

import re
from datetime import datetime, timedelta

from albumen.errors import Rejected
from albumen.media.readers import raw
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Part, Window, unpack

_SECTIONS, _PROPERTIES = 100, 500
_TEXT = 1 << 20


def read(draft: Draft, window: Window) -> None:
    """Fill ``draft``. The preview is the first section that is a JPEG; older cameras have properties instead of its EXIF."""
    width, height, rotation = unpack("<III", window, 28)
    if 0 < width < 1 << 16 and 0 < height < 1 << 16:
        draft.shape(width, height)
        draft.turned = rotation in (90, 270)
    head = window.at(0, 1 << 20)
    at = head.find(b"\xff\xd8\xff\xe1")
    if at >= 0:
        raw.preview(draft, Part(window, at))
    try:
        for start, size, kind in _sections(window):
            if kind == b"PROP":
                _properties(draft, _pairs(Part(window, start, size)))
    except Rejected:  # the directory stands at the end
        draft.hurt("the file's directory is missing: its end was cut off")
    if draft.empty:
        raise Rejected("an X3F file without a size")


def _sections(window: Window) -> list[tuple[int, int, bytes]]:
    """(offset, length, kind)."""
    (at,) = unpack("<I", window, window.size - 4)
    if window.at(at, 4) != b"SECd":
        raise Rejected("no directory")
    (count,) = unpack("<I", window, at + 8)
    rows = (unpack("<II4s", window, at + 12 + 12 * row) for row in range(min(count, _SECTIONS)))
    return [(int(row[0]), int(row[1]), bytes(row[2])) for row in rows]


def _pairs(section: Window) -> dict[str, str]:
    """Names and values, each a place in one text of UTF-16."""
    count, form, _, length = unpack("<IIII", section, 8)
    if form:
        return {}
    count = min(count, _PROPERTIES)
    words = section.at(24 + 8 * count, min(2 * length, _TEXT)).decode("utf-16-le", "replace")

    def said(at: int) -> str:
        return words[at : words.find("\0", at)] if at < len(words) else ""

    rows = (unpack("<II", section, 24 + 8 * row) for row in range(count))
    return {said(name): said(value).strip() for name, value in rows}


def _properties(draft: Draft, found: dict[str, str]) -> None:
    draft.make = draft.make or found.get("CAMMANUF", "")
    draft.model = draft.model or found.get("CAMMODEL", "")
    draft.serial = draft.serial or found.get("CAMSERIAL", "")
    seconds = found.get("TIME", "")
    if re.fullmatch(r"[0-9]{8,10}", seconds):  # the camera's clock, counted as if it were UTC
        when = datetime(1970, 1, 1) + timedelta(seconds=int(seconds))  # noqa: DTZ001  # wall clock
        draft.stamp("exif:DateTimeOriginal", when.isoformat(sep=" "))
    iso = _number(found, "ISO")
    draft.light(
        time=_number(found, "SHUTTER"),
        aperture=_number(found, "APERTURE"),
        iso=int(iso) if iso else None,
        focal=_number(found, "FLENGTH"),
        focal_35=_number(found, "FLEQ35MM"),
    )


def _number(found: dict[str, str], name: str) -> float | None:
    value = found.get(name, "")
    return float(value) or None if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) else None
