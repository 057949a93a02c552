"""Eight orientations in six formats: the size as shown, whoever asks."""

import os
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from albumen.media import probe
from make import turned


@pytest.mark.parametrize("suffix", sorted(turned.FORMATS))
def test_eight_orientations_as_shown(tmp_path: Path, suffix: str) -> None:
    found = [probe.read(path) for path in turned.eight(os.fspath(tmp_path), suffix)]
    assert [(one.width, one.height) for one in found] == [(48, 32)] * 4 + [(32, 48)] * 4
    assert [one.damaged for one in found] == [None] * 8
    assert [one.told for one in found] == [()] * 8


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_pillow_shows_the_same(tmp_path: Path, suffix: str) -> None:
    for path in turned.eight(os.fspath(tmp_path), suffix):
        with Image.open(path) as picture:
            shown = ImageOps.exif_transpose(picture).size
        assert (probe.read(path).width, probe.read(path).height) == shown


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_as_libheif_writes_it(tmp_path: Path, orientation: int) -> None:
    """irot and imir turn; the EXIF beside them is not applied once more."""
    import pillow_heif

    from make.exif import block
    from make.pictures import image

    path = os.fspath(tmp_path / "a.heic")
    pillow_heif.from_pillow(image(size=(48, 32))).save(path, exif=b"Exif\0\0" + block(orientation=orientation))
    found = probe.read(path)
    assert (found.width, found.height) == pillow_heif.open_heif(path).size
    assert found.orientation is None
