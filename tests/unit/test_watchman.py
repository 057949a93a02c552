"""Whoever watches whether all is well: harms nobody, tells each receiver by itself, and remembers it over restarts."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

import pytest
import structlog

from albumen.errors import Unavailable
from albumen.operations.notifying import DRAWER, receivers
from albumen.operations.problems import Problem
from albumen.testing import FakeClock, MemoryQueue
from albumen.watchman import Teller, Turning, Watchman, every
from make.lives import Log

CLOSED = (Problem("store nas", "store nas: not mounted"),)
PATIENCE = 20.0


class Ear:
    """A receiver that can be deaf."""

    def __init__(self, name: str = "webhook", where: str = "here") -> None:
        self.name, self.where = name, where
        self.heard: list[tuple[str, str]] = []
        self.deaf = ""
        self.tried = 0

    def send(self, state: str, text: str, causes: Sequence[str], at: int) -> str:
        self.tried += 1
        if self.deaf:
            raise Unavailable(self.where, self.deaf)
        self.heard.append((state, text))
        return ""


class House:
    """A watchman and what he watches, turned by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.queue = MemoryQueue(clock=self.clock)
        self.lines = Log()
        self.log = cast("structlog.stdlib.BoundLogger", self.lines)
        self.problems: Sequence[Problem] | Exception = ()
        self.watchman = Watchman(self.look, self.log)

    def look(self) -> Sequence[Problem]:
        if isinstance(self.problems, Exception):
            raise self.problems
        return self.problems

    def teller(self, ear: Ear) -> Teller:
        return Teller(ear, lambda: self.watchman.found, self.queue.scratch(DRAWER), self.clock, 60.0, self.log)

    def turn(self, *tellers: Teller, seconds: float = 61.0) -> None:
        self.watchman.turn()
        for one in tellers:
            one.turn()
        self.clock.advance(seconds)

    def told(self, what: str) -> int:
        return [line for line, _ in self.lines.lines].count(what)


@pytest.fixture
def house() -> House:
    return House()


def test_a_reason_and_its_end_are_told_and_logged_once(house: House) -> None:
    ear = Ear()
    teller = house.teller(ear)
    house.turn(teller)
    house.problems = CLOSED
    for _ in range(5):
        house.turn(teller)
    house.problems = ()
    for _ in range(5):
        house.turn(teller)
    assert ear.heard == [("unwell", "store nas: not mounted"), ("well", "all is well again (it was: store nas)")]
    assert (house.told("not well"), house.told("all is well again"), house.told("word sent")) == (1, 1, 2)
    assert ("not well", {"cause": "store nas", "why": CLOSED[0].text, "reasons": 1}) in house.lines.lines


def test_a_restart_tells_nothing_twice_and_forgets_nothing(house: House) -> None:
    ear = Ear()
    house.problems = CLOSED
    for _ in range(3):
        house.turn(house.teller(ear))  # a new process each time
    assert [state for state, _ in ear.heard] == ["unwell"]
    house.problems = ()
    for _ in range(3):
        house.turn(house.teller(ear))
    assert [state for state, _ in ear.heard] == ["unwell", "well"]


def test_another_address_has_heard_nothing_yet(house: House) -> None:
    first, second = Ear(where="a"), Ear(where="b")
    house.problems = CLOSED
    for ear in (first, second):
        for _ in range(2):
            house.turn(house.teller(ear))
    assert len(first.heard) == len(second.heard) == 1


def test_a_deaf_receiver_harms_no_other_is_tried_later_and_seen(house: House) -> None:
    deaf, good = Ear("webhook"), Ear("mail")
    deaf.deaf = "answered 500"
    tellers = house.teller(deaf), house.teller(good)
    house.problems = CLOSED
    for _ in range(60):  # an hour
        house.turn(*tellers, seconds=60)
    assert len(good.heard) == 1
    assert 5 <= deaf.tried <= 8  # after 30 s, 1, 5, 15 and 60 minutes
    assert house.told("word not sent") == 1
    seen = {one.name: one for one in receivers(house.queue.scratch(DRAWER))}
    assert (seen["webhook"].why, seen["webhook"].failures) == ("answered 500", deaf.tried)
    assert seen["mail"].why == ""
    deaf.deaf = ""
    for _ in range(61):
        house.turn(*tellers, seconds=60)
    assert [state for state, _ in deaf.heard] == ["unwell"]
    assert [one.why for one in receivers(house.queue.scratch(DRAWER))] == ["", ""]


def test_what_nobody_heard_of_and_is_over_is_no_news(house: House) -> None:
    deaf = Ear()
    deaf.deaf = "answered 500"
    teller = house.teller(deaf)
    house.problems = CLOSED
    for _ in range(5):
        house.turn(teller)
    house.problems, deaf.deaf = (), ""
    for _ in range(70):
        house.turn(teller)
    assert deaf.heard == []


def test_an_idle_hour_writes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    teller = house.teller(Ear())
    house.turn(teller)
    puts: list[str] = []
    monkeypatch.setattr(type(house.queue.scratch(DRAWER)), "put", lambda _self, key, _text: puts.append(key))
    for _ in range(240):
        house.turn(teller, seconds=15)
    assert puts == []


def test_databases_that_cannot_be_asked_are_the_reason(house: House) -> None:
    house.problems = Unavailable("ledger", "the disk is full")
    house.watchman.turn()
    assert house.watchman.found == (Problem("database", "ledger: the disk is full"),)


def test_garbage_in_the_drawer_is_nothing_remembered(house: House) -> None:
    house.queue.scratch(DRAWER).put("webhook", "{nonsense")
    house.queue.scratch(DRAWER).put("mail", '{"name": 3}')
    ear = Ear()
    house.problems = CLOSED
    teller = house.teller(ear)
    for _ in range(2):
        house.turn(teller)
    assert len(ear.heard) == 1


def test_nothing_is_told_before_the_first_look(house: House) -> None:
    ear = Ear()
    house.teller(ear).turn()
    assert house.queue.scratch(DRAWER).all() == {}


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def test_a_turn_that_breaks_is_not_the_last(house: House) -> None:
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        raise ZeroDivisionError

    class Forgiving(Log):
        def exception(self, what: str, **fields: object) -> None:
            self.info(what, **fields)

    log = Forgiving()
    turning = Turning("part", 0.01, work, cast("structlog.stdlib.BoundLogger", log))
    turning.stop()  # never started: harmless
    turning = Turning("part", 0.01, work, cast("structlog.stdlib.BoundLogger", log))
    turning.start()
    wait_for(lambda: len(turns) > 2)
    turning.stop()
    assert ("bug", {"part": "part"}) in log.lines


def test_a_turn_that_hangs_does_not_hold_up_the_stop(house: House) -> None:
    free, began = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        free.wait(PATIENCE)

    turning = Turning("part", 0.0, work, house.log)
    turning.start()
    assert began.wait(PATIENCE)
    begun = time.monotonic()
    turning.stop()
    assert time.monotonic() - begun < 5
    free.set()


def test_how_often_it_looks_follows_how_soon_it_is_news() -> None:
    assert (every(0), every(8), every(60), every(3600)) == (1.0, 2.0, 15.0, 15.0)
