"""Entries written into records, sidecars and JPEGs: killed between any two calls, or failing there, all comes to the same end."""

import hashlib
from pathlib import Path
from typing import cast

import pytest

from albumen.deeds import expire
from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.model import EXPIRY, Facts, Query
from albumen.operations.tagging import Order, Tagging
from albumen.operations.working import Working, recover
from albumen.ports import Queue
from make import entered
from make.lives import Life
from make.trials import Ask, End, Here, Trial, all_ended, contents, copied, done, placed, undone
from make.worlds import LIBRARY, Fault, Ground, InMemory


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


def end_of(life: Life, ground: Ground) -> End:
    """All that shall be the same whatever happened on the way."""
    deeds = all_ended(life, ground)
    left = list((ground.folder / "scratch").glob("*"))
    assert not left or ground.folder.name.isdigit()  # a kill leaves some: swept with the spool
    if isinstance(ground, InMemory):
        assert all(not one.staged for one in ground.stores.values())
    found = contents(ground)
    rows = sorted(ground.catalog.find(Query(companions=True), limit=1000).rows, key=lambda one: one.id)
    found["catalog"] = [
        (
            *(one.id, one.title, one.rating, one.tags, one.people, one.replaces),
            [part.sha256 for part in one.companions],
            placed(ground, one),
        )
        for one in rows
    ]
    found["ledger"] = done(ground, deeds)
    return found


TRIAL = Trial(ASKS, fill, end_of)


@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory(tmp_path: Path, asked: str) -> None:
    """At every seventh call, not the same ones for each."""
    TRIAL.killed(tmp_path, asked, first=1 + len(asked) % 7, step=7)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKS)
def test_killed_in_memory_everywhere(tmp_path: Path, asked: str) -> None:
    TRIAL.killed(tmp_path, asked)


@pytest.mark.parametrize("asked", ["both", "undo of more"])
def test_killed_on_disk(tmp_path: Path, asked: str) -> None:
    TRIAL.killed_on_disk(tmp_path, asked, 23)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["both", "undo of more"])
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
def test_an_error_and_the_same_owner_again(tmp_path: Path, asked: str, after: bool) -> None:
    TRIAL.failed(tmp_path, asked, after=after)


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
