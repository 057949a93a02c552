"""A search sees what was written before it: by a refresh, shared by all who wait for one."""

import threading
from collections.abc import Callable


class Refreshes:
    """``refresh`` makes all that was written so far seen by searches. One runs at a time; who comes while one runs may have written
    after it began, and waits for the next."""

    def __init__(self, refresh: Callable[[], None]) -> None:
        self._refresh = refresh
        self._changed = threading.Condition()
        self._begun = 0
        self._ended = 0  # the newest that ended well
        self._running = False
        self.waiting = 0  # how many wait now

    def wait(self) -> None:
        """Returns once a refresh that began after this call has ended. Raises what it raises, to whoever ran it; the others try."""
        with self._changed:
            wanted = self._begun + 1
            self.waiting += 1
            while self._running and self._ended < wanted:
                self._changed.wait()
            self.waiting -= 1
            if self._ended >= wanted:
                return
            self._begun += 1
            mine = self._begun
            self._running = True
        well = False
        try:
            self._refresh()
            well = True
        finally:
            with self._changed:
                self._running = False
                self._ended = mine if well else self._ended
                self._changed.notify_all()
