"""Values to JSON and back."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum

import pytest

from albumen.jsonable import dumps, from_json, loads
from albumen.model import Deed, DeedState, Facts, Item, Job, Ref, Stamp
from albumen.testing.records import a_record, everything


def test_what_is_written_reads_back() -> None:
    deed = Deed("b", "k", "move", Ref("nas", "a/\udcff"), Ref("nas", ""), after=everything(0), state=DeedState.done)
    job = Job(
        Item(deed.source, facts=(Facts("image", "jpeg", stamps=(Stamp("x", "y"),)),), parts=("1", "2")), ("catalog", "file")
    )
    for value in (everything(0), a_record(1), deed, job):
        assert loads(type(value), dumps(value)) == value
    assert isinstance(loads(Deed, dumps(deed)).state, DeedState)


def test_absent_is_left_out_and_zero_is_not() -> None:
    """S0-01 (part: unknown is left out, never 0 or false; false and 0 stay distinguishable)."""
    written = json.loads(dumps(a_record(1, rating=0, duration=0.0, title=None, description="", tags=(), placements=())))
    assert (written["rating"], written["duration"], written["version"]) == (0, 0.0, 0)
    assert not {"title", "description", "tags", "placements", "quality", "taken"} & set(written)


def test_a_field_without_a_default_is_always_written() -> None:
    assert json.loads(dumps(Ref("nas", ""))) == {"store": "nas", "path": ""}
    assert loads(Ref, dumps(Ref("nas", ""))) == Ref("nas", "")


def test_unknown_keys_are_ignored() -> None:
    assert from_json(Ref, {"store": "nas", "path": "a", "colour": "red"}) == Ref("nas", "a")


def test_equal_values_give_equal_ascii_text() -> None:
    text = dumps(everything(0))
    assert text == dumps(replace(everything(0)))
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["placements"][0]["path"] == "2021/\udcff/0.jpg"


def test_enumerations_and_fixed_tuples() -> None:
    class Colour(StrEnum):
        red = "r"

    @dataclass(frozen=True)
    class Dot:
        at: tuple[int, Ref]
        colour: Colour | None = None
        seen: bool = False

    dot = Dot((1, Ref("nas", "a")), Colour.red)
    assert json.loads(dumps(dot)) == {"at": [1, {"store": "nas", "path": "a"}], "colour": "r", "seen": False}
    assert from_json(Dot, json.loads(dumps(dot))) == dot


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        1e300,
        -0.0,
        float("inf"),
        float("-inf"),
        2**70,
        True,
        None,
        '"\\\x00é\udcff',
        (),
        ((1, (2.5,)),),
        {"a": {"b": ()}, "c": 1},
    ],
)
def test_plain_values_are_written_as_the_standard_library_does(value: object) -> None:
    assert dumps(value) == json.dumps(value, separators=(",", ":"))


def test_what_has_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="no JSON for object"):
        dumps((object(),))
