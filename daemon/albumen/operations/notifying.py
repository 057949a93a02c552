"""When a word goes out: pure. A word when "all is well" stops being true for a reason that lasts, and when it is true again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from albumen.operations.problems import Problem

_SECOND = 1_000_000_000
_HOUR = 3600 * _SECOND  # of one cause there is no second word before that


@dataclass(frozen=True, slots=True)
class Since:
    """One reason as a receiver knows it. Times in ns: ``began`` = since when it holds (0 = it does not now), ``told`` = when the
    last word of it went out (0 = never)."""

    began: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What one receiver was told: ``open`` are the causes of a word that no "all is well" followed yet; ``well`` = since when
    nothing is wrong (ns, 0 = something is)."""

    causes: Mapping[str, Since] = field(default_factory=lambda: MappingProxyType({}))
    open: tuple[str, ...] = ()
    well: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """What is sent. ``causes`` are stable words for machines, ``text`` is for a person."""

    state: Literal["unwell", "well", "test"]
    text: str
    causes: tuple[str, ...] = ()


def decide(told: Told, problems: Sequence[Problem], now: int, grace: float) -> tuple[Word | None, Told]:
    """The word that is due now, if any, and what to remember once it went out. ``grace``: seconds that a reason must have held
    (and that all must have been well) before it is news: a circuit that closes again at once is none.

    A clock that was turned back is believed: nothing waits for a time to come.
    """
    short = round(grace * _SECOND)
    named = {one.cause: one.text for one in problems}
    causes = {cause: replace(told.causes.get(cause, Since()), began=_began(told, cause, now)) for cause in named}
    for cause, one in told.causes.items():
        if cause not in named and 0 <= now - one.told < _HOUR:
            causes[cause] = replace(one, began=0)
    due = [
        cause
        for cause in named
        if cause not in told.open and now - causes[cause].began >= short and not 0 <= now - causes[cause].told < _HOUR
    ]
    if due:
        causes |= {cause: replace(causes[cause], told=now) for cause in due}
        return _unwell(due, named), Told(causes, (*told.open, *due))
    if named:
        return None, Told(causes, told.open)
    well = told.well if 0 < told.well <= now else now
    if told.open and now - well >= short:
        return Word("well", f"all is well again (it was: {', '.join(told.open)})", told.open), Told(causes, (), well)
    return None, Told(causes, told.open, well)


def _began(told: Told, cause: str, now: int) -> int:
    began = told.causes.get(cause, Since()).began
    return began if 0 < began <= now else now


def _unwell(due: Sequence[str], named: Mapping[str, str]) -> Word:
    others = len(named) - len(due)
    more = f"\n({others} more: albumen status)" if others else ""
    return Word("unwell", "\n".join(named[cause] for cause in due) + more, tuple(due))
