"""``undo``: turn a batch round, group by group, and do the inverse deeds as any others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from albumen.deeds import undo
from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.deeds.folders import pages
from albumen.errors import NotFound, UsageError
from albumen.model import EXPIRY, BatchId, BatchInfo, Deed, DeedState, Pending
from albumen.operations.working import Working
from albumen.pipeline import Pipeline
from albumen.ports import Ledger, Queue


@dataclass
class Undone:
    """What an undo did: rows brought back, rows refused with the reason, rows that wait (for the reasons ``whys``)."""

    batch: BatchId = ""
    of: BatchId = ""
    done: list[Deed] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    later: int = 0
    whys: tuple[str, ...] = ()


def find(ledger: Ledger, word: str) -> BatchInfo:
    """The batch of that id, or for ``last`` the newest that still has effect or has more to do: undoing twice is redoing, but an
    undo that was interrupted goes on. ``NotFound``."""
    before = ""
    while True:
        page = ledger.batches(before=before)
        for one in page.rows:
            if one.id == word:
                return one
            if word == "last" and one.what != EXPIRY and (one.effective > 0 or _is_unfinished(one)):
                return find(ledger, one.undoes) if one.undoes and one.ended is None else one
        before = page.after
        if not before:
            raise NotFound(f"there is no batch {word} to undo; albumen log lists them")


def _is_unfinished(batch: BatchInfo) -> bool:
    return batch.ended is None and any(batch.deeds.get(state, 0) for state in (DeedState.planned, DeedState.intended))


class Undoing:
    """One undo."""

    def __init__(self, engine: Engine, pipeline: Pipeline, queue: Queue) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._queue = queue

    def preview(self, batch: BatchInfo) -> undo.Inverse:
        """What ``run`` would do."""
        self._check(batch)
        return self._engine.inverse(batch.id, "dry-run")

    def run(self, batch: BatchInfo, working: Working, progress: Callable[[Pending], None]) -> Undone:
        """Undo the batch. ``UsageError`` while it is still being worked on."""
        self._check(batch)
        desk = self._engine.desk
        undo.drop_planned(desk, batch.id)
        into = self._engine.begin(f"undo {batch.id}", undoes=batch.id)
        with self._pipeline.commanding(into):
            working.take_over(batch.id, into)
            working.wait(batch.id, progress)  # what a killed run had begun is finished first, so that it can be turned round
            inverse = undo.keep(desk, self._engine.inverse(batch.id, into))
            report = Undone(into, batch.id, refused=[(shown(one.deed.target), one.why) for one in inverse.refused])
            mine = [one for one in pages(desk, into) if one.state in (DeedState.planned, DeedState.intended)]
            self._queue.put([self._pipeline.deed_job(group) for group in undo.groups(mine)])
            working.wait(into, progress)
        if not self._engine.close(into):
            self._queue.put([self._pipeline.closing(into)])
        self._sort(report, list(pages(desk, into)))
        report.whys = self._queue.pending(into).reasons
        return report

    def _check(self, batch: BatchInfo) -> None:
        desk = self._engine.desk
        if batch.ended is None and batch.owner not in desk.dead and batch.owner != desk.owner:
            raise UsageError(f"batch {batch.id} ({batch.what}) is still being worked on; wait until it is finished")

    def _sort(self, report: Undone, deeds: Sequence[Deed]) -> None:
        for deed in deeds:
            if deed.state is DeedState.done:
                report.done.append(deed)
            elif deed.state in (DeedState.planned, DeedState.intended):
                report.later += 1
            elif deed.verb not in ("mkdir", "rmdir"):
                report.refused.append((shown(deed.source), deed.why))
