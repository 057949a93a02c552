"""What "all is well" means: each reason by itself, with a cause that stays, the gravest first."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from albumen import jsonable
from albumen.alive import Daemon
from albumen.errors import Unavailable
from albumen.model import REFUSED, Batch, Buried, Deed, Item, Job, Ref, Refused, Seen, Waiting
from albumen.observe import Health
from albumen.operations import timetable
from albumen.operations.problems import Asked, problems
from albumen.operations.timetable import Timed
from albumen.ports import Ledger, Store
from albumen.testing import FakeClock, MemoryLedger, MemoryQueue, MemoryStore

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@dataclass
class House:
    """A library where all is well, until a test says otherwise."""

    base: Path
    clock: FakeClock = field(default_factory=FakeClock)
    health: Health = field(default_factory=Health)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    dead: set[str] = field(default_factory=set)
    daemon: Daemon | None = None

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(clock=self.clock, poll=0.01)
        (self.base / "born").touch()
        self.aged(0)

    def aged(self, hours: float) -> None:
        """The state directory is so old."""
        at = self.clock() - round(hours * HOUR)
        os.utime(self.base / "born", ns=(at, at))

    def causes(self) -> list[str]:
        return [one.cause for one in self.found()]

    def found(self) -> Any:
        asked = Asked(
            cast("Ledger", self.ledger),
            self.queue,
            cast("Mapping[str, Store]", {"nas": MemoryStore("nas")}),
            ["camera"],
            self.dead,
            self.health,
            str(self.base),
            str(self.base / "backups"),
            floor=0,
        )
        return problems(asked, self.daemon, self.clock())

    def jobs(self, outcome: Waiting | Buried) -> None:
        """Two jobs that end so."""
        done = threading.Semaphore(0)

        def handle(_job: Job) -> Waiting | Buried:
            done.release()
            return outcome

        self.queue.put([Job(Item(Ref("disk", f"in/{name}.jpg")), ("file",), key=name) for name in "ab"])
        self.queue.start(handle, workers={"io": 1})
        assert all(done.acquire(timeout=20) for _ in "ab")
        self.queue.stop()

    def says(self, **source: object) -> None:
        self.daemon = Daemon("7", self.clock(), ({"name": "camera", "looked": self.clock(), **source},))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_nothing_is_wrong_with_a_new_library_and_none_without_a_daemon(house: House) -> None:
    assert house.found() == ()
    house.says()
    assert house.found() == ()


def test_dead_jobs_are_one_reason_whatever_their_number(house: House) -> None:
    house.jobs(Buried("it is broken"))
    (one,) = house.found()
    assert (one.cause, one.text) == ("failed", "2 failed: /in/a.jpg: it is broken (albumen queue dead lists them)")


def test_a_closed_place_is_a_reason_and_a_store_has_one_cause_however_it_is_found(house: House) -> None:
    house.jobs(Waiting("nas", "nas: full"))
    assert [(one.cause, one.text) for one in house.found()] == [("store nas", "nas is closed: nas: full")]

    def closed() -> None:
        raise Unavailable("nas", "not mounted")

    house.health.add("store nas", closed)
    assert [(one.cause, one.text) for one in house.found()] == [("store nas", "store nas: not mounted")]


def test_another_place_than_a_store_is_named_as_it_is(house: House) -> None:
    house.jobs(Waiting("dropbox", "429"))
    assert house.causes() == ["place dropbox"]


def test_a_store_that_does_not_answer_is_a_reason_and_holds_up_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    house.health.add("store nas", lambda: free.wait(60))
    check = house.health.check
    monkeypatch.setattr(house.health, "check", lambda: check(0.05))
    try:
        for _ in range(3):
            (one,) = house.found()
            assert one.text.startswith("store nas: has not answered for")
        assert sum(thread.name == "ping" for thread in threading.enumerate()) == 1
    finally:
        free.set()


def test_what_is_refused_is_a_reason_with_the_way_out(house: House) -> None:
    refused = Refused("ab12cd", "source camera", "4 of 5 files are missing at once", 1, 4)
    house.queue.scratch(REFUSED).put("source camera", jsonable.dumps(refused))
    assert [one.text for one in house.found()] == ["source camera: 4 of 5 files are missing at once (albumen confirm ab12cd)"]


def test_a_file_set_aside_asks_and_one_that_is_only_listed_does_not(house: House) -> None:
    memory = house.queue.memory("camera")
    memory.commit(Batch(seen=(Seen("a.pdf", "r", "listed", "no picture"), Seen("c.jpg", "r"))), ())
    assert house.found() == ()
    memory.commit(Batch(seen=(Seen("b.jpg", "r", "aside", "permission denied"),)), ())
    (one,) = house.found()
    assert one.cause == "aside camera"
    assert one.text.startswith("1 set aside in camera: b.jpg: permission denied")
    house.queue.memory("another").commit(Batch(seen=(Seen("x", "r", "aside", "why"),)), ())
    assert house.causes() == ["aside camera"]  # a source that is configured no more asks nobody


def test_deeds_of_the_dead_are_a_reason_and_those_of_the_living_are_not(house: House) -> None:
    batch = house.ledger.begin("import in", "owner")
    deed = Deed(batch, "k", "copy", Ref("disk", "a"), Ref("nas", "b"), target_key="b", sha256="0" * 64)
    house.ledger.intend([deed])
    assert house.found() == ()
    house.dead.add("owner")
    assert house.causes() == [f"batch {batch}"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({}, ""),
        ({"looked": 0}, ""),  # the first look goes on, or is about to
        ({"why": "card: not mounted"}, "source camera cannot be looked at: card: not mounted"),
        ({"hangs": "has not come back from its look for 20 min"}, "source camera has not come back from its look for 20 min"),
    ],
)
def test_what_the_daemon_says_of_its_sources(house: House, source: dict[str, object], told: str) -> None:
    house.says(**source)
    assert [one.text for one in house.found()] == ([told] if told else [])


@pytest.mark.parametrize(("seconds", "looking", "well"), [(119, 0, True), (121, 0, False), (5000, 1, True)])
def test_every_source_is_looked_at_within_two_periods(house: House, seconds: int, looking: int, well: bool) -> None:
    """A long look is being done, and is told by ``hangs`` when it gets nowhere."""
    house.says(looked=house.clock() - seconds * SECOND, looking=looking)
    assert (house.causes() == []) is well


def test_a_daemon_that_stands_still_is_the_gravest(house: House) -> None:
    house.jobs(Buried("it is broken"))
    house.jobs(Waiting("nas", "full"))
    house.daemon = Daemon("7", house.clock() - 61 * SECOND)
    assert house.causes() == ["daemon", "store nas", "failed"]
    house.daemon = Daemon("7", house.clock(), stalled=("clock", "queue"))
    assert "its clock, queue has stood still" in house.found()[0].text


def test_settings_that_cannot_be_followed_are_a_reason(house: House) -> None:
    house.daemon = Daemon("7", house.clock(), refused="[log] level: 'loud' is not one of …")
    assert house.causes() == ["settings"]


def test_a_backup_is_due_once_the_state_is_old_enough(house: House) -> None:
    house.aged(25.9)
    assert house.found() == ()
    house.aged(26.1)
    assert [one.text for one in house.found()] == [
        "catalog and ledger have no backup and are 26 hours old: albumen backup makes one"
    ]


def test_what_fails_by_the_clock_is_a_reason(house: House) -> None:
    house.says()
    now = house.clock()
    failing = Timed("backup", 3600.0, tried=now, failures=5, failing=now - 3 * HOUR, why="the disk is full")
    timetable.keep(house.queue.scratch(timetable.DRAWER), failing)
    assert [(one.cause, one.text) for one in house.found()] == [("schedule backup", "backup fails: the disk is full")]
