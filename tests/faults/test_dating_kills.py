"""Dates corrected: killed between any two calls, or failing there, all comes to the same end, and undo to the same beginning."""

from pathlib import Path
from typing import cast

import pytest

from albumen.media.fixing import Rule, in_zone, setting, shifting
from albumen.model import Query
from albumen.operations.dating import Dating
from albumen.operations.working import Working, recover
from albumen.ports import Queue
from make.lives import Life
from make.trials import Ask, End, Here, Trial, all_ended, contents, copied, done, placed, undone
from make.worlds import LIBRARY, Ground, InMemory, jpeg, raw, xmp

NOW = 1_790_000_000_000_000_000


def fill(ground: Ground) -> None:
    """A RAW with its JPEG and sidecar, a picture with a sidecar, one alone."""
    ground.write("a/IMG_1.NEF", raw("raw"))
    ground.write("a/IMG_1.JPG", jpeg("beside"))
    ground.write("a/IMG_1.xmp", xmp("raw's"))
    ground.write("a/IMG_2.JPG", jpeg("two"))
    ground.write("a/IMG_2.JPG.xmp", xmp("two's"))
    ground.write("a/IMG_3.JPG", jpeg("three"))


def fixing(rule: Rule, what: str) -> Ask:
    def ask(life: Life) -> object:
        queue = cast("Queue", life.jobs)
        recover(life.engine, life.pipeline, queue)
        life.jobs.run(life.pipeline)
        work = Dating(life.engine, life.pipeline, queue, life.catalog)
        answer = work.run(what, life.catalog.find(Query()).rows, rule, cast("Working", Here(life)), lambda _now: None)
        life.jobs.run(life.pipeline)  # what it leaves to whoever has the workers: the closing of its batch
        return answer

    return ask


moved = fixing(setting("2015-05-06T07:08:09", NOW), "set")
shifted = fixing(shifting("+1d"), "shift")
tagged = fixing(in_zone("Asia/Tokyo"), "zone")
ASKS: dict[str, list[Ask]] = {
    "set": [copied, moved],
    "zone": [copied, tagged],
    "set then shift": [copied, moved, shifted],
    "undo of set": [copied, moved, undone],
    "undo of zone": [copied, tagged, undone],
    "redo of set": [copied, moved, undone, undone],
}


def end_of(life: Life, ground: Ground) -> End:
    """All that shall be the same whatever happened on the way."""
    deeds = all_ended(life, ground)
    found = contents(ground)
    rows = sorted(ground.catalog.find(Query(companions=True), limit=1000).rows, key=lambda one: one.id)
    found["catalog"] = [
        (one.id, one.taken, one.offset, one.date_source, one.date_candidates, placed(ground, one)) for one in rows
    ]
    found["ledger"] = done(ground, deeds)
    return found


TRIAL = Trial(ASKS, fill, end_of)


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    """At every fifth call, not the same ones for each."""
    TRIAL.killed(tmp_path, asked, first=1 + len(asked) % 5, step=5)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory_everywhere(tmp_path: Path, asked: str) -> None:
    TRIAL.killed(tmp_path, asked)


@pytest.mark.parametrize("asked", ["set", "undo of set"])
def test_killed_on_disk(tmp_path: Path, asked: str) -> None:
    TRIAL.killed_on_disk(tmp_path, asked, 23)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["set", "zone", "undo of set"])
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
def test_an_error_and_the_same_owner_again(tmp_path: Path, asked: str, after: bool) -> None:
    TRIAL.failed(tmp_path, asked, after=after)


def test_each_ends_as_a_person_expects(tmp_path: Path) -> None:
    """What the other tests compare with is right."""
    found, _ = TRIAL.calm(InMemory(tmp_path), "set")
    names = sorted(one.removeprefix(f"{LIBRARY}:") for one in found if one.startswith(f"{LIBRARY}:"))
    stem = "2015/05_May/2015-05-06 07-08-09"
    assert sorted(name[len(stem) :] for name in names) == [".cr2", ".jpg", ".xmp", "_1.jpg", "_1.jpg.xmp", "_2.jpg"]
    assert {row[1] for row in cast("list[tuple[str, str]]", found["catalog"])} == {"2015-05-06T07:08:09"}
