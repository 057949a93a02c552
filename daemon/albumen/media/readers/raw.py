"""RAW formats: metadata, and the size of the whole picture rather than of a thumbnail."""

import struct
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime, timedelta

from albumen.errors import Rejected
from albumen.media.readers import exif, jpeg, makers
from albumen.media.readers.boxes import find, number, walk
from albumen.media.readers.draft import Draft
from albumen.media.readers.tiff import Directory, Tiff
from albumen.media.readers.window import Part, Window, text, unpack

_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_MOST = 200
_HEAPS = 30  # of a CRW; cameras write about five
_PACKINGS = (32771, 32773, 32809, 32946, 34661, 34676, 34677, 34712, 34892, 34925)  # registered with TIFF, also for previews


def tiff(draft: Draft, window: Window) -> None:
    """TIFF-based: DNG, NEF, ARW, PEF, CR2, ORF, RW2, SRW, KDC, IIQ …: EXIF of the first directory, size of the largest picture."""
    block = Tiff(window)
    chain = list(block.chain()) or [block.directory(block.start)]
    exif.directory(draft, block, chain[0])
    if block.magic == 0x55:
        _panasonic(draft, window, chain[0])
    else:
        _largest(draft, [*chain, *_inner(block, chain)])
    for start, size in _pictures(chain):
        if start + size > window.size:
            draft.hurt("the file ends before its pixels do (a strip or tile lies beyond the end)")
    if draft.whole or (not draft.width and draft.claimed):
        draft.shape(*(draft.whole or draft.claimed or (0, 0)))
    if draft.empty:
        raise Rejected("a RAW file without a size or a camera")


def _inner(block: Tiff, chain: list[Directory]) -> Iterator[Directory]:
    for one in chain:
        for at in one.ints(0x014A)[:20]:
            try:
                yield block.directory(at)
            except Rejected:
                continue


def _largest(draft: Draft, directories: list[Directory]) -> None:
    """The sensor's picture, else the largest full one (NewSubfileType 0). EXIF's size is the same without the border of some pixels
    that cameras crop."""
    full = [one for one in directories if not (one.number(0xFE) or 0) & 1]
    sensors = [one for one in full if _is_sensor(one)]
    sizes = [(one.number(0x0100) or 0, one.number(0x0101) or 0) for one in sensors or full]
    most = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    claimed = draft.whole or draft.claimed
    larger = claimed is not None and claimed[0] * claimed[1] > most[0] * most[1]
    draft.shape(*(most if sensors and larger and all(most) else _cropped(most, claimed)))


def _is_sensor(one: Directory) -> bool:
    """Colour filter array, linear raw, or a maker's own packing."""
    packing = one.number(0x0103) or 1
    return one.number(0x0106) in (32803, 34892) or (packing > 32_766 and packing not in _PACKINGS)


def _cropped(whole: tuple[int, int], claimed: tuple[int, int] | None) -> tuple[int, int]:
    """EXIF's size where it is the whole without a border, or where only a smaller preview states a size."""
    if claimed is None or not all(0.9 * most <= size for size, most in zip(claimed, whole, strict=True)):
        return whole
    return claimed


def _pictures(chain: list[Directory]) -> Iterator[tuple[int, int]]:
    for one in chain:
        for starts, sizes in ((0x0111, 0x0117), (0x0144, 0x0145)):
            yield from zip(one.ints(starts), one.ints(sizes), strict=False)


def _panasonic(draft: Draft, window: Window, first: Directory) -> None:
    """RW2: sensor borders; EXIF in the preview where the first directory has none."""
    top, left, bottom, right = (first.number(tag) or 0 for tag in (4, 5, 6, 7))
    draft.shape(right - left, bottom - top)
    at, size = first.place(0x2E)
    if size and not (draft.lens and any(one.source == "exif:DateTimeOriginal" for one in draft.stamps)):
        preview(draft, Part(window, at, size))


def preview(draft: Draft, window: Window) -> None:
    """EXIF of an embedded JPEG; its size and health are not the file's."""
    inner = Draft(orientation=draft.orientation)
    try:
        jpeg.read(inner, window)
    except Rejected:
        return
    for stamp in inner.stamps:
        draft.stamp(stamp.source, stamp.value, stamp.subsec or "", stamp.offset or "")
    draft.make, draft.model = draft.make or inner.make, draft.model or inner.model
    draft.serial, draft.lens = draft.serial or inner.serial, draft.lens or inner.lens
    draft.position = draft.position or inner.position
    draft.claimed = draft.claimed or inner.claimed
    draft.words = {**inner.words, **draft.words}
    draft.keywords = {**inner.keywords, **draft.keywords}
    draft.rating, draft.rated = draft.rating or inner.rating, draft.rated or inner.rated
    draft.colour, draft.burst = draft.colour or inner.colour, draft.burst or inner.burst
    light = inner.exposure
    draft.light(**{part.name: getattr(light, part.name) for part in fields(light)})
    if draft.orientation is None:
        draft.turn(inner.orientation)
    for sentence in inner.told:
        draft.tell(sentence)


def fuji(draft: Draft, window: Window) -> None:
    """RAF: offsets of the preview and of the sensor's records in the header."""
    start, size = unpack(">II", window, 84)
    preview(draft, Part(window, start, size))
    records, _ = unpack(">II", window, 92)
    (count,) = unpack(">I", window, records)
    at = records + 4
    for _ in range(min(count, _MOST)):
        head = window.at(at, 8)
        if len(head) < 4:
            break
        tag, length = struct.unpack(">HH", head[:4])
        if tag in (0x0111, 0x0100) and length >= 4 and len(head) == 8 and (tag == 0x0111 or not draft.width):
            height, width = struct.unpack(">HH", head[4:])  # 0x111 is the cropped picture, 0x100 the sensor
            draft.shape(width, height)
        at += 4 + length
    data, size = unpack(">II", window, 100)
    if data + size > window.size:
        draft.hurt("the file ends before its pixels do")
    if not draft.width and draft.claimed:
        draft.shape(*draft.claimed)
    if draft.empty:
        raise Rejected("a RAF file without preview and size")


def canon(draft: Draft, window: Window) -> None:
    """CR3: TIFF blocks CMT1 (main), CMT2 (EXIF), CMT4 (GPS) in Canon's box; size of the largest track."""
    moov = find(window, b"moov")
    if moov is None:
        raise Rejected("a CR3 file without its header (moov box)")
    sizes: list[tuple[int, int]] = []
    for box in walk(moov.body):
        if box.kind == b"uuid" and box.body.at(0, 16) == _CANON:
            for part in walk(box.body, 16):
                _canon_block(draft, part.kind, part.body)
        elif box.kind == b"trak":
            entry = find(box.body, b"mdia", b"minf", b"stbl", b"stsd")
            head = entry.body.at(8, 40) if entry else b""
            sizes.append((number(head, 32, 2), number(head, 34, 2)) if head[4:8] == b"CRAW" else (0, 0))
    draft.shape(*_cropped(max(sizes, key=lambda size: size[0] * size[1], default=(0, 0)), draft.claimed))
    if not draft.width and draft.claimed:
        draft.shape(*draft.claimed)
    if any(box.cut for box in walk(window)):
        draft.hurt("the file ends inside its last box")
    if draft.empty:
        raise Rejected("a CR3 file without a size or a camera")


def _canon_block(draft: Draft, kind: bytes, window: Window) -> None:
    if kind not in (b"CMT1", b"CMT2", b"CMT4"):
        return
    try:
        block = Tiff(window)
        found = block.directory(block.start)
        if kind == b"CMT1":
            exif.directory(draft, block, found)
            draft.claimed = (found.number(0x0100) or 0, found.number(0x0101) or 0)
        elif kind == b"CMT2":
            exif.inner(draft, block, found)
        else:
            exif.gps(draft, found)
    except Rejected as error:
        draft.tell(f"EXIF is not whole: {error}")


def minolta(draft: Draft, window: Window) -> None:
    """MRW: blocks behind a length; PRD holds the size, TTW a TIFF block."""
    (end,) = unpack(">I", window, 4)
    at = 8
    for _ in range(_MOST):
        if at + 8 > min(end + 8, window.size):
            break
        kind, size = window.at(at, 4), unpack(">I", window, at + 4)[0]
        if kind == b"\0TTW":
            exif.block(draft, Part(window, at + 8, size))
        elif kind == b"\0PRD":
            height, width = unpack(">HH", window, at + 8 + 12)
            draft.shape(width, height)
        at += 8 + size
    if draft.empty:
        raise Rejected("an MRW file without a size or a camera")


def ciff(draft: Draft, window: Window) -> None:
    """CRW: Canon's CIFF heaps, each with its directory at its end."""
    order = "<" if window.at(0, 2) == b"II" else ">"
    (start,) = unpack(order + "I", window, 2)
    _heap(draft, Part(window, start), order, [])
    if draft.empty:
        raise Rejected("a CRW file whose directory is missing: its end was cut off")


def _heap(draft: Draft, heap: Part, order: str, seen: list[int]) -> None:
    """``_HEAPS`` in all, at most: one of a kilobyte can hold itself 200 times, and so on."""
    (at,) = unpack(order + "I", heap, heap.size - 4)
    (count,) = unpack(order + "H", heap, at)
    for row in range(min(count, _MOST)):
        tag, size, place = unpack(order + "HII", heap, at + 2 + 10 * row)
        if tag & 0xC000:  # the value stands in the entry itself
            if tag & 0x3FFF == 0x180B and size:
                draft.serial = draft.serial or str(size)
            continue
        body, kind = Part(heap, place, size), tag & 0x3FFF
        if kind >> 11 in (5, 6) and len(seen) < _HEAPS:
            seen.append(place)
            _heap(draft, body, order, seen)
        else:
            _value(draft, kind, body, order)


def _value(draft: Draft, kind: int, body: Part, order: str) -> None:
    """One record of a heap."""
    if kind == 0x1810 and body.size >= 16:
        width, height, _, turn = unpack(order + "IIfi", body, 0)
        draft.shape(width, height)
        draft.turned = turn in (90, 270, -90)
    elif kind == 0x180E and body.size >= 4:
        (seconds,) = unpack(order + "I", body, 0)  # the camera's clock, counted as if it were UTC
        when = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001  # wall clock
        draft.stamp("exif:DateTimeOriginal", when.isoformat(sep=" "))
    elif kind == 0x102A and body.size >= 46:
        makers.canon_shot(draft, unpack(order + "23H", body, 0))
    elif kind == 0x080A:
        make, _, model = body.at(0, body.size).partition(b"\0")
        draft.make, draft.model = text(make), text(model)
