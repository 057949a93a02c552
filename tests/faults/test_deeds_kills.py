"""A kill between any two calls of any store, ledger or catalog, or an error of any of them: everything comes to the same end."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from albumen.errors import Transient, Unavailable
from albumen.model import DeedState
from make.lives import Life, all_deeds, known_places
from make.worlds import LIBRARY, Fault, Ground, InMemory, Killed, OnDisk, jpeg, raw, xmp

Make = Callable[[Path], Ground]
Ask = Callable[[Life], object]


def fill(ground: Ground) -> None:
    """Names that clash, a RAW with its JPEG and sidecar, duplicates on both sides of the folders."""
    ground.write("a/one.jpg", jpeg("one"))
    ground.write("a/two.jpg", jpeg("two"))
    ground.write("a/raw.cr2", raw("three"))
    ground.write("a/raw.jpg", jpeg("three"))
    ground.write("a/raw.xmp", xmp("three"))
    ground.write("b/again.jpg", jpeg("one"))
    ground.write("b/again.xmp", xmp("about one"))
    if isinstance(ground, OnDisk):
        ground.folder_times()


def end_of(life: Life, ground: Ground) -> dict[str, object]:
    """All that shall be the same whatever happened on the way."""
    deeds = all_deeds(ground.ledger)
    assert [one for one in deeds if one.state in (DeedState.planned, DeedState.intended)] == []
    assert [one.what for one in ground.ledger.batches(open=True).rows] == []
    assert life.jobs.buried == []
    if isinstance(ground, InMemory):
        assert all(not one.staged for one in ground.stores.values())
    done = [one for one in deeds if one.state is DeedState.done and not one.undone_by]
    top = str(ground.folder).lstrip("/")

    def same(path: str) -> str:
        """Without the batch in the trash and the folder of the test."""
        return re.sub("/trash/[^/]+/", "/trash/BATCH/", path).replace(top, "TOP")

    found = {same(path): what for path, what in ground.tree().items()}
    if not any(one.verb == "mkdir" and one.target.path == ground.disk() for one in done):
        found.pop("folder card", None)  # files left it just now
    found["catalog"] = [(id, store, same(path), role) for id, store, path, role in known_places(ground.catalog)]
    moves = [one for one in done if one.verb in ("copy", "move")]
    found["ledger"] = sorted((one.verb, same(one.source.path), same(one.target.path), one.role) for one in moves)
    return found


def run(ground: Ground, fault: Fault, asks: list[Ask], *, lost: bool = False) -> tuple[dict[str, object], int]:
    """The end state after asking for these things, each as often as the fault breaks it; how many calls the last ask took.

    ``lost``: of staged bytes whose handle never came back nothing can be known; they are swept with their owner.
    """
    calm = Fault()
    for ask in asks[:-1]:
        ask(Life(ground, calm))
    life = Life(ground, fault)
    try:
        asks[-1](life)
    except (Killed, Unavailable, Transient):  # an error outside of any job ends a command as a kill does
        life = Life(ground, calm)
        asks[-1](life)
    calls = len(fault.calls)
    if lost and isinstance(ground, InMemory):
        for one in ground.stores.values():
            one.staged.clear()
    return end_of(life, ground), calls


def copied(life: Life) -> object:
    return life.take_in(move=False)


def moved(life: Life) -> object:
    return life.take_in(move=True)


def undone(life: Life) -> object:
    """The newest batch that is not itself the undo in question: resumed when it was killed."""
    open_ones = [one for one in life.ledger.batches(open=True).rows if one.undoes]
    last = open_ones[0].undoes if open_ones else life.ledger.batches().rows[0].id
    return life.undo(last)


ASKS: dict[str, list[Ask]] = {
    "copy": [copied],
    "move": [moved],
    "undo of a copy": [copied, undone],
    "undo of a move": [moved, undone],
    "redo of a copy": [copied, undone, undone],
    "redo of a move": [moved, undone, undone],
}


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    calm = InMemory(tmp_path)
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    for at in range(1, calls + 1):
        ground = InMemory(tmp_path)
        fill(ground)
        fault = Fault(at)
        found, _ = run(ground, fault, ASKS[asked])
        assert found == expected, f"killed before call {at}: {fault.calls[-5:]}"


@pytest.mark.parametrize("asked", ASKS)
def test_killed_on_disk(tmp_path: Path, asked: str) -> None:
    """The same on the embedded engines, at every 13th call: folders with their modes and times are part of the end."""
    calm = on_disk(tmp_path / "calm")
    expected, calls = run(calm, Fault(), ASKS[asked])
    calm.close()
    for at in range(1 + len(asked) % 13, calls + 1, 13):
        ground = on_disk(tmp_path / str(at))
        fault = Fault(at)
        found, _ = run(ground, fault, ASKS[asked])
        ground.close()
        assert found == expected, f"killed before call {at}: {fault.calls[-5:]}"


def on_disk(folder: Path) -> OnDisk:
    ground = OnDisk(folder)
    fill(ground)
    return ground


@pytest.mark.parametrize("asked", ["move", "undo of a move"])
def test_killed_again_while_it_recovers(tmp_path: Path, asked: str) -> None:
    calm = InMemory(tmp_path)
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    for first in range(5, calls, 17):
        for second in range(1 + first % 5, 60, 9):
            ground = InMemory(tmp_path)
            fill(ground)
            for before in ASKS[asked][:-1]:
                before(Life(ground, Fault()))
            ask = again(ground, ASKS[asked][-1])
            for at in (first, second):
                with suppress(Killed):
                    ask(Life(ground, Fault(at)))
                    break
            else:
                ask(Life(ground, Fault()))
            assert end_of(Life(ground, Fault()), ground) == expected, (first, second)


def again(ground: Ground, ask: Ask) -> Ask:
    """The same words each time: who was killed just when the undo was finished does not ask for the undo of that."""
    if ask is not undone:
        return ask
    batch = ground.ledger.batches().rows[0].id
    return lambda life: life.undo(batch)


ERRORS: dict[str, Callable[[], BaseException]] = {
    "closed": lambda: Unavailable(LIBRARY, "the disk is full; free some space"),
    "once": lambda: Transient("not now"),
}


@pytest.mark.parametrize("asked", ASKS)
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
def test_an_error_and_the_same_owner_again(tmp_path: Path, asked: str, after: bool) -> None:
    """A retry in a living process is a recovery (spine K). ``done``: the call had its effect, only its answer was lost."""
    calm = InMemory(tmp_path)
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    for at in range(1, calls + 1):
        ground = InMemory(tmp_path)
        fill(ground)
        fault = Fault(at, ERRORS["closed" if at % 2 else "once"], after)
        found, _ = run(ground, fault, ASKS[asked], lost=after)
        assert found == expected, f"failed at call {at}: {fault.calls[at - 6 : at]}"
