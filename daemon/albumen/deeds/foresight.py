"""Deeds of a dry run: every decision is the real one, kept in a ledger that is thrown away, and nothing is done."""

import dataclasses
from collections.abc import Sequence

from albumen.deeds import enlisting
from albumen.deeds.desk import Desk
from albumen.deeds.engine import Engine
from albumen.errors import Transient
from albumen.model import BatchId, Deed, DeedId, Item, Ref, Staged

__all__ = ["Foreseen", "Foresight"]


class Foreseen(Exception):  # no error: it ends a step where the real one would begin to change something
    """These deeds would be done now."""

    def __init__(self, deeds: Sequence[Deed]) -> None:
        super().__init__(", ".join(one.id for one in deeds))
        self.deeds = deeds


class Foresight(Engine):
    """Implements ``ports.Deeds`` on the desk of a dry run, whose databases are copies. What one file is planned to get, the next one
    finds taken. Nothing is written to a store, nor to a catalog that is no file and so could not be copied."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(dataclasses.replace(desk, dry=True))

    def stage(self, ref: Ref, *, whole: bool = False) -> Staged:  # noqa: ARG002  # it is read whole, as nothing is kept
        """Digests, head and tail; no bytes are kept."""
        return self.hashed(ref)

    def do(self, ids: Sequence[DeedId]) -> Sequence[Deed]:
        """``Foreseen``, always."""
        raise Foreseen(self.desk.ledger.history(ids=ids).rows)

    def double(self, item: Item, batch: BatchId) -> Item:
        """See ``ports.Deeds``; ``Foreseen`` (nothing of its own) where the first copy is only foreseen, too."""
        try:
            return super().double(item, batch)
        except Transient:
            raise Foreseen(()) from None

    def enlist(self, item: Item) -> Item:
        """The item; its record is not written."""
        for ref in (item.main, *item.companions):
            enlisting.settled(self.desk, ref)
        return item
