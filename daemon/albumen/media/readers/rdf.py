"""XMP's data model (ISO 16684-1, section 6) out of RDF/XML: simple values, arrays and structures of the schemas we read."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.etree import ElementTree as ET

Value: TypeAlias = "str | Sequence[Value] | Mapping[str, Value]"
Properties: TypeAlias = Mapping[str, Value]

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_SPACES = {
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xmp/note/": "xmpNote",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://ns.adobe.com/xmp/sType/Area#": "stArea",
    "http://ns.adobe.com/xap/1.0/sType/Dimensions#": "stDim",
    "http://ns.microsoft.com/photo/1.2/": "MP",
    "http://ns.microsoft.com/photo/1.2/t/RegionInfo#": "MPRI",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://ns.google.com/photos/1.0/camera/": "GCamera",
    "http://ns.google.com/photos/1.0/container/": "Container",
    "http://ns.google.com/photos/1.0/container/item/": "Item",
    "http://ns.adobe.com/hdr-gain-map/1.0/": "hdrgm",
    "http://ns.apple.com/HDRGainMap/1.0/": "HDRGainMap",
}
_DEEP = 8  # structures within structures
_UNREADABLE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class NoXmp(ValueError):
    """The packet is no XML; the message says why."""


def properties(raw: bytes) -> Properties:
    """``prefix:name`` → value, whether written as attributes, elements or lists; {} for an empty packet. ``NoXmp``."""
    data = _xml(raw)
    if not data:
        return {}
    found: dict[str, Value] = {}
    root = _parsed(data)
    top = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
    for description in root.iter(f"{_RDF}Description") if top is None else top:
        for name, value in _members(description, 0).items():
            found.setdefault(name, value)
    return found


def text(found: Properties, name: str) -> str:
    """A simple value, or the first of an array; "" when absent."""
    return next(iter(texts(found, name)), "")


def texts(found: Properties, name: str) -> list[str]:
    """The simple values of a property."""
    return list(_flat(found.get(name, "")))


def structures(value: Value) -> list[Properties]:
    """The structures in an array, or the one that stands alone."""
    if isinstance(value, Mapping):
        return [value]
    return [] if isinstance(value, str) else [one for one in value if isinstance(one, Mapping)]


def _flat(value: Value) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [] if isinstance(value, Mapping) else [text for one in value for text in _flat(one)]


def _xml(raw: bytes) -> bytes:
    """The element, without the packet's wrapper and what some writers leave around it; UTF-16 turned into UTF-8."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.decode("utf-16", "replace").encode()
    elif raw[:4].count(0) == 2:
        raw = raw.decode("utf-16-le" if raw[1] == 0 else "utf-16-be", "replace").encode()
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:  # nothing that XMP needs, and a way to make little text huge
        return b""
    for first, last in ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>")):
        start = raw.find(first)
        end = raw.find(last, start) if start >= 0 else -1
        if end >= 0:
            return raw[start : end + len(last)]
    return raw[max(0, raw.find(b"<")) : raw.rfind(b">") + 1]


def _parsed(data: bytes) -> ET.Element:
    """The tree; some writers leave Latin-1 in what they call UTF-8, or control characters."""
    try:
        return ET.fromstring(data)  # noqa: S314  # no DTD, no entities, in a limited child
    except (ET.ParseError, ValueError, LookupError) as error:
        why = str(error)
    try:
        return ET.fromstring(_UNREADABLE.sub(b" ", data.decode("latin-1").encode()))  # noqa: S314  # as above
    except (ET.ParseError, ValueError, LookupError):
        raise NoXmp(why) from None


def _name(key: str) -> str:
    space, _, name = key[1:].partition("}")
    prefix = _SPACES.get(space)
    return f"{prefix}:{name}" if prefix else ""


def _members(element: ET.Element, depth: int) -> dict[str, Value]:
    """The properties that an rdf:Description, or an element that stands for one, states."""
    found: dict[str, Value] = {}
    for key, plain in element.attrib.items():
        if (name := _name(key)) and plain.strip():
            found.setdefault(name, plain.strip())
    for child in element:
        name = _name(child.tag)
        value = _value(child, depth + 1) if name else ""
        if value:
            found.setdefault(name, value)
    return found


def _value(element: ET.Element, depth: int) -> Value:
    if depth > _DEEP:
        return ""
    for child in element:
        if child.tag in (f"{_RDF}Bag", f"{_RDF}Seq", f"{_RDF}Alt"):
            items = sorted(child, key=lambda one: one.get(_LANG) != "x-default") if child.tag == f"{_RDF}Alt" else child
            return [value for item in items if (value := _value(item, depth + 1))]
        if child.tag == f"{_RDF}Description":
            return _members(child, depth)
        if child.tag == f"{_RDF}value":
            return (child.text or "").strip()
    members = _members(element, depth)
    return members or (element.text or element.get(f"{_RDF}resource") or "").strip()
