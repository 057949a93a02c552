"""What runs by the clock does for closed places: asks them when it is time, and not before."""

import threading
from pathlib import Path
from typing import cast

import pytest
import structlog

from albumen.errors import Unavailable
from albumen.operations import checking
from albumen.operations.checking import Finding
from albumen.ports import Store
from albumen.schedule import DAY, Parts
from albumen.stores.wrap import Gate, wrap
from albumen.testing import FakeClock, MemoryQueue, RemoteStore
from make.lives import Life, Log
from make.worlds import Fault, InMemory

LOCKED = Unavailable("hub", "401", auth=True)


class Hub:
    """A daemon's clock over a server's store that can be closed."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.life = Life(InMemory(folder), Fault())
        self.queue = MemoryQueue(clock=self.clock)
        self.log = Log()
        self.asked = 0
        self.bare = RemoteStore("hub")
        self.store = wrap(self.bare, Gate("hub", self._ping))
        self.life.stores["hub"] = cast("Store", self.store)
        self.life.pipeline.queue = self.queue
        self.life.pipeline.log = cast("structlog.stdlib.BoundLogger", self.log)
        self.new_secret = False
        engine, pipeline, stop = self.life.engine, self.life.pipeline, threading.Event()
        self.parts = Parts(engine, pipeline, self.queue, {}, 30 * DAY, lambda: None, self.clock, stop, lambda _: self.new_secret)

    def _ping(self) -> None:
        self.asked += 1
        self.bare.ping()

    def shut(self, error: Unavailable) -> None:
        """What a source does that meets a closed place."""
        self.bare.closed = error
        with pytest.raises(Unavailable):
            self.store.probe()  # type: ignore[attr-defined]  # found at run time
        self.life.pipeline.shut(error)
        self.queue.reopen(error.place, str(error), retry_after=error.retry_after, auth=error.auth)
        self.asked = 0

    def turns(self, seconds: int) -> None:
        """As many turns of the clock."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.parts.probes()

    @property
    def told(self) -> list[str]:
        """What was told of places."""
        return [what for what, _ in self.log.lines if what.startswith("place")]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    found = Hub(tmp_path)
    found.parts.probes()  # the first turn
    return found


def test_a_place_is_asked_less_and_less_and_goes_on(hub: Hub) -> None:
    hub.shut(Unavailable("hub", "refused the connection"))
    hub.turns(16)
    assert hub.asked == 4  # after 1, 2, 4, 8 s
    hub.bare.closed = None
    hub.turns(20)
    assert hub.queue.circuits() == ()
    assert list(hub.store.list()) == []
    assert hub.told == ["place closed", "place works again"]


def test_one_that_refused_our_secret_is_asked_hourly(hub: Hub) -> None:
    hub.shut(LOCKED)
    hub.turns(3590)
    assert hub.asked == 0
    hub.turns(20)
    assert hub.asked == 1


def test_or_when_the_secret_has_changed(hub: Hub) -> None:
    hub.shut(LOCKED)
    hub.parts.renewals()
    hub.turns(2)
    assert hub.asked == 0
    hub.new_secret = True
    hub.parts.renewals()
    hub.bare.closed = None
    hub.turns(1)
    assert (hub.asked, hub.queue.circuits()) == (1, ())
    assert hub.told == ["place closed", "place works again"]


def test_or_when_a_person_asks(hub: Hub) -> None:
    """``check`` found that it works: the daemon asks it; one that still fails is left alone."""
    hub.shut(LOCKED)
    checking.hurry(hub.queue, [Finding("[store.hub]", ok=False, text="401")])
    hub.turns(2)
    assert hub.asked == 0
    checking.hurry(hub.queue, [Finding("[store.nas]", ok=False, text="gone")])
    hub.turns(1)
    assert hub.asked == 1


def test_or_when_the_daemon_starts(tmp_path: Path) -> None:
    """A person may have started it because of that."""
    hub = Hub(tmp_path)
    hub.queue.reopen("hub", "401", auth=True)
    hub.parts.probes()
    assert (hub.asked, hub.queue.circuits()) == (1, ())


def test_one_that_another_process_opened_is_asked_by_this_one(hub: Hub) -> None:
    """Its gate is closed, and no circuit says so any more."""
    hub.shut(Unavailable("hub", "refused the connection"))
    hub.queue.close("hub")
    hub.bare.closed = None
    hub.turns(2)
    assert hub.asked == 1
    assert list(hub.store.list()) == []


def test_and_closed_again_when_it_does_not_work_here(hub: Hub) -> None:
    hub.shut(LOCKED)
    hub.queue.close("hub")
    hub.turns(5)
    assert hub.asked == 1
    assert [(one.place, one.auth) for one in hub.queue.circuits()] == [("hub", True)]


def test_a_clock_that_was_turned_back_closes_nothing_for_years(hub: Hub) -> None:
    hub.clock.advance(10 * 365 * DAY)
    hub.shut(LOCKED)
    hub.clock.advance(-10 * 365 * DAY)
    hub.bare.closed = None
    hub.turns(1)
    assert hub.queue.circuits() == ()
