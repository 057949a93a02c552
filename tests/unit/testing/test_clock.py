import threading

from albumen.testing.clock import SECOND, FakeClock


def test_time_passes_only_by_advance() -> None:
    clock = FakeClock(5 * SECOND)
    assert clock() == 5 * SECOND
    assert clock() == 5 * SECOND
    clock.advance(1.5)
    assert clock() == 6_500_000_000
    assert clock.seconds == 6.5


def test_a_sleeper_wakes_when_its_time_has_come_and_not_before() -> None:
    clock = FakeClock()
    awake = threading.Event()
    thread = clock.call_later(10, awake.set)
    assert clock.wait_for_sleepers()
    clock.advance(9.9)
    assert clock.wait_for_sleepers()
    assert not awake.is_set()
    clock.advance(0.1)
    thread.join(10)
    assert awake.is_set()


def test_waiting_for_sleepers_who_do_not_come_says_so() -> None:
    assert not FakeClock().wait_for_sleepers(timeout=0.01)
