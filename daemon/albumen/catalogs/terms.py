"""What a ``Query`` means, said once for every engine: how words compare and which parts of a record a field looks at.

- ``text``, ``tags``, ``people``, ``marks``: all of them. ``ids``, ``names``, ``paths``, ``albums``, ``kinds``, ``types``,
  ``sizes``: any of them. An empty text, tuple or None is not asked.
- **Human words** (text, names, albums, tags, people, camera, lens, place) compare by ``fold``: case, accents and Unicode form do
  not matter. Paths, groups, kinds, types and stores compare exactly.
- ``text``: every word is the beginning of a word of the record; a text without any letter or digit finds nothing.
- ``taken``: a record of which only the month is known may lie anywhere in it, so it is found by each of its days. A record
  without a date is never found by ``taken``; an empty end is open.
- ``paths``: ("", prefix) looks in every store; a path is found by itself and by each folder above it, "" is a whole store.
- A **group** shows by its main record when a member matches; a member stands for itself when its main record is not kept, is
  a member too, or is history while the member still lies somewhere.
- **History** (no placement left that holds the record's own bytes) is found but not counted.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from albumen.model import Camera, Place, Placement, Record

_WORD = re.compile(r"[^\W_]+")
_HEX = re.compile(r"[0-9a-fA-F]+")


def fold(text: str) -> str:
    """The form in which human words compare: compatibility form, no accents, no case, no blanks around."""
    if text.isascii():
        return text.lower().strip()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join([char for char in plain if char < "\u0300" or not unicodedata.combining(char)]).strip()


def words(text: str) -> list[str]:
    """The folded words of a text: runs of letters and digits, in their order."""
    return _WORD.findall(fold(text))


def searched(record: Record) -> str:
    """Everything ``text`` looks at, folded, its distinct words sorted and parted by blanks."""
    paths = [one.path.rpartition("/") for one in record.placements]
    rare = {record.name, record.title, record.description, *[one.name for one in record.companions], *[one[2] for one in paths]}
    found = set(words("\n".join([part for part in rare if part])))
    often = {*record.tags, *record.people, *[one.album for one in record.placements], *[one[0] for one in paths]}
    found.update(*[_often(part) for part in often], _placed(record.place), _made(record.camera))
    return " ".join(sorted(found))


@lru_cache(1024)
def _often(text: str | None) -> tuple[str, ...]:
    """The words of what many records share: folders, tags, people."""
    return tuple(words(text)) if text else ()


@lru_cache(1024)
def _placed(place: Place | None) -> tuple[str, ...]:
    return () if place is None else (*_often(place.city), *_often(place.region), *_often(place.country))


@lru_cache(1024)
def _made(camera: Camera | None) -> tuple[str, ...]:
    return () if camera is None else (*_often(camera.make), *_often(camera.model), *_often(camera.lens))


def own(record: Record, placement: Placement) -> bool:
    """Whether this placement holds the record's own bytes, not those of a companion."""
    return placement.role == "main" or placement.sha256 == record.sha256


def stores(record: Record) -> tuple[str, ...]:
    """Where the record's own bytes lie: distinct, sorted; empty for history."""
    return tuple(sorted({one.store for one in record.placements if own(record, one)}))


def names(record: Record) -> set[str]:
    """Every name the record or its companions came with or have now, folded."""
    found = {record.name, *[one.name for one in record.companions], *[one.path.rpartition("/")[2] for one in record.placements]}
    return {fold(one) for one in found}


def places(place: Place | None) -> set[str]:
    """City, region and country, folded."""
    return set() if place is None else {fold(one) for one in (place.city, place.region, place.country) if one}


def camera(one: Camera | None) -> str:
    """Make and model, folded: what ``camera`` looks for a part in."""
    return "" if one is None else fold(" ".join(part for part in (one.make, one.model) if part))


def lens(one: Camera | None) -> str:
    """The lens, folded."""
    return fold(one.lens) if one is not None and one.lens else ""


def camera_label(one: Camera | None) -> str:
    """How ``count(by="camera")`` calls it: the model, else the make, else ""."""
    return "" if one is None else one.model or one.make or ""


def parts(record: Record) -> Iterator[tuple[str, int | None]]:
    """(digest, size) of every content the record speaks for: itself by each of its digests, then its companions."""
    yield record.sha256.lower(), record.size
    for digest in record.digests.values():
        if digest.lower() != record.sha256.lower():
            yield digest.lower(), None
    for one in record.companions:
        yield one.sha256.lower(), one.size


def bare(id: str) -> str:
    """An id as a person or a UUID library writes it, or the beginning of one, the way ids are kept: no dashes, lower case."""
    return id.replace("-", "").lower()


def distance(one: str, other: str) -> int | None:
    """Bits in which two perceptual hashes (hex of equal length) differ; None when they cannot be compared."""
    if len(one) != len(other) or not is_hash(one) or not is_hash(other):
        return None
    return (int(one, 16) ^ int(other, 16)).bit_count()


def is_hash(text: str) -> bool:
    """Whether this is hex and nothing else."""
    return _HEX.fullmatch(text) is not None


def after_of(taken: str, id: str) -> str:
    """The cursor behind a record: opaque to callers."""
    return f"{taken}|{id}"


def place_of(after: str) -> tuple[str, str]:
    """The reverse of ``after_of``. ``ValueError`` for anything else."""
    taken, bar, id = after.partition("|")
    if not bar or not id or not after.isascii():
        raise ValueError(after)
    return taken, id
