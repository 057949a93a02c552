"""How long closed places are left alone, by settings and by what happened before. S1-10 (part: the pause grows to a limit)."""

import pytest

from albumen.model import Circuit
from albumen.queues.circuits import SECOND, Rest, due, opened
from albumen.settings import Lanes


def failing(times: int, rest: Rest, *, held: float = 0.0) -> list[float]:
    """The pauses of a place that fails so often in a row; between two it works for ``held`` seconds."""
    known, closed, now, pauses = None, 0, 10**18, []
    for _ in range(times):
        known = opened(known, closed, "hub", "503", now, retry_after=None, probed=not closed, rest=rest)
        pauses.append((known.until - now) / SECOND)
        closed = known.until if held else 0
        now = known.until + round(held * SECOND)
    return pauses


def test_the_pause_grows_to_its_limit() -> None:
    assert failing(6, Rest(first=2.0, longest=20.0)) == [2, 4, 8, 16, 20, 20]


def test_a_place_that_fails_at_once_again_is_tried_less_and_less() -> None:
    """Its ping answers, its disk is full."""
    assert failing(6, Rest(), held=0.5) == [1, 2, 4, 8, 16, 32]


def test_a_shaky_one_works_most_of_the_time() -> None:
    """It fails every ten seconds: the pauses stay short of that."""
    assert max(failing(50, Rest(), held=10.0)) <= 4


def test_one_that_refuses_our_secret_has_its_own_pause() -> None:
    known = opened(None, 0, "hub", "401", 0, retry_after=None, probed=True, auth=True, rest=Rest(locked=7.0))
    assert (known.until, known.auth) == (7 * SECOND, True)


@pytest.mark.parametrize(("until", "now", "expected"), [(10, 10, True), (11, 10, False), (10 + 100 * 86400 * SECOND, 10, True)])
def test_when_it_is_asked(until: int, now: int, *, expected: bool) -> None:
    """A time that no rest ever set is one of another clock."""
    assert due(Circuit("hub", "503", 0, until, 1), now) is expected


@pytest.mark.parametrize(
    "wrong", [{"pause": 0.0}, {"longest_pause": 1e9}, {"locked_pause": -1.0}, {"pause": 5.0, "longest_pause": 2.0}]
)
def test_settings_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(reversed(wrong))):
        Lanes(**wrong)  # type: ignore[arg-type]  # each is a number of seconds
