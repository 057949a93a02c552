"""The part of the ledger's contract that is about single deeds: what they reserve, who does them, how they settle."""

import threading
from collections.abc import Callable, Container, Sequence
from dataclasses import fields, replace

import pytest

from albumen.errors import Overtaken, Taken
from albumen.model import (
    BatchId,
    Camera,
    Candidate,
    Claimed,
    Deed,
    DeedState,
    Owner,
    Placement,
    Position,
    Proof,
    Record,
    Ref,
    Region,
    Verb,
)
from albumen.ports import Ledger

RAW = "caf\udce9"  # a name whose bytes are no UTF-8


def a_record(number: int = 1) -> Record:
    """A record with fields of every shape."""
    sha = f"{number:064x}"
    return Record(
        id=f"{number:032x}",
        sha256=sha,
        size=number,
        kind="image",
        type="jpeg",
        name=f"{RAW}.jpg",
        digests={"sha256": sha},
        date_candidates=(Candidate("exif:DateTimeOriginal", "2024:05:03 14:22:01", used=True, reason="first plausible"),),
        camera=Camera("Canon", None),
        position=Position(47.5, -8.25),
        placements=(Placement("nas", f"2024/{RAW}.jpg", proof=Proof("read", f"sha256:{sha}", 5)),),
        faces=(Region(0.5, 0.5, 0.1, 0.1),),
    )


def a_deed(batch: BatchId, number: int = 1, *, verb: Verb = "copy", name: str | None = None, **other: object) -> Deed:
    """A deed that reserves nothing but its own name ``<number>.jpg`` in store nas; ``other`` replaces what the test is about."""
    target = f"2024/{number}.jpg" if name is None else name
    deed = Deed(
        batch=batch,
        key=f"{batch}/disk:in/{number}.jpg@1",
        verb=verb,
        source=Ref("disk", f"in/{number}.jpg", "1", number, 1_700_000_000_123_456_789, 0o640),
        target=Ref("nas", target),
        target_key=target.lower(),
        sha256=f"{number:064x}",
    )
    return replace(deed, **other)  # type: ignore[arg-type]  # names are checked by replace itself


def everything(ledger: Ledger) -> list[Deed]:
    """All deeds, through all pages."""
    found: list[Deed] = []
    page = ledger.history()
    while True:
        found += page.rows
        if not page.after:
            return found
        page = ledger.history(after=page.after)


def states(claimed: Sequence[Claimed]) -> list[DeedState]:
    """What each was before."""
    return [one.was for one in claimed]


class LedgerGiven:
    """What the tests are given: one new ledger, a batch in it, and the owners it takes for dead."""

    @pytest.fixture
    def make(self) -> Callable[[Container[Owner]], Ledger]:
        """To be overridden: called with the dead owners (which may become more), gives a new, empty ledger each time."""
        raise NotImplementedError("give a maker of the ledger to be tested")

    @pytest.fixture
    def dead(self) -> set[Owner]:
        """Owners whose process is gone."""
        return set()

    @pytest.fixture
    def ledger(self, make: Callable[[Container[Owner]], Ledger], dead: set[Owner]) -> Ledger:
        """The ledger under test."""
        return make(dead)

    @pytest.fixture
    def batch(self, ledger: Ledger) -> BatchId:
        """A batch of ann's."""
        return ledger.begin("import in", "ann")


class ReservationContract(LedgerGiven):
    """``intend`` and ``held``."""

    def test_a_deed_is_kept_whole(self, ledger: Ledger, batch: BatchId) -> None:
        """Every field comes back as given, paths and records byte-true; ids sort by age."""
        given = a_deed(
            batch,
            verb="move",
            source=Ref("disk", f"in/{RAW}.jpg", f"r{RAW}", 7, -1, 0o4755),
            target=Ref("nas", f"{RAW}.jpg", "", 7, 2**62, 0),
            key=f"{batch}/disk:in/{RAW}.jpg@1",
            target_key=f"nas/{RAW}",
            group=f"g{RAW}",
            role="live",
            content=f"lib/{RAW}/1",
            album=RAW,
            record=a_record(2).id,
            before=a_record(1),
            after=a_record(2),
            undoes=ledger.intend([a_deed(batch, 7)])[0].id,
        )
        given_by_ledger = {"id", "undone_by", "owner", "state", "why", "at"}
        untouched = {one.name for one in fields(Deed) if getattr(given, one.name) in ("", None)}
        assert untouched <= given_by_ledger, "this test must set every field"
        (first,) = ledger.intend([given], "ann")
        assert first == replace(given, id=first.id, owner="ann", state=DeedState.intended, at=first.at)
        (second,) = ledger.intend([a_deed(batch, 2)])
        assert second.id > first.id
        assert (second.state, second.owner) == (DeedState.planned, "")
        assert everything(ledger)[1:] == [first, second]

    def test_an_equal_key_comes_back_as_kept(self, ledger: Ledger, batch: BatchId) -> None:
        """Planning the same twice, even under another name, gives the choices of the first time and writes nothing."""
        first, other = ledger.intend([a_deed(batch, 1), a_deed(batch, 2)])
        ledger.settle([first.id], DeedState.done)
        again = ledger.intend([a_deed(batch, 2, name="other.jpg"), a_deed(batch, 1), a_deed(batch, 3), a_deed(batch, 3)], "bob")
        assert again[0] == other
        assert again[1].state is DeedState.done
        assert again[2] == again[3]
        assert len(everything(ledger)) == 3

    def test_a_dropped_deeds_key_is_free(self, ledger: Ledger, batch: BatchId) -> None:
        """What was dropped is planned anew under the same key; what failed is not."""
        dropped, failed = ledger.intend([a_deed(batch, 1), a_deed(batch, 2)])
        ledger.settle([dropped.id], DeedState.dropped, "changed")
        ledger.settle([failed.id], DeedState.failed, "broken")
        anew, still = ledger.intend([a_deed(batch, 1), a_deed(batch, 2)])
        assert (anew.id == dropped.id, anew.state, anew.why) == (False, DeedState.planned, "")
        assert (still.id, still.state, still.why) == (failed.id, DeedState.failed, "broken")

    def test_all_or_none_with_every_conflict(self, ledger: Ledger, batch: BatchId) -> None:
        """Conflicts of all three kinds are listed together, and nothing of the call is kept."""
        ledger.intend([a_deed(batch, 1, name="A.jpg"), a_deed(batch, 2, content="lib//2"), a_deed(batch, 3, verb="move")])
        other = ledger.begin("import again", "bob")
        wanted = [
            a_deed(other, 4),
            a_deed(other, 1, name="a.jpg"),
            a_deed(other, 2, name="b.jpg", content="lib//2"),
            a_deed(other, 3, name="c.jpg", verb="move"),
        ]
        with pytest.raises(Taken) as caught:
            ledger.intend(wanted)
        assert caught.value.names == {("nas", "a.jpg")}
        assert caught.value.contents == {"lib//2"}
        assert caught.value.sources == {("disk", "in/3.jpg")}
        assert not ledger.history(batch=other).rows
        assert ledger.held("nas", "2024/4") == frozenset()

    def test_what_is_deleted_for_good_reserves_its_source_as_a_move_does(self, ledger: Ledger, batch: BatchId) -> None:
        """An undo that brings a file back from the trash and the expiry of that file exclude each other, whoever comes first."""
        same = Ref("nas", ".albumen/trash/b1/one.jpg")
        expires = a_deed(batch, 1, verb="expire", name="", source=same)
        ledger.intend([expires])
        other = ledger.begin("undo b1", "bob")
        with pytest.raises(Taken) as caught:
            ledger.intend([a_deed(other, 2, verb="move", source=same)])
        assert caught.value.sources == {("nas", same.path)}
        ledger.settle([one.id for one in everything(ledger)], DeedState.done)
        ledger.intend([a_deed(other, 2, verb="move", source=same)])
        with pytest.raises(Taken):
            ledger.intend([a_deed(batch, 3, verb="expire", name="", source=same)])

    def test_two_of_one_call_conflict(self, ledger: Ledger, batch: BatchId) -> None:
        """Two deeds of one call cannot have one name, content or moved source either."""
        with pytest.raises(Taken) as caught:
            ledger.intend([a_deed(batch, 1, name="a.jpg"), a_deed(batch, 2, name="A.jpg")])
        assert caught.value.names == {("nas", "a.jpg")}
        with pytest.raises(Taken) as caught:
            ledger.intend([a_deed(batch, 1, content="x"), a_deed(batch, 2, content="x")])
        assert caught.value.contents == {"x"}
        assert not everything(ledger)

    def test_what_reserves_nothing(self, ledger: Ledger, batch: BatchId) -> None:
        """No target path holds no name, an equal key in another store is another name, and copies share a source."""
        folders = [a_deed(batch, number, verb="rmdir", name="") for number in (1, 2)]
        stores = [a_deed(batch, number, target=Ref(f"store{number}", "a"), target_key="a") for number in (3, 4)]
        same = Ref("disk", "in/one.jpg")
        copies = [a_deed(batch, 5, source=same), a_deed(batch, 6, source=same), a_deed(batch, 7, source=same, verb="move")]
        assert len(ledger.intend([*folders, *stores, *copies])) == 7

    @pytest.mark.parametrize("state", [DeedState.done, DeedState.dropped, DeedState.failed])
    def test_a_settled_deed_frees_its_reservations(self, ledger: Ledger, batch: BatchId, state: DeedState) -> None:
        """Content and source are free once settled; so is the name, but a failed deed keeps it until its batch ends."""
        first = ledger.intend([a_deed(batch, 1, verb="move", content="lib//1")])[0]
        ledger.settle([first.id], state)
        other = ledger.begin("import again", "bob")
        ledger.intend([a_deed(other, 2, source=first.source, verb="move", content="lib//1")])
        if state is DeedState.failed:
            assert ledger.held("nas", "2024/1") == {"2024/1.jpg"}
            with pytest.raises(Taken):
                ledger.intend([a_deed(other, 1)])
            assert ledger.end(batch)
        assert ledger.held("nas", "2024/1") == frozenset()
        ledger.intend([a_deed(other, 1)])

    @pytest.mark.parametrize("what", ["name", "content", "source"])
    def test_what_was_done_after_the_look_is_looked_at_again(self, ledger: Ledger, batch: BatchId, what: str) -> None:
        """Nothing of the call is kept, not even for a moment; a later look sees what was done, and may take it as it pleases."""
        (first,) = ledger.intend([a_deed(batch, 1, verb="move", content="lib//1")])
        touching = {
            "name": a_deed(batch, 5, name=first.target.path),
            "content": a_deed(batch, 6, content="lib//1", sha256=first.sha256),
            "source": a_deed(batch, 7, source=first.source, verb="move"),
        }[what]
        looked = ledger.moment()
        ledger.settle([first.id], DeedState.done)
        with pytest.raises(Overtaken):
            ledger.intend([a_deed(batch, 2), touching], looked=looked)
        assert ledger.history(state=DeedState.planned).rows == ()
        assert ledger.held("nas", "") == frozenset()
        assert ledger.moment() > looked
        assert len(ledger.intend([a_deed(batch, 2), touching], looked=ledger.moment())) == 2

    def test_what_else_was_done_after_the_look_is_nothing_to_it(self, ledger: Ledger, batch: BatchId) -> None:
        """Other files, what was dropped or failed; and who does not say when he looked is not asked."""
        one, two, three = ledger.intend([a_deed(batch, number, verb="move", content=f"lib//{number}") for number in (1, 2, 3)])
        looked = ledger.moment()
        ledger.settle([one.id], DeedState.done)
        ledger.settle([two.id], DeedState.dropped)
        ledger.settle([three.id], DeedState.failed)
        again = a_deed(batch, 8, verb="move", source=two.source, content="lib//2", sha256=two.sha256, name=two.target.path)
        assert len(ledger.intend([a_deed(batch, 7), again], looked=looked)) == 2
        assert len(ledger.intend([a_deed(batch, 9, verb="move", source=one.source)])) == 1

    def test_held_names_start_with_the_prefix(self, ledger: Ledger, batch: BatchId) -> None:
        """Held are the target keys of one store under a prefix, byte by byte."""
        names = ["2024/a", "2024/a\udcff", "2024/a\udcffb", "2024/b", "2024", "2025/a", RAW]
        ledger.intend([a_deed(batch, number, name=name) for number, name in enumerate(names)])
        ledger.intend([a_deed(batch, 50, target=Ref("cloud", "2024/x"), target_key="2024/x")])
        assert ledger.held("nas", "2024/") == {"2024/a", "2024/a\udcff", "2024/a\udcffb", "2024/b"}
        assert ledger.held("nas", "2024/a\udcff") == {"2024/a\udcff", "2024/a\udcffb"}
        assert ledger.held("nas", "") == set(names)
        assert ledger.held("nowhere", "") == frozenset()


class DoingContract(LedgerGiven):
    """``claim``, ``settle`` and ``recover``."""

    def test_a_claim_says_what_was(self, ledger: Ledger, batch: BatchId) -> None:
        """Planned becomes mine; mine again was intended already; another's is left out; settled ones come as they are."""
        one, two, three = ledger.intend([a_deed(batch, number) for number in (1, 2, 3)])
        (claimed,) = ledger.claim([one.id], "ann")
        assert (claimed.deed.state, claimed.deed.owner, claimed.was) == (DeedState.intended, "ann", DeedState.planned)
        assert states(ledger.claim([one.id], "ann")) == [DeedState.intended]
        ledger.settle([two.id], DeedState.failed, "broken")
        mixed = ledger.claim([three.id, two.id, one.id, "nonsense", f"{99:016x}", three.id], "bob")
        assert [(claim.deed.id, claim.was) for claim in mixed] == [(three.id, DeedState.planned), (two.id, DeedState.failed)]
        assert mixed[1].deed.why == "broken"

    def test_one_deed_is_claimed_by_one_thread(self, ledger: Ledger, batch: BatchId) -> None:
        """Many owners claiming the same deeds at once: each deed goes to exactly one."""
        ids = [deed.id for deed in ledger.intend([a_deed(batch, number) for number in range(40)])]
        got: list[tuple[str, str]] = []

        def claim(owner: Owner) -> None:
            for id in ids:
                got.extend((claim.deed.id, owner) for claim in ledger.claim([id], owner))

        threads = [threading.Thread(target=claim, args=(f"owner{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(id for id, _ in got) == ids

    def test_a_deed_given_back_can_be_claimed_again(self, ledger: Ledger, batch: BatchId) -> None:
        """Settled to planned it has no owner, keeps its name, and the next claim finds it planned."""
        (deed,) = ledger.intend([a_deed(batch)], "ann")
        ledger.settle([deed.id], DeedState.planned, "disk full")
        (back,) = everything(ledger)
        assert (back.state, back.owner, back.why) == (DeedState.planned, "", "disk full")
        assert ledger.held("nas", "") == {"2024/1.jpg"}
        assert states(ledger.claim([deed.id], "bob")) == [DeedState.planned]

    def test_what_is_settled_stays_settled(self, ledger: Ledger, batch: BatchId) -> None:
        """Settling again, even to another state, changes nothing: a finished deed is never written down as dropped."""
        (deed,) = ledger.intend([a_deed(batch, before=a_record(1), after=a_record(2))])
        ledger.settle([deed.id], DeedState.done, "proven")
        kept = everything(ledger)
        assert (kept[0].state, kept[0].why, kept[0].before) == (DeedState.done, "proven", a_record(1))
        for state in (DeedState.done, DeedState.dropped, DeedState.failed, DeedState.planned):
            ledger.settle([deed.id, "nonsense", f"{99:016x}"], state, "again")
        assert everything(ledger) == kept
        with pytest.raises(ValueError, match="intended by claim"):
            ledger.settle([deed.id], DeedState.intended)

    def test_a_correction_keeps_what_it_changed(self, ledger: Ledger, batch: BatchId) -> None:
        """Undo needs both sides of a deed that has a ``before``; of any other ``after`` is emptied once it is done."""
        deeds = [a_deed(batch, before=a_record(1), after=a_record(2)), a_deed(batch, 2, after=a_record(3))]
        ledger.settle([one.id for one in ledger.intend(deeds)], DeedState.done)
        assert [(one.before, one.after) for one in everything(ledger)] == [(a_record(1), a_record(2)), (None, None)]

    def test_undo_redo_and_undo_again(self, ledger: Ledger, batch: BatchId) -> None:
        """Done inverses turn ``undone_by`` along the chain: exactly every second deed of it is in effect."""
        chain = list(ledger.intend([a_deed(batch)]))
        ledger.settle([chain[0].id], DeedState.done)
        for step in range(1, 5):
            undo = ledger.begin(f"undo {step}", "ann", undoes=chain[-1].batch)
            chain += ledger.intend([a_deed(undo, undoes=chain[-1].id)])
            before = everything(ledger)
            ledger.settle([chain[-1].id], DeedState.done)
            now = everything(ledger)
            assert not before[step].undone_by
            assert [deed.undone_by != "" for deed in now] == [(step - number) % 2 == 1 for number in range(step + 1)]
            assert now[step - 1].undone_by == chain[-1].id

    def test_an_inverse_that_was_not_done_undoes_nothing(self, ledger: Ledger, batch: BatchId) -> None:
        """Only done sets ``undone_by``."""
        (deed,) = ledger.intend([a_deed(batch)])
        ledger.settle([deed.id], DeedState.done)
        inverse = ledger.intend([a_deed(batch, 2, undoes=deed.id), a_deed(batch, 3, undoes=deed.id)])
        ledger.settle([inverse[0].id], DeedState.dropped)
        ledger.settle([inverse[1].id], DeedState.failed)
        assert everything(ledger)[0].undone_by == ""

    def test_recovery_takes_over_from_the_dead(self, ledger: Ledger, batch: BatchId) -> None:
        """Intended deeds of dead owners become mine, each exactly once; planned, settled and living ones stay."""
        ledger.intend([a_deed(batch, 1)])
        (done,) = ledger.intend([a_deed(batch, 2)], "ann")
        ledger.settle([done.id], DeedState.done)
        lost = ledger.intend([a_deed(batch, 3), a_deed(batch, 4)], "ann")
        ledger.intend([a_deed(batch, 5)], "bob")
        taken = ledger.recover({"ann", "cid"}, "cid")
        assert [(deed.id, deed.owner, deed.state) for deed in taken] == [(deed.id, "cid", DeedState.intended) for deed in lost]
        assert not ledger.recover({"ann"}, "dan")
        assert states(ledger.claim([lost[0].id], "cid")) == [DeedState.intended]
        assert not ledger.claim([lost[0].id], "ann")
