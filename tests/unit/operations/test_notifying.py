"""When a word goes out."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.operations.notifying import Since, Told, Word, decide
from albumen.operations.problems import Problem

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
START = 100_000 * HOUR


class Line:
    """One receiver that always takes its words."""

    def __init__(self, grace: float = 60.0) -> None:
        self.told = Told()
        self.grace = grace
        self.words: list[tuple[int, Word]] = []

    def at(self, now: int, *causes: str) -> str:
        """What is sent at that time (ns since the start) while these reasons hold: "" or the state."""
        problems = [Problem(one, f"{one} is not well at {now}") for one in causes]
        decision = decide(self.told, problems, START + now, self.grace)
        self.told = decision.sent
        if decision.word is None:
            assert decision.sent == decision.kept
            return ""
        self.words.append((now, decision.word))
        return decision.word.state


def test_a_reason_that_lasts_is_told_once_and_so_is_its_end() -> None:
    line = Line()
    assert [line.at(second * SECOND, "store nas") for second in (0, 15, 30, 45)] == [""] * 4
    assert line.at(60 * SECOND, "store nas") == "unwell"
    assert [line.at(minute * MINUTE, "store nas") for minute in range(2, 300)] == [""] * 298
    assert line.at(300 * MINUTE) == ""  # it must be well for a while, too
    assert line.at(301 * MINUTE) == "well"
    assert [line.at(minute * MINUTE) for minute in range(302, 400)] == [""] * 98
    unwell, well = (word for _, word in line.words)
    assert (unwell.causes, unwell.text) == (("store nas",), f"store nas is not well at {60 * SECOND}")
    assert (well.causes, well.text) == (("store nas",), "all is well again (it was: store nas)")


def test_a_blip_is_no_news() -> None:
    line = Line()
    assert {line.at(second * SECOND, *(("place dropbox",) if second % 40 < 20 else ())) for second in range(0, 3600, 5)} == {""}


def test_numbers_that_change_are_the_same_reason() -> None:
    line = Line()
    assert [line.at(minute * MINUTE, "failed") for minute in range(3)] == ["", "unwell", ""]


def test_another_reason_is_told_by_itself_and_well_only_when_all_are_gone() -> None:
    line = Line()
    line.at(0, "a")
    assert line.at(MINUTE, "a", "b") == "unwell"
    assert line.at(2 * MINUTE, "b", "a") == "unwell"
    assert [word.causes for _, word in line.words] == [("a",), ("b",)]
    assert "1 more" in line.words[1][1].text
    assert [line.at(minute * MINUTE, "b") for minute in range(3, 6)] == [""] * 3
    assert [line.at(minute * MINUTE) for minute in (6, 7)] == ["", "well"]
    assert line.words[-1][1].causes == ("a", "b")


def test_reasons_of_one_moment_are_one_word_the_gravest_first() -> None:
    line = Line()
    for second in (0, 60):
        line.at(second * SECOND, "store nas", "source camera", "failed")
    ((_, word),) = line.words
    assert word.causes == ("store nas", "source camera", "failed")
    assert word.text.splitlines()[0].startswith("store nas")


def test_never_two_of_one_reason_within_an_hour() -> None:
    line = Line()
    now = 0
    while now < 6 * HOUR:
        for _ in range(8):  # two minutes bad, two minutes good, for six hours
            line.at(now, "store nas")
            now += 15 * SECOND
        for _ in range(8):
            line.at(now)
            now += 15 * SECOND
    times = [at for at, word in line.words if word.state == "unwell"]
    assert 5 <= len(times) <= 6
    assert all(later - earlier >= HOUR for earlier, later in pairwise(times))
    assert [word.state for _, word in line.words] == ["unwell", "well"] * len(times)


def test_a_reason_that_stays_is_told_when_the_hour_is_over() -> None:
    line = Line()
    line.at(0, "a")
    assert line.at(MINUTE, "a") == "unwell"
    assert [line.at(2 * MINUTE), line.at(3 * MINUTE)] == ["", "well"]
    assert {line.at(minute * MINUTE, "a") for minute in range(4, 61)} == {""}
    assert line.at(61 * MINUTE, "a") == "unwell"


def test_what_did_not_go_out_is_still_due() -> None:
    told = Told()
    for second in (0, 60, 120):
        decision = decide(told, [Problem("a", "a")], START + second * SECOND, 60.0)
        told = decision.kept
        assert (decision.word is not None) == (second >= 60)
    assert told.causes == (Since("a", began=START),)


def test_without_grace_it_is_told_at_once() -> None:
    line = Line(grace=0.0)
    assert [line.at(0, "a"), line.at(SECOND)] == ["unwell", "well"]


@pytest.mark.parametrize("jump", [-400 * 24 * HOUR, 400 * 24 * HOUR])
def test_a_clock_that_jumps_silences_nobody(jump: int) -> None:
    line = Line()
    line.at(0, "a")
    assert line.at(MINUTE, "a") == "unwell"
    line.at(jump)
    assert line.at(jump + MINUTE) == "well"
    line.at(jump + 2 * MINUTE, "a")
    assert line.at(jump + 3 * MINUTE, "a") == "unwell"


LIVES = st.lists(st.tuples(st.integers(1, 2000), st.frozensets(st.sampled_from("abc"))), max_size=60)


@given(LIVES)
def test_whatever_happens_words_alternate_and_keep_the_hour(life: Iterable[tuple[int, frozenset[str]]]) -> None:
    line, now = Line(), 0
    last: dict[str, int] = {}
    open_ = False
    for seconds, causes in life:
        now += seconds * SECOND
        state = line.at(now, *sorted(causes))
        if state == "unwell":
            for cause in line.words[-1][1].causes:
                assert cause in causes
                assert now - last.get(cause, -HOUR) >= HOUR
                last[cause] = now
            open_ = True
        elif state == "well":
            assert open_
            assert not causes
            open_ = False
