"""Moments as files write them: text to wall clock with precision, offset and instant; nothing is judged here."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

from albumen.model import Precision, Stamp


@dataclass(frozen=True, slots=True)
class Moment:
    """``when`` is naive: wall clock, or UTC when ``utc``. ``fraction`` are the digits behind the seconds, "" for none."""

    when: datetime
    precision: Precision = "second"
    fraction: str = ""
    offset: timedelta | None = None  # of the wall clock, as stated
    utc: bool = False

    @property
    def text(self) -> str:
        """As ``Dated.taken`` has it."""
        if self.precision == "month":
            return f"{self.when.year:04}-{self.when.month:02}"
        if self.precision == "day":
            return f"{self.when.year:04}-{self.when.month:02}-{self.when.day:02}"
        return self.when.isoformat(timespec="seconds") + (f".{self.fraction}" if self.fraction else "")

    @property
    def instant(self) -> str | None:
        """In UTC with a Z, None when neither an offset nor UTC was stated or only a day is known."""
        if self.precision != "second" or (self.offset is None and not self.utc):
            return None
        try:
            when = self.when if self.utc or self.offset is None else self.when - self.offset
        except OverflowError:
            return None
        return when.isoformat(timespec="seconds") + (f".{self.fraction}" if self.fraction else "") + "Z"


class NoMoment(ValueError):
    """The text states no moment; the message says why."""


_FULL = re.compile(
    r"(?P<y>\d{4})[:\-/.]?(?P<m>\d{2})(?:[:\-/.]?(?P<d>\d{2}))?"
    r"(?:[T ]+(?P<H>\d{2})[:.]?(?P<M>\d{2})(?:[:.]?(?P<S>\d{2})(?:[.,](?P<f>\d+))?)?"
    r"\s*(?P<z>Z|UTC|[+\-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_SAID_UTC = ("Z", "UTC")


def parse(stamp: Stamp) -> Moment:
    """The moment of EXIF, XMP, IPTC, QuickTime and ISO 8601 texts. ``NoMoment`` with the reason for any other."""
    value = stamp.value.strip("\0 \t\r\n")
    if not re.search(r"[0-9]", value):
        raise NoMoment("blank")
    if not re.search(r"[1-9]", value):
        raise NoMoment("zeros: the clock was not set")
    match = _FULL.fullmatch(value)
    if match is None:
        raise NoMoment("not a date")
    part = match.groupdict()
    when = _datetime(part)
    if part["d"] is None or part["H"] is None:
        return Moment(when, "month" if part["d"] is None else "day")
    stated = part["z"] or (stamp.offset or "").strip()
    fraction = re.sub(r"[^0-9].*", "", (stamp.subsec or "").strip()) or part["f"] or ""
    fraction = fraction if fraction.strip("0") else ""
    zone = None if stated in _SAID_UTC else offset(stated)
    return Moment(when, "second", fraction[:9], zone, utc=stated in _SAID_UTC)


def _datetime(part: dict[str, str | None]) -> datetime:
    year, month, day, hour, minute, second = (
        int(part[key] or low) for key, low in zip("ymdHMS", (0, 1, 1, 0, 0, 0), strict=True)
    )
    try:  # a leap second is the last one that datetime knows
        return datetime(year, month, day, hour, minute, min(second, 59) if second == 60 else second)  # noqa: DTZ001  # wall clock
    except ValueError as error:
        raise NoMoment(f"impossible: {error}") from None


def offset(text: str) -> timedelta | None:
    """``+02:00``, ``+0200``, ``-07:30``; None for anything else and beyond the 14 hours that exist."""
    match = re.fullmatch(r"([+\-])([0-9]{2}):?([0-9]{2})", text)
    if match is None:
        return None
    found = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if found > timedelta(hours=14) or int(match[3]) > 59:
        return None
    return -found if match[1] == "-" else found


def offset_text(value: timedelta) -> str:
    """``+02:00``."""
    minutes = int(value.total_seconds()) // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def from_ns(ns: int) -> Moment:
    """A file's time as UTC with whole seconds. ``NoMoment`` where it is beyond what a calendar holds."""
    try:
        when = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=ns // 1_000_000_000)  # noqa: UP017
    except OverflowError:
        raise NoMoment("beyond the calendar") from None
    return Moment(when.replace(tzinfo=None), utc=True)


def to_wall_clock(moment: Moment, zone: str) -> tuple[Moment, str | None]:
    """A UTC moment as wall clock of ``zone`` (IANA name) and its instant; an unknown zone counts as UTC."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        local = moment.when.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        local = moment.when
    return replace(moment, when=local, utc=False), moment.instant
