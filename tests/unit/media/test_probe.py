"""What files say about themselves, format by format, on fixtures that share no code with the readers."""

import io
import os
import struct
from pathlib import Path

import pytest
from PIL import Image

import make
from albumen.errors import Rejected
from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.model import Camera, Facts, Position, Stamp


def of(data: bytes, name: str = "x") -> Facts:
    return probe.facts(Memory(data), name)


def test_jpeg_says_when_where_and_with_what(tmp_path: Path) -> None:
    path = make.jpeg(
        str(tmp_path / "a.jpg"),
        when="2021:07:01 00:30:00",
        offset="+02:00",
        subsec="25",
        gps=(-33.85875, 151.21431),
        altitude=-12.5,
        orientation=6,
        make="Maker",
        model="Model 1",
    )
    found = probe.read(path)
    assert found.stamps == (Stamp("exif:DateTimeOriginal", "2021:07:01 00:30:00", "25", "+02:00"),)
    assert found.position is not None
    assert (round(found.position.lat, 5), round(found.position.lon, 5), found.position.alt) == (-33.85875, 151.21431, -12.5)
    assert found.camera == Camera("Maker", "Model 1")
    assert (found.width, found.height, found.orientation) == (32, 48, 6)
    assert (found.kind, found.type, found.damaged, found.told) == ("image", "jpeg", None, ())
    assert found.size == os.path.getsize(path)


def test_offset_of_another_date_is_not_taken_over() -> None:
    block = make.exif_block(when="2021:07:01 00:30:00", tag="DateTime", offset="+02:00")
    out = io.BytesIO()
    make.image().save(out, "JPEG", exif=b"Exif\0\0" + block)
    assert of(out.getvalue()).stamps == (Stamp("exif:DateTime", "2021:07:01 00:30:00"),)


def test_orientations_give_the_size_as_shown(tmp_path: Path) -> None:
    found = [probe.read(path) for path in make.f05(str(tmp_path))]
    assert [one.orientation for one in found] == list(range(1, 9))
    assert [(one.width, one.height) for one in found] == [(48, 32)] * 4 + [(32, 48)] * 4


def test_positions_that_cannot_be_are_told(tmp_path: Path) -> None:
    """S0-11 (part: the reading)."""
    found = {name: probe.read(path) for name, path in make.f06(str(tmp_path)).items()}
    assert found["se"].position == Position(-33.85875, 151.21431)
    assert found["sw"].position is not None
    assert found["sw"].position.lat < 0 > found["sw"].position.lon
    for name, word in (("zero", "0, 0"), ("latonly", "only the latitude")):
        assert found[name].position is None
        assert word in " ".join(found[name].told)


def test_zero_denominators_are_no_position() -> None:
    gps = make.exif_block(when="2021:07:01 00:30:00", gps=(47.0, 8.0))
    broken = gps.replace(struct.pack("<II", 47, 1), struct.pack("<II", 47, 0))
    out = io.BytesIO()
    make.image().save(out, "JPEG", exif=b"Exif\0\0" + broken)
    assert of(out.getvalue()).position is None


def test_long_comments_and_latin1_harm_nothing(tmp_path: Path) -> None:
    for name in ("latin1", "longcomment"):
        found = probe.read(make.f03(str(tmp_path))[name])
        assert [one.value for one in found.stamps] == ["2016:05:04 03:02:01"]
        assert found.damaged is None


def test_heic_as_jpeg(tmp_path: Path) -> None:
    """S0-10 (part: the reading)."""
    found = probe.read(make.f07(str(tmp_path)))
    assert (found.type, found.width, found.height) == ("heic", 64, 48)
    assert found.stamps == (Stamp("exif:DateTimeOriginal", "2021:07:01 00:30:00", None, "+02:00"),)
    assert found.position is not None
    assert round(found.position.lat, 5) == 46.94887


def test_every_still_format_tells_its_size(tmp_path: Path) -> None:
    """S0-01, S0-03 (part: width and height of each format)."""
    types = ["png", "png", "png", "gif", "bmp", "tiff", "webp", "avif", "jpeg", "jpeg", "jpeg", "mpo"]
    found = [probe.read(path) for path in make.f08(str(tmp_path))]
    assert [one.type for one in found] == types
    assert {(one.width, one.height) for one in found} == {(48, 32)}
    assert {(one.kind, one.damaged) for one in found} == {("image", None)}


@pytest.mark.parametrize("cut", [0.3, 0.5, 0.9])
def test_a_cut_file_never_passes_as_whole(tmp_path: Path, cut: float) -> None:
    for path in [make.f07(str(tmp_path)), make.f01(str(tmp_path)), *make.f08(str(tmp_path))]:
        with open(path, "rb") as file:
            data = file.read()
        try:
            found = of(data[: int(len(data) * cut)], os.path.basename(path))
        except Rejected:
            continue
        assert found.damaged, path


def test_damaged_fixtures(tmp_path: Path) -> None:
    """S0-04 (part: the reading)."""
    made = make.f09(str(tmp_path))
    assert "end is missing" in (probe.read(made["half"]).damaged or "")
    assert probe.read(made["half"]).stamps
    png, jpg = probe.read(made["png_as_jpg"]), probe.read(made["jpg_as_png"])
    assert (png.type, jpg.type) == ("png", "jpeg")
    assert "type differs" in png.told[0]
    assert "type differs" in jpg.told[0]
    for name in ("text", "empty"):
        with pytest.raises(Rejected):
            probe.read(made[name])


def test_trailing_data_behind_a_jpeg_is_normal() -> None:
    assert of(make.jpeg_bytes() + b"\0" * 200_000 + b"ftypmp42").damaged is None


def test_movie_length_date_and_size() -> None:
    found = of(make.box(b"ftyp", b"isom\0\0\2\0isommp41") + make.moov(created=3_708_000_000) + make.box(b"mdat", b"x"), "a.mp4")
    assert (found.kind, found.type, found.duration, found.width, found.height) == ("video", "mp4", 1.0, 320, 240)
    assert found.stamps == (Stamp("quicktime:CreateDate", "2021-07-01T16:00:00Z"),)
    assert found.damaged is None


def test_sparse_movie_of_three_gigabytes_is_read_by_its_boxes(tmp_path: Path) -> None:
    """S0-13 (part: the size in the facts)."""
    found = probe.read(make.f12(str(tmp_path)))
    assert (found.size, found.duration, found.damaged) == (make.BIG, 1.0, None)


@pytest.mark.parametrize("keep", [-1, -40])
def test_cut_movie_is_damaged(keep: int) -> None:
    whole = make.box(b"ftyp", b"isom\0\0\2\0isommp41") + make.moov() + make.box(b"mdat", b"x" * 100)
    assert "missing" in (of(whole[:keep]).damaged or "")


def test_movie_without_header_is_rejected() -> None:
    with pytest.raises(Rejected, match="no movie header"):
        of(make.box(b"ftyp", b"isom\0\0\2\0isommp41") + make.box(b"mdat", b"x" * 100))


def test_apple_keys(tmp_path: Path) -> None:
    names = (
        b"com.apple.quicktime.creationdate",
        b"com.apple.quicktime.location.ISO6709",
        b"com.apple.quicktime.content.identifier",
    )
    values = (b"2019-02-12T15:27:12+08:00", b"+27.1281+100.2508+3173.4/", b"ABC-123")
    keys = make.box(b"keys", b"\0" * 4, struct.pack(">I", 3), *(make.box(b"mdta", name) for name in names))
    items = [make.box(struct.pack(">I", at + 1), make.box(b"data", b"\0\0\0\1\0\0\0\0", one)) for at, one in enumerate(values)]
    moov = make.moov()
    meta = make.box(b"meta", make.box(b"hdlr", b"\0" * 8 + b"mdta" + b"\0" * 12), keys, make.box(b"ilst", *items))
    moov = make.box(b"moov", moov[8:], meta)
    found = of(make.box(b"ftyp", b"qt  \0\0\0\0qt  ") + moov + make.box(b"mdat", b"x"), "a.mov")
    assert Stamp("quicktime:CreationDate", "2019-02-12T15:27:12+08:00") in found.stamps
    assert found.position == Position(27.1281, 100.2508, 3173.4)
    assert (found.type, found.group) == ("mov", "ABC-123")


XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmp:Rating="3"
 xmp:CreateDate="2018-11-17T20:27:31+01:00" exif:GPSLatitude="46,30.5N" exif:GPSLongitude="6,40.25W">
 <dc:subject><rdf:Bag><rdf:li>first</rdf:li><rdf:li>zweite ä</rdf:li></rdf:Bag></dc:subject>
 <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Title</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_xmp_sidecar(encoding: str) -> None:
    found = of(XMP.encode(encoding), "a.jpg.xmp")
    assert (found.kind, found.type, found.title, found.rating, found.tags) == ("other", "xmp", "Title", 3, ("first", "zweite ä"))
    assert found.stamps == (Stamp("xmp:CreateDate", "2018-11-17T20:27:31+01:00"),)
    assert found.position is not None
    assert (round(found.position.lat, 4), round(found.position.lon, 4)) == (46.5083, -6.6708)


def test_xmp_with_a_document_type_is_not_expanded() -> None:
    bomb = XMP.replace("<x:xmpmeta", '<!DOCTYPE a [<!ENTITY b "c">]><x:xmpmeta', 1)
    assert of(bomb.encode(), "a.xmp").tags == ()


def test_takeout_sidecar() -> None:
    raw = b'{"title": "a.jpg", "description": "d", "photoTakenTime": {"timestamp": "1538176027"}, "geoData": {"latitude": 1.5, "longitude": 2.5, "altitude": 3}}'
    found = of(raw, "a.jpg.json")
    assert (found.kind, found.type, found.description) == ("other", "json", "d")
    assert found.stamps == (Stamp("takeout:photoTakenTime", "2018-09-28T23:07:07Z"),)
    assert found.position == Position(1.5, 2.5, 3.0)


def test_takeout_names_the_people() -> None:
    raw = b'{"title": "a.jpg", "photoTakenTime": {"timestamp": "1"}, "people": [{"name": " Ann "}, {"name": ""}, {}, 7]}'
    assert of(raw, "a.jpg.json").people == ("Ann",)
    assert of(raw.replace(b"[", b'{"x": [').replace(b"]", b"]}"), "a.jpg.json").people == ()


def test_raw_is_known_by_its_bytes_and_tells_the_full_size() -> None:
    from make.exif import directory, long, short, text

    full = 8 + len(directory([text(1, "x")] * 5, 8)) + 200
    first = [
        long(0xFE, 1),
        long(0x100, 160),
        long(0x101, 120),
        text(0x010F, "NIKON CORPORATION"),
        long(0x14A, full),
        short(0x112, 8),
    ]
    data = b"II*\0" + struct.pack("<I", 8) + directory(first, 8)
    data = data.ljust(full, b"\0") + directory([long(0xFE, 0), long(0x100, 4288), long(0x101, 2848)], full)
    found = of(data, "whatever.tif")
    assert (found.kind, found.type, found.width, found.height) == ("raw", "nef", 2848, 4288)


def test_formats_nobody_lists_are_of_kind_other(tmp_path: Path) -> None:
    for suffix, size in (("ico", (32, 32)), ("tga", (48, 32)), ("ppm", (48, 32)), ("pcx", (48, 32)), ("dds", (48, 32))):
        path = str(tmp_path / f"a.{suffix}")
        Image.Image.save(make.image().resize(size), path)
        found = probe.read(path)
        assert (found.kind, found.type, found.width, found.height) == ("other", suffix, *size)


def test_bombs_are_told_and_never_decoded() -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 65536, 65536, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + b"\0" * 4 + b"\0\0\0\0IEND\xae\x42\x60\x82"
    found = of(data, "a.png")
    assert (found.width, found.height) == (65536, 65536)
    assert "megapixels" in found.told[0]
