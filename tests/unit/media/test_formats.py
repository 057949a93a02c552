"""The same date, position, camera, exposure, entries and faces out of every still format that can carry them."""

import io
import struct
from collections.abc import Callable

import pillow_heif
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.model import Camera, Exposure, Facts, Region, Stamp
from make.entries import bag, jpeg_with, profile, words, xmp
from make.exif import block, short, text
from make.media import box
from make.pictures import image
from make.turned import SIZE, jxl

EXIF = block(
    when="2021:07:01 00:30:00",
    offset="+02:00",
    gps=(-33.85875, 151.21431),
    make="Maker",
    model="Model 1",
    more=[short(0x8827, 200), text(0xA434, "Lens 1")],
)
_AREA = '<mwg-rs:Area stArea:x="0.5" stArea:y="0.25" stArea:w="0.1" stArea:h="0.1" stArea:unit="normalized"/>'
_FACE = f'<rdf:li><rdf:Description mwg-rs:Name="Ann" mwg-rs:Type="Face">{_AREA}</rdf:Description></rdf:li>'
_FACES = f"<mwg-rs:RegionList><rdf:Bag>{_FACE}</rdf:Bag></mwg-rs:RegionList>"
XMP = xmp(
    words("dc:title", "Title")
    + bag("dc:subject", "one", "two")
    + f'<mwg-rs:Regions rdf:parseType="Resource">{_FACES}</mwg-rs:Regions>',
    xmp__Rating="3",
)
ICC = profile("Display P3")


def _saved(format: str, **how: object) -> bytes:
    out = io.BytesIO()
    image(size=SIZE).save(out, format, **how)
    return out.getvalue()


def png() -> bytes:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    return _saved("PNG", exif=b"Exif\0\0" + EXIF, pnginfo=info, icc_profile=ICC)


def old_png() -> bytes:
    """ImageMagick's way: profiles as hex digits in packed text chunks."""
    info = PngInfo()
    for name, data in (("exif", b"Exif\0\0" + EXIF), ("xmp", XMP), ("icc", ICC)):
        info.add_text(f"Raw profile type {name}", f"\n{name}\n{len(data):8}\n{data.hex()}\n", zip=True)
    return _saved("PNG", pnginfo=info)


def tiff() -> bytes:
    made = Image.Exif()
    made.load(EXIF)
    made[700] = XMP
    return _saved("TIFF", exif=made, icc_profile=ICC)


def psd() -> bytes:
    parts = b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)
        for number, data in ((1058, EXIF), (1060, XMP), (1039, ICC))
    )
    head = b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, SIZE[1], SIZE[0], 8, 3)
    return head + b"\0" * 4 + struct.pack(">I", len(parts)) + parts + b"\0" * 4 + b"\0\0" + b"\0" * (3 * SIZE[0] * SIZE[1])


def jp2() -> bytes:
    plain = _saved("JPEG2000")
    at = plain.find(b"jp2h") - 4
    size = int.from_bytes(plain[at : at + 4], "big")
    colr = box(b"colr", b"\2\0\0", ICC)
    header = struct.pack(">I", size + len(colr)) + b"jp2h" + plain[at + 8 : at + 30] + colr + plain[at + 30 : at + size]
    notes = box(b"uuid", b"JpgTiffExif->JP2", EXIF) + box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), XMP)
    return plain[:at] + header + notes + plain[at + size :]


def heic() -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image(size=SIZE)).save(out, exif=b"Exif\0\0" + EXIF, xmp=XMP, icc_profile=ICC)
    return out.getvalue()


def jpeg_xl() -> bytes:
    plain = jxl(1)
    first = plain.find(b"Exif") - 4
    return plain[:first] + box(b"Exif", b"\0\0\0\0" + EXIF) + box(b"xml ", XMP) + plain[plain.find(b"jxlc") - 4 :]


def jpeg() -> bytes:
    data = jpeg_with(XMP, exif=EXIF)
    made = b"ICC_PROFILE\0\1\1" + ICC
    return data[:2] + b"\xff\xe2" + struct.pack(">H", len(made) + 2) + made + data[2:]


_MADE: dict[str, Callable[[], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "old.png": old_png,
    "webp": lambda: _saved("WEBP", exif=b"Exif\0\0" + EXIF, xmp=XMP, icc_profile=ICC),
    "tiff": tiff,
    "psd": psd,
    "jp2": jp2,
    "heic": heic,
    "avif": lambda: _saved("AVIF", exif=EXIF, xmp=XMP, icc_profile=ICC),
    "jxl": jpeg_xl,
}


def _facts(name: str) -> Facts:
    return probe.facts(Memory(_MADE[name]()), f"a.{name}")


@pytest.mark.parametrize("name", sorted(_MADE))
def test_a_format_tells_all(name: str) -> None:
    found = _facts(name)
    assert (found.type, found.told, found.damaged) == (name.removeprefix("old."), (), None)
    assert (found.width, found.height) == SIZE
    assert found.stamps == (Stamp("exif:DateTimeOriginal", "2021:07:01 00:30:00", None, "+02:00"),)
    assert found.position is not None
    assert (round(found.position.lat, 5), round(found.position.lon, 5)) == (-33.85875, 151.21431)
    assert found.camera == Camera("Maker", "Model 1", None, "Lens 1")
    assert found.exposure == Exposure(iso=200)
    assert (found.title, found.tags, found.rating) == ("Title", ("one", "two"), 3)
    assert (found.people, found.faces) == (("Ann",), (Region(0.5, 0.25, 0.1, 0.1, "Ann"),))


@pytest.mark.parametrize("name", sorted(set(_MADE) - {"jxl"}))
def test_a_format_names_its_colours(name: str) -> None:
    """JPEG XL keeps its profile inside the codestream."""
    assert _facts(name).colour == "Display P3"


def test_an_animation_of_avif_is_a_picture() -> None:
    out = io.BytesIO()
    frames = [image((n * 60, 90, 30), size=SIZE) for n in range(1, 4)]
    frames[0].save(out, "AVIF", save_all=True, append_images=frames[1:], duration=100)
    found = probe.facts(Memory(out.getvalue()), "a.avif")
    assert (found.kind, found.type, found.width, found.height, found.stamps) == ("image", "avif", *SIZE, ())


@pytest.mark.parametrize(("orientation", "x", "y"), [(1, 0.1, 0.3), (3, 0.9, 0.7), (5, 0.3, 0.1), (6, 0.7, 0.1), (8, 0.3, 0.9)])
def test_faces_in_a_turned_heic(orientation: int, x: float, y: float) -> None:
    area = _AREA.replace('x="0.5"', 'x="0.1"').replace('y="0.25"', 'y="0.3"')
    size = f'<mwg-rs:AppliedToDimensions stDim:w="{SIZE[0]}" stDim:h="{SIZE[1]}" stDim:unit="pixel"/>'
    packet = xmp(f'<mwg-rs:Regions rdf:parseType="Resource">{size}{_FACES.replace(_AREA, area)}</mwg-rs:Regions>')
    out = io.BytesIO()
    pillow_heif.from_pillow(image(size=SIZE)).save(out, exif=b"Exif\0\0" + block(orientation=orientation), xmp=packet)
    found = probe.facts(Memory(out.getvalue()), "a.heic")
    assert [(one.x, one.y) for one in found.faces] == [(x, y)]
