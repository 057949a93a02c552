"""HEIC, HEIF and AVIF (ISO/IEC 23008-12): the primary item's size with its clean aperture and turns, EXIF, XMP, and whether all
its bytes are there. Turned by irot and imir only; EXIF orientation is a copy for readers that know no better."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from albumen.errors import Rejected
from albumen.media.readers import colour, exif, motion, quicktime, xmp
from albumen.media.readers.boxes import Box, find, number, walk
from albumen.media.readers.draft import Draft, composed
from albumen.media.readers.window import Memory, Part, Window

_META = 4 << 20  # bytes of one table
_ITEMS = 20_000
_BLOCKS = 20  # of EXIF and XMP; a still with its gain map and depth has three


@dataclass(slots=True)
class _Items:
    kinds: dict[int, bytes] = field(default_factory=dict)
    mimes: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, tuple[int, list[tuple[int, int]]]] = field(default_factory=dict)  # id → (method, (offset, length)…)
    properties: dict[int, list[int]] = field(default_factory=dict)


def read(draft: Draft, window: Window) -> None:
    """Fill ``draft`` from the still, or from the track where the file is a sequence without one."""
    meta = find(window, b"meta")
    if meta is None:
        if find(window, b"moov") is None:
            raise Rejected("neither a picture nor a track inside (no meta box)")
        quicktime.read(draft, window)
        return
    if meta.cut:
        draft.hurt("the file ends inside its item tables (meta box)")
    draft.boxed = True
    _tracks(draft, window)
    body = Part(meta.body, 4)
    items, primary = _Items(), 0
    shapes: list[Box] = []
    for box in walk(body):
        head = box.body.at(0, _META)
        if box.kind == b"pitm":
            primary = number(head, 4, 2 if head[:1] == b"\0" else 4)
        elif box.kind == b"iinf":
            _infos(items, box)
        elif box.kind == b"iloc":
            _places(items, head)
        elif box.kind == b"iprp":
            shapes = _properties(items, box)
    _shape(draft, [shapes[at - 1] for at in items.properties.get(primary, ()) if 0 < at <= len(shapes)])
    gain_map = any(box.kind == b"auxC" and b":hdrgainmap" in box.body.at(4, 80) for box in shapes)
    draft.hdr = "gain map" if gain_map or b"tmap" in items.kinds.values() else draft.hdr
    _metadata(draft, window, find(body, b"idat"), items)
    _whole(draft, window, items)
    _motion(draft, window)
    if draft.empty:
        raise Rejected("no picture inside that says its size")


def _tracks(draft: Draft, window: Window) -> None:
    """What tracks beside the still say. Their creation time is when the sequence was coded: a still's own date is in its EXIF."""
    if find(window, b"moov") is not None:
        quicktime.read(draft, window, still=True)
        draft.stamps = [one for one in draft.stamps if one.source != "quicktime:CreateDate"]


def _motion(draft: Draft, window: Window) -> None:
    """A video in a box of its own (Motion Photo format 1.0), else where XMP says that it is."""
    video = next((box for box in walk(window) if box.kind == b"mpvd"), None)
    start = video.end - video.body.size if video and not video.cut else 0
    if motion.is_video(window, start):
        draft.motion = start
    else:
        motion.settle(draft, window)


def _infos(items: _Items, box: Box) -> None:
    head = box.body.at(0, 8)
    start = 6 if head[:1] == b"\0" else 8
    for info in walk(box.body, start):
        data = info.body.at(0, 512)
        if info.kind != b"infe" or data[:1] not in (b"\2", b"\3"):
            continue
        wide = 2 if data[0] == 2 else 4
        item, kind = number(data, 4, wide), data[6 + wide : 10 + wide]
        items.kinds[item] = kind
        if kind == b"mime":
            _name, _, rest = data[10 + wide :].partition(b"\0")
            items.mimes[item] = rest.partition(b"\0")[0]
        if len(items.kinds) > _ITEMS:
            return


def _places(items: _Items, data: bytes) -> None:
    version = data[0] if data else 0
    sizes = number(data, 4, 2)
    offset, length, base, index = sizes >> 12 & 15, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    at, count, left = 6 + wide, number(data, 6, wide), _ITEMS
    for _ in range(min(count, _ITEMS)):
        if at + wide > len(data):
            return
        item = number(data, at, wide)
        at += wide
        method = number(data, at, 2) & 15 if version else 0
        at += 4 if version else 2
        start = number(data, at, base)
        at += base
        extents: list[tuple[int, int]] = []
        number_of = number(data, at, 2)
        at += 2
        for _ in range(min(number_of, left)):
            at += index
            extents.append((start + number(data, at, offset), number(data, at + offset, length)))
            at += offset + length
            if at > len(data):
                return
        left -= len(extents)  # of the whole table: extents may be stated in no bytes at all
        items.places[item] = (method, extents)


def _properties(items: _Items, box: Box) -> list[Box]:
    found: list[Box] = []
    for part in walk(box.body):
        if part.kind == b"ipco":
            found = list(walk(part.body))
        elif part.kind == b"ipma":
            _associations(items, part.body.at(0, _META))
    return found


def _associations(items: _Items, data: bytes) -> None:
    if len(data) < 8:
        return
    wide, long = (4 if data[0] else 2), data[3] & 1
    at = 8
    for _ in range(min(number(data, 4, 4), _ITEMS)):
        item, count = number(data, at, wide), number(data, at + wide, 1)
        at += wide + 1
        step = 2 if long else 1
        mask = 0x7FFF if long else 0x7F
        items.properties.setdefault(item, [number(data, at + n * step, step) & mask for n in range(count)])
        at += count * step
        if at >= len(data):
            return


def _shape(draft: Draft, properties: Sequence[Box]) -> None:
    """Size after the transforms, which apply in the order they are listed."""
    width = height = 0
    for box in properties:
        data = box.body.at(0, 32)
        if box.kind == b"ispe":
            width, height = number(data, 4, 4), number(data, 8, 4)
    for box in properties:
        data = box.body.at(0, 32)
        if box.kind == b"clap" and len(data) == 32 and number(data, 4, 4) and number(data, 12, 4):
            inner = number(data, 0, 4) // number(data, 4, 4), number(data, 8, 4) // number(data, 12, 4)
            if 0 < inner[0] <= width and 0 < inner[1] <= height:
                width, height = inner
        elif box.kind == b"irot" and data[:1]:
            draft.frame = composed(draft.frame, (1, 8, 3, 6)[data[0] & 3])
            if data[0] & 1:
                width, height = height, width
        elif box.kind == b"imir" and data[:1]:
            draft.frame = composed(draft.frame, 2 if data[0] & 1 else 4)
        elif box.kind == b"colr" and data[:4] == b"nclx":
            colour.points(draft, number(data, 4, 2), number(data, 6, 2))
        elif box.kind == b"colr":
            colour.profile(draft, Part(box.body, 4))
    if width and height:
        draft.shape(width, height)


def _metadata(draft: Draft, window: Window, idat: Box | None, items: _Items) -> None:
    for item, kind in items.kinds.items():
        if draft.blocks > _BLOCKS:
            return
        is_xmp = kind == b"mime" and items.mimes.get(item, b"").startswith(b"application/rdf+xml")
        if kind != b"Exif" and not is_xmp:
            continue
        method, extents = items.places.get(item, (0, []))
        source: Window | None = {0: window, 1: idat.body if idat else None}.get(method)
        if source is None:
            continue
        data = b"".join(source.at(start, min(length, _META)) for start, length in extents[:100])
        if is_xmp:
            xmp.packet(draft, data)
        else:
            exif.block(draft, Memory(_tiff(data)), orient=False)


def _tiff(data: bytes) -> bytes:
    """The TIFF block behind the item's offset field; found by its signature where the field is wrong, as some writers have it."""
    start = 4 + number(data, 0, 4)
    if data[start : start + 2] in (b"II", b"MM"):
        return data[start:]
    places = [at for at in (data.find(b"II*\0"), data.find(b"MM\0*")) if at >= 0]
    return data[min(places) :] if places else data


def _whole(draft: Draft, window: Window, items: _Items) -> None:
    ends = (start + length for method, extents in items.places.values() if method == 0 for start, length in extents)
    if max(ends, default=0) > window.size:
        draft.hurt("the file ends before its picture data does (an item lies beyond the end)")
