"""So many bytes a second over one line, whoever sends or reads them."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any

__all__ = ["LEAST", "Bandwidth"]

LEAST = 1 << 16  # bytes a second that can be shared: the silence of each transfer stays short enough for its server
_SLICES = 16  # of a second's bytes: so much goes at once, and 64 transfers at once are silent for 4 s each


class Bandwidth:
    """At most ``rate`` bytes a second, both ways and all threads together; 0 = as they come. ``sleep`` may return early when all shall
    end: what is left then goes on at full speed."""

    def __init__(
        self, rate: int, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.rate = rate
        self.most = max(1 << 12, rate // _SLICES)  # bytes to be taken in hand at once
        self._clock = clock
        self._sleep = sleep
        self._guard = threading.Lock()
        self._free = 0.0  # when the line is free again

    def took(self, size: int) -> float:
        """So many bytes were taken in hand: returns when the next ones may be, with the seconds that this took."""
        if not self.rate or not size:
            return 0.0
        with self._guard:
            now = self._clock()
            self._free = max(self._free, now) + size / self.rate
            wait = self._free - now
        self._sleep(wait)
        return wait

    def body(self, body: Any) -> Any:
        """What gives the same bytes no faster than the line, each time it is gone through; it has a length if that has one."""
        if not self.rate:
            return body
        return (_SizedBody if isinstance(body, Sized) else _Body)(body, self)


class _Body:
    def __init__(self, body: Any, bandwidth: Bandwidth) -> None:
        self._body: Iterable[bytes] = body
        self._bandwidth = bandwidth

    def __iter__(self) -> Iterator[bytes]:
        most = self._bandwidth.most
        for piece in self._body:
            for at in range(0, len(piece), most):
                some = piece[at : at + most]
                yield some
                self._bandwidth.took(len(some))


class _SizedBody(_Body):
    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it has one
