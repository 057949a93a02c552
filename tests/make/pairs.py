"""Real files that belong together: the halves of a live photo as a phone writes them, and Takeout's JSON."""

import json
import os
import struct

from make.exif import block, directory, text, undefined
from make.media import box, moov
from make.pictures import image, jpeg_bytes, write

_HEAD = b"Apple iOS\0\0\1II"  # of Apple's maker note; its offsets count from here
GROUP = "7E1F2B9C-0D3A-4A55-9C1B-1234567890AB"


def exif(group: str, when: str | None = "2021:07:01 00:30:00", burst: str = "") -> bytes:
    """An EXIF block with Apple's maker note: content identifier, and the identifier of a burst."""
    marks = [text(0x11, group)] if group else []
    marks += [text(0x0B, burst)] if burst else []
    note = _HEAD + directory(marks, len(_HEAD))
    return block(when=when, offset="+02:00" if when else None, make="Apple", model="iPhone 12", more=[undefined(0x927C, note)])


def still(path: str, group: str = GROUP, *, when: str | None = "2021:07:01 00:30:00", grey: int = 128) -> str:
    """The still of a live photo: HEIC where the name says so, else JPEG. ``grey`` makes another picture."""
    note = exif(group, when)
    if path.lower().endswith(".heic"):
        import pillow_heif

        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        pillow_heif.from_pillow(image((grey, 80, 40), (64, 48))).save(path, quality=60, exif=b"Exif\0\0" + note)
        return path
    return write(path, jpeg_bytes(colour=(grey, 80, 40), exif=b"Exif\0\0" + note))


def movie(path: str, group: str = GROUP, *, when: str = "2021-07-01T00:30:02+0200", what: bytes = b"movie") -> str:
    """The movie of a live photo: a QuickTime file with Apple's keys. ``what`` makes another one."""
    names = [b"com.apple.quicktime.creationdate", b"com.apple.quicktime.content.identifier"]
    values = [when.encode(), group.encode()]
    keys = box(b"keys", b"\0" * 4, struct.pack(">I", len(names)), *(box(b"mdta", name) for name in names))
    items = [box(struct.pack(">I", at + 1), box(b"data", b"\0\0\0\1\0\0\0\0", one)) for at, one in enumerate(values)]
    meta = box(b"meta", box(b"hdlr", b"\0" * 8 + b"mdta" + b"\0" * 12), keys, box(b"ilst", *items))
    whole = box(b"ftyp", b"qt  \0\0\2\0qt  ") + box(b"moov", moov()[8:], meta) + box(b"mdat", what)
    return write(path, whole)


def takeout(path: str, title: str, *, taken: int = 1_625_092_200, words: str = "", spot: tuple[float, float] = (0.0, 0.0)) -> str:
    """Google's JSON about a file; ``taken`` in seconds since 1970."""
    told = {
        "title": title,
        "description": words,
        "creationTime": {"timestamp": str(taken + 9000)},
        "photoTakenTime": {"timestamp": str(taken)},
        "geoData": {"latitude": spot[0], "longitude": spot[1], "altitude": 0.0},
    }
    return write(path, json.dumps(told).encode())
