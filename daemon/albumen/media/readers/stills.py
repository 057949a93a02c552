"""Small readers of still formats that need no walk of their own: GIF, BMP, WebP, PSD, TIFF, JPEG 2000."""

from albumen.errors import Rejected
from albumen.media.readers import colour, exif, iptc, xmp
from albumen.media.readers.boxes import walk
from albumen.media.readers.draft import Draft
from albumen.media.readers.tiff import Directory, Tiff
from albumen.media.readers.window import Memory, Part, Window, unpack

_CHUNK = 8 << 20
_MOST = 100_000  # chunks of a WebP: an animation has one for each of its frames


def gif(draft: Draft, window: Window) -> None:
    """GIF89a: the logical screen; Adobe's XMP block; the trailer."""
    draft.shape(*unpack("<HH", window, 6))
    at = window.at(0, _CHUNK).find(b"\x21\xff\x0bXMP DataXMP") if window.size < _CHUNK else -1
    if at >= 0:
        data = window.at(at + 14, _CHUNK)
        xmp.packet(draft, data[: data.find(b"<?xpacket end") + 20] if b"<?xpacket end" in data else data)
    if b"\x3b" not in window.at(max(13, window.size - 64), 64):
        draft.hurt("the GIF's end is missing (no trailer)")
    _sized(draft, "GIF")


def bmp(draft: Draft, window: Window) -> None:
    """BMP: width and height of its header; a negative height means stored top down."""
    size = unpack("<I", window, 14)[0]
    width, height = unpack("<HH", window, 18) if size == 12 else unpack("<ii", window, 18)
    draft.shape(width, abs(height))
    _sized(draft, "BMP")
    bits = unpack("<H", window, 24 if size == 12 else 28)[0]
    packed = unpack("<I", window, 30)[0] if size >= 40 and window.size > 34 else 0
    start = unpack("<I", window, 10)[0]
    need = start + (width * bits + 31) // 32 * 4 * abs(height)
    if not packed and need > window.size:
        draft.hurt(f"the file ends before its pixels do, {need - window.size} bytes are missing")


def webp(draft: Draft, window: Window) -> None:
    """WebP: the canvas of VP8X, else the frame of VP8 or VP8L; EXIF and XMP chunks; the RIFF size."""
    (claimed,) = unpack("<I", window, 4)
    if claimed + 8 > window.size:
        draft.hurt(f"the file ends before its data does, {claimed + 8 - window.size} bytes are missing")
    at, end = 12, min(claimed + 8, window.size)
    for _ in range(_MOST):
        if at + 8 > end:
            break
        head = window.at(at, 18 + 8)
        size = int.from_bytes(head[4:8], "little")
        if head[:4] in (b"VP8X", b"VP8 ", b"VP8L") and not draft.width:
            _frame(draft, head)
        elif head[:4] == b"EXIF":
            data = window.at(at + 8, min(size, _CHUNK))
            exif.block(draft, Memory(data[6:] if data.startswith(b"Exif\0\0") else data))
        elif head[:4] == b"ICCP":
            colour.profile(draft, Part(window, at + 8, size))
        elif head[:4] == b"XMP ":
            xmp.packet(draft, window.at(at + 8, min(size, _CHUNK)))
        at += 8 + size + size % 2
    _sized(draft, "WebP")


def _frame(draft: Draft, head: bytes) -> None:
    if head[:4] == b"VP8X" and len(head) >= 18:
        draft.shape(1 + int.from_bytes(head[12:15], "little"), 1 + int.from_bytes(head[15:18], "little"))
    elif head[:4] == b"VP8 " and head[11:14] == b"\x9d\x01\x2a" and len(head) >= 18:
        draft.shape(int.from_bytes(head[14:16], "little") & 0x3FFF, int.from_bytes(head[16:18], "little") & 0x3FFF)
    elif head[:4] == b"VP8L" and head[8:9] == b"\x2f":
        bits = int.from_bytes(head[9:13], "little")
        draft.shape(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))


def psd(draft: Draft, window: Window) -> None:
    """Photoshop: the header; EXIF, XMP and IPTC among the image resources."""
    height, width = unpack(">II", window, 14)
    draft.shape(width, height)
    _sized(draft, "Photoshop file")
    (colours,) = unpack(">I", window, 26)
    (size,) = unpack(">I", window, 30 + colours)
    block = Part(window, 34 + colours, size)
    for number, (at, length) in iptc.resources(block).items():
        part = Part(block, at, length)
        if number == 1058:
            exif.block(draft, part)
        elif number == 1060:
            xmp.packet(draft, part.at(0, _CHUNK))
    iptc.photoshop(draft, block)
    if block.size < size:
        draft.hurt("the Photoshop file ends inside its headers")


def tiff(draft: Draft, window: Window) -> None:
    """A TIFF picture: its first directory, whose strips or tiles must lie inside the file."""
    block = Tiff(window)
    first = block.directory(block.start)
    exif.directory(draft, block, first)
    draft.shape(first.number(0x0100) or 0, first.number(0x0101) or 0)
    _sized(draft, "TIFF")
    _data_inside(draft, window, first)


def _data_inside(draft: Draft, window: Window, first: Directory) -> None:
    for starts, sizes in ((0x0111, 0x0117), (0x0144, 0x0145)):
        ends = (at + size for at, size in zip(first.ints(starts), first.ints(sizes), strict=False))
        if max(ends, default=0) > window.size:
            draft.hurt("the file ends before its pixels do (a strip or tile lies beyond the end)")


_EXIF_UUID = b"JpgTiffExif->JP2"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def jp2(draft: Draft, window: Window) -> None:
    """JPEG 2000 boxes (ISO/IEC 15444-1, annex I): ihdr, metadata in uuid boxes, the codestream's end."""
    for box in walk(window):
        if box.kind == b"jp2h":
            for inner in walk(box.body):
                if inner.kind == b"ihdr":
                    height, width = unpack(">II", inner.body, 0)
                    draft.shape(width, height)
                elif inner.kind == b"colr":
                    _colour(draft, inner.body)
        elif box.kind == b"uuid":
            name = box.body.at(0, 16)
            if name == _EXIF_UUID:
                exif.block(draft, Part(box.body, 16))
            elif name == _XMP_UUID:
                xmp.packet(draft, box.body.at(16, _CHUNK))
        elif box.kind == b"xml ":
            xmp.packet(draft, box.body.at(0, _CHUNK))
        elif box.kind == b"jp2c":
            codestream(draft, box.body)
        if box.cut:
            draft.hurt(f"the file ends inside a box, {box.end - window.size} bytes are missing")
    _sized(draft, "JPEG 2000 file")


def _colour(draft: Draft, body: Part) -> None:
    """Annex I.5.3.3: an enumerated space, or a profile; the first box that a reader understands counts."""
    head = body.at(0, 7)
    if head[:1] == b"\1":
        draft.colour = draft.colour or {16: "sRGB", 17: "greyscale", 18: "sYCC"}.get(int.from_bytes(head[3:7], "big"), "")
    elif head[:1] in (b"\2", b"\3") and not draft.colour:
        colour.profile(draft, Part(body, 3))


def codestream(draft: Draft, window: Window) -> None:
    """JPEG 2000 codestream (annex A): the SIZ segment and the end marker."""
    if window.at(2, 2) != b"\xff\x51":
        raise Rejected("a JPEG 2000 codestream without its size")
    width, height, left, top = unpack(">IIII", window, 8)
    if not draft.width:
        draft.shape(width - left, height - top)
    if b"\xff\xd9" not in window.at(max(0, window.size - 64), 64):
        draft.hurt("the JPEG 2000 codestream's end is missing")
    _sized(draft, "JPEG 2000 codestream")


def xcf(draft: Draft, window: Window) -> None:
    """GIMP: the canvas behind the version."""
    draft.shape(*unpack(">II", window, 14))


def mng(draft: Draft, window: Window) -> None:
    """MNG: the frame of its header."""
    draft.shape(*unpack(">II", window, 16))


def _sized(draft: Draft, what: str) -> None:
    if not draft.width:
        raise Rejected(f"a {what} without a size")
