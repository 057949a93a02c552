"""Points on the earth as files write them; a point that cannot be is told, never kept."""

import math
import re

from albumen.media.readers.draft import Draft
from albumen.model import Position


def place(
    draft: Draft,
    lat: float | None,
    lon: float | None,
    alt: float | None = None,
    *,
    direction: float | None = None,
    what: str = "GPS",
) -> None:
    """Keep the position in degrees unless it is half, 0/0 or off the globe; the first one stands.

    ``direction`` is where the camera looked to, in degrees; one beyond a full circle is none.
    """
    if draft.position is not None or (lat is None and lon is None):
        return
    if lat is None or lon is None:
        draft.tell(f"{what} position not used: it has only the {'longitude' if lat is None else 'latitude'}")
    elif not (math.isfinite(lat) and math.isfinite(lon) and -90 <= lat <= 90 and -180 <= lon <= 180):
        draft.tell(f"{what} position not used: {lat:g}, {lon:g} is not on the globe")
    elif lat == 0 and lon == 0:
        draft.tell(f"{what} position not used: 0, 0 is what a receiver without a fix writes")
    else:
        high = round(alt, 2) if alt is not None and math.isfinite(alt) and -12_000 <= alt <= 100_000 else None
        way = round(direction % 360, 2) if direction is not None and 0 <= direction <= 360 else None
        draft.position = Position(round(lat, 7), round(lon, 7), high, way)


# the standard wants leading zeros; some phones leave them away before degrees
_ISO6709 = re.compile(
    r"^([+-](?:\d{6}|\d{4}|\d{1,2})(?:\.\d+)?)([+-](?:\d{7}|\d{5}|\d{1,3})(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?", re.ASCII
)


def iso6709(draft: Draft, value: str) -> None:
    """``+46.5197+006.6323+372.0/`` (ISO 6709, degrees with any of minutes and seconds run together)."""
    match = _ISO6709.match(value)
    if match:
        alt = float(match[3]) if match[3] else None
        place(draft, _joined(match[1], 2), _joined(match[2], 3), alt)


def _joined(text: str, digits: int) -> float:
    whole, dot, rest = text[1:].partition(".")
    degrees, more = float(whole[:digits]), whole[digits:]
    if len(more) == 2:
        degrees += float(more + dot + rest) / 60
    elif len(more) == 4:
        degrees += float(more[:2]) / 60 + float(more[2:] + dot + rest) / 3600
    else:
        degrees = float(whole + dot + rest)
    return -degrees if text[0] == "-" else degrees
