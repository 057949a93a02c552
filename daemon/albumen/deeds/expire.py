"""The end of the trash: what lay there long enough is deleted for good, as a deed, so that the ledger tells what became of it.

It has no inverse. So it is the most careful deed: only a place in the trash, only the very content that a deed of ours put there
(every byte is read once more), and only while no other deed has anything to do with it. A duplicate was thrown away because its content
lies elsewhere: it is deleted only when every byte of that was read once more, too. What a person threw away goes when its time is over;
but neither the bytes that were there before a rewriting whose result is lost, nor what something was made of that is lost. Lost is what
lies nowhere that the catalog knows and no deed took away: a person who throws a result away through albumen, by an undo, or has another
step consume it, means it.
"""

from collections.abc import Callable, Sequence

from albumen.deeds import standing, steps, successors, telling, trash
from albumen.deeds.desk import Desk, shown
from albumen.errors import Rejected, Taken, Transient, Unavailable
from albumen.model import BatchId, Deed, DeedState, Ref
from albumen.ports import Stages

_DUPLICATE = "duplicate"  # the role of what was thrown away because its content lies elsewhere
_RESTS = (_DUPLICATE, steps.CONSUMED)  # what may go only while something else lies there
_OVER = "it lay in the trash longer than [trash] keep"


def put_there(desk: Desk, ref: Ref) -> Deed | None:
    """The newest deed in effect, or under way, that puts a file of this name into the trash; None when the ledger knows none."""
    found: Deed | None = None
    after = ""
    while True:
        page = desk.ledger.history(item=f"{ref.store}:{ref.path}", after=after)
        for one in page.rows:
            place = one.source if one.verb == "replace" else one.target
            here = (place.store, place.path) == (ref.store, ref.path)
            if here and one.state not in (DeedState.dropped, DeedState.failed) and not one.undone_by:
                found = one
        after = page.after
        if not after:
            return found


def only(desk: Desk, ref: Ref, thrown: Deed) -> str:
    """Why a file of the trash must stay: it may be the only copy by now; "" when it may go. ``thrown`` is the deed that put it there.
    Cheap: revisions are believed, ``do`` reads all bytes. ``Unavailable`` when its own store cannot be looked at."""
    return _asked(ref, lambda: _only(desk, ref, thrown))


def _asked(ref: Ref, why: Callable[[], str]) -> str:
    """A store that is away keeps what may rest on it, not all the trash of another one; a file that cannot be asked for, what may rest on
    it alone."""
    try:
        return why()
    except (Transient, Unavailable) as error:
        if isinstance(error, Unavailable) and error.place == ref.store:
            raise
        return f"{shown(ref)} stays, since nobody can tell now whether it is the only copy: {error}"


def _only(desk: Desk, ref: Ref, thrown: Deed) -> str:
    if thrown.role == _DUPLICATE:
        return _lone(desk, ref, thrown.sha256)
    if thrown.verb == "replace" and successors.is_whole(thrown):
        kept = desk.catalog.get([thrown.record]).get(thrown.record)
        now = successors.heir(lambda later: desk.catalog.get([later]).get(later), kept) if kept else None
        lost = now is not None and standing.claimed(now) and standing.find(desk, now) is None
        return (
            f"{shown(ref)}: what it was rewritten to is lost, so it may be the only copy: import a copy of it, or delete it yourself"
            if lost
            else ""
        )
    if thrown.role == steps.CONSUMED and _is_lost(desk, thrown):
        return (
            f"{shown(ref)}: what was made of it is lost, so it may be the only copy: bring it back by undo, or delete it yourself"
        )
    return ""


def _is_lost(desk: Desk, consumed: Deed) -> bool:
    """Whether nothing is left of what was made of a file: then, or anew by the same step in the same batch."""
    for first in desk.ledger.history(ids=[consumed.group.rpartition(":")[2]]).rows:
        mark = first.key.partition("/")[2].partition(":")[0]
        made = [
            one for one in steps.earlier(desk, first.source, mark) if one.batch == first.batch and one.state is DeedState.done
        ]
        return not any(standing.content(desk, one.sha256) or _was_taken_away(desk, one) for one in made)
    return False


def _was_taken_away(desk: Desk, made: Deed) -> bool:
    """On purpose, by a deed; not as the duplicate of something."""
    return any(
        one.target.path.startswith(f"{trash.TRASH}/")
        and one.state is DeedState.done
        and one.role != _DUPLICATE
        and not one.undone_by
        for one in steps.history(desk, made.record)
        if one.sha256 == made.sha256
    )


def plan(desk: Desk, batch: BatchId, thrown: Sequence[tuple[Ref, Deed]]) -> Sequence[Deed]:
    """Keep the deletion of these files as planned, each with the deed that put it there. Those that another open deed holds, such
    as an undo, are left out."""
    deeds = [_deed(batch, ref, deed) for ref, deed in thrown]
    while deeds:
        try:
            return desk.ledger.intend(deeds)
        except Taken as taken:
            free = [one for one in deeds if (one.source.store, one.source.path) not in taken.sources]
            if len(free) == len(deeds):
                raise
            deeds = free
    return ()


def do(desk: Desk, deeds: Sequence[Deed]) -> Sequence[tuple[Deed, str]]:
    """Delete what these deeds say; they are open and ours. Those that had to be given up come back with the reason. Safe to repeat
    after a kill at any point: what is gone is gone."""
    done: list[Deed] = []
    given_up: list[tuple[Deed, str]] = []
    for deed in deeds:
        why = _delete(desk, deed)
        desk.trace(deed.id, "expired")
        given_up += [(deed, why)] if why else []
        done += [] if why else [deed]
    for name in {one.source.store for one in done}:
        store = desk.store(name)
        if isinstance(store, Stages):
            store.sync([one.source.path for one in done if one.source.store == name])
    desk.ledger.settle([one.id for one in done], DeedState.done, _OVER)
    telling.done(desk, done)
    for deed, why in given_up:
        desk.ledger.settle([deed.id], DeedState.dropped, why)
    return given_up


def _deed(batch: BatchId, ref: Ref, thrown: Deed) -> Deed:
    return Deed(
        batch=batch,
        key=f"{batch}/expire:{thrown.id}",
        verb="expire",
        source=ref,
        target=Ref(ref.store, ""),
        group=f"{batch}/expire:{thrown.id}",
        role=thrown.role,
        sha256=thrown.before.sha256 if thrown.verb == "replace" and thrown.before else thrown.sha256,
        record=thrown.record,
    )


def _delete(desk: Desk, deed: Deed) -> str:
    """ "" when it is gone now (also when it was), else why it stays."""
    if not deed.source.path.startswith(f"{trash.TRASH}/") or not deed.sha256:
        return f"{shown(deed.source)} does not lie in the trash"
    if deed.role in _RESTS and trash.exists(desk, deed.source) and (why := _asked(deed.source, lambda: _last(desk, deed))):
        return why
    try:
        if trash.remove_content(desk.store(deed.source.store), deed.source.path, deed.sha256):
            return ""
    except (Rejected, Transient) as error:  # such as a file with a bad sector
        return str(error)
    return f"{shown(deed.source)} has other bytes than were put there, and stays"


def _last(desk: Desk, deed: Deed) -> str:
    """The last look, before what is about to go for good."""
    if deed.role == _DUPLICATE:
        return _lone(desk, deed.source, deed.sha256, proven=True)
    thrown = desk.ledger.history(ids=[deed.group.rpartition(":")[2]]).rows
    return next((_only(desk, deed.source, one) for one in thrown), "")


def _lone(desk: Desk, ref: Ref, sha256: str, *, proven: bool = False) -> str:
    if standing.content(desk, sha256, proven=proven):
        return ""
    return f"{shown(ref)} is the only copy now, the one that it doubled is gone or damaged: import a copy of it, or delete it yourself"
