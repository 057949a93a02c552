"""What a step makes of a file: put where it shall lie, proven, catalogued, and only then the file it was made of leaves.

Two groups of deeds, planned one after the other: the second, which takes the file away, does not exist before the first is done, so
that no crash, retry or recovery can ever do it without the result. Nor before the result was looked at just then: a job may have waited for
days since it was made, and a person have taken it away. The bytes of a result are of this process only: where they are lost
before they got their place, the deed is dropped and the step makes them again, under the name that the ledger has.
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress

from albumen.deeds import expire, free, records, standing, steps, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.drafting import WITHOUT_PIXELS, draft, role_of
from albumen.errors import Changed, Exists, NotFound, Rejected, Taken, Transient
from albumen.media import signature
from albumen.model import Arrival, Deed, DeedState, Facts, Item, Made, Placement, Record, Ref, Wish

_ROUNDS = 20
_CHUNK = 1 << 20
# What a person, or the file it was made of, says of the moment also holds for the result, whose own name tells when it was made.
_DATED = ("taken", "precision", "offset", "instant", "date_source", "date_confidence", "date_candidates", "modified")
_TOLD = ("camera", "position", "place", "title", "description", "rating", "tags", "people", "faces", "exposure")


def derive(desk: Desk, item: Item, wish: Wish, make: Callable[[], Made], do: steps.Do) -> Item:
    """See ``ports.Deeds.derive``."""
    if wish.after != "keep" and (others := _pictures(item)):
        raise Rejected(
            f"{shown(item.main)}: {', '.join(others)} would leave with it, though nothing is made of that: "
            f'take it out of this folder, or say after = "keep" in [step.{wish.step}]'
        )
    made: Made | None = None
    for _ in range(_ROUNDS):
        before, name = _before(desk, item, wish)
        if before is not None and before.state is DeedState.done:
            record = _record(desk, before)
            if before.undone_by:
                steps.heed(desk, item, _mark(wish), before)
            elif record is not None and record.placements and standing.find(desk, record, besides=item.main):
                _consume(desk, item, wish, before, do)
                return _result(item, before, record)
        elif before is not None:
            with suppress(Changed, NotFound, Exists):  # it is dropped, its name is read back
                do([before.id])
            continue
        if made is None:
            made = make()
        deed = _plan(desk, item, wish, made, name, before)
        if deed is None:
            continue
        desk.made[deed.id] = made.path
        try:
            with suppress(Exists):  # a person took the name meanwhile: dropped, planned anew
                do([deed.id])
        finally:
            desk.made.pop(deed.id, None)
    raise Transient(f"{shown(item.main)}: no free name found for what is made of it; others take every one")


def _pictures(item: Item) -> list[str]:
    """The names of its companions that have pixels of their own."""
    read = len(item.facts) - 1  # what nobody has read may be anything
    return [one.name for at, one in enumerate(item.companions) if at >= read or role_of(item, at) not in WITHOUT_PIXELS]


def _mark(wish: Wish) -> str:
    return f"derive {wish.step}"


def _before(desk: Desk, item: Item, wish: Wish) -> tuple[Deed | None, str]:
    """The newest deed that made, or is to make, this of this very content, and the name that was fixed for this revision of it."""
    found, name = None, ""
    for one in steps.earlier(desk, item.main, _mark(wish)):
        if one.source.rev != item.main.rev and not _of(desk, one, item):
            continue
        if one.state in (DeedState.dropped, DeedState.failed):
            name = one.target.name if one.batch == item.batch else name
        else:
            found, name = one, one.target.name
    return found, name


def _of(desk: Desk, deed: Deed, item: Item) -> bool:
    record = _record(desk, deed)
    return record is not None and record.derived_from == item.id


def _record(desk: Desk, deed: Deed) -> Record | None:
    return desk.catalog.get([deed.record]).get(deed.record)


def _plan(desk: Desk, item: Item, wish: Wish, made: Made, name: str, before: Deed | None) -> Deed | None:
    """The deed, kept as planned; None when its name was taken at this moment. ``Changed`` when the file is another one by now.
    ``before`` is the one whose result is not there any more."""
    if desk.store(item.main.store).stat(item.main.path).main.rev != item.main.rev:
        raise Changed(f"{shown(item.main)} changed while something was made of it; it is looked at anew")
    place = free.name(desk, wish.store, wish.folder, name or wish.name)
    size, digest = _measured(made.path)
    record = _drafted(desk, item, made, place, digest, size)
    key = steps.key(item.batch, _mark(wish), item.main) + (f" again {before.id}" if before else "")
    key += steps.anew(steps.earlier(desk, item.main, _mark(wish)))
    deed = Deed(
        batch=item.batch,
        key=key,
        verb="derive",
        source=item.main,
        target=dataclasses.replace(place, size=size, modified=record.modified),
        target_key=desk.store(place.store).key(place.path),
        group=key,
        role=steps.DERIVED,
        sha256=digest,
        record=record.id,
        after=record,
    )
    try:
        (kept,) = desk.ledger.intend([deed])
    except Taken:
        return None
    return kept if kept.sha256 == digest else None


def _measured(path: str) -> tuple[int, str]:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        return os.fstat(file.fileno()).st_size, digest.hexdigest()


def _drafted(desk: Desk, item: Item, made: Made, place: Ref, digest: str, size: int) -> Record:
    """The record of a result: what it says itself, and what is known of the file it was made of. It keeps that one's name, so that
    the original name finds both."""
    main = dataclasses.replace(place, size=size, modified=item.main.modified)
    bare = Item(main, source=item.source, digests={"sha256": digest}, facts=(made.facts,))
    own = draft(bare, desk.filing, desk.clock()).record
    known = desk.catalog.get([item.id]).get(item.id) or draft(item, desk.filing, desk.clock()).record  # none: it lies in no store
    told = {name: getattr(known, name) for name in _TOLD if getattr(known, name)} | {
        name: getattr(known, name) for name in _DATED
    }
    base = os.path.splitext(known.name)[0]
    ending = signature.extension(place.name, made.facts.type)
    return dataclasses.replace(
        own,
        **told,
        name=f"{base}.{ending}" if ending else base,
        derived_from=item.id or None,
        arrival=(Arrival(item.source, shown(item.main), desk.clock()),),
    )


def _consume(desk: Desk, item: Item, wish: Wish, made: Deed, do: steps.Do) -> None:
    """The file that it was made of leaves, with its sidecars; twice is harmless. One that a person took away meanwhile is gone. What a
    sidecar says that is not carried on stays in the trash for its time, also where the file itself is deleted."""
    if wish.after == "keep":
        return
    kept = _taken(desk, item, made)
    try:
        done = [one for one in do([one.id for one in kept]) if one.state is DeedState.done]
    except NotFound:
        return
    if wish.after == "delete":
        expire.plan(desk, item.batch, [(one.target, one) for one in done if one.source.path == item.main.path])


def _taken(desk: Desk, item: Item, made: Deed) -> list[Deed]:
    """The deeds that take it away, kept; those of an earlier try as they are, also when the result was made anew since."""
    group = steps.consuming(item.batch, made.id)
    files = [(item.main, item.digests.get("sha256") or _sha256(desk, item)), *zip(item.companions, item.parts, strict=False)]
    earlier = _consuming(desk, item)
    if kept := [one for one in earlier if one.state in steps.OPEN or (one.group == group and one.state is DeedState.done)]:
        return kept
    again = steps.anew(earlier)
    deeds = [
        dataclasses.replace(
            trash.thrown(
                desk,
                ref,
                item.batch,
                key=f"{group}:{ref.store}:{ref.path}@{ref.rev}{again}",
                group=group,
                sha256=sha,
                record=item.id,
                why="",
            ),
            role=steps.CONSUMED,
        )
        for ref, sha in files
    ]
    return list(desk.ledger.intend([_beside(desk, one) for one in deeds] if again else deeds))


def _beside(desk: Desk, deed: Deed) -> Deed:
    """Under another name in the trash: one that failed keeps its own until its batch ends."""
    place = free.name(desk, deed.target.store, deed.target.folder, deed.target.name)
    key = desk.store(place.store).key(place.path)
    return dataclasses.replace(deed, target=dataclasses.replace(deed.target, path=place.path), target_key=key)


def _consuming(desk: Desk, item: Item) -> list[Deed]:
    """The deeds of its batch that take it away, or tried to."""
    found: dict[str, Deed] = {}
    for ref in (item.main, *item.companions):
        rows = desk.ledger.history(batch=item.batch, item=f"{ref.store}:{ref.path}").rows
        found |= {one.id: one for one in rows if one.role == steps.CONSUMED and one.state is not DeedState.dropped}
    return list(found.values())


def _sha256(desk: Desk, item: Item) -> str:
    known = desk.catalog.get([item.id]).get(item.id)
    if known is None:
        raise Transient(f"{shown(item.main)}: the catalog does not know it yet; its route needs the step catalog before this one")
    return known.sha256


def reason(desk: Desk, deed: Deed) -> str:
    """Why a file was thrown away: what was made of it; "" for any other deed."""
    if deed.role != steps.CONSUMED or deed.undoes:
        return ""
    made = desk.ledger.history(ids=[deed.group.rpartition(":")[2]]).rows
    return f"{shown(made[0].target)} was made of it" if made else ""


def _result(item: Item, made: Deed, record: Record) -> Item:
    """The result, at its own place or where it was moved to since."""
    places = [one for one in record.placements if records.is_placement(one.store, one.path)] or list(record.placements)
    here = next((one for one in places if (one.store, one.path) == (made.target.store, made.target.path)), places[0])
    main = Ref(here.store, here.path, here.rev, here.size, record.modified)
    facts = _facts(record, here)
    return Item(main, source=item.source, batch=item.batch, id=record.id, digests={"sha256": record.sha256}, facts=(facts,))


def _facts(record: Record, here: Placement) -> Facts:
    """What was known of the result when it was catalogued."""
    return Facts(
        kind=record.kind,
        type=record.type,
        size=here.size or record.size,
        width=record.width,
        height=record.height,
        orientation=record.orientation,
        camera=record.camera,
        position=record.position,
        title=record.title,
        description=record.description,
        rating=record.rating,
        tags=record.tags,
        exposure=record.exposure,
        colour=record.colour,
    )
