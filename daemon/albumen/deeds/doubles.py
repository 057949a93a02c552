"""What becomes of an exact duplicate: its file goes to the trash when its source shall be emptied, its sidecars are not lost."""

import dataclasses
from collections.abc import Set

from albumen.deeds import adopting, reading, standing, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.drafting import Draft, Part, draft
from albumen.deeds.listed import lying
from albumen.deeds.records import filled, is_placement
from albumen.deeds.reserve import kept_deeds, key_of, reservation
from albumen.errors import Changed, Taken, Transient
from albumen.media import naming
from albumen.media.digest import record_id
from albumen.media.stems import base
from albumen.model import BatchId, Companion, Deed, Item, Placement, Query, Record, Ref

_ROUNDS = 20


def double(desk: Desk, item: Item, batch: BatchId) -> Item:
    """See ``ports.Deeds.double``. Twice gives the same deeds."""
    before = kept_deeds(desk, batch, item)  # once they are catalogued, what they bring is known: planned anew they would vanish
    if before:
        return dataclasses.replace(item, deeds=tuple(one.id for one in before))
    for _ in range(_ROUNDS):
        record = desk.catalog.get([item.duplicate_of]).get(item.duplicate_of)
        if record is None or not standing.claimed(record, album=item.album):
            raise Transient("its first copy is not finished yet")
        if item.move and desk.store(item.main.store).stat(item.main.path).main.rev != item.main.rev:
            raise Changed(f"{shown(item.main)} changed since it was found to be a duplicate; it is looked at anew")
        deeds = plan(desk, item, batch, record)
        try:
            kept = desk.ledger.intend(deeds)
        except Taken as taken:
            if taken.sources:
                return item  # another batch is taking these very files away
            continue
        wanted = {one.source for one in kept}
        reading.forget(desk, [ref for ref in (item.main, *item.companions) if ref not in wanted])
        return dataclasses.replace(item, deeds=tuple(one.id for one in kept))
    raise Transient("no free name found for what a duplicate brings; other imports take every name")


def plan(desk: Desk, item: Item, batch: BatchId, record: Record, also: Set[str] = frozenset()) -> list[Deed]:
    """The deeds of a double: its file to the trash when it moves, what it brings that is not known yet beside the first copy.
    Keeps nothing. ``also`` are keys of paths that count as taken. What is thrown away is looked for once more when it is done
    (``rests``)."""
    drafted = draft(item, desk.filing, desk.clock())
    beside = _beside(desk, record, item.album) if drafted.parts else None
    why = _there_as(record, item.digests["sha256"], item.album)
    thrown = (
        [(item.main, item.digests["sha256"], record.id, why)]
        if item.move and not adopting.is_itself(desk, item.main, record)
        else []
    )
    kept: list[Deed] = []
    names = set(also)
    shas = set[str]()
    for part in drafted.parts:
        if item.move and _is_itself(desk, part, record):
            continue
        if part.sha256 in shas or standing.content(desk, part.sha256, besides=part.ref if item.move else None):
            if item.move:
                thrown.append((part.ref, part.sha256, record_id(part.sha256), "its content is there already"))
        elif beside is not None:
            target = _free(desk, beside, part, names)
            names.add(desk.library.key(target.path))
            kept.append(_kept(desk, drafted, part, target, batch, record, beside.album))
        shas.add(part.sha256)
    group = key_of(batch, item.main)
    return [
        dataclasses.replace(
            trash.thrown(desk, ref, batch, key=key_of(batch, ref), group=group, sha256=sha, record=id, why=why), album=item.album
        )
        for ref, sha, id, why in thrown
    ] + kept


def _is_itself(desk: Desk, part: Part, record: Record) -> bool:
    """Whether what it brings is the library's own file, seen by another path: moved, it would be gone from where the library has it."""
    own = desk.catalog.get([record_id(part.sha256)]).values()
    return any(adopting.is_itself(desk, part.ref, one) for one in (record, *own))


def rests(desk: Desk, deed: Deed) -> str:
    """Why a duplicate may be thrown away: where its content lies besides, looked at now. ``Changed`` when it does nowhere: it stays
    and is planned anew, as a file like any other. ``Unavailable``."""
    found = standing.content(desk, deed.sha256, album=deed.album, besides=deed.source)
    if found is None and deed.album:  # what comes with a picture need not lie in its album
        found = standing.content(desk, deed.sha256, besides=deed.source)
    if found is None:
        raise Changed(
            f"the first copy of {shown(deed.source)} does not lie where the catalog says; it is kept, and looked at anew"
        )
    return f"already there as {found.path}"


def is_thrown(deed: Deed) -> bool:
    """Whether the deed throws away a file because its content is there already; not when a person asks for it, by an undo."""
    return deed.role == "duplicate" and deed.verb == "move" and not deed.undoes


def reason(desk: Desk, deed: Deed) -> str:
    """Why a duplicate was thrown away, "" for any other deed: the ledger keeps reasons of what is settled only."""
    if deed.role != "duplicate" or deed.undoes:
        return ""
    found = desk.catalog.find(Query(digest=deed.sha256, companions=True)).rows
    return min((_there_as(one, deed.sha256, deed.album) for one in found), default="")


def _there_as(record: Record, sha: str, album: str = "") -> str:
    places = sorted((one for one in record.placements if is_placement(one.store, one.path)), key=lambda one: one.album != album)
    same = [one for one in places if (one.sha256 or record.sha256) == sha]
    return f"already there as {next((one.path for one in same or places), record.id)}"


def _beside(desk: Desk, record: Record, album: str) -> Placement | None:
    """Where in the library the record's own file lies, best in that album: of a half of a live photo that half."""
    own = ("", record.sha256)
    mains = [one for one in record.placements if one.store == desk.filing.store and one.sha256 in own]
    there = (one for one in sorted(mains, key=lambda one: one.album != album) if desk.dry or standing.holds(desk, record, one))
    return next(there, None)  # in a dry run it may be what will lie there only then; what is known now was looked at before


def _kept(desk: Desk, drafted: Draft, part: Part, target: Ref, batch: BatchId, record: Record, album: str) -> Deed:
    """A picture gets its own record, a sidecar is told in that of the first copy, whose entries it fills where they are missing."""
    item, ref, of = drafted.item, part.ref, part.of
    if of.id == record.id:
        told = Companion(part.role, part.sha256, ref.size or 0, ref.name)
        of = dataclasses.replace(filled(record, drafted.record), placements=(), companions=(*record.companions, told))
    return Deed(
        batch=batch,
        key=key_of(batch, ref),
        verb="move" if item.move else "copy",
        source=ref,
        target=target,
        target_key=desk.library.key(target.path),
        group=key_of(batch, item.main),
        role=part.role,
        sha256=part.sha256,
        content=reservation(desk, part.sha256, album),
        album=album,
        record=of.id,
        after=of,
    )


def _free(desk: Desk, beside: Placement, part: Part, also: Set[str]) -> Ref:
    """The next free name beside a placement: its stem, its own suffix, ``_1``, ``_2`` … between them. A number is free when nothing
    has that stem: ``x_1.xmp`` would be taken for the sidecar of another picture ``x_1.jpg``."""
    store = desk.library
    folder = beside.path.rpartition("/")[0]
    front = f"{folder}/" if folder else ""
    there = lying(store, folder)
    held = desk.ledger.held(store.name, front) | also
    stems = {naming.stem(one) for one in held}

    def taken(path: str) -> bool:
        return store.key(path) in held or there.has(store.key(path))

    stem = naming.stem(beside.path)
    suffix = ("_edited" if part.role == "edited" else "") + part.ref.name[len(base(part.ref.name)) :].lower()
    number, path = 0, stem + suffix
    while taken(path) or (number and (store.key(f"{stem}_{number}") in stems or there.has_stem(store.key(f"{stem}_{number}")))):
        number += 1
        path = f"{stem}_{number}{suffix}"
    return Ref(store.name, path, modified=part.ref.modified)
