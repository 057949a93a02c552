"""Rows into a file, as they come. What is written depends on nothing but what is given: equal pictures are equal files."""

import struct
import zlib
from typing import BinaryIO, Protocol

import numpy as np

from albumen.errors import Rejected
from albumen.media.scaling import turbo
from albumen.media.scaling.metadata import Told
from albumen.media.scaling.pixels import Pixels, eight_bits

_MCU = 16  # rows and columns that a JPEG keeps together, at most
_INTERVAL = 65535  # such blocks between two restart markers, at most
_SEGMENT = 65533  # bytes that a JPEG's segment holds
_BLOCK = 1 << 20


class Encoder(Protocol):
    """``rows`` in order, then ``end``."""

    def rows(self, rows: Pixels) -> None: ...
    def end(self) -> None: ...


# --------------------------------------------------------------------------------------------------------------------- PNG


class Png:
    """8 or 16 bits, with and without transparency; each row as its difference from the one above."""

    def __init__(self, target: BinaryIO, size: tuple[int, int], like: Pixels, told: Told, compression: int) -> None:
        self._target = target
        self._above = np.zeros(0, np.uint8)
        self._deflate = zlib.compressobj(compression)
        colour = {1: 0, 2: 4, 3: 2, 4: 6}[like.shape[2]]
        target.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(b"IHDR" + struct.pack(">IIBBBBB", *size, like.dtype.itemsize * 8, colour, 0, 0, 0))
        if told.icc:
            self._chunk(b"iCCPICC profile\0\0" + zlib.compress(told.icc, 9))
        for chunk in told.chunks:
            self._chunk(chunk)
        if told.exif:
            self._chunk(b"eXIf" + told.exif)
        if told.xmp:
            self._chunk(b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + told.xmp)
        if told.comment:
            self._chunk(b"iTXtComment\0\0\0\0\0" + told.comment.rstrip(b"\0").decode("utf-8", "replace").encode())

    def rows(self, rows: Pixels) -> None:
        flat = _bytes_of(rows)
        if not self._above.size:
            self._above = np.zeros(flat.shape[1], np.uint8)
        filtered = np.empty((flat.shape[0], flat.shape[1] + 1), np.uint8)
        filtered[:, 0] = 2  # "up"
        np.subtract(flat[0], self._above, out=filtered[0, 1:])
        np.subtract(flat[1:], flat[:-1], out=filtered[1:, 1:])
        self._above = flat[-1].copy()
        self._data(self._deflate.compress(filtered.data))

    def end(self) -> None:
        self._data(self._deflate.flush())
        self._chunk(b"IEND")

    def _data(self, data: bytes) -> None:
        for at in range(0, len(data), _BLOCK):
            self._chunk(b"IDAT" + data[at : at + _BLOCK])

    def _chunk(self, kind_and_content: bytes) -> None:
        self._target.write(struct.pack(">I", len(kind_and_content) - 4))
        self._target.write(kind_and_content)
        self._target.write(struct.pack(">I", zlib.crc32(kind_and_content)))


def _bytes_of(rows: Pixels) -> Pixels:
    """Each row as its bytes, the higher first."""
    ordered = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder(">"))
    return ordered.view(np.uint8).reshape(len(rows), -1)


# -------------------------------------------------------------------------------------------------------------------- JPEG


class Jpeg:
    """Bands are encoded alone and joined by restart markers: the picture is the same as if it had been encoded whole."""

    MOST = 65500  # pixels in each direction

    def __init__(self, target: BinaryIO, size: tuple[int, int], told: Told, quality: int, sampling: str, rows: int) -> None:
        self._target, self._told = target, told
        self._width, self._height = size
        self._quality, self._sampling = quality, sampling
        self.band = _MCU * max(1, min(rows, 65535) // _MCU)
        blocks = -(-self._width // 8) * 2  # at least as many as there are in 16 rows, whatever the sampling
        while self.band > _MCU and blocks * (self.band // _MCU) > _INTERVAL:
            self.band -= _MCU
        self._waiting: list[Pixels] = []
        self._bands = 0

    def rows(self, rows: Pixels) -> None:
        rows = eight_bits(rows)
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) < self.band:
            return
        whole = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        full = len(whole) // self.band * self.band
        for at in range(0, full, self.band):
            self._write(whole[at : at + self.band])
        self._waiting = [whole[full:]] if full < len(whole) else []

    def end(self) -> None:
        if self._waiting:
            self._write(self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting))
        self._target.write(b"\xff\xd9")

    def _write(self, band: Pixels) -> None:
        encoded = turbo.encode(band, self._quality, self._sampling)
        head, scan = _split(encoded)
        if self._bands == 0:
            self._target.write(self._head(head, band.shape[2]))
        else:
            self._target.write(bytes((0xFF, 0xD0 + (self._bands - 1) % 8)))
        self._target.write(scan)
        self._bands += 1

    def _head(self, head: list[tuple[int, bytes]], channels: int) -> bytes:
        wide = {"444": 8}.get(self._sampling, 16) if channels == 3 else 8
        high = 16 if channels == 3 and self._sampling == "420" else 8
        interval = -(-self._width // wide) * (self.band // high)
        out = [b"\xff\xd8"]
        for marker, body in head:
            if marker == 0xDA:
                out.append(_segment(0xDD, struct.pack(">H", interval)))
            sized = body[:1] + struct.pack(">HH", self._height, self._width) + body[5:]
            out.append(_segment(marker, sized if marker == 0xC0 else body))
            if marker == 0xE0:
                out += _segments_of(self._told)
        return b"".join(out)


def _split(encoded: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments before the pixels, and the pixels without the end of the picture."""
    head, at = [], 2
    while True:
        marker = encoded[at + 1]
        size = int.from_bytes(encoded[at + 2 : at + 4], "big")
        head.append((marker, encoded[at + 4 : at + 2 + size]))
        at += 2 + size
        if marker == 0xDA:
            return head, encoded[at:-2]


def _segment(marker: int, body: bytes) -> bytes:
    if len(body) > _SEGMENT:
        raise Rejected(f"what it tells of itself takes {len(body)} bytes, a segment of a JPEG holds {_SEGMENT}: make a PNG of it")
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _segments_of(told: Told) -> list[bytes]:
    found = []
    if told.exif:
        found.append(_segment(0xE1, b"Exif\0\0" + told.exif))
    if told.xmp:
        found.append(_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + told.xmp))
    parts = [told.icc[at : at + 65000] for at in range(0, len(told.icc), 65000)]
    found += [_segment(0xE2, b"ICC_PROFILE\0" + bytes((number, len(parts))) + part) for number, part in enumerate(parts, start=1)]
    if told.iptc:
        padded = told.iptc + b"\0" * (len(told.iptc) % 2)
        block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(told.iptc)) + padded
        found.append(_segment(0xED, b"Photoshop 3.0\0" + block))
    return [*found, _segment(0xFE, told.comment)] if told.comment else found


# -------------------------------------------------------------------------------------------------------------------- TIFF


class Tiff:
    """Strips, each deflated; the directory behind them."""

    def __init__(self, target: BinaryIO, size: tuple[int, int], like: Pixels, told: Told, compression: int, rows: int) -> None:
        self._target, self._size, self._told = target, size, told
        self._channels, self._bits = like.shape[2], like.dtype.itemsize * 8
        self._compression, self._rows = compression, rows
        self._waiting = like[:0]
        self._offsets: list[int] = []
        self._counts: list[int] = []
        self._at = 8
        beside = sum(map(len, (told.exif, told.xmp, told.icc, told.iptc)))
        self._most = (1 << 32) - 2 * beside - 8 * size[1] - _BLOCK  # its directory lies behind the pixels, in the same 4 GiB
        target.write(b"II*\0\0\0\0\0")

    def rows(self, rows: Pixels) -> None:
        self._waiting = np.concatenate([self._waiting, rows]) if len(self._waiting) else rows
        while len(self._waiting) >= self._rows:
            self._strip(self._waiting[: self._rows])
            self._waiting = self._waiting[self._rows :]

    def end(self) -> None:
        if len(self._waiting):
            self._strip(self._waiting)
        from albumen.media.scaling.directory import directory

        self._target.write(b"\0" * (self._at % 2))
        self._at += self._at % 2
        strips = self._offsets, self._counts
        self._target.write(directory(self._size, self._channels, self._bits, self._rows, strips, self._told, self._at))
        self._target.seek(4)
        self._target.write(struct.pack("<I", self._at))

    def _strip(self, rows: Pixels) -> None:
        differences = rows.copy()
        differences[:, 1:] -= rows[:, :-1]  # predictor 2
        data = zlib.compress(np.ascontiguousarray(differences, dtype=rows.dtype.newbyteorder("<")).tobytes(), self._compression)
        if self._at + len(data) > self._most:
            raise Rejected("as a TIFF it would be larger than 4 GiB: make a PNG of it")
        self._target.write(data)
        self._offsets.append(self._at)
        self._counts.append(len(data))
        self._at += len(data)


# -------------------------------------------------------------------------------------------------------------------- WebP


class Webp:
    """Needs the whole picture, which is why it has a largest size."""

    MOST = 16383  # pixels in each direction

    def __init__(self, target: BinaryIO, told: Told, quality: int) -> None:
        self._target, self._told, self._quality = target, told, quality
        self._bands: list[Pixels] = []

    def rows(self, rows: Pixels) -> None:
        self._bands.append(eight_bits(rows).copy())

    def end(self) -> None:
        from PIL import Image

        whole = np.concatenate(self._bands)
        self._bands = []
        if whole.shape[2] <= 2:
            whole = np.concatenate([whole[:, :, :1]] * 3 + [whole[:, :, 1:]], axis=2)
        more = {"exif": self._told.exif, "xmp": self._told.xmp, "icc_profile": self._told.icc}
        picture = Image.fromarray(whole)
        picture.save(self._target, "WEBP", quality=self._quality, exact=True, **{key: one for key, one in more.items() if one})
