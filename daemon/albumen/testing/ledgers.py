"""A ledger in memory, written plainly: what the contract says, without any index."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace

from albumen.errors import NotFound, Overtaken, Taken
from albumen.model import BatchId, BatchInfo, Claimed, Deed, DeedId, DeedState, Owner, Page

_OPEN = (DeedState.planned, DeedState.intended)


@dataclass(slots=True)
class _Batch:
    what: str
    owner: Owner
    begun: int
    undoes: BatchId
    ended: int | None = None
    released: set[DeedId] = field(default_factory=set)  # failed deeds whose names its end freed


class MemoryLedger:
    """``Ledger`` that forgets everything with the process. ``owner in owners`` = its process is gone; ``page`` rows to a page."""

    def __init__(
        self, owners: Container[Owner] = frozenset(), *, clock: Callable[[], int] = time.time_ns, page: int = 500
    ) -> None:
        self._owners = owners
        self._clock = clock
        self._page = page
        self._deeds: dict[DeedId, Deed] = {}
        self._batches: dict[BatchId, _Batch] = {}
        self._mentions: dict[DeedId, frozenset[str]] = {}
        self._moment = 0
        self._done: dict[DeedId, int] = {}  # the moment at which it was
        self._lock = threading.RLock()

    def begin(self, what: str, owner: Owner, *, undoes: BatchId | None = None) -> BatchId:
        """As the port says; the same living owner asking twice gets two batches."""
        with self._lock:
            for id, batch in self._batches.items():
                same = (batch.what, batch.undoes, batch.ended) == (what, undoes or "", None)
                if same and batch.owner != owner and batch.owner in self._owners:
                    batch.owner = owner
                    return id
            id = f"b{len(self._batches) + 1}"
            self._batches[id] = _Batch(what, owner, self._clock(), undoes or "")
            return id

    def moment(self) -> int:
        """As the port says."""
        return self._moment

    def intend(self, deeds: Sequence[Deed], owner: Owner | None = None, *, looked: int | None = None) -> Sequence[Deed]:
        """As the port says, in the order given; an ended batch that gets a new deed is open again."""
        state = DeedState.intended if owner else DeedState.planned
        with self._lock:
            kept = dict(self._deeds)
            twins = {one.key: one.id for one in kept.values() if one.state is not DeedState.dropped}
            names, contents, sources = self._reserved()
            refused: tuple[set[tuple[str, str]], set[str], set[tuple[str, str]]] = (set(), set(), set())
            answer = []
            for deed in deeds:
                self._batch(deed.batch)
                if deed.key not in twins:
                    refused[0].update(_name(deed) & names)
                    refused[1].update(_content(deed) & contents)
                    refused[2].update(_source(deed) & sources)
                    id = f"{len(kept) + 1:016x}"
                    kept[id] = replace(deed, id=id, owner=owner or "", state=state, undone_by="", why="", at=self._clock())
                    twins[deed.key] = id
                    names |= _name(deed)
                    contents |= _content(deed)
                    sources |= _source(deed)
                answer.append(kept[twins[deed.key]])
            if any(refused):
                raise Taken(*refused)
            fresh = [one for one in answer if one.id not in self._deeds]
            if looked is not None and any(self._is_done(one, looked) for one in fresh):
                raise Overtaken("planned before another batch finished what touches it")
            for deed in answer:
                if deed.id not in self._deeds:
                    self._batches[deed.batch].ended = None
                    self._mentions[deed.id] = _mentions(deed)
            self._deeds = kept
            return answer

    def claim(self, ids: Sequence[DeedId], owner: Owner) -> Sequence[Claimed]:
        """As the port says, in the order given; unknown ids are left out."""
        found = []
        with self._lock:
            for id in dict.fromkeys(ids):
                deed = self._deeds.get(id)
                if deed is None or (deed.state is DeedState.intended and deed.owner != owner):
                    continue
                if deed.state is DeedState.planned:
                    self._deeds[id] = replace(deed, state=DeedState.intended, owner=owner, at=self._clock())
                found.append(Claimed(self._deeds[id], deed.state))
        return found

    def settle(self, ids: Iterable[DeedId], state: DeedState, why: str = "") -> None:
        """As the port says; what is settled stays as it is."""
        if state is DeedState.intended:
            raise ValueError("a deed is intended by claim, never by settle")
        with self._lock:
            self._moment += state is DeedState.done
            for id in ids:
                deed = self._deeds.get(id)
                if deed is None or deed.state not in _OPEN or deed.state is state:
                    continue
                deed = replace(deed, state=state, why=why, at=self._clock())
                if state is DeedState.planned:
                    deed = replace(deed, owner="")
                elif state is DeedState.done and deed.before is None:
                    deed = replace(deed, after=None)
                self._deeds[id] = deed
                if state is DeedState.done:
                    self._done[id] = self._moment
                    self._turn_chain(deed)

    def _is_done(self, deed: Deed, looked: int) -> bool:
        late = [self._deeds[id] for id, moment in self._done.items() if moment > looked]
        return any(_touches(one, deed) for one in late)

    def recover(self, dead: Container[Owner], owner: Owner) -> Sequence[Deed]:
        """As the port says, oldest first."""
        with self._lock:
            found = [one for one in self._deeds.values() if one.state is DeedState.intended]
            taken = [replace(one, owner=owner) for one in found if one.owner != owner and one.owner in dead]
            self._deeds.update({one.id: one for one in taken})
            return taken

    def held(self, store: str, prefix: str) -> Set[str]:
        """As the port says."""
        with self._lock:
            return {key for where, key in self._reserved()[0] if where == store and key.startswith(prefix)}

    def history(
        self,
        *,
        batch: BatchId | None = None,
        item: str | None = None,
        ids: Sequence[DeedId] = (),
        state: DeedState | None = None,
        after: str = "",
    ) -> Page[Deed]:
        """As the port says."""
        with self._lock:
            found = [
                one
                for id, one in self._deeds.items()
                if id > after
                and (batch is None or one.batch == batch)
                and (item is None or item in self._mentions[id])
                and (not ids or id in ids)
                and (state is None or one.state is state)
            ]
        rows = tuple(found[: self._page])
        return Page(rows, rows[-1].id if len(found) > self._page else "")

    def batches(self, *, before: str = "", ids: Sequence[BatchId] = (), open: bool = False) -> Page[BatchInfo]:
        """As the port says."""
        with self._lock:
            newest = list(reversed(self._batches))
            if before:
                newest = newest[newest.index(before) + 1 :]
            found = [
                self._info(id) for id in newest if (not ids or id in ids) and not (open and self._batches[id].ended is not None)
            ]
        rows = tuple(found[: self._page])
        return Page(rows, rows[-1].id if len(found) > self._page else "")

    def end(self, batch: BatchId) -> bool:
        """As the port says; the first end stands."""
        with self._lock:
            kept = self._batch(batch)
            mine = [one for one in self._deeds.values() if one.batch == batch]
            if any(one.state in _OPEN for one in mine):
                return False
            kept.released |= {one.id for one in mine if one.state is DeedState.failed}
            if kept.ended is None:
                kept.ended = self._clock()
            return True

    # -------------------------------------------------------------------------------------------------------------- inside

    def _batch(self, id: BatchId) -> _Batch:
        if id not in self._batches:
            raise NotFound(f"there is no batch {id}: `albumen log` lists them")
        return self._batches[id]

    def _reserved(self) -> tuple[set[tuple[str, str]], set[str], set[tuple[str, str]]]:
        deeds = self._deeds.values()
        opened = [one for one in deeds if one.state in _OPEN]
        failed = [one for one in deeds if one.state is DeedState.failed and one.id not in self._batches[one.batch].released]
        names = set[tuple[str, str]]().union(*map(_name, [*opened, *failed]))
        return names, set[str]().union(*map(_content, opened)), set[tuple[str, str]]().union(*map(_source, opened))

    def _turn_chain(self, deed: Deed) -> None:
        in_effect = True
        while deed.undoes in self._deeds:
            undone = replace(self._deeds[deed.undoes], undone_by=deed.id if in_effect else "")
            self._deeds[undone.id] = undone
            deed, in_effect = undone, not in_effect

    def _info(self, id: BatchId) -> BatchInfo:
        batch = self._batches[id]
        mine = [one for one in self._deeds.values() if one.batch == id]
        states = Counter(one.state.value for one in mine)
        effective = sum(one.state is DeedState.done and not one.undone_by for one in mine)
        return BatchInfo(id, batch.what, batch.owner, batch.begun, batch.ended, batch.undoes, states, effective)


def _name(deed: Deed) -> set[tuple[str, str]]:
    return {(deed.target.store, deed.target_key)} if deed.target.path else set()


def _content(deed: Deed) -> set[str]:
    return {deed.content} if deed.content else set()


def _source(deed: Deed) -> set[tuple[str, str]]:
    return {(deed.source.store, deed.source.path)} if deed.verb in ("move", "expire") else set()


def _touches(done: Deed, deed: Deed) -> bool:
    ours, theirs = deed.target, done.target
    same = (ours.store, ours.path) == (theirs.store, theirs.path) and bool(ours.path)
    left = done.verb == "move" and (deed.source.store, deed.source.path) == (done.source.store, done.source.path)
    return same or left or bool(_content(done) & _content(deed))


def _mentions(deed: Deed) -> frozenset[str]:
    records = [one.id for one in (deed.before, deed.after) if one is not None]
    places = [f"{ref.store}:{ref.path}" for ref in (deed.source, deed.target)]
    return frozenset([deed.sha256, deed.record, *records, *places]) - {""}
