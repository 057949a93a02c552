"""What runs by the clock, as it is remembered: when each entry last succeeded, was last tried, and why it fails.

The table itself is ``albumen.schedule``; it keeps this in a drawer beside the jobs, where ``status`` reads it. The drawer may be
lost with ``state.db``: then everything is simply due.
"""

from dataclasses import dataclass

from albumen import jsonable
from albumen.ports import Scratch

DRAWER = "clock"
SECOND = 1_000_000_000
_PATIENCE = 120.0  # seconds that what runs more often than once a minute gets, too


@dataclass(frozen=True, slots=True)
class Timed:
    """One entry. Times are ns, 0 = never; ``period`` is in seconds. ``failing`` is when the tries that failed in a row began, ``why``
    the reason of the last one; ``said`` what the last success had to say; ``running`` since when it runs now."""

    name: str
    period: float
    succeeded: int = 0
    tried: int = 0
    failures: int = 0
    failing: int = 0
    why: str = ""
    said: str = ""
    running: int = 0

    def problem(self, now: int, *, daemon: bool = True) -> str:
        """A sentence when it failed, or did not end, for two periods; else "". Without a ``daemon`` nothing runs."""
        limit = round(max(2 * self.period, _PATIENCE) * SECOND)
        if self.failures and now - self.failing >= limit:
            return f"{self.name} fails: {self.why}"
        if daemon and self.running and now - self.running >= limit:
            return f"{self.name} does not end: it runs for {(now - self.running) // (60 * SECOND)} minutes; restart the daemon"
        return ""


def keep(drawer: Scratch, entry: Timed) -> None:
    """Remember an entry."""
    drawer.put(entry.name, jsonable.dumps(entry))


def remembered(drawer: Scratch) -> list[Timed]:
    """Every entry that ever ran, by name. What cannot be read (another version wrote it) is left out: it is due."""
    found = []
    for text in drawer.all().values():
        try:
            found.append(jsonable.loads(Timed, text))
        except (ValueError, TypeError, KeyError):
            continue
    return found
