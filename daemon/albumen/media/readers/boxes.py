"""Boxes of the ISO base media format (ISO/IEC 14496-12, section 4.2): HEIF, AVIF, JPEG 2000, JPEG XL, CR3, MP4 and QuickTime."""

from collections.abc import Iterator
from dataclasses import dataclass

from albumen.media.readers.window import Part, Window

_MOST = 20_000  # boxes of one level


@dataclass(frozen=True, slots=True)
class Box:
    """``body`` is what follows the header, as far as it exists; ``at`` the header's offset; ``end`` where it claims to end."""

    kind: bytes
    body: Part
    at: int
    end: int
    cut: bool  # it claims more bytes than there are


def walk(window: Window, start: int = 0) -> Iterator[Box]:
    """The boxes of one level in order; ends at the first that is none. A cut one is the last."""
    at = start
    for _ in range(_MOST):
        head = window.at(at, 16)
        if len(head) < 8:
            return
        size, kind, skip = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1 and len(head) == 16:
            size, skip = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:  # to the end of what contains it
            size = window.size - at
        if size < skip:
            return
        yield Box(kind, Part(window, at + skip, size - skip), at, at + size, at + size > window.size)
        at += size


def find(window: Window, *path: bytes, start: int = 0) -> Box | None:
    """The first box along a path of kinds."""
    found = next((box for box in walk(window, start) if box.kind == path[0]), None)
    return found if found is None or len(path) == 1 else find(found.body, *path[1:])


def number(data: bytes, at: int, size: int) -> int:
    """Big-endian number; 0 beyond the end."""
    return int.from_bytes(data[at : at + size], "big")
