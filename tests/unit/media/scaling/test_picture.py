"""A scaled picture is what it was: its channels, its bits, its colours, what it tells of itself."""

import io
import json
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

from albumen.errors import Rejected
from albumen.media import probe
from albumen.media.scaling import turbo
from albumen.media.scaling.wanted import Origin
from make import exif, pictures
from servers import needs

Scale = Callable[..., Path]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(path: Path, picture: Image.Image, **how: Any) -> Path:
    picture.save(path, **how)
    return path


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
        return picture


def slope(size: tuple[int, int] = (48, 32), mode: str = "RGB") -> Image.Image:
    """A picture in which no two columns are equal."""
    return Image.linear_gradient("L").resize(size).convert(mode)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_channels_stay(scale: Scale, tmp_path: Path, mode: str, format: str) -> None:
    """S1-04 (part: transparency), S1-03 (part: two times width and height)."""
    made = opened(scale(saved(tmp_path / "raw.png", slope(mode=mode)), format=format))
    assert (made.size, made.mode, made.format) == ((96, 64), mode, format.upper())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_stay(scale: Scale, tmp_path: Path, channels: int) -> None:
    """S1-04 (part: 16 bit): values between those that 8 bits have."""
    row = np.tile(np.linspace(1, 65000, 8).astype(np.uint16)[:, np.newaxis], channels)
    if channels in (2, 4):
        row[:, -1] = 65535
    source = tmp_path / "raw.png"
    source.write_bytes(png(np.stack([row] * 4)))
    data = scale(source).read_bytes()
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    assert struct.unpack(">IIBB", data[16:26]) == (16, 8, 16, colour)
    kept = rows_of(data, 16 * channels).reshape(8, 16, channels)
    assert kept[3, 1].tolist() == np.rint(row[0].astype(float) * 0.75 + row[1].astype(float) * 0.25).astype(int).tolist()


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """16 bits."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def rows_of(data: bytes, values: int) -> np.ndarray[Any, Any]:
    """16-bit values of a PNG that we wrote."""
    inflated = np.frombuffer(zlib.decompress(b"".join(chunks(data, b"IDAT"))), np.uint8).reshape(-1, 1 + 2 * values)
    assert set(inflated[:, 0]) == {2}
    summed: np.ndarray[Any, Any] = np.cumsum(inflated[:, 1:].astype(np.uint64), axis=0).astype(np.uint8)
    return np.ascontiguousarray(summed).view(">u2")


def chunks(data: bytes, wanted: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == wanted:
            found.append(data[at + 8 : at + 8 + size])
        at += 12 + size
    return found


def test_a_palette_becomes_its_colours(scale: Scale, tmp_path: Path) -> None:
    flat = saved(tmp_path / "raw.png", Image.new("P", (8, 8), 0))
    assert opened(scale(flat)).mode == "RGB"
    see_through = saved(tmp_path / "hole.png", Image.new("P", (8, 8), 0), transparency=0)
    assert opened(scale(see_through)).convert("RGBA").getpixel((3, 3)) == (0, 0, 0, 0)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff"])
def test_the_profile_stays(scale: Scale, tmp_path: Path, format: str) -> None:
    """S1-04 (part: profile)."""
    source = saved(tmp_path / "raw.jpg", slope(), icc_profile=SRGB)
    assert opened(scale(source, format=format)).info["icc_profile"] == SRGB


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff"])
def test_date_place_and_camera_stay(scale: Scale, tmp_path: Path, format: str) -> None:
    """S1-04 (part: EXIF date, GPS)."""
    what: dict[str, Any] = {
        "when": "2021:07:15 14:30:05",
        "offset": "+02:00",
        "gps": (46.9, 7.4),
        "make": "Albumen",
        "model": "One",
    }
    source = pictures.jpeg(str(tmp_path / "raw.jpg"), **what)
    before, after = probe.read(source), probe.read(scale(source, format=format))
    assert (after.width, after.height) == (96, 64)
    assert after.position == before.position
    assert after.camera == before.camera
    assert set(before.stamps) <= set(after.stamps)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff"])
def test_exiftool_reads_the_same_before_and_after(scale: Scale, tmp_path: Path, format: str) -> None:
    """S1-04: by exiftool."""
    needs("exiftool")
    what: dict[str, Any] = {
        "when": "2021:07:15 14:30:05",
        "offset": "+02:00",
        "gps": (46.9, 7.4),
        "make": "Albumen",
        "model": "One",
    }
    source = pictures.jpeg(str(tmp_path / "raw.jpg"), **what, orientation=6, icc_profile=SRGB)
    said = [_exiftool(path) for path in (Path(source), scale(source, format=format))]
    assert {key: one for key, one in said[1].items() if key in said[0]} == said[0]
    assert len(said[0]) == 9


def _exiftool(path: Path) -> dict[str, str]:
    """What must not change, by the name of each tag. A picture that was turned has the other orientation, or none."""
    tags = "DateTimeOriginal OffsetTimeOriginal GPSLatitude GPSLongitude GPSLatitudeRef GPSLongitudeRef Make Model ProfileDescription"
    words = ["exiftool", "-json", "-n", *(f"-{one}" for one in tags.split()), str(path)]
    (row,) = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return {key: one for key, one in row.items() if key != "SourceFile"}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_it_is_turned_once(scale: Scale, tmp_path: Path, orientation: int, format: str) -> None:
    """S1-04 (part: orientation right side up once)."""
    source = pictures.jpeg(str(tmp_path / "raw.jpg"), orientation=orientation, corners=True)
    shown = ImageOps.exif_transpose(opened(Path(source)))
    made = opened(scale(source, format=format))
    assert made.getexif().get(ExifTags.Base.Orientation, 1) == 1
    assert made.size == (shown.width * 2, shown.height * 2)
    assert near(made.convert("RGB"), shown.resize(made.size, Image.Resampling.BILINEAR), 12 if format == "jpeg" else 4)


def near(one: Image.Image, other: Image.Image, most: float) -> bool:
    """On average."""
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean()) < most


def test_the_block_says_the_new_size_and_has_no_thumbnail(scale: Scale, tmp_path: Path) -> None:
    """S1-04 (part: size tags, thumbnail)."""
    small = io.BytesIO()
    slope((16, 8)).save(small, "JPEG")
    block = with_thumbnail(exif.block(when="2021:07:15 14:30:05", orientation=6), small.getvalue())
    source = tmp_path / "raw.jpg"
    slope().save(source, exif=b"Exif\0\0" + block)
    made = scale(source, format="jpeg")
    kept = opened(made).getexif()
    assert kept.get_ifd(ExifTags.IFD.IFD1) == {}
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2021:07:15 14:30:05"
    assert small.getvalue()[20:200] not in made.read_bytes()


def with_thumbnail(block: bytes, thumbnail: bytes) -> bytes:
    """A second directory behind an EXIF block."""
    order = "<" if block[:2] == b"II" else ">"
    data = bytearray(block) + b"\0" * (len(block) % 2)
    (first,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, first)
    struct.pack_into(order + "I", data, first + 2 + 12 * count, len(data))
    at = len(data) + 2 + 24 + 4
    data += struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, at, 0x0202, 4, 1, len(thumbnail), 0)
    return bytes(data) + thumbnail


def test_it_says_what_it_was_made_of(scale: Scale, tmp_path: Path) -> None:
    """S1-05 (part: original name findable)."""
    origin = Origin("11111111-2222-8333-8444-555555555555", "Gämse & <Adler>.jpg", "cd" * 32)
    data = scale(saved(tmp_path / "raw.jpg", slope()), origin=origin).read_bytes()
    (told,) = chunks(data, b"iTXt")
    packet = told.decode()
    assert "<stRef:documentID>urn:uuid:11111111-2222-8333-8444-555555555555</stRef:documentID>" in packet
    assert f"<stRef:instanceID>urn:sha256:{'cd' * 32}</stRef:instanceID>" in packet
    assert "<stRef:filePath>Gämse &amp; &lt;Adler&gt;.jpg</stRef:filePath>" in packet


def test_texts_of_a_png_stay(scale: Scale, tmp_path: Path) -> None:
    """S1-04 (part: what picture generators write)."""
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("parameters", "a cat, steps 20")
    made = opened(scale(saved(tmp_path / "raw.png", slope(), pnginfo=told, dpi=(300, 300))))
    assert made.info["parameters"] == "a cat, steps 20"
    assert round(made.info["dpi"][0]) == 300


def test_a_truncated_packet_is_replaced_by_one_of_our_own(scale: Scale, tmp_path: Path) -> None:
    source = saved(tmp_path / "raw.jpg", slope(), xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF")
    assert b"DerivedFrom" in scale(source).read_bytes()


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(48, 32), (101, 203), (17, 1)])
def test_a_jpeg_of_bands_is_the_jpeg_of_the_whole(scale: Scale, tmp_path: Path, sampling: str, size: tuple[int, int]) -> None:
    source = saved(tmp_path / "raw.jpg", Image.effect_noise(size, 80).convert("RGB"), subsampling=sampling, quality=95)
    whole = scale(source, format="jpeg", band=1 << 30)
    bands = scale(source, format="jpeg", band=4000)
    one, other = (turbo.decode(path.read_bytes(), grey=False) for path in (whole, bands))
    assert np.array_equal(one, other)
    if size[1] > 16:
        assert b"\xff\xd0" in bands.read_bytes()
    assert turbo.sampling(bands.read_bytes()) == sampling.replace(":", "")


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff"])
def test_equal_pictures_are_equal_files(scale: Scale, tmp_path: Path, format: str) -> None:
    """S1-12 (part: a second run makes the same bytes)."""
    source = pictures.jpeg(str(tmp_path / "raw.jpg"), when="2021:07:15 14:30:05")
    assert scale(source, format=format).read_bytes() == scale(source, format=format).read_bytes()


@pytest.mark.parametrize(
    "name", ["plain.bmp", "plain.tiff", "plain.webp", "plain.avif", "progressive.jpg", "frames.mpo", "sixteen.png"]
)
def test_formats(scale: Scale, tmp_path: Path, name: str) -> None:
    pictures.formats(str(tmp_path / "f08"))
    assert opened(scale(tmp_path / "f08" / name)).size == (96, 64)


@pytest.mark.parametrize(("name", "type"), [("eight.png", "PNG"), ("progressive.jpg", "JPEG"), ("plain.webp", "WEBP"), ("plain.tiff", "TIFF"), ("plain.bmp", "PNG")])  # fmt: skip
def test_the_same_format(scale: Scale, tmp_path: Path, name: str, type: str) -> None:
    pictures.formats(str(tmp_path / "f08"))
    assert opened(scale(tmp_path / "f08" / name, format="same")).format == type


def test_heic_is_turned_already(scale: Scale, tmp_path: Path) -> None:
    source = pictures.heic(str(tmp_path / "raw.heic"), size=(64, 48))
    assert opened(scale(source)).size == (128, 96)


def test_quality_counts(scale: Scale, tmp_path: Path) -> None:
    source = saved(tmp_path / "raw.png", Image.effect_noise((64, 64), 80))
    assert scale(source, format="jpeg", quality=30).stat().st_size < scale(source, format="jpeg", quality=90).stat().st_size


# ------------------------------------------------------------------------------------------------------------------ refusals


def refused(scale: Scale, source: Path | str, **wanted: Any) -> str:
    with pytest.raises(Rejected) as caught:
        scale(source, **wanted)
    return str(caught.value)


def test_films_are_refused(scale: Scale, tmp_path: Path) -> None:
    """S1-04 (part: animated GIF refused, told)."""
    frames = [Image.new("RGB", (8, 8), (n * 60, 9, 9)) for n in range(3)]
    for name in ("a.gif", "a.png", "a.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert "animated (3 pictures)" in refused(scale, tmp_path / name)
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    assert "3 pages" in refused(scale, tmp_path / "a.tif")


def test_print_colours_are_refused(scale: Scale, tmp_path: Path) -> None:
    assert "CMYK" in refused(scale, saved(tmp_path / "raw.jpg", slope(mode="CMYK")))


def test_transparency_is_not_lost_into_a_jpeg(scale: Scale, tmp_path: Path) -> None:
    """S1-04 (part: transparency)."""
    source = saved(tmp_path / "raw.png", Image.new("RGBA", (8, 8), (9, 9, 9, 100)))
    assert "see-through" in refused(scale, source, format="jpeg")
    opaque = saved(tmp_path / "opaque.png", Image.new("RGBA", (8, 8), (9, 9, 9, 255)))
    assert opened(scale(opaque, format="jpeg")).mode == "RGB"


@pytest.mark.parametrize(("name", "kept"), [("raw.jpg", 0.6), ("raw.png", 0.6), ("raw.webp", 0.6), ("raw.tif", 0.4)])
def test_what_is_cut_off_is_refused(scale: Scale, tmp_path: Path, name: str, kept: float) -> None:
    """S1-11 (part: the reason)."""
    source = saved(tmp_path / name, Image.effect_noise((64, 64), 90).convert("RGB"))
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * kept)])
    assert refused(scale, source)


def test_flipped_bits_are_refused(scale: Scale, tmp_path: Path) -> None:
    """S1-11 (part: the reason)."""
    source = saved(tmp_path / "raw.png", Image.effect_noise((64, 64), 90))
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 0x10
    source.write_bytes(bytes(data))
    assert "damaged" in refused(scale, source)


def test_a_sixteen_bit_png_that_lacks_rows_is_refused(scale: Scale, tmp_path: Path) -> None:
    """S1-11 (part: the reason)."""
    data = png(np.full((8, 8, 3), 999, np.uint16))
    rows = zlib.decompress(chunks(data, b"IDAT")[0])[: 3 * 49]
    source = tmp_path / "raw.png"
    source.write_bytes(data[:33] + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    assert "missing" in refused(scale, source)


def test_what_is_no_picture_is_refused(scale: Scale, tmp_path: Path) -> None:
    text = tmp_path / "raw.jpg"
    text.write_text("hello")
    assert refused(scale, text)


def test_a_claim_of_many_pixels_takes_no_memory(scale: Scale, tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    source = tmp_path / "raw.png"
    source.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )
    assert "MiB of memory" in refused(scale, source)


def test_a_budget_of_memory(scale: Scale, tmp_path: Path) -> None:
    source = saved(tmp_path / "raw.png", slope((4000, 3000)))
    assert "and there shall be 80" in refused(scale, source, memory=80 << 20)


def test_a_webp_has_a_largest_size(scale: Scale, tmp_path: Path) -> None:
    assert "at most 16383" in refused(scale, saved(tmp_path / "raw.png", slope((9000, 4))), format="webp")


def test_nothing_may_be_left(scale: Scale, tmp_path: Path) -> None:
    assert "no picture any more" in refused(scale, saved(tmp_path / "raw.png", slope((1, 1))), factor=0.5)
