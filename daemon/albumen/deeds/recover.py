"""What dead owners left behind: their deeds are taken over, their incoming areas emptied, their batches carried to the end."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from albumen.deeds.desk import Desk
from albumen.deeds.folders import BY_CLOSING, pages
from albumen.errors import Unavailable
from albumen.model import BatchId, Deed, DeedState, Owner, Ref


@runtime_checkable
class Sweeps(Protocol):
    """A store that keeps bytes without names per owner."""

    def sweep(self, dead: Container[Owner], near: Iterable[str] = ()) -> Sequence[str]:
        """Remove what dead owners left in the incoming area, or beside these target paths; what could not be removed."""


@dataclass(frozen=True, slots=True)
class Left:
    """Work to be queued: groups of deeds that were begun or planned, and batches to close after them."""

    groups: Sequence[Sequence[Deed]]
    close: Sequence[BatchId]


def recover(desk: Desk, also: Sequence[BatchId] = ()) -> Left:
    """Take over from dead owners. Deeds come back *intended* by us when they had been begun, so that whoever does them asks the
    places first; planned ones of a batch whose commander is dead come too. Safe at any time; two recoveries never share a deed.

    Leftovers are looked for beside all of them, and beside those planned in ``also``, batches that we have just gone on with: a
    power cut may forget that a deed was begun.
    """
    begun = desk.ledger.recover(desk.dead, desk.owner)
    batches = _open_batches(desk)
    planned = [deed for batch in batches for deed in pages(desk, batch, DeedState.planned)]
    mine = [deed for batch in batches for deed in pages(desk, batch, DeedState.intended) if deed.owner == desk.owner]
    near = (*begun, *mine, *planned, *(deed for batch in also for deed in pages(desk, batch, DeedState.planned)))
    for store in desk.stores.values():
        if isinstance(store, Sweeps):
            beside = [ref.path for one in near for ref in _touched(one) if ref.path and ref.store == store.name]
            with suppress(
                Unavailable
            ):  # one place that is closed holds up no other: swept when a recovery comes after it is open
                store.sweep(desk.dead, beside)
    groups: dict[str, dict[str, Deed]] = defaultdict(dict)
    for deed in (*begun, *mine, *planned):
        if deed.verb not in BY_CLOSING:
            groups[deed.group or deed.id][deed.id] = deed
    return Left([tuple(one.values()) for one in groups.values()], tuple(batches))


def _touched(deed: Deed) -> Sequence[Ref]:
    """Beside the target lie bytes that were to get its name, beside the source what was just being taken away."""
    return (deed.source, deed.target) if deed.verb in ("move", "expire") else (deed.target,)


def _open_batches(desk: Desk) -> Sequence[BatchId]:
    """Batches nobody will end: not ended, their owner dead."""
    found, before = [], ""
    while True:
        page = desk.ledger.batches(before=before, open=True)
        found += [one.id for one in page.rows if one.owner in desk.dead]
        before = page.after
        if not before:
            return tuple(reversed(found))
