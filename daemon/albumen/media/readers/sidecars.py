"""Sidecars: XMP files, Google's Takeout JSON, Apple's AAE."""

import json
import math
from datetime import UTC, datetime

from albumen.errors import Rejected
from albumen.media.readers import xmp
from albumen.media.readers.draft import Draft
from albumen.media.readers.positions import place
from albumen.media.readers.window import Window

_MOST = 16 << 20
_PEOPLE, _NAME = 5000, 1000  # people, and characters of a name, that are kept


def read(draft: Draft, window: Window, role: str) -> None:
    """Fill ``draft`` from a sidecar of that role; an AAE tells nothing that we use."""
    if window.size > _MOST:
        raise Rejected(f"a sidecar of {window.size >> 20} MiB is none")
    if role == "xmp":
        xmp.packet(draft, window.at(0, _MOST))
    elif role == "json":
        _takeout(draft, window.at(0, _MOST))


def _takeout(draft: Draft, raw: bytes) -> None:
    try:
        found = json.loads(raw)
    except RecursionError:
        raise Rejected("Takeout JSON not read: its brackets are nested too deeply") from None
    except ValueError as error:
        raise Rejected(f"Takeout JSON not read: {error}") from None
    if not isinstance(found, dict):
        raise Rejected("Takeout JSON not read: it is no object")
    seconds = _dict(found.get("photoTakenTime")).get("timestamp")
    if isinstance(seconds, str | int):
        try:
            when = datetime.fromtimestamp(int(seconds), UTC)
            draft.stamp("takeout:photoTakenTime", when.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))
        except (ValueError, OverflowError, OSError):
            draft.tell("Takeout date not used: it is no time")
    for name in ("geoData", "geoDataExif"):
        spot = _dict(found.get(name))
        lat, lon, alt = (spot.get(key) for key in ("latitude", "longitude", "altitude"))
        if isinstance(lat, int | float) and isinstance(lon, int | float) and (lat or lon):
            place(
                draft,
                _degrees(lat),
                _degrees(lon),
                _degrees(alt) if isinstance(alt, int | float) and alt else None,
                what="Takeout",
            )
    persons = found.get("people")
    names = (_dict(one).get("name") for one in persons[:_PEOPLE]) if isinstance(persons, list) else ()
    draft.people += [name.strip()[:_NAME] for name in names if isinstance(name, str) and name.strip()]
    words = found.get("description")
    draft.description = words.strip() if isinstance(words, str) else ""


def _degrees(value: float) -> float:
    """JSON's whole numbers have no end, those of a globe do."""
    return float(value) if abs(value) < 1e9 else math.inf


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
