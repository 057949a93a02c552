"""So many bytes a second."""

import threading
import time

import pytest

from albumen.stores.bandwidth import Bandwidth
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
