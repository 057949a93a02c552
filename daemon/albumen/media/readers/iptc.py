"""IPTC-IIM records (IIM 4.2, chapter 3): created date and time, title, caption, keywords; bare or inside Photoshop resources."""

import re
from hashlib import md5

from albumen.media.readers import colour
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Memory, Part, Window, text

_MOST = 2000  # data sets of one block
_BLOCK = 4 << 20


def records(draft: Draft, window: Window) -> None:
    """Data sets ``1C <record> <number> <length> …``; ends silently at the first that is none."""
    found: dict[int, str] = {}
    words: list[str] = []
    at = 0
    for _ in range(_MOST):
        head = window.at(at, 5)
        if len(head) < 5 or head[0] != 0x1C or head[3] & 0x80:
            break
        size = int.from_bytes(head[3:5], "big")
        if head[1] == 2:
            value = text(window.at(at + 5, size))
            if head[2] == 25 and value:
                words.append(value)
            elif value:
                found.setdefault(head[2], value)
        at += 5 + size
    _dates(draft, found)
    draft.say("title", "iptc", found.get(5, ""))
    draft.say("title", "note", found.get(105, ""))
    draft.say("description", "iptc", found.get(120, ""))
    draft.keywords.setdefault("iptc", []).extend(words)


def photoshop(draft: Draft, window: Window, bare: bytes = b"") -> None:
    """Photoshop's image resources: IPTC with the digest of it that XMP's writer left, and the colour profile.

    ``bare``: the IPTC block where it stands elsewhere (TIFF).
    """
    found = resources(window)
    raw = bare or window.at(*_within(found.get(0x0404, (0, 0))))
    if raw:
        records(draft, Memory(raw))
        digest = window.at(*_within(found.get(0x0425, (0, 0))))
        draft.iptc_newer = len(digest) == 16 and any(digest) and digest != md5(raw, usedforsecurity=False).digest()
    if 0x040F in found:
        colour.profile(draft, Part(window, *found[0x040F]))


def _within(place: tuple[int, int]) -> tuple[int, int]:
    return place[0], min(place[1], _BLOCK)


def _dates(draft: Draft, found: dict[int, str]) -> None:
    for name, day, clock in (("DateTimeCreated", 55, 60), ("DigitalCreation", 62, 63)):
        if day not in found:
            continue
        time = re.match(r"^(\d{2}):?(\d{2}):?(\d{2})([+-]\d{2}:?\d{2})?", found.get(clock, ""))
        value = found[day] + (f" {time[1]}:{time[2]}:{time[3]}" if time else "")
        draft.stamp(f"iptc:{name}", value, offset=(time[4] or "") if time else "")


def resources(window: Window) -> dict[int, tuple[int, int]]:
    """Photoshop image resources ``8BIM <id> <name> <length> …``: id → (offset, length) of its data."""
    found: dict[int, tuple[int, int]] = {}
    at = 0
    for _ in range(_MOST):
        head = window.at(at, 7)
        if len(head) < 7 or head[:4] not in (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"):
            break
        name = 1 + head[6] + (1 + head[6]) % 2
        size = int.from_bytes(window.at(at + 6 + name, 4), "big")
        found.setdefault(int.from_bytes(head[4:6], "big"), (at + 10 + name, size))
        at += 10 + name + size + size % 2
    return found
