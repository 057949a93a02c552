"""QuickTime, MP4, 3GP (QuickTime File Format; ISO/IEC 14496-12): length, dates, position, camera, size as shown, live-photo mark."""

import re
import struct
from datetime import datetime, timedelta

from albumen.errors import Rejected
from albumen.media.readers import tracks, xmp
from albumen.media.readers.boxes import Box, find, number, walk
from albumen.media.readers.draft import Draft
from albumen.media.readers.positions import iso6709, place
from albumen.media.readers.window import Part, Window, text

_UNIX = 2_082_844_800  # seconds from 1904 to 1970
_VALUE = 65536
_REPORT = 1 << 20  # bytes of Sony's report
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_KEYS = {
    "com.apple.quicktime.creationdate": "date",
    "com.apple.quicktime.location.iso6709": "place",
    "com.apple.quicktime.make": "make",
    "com.apple.quicktime.model": "model",
    "com.apple.quicktime.title": "title",
    "com.apple.quicktime.displayname": "title",
    "com.apple.quicktime.description": "description",
    "com.apple.quicktime.content.identifier": "group",
    "com.apple.quicktime.camera.lens_model": "lens",
    "com.apple.quicktime.keywords": "tags",
    "com.android.manufacturer": "make",
    "com.android.model": "model",
    "\xa9day": "date",
    "\xa9nam": "title",
    "\xa9cmt": "description",
    "desc": "description",
    "\xa9mak": "make",
    "\xa9mod": "model",
    "\xa9xyz": "place",
}


def read(draft: Draft, window: Window, *, still: bool = False) -> None:
    """Fill ``draft``. ``still``: the tracks belong to a picture, whose size they are not."""
    moov, tops = None, []
    for box in walk(window):
        tops.append(box)
        if box.kind == b"moov" and moov is None:
            moov = box
        elif box.kind == b"uuid" and box.body.at(0, 16) == _XMP:
            xmp.packet(draft, box.body.at(16, 8 << 20))
    _whole(draft, window, tops, moov)
    if moov is None:
        raise Rejected("no movie header inside (moov box): it was cut, or never finished")
    times = ""
    for box in walk(moov.body):
        if box.kind == b"mvhd":
            times = _header(draft, box)
        elif box.kind == b"udta":
            _user_data(draft, box)
        elif box.kind == b"meta":
            _meta(draft, box)
    if not still:
        _tracks(draft, moov, tops)
    for box in tops:
        if box.kind == b"meta":
            _sony(draft, box)
    draft.stamp("quicktime:CreateDate", times)


def _tracks(draft: Draft, moov: Box, tops: list[Box]) -> None:
    found = tracks.read(draft, moov.body)
    extends = find(moov.body, b"mvex")
    if draft.duration is None and extends is not None:
        total = find(extends.body, b"mehd")
        if total is not None:
            _fragments(draft, moov, total)
        if draft.duration is None:
            draft.duration = tracks.fragmented(moov.body, [box for box in tops if box.kind == b"moof"], found)


def _whole(draft: Draft, window: Window, tops: list[Box], moov: Box | None) -> None:
    last = tops[-1] if tops else None
    if last is not None and last.cut:
        draft.hurt(f"the file ends inside its {text(last.kind) or 'last'} box, {last.end - window.size} bytes are missing")
    elif moov is not None and not any(box.kind in (b"mdat", b"moof") for box in tops):
        draft.hurt("the movie's data is missing (no mdat box)")


def _header(draft: Draft, box: Box) -> str:
    """Length, and the creation time as UTC text. Writers that count from 1970 are recognised: no movie is older."""
    data = box.body.at(0, 36)
    created, scale, length = (
        (number(data, 4, 8), number(data, 20, 4), number(data, 24, 8))
        if data[:1] == b"\1"
        else (number(data, 4, 4), number(data, 12, 4), number(data, 16, 4))
    )
    if scale and 0 < length < (1 << 32) - 1 + (1 << 63) * (data[:1] == b"\1"):
        draft.duration = round(length / scale, 3)
    if not created:
        return "0000-00-00T00:00:00Z"
    seconds = created - _UNIX if created >= _UNIX else created
    try:
        return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat() + "Z"  # noqa: DTZ001  # UTC by the format
    except OverflowError:
        return ""


def _fragments(draft: Draft, moov: Box, mehd: Box) -> None:
    header, data = find(moov.body, b"mvhd"), mehd.body.at(0, 12)
    times = header.body.at(0, 36) if header else b""
    scale = number(times, 20 if times[:1] == b"\1" else 12, 4)
    length = number(data, 4, 8 if data[:1] == b"\1" else 4)
    if scale and length:
        draft.duration = round(length / scale, 3)


def _user_data(draft: Draft, udta: Box) -> None:
    for box in sorted(walk(udta.body), key=lambda one: one.kind == b"meta"):  # what the camera wrote before what programs added
        name = box.kind.decode("latin-1")
        if box.kind == b"meta":
            _meta(draft, box)
        elif box.kind == b"date":
            draft.stamp("quicktime:UserData", text(box.body.at(0, 64)))
        elif box.kind == b"XMP_":
            xmp.packet(draft, box.body.at(0, 8 << 20))
        elif box.kind == b"loci":
            _loci(draft, box)
        elif box.kind == b"GPMF":
            _gopro(draft, box)
        elif name in _KEYS and name.startswith("\xa9"):
            data = box.body.at(0, _VALUE)
            size = number(data, 0, 2)
            _note(draft, _KEYS[name], text(data[4 : 4 + size]) if size else "", "quicktime:UserData")
        elif box.kind in (b"auth", b"titl", b"dscp"):
            data = box.body.at(6, _VALUE)
            _note(draft, {b"titl": "title", b"dscp": "description"}.get(box.kind, ""), text(data), "")


def _meta(draft: Draft, meta: Box) -> None:
    """Apple's keys (``keys`` names what ``ilst`` holds) or iTunes' list; as a full box or, in QuickTime files, a plain one."""
    start = 4 if meta.body.at(0, 4) == b"\0\0\0\0" and meta.body.at(4, 4) != b"hdlr" else 0
    body = Part(meta.body, start)
    keys, values = find(body, b"keys"), find(body, b"ilst")
    if values is None:
        return
    names = [text(box.kind) and box.body.at(0, 256).decode("latin-1").lower() for box in walk(keys.body, 8)] if keys else []
    for item in walk(values.body):
        at = number(item.kind, 0, 4)
        name = names[at - 1] if 0 < at <= len(names) else item.kind.decode("latin-1")
        data = find(item.body, b"data")
        if data is not None and name in _KEYS:
            source = "quicktime:CreationDate" if name.startswith("com.apple") else "quicktime:UserData"
            _note(draft, _KEYS[name], text(data.body.at(8, _VALUE)), source)


def _note(draft: Draft, what: str, value: str, source: str) -> None:
    if what == "date":
        draft.stamp(source, value)
    elif what == "place":
        iso6709(draft, value)
    elif what == "tags":
        draft.tags += [one.strip() for one in value.split(",") if one.strip()]
    elif what in ("lens", "make", "model", "title", "description", "group") and not getattr(draft, what):
        setattr(draft, what, value)


_SONY = re.compile(
    rb"<(CreationDate|Device|Lens)\b([^>]{0,1000})"  # the camera's own report ("NonRealTimeMeta") in the files of Sony's video cameras
)
_SAYS = re.compile(rb'\b(value|manufacturer|modelName|serialNo)="([^"]{0,200})"')


def _sony(draft: Draft, meta: Box) -> None:
    xml = find(Part(meta.body, 4), b"xml ")
    data = xml.body.at(4, _REPORT) if xml is not None else b""
    if b"NonRealTimeMeta" not in data:
        return
    for match in _SONY.finditer(data):
        said = {name.decode(): text(value) for name, value in _SAYS.findall(match[2])}
        if match[1] == b"CreationDate":
            draft.stamp("quicktime:CreationDate", said.get("value", ""))
        elif match[1] == b"Lens":
            draft.lens = draft.lens or said.get("modelName", "")
        else:
            draft.make = draft.make or said.get("manufacturer", "")
            draft.model = draft.model or said.get("modelName", "")
            draft.serial = draft.serial or said.get("serialNo", "")


def _gopro(draft: Draft, box: Box) -> None:
    """GoPro's own format (GPMF): the camera's name is the one field of ours in it."""
    data = box.body.at(0, _VALUE)
    at = data.find(b"MINFc")
    if at >= 0:
        draft.make = draft.make or "GoPro"
        draft.model = draft.model or text(data[at + 8 : at + 8 + number(data, at + 5, 1) * number(data, at + 6, 2)])


def _loci(draft: Draft, box: Box) -> None:
    """3GPP TS 26.244, section 8.5: language, name, role, then longitude, latitude, altitude in 16.16."""
    data = box.body.at(6, 400)
    wide = data[:2] in (b"\xfe\xff", b"\xff\xfe")
    end = data.find(b"\0\0\0" if wide else b"\0")
    fields = data[end + (3 if wide else 1) + 1 :][:12] if end >= 0 else b""
    if len(fields) == 12:
        lon, lat, alt = (one / 65536 for one in struct.unpack(">3i", fields))
        place(draft, lat, lon, alt)
