"""The contract of ``Ledger``: subclass ``LedgerContract`` and override its fixture ``make``."""

from collections.abc import Callable, Container

import pytest

from albumen.errors import NotFound
from albumen.model import BatchId, DeedState, Owner, Ref
from albumen.ports import Ledger
from albumen.testing.contracts_ledger_deeds import RAW, DoingContract, ReservationContract, a_deed, a_record, everything
from albumen.testing.contracts_ledger_order import any_order


class LedgerContract(ReservationContract, DoingContract):
    """What every ledger does."""

    def test_any_order(self, make: Callable[[Container[Owner]], Ledger]) -> None:
        """Two owners intend, claim, settle, die, recover and end in any order: each reservation stays unique, what is settled
        stays settled, and a deed has one owner at a time."""
        any_order(make)

    # -------------------------------------------------------------------------------------------------------------- batches

    def test_a_dead_owners_unended_batch_goes_on(self, ledger: Ledger, dead: set[Owner]) -> None:
        """The same command takes up a dead owner's batch; another command, another undo, or a living owner's does not."""
        first = ledger.begin("import in", "ann")
        undo = ledger.begin("undo", "ann", undoes=first)
        assert ledger.begin("import in", "bob") not in {first, undo}, "ann lives"
        dead.add("ann")
        assert ledger.begin("import out", "bob") not in {first, undo}
        assert ledger.begin("undo", "bob") != undo
        assert ledger.begin("undo", "bob", undoes=first) == undo
        assert ledger.begin("import in", "bob") == first
        assert ledger.batches(ids=[first]).rows[0].owner == "bob"

    def test_ones_own_batch_is_not_shared(self, ledger: Ledger) -> None:
        """The same living owner asking twice gets two batches, so that neither ends the other's work."""
        assert ledger.begin("import in", "ann") != ledger.begin("import in", "ann")

    def test_an_ended_batch_does_not_go_on(self, ledger: Ledger, dead: set[Owner], batch: BatchId) -> None:
        """After its end the same command begins anew."""
        assert ledger.end(batch)
        dead.add("ann")
        assert ledger.begin("import in", "bob") != batch

    def test_batches_are_listed_newest_first(self, ledger: Ledger) -> None:
        """Batches come newest first in pages, by id, or only the unended ones."""
        ids = [ledger.begin(f"import {RAW} {number}", "ann") for number in range(230)]
        page = ledger.batches()
        listed = list(page.rows)
        while page.after:
            page = ledger.batches(before=page.after)
            listed += page.rows
        assert [one.id for one in listed] == ids[::-1]
        assert listed[0].what == f"import {RAW} 229"
        assert [one.id for one in ledger.batches(ids=[ids[5], "b999999", "nonsense", ids[3]]).rows] == [ids[5], ids[3]]
        for id in ids[:-1]:
            assert ledger.end(id)
        assert [one.id for one in ledger.batches(open=True).rows] == [ids[-1]]

    def test_a_batch_knows_its_numbers(self, ledger: Ledger, batch: BatchId) -> None:
        """A listed batch tells its deeds per state and how many of them are in effect."""
        kept = ledger.intend([a_deed(batch, number) for number in range(1, 7)])
        ledger.settle([kept[0].id, kept[1].id], DeedState.done)
        ledger.settle([kept[2].id], DeedState.dropped)
        ledger.settle([kept[3].id], DeedState.failed)
        ledger.claim([kept[4].id], "ann")
        undo = ledger.begin(f"undo {batch}", "ann", undoes=batch)
        ledger.settle([ledger.intend([a_deed(undo, 1, undoes=kept[0].id)])[0].id], DeedState.done)
        newest, oldest = ledger.batches().rows
        assert (newest.id, newest.undoes, newest.effective) == (undo, batch, 1)
        assert dict(oldest.deeds) == {"done": 2, "dropped": 1, "failed": 1, "intended": 1, "planned": 1}
        assert (oldest.id, oldest.effective, oldest.ended) == (batch, 1, None)

    def test_the_end_waits_for_open_deeds(self, ledger: Ledger, batch: BatchId) -> None:
        """A batch cannot end while a deed is planned or intended; ending twice keeps the first end."""
        (kept,) = ledger.intend([a_deed(batch)])
        assert not ledger.end(batch)
        ledger.claim([kept.id], "ann")
        assert not ledger.end(batch)
        ledger.settle([kept.id], DeedState.done)
        assert ledger.end(batch)
        ended = ledger.batches(ids=[batch]).rows[0].ended
        assert ended is not None
        assert ledger.end(batch)
        assert ledger.batches(ids=[batch]).rows[0].ended == ended

    def test_a_new_deed_opens_its_batch_again(self, ledger: Ledger, batch: BatchId) -> None:
        """A deed that comes after the end is not forgotten: its batch is listed as unended."""
        ledger.end(batch)
        ledger.intend([])
        assert not ledger.batches(open=True).rows
        ledger.intend([a_deed(batch)])
        assert [one.id for one in ledger.batches(open=True).rows] == [batch]

    @pytest.mark.parametrize("unknown", ["", "b77", "b0", "nonsense"])
    def test_an_unknown_batch_is_told(self, ledger: Ledger, unknown: str) -> None:
        """Ending or filling a batch that never began is an error; its history is empty."""
        with pytest.raises(NotFound, match="there is no batch"):
            ledger.end(unknown)
        with pytest.raises(NotFound, match="there is no batch"):
            ledger.intend([a_deed(unknown)])
        assert not ledger.history(batch=unknown).rows

    # -------------------------------------------------------------------------------------------------------------- history

    def test_history_by_item(self, ledger: Ledger, batch: BatchId) -> None:
        """A record id, a content or a place finds its deeds, also after they are done; what is not there finds nothing."""
        deeds = [
            a_deed(batch, 1, after=a_record(71)),
            a_deed(batch, 2, before=a_record(72), name="a:b.jpg"),
            a_deed(batch, 3, source=Ref("nas", "2024/1.jpg"), name="z"),
            a_deed(batch, 4, source=Ref("cloud", RAW), sha256="", name="2024/1.jpg x", record="r4", after=a_record(72)),
        ]
        ids = [deed.id for deed in ledger.intend(deeds)]
        ledger.settle(ids, DeedState.done)

        def found(item: str) -> list[int]:
            return [ids.index(deed.id) + 1 for deed in ledger.history(item=item).rows]

        assert found(a_record(71).id) == [1]
        assert found(a_record(72).id) == [2, 4]
        assert found("r4") == [4]
        assert found(f"{3:064x}") == [3]
        assert found("nas:2024/1.jpg") == [1, 3]
        assert found("nas:a:b.jpg") == [2]
        assert found(f"cloud:{RAW}") == [4]
        assert found("cloud:2024/1.jpg") == found("") == found("nonsense") == []

    def test_history_is_the_and_of_all(self, ledger: Ledger, batch: BatchId) -> None:
        """Batch, item, ids and state narrow one another; every state can be asked for."""
        other = ledger.begin("import out", "ann")
        kept = ledger.intend([a_deed(batch, number) for number in range(1, 6)] + [a_deed(other, 6)])
        ledger.claim([kept[1].id], "ann")
        for deed, state in zip(kept[2:5], (DeedState.done, DeedState.dropped, DeedState.failed), strict=True):
            ledger.settle([deed.id], state)
        for number, state in enumerate(
            (DeedState.planned, DeedState.intended, DeedState.done, DeedState.dropped, DeedState.failed)
        ):
            assert [deed.id for deed in ledger.history(batch=batch, state=state).rows] == [kept[number].id]
        assert [deed.id for deed in ledger.history(state=DeedState.planned).rows] == [kept[0].id, kept[5].id]
        assert [deed.id for deed in ledger.history(ids=[kept[5].id, kept[0].id, "nonsense"]).rows] == [kept[0].id, kept[5].id]
        assert not ledger.history(batch=other, ids=[kept[0].id]).rows
        assert not ledger.history(item="nas:2024/1.jpg", state=DeedState.done).rows

    def test_history_comes_in_pages(self, ledger: Ledger, batch: BatchId) -> None:
        """A long history comes oldest first, each deed once, also with filters."""
        ids = [deed.id for deed in ledger.intend([a_deed(batch, number) for number in range(1200)])]
        assert [deed.id for deed in everything(ledger)] == ids
        page = ledger.history(batch=batch, ids=ids, state=DeedState.planned, after=ids[999])
        assert [deed.id for deed in page.rows] == ids[1000 : 1000 + len(page.rows)]
        assert page.rows
