"""How long a closed place is left alone."""

from albumen.model import Circuit
from albumen.queues.circuits import SECOND, opened

NOW = 1_600_000_000 * SECOND


def wait(circuit: Circuit) -> float:
    """Seconds from now to the probe."""
    return (circuit.until - NOW) / SECOND


def test_first_failure() -> None:
    """A second, or as long as the place said."""
    assert opened(None, 0, "cloud", "down", NOW, retry_after=None, probed=False) == Circuit("cloud", "down", NOW, NOW + SECOND, 1)
    assert wait(opened(None, 0, "cloud", "down", NOW, retry_after=7.5, probed=False)) == 7.5


def test_a_job_never_brings_the_probe_nearer() -> None:
    """Only its reason is taken, and a longer wait that the place asked for."""
    known = Circuit("cloud", "down", NOW - SECOND, NOW + 60 * SECOND, 7)
    same = opened(known, 0, "cloud", "still", NOW, retry_after=1.0, probed=False)
    assert same == Circuit("cloud", "still", known.since, known.until, 7)
    assert wait(opened(known, 0, "cloud", "still", NOW, retry_after=90.0, probed=False)) == 90.0


def test_a_failed_probe_doubles() -> None:
    """As long again as it has been closed, up to ten minutes, whatever was counted before; however long it lasts, it is still probed."""
    for closed, seconds in ((1, 2), (3, 4), (511, 512), (600, 600), (10_000_000, 600)):
        known = Circuit("cloud", "down", NOW - closed * SECOND, NOW, 3)
        later = opened(known, 0, "cloud", "down", NOW, retry_after=None, probed=True)
        assert (wait(later), later.failures) == (seconds, 3)


def test_closed_lately_or_long_ago() -> None:
    """A place that only seemed to work counts on, one that worked for long counts half, later one begins anew; all begin now."""
    known = Circuit("cloud", "down", NOW - 9000 * SECOND, NOW - 700 * SECOND, 4)
    for held, failures, seconds in ((32, 5, 16), (33, 2, 2), (600, 2, 2), (601, 1, 1)):
        anew = opened(known, NOW - held * SECOND, "cloud", "down", NOW, retry_after=None, probed=False)
        assert (anew.failures, anew.since, wait(anew)) == (failures, NOW, seconds)
