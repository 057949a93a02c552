"""Dates corrected: killed between any two calls, or failing there, all comes to the same end, and undo to the same beginning."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from albumen.errors import Transient, Unavailable
from albumen.media.fixing import Rule, in_zone, setting, shifting
from albumen.model import BatchId, DeedState, Pending, Query, Record
from albumen.operations.dating import Dating
from albumen.operations.working import Working, recover
from albumen.ports import Queue
from make.lives import Life, all_deeds
from make.worlds import LIBRARY, Fault, Ground, InMemory, Killed, OnDisk, jpeg, raw, xmp

Ask = Callable[[Life], object]
NOW = 1_790_000_000_000_000_000


class Here:
    """The workers of a command: all jobs, one after the other."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def take_over(self, *_: BatchId) -> bool:
        """At once."""
        return True

    def wait(self, _batch: BatchId, _progress: object) -> Pending:
        """Until nothing is left."""
        self._life.jobs.run(self._life.pipeline)
        return Pending()


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


def copied(life: Life) -> object:
    return life.take_in(move=False)


def undone(life: Life) -> object:
    open_ones = [one for one in life.ledger.batches(open=True).rows if one.undoes]
    return life.undo(open_ones[0].undoes if open_ones else life.ledger.batches().rows[0].id)


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


def end_of(life: Life, ground: Ground) -> dict[str, object]:
    """All that shall be the same whatever happened on the way."""
    deeds = all_deeds(ground.ledger)
    assert [one for one in deeds if one.state in (DeedState.planned, DeedState.intended)] == []
    assert [one.what for one in ground.ledger.batches(open=True).rows] == []
    assert life.jobs.buried == []
    top = str(ground.folder).lstrip("/")

    def same(path: str) -> str:
        return re.sub("/trash/[^/]+/", "/trash/BATCH/", path).replace(top, "TOP")

    def placed(record: Record) -> list[tuple[str, str, str, str]]:
        return [(one.store, same(one.path), one.role, one.sha256) for one in record.placements]

    found: dict[str, object] = {}
    for path, what in ground.tree().items():
        is_file = isinstance(what, tuple) and not path.startswith(("disk:", "folder "))
        found[same(path)] = what[0] if is_file and isinstance(what, tuple) else "there"
    rows = sorted(ground.catalog.find(Query(companions=True), limit=1000).rows, key=lambda one: one.id)
    found["catalog"] = [(one.id, one.taken, one.offset, one.date_source, one.date_candidates, placed(one)) for one in rows]
    done = [one for one in deeds if one.state is DeedState.done and not one.undone_by]
    found["ledger"] = sorted((one.verb, same(one.source.path), same(one.target.path), one.role) for one in done)
    return found


def run(ground: Ground, fault: Fault, asks: list[Ask], *, lost: bool = False) -> tuple[dict[str, object], int]:
    calm = Fault()
    for ask in asks[:-1]:
        ask(Life(ground, calm))
    life = Life(ground, fault)
    try:
        if not getattr(asks[-1](life), "ok", True):  # told as failed: the same command again does it
            life = Life(ground, calm)
            asks[-1](life)
    except (Killed, Unavailable, Transient):
        life = Life(ground, calm)
        asks[-1](life)
    if lost and isinstance(ground, InMemory):
        for one in ground.stores.values():
            one.staged.clear()
    return end_of(life, ground), len(fault.calls)


def killed(tmp_path: Path, asked: str, first: int, step: int) -> None:
    calm = InMemory(tmp_path / "calm")
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    assert calls > 10
    for at in range(first, calls + 1, step):
        ground = InMemory(tmp_path / str(at))
        fill(ground)
        fault = Fault(at)
        found, _ = run(ground, fault, ASKS[asked])
        assert found == expected, f"killed before call {at}: {fault.calls[-5:]}"


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    """At every fifth call, not the same ones for each."""
    killed(tmp_path, asked, 1 + len(asked) % 5, 5)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory_everywhere(tmp_path: Path, asked: str) -> None:
    killed(tmp_path, asked, 1, 1)


@pytest.mark.parametrize("asked", ["set", "undo of set"])
def test_killed_on_disk(tmp_path: Path, asked: str) -> None:
    """The same on the embedded engines, at every 23rd call."""
    calm = on_disk(tmp_path / "calm")
    expected, calls = run(calm, Fault(), ASKS[asked])
    calm.close()
    for at in range(1 + len(asked), calls + 1, 23):
        ground = on_disk(tmp_path / str(at))
        fault = Fault(at)
        found, _ = run(ground, fault, ASKS[asked])
        ground.close()
        assert found == expected, f"killed before call {at}: {fault.calls[-5:]}"


def on_disk(folder: Path) -> OnDisk:
    ground = OnDisk(folder)
    fill(ground)
    return ground


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["set", "zone", "undo of set"])
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
def test_an_error_and_the_same_owner_again(tmp_path: Path, asked: str, after: bool) -> None:
    """``done``: the call had its effect, only its answer was lost."""
    calm = InMemory(tmp_path / "calm")
    fill(calm)
    expected, calls = run(calm, Fault(), ASKS[asked])
    for at in range(1, calls + 1):
        ground = InMemory(tmp_path / str(at))
        fill(ground)
        fault = Fault(at, lambda: Unavailable(LIBRARY, "the disk is full") if at % 2 else Transient("not now"), after)  # noqa: B023
        found, _ = run(ground, fault, ASKS[asked], lost=after)
        assert found == expected, f"failed at call {at}: {fault.calls[max(0, at - 6) : at]}"


def test_each_ends_as_a_person_expects(tmp_path: Path) -> None:
    """What the other tests compare with is right."""
    ground = InMemory(tmp_path)
    fill(ground)
    found, _ = run(ground, Fault(), ASKS["set"])
    names = sorted(one.removeprefix(f"{LIBRARY}:") for one in found if one.startswith(f"{LIBRARY}:"))
    stem = "2015/05_May/2015-05-06 07-08-09"
    assert sorted(name[len(stem) :] for name in names) == [".cr2", ".jpg", ".xmp", "_1.jpg", "_1.jpg.xmp", "_2.jpg"]
    assert {row[1] for row in cast("list[tuple[str, str]]", found["catalog"])} == {"2015-05-06T07:08:09"}
