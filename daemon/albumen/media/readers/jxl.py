"""JPEG XL (ISO/IEC 18181-1 section D.2, 18181-2 for the boxes): size and orientation of the codestream header, Exif, XMP."""

from albumen.errors import Rejected
from albumen.media.readers import exif, xmp
from albumen.media.readers.boxes import walk
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Part, Window, text

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def read(draft: Draft, window: Window) -> None:
    """Fill ``draft`` from a bare codestream or from its container."""
    if window.at(0, 2) == b"\xff\x0a":
        _header(draft, window.at(2, 64))
    else:
        _boxes(draft, window)
    if not draft.width:
        raise Rejected("a JPEG XL without a size")


def _boxes(draft: Draft, window: Window) -> None:
    draft.boxed = True
    data = False
    for box in walk(window):
        if box.kind in (b"jxlc", b"jxlp"):
            start = 0 if box.kind == b"jxlc" else 4
            if not data and box.body.at(start, 2) == b"\xff\x0a":
                _header(draft, box.body.at(start + 2, 64))
            data = True
        elif box.kind == b"Exif":
            offset = int.from_bytes(box.body.at(0, 4), "big")
            exif.block(draft, Part(box.body, 4 + offset), orient=False)
        elif box.kind == b"brob" and box.body.at(0, 4) in (b"Exif", b"xml "):
            draft.tell(f"its {text(box.body.at(0, 4))} metadata is packed (Brotli) and was not read")
        elif box.kind == b"jhgm":
            draft.hdr = "gain map"
        elif box.kind == b"xml ":
            xmp.packet(draft, box.body.at(0, 8 << 20))
        if box.cut:
            draft.hurt(f"the file ends inside a box, {box.end - window.size} bytes are missing")
    if not data:
        draft.hurt("the picture's data is missing (no codestream box)")


class _Bits:
    """Bits, lowest first; zeros beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        return found

    def size(self) -> int:
        return 1 + self.take((9, 13, 18, 30)[self.take(2)])


def _header(draft: Draft, data: bytes) -> None:
    bits = _Bits(data)
    small = bits.take(1)
    height = 8 * (1 + bits.take(5)) if small else bits.size()
    ratio = bits.take(3)
    if ratio:
        above, below = _RATIOS[ratio - 1]
        width = height * above // below
    else:
        width = 8 * (1 + bits.take(5)) if small else bits.size()
    draft.shape(width, height)
    if not bits.take(1) and bits.take(1):  # image metadata: not all default, extra fields
        draft.turn(1 + bits.take(3))
