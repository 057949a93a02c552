"""The face of ``deeds``: what ``ports.Deeds`` promises, and what operations and recovery need beside it."""

import dataclasses
import threading
from collections.abc import Callable, Sequence, Set
from contextlib import suppress

from albumen.deeds import (
    doubles,
    enlisting,
    folders,
    making,
    reading,
    recover,
    relocating,
    reserve,
    transfer,
    undo,
    uniting,
)
from albumen.deeds.desk import Desk
from albumen.errors import AlbumenError, Transient, Unavailable
from albumen.model import BatchId, Deed, DeedId, Item, Made, Record, Ref, Staged, Wish


class Engine:
    """Implements ``ports.Deeds`` on a desk. Threads may share it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._guard = threading.Lock()
        self._doing: set[DeedId] = set()
        self._united: dict[BatchId, int] = {}  # open batches, and how much of them was done when their halves were joined
        self._uniting = threading.Lock()  # two batches may bring the two halves: each would join the other

    # -------------------------------------------------------------------------------------------------------- ports.Deeds

    def stage(self, ref: Ref, *, whole: bool = False) -> Staged:
        """See ``ports.Deeds``."""
        return reading.stage(self.desk, ref, whole=whole)

    def reserve(self, items: Sequence[Item], batch: BatchId) -> Sequence[Item]:
        """See ``ports.Deeds``."""
        return reserve.reserve(self.desk, items, batch)

    def do(self, ids: Sequence[DeedId]) -> Sequence[Deed]:
        """See ``ports.Deeds``. ``Transient`` while another thread of this process does one of them: a job whose lease ran out, as on
        a disk so full that leases cannot be extended, is delivered again while it still runs, and its owner is the same."""
        with self._guard:
            if not self._doing.isdisjoint(ids):
                raise Transient("this process is doing it already")
            self._doing.update(ids)
        try:
            return transfer.do(self.desk, ids)
        finally:
            with self._guard:
                self._doing.difference_update(ids)

    def double(self, item: Item, batch: BatchId) -> Item:
        """See ``ports.Deeds``."""
        return doubles.double(self.desk, item, batch)

    def enlist(self, item: Item) -> Item:
        """See ``ports.Deeds``."""
        return enlisting.enlist(self.desk, item)

    def derive(self, item: Item, wish: Wish, make: Callable[[], Made]) -> Item:
        """See ``ports.Deeds``."""
        return making.derive(self.desk, item, wish, make, self.do)

    def relocate(self, item: Item, folder: str, *, untag: Sequence[str] = ()) -> Item:
        """See ``ports.Deeds``."""
        return relocating.relocate(self.desk, item, folder, untag, self.do)

    def resume(self, item: Item) -> Item | None:
        """See ``ports.Deeds``."""
        return relocating.resume(self.desk, item, self.do)

    def unite(self, batch: BatchId) -> None:
        """See ``ports.Deeds``."""
        with self._uniting:
            done = uniting.filed(self.desk, batch)
            if done and self._united.get(batch) != done:  # asked again and again while something of the batch waits
                uniting.unite(self.desk, batch, self.do)
                self._united[batch] = done

    def close(self, batch: BatchId) -> bool:
        """See ``ports.Deeds``."""
        try:
            self.unite(batch)
        except (Transient, Unavailable):  # later: nobody waits for it
            return False
        closed = folders.close(self.desk, batch)
        if closed:
            self._united.pop(batch, None)
        return closed

    def remember_folders(self, batch: BatchId, refs: Sequence[Ref], *, root: str = "") -> None:
        """See ``ports.Deeds``."""
        folders.remember(self.desk, batch, refs, root=root)

    # ---------------------------------------------------------------------------------------------------------- beside it

    def hashed(self, ref: Ref) -> Staged:
        """Digests, head and tail of a file that is probably known: nothing is written. ``Changed``, ``NotFound``."""
        return reading.checked(self.desk, ref)

    def forget(self, refs: Sequence[Ref]) -> None:
        """Bytes staged for these refs will not be needed."""
        reading.forget(self.desk, refs)

    def forget_all(self) -> None:
        """This process ends: what it staged and another one stored meanwhile takes no more room."""
        with suppress(AlbumenError):  # else whoever comes next sweeps it
            reading.forget_all(self.desk)

    def begin(self, what: str, *, undoes: BatchId | None = None) -> BatchId:
        """A batch of this process (see ``Ledger.begin``)."""
        return self.desk.ledger.begin(what, self.desk.owner, undoes=undoes)

    def recover(self, also: Sequence[BatchId] = ()) -> recover.Left:
        """What dead owners left, taken over."""
        return recover.recover(self.desk, also)

    def preview(self, items: Sequence[Item], also: Set[str], known: Set[str]) -> Sequence[tuple[Item, Sequence[Deed], str]]:
        """What ``reserve`` would do."""
        return reserve.preview(self.desk, items, also, known)

    def preview_double(self, item: Item, record: Record, also: Set[str]) -> Sequence[Deed]:
        """What ``double`` would do, were ``record`` its first copy's; nothing is kept. ``also`` are keys of names given away."""
        return doubles.plan(dataclasses.replace(self.desk, dry=True), item, "dry-run", record, also)

    def inverse(self, batch: BatchId, into: BatchId) -> undo.Inverse:
        """What undoing means now; nothing is kept."""
        return undo.plan(self.desk, batch, into)
