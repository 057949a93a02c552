"""When everything is looked at again: often where events do not tell everything, soon after something was missed."""

from collections.abc import Callable

BLIND = 60.0  # seconds between walks where events do not tell everything
SEEING = 6 * 3600.0  # … and where they do
RECHECK = 60.0  # seconds until a first miss is looked at again


class Pace:
    """Whole looks of one source, in seconds of a clock that never jumps. ``every``: a person's wish, None = as it is best;
    ``sees_everything`` is asked each time, so that a watch that turns blind is noticed at once."""

    def __init__(self, every: float | None, sees_everything: Callable[[], bool]) -> None:
        self._every = every
        self._sees_everything = sees_everything
        self._walked: float | None = None
        self._recheck: float | None = None

    @property
    def has_walked(self) -> bool:
        """Whether this folder was ever looked at whole."""
        return self._walked is not None

    def anew(self) -> None:
        """It is another folder now."""
        self._walked = self._recheck = None

    def walked(self, now: float) -> None:
        """A whole look that began at ``now`` saw everything there is."""
        self._walked = now
        self._recheck = None

    def soon(self, now: float) -> None:
        """Something is missing: look again in a minute. An earlier wish stays."""
        self._recheck = min(self._recheck or now + RECHECK, now + RECHECK)

    def due(self) -> float | None:
        """The moment of the next whole look; None while there was none."""
        if self._walked is None:
            return None
        every = self._every if self._every is not None else SEEING if self._sees_everything() else BLIND
        return min(self._walked + every, self._recheck or self._walked + every)
