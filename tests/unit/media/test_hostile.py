"""Files made to harm: bombs, loops, claims, things without end. Each is read or has a reason, and soon, in a limited child."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from albumen.errors import Rejected
from albumen.media.sandbox import Prober
from albumen.model import Facts
from make import exif_block, jpeg_bytes, seeds, write
from make.entries import xmp
from make.exif import directory, long
from make.media import box

_DICT = b"II*\0\x08\0\0\0"
_LIMIT = 5  # seconds of CPU: real files take a thousandth


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    one = Prober(1, cpu=_LIMIT, wall=60, memory=512 << 20)
    yield one
    one.close()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")


def of(prober: Prober, folder: Path, name: str, data: bytes) -> Facts:
    return prober.probe(write(str(folder / name), data), name=name)


def commented(count: int) -> bytes:
    whole = jpeg_bytes(when="2021:07:01 00:30:00")
    return whole[:2] + (b"\xff\xfe\xff\xff" + b"c" * 65533) * count + whole[2:]


def looped(*pointers: int) -> bytes:
    """A TIFF whose directory points at itself by all these tags."""
    return _DICT + directory([long(0x100, 48), long(0x101, 32), *(long(tag, 8) for tag in pointers)], 8)


@pytest.mark.parametrize(
    ("name", "data", "megapixels"),
    [
        ("a.png", png(60_000, 60_000), 3600),
        ("a.jpg", jpeg_bytes().replace(struct.pack(">HH", 32, 48), struct.pack(">HH", 30_000, 30_000), 1), 900),
    ],
)
def test_pictures_that_claim_to_be_huge(prober: Prober, tmp_path: Path, name: str, data: bytes, megapixels: int) -> None:
    """S4-16 (part: bombs)."""
    found = of(prober, tmp_path, name, data)
    assert found.width is not None
    assert f"it claims {megapixels} megapixels: its pixels will not be decoded" in found.told


@pytest.mark.parametrize(
    "data", [looped(0x8769, 0x8825, 0xA005, 0x014A, 0x927C), looped(0x8769)[:-4] + b"\x08\0\0\0"], ids=["pointers", "next"]
)
def test_directories_that_hold_themselves(prober: Prober, tmp_path: Path, data: bytes) -> None:
    for name, whole in (("a.tif", data), ("a.jpg", jpeg_bytes(exif=b"Exif\0\0" + data))):
        assert of(prober, tmp_path, name, whole).width == 48


@pytest.mark.parametrize("count", [2, 1000])
def test_comments_of_a_hundred_kilobytes_and_of_64_megabytes(prober: Prober, tmp_path: Path, count: int) -> None:
    found = of(prober, tmp_path, "a.jpg", commented(count))
    assert found.damaged is None
    assert [one.source for one in found.stamps] == ["exif:DateTimeOriginal"]
    assert 100_000 < len(found.description or "") <= 2 << 20


_ITEM = b"<rdf:li>w</rdf:li>"
_TEXTS = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * (8 << 20), 9))
_HEAP = struct.pack("<H", 200) + struct.pack("<HII", 0x300A, 2006, 0) * 200 + struct.pack("<I", 0)
_SMALL_BUT_LONG: Mapping[str, bytes] = {
    "texts.png": png(10, 10, _TEXTS * 200),
    "packets.png": png(10, 10, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(" " * (1 << 20)))) * 1000),
    "blocks.jxl": seeds.every_type()["a.jxl"] + box(b"Exif", b"\0" * 4 + exif_block(when="2021:07:01 00:30:00")) * 20_000,
    "bag.xmp": xmp(f"<dc:subject><rdf:Bag>{_ITEM.decode() * 200_000}</rdf:Bag></dc:subject>"),
    "deep.xmp": xmp("<a>" * 100_000 + "</a>" * 100_000),
    "strips.tif": _DICT
    + directory([(tag, 4, 200_000, b"\1\0\0\0" * 200_000) for tag in (0x111, 0x117)] + [long(0x100, 4), long(0x101, 4)], 8),
}


@pytest.mark.parametrize("name", sorted(_SMALL_BUT_LONG))
def test_what_unpacks_or_repeats_without_end_is_read_within_the_limit(prober: Prober, tmp_path: Path, name: str) -> None:
    assert of(prober, tmp_path, name, _SMALL_BUT_LONG[name]).type


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.crw", b"II" + struct.pack("<I", 26) + b"HEAPCCDR" + b"\0" * 12 + _HEAP, "its end was cut off"),  # 200 heaps, 5 deep
        ("a.mrw", b"\0MRM\xff\0\0\0" + b"\0TTW\0\0\0\0" * 500_000, "without a size"),
        ("a.webp", b"RIFF" + struct.pack("<I", 1 << 31) + b"WEBP" + b"XXXX\0\0\0\0" * 1_000_000, "without a size"),
        ("a.jpg.json", b'{"title": "a", "photoTakenTime": ' + b"[" * 1_000_000, "nested too deeply"),
        ("a.heic", box(b"ftyp", b"heic\0\0\0\0") + box(b"meta", b"\0" * 4, box(b"free") * 500_000), "says its size"),
        ("a.nef", _DICT[:4] + b"\xff\xff\xff\x7f" + b"\0" * 999, "ends inside its structure"),
        ("a.jpg", b"\xff\xd8" + b"\xff" * 4_000_000, "without a picture"),
        ("a.jpg", b"", "empty"),
        ("a.jpg", b"\0" * 5000, "zeros: it was never written"),
        ("a.jpg", b"hello", "bytes are text"),
        ("a.heic", b"<!DOCTYPE html><html>not found", "a web page"),
        ("a.mov", b"%PDF-1.4", "a PDF document"),
        ("a.jpg", b"PK\3\4", "an archive"),
        ("a.jpg", b"\1\2\3" * 400, "of no known type: it may be damaged"),
    ],
)
def test_a_reason_that_a_person_can_act_on(prober: Prober, tmp_path: Path, name: str, data: bytes, why: str) -> None:
    """S4-16 (part: the reasons)."""
    with pytest.raises(Rejected, match=why) as told:
        of(prober, tmp_path, name, data)
    assert "report" not in str(told.value)


def test_entities_are_not_expanded(prober: Prober, tmp_path: Path) -> None:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "ha">{lines}]>'.encode() + xmp("<dc:title>&e11;</dc:title>")
    for data in (bomb, b"\xff\xfe" + bomb.decode().encode("utf-16-le")):
        found = of(prober, tmp_path, "a.xmp", data)
        assert found.title is None
