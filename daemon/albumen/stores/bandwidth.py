"""So many bytes a second over one line, whoever sends or reads them."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any

__all__ = ["LEAST", "Bandwidth"]

LEAST = 1 << 16  # bytes a second: ten transfers at once that share fewer would look like a connection that broke


class Bandwidth:
    """At most ``rate`` bytes a second, both ways and all threads together; 0 = as they come. ``sleep`` may return early when all shall
    end: what is left then goes on at full speed."""

    def __init__(
        self, rate: int, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._guard = threading.Lock()
        self._free = 0.0  # when the line is free again

    def took(self, size: int) -> None:
        """So many bytes were taken in hand: returns when the next ones may be."""
        if not self._rate:
            return
        with self._guard:
            now = self._clock()
            self._free = max(self._free, now) + size / self._rate
            wait = self._free - now
        self._sleep(wait)

    def body(self, body: Any) -> Any:
        """What gives the same pieces no faster than the line, each time it is gone through; it has a length if that has one."""
        if not self._rate:
            return body
        return (_SizedBody if isinstance(body, Sized) else _Body)(body, self)


class _Body:
    def __init__(self, body: Any, bandwidth: Bandwidth) -> None:
        self._body: Iterable[bytes] = body
        self._bandwidth = bandwidth

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._body:
            yield piece
            self._bandwidth.took(len(piece))


class _SizedBody(_Body):
    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it has one
