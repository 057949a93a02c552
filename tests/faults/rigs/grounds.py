"""Sources to import: small files, many in the same second, duplicates, groups; the same for equal arguments."""

import hashlib
import os
import random
import struct

from make import jpeg_bytes

FOLDERS = ("", "a", "a/deep", "a/deep/er", "b", "b/ö", "c c")
SECONDS = 20  # different moments of exposure, so that many names are equal
_XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- {} --></x:xmpmeta>'


def make_source(folder: str, files: int, seed: int, size: int) -> frozenset[str]:
    """``files`` files in nested folders: JPEGs of about ``size`` bytes, 4 % of them duplicates, and for each 25 of them a group of
    RAW, JPEG and XMP; several modes and times. The contents' sha256 come back."""
    draw = random.Random(seed)
    pictures = [jpeg_bytes(when=_when(second)) for second in range(SECONDS)]
    known: list[bytes] = []
    made = 0
    while made < files:
        folder_of = os.path.join(folder, draw.choice(FOLDERS))
        second = draw.randrange(SECONDS)
        noise = draw.randbytes(max(size - len(pictures[second]), 16))
        if made % 25 == 0 and made + 3 <= files:
            parts = {
                "dng": dng_bytes(_when(second)) + noise,
                "jpg": pictures[second] + noise,
                "xmp": _XMP.format(noise[:16].hex()).encode(),
            }
        elif known and draw.random() < 0.04:
            parts = {"jpg": draw.choice(known)}
        else:
            parts = {"jpg": pictures[second] + noise}
            known.append(parts["jpg"])
        for suffix, data in parts.items():
            _write(os.path.join(folder_of, f"IMG_{made:05}.{suffix}"), data, draw)
        made += len(parts)
    return finished(folder, draw)


def finished(folder: str, draw: random.Random) -> frozenset[str]:
    """Give the folders their own times and modes; the sha256 of everything."""
    found = set()
    for above, _, names in os.walk(folder, topdown=False):
        for name in names:
            with open(os.path.join(above, name), "rb") as file:
                found.add(hashlib.file_digest(file, "sha256").hexdigest())
        os.chmod(above, draw.choice((0o755, 0o750, 0o2775)))
        os.utime(above, ns=(moment := _moment(draw), moment))
    return frozenset(found)


def dng_bytes(when: str) -> bytes:
    """The smallest DNG: size, orientation and EXIF DateTimeOriginal."""
    text = when.encode() + b"\0"
    entries = [(0x100, 4, 1, 64), (0x101, 4, 1, 48), (0x112, 3, 1, 1), (0x8769, 4, 1, 74), (0xC612, 1, 4, 0x0401)]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return head + b"\0" * 4 + struct.pack("<HHHII", 1, 0x9003, 2, len(text), 92) + b"\0" * 4 + text


def _when(second: int) -> str:
    return f"2021:07:{1 + second % 3:02} 10:20:{second:02}"


def _moment(draw: random.Random) -> int:
    return 1_600_000_000_123_456_789 + draw.randrange(10**15)


def _write(path: str, data: bytes, draw: random.Random) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, draw.choice((0o644, 0o600, 0o664)))
    os.utime(path, ns=(moment := _moment(draw), moment))
