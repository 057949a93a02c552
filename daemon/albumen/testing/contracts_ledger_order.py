"""Two owners use one ledger in any order (hypothesis), beside the few invariants that everything else rests on."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from albumen.errors import Taken
from albumen.model import BatchId, Deed, DeedId, DeedState, Owner, Ref
from albumen.ports import Ledger

_OPEN = (DeedState.planned, DeedState.intended)
_SMALL = st.integers(0, 3)
_WHO = st.integers(0, 1)
_SOME = st.lists(st.integers(0, 30), min_size=1, max_size=4)
_SETTLED = st.sampled_from([DeedState.done, DeedState.dropped, DeedState.failed, DeedState.planned])


class LedgerMachine(RuleBasedStateMachine):
    """Knows of each deed only its last state, and predicts what the next call may answer."""

    def __init__(self, make: Callable[[Container[Owner]], Ledger]) -> None:
        super().__init__()
        self.dead: set[Owner] = set()
        self.ledger = make(self.dead)
        self.owners = ["ann", "bob"]
        self.batches: list[BatchId] = []
        self.ended: set[BatchId] = set()
        self.seen: dict[DeedId, Deed] = {}

    @initialize()
    def start(self) -> None:
        """There is a batch."""
        self.begin(0, 0)

    @rule(who=_WHO, what=st.integers(0, 1))
    def begin(self, who: int, what: int) -> None:
        """A new batch, or a dead owner's."""
        batch = self.ledger.begin(f"import {what}", self.owners[who])
        assert batch not in self.ended
        if batch not in self.batches:
            self.batches.append(batch)

    @rule(which=_SMALL, sets=st.lists(st.tuples(_SMALL, _SMALL, _SMALL, st.booleans()), max_size=3), who=st.none() | _WHO)
    def intend(self, which: int, sets: Sequence[tuple[int, int, int, bool]], who: int | None) -> None:
        """All or none: kept exactly when nothing of it is reserved."""
        batch = self.batches[which % len(self.batches)]
        deeds = [_deed(batch, *one) for one in sets]
        kept = {deed.key for deed in self.seen.values() if deed.state is not DeedState.dropped}
        new = {deed.key: deed for deed in deeds if deed.key not in kept}.values()
        clash = _clashes([*self._reserving(), *_wants(new)])
        try:
            answer = self.ledger.intend(deeds, None if who is None else self.owners[who])
        except Taken as taken:
            assert clash, f"nothing was reserved, yet: {taken}"
            assert taken.names or taken.contents or taken.sources
            return
        assert not clash
        assert [deed.key for deed in answer] == [deed.key for deed in deeds]
        if new:
            self.ended.discard(batch)
        self._look({deed.id for deed in answer})

    @rule(which=_SOME, who=_WHO)
    def claim(self, which: Sequence[int], who: int) -> None:
        """Mine is what was planned or mine; another's is never given."""
        me, ids = self.owners[who], self._ids(which)
        for claim in self.ledger.claim(ids, me):
            before = self.seen[claim.deed.id]
            assert claim.was is before.state
            if before.state in _OPEN:
                assert before.owner in ("", me)
                assert (claim.deed.state, claim.deed.owner) == (DeedState.intended, me)
        self._look(set(ids))

    @rule(which=_SOME, state=_SETTLED)
    def settle(self, which: Sequence[int], state: DeedState) -> None:
        """Open deeds come into that state, settled ones stay (``promises`` compares)."""
        ids = self._ids(which)
        opened = [id for id in ids if self.seen[id].state in _OPEN]
        self.ledger.settle(ids, state)
        self._look(set(ids))
        assert all(self.seen[id].state is state for id in opened)

    @rule(who=_WHO)
    def die(self, who: int) -> None:
        """The process dies; its successor has another identity."""
        self.dead.add(self.owners[who])
        self.owners[who] += "'"

    @rule(who=_WHO)
    def recover(self, who: int) -> None:
        """Exactly the intended deeds of the dead become mine."""
        lost = {deed.id for deed in self.seen.values() if deed.state is DeedState.intended and deed.owner in self.dead}
        taken = self.ledger.recover(self.dead, self.owners[who])
        assert {deed.id for deed in taken} == lost
        assert all(deed.owner == self.owners[who] for deed in taken)
        self._look(lost)

    @rule(which=_SMALL)
    def end(self, which: int) -> None:
        """Ended exactly when no deed is open."""
        batch = self.batches[which % len(self.batches)]
        ended = self.ledger.end(batch)
        assert ended != any(deed.batch == batch and deed.state in _OPEN for deed in self.seen.values())
        if ended:
            self.ended.add(batch)

    @invariant()
    def promises(self) -> None:
        """Nothing changed but what was asked for; reservations are unique; an intended deed has an owner, a planned one none."""
        now = {deed.id: deed for deed in self.ledger.history().rows}
        assert {id: (deed.state, deed.owner, deed.at) for id, deed in now.items()} == {
            id: (deed.state, deed.owner, deed.at) for id, deed in self.seen.items()
        }
        assert not _clashes(self._reserving())
        assert self.ledger.held("nas", "") == {name[-1] for name in self._reserving() if name[0] == "name"}
        for deed in now.values():
            if deed.state in _OPEN:
                assert (deed.owner != "") == (deed.state is DeedState.intended)

    def _ids(self, which: Sequence[int]) -> list[DeedId]:
        known = sorted(self.seen)
        return [known[number % len(known)] for number in which] if known else []

    def _look(self, ids: set[DeedId]) -> None:
        """Learn the new state of these deeds: a settled one must not have left its state."""
        for deed in self.ledger.history(ids=sorted(ids)).rows if ids else ():
            before = self.seen.get(deed.id)
            assert before is None or before.state in _OPEN or deed.state is before.state
            self.seen[deed.id] = deed

    def _reserving(self) -> list[tuple[str, ...]]:
        opened = [deed for deed in self.seen.values() if deed.state in _OPEN]
        failed = [deed for deed in self.seen.values() if deed.state is DeedState.failed and deed.batch not in self.ended]
        return [*_wants(opened), *(("name", deed.target.store, deed.target_key) for deed in failed)]


def _deed(batch: BatchId, name: int, content: int, source: int, move: bool) -> Deed:  # noqa: FBT001  # drawn by position
    return Deed(
        batch=batch,
        key=f"{batch}/{source}/{name}",
        verb="move" if move else "copy",
        source=Ref("disk", f"in/{source}"),
        target=Ref("nas", f"out/{name}"),
        target_key=f"out/{name}",
        content=f"lib//{content}" if content else "",
    )


def _wants(deeds: Iterable[Deed]) -> list[tuple[str, ...]]:
    """What open deeds reserve."""
    found: list[tuple[str, ...]] = []
    for deed in deeds:
        found.append(("name", deed.target.store, deed.target_key))
        found += [("content", deed.content)] if deed.content else []
        found += [("source", deed.source.store, deed.source.path)] if deed.verb == "move" else []
    return found


def _clashes(reservations: Sequence[tuple[str, ...]]) -> bool:
    return any(number > 1 for number in Counter(reservations).values())


def any_order(make: Callable[[Container[Owner]], Ledger]) -> None:
    """Run the machine; the same steps every time."""

    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(make)

    few = settings(max_examples=25, stateful_step_count=30, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(Machine, settings=few)
