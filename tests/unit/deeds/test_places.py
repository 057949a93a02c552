"""All or none of a group: what lies where decides."""

from hypothesis import given
from hypothesis import strategies as st

from albumen.deeds.places import Decision, Look, decide

looks = st.dictionaries(
    st.sampled_from("abcd"),
    st.builds(Look, st.sampled_from(["absent", "ours", "foreign"]), st.sampled_from(["there", "gone", "changed"])),
    min_size=1,
)


@given(looks)
def test_all_or_none(found: dict[str, Look]) -> None:
    decision = decide(found)
    if decision.go_on:
        assert (decision.back, decision.keep, decision.why) == ((), (), "")
        assert all(one.target == "ours" or id in decision.place for id, one in found.items())
    else:
        assert decision.place == ()
        assert decision.why


@given(looks)
def test_nothing_is_placed_over_a_foreign_file_or_from_a_source_that_is_not_there(found: dict[str, Look]) -> None:
    for id in decide(found).place:
        assert found[id] == Look("absent", "there")


@given(looks)
def test_only_what_is_ours_and_has_its_source_is_taken_back(found: dict[str, Look]) -> None:
    decision = decide(found)
    assert all(found[id] == Look("ours", "there") for id in decision.back)
    assert all(found[id].target == "ours" and found[id].source != "there" for id in decision.keep)


@given(looks)
def test_after_it_was_carried_out_there_is_nothing_more_to_place_or_take_back(found: dict[str, Look]) -> None:
    """A crash after the doing comes to the same answer."""
    decision = decide(found)
    now = {
        id: Look("ours", one.source) if id in decision.place else Look("absent", one.source) if id in decision.back else one
        for id, one in found.items()
    }
    again = decide(now)
    assert (again.go_on, again.place, again.back) == (decision.go_on, (), ())


def test_the_reason_a_person_reads() -> None:
    assert decide({"a": Look("foreign", "gone"), "b": Look("absent", "there")}).why == "exists"
    assert decide({"a": Look("absent", "gone"), "b": Look("absent", "changed")}).why == "gone"
    assert decide({"a": Look("absent", "changed")}).why == "changed"
    assert decide({"a": Look("ours", "gone"), "b": Look("absent", "there")}) == Decision(place=("b",))
