"""The daemon's life: one source's trouble is nobody else's, closed places are asked, the stop comes in time."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import structlog

from albumen import lookout
from albumen import supervisor as module
from albumen.alive import STATUS, Daemon, daemon_of
from albumen.errors import ConfigError, Unavailable
from albumen.lookout import Watched
from albumen.model import Batch, Event, Item, Job, Ref, Seen, Waiting
from albumen.operations import problems
from albumen.owners import DaemonLock
from albumen.ports import Memory, Source, Store
from albumen.schedule import DAY, Parts, Schedule, table
from albumen.supervisor import Supervisor
from albumen.testing import FakeClock, MemoryQueue, MemorySource, MemoryStore
from make.lives import Life, Log
from make.worlds import LIBRARY, Fault, InMemory

PATIENCE = 20.0  # seconds a loaded machine may take


@dataclass
class House:
    """A supervisor over memory, turned by hand."""

    tmp_path: Path
    ground: InMemory
    clock: FakeClock = field(default_factory=FakeClock)
    log: Log = field(default_factory=Log)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.life = Life(self.ground, Fault())
        self.queue = MemoryQueue(clock=self.clock, poll=0.01)
        self.life.pipeline.queue = self.queue
        self.life.pipeline.memory = self.queue.memory
        self.life.pipeline.log = cast("structlog.stdlib.BoundLogger", self.log)
        self.daemon = DaemonLock(str(self.tmp_path))

    def of(self, *sources: Source, steps: tuple[str, ...] = ("none",)) -> Supervisor:
        stores = cast("dict[str, Store]", self.ground.stores)
        parts = Parts(self.life.engine, self.life.pipeline, self.queue, {}, 30 * DAY, lambda: None, self.clock, self.stop)
        entries = [one for one in table(parts) if one.name in ("probes", "recovery")]
        log = cast("structlog.stdlib.BoundLogger", self.log)
        return Supervisor(
            [Watched(one, steps) for one in sources],
            self.life.pipeline,
            self.life.engine,
            self.queue,
            stores,
            self.daemon,
            {"io": 1},
            str(self.tmp_path),
            self.clock,
            self.stop,
            log,
            services=(Schedule(entries, self.clock, self.queue.scratch("clock"), self.stop, log),),
        )

    def runs(self, supervisor: Supervisor, until: Callable[[], bool]) -> float:
        """Run it until then and stop it; the seconds the stop took."""
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        try:
            wait_for(until)
        finally:
            begun = time.monotonic()
            self.stop.set()
            thread.join(PATIENCE)
            took = time.monotonic() - begun
            self.queue.shutdown()
        assert not thread.is_alive()
        return took

    def told(self) -> list[str]:
        return [what for what, _ in self.log.lines]


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(module, "_TICK", 0.01)
    monkeypatch.setattr(lookout, "_BACKOFF", (0.01,))
    monkeypatch.setattr(module, "_LOOKS", 0.3)
    return House(tmp_path, InMemory(tmp_path))


def good(name: str = "good") -> MemorySource:
    source = MemorySource(name)
    source.files["a.jpg"] = "1"
    return source


class Bad:
    """A source that does not answer as it should."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.name = name
        self._work = work
        self.looks = 0

    def scan(self, memory: Memory) -> Iterator[Batch]:
        self.looks += 1
        self._work()
        yield from ()


def raises(error: Exception) -> Callable[[], object]:
    def work() -> object:
        raise error

    return work


def test_a_source_that_fails_is_asked_again_and_harms_nobody(house: House) -> None:
    bad, fine = Bad("bad", raises(Unavailable("card", "not mounted"))), good()
    supervisor = house.of(bad, fine)
    house.runs(supervisor, lambda: bad.looks > 2 and supervisor.watched[1].offered == 1)
    assert supervisor.watched[0].why == "card: not mounted"
    assert house.told().count("source cannot be looked at") == 1


def test_a_bug_in_a_source_harms_nobody(house: House) -> None:
    class Forgiving(Log):
        def exception(self, what: str, **fields: object) -> None:
            self.info(what, **fields)

    house.log = Forgiving()
    house.life.pipeline.log = cast("structlog.stdlib.BoundLogger", house.log)
    bad, fine = Bad("bad", raises(ZeroDivisionError("oops"))), good()
    supervisor = house.of(bad, fine)
    house.runs(supervisor, lambda: bad.looks > 2 and supervisor.watched[1].offered == 1)
    assert supervisor.watched[0].why == "ZeroDivisionError: oops"


def test_a_source_that_breaks_while_it_waits_is_looked_at_again(house: House) -> None:
    """Its thread must not end: nobody would notice for years."""

    class Breaks(Bad):
        def wait(self, stop: threading.Event, timeout: float) -> None:
            raise Unavailable("card", "no more descriptors")

    bad = Breaks("bad", lambda: None)
    house.runs(house.of(bad), lambda: bad.looks > 2)


def test_a_source_that_hangs_harms_nobody_and_does_not_hold_up_the_stop(house: House) -> None:
    free = threading.Event()
    hanging = [Bad(f"hangs {n}", lambda: free.wait(60)) for n in range(5)]
    fine = good()
    supervisor = house.of(*hanging, fine)
    try:
        took = house.runs(supervisor, lambda: supervisor.watched[5].offered == 1 and all(one.looks for one in hanging))
    finally:
        free.set()
    assert took < 5 * 0.3 + 3  # all together get _LOOKS, not each


def test_a_second_daemon_is_refused_and_told_of_the_first(house: House) -> None:
    first = DaemonLock(str(house.tmp_path))
    assert first.take()
    try:
        with pytest.raises(ConfigError, match="another daemon"):
            house.of().run(idle_exit=0.0)
    finally:
        first.release()
    house.of().run(idle_exit=0.0)
    house.queue.shutdown()


def test_a_command_that_tests_the_lock_for_an_instant_is_no_daemon(house: House) -> None:
    for _ in range(50):
        assert house.daemon.held() == ""
    house.of().run(idle_exit=0.0)
    house.queue.shutdown()


def test_a_closed_place_is_asked_at_the_start_and_when_it_is_due(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its jobs go on."""
    answers: list[Exception | None] = [Unavailable(LIBRARY, "still full"), None]
    asked = []

    def ping(_self: MemoryStore) -> None:
        asked.append(house.clock())
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer

    monkeypatch.setattr(MemoryStore, "ping", ping)
    house.queue.put([Job(Item(Ref("disk", "a")), ("none",), key="a")])
    house.queue.start(lambda _job: Waiting(LIBRARY, "full"), workers={"io": 1})
    wait_for(lambda: bool(house.queue.circuits()))
    house.queue.stop()
    thread = threading.Thread(target=house.of().run)
    thread.start()
    try:
        wait_for(lambda: len(asked) == 1)  # a person may have started it because of this place
        wait_for(lambda: "still full" in house.queue.circuits()[0].why)
        time.sleep(0.05)
        assert len(asked) == 1  # not due
        house.clock.advance(2)
        wait_for(lambda: house.queue.circuits() == ())
    finally:
        house.stop.set()
        thread.join(PATIENCE)
        house.queue.shutdown()
    assert ("place works again", {"place": LIBRARY}) in house.log.lines


def test_idle_exit_waits_for_the_first_look_of_every_source(house: House) -> None:
    """A long first walk has offered nothing yet; leaving would look like "nothing to do"."""
    go = threading.Event()

    class Slow(MemorySource):
        def scan(self, memory: Memory) -> Iterator[Batch]:
            go.wait(PATIENCE)
            yield Batch((Event("arrived", Item(Ref("slow", "a", "1"))),), (Seen("a", "1"),))

    supervisor = house.of(Slow("slow"))
    thread = threading.Thread(target=supervisor.run, kwargs={"idle_exit": 0.05})
    thread.start()
    time.sleep(0.3)
    assert thread.is_alive()
    go.set()
    thread.join(PATIENCE)
    house.queue.shutdown()
    assert not thread.is_alive()
    assert supervisor.watched[0].offered == 1


def test_housekeeping_outlives_a_full_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def full() -> object:
        calls.append(1)
        if len(calls) < 4:
            raise Unavailable("ledger", "the disk is full")
        return type(house.life.engine).recover(house.life.engine)

    monkeypatch.setattr(house.life.engine, "recover", lambda *_args: full())
    fine = good()
    supervisor = house.of(fine)

    def often() -> bool:
        house.clock.advance(1)
        return len(calls) >= 5

    house.runs(supervisor, lambda: often() and supervisor.watched[0].offered == 1)


def test_it_says_how_it_is_and_leaves_no_status_behind(house: House) -> None:
    bad = Bad("bad", raises(Unavailable("card", "not mounted")))
    status = house.tmp_path / STATUS
    told = []

    def read() -> bool:
        if status.exists():
            told.append(json.loads(status.read_text()))
        return bool(told) and bool(told[-1]["sources"][0]["why"])

    house.runs(house.of(bad), read)
    assert told[-1]["sources"][0]["why"] == "card: not mounted"
    assert not status.exists()


def test_before_it_leaves_it_looks_for_what_a_killed_command_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute is longer than many an idle time: nobody else may come for those deeds."""
    looks: list[int] = []
    left = [0, 3, 0, 0]

    def recovering(*_: object) -> int:
        looks.append(1)
        return left.pop(0)

    monkeypatch.setattr("albumen.supervisor.recover", recovering)
    house.of().run(idle_exit=0.0)
    house.queue.shutdown()
    assert len(looks) == 2  # at the start and before leaving, and not for ever while something waits


def test_a_source_that_does_not_come_back_is_told_in_status(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "_HANGS", 0.3)
    monkeypatch.setattr(lookout, "_SAMPLE", 0.02)
    free = threading.Event()
    hanging, fine = Bad("hangs", lambda: free.wait(PATIENCE)), good()
    told: list[Daemon] = []

    def read() -> bool:
        found = daemon_of(str(house.tmp_path), "1")
        told.extend([found] if found else [])
        return bool(told) and any(one.get("hangs") for one in told[-1].sources)

    try:
        house.runs(house.of(hanging, fine), read)
    finally:
        free.set()
    (problem,) = problems._sources(told[-1], told[-1].at)
    assert problem.text == "source hangs has not come back from its look for 0 min"
