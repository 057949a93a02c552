"""OpenCV: scales pixels, and decodes what Pillow would cut to 8 bits. The only module that imports it."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from albumen.errors import Rejected
from albumen.media.scaling.wanted import METHODS

if TYPE_CHECKING:
    from albumen.media.scaling.pixels import Pixels


class OpenCvScaler:
    """The default ``Scaler``: "linear" (as asked for by default), "cubic", "lanczos", or "area", which is right for making smaller."""

    margin: int = 8

    def __init__(self, method: str = "") -> None:
        if method and method not in METHODS:
            raise ValueError(f"method: there is no '{method}'; there are: {', '.join(METHODS)}")
        self._cv2 = _opencv()
        self._how = getattr(self._cv2, METHODS[method or "linear"])

    def scale(self, pixels: "Pixels", factor: Fraction) -> "Pixels":
        """See ``Scaler``."""
        scaled: Pixels = self._cv2.resize(pixels, None, fx=float(factor), fy=float(factor), interpolation=self._how)
        return scaled.reshape((*scaled.shape[:2], pixels.shape[2]))


def decode(data: bytes) -> "Pixels":
    """A PNG, TIFF or JPEG 2000 with all its bits: grey, RGB or RGBA, as stored. ``Rejected`` when it cannot be read."""
    import numpy as np

    cv2 = _opencv()
    found: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None:
        raise Rejected("its pixels cannot be decoded: it is broken, or written in an unusual way")
    if found.ndim == 2:
        return found[:, :, np.newaxis]
    turned: Pixels = cv2.cvtColor(found, cv2.COLOR_BGR2RGB if found.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    return turned


def _opencv() -> Any:
    import cv2

    cv2.setNumThreads(1)  # there is one process for each core already
    return cv2
