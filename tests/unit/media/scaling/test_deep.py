"""Pictures of more than 8 bits and of many bytes, and how they are stored."""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from albumen.errors import Rejected
from albumen.media.scaling.encode import Tiff
from albumen.media.scaling.metadata import Told
from albumen.media.scaling.opencv import decode

Scale = Callable[..., Path]


def tiff(path: Path, size: tuple[int, int], tags: Mapping[int, tuple[int, ...]], data: bytes) -> Path:
    """A TIFF of one strip, all of its tags SHORT."""
    every: dict[int, tuple[int, ...]] = {
        256: size[:1],
        257: size[1:],
        259: (1,),
        273: (8,),
        278: size[1:],
        279: (len(data),),
        **tags,
    }
    place = 8 + len(data)
    beside = place + 2 + 12 * len(every) + 4
    entries, more = b"", b""
    for tag, values in sorted(every.items()):
        packed = struct.pack(f"<{len(values)}H", *values)
        if len(packed) > 4:
            packed, more = struct.pack("<I", beside + len(more)), more + packed
        entries += struct.pack("<HHI", tag, 3, len(values)) + packed.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", place) + data + struct.pack("<H", len(every))
    path.write_bytes(head + entries + b"\0\0\0\0" + more)
    return path


def grey(path: Path, bits: int, photometric: int, data: bytes) -> Path:
    """Four pixels wide, one high."""
    return tiff(path, (4, 1), {258: (bits,), 262: (photometric,), 277: (1,)}, data)


def values(path: Path) -> Any:
    return decode(path.read_bytes())[0].tolist()


def test_sixteen_bits_where_white_is_zero_are_no_negative(scale: Scale, tmp_path: Path) -> None:
    data = np.array([0, 1000, 40000, 65535], "<u2").tobytes()
    assert values(scale(grey(tmp_path / "raw.tif", 16, 0, data), factor=1)) == [[65535], [64535], [25535], [0]]
    assert values(scale(grey(tmp_path / "usual.tif", 16, 1, data), factor=1)) == [[0], [1000], [40000], [65535]]


@pytest.mark.parametrize("extra", [(), (0,)])
def test_a_fourth_value_that_is_no_transparency_takes_nothing_away(scale: Scale, tmp_path: Path, extra: tuple[int, ...]) -> None:
    pixels = np.array([[1000, 2000, 3000, 0], [40000, 100, 200, 9]], "<u2")
    made = scale(rgb_and(tmp_path / "raw.tif", extra, pixels), factor=1)
    assert values(made) == pixels[:, :3].tolist()


def test_colours_multiplied_by_their_transparency_are_written_without_it(scale: Scale, tmp_path: Path) -> None:
    pixels = np.array([[10000, 0, 32768, 32768], [40000, 100, 200, 65535], [7, 7, 7, 0], [900, 50, 60, 100]], "<u2")
    made = scale(rgb_and(tmp_path / "raw.tif", (1,), pixels), factor=1)
    assert values(made) == [[20000, 0, 65535, 32768], [40000, 100, 200, 65535], [0, 0, 0, 0], [65535, 32768, 39321, 100]]
    plain = scale(rgb_and(tmp_path / "plain.tif", (2,), pixels[:2]), factor=1)
    assert values(plain) == pixels[:2].tolist()


def rgb_and(path: Path, extra: tuple[int, ...], pixels: Any) -> Path:
    """A row of pixels of four values."""
    tags: dict[int, tuple[int, ...]] = {258: (16,) * 4, 262: (2,), 277: (4,), 284: (1,)}
    return tiff(path, (len(pixels), 1), tags | ({338: extra} if extra else {}), pixels.tobytes())


def test_twelve_bits_become_sixteen(scale: Scale, tmp_path: Path) -> None:
    packed = int("".join(f"{value:012b}" for value in (0, 1365, 2730, 4095)), 2).to_bytes(6, "big")
    assert values(scale(grey(tmp_path / "raw.tif", 12, 1, packed), factor=1)) == [[0], [21845], [43690], [65535]]


def test_other_numbers_of_bits_are_refused(scale: Scale, tmp_path: Path) -> None:
    tags: dict[int, tuple[int, ...]] = {258: (12,) * 3, 262: (2,), 277: (3,), 284: (1,)}
    with pytest.raises(Rejected):
        scale(tiff(tmp_path / "raw.tif", (2, 1), tags, bytes(9)))


@pytest.mark.parametrize(("bits", "row", "clear"), [(1, 0b01000000, 1), (2, 0b00011011, 2), (4, 0x18, 8)])
def test_the_grey_that_is_see_through_is_found_in_fewer_bits(
    scale: Scale, tmp_path: Path, bits: int, row: int, clear: int
) -> None:
    width = min(4, 8 // bits)
    source = tmp_path / "raw.png"
    source.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, 0, 0, 0, 0))
        + chunk(b"tRNS", struct.pack(">H", clear))
        + chunk(b"IDAT", zlib.compress(bytes((0, row))))
        + chunk(b"IEND", b"")
    )
    seen = [row >> (8 - bits * (at + 1)) & (1 << bits) - 1 for at in range(width)]
    assert [pixel[-1] for pixel in values(scale(source, factor=1))] == [0 if value == clear else 255 for value in seen]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_2000_keeps_sixteen_bits(scale: Scale, tmp_path: Path, channels: int) -> None:
    source = tmp_path / "raw.jp2"
    pixels = np.random.default_rng(1).integers(0, 65536, (64, 64, channels)).astype(np.uint16)
    source.write_bytes(encoded(".jp2", pixels, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000))
    assert np.array_equal(decode(scale(source, factor=1).read_bytes()), pixels[:, :, ::-1])
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    with pytest.raises(Rejected):
        scale(source)


def test_more_bits_than_are_kept_are_refused(scale: Scale, tmp_path: Path) -> None:
    source = tmp_path / "raw.jp2"
    pixels = np.zeros((64, 64, 3), np.uint16)
    twelve = encoded(".jp2", pixels, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
    source.write_bytes(twelve.replace(b"\x0f\1\1" * 3, b"\x0b\1\1" * 3))
    with pytest.raises(Rejected, match="numbers of 12 bits"):
        scale(source)
    film = tmp_path / "raw.avif"
    film.write_bytes(encoded(".avif", pixels, cv2.IMWRITE_AVIF_DEPTH, 10))
    with pytest.raises(Rejected, match="PNG of 16 bits"):
        scale(film)
    film.write_bytes(encoded(".avif", pixels.astype(np.uint8), cv2.IMWRITE_AVIF_DEPTH, 8))
    assert values(scale(film))[0] == [0, 0, 0]


def encoded(kind: str, pixels: Any, *how: int) -> bytes:
    return bytes(cv2.imencode(kind, pixels, how)[1])


def test_a_tiff_ends_before_its_places_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Large(bytes):
        def __len__(self) -> int:
            return (1 << 31) - 4

    monkeypatch.setattr(zlib, "compress", lambda *_: Large())
    rows = np.zeros((2, 4, 3), np.uint8)
    made = Tiff(io.BytesIO(), (4, 4), rows, Told(), 1, 2)
    made.rows(rows)
    with pytest.raises(Rejected, match="4 GiB"):
        made.rows(rows)
