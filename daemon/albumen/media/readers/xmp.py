"""XMP packets (ISO 16684-1), embedded or as a sidecar: dates, position, camera, exposure, what people entered, and what phones mark."""

import re
from collections.abc import Mapping

from albumen.media.readers import rdf, regions
from albumen.media.readers.draft import Draft
from albumen.media.readers.positions import place
from albumen.media.readers.rdf import Properties, text, texts

_DATES = (("DateTimeOriginal", "exif"), ("DateCreated", "photoshop"), ("CreateDate", "xmp"))
_MOST = 8 << 20


def packet(draft: Draft, raw: bytes) -> None:
    """Read one packet; one that is no XML is told."""
    if not draft.another():
        return
    try:
        found = rdf.properties(raw[:_MOST])
    except rdf.NoXmp as error:
        draft.tell(f"XMP not read: {error}")
        return
    for name, space in _DATES:
        draft.stamp(f"xmp:{name}", text(found, f"{space}:{name}"))
    _position(draft, found)
    _entries(draft, found)
    _camera(draft, found)
    _phone(draft, found)
    regions.marked(draft, found)


def _entries(draft: Draft, found: Properties) -> None:
    draft.say("title", "xmp", text(found, "dc:title"))
    draft.say("title", "note", text(found, "photoshop:Headline"))
    draft.say("description", "xmp", text(found, "dc:description"))
    draft.say("description", "note", text(found, "exif:UserComment"))
    leaves = [
        one.replace("|", "/").rpartition("/")[2]
        for one in (*texts(found, "digiKam:TagsList"), *texts(found, "lr:hierarchicalSubject"))
    ]
    words = texts(found, "dc:subject") or leaves or texts(found, "MicrosoftPhoto:LastKeywordXMP")
    draft.keywords.setdefault("xmp", []).extend(word.strip() for word in words if word.strip())
    rating = text(found, "xmp:Rating")
    if re.fullmatch(r"\d(\.0*)?", rating) and 1 <= float(rating) <= 5:  # xmp:Rating before the rating that Windows keeps in EXIF
        draft.rated = draft.rated or int(float(rating))


def _camera(draft: Draft, found: Properties) -> None:
    draft.make = draft.make or text(found, "tiff:Make")
    draft.model = draft.model or text(found, "tiff:Model")
    draft.lens = draft.lens or text(found, "exifEX:LensModel") or text(found, "aux:Lens")
    draft.serial = draft.serial or text(found, "exifEX:BodySerialNumber") or text(found, "aux:SerialNumber")
    turn = text(found, "tiff:Orientation")
    if re.fullmatch(r"[1-8]", turn):
        draft.hinted = draft.hinted or int(turn)
    iso = text(found, "exifEX:PhotographicSensitivity") or text(found, "exif:ISOSpeedRatings")
    flash = found.get("exif:Flash")
    fired = text(flash, "exif:Fired").lower() if isinstance(flash, Mapping) else ""
    draft.light(
        time=positive(_ratio(text(found, "exif:ExposureTime"))),
        aperture=positive(_ratio(text(found, "exif:FNumber"))),
        iso=int(iso) if re.fullmatch(r"[1-9]\d{0,7}", iso) else None,
        focal=positive(_ratio(text(found, "exif:FocalLength"))),
        focal_35=positive(_ratio(text(found, "exif:FocalLengthIn35mmFilm"))),
        bias=_ratio(text(found, "exif:ExposureBiasValue")),
        flash={"true": True, "false": False}.get(fired),
    )


def positive(value: float | None) -> float | None:
    """The value when it measures something; 0 stands for "not known"."""
    return value if value is not None and value > 0 else None


def _ratio(value: str) -> float | None:
    match = re.fullmatch(r"([+-]?\d{1,12}(?:\.\d{1,12})?)(?:/(\d{1,12}))?", value)
    if not match or (match[2] and not int(match[2])):
        return None
    return round(float(match[1]) / int(match[2] or 1), 7)


def _phone(draft: Draft, found: Properties) -> None:
    """Marks of phones: burst, a video behind the picture (Google's Motion Photo format 1.0 and its forerunner), gain maps."""
    draft.burst = draft.burst or text(found, "GCamera:BurstID")
    behind = text(found, "GCamera:MicroVideoOffset") or text(found, "GCamera:MotionPhotoOffset")
    if text(found, "GCamera:MicroVideo") in ("", "1"):
        draft.behind = draft.behind or _count(behind) or None
    _directory(draft, found)
    if text(found, "hdrgm:Version") or text(found, "HDRGainMap:HDRGainMapVersion"):
        draft.hdr = draft.hdr or "gain map"


def _directory(draft: Draft, found: Properties) -> None:
    """The items of one file, which follow one another up to its end; the first is the picture itself."""
    items = [one.get("Container:Item", one) for one in rdf.structures(found.get("Container:Directory", ""))]
    rows = [one for one in items if isinstance(one, Mapping)]
    sizes = [_count(text(one, "Item:Length")) + _count(text(one, "Item:Padding")) for one in rows]
    for at, one in enumerate(rows):
        meaning, length = text(one, "Item:Semantic"), _count(text(one, "Item:Length"))
        if meaning == "MotionPhoto" and length:
            draft.behind = draft.behind or length + sum(sizes[at + 1 :])
        elif meaning == "GainMap":
            draft.hdr = draft.hdr or "gain map"


def _count(value: str) -> int:
    return int(value) if re.fullmatch(r"[0-9]{1,15}", value) else 0


_GPS = re.compile(r"^(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW]?)$")


def _position(draft: Draft, found: Properties) -> None:
    lat = _degrees(text(found, "exif:GPSLatitude"))
    lon = _degrees(text(found, "exif:GPSLongitude"))
    high = _ratio(text(found, "exif:GPSAltitude"))
    below = text(found, "exif:GPSAltitudeRef") in ("1", "3")
    alt = -high if high is not None and below else high
    place(draft, lat, lon, alt, direction=_ratio(text(found, "exif:GPSImgDirection")), what="XMP GPS")


def _degrees(value: str) -> float | None:
    match = _GPS.match(value.upper())
    if not match:
        return None
    degrees = float(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return -degrees if match[4] in ("S", "W") else degrees
