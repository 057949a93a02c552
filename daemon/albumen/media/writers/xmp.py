"""Entries into an XMP packet (ISO 16684-1), new or merged: only the properties that change are touched, all other bytes stay.

The packet is not parsed into a tree and written again, which would lose prefixes, comments and order: the places of the properties are
found (expat, no DTD, no entities), cut out, and what shall stand there is put at the end in a description of its own.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import escape

from albumen.errors import Rejected
from albumen.media.readers import rdf
from albumen.media.readers.draft import as_shown
from albumen.media.writers.entries import Entries
from albumen.model import Region

FIELDS = ("title", "description", "rating", "tags", "people", "faces")
_MOST = 8 << 20
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_LR = "http://ns.adobe.com/lightroom/1.0/"
_DIGIKAM = "http://www.digikam.org/ns/1.0/"
_MICROSOFT = "http://ns.microsoft.com/photo/1.0/"
_MP = "http://ns.microsoft.com/photo/1.2/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
_AREA = "http://ns.adobe.com/xmp/sType/Area#"
_DIM = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_REFERENCE = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_PREFIXES = {
    _DC: "dc", _XMP: "xmp", _LR: "lr", _DIGIKAM: "digiKam", _MICROSOFT: "MicrosoftPhoto", _IPTC: "Iptc4xmpExt",
    _REGIONS: "mwg-rs", _AREA: "stArea", _DIM: "stDim", _TIFF: "tiff", _MM: "xmpMM",
    _REFERENCE: "stRef",
}  # fmt: skip
_PERCENT = {1: 1, 2: 25, 3: 50, 4: 75, 5: 99}  # Windows' rating
_ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
_END = b'<?xpacket end="w"?>'

Name = tuple[str, str]  # namespace, local name
_Edit = tuple[int, int, bytes]  # from, to, what stands there instead


@dataclass(frozen=True, slots=True)
class Frame:
    """What regions are measured by: the size of the picture as stored, and its EXIF orientation."""

    width: int = 0
    height: int = 0
    orientation: int = 1


@dataclass(slots=True)
class _Property:
    """A property of the picture: where it stands. ``description`` is the number of the rdf:Description it stands in."""

    name: Name
    start: int
    end: int
    description: int


@dataclass(slots=True)
class _Description:
    start: int
    tag_end: int
    end: int = 0
    others: int = 0  # attributes that are no namespace and no rdf:about
    children: int = 0


@dataclass
class _Places:
    """Where things stand in a packet."""

    data: bytes
    prefix: str = "rdf"
    about: str = ""
    tag_end: int = 0  # of <rdf:RDF>
    close: int = 0  # where </rdf:RDF> begins; equal to its own start when it is <rdf:RDF/>
    closed: bool = False
    tag: bytes = b""
    descriptions: list[_Description] = field(default_factory=list)
    properties: list[_Property] = field(default_factory=list)
    regions: list[tuple[int, int]] = field(default_factory=list)  # the items of the first mwg-rs:RegionList
    regions_end: int = 0  # where its array is closed


def new(wanted: Entries, frame: Frame = Frame(), *, told_alone: bool = True) -> bytes:  # frozen
    """A whole packet of its own. ``told_alone``: for a sidecar, which must tell the orientation that its regions need."""
    head = '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="albumen">\n <rdf:RDF xmlns:rdf="' + _RDF + '">\n'
    inner = _description(_texts(wanted, FIELDS, _Old(), frame, told_alone=told_alone), "rdf", "")
    return _BEGIN + head.encode() + inner + b" </rdf:RDF>\n</x:xmpmeta>\n" + _END + b"\n"


def merged(
    raw: bytes,
    wanted: Entries,
    names: Collection[str] = FIELDS,
    frame: Frame = Frame(),  # frozen
    *,
    told_alone: bool = False,
) -> bytes:
    """The packet (with whatever is around it) with those fields as wanted. ``Rejected`` when it is no XMP that can be kept."""
    raw = _utf8(raw)
    start, end = raw.find(b"<"), raw.rfind(b">") + 1
    if start < 0 or end <= start:
        raise Rejected("its XMP is empty or no XML")
    places = _places(raw[start:end])
    return raw[:start] + _merged(places, wanted, names, frame, told_alone=told_alone) + raw[end:]


def changed(raw: bytes, gone: Callable[[Name], bool], texts: Sequence[str]) -> bytes:
    """The packet without those properties, and with those of ``texts``: each its XML, with the prefix ``rdf`` and those of this
    module. ``Rejected`` as ``merged``."""
    raw = _utf8(raw)
    start, end = raw.find(b"<"), raw.rfind(b">") + 1
    if start < 0 or end <= start:
        raise Rejected("its XMP is empty or no XML")
    return raw[:start] + _edited(_places(raw[start:end]), gone, texts, []) + raw[end:]


def padded(packet: bytes, size: int) -> bytes:
    """The packet with exactly so much padding that it has this size; ``ValueError`` when it is larger without any."""
    core = re.sub(rb"\s+(?=<\?xpacket end)", b"\n", packet).rstrip(b" \t\r\n\0")
    at = core.rfind(b"<?xpacket end")
    room = size - len(core)
    if room < 0:
        raise ValueError(size)
    line = b" " * 99 + b"\n"
    blank = (line * (room // 100 + 1))[:room]
    return core[:at] + blank + core[at:] if at > 0 else core + blank


def bare_size(packet: bytes) -> int:
    """Its size without padding."""
    return len(re.sub(rb"\s+(?=<\?xpacket end)", b"\n", packet).rstrip(b" \t\r\n\0"))


# ---------------------------------------------------------------------------------------------------------------- merging


def _merged(places: _Places, wanted: Entries, names: Collection[str], frame: Frame, *, told_alone: bool) -> bytes:
    old = _old(places.data)
    texts = _texts(wanted, names, old, frame, told_alone=told_alone)
    gone = _gone(wanted, names, old)
    edits: list[_Edit] = []
    if "faces" in names and places.regions:  # items of other kinds than faces stay where they are
        texts = [one for one in texts if not one.startswith("   <mwg-rs:Regions")]
        gone -= {(_REGIONS, "Regions")}
        edits += _region_edits(places, old.faces, wanted, frame)
    return _edited(places, gone.__contains__, texts, edits)


def _edited(places: _Places, gone: Callable[[Name], bool], texts: Sequence[str], edits: list[_Edit]) -> bytes:
    """The packet without what is gone, with ``texts`` in a description of their own, and with other edits."""
    left = {at: one.children for at, one in enumerate(places.descriptions)}
    others = {at: one.others for at, one in enumerate(places.descriptions)}
    cut: list[tuple[int, int, int]] = []
    for one in places.properties:
        if gone(one.name):
            is_child = one.start >= places.descriptions[one.description].tag_end
            (left if is_child else others)[one.description] -= 1
            cut.append((one.start, _with_blank(places.data, one.start, one.end) if is_child else one.end, one.description))
    empty = {at for at in left if {one[2] for one in cut} >= {at} and not left[at] and not others[at]}
    edits += [(start, end, b"") for start, end, at in cut if at not in empty]
    edits += [
        (places.descriptions[at].start, _with_blank(places.data, places.descriptions[at].start, places.descriptions[at].end), b"")
        for at in empty
    ]
    if texts:
        inner = _description(texts, places.prefix, places.about)
        if places.closed:
            tag = places.tag[:-2].rstrip() + b">"
            edits.append(
                (places.close, places.close + len(places.tag), tag + inner + f"</{_qualified(places.prefix, 'RDF')}>".encode())
            )
        else:
            edits.append((places.close, places.close, inner))
    data = places.data
    for start, end, put in sorted(edits, reverse=True):
        data = data[:start] + put + data[end:]
    return data


def _with_blank(data: bytes, start: int, end: int) -> int:
    """The end of an element with the line end behind it, where it stands on a line of its own."""
    before = data[:start].rstrip(b" \t")
    match = re.compile(rb"[ \t]*\r?\n[ \t]*").match(data, end)
    return match.end() if match and before.endswith((b"\n", b">")) else end


@dataclass(slots=True)
class _Old:
    """What the packet says now, as far as it is kept beside what is written."""

    found: rdf.Properties = field(default_factory=dict)
    alternatives: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # property → (language, text)
    faces: list[bool] = field(default_factory=list)  # which items of the RegionList are faces


def _old(data: bytes) -> _Old:
    try:
        old = _Old(rdf.properties(data))
        root = ET.fromstring(data)  # noqa: S314  # it was looked through by expat: no DTD, no entities
    except (rdf.NoXmp, ET.ParseError) as error:
        raise Rejected(f"its XMP cannot be read ({error}), so it is left as it is") from None
    for name in ("title", "description"):
        for alt in root.findall(f".//{{{_DC}}}{name}/{{{_RDF}}}Alt"):
            items = [(one.get(_LANG, "x-default"), "".join(one.itertext()).strip()) for one in alt]
            old.alternatives.setdefault(name, items)
    for kind in ("Bag", "Seq"):
        regions = root.find(f".//{{{_REGIONS}}}RegionList/{{{_RDF}}}{kind}")
        if regions is not None:
            old.faces = [_is_face(one) for one in regions]
    return old


def _is_face(item: ET.Element) -> bool:
    for one in item.iter():
        kind = one.text if one.tag == f"{{{_REGIONS}}}Type" else one.get(f"{{{_REGIONS}}}Type")
        if kind is not None:
            return kind.strip() in ("Face", "")
    return True


def _gone(wanted: Entries, names: Collection[str], old: _Old) -> set[Name]:
    """The properties that do not stay as they are."""
    found: set[Name] = set()
    for name, space, spare in (("title", _DC, (_PHOTOSHOP, "Headline")), ("description", _DC, (_EXIF, "UserComment"))):
        if name in names:
            found |= {(space, name)} | ({spare} if getattr(wanted, name) is None else set())
    if "rating" in names:
        found |= {(_XMP, "Rating"), (_MICROSOFT, "Rating")}
    if "tags" in names:
        found |= {(_DC, "subject"), (_MICROSOFT, "LastKeywordXMP")}
        found |= {name for name, kept in _paths(wanted, old) if kept is not None}
    if "people" in names:
        found.add((_IPTC, "PersonInImage"))
    if "faces" in names:
        found |= {(_REGIONS, "Regions"), (_MP, "RegionInfo")}
    return found


def _paths(wanted: Entries, old: _Old) -> list[tuple[Name, list[str] | None]]:
    """The lists of hierarchical tags, without those whose last part is no tag any more; None = it stays as it is."""
    answer: list[tuple[Name, list[str] | None]] = []
    for name, key in (((_LR, "hierarchicalSubject"), "lr:hierarchicalSubject"), ((_DIGIKAM, "TagsList"), "digiKam:TagsList")):
        now = rdf.texts(old.found, key)
        kept = [one for one in now if one.replace("|", "/").rpartition("/")[2].strip() in wanted.tags]
        answer.append((name, kept if kept != now else None))
    return answer


def _texts(wanted: Entries, names: Collection[str], old: _Old, frame: Frame, *, told_alone: bool) -> list[str]:
    """The properties to be written, each as its XML with the prefix ``rdf``."""
    said = [(name, getattr(wanted, name)) for name in ("title", "description") if name in names]
    found = [_alternatives(name, value, old.alternatives.get(name, [])) for name, value in said if value is not None]
    if "rating" in names and wanted.rating is not None:
        found.append(f"   <xmp:Rating>{wanted.rating}</xmp:Rating>\n")
        if "MicrosoftPhoto:Rating" in old.found:
            found.append(f"   <MicrosoftPhoto:Rating>{_PERCENT[wanted.rating]}</MicrosoftPhoto:Rating>\n")
    if "tags" in names:
        found += _array("dc:subject", wanted.tags)
        if "MicrosoftPhoto:LastKeywordXMP" in old.found:
            found += _array("MicrosoftPhoto:LastKeywordXMP", wanted.tags)
        for (space, name), kept in _paths(wanted, old):
            found += _array(f"{_PREFIXES[space]}:{name}", kept or ())
    if "people" in names:
        found += _array("Iptc4xmpExt:PersonInImage", wanted.people)
    if "faces" in names and wanted.faces:
        found.append(_regions(wanted, frame))
        if told_alone and frame.orientation > 1 and "tiff:Orientation" not in old.found:
            found.append(f"   <tiff:Orientation>{frame.orientation}</tiff:Orientation>\n")
    return found


def _description(texts: Sequence[str], prefix: str, about: str) -> bytes:
    """A description that holds these properties, with the prefixes it needs."""
    joined = "".join(texts)
    spaces = [
        f'\n    xmlns:{short}="{space}"' for space, short in _PREFIXES.items() if f"{short}:" in re.sub(r">[^<]*<", "><", joined)
    ]
    rdf_name = _qualified(prefix, "")
    quoted = escape(about, {'"': "&quot;"})
    text = f'  <rdf:Description rdf:about="{quoted}"{"".join(spaces)}>\n{joined}  </rdf:Description>\n'
    if prefix != "rdf":
        text = re.sub(r"(</?|\s)rdf:(?=[A-Za-z]+[\s=>/])(?=[^<]*>)", lambda match: match[1] + rdf_name, text)
    return text.encode()


def _qualified(prefix: str, name: str) -> str:
    return f"{prefix}:{name}" if prefix else name


def _array(name: str, values: Sequence[str]) -> list[str]:
    if not values:
        return []
    items = "".join(f"     <rdf:li>{quoted(one)}</rdf:li>\n" for one in values)
    return [f"   <{name}>\n    <rdf:Bag>\n{items}    </rdf:Bag>\n   </{name}>\n"]


def _alternatives(name: str, value: str, before: Sequence[tuple[str, str]]) -> str:
    """A language alternative: what is entered is the default; other languages stay unless they only repeated the old default."""
    default = next((text for language, text in before if language == "x-default"), None)
    others = [(language, text) for language, text in before if language != "x-default" and text != default]
    items = "".join(
        f'     <rdf:li xml:lang="{escape(one)}">{quoted(text)}</rdf:li>\n' for one, text in (("x-default", value), *others)
    )
    return f"   <dc:{name}>\n    <rdf:Alt>\n{items}    </rdf:Alt>\n   </dc:{name}>\n"


def quoted(value: str) -> str:
    """A text as it stands in XML."""
    return escape(value, {"\r": "&#xD;"})


# ---------------------------------------------------------------------------------------------------------------- regions


def _regions(wanted: Entries, frame: Frame) -> str:
    size = ""
    if frame.width and frame.height:
        size = f'    <mwg-rs:AppliedToDimensions stDim:w="{frame.width}" stDim:h="{frame.height}" stDim:unit="pixel"/>\n'
    items = "".join(_region(one, frame, bare=True) for one in wanted.faces)
    inner = f"{size}    <mwg-rs:RegionList>\n     <rdf:Bag>\n{items}     </rdf:Bag>\n    </mwg-rs:RegionList>\n"
    return f'   <mwg-rs:Regions rdf:parseType="Resource">\n{inner}   </mwg-rs:Regions>\n'


def _region(one: Region, frame: Frame, *, bare: bool) -> str:
    """One face, measured on the picture as stored (MWG Guidelines 2.0, section 5.9)."""
    kept = as_shown(one, {6: 8, 8: 6}.get(frame.orientation, frame.orientation))
    spaces = "" if bare else f' xmlns:mwg-rs="{_REGIONS}" xmlns:stArea="{_AREA}"'
    parts = " ".join(
        f'stArea:{name}="{value:.9g}"' for name, value in zip("xywh", (kept.x, kept.y, kept.width, kept.height), strict=True)
    )
    name = f"<mwg-rs:Name>{quoted(one.name)}</mwg-rs:Name>" if one.name else ""
    area = f'<mwg-rs:Area {parts} stArea:unit="normalized"/>'
    return f'      <rdf:li{spaces} rdf:parseType="Resource">{area}{name}<mwg-rs:Type>Face</mwg-rs:Type></rdf:li>\n'


def _region_edits(places: _Places, faces: Sequence[bool], wanted: Entries, frame: Frame) -> list[_Edit]:
    """Faces out of the list, the wanted ones in; pets, foci and codes stay."""
    edits = [(start, end, b"") for (start, end), is_face in zip(places.regions, faces, strict=False) if is_face]
    items = "".join(_region(one, frame, bare=False) for one in wanted.faces)
    if places.prefix != "rdf":
        items = re.sub(r"(</?|\s)rdf:(?=(?:li|parseType)[\s=>])", lambda match: match[1] + _qualified(places.prefix, ""), items)
    return [*edits, (places.regions_end, places.regions_end, items.encode())]


# ---------------------------------------------------------------------------------------------------------------- looking


def _utf8(raw: bytes) -> bytes:
    """The packet in UTF-8, without a byte order mark before it."""
    if len(raw) > _MOST:
        raise Rejected(f"its XMP is larger than {_MOST >> 20} MiB")
    wide = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}.get(raw[:2])
    if wide is None and raw[:4].count(0) == 2:
        wide = "utf-16-le" if raw[1] == 0 else "utf-16-be"
    if wide is None:
        return raw
    try:
        text = raw.decode(wide)
    except UnicodeDecodeError as error:
        raise Rejected(f"its XMP is no text: {error}") from None
    return re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>\s*", "", text).encode()


def _places(data: bytes) -> _Places:
    looker = _Looker(data)
    parser = looker.parser
    try:
        parser.Parse(data, True)  # noqa: FBT003  # expat's own signature
    except expat.ExpatError as error:
        raise Rejected(f"its XMP is not well-formed ({error}), so it is left as it is") from None
    if not looker.places.tag:
        raise Rejected("its XMP has no rdf:RDF, so it is left as it is")
    return looker.places


class _Looker:
    """Follows the elements of a packet and notes where they stand."""

    def __init__(self, data: bytes) -> None:
        self.places = _Places(data)
        self._stack: list[tuple[Name, int]] = []
        self._spaces: dict[str, list[str]] = {"": [""], "xml": ["http://www.w3.org/XML/1998/namespace"]}
        self._ends: list[Callable[[int, int], None] | None] = []
        self.parser = expat.ParserCreate("utf-8", "\n")
        self.parser.namespace_prefixes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartNamespaceDeclHandler = lambda prefix, uri: self._spaces.setdefault(prefix or "", []).append(uri or "")
        self.parser.EndNamespaceDeclHandler = lambda prefix: self._spaces[prefix or ""].pop()
        self.parser.StartDoctypeDeclHandler = _refuse
        self.parser.EntityDeclHandler = _refuse

    def _start(self, full: str, _attributes: object) -> None:
        space, _, rest = full.partition("\n") if "\n" in full else ("", "", full)
        local, _, prefix = rest.partition("\n")
        at, name = self.parser.CurrentByteIndex, (space, local)
        tag_end = self._tag_end(at)
        self._ends.append(self._note(name, prefix, at, tag_end))
        self._stack.append((name, at))
        if len(self._stack) > 200:
            raise Rejected("its XMP is nested too deeply")

    def _end(self, _full: str) -> None:
        _, start = self._stack.pop()
        note = self._ends.pop()
        at = self.parser.CurrentByteIndex
        tag_end = self._tag_end(start)
        empty = self.places.data[tag_end - 2 : tag_end] == b"/>"  # then ``at`` is behind it
        if note is not None:
            note(start if empty else at, tag_end if empty else self.places.data.index(b">", at) + 1)

    def _note(self, name: Name, prefix: str, at: int, tag_end: int) -> Callable[[int, int], None] | None:
        places, depth = self.places, len(self._stack)
        above = [one for one, _ in self._stack]
        if name == (_RDF, "RDF") and not places.tag:
            places.prefix, places.tag_end, places.tag = prefix, tag_end, places.data[at:tag_end]
            self._top = depth
            return self._close_rdf(at)
        if not places.tag or places.close:
            return None
        if depth == self._top + 1:
            self._describe(at, tag_end)
            return self._end_description
        if depth == self._top + 2:
            number = len(places.descriptions) - 1
            places.descriptions[number].children += 1
            return lambda _at, end: places.properties.append(_Property(name, at, end, number))
        return self._note_region(name, above, at)

    def _note_region(self, name: Name, above: Sequence[Name], at: int) -> Callable[[int, int], None] | None:
        places = self.places
        arrays = ((_RDF, "Bag"), (_RDF, "Seq"))
        if places.regions_end:
            return None
        if name == (_RDF, "li") and above[-1] in arrays and above[-2] == (_REGIONS, "RegionList"):
            return lambda _at, end: places.regions.append((at, end))
        if name in arrays and above[-1] == (_REGIONS, "RegionList"):

            def ended(close: int, _end: int) -> None:
                places.regions_end = close

            return ended
        return None

    def _close_rdf(self, start: int) -> Callable[[int, int], None]:
        def closed(at: int, _end: int) -> None:
            self.places.close, self.places.closed = at, at == start

        return closed

    def _end_description(self, _at: int, end: int) -> None:
        self.places.descriptions[-1].end = end

    def _describe(self, at: int, tag_end: int) -> None:
        """A top-level description: each of its attributes is a property, too."""
        places = self.places
        one = _Description(at, tag_end)
        places.descriptions.append(one)
        inside = re.match(rb"<[^\s/>]+", places.data[at:tag_end])
        begin = at + (inside.end() if inside else 1)
        for match in _ATTRIBUTE.finditer(places.data, begin, tag_end):
            key = match[1].decode(errors="replace")
            prefix, colon, local = key.rpartition(":")
            if key == "xmlns" or prefix == "xmlns":
                continue
            space = (self._spaces.get(prefix) or [""])[-1] if colon else ""
            if (space, local) == (_RDF, "about") or key == "about":
                places.about = places.about or _plain(match[2][1:-1].decode(errors="replace"))
                continue
            one.others += 1
            places.properties.append(_Property((space, local), match.start(), match.end(), len(places.descriptions) - 1))

    def _tag_end(self, at: int) -> int:
        """Where the start tag ends: behind the ``>`` that stands in no quotes."""
        match = re.compile(rb"<[^\s/>]+(?:\s+[^\s=/>]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>").match(self.places.data, at)
        if match is None:
            raise Rejected("its XMP is written in a way that cannot be kept, so it is left as it is")
        return match.end()


def _plain(value: str) -> str:
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        value = value.replace(entity, char)
    return value


def _refuse(*_: object) -> None:
    raise Rejected("its XMP has a document type or entities, which no XMP has, so it is left as it is")
