"""Kind and type by the bytes; what extensions promise and which one a file gets."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import make
from albumen.media.signature import TYPES, companion_role, extension, fits, kind_of_name, sniff

HEADS = [
    (b"\xff\xd8\xff\xe0", "image", "jpeg"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image", "heic"),
    (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image", "avif"),
    (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image", "heic"),
    (b"\0\0\0\x14ftypcrx \0\0\0\1crx ", "raw", "cr3"),
    (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video", "mov"),
    (b"\0\0\0\x14ftypisom\0\0\0\0isom", "video", "mp4"),
    (b"\0\0\0\x14ftyp3gp5\0\0\0\0isom", "video", "3gp"),
    (b"\0\0\0\x08wide\0\0\x10\0mdat", "video", "mov"),
    (b"RIFF\0\0\0\0AVI LIST", "video", "avi"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "image", "webp"),
    (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "video", "mkv"),
    (b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm", "video", "webm"),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", "video", "wmv"),
    (b"\0\0\x01\xba\x44", "video", "mpg"),
    ((b"G" + b"\0" * 187) * 3, "video", "mts"),
    ((b"\0\0\0\0G" + b"\0" * 187) * 3, "video", "mts"),
    (b"II*\0\x10\0\0\0CR\x02\0", "raw", "cr2"),
    (b"IIRO\x08\0\0\0", "raw", "orf"),
    (b"IIU\0\x18\0\0\0", "raw", "rw2"),
    (b"FUJIFILMCCD-RAW 0201", "raw", "raf"),
    (b"II\x1a\0\0\0HEAPCCDR", "raw", "crw"),
    (b"FOVb\0\0\2\0", "raw", "x3f"),
    (b"\0MRM\0\0\0\0", "raw", "mrw"),
    (b"8BPS\0\1", "image", "psd"),
    (b"\xff\x0a\x01", "image", "jxl"),
    (b"\xff\x4f\xff\x51", "image", "j2k"),
    (b"gimp xcf v003\0", "other", "xcf"),
    (b"<?xml version='1.0'?><!-- a --><svg xmlns=''>", "other", "svg"),
]


@pytest.mark.parametrize(("head", "kind", "type"), HEADS, ids=[f"{n}-{one[2]}" for n, one in enumerate(HEADS)])
def test_bytes_decide(head: bytes, kind: str, type: str) -> None:
    """S0-02 (part: the signatures)."""
    assert sniff(head, "holiday.txt") == (kind, type)


@pytest.mark.parametrize(
    "head", [b"", b"hello", b"PK\x03\x04", b"%PDF-1.7", b"MZ\x90\0", b"BM but a text", b"{}", b"\0\0\0\x14ftypM4A \0\0\0\0"]
)
def test_no_media(head: bytes) -> None:
    assert sniff(head, "a.jpg") is None


def test_tiff_of_a_camera_maker_is_no_raw(tmp_path: Path) -> None:
    with open(
        make.write(str(tmp_path / "a"), make.exif_block(make="NIKON CORPORATION", when="2020:01:01 00:00:00")), "rb"
    ) as file:
        data = file.read()
    assert sniff(data, "scan.tif") == ("image", "tiff")
    assert sniff(data, "DSC_1.NEF") == ("raw", "nef")


@given(st.binary(max_size=400), st.text(max_size=12))
def test_any_bytes_are_judged(head: bytes, name: str) -> None:
    found = sniff(head, name)
    assert found is None or TYPES[found[1]][0] == found[0]
    assert companion_role(name, head) in (None, "xmp", "aae", "json")


def test_hostile_comments_cost_no_time() -> None:
    began = time.process_time()
    assert sniff(b"<!---->" * 280 + b"x") is None
    assert time.process_time() - began < 0.5


def test_extensions() -> None:
    assert extension("A.JPEG", "jpeg") == "jpeg"
    assert extension("a.jpg", "png") == "png"
    assert extension("noextension", "heic") == "heic"
    assert fits("a.JPG", "jpeg")
    assert not fits("a.png", "jpeg")
    assert kind_of_name("a.NEF") == "raw"
    assert kind_of_name("a.pdf") is None


def test_companions_need_name_and_bytes() -> None:
    assert companion_role("a.jpg.xmp", b'<x:xmpmeta xmlns:x="adobe:ns:meta/">') == "xmp"
    assert companion_role("IMG_1.AAE", b"<?xml version='1.0'?><!DOCTYPE plist><plist>") == "aae"
    assert companion_role("a.jpg.json", b'{ "title": "a.jpg", "photoTakenTime": {} }') == "json"
    assert companion_role("package.json", b'{ "title": "a" }') is None
    assert companion_role("a.jpg.xmp", b"hello") is None


def test_an_albums_json_is_no_sidecar_of_a_picture() -> None:
    """Takeout's album ``metadata.json`` has a title and a place, but no time a photo was taken."""
    album = b'{"title": "Farm", "date": {"timestamp": "1"}, "geoData": {"latitude": 0.0}}'
    assert companion_role("metadata.json", album) is None
    assert companion_role("a.jpg.json", b'{"title": "a.jpg", "photoTakenTime": {}}') == "json"
