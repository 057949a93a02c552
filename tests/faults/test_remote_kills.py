"""Scaling and sorting on a server's store: killed between any two calls of stores, catalog and ledger, or failing there, it comes to
the same end: one result for each raw, no raw lost, no half file, no tag lost. Three files, every position."""

from collections.abc import Callable
from pathlib import Path

import pytest

from albumen.errors import Transient, Unavailable
from albumen.model import Deed, DeedState
from albumen.testing import NoMoveStore
from make.remote import RAW, SORTED, UNSORTED, FarLife, World, known, near, plain, remote, settled
from make.worlds import Fault, Killed, jpeg

FILES = ("a.jpg", "b.jpg", "c.jpg")
Make = Callable[[], NoMoveStore]

MAKES = [
    pytest.param(remote, id="remote"),
    pytest.param(lambda: remote(keeps_rev=False), id="new-rev", marks=pytest.mark.slow),
    pytest.param(plain, id="plain", marks=pytest.mark.slow),
    pytest.param(near, id="near", marks=pytest.mark.slow),
]


def lost() -> BaseException:
    return Transient("the answer was lost")


def closed() -> BaseException:
    return Unavailable("hub", "gone for a while")


def lives(world: World, fault: Fault, source: str, *, after: str = "trash") -> FarLife:
    """Until one comes to its end. Each encodes otherwise than the one before."""
    for number in range(3):
        try:
            life = FarLife(world, fault, after=after, salt=bytes([number]))
            life.daemon(source)
        except Killed:
            fault = Fault()
            continue
        return life
    raise AssertionError("one kill, and no life comes to its end")


def scaled(world: World, *, trash: bool = True) -> list[Deed]:
    """What shall be the same whatever happened: one result for each raw, made of the whole of it, and the raw in the trash."""
    far = world.far()
    results = {path: data for path, data in far.items() if path.startswith(UNSORTED)}
    assert sorted(results) == [f"{UNSORTED}/double {one}" for one in FILES]
    for one in FILES:
        assert results[f"{UNSORTED}/double {one}"][:-1] == jpeg(f"raw {one}") * 2
    rest = sorted(set(far) - set(results))
    assert rest == [f".albumen/trash/BATCH/{RAW}/{one}" if trash else f"{RAW}/{one}" for one in FILES]
    assert all(far[path] == jpeg(f"raw {path.rpartition('/')[2]}") for path in rest)
    places = {f"{UNSORTED}/double {one}": (one, True) for one in FILES}
    assert known(world) == places | ({} if trash else {f"{RAW}/{one}": (one, False) for one in FILES})
    deeds = settled(world)
    done = [(one.verb, one.source.path) for one in deeds if one.state is DeedState.done]
    assert sorted(done) == sorted(
        [("derive", f"{RAW}/{one}") for one in FILES] + ([("move", f"{RAW}/{one}") for one in FILES] if trash else [])
    )
    return deeds


def calls(folder: Path, make: Make, source: str = "raw") -> int:
    world = World(folder, make())
    world.drop(*FILES)
    if source == "tagged":
        tag(world)
    fault = Fault()
    FarLife(world, fault).daemon(source)
    return len(fault.calls)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("make", MAKES)
def test_scaling_killed_at_any_call(tmp_path: Path, make: Make, after: bool) -> None:
    """S1-12, S1-06 (part: killed)."""
    for at in range(1, calls(tmp_path / "whole", make) + 1):
        world = World(tmp_path / str(at), make())
        world.drop(*FILES)
        fault = Fault(at, after=after)
        life = lives(world, fault, "raw")
        assert fault.struck
        assert life.jobs.buried == [], at
        scaled(world)


@pytest.mark.parametrize("raises", [lost, closed])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("make", MAKES)
def test_scaling_fails_at_any_call(tmp_path: Path, make: Make, after: bool, raises: Callable[[], BaseException]) -> None:
    """A lost answer, a closed place: the same process goes on. Calls outside of jobs are tried by their callers."""
    for at in range(1, calls(tmp_path / "whole", make) + 1):
        world = World(tmp_path / str(at), make())
        world.drop(*FILES)
        fault = Fault(at, raises, after)
        life = FarLife(world, fault, salt=b"\1")
        try:
            life.daemon("raw")
        except (Transient, Unavailable):  # while looking, or beginning: no job met it; the next process looks
            life = FarLife(world, Fault(), salt=b"\2")
            life.daemon("raw")
        assert life.jobs.buried == [], at
        scaled(world)


def test_a_raw_that_stays(tmp_path: Path) -> None:
    for at in range(1, 60):
        world = World(tmp_path / str(at), remote())
        world.drop(*FILES)
        lives(world, Fault(at), "raw", after="keep")
        scaled(world, trash=False)


# ------------------------------------------------------------------------------------------------------------------ sorting


def tag(world: World) -> None:
    """What a person does: results, each with a tag for the step and one of their own."""
    hub = world.hub
    for one in FILES:
        hub.write(f"{UNSORTED}/{one}", jpeg(one))
        hub.assign(f"{UNSORTED}/{one}", f"ai:{one[0]}")  # type: ignore[attr-defined]  # those that have tags
        hub.assign(f"{UNSORTED}/{one}", "holiday")  # type: ignore[attr-defined]
    for one in list(hub.tree()):
        if one.startswith(RAW):
            hub.remove(one)


def sorted_out(world: World) -> None:
    """Each file in its folder, whole, its own tag alone gone."""
    assert world.far() == {f"{SORTED}/{one[0]}/{one}": jpeg(one) for one in FILES}
    assert world.tagged() == {f"{SORTED}/{one[0]}/{one}": ["holiday"] for one in FILES}
    assert known(world) == {f"{SORTED}/{one[0]}/{one}": (one, False) for one in FILES}
    done = [one for one in settled(world) if one.state is DeedState.done]
    assert sorted((one.verb, one.source.path, one.tags) for one in done) == [
        ("move", f"{UNSORTED}/{one}", (f"-ai:{one[0]}",)) for one in FILES
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("keeps", [True, False], ids=["same-rev", "new-rev"])
def test_sorting_killed_at_any_call(tmp_path: Path, after: bool, keeps: bool) -> None:
    for at in range(1, calls(tmp_path / "whole", lambda: remote(keeps_rev=keeps), "tagged") + 1):
        world = World(tmp_path / str(at), remote(keeps_rev=keeps))
        tag(world)
        fault = Fault(at, after=after)
        assert lives(world, fault, "tagged").jobs.buried == []
        assert fault.struck
        sorted_out(world)


@pytest.mark.parametrize("raises", [lost, closed])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_sorting_fails_at_any_call(tmp_path: Path, after: bool, raises: Callable[[], BaseException]) -> None:
    """The answer to a MOVE is lost, the removal of a tag fails (S1-24, part): looked up, tried again."""
    for at in range(1, calls(tmp_path / "whole", remote, "tagged") + 1):
        world = World(tmp_path / str(at), remote())
        tag(world)
        fault = Fault(at, raises, after)
        life = FarLife(world, fault)
        try:
            life.daemon("tagged")
        except (Transient, Unavailable):
            life = FarLife(world, Fault())
            life.daemon("tagged")
        assert life.jobs.buried == [], at
        sorted_out(world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_undo_killed_at_any_call(tmp_path: Path, after: bool) -> None:
    """File and tags are back, whenever it was killed."""
    at = 0
    while True:
        at += 1
        world = World(tmp_path / str(at), remote())
        tag(world)
        before = world.far(), world.tagged()
        batch = FarLife(world, Fault()).daemon("tagged")
        fault = Fault(at, after=after)
        try:
            FarLife(world, fault).undo(batch)
        except Killed:
            FarLife(world, Fault()).undo(batch)
        settled(world)
        assert (world.far(), world.tagged()) == before, at
        if not fault.struck:
            return
