"""When a picture was taken: ordered candidates with provenance, the first plausible one wins (DESIGN section 6, "Dates")."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, TypeAlias

from albumen.media.moments import Moment, NoMoment, from_ns, offset_text, parse, to_wall_clock
from albumen.media.namedates import Found, in_folder, in_name
from albumen.model import Candidate, Dated, Facts, Position, Record, Stamp

Confidence: TypeAlias = Literal["high", "medium", "low"]

BETTER = "a better one was found before"  # the reason against a candidate that is not wrong
PERSON, NAME, FOLDER, FILE, UNKNOWN = "person", "name", "folder", "file:modified", "unknown"

# The order of the stamps that files state, best first. A sidecar's XMP goes before an embedded one, see ``_stated``.
_ORDER: tuple[tuple[str, Confidence], ...] = (
    (PERSON, "high"),
    ("exif:DateTimeOriginal", "high"),
    ("quicktime:CreationDate", "high"),
    ("quicktime:UserData", "high"),
    ("riff:DateTimeOriginal", "high"),
    ("h264:DateTimeOriginal", "high"),
    ("xmp:DateTimeOriginal", "high"),
    ("xmp:DateCreated", "high"),
    ("xmp:CreateDate", "medium"),
    ("exif:DateTimeDigitized", "medium"),
    ("iptc:DateTimeCreated", "medium"),
    ("iptc:DigitalCreation", "medium"),
    ("png:CreationTime", "medium"),
    ("matroska:DateUTC", "medium"),
    ("matroska:Tag", "medium"),
    ("quicktime:CreateDate", "medium"),
    ("asf:CreationDate", "medium"),
    ("gps:DateTime", "medium"),
    ("takeout:photoTakenTime", "medium"),
    ("seed0:captured", "low"),  # of an adopted index: the file's own date as another program read it, or nobody knows what
)
_CONFIDENCE: Mapping[str, Confidence] = MappingProxyType(dict(_ORDER))
_LAST = "exif:DateTime"  # after names and folders: any program that saves the file writes it
_UTC = frozenset({"matroska:DateUTC", "quicktime:CreateDate", "asf:CreationDate", "gps:DateTime", "takeout:photoTakenTime"})
_FIRST_YEAR = 1826  # the oldest photograph
RELEASED = 1_767_225_600_000_000_000  # ns: 2026-01-01. A machine that runs this program and says an earlier day has a wrong clock
_DOUBTFUL = 1990  # before it, a date in a file is a scan's or a clock's


@dataclass(frozen=True, slots=True)
class Times:
    """The file's modified time, or None where the place knows none, and the present; both ns since 1970 UTC."""

    modified: int | None
    now: int


@dataclass(frozen=True, slots=True)
class DateRules:
    """``zone`` turns UTC (containers, file times) into wall clock; ``zone_at`` gives the zone of (lat, lon), None at sea."""

    zone: str = "UTC"
    zone_at: Callable[[float, float], str | None] | None = None


@dataclass(frozen=True, slots=True)
class _Try:
    """One candidate before judgement: a moment, or why there is none."""

    source: str
    value: str
    confidence: Confidence
    moment: Moment | None
    why: str = ""


def choose(facts: Sequence[Facts], path: str, times: Times, rules: DateRules) -> Dated:
    """The date of one item. ``facts``: main file first, then its sidecars; a person's correction is a stamp "person" in any.

    ``path`` is relative to the folder that was given, so folders above it are never taken for dates. Pure; never raises. Every
    candidate, used or not, is in ``Dated.candidates`` with its reason. Where nothing is plausible ``taken`` is "" and ``source``
    "unknown".
    """
    return _chosen(_tries(facts, path, times), _point(facts), times.now, rules)


def corrected(record: Record, stamp: Stamp | None, now: int, rules: DateRules) -> Dated:
    """The date of a record anew, from the candidates it keeps and a person's word instead of any former one; None = without any.
    Pure; raises nothing. A candidate that can no longer be told from its text is kept as rejected."""
    kept = [_kept(one, record) for one in record.date_candidates if one.source != PERSON]
    tries = [_try(stamp, "high"), *kept] if stamp is not None else kept
    return _chosen(tries, record.position, now, rules)


def said(record: Record | None) -> tuple[Facts, ...]:
    """A person's correction of a record's date as facts for ``choose``, so that it outlives the record's file; () without one."""
    candidates = record.date_candidates if record is not None else ()
    stamps = tuple(Stamp(PERSON, one.value) for one in candidates if one.source == PERSON and one.used)
    return (Facts("other", "xmp", stamps=stamps),) if stamps else ()


def _chosen(tries: Iterable[_Try], point: Position | None, now: int, rules: DateRules) -> Dated:
    candidates: list[Candidate] = []
    answer: Dated | None = None
    for one in tries:
        moment, instant, why = _judged(one, point, now, rules)
        use = answer is None and moment is not None and not why
        if answer is None and moment is not None and use:
            low = moment.when.year < _DOUBTFUL and one.source != PERSON
            answer = Dated(
                taken=moment.text,
                precision=moment.precision,
                source=one.source,
                confidence="low" if low else one.confidence,
                candidates=(),
                offset=offset_text(moment.offset) if moment.offset is not None else None,
                instant=instant,
            )
            why = "the first plausible one" + (f", though before {_DOUBTFUL}" if low else "")
        candidates.append(Candidate(one.source, one.value, use, why or BETTER))
    found = answer or Dated("", "second", UNKNOWN, "low", ())
    return replace(found, candidates=tuple(candidates))


def _kept(one: Candidate, record: Record) -> _Try:
    """A candidate of a record as it was before judgement."""
    if one.source in (NAME, FOLDER):
        seen = in_name(record.name) if one.source == NAME else in_folder(one.value)
        found = next((found for found in seen if found.text == one.value), Found(one.value, None, one.reason))
        return _read(one.source, found, "medium" if one.source == NAME and not found.doubtful else "low")
    if one.source == FILE and record.modified is not None:
        return _file_time(record.modified)
    return _try(Stamp(one.source, one.value), _CONFIDENCE.get(one.source, "low"))


def _tries(facts: Sequence[Facts], path: str, times: Times) -> Iterator[_Try]:
    folder, _, name = path.rpartition("/")
    folders = in_folder(folder)
    for source, confidence in _ORDER:
        for stamp in _stated(facts, source):
            yield _try(stamp, confidence)
    for found in in_name(name):
        yield _read(NAME, found, "low" if found.doubtful else "medium")
    for found in folders:
        if found.moment is None or found.moment.precision == "day":
            yield _read(FOLDER, found, "low")
    for stamp in _stated(facts, _LAST):
        yield _try(stamp, "low")
    for found in folders:  # a month alone says less than any clock in the file
        if found.moment is not None and found.moment.precision == "month":
            yield _read(FOLDER, found, "low")
    if times.modified is not None:
        yield _file_time(times.modified)


def _stated(facts: Sequence[Facts], source: str) -> Iterator[Stamp]:
    """Stamps of a source: the main file's first, but XMP and a person's word from the sidecars first."""
    order = [*facts[1:], *facts[:1]] if source.startswith(("xmp:", PERSON)) else facts
    for one in order:
        yield from (stamp for stamp in one.stamps if stamp.source == source)


def _try(stamp: Stamp, confidence: Confidence) -> _Try:
    value = stamp.value + (f".{stamp.subsec}" if stamp.subsec else "") + (stamp.offset or "")
    try:
        moment = parse(stamp)
    except NoMoment as error:
        return _Try(stamp.source, value, confidence, None, str(error))
    if stamp.source in _UTC and moment.offset is None and moment.precision == "second":
        moment = replace(moment, utc=True)
    return _Try(stamp.source, value, confidence, moment)


def _read(source: str, found: Found, confidence: Confidence) -> _Try:
    return _Try(source, found.text, confidence, found.moment, found.why)


def _file_time(ns: int) -> _Try:
    try:
        moment = from_ns(ns)
    except NoMoment as error:
        return _Try(FILE, str(ns), "low", None, str(error))
    return _Try(FILE, f"{moment.text}Z", "low", moment)


def _judged(one: _Try, point: Position | None, now: int, rules: DateRules) -> tuple[Moment | None, str | None, str]:
    """(moment as wall clock, instant, "") or the reason against it."""
    moment = one.moment
    if moment is None:
        return None, None, one.why
    why = implausible(moment, now)
    if why:
        return None, None, why
    if moment.utc:
        local, instant = to_wall_clock(moment, zone_of(None if one.source == FILE else point, rules))
        return local, instant, ""
    return moment, moment.instant, ""


def _point(facts: Sequence[Facts]) -> Position | None:
    return next((one.position for one in facts if one.position is not None), None)


def zone_of(point: Position | None, rules: DateRules) -> str:
    """The zone that turns UTC into wall clock: of the place where it was taken, else of the library. A file's own time has no place."""
    if point is not None and rules.zone_at is not None:
        return rules.zone_at(point.lat, point.lon) or rules.zone
    return rules.zone


def implausible(moment: Moment, now: int) -> str:
    """Why this cannot be when a picture was taken; "" when it can. ``now`` in ns."""
    when = moment.when
    if (when.year, when.month, when.day) == (1904, 1, 1) and moment.precision != "month":
        return "1904-01-01 is a clock that was never set"
    if when.isoformat() == "1970-01-01T00:00:00" and moment.precision != "month":
        return "1970-01-01 00:00:00 is a clock that was never set"
    if when.year < _FIRST_YEAR:
        return f"before {_FIRST_YEAR}"
    try:
        limit = from_ns(max(now, RELEASED)).when + timedelta(days=1)  # no good date is thrown away because a battery is empty
    except (NoMoment, OverflowError):
        return ""
    return "in the future" if when > limit else ""
