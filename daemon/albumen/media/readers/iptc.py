"""IPTC-IIM records (IIM 4.2, chapter 3): created date and time, title, caption, keywords; bare or inside Photoshop resources."""

import re

from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Window, text

_MOST = 2000  # data sets of one block


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
    draft.title = draft.title or found.get(5, "")
    draft.description = draft.description or found.get(120, "")
    draft.tags += words


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
