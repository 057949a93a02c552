"""What the catalog shall say after a deed: pure functions from records and deeds to records."""

import dataclasses
from collections.abc import Container, Mapping, Sequence

from albumen.deeds import successors
from albumen.model import DISK, Companion, Deed, DeedId, Item, Placement, Proof, Record
from albumen.ports import Catalog

_NO_ENTRY = frozenset({"id", "sha256", "size", "placements", "companions", "renditions", "arrival", "version"})
_FILLED = ("title", "description", "rating", "tags", "people", "faces", "position", "place", "derived_from")
_OWN = ".albumen/"  # trash, incoming, manifests: never a placement


def is_placement(store: str, path: str) -> bool:
    """Whether a file there is a placement of a record: in a store of ours and not under ``.albumen/``."""
    return store != DISK and not path.startswith(_OWN)


def after(
    current: Mapping[str, Record], deeds: Sequence[Deed], items: Mapping[DeedId, Item], proofs: Mapping[DeedId, Proof]
) -> Sequence[Record]:
    """The records to write once these deeds are placed: each loses the source placements and gets the target placements.

    Applying it twice gives the same. A record nobody knows (neither kept nor carried by a deed) is left out.
    """
    changed: dict[str, Record] = {}
    for deed in deeds:
        if successors.rewrites(deed):
            known = _known(changed, current)
            changed |= {one.id: one for one in successors.applied(known, deed, items[deed.id], proofs[deed.id])}
            continue
        base = changed.get(deed.record) or current.get(deed.record)
        if base is None:
            base = deed.after
        elif deed.after is not None:
            base = joined(base, deed.after) if deed.before is None else revised(base, deed.before, deed.after)
        if base is None:
            continue
        changed[deed.record] = _roled(base, deed) if deed.verb == "tag" else _moved(base, deed, items[deed.id], proofs[deed.id])
        if deed.after is not None:
            _regrouped(changed, current, base, deed.before, deed.role)
    return [record for id, record in changed.items() if record != current.get(id)]


def _known(changed: Mapping[str, Record], current: Mapping[str, Record]) -> successors.Known:
    return lambda record: changed.get(record) or current.get(record)


def asked(catalog: Catalog, deeds: Sequence[Deed]) -> Mapping[str, Record]:
    """The records, as they are, that ``after`` and ``withdrawn`` ask for."""
    ids = {id for one in deeds if one.record for id in successors.asked(one)}
    found = catalog.get(sorted(ids | set(mains(deeds))))
    rewritten = [found[one.before.id] for one in deeds if one.verb == "replace" and one.before and one.before.id in found]
    relatives = {one.companion_of for one in rewritten} | {part.id for one in rewritten for part in one.companions}
    more = sorted(id for id in relatives if id and id not in found)
    return {**found, **catalog.get(more)} if more else found


def joined(kept: Record, new: Record) -> Record:
    """A record that came in again: what is kept stays, what it lacks is filled, each new way in and each new companion is added."""
    ways = {(one.source, one.ref) for one in kept.arrival}
    parts = {(one.role, one.sha256) for one in kept.companions}
    return dataclasses.replace(
        filled(kept, new),
        arrival=kept.arrival + tuple(one for one in new.arrival if (one.source, one.ref) not in ways),
        companions=kept.companions + tuple(one for one in new.companions if (one.role, one.sha256) not in parts),
    )


def filled(kept: Record, new: Record) -> Record:
    """What a content says of itself, or what is told of it, where nothing was known; what is known stays, and so do date and name."""
    missing = [name for name in _FILLED if getattr(kept, name) in (None, ())]
    return dataclasses.replace(kept, **{name: getattr(new, name) for name in missing})


def revised(kept: Record, before: Record, after: Record) -> Record:
    """A record with those entries changed in which ``after`` differs from ``before``; what else changed since stays."""
    names = changes(before, after)
    return dataclasses.replace(kept, **{name: getattr(after, name) for name in names})


def changes(before: Record, after: Record) -> Sequence[str]:
    """The fields that a person's correction changes; never those that follow from bytes and places."""
    names = (one.name for one in dataclasses.fields(Record) if one.name not in _NO_ENTRY)
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def mains(deeds: Sequence[Deed]) -> Sequence[str]:
    """Main records that these deeds give companions to, or take them from."""
    found = {one.companion_of for deed in deeds for one in (deed.before, deed.after) if one is not None and one.companion_of}
    return sorted(found)


def _regrouped(changed: dict[str, Record], current: Mapping[str, Record], part: Record, before: Record | None, role: str) -> None:
    """A main record names the pictures that travel with it, also one that came later; one that it loses it names no more."""
    left = before.companion_of if before is not None and before.companion_of != part.companion_of else None
    if left and (main := changed.get(left) or current.get(left)):
        changed[left] = dataclasses.replace(main, companions=tuple(one for one in main.companions if one.id != part.id))
    main = changed.get(part.companion_of or "") or current.get(part.companion_of or "")
    if main is not None and part.sha256 not in {one.sha256 for one in main.companions}:
        told = Companion(role, part.sha256, part.size, part.name, part.id)
        changed[main.id] = dataclasses.replace(main, companions=(*main.companions, told))


def _moved(record: Record, deed: Deed, item: Item, proof: Proof) -> Record:
    proof = _proof(record, deed, proof)
    gone = {(deed.target.store, deed.target.path)}  # written anew below, so that a repetition adds nothing
    if deed.verb == "move":
        gone.add((deed.source.store, deed.source.path))
    kept = tuple(one for one in record.placements if (one.store, one.path) not in gone)
    if is_placement(deed.target.store, deed.target.path):
        kept += (
            Placement(
                store=deed.target.store,
                path=deed.target.path,
                rev=item.main.rev,
                size=item.main.size,
                album=deed.album,
                role=_role(record, deed),
                sha256=deed.sha256,
                proof=proof,
            ),
        )
    return dataclasses.replace(record, placements=tuple(sorted(kept, key=lambda one: (one.store, one.path))))


def _proof(record: Record, deed: Deed, proof: Proof) -> Proof:
    """A rename reads nothing again, so what was proven of these bytes before says more than it does."""
    ends = {(one.store, one.path) for one in (deed.source, deed.target) if one.store == deed.target.store}
    known = [one.proof for one in record.placements if (one.store, one.path) in ends and one.proof is not None]
    better = [one for one in known if one.digest == proof.digest and one.method != "written"]
    return better[0] if better and proof.method == "written" else proof


def _role(record: Record, deed: Deed) -> str:
    """A record's own file is the main one, unless the record travels with another: a join changes that, its undo changes it back."""
    return "main" if record.sha256 == deed.sha256 and not record.companion_of else deed.role


def _roled(record: Record, deed: Deed) -> Record:
    """Joined where it lies, or parted: its place is that of a companion now, or of a main file."""
    if deed.before is None or deed.after is None or deed.before.companion_of == deed.after.companion_of:
        return record
    here = (deed.source.store, deed.source.path)
    places = (
        dataclasses.replace(one, role=_role(record, deed)) if (one.store, one.path) == here else one for one in record.placements
    )
    return dataclasses.replace(record, placements=tuple(places))


def withdrawn(current: Mapping[str, Record], deeds: Sequence[Deed], there: Container[DeedId]) -> Sequence[Record]:
    """The records to write once these deeds are given up: the inverse of ``after``, for those records that had been written.
    ``there`` are the deeds whose source holds its content. Applying it twice gives the same.
    """
    changed = dict(current)
    for deed in deeds:
        if successors.rewrites(deed):
            changed |= {one.id: one for one in successors.withdrawn(changed.get, deed)}
            continue
        record = changed.get(deed.record)
        if record is None:
            continue
        if deed.before is not None and deed.after is not None:
            record = changed[deed.record] = revised(record, deed.after, deed.before)
            _regrouped(changed, current, record, deed.after, deed.role)
        if deed.verb == "tag":
            changed[deed.record] = _roled(record, deed)
            continue
        source, target = (deed.source.store, deed.source.path), (deed.target.store, deed.target.path)
        kept = [one for one in record.placements if (one.store, one.path) != target]
        lost = deed.verb == "move" and is_placement(*source) and source not in {(one.store, one.path) for one in kept}
        if lost and deed.id in there:
            kept.append(Placement(*source, deed.source.rev, deed.source.size, deed.album, _role(record, deed), deed.sha256))
        changed[deed.record] = dataclasses.replace(record, placements=tuple(sorted(kept, key=lambda one: (one.store, one.path))))
    return [record for id, record in changed.items() if record != current.get(id)]
