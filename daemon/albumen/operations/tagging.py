"""``tag``: what a person enters about pictures – tags, title, description, rating, people – as one batch that undo takes back."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from albumen.deeds import entering, replacing, successors, undo
from albumen.deeds.desk import shown
from albumen.deeds.engine import Engine
from albumen.deeds.entering import Asked, Plan, Prepared, Probe
from albumen.deeds.folders import pages
from albumen.errors import AlbumenError, Taken, UsageError
from albumen.media.writers.entries import STARS, TEXT, TITLE, WORD, fault, text, words
from albumen.model import BatchId, Deed, DeedState, Owner, Pending, Record
from albumen.operations import history
from albumen.operations.working import Working
from albumen.pipeline import Pipeline
from albumen.ports import Catalog, Queue

_SCRATCH = "entries"  # folder of the state directory, with one for each process that enters something
_PIECE = 50  # records whose scratch files lie there at the same time
_BUSY = "another batch that is not finished changes it: try again when it is done"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks for. None = it stays as it is; "" and 0 = take it away. ``what`` is the command as typed."""

    what: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    rating: int | None = None
    person: tuple[str, ...] = ()
    not_person: tuple[str, ...] = ()
    sidecar: bool = False
    embed: bool = False

    def check(self) -> None:
        """``UsageError`` when nothing is asked for, or something that cannot be."""
        given = (*self.add, *self.remove, *self.person, *self.not_person)
        if not given and (self.title, self.description, self.rating) == (None, None, None) and not (self.sidecar or self.embed):
            raise UsageError("nothing to enter: give --add, --remove, --title, --description, --rating, --person or --not-person")
        texts = [(one, WORD) for one in given] + [(self.title, TITLE), (self.description, TEXT)]
        for one, most in texts:
            if one is not None and (one or most == WORD) and (why := fault(one, most)):
                raise UsageError(f"{one[:60]!r} cannot be entered: {why}")
        if self.rating and self.rating not in STARS:
            raise UsageError(f"a rating is a number from 1 to 5, or 0 to take it away, not {self.rating}")
        both = {*words(self.add)} & {*words(self.remove)} or {*words(self.person)} & {*words(self.not_person)}
        if both:
            raise UsageError(f"{', '.join(sorted(both))}: cannot be both given and taken away")


@dataclass(frozen=True, slots=True)
class Tagged:
    """One line of the answer. ``what``: "planned" (dry run), "tagged", "same" (nothing to do), "failed" or "later" (see ``why``).
    ``entered`` says what was assigned and removed, ``files`` what is written ("new" | "rewritten", place), ``record`` the id afterwards."""

    what: Literal["planned", "tagged", "same", "failed", "later"]
    id: str
    name: str
    why: str = ""
    entered: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    record: str = ""


@dataclass
class Outcome:
    """What became of one command: its batch ("" = nothing was to be done) and its lines in order."""

    batch: BatchId = ""
    lines: list[Tagged] = field(default_factory=list)

    @property
    def count(self) -> Counter[str]:
        """Lines of each kind."""
        return Counter(one.what for one in self.lines)

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing waits."""
        return not (self.count["failed"] or self.count["later"])


def edited(record: Record, order: Order) -> Record:
    """The record with what is asked for. The same again changes nothing more."""
    gone, strangers = set(words(order.remove)), set(words(order.not_person))
    return replace(
        record,
        tags=tuple(one for one in dict.fromkeys((*record.tags, *words(order.add))) if one not in gone),
        people=tuple(one for one in dict.fromkeys((*record.people, *words(order.person))) if one not in strangers),
        faces=tuple(replace(one, name="") if one.name in strangers else one for one in record.faces),
        title=record.title if order.title is None else text(order.title),
        description=record.description if order.description is None else text(order.description),
        rating=record.rating if order.rating is None else order.rating or None,
    )


@contextmanager
def scratch(state: str, owners: Container[Owner], me: Owner) -> Iterator[str]:
    """A folder for the scratch files of this process, gone at the end; those that killed ones left go, too. ``owner in owners`` = its
    process is gone."""
    top = os.path.join(state, _SCRATCH)
    mine = os.path.join(top, me)
    os.makedirs(mine, exist_ok=True)
    for name in os.listdir(top):
        if name in owners:
            shutil.rmtree(os.path.join(top, name), ignore_errors=True)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)


class Tagging:
    """One ``tag``. ``probe`` reads a file's facts in a limited child; scratch files lie in ``folder`` while they are needed."""

    def __init__(self, engine: Engine, pipeline: Pipeline, queue: Queue, catalog: Catalog, probe: Probe, folder: str) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._queue = queue
        self._catalog = catalog
        self._probe = probe
        self._folder = folder

    def preview(self, records: Sequence[Record], order: Order) -> Outcome:
        """What ``run`` would do; nothing is kept or changed."""
        order.check()
        found = Outcome()
        for record in records:
            planned = self._plan(record, order)
            if isinstance(planned, Plan):
                entering.drop(planned)
                planned = self._line(planned)
            found.lines.append(planned)
        return found

    def run(self, records: Sequence[Record], order: Order, working: Working, progress: Callable[[Pending], None]) -> Outcome:
        """Enter it. Started again after a kill it goes on."""
        order.check()
        found, made = Outcome(), dict[str, tuple[Tagged, Sequence[Deed]]]()
        ids = iter([one.id for one in records])
        pending = Pending()
        with ExitStack() as commanding:
            while piece := list(islice(ids, _PIECE)):
                known = len(found.lines)
                plans = self._plans(piece, order, found)
                if plans and not found.batch:
                    self._drop(plans)
                    del found.lines[known:]
                    found.batch = self._engine.begin(order.what)
                    commanding.enter_context(self._pipeline.commanding(found.batch))
                    self._go_on(found.batch, working, progress)
                    plans = self._plans(piece, order, found)
                self._keep(plans, found, made)
                if found.batch:
                    pending = working.wait(found.batch, progress)
        found.lines = self._settled(found.lines, made, "; ".join(pending.reasons))
        if found.batch and not self._engine.close(found.batch):
            self._queue.put([self._pipeline.closing(found.batch)])
        return found

    # ------------------------------------------------------------------------------------------------------------ deciding

    def _go_on(self, batch: BatchId, working: Working, progress: Callable[[Pending], None]) -> None:
        """What a killed run of this command left is done first."""
        self._queue.put([self._pipeline.deed_job(group) for group in undo.groups(self._open(batch))])
        working.take_over(batch)
        working.wait(batch, progress)

    def _drop(self, plans: Sequence[Plan]) -> None:
        for one in plans:
            entering.drop(one)

    def _open(self, batch: BatchId) -> Iterator[Deed]:
        return (one for one in pages(self._engine.desk, batch) if one.state in (DeedState.planned, DeedState.intended))

    def _plans(self, ids: Sequence[str], order: Order, found: Outcome) -> list[Plan]:
        plans = []
        kept = self._catalog.get(ids)
        for id in ids:
            if id not in kept:
                continue
            planned = self._plan(kept[id], order)
            if isinstance(planned, Plan):
                plans.append(planned)
            else:
                found.lines.append(planned)
        return plans

    def _plan(self, record: Record, order: Order) -> Plan | Tagged:
        """What is to be done for a record (or for the one that replaced it), or the line that says why nothing is."""
        record = self._followed(record)
        try:
            asked = Asked(record, edited(record, order), order.sidecar, order.embed)
            planned = entering.plan(self._engine.desk, asked, self._probe, self._folder)
        except AlbumenError as error:
            return Tagged("failed", record.id, record.name, str(error), record=record.id)
        return Tagged("same", record.id, record.name, record=record.id) if planned.empty else planned

    def _followed(self, record: Record) -> Record:
        """The record that lies at its place now, when the file was rewritten."""
        return successors.heir(lambda id: self._catalog.get([id]).get(id), record)  # noqa: A006  # the field's name

    # ------------------------------------------------------------------------------------------------------------- keeping

    def _keep(self, plans: Sequence[Plan], found: Outcome, made: dict[str, tuple[Tagged, Sequence[Deed]]]) -> None:
        """Their deeds into the ledger, and a job for each group."""
        desk = self._engine.desk
        for one in plans:
            line = self._line(one)
            found.lines.append(line)
            try:
                kept = self._kept(found.batch, entering.prepare(desk, found.batch, one))
            except AlbumenError as error:
                found.lines[-1] = replace(line, what="failed", why=_BUSY if isinstance(error, Taken) else str(error))
                continue
            finally:
                entering.drop(one)
            made[line.id] = (line, kept)
            self._queue.put([self._pipeline.deed_job(kept)])

    def _kept(self, batch: BatchId, prepared: Prepared) -> Sequence[Deed]:
        """The deeds in the ledger, then their bytes at their places; what fails leaves neither."""
        desk = self._engine.desk
        try:
            kept = desk.ledger.intend(prepared.deeds)
            replacing.commit(desk, prepared.waiting)
        except AlbumenError as error:
            replacing.forget(desk, prepared.waiting)
            keys = {one.key for one in prepared.deeds}
            desk.ledger.settle([one.id for one in self._open(batch) if one.key in keys], DeedState.dropped, str(error))
            raise
        return kept

    # ------------------------------------------------------------------------------------------------------------- telling

    def _line(self, one: Plan) -> Tagged:
        before, after = one.asked.before, one.asked.after
        files = tuple(("new" if file.was is None else "rewritten", shown(file.target)) for file in one.files)
        return Tagged("planned", before.id, before.name, "", tuple(history.entered(before, after)), files, one.successor)

    def _settled(self, lines: Sequence[Tagged], made: dict[str, tuple[Tagged, Sequence[Deed]]], waits: str) -> list[Tagged]:
        """Each line as its deeds ended."""
        answer = []
        for line in lines:
            if line.id not in made or line.what != "planned":
                answer.append(line)
                continue
            now = self._engine.desk.ledger.history(ids=[one.id for one in made[line.id][1]]).rows
            states = {one.state for one in now}
            if states == {DeedState.done}:
                answer.append(replace(line, what="tagged"))
            elif states & {DeedState.planned, DeedState.intended}:
                answer.append(replace(line, what="later", why=waits or "waits for another process"))
            else:
                why = next((one.why for one in now if one.why), "it was dropped")
                answer.append(replace(line, what="failed", why=why, record=line.id))
        return answer
