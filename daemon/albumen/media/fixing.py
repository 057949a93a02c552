"""A person's corrections of dates, as rules: each makes one stamp from what a record's own file says. Pure.

A rule starts from the date that the file itself gives, never from a former correction: corrections replace each other, and the same
one twice is the same.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from albumen.media.dates import PERSON, DateRules, implausible, zone_of
from albumen.media.moments import Moment, NoMoment, offset, offset_text, parse, to_wall_clock
from albumen.media.namedates import in_name
from albumen.media.stems import split
from albumen.model import Dated, Record, Stamp

NEAR = 20  # numbers on either side in which neighbours are looked for
_ALONE = 3  # … when there is one on one side only


class NoFix(ValueError):
    """The rule gives no date for this record; the message says why."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule may look at: the record, the date its file gives by itself, the present (ns), how dates are chosen, and the records
    numbered around it (``near`` is asked only by the rule that needs them)."""

    record: Record
    own: Dated
    now: int
    rules: DateRules
    near: Callable[[], Sequence[Record]] = tuple


Rule: TypeAlias = Callable[[Known], tuple[Stamp, str]]  # the correction, and a sentence that explains it; NoFix


def stamp_of(moment: Moment) -> Stamp:
    """A person's word, with its offset behind it where one is known."""
    zone = offset_text(moment.offset) if moment.offset is not None else "Z" if moment.utc else ""
    return Stamp(PERSON, moment.text + (zone if moment.precision == "second" else ""))


def setting(text: str, now: int) -> Rule:
    """``--set``: this very date, to the second, the day or the month. ``ValueError`` for what is none, or cannot be."""
    try:
        moment = parse(Stamp(PERSON, text))
    except NoMoment as error:
        raise ValueError(
            f"{text}: {error}; write 2021-07, 2021-07-03 or 2021-07-03T10:11:12, with +02:00 behind it if you like"
        ) from None
    why = implausible(moment, now)
    if why:
        raise ValueError(f"{text}: no picture has this date: {why}")

    def fix(known: Known) -> tuple[Stamp, str]:
        return stamp_of(_local(moment, known)), "set"

    return fix


_SPAN = re.compile(r"([+-])(?=[0-9])(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", re.ASCII)


def shifting(text: str) -> Rule:
    """``--shift``: ``+1h30m``, ``-2d``, ``+1d2h3m4s``. ``ValueError`` for anything else and for more than a thousand years."""
    match = _SPAN.fullmatch(text)
    parts = [int(one[:9]) if one else 0 for one in match.groups()[1:]] if match else []
    if match is None or not any(parts) or parts[0] > 365_250:
        raise ValueError(f"{text}: write a sign and then days, hours, minutes or seconds: +1h30m, -2d")
    span = timedelta(days=parts[0], hours=parts[1], minutes=parts[2], seconds=parts[3]) * (-1 if match[1] == "-" else 1)

    def fix(known: Known) -> tuple[Stamp, str]:
        moment = _own(known)
        if moment.precision == "month" or (moment.precision == "day" and span % timedelta(days=1)):
            raise NoFix(f"of its date only the {moment.precision} is known ({moment.text}): it cannot be shifted by {text}")
        try:
            return stamp_of(replace(moment, when=moment.when + span)), f"{moment.text} shifted by {text}"
        except OverflowError:
            raise NoFix(f"{moment.text} shifted by {text} is beyond the calendar") from None

    return fix


def in_zone(name: str) -> Rule:
    """``--zone``: the clock of this zone. A moment that is known (by its offset, or as UTC) is shown as it was there; a clock whose
    zone nobody knows keeps its time, and now has that zone. ``ValueError`` for an unknown zone."""
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write one such as Europe/Zurich") from None

    def fix(known: Known) -> tuple[Stamp, str]:
        moment = _own(known)
        if moment.precision != "second":
            raise NoFix(f"of its date only the {moment.precision} is known ({moment.text}): no zone changes it")
        if known.own.instant:
            utc = parse(Stamp(PERSON, known.own.instant))
            local, why = _at(utc, name), f"{known.own.instant} by the clock of {name}"
        else:
            local, why = (
                replace(moment, offset=moment.when.replace(tzinfo=zone).utcoffset()),
                f"{moment.text} was the clock of {name}",
            )
        return stamp_of(local), why

    return fix


def _at(utc: Moment, zone: str) -> Moment:
    """A UTC moment as the wall clock of a zone, with its offset."""
    away = utc.when.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return replace(to_wall_clock(utc, zone)[0], offset=away)


def from_name(known: Known) -> tuple[Stamp, str]:
    """``--from-name``: the first possible date in the original name."""
    why = "no date in it"
    for found in in_name(known.record.name):
        against = found.why if found.moment is None else implausible(found.moment, known.now)
        if found.moment is not None and not against:
            return stamp_of(_local(found.moment, known)), f"{found.text} in its name"
        why = f"{found.text}: {against}"
    raise NoFix(f"its name {known.record.name} gives no date: {why}")


def from_neighbours(known: Known) -> tuple[Stamp, str]:
    """``--from-neighbours``: by the pictures of the same camera or folder that are numbered around it. No clock is invented: the day
    when both sides lie on it, else the month."""
    own = known.own
    if own.taken and own.precision == "second" and own.confidence != "low":
        raise NoFix(f"its own date says more ({own.source} {own.taken})")
    here = number_of(known.record.name)
    if here is None:
        raise NoFix(f"its name {known.record.name} has no number that could be next to another")
    kin = [(number, one) for one in known.near() if (number := _kin(known.record, one)) is not None]
    lower = max(((number, one) for number, one in kin if number < here[1]), key=lambda pair: pair[0], default=None)
    upper = min(((number, one) for number, one in kin if number > here[1]), key=lambda pair: pair[0], default=None)
    return _between(here[1], lower, upper)


def _between(here: int, lower: tuple[int, Record] | None, upper: tuple[int, Record] | None) -> tuple[Stamp, str]:
    if lower is None or upper is None:
        side = lower or upper
        if side is None:
            raise NoFix(f"no picture of the same camera or folder is numbered within {NEAR} of it and has a sure date")
        if abs(side[0] - here) > _ALONE:
            raise NoFix(f"it has a neighbour on one side only, and not a near one: {_told(side[1])}")
        return Stamp(PERSON, _taken(side[1])[:10]), f"the day of its only neighbour, {_told(side[1])}"
    first, last = _taken(lower[1]), _taken(upper[1])
    both = f"{_told(lower[1])} and {_told(upper[1])}"
    if first > last:
        raise NoFix(f"its neighbours contradict each other: {both}")
    if first[:7] != last[:7]:
        raise NoFix(f"its neighbours lie too far apart: {both}")
    same = first[:10] == last[:10]
    return Stamp(PERSON, first[: 10 if same else 7]), f"it lies between {both}"


def _taken(record: Record) -> str:
    return record.taken or ""


def _told(record: Record) -> str:
    return f"{record.name} ({record.taken})"


_NUMBERED = re.compile(r"(.*?)([0-9]{2,9})([^0-9]*)", re.DOTALL | re.ASCII)


def number_of(name: str) -> tuple[str, int, int, str] | None:
    """(what is before the number, the number, its digits, what is behind it) of a name such as ``IMG_1234.JPG``; None without one."""
    stem, suffix = split(name)
    match = _NUMBERED.fullmatch(stem)
    return (match[1], int(match[2]), len(match[2]), f"{match[3]}.{suffix}" if suffix else match[3]) if match else None


def names_around(name: str, endings: Iterable[str]) -> tuple[str, ...]:
    """The names that neighbours may have, with any of these extensions besides its own."""
    found = number_of(name)
    if found is None:
        return ()
    front, here, digits, back = found
    bare = back.rpartition(".")[0] if "." in back else back
    backs = dict.fromkeys((back, *(f"{bare}.{one}" for one in endings)))
    numbers = (number for number in range(max(0, here - NEAR), here + NEAR + 1) if number != here)
    return tuple(f"{front}{number:0{digits}}{one}" for number in numbers for one in backs)


def _kin(record: Record, other: Record) -> int | None:
    """The number of a record whose date is sure and that the same camera, or somebody who filled the same folder, numbered."""
    mine, its = number_of(record.name), number_of(other.name)
    if mine is None or its is None or other.id == record.id or mine[0].casefold() != its[0].casefold():
        return None
    if other.precision != "second" or other.date_confidence not in ("high", "medium"):
        return None
    one, two = record.camera, other.camera
    if one is not None and two is not None:
        same = (one.make, one.model) == (two.make, two.model) and one.serial in (two.serial, None)
    else:
        same = bool(_folders(record) & _folders(other))
    return its[1] if same else None


def _folders(record: Record) -> set[str]:
    return {one.ref.rpartition("/")[0] for one in record.arrival}


def _own(known: Known) -> Moment:
    """The date that the file gives, as wall clock."""
    own = known.own
    if not own.taken:
        raise NoFix("nothing tells when it was taken: give it a date with --set")
    moment = parse(Stamp(PERSON, own.taken))
    return replace(moment, offset=offset(own.offset) if own.offset else None)


def _local(moment: Moment, known: Known) -> Moment:
    """UTC as the wall clock of the place, else of the library, with its offset."""
    if not moment.utc:
        return moment
    return _at(moment, zone_of(known.record.position, known.rules))
