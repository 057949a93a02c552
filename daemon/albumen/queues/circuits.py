"""How long a closed place is left alone: pure, the same for every queue."""

from dataclasses import dataclass

from albumen.model import Circuit

SECOND = 1_000_000_000
_REMEMBERED = 600 * SECOND
_SHAKY = 4  # times as long as it was left alone
_FARTHEST = 3600.0  # seconds that a place may ask to be left alone: it is asked once an hour whatever it said


@dataclass(frozen=True, slots=True)
class Rest:
    """Seconds: ``first`` after the first failure, doubling to ``longest``; ``locked`` where a place refused our secret, since servers
    lock out who guesses."""

    first: float = 1.0
    longest: float = 600.0
    locked: float = 3600.0

    def after(self, failures: int, *, auth: bool) -> int:
        """In ns, after a job failed, so many times in a row."""
        seconds = self.locked if auth else min(self.first * 2 ** min(failures - 1, 30), self.longest)
        return round(seconds * SECOND)

    def again(self, closed: int, *, auth: bool) -> int:
        """In ns, after a probe failed at a place that has been closed for so long (ns): as long again, which doubles each pause."""
        seconds = self.locked if auth else min(self.first + max(closed, 0) / SECOND, self.longest)
        return round(seconds * SECOND)


REST = Rest()  # DESIGN section 5: 1 s doubling to 10 min


def opened(
    known: Circuit | None,
    closed: int,
    place: str,
    why: str,
    now: int,
    *,
    retry_after: float | None,
    probed: bool,
    auth: bool = False,
    rest: Rest = REST,
) -> Circuit:
    """The circuit of ``place`` after a job (or, ``probed``, a probe) failed there at ``now``.

    ``closed`` is 0 while ``known`` is open, else when it closed. Jobs that fail while it is open change nothing but the reason:
    32 workers meet the same outage at once; only that our secret is refused counts at once. A place that fails again within ten
    minutes of closing only seemed to work (its ping answers, its disk is full): it counts on, so that its jobs are not driven
    against it every second. One that worked for four times as long as it had been left alone is only shaky: it counts half, so that
    it works most of the time. A probe that fails counts nothing: it shows an outage, after whose end the place is as good as before;
    were it counted, three outages of a minute would close a place for ten. ``retry_after`` is heeded for an hour at most.
    """
    until = 0
    if known is None or (closed and now - closed > _REMEMBERED):
        since, failures = now, 1
    elif closed:
        held = now - closed > _SHAKY * rest.after(known.failures, auth=False)
        since, failures = now, max(1, known.failures // 2) if held else known.failures + 1
    elif probed:
        since, failures = known.since, known.failures
        until = now + rest.again(now - since, auth=auth)
    else:
        since, failures, until = known.since, known.failures, known.until
        auth, until = auth or known.auth, 0 if auth and not known.auth else until
    if not until:
        until = now + rest.after(failures, auth=auth)
    said = round(min(max(retry_after or 0.0, 0.0), _FARTHEST) * SECOND)
    return Circuit(place, why, since, max(until, now + said), failures, auth)


def due(circuit: Circuit, now: int) -> bool:
    """Whether it is time to ask the place again. A time that lies farther ahead than any was ever set is one of a clock that has
    been turned back since."""
    return circuit.until <= now or circuit.until - now > 24 * _FARTHEST * SECOND


def stale(closed: int, now: int) -> bool:
    """Whether a circuit that closed then may be forgotten."""
    return now - closed > _REMEMBERED
