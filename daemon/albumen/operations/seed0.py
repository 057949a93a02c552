"""The first seed's catalog entry: its fields and forms, read and written. Pure.

An entry is one path with two marks, ``nas`` and ``dropbox``: a copy lies there. Its times are milliseconds since 1970, its checksum is
Dropbox' content hash, and what is unknown, false or 0 is left out. ``captured`` is the clock on the wall as that program printed it,
which is why it is read and written as if it were UTC.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from albumen.catalogs.terms import own
from albumen.deeds.drafting import WEAK
from albumen.errors import Rejected, UsageError
from albumen.media.naming import MONTHS
from albumen.model import Position, Record

CHECKSUM = "dropbox"  # the digest that is an entry's checksum
LARGEST = 2_147_483_646  # what stands in an entry for every size above 2 147 483 647
_KINDS = {
    **dict.fromkeys(("png", "jpg", "jpeg", "jpg2", "jp2", "heic", "bmp", "gif", "orf", "nef", "cr2", "mpo"), 1),
    **dict.fromkeys(("mov", "avi", "mp4", "mpg", "m4v", "wmv", "mts", "3gp"), 2),
    "psd": 3,
}
_KIND = {"image": 1, "raw": 1, "video": 2, "other": 3}  # of a file whose extension that program did not know
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", re.ASCII)
_MONTH = re.compile(r"[12]\d{3}/(?:" + "|".join(f"{at:02}_{name}" for at, name in enumerate(MONTHS, 1)) + ")", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that can be used. ``captured`` is ISO text without a zone, ``modified`` ns since 1970; "" and None = not known.
    ``notes``: what of it could not be read, each a sentence."""

    path: str  # folder and name
    nas: bool
    dropbox: bool
    size: int | None = None
    checksum: str = ""
    captured: str = ""
    modified: int | None = None
    position: Position | None = None
    dimensions: tuple[int, int] | None = None
    duration: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def has_size(self, size: int) -> bool:
        """Whether a file of so many bytes may be this one."""
        return self.size is None or self.size == size or (self.size == LARGEST and size > LARGEST)


def album(folder: str, inside: tuple[str, ...]) -> str:
    """The album that a folder of that program's tree is: the folder itself, "" for the root and a month with its sub-folders
    ``inside`` (where the day only is known, where videos lie)."""
    month = _MONTH.match(folder)
    if not folder:
        return ""
    rest = folder[month.end() :] if month else folder
    return "" if month and all(one in inside for one in rest.split("/") if one) and rest[:1] in ("", "/") else folder


def marks(types: Mapping[str, str], library: str, nas: str | None, dropbox: str | None) -> tuple[str, str]:
    """The stores that the two marks stand for, of those that are configured (name → type): what a person says, else the library's
    and the one of type dropbox; "" where there is none. ``UsageError``."""
    for option, name in (("--nas", nas), ("--dropbox", dropbox)):
        if name and name not in types:
            raise UsageError(f"{option} {name}: there is no such store; there are: {', '.join(sorted(types))}")
    clouds = [name for name, kind in types.items() if kind == "dropbox"]
    if dropbox is None and len(clouds) > 1:
        raise UsageError(f"there are several stores of type dropbox: name one by --dropbox ({', '.join(sorted(clouds))})")
    found = nas or library, dropbox if dropbox is not None else next(iter(clouds), "")
    if found[0] == found[1]:
        raise UsageError(f"--nas and --dropbox are both {found[0]}: each mark stands for a store of its own")
    return found


# ------------------------------------------------------------------------------------------------------------------- reading


def parse(source: object) -> Entry:
    """The entry of an index's document. ``Rejected`` with the reason when it names no file, or no place that it lies at; a field
    that cannot be read otherwise is a note."""
    if not isinstance(source, Mapping):
        raise Rejected("the document has no fields")
    path = _path(source)
    nas, dropbox = (_marked(source.get(key)) for key in ("nas", "dropbox"))
    if not (nas or dropbox):
        raise Rejected("is marked neither nas nor dropbox: it lies nowhere")
    notes: list[str] = []

    def read(key: str, how: Callable[[Any], Any]) -> Any:
        value = source.get(key)
        if value is None or value in ("", 0):
            return None
        try:
            return how(value)
        except (ValueError, TypeError, AttributeError, OverflowError, LookupError):
            notes.append(f"its {key} {json.dumps(value)[:80]} cannot be read")
            return None

    return Entry(
        path,
        nas,
        dropbox,
        size=read("size", _number),
        checksum=read("checksum", _checksum) or "",
        captured=read("captured", lambda value: _moment(value).replace(tzinfo=None).isoformat(timespec="seconds")) or "",
        modified=read("modified", lambda value: (_moment(value) - _EPOCH) // timedelta(microseconds=1) * 1000),
        position=read("location", _position),
        dimensions=read("dimensions", _dimensions),
        duration=read("duration", lambda value: float(_number(value))),
        notes=tuple(notes),
    )


def _path(source: Mapping[str, object]) -> str:
    name, folder = source.get("name"), source.get("path") or ""
    if not isinstance(name, str) or not isinstance(folder, str):
        raise Rejected("has no name" if not isinstance(name, str) else "its path is no text")
    parts = [*(one for one in folder.strip("/").split("/") if one), name]
    if any(one in ("", ".", "..") or "/" in one or "\0" in one for one in parts):
        raise Rejected(f"{json.dumps('/'.join(parts))} is no path inside the collection")
    if parts[0] == ".albumen":
        raise Rejected(f"{json.dumps('/'.join(parts))} is a file of albumen's own")
    return "/".join(parts)


def _marked(value: object) -> bool:
    return value is True or value == "true"


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    found = int(value)
    if found <= 0:
        raise ValueError(value)
    return found


def _checksum(value: str) -> str:
    if not _HEX.fullmatch(value.lower()):
        raise ValueError(value)
    return value.lower()


def _moment(value: object) -> datetime:
    """Milliseconds as a number or a text, or an ISO text, as an index takes them."""
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, str) and not re.fullmatch(r"-?\d+", value, re.ASCII):
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return _EPOCH + timedelta(milliseconds=int(value))  # type: ignore[call-overload,no-any-return]  # else TypeError, which is caught


def _position(value: object) -> Position:
    """ "lat,lon", {"lat", "lon"} or [lon, lat], as an index takes them."""
    if isinstance(value, str):
        lat, lon = map(float, value.split(","))
    elif isinstance(value, Mapping):
        lat, lon = float(value["lat"]), float(value["lon"])
    elif isinstance(value, list):
        lon, lat = map(float, value)
    else:
        raise TypeError(value)
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise ValueError(value)
    return Position(lat, lon)


def _dimensions(value: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError(value)
    return int(match[1]), int(match[2])


# ------------------------------------------------------------------------------------------------------------------- writing


def entries(record: Record, nas: str, dropbox: str, checksum: str) -> Iterator[dict[str, object]]:
    """The entries of a record: one for each path at which its own bytes lie in the store ``nas``, in the store ``dropbox`` ("" =
    there is none), or in both. ``checksum``: its Dropbox content hash, "" when it cannot be had."""
    marks: dict[str, set[str]] = {}
    for one in record.placements:
        if own(record, one) and one.store in (nas, dropbox):
            marks.setdefault(one.path, set()).add(one.store)
    for path, stores in sorted(marks.items()):
        yield _entry(record, path, checksum, nas=nas in stores, dropbox=dropbox in stores)


def _entry(record: Record, path: str, checksum: str, *, nas: bool, dropbox: bool) -> dict[str, object]:
    folder, _, name = path.rpartition("/")
    extension = os.path.splitext(name)[1].lower().removeprefix(".")
    at, sides = record.position, (record.width, record.height)
    found: dict[str, object] = {
        "name": name,
        "path": folder,
        "dropbox": dropbox,
        "nas": nas,
        "size": record.size if record.size <= LARGEST + 1 else LARGEST,
        "modified": (record.modified or 0) // 1_000_000,
        "hash": _md5(os.path.join(folder, name)),
        "path_hash": _md5(folder + checksum) if checksum else "",
        "type": extension,
        "checksum": checksum,
        "captured": _captured(record),
        "location": f"{at.lat:.5f},{at.lon:.5f}" if at is not None else "",
        "dimensions": "x".join(map(str, sides)) if all(sides) else "",
        "duration": int(record.duration or 0),
        "kind": _KINDS.get(extension, _KIND[record.kind]),
    }
    return {key: value for key, value in found.items() if value}


def _md5(text: str) -> str:
    return hashlib.md5(os.fsencode(text), usedforsecurity=False).hexdigest()


def _captured(record: Record) -> int:
    """Milliseconds; 0 when no camera (and no person) said the second."""
    if not record.taken or record.precision != "second" or record.date_source in WEAK:
        return 0
    wall = datetime.fromisoformat(record.taken[:19]).replace(tzinfo=UTC)
    return (wall - _EPOCH) // timedelta(seconds=1) * 1000
