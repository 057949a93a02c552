"""Colour spaces by name: ICC profiles (ICC.1:2022, sections 7.2, 9.2.41), coding-independent code points (ITU-T H.273)."""

from albumen.media.readers.boxes import number
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Window, text

_TAGS = 200
_NAME = 400  # bytes of a name
_PRIMARIES = {1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_SRGB = 13  # transfer function of IEC 61966-2-1
_HDR = {16: "PQ", 18: "HLG"}
_SHORT = (
    ("sRGB", "sRGB"),
    ("GIMP built-in sRGB", "sRGB"),
    ("c2", "sRGB"),
    ("Adobe RGB", "Adobe RGB"),
    ("Display P3", "Display P3"),
)


def profile(draft: Draft, window: Window) -> None:
    """The name of an ICC profile, as its description tag has it; a broken one says nothing. It outranks what EXIF says."""
    head = window.at(0, 132)
    if len(head) < 132 or head[36:40] != b"acsp":
        return
    table = window.at(132, 12 * min(number(head, 128, 4), _TAGS))
    for row in range(0, len(table), 12):
        if table[row : row + 4] == b"desc":
            name = _name(window.at(number(table, row + 4, 4), min(number(table, row + 8, 4), 65536)))
            if name:
                draft.colour = known(name)
            return


def known(name: str) -> str:
    """The space's usual name; another one as it is."""
    return next((short for start, short in _SHORT if name.startswith(start)), name)


def _name(data: bytes) -> str:
    """Text of version 2 ("desc": ASCII behind its length) or 4 ("mluc": the first language's UTF-16)."""
    if data[:4] == b"desc":
        return text(data[12 : 12 + min(number(data, 8, 4), _NAME)])
    if data[:4] == b"mluc" and number(data, 8, 4):
        size, at = number(data, 20, 4), number(data, 24, 4)
        return data[at : at + min(size, _NAME)].decode("utf-16-be", "replace").strip("\0 ")
    return ""


def points(draft: Draft, primaries: int, transfer: int) -> None:
    """Code points of H.273; 2 and 0 leave it open. A profile outranks them for the name, nothing for the dynamic range."""
    space = "sRGB" if (primaries, transfer) == (1, _SRGB) else _PRIMARIES.get(primaries, "")
    draft.colour = draft.colour or space
    draft.hdr = draft.hdr or _HDR.get(transfer, "")
