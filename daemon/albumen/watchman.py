"""Asks again and again whether all is well, and tells whoever wants to hear of it. Nothing here can harm anybody: each part turns in
a thread of its own, and what it raises is a line in the log.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from albumen import jsonable, observe
from albumen.errors import AlbumenError, Unavailable
from albumen.lookout import attempt
from albumen.operations.notifying import Decision, Receiver, decide, receivers
from albumen.operations.problems import Problem
from albumen.ports import Scratch

if TYPE_CHECKING:
    from albumen.senders import Sender  # what it stands on takes its time to import, and few commands send

_SECOND = 1_000_000_000
_EVERY = 15.0  # seconds between two looks; less when reasons are news sooner
_RETRY = (30.0, 60.0, 300.0, 900.0, 3600.0)  # seconds until a receiver that failed so often in a row is tried again
_STOP = 1.0  # seconds that a turn gets to end


class Turning:
    """A thread that does one thing every so many seconds, from ``start`` to ``stop``. A ``supervisor.Service``."""

    def __init__(self, name: str, every: float, work: Callable[[], None], log: observe.Log) -> None:
        self._every = every
        self._work = work
        self._log = log
        self._stop = threading.Event()
        self._name = name
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Turn from now on."""
        self._thread = threading.Thread(target=self._turn, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more turns. One that hangs is not waited for: its thread ends with the process. Twice is harmless."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP)

    def _turn(self) -> None:
        while not self._stop.is_set():
            attempt(self._work, self._log, part=self._name)
            self._stop.wait(self._every)


class Watchman:
    """``found`` are the reasons of the last look, None before the first. ``look`` may raise: then that is the reason."""

    def __init__(self, look: Callable[[], Sequence[Problem]], log: observe.Log) -> None:
        self.found: tuple[Problem, ...] | None = None
        self._look = look
        self._log = log

    def turn(self) -> None:
        """One look; a line in the log when it turns from well to not well or back."""
        try:
            found = tuple(self._look())
        except AlbumenError as error:
            found = (Problem("database", str(error)),)
        was, self.found = self.found, found
        if found and not was:
            self._log.warning("not well", cause=found[0].cause, why=found[0].text, reasons=len(found))
        elif was and not found:
            self._log.info("all is well again")


class Teller:
    """Tells one receiver. What it was told is remembered over restarts: sent first, then kept, so that a word is sent twice rather
    than never when the process is killed between the two."""

    def __init__(
        self,
        sender: "Sender",
        found: Callable[[], Sequence[Problem] | None],
        drawer: Scratch,
        clock: Callable[[], int],
        grace: float,
        log: observe.Log,
    ) -> None:
        self._sender = sender
        self._found = found
        self._drawer = drawer
        self._clock = clock
        self._grace = grace
        self._log = log
        self._now: Receiver | None = None  # as it is remembered; None = not read yet

    @property
    def name(self) -> str:
        """The receiver's."""
        return self._sender.name

    def turn(self) -> None:
        """Send what is due, if anything; a receiver that failed is tried again later and later."""
        found = self._found()
        if found is None:
            return
        receiver, now = self._remembered(), self._clock()
        decision = decide(receiver.told, found, now, self._grace)
        if decision.word is None or self._waits(receiver, now):
            self._keep(replace(receiver, told=decision.kept))
        else:
            self._keep(self._sent(receiver, decision, now))

    def _sent(self, receiver: Receiver, decision: Decision, now: int) -> Receiver:
        word = decision.word
        assert word is not None
        try:
            missed = self._sender.send(word.state, word.text, word.causes, now)
        except Unavailable as error:
            if error.why != receiver.why:
                self._log.warning("word not sent", receiver=self._sender.name, why=str(error))
            return replace(receiver, told=decision.kept, why=error.why, failures=receiver.failures + 1, tried=now)
        self._log.info("word sent", receiver=self._sender.name, state=word.state, causes=list(word.causes))
        return replace(receiver, told=decision.sent, why=missed, failures=0, tried=now)

    def _waits(self, receiver: Receiver, now: int) -> bool:
        if not receiver.failures:
            return False
        delay = _RETRY[min(receiver.failures, len(_RETRY)) - 1]
        return 0 <= now - receiver.tried < delay * _SECOND

    def _remembered(self) -> Receiver:
        if self._now is None:
            fresh = Receiver(self._sender.name, self._sender.where)
            known = {(one.name, one.where): one for one in receivers(self._drawer)}
            self._now = known.get((fresh.name, fresh.where), fresh)  # another address has heard nothing yet
        return self._now

    def _keep(self, receiver: Receiver) -> None:
        if receiver != self._now:
            self._now = receiver
            self._drawer.put(receiver.name, jsonable.dumps(receiver))


def every(grace: float) -> float:
    """Seconds between two looks where reasons are news after so many."""
    return min(_EVERY, max(1.0, grace / 4))
