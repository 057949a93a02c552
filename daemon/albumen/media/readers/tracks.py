"""What the tracks of a QuickTime or MP4 movie are: coding, size as shown, frame rate, colour (ISO/IEC 14496-12, 14496-15; QTFF)."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from albumen.media.readers import colour, nal
from albumen.media.readers.boxes import Box, find, number, walk
from albumen.media.readers.draft import Draft
from albumen.media.readers.window import Part, Window, text

_PICTURES = (b"vide", b"pict", b"auxv")
_VISUAL = 78  # bytes of a visual sample entry before its boxes
_STILL = frozenset({"mjpeg", "png", "jpeg2000", "bmp"})  # what a cover is coded in
_ENTRIES = 200_000  # of a table of times: more than a day of changing frame rates
_CODECS: Mapping[bytes, str] = MappingProxyType(
    {
        **dict.fromkeys((b"avc1", b"avc2", b"avc3", b"avc4", b"dva1", b"dvav", b"ai1q", b"ai15"), "h264"),
        **dict.fromkeys((b"hvc1", b"hev1", b"dvh1", b"dvhe", b"muxa"), "hevc"),
        b"av01": "av1",
        b"vp08": "vp8",
        b"vp09": "vp9",
        b"mp4v": "mpeg4",
        **dict.fromkeys((b"s263", b"H263", b"h263"), "h263"),
        **dict.fromkeys((b"jpeg", b"mjpa", b"mjpb", b"mjpg", b"AVDJ"), "mjpeg"),
        **dict.fromkeys((b"apch", b"apcn", b"apcs", b"apco", b"ap4h", b"ap4x"), "prores"),
        **dict.fromkeys((b"SVQ1", b"svq1"), "svq1"),
        b"SVQ3": "svq3",
        b"png ": "png",
        b"mjp2": "jpeg2000",
        b"rle ": "qtrle",
        **dict.fromkeys((b"dvc ", b"dvcp", b"dv5n", b"dv5p", b"dvpp", b"dvh5", b"dvh6"), "dv"),
        **dict.fromkeys((b"mx5n", b"mx5p", b"hdv1", b"hdv2", b"hdv3", b"hdv5", b"m2v1", b"xdv2", b"xdvb"), "mpeg2video"),
        b"mp4a": "aac",
        b"samr": "amr_nb",
        b"sawb": "amr_wb",
        b"ac-3": "ac3",
        b"ec-3": "eac3",
        b"Opus": "opus",
        b"fLaC": "flac",
        **dict.fromkeys((b".mp3", b"mp3 ", b"ms\0U"), "mp3"),
        **dict.fromkeys(
            (b"sowt", b"twos", b"lpcm", b"in24", b"in32", b"fl32", b"fl64", b"raw ", b"ipcm", b"fpcm", b"NONE"), "pcm"
        ),
        **dict.fromkeys((b"ulaw", b"alaw", b"ms\0\6", b"ms\0\7"), "g711"),
        b"ima4": "adpcm",
        b"dtsc": "dts",
    }
)
_OBJECTS = {  # ISO/IEC 14496-1, objectTypeIndication
    0x20: "mpeg4",
    **dict.fromkeys((0x40, 0x66, 0x67, 0x68), "aac"),
    **dict.fromkeys(range(0x60, 0x66), "mpeg2video"),
    **dict.fromkeys((0x69, 0x6B), "mp3"),
    0x6A: "mpeg1video",
    0x6C: "mjpeg",
    0x6D: "png",
    0xA5: "ac3",
    0xA6: "eac3",
}


@dataclass(frozen=True, slots=True)
class Track:
    """One track: what it carries ("vide", "soun" …), its id, whether a player plays it, its coding, its boxes."""

    kind: bytes
    id: int
    enabled: bool
    codec: str
    entry: Part  # the first sample description, behind its size and type
    trak: Box
    scale: int  # ticks a second

    @property
    def picture(self) -> bool:
        """Whether it carries pictures."""
        return self.kind in _PICTURES


def tracks(moov: Window) -> list[Track]:
    """The tracks of a movie, in order."""
    return [one for box in walk(moov) if box.kind == b"trak" and (one := _track(box)) is not None]


def _track(trak: Box) -> Track | None:
    handler, header = find(trak.body, b"mdia", b"hdlr"), find(trak.body, b"tkhd")
    if handler is None or header is None:
        return None
    head = header.body.at(0, 24)
    table = find(trak.body, b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(walk(table.body, 8), None) if table is not None else None
    times = find(trak.body, b"mdia", b"mdhd")
    clock = times.body.at(0, 32) if times is not None else b""
    return Track(
        kind=handler.body.at(8, 4),
        id=number(head, 20 if head[:1] == b"\1" else 12, 4),
        enabled=bool(number(head, 1, 3) & 1),
        codec=_codec(entry) if entry is not None else "",
        entry=entry.body if entry is not None else Part(trak.body, 0, 0),
        trak=trak,
        scale=number(clock, 20 if clock[:1] == b"\1" else 12, 4),
    )


def _codec(entry: Box) -> str:
    found = _CODECS.get(entry.kind) or text(entry.kind).lower()
    if entry.kind not in (b"mp4v", b"mp4a"):
        return found
    data = entry.body.at(0, 4096)
    at = data.find(b"esds")
    descriptor = data[at + 8 : at + 64] if at >= 0 else b""
    place = descriptor.find(b"\x04")  # the decoder's: behind the elementary stream's three bytes, its length in one to four
    while 0 <= place < len(descriptor) - 5:
        length = place + 1
        while length < place + 4 and descriptor[length] & 0x80:
            length += 1
        if descriptor[length + 1] in _OBJECTS:
            return _OBJECTS[descriptor[length + 1]]
        place = descriptor.find(b"\x04", place + 1)
    return found


def read(draft: Draft, moov: Window) -> list[Track]:
    """Codecs of all tracks, pictures first; size, frame rate and colour of the first that is shown. A cover is none of these while
    there is a moving picture."""
    found = tracks(moov)
    pictures = sorted((one for one in found if one.picture), key=lambda one: (not one.enabled, one.codec in _STILL))
    for one in (*pictures, *(one for one in found if one.kind == b"soun")):
        if one.codec:
            draft.codecs.append(one.codec)
    for one in pictures:
        if not draft.width:
            _shape(draft, one)
    if pictures:
        _colour(draft, pictures[0])
        draft.frame_rate = _frame_rate(pictures[0]) or rate(pictures[0].scale, _usual(moov, pictures[0].id))
    return found


def _shape(draft: Draft, track: Track) -> None:
    """The size of the track header (pixel aspect is in it), turned by its matrix; else the coded size, stretched to the pixels'
    aspect."""
    header = find(track.trak.body, b"tkhd")
    head = header.body.at(0, 96) if header is not None else b""
    start = 52 if head[:1] == b"\1" else 40
    width, height = number(head, start + 36, 4) >> 16, number(head, start + 40, 4) >> 16
    if not (width and height):
        coded = track.entry.at(0, _VISUAL)
        width, height = number(coded, 24, 2), number(coded, 26, 2)
        pasp = find(track.entry, b"pasp", start=_VISUAL)
        across, down = struct.unpack(">II", pasp.body.at(0, 8)) if pasp is not None and pasp.body.size >= 8 else (1, 1)
        if 0 < across <= 100 * down and down <= 100 * across:
            width = round(width * across / down)
    draft.shape(width, height)
    matrix = head[start : start + 36]
    if len(matrix) == 36:
        a, b, _, c, d, *_ = struct.unpack(">9i", matrix)
        draft.turned = abs(b) > abs(a) and abs(c) > abs(d)


def _colour(draft: Draft, track: Track) -> None:
    for box in sorted(
        walk(track.entry, _VISUAL), key=lambda one: one.kind in (b"avcC", b"hvcC")
    ):  # the container goes before the coding
        data = box.body.at(0, 8)
        if box.kind in (b"dvcC", b"dvvC", b"dvwC"):
            draft.hdr = "Dolby Vision"
        elif box.kind == b"colr" and data[:4] in (b"nclx", b"nclc"):
            colour.points(draft, number(data, 4, 2), number(data, 6, 2))
        elif box.kind == b"colr" and data[:4] in (b"prof", b"rICC"):
            colour.profile(draft, Part(box.body, 4))
        elif box.kind in (b"avcC", b"hvcC") and (found := nal.configured(box.kind, box.body.at(0, 4096))):
            nal.light(draft, found)


def _frame_rate(track: Track) -> float | None:
    """Samples by their length, from the table of times."""
    table = find(track.trak.body, b"mdia", b"minf", b"stbl", b"stts")
    frames = ticks = 0
    if table is not None:
        data = table.body.at(8, 8 * min(number(table.body.at(4, 4), 0, 4), _ENTRIES))
        for count, each in struct.iter_unpack(">II", data[: len(data) // 8 * 8]):
            frames, ticks = frames + count, ticks + count * each
    return rate(frames * track.scale, ticks) if frames > 1 else None


def rate(number: int, per: int) -> float | None:
    """Frames a second; None for what no camera does."""
    return round(number / per, 3) if per and 0.01 <= number / per <= 10_000 else None


# ------------------------------------------------------------------------------------------------------------- fragments


def fragmented(moov: Window, moofs: Sequence[Box], found: Sequence[Track]) -> float | None:
    """The length of a movie in fragments: where its last one begins, and its samples; the samples of all where that is not told."""
    scales = {one.id: one.scale for one in found if one.scale}
    ends = _ends(moov, moofs[-1:], scales)
    if ends is None:
        ends = _ends(moov, moofs, scales, told=False)
    return round(max((ticks / scales[id] for id, ticks in ends.items()), default=0.0), 3) or None if ends else None


def _ends(moov: Window, moofs: Sequence[Box], scales: Mapping[int, int], *, told: bool = True) -> dict[int, int] | None:
    """Ticks by track at the end of these fragments; ``told``: by where they say that they begin, None when one does not."""
    ends: dict[int, int] = {}
    for traf in (box for moof in moofs for box in walk(moof.body) if box.kind == b"traf"):
        header, begin = find(traf.body, b"tfhd"), find(traf.body, b"tfdt")
        id = number(header.body.at(0, 8), 4, 4) if header is not None else 0
        if header is None or id not in scales:
            continue
        if told and begin is None:
            return None
        start = begin.body.at(0, 12) if told and begin is not None else b""
        ticks = number(start, 4, 8 if start[:1] == b"\1" else 4)
        ends[id] = ends.get(id, 0) + ticks + sum(_runs(traf, _default(moov, header, id)))
    return ends


def _default(moov: Window, header: Box, id: int) -> int:
    """The length of a sample that does not state its own."""
    data = header.body.at(0, 32)
    flags = number(data, 1, 3)
    if flags & 0x8:
        return number(data, 8 + 8 * bool(flags & 0x1) + 4 * bool(flags & 0x2), 4)
    return _usual(moov, id)


def _usual(moov: Window, id: int) -> int:
    """The length of a track's samples that neither they nor their fragment state; 0 where nothing does."""
    extends = find(moov, b"mvex")
    for box in walk(extends.body) if extends is not None else ():
        values = box.body.at(0, 24)
        if box.kind == b"trex" and number(values, 4, 4) == id:
            return number(values, 12, 4)
    return 0


def _runs(traf: Box, default: int) -> Iterator[int]:
    for box in walk(traf.body):
        if box.kind != b"trun":
            continue
        flags, count = number(box.body.at(1, 3), 0, 3), min(number(box.body.at(4, 4), 0, 4), _ENTRIES)
        if not flags & 0x100:
            yield count * default
            continue
        each = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
        data = box.body.at(8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4), each * count)
        yield sum(number(data, at, 4) for at in range(0, len(data), each))
