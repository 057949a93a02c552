"""Looking at the sources, each in a thread of its own: asked again with backoff when it fails; it harms nobody else."""

import random
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from albumen import observe
from albumen.effort import Pace
from albumen.errors import AlbumenError, Unavailable
from albumen.pipeline import Pipeline
from albumen.ports import Circuits, Polls, Probes, Source, Waits

_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds until a source that failed so often in a row is asked again
_POLL = 60.0  # seconds between looks of a source that does not know when to look
_REST = 0.1  # seconds from the beginning of one look to that of the next, at least: a wait that never waits
_HANGS = 20 * 60.0  # seconds after which a look that gets nowhere is told
_SAMPLE = 5.0  # seconds between two questions whether looks get on
_MOST = 4000  # jobs of one source that wait; more of it is not asked for before half of them are done
_AGAIN = 0.25  # seconds between questions whether they are
_MANY = 1000  # pieces of one look (500 files each at most) after which it gets slower …
_BREATH = 0.02  # … by so many seconds a piece


@dataclass
class Watched:
    """One source and the steps its arrivals go through; the rest is what ``status`` shows (times in ns, 0 = never)."""

    source: Source
    steps: tuple[str, ...]
    looked: int = 0  # last complete look
    next: int = 0  # when it is looked at again at the latest, where the clock says so
    looking: int = 0  # when the look that goes on now began
    offered: int = 0  # items handed over since the start
    failures: int = 0  # looks that failed in a row
    why: str = ""  # the reason of the last failed one
    told: bool = False  # that its place is closed says it already
    hangs: str = ""  # what is told of a look that does not come back
    notes: tuple[str, ...] = field(default_factory=tuple)


def attempt(work: Callable[[], object], log: observe.Log, **what: object) -> str:
    """Do it; why it failed, "" when it did not. A bug in one source, or in one thing that runs by the clock, harms no other."""
    try:
        work()
    except AlbumenError as error:
        return str(error)
    except (Exception, SystemExit) as error:  # one of the three places: one look
        log.exception("bug", **what)
        return f"{type(error).__name__}: {error}"
    return ""


@dataclass
class _Eye:
    """One source with its thread. ``pace`` is there while a look goes on and does not wait for us; ``since`` when it began."""

    one: Watched
    pace: Pace | None = None
    since: float = 0.0
    shut: str = ""  # the closed place for which it waits
    brought: int = 0  # jobs kept since it was last asked how many of them are left, and those that were left then


class Lookout:
    """The threads that look. ``stop`` ends them all; what they see is written into ``watched``.

    A source that hangs or floods harms nobody else: one thread each, and what it brings waits outside while too much of it is
    still to be done."""

    def __init__(
        self,
        watched: Sequence[Watched],
        pipeline: Pipeline,
        clock: Callable[[], int],
        stop: threading.Event,
        log: observe.Log,
        circuits: Circuits,
    ) -> None:
        self._pipeline = pipeline
        self._circuits = circuits
        self._clock = clock
        self._stop = stop
        self._log = log
        self._eyes = [_Eye(one) for one in watched]
        self._threads = [
            threading.Thread(target=self._look_forever, args=(eye,), name=f"source {eye.one.source.name}", daemon=True)
            for eye in self._eyes
        ]
        self._turned = 0.0

    def start(self) -> None:
        """Look from now on."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float) -> None:
        """Wait, so many seconds at most, until all that were started have ended. One that hangs takes no time from the others."""
        until = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def turn(self) -> None:
        """See which looks hang; to be called every few seconds."""
        now = time.monotonic()
        if now - self._turned < _SAMPLE:
            return
        self._turned = now
        for eye in self._eyes:
            pace = eye.pace
            hangs = ""
            if pace is not None and pace.still(now) >= _HANGS:
                hangs = f"has not come back from its look for {(now - eye.since) / 60:.0f} min"
            if hangs and not eye.one.hangs:
                self._log.warning("source hangs", source=eye.one.source.name, why=hangs)
            eye.one.hangs = hangs

    # ------------------------------------------------------------------------------------------------------------- looking

    def _look_forever(self, eye: _Eye) -> None:
        """A source that fails is asked again, later and later; it harms nobody else."""
        while not self._stop.is_set():
            begun = time.monotonic()
            if not self._look(eye):
                self._rest(eye)
            self._stop.wait(max(0.0, begun + _REST - time.monotonic()))

    def _rest(self, eye: _Eye) -> None:
        """Until a closed place works again: whoever probes it asks for all; else for a while."""
        while eye.shut and eye.shut in self._pipeline.closed and not self._stop.wait(_AGAIN):
            pass
        if not eye.shut:
            delay = _BACKOFF[min(eye.one.failures, len(_BACKOFF)) - 1]
            self._stop.wait(delay * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, no secret

    def _look(self, eye: _Eye) -> bool:
        """Wait until a look is worth it, unless it is the first or the last failed; then look. False when it failed."""
        one = eye.one
        why = attempt(lambda: self._look_through(eye), self._log, source=one.source.name)
        eye.pace, one.looking = None, 0
        if why:
            self._failed(one, why, told=bool(eye.shut))
            return False
        if self._stop.is_set():
            return True
        if one.why:
            (self._log.debug if one.told else self._log.info)("source works again", source=one.source.name)
        one.looked, one.failures, one.why = self._clock(), 0, ""
        one.next = one.looked + round(one.source.next_look() * 1e9) if isinstance(one.source, Polls) else 0
        return True

    def _look_through(self, eye: _Eye) -> None:
        """A place that is asked over a network and turns out to be closed is closed for all: its jobs wait, and this source."""
        eye.shut = ""
        try:
            self._scan(eye)
        except Unavailable as error:
            if isinstance(self._pipeline.stores.get(error.place), Probes):
                if self._pipeline.shut(error, source=eye.one.source.name):
                    self._circuits.reopen(error.place, str(error), retry_after=error.retry_after, auth=error.auth)
                eye.shut = error.place
            raise

    def _scan(self, eye: _Eye) -> None:
        one = eye.one
        if one.looked and not one.failures:
            self._wait(one.source)
        if self._stop.is_set():
            return
        eye.since, eye.pace = time.monotonic(), Pace(threading.get_native_id())
        one.looking = self._clock()
        name = one.source.name
        look = one.source.scan(self._pipeline.recall(name))
        try:
            for number, batch in enumerate(look):
                if self._stop.is_set():
                    return
                kept = self._pipeline.keep(name, one.steps, batch)
                one.offered += kept
                eye.brought += kept
                self._spare(eye, number)
        finally:
            if isinstance(look, Generator):
                look.close()
        notes = tuple(map(str, getattr(one.source, "notes", ())))
        for note in set(notes) - set(one.notes):
            self._log.warning("source", source=name, note=note)
        one.notes = notes

    def _spare(self, eye: _Eye, number: int) -> None:
        """The others, from a source that brings more than can be done: it waits until half of what it brought is done, and a look
        that never ends is slowed down. ``number`` counts the pieces of this look."""
        if eye.brought < _MOST and number < _MANY:
            return
        pace, eye.pace = eye.pace, None  # it waits for us, not we for it
        if number >= _MANY:
            self._stop.wait(_BREATH)
        if eye.brought >= _MOST:
            while (left := self._pipeline.unfinished(eye.one.source.name)) > _MOST / 2 and not self._stop.wait(_AGAIN):
                pass
            eye.brought = left
        eye.pace = pace

    def _wait(self, source: Source) -> None:
        if isinstance(source, Waits):
            source.wait(self._stop, _POLL)
        else:
            self._stop.wait(_POLL)

    def _failed(self, one: Watched, why: str, *, told: bool) -> None:
        """One line, unless it is that of a closed place."""
        if why != one.why:
            (self._log.debug if told else self._log.warning)("source cannot be looked at", source=one.source.name, why=why)
        one.why, one.told = why, told
        one.failures += 1
