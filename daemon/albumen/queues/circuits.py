"""How long a closed place is left alone: pure, the same for every queue."""

from albumen.model import Circuit

SECOND = 1_000_000_000
_LONGEST = 600  # seconds: DESIGN section 5, 1 s doubling to 10 min
_REMEMBERED = 600 * SECOND


def opened(
    known: Circuit | None,
    closed: int,
    place: str,
    why: str,
    now: int,
    *,
    retry_after: float | None,
    probed: bool,
) -> Circuit:
    """The circuit of ``place`` after a job (or, ``probed``, a probe) failed there at ``now``.

    ``closed`` is 0 while ``known`` is open, else when it closed. Jobs that fail while it is open change nothing but the reason:
    32 workers meet the same outage at once. A place that fails again within ten minutes of closing only seemed to work
    (its ping answers, its disk is full): it counts on, so that its jobs are not driven against it every second.
    """
    if known is None or (closed and now - closed > _REMEMBERED):
        since, failures, until = now, 1, 0
    elif closed:
        since, failures, until = now, known.failures + 1, 0
    elif probed:
        since, failures, until = known.since, known.failures + 1, 0
    else:
        since, failures, until = known.since, known.failures, known.until
    if not until:
        until = now + min(2 ** min(failures - 1, 10), _LONGEST) * SECOND
    return Circuit(place, why, since, max(until, now + round((retry_after or 0.0) * SECOND)), failures)


def stale(closed: int, now: int) -> bool:
    """Whether a circuit that closed then may be forgotten."""
    return now - closed > _REMEMBERED
