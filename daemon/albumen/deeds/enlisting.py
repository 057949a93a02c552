"""Files that lie in a store of ours and stay there: their records, with a placement where each lies. Nothing of a person's is changed,
so it is no deed."""

import dataclasses
from collections.abc import Iterator, Mapping

from albumen.deeds import steps
from albumen.deeds.desk import Desk, shown
from albumen.deeds.drafting import Draft, draft
from albumen.deeds.records import joined
from albumen.deeds.successors import ENTRIES
from albumen.errors import Stale, Transient
from albumen.model import Item, Placement, Proof, Query, Record, Ref

_ROUNDS = 50


def enlist(desk: Desk, item: Item) -> Item:
    """See ``ports.Deeds.enlist``."""
    for ref in (item.main, *item.companions):
        settled(desk, ref)
    drafted = draft(item, desk.filing, desk.clock())
    for _ in range(_ROUNDS):
        try:
            desk.catalog.put(_changed(desk, drafted))
        except Stale:
            continue
        return dataclasses.replace(item, id=drafted.record.id)
    raise Transient(f"the catalog record of {shown(item.main)} changes all the time; tried {_ROUNDS} times")


def settled(desk: Desk, ref: Ref) -> None:
    """``Transient`` while a deed is about to move what lies there, or to put something there: that deed knows it."""
    for one in steps.history(desk, f"{ref.store}:{ref.path}"):
        moves = one.verb == "move" or (one.target.store, one.target.path) == (ref.store, ref.path)
        if moves and one.state in steps.OPEN:
            raise Transient(f"{shown(ref)} is being moved by batch {one.batch}")


def _changed(desk: Desk, drafted: Draft) -> list[Record]:
    """The records as they shall be, those alone that are not so yet."""
    files = list(_files(drafted))
    before = {ref: _at(desk, ref) for ref, *_ in files}
    new = {one.id: one for one in (drafted.record, *(part.record for part in drafted.parts if part.record))}
    kept = desk.catalog.get(sorted(new))
    after: dict[str, Record] = {}
    for id, one in new.items():
        base = kept.get(id)
        after[id] = joined(base, one) if base else _succeeding(one, drafted, before)
    for ref, role, sha256, owner in files:
        for other in before[ref].values():
            if other.id != owner:
                after[other.id] = _without(after.get(other.id, other), ref)
        after[owner] = _lying(after[owner], ref, role, sha256, desk.clock())
    old = after.get(after[drafted.record.id].replaces or "")
    if old is not None:
        after[old.id] = dataclasses.replace(old, replaced_by=drafted.record.id)
    known = {**kept, **{one.id: one for found in before.values() for one in found.values()}}
    return [one for id, one in after.items() if one != known.get(id)]


def _files(drafted: Draft) -> Iterator[tuple[Ref, str, str, str]]:
    """(file, role, sha256, the record that has it)."""
    yield drafted.item.main, "main", drafted.sha256, drafted.record.id
    for one in drafted.parts:
        yield one.ref, one.role, one.sha256, one.record.id if one.record else one.of.id


def _lying(record: Record, ref: Ref, role: str, sha256: str, now: int) -> Record:
    """With a placement there. What is known of this revision stays known; else its bytes were read just now."""
    known = next((one for one in record.placements if _is(one, ref)), None)
    if known is not None and (known.rev, known.size, known.role, known.sha256) == (ref.rev, ref.size, role, sha256):
        return record
    role = "main" if record.sha256 == sha256 and not record.companion_of else role
    here = Placement(
        ref.store, ref.path, ref.rev, ref.size, role=role, sha256=sha256, proof=Proof("read", f"sha256:{sha256}", now)
    )
    places = sorted((*_without(record, ref).placements, here), key=lambda one: (one.store, one.path))
    return dataclasses.replace(record, placements=tuple(places))


def _at(desk: Desk, ref: Ref) -> Mapping[str, Record]:
    """The records that have a placement there."""
    found = desk.catalog.find(Query(paths=((ref.store, ref.path),), companions=True)).rows
    return {one.id: one for one in found if any(_is(place, ref) for place in one.placements)}


def _is(one: Placement, ref: Ref) -> bool:
    return (one.store, one.path) == (ref.store, ref.path)


def _without(record: Record, ref: Ref) -> Record:
    return dataclasses.replace(record, placements=tuple(one for one in record.placements if not _is(one, ref)))


def _succeeding(new: Record, drafted: Draft, before: Mapping[Ref, Mapping[str, Record]]) -> Record:
    """A content that nobody knows, at a place whose content is gone with it: it replaces that one, and takes over what people
    entered."""
    ref = drafted.item.main
    if new.id != drafted.record.id:
        return new
    for old in before[ref].values():
        if all(_is(one, ref) for one in old.placements) and old.sha256 != new.sha256 and not old.companion_of:
            entered = {name: getattr(old, name) for name in ENTRIES if getattr(old, name)}
            return dataclasses.replace(new, **entered, replaces=old.id)
    return new
