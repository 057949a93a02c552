"""Look at one record: find it by what a person calls it, say what is wrong with it, explain it."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from albumen.errors import NotFound, UsageError
from albumen.media.digest import record_id
from albumen.model import Placement, Query, Record
from albumen.operations import telling
from albumen.ports import Catalog

_HEX = re.compile(r"[0-9a-f]+")
_NAMED = 8  # candidates named when an id is ambiguous


def find_record(catalog: Catalog, word: str) -> Record:
    """The record of a full id, of a unique beginning of one (≥ 6 hex digits, dashes do not matter), or of a SHA-256.

    The SHA-256 (or another kept digest) of a companion gives the record it travels with. ``NotFound``; ``UsageError`` when the
    word is no id, or when it is the beginning of several: the candidates are named.
    """
    plain = word.strip().removeprefix("sha256:").replace("-", "").lower()
    if not _HEX.fullmatch(plain) or len(plain) < 6:
        raise UsageError(f"{printable(word)}: an id, or the beginning of one, has 6 hex digits or more")
    if len(plain) == 32 and plain in (kept := catalog.get([plain])):
        return kept[plain]
    if len(plain) >= 32:
        return _by_digest(catalog, plain)
    page = catalog.find(Query(ids=(plain,), companions=True), limit=_NAMED + 1)
    if not page.rows:
        raise NotFound(f"{plain}: no record's id begins so")
    if len(page.rows) > 1:
        named = ", ".join(f"{one.id} ({printable(one.name)})" for one in sorted(page.rows[:_NAMED], key=lambda one: one.id))
        more = " and more" if len(page.rows) > _NAMED else ""
        raise UsageError(f"{plain} is the beginning of several ids, add digits: {named}{more}")
    return page.rows[0]


def _by_digest(catalog: Catalog, digest: str) -> Record:
    rows = catalog.find(Query(digest=digest, companions=True)).rows
    if not rows:
        raise NotFound(f"{digest}: no record has this id or digest")
    return min(rows, key=lambda one: (one.sha256 != digest, one.id))  # its own record before one it travels with


def record_at(catalog: Catalog, store: str, path: str) -> Record | None:
    """The record whose bytes (else whose companion's bytes) lie at that very path, None when the catalog knows of none."""
    found = [
        (one.role != "main" and one.sha256 != record.sha256, record.id, record)
        for record in every(catalog, Query(paths=((store, path),), companions=True))
        for one in record.placements
        if (one.store, one.path) == (store, path)
    ]
    return min(found, key=lambda one: one[:2])[2] if found else None


def every(catalog: Catalog, query: Query, *, after: str = "", page: int = 500) -> Iterator[Record]:
    """All records a query finds behind a page mark, page by page, in the order of ``find``."""
    while True:
        found = catalog.find(query, after=after, limit=page)
        yield from found.rows
        if not found.after:
            return
        after = found.after


def hash_of(catalog: Catalog) -> Callable[[str], str]:
    """For ``query.parse``: the perceptual hash of the record of an id. Raises as ``find_record``; ``UsageError`` without a hash."""

    def of(word: str) -> str:
        record = find_record(catalog, word)
        if not record.perceptual_hash:
            raise UsageError(f"{record.id} ({printable(record.name)}) has no perceptual hash, so nothing can look like it")
        return record.perceptual_hash

    return of


def identity_fault(record: Record) -> str | None:
    """What is wrong with the record's identity, naming record, file and field; None when ``id`` follows from ``sha256``.

    Every command that lists records asks this of each: the others are listed, and the exit status is 1.
    """
    try:
        expected = record_id(record.sha256)
    except ValueError as error:
        fault = str(error)
    else:
        if record.id == expected:
            return None
        fault = f"it belongs to id {expected}"
    where = next((f"{one.store}:{one.path}" for one in record.placements if one.role == "main"), record.name)
    return (
        f"record {record.id} ({printable(where)}): identity mismatch, field sha256: {fault}; "
        "the catalog was changed by hand or is damaged: restore a backup, or run albumen rebuild"
    )


def explain(record: Record, related: Mapping[str, Record] | None = None) -> list[str]:
    """Lines for a person: what it is, where it came from, why this date, where it lies, what travels with it.

    ``related`` are records by id that it names (companions, main record, …), so that they are called by name. What is not known
    is left out. Fit for a terminal: no line holds control characters or bytes that are no text.
    """
    made = (
        _what(record),
        _arrivals(record),
        _date(record),
        telling.facts(record),
        _placements(record),
        _relations(record, related or {}),
    )
    lines = [line for part in made for line in part]
    fault = identity_fault(record)
    return [printable(line) for line in ([*lines, fault] if fault else lines)]


def _what(record: Record) -> Iterator[str]:
    yield f"{record.name}: {record.kind}, {record.type}, {record.size} bytes"
    yield f"id {record.id}, sha256 {record.sha256}, " + (f"version {record.version}" if record.version else "not in the catalog")
    if record.damaged:
        yield f"damaged: {record.damaged}"
    yield from (f"note: {one}" for one in record.told)


def _arrivals(record: Record) -> Iterator[str]:
    for one in record.arrival:
        yield f"came by {one.source} from {one.ref} at {moment(one.at)}"


def _date(record: Record) -> Iterator[str]:
    if record.taken:
        offset = f" {record.offset}" if record.offset else ""
        sure = f", {record.date_confidence} confidence" if record.date_confidence else ""
        yield f"taken {record.taken}{offset} (to the {record.precision or 'second'}), from {record.date_source or 'unknown'}{sure}"
    else:
        yield "taken: not known"
    for one in record.date_candidates:
        yield f"  {'used' if one.used else 'not used'}: {one.source} {one.value}: {one.reason}"


def _placements(record: Record) -> Iterator[str]:
    for one in sorted(record.placements, key=lambda one: (one.role != "main", one.store, one.path)):
        yield _placement(one)
    if not record.placements and record.version:
        yield "lies nowhere any more: kept as history"


def _placement(one: Placement) -> str:
    part = "" if one.role == "main" else f" ({one.role})"
    album = f", album {one.album}" if one.album else ""
    proof = f", proven {moment(one.proof.at)} by {one.proof.method}" if one.proof is not None else ", not proven yet"
    return f"lies at {one.store}:{one.path}{part}{album}{proof}"


def _relations(record: Record, related: Mapping[str, Record]) -> Iterator[str]:
    for one in record.companions:
        own = f", record {one.id}" if one.id else ""
        yield f"with it: {one.role} {one.name}, {one.size} bytes{own}"
    named = [("companion of", record.companion_of), ("made from", record.derived_from), ("replaces", record.replaces)]
    for label, id in (*named, ("replaced by", record.replaced_by)):
        if id:
            yield f"{label} {id}" + (f" ({related[id].name})" if id in related else "")
    for other in related.values():
        if other.replaces == record.id and other.id != record.replaced_by:
            yield f"replaced by {other.id} ({other.name})"


def moment(at: int) -> str:
    """A time in ns as UTC text to the second."""
    try:
        return datetime.fromtimestamp(at // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{at} ns"  # a file system may keep years that no calendar has


def printable(text: str) -> str:
    r"""The text with everything that is not for a terminal written as an escape (``\x1b``, ``\udcff``)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
