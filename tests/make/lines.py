"""A line whose clock goes by the waits alone, so that a test can tell how long its bytes took."""

from collections.abc import Callable

import pytest

from albumen.stores.bandwidth import Bandwidth

__all__ = ["Line"]


class Line:
    """``spent``: seconds that were waited so far. Threads that wait at once are counted one after the other: use it from one."""

    def __init__(self) -> None:
        self.spent = 0.0

    def wait(self, seconds: float) -> None:
        """As if it were slept."""
        self.spent += seconds

    def bandwidth(self, rate: int, *, sleep: Callable[[float], object] | None = None) -> Bandwidth:  # ours instead
        """By this clock."""
        return Bandwidth(rate, clock=lambda: self.spent, sleep=self.wait)

    def instead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stores that are made from now on go by it."""
        for module in ("albumen.stores.webdav", "albumen.stores.nextcloud.store"):
            monkeypatch.setattr(f"{module}.Bandwidth", self.bandwidth)
