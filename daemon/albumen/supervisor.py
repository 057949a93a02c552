"""Sources, queue and housekeeping: started in order, restarted with backoff, stopped in reverse within 30 s."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Protocol

from albumen import observe
from albumen.alive import STATUS
from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError, ConfigError, Unavailable
from albumen.lookout import Lookout, Watched
from albumen.observe import Health
from albumen.operations.working import WorkingQueue, recover
from albumen.owners import DaemonLock
from albumen.pipeline import Pipeline
from albumen.ports import Minds, Store

_STOP = 25.0  # seconds that running steps get to finish; the rest of 30 s is for closing
_LOOKS = 4.0  # seconds that sources get to end their looks, all together
_TICK = 0.5
_SAMPLE = 15.0  # seconds between two questions whether steps get on
_SAY = 15.0  # seconds between two lines to the status file when nothing changed; after 60 s of silence the daemon is not alive


class Service(Protocol):
    """Something that runs beside sources and queue, in threads of its own: started after them, stopped before them."""

    def start(self) -> None:
        """Returns at once. ``ConfigError`` when it cannot work as it is configured: then the daemon does not run."""

    def stop(self) -> None:
        """Returns within a second or two. Twice is harmless."""


class Host:
    """Who runs this daemon and is told of it, in the daemon's main thread. This one is nobody."""

    def ready(self) -> None:
        """Sources and queue run."""

    def turn(self) -> str:
        """Called about twice a second. Why the daemon is to begin anew, "" to go on."""
        return ""

    def leaving(self, why: str) -> None:
        """It stops: for good, or (``why``) to begin anew."""


@dataclass
class Supervisor:
    """The daemon's life. ``run`` returns when ``stop`` is set or, with ``idle_exit``, when nothing happened for so long.

    ``health`` hears of every turn of it; who of all that beat there stands still is told to ``status --alive``. A step that got
    nowhere for ``stuck`` seconds (0 = never) counts as failed, and ends the daemon, since no thread can be ended alone."""

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
    log: observe.Log
    services: Sequence[Service] = ()
    health: Health = field(default_factory=Health)
    host: Host = field(default_factory=Host)
    stuck: float = 0.0
    refused: str = ""  # why settings that were read again are not followed
    begun_anew: str = ""  # why this process began anew
    _asked: float = 0.0  # whether a step is stuck
    _told: tuple[Mapping[str, object], int] = ({}, 0)  # what the status file says, and since when

    def run(self, *, idle_exit: float | None = None) -> str:
        """Hold the daemon's lock, start in order, stop in reverse. Why the daemon is to begin anew, "" when it leaves for good; for a
        new beginning the lock is still held. ``ConfigError`` when another daemon holds the state directory."""
        self._take_lock()
        why = ""
        lookout = Lookout(self.watched, self.pipeline, self.clock, self.stop, self.log, self.queue)
        beside = ExitStack()
        try:
            self.pipeline.spool.sweep(self.engine.desk.dead)
            recovered = self._recover()
            self.queue.start(self.pipeline, workers=self.lanes)
            lookout.start()
            for one in self.services:
                beside.callback(one.stop)
                one.start()
            self.log.info("running", sources=len(self.watched), recovered=recovered, state=self.state)
            self.host.ready()
            why = self._keep_house(lookout, idle_exit)
        finally:
            self.host.leaving(why)
            self.stop.set()
            beside.close()
            lookout.join(_LOOKS)
            self.queue.stop(_STOP)
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.state, STATUS))
            if not why:
                self.daemon.release()
            self.log.info("stopped", **({"why": why} if why else {}))
        return why

    def trouble(self) -> str:
        """The first trouble that is known without asking anybody, "" for none."""
        if self.refused:
            return f"settings cannot be followed, the old ones stay: {self.refused}"
        for one in self.watched:
            if one.why or one.hangs:
                return f"source {one.source.name} {one.hangs or f'cannot be looked at: {one.why}'}"
        return ""

    def tally(self) -> str:
        """What it did so far, in one line."""
        return f"{len(self.watched)} sources, {sum(one.offered for one in self.watched)} files found since the start"

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

    # --------------------------------------------------------------------------------------------------------- housekeeping

    def _keep_house(self, lookout: Lookout, idle_exit: float | None) -> str:
        idle_since = time.monotonic()
        seen = -1
        last_look = False  # for dead owners before leaving: once, since what waits for a place waits for the next start
        while not self.stop.wait(_TICK):
            self.health.beat("supervisor")
            lookout.turn()
            if why := self.host.turn() or self._end_stuck():
                return why
            try:
                self._write_status()
                busy = idle_exit is not None and self._busy()
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
                break
        return ""

    def _end_stuck(self) -> str:
        """Count steps that get nowhere as failed. Why the daemon is to begin anew, "" when all get on."""
        if not self.stuck or not isinstance(self.queue, Minds) or time.monotonic() < self._asked + min(self.stuck / 30, _SAMPLE):
            return ""
        self._asked = time.monotonic()
        told = ""
        for job in self.queue.stuck(self.stuck):
            file, step = shown(job.item.main), job.steps[0]
            why = f"step {step} of {file} got nowhere for {self.stuck:.0f} s"
            self.log.error("stuck", file=file, step=step, seconds=self.stuck)
            try:
                if self.queue.give_up(job, self.pipeline.overdue(job, f"{why}; the daemon restarted itself")):
                    told = told or why
            except AlbumenError as error:  # its try is not counted; what it holds up must end all the same
                self.log.warning("housekeeping waits", why=str(error))
                told = told or why
        return told

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
        """When there is something new to say, and every few seconds: a file replaced each tick would keep an idle disk awake."""
        told = {
            "pid": os.getpid(),
            "stalled": self.health.stalled(),
            "refused": self.refused,
            "begun_anew": self.begun_anew,
            "sources": [
                {
                    "name": one.source.name,
                    "looked": one.looked,
                    "next": one.next,
                    "looking": one.looking,
                    "offered": one.offered,
                    "why": one.why,
                    "hangs": one.hangs,
                    "notes": list(one.notes),
                }
                for one in self.watched
            ],
        }
        now = self.clock()
        if told == self._told[0] and abs(now - self._told[1]) < _SAY * 1_000_000_000:
            return
        path = os.path.join(self.state, STATUS)
        draft = f"{path}.draft"
        try:
            with open(draft, "w", encoding="ascii") as file:
                json.dump({**told, "at": now}, file)
            os.replace(draft, path)
        except OSError as error:
            raise Unavailable("state directory", f"{error.strerror} ({path})") from None
        self._told = (told, now)
