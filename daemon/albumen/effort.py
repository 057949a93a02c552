"""Whether a thread of this process gets on: the CPU time used and the bytes moved by it and by the children it started (proc(5))."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_TICK = 1.0 / os.sysconf("SC_CLK_TCK")
_CRUMBS = 0.001  # of a core: what a loop uses that only sleeps and looks whether it may go on
_STEP = 60.0  # seconds of silence that one look can find at most: between two far ones the machine slept, or this process did


@dataclass(frozen=True, slots=True)
class Spent:
    """``cpu`` in seconds, ``moved`` in bytes read and written, pipes and cached files included."""

    cpu: float = 0.0
    moved: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.cpu + other.cpu, self.moved + other.moved)


def spent(thread: int) -> Spent:
    """By the thread of this kernel id (``threading.get_native_id``) and by all processes below it; nothing of what has ended."""
    total = _of(f"/proc/self/task/{thread}")
    for child in _below(f"/proc/self/task/{thread}"):
        total += _of(f"/proc/{child}")
    return total


@dataclass
class Pace:
    """How long a thread has got nowhere. To be asked every few seconds; what happened before the first question does not count."""

    thread: int
    measure: Callable[[int], Spent] = spent
    _mark: Spent | None = None
    _asked: float = 0.0
    _still: float = field(default=0.0)

    def still(self, now: float) -> float:
        """Seconds without progress, up to ``now`` (monotonic)."""
        found = self.measure(self.thread)
        if self._mark is None:
            self._mark, self._asked = found, now
        self._still += min(now - self._asked, _STEP)
        self._asked = now
        worked = found.cpu - self._mark.cpu
        if found.moved != self._mark.moved or not 0.0 <= worked <= _TICK + _CRUMBS * self._still:
            self._mark, self._still = found, 0.0
        return self._still


def _of(task: str) -> Spent:
    try:
        with open(f"{task}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return Spent()
    return Spent((int(fields[11]) + int(fields[12])) * _TICK, _moved(task))


def _moved(task: str) -> int:
    try:
        with open(f"{task}/io", "rb") as file:
            counts = dict(line.split(b": ") for line in file.read().splitlines())
    except OSError:  # a kernel that does not count: the CPU time tells alone
        return 0
    return sum(int(counts.get(name, 0)) for name in (b"rchar", b"wchar", b"read_bytes", b"write_bytes"))


def _below(task: str) -> Iterator[int]:
    """All processes that came from a thread, to any depth; none where the kernel does not list them."""
    try:
        with open(f"{task}/children", "rb") as file:
            children = [int(one) for one in file.read().split()]
    except OSError:
        return
    for child in children:
        yield child
        try:
            threads = os.listdir(f"/proc/{child}/task")
        except OSError:
            continue
        for one in threads:
            yield from _below(f"/proc/{child}/task/{one}")
