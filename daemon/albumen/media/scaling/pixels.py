"""Pixels of a picture, and how they are turned and cut to fewer bits."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[Any]  # height × width × channels (grey; grey, alpha; RGB; RGBA) of uint8 or uint16


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """As shown, of pixels as stored with this EXIF orientation (1–8)."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def eight_bits(pixels: Pixels) -> Pixels:
    """Of 16 bits, rounded; of 8 bits as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def has_alpha(pixels: Pixels) -> bool:
    """Whether the last channel is transparency."""
    return pixels.shape[2] in (2, 4)


def is_opaque(pixels: Pixels) -> bool:
    """Whether nothing shines through."""
    return not has_alpha(pixels) or bool(pixels[:, :, -1].min() == np.iinfo(pixels.dtype).max)
