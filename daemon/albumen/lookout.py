"""Looking at the sources, each in a thread of its own: asked again with backoff when it fails; it harms nobody else."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from albumen.errors import AlbumenError
from albumen.pipeline import Pipeline
from albumen.ports import Source, Waits

_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds until a source that failed so often in a row is asked again
_POLL = 60.0  # seconds between looks of a source that does not know when to look


@dataclass
class Watched:
    """One source and the steps its arrivals go through; the rest is what ``status`` shows (times in ns, 0 = never)."""

    source: Source
    steps: tuple[str, ...]
    looked: int = 0  # last complete look
    offered: int = 0  # items handed over since the start
    failures: int = 0  # looks that failed in a row
    why: str = ""  # the reason of the last failed one
    notes: tuple[str, ...] = field(default_factory=tuple)


def attempt(work: Callable[[], object], log: structlog.stdlib.BoundLogger, **what: object) -> str:
    """Do it; why it failed, "" when it did not. A bug in one source, or in one thing that runs by the clock, harms no other."""
    try:
        work()
    except AlbumenError as error:
        return str(error)
    except Exception as error:  # one of the three places: one look
        log.exception("bug", **what)
        return f"{type(error).__name__}: {error}"
    return ""


class Lookout:
    """The threads that look. ``stop`` ends them all; what they see is written into ``watched``."""

    def __init__(
        self,
        watched: Sequence[Watched],
        pipeline: Pipeline,
        clock: Callable[[], int],
        stop: threading.Event,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._stop = stop
        self._log = log
        self._threads = [
            threading.Thread(target=self._look_forever, args=(one,), name=f"source {one.source.name}", daemon=True)
            for one in watched
        ]

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

    def _look_forever(self, one: Watched) -> None:
        """A source that fails is asked again, later and later; it harms nobody else."""
        while not self._stop.is_set():
            if not self._look(one):
                delay = _BACKOFF[min(one.failures, len(_BACKOFF)) - 1]
                self._stop.wait(delay * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, no secret

    def _look(self, one: Watched) -> bool:
        """Wait until a look is worth it, unless it is the first or the last failed; then look. False when it failed."""
        name = one.source.name
        why = attempt(lambda: self._scan(one), self._log, source=name)
        if why:
            self._failed(one, why)
            return False
        if self._stop.is_set():
            return True
        if one.why:
            self._log.info("source works again", source=name)
        one.looked, one.failures, one.why = self._clock(), 0, ""
        notes = tuple(getattr(one.source, "notes", ()))
        for note in set(notes) - set(one.notes):
            self._log.warning("source", source=name, note=note)
        one.notes = notes
        return True

    def _scan(self, one: Watched) -> None:
        if one.looked and not one.failures:
            self._wait(one.source)
        if self._stop.is_set():
            return
        name = one.source.name
        for batch in one.source.scan(self._pipeline.memory(name)):
            if self._stop.is_set():
                return
            one.offered += self._pipeline.keep(name, one.steps, batch)

    def _wait(self, source: Source) -> None:
        if isinstance(source, Waits):
            source.wait(self._stop, _POLL)
        else:
            self._stop.wait(_POLL)

    def _failed(self, one: Watched, why: str) -> None:
        if why != one.why:
            self._log.warning("source cannot be looked at", source=one.source.name, why=why)
        one.why = why
        one.failures += 1
