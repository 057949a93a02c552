"""``replace``: other bytes get the name of a file, in one step, and the bytes before get their place in the trash.

The new bytes are put into the trash of the batch first, durable and proven, under the name of the file they are to replace; then both
files exchange their names. So at every moment all bytes lie somewhere, the name never misses a file, and the way back is the very same
exchange. ``deed.source`` is the place in the trash, ``deed.target`` the file with the revision that was looked at, ``deed.before`` the
content that lies there until then.
"""

import dataclasses
from collections.abc import Collection

from albumen.deeds import successors, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.reading import sha256
from albumen.errors import Changed, Exists, NotFound, Permanent, Rejected
from albumen.media.digest import record_id
from albumen.model import BatchId, Content, Deed, Item, Record, Ref
from albumen.ports import Exchanges, Store


def put(desk: Desk, batch: BatchId, target: Ref, data: Content, digest: str) -> Ref:
    """New bytes into the trash of the batch, where they wait for their deed: durable, proven, under the name of ``target``. What an
    earlier run of the batch put there is taken as it is."""
    store = desk.store(target.store)
    place = Ref(store.name, f"{trash.TRASH}/{batch}/{target.path}")
    for _ in range(2):
        try:
            found = store.stat(place.path).main
            if sha256(store, place.path) == digest:
                return found
            place = trash.place(desk, target, batch)
        except NotFound:
            pass
        try:
            return store.put(place.path, data, expect={"sha256": digest}).main
        except Exists:
            continue
    raise Changed(f"{shown(place)} is being written by somebody else")


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
