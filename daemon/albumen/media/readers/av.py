"""AVI, ASF (WMV), Matroska and WebM: length, size and dates as far as their headers tell them plainly."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from albumen.errors import Rejected
from albumen.media.readers import colour, tracks
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Part, Window, text, unpack

_MOST = 5000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def avi(draft: Draft, window: Window) -> None:
    """RIFF AVI: main header (hdrl/avih), capture date (IDIT or ICRD)."""
    (claimed,) = unpack("<I", window, 4)
    if claimed + 8 > window.size:
        draft.hurt(f"the file ends before its data does, {claimed + 8 - window.size} bytes are missing")
    streams = _Streams()
    for kind, body in _chunks(Part(window, 12), 0):
        if kind == b"avih":
            each, _, _, _, frames, _, _, _, width, height = unpack("<10I", body, 0)
            draft.shape(width, height)
            if each:
                draft.frame_rate = tracks.rate(1_000_000, each)
                draft.duration = round(each * frames / 1e6, 3) or None
        elif kind in (b"IDIT", b"ICRD"):
            draft.stamp("riff:DateTimeOriginal", _riff_date(text(body.at(0, 64))))
        else:
            streams.take(draft, kind, body)
    draft.codecs += [*streams.pictures, *streams.sounds]
    if draft.empty:
        raise Rejected("an AVI without a header")


@dataclass
class _Streams:
    """Stream headers (``strh``) and formats (``strf``) as they come, each pair about one stream."""

    kind: bytes = b""
    pictures: list[str] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)

    def take(self, draft: Draft, kind: bytes, body: Part) -> None:
        """A chunk of the header lists. A file beyond a gigabyte tells its whole length in its first picture stream only."""
        if kind == b"strh":
            self.kind = body.at(0, 4)
            scale, speed, _, length = unpack("<IIII", body, 20)
            if self.kind == b"vids" and scale and speed and not self.pictures:
                draft.frame_rate = tracks.rate(speed, scale) or draft.frame_rate
                draft.duration = max(draft.duration or 0.0, round(length * scale / speed, 3)) or None
        elif kind == b"strf" and self.kind == b"vids":
            _, width, height, _, _, code = unpack("<IiiHH4s", body, 0)
            if not draft.width:
                draft.shape(abs(width), abs(height))
            self.pictures += [_fourcc(code)]
        elif kind == b"strf" and self.kind == b"auds":
            self.sounds += [_FORMATS.get(unpack("<H", body, 0)[0], "")]


_FOURCC = {
    **dict.fromkeys(("h264", "x264", "avc1", "davc"), "h264"),
    **dict.fromkeys(("hevc", "hvc1", "h265", "hev1"), "hevc"),
    **dict.fromkeys(("xvid", "divx", "dx50", "fmp4", "mp4v", "m4s2", "mp4s"), "mpeg4"),
    **dict.fromkeys(("mp42", "mp43", "div3", "mpg4"), "msmpeg4"),
    **dict.fromkeys(("mjpg", "jpeg", "avrn", "ljpg"), "mjpeg"),
    **dict.fromkeys(("mpg2", "mpeg", "em2v"), "mpeg2video"),
    **dict.fromkeys(("dvsd", "dvhd", "dv25", "dvc ", "dvsl"), "dv"),
    "wmv1": "wmv1",
    "wmv2": "wmv2",
    "wmv3": "wmv3",
    "wmva": "vc1",
    "wvc1": "vc1",
    "h263": "h263",
    "iv50": "indeo5",
    "cvid": "cinepak",
    **dict.fromkeys(("\0\0\0\0", "dib ", "rgb ", "yuy2", "uyvy", "i420", "yv12"), "raw"),
}
_FORMATS = {  # mmreg.h, WAVE_FORMAT
    0x01: "pcm",
    0x03: "pcm",
    0x02: "adpcm",
    0x06: "g711",
    0x07: "g711",
    0x11: "adpcm",
    0x31: "gsm",
    0x50: "mp2",
    0x55: "mp3",
    0xFF: "aac",
    0x160: "wma",
    0x161: "wma",
    0x162: "wma",
    0x163: "wma",
    0x0A: "wma",
    0x1610: "aac",
    0x2000: "ac3",
    0x2001: "dts",
    0xFFFE: "pcm",
    0xF1AC: "flac",
}


def _fourcc(code: bytes) -> str:
    """The usual name of a coding; one we do not know by its own four letters."""
    name = code.decode("latin-1").lower()
    return _FOURCC.get(name, text(code).lower())


def _chunks(window: Window, depth: int) -> Iterator[tuple[bytes, Part]]:
    """Chunks of the header lists, depth first; the picture data is passed over."""
    at = 0
    for _ in range(_MOST):
        head = window.at(at, 12)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:8], "little")
        if head[:4] == b"LIST" and head[8:12] != b"movi" and depth < 4:
            yield from _chunks(Part(window, at + 12, size - 4), depth + 1)
        elif head[:4] != b"LIST":
            yield head[:4], Part(window, at + 8, size)
        at += 8 + size + size % 2


_RIFF = re.compile(r"^[A-Za-z]{3} ([A-Za-z]{3})\w* +(\d{1,2}) (\d{2}:\d{2}:\d{2}) (\d{4})", re.ASCII)


def _riff_date(value: str) -> str:
    """``Mon Mar 10 15:04:43 2003`` as ISO, any other as it is."""
    match = _RIFF.match(value)
    if match is None or match[1].lower() not in _MONTHS:
        return value.replace("/", "-").strip()
    return f"{match[4]}-{_MONTHS.index(match[1].lower()) + 1:02}-{int(match[2]):02}T{match[3]}"


_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_AUDIO = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_EXTENSION = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
_DESCRIPTION = bytes.fromhex("3326b2758e66cf11a6d900aa0062ce6c")
_EXTENDED_STREAM = bytes.fromhex("cba5e61472c632438399a96952065b5a")


def asf(draft: Draft, window: Window) -> None:
    """ASF: file properties (creation time, length) and the first video stream's size."""
    (size,) = unpack("<Q", window, 16)
    if size > window.size:
        draft.hurt("the file ends inside its headers")
    pictures, sounds = list[str](), list[str]()
    for at, kind, length in _objects(window, 30, size):
        if kind == _FILE_PROPERTIES:
            whole, created, _, length_of, _, before = unpack("<QQQQQQ", window, at + 40)
            draft.duration = round(max(0, length_of / 1e7 - before / 1e3), 3) or None
            if created:
                when = datetime(1601, 1, 1) + timedelta(microseconds=min(created // 10, 1 << 57))  # noqa: DTZ001  # UTC by the format
                draft.stamp("asf:CreationDate", when.isoformat(timespec="seconds") + "Z")
            if whole > window.size:
                draft.hurt(f"the file ends before its data does, {whole - window.size} bytes are missing")
        elif kind == _STREAM_PROPERTIES and window.at(at + 24, 16) == _VIDEO:
            if not draft.width:
                draft.shape(*unpack("<II", window, at + 78))
            pictures.append(_fourcc(window.at(at + 105, 4)))
        elif kind == _STREAM_PROPERTIES and window.at(at + 24, 16) == _AUDIO:
            sounds.append(_FORMATS.get(unpack("<H", window, at + 78)[0], ""))
        elif kind == _EXTENSION:
            _asf_extension(draft, Part(window, at + 46, length - 46))
        elif kind == _DESCRIPTION:
            lengths = unpack("<5H", window, at + 24)
            title = window.at(at + 34, min(lengths[0], 4096)).decode("utf-16-le", "replace").strip("\0 ")
            draft.say("title", "note", text(title.encode("utf-8", "replace")))
    draft.codecs += [one for one in (*pictures, *sounds) if one]
    if draft.empty:
        raise Rejected("a Windows media file without a header")


def _asf_extension(draft: Draft, window: Window) -> None:
    """The header extension: of each stream the time between two pictures, in 100 ns."""
    for at, kind, _ in _objects(window, 0, window.size):
        if kind == _EXTENDED_STREAM:
            (each,) = unpack("<Q", window, at + 76)
            draft.frame_rate = draft.frame_rate or tracks.rate(10_000_000, each)


def _objects(window: Window, at: int, end: int) -> Iterator[tuple[int, bytes, int]]:
    """(offset, kind, length) of the objects of one level; ends at the first that is none."""
    for _ in range(_MOST):
        if at + 24 > min(end, window.size):
            return
        kind, length = window.at(at, 16), unpack("<Q", window, at + 16)[0]
        if length < 24:
            return
        yield at, kind, length
        at += length


def matroska(draft: Draft, window: Window) -> None:
    """EBML (RFC 8794), Matroska (RFC 9559): segment information and the first video track."""
    for kind, body, _ in _elements(window):
        if kind == 0x18538067:
            for inner, part, cut in _elements(body):
                if inner == 0x1549A966:
                    _information(draft, part)
                elif inner == 0x1654AE6B:
                    named = sorted(_matroska_track(draft, track) for kind_, track, _ in _elements(part) if kind_ == 0xAE)
                    draft.codecs += [codec for _, _, codec in named if codec]
                elif inner == 0x1254C367:
                    _matroska_tags(draft, part)
                if cut:
                    draft.hurt("the file ends inside its data")
    if draft.empty:
        raise Rejected("a Matroska file without tracks")


def _information(draft: Draft, window: Window) -> None:
    scale, length = 1_000_000, 0.0
    for kind, body, _ in _elements(window):
        data = body.at(0, 256)
        if kind == 0x2AD7B1:
            scale = int.from_bytes(data[:8], "big")
        elif kind == 0x4489 and len(data) in (4, 8):
            (length,) = struct.unpack(">f" if len(data) == 4 else ">d", data)
        elif kind == 0x4461 and len(data) == 8:
            (ns,) = struct.unpack(">q", data)
            when = datetime(2001, 1, 1) + timedelta(microseconds=ns // 1000)  # noqa: DTZ001  # UTC by the format
            draft.stamp("matroska:DateUTC", when.isoformat(timespec="seconds") + "Z")
        elif kind == 0x7BA9:
            draft.title = draft.title or text(data)
    if 0 < length * scale < 1e18:
        draft.duration = round(length * scale / 1e9, 3)


_CODECS = {
    "V_MPEG4/ISO/AVC": "h264",
    "V_MPEGH/ISO/HEVC": "hevc",
    "V_AV1": "av1",
    "V_VP8": "vp8",
    "V_VP9": "vp9",
    "V_MPEG1": "mpeg1video",
    "V_MPEG2": "mpeg2video",
    "V_THEORA": "theora",
    "V_PRORES": "prores",
    "V_MJPEG": "mjpeg",
    "V_FFV1": "ffv1",
    "V_UNCOMPRESSED": "raw",
    "A_OPUS": "opus",
    "A_VORBIS": "vorbis",
    "A_EAC3": "eac3",
    "A_MPEG/L3": "mp3",
    "A_MPEG/L2": "mp2",
    "A_FLAC": "flac",
    "A_ALAC": "alac",
}
_FAMILIES = {"V_MPEG4": "mpeg4", "A_AAC": "aac", "A_PCM": "pcm", "A_AC3": "ac3", "A_DTS": "dts"}  # their names have endings


def _matroska_track(draft: Draft, window: Window) -> tuple[bool, int, str]:
    """(whether it has no pictures, its number, its coding). Of the first one with pictures: size as shown, rate, colour."""
    fields = {kind: body for kind, body, _ in _elements(window)}
    name = text(fields[0x86].at(0, 64)) if 0x86 in fields else ""
    if 0xE0 in fields and not draft.width:
        _matroska_picture(draft, fields[0xE0])
        each = _number(fields.get(0x23E383))
        draft.frame_rate = tracks.rate(1_000_000_000, each)
    if name == "V_MS/VFW/FOURCC" and 0x63A2 in fields:
        codec = _fourcc(fields[0x63A2].at(16, 4))
    else:
        codec = _CODECS.get(name) or next((one for start, one in _FAMILIES.items() if name.startswith(start)), name.lower())
    return 0xE0 not in fields, _number(fields.get(0xD7)), codec


def _matroska_picture(draft: Draft, window: Window) -> None:
    parts = {kind: body for kind, body, _ in _elements(window)}
    crop = {
        name: _number(parts.get(kind))
        for name, kind in (("bottom", 0x54AA), ("top", 0x54BB), ("left", 0x54CC), ("right", 0x54DD))
    }
    width = _number(parts.get(0xB0)) - crop["left"] - crop["right"]
    height = _number(parts.get(0xBA)) - crop["top"] - crop["bottom"]
    shown = _number(parts.get(0x54B0)) or width, _number(parts.get(0x54BA)) or height
    unit = _number(parts.get(0x54B2))
    if unit == 3 and all(shown):  # an aspect
        shown = round(height * shown[0] / shown[1]), height
    draft.shape(*(shown if unit in (0, 3) else (width, height)))
    if 0x55B0 in parts:
        light = {kind: body for kind, body, _ in _elements(parts[0x55B0])}
        colour.points(draft, _number(light.get(0x55BB)) or 2, _number(light.get(0x55BA)) or 2)
    if 0x7670 in parts:
        roll = next((body.at(0, 8) for kind, body, _ in _elements(parts[0x7670]) if kind == 0x7675), b"")
        turn = struct.unpack(">f" if len(roll) == 4 else ">d", roll)[0] if len(roll) in (4, 8) else 0.0
        draft.turned = abs(turn) in (90.0, 270.0)


def _number(body: Part | None) -> int:
    return int.from_bytes(body.at(0, 8), "big") if body is not None else 0


def _matroska_tags(draft: Draft, window: Window) -> None:
    """``DATE_RECORDED`` and its kin, as the tag specification (RFC 9559, section 5.1.8) has them."""
    for _, tag, _ in _elements(window):
        for kind, simple, _ in _elements(tag):
            fields = {inner: text(part.at(0, 256)) for inner, part, _ in _elements(simple)} if kind == 0x67C8 else {}
            if fields.get(0x45A3) in ("DATE_RECORDED", "DATE", "CREATION_TIME", "com.apple.quicktime.creationdate"):
                draft.stamp("matroska:Tag", fields.get(0x4487, ""))


def _elements(window: Window) -> Iterator[tuple[int, Part, bool]]:
    """(id, body, cut) of one level; an element of unknown size reaches to the end."""
    at = 0
    for _ in range(_MOST):
        head = window.at(at, 12)
        if len(head) < 2 or not head[0] & 0xF0:
            return
        wide = 9 - head[0].bit_length()
        kind = int.from_bytes(head[:wide], "big")
        if len(head) <= wide or not head[wide]:
            return
        long = 9 - head[wide].bit_length()
        size = int.from_bytes(head[wide : wide + long], "big") & ((1 << 7 * long) - 1)
        start = at + wide + long
        if size == (1 << 7 * long) - 1:
            size = window.size - start
        yield kind, Part(window, start, size), start + size > window.size
        at = start + size
