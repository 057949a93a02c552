"""What a picture tells of itself is told by the scaled one, however it was written."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms

from albumen.errors import Rejected
from make import exif

Scale = Callable[..., Path]
PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="a far place"/></rdf:RDF></x:xmpmeta>'
)


def opened(path: Path) -> Any:
    with Image.open(path) as picture:
        picture.load()
        return picture


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path: Path, *, before: bytes = b"", behind: bytes = b"") -> Path:
    """Five pixels wide, three high."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 3, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0abcde" * 3))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + before + pixels + behind + chunk(b"IEND", b""))
    return path


def test_what_a_png_tells_behind_its_pixels_stays(scale: Scale, tmp_path: Path) -> None:
    packed = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0de\0x\0" + zlib.compress(PACKET))
    for number, xmp in enumerate((packed, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET))):
        made = opened(
            scale(png(tmp_path / f"{number}.png", behind=chunk(b"eXIf", exif.block(make="Albumen", orientation=6)) + xmp))
        )
        assert made.size == (6, 10)
        assert made.getexif()[ExifTags.Base.Make] == "Albumen"
        assert made.getexif()[ExifTags.Base.Orientation] == 1
        assert "a far place" in made.info["xmp"].decode()


def tiff(path: Path, *entries: exif.Entry, **more: Any) -> Path:
    """Grey, four pixels wide, one high: those of its own header."""
    pixels = [
        exif.short(tag, value) for tag, value in ((256, 4), (257, 1), (258, 8), (262, 1), (273, 4), (277, 1), (278, 1), (279, 4))
    ]
    path.write_bytes(exif.block(main=[*pixels, *entries], **more))
    return path


@pytest.mark.parametrize("kind", [4, 7])
def test_iptc_of_a_tiff_stays(scale: Scale, tmp_path: Path, kind: int) -> None:
    records = b"\x1c\x02\x50\0\x06Byline\x1c\x02\x69\0\x04Head"
    source = tiff(tmp_path / "raw.tif", (33723, kind, len(records) // (4 if kind == 4 else 1), records))
    assert opened(scale(source, format="tiff")).tag_v2[33723] == records
    assert records in scale(source, format="jpeg").read_bytes()


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("name", ["raw.png", "raw.tif"])
def test_texts_that_are_not_ascii_stay(scale: Scale, tmp_path: Path, name: str, format: str) -> None:
    """EXIF says ASCII, but there are bytes of any encoding."""
    told = {0x010E: "Zürich".encode(), 0x013B: b"\xc4\xd6"}
    main, more = [exif.text(tag, value) for tag, value in told.items()], [exif.text(0xA434, "Größe")]
    if name == "raw.tif":
        source = tiff(tmp_path / name, *main, more=more)
    else:
        source = png(tmp_path / name, before=chunk(b"eXIf", exif.block(main=main, more=more)))
    data = scale(source, format=format).read_bytes()
    assert all(text + b"\0" in data for text in (*told.values(), "Größe".encode()))


def test_a_wrong_place_of_a_thumbnail_takes_nothing_else_away(scale: Scale, tmp_path: Path) -> None:
    block = exif.block(make="Albumen", model="One of many", artist=b"Somebody")
    place = len(block)
    (count,) = struct.unpack_from("<H", block, 8)
    link = 8 + 2 + 12 * count
    second = exif.directory([exif.long(0x0201, link + 4), exif.long(0x0202, place - link - 4)], place)
    wrong = block[:link] + struct.pack("<I", place) + block[link + 4 :] + second
    kept = opened(scale(png(tmp_path / "raw.png", before=chunk(b"eXIf", wrong)))).getexif()
    assert (kept[ExifTags.Base.Model], kept[ExifTags.Base.Artist]) == ("One of many", "Somebody")
    assert not kept.get_ifd(ExifTags.IFD.IFD1)


def test_a_profile_of_grey_is_not_given_to_colours(scale: Scale, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = tmp_path / "raw.png"
    Image.new("L", (8, 8)).save(source, icc_profile=profile[:16] + b"GRAY" + profile[20:])
    with pytest.raises(Rejected, match="make a PNG"):
        scale(source, format="webp")
    assert opened(scale(source)).info["icc_profile"][16:20] == b"GRAY"


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("name", ["raw.png", "raw.tif"])
def test_the_directory_of_interoperability_is_where_it_is_said_to_be(
    scale: Scale, tmp_path: Path, name: str, format: str
) -> None:
    more: dict[str, Any] = {"when": "2021:07:15 14:30:05", "interop": [exif.text(1, "R03")]}
    if name == "raw.tif":
        source = tiff(tmp_path / name, **more)
    else:
        source = png(tmp_path / name, before=chunk(b"eXIf", exif.block(**more)))
    with Image.open(scale(source, format=format)) as made:
        kept = made.getexif()
        assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2021:07:15 14:30:05"
        assert kept.get_ifd(ExifTags.IFD.Interop) == {1: "R03"}


@pytest.mark.parametrize("name", ["raw.png", "raw.tif"])
def test_a_place_where_there_is_none_is_not_kept(scale: Scale, tmp_path: Path, name: str) -> None:
    more: dict[str, Any] = {"when": "2021:07:15 14:30:05", "more": [exif.long(0xA005, 9999)]}
    if name == "raw.tif":
        source = tiff(tmp_path / name, **more)
    else:
        source = png(tmp_path / name, before=chunk(b"eXIf", exif.block(**more)))
    with Image.open(scale(source, format="tiff")) as made:
        assert set(made.getexif().get_ifd(ExifTags.IFD.Exif)) == {ExifTags.Base.DateTimeOriginal}


def extended(path: Path, parts: list[tuple[int, bytes]], size: int) -> Path:
    """A JPEG whose XMP goes on in segments."""
    mark = "0123456789ABCDEF" * 2
    named = PACKET.replace(
        b"dc:source", f'xmlns:note="http://ns.adobe.com/xmp/note/" note:HasExtendedXMP="{mark}" dc:source'.encode()
    )
    Image.new("L", (8, 8)).save(path, "JPEG", xmp=named)
    data, segments = path.read_bytes(), b""
    for digest, at, part in ((mark, *one) for one in parts):
        content = b"http://ns.adobe.com/xmp/extension/\0" + digest.encode() + struct.pack(">II", size, at) + part
        segments += struct.pack(">HH", 0xFFE1, len(content) + 2) + content
    path.write_bytes(data[:2] + segments + data[2:])
    return path


def test_xmp_that_goes_on_in_further_segments_stays(scale: Scale, tmp_path: Path) -> None:
    more = PACKET.replace(b'dc:source="a far place"', b'dc:rights="nobody\'s"')
    source = extended(tmp_path / "raw.jpg", [(50, more[50:]), (0, more[:50])], len(more))
    for format in ("png", "jpeg"):
        packet = opened(scale(source, format=format)).info["xmp"]
        assert b"nobody's" in packet
        assert b"a far place" in packet
        assert b"HasExtendedXMP" not in packet


def test_xmp_of_which_a_segment_is_missing_is_refused(scale: Scale, tmp_path: Path) -> None:
    source = extended(tmp_path / "raw.jpg", [(0, PACKET[:50])], len(PACKET))
    with pytest.raises(Rejected, match="not whole"):
        scale(source)


def raw_profile(name: str, content: bytes) -> bytes:
    """As ImageMagick writes one."""
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name}\n{len(content):8}\n{lines}\n".encode()
    return chunk(b"zTXt", f"Raw profile type {name}".encode() + b"\0\0" + zlib.compress(text))


@pytest.mark.parametrize("names", [("exif", "xmp", "iptc"), ("APP1", "APP1", "8bim")])
@pytest.mark.parametrize("format", ["png", "jpeg", "tiff"])
def test_raw_profiles_of_a_png_stay(scale: Scale, tmp_path: Path, names: tuple[str, str, str], format: str) -> None:
    block = b"Exif\0\0" + exif.block(make="Albumen", orientation=6)
    records = b"\x1c\x02\x50\0\x06Byline"
    photoshop = b"8BIM\4\1\3abc\0\0\0\1x\0" + b"8BIM\4\4\0\0" + struct.pack(">I", len(records)) + records + b"\0"
    packet = b"http://ns.adobe.com/xap/1.0/\0" + PACKET if names[1] == "APP1" else PACKET
    told = zip(names, (block, packet, photoshop), strict=True)
    made = scale(png(tmp_path / "raw.png", before=b"".join(raw_profile(*one) for one in told)), format=format)
    with Image.open(made) as picture:
        picture.load()
        assert picture.size == (6, 10)
        assert (picture.getexif()[ExifTags.Base.Make], picture.getexif().get(ExifTags.Base.Orientation, 1)) == ("Albumen", 1)
    data = made.read_bytes()
    assert b"a far place" in data
    assert (b"Raw profile type " + names[2].encode() if format == "png" else records) in data
    assert b"Raw profile type " + names[0].encode() not in data


def test_a_raw_profile_that_nobody_can_read_stays_as_it_is(scale: Scale, tmp_path: Path) -> None:
    unread = chunk(b"tEXt", b"Raw profile type exif\0nonsense") + raw_profile("other", b"123")
    assert unread in scale(png(tmp_path / "raw.png", before=unread)).read_bytes()
