"""The first seed's entry, read from whatever an index holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.errors import Rejected, UsageError
from albumen.model import Placement, Position, Record
from albumen.operations.seed0 import LARGEST, album, entries, marks, parse

GOOD: dict[str, Any] = {"name": "a.jpg", "path": "2021/07_July", "nas": True}


def test_every_field_is_read() -> None:
    found = parse(
        {
            **GOOD,
            "dropbox": True,
            "size": 5,
            "checksum": "AB" * 32,
            "captured": 1625099400000,
            "modified": 1587456138123,
            "location": "-33.85875,151.21431",
            "dimensions": "4032x3024",
            "duration": 21,
        }
    )
    assert (found.path, found.name, found.nas, found.dropbox, found.notes) == ("2021/07_July/a.jpg", "a.jpg", True, True, ())
    assert (found.size, found.checksum) == (5, "ab" * 32)
    assert (found.captured, found.modified) == ("2021-07-01T00:30:00", 1_587_456_138_123_000_000)
    assert found.position == Position(-33.85875, 151.21431)
    assert (found.dimensions, found.duration) == ((4032, 3024), 21.0)


def test_what_is_left_out_is_not_known() -> None:
    found = parse(GOOD)
    assert (found.size, found.checksum, found.captured, found.modified, found.position) == (None, "", "", None, None)
    assert (found.dimensions, found.duration, found.dropbox, found.notes) == (None, None, False, ())


@pytest.mark.parametrize(
    ("key", "value", "field", "wanted"),
    [
        ("captured", "2021-07-01T00:30:00.000Z", "captured", "2021-07-01T00:30:00"),
        ("captured", "2021-07-01T02:30:00+02:00", "captured", "2021-07-01T00:30:00"),
        ("captured", "1625099400000", "captured", "2021-07-01T00:30:00"),
        ("captured", -1000, "captured", "1969-12-31T23:59:59"),
        ("location", {"lat": 47.5, "lon": "8.7"}, "position", Position(47.5, 8.7)),
        ("location", [8.7, 47.5], "position", Position(47.5, 8.7)),
        ("size", "5", "size", 5),
        ("size", 5.0, "size", 5),
        ("nas", "true", "nas", True),
    ],
)
def test_other_forms_that_an_index_takes(key: str, value: Any, field: str, wanted: Any) -> None:
    found = parse({**GOOD, "dropbox": True, key: value})
    assert getattr(found, field) == wanted
    assert found.notes == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("captured", one) for one in ("yesterday", 10**40, True)],
        ("captured", [1]),
        ("captured", {"a": 1}),
        *(("location", one) for one in ("47.5", "1,2,3", "91,0", "x,y")),
        ("location", [1]),
        ("location", {"lat": 1}),
        ("location", 7),
        ("size", -5),
        ("size", "much"),
        ("size", True),
        ("size", [1]),
        ("size", float("inf")),
        *(("checksum", one) for one in ("abc", 7, "g" * 64)),
        *(("dimensions", one) for one in ("4032", "0x5", "x", 7)),
        ("duration", "long"),
        ("modified", "x"),
    ],
)
def test_a_field_that_cannot_be_read_is_noted_and_the_entry_stands(key: str, value: Any) -> None:
    found = parse({**GOOD, key: value})
    assert found.path == "2021/07_July/a.jpg"
    assert len(found.notes) == 1
    assert key in found.notes[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["1,2", "4x5", "ab" * 32]),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(["lat", "lon", "x"]), some, max_size=3),
    max_leaves=5,
)
KEYS = ["name", "path", "nas", "dropbox", "size", "checksum", "captured", "modified", "location", "dimensions", "duration"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_whatever_stands_in_an_index_is_an_entry_or_is_refused(source: dict[str, Any]) -> None:
    try:
        found = parse(source)
    except Rejected:
        return
    assert found.path
    assert found.nas or found.dropbox


@pytest.mark.parametrize(
    "wrong",
    [
        None, 7, "x", [], {}, {**GOOD, "name": None}, {**GOOD, "name": ""}, {**GOOD, "name": ".."}, {**GOOD, "name": "a/b"},
        {**GOOD, "name": "a\0b"}, {**GOOD, "name": 7}, {**GOOD, "path": 7}, {**GOOD, "path": "a/../b"}, {**GOOD, "path": "./a"},
        {**GOOD, "path": ".albumen/trash"}, {**GOOD, "nas": False}, {**GOOD, "nas": "yes"},
    ],
)  # fmt: skip
def test_what_names_no_file_is_refused(wrong: Any) -> None:
    with pytest.raises(Rejected):
        parse(wrong)


def test_a_size_that_was_cut_off_fits_every_larger_one() -> None:
    found = parse({**GOOD, "size": LARGEST})
    assert [found.has_size(one) for one in (LARGEST - 1, LARGEST, LARGEST + 1, 3 << 30)] == [False, True, True, True]
    assert [parse({**GOOD, "size": 5}).has_size(one) for one in (5, 6)] == [True, False]
    assert parse(GOOD).has_size(7)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("", ""),
        ("2021/07_July", ""),
        ("2021/07_July/Whatsapp", ""),
        ("2021/07_July/filmchen", ""),
        ("2021/07_July/Whatsapp/filmchen", ""),
        ("2021/07_July/Party", "2021/07_July/Party"),
        ("2021/07_July_late", "2021/07_July_late"),
        ("2021/07_Juli", "2021/07_Juli"),
        ("2021/Ferien", "2021/Ferien"),
        ("2010/Ferien Tessin/Tag 2", "2010/Ferien Tessin/Tag 2"),
    ],
)
def test_folders_that_are_no_months_are_albums(folder: str, name: str) -> None:
    assert album(folder, ("Whatsapp", "filmchen")) == name


def test_the_stores_of_the_marks() -> None:
    types = {"nas": "local", "cloud": "dropbox", "old": "local"}
    assert marks(types, "nas", None, None) == ("nas", "cloud")
    assert marks(types, "nas", "old", "") == ("old", "")
    assert marks({"nas": "local"}, "nas", None, None) == ("nas", "")
    for nas, dropbox in (("none", None), (None, "none"), ("cloud", None)):
        with pytest.raises(UsageError):
            marks(types, "nas", nas, dropbox)
    with pytest.raises(UsageError, match="several stores of type dropbox"):
        marks({**types, "more": "dropbox"}, "nas", None, None)


def test_what_is_written_reads_back() -> None:
    places = (Placement("nas", "2021/07_July/a.jpg"), Placement("cloud", "2021/07_July/a.jpg"), Placement("nas", "top.jpg"))
    record = Record(
        *("0" * 32, "1" * 64, 5, "video", "mov", "a.mov"),
        taken="2021-07-01T00:30:00.25",
        precision="second",
        date_source="exif:DateTimeOriginal",
        duration=21.7,
        modified=1_587_456_138_123_456_789,
        position=Position(46.15, -8.8),
        width=40,
        height=30,
        placements=places,
    )
    one, top = map(parse, entries(record, "nas", "cloud", "ab" * 32))
    assert (one.path, one.nas, one.dropbox, top.path, top.dropbox) == ("2021/07_July/a.jpg", True, True, "top.jpg", False)
    assert (one.captured, one.duration, one.dimensions) == ("2021-07-01T00:30:00", 21.0, (40, 30))
    assert (one.modified, one.position, one.checksum) == (1_587_456_138_123_000_000, Position(46.15, -8.8), "ab" * 32)
    assert one.notes == top.notes == ()
