"""When a picture was taken: ordered candidates with provenance, the first plausible one wins (DESIGN section 6, "Dates")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from albumen.model import Dated, Facts


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


def choose(facts: Sequence[Facts], path: str, times: Times, rules: DateRules) -> Dated:
    """The date of one item. ``facts``: main file first, then its sidecars; a person's correction is a stamp "person" in any.

    ``path`` is relative to the folder that was given, so folders above it are never taken for dates. Pure; never raises. Every
    candidate, used or not, is in ``Dated.candidates`` with its reason. Where nothing is plausible ``taken`` is "" and ``source``
    "unknown".
    """
    raise NotImplementedError
