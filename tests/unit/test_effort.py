"""Whether a thread gets on: seen from outside, by what it and its children use."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from albumen.effort import Pace, Spent, spent

PATIENCE = 20.0


@contextmanager
def working(work: Callable[[threading.Event], object]) -> Iterator[int]:
    """The kernel id of a thread that does this until its event is set."""
    stop, known = threading.Event(), threading.Event()
    ids: list[int] = []

    def run() -> None:
        ids.append(threading.get_native_id())
        known.set()
        work(stop)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert known.wait(PATIENCE)
        yield ids[0]
    finally:
        stop.set()
        thread.join(PATIENCE)


def grows(thread: int) -> bool:
    """Whether what it spent grows, before patience ends."""
    first, end = spent(thread), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if spent(thread) != first:
            return True
        time.sleep(0.02)
    return False


def computing(stop: threading.Event) -> None:
    while not stop.is_set():
        sum(range(10_000))


def reading(stop: threading.Event) -> None:
    while not stop.wait(0.01):
        with open("/etc/passwd", "rb") as file:
            file.read()


def started(code: str) -> Callable[[threading.Event], None]:
    def work(stop: threading.Event) -> None:
        with subprocess.Popen([sys.executable, "-c", code]) as child:
            stop.wait()
            child.kill()

    return work


@pytest.mark.parametrize("work", [computing, reading, started("while True: pass")], ids=["computes", "reads", "has a child"])
def test_a_thread_that_works_is_seen(work: Callable[[threading.Event], object]) -> None:
    with working(work) as thread:
        assert grows(thread)


def test_a_thread_that_waits_spends_nothing_while_others_work() -> None:
    with working(lambda stop: stop.wait()) as waits, working(computing) as works:
        first = spent(waits)
        assert grows(works)
        assert spent(waits) == first


def test_a_thread_that_ended_spends_nothing() -> None:
    with working(lambda _stop: None) as thread:
        pass
    assert spent(thread) == Spent()


def test_silence_is_counted_until_something_moves() -> None:
    used = [Spent(1.0, 10)]
    pace = Pace(0, lambda _thread: used[-1])
    assert [pace.still(now) for now in (100.0, 130.0, 160.0)] == [0.0, 30.0, 60.0]
    used.append(Spent(1.0, 11))
    assert pace.still(170.0) == 0.0
    assert pace.still(175.0) == 5.0
    used.append(Spent(2.0, 11))
    assert pace.still(180.0) == 0.0
    used.append(Spent(1.5, 11))  # a child ended: something happened
    assert pace.still(190.0) == 0.0


def test_the_crumbs_of_a_loop_that_only_waits_are_no_progress() -> None:
    """A step that sleeps and asks whether it may go on uses a little of a core for ever."""
    seconds = [0.0]
    pace = Pace(0, lambda _thread: Spent(seconds[0] * 0.0005, 0))
    pace.still(0.0)
    for now in range(10, 910, 10):
        seconds[0] = float(now)
        still = pace.still(float(now))
    assert still == 900.0


def test_a_night_in_which_the_machine_slept_is_no_silence() -> None:
    pace = Pace(0, lambda _thread: Spent(1.0, 1))
    pace.still(0.0)
    assert pace.still(8 * 3600.0) <= 60.0
