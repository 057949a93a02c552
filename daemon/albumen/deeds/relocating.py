"""A file moves to another folder of its own store, on the store's side, and loses the tags that said so: one deed, one inverse."""

import dataclasses
from collections.abc import Sequence

from albumen.deeds import free, steps
from albumen.deeds.desk import Desk, shown
from albumen.errors import Exists, Rejected, SetAside, Taken, Transient
from albumen.model import Deed, DeedState, Item, Ref
from albumen.ports import Moves, Tags

_ROUNDS = 20


def relocate(desk: Desk, item: Item, folder: str, untag: Sequence[str], do: steps.Do) -> Item:
    """See ``ports.Deeds.relocate``."""
    store = desk.store(item.main.store)
    if not isinstance(store, Moves) or (untag and not isinstance(store, Tags)):
        raise Rejected(f"{shown(item.main)}: store {store.name} cannot move files on its own side, or has no tags")
    mark = f"relocate {folder}"
    _wait_for_undo(desk, item)
    earlier = [one for one in steps.earlier(desk, item.main, mark) if one.record == item.id]
    mine = [one for one in earlier if one.state not in (DeedState.dropped, DeedState.failed)]
    again = (" again" if mine else "") + steps.anew(earlier)
    if mine and mine[-1].undone_by:
        # the arrival that is told (once) is the one with all its tags, which follows
        if item.tags and not set(untag) <= set(item.tags):
            raise SetAside(f"{shown(item.main)} was found while an undo brought it back, before it had its tags again: it stays")
        steps.heed(desk, item, mark, mine[-1])
    elif mine and (mine[-1].batch == item.batch or mine[-1].state in steps.OPEN):
        return _done(desk, item, mine[-1], do)
    for _ in range(_ROUNDS):
        try:
            (kept,) = desk.ledger.intend([_deed(desk, item, folder, mark, untag, again)])
        except Taken as taken:
            if taken.sources:
                raise
            continue
        try:
            return _done(desk, item, kept, do)
        except Exists:  # a person took the name meanwhile: dropped, planned anew
            continue
    raise Transient(f"{shown(item.main)}: no free name found in {folder}; others take every one")


def resume(desk: Desk, item: Item, do: steps.Do) -> Item | None:
    """See ``ports.Deeds.resume``."""
    for one in steps.history(desk, f"{item.main.store}:{item.main.path}"):
        begun = one.batch == item.batch and not one.undoes and one.state not in (DeedState.dropped, DeedState.failed)
        if begun and one.role == steps.RELOCATED and one.source.rev == item.main.rev and not one.undone_by:
            return _done(desk, item, one, do)
    return None


def _wait_for_undo(desk: Desk, item: Item) -> None:
    """``Transient`` while an undo brings this very file back: it lies there already, but may have no tag again that it had."""
    for one in steps.history(desk, f"{item.main.store}:{item.main.path}"):
        back = one.undoes and one.state is DeedState.intended and one.record == item.id
        if back and (one.target.store, one.target.path) == (item.main.store, item.main.path):
            raise Transient(f"{shown(item.main)} is being brought back by an undo (batch {one.batch})")


def _deed(desk: Desk, item: Item, folder: str, mark: str, untag: Sequence[str], again: str) -> Deed:
    key = steps.key(item.batch, mark, item.main) + again
    stays = folder == item.main.folder
    sha256 = item.digests["sha256"]
    place = item.main if stays else free.name(desk, item.main.store, folder, item.main.name, unless=sha256)
    return Deed(
        batch=item.batch,
        key=key,
        verb="tag" if stays else "move",
        source=item.main,
        target=Ref(place.store, place.path, modified=item.main.modified),
        target_key=desk.store(place.store).key(place.path),
        group=key,
        role=steps.RELOCATED,
        sha256=sha256,
        record=item.id,
        tags=tuple(f"-{one}" for one in untag),
    )


def _done(desk: Desk, item: Item, deed: Deed, do: steps.Do) -> Item:
    """The item where it lies once the deed is done."""
    (done,) = do([deed.id])
    if done.state is not DeedState.done:
        raise SetAside(f"{shown(item.main)}: {done.why or 'it was not moved'}")
    now = desk.store(done.target.store).stat(done.target.path).main
    return dataclasses.replace(item, main=now, deeds=())
