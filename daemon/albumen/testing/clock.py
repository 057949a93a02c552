"""A clock that a test turns."""

import threading
from collections.abc import Callable

SECOND = 1_000_000_000


class FakeClock:
    """Stands for ``time.time_ns``: calling it gives ns since 1970. Time passes only by ``advance``. Any thread may use it."""

    def __init__(self, now: int = 1_600_000_000 * SECOND) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._sleepers = 0

    def __call__(self) -> int:
        """The time now, in ns."""
        with self._changed:
            return self._now

    @property
    def seconds(self) -> float:
        """The time now in seconds, as ``time.time`` gives it."""
        return self() / SECOND

    def advance(self, seconds: float) -> None:
        """Let time pass; those whose ``sleep`` is over wake up."""
        with self._changed:
            self._now += round(seconds * SECOND)
            self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Return once that much time was passed by ``advance``, at once for nothing or less."""
        with self._changed:
            due = self._now + round(seconds * SECOND)
            self._sleepers += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._now >= due)
            finally:
                self._sleepers -= 1

    def wait_for_sleepers(self, count: int = 1, timeout: float = 10.0) -> bool:
        """Wait (real seconds) until that many threads sleep here: then ``advance`` meets them. False when they did not come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._sleepers >= count, timeout)

    def call_later(self, seconds: float, call: Callable[[], object]) -> threading.Thread:
        """Run ``call`` in a thread once that much time was passed by ``advance``."""

        def run() -> None:
            self.sleep(seconds)
            call()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread
