"""RAW files: date with offset, camera, lens, serial number, position, sensitivity, and the whole picture's size as shown."""

import struct
from collections.abc import Callable

import pytest

from albumen.errors import Rejected
from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.model import Camera, Exposure, Facts, Stamp
from make import raws
from make.exif import Entry, directory, undefined

_DNG: tuple[Entry, ...] = ((0xC612, 1, 4, b"\1\4\0\0"),)
_MADE: dict[str, Callable[[int], bytes]] = {
    "cr3": raws.cr3,
    "raf": raws.raf,
    "rw2": raws.rw2,
    "nef": lambda turn: raws.tiff_based(b"II*\0", "NIKON CORPORATION", turn),
    "arw": lambda turn: raws.tiff_based(b"II*\0", "SONY", turn),
    "pef": lambda turn: raws.tiff_based(b"II*\0", "PENTAX Corporation", turn),
    "srw": lambda turn: raws.tiff_based(b"II*\0", "SAMSUNG", turn),
    "kdc": lambda turn: raws.tiff_based(b"II*\0", "EASTMAN KODAK COMPANY", turn),
    "3fr": lambda turn: raws.tiff_based(b"II*\0", "Hasselblad", turn),
    "erf": lambda turn: raws.tiff_based(b"II*\0", "SEIKO EPSON CORP.", turn),
    "mef": lambda turn: raws.tiff_based(b"II*\0", "Mamiya", turn),
    "mos": lambda turn: raws.tiff_based(b"II*\0", "Leaf", turn),
    "orf": lambda turn: raws.tiff_based(b"IIRO", "OLYMPUS CORPORATION", turn),
    "dng": lambda turn: raws.tiff_based(b"II*\0", "Leica Camera AG", turn, mark=_DNG),
}


def of(data: bytes, suffix: str) -> Facts:
    return probe.facts(Memory(data), f"a.{suffix}")


@pytest.mark.parametrize("suffix", sorted(_MADE))
def test_a_raw_file_tells_all(suffix: str) -> None:
    found = of(_MADE[suffix](1), suffix)
    assert (found.kind, found.type, found.told, found.damaged) == ("raw", suffix, (), None)
    assert Stamp("exif:DateTimeOriginal", raws.WHEN, None, raws.OFFSET) in found.stamps
    assert found.camera is not None
    assert (found.camera.model, found.camera.lens, found.camera.serial) == ("Model R", "Lens 35mm F2", "SN-1")
    assert found.position is not None
    assert (round(found.position.lat, 5), round(found.position.lon, 5)) == raws.SPOT
    assert found.exposure == Exposure(iso=800)
    assert (found.width, found.height) == raws.WHOLE


@pytest.mark.parametrize("suffix", sorted(_MADE))
def test_the_size_is_the_one_shown(suffix: str) -> None:
    found = of(_MADE[suffix](6), suffix)
    assert (found.width, found.height, found.orientation) == (raws.WHOLE[1], raws.WHOLE[0], 6)


@pytest.mark.parametrize("suffix", sorted(_MADE))
@pytest.mark.parametrize("keep", [30, 100, 200])
def test_a_cut_one_is_damaged_or_refused(suffix: str, keep: int) -> None:
    try:
        found = of(_MADE[suffix](1)[:keep], suffix)
    except Rejected:
        return
    assert found.damaged or found.told or not found.stamps


def test_the_size_without_the_border_that_sonys_note_states() -> None:
    note = undefined(0x927C, directory([(0xB02B, 4, 2, struct.pack("<II", 3980, 5970))], 0))
    plain = raws.tiff_based(b"II*\0", "SONY", more=(note,))
    at = plain.find(struct.pack("<HHI", 0xB02B, 4, 2))
    size = plain.find(struct.pack("<II", 3980, 5970))
    found = of(plain[: at + 8] + struct.pack("<I", size) + plain[at + 12 :], "arw")
    assert (found.width, found.height) == (5970, 3980)


def test_sigma_without_exif_tells_its_properties() -> None:
    found, turned = of(raws.x3f(), "x3f"), of(raws.x3f(90), "x3f")
    assert found.stamps == (Stamp("exif:DateTimeOriginal", "2021-07-01 00:30:00"),)
    assert found.camera == Camera("SIGMA", "Model R", "SN-1")
    assert found.exposure == Exposure(time=0.004, iso=800)
    assert (found.width, found.height, turned.width, turned.height) == (*raws.WHOLE, *raws.WHOLE[::-1])
    assert of(raws.x3f()[:-30], "x3f").damaged == "the file's directory is missing: its end was cut off"
