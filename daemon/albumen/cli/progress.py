"""How far it is: a bar on a terminal, else a plain line now and then; both on stderr."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from albumen.cli import printing

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_EVERY = 10.0  # seconds between plain lines


class Progress:
    """As a context; ``at`` may be called as often as one likes."""

    def __init__(self, what: str, *, quiet: bool, of: str = "files") -> None:
        self._what = what
        self._of = of
        self._quiet = quiet
        self._begun = self._told = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> "Progress":
        if not self._quiet and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.add_task(self._what, total=None, rate="")
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, done: int, total: int) -> None:
        """So many of so many that were found so far."""
        now = time.monotonic()
        rate = done / max(now - self._begun, 0.001)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, rate=f"{rate:.0f}/s")
        elif not self._quiet and now - self._told >= _EVERY:
            self._told = now
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            printing.error(f"{self._what}: {done} of {total} {self._of}, {rate:.0f}/s{left}")


def _bar() -> "Bar":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # a file or pipe gets its lines itself
    )
