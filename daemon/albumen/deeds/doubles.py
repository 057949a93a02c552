"""What becomes of an exact duplicate: its file goes to the trash when its source shall be emptied, its sidecars are not lost."""

import dataclasses

from albumen.deeds import trash
from albumen.deeds.desk import Desk
from albumen.deeds.drafting import WITHOUT_PIXELS
from albumen.deeds.records import is_placement
from albumen.deeds.reserve import key_of, known_part, names_in, placed, reservation
from albumen.errors import Taken, Transient
from albumen.media import naming
from albumen.media.digest import record_id
from albumen.model import BatchId, Companion, Deed, Item, Placement, Query, Record, Ref

_ROUNDS = 20


def double(desk: Desk, item: Item, batch: BatchId) -> Item:
    """See ``ports.Deeds.double``. ``Transient`` while the first copy is not finished; twice gives the same deeds."""
    for _ in range(_ROUNDS):
        record = desk.catalog.get([item.duplicate_of]).get(item.duplicate_of)
        if record is None or not placed(record):
            raise Transient("its first copy is not finished yet")
        deeds = plan(desk, item, batch, record)
        try:
            kept = desk.ledger.intend(deeds)
        except Taken as taken:
            if taken.sources:
                return item  # another batch is taking these very files away
            continue
        return dataclasses.replace(item, deeds=tuple(one.id for one in kept))
    raise Transient("no free name found for the sidecars of a duplicate; other imports take every name")


def plan(desk: Desk, item: Item, batch: BatchId, record: Record) -> list[Deed]:
    """The deeds of a double: its file to the trash when it moves, sidecars not known yet beside the first copy. Keeps nothing."""
    group = key_of(batch, item.main)
    deeds = [_thrown(desk, item.main, item.digests["sha256"], batch, record, group)] if item.move else []
    beside = next((one for one in record.placements if one.store == desk.filing.store and one.role == "main"), None)
    names = set[str]()
    for number, ref in enumerate(item.companions):
        sha, facts = item.parts[number], item.facts[number + 1]
        if facts.type in WITHOUT_PIXELS and beside is not None and not known_part(desk, sha):
            target = _free(desk, beside, ref, names)
            names.add(desk.library.key(target.path))
            deeds.append(_kept(item, ref, target, sha, facts.type, batch, record, group, desk))
        elif item.move and (facts.type in WITHOUT_PIXELS or _known(desk, sha)):
            deeds.append(_thrown(desk, ref, sha, batch, record, group))
    return deeds


def reason(desk: Desk, deed: Deed) -> str:
    """Why a duplicate was thrown away, "" for any other deed: the ledger keeps reasons of what is settled only."""
    if deed.role != "duplicate" or deed.undoes:
        return ""
    found = desk.catalog.find(Query(digest=deed.sha256, companions=True)).rows
    return min((_there_as(one, deed.sha256) for one in found), default="")


def _there_as(record: Record, sha: str) -> str:
    places = [one for one in record.placements if is_placement(one.store, one.path)]
    same = [one for one in places if (one.sha256 or record.sha256) == sha]
    return f"already there as {next((one.path for one in same or places), record.id)}"


def _known(desk: Desk, sha: str) -> bool:
    found = desk.catalog.get([record_id(sha)])
    return any(placed(one) for one in found.values())


def _thrown(desk: Desk, ref: Ref, sha: str, batch: BatchId, record: Record, group: str) -> Deed:
    target = trash.place(desk, ref, batch)
    return Deed(
        batch=batch,
        key=key_of(batch, ref),
        verb="move",
        source=ref,
        target=target,
        target_key=desk.store(target.store).key(target.path),
        group=group,
        role="duplicate",
        sha256=sha,
        record=record.id if is_placement(ref.store, ref.path) else "",
        why=_there_as(record, sha),
    )


def _kept(item: Item, ref: Ref, target: Ref, sha: str, role: str, batch: BatchId, record: Record, group: str, desk: Desk) -> Deed:
    told = Companion(role, sha, ref.size or 0, ref.name)
    return Deed(
        batch=batch,
        key=key_of(batch, ref),
        verb="move" if item.move else "copy",
        source=ref,
        target=target,
        target_key=desk.library.key(target.path),
        group=group,
        role=role,
        sha256=sha,
        content=reservation(desk, sha),
        record=record.id,
        after=dataclasses.replace(record, placements=(), companions=(*record.companions, told)),
    )


def _free(desk: Desk, beside: Placement, ref: Ref, also: set[str]) -> Ref:
    """The next free name of a sidecar beside a placement: its stem, its own suffix, ``_1``, ``_2`` … between them."""
    store = desk.library
    folder = beside.path.rpartition("/")[0]
    front = f"{folder}/" if folder else ""
    there = {store.key(front + name) for name in names_in(store, folder)} | desk.ledger.held(store.name, front) | also
    stem = naming.stem(beside.path)
    suffix = ref.name[len(naming.stem(ref.name)) :].lower()
    number, path = 0, stem + suffix
    while store.key(path) in there:
        number += 1
        path = f"{stem}_{number}{suffix}"
    return Ref(store.name, path, modified=ref.modified)
