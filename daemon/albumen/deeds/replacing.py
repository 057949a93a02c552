"""``replace``: other bytes get the name of a file, in one step, and the bytes before get their place in the trash.

The new bytes are put into the trash of the batch first, durable, under the name of the file they are to replace; then both files
exchange their names. So at every moment all bytes lie somewhere, the name never misses a file, and the way back is the very same
exchange. ``deed.source`` is the place in the trash, ``deed.target`` the file with the revision that was looked at, ``deed.before`` the
content that lies there until then.
"""

import dataclasses
from collections.abc import Collection, Sequence

from albumen.deeds import successors, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.reading import sha256
from albumen.errors import Changed, NotFound, Permanent, Rejected
from albumen.media.digest import record_id
from albumen.model import BatchId, Content, Deed, Item, Record, Ref, Staged
from albumen.ports import Exchanges, Stages, Store


@dataclasses.dataclass(slots=True)
class Waiting:
    """New bytes, staged, and the place in the trash that they get once their deed is kept."""

    place: Ref
    digest: str
    staged: Staged | None = None  # None: the store cannot stage, they lie at their place


def stage(desk: Desk, batch: BatchId, target: Ref, data: Content, digest: str) -> Waiting:
    """New bytes into the incoming area: until a deed names them they go with this process. ``Changed`` when they are not these."""
    store = desk.store(target.store)
    place = dataclasses.replace(trash.place(desk, target, batch), size=data.size)
    if not isinstance(store, Stages):
        store.put(place.path, data, expect={"sha256": digest})
        return Waiting(place, digest)
    staged = store.stage(data, near=place.path)
    if staged.digests["sha256"] != digest:
        store.discard(staged)
        raise Changed(f"{shown(target)}: its new bytes are not those that were made; the disk may be failing")
    return Waiting(place, digest, staged)


def commit(desk: Desk, some: Sequence[Waiting]) -> None:
    """Their deeds are kept: they get their places, durable."""
    for name in {one.place.store for one in some}:
        store = desk.store(name)
        mine = [(one.staged, one.place.path) for one in some if one.place.store == name and one.staged is not None]
        if mine and isinstance(store, Stages):
            store.commit(mine)
            store.sync([path for _, path in mine])


def forget(desk: Desk, some: Sequence[Waiting]) -> None:
    """No deed was kept: they go, also from a place that they got although nobody heard of it."""
    for one in some:
        store = desk.store(one.place.store)
        if one.staged is not None and isinstance(store, Stages):
            store.discard(one.staged)
        trash.remove_content(store, one.place.path, one.digest)


def discard(desk: Desk, deed: Deed) -> None:
    """A deed that is given up: the new bytes, which nobody but it had, go. Those that an undo brings back stay in the trash."""
    if successors.rewrites(deed) and not deed.undoes and deed.source.path.startswith(f"{trash.TRASH}/"):
        trash.remove_content(desk.store(deed.source.store), deed.source.path, deed.sha256)


def check(store: Store) -> None:
    """``Rejected`` when no file of this store can be rewritten."""
    if not isinstance(store, Exchanges):
        raise Rejected(f"{store.name}: files of this store cannot be replaced with a way back")


def exchanged(desk: Desk, deed: Deed) -> Item:
    """Do it: what lies under the name now. ``Changed`` when either file is another one by now."""
    store = desk.store(deed.target.store)
    check(store)
    assert isinstance(store, Exchanges)
    assert deed.before is not None
    new = _same(store, deed.source, deed.sha256)
    old = _same(store, deed.target, deed.before.sha256)
    return store.exchange(deed.source.path, deed.target.path, rev=new.rev, other_rev=old.rev)[1]


def _same(store: Store, ref: Ref, digest: str) -> Ref:
    """The file as it is now, still that content."""
    now = store.stat(ref.path).main
    if now.rev != ref.rev and sha256(store, ref.path) != digest:
        raise Changed(f"{shown(ref)} changed since it was planned")
    return now


def taken_back(desk: Desk, deed: Deed) -> bool:
    """Exchange both again, for a deed that is given up; False when that cannot be done any more."""
    store = desk.store(deed.target.store)
    if not isinstance(store, Exchanges) or deed.before is None:
        return False
    try:
        if sha256(store, deed.source.path) != deed.before.sha256:
            return False
        store.exchange(deed.source.path, deed.target.path)
    except Permanent:
        return False
    return True


def turned(desk: Desk, deed: Deed, base: Deed, now: Ref) -> Deed | str:
    """The inverse of a deed that is done: the bytes before get their name again. Else why there is none. ``now`` is the file."""
    assert deed.before is not None
    store = desk.store(deed.source.store)
    try:
        kept = store.stat(deed.source.path).main
        if sha256(store, kept.path) != deed.before.sha256:
            return f"{shown(deed.source)} has other bytes than were put there"
    except NotFound:
        return f"the bytes before do not lie in the trash any more ({shown(deed.source)})"
    whole = successors.is_whole(deed)
    here = desk.catalog.get([deed.record]).get(deed.record) if whole else None
    entered = _entered(deed)
    others = [name for name in entered if here and deed.after and getattr(here, name) != getattr(deed.after, name)]
    if others:
        return f"{shown(deed.target)} was corrected again since ({', '.join(others)}): undo that first"
    before = here or Record(record_id(deed.sha256), deed.sha256, now.size or 0, "other", deed.role, now.name)
    return dataclasses.replace(
        base,
        verb="replace",
        source=kept,
        target=now,
        target_key=store.key(now.path),
        sha256=deed.before.sha256,
        record=deed.before.id if whole else deed.record,
        before=dataclasses.replace(before, placements=(), companions=()),
        after=_restored(deed.before, before, entered) if whole else None,
    )


def _entered(deed: Deed) -> list[str]:
    """The entries that this deed changed."""
    if deed.before is None or deed.after is None:
        return []
    return [name for name in successors.ENTRIES if getattr(deed.before, name) != getattr(deed.after, name)]


def _restored(old: Record, now: Record, entered: Collection[str]) -> Record:
    """The record of the bytes before: what the deed entered is taken back, what people entered since stays."""
    kept = {name: getattr(now, name) for name in successors.ENTRIES if name not in entered}
    return dataclasses.replace(old, **kept)
