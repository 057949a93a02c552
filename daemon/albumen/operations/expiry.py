"""The trash is emptied, slowly: what lay in it longer than ``[trash] keep`` is deleted for good, as a deed.

How old a file of the trash is, the ledger says (when the deed put it there), never its own times. But that is read off a clock, and a
clock may jump by years. So age is time that this daemon saw pass: it looks once a day, and between two looks at most two days
count, whatever the clock says; ``Passed`` remembers what was not counted. A jump of a year makes the trash two days older. A month
in which the machine was off counts as two days, too: then the trash is kept longer, which harms nobody, and a person has the whole
of ``keep`` to change their mind while the daemon is there to tell them. When the memory is lost, all begin anew.
"""

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from albumen import jsonable
from albumen.deeds import expire, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError
from albumen.model import DISK, EXPIRY, BatchId, Deed, DeedState, Ref
from albumen.ports import Scratch, Store

_DAY = 86_400_000_000_000
_MOST = 2 * _DAY  # ns between two looks that count
_KEY = "passed"
_PIECE = 100  # files deleted between two looks at the stop
_NAMED = 3  # files that a sentence names
_LEAPS = 1000  # that are remembered; older ones lie before whatever is still in the trash


@dataclass(frozen=True, slots=True)
class Passed:
    """The time that was seen to pass, in ns: since when it was looked, when last, and each leap of more than counts, as the look
    before it and the look after it."""

    since: int = 0
    last: int = 0
    leaps: tuple[tuple[int, int], ...] = ()

    def seen(self, now: int) -> "Passed":
        """Another look. A clock that is turned back takes with it as much of the leaps it had made."""
        if not self.last:
            return Passed(now, now)
        if now - self.last > _MOST:
            return Passed(self.since, now, (*self.leaps, (self.last, now))[-_LEAPS:])
        return Passed(min(self.since, now), now, _shortened(self.leaps, self.last - now))

    def age(self, at: int) -> int:
        """How much of the time since then counts; not above 0 for a time to come."""
        began = max(at, self.since)
        uncounted = (landed - max(began, before) - _MOST for before, landed in self.leaps)
        return self.last - began - sum(one for one in uncounted if one > 0)


def _shortened(leaps: tuple[tuple[int, int], ...], by: int) -> tuple[tuple[int, int], ...]:
    """The newest leaps less far, by so many ns in all."""
    kept = list(leaps)
    while kept and by > 0:
        before, landed = kept.pop()
        if landed - by - before > _MOST:
            kept.append((before, landed - by))
        by -= landed - before - _MOST
    return tuple(kept)


class Expiry:
    """Empties the trash of every store. ``keep`` is in seconds; ``drawer`` remembers the time that passed; ``stop`` ends a run early."""

    def __init__(self, engine: Engine, drawer: Scratch, keep: float, stop: threading.Event) -> None:
        self._engine = engine
        self._desk = engine.desk
        self._drawer = drawer
        self._keep = round(keep * 1e9)
        self._stop = stop

    def run(self) -> str | None:
        """Delete what is due; a sentence about what was deleted and what stays, None for nothing. A store that cannot be reached
        keeps nobody else's trash; its error is raised at the end."""
        passed = self._look()
        self._finish_earlier()
        run = _Run(self._engine, passed, self._keep, self._stop)
        error: AlbumenError | None = None
        for name, store in self._desk.stores.items():
            try:
                if name != DISK:
                    run.empty(store)
            except AlbumenError as one:
                error = error or one
        if run.batch:
            self._engine.close(run.batch)
        if error is not None:
            raise error
        return run.told()

    def _look(self) -> Passed:
        kept = self._drawer.all().get(_KEY, "")
        try:
            passed = jsonable.loads(Passed, kept) if kept else Passed()
        except (ValueError, TypeError):
            passed = Passed()  # as when it was lost
        passed = passed.seen(self._desk.clock())
        self._drawer.put(_KEY, jsonable.dumps(passed))
        return passed

    def _finish_earlier(self) -> None:
        """What an earlier run of this process could not end, such as on a disk that went away. A dead process' is recovered."""
        before = ""
        while True:
            page = self._desk.ledger.batches(before=before, open=True)
            for one in page.rows:
                if one.what == EXPIRY and one.owner == self._desk.owner:
                    self._engine.close(one.id)
            before = page.after
            if not before:
                return


@dataclass
class _Run:
    """One run over all stores."""

    engine: Engine
    passed: Passed
    keep: int
    stop: threading.Event
    batch: BatchId = ""
    deleted: int = 0
    stays: list[str] = field(default_factory=list)  # reasons
    unknown: list[str] = field(default_factory=list)
    future: list[str] = field(default_factory=list)

    def empty(self, store: Store) -> None:
        desk = self.engine.desk
        due = self._due(desk, store)
        while not self.stop.is_set() and (piece := list(itertools.islice(due, _PIECE))):
            self.batch = self.batch or self.engine.begin(EXPIRY)
            planned = expire.plan(desk, self.batch, piece)
            mine = [one.deed for one in desk.ledger.claim([one.id for one in planned], desk.owner)]
            given_up = expire.do(desk, mine)
            self.deleted += len(mine) - len(given_up)
            self.stays += [why for _, why in given_up]

    def _due(self, desk: Desk, store: Store) -> Iterator[tuple[Ref, Deed]]:
        """What is old enough, with the deed that put it there."""
        for batch, refs in _by_batch(store).items():
            found = desk.ledger.batches(ids=[batch]).rows if batch else ()
            if found and self.passed.age(found[0].begun) < self.keep and found[0].begun <= self.passed.last:
                continue  # nothing of it can be old enough: its files need not be looked up each day
            for ref in refs:
                deed = expire.put_there(desk, ref) if found else None
                if deed is None:
                    self.unknown.append(shown(ref))
                elif deed.state is not DeedState.done:
                    continue  # it is being put there
                elif deed.at > self.passed.last:
                    self.future.append(shown(ref))
                elif self.passed.age(deed.at) >= self.keep:
                    if why := expire.only(desk, ref, deed):
                        self.stays.append(why)
                        continue
                    yield ref, deed

    def told(self) -> str | None:
        said = []
        if self.deleted:
            said.append(f"{_files(self.deleted)} deleted for good, {self.keep / _DAY:g} days after they came into the trash")
        if self.stays:
            said.append(f"{_files(len(self.stays))} could not be deleted: {self.stays[0]}")
        if self.unknown:
            said.append(f"{_files(len(self.unknown))} in the trash that no deed put there stay: {_some(self.unknown)}")
        if self.future:
            text = f"{_files(len(self.future))} came into the trash at a time to come, by a clock that was wrong, and wait for it"
            said.append(f"{text}: {_some(self.future)}")
        return "; ".join(said) or None


def _by_batch(store: Store) -> Mapping[BatchId, Sequence[Ref]]:
    """All files in the trash of a store; "" = those in no batch's folder."""
    found: dict[BatchId, list[Ref]] = defaultdict(list)
    for item in store.list(trash.TRASH):
        batch, _, rest = item.main.path.removeprefix(f"{trash.TRASH}/").partition("/")
        found[batch if rest else ""].append(item.main)
    return found


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
