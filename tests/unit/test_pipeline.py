"""Errors to outcomes: every row of the table, and what goes with it."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import structlog

from albumen.errors import (
    Changed,
    ConfigError,
    Exists,
    NotFound,
    Permanent,
    Rejected,
    SetAside,
    Stale,
    Taken,
    Transient,
    Unavailable,
)
from albumen.model import DISK, Batch, Buried, Done, Event, Item, Job, Later, Pending, Ref, Refused, Seen, Waiting
from albumen.pipeline import CLOSE, DELAYS, NEVER, Step
from albumen.ports import Handler, Queue, Run, Store
from albumen.spool import Spool
from albumen.testing import MemoryMemory, NoMoveStore, RemoteStore
from make.lives import Life, Log
from make.worlds import NOW, Fault, InMemory, jpeg

ITEM = Item(Ref("disk", "watched/a.jpg", "r1"), (Ref("disk", "watched/a.xmp", "r1"),), source="camera", root="watched")


class Does:
    """A handler that does what a test says."""

    name = "does"
    lane = "cpu"

    def __init__(self, work: Callable[[Item, Run], Sequence[Item]]) -> None:
        self._work = work

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        return self._work(item, run)


class Quiet(Log):
    """Bugs are expected here."""

    def exception(self, what: str, **fields: object) -> None:
        """Kept like any other line."""
        self.info(what, **fields)


@pytest.fixture
def life(tmp_path: Path) -> Life:
    life = Life(InMemory(tmp_path), Fault())
    life.log = Quiet()
    life.pipeline.log = cast("structlog.stdlib.BoundLogger", life.log)
    life.pipeline.sources = frozenset({"camera"})
    return life


def does(life: Life, work: Callable[[Item, Run], Sequence[Item]]) -> None:
    life.pipeline.steps = {**life.pipeline.steps, "does": Step(cast("Handler", Does(work)), {"factor": 2})}


def raises(life: Life, error: Exception) -> None:
    def work(item: Item, run: Run) -> Sequence[Item]:
        raise error

    does(life, work)


def job(**fields: object) -> Job:
    return replace(Job(ITEM, ("does", "after"), id="7", batch="b1"), **fields)  # type: ignore[arg-type]


def test_unavailable_waits_uncounted_for_its_place(life: Life) -> None:
    raises(life, Unavailable("nas", "full", retry_after=7.0))
    assert life.pipeline(job()) == Waiting("nas", "nas: full", 7.0)


@pytest.mark.parametrize("error", [Transient("not now"), Stale(["x"]), Taken()])
def test_transient_comes_again_later_and_later(life: Life, error: Exception) -> None:
    raises(life, error)
    for tries, delay in enumerate(DELAYS):
        outcome = life.pipeline(job(tries=tries))
        assert isinstance(outcome, Later)
        assert outcome.counted
        assert 0.9 * delay <= outcome.delay <= 1.1 * delay
    assert isinstance(life.pipeline(job(tries=len(DELAYS))), Buried)


def test_gone_is_done(life: Life) -> None:
    raises(life, NotFound("gone"))
    assert life.pipeline(job()) == Done()


def test_gone_with_its_disk_is_offered_again_when_it_is_back(life: Life) -> None:
    """What is remembered matches no file any more, unless it was looked at since, or forgotten."""
    raises(life, NotFound("gone"))
    both = replace(ITEM, companions=(Ref("disk", "watched/a.xmp", "x1"), Ref("disk", "watched/b.xmp", "y1")))
    life.memory.commit(Batch(seen=(Seen("a.jpg", "r1"), Seen("a.xmp", "x2"))), ())
    assert life.pipeline(job(item=both)) == Done()
    assert {one.path: one.rev for one in life.memory.all()} == {"a.jpg": NEVER, "a.xmp": "x2"}


def test_what_left_a_store_of_ours_is_forgotten_at_once(life: Life) -> None:
    """By the name that its source remembers; a process that is killed before the next look leaves nothing to be missed."""
    hub = RemoteStore("hub")
    life.pipeline.stores = {**life.pipeline.stores, "hub": cast("Store", hub)}
    main = hub.write("ai/_raw/a.jpg", jpeg("a")).main
    life.memory.commit(Batch(seen=(Seen("a.jpg", main.rev), Seen("b.jpg", "r1"))), ())
    far = Item(main, source="camera", root="ai/_raw")

    def work(item: Item, run: Run) -> Sequence[Item]:
        moved = hub.move(item.main.path, "ai/sorted/a.jpg")
        return [replace(item, main=moved.main)]

    does(life, work)
    life.pipeline(job(item=far, steps=("does",)))
    assert [one.path for one in life.memory.all()] == ["b.jpg"]


def test_what_a_step_leaves_where_it_is_stays_remembered(life: Life) -> None:
    hub = RemoteStore("hub")
    life.pipeline.stores = {**life.pipeline.stores, "hub": cast("Store", hub)}
    main = hub.write("ai/_raw/a.jpg", jpeg("a")).main
    life.memory.commit(Batch(seen=(Seen("a.jpg", main.rev),)), ())
    does(life, lambda item, _run: [replace(item, main=hub.copy(item.main.path, "ai/b.jpg").main)])
    life.pipeline(job(item=Item(main, source="camera", root="ai/_raw"), steps=("does",)))
    assert [one.path for one in life.memory.all()] == ["a.jpg"]


def test_what_was_taken_away_is_not_remembered(life: Life) -> None:
    """Before the next look; one that stays where it was is, and so is one that is another by now."""
    taken, stays, other = (replace(ITEM, main=replace(ITEM.main, path=f"watched/{name}"), move=True) for name in "abc")
    life.memory.commit(Batch(seen=(Seen("a", "r1"), Seen("b", "r1"), Seen("c", "r2"))), ())
    does(life, lambda item, _run: [replace(item, main=Ref("nas", "2021/1.jpg"))])
    for item in (taken, other):
        assert isinstance(life.pipeline(job(item=item)), Done)
    does(life, lambda item, _run: [item])
    assert isinstance(life.pipeline(job(item=stays)), Done)
    assert [one.path for one in life.memory.all()] == ["a", "b", "c"]
    assert [one.path for one in life.pipeline.recall("camera").all()] == ["b", "c"]


def test_what_a_step_took_from_a_folder_of_a_store_is_not_remembered(life: Life) -> None:
    """A scaled raw: its source remembers it by its path below the folder, and shall not miss it, even if this process ends now."""
    raw = Item(Ref("nas", "ai/_raw/a.jpg", "r1"), source="camera", root="ai/_raw")
    life.memory.commit(Batch(seen=(Seen("a.jpg", "r1"), Seen("b.jpg", "r1"))), ())
    does(life, lambda item, _run: [replace(item, main=Ref("nas", "ai/made.png"))])
    assert isinstance(life.pipeline(job(item=raw)), Done)
    assert [one.path for one in life.memory.all()] == ["b.jpg"]
    life.memory.commit(Batch(seen=(Seen("a.jpg", "r1", "missing"),)), ())  # by a look that had begun before
    assert [one.path for one in life.pipeline.recall("camera").all()] == ["b.jpg"]


def test_what_is_refused_is_kept_without_a_job(life: Life) -> None:
    refused = Refused("ab12cd", "source camera", "4 of 5 files are missing at once; nothing is forgotten", 1, 4)
    assert life.pipeline.keep("camera", ("does",), Batch(refused=refused)) == 0
    assert life.memory.refused() == refused
    life.pipeline.keep("camera", ("does",), Batch(well=True))
    assert life.memory.refused() is None


def test_set_aside_is_remembered_until_its_bytes_change(life: Life) -> None:
    raises(life, SetAside("no picture"))
    assert life.pipeline(job()) == Done()
    assert life.memory.get(["a.jpg"]) == {"a.jpg": Seen("a.jpg", "r1", "listed", "no picture", NOW)}


def test_what_no_source_offered_is_set_aside_without_memory(life: Life) -> None:
    raises(life, SetAside("no picture"))
    assert life.pipeline(job(item=replace(ITEM, source="import"))) == Done()
    assert list(life.memory.all()) == []


@pytest.mark.parametrize("error", [Changed("changed"), Exists("taken")])
def test_looked_at_anew_by_its_source(life: Life, error: Exception) -> None:
    """With its companions: they are offered together."""
    life.memory.commit(Batch(seen=(Seen("a.jpg", "r1"), Seen("a.xmp", "r1"), Seen("b.jpg", "r1"))), ())
    raises(life, error)
    assert life.pipeline(job()) == Done()
    assert [one.path for one in life.memory.all()] == ["b.jpg"]


@pytest.mark.parametrize("error", [Changed("changed"), Exists("taken")])
def test_without_a_source_it_is_tried_again(life: Life, error: Exception) -> None:
    raises(life, error)
    assert isinstance(life.pipeline(job(item=replace(ITEM, source="import"))), Later)


@pytest.mark.parametrize("error", [Permanent("no"), Rejected("broken"), ConfigError(["typo"])])
def test_what_is_hopeless_is_buried_with_its_reason(life: Life, error: Exception) -> None:
    raises(life, error)
    assert life.pipeline(job()) == Buried(str(error))


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("oops"), OSError(5, "io"), sqlite3.OperationalError("locked"), KeyError("k")]
)
def test_a_bug_loses_no_photo(life: Life, error: Exception) -> None:
    raises(life, error)
    assert isinstance(life.pipeline(job()), Later)
    assert life.log.lines[0][0] == "bug"
    assert isinstance(life.pipeline(job(tries=len(DELAYS))), Buried)


def test_a_step_that_is_not_configured_any_more_waits_for_a_person(life: Life) -> None:
    outcome = life.pipeline(job(steps=("scale",)))
    assert isinstance(outcome, Buried)
    assert "scale" in outcome.why
    assert "queue again 7" in outcome.why


# ------------------------------------------------------------------------------------------------------------- what goes on


def test_the_items_of_a_step_go_on_with_the_rest(life: Life) -> None:
    other = replace(ITEM, main=Ref("disk", "b.jpg"), id="f" * 32)
    does(life, lambda item, run: [item, other])
    outcome = life.pipeline(job())
    assert isinstance(outcome, Done)
    assert [(one.item, one.steps, one.batch) for one in outcome.next] == [(ITEM, ("after",), "b1"), (other, ("after",), "b1")]
    assert [one.key for one in outcome.next] == ["path:disk:watched/a.jpg", "content:" + "f" * 32]


def test_after_the_last_step_nothing_goes_on(life: Life) -> None:
    does(life, lambda item, run: [item])
    assert life.pipeline(job(steps=("does",))) == Done()


def test_a_step_knows_its_options_and_what_comes_after(life: Life) -> None:
    seen: list[object] = []
    does(life, lambda item, run: seen.append((run.options, run.steps)) or [])  # type: ignore[func-returns-value]
    life.pipeline(job())
    assert seen == [({"factor": 2}, ("after",))]


def test_a_job_goes_to_the_lane_of_its_first_step(life: Life) -> None:
    does(life, lambda item, run: [])
    assert life.pipeline.job(ITEM, ("does",), "b1").lane == "cpu"
    assert life.pipeline.job(ITEM, ("catalog", "does"), "b1").lane == "io"


def test_where_somebody_waits_for_a_deed_it_is_the_twin(life: Life) -> None:
    """The deed, not the path: else the second batch's job would be swallowed."""
    assert life.pipeline.job(replace(ITEM, deeds=("d1", "d2")), ("file",), "b1").dedupe == "deed:d1"
    first, second = (life.pipeline.job(ITEM, ("file",), batch).dedupe for batch in ("b1", "b2"))
    assert first != second


class TestSpool:
    """Downloads of remote files are freed when nobody needs them any more."""

    @pytest.fixture
    def far(self, life: Life, tmp_path: Path) -> Item:
        store = NoMoveStore("far")
        refs = [store.write(name, b"data").main for name in ("a.jpg", "a.xmp")]
        life.pipeline.stores = {**life.pipeline.stores, "far": cast("Store", store)}
        life.pipeline.spool = Spool(str(tmp_path / "downloads"))
        return replace(ITEM, main=refs[0], companions=(refs[1],))

    def held(self, tmp_path: Path) -> int:
        return len(list((tmp_path / "downloads").iterdir()))

    def fetch(self, life: Life, then: Callable[[Item], Sequence[Item]]) -> None:
        def work(item: Item, run: Run) -> Sequence[Item]:
            run.local(item)
            run.local(replace(item, main=item.companions[0]))
            return then(item)

        does(life, work)

    def test_kept_for_the_next_step(self, life: Life, far: Item, tmp_path: Path) -> None:
        self.fetch(life, lambda item: [item])
        life.pipeline(job(item=far))
        assert self.held(tmp_path) == 2

    def test_freed_at_the_last_step(self, life: Life, far: Item, tmp_path: Path) -> None:
        self.fetch(life, lambda item: [item])
        life.pipeline(job(item=far, steps=("does",)))
        assert self.held(tmp_path) == 0

    def test_freed_when_another_file_goes_on(self, life: Life, far: Item, tmp_path: Path) -> None:
        """Filed: the next steps see the library."""
        self.fetch(life, lambda item: [replace(item, main=Ref("nas", "x.jpg"), companions=())])
        life.pipeline(job(item=far))
        assert self.held(tmp_path) == 0

    @pytest.mark.parametrize("error", [Rejected("broken"), NotFound("gone"), SetAside("no picture"), Changed("changed")])
    def test_freed_when_it_ends_otherwise(self, life: Life, far: Item, tmp_path: Path, error: Exception) -> None:
        def ends(item: Item) -> Sequence[Item]:
            raise error

        self.fetch(life, ends)
        life.pipeline(job(item=far))
        assert self.held(tmp_path) == 0

    def test_kept_for_the_next_try(self, life: Life, far: Item, tmp_path: Path) -> None:
        def again(item: Item) -> Sequence[Item]:
            raise Transient("not now")

        self.fetch(life, again)
        life.pipeline(job(item=far))
        assert self.held(tmp_path) == 2


def test_a_store_nobody_configures_any_more_makes_the_job_wait(life: Life) -> None:
    does(life, lambda item, run: run.store("attic") and [])  # type: ignore[arg-type,return-value]
    assert isinstance(life.pipeline(job()), Waiting)


# ------------------------------------------------------------------------------------------------------------------ closing


class Told:
    """A queue that says how many jobs are left."""

    def __init__(self, pending: Pending) -> None:
        self._pending = pending

    def pending(self, batch: str) -> Pending:
        return self._pending


def closing(life: Life, pending: Pending) -> object:
    batch = life.engine.begin("x")
    life.pipeline.queue = cast("Queue", Told(pending))
    outcome = life.pipeline(life.pipeline.closing(batch))
    return outcome, life.ground.ledger.batches(ids=[batch]).rows[0].ended is not None


def test_the_last_job_ends_the_batch(life: Life) -> None:
    assert closing(life, Pending()) == (Done(), True)


@pytest.mark.parametrize("pending", [Pending(ready=1), Pending(running=1), Pending(later=1)])
def test_while_others_run_or_wait_it_waits_uncounted(life: Life, pending: Pending) -> None:
    """One that waits for its next try may have no deed yet: the batch it opens again would never be closed."""
    outcome, ended = cast("tuple[Later, bool]", closing(life, pending))
    assert isinstance(outcome, Later)
    assert (outcome.counted, ended) == (False, False)


def test_a_batch_that_a_command_still_adds_to_is_left_to_it(life: Life) -> None:
    batch = life.engine.begin("x")
    with life.pipeline.commanding(batch):
        assert life.pipeline(life.pipeline.closing(batch)) == Done()
    assert life.ground.ledger.batches(ids=[batch]).rows[0].ended is None


def test_a_close_that_fails_is_an_outcome_too(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(batch: str) -> bool:
        raise Unavailable("ledger", "the disk is full")

    monkeypatch.setattr(life.engine, "close", full)
    assert isinstance(life.pipeline(life.pipeline.closing("b1")), Waiting)


# ------------------------------------------------------------------------------------------------------------------- routes


def arrived(life: Life, *names: str, move: bool = True) -> Batch:
    ground = cast("InMemory", life.ground)
    for name in names:
        ground.write(name, jpeg(name))
    refs = [ground.stores[DISK].stat(f"card/{name}").main for name in names]
    events = tuple(Event("arrived", Item(one, source="camera", root="card", move=move)) for one in refs)
    return Batch(events, tuple(Seen(name, "r") for name in names), cursor="c1")


def test_jobs_and_memory_are_kept_together(life: Life) -> None:
    assert life.pipeline.keep("camera", ("catalog", "file"), arrived(life, "a.jpg", "b.jpg")) == 2
    (info,) = life.ground.ledger.batches().rows
    assert [(one.item.main.name, one.steps, one.batch) for one in life.memory.jobs] == [
        ("a.jpg", ("catalog", "file"), info.id),
        ("b.jpg", ("catalog", "file"), info.id),
        ("", (CLOSE,), ""),  # nobody waits for it
    ]
    assert life.memory.cursor() == "c1"
    assert [one.path for one in life.memory.all()] == ["a.jpg", "b.jpg"]


def test_neither_is_kept_when_it_cannot_be(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source then offers it again: a crash costs time, never a file."""
    batch = arrived(life, "a.jpg")

    def full(_self: MemoryMemory, batch: Batch, jobs: Sequence[Job]) -> None:
        raise Unavailable("queue", "the disk is full")

    monkeypatch.setattr(MemoryMemory, "commit", full)
    with pytest.raises(Unavailable):
        life.pipeline.keep("camera", ("catalog", "file"), batch)
    assert life.memory.jobs == ()
    assert life.memory.cursor() == ""


def test_without_arrivals_no_batch_begins(life: Life) -> None:
    gone = Event("gone", Item(Ref("disk", "card/a.jpg"), source="camera"))
    assert life.pipeline.keep("camera", ("catalog",), Batch((gone,), forget=("a.jpg",), cursor="c2")) == 0
    assert life.ground.ledger.batches().rows == ()
    assert life.memory.cursor() == "c2"


def test_folders_that_a_move_may_empty_are_remembered_first_but_never_the_root(life: Life) -> None:
    ground = cast("InMemory", life.ground)
    ground.stores[DISK].mkdir("card/a/b", mode=0o700, modified=5)
    life.pipeline.keep("camera", ("catalog", "file"), arrived(life, "a/b/one.jpg", "two.jpg"))
    found = {one.source.path: (one.source.mode, one.verb) for one in ground.ledger.history().rows}
    assert set(found) == {"card/a", "card/a/b"}
    assert found["card/a/b"] == (0o700, "rmdir")


def test_a_copy_remembers_no_folders(life: Life) -> None:
    life.pipeline.keep("camera", ("catalog", "file"), arrived(life, "a/one.jpg", move=False))
    assert life.ground.ledger.history().rows == ()
