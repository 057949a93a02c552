"""Do the deeds of one group: claim → stage → data durable → names → folders durable → prove → catalog → take sources →
their folders durable → settle. All or none, and safe to repeat after a crash or an error at any point.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

from albumen.deeds import doubles, making, places, records, replacing, telling, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.reading import content, sha256
from albumen.errors import AlbumenError, Changed, Exists, NotFound, Permanent, Rejected, Stale, Transient
from albumen.model import Content, Deed, DeedId, DeedState, Item, Proof, Ref, Staged
from albumen.ports import Moves, Stages, Store, Tags

_OPEN = (DeedState.planned, DeedState.intended)


def do(desk: Desk, ids: Sequence[DeedId]) -> Sequence[Deed]:
    """See ``ports.Deeds.do``."""
    claimed = desk.ledger.claim(ids, desk.owner)
    if len(claimed) < len(set(ids)):
        raise Transient("another process is doing this now")
    todo = [one.deed for one in claimed if one.was in _OPEN]
    if todo:
        _traced(desk, todo, "claimed")
        group = _Group(desk, todo)
        try:
            group.run(fresh=all(one.was is DeedState.planned for one in claimed if one.was in _OPEN))
        except Permanent as error:
            if group.settled:
                raise
            raise Transient(str(error)) from error  # the deeds are open: who hears "for good" would leave them so
    return [replace(one.deed, state=DeedState.done) if one.was in _OPEN else one.deed for one in claimed]


@dataclass
class _Group:
    """One group on its way. ``items`` and ``proofs`` fill as deeds are placed and proven.

    ``placed`` are the targets that got our bytes, in this run or an earlier one: only those may be taken back, since a person's
    file of the same name may have the very same content.
    """

    desk: Desk
    deeds: Sequence[Deed]
    items: dict[DeedId, Item] = field(default_factory=dict)
    proofs: dict[DeedId, Proof] = field(default_factory=dict)
    placed: set[DeedId] = field(default_factory=set)
    there: set[DeedId] = field(default_factory=set)  # whose source holds its content, as far as it was asked
    rests: dict[DeedId, str] = field(default_factory=dict)  # what each duplicate rests on, looked at in this run
    settled: bool = False  # given up: all of it is dropped or failed

    def run(self, *, fresh: bool) -> None:
        """A fresh group is placed as planned; whenever that does not go as planned, and for any other, the places are asked."""
        if fresh:
            try:
                self._rest(self.deeds)
                self._place(self.deeds)
            except (Changed, Exists, NotFound, Rejected):
                self._ask(begun=False)
        else:
            self._ask(begun=True)
        self._finish(self.deeds)

    def _ask(self, *, begun: bool) -> None:
        """Go on from what lies where: place what is missing, or give up what cannot be. A claim may have been forgotten by a power
        cut: also what was not ``begun`` as far as we know may lie at its target."""
        looks = {one.id: places.look(self.desk, one) for one in self.deeds}
        self.placed = {id for id, one in looks.items() if one.target == "ours" and (begun or id in self.items)}
        self.there = {id for id, one in looks.items() if one.source == "there"}
        decision = places.decide(looks)
        if not decision.go_on:
            self._give_up(decision, looks)
        try:
            self._rest([one for one in self.deeds if one.id in self.there])
            self._place([one for one in self.deeds if one.id in decision.place])
        except (Changed, Exists, NotFound, Rejected) as error:
            self._undo_or_keep(error)

    def _rest(self, deeds: Sequence[Deed]) -> None:
        """Before a duplicate is thrown away, the copy on which that rests is looked at: however long ago it was planned, and whatever
        the catalog says. ``Changed`` when there is none. One that comes with this very group will be proven with it."""
        coming = {one.sha256 for one in self.deeds if one.verb in ("copy", "move") and one.role != "duplicate"}
        for one in deeds:
            if doubles.is_thrown(one) and one.sha256 not in coming:
                self.rests[one.id] = doubles.rests(self.desk, one)

    # ------------------------------------------------------------------------------------------------------------- placing

    def _place(self, deeds: Sequence[Deed]) -> None:
        desk = self.desk
        self._place_others([one for one in deeds if one.verb in ("tag", "derive")])
        swapped = [one for one in deeds if one.verb == "replace"]
        deeds = [one for one in deeds if one.verb not in ("tag", "replace", "derive")]
        inside = [one for one in deeds if _within(desk, one)]
        across = [one for one in deeds if one not in inside]
        staged: list[tuple[Deed, Staged]] = []
        try:
            for deed in across:
                if isinstance(desk.store(deed.target.store), Stages):
                    staged += [(deed, self._staged(deed))]  # one by one: what is staged is discarded when the next fails
            _traced(desk, across, "staged")
            self._commit(staged)
        except AlbumenError:
            for deed, one in staged:
                if deed.id not in self.items:
                    _discard(desk.store(deed.target.store), one)
            raise
        for deed in across:
            if deed.id not in self.items:
                self.items[deed.id] = self._put(deed)
        for deed in inside:
            self.items[deed.id] = self._renamed(deed)
        for deed in swapped:
            self.items[deed.id] = replacing.exchanged(desk, deed)
        _traced(desk, (*deeds, *swapped), "placed")

    def _staged(self, deed: Deed) -> Staged:
        """The bytes in the target's incoming area, this very content."""
        desk, target = self.desk, self.desk.store(deed.target.store)
        staged = desk.shelf.take(deed.source, target.name)
        if staged is None:
            source = desk.store(deed.source.store)
            data = content(source, deed.source, modified=deed.target.modified, mode=deed.target.mode)
            assert isinstance(target, Stages)
            try:
                staged = target.stage(data, near=deed.target.path)
            except Changed:
                now = source.stat(deed.source.path).main  # times or mode may have changed, the content not
                data = content(source, now, modified=deed.target.modified, mode=deed.target.mode)
                staged = target.stage(data, near=deed.target.path)
        elif deed.verb == "move":
            self._still_there(deed, target, staged)
        if staged.digests["sha256"] != deed.sha256:
            _discard(target, staged)
            raise Changed(f"{shown(deed.source)} changed since it was planned; it is looked at again")
        return staged

    def _still_there(self, deed: Deed, target: Store, staged: Staged) -> None:
        """Bytes read earlier outlive their file: what another process moved away meanwhile is not moved a second time."""
        try:
            self.desk.store(deed.source.store).stat(deed.source.path)
        except AlbumenError:
            _discard(target, staged)
            raise

    def _commit(self, staged: Sequence[tuple[Deed, Staged]]) -> None:
        for name, deeds in _by_target(deed for deed, _ in staged).items():
            store = self.desk.store(name)
            assert isinstance(store, Stages)
            pairs = [(one, deed.target.path) for deed, one in staged if deed.target.store == name]
            for deed, item in zip(deeds, store.commit(pairs), strict=True):
                self.items[deed.id] = item

    def _put(self, deed: Deed) -> Item:
        source = self.desk.store(deed.source.store)
        data = content(source, deed.source, modified=deed.target.modified, mode=deed.target.mode)
        return self.desk.store(deed.target.store).put(deed.target.path, data, expect={"sha256": deed.sha256})

    def _place_others(self, deeds: Sequence[Deed]) -> None:
        """Those that bring no file from its source to its target."""
        for deed in deeds:
            if deed.verb == "tag":
                self._ask_tagged(deed)
            else:
                self.items[deed.id] = self._made(deed)
        _traced(self.desk, [one for one in deeds if one.verb == "derive"], "placed")

    def _made(self, deed: Deed) -> Item:
        """What a step of this process made gets its place. ``Changed`` when it was another process, or another try."""
        path = self.desk.made.get(deed.id)
        if path is None:
            raise Changed(f"{shown(deed.target)} was not stored yet; it is made again")
        data = Content(partial(_opened, path), size=deed.target.size, modified=deed.target.modified)
        return self.desk.store(deed.target.store).put(deed.target.path, data, expect={"sha256": deed.sha256})

    def _ask_tagged(self, deed: Deed) -> None:
        """A tag changes no file, but it is about this very content."""
        if places.source(self.desk, deed) != "there":
            raise Changed(f"{shown(deed.source)} changed since it was planned")

    def _renamed(self, deed: Deed) -> Item:
        """A move inside one store: the bytes stay, so only their content is asked for, and only when the revision differs."""
        store = self.desk.store(deed.source.store)
        now = store.stat(deed.source.path).main
        if now.rev != deed.source.rev and sha256(store, deed.source.path) != deed.sha256:
            raise Changed(f"{shown(deed.source)} changed since it was planned")
        assert isinstance(store, Moves)
        return store.move(deed.source.path, deed.target.path, rev=now.rev)

    # ----------------------------------------------------------------------------------------------------------- finishing

    def _finish(self, deeds: Sequence[Deed]) -> None:
        desk = self.desk
        moved = [one for one in deeds if one.verb != "tag"]
        for name, mine in _by_target(moved).items():
            _sync(desk.store(name), [one.target.path for one in mine])
        _traced(desk, deeds, "synced")
        for deed in moved:
            self._prove(deed)
        self._catalogue(deeds)
        _traced(desk, deeds, "catalogued")
        whys: dict[str, list[Deed]] = defaultdict(list)
        for one in deeds:
            stays = trash.take(desk, one) if one.verb == "move" else ""
            double = self.rests.get(one.id) or doubles.reason(desk, one)
            whys["; ".join(why for why in (double, making.reason(desk, one), stays) if why)].append(one)
        for name, refs in _by_store(one.source for one in deeds if one.verb == "move").items():
            _sync(desk.store(name), [one.path for one in refs])
        for one in deeds:
            _tag(desk, one)
        _traced(desk, deeds, "taken")
        for why, some in whys.items():
            desk.ledger.settle([one.id for one in some], DeedState.done, why)
            telling.done(desk, some, why)
        _traced(desk, deeds, "settled")

    def _prove(self, deed: Deed) -> None:
        """A move is proven by reading back what was written; a copy keeps its source, so its hash while writing will do."""
        store = self.desk.store(deed.target.store)
        mine = deed.id in self.items
        if not mine:
            self.items[deed.id] = store.stat(deed.target.path)
        if deed.verb == "copy" or _within(self.desk, deed):
            self.proofs[deed.id] = Proof("written", f"sha256:{deed.sha256}", self.desk.clock())
            return
        found = sha256(store, deed.target.path)
        if found != deed.sha256:
            if mine and places.source(self.desk, deed) == "there":  # never the only copy, never another's file
                trash.remove(store, self.items[deed.id].main)
            raise Transient(
                f"{shown(deed.target)} reads back other bytes than were written; the source is kept: check the disk and its memory"
            )
        self.proofs[deed.id] = Proof("read", f"sha256:{found}", self.desk.clock())

    def _catalogue(self, deeds: Sequence[Deed]) -> None:
        wanted = [one for one in deeds if one.record]
        for _ in range(50):
            current = records.asked(self.desk.catalog, wanted)
            try:
                self.desk.catalog.put(records.after(current, wanted, self.items, self.proofs))
            except Stale:
                continue
            return
        raise Transient("the catalog record changes all the time; tried 50 times")

    # ------------------------------------------------------------------------------------------------------------ giving up

    def _undo_or_keep(self, error: Permanent) -> None:
        """Placing failed for good: whatever this run or an earlier one placed is taken back unless it is the only copy."""
        self.placed |= set(self.items)
        looks = {one.id: places.look(self.desk, one) for one in self.deeds if one.id in self.placed}
        ours = [id for id, one in looks.items() if one.target == "ours"]
        back = tuple(id for id in ours if looks[id].source == "there")
        self._end(back, tuple(id for id in ours if id not in back), error)

    def _give_up(self, decision: places.Decision, looks: Mapping[DeedId, places.Look]) -> None:
        def culprit(**what: str) -> Deed:
            return next(one for one in self.deeds if all(getattr(looks[one.id], at) == how for at, how in what.items()))

        error: Permanent
        if decision.why == "exists":
            error = Exists(f"{shown(culprit(target='foreign').target)} is taken by another file, which stays as it is")
        elif decision.why == "gone":
            gone = culprit(target="absent", source="gone")
            error = NotFound(f"{shown(gone.source)} is gone")
            if gone.verb == "derive":
                error = Changed(f"{shown(gone.target)} was not stored before its process ended; it is made again")
        else:
            error = Changed(f"{shown(culprit(target='absent', source='changed').source)} changed since it was planned")
        self._end(decision.back, decision.keep, error)

    def _end(self, back: Sequence[DeedId], keep: Sequence[DeedId], error: Permanent) -> None:
        """The catalog first: it never names a place that holds nothing."""
        desk = self.desk
        if isinstance(error, NotFound) and places.source(desk, self.deeds[0]) != "gone":
            error = Changed(str(error))  # a companion is gone, not the item: it is looked at anew without it
        kept = [one for one in self.deeds if one.id in keep and not self._renamed_back(one)]
        others = [one for one in self.deeds if one not in kept]
        self._uncatalogue(others)
        for deed in others:
            if deed.id in back and deed.id in self.placed:
                self._withdraw(deed)
        if kept:
            self._finish(kept)
        for deed in others:
            replacing.discard(desk, deed)
        state = DeedState.failed if isinstance(error, Rejected) else DeedState.dropped
        desk.ledger.settle([one.id for one in others], state, str(error))
        self.settled = True
        raise error

    def _renamed_back(self, deed: Deed) -> bool:
        """A move inside one store is taken back by its inverse, when the old name is free; a replacement by the same exchange."""
        if deed.verb == "replace":
            return replacing.taken_back(self.desk, deed)
        if not _within(self.desk, deed):
            return False
        store = self.desk.store(deed.source.store)
        assert isinstance(store, Moves)
        try:
            store.move(deed.target.path, deed.source.path)
        except Permanent:
            return False
        self.there.add(deed.id)
        return True

    def _withdraw(self, deed: Deed) -> None:
        """Take back what was placed, if it still is that; its source is there with the same content. A tag placed nothing."""
        if deed.verb == "tag":
            return
        store = self.desk.store(deed.target.store)
        if trash.remove_content(store, deed.target.path, deed.sha256):
            _sync(store, [deed.target.path])

    def _uncatalogue(self, deeds: Sequence[Deed]) -> None:
        """What an earlier run may have written of deeds that are given up. A record that came with them goes with them: left
        without any placement it would say that a person threw this content away."""
        for _ in range(50):
            changed = records.withdrawn(records.asked(self.desk.catalog, deeds), deeds, self.there)
            fresh = [one.id for one in changed if not one.placements and one.version == 1]
            try:
                self.desk.catalog.put([one for one in changed if one.id not in fresh])
            except Stale:
                continue
            self.desk.catalog.delete(fresh)
            return
        raise Transient("the catalog record changes all the time; tried 50 times")


def _within(desk: Desk, deed: Deed) -> bool:
    """A move that stays inside a store which can do it on its own side."""
    return deed.verb == "move" and deed.source.store == deed.target.store and isinstance(desk.store(deed.source.store), Moves)


def _opened(path: str) -> BinaryIO:
    return open(path, "rb")


def _tag(desk: Desk, deed: Deed) -> None:
    """The tags that the store itself has, where the file lies now; a file that is gone by now, or a tag that it never had, is well."""
    store = desk.store(deed.target.store)
    if not isinstance(store, Tags):
        return
    with suppress(NotFound):
        for one in deed.tags:
            (store.assign if one.startswith("+") else store.unassign)(deed.target.path, one[1:])


def _discard(store: Store, staged: Staged) -> None:
    if isinstance(store, Stages):
        store.discard(staged)


def _sync(store: Store, paths: Sequence[str]) -> None:
    if isinstance(store, Stages) and paths:
        store.sync(paths)


def _by_target(deeds: Iterable[Deed]) -> Mapping[str, list[Deed]]:
    found: dict[str, list[Deed]] = defaultdict(list)
    for deed in deeds:
        found[deed.target.store].append(deed)
    return found


def _by_store(refs: Iterable[Ref]) -> Mapping[str, list[Ref]]:
    found: dict[str, list[Ref]] = defaultdict(list)
    for ref in refs:
        found[ref.store].append(ref)
    return found


def _traced(desk: Desk, deeds: Sequence[Deed], step: str) -> None:
    for deed in deeds:
        desk.trace(deed.id, step)
