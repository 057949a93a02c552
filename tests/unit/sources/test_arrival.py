"""When a file is ready: the rules alone, on a clock that tests turn."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from albumen.model import DISK, Ref
from albumen.sources.arrival import PATIENCE, Arrivals, stem
from albumen.testing.clock import FakeClock

SETTLE = 5.0


def ref(path: str, rev: str = "r1") -> Ref:
    return Ref(DISK, path, rev, 1)


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1234.HEIC",
        "IMG_1234.MOV",
        "IMG_E1234.HEIC",
        "IMG_1234.AAE",
        "img_1234.jpg.xmp",
        "IMG_1234.xmp",
        "IMG_1234.jpg.supplemental-metadata.json",
    ],
)
def test_one_stem(name: str) -> None:
    """What may belong together waits for one another."""
    assert stem(f"in/{name}") == stem("in/IMG_1234.JPG")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x.jpg", "x-edited.jpg"),
        ("x.jpg", "x-bearbeitet.jpg"),
        ("x(11).jpg", "x.jpg(11).json"),
        ("x(11).jpg", "x.jpg.supplemental-metadata(11).json"),
        ("b" * 60 + ".jpg", "b" * 46 + ".json"),
        ("b" * 60 + "(1).jpg", "b" * 46 + "(1).json"),
        ("b" * 44 + ".jpg", "b" * 44 + ".j.json"),
        ("IMG_1234.HEIC", "IMG_O1234.AAE"),
    ],
)
def test_one_stem_as_google_and_apple_write_it(one: str, other: str) -> None:
    """Takeout numbers and cuts the names of its sidecars."""
    assert stem(f"in/{one}") == stem(f"in/{other}")


@pytest.mark.parametrize(
    "name", ["in/IMG_1235.HEIC", "sub/IMG_1234.HEIC", "in/IMG_12345.jpg", "in/1.IMG_1234.jpg", "in/IMG_1234 (1).jpg"]
)
def test_another_stem(name: str) -> None:
    """Neighbours do not."""
    assert stem(name) != stem("in/IMG_1234.HEIC")


@pytest.mark.parametrize("name", ["2021.05.03.jpg", "a. b.jpg", "\udcff.jpg", "two\nlines.jpg", "noext"])
def test_a_stem_is_never_empty(name: str) -> None:
    """Dots of a date and odd bytes stay in the name."""
    assert stem(f"in/{name}") not in {"in/", "in"}
    assert stem("in/2021.05.03.jpg") != stem("in/2021.05.04.jpg")


def test_two_looks_apart() -> None:
    """The first look never suffices, one too early neither."""
    arrivals = Arrivals(SETTLE)
    arrivals.look(ref("a"), 0.0)
    assert arrivals.ripe(0.0) == []
    arrivals.look(ref("a"), 4.9)
    assert arrivals.ripe(4.9) == []
    assert arrivals.next_due() == 5.0
    arrivals.look(ref("a"), 5.0)
    assert arrivals.ripe(5.0) == [("a",)]


def test_an_event_begins_the_waiting_anew() -> None:
    """A write that left size and times as they were (a mapping) is told by an event only."""
    arrivals = Arrivals(SETTLE)
    arrivals.look(ref("a"), 0.0)
    arrivals.touch("a", 4.0)
    arrivals.look(ref("a"), 6.0)
    assert arrivals.ripe(6.0) == []
    assert arrivals.ripe(9.0) == [("a",)]
    arrivals.touch("unknown", 9.0)
    assert len(arrivals) == 1


def test_a_file_without_its_end_waits_ten_minutes() -> None:
    """Then it is taken as it is; one that grows meanwhile begins anew."""
    arrivals = Arrivals(SETTLE)
    arrivals.look(ref("a"), 0.0)
    arrivals.note("a", whole=False)
    assert arrivals.ripe(PATIENCE - 1) == []
    assert arrivals.ripe(PATIENCE) == [("a",)]
    arrivals.look(ref("a", "r2"), 700.0)
    assert arrivals.ripe(704.0) == []
    assert arrivals.ripe(705.0) == [("a",)], "other bytes were not looked at yet"


def test_a_stem_waits_for_its_last_file() -> None:
    """The RAW waits for the sidecar that is still written; a neighbour does not."""
    arrivals = Arrivals(SETTLE)
    for path in ("in/a.CR2", "in/a.xmp", "in/b.jpg"):
        arrivals.look(ref(path), 0.0)
    arrivals.look(ref("in/a.xmp", "r2"), 4.0)
    assert arrivals.ripe(5.0) == [("in/b.jpg",)]
    assert arrivals.ripe(9.0) == [("in/a.CR2", "in/a.xmp"), ("in/b.jpg",)]


PATHS = ("d/a.jpg", "d/a.xmp", "d/b.jpg")
STEPS = some.lists(
    some.tuples(some.sampled_from(["write", "event", "wait"]), some.sampled_from(PATHS), some.integers(0, 8)), max_size=40
)


@given(STEPS)
def test_never_early_never_forgotten(steps: Sequence[tuple[str, str, int]]) -> None:
    """Whatever is written when: nothing is ripe whose stem was touched within ``settle``, and all is ripe after a quiet time."""
    clock, arrivals = FakeClock(0), Arrivals(SETTLE)
    revs: dict[str, int] = {}
    touched: dict[str, float] = {}
    for what, path, amount in steps:
        if what == "wait":
            clock.advance(amount)
        elif what == "write":
            revs[path] = revs.get(path, 0) + 1
            touched[stem(path)] = clock.seconds
        elif path in revs:
            arrivals.touch(path, clock.seconds)
        for known, rev in revs.items():
            arrivals.look(ref(known, str(rev)), clock.seconds)
        for paths in arrivals.ripe(clock.seconds):
            assert clock.seconds - touched[stem(paths[0])] >= SETTLE
    clock.advance(SETTLE)
    for known, rev in revs.items():
        arrivals.look(ref(known, str(rev)), clock.seconds)
    assert {path for paths in arrivals.ripe(clock.seconds) for path in paths} == set(revs)


def test_what_only_a_walk_found_is_counted_when_it_is_handed_over() -> None:
    """An event before or after, or a writer met by an event, makes it told for good; a look of ours does not; twice counts once."""
    arrivals = Arrivals(SETTLE)
    for name in ("silent", "late", "told", "gone", "written"):
        arrivals.look(ref(name), 0.0, silent=name != "told")
    arrivals.look(ref("told"), 1.0, silent=True)
    arrivals.touch("late", 2.0)
    arrivals.look(ref("late", "r2"), 3.0, silent=True)
    arrivals.look(ref("silent"), 3.0, silent=True)
    arrivals.look(ref("written", "r2"), 3.0, silent=True)
    arrivals.written("written", 4.0)
    assert arrivals.ripe(8.0) == [("gone",), ("late",), ("silent",), ("told",)]
    arrivals.drop("gone")
    assert arrivals.silent == 0
    for name in ("silent", "late", "told", "written", "silent"):
        arrivals.handed(name)
    assert arrivals.silent == 2
