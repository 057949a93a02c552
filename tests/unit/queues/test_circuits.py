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
    """Up to ten minutes; however long it lasts, it is still probed."""
    for failures, seconds in ((1, 2), (9, 512), (10, 600), (10_000, 600)):
        known = Circuit("cloud", "down", NOW, NOW, failures)
        assert wait(opened(known, 0, "cloud", "down", NOW, retry_after=None, probed=True)) == seconds


def test_closed_lately_or_long_ago() -> None:
    """A new outage within ten minutes counts on, a later one begins anew; both begin now."""
    known = Circuit("cloud", "down", NOW - 9000 * SECOND, NOW - 700 * SECOND, 3)
    lately = opened(known, NOW - 600 * SECOND, "cloud", "down", NOW, retry_after=None, probed=False)
    assert (lately.failures, lately.since, wait(lately)) == (4, NOW, 8)
    anew = opened(known, NOW - 601 * SECOND, "cloud", "down", NOW, retry_after=None, probed=False)
    assert (anew.failures, anew.since, wait(anew)) == (1, NOW, 1)
