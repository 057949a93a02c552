"""Sources that raise, hang, flood or leave harm nobody else."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest
import structlog

from albumen import lookout as module
from albumen.effort import Pace, Spent
from albumen.errors import Unavailable
from albumen.lookout import Lookout, Watched
from albumen.model import Batch, Event, Item, Ref, Seen
from albumen.pipeline import Pipeline
from albumen.ports import Memory
from albumen.stores.wrap import Gate, wrap
from albumen.testing import MemoryQueue, RemoteStore
from make.lives import Log

PATIENCE = 20.0


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


class Forgiving(Log):
    def debug(self, what: str, **fields: object) -> None:
        self.info(what, **fields, quiet=True)

    def exception(self, what: str, **fields: object) -> None:
        self.info(what, **fields)


@dataclass
class Keeper:
    """As much of a pipeline as sources meet: counts what it keeps; nothing of it is ever done unless somebody does it."""

    kept: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    stores: dict[str, object] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def shut(self, error: Unavailable, **_: str) -> bool:
        news = error.place not in self.closed
        self.closed.add(error.place)
        return news

    def recall(self, source: str) -> object:
        return source

    def keep(self, source: str, steps: tuple[str, ...], found: Batch) -> int:
        self.kept[source] = self.kept.get(source, 0) + len(found.events)
        return len(found.events)

    def unfinished(self, source: str) -> int:
        return self.kept.get(source, 0) - self.done.get(source, 0)


@dataclass
class Field:
    """A lookout over some sources."""

    log: Forgiving = field(default_factory=Forgiving)
    stop: threading.Event = field(default_factory=threading.Event)
    keeper: Keeper = field(default_factory=Keeper)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    made: list[Lookout] = field(default_factory=list)

    def over(self, *sources: "Plugin") -> list[Watched]:
        watched = [Watched(one, ("step",)) for one in sources]
        log = cast("structlog.stdlib.BoundLogger", self.log)
        self.made.append(Lookout(watched, cast("Pipeline", self.keeper), time.time_ns, self.stop, log, self.queue))
        self.made[-1].start()
        return watched


@pytest.fixture
def ground(monkeypatch: pytest.MonkeyPatch) -> Iterator[Field]:
    monkeypatch.setattr(module, "_BACKOFF", (0.01,))
    monkeypatch.setattr(module, "_REST", 0.001)
    monkeypatch.setattr(module, "_POLL", 0.001)
    monkeypatch.setattr(module, "_AGAIN", 0.005)
    made = Field()
    yield made
    made.stop.set()
    for one in made.made:
        one.join(PATIENCE)


def some(name: str, count: int = 1) -> Batch:
    events = tuple(Event("arrived", Item(Ref("disk", f"{name}{number}", "1"))) for number in range(count))
    return Batch(events, tuple(Seen(one.item.main.path, "1") for one in events))


class Plugin:
    """A source whose looks are those of a function."""

    def __init__(self, name: str, look: Callable[[], Iterator[Batch]]) -> None:
        self.name = name
        self._look = look
        self.looks = 0

    def scan(self, memory: Memory) -> Iterator[Batch]:
        self.looks += 1
        return self._look()


def fine() -> Iterator[Batch]:
    yield some("fine")


def endless() -> Iterator[Batch]:
    while True:
        yield some("flood", 100)


def test_an_endless_look_waits_until_half_of_what_it_brought_is_done(ground: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the queue nor the memory fills up, and the others are asked as ever."""
    monkeypatch.setattr(module, "_MOST", 1000)
    flood, other = Plugin("flood", endless), Plugin("other", fine)
    ground.over(flood, other)
    wait_for(lambda: ground.keeper.kept.get("flood", 0) >= 1000)
    looks = other.looks
    wait_for(lambda: other.looks > looks + 20)
    assert ground.keeper.kept["flood"] == 1000
    ground.keeper.done["flood"] = 400
    looks = other.looks
    wait_for(lambda: other.looks > looks + 20)
    assert ground.keeper.kept["flood"] == 1000  # more than half is left
    ground.keeper.done["flood"] = 600
    wait_for(lambda: ground.keeper.kept["flood"] == 1600)


def test_an_endless_look_that_brings_nothing_is_slowed_down(ground: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY", 10)
    monkeypatch.setattr(module, "_BREATH", 3600.0)
    pieces = []

    def spins() -> Iterator[Batch]:
        while True:
            pieces.append(1)
            yield Batch()

    ground.over(Plugin("spins", spins), Plugin("other", fine))
    wait_for(lambda: ground.keeper.kept.get("other", 0) > 20)
    assert len(pieces) == 11


def test_a_source_that_never_waits_is_not_asked_without_rest(ground: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REST", 3600.0)

    class Hasty(Plugin):
        def wait(self, stop: threading.Event, timeout: float) -> None:
            return

    hasty, other = Hasty("hasty", fine), Plugin("other", fine)
    ground.over(hasty, other)
    wait_for(lambda: hasty.looks == 1 and other.looks == 1)
    ground.stop.wait(0.1)
    assert hasty.looks == 1


def silent(_thread: int) -> Spent:
    """No thread gets on."""
    return Spent()


def test_a_look_that_does_not_come_back_is_told_until_it_does(ground: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(module, "Pace", lambda thread: Pace(thread, silent))
    free = threading.Event()

    def hangs() -> Iterator[Batch]:
        free.wait(PATIENCE)
        yield some("late")

    plugin = Plugin("hangs", hangs)
    (one,) = ground.over(plugin)
    wait_for(lambda: plugin.looks == 1)
    real = time.monotonic()
    monkeypatch.setattr("albumen.lookout.time.monotonic", lambda: real + now[0])
    for _ in range(25):  # minutes
        now[0] += 60.0
        ground.made[0].turn()
    assert one.hangs.startswith("has not come back from its look for ")
    assert [what for what, _ in ground.log.lines].count("source hangs") == 1
    monkeypatch.undo()
    free.set()
    wait_for(lambda: one.looked > 0)
    ground.made[0]._turned = 0.0  # the next question is due
    ground.made[0].turn()
    assert one.hangs == ""


def test_a_source_that_waits_or_works_does_not_hang(ground: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    used = [0]

    def busy(_thread: int) -> Spent:
        used[0] += 1
        return Spent(0.0, used[0])

    monkeypatch.setattr(module, "Pace", lambda thread: Pace(thread, busy))
    free = threading.Event()

    def works() -> Iterator[Batch]:
        free.wait(PATIENCE)
        yield some("late")

    plugin = Plugin("works", works)
    (one,) = ground.over(plugin)
    wait_for(lambda: plugin.looks == 1)
    real, now = time.monotonic(), 0.0
    with monkeypatch.context() as patch:
        for _ in range(60):
            now += 60.0
            patch.setattr("albumen.lookout.time.monotonic", lambda now=now: real + now)
            ground.made[0].turn()
    free.set()
    assert one.hangs == ""


@pytest.mark.parametrize("error", [Unavailable("card", "not mounted"), ZeroDivisionError("oops"), SystemExit(3)], ids=repr)
def test_a_source_that_raises_is_asked_again(ground: Field, error: BaseException) -> None:
    """Also one that means to leave the program: its thread must not end, nobody would notice for years."""

    def breaks() -> Iterator[Batch]:
        yield some("one")
        raise error

    broken, other = Plugin("broken", breaks), Plugin("other", fine)
    watched = ground.over(broken, other)
    wait_for(lambda: broken.looks > 3 and other.looks > 3)
    assert watched[0].why
    assert watched[0].offered >= 3
    assert not watched[1].why


def test_notes_that_break_are_a_failed_look(ground: Field) -> None:
    class Odd(Plugin):
        @property
        def notes(self) -> tuple[str, ...]:
            raise ZeroDivisionError("oops")

    odd = Odd("odd", fine)
    (one,) = ground.over(odd)
    wait_for(lambda: odd.looks > 3)
    assert one.why == "ZeroDivisionError: oops"


def test_a_look_that_was_broken_off_is_closed(ground: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a source holds open during a look it gives back, whoever broke it off."""
    closed = []

    def looks() -> Iterator[Batch]:
        try:
            yield some("one")
            yield some("two")
        finally:
            closed.append(1)

    def full(*_: object) -> int:
        raise Unavailable("queue", "the disk is full")

    monkeypatch.setattr(ground.keeper, "keep", full)
    ground.over(Plugin("looks", looks))
    wait_for(lambda: len(closed) > 2)


def test_the_pauses_after_failures_grow_and_differ(ground: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", (1.0, 2.0, 5.0))
    pauses: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout is not None and timeout > 0.1:
                pauses.append(timeout)
            return super().wait(0.0)

    def breaks() -> Iterator[Batch]:
        raise Unavailable("card", "not mounted")

    ground.stop = Stop()
    ground.over(Plugin("breaks", breaks))
    wait_for(lambda: len(pauses) >= 20)
    for pause, base in zip(pauses, (1.0, 2.0, *[5.0] * 18), strict=False):
        assert 0.8 * base <= pause <= 1.2 * base
    assert len(set(pauses[2:20])) > 10


class TestClosedPlaces:
    """A source whose place is closed does not look until somebody says that it works again."""

    def closed(self, ground: Field, **how: bool) -> tuple[list[Watched], "Plugin", list[Exception]]:
        ground.keeper.stores["hub"] = wrap(RemoteStore("hub"), Gate("hub", None))
        errors: list[Exception] = [Unavailable("hub", "401", **how)]

        def look() -> Iterator[Batch]:
            if errors:
                raise errors[0]
            yield some("hub")

        source = Plugin("raw", look)
        return ground.over(source, Plugin("other", fine)), source, errors

    def test_it_is_asked_once(self, ground: Field) -> None:
        """S1-10 (part: login refused; other sources go on)."""
        watched, source, errors = self.closed(ground, auth=True)
        wait_for(lambda: watched[0].failures == 1)
        looks = watched[1].looked
        wait_for(lambda: watched[1].looked > looks + 1)
        assert source.looks == 1
        (circuit,) = ground.queue.circuits()
        assert (circuit.place, circuit.auth, circuit.failures) == ("hub", True, 1)
        errors.clear()
        ground.keeper.closed.clear()
        wait_for(lambda: bool(ground.keeper.kept.get("raw")))
        assert watched[0].why == ""

    def test_its_line_is_that_of_the_place(self, ground: Field) -> None:
        watched, _, errors = self.closed(ground)
        wait_for(lambda: watched[0].failures == 1)
        ground.keeper.closed.clear()
        wait_for(lambda: watched[0].failures == 2)
        errors.clear()
        ground.keeper.closed.clear()
        wait_for(lambda: not watched[0].failures)
        assert [told for told, fields in ground.log.lines if fields.get("source") == "raw" and not fields.get("quiet")] == []

    def test_two_sources_open_one_circuit(self, ground: Field) -> None:
        ground.keeper.shut(Unavailable("hub", "401"))
        watched, _, _ = self.closed(ground)
        wait_for(lambda: watched[0].failures == 1)
        assert ground.queue.circuits() == ()
