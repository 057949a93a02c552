"""When a word goes out, and what is remembered of it. A word when "all is well" stops being true for a reason that lasts, and when it is true again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from albumen import jsonable
from albumen.operations.problems import Problem
from albumen.ports import Scratch

DRAWER = "notify"  # where it is remembered who was told what
_SECOND = 1_000_000_000
_HOUR = 3600 * _SECOND  # of one cause there is no second word before that


@dataclass(frozen=True, slots=True)
class Since:
    """One reason as a receiver knows it. Times in ns: ``began`` = since when it holds (0 = it does not now), ``told`` = when the
    last word of it went out (0 = never)."""

    cause: str
    began: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What one receiver was told: ``open`` are the causes of a word that no "all is well" followed yet; ``well`` = since when
    nothing is wrong (ns, 0 = something is)."""

    causes: tuple[Since, ...] = ()
    open: tuple[str, ...] = ()
    well: int = 0


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver as it is remembered, and shown by ``status``. ``why`` it (or some of it) could not be told, "" = it could;
    times in ns."""

    name: str
    where: str
    told: Told = field(default_factory=Told)
    why: str = ""
    failures: int = 0
    tried: int = 0


def receivers(drawer: Scratch) -> list[Receiver]:
    """What is remembered of each; what cannot be read (another version wrote it) is left out."""
    found = []
    for text in drawer.all().values():
        try:
            found.append(jsonable.loads(Receiver, text))
        except (ValueError, TypeError, KeyError):
            continue
    return found


@dataclass(frozen=True, slots=True)
class Word:
    """What is sent. ``causes`` are stable words for machines, ``text`` is for a person."""

    state: Literal["unwell", "well", "test"]
    text: str
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The ``word`` that is due now, if any; what to remember: ``sent`` once it went out, ``kept`` as long as it did not."""

    kept: Told
    sent: Told
    word: Word | None = None


def decide(told: Told, problems: Sequence[Problem], now: int, grace: float) -> Decision:
    """``grace``: seconds that a reason must have held (and that all must have been well) before it is news: a circuit that closes
    again at once is none. A clock that was turned back is believed: nothing waits for a time to come.
    """
    short = round(grace * _SECOND)
    named = {one.cause: one.text for one in problems}
    known = {one.cause: one for one in told.causes}
    causes = tuple(_holds(known.get(cause, Since(cause)), now) for cause in named)
    causes += tuple(replace(one, began=0) for one in told.causes if one.cause not in named and _lately(one, now))
    if not named:
        return _recovered(Told(causes, told.open, told.well if 0 < told.well <= now else now), now, short)
    kept = Told(causes, told.open)
    ripe = [one.cause for one in causes if one.began and now - one.began >= short and not _lately(one, now)]
    due = tuple(one for one in ripe if one not in told.open)
    if not due:
        return Decision(kept, kept)
    sent = Told(tuple(replace(one, told=now) if one.cause in due else one for one in causes), (*told.open, *due))
    return Decision(kept, sent, _unwell(due, named))


def _recovered(kept: Told, now: int, short: int) -> Decision:
    if not kept.open or now - kept.well < short:
        return Decision(kept, kept)
    word = Word("well", f"all is well again (it was: {', '.join(kept.open)})", kept.open)
    return Decision(kept, replace(kept, open=()), word)


def _lately(one: Since, now: int) -> bool:
    return one.told > 0 and 0 <= now - one.told < _HOUR


def _holds(one: Since, now: int) -> Since:
    return one if 0 < one.began <= now else replace(one, began=now)


def _unwell(due: Sequence[str], named: Mapping[str, str]) -> Word:
    others = len(named) - len(due)
    more = f"\n({others} more: albumen status)" if others else ""
    return Word("unwell", "\n".join(named[cause] for cause in due) + more, tuple(due))
