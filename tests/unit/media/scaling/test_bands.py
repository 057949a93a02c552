"""Rows that are scaled band by band are those of the whole picture."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from albumen.media.scaling.bands import bands
from albumen.media.scaling.opencv import OpenCvScaler
from albumen.media.scaling.pixels import Pixels
from albumen.media.scaling.wanted import Wanted

METHODS = ("linear", "cubic", "lanczos", "area")


def noise(shape: tuple[int, ...], kind: type = np.uint8, *, seed: int = 1) -> Pixels:
    top = np.iinfo(kind).max
    return np.random.default_rng(seed).integers(0, top, shape, endpoint=True).astype(kind)


def scaled(pixels: Pixels, factor: Fraction | int, rows: int = 1 << 20, method: str = "linear", *, blend: bool = False) -> Pixels:
    return np.concatenate(list(bands(pixels, OpenCvScaler(method), Fraction(factor), rows, blend=blend)))


def grey(*rows: Sequence[int]) -> Pixels:
    return np.array(rows, np.uint8)[:, :, np.newaxis]


def test_the_seeds_vectors() -> None:
    """S1-03."""
    assert scaled(grey([0, 100]), 2)[:, :, 0].tolist() == [[0, 25, 75, 100]] * 2
    expected = [[0, 25, 75, 100], [50, 59, 76, 85], [150, 126, 79, 55], [200, 160, 80, 40]]
    assert scaled(grey([0, 100], [200, 40]), 2)[:, :, 0].tolist() == expected
    colour = np.repeat(grey([0, 100], [200, 40]), 3, axis=2)
    assert scaled(colour, 2)[:, :, 1].tolist() == expected


def test_one_pixel_becomes_four() -> None:
    """S1-03."""
    assert scaled(grey([77]), 2).tolist() == [[[77], [77]], [[77], [77]]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_bands_are_the_whole_picture(method: str, kind: type) -> None:
    pixels = noise((101, 37, 3), kind)
    assert np.array_equal(scaled(pixels, 2, rows=16, method=method), scaled(pixels, 2, method=method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "factor", [Fraction(3, 2), Fraction(5, 4), Fraction(137, 100), Fraction(1, 2), Fraction(2, 3), Fraction(7, 3)]
)
def test_bands_are_the_whole_picture_within_rounding(method: str, factor: Fraction) -> None:
    pixels = noise((201, 57, 3))
    whole, pieces = scaled(pixels, factor, method=method), scaled(pixels, factor, rows=8, method=method)
    assert whole.shape == pieces.shape == (int(201 * factor), int(57 * factor), 3)
    assert np.abs(whole.astype(int) - pieces.astype(int)).max() <= 1


def test_bands_of_what_shines_through_are_the_whole_picture() -> None:
    pixels = noise((64, 48, 4))
    assert np.array_equal(scaled(pixels, 2, rows=8, blend=True), scaled(pixels, 2, blend=True))


def test_what_is_invisible_does_not_bleed() -> None:
    """S1-04 (part: transparency)."""
    red, invisible_green = [255, 0, 0, 255], [0, 255, 0, 0]
    edge = scaled(np.array([[red, invisible_green]], np.uint8), 2, blend=True)
    assert edge[0, :, 3].tolist() == [255, 191, 64, 0]
    assert edge[0, :3, :3].tolist() == [[255, 0, 0]] * 3


def test_nearly_invisible_colours_stay_what_they_are() -> None:
    pixels = np.full((8, 8, 4), (200, 100, 50, 3), np.uint8)
    assert np.array_equal(scaled(pixels, 2, blend=True), np.full((16, 16, 4), (200, 100, 50, 3), np.uint8))


@pytest.mark.parametrize(("factor", "size"), [(2.0, (10, 6)), (1.5, (7, 4)), (0.5, (2, 1)), (1.1, (5, 3))])
def test_what_is_less_than_a_pixel_is_cut_off(factor: float, size: tuple[int, int]) -> None:
    assert Wanted(factor).size(5, 3) == size
    assert scaled(noise((3, 5, 3)), Wanted(factor).ratio).shape == (*size[::-1], 3)
