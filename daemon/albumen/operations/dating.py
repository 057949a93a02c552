"""``dates fix``: a person's corrections of dates, single or by rule, as one batch of the ledger that undo takes back."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import path as os_path
from typing import Literal

from albumen.deeds import correcting, undo
from albumen.deeds.correcting import Correction, Planned
from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.deeds.folders import pages
from albumen.errors import NotFound, UsageError
from albumen.media import dates, fixing
from albumen.media.fixing import Known, NoFix, Rule
from albumen.model import BatchId, Dated, Deed, DeedState, Pending, Query, Record
from albumen.operations import look, query
from albumen.operations.listing import Files
from albumen.operations.working import Working
from albumen.pipeline import Pipeline
from albumen.ports import Catalog, Queue

_ID = re.compile(r"[0-9a-fA-F-]{6,}")
_ENDINGS = ("jpg", "heic", "mov", "mp4", "jpeg", "png")  # a camera's neighbours may be of another kind


@dataclass(frozen=True, slots=True)
class Fixed:
    """One line of the answer. ``what``: "planned" (dry run), "fixed", "same" (it has this date already), "failed" or "later" (with
    the reason in ``why``). ``moves`` are (from, to) in the library, the main file first; none when the name stays."""

    what: Literal["planned", "fixed", "same", "failed", "later"]
    id: str
    name: str
    was: str
    taken: str
    why: str
    moves: tuple[tuple[str, str], ...] = ()


@dataclass
class Outcome:
    """What became of one command: its batch ("" = nothing was to be done) and its lines in order."""

    batch: BatchId = ""
    lines: list[Fixed] = field(default_factory=list)

    @property
    def count(self) -> Counter[str]:
        """Lines of each kind."""
        return Counter(one.what for one in self.lines)

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing waits."""
        return not (self.count["failed"] or self.count["later"])


@dataclass
class _Plan:
    """Corrections to be made, and the lines of those records that need none or get none."""

    corrections: list[Correction] = field(default_factory=list)
    whys: dict[str, str] = field(default_factory=dict)
    lines: dict[str, Fixed] = field(default_factory=dict)  # by record, in order


def chosen(catalog: Catalog, files: Files, words: Sequence[str], stores: Sequence[str]) -> list[Record]:
    """The main records that these words mean: ids and files, else what ``find`` finds with them; each once.

    ``NotFound`` for an id or a file that the catalog does not know, and when nothing is found; ``UsageError``.
    """
    named = [one for one in words if _is_named(one, stores)]
    if named and len(named) < len(words):
        other = next(one for one in words if one not in named)
        raise UsageError(f"{other}: give ids and files, or the words of a search, not both")
    if named:
        found = [files.record_of(one) for one in words]
    else:
        asked: Query = query.parse(words, hash_of=look.hash_of(catalog), stores=stores)
        found = list(look.every(catalog, asked))
        if not found:
            raise NotFound(f"nothing is found by {' '.join(words)}: there is nothing to fix")
    mains = catalog.get([one.companion_of for one in found if one.companion_of])
    return list({one.id: one for one in (mains.get(one.companion_of or "", one) for one in found)}.values())


def _is_named(word: str, stores: Sequence[str]) -> bool:
    store, colon, _ = word.partition(":")
    return (
        bool(_ID.fullmatch(word)) or (bool(colon) and store in stores) or "/" in word.partition(":")[0] or os_path.lexists(word)
    )


class Dating:
    """One ``dates fix``."""

    def __init__(self, engine: Engine, pipeline: Pipeline, queue: Queue, catalog: Catalog) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._queue = queue
        self._catalog = catalog

    def preview(self, records: Sequence[Record], rule: Rule) -> Outcome:
        """What ``run`` would do; nothing is kept or changed."""
        plan = self._plan(records, rule)
        planned = correcting.plan(self._engine.desk, "dry-run", plan.corrections)
        return Outcome("", self._lines(plan, planned, "planned"))

    def run(
        self, what: str, records: Sequence[Record], rule: Rule, working: Working, progress: Callable[[Pending], None]
    ) -> Outcome:
        """Correct the dates of these records. ``what`` is the command as typed: started again after a kill it goes on."""
        plan = self._plan(records, rule)
        if not plan.corrections:
            return Outcome("", list(plan.lines.values()))
        batch = self._engine.begin(what)
        with self._pipeline.commanding(batch):
            self._queue.put([self._pipeline.deed_job(group) for group in undo.groups(self._open(batch))])
            working.take_over(batch)
            working.wait(batch, progress)  # what a killed run of it left
            plan = self._plan(list(self._catalog.get([one.id for one in records]).values()), rule)
            planned = correcting.reserve(self._engine.desk, batch, plan.corrections)
            self._queue.put([self._pipeline.deed_job(deeds) for deeds in planned.deeds.values() if deeds])
            pending = working.wait(batch, progress)
        lines = self._lines(plan, self._settled(planned), "fixed", "; ".join(pending.reasons))
        if not self._engine.close(batch):
            self._queue.put([self._pipeline.closing(batch)])
        return Outcome(batch, lines)

    # ------------------------------------------------------------------------------------------------------------ deciding

    def _plan(self, records: Sequence[Record], rule: Rule) -> _Plan:
        desk, plan = self._engine.desk, _Plan()
        now = desk.clock()
        for record in records:
            own = dates.corrected(record, None, now, desk.filing.dates)
            known = Known(record, own, now, desk.filing.dates, functools.partial(self._near, record))
            was = record.taken or ""
            try:
                stamp, why = rule(known)
            except NoFix as error:
                plan.lines[record.id] = Fixed("failed", record.id, record.name, was, was, str(error))
                continue
            dated = dates.corrected(record, stamp, now, desk.filing.dates)
            if dated.source != dates.PERSON:
                plan.lines[record.id] = Fixed("failed", record.id, record.name, was, was, dated.candidates[0].reason)
                continue
            after = _with(record, dated)
            same = after == record
            plan.lines[record.id] = Fixed("same" if same else "planned", record.id, record.name, was, dated.taken, why)
            if not same:
                others = self._catalog.get([one.id for one in record.companions if one.id])
                pairs = tuple((one, _with(one, dated)) for one in others.values() if one.companion_of == record.id)
                plan.corrections.append(Correction(record, after, dated, pairs))
        return plan

    def _near(self, record: Record) -> Sequence[Record]:
        names = fixing.names_around(record.name, _ENDINGS)
        return list(look.every(self._catalog, Query(names=names))) if names else []

    # ------------------------------------------------------------------------------------------------------------- telling

    def _lines(self, plan: _Plan, planned: Planned, what: Literal["planned", "fixed"], waits: str = "") -> list[Fixed]:
        lines = dict(plan.lines)
        for id, why in planned.refused.items():
            lines[id] = replace(lines[id], what="failed", taken=lines[id].was, why=why)
        for id, deeds in planned.deeds.items():
            lines[id] = _told(lines[id], deeds, what, waits)
        return list(lines.values())

    def _settled(self, planned: Planned) -> Planned:
        ledger = self._engine.desk.ledger
        now: dict[str, Sequence[Deed]] = {}
        for id, deeds in planned.deeds.items():
            by_id = {one.id: one for one in ledger.history(ids=[one.id for one in deeds]).rows}
            now[id] = [by_id.get(one.id, one) for one in deeds]
        return Planned(now, planned.refused)

    def _open(self, batch: BatchId) -> Iterator[Deed]:
        return (one for one in pages(self._engine.desk, batch) if one.state in (DeedState.planned, DeedState.intended))


def _with(record: Record, dated: Dated) -> Record:
    return replace(
        record,
        taken=dated.taken,
        precision=dated.precision,
        offset=dated.offset,
        instant=dated.instant,
        date_source=dated.source,
        date_confidence=dated.confidence,
        date_candidates=dated.candidates,
    )


def _told(line: Fixed, deeds: Sequence[Deed], what: Literal["planned", "fixed"], waits: str) -> Fixed:
    moves = tuple((shown(one.source), shown(one.target)) for one in deeds if one.verb == "move")
    states = {one.state for one in deeds}
    if what == "planned" or states == {DeedState.done}:
        return replace(line, what=what, moves=moves)
    if states & {DeedState.planned, DeedState.intended}:
        return replace(line, what="later", moves=moves, why=waits or "waits for another process")
    why = next((one.why for one in deeds if one.why), "it was dropped")
    return replace(line, what="failed", taken=line.was, why=why)
