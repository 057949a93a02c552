"""Which files of one folder travel together, by their names (DESIGN section 6, "Companions"). Pure."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from albumen.media.signature import SIDECARS, TYPES
from albumen.media.stems import base, described, split, stem
from albumen.model import Kind

_JPEG = TYPES["jpeg"][1]
_TAKEOUT_CUT = 46  # Google cuts a sidecar's name at 51 characters with its ".json"
_RANK = {"raw": 0, "image": 1, "video": 2, "other": 3}


@dataclass(frozen=True, slots=True)
class Group:
    """A main file and its (companion name, role), sorted by name. Roles: "xmp", "aae", "json", "jpeg"."""

    main: str
    companions: tuple[tuple[str, str], ...] = ()


def group(names: Sequence[str], kind_of: Callable[[str], Kind | None]) -> list[Group]:
    """Every name exactly once, as a main file or as a companion; sorted by main. A sidecar without a main file stands alone.

    ``kind_of`` gives the kind of a name (``signature.kind_of_name`` where the bytes are not known), None for no media. A RAW
    takes the JPEG of the same name along; a still and a movie stay apart here, only their content identifier joins them.
    """
    ordered = sorted(dict.fromkeys(names), key=os.fsencode)
    sidecars = [name for name in ordered if split(name)[1] in SIDECARS]
    kinds = {name: kind for name in ordered if name not in set(sidecars) and (kind := kind_of(name)) is not None}
    partner = _jpegs_of_raws(kinds)
    mains = _Mains({name: kind for name, kind in kinds.items() if name not in partner}, partner)
    for name in sidecars:
        main = mains.of(name)
        if main is not None:
            partner[name] = main
    companions: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, main in partner.items():
        suffix = split(name)[1]
        companions[main].append((name, suffix if suffix in SIDECARS else "jpeg"))
    return [
        Group(name, tuple(sorted(companions[name], key=lambda one: os.fsencode(one[0]))))
        for name in ordered
        if name not in partner
    ]


def _jpegs_of_raws(kinds: dict[str, Kind]) -> dict[str, str]:
    """JPEG → RAW of the same base; the first RAW where there are several."""
    raws: dict[str, str] = {}
    for name, kind in kinds.items():
        if kind == "raw":
            raws.setdefault(base(name).casefold(), name)
    return {
        name: raws[base(name).casefold()]
        for name, kind in kinds.items()
        if kind == "image" and split(name)[1] in _JPEG and base(name).casefold() in raws
    }


class _Mains:
    """Finds the main file that a sidecar belongs to."""

    def __init__(self, mains: dict[str, Kind], partner: dict[str, str]) -> None:
        self._partner = partner
        ranked = sorted(mains, key=lambda name: (_RANK[mains[name]], os.fsencode(name)))
        self._by_name = _first((name.casefold(), name) for name in (*mains, *partner))
        self._by_base = _first((base(name).casefold(), name) for name in ranked)
        self._by_stem = _first((stem(name).casefold(), name) for name in ranked)
        self._by_cut = _first((name[:_TAKEOUT_CUT].casefold(), name) for name in ranked if len(name) > _TAKEOUT_CUT)

    def of(self, sidecar: str) -> str | None:
        """By the whole name, then by the base, then by Apple's stem (AAE) or Google's cut (JSON). A JPEG that rides with a RAW
        passes its sidecars on."""
        suffix = split(sidecar)[1]
        pointed = described(sidecar).casefold()
        found = self._by_name.get(pointed) or self._by_base.get(base(sidecar).casefold())
        if found is None and suffix == "aae":
            found = self._by_stem.get(stem(sidecar).casefold())
        if found is None and suffix == "json":
            found = self._by_cut.get(split(sidecar)[0].casefold())
        return self._partner.get(found, found) if found else None


def _first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, name in pairs:
        found.setdefault(key, name)
    return found
