"""Faces and people that software marked in XMP: MWG regions, Microsoft's, and IPTC's names of people."""

import re

from albumen.media.readers import rdf
from albumen.media.readers.draft import Draft
from albumen.media.readers.rdf import Properties, text, texts
from albumen.model import Region

_MOST = 500  # faces of one picture
_FACES = ("Face", "")  # regions also mark pets, foci and barcodes


def marked(draft: Draft, found: Properties) -> None:
    """Note faces and names of people. Coordinates are parts of the stored picture (MWG Guidelines 2.0, section 5.9)."""
    draft.people += texts(found, "Iptc4xmpExt:PersonInImage")
    for top in rdf.structures(found.get("mwg-rs:Regions", ""))[:1]:
        _size(draft, top)
        for one in rdf.structures(top.get("mwg-rs:RegionList", ""))[:_MOST]:
            if text(one, "mwg-rs:Type") in _FACES:
                _keep(draft, _mwg(one, draft.marked_on), text(one, "mwg-rs:Name"))
    named = {one.name for one in draft.marked if one.name}
    for top in rdf.structures(found.get("MP:RegionInfo", ""))[:1]:
        for one in rdf.structures(top.get("MPRI:Regions", ""))[:_MOST]:
            name = text(one, "MPReg:PersonDisplayName")
            if name not in named:  # programs that know both schemas keep the first one up to date
                _keep(draft, _microsoft(text(one, "MPReg:Rectangle")), name)


def _size(draft: Draft, top: Properties) -> None:
    for size in rdf.structures(top.get("mwg-rs:AppliedToDimensions", ""))[:1]:
        width, height = _number(text(size, "stDim:w")), _number(text(size, "stDim:h"))
        if width and height:
            draft.marked_on = draft.marked_on or (width, height)


def _mwg(region: Properties, size: tuple[float, float] | None) -> Region | None:
    """The middle and the size, normalized; those in pixels are divided by the size they were marked on."""
    for area in rdf.structures(region.get("mwg-rs:Area", ""))[:1]:
        x, y, w, h = (_number(text(area, f"stArea:{part}")) for part in "xywh")
        if x is None or y is None:
            return None
        wide, high = size if text(area, "stArea:unit") == "pixel" and size else (1.0, 1.0)
        return Region(x / wide, y / high, (w or 0) / wide, (h or 0) / high)
    return None


def _microsoft(value: str) -> Region | None:
    """The left upper corner and the size, as parts of the picture."""
    parts = [_number(part) for part in value.split(",")]
    if len(parts) != 4 or any(part is None for part in parts):
        return None
    left, top, width, height = (part or 0.0 for part in parts)
    return Region(left + width / 2, top + height / 2, width, height)


def _keep(draft: Draft, region: Region | None, name: str) -> None:
    name = name.strip()
    if name:
        draft.people.append(name)
    if region is None or not all(0 <= part <= 1 for part in (region.x, region.y, region.width, region.height)):
        return
    where = (round(region.x, 6), round(region.y, 6), round(region.width, 6), round(region.height, 6))
    same = (one.name in ("", name) and abs(one.x - where[0]) < 0.01 and abs(one.y - where[1]) < 0.01 for one in draft.marked)
    if not any(same):  # programs write the same face in both schemas
        draft.marked.append(Region(*where, name))


def _number(value: str) -> float | None:
    return (
        float(value)
        if re.fullmatch(r"\s*[+-]?\d{0,9}(?:\.\d{1,20})?(?:[eE][+-]?\d\d?)?\s*", value) and re.search(r"\d", value)
        else None
    )
