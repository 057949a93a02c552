"""A kill, or an error, between any two calls while the halves of a live photo are joined, or parted again: all or none, then one end."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from albumen.model import DISK, DeedState, Query
from albumen.operations.export import export
from albumen.operations.working import recover
from albumen.ports import Queue
from make.lives import Life
from make.trials import Ask, End, Trial, all_ended
from make.worlds import LIBRARY, Fault, Ground, InMemory, Killed, half, xmp

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


def end_of(life: Life, ground: Ground) -> End:
    """All that shall be the same whatever happened on the way."""
    deeds = all_ended(life, ground)
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


def alike(ground: Ground, found: End, expected: End) -> bool:
    """On a disk the times of folders differ."""
    if isinstance(ground, InMemory):
        return found == expected
    trees = (cast("dict[str, object]", one["tree"]).keys() for one in (found, expected))
    return {**found, "tree": {}} == {**expected, "tree": {}} and next(trees) == next(trees)


TRIAL = Trial(ASKS, fill, end_of, came(*FILES), alike)


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    TRIAL.killed(tmp_path, asked)


@pytest.mark.parametrize("asked", ["a late movie", "a late still", "undo"])
def test_killed_on_disk(tmp_path: Path, asked: str) -> None:
    TRIAL.killed_on_disk(tmp_path, asked, 7)


@pytest.mark.parametrize("asked", ASKS)
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
def test_an_error_and_the_same_owner_again(tmp_path: Path, asked: str, after: bool) -> None:
    TRIAL.failed(tmp_path, asked, after=after)


@pytest.mark.parametrize("asked", ASKS)
def test_joined_unless_undone(tmp_path: Path, asked: str) -> None:
    """What the other tests compare with is right."""
    joined = {"2021-07-01 00-30-00.jpg", "2021-07-01 00-30-00.jpg.xmp", "2021-07-01 00-30-00.mov", "2021-07-01 00-30-00.mov.xmp"}
    expected, _ = TRIAL.calm(InMemory(tmp_path), asked)
    assert (expected["files"] == joined) == (asked != "undo")


def test_never_half_of_a_group(tmp_path: Path) -> None:
    """What a kill leaves, before anybody recovers it: each content lies somewhere, whole."""
    _, calls = TRIAL.calm(InMemory(tmp_path), "a late still")
    for at in range(1, calls + 1):
        ground = InMemory(tmp_path)
        fill(ground)
        ASKS["a late still"][0](Life(ground, Fault()))
        with suppress(Killed):
            ASKS["a late still"][1](Life(ground, Fault(at)))
        there = [data for store in ground.stores.values() for data in store.tree().values()]
        assert set(FILES.values()) <= set(there), at
