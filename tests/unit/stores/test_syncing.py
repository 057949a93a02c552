import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.stores.syncing import Syncs, _reports_errors


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path, os.O_RDONLY)
    yield number
    os.close(number)


class Gate:
    """Syncs that wait until the test lets them pass; the numbers of those that began and ended, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.began = threading.Semaphore(0)
        self.passes = threading.Semaphore(0)
        self.error: OSError | None = None

    def whole(self, fd: int) -> None:
        self._sync("whole")

    def alone(self) -> None:
        self._sync("alone")

    def _sync(self, what: str) -> None:
        self.log.append(what)
        self.began.release()
        assert self.passes.acquire(timeout=10)
        if self.error is not None:
            raise self.error


def waiters(syncs: Syncs, fd: int, gate: Gate, number: int, errors: list[OSError]) -> list[threading.Thread]:
    def run() -> None:
        try:
            syncs.wait(fd, gate.alone)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def gathered(syncs: Syncs, number: int) -> None:
    """Until that many wait for the next sync."""
    (device,) = syncs._devices.values()
    turning = threading.Event()
    while device.open.waiting < number:
        turning.wait(0.001)


def test_who_is_alone_syncs_only_its_own(fd: int) -> None:
    gate = Gate()
    gate.passes.release()
    Syncs(gate.whole).wait(fd, gate.alone)
    assert gate.log == ["alone"]


def test_who_asks_during_a_sync_is_served_by_the_next_one_which_all_share(fd: int) -> None:
    gate = Gate()
    syncs = Syncs(gate.whole)
    first = waiters(syncs, fd, gate, 1, [])
    assert gate.began.acquire(timeout=10)
    later = waiters(syncs, fd, gate, 5, [])
    gathered(syncs, 5)
    gate.passes.release()
    first[0].join(10)
    assert gate.began.acquire(timeout=10)
    assert all(one.is_alive() for one in later)  # the first sync began before they asked: it is not theirs
    gate.passes.release()
    for one in later:
        one.join(10)
    assert gate.log == ["alone", "whole"]


def test_a_sync_that_fails_fails_all_who_waited_for_it_and_no_other(fd: int) -> None:
    gate = Gate()
    syncs = Syncs(gate.whole)
    early: list[OSError] = []
    failed: list[OSError] = []
    first = waiters(syncs, fd, gate, 1, early)
    assert gate.began.acquire(timeout=10)
    later = waiters(syncs, fd, gate, 3, failed)
    gathered(syncs, 3)
    gate.passes.release()
    first[0].join(10)
    gate.error = OSError(errno.EIO, "bad sector")
    gate.passes.release()
    for one in later:
        one.join(10)
    assert early == []
    assert [error.errno for error in failed] == [errno.EIO] * 3
    gate.error = None
    gate.passes.release()
    syncs.wait(fd, gate.alone)


def test_a_leader_that_is_interrupted_leaves_nobody_in_the_belief_that_all_is_durable(fd: int) -> None:
    gate = Gate()

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    syncs = Syncs(interrupted)
    failed: list[OSError] = []
    first = waiters(syncs, fd, gate, 1, failed)
    assert gate.began.acquire(timeout=10)
    seen: list[type[BaseException]] = []

    def lead() -> None:
        try:
            syncs.wait(fd, gate.alone)
        except (KeyboardInterrupt, OSError) as error:
            seen.append(type(error))

    threads = [threading.Thread(target=lead) for _ in range(2)]
    for thread in threads:
        thread.start()
    gathered(syncs, 2)
    gate.passes.release()
    for thread in [*first, *threads]:
        thread.join(10)
    assert failed == []
    assert sorted(one.__name__ for one in seen) == ["InterruptedError", "KeyboardInterrupt"]


def test_turned_off_each_syncs_its_own(fd: int) -> None:
    gate = Gate()
    syncs = Syncs(gate.whole, shared=False)
    threads = waiters(syncs, fd, gate, 3, [])
    for _ in threads:
        gate.passes.release()
    for thread in threads:
        thread.join(10)
    assert gate.log == ["alone"] * 3


@pytest.mark.parametrize(
    ("release", "answer"), [("5.8.0", True), ("6.1.0-18-amd64", True), ("5.7.9", False), ("4.4.302+", False)]
)
def test_kernels_whose_syncfs_hides_failed_writes_are_not_asked(release: str, answer: bool) -> None:
    assert _reports_errors(release) is answer
