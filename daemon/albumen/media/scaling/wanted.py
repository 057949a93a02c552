"""What is asked of one picture, and what came of it. No pixels, no libraries."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from albumen.errors import Rejected

EXTENSIONS: Mapping[str, str] = MappingProxyType({"png": "png", "jpeg": "jpg", "webp": "webp", "tiff": "tif"})
# What OpenCV calls them
METHODS: Mapping[str, str] = MappingProxyType(
    {"linear": "INTER_LINEAR", "cubic": "INTER_CUBIC", "lanczos": "INTER_LANCZOS4", "area": "INTER_AREA"}
)
FORMATS = ("same", *EXTENSIONS)
RESERVED = 512 << 20  # bytes of address space that the program and its libraries take
_FINEST = 1000  # factors are taken to a thousandth


@dataclass(frozen=True, slots=True)
class Wanted:
    """``method`` is the scaler's own word, "" its default. ``quality`` 1–100 (JPEG, WebP), ``compression`` 0–9 (PNG, TIFF).
    ``memory``: bytes for pixels and what they are made of."""

    factor: float = 2.0
    scaler: str = "opencv"
    method: str = "linear"
    format: str = "png"
    quality: int = 92
    compression: int = 1
    memory: int = 2 << 30

    @property
    def ratio(self) -> Fraction:
        """The factor as it is used."""
        return Fraction(self.factor).limit_denominator(_FINEST)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size of the result; what is less than a pixel is cut off. ``Rejected`` when nothing is left."""
        scaled = int(width * self.ratio), int(height * self.ratio)
        if min(scaled) < 1:
            raise Rejected(f"{width} × {height} pixels times {self.factor:g} would be no picture any more")
        return scaled


@dataclass(frozen=True, slots=True)
class Origin:
    """What the result is made of: its record, the name it had, its content."""

    id: str
    name: str
    sha256: str


def type_of(format: str, type: str) -> str:
    """The type of the result: as asked, or that of the picture where we write it, else PNG, which keeps everything."""
    if format != "same":
        return format
    found = "jpeg" if type == "mpo" else type
    return found if found in EXTENSIONS else "png"
