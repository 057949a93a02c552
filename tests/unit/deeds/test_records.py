"""What the catalog says after deeds: pure, the same when repeated, and back again by the inverse."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from albumen.deeds import records
from albumen.model import Arrival, Companion, Deed, Item, Placement, Proof, Record, Ref
from albumen.testing.records import a_record

PLACES = [("nas", "a"), ("nas", "b"), ("hub", "a"), ("disk", "card/a"), ("nas", ".albumen/trash/b1/a")]
PROOF = Proof("read", "sha256:x", 1)
place = st.sampled_from(PLACES)
starts = st.sets(place.filter(lambda one: records.is_placement(*one)), max_size=3)


def record(places: set[tuple[str, str]]) -> Record:
    return a_record(1, placements=tuple(Placement(store, path, sha256=a_record(1).sha256) for store, path in sorted(places)))


def deed(verb: str, source: tuple[str, str], target: tuple[str, str], **fields: object) -> Deed:
    one = a_record(1)
    made = Deed("b1", "key", "move", Ref(*source), Ref(*target), id="1", sha256=one.sha256, record=one.id)
    return replace(made, verb=verb, **fields)  # type: ignore[arg-type]


def apply(kept: Record, *deeds: Deed) -> Record:
    items = {one.id: Item(replace(one.target, rev="r", size=1)) for one in deeds}
    changed = records.after({kept.id: kept}, deeds, items, {one.id: PROOF for one in deeds})
    return changed[0] if changed else kept


def where(kept: Record) -> set[tuple[str, str]]:
    return {(one.store, one.path) for one in kept.placements}


@given(starts, st.sampled_from(["copy", "move"]), place, place)
def test_twice_is_once(start: set[tuple[str, str]], verb: str, source: tuple[str, str], target: tuple[str, str]) -> None:
    one = deed(verb, source, target)
    once = apply(record(start), one)
    assert apply(once, one) == once


@given(starts, place, place)
def test_the_inverse_restores_the_placements(
    start: set[tuple[str, str]], source: tuple[str, str], target: tuple[str, str]
) -> None:
    if source == target or target in start or (records.is_placement(*source) and source not in start):
        return
    there = apply(record(start), deed("move", source, target))
    back = apply(there, deed("move", target, source))
    assert where(back) == start
    assert where(apply(back, deed("move", source, target))) == where(there)


@given(starts, st.sampled_from(["copy", "move"]), place, place)
def test_withdrawn_is_the_inverse_of_after(
    start: set[tuple[str, str]], verb: str, source: tuple[str, str], target: tuple[str, str]
) -> None:
    if source == target or target in start or (records.is_placement(*source) and source not in start):
        return
    one = deed(verb, source, target)
    there = apply(record(start), one)
    back = records.withdrawn({there.id: there}, [one], {"1"})
    assert where(back[0] if back else there) == start
    again = back[0] if back else there
    assert records.withdrawn({again.id: again}, [one], {"1"}) == []


def test_a_source_that_is_gone_gets_no_placement_back() -> None:
    one = deed("move", ("nas", "a"), ("nas", "b"))
    there = apply(record({("nas", "a")}), one)
    assert [where(found) for found in records.withdrawn({there.id: there}, [one], set())] == [set()]


def test_what_lies_on_the_disk_or_in_the_trash_is_no_placement() -> None:
    kept = record({("nas", "a")})
    assert where(apply(kept, deed("move", ("nas", "a"), ("nas", ".albumen/trash/b1/a")))) == set()
    assert where(apply(kept, deed("move", ("nas", "a"), ("disk", "card/a")))) == set()


def test_a_record_nobody_knows_is_left_out() -> None:
    assert records.after({}, [deed("move", ("disk", "card/a"), ("nas", "a"))], {}, {}) == []


def test_a_content_that_comes_again_keeps_what_people_entered() -> None:
    kept = replace(record({("nas", "a")}), rating=5, arrival=(Arrival("import", "disk:x", 1),))
    new = replace(record(set()), arrival=(Arrival("import", "disk:y", 2),), companions=(Companion("xmp", "s", 1, "x.xmp"),))
    after = apply(kept, deed("copy", ("disk", "card/a"), ("nas", "b"), after=new))
    assert (after.rating, len(after.arrival), len(after.companions)) == (5, 2, 1)
    assert where(after) == {("nas", "a"), ("nas", "b")}


def test_the_main_record_names_a_picture_that_came_later() -> None:
    main = a_record("raw")
    part = a_record("jpeg", companion_of=main.id, placements=())
    one = Deed("b1", "key", "copy", Ref("disk", "x.jpg"), Ref("nas", "x.jpg"), id="1", role="jpeg", record=part.id, after=part)
    items = {"1": Item(Ref("nas", "x.jpg"))}
    found = {found.id: found for found in records.after({main.id: main}, [one], items, {"1": PROOF})}
    assert [told.id for told in found[main.id].companions] == [part.id]
    assert {found.id for found in records.after(found, [one], items, {"1": PROOF})} == set()
