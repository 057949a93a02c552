"""A kill between any two calls of any store, ledger or catalog, or an error of any of them: everything comes to the same end."""

from contextlib import suppress
from pathlib import Path

import pytest

from albumen.model import DeedState
from make.lives import Life, known_places
from make.trials import Ask, End, Trial, all_ended, copied, done, same, undone
from make.worlds import Fault, Ground, InMemory, Killed, OnDisk, jpeg, raw, xmp


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


def end_of(life: Life, ground: Ground) -> End:
    """All that shall be the same whatever happened on the way."""
    deeds = all_ended(life, ground)
    if isinstance(ground, InMemory):
        assert all(not one.staged for one in ground.stores.values())
    found: End = {same(ground, path): what for path, what in ground.tree().items()}
    made = [one for one in deeds if one.state is DeedState.done and not one.undone_by and one.verb == "mkdir"]
    if not any(one.target.path == ground.disk() for one in made):
        found.pop("folder card", None)  # files left it just now
    found["catalog"] = [(id, store, same(ground, path), role) for id, store, path, role in known_places(ground.catalog)]
    found["ledger"] = done(ground, deeds, ("copy", "move"))
    return found


def moved(life: Life) -> object:
    return life.take_in(move=True)


ASKS: dict[str, list[Ask]] = {
    "copy": [copied],
    "move": [moved],
    "undo of a copy": [copied, undone],
    "undo of a move": [moved, undone],
    "redo of a copy": [copied, undone, undone],
    "redo of a move": [moved, undone, undone],
}


TRIAL = Trial(ASKS, fill, end_of)


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    TRIAL.killed(tmp_path, asked)


@pytest.mark.parametrize("asked", ASKS)
def test_killed_on_disk(tmp_path: Path, asked: str) -> None:
    """Folders with their modes and times are part of the end."""
    TRIAL.killed_on_disk(tmp_path, asked, 13)


@pytest.mark.parametrize("asked", ["move", "undo of a move"])
def test_killed_again_while_it_recovers(tmp_path: Path, asked: str) -> None:
    expected, calls = TRIAL.calm(InMemory(tmp_path), asked)
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


@pytest.mark.parametrize("asked", ASKS)
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
def test_an_error_and_the_same_owner_again(tmp_path: Path, asked: str, after: bool) -> None:
    TRIAL.failed(tmp_path, asked, after=after)
