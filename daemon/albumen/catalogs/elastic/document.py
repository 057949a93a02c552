"""One record as a document, and back.

``record_N`` (N is the schema) holds the record as JSON text, byte for byte, in a field that is not looked at; everything else is made
from it and only serves searching, or people who look at the index with Kibana. Its name keeps a program of another schema from writing
here: the mapping is strict.

A **group** is kept by its main record's document: ``members`` are the ids of all records that ever named it as theirs, so that they are
found without a search, which would not see what was written just now. Where the main record is not kept, a document without a record
stands in for it. ``shown``, ``sort``, ``part`` and ``counted`` follow from a record and its main record, see ``shown_by``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import isfinite
from typing import Any

from albumen.catalogs import terms
from albumen.catalogs.sqlite_schema import DAY
from albumen.jsonable import dumps, loads
from albumen.model import Camera, Place, Record

SCHEMA = 1
RECORD = f"record_{SCHEMA}"
LONG = 120  # letters of a word that are looked at with all others; of longer ones the whole stands in ``long``
VECTOR = 16  # hex digits of a perceptual hash that is kept as a vector of bits

_LOST = re.compile("[\ufffd\ud800-\udfff]")
_LOST_AGAIN = re.compile("\ufffd([0-9a-f]{4})")
_LONGEST = 8000  # letters of a value that is asked by equality: Lucene takes 32766 bytes
_MARKS = 6  # of the last writes are remembered
_LARGEST = 1 << 63


def term(text: str) -> str:
    """A text that is compared, as Elasticsearch can keep it: one to one, beginnings kept. Half characters (bytes of paths that are no
    UTF-8) are written out; of what is too long, its beginning and its hash."""
    if len(text) <= _LONGEST and text.isascii():
        return text
    found = _LOST.sub(lambda half: f"\ufffd{ord(half[0]):04x}", text)
    if len(found) <= _LONGEST:
        return found
    return found[: _LONGEST - 50] + blake2b(found.encode(), digest_size=16).hexdigest()


def text_of(kept: str) -> str:
    """The reverse of ``term``, but for what was too long."""
    return kept if kept.isascii() else _LOST_AGAIN.sub(lambda half: chr(int(half[1], 16)), kept)


def lies(store: str, path: str) -> str:
    """A place in a store as one value."""
    return term(f"{store}\n{path}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it is now. ``seq`` and ``term`` make a write depend on that; -1 = there is none. ``record`` is None for one that
    only stands in for a main record. ``index`` is the index itself, since sequence numbers count there only; or, for what nobody
    looked for, the alias (``aliased``)."""

    id: str
    index: str
    seq: int = -1
    term: int = -1
    record: Record | None = None
    members: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    shown: str = ""
    sort: str = ""
    aliased: bool = False

    @property
    def version(self) -> int:
        """Of the record; 0 when there is none."""
        return self.record.version if self.record is not None else 0


FIELDS = (RECORD, "members", "marks", "shown", "sort")  # what ``kept_of`` reads


def kept_of(found: Mapping[str, Any]) -> Kept:
    """A hit or an answer of mget, with ``FIELDS``. ``ValueError``, ``TypeError``, ``AttributeError`` when its record cannot be read."""
    source = found.get("_source")
    if source is None:
        return Kept(found["_id"], found["_index"])
    return Kept(
        found["_id"],
        found["_index"],
        found.get("_seq_no", -1),
        found.get("_primary_term", -1),
        loads(Record, source[RECORD]) if RECORD in source else None,
        tuple(source.get("members", ())),
        tuple(source.get("marks", ())),
        text_of(source.get("shown", "")),
        text_of(source.get("sort", "")),
    )


def shown_by(record: Record, main: Record | None) -> tuple[str, str]:
    """The id of the record that shows this one, and where that is sorted: its main record, unless that is not kept, is a member
    itself, or is history while this one is not."""
    if record.companion_of and main is not None and not main.companion_of and (terms.stores(main) or not terms.stores(record)):
        return main.id, main.taken or ""
    return record.id, record.taken or ""


def group_facts(record: Record | None) -> tuple[object, ...]:
    """What of a main record matters to its members."""
    return () if record is None else (not record.companion_of, bool(terms.stores(record)), record.taken)


def document(kept: Kept, main: Record | None, mark: str) -> dict[str, Any]:
    """What is written: of ``kept`` all but where it stood; ``mark`` names this write."""
    marks = [*kept.marks, mark][-_MARKS:]
    said: dict[str, Any] = {"id": term(kept.id), "marks": marks}
    if kept.members:
        said["members"] = list(kept.members)
    return said if kept.record is None else {**said, **fields(kept.record, main)}


def fields(record: Record, main: Record | None) -> dict[str, Any]:
    """All of a record's document that follows from it and its main record."""
    shown, sort = shown_by(record, main)
    stores = terms.stores(record)
    found: dict[str, Any] = {
        RECORD: dumps(record),
        "version": record.version,
        "shown": term(shown),
        "sort": term(sort),
        "part": shown != record.id,
        "counted": shown == record.id and bool(stores),
        "taken": term(record.taken or ""),
        "month": term((record.taken or "")[:7]),
        "kind": term(record.kind),
        "type": term(record.type),
        "stores": _terms(stores),
        "camera": term(terms.camera_label(record.camera)),
        "companion_of": term(record.companion_of or ""),
        "group": term(record.group or ""),
        **_searched(record),
        **_looked_at(record),
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _searched(record: Record) -> dict[str, Any]:
    """What ``where`` asks and nobody reads."""
    words = terms.searched(record).split(" ")
    places = [(one.store, one.path) for one in record.placements]
    position = record.position
    hash = (record.perceptual_hash or "").lower()
    known = bool(hash) and terms.is_hash(hash)
    return {
        "words": " ".join(word[:LONG] for word in words),
        "long_words": [word[:_LONGEST] for word in words if len(word) > LONG],
        "names": _terms(terms.names(record)),
        "albums": _terms({terms.fold(one.album) for one in record.placements if one.album}),
        "tags": _terms({terms.fold(one) for one in record.tags}),
        "people": _terms({terms.fold(one) for one in record.people}),
        "places": _terms(terms.places(record.place)),
        "cameras": term(terms.camera(record.camera)),
        "lenses": term(terms.lens(record.camera)),
        "digests": _terms({digest for digest, _ in terms.parts(record)}),
        "sizes": sorted({size for _, size in terms.parts(record) if size is not None and abs(size) < _LARGEST}),
        "lies": sorted({lies(store, folder) for store, path in places for folder in (path, *_folders(path))}),
        "path": _terms({path for _, path in places}),
        "lat": position.lat if position is not None and isfinite(position.lat) else None,
        "lon": position.lon if position is not None and isfinite(position.lon) else None,
        "hash": term(hash) if known else None,
        "hash_digits": len(hash) if known else None,
        "hash_bits": hash if known and len(hash) == VECTOR else None,
    }


def _looked_at(record: Record) -> dict[str, Any]:
    """What only people read, in Kibana."""
    camera, place, position = record.camera or Camera(), record.place or Place(), record.position
    on_earth = position is not None and abs(position.lat) <= 90 and abs(position.lon) <= 180
    return {
        "name": term(record.name),
        "title": _told(record.title),
        "description": _told(record.description),
        "tag": _terms(set(record.tags)),
        "person": _terms(set(record.people)),
        "album": _terms({one.album for one in record.placements if one.album}),
        "city": _told(place.city),
        "region": _told(place.region),
        "country": _told(place.country),
        "make": _told(camera.make),
        "model": _told(camera.model),
        "lens": _told(camera.lens),
        "location": {"lat": position.lat, "lon": position.lon} if position is not None and on_earth else None,
        "taken_at": record.taken if record.taken and DAY.fullmatch(record.taken) else None,
        "arrived_at": min((one.at for one in record.arrival), default=None)
        and min(one.at for one in record.arrival) // 1_000_000,
        "size": _number(record.size),
        "width": _number(record.width),
        "height": _number(record.height),
        "duration": _number(record.duration),
        "rating": _number(record.rating),
    }


def _terms(values: Iterable[str]) -> Sequence[str]:
    return sorted(map(term, values))


def _told(text: str | None) -> str | None:
    return term(text) if text else None


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) and abs(value) < _LARGEST else None


def _folders(path: str) -> Sequence[str]:
    pieces = path.rpartition("/")[0].split("/")
    return ["/".join(pieces[:depth]) for depth in range(len(pieces) + 1)]


def counted_up(record: Record) -> Record:
    """The record as it is kept once this write is done."""
    return replace(record, version=record.version + 1)
