"""Sources, queue and housekeeping: started in order, restarted with backoff, stopped in reverse within 30 s."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError, ConfigError, Unavailable
from albumen.operations.working import WorkingQueue, probe, recover
from albumen.owners import DaemonLock
from albumen.pipeline import Pipeline
from albumen.ports import Source, Store, Waits

STATUS = "daemon.json"  # in the state directory: what the daemon says of itself, read by ``status``
_STOP = 25.0  # seconds that running steps get to finish; the rest of 30 s is for closing
_LOOKS = 4.0  # seconds that sources get to end their looks, all together
_RECOVER = 60.0  # seconds between looks for dead owners
_TICK = 0.5
_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
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


@dataclass
class Supervisor:
    """The daemon's life. ``run`` returns when ``stop`` is set or, with ``idle_exit``, when nothing happened for so long."""

    watched: Sequence[Watched]
    pipeline: Pipeline
    engine: Engine
    queue: WorkingQueue
    stores: Mapping[str, Store]
    daemon: DaemonLock
    lanes: Mapping[str, int]
    state: str
    clock: Callable[[], int]
    stop: threading.Event
    log: structlog.stdlib.BoundLogger

    def run(self, *, idle_exit: float | None = None) -> None:
        """Hold the daemon's lock, start in order, stop in reverse. ``ConfigError`` when another daemon holds the state directory."""
        self._take_lock()
        threads: list[threading.Thread] = []
        try:
            self.pipeline.spool.clear()
            recovered = self._recover()
            self.queue.start(self.pipeline, workers=self.lanes)
            threads += [
                threading.Thread(target=self._look_forever, args=(one,), name=f"source {one.source.name}", daemon=True)
                for one in self.watched
            ]
            for thread in threads:
                thread.start()
            self.log.info("running", sources=len(self.watched), recovered=recovered, state=self.state)
            self._keep_house(idle_exit)
        finally:
            self.stop.set()
            until = time.monotonic() + _LOOKS
            for thread in threads:
                thread.join(max(0.0, until - time.monotonic()))  # one that hangs takes no time from the others
            self.queue.stop(_STOP)
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.state, STATUS))
            self.daemon.release()
            self.log.info("stopped")

    def _take_lock(self) -> None:
        for _ in range(20):  # a command tests the lock with a shared one for an instant
            if self.daemon.take():
                return
            time.sleep(0.05)
        raise ConfigError(
            [
                f"another daemon (process {self.daemon.held()}) works on {self.state}: stop it first, or give this one its own [state] dir"
            ]
        )

    # ------------------------------------------------------------------------------------------------------------- sources

    def _look_forever(self, one: Watched) -> None:
        """A source that fails is asked again, later and later; it harms nobody else."""
        while not self.stop.is_set():
            if not self._look(one):
                delay = _BACKOFF[min(one.failures, len(_BACKOFF)) - 1]
                self.stop.wait(delay * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, no secret

    def _look(self, one: Watched) -> bool:
        """Wait until a look is worth it, unless it is the first or the last failed; then look. False when it failed."""
        name = one.source.name
        try:
            if one.looked and not one.failures:
                self._wait(one.source)
            if self.stop.is_set():
                return True
            for batch in one.source.scan(self.pipeline.memory(name)):
                if self.stop.is_set():
                    return True
                one.offered += self.pipeline.keep(name, one.steps, batch)
        except AlbumenError as error:
            self._failed(one, str(error))
            return False
        except Exception as error:  # one of the three places: one look
            self.log.exception("bug", source=name)
            self._failed(one, f"{type(error).__name__}: {error}")
            return False
        if one.why:
            self.log.info("source works again", source=name)
        one.looked, one.failures, one.why = self.clock(), 0, ""
        notes = tuple(getattr(one.source, "notes", ()))
        for note in set(notes) - set(one.notes):
            self.log.warning("source", source=name, note=note)
        one.notes = notes
        return True

    def _wait(self, source: Source) -> None:
        if isinstance(source, Waits):
            source.wait(self.stop, _POLL)
        else:
            self.stop.wait(_POLL)

    def _failed(self, one: Watched, why: str) -> None:
        if why != one.why:
            self.log.warning("source cannot be looked at", source=one.source.name, why=why)
        one.why = why
        one.failures += 1

    # --------------------------------------------------------------------------------------------------------- housekeeping

    def _keep_house(self, idle_exit: float | None) -> None:
        recovered = time.monotonic()
        idle_since = time.monotonic()
        seen = -1
        last_look = False  # for dead owners before leaving: once, since what waits for a place waits for the next start
        while not self.stop.wait(_TICK):
            try:
                for place in probe(self.queue, self.stores, self.clock()):
                    self.log.info("place works again", place=place)
                if time.monotonic() - recovered >= _RECOVER:
                    recovered = time.monotonic()
                    self._recover()
                self._write_status()
                busy = self._busy()
            except AlbumenError as error:  # the daemon outlives a full disk
                self.log.warning("housekeeping waits", why=str(error))
                continue
            offered = sum(one.offered for one in self.watched)
            if busy or offered != seen or not all(one.looked or one.failures for one in self.watched):
                idle_since = time.monotonic()
            seen = offered
            if idle_exit is not None and time.monotonic() - idle_since >= idle_exit:
                if not last_look and self._recover():  # of a command that was killed beside us: nobody else may come for it
                    last_look, idle_since = True, time.monotonic()
                    continue
                self.log.info("nothing to do; leaving", seconds=idle_exit)
                return

    def _recover(self) -> int:
        """What dead owners left; what cannot be taken over now (a full disk) is at the next time."""
        try:
            return recover(self.engine, self.pipeline, self.queue)
        except AlbumenError as error:
            self.log.warning("recovery waits", why=str(error))
            return 0

    def _busy(self) -> int:
        return sum(number for (_, state), number in self.queue.stats().counts.items() if state in ("ready", "running"))

    def _write_status(self) -> None:
        told = {
            "pid": os.getpid(),
            "at": self.clock(),
            "sources": [
                {"name": one.source.name, "looked": one.looked, "offered": one.offered, "why": one.why, "notes": list(one.notes)}
                for one in self.watched
            ],
        }
        path = os.path.join(self.state, STATUS)
        draft = f"{path}.draft"
        try:
            with open(draft, "w", encoding="ascii") as file:
                json.dump(told, file)
            os.replace(draft, path)
        except OSError as error:
            raise Unavailable("state directory", f"{error.strerror} ({path})") from None
