"""Dates in file names and folders. Digits count only where they can be nothing else than a date; impossible ones are told."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from albumen.media.moments import Moment

OWN_PREFIX = re.compile(r"^(\d{4})-(\d{2})(?:-(\d{2})(?: (\d{2})-(\d{2})-(\d{2}))?)? @ ", re.ASCII)  # as ``naming`` writes it


@dataclass(frozen=True, slots=True)
class Found:
    """A date that was read, or in ``why`` the reason why digits that look like one are none. ``doubtful`` = low confidence."""

    text: str
    moment: Moment | None
    why: str = ""
    doubtful: bool = False


_AT = r"at|um|à|a las|alle|om|às|as|kl\.?|klo|kello|o|saat|в"  # between day and time in the names that macOS and WhatsApp give
_TIME = (
    rf"(?:(?P<sep>[ _\-T.]| ?, ?| (?:{_AT}) | ?(?P<half>上午|下午|午前|午後|오전|오후) ?)(?P<H>[0-9]{{2}}|[0-9](?=[.:]))"
    r"(?:(?P<t>[ \-_.:h])(?P<M>[0-9]{2})(?P=t)(?P<S>[0-9]{2})|(?P<M2>[0-9]{2})(?P<S2>[0-9]{2}))"
    r"(?:\.?(?P<f>[0-9]{3})|_(?P<f2>[0-9]{3})(?=Z))?(?P<z>Z(?![A-Za-z]))?(?:[ \u00a0\u202f]?(?P<ap>[AaPp])\.?[Mm]\b)?(?![0-9]))?"
)
_DELIMITED = re.compile(r"(?<![0-9])(?P<y>[0-9]{4})(?P<s>[\-_.])(?P<m>[0-9]{2})(?P=s)(?P<d>[0-9]{2})(?![0-9])" + _TIME)
_SOLID = re.compile(r"(?<![0-9])(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?![0-9])" + _TIME)
_RUN = re.compile(
    r"(?<![0-9])(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?P<H>[0-9]{2})(?P<M>[0-9]{2})(?P<S>[0-9]{2})(?P<f>[0-9]{3})?(?![0-9])"
)
_DAY_FIRST = re.compile(
    r"(?<![0-9])(?P<d>[0-9]{1,2})(?P<s>[.\-_])(?P<m>[0-9]{1,2})(?P=s)(?P<y>[0-9]{4}|[0-9]{2})(?![0-9])" + _TIME
)
_EPOCH = re.compile(r"(?<![0-9])(1[0-9]{12}|1[0-9]{9})(?![0-9])")
_EPOCH_NAMES = re.compile(
    r"^(?:FB_IMG_|(?:IMG|VID|BURST|image|video|photo|picture|Screenshot|mmexport|wx_camera|dji_fly)[_\-]?)(?=1(?:[0-9]{9}|[0-9]{12})(?![0-9]))"
    r"|^(?=1[0-9]{12}(?![0-9]))",  # ten digits alone may be a telephone number
    re.IGNORECASE,
)
_RANDOM = re.compile(  # UUIDs and digests: their digits mean nothing
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?<![0-9A-Za-z])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{16,}(?![0-9A-Za-z])"
)
_UTC_NAMES = ("PXL_", "GMT")  # Pixel phones and Zoom put UTC into their names


def in_name(name: str) -> list[Found]:
    """The candidates of a file name, best first: the last date of the old name, before that of a prefix we once put there."""
    prefix = OWN_PREFIX.match(name)
    if prefix is None:
        return list(_search(name))
    old = list(_search(name[prefix.end() :]))
    own = prefix.groups()
    precision = "month" if own[2] is None else "day" if own[3] is None else "second"
    return [*old, _made(prefix[0][:-3], dict(zip("ymdHMS", own, strict=True)), precision == "second")]


def _search(text: str) -> Iterator[Found]:
    base = unicodedata.normalize("NFC", text)
    base = _RANDOM.sub("#", base.rpartition(".")[0] or base)
    hits = [match for form in (_DELIMITED, _SOLID, _RUN) for match in form.finditer(base)]
    hits += [
        one for one in _DAY_FIRST.finditer(base) if not any(one.start() < hit.end() and hit.start() < one.end() for hit in hits)
    ]
    for match in sorted(hits, key=lambda one: one.start(), reverse=True):
        found = _day_first(match) if match.re is _DAY_FIRST else _year_first(match)
        if found is not None:
            yield _utc(found) if base.startswith(_UTC_NAMES) or match.groupdict().get("z") else found
    epoch = _EPOCH.search(base) if _EPOCH_NAMES.match(base) else None
    if epoch:
        when = datetime.fromtimestamp(int(epoch[1][:10]), UTC).replace(tzinfo=None)
        yield Found(epoch[1], Moment(when, fraction=epoch[1][10:].replace("000", ""), utc=True), doubtful=True)


def _year_first(match: re.Match[str]) -> Found | None:
    part = match.groupdict()
    if match.re is not _DELIMITED and not 1980 <= int(part["y"]) <= 2099:
        if match.re is _SOLID and part["H"] is not None:
            return Found(match[0], None, "looks like a date and a time but is none")
        return None  # any eight digits: a number, no date
    return _made(match[0], part, doubtful=False)


def _day_first(match: re.Match[str]) -> Found | None:
    """``Foto 03.07.21, 10 11 12``, ``photo_1@03-07-2021_10-11-12``: points and Telegram's sign say that the day comes first; between
    dashes either may, so only a day beyond 12 tells. A short year alone may be a version."""
    part = match.groupdict()
    year = int(part["y"] or 0)
    if len(part["y"] or "") == 2:
        if part["H"] is None:
            return None
        year += 2000 if year < 80 else 1900
    if not 1900 <= year <= 2099:
        return None
    day, month = int(part["d"] or 0), int(part["m"] or 0)
    if part["s"] != "." and not match.string.startswith("@", match.start() - 1):
        if day <= 12 and month <= 12 and day != month:
            return Found(match[0], None, "day first or month first: both can be")
        if month > 12:
            day, month = month, day
    return _made(match[0], {**part, "y": str(year), "m": str(month), "d": str(day)}, doubtful=False)


def _made(text: str, part: dict[str, str | None], doubtful: bool) -> Found:  # noqa: FBT001  # private
    year, month, day = int(part["y"] or 0), int(part["m"] or 0), int(part["d"] or 1)
    try:
        date = datetime(year, month, day)  # noqa: DTZ001  # wall clock
    except ValueError as error:
        return Found(text, None, f"impossible: {error}")
    if part["d"] is None:
        return Found(text, Moment(date, "month"), doubtful=doubtful)
    clock = _clock(part)
    if clock is None:
        return Found(text, Moment(date, "day"), doubtful=doubtful)
    return Found(text, Moment(date + clock, fraction=part.get("f") or part.get("f2") or ""), doubtful=doubtful)


def _clock(part: dict[str, str | None]) -> timedelta | None:
    """The time of the day, None when there is none or it is impossible."""
    if part.get("H") is None:
        return None
    hour = int(part["H"] or 0)
    minute, second = int(part.get("M") or part.get("M2") or 0), int(part.get("S") or part.get("S2") or 0)
    half = (part.get("ap") or part.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in ("p", "下午", "午後", "오후") else 0)
    return timedelta(hours=hour, minutes=minute, seconds=second) if hour < 24 and minute < 60 and second < 60 else None


def _utc(found: Found) -> Found:
    moment = found.moment
    if moment is None or moment.precision != "second":
        return found
    return Found(found.text, Moment(moment.when, fraction=moment.fraction, utc=True), doubtful=found.doubtful)


_DAY_PARTS = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})$", re.ASCII)
_DAY_NAME = re.compile(r"^(\d{4})(?:-(\d{2})-(\d{2})|_(\d{2})_(\d{2})|(\d{2})(\d{2}))(?!\d)", re.ASCII)
_MONTH = re.compile(r"(?:^|/)(\d{4})/(\d{2})(?:[_ \-][^/\d]*)?$|(?:^|/)(\d{4})-(\d{2})(?![\d\-])[^/]*$", re.ASCII)


def in_folder(folder: str) -> list[Found]:
    """The candidates of a folder path, innermost first: ``2019/07/04``, ``2019-07-04 Wedding``, then months ``2019/07``."""
    days, months = [], []
    while folder:
        parent, _, last = folder.rpartition("/")
        named = _DAY_NAME.match(last)
        if match := _DAY_PARTS.search(folder):
            days.append(_made(match[0].strip("/"), dict(zip("ymd", match.groups(), strict=True)), doubtful=True))
        elif named and (named[6] is None or 1980 <= int(named[1]) <= 2099):
            year, month, day = (one for one in named.groups() if one)
            days.append(_made(named[0], {"y": year, "m": month, "d": day}, doubtful=True))
        elif match := _MONTH.search(folder):
            year, month = (one for one in match.groups() if one)
            months.append(_made(f"{year}-{month}", {"y": year, "m": month, "d": None}, doubtful=True))
        folder = parent
    return [*days, *months]
