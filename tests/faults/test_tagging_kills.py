"""Entries written into records, sidecars and JPEGs: killed between any two calls, or failing there, all comes to the same end."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from albumen.deeds import expire
from albumen.errors import Transient, Unavailable
from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.model import EXPIRY, BatchId, DeedState, Facts, Pending, Query, Record
from albumen.operations.tagging import Order, Tagging
from albumen.operations.working import Working, recover
from albumen.ports import Queue
from make import entered
from make.lives import Life, all_deeds
from make.worlds import LIBRARY, Fault, Ground, InMemory, Killed, OnDisk

Ask = Callable[[Life], object]


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


def facts(path: Path, name: str) -> Facts:
    return probe.facts(Memory(path.read_bytes()), name)


def fill(ground: Ground) -> None:
    ground.write("one.jpg", entered.jpeg(entered.jfif(), name="one"))
    ground.write("two.jpg", entered.jpeg(entered.jfif(), name="two", behind=b"\0\0\0\x18ftyp, a video"))


def tagging(**order: object) -> Ask:
    def ask(life: Life) -> object:
        queue = cast("Queue", life.jobs)
        recover(life.engine, life.pipeline, queue)
        life.jobs.run(life.pipeline)
        work = Tagging(life.engine, life.pipeline, queue, life.catalog, facts, str(life.ground.folder / "scratch"))
        records = [one for one in life.catalog.find(Query()).rows if any(place.role == "main" for place in one.placements)]
        asked = Order(what=f"tag {order}", **order)  # type: ignore[arg-type]
        answer = work.run(records, asked, cast("Working", Here(life)), lambda _now: None)
        life.jobs.run(life.pipeline)  # what it leaves to whoever has the workers: the closing of its batch
        return answer

    return ask


def copied(life: Life) -> object:
    return life.take_in(move=False)


def undone(life: Life) -> object:
    open_ones = [one for one in life.ledger.batches(open=True).rows if one.undoes]
    last = open_ones[0].undoes if open_ones else life.ledger.batches().rows[0].id
    return life.undo(last)


words = tagging(add=("a & b",), rating=4)
embed = tagging(add=("a & b",), title="T", embed=True)
embed_more = tagging(add=("c",), embed=True)
both = tagging(add=("x",), sidecar=True, embed=True)
more = tagging(remove=("x",), person=("Ann",), sidecar=True, embed=True)
ASKS: dict[str, list[Ask]] = {
    "words": [copied, words],
    "words undone": [copied, words, undone],
    "embed": [copied, embed],
    "both": [copied, both],
    "more": [copied, both, more],
    "undo of both": [copied, both, undone],
    "redo of both": [copied, both, undone, undone],
    "undo of more": [copied, both, more, undone],
}


def end_of(life: Life, ground: Ground) -> dict[str, object]:
    """All that shall be the same whatever happened on the way."""
    deeds = all_deeds(ground.ledger)
    assert [one for one in deeds if one.state in (DeedState.planned, DeedState.intended)] == []
    assert [one.what for one in ground.ledger.batches(open=True).rows] == []
    assert life.jobs.buried == []
    assert (
        list((ground.folder / "scratch").glob("*")) == [] or ground.folder.name.isdigit()
    )  # a kill leaves some: swept with the spool
    if isinstance(ground, InMemory):
        assert all(not one.staged for one in ground.stores.values())
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
    found["catalog"] = [
        (one.id, one.title, one.rating, one.tags, one.people, one.replaces, [part.sha256 for part in one.companions], placed(one))
        for one in rows
    ]
    done = [one for one in deeds if one.state is DeedState.done and not one.undone_by]
    found["ledger"] = sorted((one.verb, same(one.source.path), same(one.target.path), one.role) for one in done)
    return found


def run(ground: Ground, fault: Fault, asks: list[Ask], *, lost: bool = False) -> tuple[dict[str, object], int]:
    calm = Fault()
    for ask in asks[:-1]:
        ask(Life(ground, calm))
    life = Life(ground, fault)
    try:
        if not getattr(asks[-1](life), "ok", True):  # told as failed: the same command again enters it
            life = Life(ground, calm)
            asks[-1](life)
    except (Killed, Unavailable, Transient):
        life = Life(ground, calm)
        asks[-1](life)
    calls = len(fault.calls)
    if lost and isinstance(ground, InMemory):
        for one in ground.stores.values():
            one.staged.clear()
    return end_of(life, ground), calls


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    """At every seventh call, not the same ones for each."""
    killed(tmp_path, asked, 1 + len(asked) % 7, 7)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory_everywhere(tmp_path: Path, asked: str) -> None:
    killed(tmp_path, asked, 1, 1)


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


@pytest.mark.parametrize("asked", ["both", "undo of more"])
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
@pytest.mark.parametrize("asked", ["both", "undo of more"])
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


def test_what_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """A person changes the file between plan and deed: it keeps those bytes, and the whole group is given up."""
    ground = InMemory(tmp_path)
    fill(ground)
    copied(Life(ground, Fault()))
    life = Life(ground, Fault())
    store = ground.stores[LIBRARY]
    paths = [one for one in store.tree() if one.endswith(".jpg")]
    intend = life.ledger.intend

    def changed(*given: object, **named: object) -> object:
        answer = intend(*given, **named)  # type: ignore[arg-type]
        for path in paths:
            store.write(path, b"\xff\xd8\xff\xe0 mine")
        return answer

    life.ledger.intend = changed  # type: ignore[method-assign, assignment]
    outcome = both(life)
    assert {one.what for one in outcome.lines} == {"failed"}  # type: ignore[attr-defined]
    assert all(store.tree()[path] == b"\xff\xd8\xff\xe0 mine" for path in paths)
    assert [path for path in store.tree() if path.endswith(".xmp") and not path.startswith(".albumen")] == []
    rows = ground.catalog.find(Query()).rows
    assert {one.tags for one in rows} == {()}


def test_the_bytes_before_expire_like_all_that_was_thrown_away(tmp_path: Path) -> None:
    """They are deleted by the content they have, not by that which replaced them; then there is no way back, and undo says so."""
    ground = InMemory(tmp_path)
    fill(ground)
    copied(Life(ground, Fault()))
    life = Life(ground, Fault())
    before = {sha256(data) for path, data in ground.stores[LIBRARY].tree().items() if path.endswith(".jpg")}
    both(life)
    desk = life.engine.desk
    thrown = [one.main for one in life.stores[LIBRARY].list(".albumen/trash")]
    found = [(one, deed) for one in thrown if (deed := expire.put_there(desk, one))]
    assert len(found) == len(thrown) == 2
    batch = life.engine.begin(EXPIRY)
    deeds = expire.plan(desk, batch, found)
    assert {one.sha256 for one in deeds} == before
    assert life.engine.close(batch)
    assert [path for path in ground.stores[LIBRARY].tree() if path.startswith(".albumen/trash")] == []
    inverse = life.undo("b2")
    assert {one.why.split(" (")[0] for one in inverse.refused} >= {"the bytes before do not lie in the trash any more"}
    assert not inverse.deeds


def test_the_bytes_before_stay_while_what_they_were_rewritten_to_is_lost(tmp_path: Path) -> None:
    """They may be the only copy of the picture then. Rewritten once more it is not lost."""
    ground = InMemory(tmp_path)
    fill(ground)
    copied(Life(ground, Fault()))
    life = Life(ground, Fault())
    both(life)
    store, desk = ground.stores[LIBRARY], life.engine.desk
    found = {one.main.path: one.main for one in life.stores[LIBRARY].list(".albumen/trash")}

    def kept() -> dict[str, str]:
        return {ref.path: expire.only(desk, ref, deed) for ref in found.values() if (deed := expire.put_there(desk, ref))}

    assert set(kept().values()) == {""}
    embed_more(life)
    assert set(kept().values()) == {""}
    lost = next(path for path in store.tree() if path.endswith(".jpg") and not path.startswith(".albumen"))
    store.remove(lost)
    why = [why for path, why in kept().items() if path.endswith(lost.rpartition("/")[2])]
    assert [one.partition(": ")[2] for one in why] == [
        "what it was rewritten to is lost, so it may be the only copy: import a copy of it, or delete it yourself"
    ]
    assert list(kept().values()).count("") == 1


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
