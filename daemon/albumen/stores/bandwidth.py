"""So many bytes a second over one line, whoever sends or reads them."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any

__all__ = ["LEAST", "Bandwidth", "Hours", "bandwidth_fits"]

LEAST = 1 << 16  # bytes a second that can be shared: the silence of each transfer stays short enough for its server
_SLICES = 16  # of a second's bytes: so much goes at once, and 64 transfers at once are silent for 4 s each
_WHOLE = 1 << 20  # bytes that go at once where nobody shares the line
_HOURS = re.compile(r"(\d{1,2})(?::([0-5]\d))? ?- ?(\d{1,2})(?::([0-5]\d))?", re.ASCII)
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Some hours of each day, by the clock and the zone of this machine: from ``begin`` until ``end``, in minutes after midnight; over
    midnight when they end before they begin."""

    begin: int
    end: int

    @classmethod
    def of(cls, text: str) -> "Hours | None":
        """As a person writes them: "8-22", "22:30-06:00". None for "": always. ``ValueError`` for what are none."""
        if not text:
            return None
        found = _HOURS.fullmatch(text)
        times = [60 * int(found[one]) + int(found[one + 1] or 0) for one in (1, 3)] if found else [0, 0]
        begin, end = times
        if begin >= _DAY or end > _DAY or begin == end:
            raise ValueError('hours: must be such as "08:00-22:00", from and until, or "" for always')
        return cls(begin, end)

    def hold(self, now: int) -> bool:
        """Whether it is such an hour ``now`` (ns since 1970)."""
        local = time.localtime(now / 1e9)
        minute = 60 * local.tm_hour + local.tm_min
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def bandwidth_fits(rate: int, hours: str) -> None:
    """``ValueError`` for a rate at which servers would think that we are gone, and for hours that are none or without a rate."""
    if rate and rate < LEAST:
        raise ValueError(f'bandwidth: must be 0 for any, or at least "{LEAST >> 10} KiB" (a second)')
    if Hours.of(hours) and not rate:
        raise ValueError("hours: go with a bandwidth, which holds in them")


class Bandwidth:
    """At most ``rate`` bytes a second, both ways and all threads together; 0 = as they come, and so it is outside of ``hours``.
    ``sleep`` may return early when all shall end: what is left then goes on at full speed. ``today`` gives ns since 1970."""

    def __init__(
        self,
        rate: int,
        hours: Hours | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.rate = rate
        self._hours = hours
        self._today = today
        self._clock = clock
        self._sleep = sleep
        self._guard = threading.Lock()
        self._free = 0.0  # when the line is free again

    @property
    def most(self) -> int:
        """Bytes to be taken in hand at once."""
        return max(1 << 12, self.rate // _SLICES) if self._holds() else _WHOLE

    def took(self, size: int) -> float:
        """So many bytes were taken in hand: returns when the next ones may be, with the seconds that this took."""
        if not size or not self._holds():
            return 0.0
        with self._guard:
            now = self._clock()
            some = min(size, self.most)  # a large piece that was taken while the line was free makes nobody silent for long
            self._free = max(self._free, now) + some / self.rate
            wait = self._free - now
        self._sleep(wait)
        return wait

    def body(self, body: Any) -> Any:
        """What gives the same bytes no faster than the line, each time it is gone through; it has a length if that has one."""
        if not self.rate:
            return body
        return (_SizedBody if isinstance(body, Sized) else _Body)(body, self)

    def _holds(self) -> bool:
        return self.rate > 0 and (self._hours is None or self._hours.hold(self._today()))


class _Body:
    def __init__(self, body: Any, bandwidth: Bandwidth) -> None:
        self._body: Iterable[bytes] = body
        self._bandwidth = bandwidth

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._body:
            most = self._bandwidth.most
            for at in range(0, len(piece), most):
                some = piece[at : at + most]
                yield some
                self._bandwidth.took(len(some))


class _SizedBody(_Body):
    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it has one
