"""So many bytes a second."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from albumen.stores.bandwidth import LEAST, Bandwidth, Hours, bandwidth_fits
from make.lines import Line


def test_bytes_take_their_time() -> None:
    line = Line()
    bandwidth = line.bandwidth(1000)
    for size in (500, 1000, 0, 2500):
        bandwidth.took(size)
    assert line.spent == pytest.approx(4.0)


def test_a_line_that_rested_owes_nothing() -> None:
    line = Line()
    bandwidth = line.bandwidth(1000)
    line.wait(60.0)
    bandwidth.took(1000)
    assert line.spent == pytest.approx(61.0)


def test_threads_share_one_line() -> None:
    """Each waits for its place behind the others, whenever it came."""
    waits: list[float] = []
    bandwidth = Bandwidth(1000, clock=lambda: 0.0, sleep=waits.append)
    threads = [threading.Thread(target=bandwidth.took, args=(1000,)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(waits) == [1.0, 2.0, 3.0, 4.0]


def test_without_a_rate_nobody_waits() -> None:
    bandwidth = Bandwidth(0, sleep=lambda _: pytest.fail("it waited"))
    assert bandwidth.took(10**12) == 0.0
    body = [b"x"]
    assert bandwidth.body(body) is body


def test_whoever_ends_does_not_wait_for_the_line() -> None:
    """``sleep`` comes back early then."""
    stop = threading.Event()
    stop.set()
    began = time.monotonic()
    Bandwidth(1 << 16, sleep=stop.wait).took(1 << 30)
    assert time.monotonic() - began < 3600  # it would be hours


def test_a_body_keeps_its_pieces_its_length_and_can_be_sent_again() -> None:
    line = Line()
    pieces = [b"ab", b"cde"]
    body = line.bandwidth(10).body(pieces)
    assert list(body) == list(body) == pieces  # small enough to go at once
    assert len(body) == 2
    assert line.spent == pytest.approx(1.0)
    assert not hasattr(line.bandwidth(10).body(iter(pieces)), "__len__")


def test_large_pieces_go_in_small_ones() -> None:
    """Whoever shares the line is never silent for long."""
    line, data = Line(), bytes(range(256)) * 1000
    bandwidth = line.bandwidth(1 << 18)
    sent = list(bandwidth.body([data]))
    assert b"".join(sent) == data
    assert max(len(one) for one in sent) == bandwidth.most == 1 << 14


def test_the_end_of_a_body_waits_for_nobody() -> None:
    line = Line()
    bandwidth = line.bandwidth(1000)
    bandwidth._free = 60.0  # others have the line
    assert bandwidth.took(0) == 0.0
    assert line.spent == 0.0


def at(clock: str) -> int:
    """A day of no change of clocks, at that time of the machine's zone, in ns."""
    hour, minute = map(int, clock.split(":"))
    return round(datetime(2026, 11, 21, hour, minute, 30).timestamp()) * 1_000_000_000  # noqa: DTZ001  # the machine's zone is meant


@pytest.fixture(params=["UTC", "Europe/Zurich", "Asia/Kathmandu"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_zone")
@pytest.mark.parametrize(
    ("hours", "within", "without"),
    [
        ("8-22", ["8:00", "12:00", "21:59"], ["0:00", "7:59", "22:00", "23:59"]),
        ("08:30 - 22:15", ["8:30", "22:14"], ["8:29", "22:15"]),
        ("22-6", ["22:00", "23:59", "0:00", "5:59"], ["6:00", "12:00", "21:59"]),
        ("18:00-24:00", ["18:00", "23:59"], ["0:00", "17:59"]),
    ],
)
def test_hours_hold_by_the_clock_of_the_machine(hours: str, within: list[str], without: list[str]) -> None:
    found = Hours.of(hours)
    assert found is not None
    assert [found.hold(at(one)) for one in within] == [True] * len(within)
    assert [found.hold(at(one)) for one in without] == [False] * len(without)


def test_no_hours_are_always() -> None:
    assert Hours.of("") is None


@pytest.mark.parametrize(
    "text", ["8", "8-", "-8", "24-8", "8-25", "8-24:01", "8:60-9", "8:5-9", "8-8", "8-08:00", "eight-ten", "\u0668-9", " "]
)
def test_what_are_no_hours_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="hours: must be such as"):
        Hours.of(text)


def test_hours_without_a_bandwidth_are_told() -> None:
    with pytest.raises(ValueError, match="hours: go with a bandwidth"):
        bandwidth_fits(0, "8-22")
    bandwidth_fits(LEAST, "8-22")


def test_outside_of_its_hours_a_line_is_free_and_within_again_not() -> None:
    """Also for a body that is under way when they begin."""
    line, now = Line(), ["7:59"]
    bandwidth = line.bandwidth(1 << 16, Hours.of("8-22"), today=lambda: at(now[0]))
    assert bandwidth.most == 1 << 20
    body = iter(bandwidth.body([bytes(1 << 16)] * 3))
    assert len(next(body)) == 1 << 16
    now[0] = "8:00"
    assert [len(one) for one in body] == [1 << 12] * 32
    assert line.spent == pytest.approx(2.0 + 1 / 16)  # of the piece that was under way, no more than one within
    now[0] = "22:00"
    assert bandwidth.took(1 << 30) == 0.0
