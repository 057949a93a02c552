"""What steps do on a server's store: derive, relocate, enlist."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from albumen.errors import Changed, NotFound, Rejected, SetAside, Transient, Unavailable
from albumen.model import DISK, Deed, DeedState, Facts, Item, Made, Query, Ref, Wish
from albumen.operations.history import explain
from albumen.testing import RemoteStore
from make.remote import HUB, RAW, SORTED, UNSORTED, FarLife, World, known, near, plain, remote, settled
from make.worlds import Fault, jpeg, xmp


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, remote())


def life(world: World, **more: object) -> FarLife:
    return FarLife(world, Fault(), **more)  # type: ignore[arg-type]


def arrived(one: FarLife, path: str, source: str = "raw") -> Item:
    """A file of the server as the step after ``catalog`` gets it."""
    main = one.stores[HUB].stat(path).main
    item = one.known(Item(main, source=source, batch=one.engine.begin(f"watch {source}")))
    return one.engine.enlist(item)


class TestDerive:
    def wish(self, name: str = "new.png", **more: Any) -> Wish:
        return replace(Wish("double", HUB, UNSORTED, name), **more)

    def made(self, tmp_path: Path, data: bytes) -> Made:
        path = tmp_path / "made"
        path.write_bytes(data)
        return Made(str(path), Facts("image", "jpeg", width=8, height=6))

    def test_the_record_of_a_result(self, world: World, tmp_path: Path) -> None:
        """S1-29 (part: derived_from)."""
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")
        result = one.engine.derive(item, self.wish(), lambda: self.made(tmp_path, jpeg("twice")))
        made = one.catalog.get([result.id])[result.id]
        raw = one.catalog.get([item.id])[item.id]
        assert (made.derived_from, made.name, made.width, made.type) == (item.id, "a.jpg", 8, "jpeg")
        assert (made.taken, made.date_source) == (raw.taken, raw.date_source)
        assert [(place.path, place.proof.method if place.proof else "") for place in made.placements] == [
            (f"{UNSORTED}/new.png", "read")
        ]
        assert raw.placements == ()
        assert (result.main.path, result.main.size, result.batch) == (f"{UNSORTED}/new.png", len(jpeg("twice")), item.batch)

    def test_once_however_often_it_is_asked(self, world: World, tmp_path: Path) -> None:
        """Under the first name, whatever is wished the second time."""
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")
        first = one.engine.derive(item, self.wish(after="keep"), lambda: self.made(tmp_path, jpeg("1")))

        def never() -> Made:
            raise AssertionError("it is there")

        assert one.engine.derive(item, self.wish("other.png", after="keep"), never) == first
        assert one.engine.derive(replace(item, batch=one.engine.begin("watch raw")), self.wish(), never).main == first.main

    def test_names_that_are_taken(self, world: World, tmp_path: Path) -> None:
        """S1-05 (part: 200 files in one second)."""
        one = life(world)
        world.hub.write(f"{UNSORTED}/new.png", b"a person's")
        for number in range(5):
            world.hub.write(f"{RAW}/{number}.jpg", jpeg(f"{number}"))
            made = partial(self.made, tmp_path, jpeg(f"{number}" * 2))
            one.engine.derive(arrived(one, f"{RAW}/{number}.jpg"), self.wish(), made)
        names = [f"{UNSORTED}/new.png", *(f"{UNSORTED}/new_{number}.png" for number in range(1, 6))]
        assert sorted(path for path in world.far() if path.startswith(UNSORTED)) == sorted(names)
        assert world.hub.read(f"{UNSORTED}/new.png") == b"a person's"

    @pytest.mark.parametrize("later", [False, True], ids=["same batch", "later batch"])
    @pytest.mark.parametrize("refused", [f"{UNSORTED}/", ".albumen/trash/"], ids=["result", "raw"])
    def test_what_a_server_refused_is_done_when_it_is_asked_again(
        self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str, later: bool
    ) -> None:
        """As ``queue again`` does, once its limit or its rights are others."""
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")
        with monkeypatch.context() as patch:
            refuse(world.hub, refused, patch)
            for _ in range(2):
                with pytest.raises(Rejected, match="no file of this size"):
                    one.engine.derive(item, self.wish(), lambda: self.made(tmp_path, jpeg("twice")))
        assert world.far()[f"{RAW}/a.jpg"] == jpeg("raw a.jpg")
        item = replace(item, batch=one.engine.begin("another")) if later else item
        one.engine.derive(item, self.wish(), lambda: self.made(tmp_path, jpeg("twice")))
        assert sorted(world.far().values()) == sorted([jpeg("twice"), jpeg("raw a.jpg")])
        assert f"{RAW}/a.jpg" not in world.far()

    def test_another_step_makes_its_own(self, world: World, tmp_path: Path) -> None:
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")
        for step in ("double", "treble"):
            one.engine.derive(item, self.wish(step=step, after="keep"), partial(self.made, tmp_path, jpeg(step)))
        assert sorted(one for one in world.far() if one.startswith(UNSORTED)) == [f"{UNSORTED}/new.png", f"{UNSORTED}/new_1.png"]

    def test_what_cannot_be_made_changes_nothing(self, world: World) -> None:
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")

        def broken() -> Made:
            raise Rejected("animated")

        with pytest.raises(Rejected):
            one.engine.derive(item, self.wish(), broken)
        assert world.far() == {f"{RAW}/a.jpg": jpeg("raw a.jpg")}
        assert settled_deeds(world) == []

    def test_a_raw_that_changes_meanwhile_stays(self, world: World, tmp_path: Path) -> None:
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")

        def make() -> Made:
            world.hub.write(f"{RAW}/a.jpg", jpeg("other"))
            return self.made(tmp_path, jpeg("twice"))

        with pytest.raises(Changed):
            one.engine.derive(item, self.wish(), make)
        assert world.far() == {f"{RAW}/a.jpg": jpeg("other")}

    def test_after_delete_it_is_gone_at_the_end_of_the_batch(self, world: World) -> None:
        world.drop("a.jpg")
        one = life(world, after="delete")
        batch = one.daemon("raw")
        assert list(world.far()) == [f"{UNSORTED}/double a.jpg"]
        assert [deed.verb for deed in settled(world)] == ["derive", "move", "expire"]
        inverse = one.undo(batch)
        assert len(inverse.refused) >= 2  # there is no way back

    def test_a_result_that_a_person_deleted_is_made_again(self, world: World, tmp_path: Path) -> None:
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")
        result = one.engine.derive(item, self.wish(after="keep"), lambda: self.made(tmp_path, jpeg("1")))
        world.hub.remove(result.main.path)
        kept = one.catalog.get([result.id])[result.id]
        one.catalog.put([replace(kept, placements=())])
        again = one.engine.derive(item, self.wish(after="keep"), lambda: self.made(tmp_path, jpeg("1")))
        assert world.hub.read(again.main.path) == jpeg("1")

    @pytest.mark.parametrize("other", [b"", jpeg("2")], ids=["removed", "replaced"])
    def test_a_result_that_is_not_there_any_more_is_made_again(self, world: World, tmp_path: Path, other: bytes) -> None:
        """The same raw comes again: it does not leave on the word of the catalog."""
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")
        first = one.engine.derive(item, self.wish(), lambda: self.made(tmp_path, jpeg("1")))
        world.drop("a.jpg")
        world.hub.remove(first.main.path)
        if other:
            world.hub.write(first.main.path, other)
        again = one.engine.derive(arrived(one, f"{RAW}/a.jpg"), self.wish(), lambda: self.made(tmp_path, jpeg("1")))
        assert world.hub.read(again.main.path) == jpeg("1")
        assert (again.main.path == first.main.path) == (not other)
        assert f"{RAW}/a.jpg" not in world.hub.tree()

    @pytest.mark.parametrize("refusal", [Rejected("no"), Unavailable(HUB, "away")], ids=["refused", "left open"])
    def test_a_result_that_went_while_its_own_job_waited_is_made_again(
        self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
    ) -> None:
        """The same batch, days later: the raw does not leave on the word of the catalog either."""
        world.drop("a.jpg")
        one = life(world)
        item = arrived(one, f"{RAW}/a.jpg")
        with monkeypatch.context() as patch:
            refuse(world.hub, ".albumen/trash/", patch, refusal)
            with pytest.raises(type(refusal)):
                one.engine.derive(item, self.wish(), lambda: self.made(tmp_path, jpeg("1")))
        world.hub.remove(f"{UNSORTED}/new.png")
        again = one.engine.derive(item, self.wish(), lambda: self.made(tmp_path, jpeg("1")))
        assert world.hub.read(again.main.path) == jpeg("1")
        assert f"{RAW}/a.jpg" not in world.far()
        one.engine.close(item.batch)
        settled(world)

    def test_an_undo_stands_until_the_file_changes(self, world: World) -> None:
        """Asked about once: what comes next is made again."""
        world.drop("a.jpg")
        one = life(world)
        batch = one.daemon("raw")
        assert one.undo(batch).refused == ()
        assert f"{RAW}/a.jpg" in world.far()
        assert not any(path.startswith(UNSORTED) for path in world.far())
        one = life(world)
        one.daemon("raw")
        assert [what for what, _ in one.log.lines if what in ("set aside", "made")] == ["set aside"]
        one.daemon("raw")
        assert [what for what, _ in one.log.lines if what in ("set aside", "made")] == ["set aside", "made"]

    def test_it_is_explained(self, world: World) -> None:
        world.drop("a.jpg")
        one = life(world)
        one.daemon("raw")
        made, raw = (
            next(row for row in world.catalog.find(Query(companions=True)).rows if bool(row.derived_from) is how)
            for how in (True, False)
        )
        assert f"made something of {HUB}:{RAW}/a.jpg to {HUB}:{UNSORTED}/double a.jpg" in explain(world.ledger, made)[0]
        assert explain(world.ledger, raw)[-1].endswith(f"the trash: {HUB}:{UNSORTED}/double a.jpg was made of it")

    def test_each_file_is_read_once(self, tmp_path: Path) -> None:
        """By both steps together; the result once more, as its proof."""
        opened: list[str] = []

        class Counted(RemoteStore):
            def open(self, path: str, *, rev: str | None = None, start: int = 0) -> BinaryIO:
                opened.append(path)
                return super().open(path, rev=rev, start=start)

        world = World(tmp_path, Counted(HUB))
        world.drop("a.jpg", "b.jpg")
        life(world).daemon("raw")
        assert sorted(opened) == [f"{RAW}/a.jpg", f"{RAW}/b.jpg", f"{UNSORTED}/double a.jpg", f"{UNSORTED}/double b.jpg"]

    def test_a_plain_store_will_do(self, tmp_path: Path) -> None:
        """Without moves on its own side the raw is copied to the trash, proven there, and only then deleted."""
        world = World(tmp_path, plain())
        world.drop("a.jpg")
        life(world).daemon("raw")
        assert world.far() == {
            f"{UNSORTED}/double a.jpg": jpeg("raw a.jpg") * 2,
            f".albumen/trash/BATCH/{RAW}/a.jpg": jpeg("raw a.jpg"),
        }


TOO_LARGE = Rejected("its server takes no file of this size")


def refuse(hub: Any, folder: str, patch: pytest.MonkeyPatch, why: Exception = TOO_LARGE) -> None:
    """Nothing is put there, nor moved."""
    for name in ("put", "move"):
        inner = getattr(hub, name)

        def refused(path: str, *args: Any, inner: Any = inner, **named: Any) -> Any:
            if any(isinstance(one, str) and one.startswith(folder) for one in (path, *args)):
                raise why
            return inner(path, *args, **named)

        patch.setattr(hub, name, refused)


def settled_deeds(world: World) -> list[str]:
    return [one.verb for one in world.ledger.history().rows if one.state is not DeedState.dropped]


class TestRelocate:
    @pytest.fixture
    def one(self, world: World) -> FarLife:
        return life(world)

    def item(self, world: World, one: FarLife, *tags: str, name: str = "a.jpg", data: bytes = jpeg("a")) -> Item:
        world.hub.write(f"{UNSORTED}/{name}", data)
        for tag in tags:
            world.hub.assign(f"{UNSORTED}/{name}", tag)  # type: ignore[attr-defined]  # a store with tags
        return arrived(one, f"{UNSORTED}/{name}", "tagged")

    def test_the_tag_goes_the_others_stay(self, world: World, one: FarLife) -> None:
        """S1-21, S1-24 (part)."""
        item = self.item(world, one, "ai:cats", "holiday")
        moved = one.engine.relocate(item, f"{SORTED}/cats", untag=["ai:cats"])
        assert moved.main.path == f"{SORTED}/cats/a.jpg"
        assert world.tagged() == {f"{SORTED}/cats/a.jpg": ["holiday"]}
        assert known(world) == {f"{SORTED}/cats/a.jpg": ("a.jpg", False)}

    def test_what_a_server_refused_is_done_when_it_is_asked_again(
        self, world: World, one: FarLife, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = self.item(world, one, "ai:cats")
        with monkeypatch.context() as patch:
            refuse(world.hub, f"{SORTED}/", patch)
            for _ in range(2):
                with pytest.raises(Rejected, match="no file of this size"):
                    one.engine.relocate(item, SORTED, untag=["ai:cats"])
        one.engine.relocate(item, SORTED, untag=["ai:cats"])
        assert [path.startswith(f"{SORTED}/a") for path in world.far()] == [True]

    def test_other_content_of_that_name_is_never_overwritten(self, world: World, one: FarLife) -> None:
        """S1-23 (part: other content)."""
        world.hub.write(f"{SORTED}/a.jpg", jpeg("b"))
        world.hub.write(f"{SORTED}/a_1.jpg", jpeg("c"))
        assert one.engine.relocate(self.item(world, one), SORTED).main.path == f"{SORTED}/a_2.jpg"
        assert (world.hub.read(f"{SORTED}/a.jpg"), world.hub.read(f"{SORTED}/a_2.jpg")) == (jpeg("b"), jpeg("a"))

    def test_equal_content_of_that_name_is_told(self, world: World, one: FarLife) -> None:
        """S1-23 (part: equal content)."""
        world.hub.write(f"{SORTED}/a.jpg", jpeg("a"))
        item = self.item(world, one, "ai:cats")
        with pytest.raises(SetAside, match="the very same content"):
            one.engine.relocate(item, SORTED, untag=["ai:cats"])
        assert world.tagged() == {f"{UNSORTED}/a.jpg": ["ai:cats"]}

    def test_one_that_lies_there_already_only_loses_its_tag(self, world: World, one: FarLife) -> None:
        item = self.item(world, one, "ai:cats", "holiday")
        assert one.engine.relocate(item, UNSORTED, untag=["ai:cats"]).main.path == item.main.path
        assert world.tagged() == {f"{UNSORTED}/a.jpg": ["holiday"]}
        assert one.undo(item.batch).refused == ()
        assert world.tagged() == {f"{UNSORTED}/a.jpg": ["ai:cats", "holiday"]}

    def test_undo_brings_file_and_tag_back_and_redo_both_again(self, world: World, one: FarLife) -> None:
        item = self.item(world, one, "ai:cats", "holiday")
        one.engine.relocate(item, SORTED, untag=["ai:cats"])
        assert one.undo(item.batch).refused == ()
        assert world.tagged() == {f"{UNSORTED}/a.jpg": ["ai:cats", "holiday"]}
        undoing = world.ledger.batches().rows[0].id
        assert one.undo(undoing).refused == ()
        assert world.tagged() == {f"{SORTED}/a.jpg": ["holiday"]}

    def test_an_undo_stands_once(self, world: World, one: FarLife) -> None:
        item = self.item(world, one, "ai:cats")
        one.engine.relocate(item, SORTED, untag=["ai:cats"])
        one.undo(item.batch)
        again = replace(item, batch=one.engine.begin("watch tagged"))
        for _ in range(2):  # the same job twice
            with pytest.raises(SetAside, match="brought back by a person"):
                one.engine.relocate(again, SORTED, untag=["ai:cats"])
        later = replace(item, batch=one.engine.begin("watch tagged"))
        assert one.engine.relocate(later, SORTED, untag=["ai:cats"]).main.path == f"{SORTED}/a.jpg"

    def test_one_that_was_found_before_it_had_its_tags_again_is_not_the_one_that_is_told(
        self, world: World, one: FarLife
    ) -> None:
        """A slow undo beside a daemon: found once with half of its tags, once with all."""
        item = self.item(world, one, "ai:cats", "ai:dogs")
        one.engine.relocate(item, SORTED, untag=["ai:cats"])
        one.undo(item.batch)
        half = replace(item, batch=one.engine.begin("watch tagged"), tags=("ai:dogs",))
        with pytest.raises(SetAside, match="before it had its tags again"):
            one.engine.relocate(half, SORTED, untag=["ai:cats"])
        whole = replace(item, batch=one.engine.begin("watch tagged"), tags=("ai:cats", "ai:dogs"))
        with pytest.raises(SetAside, match="brought back by a person"):
            one.engine.relocate(whole, SORTED, untag=["ai:cats"])
        later = replace(whole, batch=one.engine.begin("watch tagged"))
        assert one.engine.relocate(later, SORTED, untag=["ai:cats"]).main.path == f"{SORTED}/a.jpg"

    def test_one_that_an_undo_is_bringing_back_waits(self, world: World, one: FarLife, monkeypatch: pytest.MonkeyPatch) -> None:
        """It lies there again and its other tag names another folder: it is not sorted there."""
        item = self.item(world, one, "ai:cats", "ai:dogs")
        one.engine.relocate(item, f"{SORTED}/cats", untag=["ai:cats"])
        half = replace(item, batch=one.engine.begin("watch tagged"), tags=("ai:dogs",))
        assign, asked = world.hub.assign, []  # type: ignore[attr-defined]  # a store with tags

        def slow(path: str, tag: str) -> None:
            asked.append(tag)
            with pytest.raises(Transient, match="being brought back by an undo"):
                one.engine.relocate(half, f"{SORTED}/dogs", untag=["ai:dogs"])
            assign(path, tag)

        monkeypatch.setattr(world.hub, "assign", slow)
        assert one.undo(item.batch).refused == ()
        assert asked == ["ai:cats"]
        assert world.tagged() == {f"{UNSORTED}/a.jpg": ["ai:cats", "ai:dogs"]}

    def test_a_file_that_changed_or_went_stays_as_it_is(self, world: World, one: FarLife) -> None:
        item = self.item(world, one)
        world.hub.write(item.main.path, jpeg("other"))
        with pytest.raises(Changed):
            one.engine.relocate(item, SORTED)
        world.hub.remove(item.main.path)
        with pytest.raises(NotFound):
            one.engine.relocate(item, SORTED)
        assert world.far() == {}

    def test_a_store_that_cannot_move(self, tmp_path: Path) -> None:
        world = World(tmp_path, plain())
        one = life(world)
        with pytest.raises(Rejected, match="cannot move"):
            one.engine.relocate(self.item(world, one), SORTED)

    def test_a_store_without_tags_has_none_to_lose(self, tmp_path: Path) -> None:
        world = World(tmp_path, near())
        one = life(world)
        assert one.engine.relocate(self.item(world, one), SORTED).main.path == f"{SORTED}/a.jpg"
        item = self.item(world, one, name="b.jpg", data=jpeg("b"))
        with pytest.raises(Rejected, match="no tags"):
            one.engine.relocate(item, SORTED, untag=["x"])

    def test_long_names_keep_their_ending(self, world: World, one: FarLife) -> None:
        name = "ü" * 125 + ".jpg"
        world.hub.write(f"{SORTED}/{name}", jpeg("b"))
        moved = one.engine.relocate(self.item(world, one, name=name), SORTED)
        assert moved.main.name.endswith("_1.jpg")
        assert len(moved.main.name.encode()) <= 255


class TestEnlist:
    @pytest.fixture
    def one(self, world: World) -> FarLife:
        return life(world)

    def test_twice_gives_the_same(self, world: World, one: FarLife) -> None:
        world.drop("a.jpg")
        item = arrived(one, f"{RAW}/a.jpg")
        first = one.catalog.get([item.id])[item.id]
        assert [(place.store, place.path, place.size) for place in first.placements] == [
            (HUB, f"{RAW}/a.jpg", len(jpeg("raw a.jpg")))
        ]
        arrived(one, f"{RAW}/a.jpg")
        assert one.catalog.get([item.id])[item.id] == first
        assert settled_deeds(world) == []

    def test_one_content_at_two_places_is_one_record(self, world: World, one: FarLife) -> None:
        for name in ("a.jpg", "b.jpg"):
            world.hub.write(f"{RAW}/{name}", jpeg("same"))
            arrived(one, f"{RAW}/{name}")
        assert known(world) == {f"{RAW}/a.jpg": ("a.jpg", False), f"{RAW}/b.jpg": ("a.jpg", False)}

    def test_other_bytes_at_a_place_are_a_record_that_replaces_the_old_one(self, world: World, one: FarLife) -> None:
        """What people entered goes along."""
        world.drop("a.jpg")
        old = arrived(one, f"{RAW}/a.jpg")
        one.catalog.put([replace(one.catalog.get([old.id])[old.id], title="Ann")])
        world.hub.write(f"{RAW}/a.jpg", jpeg("rated"))
        new = arrived(one, f"{RAW}/a.jpg")
        records = one.catalog.get([old.id, new.id])
        assert (records[old.id].placements, records[old.id].replaced_by) == ((), new.id)
        assert (records[new.id].replaces, records[new.id].title) == (old.id, "Ann")
        assert known(world) == {f"{RAW}/a.jpg": ("a.jpg", False)}

    def test_a_sidecar_lies_with_its_picture(self, world: World, one: FarLife) -> None:
        world.hub.write(f"{RAW}/a.jpg", jpeg("a"))
        world.hub.write(f"{RAW}/a.xmp", xmp("title:Sunset"))
        store = one.stores[HUB]
        main, part = (store.stat(f"{RAW}/{name}").main for name in ("a.jpg", "a.xmp"))
        item = one.engine.enlist(one.known(Item(main, (part,), source="raw", batch=one.engine.begin("watch raw"))))
        kept = one.catalog.get([item.id])[item.id]
        assert kept.title == "Sunset"
        assert [(place.path, place.role) for place in kept.placements] == [(f"{RAW}/a.jpg", "main"), (f"{RAW}/a.xmp", "xmp")]

    def test_not_while_a_deed_moves_it(self, world: World, one: FarLife) -> None:
        world.drop("a.jpg")
        item = arrived(one, f"{RAW}/a.jpg")
        moves = Deed(
            item.batch, "k", "move", item.main, Ref(HUB, f"{SORTED}/a.jpg"), sha256=item.digests["sha256"], record=item.id
        )
        deeds = one.ledger.intend([moves], one.engine.desk.owner)
        with pytest.raises(Transient, match="being moved"):
            one.engine.enlist(item)
        one.ledger.settle([deed.id for deed in deeds], DeedState.dropped)
        one.engine.enlist(item)

    def test_nothing_of_this_machines_disk_is_listed(self, world: World, one: FarLife) -> None:
        """``catalog`` alone writes no record of a file that lies in no store."""
        world.write("card.jpg", jpeg("card"))
        batch = one.engine.begin("watch card")
        main = one.stores[DISK].stat(f"{world.disk()}/card.jpg").main
        one.jobs.put([one.pipeline.job(Item(main, source="card", batch=batch), ("catalog",), batch)])
        one.jobs.run(one.pipeline)
        assert world.catalog.find(Query()).rows == ()
