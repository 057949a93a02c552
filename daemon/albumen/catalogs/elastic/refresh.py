"""A search sees what was written before it: by a refresh, shared by all who wait for one."""

import threading
from collections.abc import Callable

from albumen.errors import AlbumenError


class Refreshes:
    """``refresh`` makes all that was written so far seen by searches. One runs at a time; who comes while one runs may have written
    after it began, and waits for the next."""

    def __init__(self, refresh: Callable[[], None]) -> None:
        self._refresh = refresh
        self._changed = threading.Condition()
        self._begun = 0
        self._ended = 0
        self._running = False
        self._trouble: AlbumenError | None = None  # of the last that ended
        self.waiting = 0  # how many wait now

    def wait(self) -> None:
        """Returns once a refresh that began after this call has ended. What it raises, all who waited for it raise: each trying a
        server that hangs by itself would take hours."""
        with self._changed:
            wanted = self._begun + 1
            self.waiting += 1
            while self._running and self._ended < wanted:
                self._changed.wait()
            self.waiting -= 1
            if self._ended >= wanted:
                if self._trouble is not None:
                    raise self._trouble
                return
            self._begun += 1
            self._running = True
        trouble: AlbumenError | None = None
        try:
            self._refresh()
        except AlbumenError as error:
            trouble = error
            raise
        finally:
            with self._changed:
                self._running = False
                self._ended, self._trouble = self._begun, trouble
                self._changed.notify_all()
