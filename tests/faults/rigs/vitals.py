"""What a running process and its children take of the machine, sampled from ``/proc``, and how that changes over time."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations, pairwise

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Vitals:
    """One sample of all processes of a session: ``at`` in seconds (monotonic), ``rss`` in bytes, ``cpu`` in seconds since their start,
    those of children that ended included."""

    at: float
    rss: int
    descriptors: int
    threads: int
    cpu: float


def sample(session: int) -> Vitals:
    """The session whose leader has this process id, now. ``ProcessLookupError`` when the leader is gone."""
    found = [one for one in map(_process, _pids()) if one is not None and one[0] == session]
    if not any(pid == session for _, pid, *_ in found):
        raise ProcessLookupError(f"process {session} is gone")
    return Vitals(
        time.monotonic(),
        sum(rss for *_, rss, _, _, _ in found),
        sum(fds for *_, fds, _, _ in found),
        sum(threads for *_, threads, _ in found),
        sum(cpu for *_, cpu in found),
    )


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _process(pid: int) -> tuple[int, int, int, int, int, float] | None:
    """(session, pid, rss, descriptors, threads, cpu); None for one that ended, or is not ours to look at."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            words = file.read().rpartition(")")[2].split()  # the name may hold anything
        if words[0] == "Z":
            return None
        cpu = sum(int(one) for one in words[11:15]) / _TICKS
        return int(words[3]), pid, int(words[21]) * _PAGE, len(os.listdir(f"/proc/{pid}/fd")), int(words[17]), cpu
    return None


def slope(samples: Sequence[Vitals], of: Callable[[Vitals], float]) -> float:
    """How much it grows a minute: the median of the slopes between all pairs, which a few outliers do not move."""
    pairs = [(of(b) - of(a)) / (b.at - a.at) * 60 for a, b in combinations(samples, 2) if b.at > a.at]
    return statistics.median(pairs) if pairs else 0.0


def shares(samples: Sequence[Vitals]) -> Sequence[tuple[float, float]]:
    """(moment, share of one core) between each two samples that follow one another."""
    return [((a.at + b.at) / 2, (b.cpu - a.cpu) / (b.at - a.at)) for a, b in pairwise(samples) if b.at > a.at]


def busier(samples: Sequence[Vitals]) -> float:
    """How much more of a core the last third takes than the first, as a part of the first; 0 without samples."""
    found = [share for _, share in shares(samples)]
    third = len(found) // 3
    if not third:
        return 0.0
    first = statistics.mean(found[:third])
    return (statistics.mean(found[-third:]) - first) / first if first else 0.0
