"""libjpeg-turbo: JPEG in, strictly, and JPEG out. The only module that imports simplejpeg."""

import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # it ships none

from albumen.errors import Rejected
from albumen.media.scaling.pixels import Pixels

KEPT = ("444", "422", "420")  # how many pixels share a colour: what is written as it was read


def sampling(data: bytes) -> str:
    """How its colours are sampled, where we write that, too; else "444"."""
    try:
        found = str(simplejpeg.decode_jpeg_header(data)[3])
    except ValueError:
        return "444"
    return found if found in KEPT else "444"


def decode(data: bytes, *, grey: bool) -> Pixels:
    """Every pixel as stored. ``Rejected`` for a broken file: one that a lenient reader would show with stripes."""
    try:
        found: Pixels = simplejpeg.decode_jpeg(data, "GRAY" if grey else "RGB", fastdct=False, fastupsample=False, strict=True)
    except ValueError as error:
        raise Rejected(f"its pixels cannot be decoded: {error}") from None
    return found


def encode(pixels: Pixels, quality: int, sampling: str) -> bytes:
    """A whole JPEG of these rows, of 8 bits without transparency."""
    grey = pixels.shape[2] == 1
    rows = np.ascontiguousarray(pixels)
    encoded = simplejpeg.encode_jpeg(rows, quality, "GRAY" if grey else "RGB", "Gray" if grey else sampling, fastdct=False)
    return bytes(encoded)
