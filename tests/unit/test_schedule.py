"""What runs by the clock: when it is due whatever the clock does, that one failure harms no other, and what is remembered of it."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import cast

import pytest
import structlog

from albumen import schedule as module
from albumen.errors import Unavailable
from albumen.operations import timetable
from albumen.operations.timetable import SECOND, Timed
from albumen.schedule import DAY, Entry, Schedule, due
from albumen.testing import FakeClock, MemoryQueue
from make.lives import Log

PATIENCE = 20.0  # seconds a loaded machine may take
YEAR = 365 * DAY
NOON = 1_600_000_000 // 86_400 * 86_400 + 43_200  # of some day, in seconds


def nothing() -> None:
    """Work that is done at once."""


def at(seconds: float) -> int:
    return round(seconds * SECOND)


EVERY = Entry("every", nothing, period=60.0)
DAILY = Entry("daily", nothing, hour=3)


@pytest.mark.parametrize(
    ("entry", "succeeded", "now", "expected"),
    [
        pytest.param(EVERY, 0, NOON, True, id="never before"),
        pytest.param(EVERY, NOON, NOON + 59, False, id="before its period is over"),
        pytest.param(EVERY, NOON, NOON + 60, True, id="after its period"),
        pytest.param(EVERY, NOON, NOON + 9 * YEAR, True, id="years later"),
        pytest.param(EVERY, NOON, NOON - 30, False, id="the clock a little back"),
        pytest.param(EVERY, NOON, NOON - 9 * YEAR, True, id="the clock back by years"),
        pytest.param(DAILY, NOON, NOON + 14 * 3600, False, id="before its hour of the next day"),
        pytest.param(DAILY, NOON, NOON + 15 * 3600, True, id="at its hour of the next day"),
        pytest.param(DAILY, NOON, NOON + 11.5 * 3600, False, id="later the same day"),
        pytest.param(DAILY, NOON, NOON - 3 * 3600, False, id="the clock back by hours"),
        pytest.param(DAILY, NOON, NOON - 9 * YEAR, True, id="back by years, daily"),
    ],
)
def test_when_it_is_due(entry: Entry, succeeded: float, now: float, *, expected: bool) -> None:
    assert due(entry, Timed(entry.name, entry.period, succeeded=at(succeeded)), at(now)) is expected


@pytest.mark.parametrize(
    ("failures", "since", "expected"),
    [(1, 59, False), (1, 60, True), (2, 119, False), (2, 120, True), (99, 3599, False), (99, 3600, True), (99, -1, True)],
)
def test_what_failed_is_tried_again_later_and_later(failures: int, since: float, *, expected: bool) -> None:
    """A try that lies in a time to come (the clock was turned back) is none."""
    last = Timed("daily", DAY, tried=at(NOON), failures=failures, failing=at(NOON), why="no")
    assert due(DAILY, last, at(NOON + since)) is expected


def test_what_runs_often_is_tried_again_no_less_often() -> None:
    last = Timed("every", 5.0, tried=at(NOON), failures=9, failing=at(NOON), why="no")
    assert due(Entry("every", nothing, period=5.0), last, at(NOON + 5))


@dataclass
class Clockwork:
    """A schedule turned by hand; each of its lives begins with what the drawer has."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(at(NOON)))
    log: Log = field(default_factory=Log)
    stop: threading.Event = field(default_factory=threading.Event)
    lives: list[Schedule] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(clock=self.clock)
        self.drawer = self.queue.scratch(timetable.DRAWER)

    def of(self, *entries: Entry) -> Schedule:
        log = cast("structlog.stdlib.BoundLogger", self.log)
        self.lives.append(Schedule(entries, self.clock, self.drawer, self.stop, log))
        return self.lives[-1]

    def turn(self, schedule: Schedule, seconds: float = 0.0) -> None:
        """Let time pass, turn, and wait until all is done."""
        self.clock.advance(seconds)
        schedule.turn()
        assert schedule.quiet(PATIENCE)

    def kept(self) -> Mapping[str, Timed]:
        return {one.name: one for one in timetable.remembered(self.drawer)}


@pytest.fixture
def works() -> Iterator[Clockwork]:
    clockwork = Clockwork()
    yield clockwork
    clockwork.stop.set()
    for one in clockwork.lives:
        one.stop()
    clockwork.queue.shutdown()


class Work:
    """Counts its runs; says and raises as it is told."""

    def __init__(self, said: str | None = None) -> None:
        self.runs = 0
        self.said = said
        self.error: Exception | None = None

    def __call__(self) -> str | None:
        self.runs += 1
        if self.error is not None:
            raise self.error
        return self.said


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def test_a_month_missed_is_one_run(works: Clockwork) -> None:
    work = Work()
    works.turn(works.of(Entry("daily", work, hour=3)))
    again = works.of(Entry("daily", work, hour=3))
    works.turn(again)
    assert work.runs == 1  # a restart is no reason
    for _ in range(3):
        works.turn(again, 30 * DAY)
        works.turn(again)
    assert work.runs == 4


def test_a_jump_of_years_and_back_is_one_run_each(works: Clockwork) -> None:
    work = Work()
    schedule = works.of(Entry("daily", work, hour=3))
    works.turn(schedule)
    works.turn(schedule, 10 * YEAR)
    works.turn(schedule)
    works.turn(schedule, -20 * YEAR)
    works.turn(schedule)
    assert work.runs == 3
    works.turn(schedule, DAY)
    assert work.runs == 4  # and it goes on from there


def test_one_that_fails_is_told_once_tried_again_and_harms_no_other(works: Clockwork) -> None:
    bad, good = Work(), Work("2 done")
    bad.error = Unavailable("cloud", "not there")
    schedule = works.of(Entry("bad", bad, period=3600.0), Entry("good", good, period=3600.0))
    works.turn(schedule)
    works.turn(schedule, 59)
    works.turn(schedule, 1)
    assert (bad.runs, good.runs) == (2, 1)
    told = [fields for what, fields in works.log.lines if what == "what runs by the clock failed"]
    assert told == [{"entry": "bad", "why": "cloud: not there"}]
    assert works.kept()["bad"].why == "cloud: not there"
    assert works.kept()["good"].said == "2 done"
    bad.error = None
    works.turn(schedule, 120)
    last = schedule.entries()["bad"]
    assert (last.why, last.failures, last.succeeded) == ("", 0, works.clock())
    assert works.kept()["bad"] == last
    assert ("what runs by the clock works again", {"entry": "bad"}) in works.log.lines


def test_a_bug_is_logged_whole_and_tried_again(works: Clockwork) -> None:
    class Forgiving(Log):
        def exception(self, what: str, **fields: object) -> None:
            self.info(what, **fields)

    works.log = Forgiving()
    work = Work()
    work.error = ZeroDivisionError("oops")
    schedule = works.of(Entry("bad", work, period=60.0))
    works.turn(schedule)
    works.turn(schedule, 60)
    assert work.runs == 2
    assert ("bug", {"entry": "bad"}) in works.log.lines
    assert schedule.entries()["bad"].why == "ZeroDivisionError: oops"


def test_it_is_a_problem_after_two_missed_periods(works: Clockwork) -> None:
    work = Work()
    schedule = works.of(Entry("daily", work, hour=3))
    works.turn(schedule)
    work.error = Unavailable("cloud", "not there")
    works.turn(schedule, DAY)
    for hours in range(48):
        assert schedule.entries()["daily"].problem(works.clock()) == "", hours
        works.turn(schedule, 3600)
    assert schedule.entries()["daily"].problem(works.clock()) == "daily fails: cloud: not there"
    assert works.kept()["daily"].problem(works.clock()) == "daily fails: cloud: not there"  # as status asks
    work.error = None
    works.turn(schedule, 3600)
    assert schedule.entries()["daily"].problem(works.clock()) == ""


def test_a_failure_dated_in_a_time_to_come_is_no_excuse_for_years(works: Clockwork) -> None:
    work = Work()
    work.error = Unavailable("cloud", "not there")
    schedule = works.of(Entry("daily", work, hour=3))
    works.turn(schedule)
    works.turn(schedule, -9 * YEAR)
    for _ in range(49):
        works.turn(schedule, 3600)
    assert schedule.entries()["daily"].problem(works.clock())


def test_one_that_hangs_holds_up_no_other_and_does_not_run_twice(works: Clockwork) -> None:
    free, begun, other = threading.Event(), [], Work()

    def hang() -> None:
        begun.append(1)
        free.wait(PATIENCE)

    schedule = works.of(Entry("hangs", hang, period=3600.0), Entry("other", other, period=3600.0))
    try:
        schedule.turn()
        wait_for(lambda: bool(begun) and other.runs == 1)
        works.clock.advance(3 * 3600)
        schedule.turn()
        wait_for(lambda: other.runs == 2)
        assert len(begun) == 1
        assert works.kept()["hangs"].problem(works.clock()) == "hangs does not end: it runs for 180 minutes; restart the daemon"
        assert works.kept()["hangs"].problem(works.clock(), daemon=False) == ""
    finally:
        free.set()
    assert schedule.quiet(PATIENCE)
    works.turn(schedule)
    assert len(begun) == 1  # its success counts from its end


def test_what_a_kill_cut_off_failed_and_is_tried_again_later(works: Clockwork) -> None:
    """Work that brings the daemon down, such as by taking all memory, is not begun anew at each start."""
    timetable.keep(works.drawer, Timed("daily", DAY, succeeded=at(NOON - DAY), tried=works.clock(), running=works.clock()))
    work = Work()
    schedule = works.of(Entry("daily", work, hour=3))
    works.turn(schedule, 1)
    assert work.runs == 0
    assert works.kept()["daily"].why == "the daemon ended while it ran"
    works.turn(schedule, 60)
    assert work.runs == 1
    assert works.kept()["daily"].why == ""


def test_what_the_stop_cut_short_is_due_again(works: Clockwork) -> None:
    begun = threading.Event()

    def long() -> None:
        begun.set()
        works.stop.wait(PATIENCE)

    first = works.of(Entry("daily", long, hour=3))
    first.turn()
    assert begun.wait(PATIENCE)
    works.stop.set()
    first.stop()
    works.stop.clear()
    work = Work()
    works.turn(works.of(Entry("daily", work, hour=3)))
    assert work.runs == 1
    assert works.kept()["daily"].failures == 0


def test_a_line_that_the_table_no_longer_has_is_forgotten(works: Clockwork) -> None:
    timetable.keep(works.drawer, Timed("old", DAY, failures=9, failing=1, why="no"))
    works.drawer.put("odd", "of another version")
    works.turn(works.of(Entry("new", Work(), hour=3)))
    assert list(works.kept()) == ["new"]


def test_a_lost_drawer_makes_everything_due(works: Clockwork) -> None:
    work = Work()
    works.turn(works.of(Entry("daily", work, hour=3)))
    for name in works.kept():
        works.drawer.put(name, "")
    works.turn(works.of(Entry("daily", work, hour=3)))
    assert work.runs == 2


def test_what_runs_often_is_not_written_each_time(works: Clockwork) -> None:
    """An idle disk sleeps; but a failure is written at once."""
    written: list[str] = []

    class Drawer:
        def all(self) -> Mapping[str, str]:
            return {}

        def put(self, key: str, text: str) -> None:
            written.append(text)

    works.drawer = Drawer()
    work = Work()
    schedule = works.of(Entry("often", work, period=1.0))
    for _ in range(600):
        works.turn(schedule, 1)
    assert work.runs == 600
    assert len(written) == 1
    work.error = Unavailable("cloud", "not there")
    works.turn(schedule, 1)
    assert "not there" in written[-1]


def test_a_drawer_that_cannot_be_used_holds_up_nothing_and_is_told_once(works: Clockwork) -> None:
    """The disk is full: the work is done all the same; before anything is known it is waited for."""
    full = {"all": True, "put": True}

    class Drawer:
        def all(self) -> Mapping[str, str]:
            if full["all"]:
                raise Unavailable("state.db", "the disk is full")
            return {}

        def put(self, key: str, text: str) -> None:
            if full["put"]:
                raise Unavailable("state.db", "the disk is full")

    works.drawer = Drawer()
    work = Work()
    schedule = works.of(Entry("daily", work, hour=3))
    works.turn(schedule)
    works.turn(schedule)
    assert work.runs == 0
    assert [what for what, _ in works.log.lines] == ["the clock cannot remember"]
    full["all"] = False
    works.turn(schedule)
    works.turn(schedule, DAY)
    assert work.runs == 2


class Jumping(datetime):
    """The machine's clock, which a test sets."""

    offset = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # the library asks no more of it
        return datetime.now(tz) + cls.offset


@pytest.mark.parametrize("days", [-400, 400, 200_000])
def test_the_waker_outlives_a_jump_of_the_machines_clock(works: Clockwork, monkeypatch: pytest.MonkeyPatch, *, days: int) -> None:
    """By itself APScheduler sleeps for a year after the clock was turned back by one, and after one forward lists every half second
    it missed."""
    monkeypatch.setattr(module, "_WAKE", 0.02)
    monkeypatch.setattr(Jumping, "offset", timedelta())
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Jumping)
    turns: list[int] = []
    log = cast("structlog.stdlib.BoundLogger", works.log)
    schedule = Schedule([], works.clock, works.drawer, works.stop, log, beat=lambda: turns.append(1))
    schedule.start()
    try:
        wait_for(lambda: len(turns) > 2)
        Jumping.offset = timedelta(days=days)
        seen = len(turns)
        wait_for(lambda: len(turns) > seen + 5)
        Jumping.offset = timedelta()
        seen = len(turns)
        wait_for(lambda: len(turns) > seen + 5)
    finally:
        schedule.stop()
    seen = len(turns)
    time.sleep(0.1)
    assert len(turns) == seen
