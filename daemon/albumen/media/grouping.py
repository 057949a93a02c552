"""Which files of one folder travel together, by their names (DESIGN section 6, "Companions"). Pure.

Names only propose: once the bytes are read, ``handlers.halves`` splits what does not belong together. A still and a movie of one
name wait for one another here; only their content identifier joins them.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from albumen.media.signature import SIDECARS, TYPES
from albumen.media.stems import base, described, original, split, stem
from albumen.model import Kind

_BESIDE_RAW = (*TYPES["jpeg"][1], *TYPES["heic"][1])  # what cameras write beside a RAW
_TAKEOUT_CUT = 46  # Google cuts a sidecar's name at 51 characters with its ".json"
_RANK = {"raw": 0, "image": 1, "video": 2, "other": 3}
_STILL = ("raw", "image")
_NUMBER = re.compile(r"\(\d+\)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Group:
    """A main file and its (companion name, role), sorted by name. Roles: "xmp", "aae", "json", "jpeg" beside a RAW, "live" (a movie
    of the same name), "edited"."""

    main: str
    companions: tuple[tuple[str, str], ...] = ()


def group(names: Sequence[str], kind_of: Callable[[str], Kind | None]) -> list[Group]:
    """Every name exactly once, as a main file or as a companion; sorted by main. A sidecar without a main file stands alone.

    ``kind_of`` gives the kind of a name (``signature.kind_of_name`` where the bytes are not known), None for no media. A RAW
    takes the JPEG of the same name along, a still the movie of the same name where it is the only still of that name, each its
    edited versions.
    """
    ordered = sorted(dict.fromkeys(names), key=os.fsencode)
    sidecars = [name for name in ordered if split(name)[1] in SIDECARS]
    kinds = {name: kind for name in ordered if name not in set(sidecars) and (kind := kind_of(name)) is not None}
    links = _beside_raws(kinds)
    for find in (_edits, _movies):
        links |= find({name: kind for name, kind in kinds.items() if name not in links})
    partner = {name: (_root(name, links), role) for name, (_, role) in links.items()}
    mains = _Mains(
        {name: kind for name, kind in kinds.items() if name not in partner}, {name: main for name, (main, _) in partner.items()}
    )
    for name in sidecars:
        main = mains.of(name)
        if main is not None:
            partner[name] = (main, split(name)[1])
    companions: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, (main, role) in partner.items():
        companions[main].append((name, role))
    return [
        Group(name, tuple(sorted(companions[name], key=lambda one: os.fsencode(one[0]))))
        for name in ordered
        if name not in partner
    ]


def _key(text: str) -> str:
    """Equal for one name in any case and Unicode form."""
    return unicodedata.normalize("NFC", text).casefold()


def _beside_raws(kinds: Mapping[str, Kind]) -> dict[str, tuple[str, str]]:
    """JPEG (or HEIF) → (RAW of the same base, role); the first RAW where there are several."""
    raws = _first((_key(base(name)), name) for name, kind in kinds.items() if kind == "raw")
    return {
        name: (raws[_key(base(name))], "jpeg" if split(name)[1] in TYPES["jpeg"][1] else "heic")
        for name, kind in kinds.items()
        if kind == "image" and split(name)[1] in _BESIDE_RAW and _key(base(name)) in raws
    }


def _edits(kinds: Mapping[str, Kind]) -> dict[str, tuple[str, str]]:
    """Edited version → (what it is a version of, "edited"): a picture's picture, a movie's movie."""
    plain = sorted((name for name in kinds if original(name) is None), key=lambda name: (_RANK[kinds[name]], os.fsencode(name)))
    stills = _first((_key(base(name)), name) for name in plain if kinds[name] in _STILL)
    movies = _first((_key(base(name)), name) for name in plain if kinds[name] == "video")
    found: dict[str, tuple[str, str]] = {}
    for name, kind in kinds.items():
        of = original(name)
        versions = stills if kind in _STILL else movies if kind == "video" else {}
        if of is not None and _key(of) in versions:
            found[name] = (versions[_key(of)], "edited")
    return found


def _movies(kinds: Mapping[str, Kind]) -> dict[str, tuple[str, str]]:
    """Movie → (the one still of the same base, "live")."""
    stills: dict[str, list[str]] = defaultdict(list)
    for name, kind in kinds.items():
        if kind in _STILL:
            stills[_key(base(name))].append(name)
    alone = {bare: found[0] for bare, found in stills.items() if len(found) == 1}
    movies = {name: _key(base(name)) for name, kind in kinds.items() if kind == "video"}
    return {name: (alone[bare], "live") for name, bare in movies.items() if bare in alone}


def _root(name: str, links: Mapping[str, tuple[str, str]]) -> str:
    """The main file at the end of the links: an edited movie goes with the still of its live photo."""
    while name in links:
        name = links[name][0]
    return name


class _Mains:
    """Finds the main file that a sidecar belongs to."""

    def __init__(self, mains: dict[str, Kind], partner: dict[str, str]) -> None:
        self._partner = partner
        ranked = sorted(mains, key=lambda name: (_RANK[mains[name]], os.fsencode(name)))
        self._by_name = _first((_key(name), name) for name in (*mains, *partner))
        self._by_base = _first((_key(base(name)), name) for name in (*ranked, *sorted(partner, key=os.fsencode)))
        self._by_stem = _first((_key(stem(name)), name) for name in ranked)
        self._by_cut = _only((_cut(name), name) for name in (*ranked, *partner) if _is_cut(name))
        edits = [(_key(of), name) for name in ranked if (of := original(name))]
        self._by_edit = _only(edits)

    def of(self, sidecar: str) -> str | None:
        """By the whole name, then by the base, then by Apple's stem (AAE) or Google's cut, or as the sidecar of an original of which
        only the edited version is there (JSON). What rides with a main file passes its sidecars on."""
        suffix = split(sidecar)[1]
        found = self._by_name.get(_key(described(sidecar))) or self._by_base.get(_key(base(sidecar)))
        if found is None and suffix == "aae":
            found = self._by_stem.get(_key(stem(sidecar)))
        if found is None and suffix == "json":
            bare, front = _NUMBER.sub("", split(sidecar)[0]), split(sidecar)[0]
            found = self._by_cut.get(_key(front if len(bare) == _TAKEOUT_CUT else "")) or self._by_edit.get(_key(base(sidecar)))
        return self._partner.get(found, found) if found else None


def _is_cut(name: str) -> bool:
    return len(_NUMBER.sub("", split(name)[0])) + len(name) - len(split(name)[0]) > _TAKEOUT_CUT


def _cut(name: str) -> str:
    """How Google calls the sidecar of a long name, without ``.json``: cut, the number of the copy behind the cut."""
    bare = split(name)[0]
    number = _NUMBER.search(bare)
    plain = _NUMBER.sub("", bare) + name[len(bare) :]
    return _key(plain[:_TAKEOUT_CUT] + (number[0] if number else ""))


def _first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, name in pairs:
        found.setdefault(key, name)
    return found


def _only(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Without keys that stand for several names."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, name in pairs:
        found[key].add(name)
    return {key: min(names) for key, names in found.items() if len(names) == 1}
