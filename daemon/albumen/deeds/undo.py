"""The inverse of a batch: every done deed turned round, group by group, newest first; what cannot be turned is refused by name."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from albumen.deeds import records, replacing, steps, successors, trash
from albumen.deeds.desk import Desk, shown
from albumen.deeds.drafting import WITHOUT_PIXELS
from albumen.deeds.folders import pages
from albumen.deeds.reading import sha256
from albumen.errors import Changed, NotFound, Taken
from albumen.model import UNDONE_BEFORE, BatchId, Deed, DeedId, DeedState, Ref


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that stays as it is, and why."""

    deed: Deed
    why: str


@dataclass(frozen=True, slots=True)
class Inverse:
    """What undoing a batch means now: deeds to do (not kept yet) and rows refused."""

    deeds: Sequence[Deed]
    refused: Sequence[Refused]


def plan(desk: Desk, batch: BatchId, into: BatchId) -> Inverse:
    """Turn round what of ``batch`` still has effect. It only looks: what changed since is refused here, so that a dry run says so.

    Groups are all or none: one refused row refuses its group. ``into`` is the batch the inverse deeds will belong to; those it has
    already (an undo that goes on after a kill) are left out: their places are half changed.
    """
    begun = {one.undoes for one in pages(desk, into) if one.state in (DeedState.planned, DeedState.intended)}
    done = [one for one in pages(desk, batch, DeedState.done) if not one.undone_by and one.id not in begun]
    groups: dict[str, list[Deed]] = defaultdict(list)
    for deed in done:
        groups[deed.group or deed.id].append(deed)
    turned: list[Deed] = []
    refused: list[Refused] = []
    for group in reversed(list(groups.values())):
        rewritten = any(successors.rewrites(deed) for deed in group)  # a sidecar belongs to what its picture became
        answers = [_turn(desk, deed, into) for deed in (reversed(group) if rewritten else group)]
        against = [one for one in answers if isinstance(one, Refused)] or _all_that_is_left(
            desk, group, begun | {one.undoes for one in turned}
        )
        if against:
            refused += against
            refused += [Refused(deed, "its group stays together") for deed in group if deed not in [one.deed for one in against]]
        else:
            turned += [one for one in answers if isinstance(one, Deed)]
    return Inverse(tuple(turned), tuple(refused))


def _all_that_is_left(desk: Desk, group: Iterable[Deed], turned: Set[DeedId]) -> list[Refused]:
    """What was made of a file that does not come back stays: it is all that there is of it. What took that file away was looked at before,
    as it was done later; ``turned`` are the deeds that will be taken back."""
    refused = []
    for deed in group:
        taken = _all(desk, f"{deed.source.store}:{deed.source.path}") if deed.role == steps.DERIVED else ()
        if any(steps.consumes(one, deed.id) and not one.undoes and not one.undone_by and one.id not in turned for one in taken):
            why = f"it stays: {shown(deed.source)}, of which it was made, does not come back"
            refused.append(Refused(deed, why))
    return refused


def keep(desk: Desk, inverse: Inverse) -> Inverse:
    """Keep the deeds as planned in the ledger; groups whose names or sources another batch holds are refused instead."""
    deeds, refused = list(inverse.deeds), list(inverse.refused)
    while deeds:
        try:
            return Inverse(tuple(desk.ledger.intend(deeds)), tuple(refused))
        except Taken as taken:
            bad = {one.group for one in deeds if _hit(one, taken)}
            if not bad:
                raise
            raws = [one for one in deeds if one.group in bad]
            bad |= {
                made.group
                for made in deeds
                if made.role == steps.DERIVED and any(steps.consumes(one, made.undoes) for one in raws)
            }
            refused += [Refused(one, "another batch that is not finished holds its name") for one in deeds if one.group in bad]
            deeds = [one for one in deeds if one.group not in bad]
    return Inverse((), tuple(refused))


def drop_planned(desk: Desk, batch: BatchId) -> int:
    """What was planned and not begun will not be done: the first thing undo does. How many."""
    planned = [one.id for one in pages(desk, batch, DeedState.planned)]
    claimed = [one.deed for one in desk.ledger.claim(planned, desk.owner) if one.was is DeedState.planned]
    for deed in claimed:
        replacing.discard(desk, deed)
    desk.ledger.settle([one.id for one in claimed], DeedState.dropped, UNDONE_BEFORE)
    return len(claimed)


def _hit(deed: Deed, taken: Taken) -> bool:
    return (
        (deed.target.store, deed.target_key) in taken.names
        or (deed.source.store, deed.source.path) in taken.sources
        or deed.content in taken.contents
    )


def _turn(desk: Desk, deed: Deed, into: BatchId) -> Deed | Refused:
    base = dataclasses.replace(
        deed,
        id="",
        batch=into,
        key=f"{into}/undo:{deed.id}",
        group=f"{into}/{deed.group}",
        undoes=deed.id,
        undone_by="",
        owner="",
        state=DeedState.planned,
        why="",
        content="",
        before=None,
        after=None,
        tags=tuple(("+" if one.startswith("-") else "-") + one[1:] for one in reversed(deed.tags)),
    )
    if {deed.source.store, deed.target.store} - desk.stores.keys():
        return Refused(deed, f"no store called {deed.target.store} is configured any more")
    if deed.verb == "expire":
        return Refused(
            deed, f"{shown(deed.source)} was deleted for good when its time in the trash was over: there is no way back"
        )
    if deed.verb == "rmdir":
        key = desk.store(deed.source.store).key(deed.source.path)
        return dataclasses.replace(base, verb="mkdir", source=Ref(deed.source.store, ""), target=deed.source, target_key=key)
    if deed.verb == "mkdir":
        return dataclasses.replace(base, verb="rmdir", source=deed.target, target=Ref(deed.target.store, ""), target_key="")
    return _turn_file(desk, deed, base)


def _turn_file(desk: Desk, deed: Deed, base: Deed) -> Deed | Refused:
    later = _taken_by(desk, deed)
    if later is not None and later.verb == "expire":
        return Refused(deed, f"{shown(deed.target)} expired: batch {later.batch} deleted it for good ({later.why})")
    if later is not None:
        did = "rewritten" if later.verb == "replace" else "moved on"
        return Refused(deed, f"{shown(deed.target)} was {did} by batch {later.batch}: undo that first")
    try:
        now = desk.store(deed.target.store).stat(deed.target.path).main
        if not _is_unchanged(desk, deed, now):
            return Refused(deed, f"{shown(deed.target)} has other bytes since")
    except NotFound:
        return Refused(deed, f"{shown(deed.target)} is gone")
    except Changed as error:
        return Refused(deed, str(error))
    if deed.verb == "replace":
        turned = replacing.turned(desk, deed, base, now)
        return Refused(deed, turned) if isinstance(turned, str) else turned
    base = dataclasses.replace(base, before=deed.after, after=deed.before) if deed.before is not None else base
    if deed.before is not None and (other := _corrected_since(desk, deed)):
        return Refused(deed, other)
    if deed.verb == "tag":
        key = desk.store(now.store).key(now.path)
        return dataclasses.replace(base, source=now, target=Ref(now.store, now.path), target_key=key)
    back = dataclasses.replace(deed.source, rev="", size=None)
    target = trash.place(desk, now, base.batch) if deed.verb in ("copy", "derive") else back
    store = desk.store(target.store)
    if trash.exists(desk, target):
        return Refused(deed, f"{shown(target)} is taken by another file now")
    content = ""
    if deed.role not in (*WITHOUT_PIXELS, "duplicate") and records.is_placement(target.store, target.path):
        content = f"{target.store}\0{deed.album}\0{deed.sha256}"
    return dataclasses.replace(base, verb="move", source=now, target=target, target_key=store.key(target.path), content=content)


def _is_unchanged(desk: Desk, deed: Deed, now: Ref) -> bool:
    """The revision the catalog knows of this place will do, else the bytes are asked: a rename would carry anything along."""
    record = desk.catalog.get([deed.record]).get(deed.record) if deed.record else None
    known = {(one.store, one.path): one.rev for one in record.placements} if record else {}
    if now.rev and known.get((now.store, now.path)) == now.rev:
        return True
    return sha256(desk.store(now.store), now.path) == deed.sha256


def _corrected_since(desk: Desk, deed: Deed) -> str:
    """Why what a person entered cannot be taken back: somebody entered something else since. "" when it can."""
    record = desk.catalog.get([deed.record]).get(deed.record)
    if record is None or deed.before is None or deed.after is None:
        return f"the catalog does not know record {deed.record} any more"
    others = [name for name in records.changes(deed.before, deed.after) if getattr(record, name) != getattr(deed.after, name)]
    return f"{shown(deed.target)} was corrected again since ({', '.join(others)}): undo that first" if others else ""


def _taken_by(desk: Desk, deed: Deed) -> Deed | None:
    """The newest effective deed that took this target away; None when none did."""
    where = f"{deed.target.store}:{deed.target.path}"
    for one in reversed(_all(desk, where)):
        ref = one.target if one.verb == "replace" else one.source
        moved = one.verb in ("move", "expire", "replace") and (ref.store, ref.path) == (deed.target.store, deed.target.path)
        if (
            moved and one.id > deed.id and not one.undone_by and not one.undoes > deed.id
        ):  # what was done since and undone is gone
            return one
    return None


def _all(desk: Desk, item: str) -> Sequence[Deed]:
    found: list[Deed] = []
    after = ""
    while True:
        page = desk.ledger.history(item=item, state=DeedState.done, after=after)
        found += page.rows
        after = page.after
        if not after:
            return found


def groups(deeds: Iterable[Deed]) -> Sequence[Sequence[Deed]]:
    """Deeds that are done together, in their order."""
    found: dict[str, list[Deed]] = defaultdict(list)
    for deed in deeds:
        if deed.verb not in ("mkdir", "rmdir"):
            found[deed.group or deed.id].append(deed)
    return tuple(tuple(one) for one in found.values())
