"""The trash: what is deleted for good, when, and what never is."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.deeds import expire, standing, undo
from albumen.deeds import trash as bin_
from albumen.deeds.desk import Desk
from albumen.errors import AlbumenError, Transient, Unavailable
from albumen.media.digest import record_id
from albumen.model import DISK, EXPIRY, Deed, DeedState, Facts, Item, Made, Placement, Query, Ref, Wish
from albumen.operations import history
from albumen.operations.expiry import Expiry, Passed
from albumen.operations.undoing import find
from albumen.operations.working import recover
from albumen.ports import Queue, Scratch, Store
from albumen.testing import MemoryQueue, MemoryStore
from make.lives import Life, all_deeds, known_places
from make.remote import HUB, SORTED, UNSORTED, FarLife, World, remote
from make.worlds import LIBRARY, Fault, Ground, InMemory, Killed, OnDisk, jpeg

DAY = 86_400_000_000_000
KEEP = 30 * 86_400.0
TRASH = ".albumen/trash"


class Trash:
    """A library with a trash, and the daily look at it."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.life = Life(ground, Fault())
        self.queue = MemoryQueue(clock=lambda: ground.now)
        self.drawer: Scratch = self.queue.scratch("expiry")
        self.stop = threading.Event()

    def throw(self, name: str) -> str:
        """Import a picture and its duplicate: the path of the duplicate in the trash."""
        self.ground.write(f"a/{name}.jpg", jpeg(name))
        self.ground.write(f"b/{name}.jpg", jpeg(name))
        batch = self.life.take_in(move=True)
        return f"{TRASH}/{batch}/{self.ground.disk()}/b/{name}.jpg"

    def look(self, days: float = 1.0) -> str | None:
        """Let time pass, then look."""
        self.ground.now += round(days * DAY)
        return Expiry(self.life.engine, self.drawer, KEEP, self.stop).run()

    def looks(self, days: int) -> list[str]:
        """Look once a day for so many days; what was said."""
        return [said for _ in range(days) if (said := self.look())]

    def there(self) -> list[str]:
        """Files and folders in the trash."""
        return sorted(one.main.path for one in self.life.stores[LIBRARY].list(TRASH))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    trash = Trash(InMemory(tmp_path))
    trash.look(0)
    return trash


@pytest.fixture
def real(tmp_path: Path) -> Iterator[OnDisk]:
    ground = OnDisk(tmp_path)
    yield ground
    ground.close()


def test_it_stays_its_time_then_it_goes_and_the_younger_stays(trash: Trash) -> None:
    old = trash.throw("old")
    trash.looks(10)
    young = trash.throw("young")
    before = known_places(trash.ground.catalog)
    assert trash.looks(19) == []
    assert trash.there() == sorted([old, young])
    assert trash.looks(1) == ["1 file deleted for good, 30 days after they came into the trash"]
    assert trash.there() == [young]
    assert known_places(trash.ground.catalog) == before
    trash.looks(30)
    assert trash.there() == []


def test_the_ledger_tells_what_became_of_it(trash: Trash) -> None:
    old = trash.throw("old")
    trash.looks(30)
    (deed,) = [one for one in all_deeds(trash.ground.ledger) if one.verb == "expire"]
    assert (deed.state, deed.source.path, deed.target.path) == (DeedState.done, old, "")
    (batch,) = [one for one in trash.ground.ledger.batches().rows if one.what == EXPIRY]
    assert batch.ended is not None
    (record,) = trash.ground.catalog.get([record_id(deed.sha256)]).values()
    told = history.explain(trash.ground.ledger, record)
    assert told[-1].endswith(f"deleted for good {LIBRARY}:{old}: it lay in the trash longer than [trash] keep")


def test_an_undo_brings_it_back_before_and_says_why_not_after(trash: Trash) -> None:
    trash.throw("one")
    trash.looks(29)
    first = trash.life.undo("b1")
    assert first.refused == ()
    assert trash.life.stores[DISK].stat("card/b/one.jpg")
    assert trash.looks(40) == []
    trash.life.undo(trash.ground.ledger.batches().rows[0].id)  # redo: in the trash again, from today
    assert len(trash.there()) == 1
    trash.looks(29)
    assert len(trash.there()) == 1
    trash.looks(1)
    assert trash.there() == []
    refused = trash.life.undo("b1").refused
    whys = [one.why for one in refused]
    assert any("expired: batch" in why and "deleted it for good" in why for why in whys), whys


def test_an_expiry_has_no_way_back_and_is_not_the_last_batch_to_undo(trash: Trash) -> None:
    trash.throw("one")
    trash.looks(30)
    (expiry,) = [one.id for one in trash.ground.ledger.batches().rows if one.what == EXPIRY]
    inverse = undo.plan(trash.life.engine.desk, expiry, "dry-run")
    assert inverse.deeds == ()
    assert ["there is no way back" in one.why for one in inverse.refused] == [True]
    assert find(trash.life.ledger, "last").id == "b1"


def test_what_no_deed_put_there_stays_and_is_told(trash: Trash) -> None:
    assert isinstance(trash.ground, InMemory)
    old = trash.throw("old")
    store = trash.ground.stores[LIBRARY]
    mine = [f"{TRASH}/mine.jpg", f"{TRASH}/b1/mine.jpg", f"{TRASH}/holiday/mine.jpg"]
    for path in mine:
        store.write(path, b"mine")
    said = trash.looks(30)
    assert trash.there() == sorted(mine)
    assert old not in trash.there()
    assert "3 files in the trash that no deed put there stay" in said[-1]
    assert f"{LIBRARY}:{TRASH}/mine.jpg" in said[-1]


def test_what_has_other_bytes_than_were_put_there_stays_and_is_told(trash: Trash) -> None:
    assert isinstance(trash.ground, InMemory)
    old = trash.throw("old")
    trash.ground.stores[LIBRARY].write(old, b"a person's own now")
    said = trash.looks(30)
    assert trash.there() == [old]
    assert said == [f"1 file could not be deleted: {LIBRARY}:{old} has other bytes than were put there, and stays"]


ONLY = "is the only copy now, the one that it doubled is gone or damaged: import a copy of it, or delete it yourself"


def filed_as(trash: Trash, path: str) -> str:
    """Where the first copy of a file in the trash was put."""
    (sha,) = {one.sha256 for one in all_deeds(trash.ground.ledger) if one.target.path == path}
    (place,) = [one for one in known_places(trash.ground.catalog) if one[0] == record_id(sha)]
    return place[2]


def test_a_duplicate_whose_first_copy_is_gone_stays_and_is_told(trash: Trash) -> None:
    """It was thrown away because its content lay elsewhere. Once it does again, the time is over."""
    assert isinstance(trash.ground, InMemory)
    old = trash.throw("old")
    other = trash.throw("other")
    store = trash.ground.stores[LIBRARY]
    store.remove(filed_as(trash, old))
    said = trash.looks(30)
    assert trash.there() == [old]
    assert said == [
        f"1 file deleted for good, 30 days after they came into the trash; 1 file could not be deleted: {LIBRARY}:{old} {ONLY}"
    ]
    assert other not in trash.there()
    assert trash.looks(2) == [f"1 file could not be deleted: {LIBRARY}:{old} {ONLY}"] * 2
    assert len([one for one in all_deeds(trash.ground.ledger) if one.verb == "expire"]) == 1  # no row a day for what stays
    trash.ground.write("again.jpg", jpeg("old"))
    trash.life.take_in(move=True)
    trash.looks(1)
    assert trash.there() == []
    assert settled(trash)


@pytest.mark.parametrize("secretly", [False, True])
def test_a_duplicate_whose_first_copy_is_damaged_stays(trash: Trash, secretly: bool) -> None:
    """Also behind its back, as by a failing disk: before the last step every byte is read."""
    assert isinstance(trash.ground, InMemory)
    old = trash.throw("old")
    store, path = trash.ground.stores[LIBRARY], filed_as(trash, old)
    if secretly:
        store._files[path] = replace(store._files[path], data=jpeg("dlo"))
    else:
        store.write(path, jpeg("dlo"))
    said = trash.looks(31)
    assert trash.there() == [old]
    assert said == [f"1 file could not be deleted: {LIBRARY}:{old} {ONLY}"] * 2
    assert settled(trash)


def test_what_a_person_threw_away_goes_when_its_time_is_over(trash: Trash) -> None:
    """No duplicate: it lies nowhere else, as it was meant."""
    trash.ground.write("a.jpg", jpeg("a"))
    batch = trash.life.take_in(move=False)
    trash.life.undo(batch)
    assert len(trash.there()) == 1
    trash.looks(30)
    assert trash.there() == []


class TestWhatSomethingWasMadeOf:
    """A raw file of a server, of which a step made another file."""

    LOST = "what was made of it is lost, so it may be the only copy: bring it back by undo, or delete it yourself"

    @pytest.fixture
    def hub(self, tmp_path: Path) -> World:
        world = World(tmp_path, remote())
        world.drop("a.jpg", "b.jpg")
        self.look(world, 0)
        FarLife(world, Fault()).daemon("raw")
        return world

    def look(self, world: World, days: int = 30) -> list[str]:
        """What was said, day after day."""
        one = FarLife(world, Fault())
        drawer = vars(world).setdefault("drawer", MemoryQueue(clock=lambda: world.now).scratch("expiry"))
        said = []
        for _ in range(days or 1):
            world.now += DAY if days else 0
            said.append(Expiry(one.engine, drawer, KEEP, threading.Event()).run())
        return [one for one in said if one]

    def thrown(self, world: World) -> list[str]:
        return sorted(path.rpartition("/")[2] for path in world.far() if path.startswith(TRASH))

    def test_goes_while_that_lies_there(self, hub: World) -> None:
        assert self.thrown(hub) == ["a.jpg", "b.jpg"]
        self.look(hub)
        assert sorted(hub.far()) == [f"{UNSORTED}/double a.jpg", f"{UNSORTED}/double b.jpg"]

    def test_also_where_that_was_sorted_to(self, hub: World) -> None:
        hub.hub.assign(f"{UNSORTED}/double a.jpg", "ai:cats")  # type: ignore[attr-defined]  # a store with tags
        FarLife(hub, Fault()).daemon("tagged")
        self.look(hub)
        assert sorted(hub.far()) == [f"{UNSORTED}/double b.jpg", f"{SORTED}/cats/double a.jpg"]

    @pytest.mark.parametrize("forgotten", [False, True])
    def test_stays_once_that_is_lost(self, hub: World, forgotten: bool) -> None:
        """Whether the catalog knows by now that it is, or not."""
        hub.hub.remove(f"{UNSORTED}/double a.jpg")
        if forgotten:
            (kept,) = [one for one in hub.catalog.find(Query(names=("a.jpg",), companions=True)).rows if one.derived_from]
            hub.catalog.put([replace(kept, placements=())])
        said = self.look(hub)
        assert self.thrown(hub) == ["a.jpg"]
        assert "1 file deleted for good" in said[0]
        assert said[0].endswith(self.LOST)

    def test_stays_when_that_is_lost_between_the_look_and_the_deletion(self, hub: World) -> None:
        """The deed may wait for days."""
        desk = FarLife(hub, Fault()).engine.desk
        thrown = [one for one in all_deeds(hub.ledger) if one.target.path.startswith(TRASH)]
        batch = desk.ledger.begin(EXPIRY, desk.owner)
        planned = expire.plan(desk, batch, [(one.target, one) for one in thrown])
        hub.hub.remove(f"{UNSORTED}/double a.jpg")
        mine = [one.deed for one in desk.ledger.claim([one.id for one in planned], desk.owner)]
        (given_up,) = expire.do(desk, mine)
        assert given_up[1].endswith(self.LOST)
        assert self.thrown(hub) == ["a.jpg"]

    def test_goes_when_a_deed_threw_that_away(self, hub: World) -> None:
        """Another step, that made something of it in turn."""
        life = FarLife(hub, Fault())
        (made,) = [one for one in all_deeds(hub.ledger) if one.verb == "derive" and one.target.name == "double a.jpg"]
        store = life.stores[HUB]
        item = life.known(Item(store.stat(made.target.path).main, source="raw", batch=life.engine.begin("watch raw")))
        item = life.engine.enlist(item)
        path = hub.folder / "twice"
        path.write_bytes(jpeg("twice"))
        life.engine.derive(item, Wish("more", HUB, UNSORTED, "more.jpg"), lambda: Made(str(path), Facts("image", "jpeg")))
        assert self.thrown(hub) == ["a.jpg", "b.jpg", "double a.jpg"]
        self.look(hub)
        assert self.thrown(hub) == []


def test_nothing_outside_the_trash_is_touched(trash: Trash) -> None:
    """Even if the ledger said so."""
    trash.throw("one")
    desk = trash.life.engine.desk
    (place,) = [one.target for one in all_deeds(trash.ground.ledger) if one.role == "main"]
    assert not place.path.startswith(".albumen")
    sha = next(one.sha256 for one in all_deeds(trash.ground.ledger) if one.target == place)
    batch = desk.ledger.begin(EXPIRY, desk.owner)
    for path in (place.path, f"{TRASH}/../../{place.path}", f"{TRASH}"):
        with suppress(AlbumenError):
            deed = Deed(batch, f"{batch}/{path}", "expire", Ref(LIBRARY, path), Ref(LIBRARY, ""), sha256=sha)
            desk.ledger.intend([deed], desk.owner)
            expire.do(desk, [one for one in all_deeds(trash.ground.ledger) if one.state is DeedState.intended])
    assert desk.store(LIBRARY).stat(place.path)


@pytest.mark.parametrize("years", [1, 30])
def test_a_jump_of_the_clock_empties_no_trash(trash: Trash, years: int) -> None:
    old = trash.throw("old")
    trash.looks(10)
    new = trash.throw("new")  # after the last look
    trash.ground.now += DAY // 2
    assert trash.look(years * 365) is None
    assert trash.there() == sorted([old, new])
    trash.looks(17)
    assert trash.there() == sorted([old, new])
    trash.looks(1)
    assert trash.there() == [new]
    trash.looks(10)
    assert trash.there() == []


def test_a_clock_that_comes_right_again_costs_nothing(trash: Trash) -> None:
    old = trash.throw("old")
    trash.looks(10)
    trash.look(3650)
    trash.look(-3649)
    assert trash.looks(18) == []
    assert trash.there() == [old]
    trash.looks(1)
    assert trash.there() == []


def test_what_was_thrown_away_in_a_wrong_future_waits_and_is_told(trash: Trash) -> None:
    trash.look(3650)
    new = trash.throw("new")
    trash.look(-3650)
    said = trash.looks(40)
    assert trash.there() == [new]
    assert "1 file came into the trash at a time to come" in said[-1]


def test_a_month_off_counts_as_two_days(trash: Trash) -> None:
    old = trash.throw("old")
    trash.looks(10)
    trash.look(31)
    trash.looks(17)
    assert trash.there() == [old]
    trash.looks(1)
    assert trash.there() == []


def test_with_its_memory_lost_the_time_begins_anew(trash: Trash) -> None:
    old = trash.throw("old")
    trash.looks(29)
    trash.drawer = MemoryQueue(clock=lambda: trash.ground.now).scratch("expiry")
    trash.looks(30)
    assert trash.there() == [old]
    trash.looks(1)
    assert trash.there() == []


@given(
    st.lists(st.one_of(st.integers(0, 3 * DAY), st.integers(-4000 * DAY, 4000 * DAY)), min_size=1, max_size=30),
    st.integers(-4000 * DAY, 4000 * DAY),
)
def test_between_two_looks_nothing_ages_more_than_two_days(steps: list[int], thrown: int) -> None:
    """Whatever the clock does, and whenever it was thrown away."""
    now, at = 20_000 * DAY, 20_000 * DAY + thrown
    passed = Passed().seen(now)
    for step in steps:
        now += step
        before, passed = max(passed.age(at), 0), passed.seen(now)
        assert passed.age(at) <= before + 2 * DAY
        assert passed.last == now


@given(st.lists(st.integers(1, 2 * DAY), min_size=1, max_size=60))
def test_under_a_clock_that_goes_right_all_time_counts(steps: list[int]) -> None:
    at = 20_000 * DAY
    passed = Passed().seen(at)
    for step in steps:
        passed = passed.seen(passed.last + step)
    assert passed.age(at) == sum(steps)


def test_a_store_that_is_gone_does_not_keep_the_others_trash(trash: Trash) -> None:
    class Gone(MemoryStore):
        def list(self, prefix: str = "") -> Iterator[Item]:
            raise Unavailable("gone", "not mounted")

    trash.throw("old")
    trash.looks(29)
    trash.life.stores.update({"a": Gone("a"), "z": Gone("z")})
    with pytest.raises(Unavailable, match="not mounted"):
        trash.look()
    assert trash.there() == []
    assert settled(trash)


@pytest.mark.parametrize("error", [Unavailable("hub", "does not answer"), Transient("hub:a.jpg: its server failed at it")])
@pytest.mark.parametrize("found_out", ["before", "at the last step"])
def test_what_may_rest_on_a_store_that_is_away_keeps_no_other_trash(
    trash: Trash, monkeypatch: pytest.MonkeyPatch, found_out: str, error: AlbumenError
) -> None:
    """Its own copy may be the only one; the others go all the same, and it does when the store is back."""
    paths = {name: trash.throw(name) for name in ("one", "two", "three")}
    (sha,) = {one.sha256 for one in all_deeds(trash.ground.ledger) if one.target.path == paths["one"]}
    asked = standing.content

    def away(desk: Desk, sha256: str, **more: Any) -> Placement | None:
        if sha256 == sha and (more.get("proven") or found_out == "before"):
            raise error
        return asked(desk, sha256, **more)

    with monkeypatch.context() as patched:
        patched.setattr(standing, "content", away)
        said = trash.looks(30)
    assert trash.there() == [paths["one"]]
    assert len(said) == 1
    assert f"{LIBRARY}:{paths['one']} stays, since nobody can tell now" in said[0]
    assert settled(trash)
    trash.look()
    assert trash.there() == []


def test_a_file_of_the_trash_that_cannot_be_read_keeps_no_other(trash: Trash, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {name: trash.throw(name) for name in ("one", "two")}
    read = bin_.remove_content

    def failing(store: Store, path: str, content: str) -> bool:
        if path == paths["one"]:
            raise Transient(f"{path}: cannot be read; the disk may be failing there")
        return read(store, path, content)

    monkeypatch.setattr(bin_, "remove_content", failing)
    said = trash.looks(31)
    assert trash.there() == [paths["one"]]
    assert len(said) == 2
    assert "the disk may be failing" in said[1]
    assert settled(trash)


def settled(trash: Trash) -> bool:
    """No deed and no batch is open."""
    ledger = trash.ground.ledger
    return not ledger.batches(open=True).rows and all(
        one.state in (DeedState.done, DeedState.dropped) for one in all_deeds(ledger)
    )


def filled(folder: Path) -> tuple[Trash, list[str]]:
    """A trash with three files whose time is over at the next look, and the one whose is not."""
    trash = Trash(InMemory(folder))
    trash.look(0)
    for name in ("one", "two", "three"):
        trash.throw(name)
    trash.looks(10)
    young = trash.throw("young")
    trash.looks(19)
    trash.ground.now += DAY
    return trash, [young]


def calls_of_a_look(folder: Path) -> int:
    """How many calls of stores and ledger a look takes that deletes three files."""
    trash, young = filled(folder)
    trash.life.fault.calls.clear()
    assert trash.look(0)
    assert trash.there() == young
    return len(trash.life.fault.calls)


def test_killed_anywhere_it_comes_to_the_same_end(tmp_path: Path) -> None:
    """The next process recovers what was begun, and its next look does the rest."""
    calls = calls_of_a_look(tmp_path)
    assert calls > 20
    for at, after in itertools.product(range(1, calls + 1), (False, True)):
        trash, young = filled(tmp_path)
        trash.life = Life(trash.ground, Fault(at, after=after))
        with suppress(Killed):
            trash.look(0)
        trash.life = Life(trash.ground, Fault())
        recover(trash.life.engine, trash.life.pipeline, cast("Queue", trash.life.jobs))
        trash.life.jobs.run(trash.life.pipeline)
        assert settled(trash), at
        trash.look(0)
        assert trash.there() == young, at
        assert settled(trash), at
        assert trash.life.jobs.buried == []


def test_a_disk_that_goes_away_anywhere_is_waited_for(tmp_path: Path) -> None:
    """The same process goes on with what it had begun: nobody else would."""
    calls = calls_of_a_look(tmp_path)
    for at in range(1, calls + 1):
        trash, young = filled(tmp_path)
        trash.life = Life(trash.ground, Fault(at, raises=lambda: Unavailable(LIBRARY, "gone")))
        with suppress(Unavailable):
            trash.look(0)
        trash.life.fault.at = 0
        trash.look(0)
        assert trash.there() == young, at
        assert settled(trash), at


def test_the_stop_is_heeded_between_pieces(trash: Trash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albumen.operations.expiry._PIECE", 1)
    for name in ("one", "two", "three"):
        trash.throw(name)
    trash.looks(29)
    monkeypatch.setattr(trash.stop, "is_set", iter([False, True]).__next__)
    trash.look()
    assert len(trash.there()) == 2
    assert settled(trash)


def test_what_an_undo_is_about_to_bring_back_stays(trash: Trash) -> None:
    old = trash.throw("old")
    trash.looks(29)
    into = trash.life.engine.begin("undo b1", undoes="b1")
    planned = undo.keep(trash.life.engine.desk, trash.life.engine.inverse("b1", into))
    assert old in [one.source.path for one in planned.deeds]
    assert trash.look(5) is None
    assert trash.there() == [old]


def test_what_expires_is_not_brought_back_at_the_same_time(trash: Trash) -> None:
    old = trash.throw("old")
    desk = trash.life.engine.desk
    (thrown,) = [one for one in all_deeds(trash.ground.ledger) if one.target.path == old]
    expire.plan(desk, trash.life.engine.begin(EXPIRY), [(Ref(LIBRARY, old), thrown)])
    refused = trash.life.undo("b1").refused
    assert [one.deed.source.path for one in refused] == [old]


def test_on_a_real_disk_emptied_folders_go_too(real: OnDisk) -> None:
    trash = Trash(real)
    trash.look(0)
    trash.throw("old")
    trash.looks(10)
    young = trash.throw("young")
    trash.looks(20)
    assert trash.there() == [young]
    assert [one.name for one in (real.folder / "library" / TRASH).iterdir()] == [young.split("/")[2]]
    trash.looks(10)
    assert not (real.folder / "library" / TRASH).exists()
    assert (real.folder / "library" / ".albumen").exists()
    assert len(list((real.folder / "library" / "2021").rglob("*.jpg"))) == 2
