"""XMP packets (ISO 16684-1), embedded or as a sidecar: dates, position, title, description, rating, tags, content identifier."""

import re
from xml.etree import ElementTree as ET

from albumen.media.readers.draft import Draft
from albumen.media.readers.positions import place

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SPACES = {
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://www.digikam.org/ns/1.0/": "digiKam",
}
_DATES = (("DateTimeOriginal", "exif"), ("DateCreated", "photoshop"), ("CreateDate", "xmp"))
_MOST = 8 << 20


def packet(draft: Draft, raw: bytes) -> None:
    """Read one packet; one that is no XML is told."""
    found = _properties(draft, raw[:_MOST])
    for name, space in _DATES:
        for value in found.get(f"{space}:{name}", ())[:1]:
            draft.stamp(f"xmp:{name}", value)
    _position(draft, found)
    _entries(draft, found)


def _entries(draft: Draft, found: dict[str, list[str]]) -> None:
    draft.title = draft.title or _first(found, "dc:title")
    draft.description = draft.description or _first(found, "dc:description")
    draft.tags += found.get("dc:subject", [])
    rating = _first(found, "xmp:Rating")
    if draft.rating is None and re.fullmatch(r"-?\d(\.0*)?", rating) and 1 <= float(rating) <= 5:
        draft.rating = int(float(rating))
    draft.make = draft.make or _first(found, "tiff:Make")
    draft.model = draft.model or _first(found, "tiff:Model")


def _first(found: dict[str, list[str]], name: str) -> str:
    return found.get(name, [""])[0]


def _properties(draft: Draft, raw: bytes) -> dict[str, list[str]]:
    """``prefix:name`` → values, of the schemas we read, whether written as attributes, elements or lists."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.decode("utf-16", "replace").encode()
    start, end = raw.find(b"<"), raw.rfind(b">")
    data = raw[start : end + 1]
    if not data or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return {}
    root = _parsed(draft, data)
    if root is None:
        return {}
    found: dict[str, list[str]] = {}
    for description in root.iter(f"{_RDF}Description"):
        for key, value in description.attrib.items():
            _keep(found, key, [value])
        for child in description:
            items = [item.text or "" for item in child.iter(f"{_RDF}li")]
            _keep(found, child.tag, items or [child.text or ""])
    return found


def _parsed(draft: Draft, data: bytes) -> ET.Element | None:
    """The tree; some writers leave Latin-1 in what they call UTF-8."""
    for text in (data, data.decode("latin-1").encode()):
        try:
            return ET.fromstring(text)  # noqa: S314  # no DTD, no entities, in a limited child
        except (ET.ParseError, ValueError, LookupError) as error:
            why = str(error)
    draft.tell(f"XMP not read: {why}")
    return None


def _keep(found: dict[str, list[str]], key: str, values: list[str]) -> None:
    space, _, name = key[1:].partition("}")
    prefix = _SPACES.get(space)
    clean = [value.strip() for value in values if value.strip()]
    if prefix and clean:
        found.setdefault(f"{prefix}:{name}", clean)


_GPS = re.compile(r"^(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW]?)$")


def _position(draft: Draft, found: dict[str, list[str]]) -> None:
    lat = _degrees(_first(found, "exif:GPSLatitude"))
    lon = _degrees(_first(found, "exif:GPSLongitude"))
    high = re.fullmatch(r"(-?\d+)(?:/(\d+))?", _first(found, "exif:GPSAltitude"))
    alt = None
    if high and float(high[2] or 1):
        alt = float(high[1]) / float(high[2] or 1) * (-1 if _first(found, "exif:GPSAltitudeRef") == "1" else 1)
    place(draft, lat, lon, alt, what="XMP GPS")


def _degrees(value: str) -> float | None:
    match = _GPS.match(value.upper())
    if not match:
        return None
    degrees = float(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return -degrees if match[4] in ("S", "W") else degrees
