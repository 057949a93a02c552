"""Dates in file names and folders. Digits count only where they can be nothing else than a date; impossible ones are told."""

import re
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


_TIME = (
    r"(?:(?:[ _\-T.]| at )(?P<H>\d{2}|\d(?=[.:]))(?:(?P<t>[ \-_.:h])(?P<M>\d{2})(?P=t)(?P<S>\d{2})|(?P<M2>\d{2})(?P<S2>\d{2}))"
    r"(?:[.]?(?P<f>\d{3}))?(?: ?(?P<ap>[AaPp][Mm])\b)?(?!\d))?"
)
_DELIMITED = re.compile(r"(?<!\d)(?P<y>\d{4})(?P<s>[\-_.])(?P<m>\d{2})(?P=s)(?P<d>\d{2})(?!\d)" + _TIME, re.ASCII)
_SOLID = re.compile(r"(?<!\d)(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?!\d)" + _TIME, re.ASCII)
_RUN = re.compile(r"(?<!\d)(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})(?P<f>\d{3})?(?!\d)", re.ASCII)
_EPOCH = re.compile(r"(?<!\d)(1\d{12})(?!\d)", re.ASCII)
_EPOCH_NAMES = re.compile(
    r"^(?:FB_IMG_|IMG_?|BURST|mmexport|wx_camera_|image|VID_?|video)?(?=1\d{12}(?!\d))", re.IGNORECASE | re.ASCII
)


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
    base = text.rpartition(".")[0] or text
    hits = [match for form in (_DELIMITED, _SOLID, _RUN) for match in form.finditer(base)]
    for match in sorted(hits, key=lambda one: one.start(), reverse=True):
        part = match.groupdict()
        if match.re is not _DELIMITED and not 1980 <= int(part["y"]) <= 2099:
            if match.re is _SOLID and part["H"] is not None:
                yield Found(match[0], None, "looks like a date and a time but is none")
            continue  # any eight digits: a number, no date
        found = _made(match[0], part, doubtful=False)
        yield _pixel(found) if base.startswith("PXL_") else found
    epoch = _EPOCH.search(base) if _EPOCH_NAMES.match(base) else None
    if epoch:
        when = datetime.fromtimestamp(int(epoch[1]) // 1000, UTC).replace(tzinfo=None)
        yield Found(epoch[1], Moment(when, fraction=epoch[1][-3:].replace("000", ""), utc=True), doubtful=True)


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
    return Found(text, Moment(date + clock, fraction=part.get("f") or ""), doubtful=doubtful)


def _clock(part: dict[str, str | None]) -> timedelta | None:
    """The time of the day, None when there is none or it is impossible."""
    if part.get("H") is None:
        return None
    hour = int(part["H"] or 0)
    minute, second = int(part.get("M") or part.get("M2") or 0), int(part.get("S") or part.get("S2") or 0)
    half = (part.get("ap") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return timedelta(hours=hour, minutes=minute, seconds=second) if hour < 24 and minute < 60 and second < 60 else None


def _pixel(found: Found) -> Found:
    """Pixel phones put UTC into the names of their pictures."""
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
