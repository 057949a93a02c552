"""A kill, or an error, between any two calls while the halves of a live photo are joined, or parted again: all or none, then one end."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from albumen.errors import Transient, Unavailable
from albumen.model import DISK, DeedState, Query
from albumen.operations.export import export
from albumen.operations.working import recover
from albumen.ports import Queue
from make.lives import Life, all_deeds
from make.worlds import LIBRARY, Fault, Ground, InMemory, Killed, OnDisk, half, xmp

Ask = Callable[[Life], object]
FILES = {
    "Z.JPG": half("G"),
    "Z.JPG.xmp": xmp("of the still"),
    "A.MOV": half("G", when="2021:08:01 00:00:01", movie=True),
    "A.xmp": xmp("of the movie"),
}
STILL, MOVIE = ("Z.JPG", "Z.JPG.xmp"), ("A.MOV", "A.xmp")


def came(*names: str) -> Ask:
    """These files, and whatever else a killed run left on the card, arrive; what dead owners left is finished first."""

    def ask(life: Life) -> None:
        ground, top = life.ground, life.ground.disk()
        recover(life.engine, life.pipeline, cast("Queue", life.jobs))
        life.jobs.run(life.pipeline)
        there = {one.main.name for one in life.stores[DISK].list(top)}
        assert there <= set(FILES), ground
        for part in (STILL, MOVIE):
            rest = tuple(name for name in part if name in there and name in names)
            if rest:
                life.arrive(*rest)

    return ask


def parted(life: Life) -> object:
    """The join is undone: the same words after a kill."""
    (join,) = [one.id for one in life.ledger.batches().rows if one.what == "join live photo G" and not one.undoes][-1:]
    return life.undo(join)


ASKS: dict[str, list[Ask]] = {
    "a late movie": [came(*STILL), came(*MOVIE)],
    "a late still": [came(*MOVIE), came(*STILL)],
    "both in one look": [came(*STILL, *MOVIE)],
    "undo": [came(*STILL), came(*MOVIE), parted],
}


def fill(ground: Ground, names: Sequence[str] = tuple(FILES)) -> None:
    for name in names:
        ground.write(name, FILES[name])


def end_of(ground: Ground, life: Life) -> dict[str, object]:
    """All that shall be the same whatever happened on the way."""
    deeds = all_deeds(ground.ledger)
    assert [one for one in deeds if one.state in (DeedState.planned, DeedState.intended)] == []
    assert [one.what for one in ground.ledger.batches(open=True).rows] == []
    assert life.jobs.buried == []
    tree = ground.tree()
    halves = {path.rpartition("/")[2] for path in tree if path.startswith(f"{LIBRARY}:20")}
    done = sorted(
        (one.verb, re.sub(r".*/", "", one.source.path), re.sub(r".*/", "", one.target.path), one.role)
        for one in deeds
        if one.state is DeedState.done and not one.undone_by and one.verb == "move"
    )
    shown = [one.name for one in ground.catalog.find(Query()).rows]
    records = [re.sub(r'"ref":"[^"]*"', "", one) for one in export(ground.catalog, stable=True)]
    return {"files": halves, "tree": tree, "records": records, "shown": shown, "ledger": done}


def run(ground: Ground, fault: Fault, asks: list[Ask]) -> tuple[dict[str, object], int]:
    """The end state after asking for these things, the last as often as the fault breaks it; how many calls that took."""
    for ask in asks[:-1]:
        ask(Life(ground, Fault()))
    life = Life(ground, fault)
    try:
        asks[-1](life)
    except (Killed, Unavailable, Transient):
        life = Life(ground, Fault())
        asks[-1](life)
    if fault.struck:
        life = Life(ground, Fault())  # who comes next finishes what is left
        came(*FILES)(life)
    return end_of(ground, life), len(fault.calls)


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    calm = InMemory(tmp_path)
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    joined = {"2021-07-01 00-30-00.jpg", "2021-07-01 00-30-00.jpg.xmp", "2021-07-01 00-30-00.mov", "2021-07-01 00-30-00.mov.xmp"}
    assert (expected["files"] == joined) == (asked != "undo")
    for at in range(1, calls + 1):
        ground = InMemory(tmp_path)
        fill(ground)
        fault = Fault(at)
        found, _ = run(ground, fault, ASKS[asked])
        assert found == expected, f"killed before call {at}: {fault.calls[-5:]}"


@pytest.mark.parametrize("asked", ["a late movie", "a late still", "undo"])
def test_killed_on_disk(tmp_path: Path, asked: str) -> None:
    """The same on the embedded engines, at every 7th call."""
    calm = OnDisk(tmp_path / "calm")
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    calm.close()
    for at in range(1 + len(asked) % 7, calls + 1, 7):
        ground = OnDisk(tmp_path / str(at))
        fill(ground)
        found, _ = run(ground, Fault(at), ASKS[asked])
        ground.close()
        assert {**found, "tree": {}} == {**expected, "tree": {}}, f"killed before call {at}"
        assert found["tree"].keys() == expected["tree"].keys()  # type: ignore[attr-defined]


ERRORS: dict[str, Callable[[], BaseException]] = {
    "closed": lambda: Unavailable(LIBRARY, "the disk is full; free some space"),
    "once": lambda: Transient("not now"),
}


@pytest.mark.parametrize("asked", ASKS)
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
def test_an_error_and_the_same_owner_again(tmp_path: Path, asked: str, after: bool) -> None:
    """A retry in a living process is a recovery. ``done``: the call had its effect, only its answer was lost."""
    calm = InMemory(tmp_path)
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    for at in range(1, calls + 1):
        ground = InMemory(tmp_path)
        fill(ground)
        fault = Fault(at, ERRORS["closed" if at % 2 else "once"], after)
        found, _ = run(ground, fault, ASKS[asked])
        if isinstance(ground, InMemory):
            for one in ground.stores.values():
                one.staged.clear()
        assert found == expected, f"failed at call {at}: {fault.calls[at - 6 : at]}"


def test_never_half_of_a_group(tmp_path: Path) -> None:
    """What a kill leaves, before anybody recovers it: each content lies somewhere, whole."""
    calm = InMemory(tmp_path)
    fill(calm)
    _, calls = run(calm, Fault(), ASKS["a late still"])
    for at in range(1, calls + 1):
        ground = InMemory(tmp_path)
        fill(ground)
        ASKS["a late still"][0](Life(ground, Fault()))
        with suppress(Killed):
            ASKS["a late still"][1](Life(ground, Fault(at)))
        there = [data for store in ground.stores.values() for data in store.tree().values()]
        assert set(FILES.values()) <= set(there), at
