"""A line whose clock goes by the waits alone, so that a test can tell how long its bytes took."""

from collections.abc import Callable

import pytest

from albumen.stores.bandwidth import Bandwidth, Hours

__all__ = ["Line"]


class Line:
    """``spent``: seconds that were waited so far. Threads that wait at once are counted one after the other: use it from one."""

    def __init__(self) -> None:
        self.spent = 0.0

    def wait(self, seconds: float) -> None:
        """As if it were slept."""
        self.spent += seconds

    def bandwidth(self, rate: int, hours: Hours | None = None, **given: Callable[[], int]) -> Bandwidth:
        """By this clock; what time of day it is goes by whoever makes it."""
        return Bandwidth(rate, hours, clock=lambda: self.spent, today=given.get("today", lambda: 0), sleep=self.wait)

    def instead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stores that are made from now on go by it."""
        monkeypatch.setattr("albumen.stores.webdav.Bandwidth", self.bandwidth)
