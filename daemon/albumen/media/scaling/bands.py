"""Scaled rows, band by band: the result is never whole in memory, and the same as if it had been scaled whole.

With the factor p/q, every q rows of the picture are p rows of the result, so bands that begin at a multiple of q meet without a seam;
each is scaled with a margin of rows around it, which is cut off again.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import numpy as np

from albumen.media.scaling.pixels import Pixels, has_alpha
from albumen.ports import Scaler


def bands(pixels: Pixels, scaler: Scaler, factor: Fraction, rows: int, *, blend: bool) -> Iterator[Pixels]:
    """All rows of the result in order: as many as ``rows`` at a time, or a few more where the factor does not divide them.
    ``blend``: colours count as far as they are opaque, so that what is invisible does not bleed into what is not."""
    height = pixels.shape[0]
    p, q = factor.numerator, factor.denominator
    width, left = int(pixels.shape[1] * factor), int(height * factor)
    step = q * max(1, ceil(rows / p))
    around = q * ceil(scaler.margin * max(Fraction(1), 1 / factor) / q)
    for start in range(0, height, step):
        above, below = max(0, start - around), min(height, start + step + around)
        part = pixels[above:below]
        scaled = _blended(part, scaler, factor) if blend and has_alpha(pixels) else scaler.scale(part, factor)
        first = (start - above) * p // q
        taken = min(left, step * p // q)
        if taken:
            yield scaled[first : first + taken, :width]
        left -= taken


def _blended(part: Pixels, scaler: Scaler, factor: Fraction) -> Pixels:
    """Scaled with colours multiplied by their opacity. Where nothing is left to be seen, it is black."""
    full = np.iinfo(part.dtype).max
    plain = part.astype(np.float32)
    plain /= full
    plain[:, :, :-1] *= plain[:, :, -1:]
    scaled = np.clip(scaler.scale(plain, factor), 0, 1)
    alpha = scaled[:, :, -1:]
    np.divide(scaled[:, :, :-1], alpha, out=scaled[:, :, :-1], where=alpha > 0)
    rounded: Pixels = np.rint(np.minimum(scaled, 1) * full).astype(part.dtype)
    return rounded
