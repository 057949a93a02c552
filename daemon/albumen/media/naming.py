"""Names and folders for a set of arrivals: a pure planner (DESIGN section 6, "Names")."""

import itertools
import os
import re
import unicodedata
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from albumen.media import signature
from albumen.media.dates import FILE, FOLDER, NAME
from albumen.media.namedates import OWN_PREFIX
from albumen.media.stems import described, split, stem, tells_of
from albumen.model import Dated, Kind

__all__ = ["MONTHS", "NameRules", "Named", "Target", "candidates", "plan", "stem"]

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]  # English whatever the locale
_UNDATED = "undated"
_BYTES = 255  # of a name, UTF-8: the least that stores of copies take
_ASIDE = (NAME, FOLDER, FILE)  # sources of a date that are no date of capture
_SUPPLEMENT = re.compile(r"\.s[a-z\-]*(?:\(\d+\))?$", re.ASCII)  # Google's newer sidecars, whole or cut
_REFUSED = str.maketrans({"/": "-", "\\": "-", **dict.fromkeys(':*?"<>|', "_")})


@dataclass(frozen=True, slots=True)
class NameRules:
    """``day_folder`` holds what is dated to the day by a name or folder ("" = none), ``video_folder`` videos ("" = none)."""

    day_folder: str = "Whatsapp"
    video_folder: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """One arrival to be named: original file ``name`` (byte-true, no folder), its date, what it is, its SHA-256.

    ``companions`` are (name, role) as ``grouping.group`` gave them. ``place`` is the town, "" for none. ``album`` is the folder of
    an album, "" for what is filed by its date: names that people gave stay in an album.
    """

    name: str
    dated: Dated
    kind: Kind
    type: str
    sha256: str
    companions: tuple[tuple[str, str], ...] = ()
    place: str = ""
    album: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes: ``folder`` (no slash at its ends), file ``name``, and the names of the companions in their given order."""

    folder: str
    name: str
    companions: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Path of the main file in the library."""
        return f"{self.folder}/{self.name}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the main file and of each companion."""
        return tuple(f"{self.folder}/{name}" for name in (self.name, *self.companions))


def candidates(arrival: Named, rules: NameRules, *, start: int = 0) -> Iterator[Target]:
    """The targets of one arrival in the order they are tried: the plain name, then ``_1``, ``_2`` … without end.

    ``start`` is the first number, 0 being the plain name.

    For a set of one: the first whose ``stem`` is free, or whose ``paths`` all are, is the one that ``plan`` gives.
    """
    folder, front = _folder(arrival, rules), _front(arrival)
    suffix = signature.extension(arrival.name, arrival.type)
    ending = f".{suffix}" if suffix else ""
    tails = _tails(arrival, ending)
    for number in itertools.count(start):
        after = f"_{number}" if number else ""
        room = _BYTES - len(after) - max(len(tail.encode()) for tail in (ending, *tails))
        base = _cut(front, room) + after
        yield Target(folder, base + ending, tuple(base + tail for tail in tails))


def plan(arrivals: Sequence[Named], taken: Container[str], rules: NameRules, key: Callable[[str], str] = str) -> Sequence[Target]:
    """A target for each arrival, in the order given; the answer depends on the set alone, not on its order.

    ``taken`` holds folded stems, ``key(stem(path))``, of everything that lies there or is reserved; ``key`` is the store's. A
    stem counts whatever the extension, so that files that have nothing to do with one another never look like companions.
    """
    found: list[Target | None] = [None] * len(arrivals)
    given: set[str] = set()
    next_number: dict[str, int] = {}  # of a stem: a thousand frames of one second must not try each other's names
    for at in sorted(range(len(arrivals)), key=lambda one: _order(arrivals[one])):
        plain = key(stem(next(candidates(arrivals[at], rules)).path))
        number = next_number.get(plain, 0)
        for target in candidates(arrivals[at], rules, start=number):
            number += 1
            folded = key(stem(target.path))
            if folded not in given and folded not in taken:
                given.add(folded)
                found[at] = target
                break
        next_number[plain] = number
    return [one for one in found if one is not None]


def _order(arrival: Named) -> tuple[str, bytes, str]:
    """By (taken, sub-second, original name, hash): sub-seconds are the end of ``taken``, as decimals they sort as text."""
    return arrival.dated.taken, os.fsencode(arrival.name), arrival.sha256


def _folder(arrival: Named, rules: NameRules) -> str:
    dated = arrival.dated
    if arrival.album:
        return "/".join(_cut(_clean(part), _BYTES) for part in arrival.album.split("/"))
    if not dated.taken:
        return _UNDATED
    parts = [dated.taken[:4], f"{dated.taken[5:7]}_{MONTHS[int(dated.taken[5:7]) - 1]}"]
    if dated.precision == "day" and dated.source in (NAME, FOLDER) and rules.day_folder:
        parts.append(rules.day_folder)
    if arrival.kind == "video" and rules.video_folder:
        parts.append(rules.video_folder)
    return "/".join(parts)


def _front(arrival: Named) -> str:
    """The name before ``_1`` and the extension. An old name that already has our prefix gives it up first, so none is stacked."""
    dated = arrival.dated
    old, _ = split(arrival.name)
    own = OWN_PREFIX.match(old)
    bare = old[own.end() :] if own else old
    date, _, clock = dated.taken.partition("T")
    when = f"{date} {clock[:8].replace(':', '-')}" if clock else date
    if arrival.album and (manual := _manual(bare, when, dated)):
        return _clean(manual)
    kept = own is not None and dated.source == NAME  # the clock was the file's when the prefix was made
    if not when:
        front = old
    elif dated.precision == "second" and dated.source != FILE and not kept:
        front = f"{when} {arrival.place}" if arrival.place else when
    else:
        front = f"{when} @ {bare}"
    return _clean(front)


def _manual(bare: str, when: str, dated: Dated) -> str:
    """The name that a person gave, with the date of capture behind it, once; "" where the date shall take its place: a camera's
    name, mostly digits. Without a date of capture every name stays."""
    if not when or dated.source in _ASIDE:
        return bare
    given = _clean(re.sub(rf"(?:^| ){re.escape(when)}(?:_\d+)?$", "", bare))
    return f"{given} {when}" if _mostly_letters(given) else ""


def _mostly_letters(text: str) -> bool:
    """Whether more than half of it are letters of any script; blanks count for nothing, marks belong to their letters."""
    kinds = [unicodedata.category(one)[0] for one in unicodedata.normalize("NFC", text) if not one.isspace()]
    return 2 * kinds.count("L") > len(kinds) - kinds.count("M")


def _clean(text: str) -> str:
    """NFC without anything a store of copies refuses; bytes that are no UTF-8 and control characters become ``_``."""
    text = unicodedata.normalize("NFC", text.translate(_REFUSED))
    text = "".join("_" if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") else one for one in text)
    text = text.strip().rstrip(". ")
    return ("_" + text[1:] if text.startswith(".") else text) or "_"


def _cut(text: str, room: int) -> str:
    """At most ``room`` bytes of UTF-8, whole characters, no blank or dot at the end."""
    raw = text.encode()
    return text if len(raw) <= room else raw[: max(1, room)].decode(errors="ignore").rstrip(". ")


def _tails(arrival: Named, ending: str) -> list[str]:
    """What each companion's name has behind the common base, in the style it came: ``.jpg.xmp`` or ``.xmp``."""
    pixels = [name for name, role in arrival.companions if role not in signature.SIDECARS]
    tails: dict[int, str] = {}
    carried: dict[str, str] = {}  # what a companion with pixels has behind the base
    order = sorted(range(len(arrival.companions)), key=lambda at: arrival.companions[at][1] in signature.SIDECARS)
    for at in order:
        name, role = arrival.companions[at]
        if role in signature.SIDECARS:
            carrier = next(
                (one for one in pixels if tells_of(name, one, (arrival.name, *(two for two in pixels if two != one)))), ""
            )
            tail = _told(
                name, role, carried[carrier] if carrier else ending, whole=bool(carrier) or _whole(name, role, arrival.name)
            )
        else:
            tail = ("_edited." if role == "edited" else ".") + _clean(split(name)[1] or role)
        number, plain = 2, tail
        while tail in (ending, *tails.values()):
            front, _, last = plain.rpartition(".")
            tail, number = f"{front}.{number}.{last}", number + 1
        tails[at] = carried[name] = tail
    return [tails[at] for at in range(len(arrival.companions))]


def _whole(name: str, role: str, main: str) -> bool:
    return described(name).casefold() == main.casefold() or role == "json"


def _told(name: str, role: str, ending: str, *, whole: bool) -> str:
    """A sidecar's, behind the ending of the file that it tells of (``whole``) or without that."""
    bare, _ = split(name)
    long = ".supplemental-metadata" if role == "json" and _SUPPLEMENT.search(bare) else ""
    edit = "_O" if role == "aae" and bare.upper().startswith("IMG_O") else ""
    return f"{ending if whole else ''}{edit}{long}.{role}"
