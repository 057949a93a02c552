"""Asking a process of ``make.lives`` for things while each of its calls in turn is the last, or fails: the end must not tell."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from albumen.errors import Transient, Unavailable
from albumen.model import BatchId, Deed, DeedState, Pending, Record
from make.lives import Life, all_deeds
from make.worlds import LIBRARY, Fault, Ground, InMemory, Killed, OnDisk

__all__ = ["ERRORS", "Ask", "End", "Here", "Trial", "all_ended", "contents", "copied", "done", "placed", "same", "undone"]

Ask = Callable[[Life], object]
End = dict[str, object]
ERRORS: Sequence[Callable[[], BaseException]] = (
    lambda: Transient("not now"),
    lambda: Unavailable(LIBRARY, "the disk is full; free some space"),
)


@dataclass(frozen=True)
class Trial:
    """``fill`` writes the files, ``end_of`` tells all that shall be the same whatever happened on the way. ``asks`` by name; of each
    only the last is broken. ``after``: who comes next after a break, before the end is looked at. ``alike``: whether two ends are equal."""

    asks: Mapping[str, Sequence[Ask]]
    fill: Callable[[Ground], None]
    end_of: Callable[[Life, Ground], End]
    after: Ask | None = None
    alike: Callable[[Ground, End, End], bool] = lambda _ground, found, expected: found == expected

    def run(self, ground: Ground, fault: Fault, asked: str, *, lost: bool = False) -> tuple[End, int]:
        """The end after asking for these things, the last as often as the fault breaks it, or as it is told as failed; how many calls
        that took. ``lost``: of staged bytes whose handle never came back nothing can be known; they are swept with their owner."""
        calm = Fault()
        *before, ask = self.asks[asked]
        for one in before:
            one(Life(ground, calm))
        life = Life(ground, fault)
        try:
            again = getattr(ask(life), "ok", True) is False
        except (Killed, Unavailable, Transient):  # an error outside of any job ends a command as a kill does
            again = True
        if again:
            life = Life(ground, calm)
            ask(life)
        calls = len(fault.calls)
        if self.after and fault.struck:
            life = Life(ground, calm)
            self.after(life)
        if lost and isinstance(ground, InMemory):
            for store in ground.stores.values():
                store.staged.clear()
        return self.end_of(life, ground), calls

    def calm(self, ground: Ground, asked: str) -> tuple[End, int]:
        """The end when nothing breaks, and the calls that it takes."""
        self.fill(ground)
        try:
            return self.run(ground, Fault(), asked)
        finally:
            ground.close()

    def killed(
        self, tmp_path: Path, asked: str, *, first: int = 1, step: int = 1, kind: Callable[[Path], Ground] = InMemory
    ) -> None:
        """Killed before the ``first`` call and each ``step`` calls later."""
        expected, calls = self.calm(kind(tmp_path / "calm"), asked)
        assert calls > 10
        for at in range(first, calls + 1, step):
            self._broken(kind(tmp_path / str(at)), Fault(at), asked, expected)

    def killed_on_disk(self, tmp_path: Path, asked: str, step: int) -> None:
        """The same on the embedded engines, not at the same calls for each."""
        self.killed(tmp_path, asked, first=1 + len(asked) % step, step=step, kind=OnDisk)

    def failed(self, tmp_path: Path, asked: str, *, after: bool) -> None:
        """Each call fails once, for the place or for the moment, and the same owner goes on: a retry in a living process is a recovery
        (spine K). ``after``: the call had its effect, only its answer was lost."""
        expected, calls = self.calm(InMemory(tmp_path / "calm"), asked)
        for at in range(1, calls + 1):
            self._broken(InMemory(tmp_path / str(at)), Fault(at, ERRORS[at % 2], after), asked, expected, lost=after)

    def _broken(self, ground: Ground, fault: Fault, asked: str, expected: End, *, lost: bool = False) -> None:
        self.fill(ground)
        found, _ = self.run(ground, fault, asked, lost=lost)
        ground.close()
        last = fault.calls[max(0, fault.at - 6) : fault.at]
        assert self.alike(ground, found, expected), f"broken at call {fault.at}, {last}: {found} is not {expected}"


class Here:
    """The workers of a command: all jobs, one after the other."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def take_over(self, *_: BatchId) -> bool:
        """At once."""
        return True

    def wait(self, _batch: BatchId, _progress: object) -> Pending:
        """Until nothing is left."""
        self._life.jobs.run(self._life.pipeline)
        return Pending()


def copied(life: Life) -> object:
    """The card is imported."""
    return life.take_in(move=False)


def undone(life: Life) -> object:
    """The newest batch that is not itself the undo in question: resumed when it was killed."""
    open_ones = [one for one in life.ledger.batches(open=True).rows if one.undoes]
    last = open_ones[0].undoes if open_ones else life.ledger.batches().rows[0].id
    return life.undo(last)


def all_ended(life: Life, ground: Ground) -> list[Deed]:
    """All deeds, of which none is left to do, nor any batch open, nor a job dead."""
    deeds = all_deeds(ground.ledger)
    assert [one for one in deeds if one.state in (DeedState.planned, DeedState.intended)] == []
    assert [one.what for one in ground.ledger.batches(open=True).rows] == []
    assert life.jobs.buried == []
    return deeds


def same(ground: Ground, path: str) -> str:
    """A path without the batch in the trash and the folder of the test."""
    return re.sub("/trash/[^/]+/", "/trash/BATCH/", path).replace(str(ground.folder).lstrip("/"), "TOP")


def contents(ground: Ground) -> End:
    """What lies where: the bytes of the library's files; of what lies on the card, and of folders, only that they are there."""
    found: End = {}
    for path, what in ground.tree().items():
        is_file = isinstance(what, tuple) and not path.startswith(("disk:", "folder "))
        found[same(ground, path)] = what[0] if is_file and isinstance(what, tuple) else "there"
    return found


def placed(ground: Ground, record: Record) -> list[tuple[str, str, str, str]]:
    """Where a record's files lie."""
    return [(one.store, same(ground, one.path), one.role, one.sha256) for one in record.placements]


def done(ground: Ground, deeds: Sequence[Deed], verbs: Sequence[str] = ()) -> list[tuple[str, str, str, str]]:
    """Those that have effect, of these verbs or of all."""
    left = [one for one in deeds if one.state is DeedState.done and not one.undone_by and (not verbs or one.verb in verbs)]
    return sorted((one.verb, same(ground, one.source.path), same(ground, one.target.path), one.role) for one in left)
