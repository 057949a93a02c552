"""What the catalog says of a first copy is looked at before anything rests on it: a file is never the less for a wrong word."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumen.deeds import standing
from albumen.errors import Changed, Transient, Unavailable
from albumen.media.digest import record_id
from albumen.model import DISK, Item, Proof, Query, Record
from albumen.testing import MemoryStore
from make.lives import Life, all_deeds, known_places
from make.worlds import LIBRARY, Fault, Ground, InMemory, OnDisk, jpeg, raw, xmp

NAME = "2021/07_July/2021-07-01 00-30-00"
FILED = f"{NAME}.jpg"


class Hand:
    """What a person does in the library, behind albumen's back, and what they see there."""

    def __init__(self, ground: InMemory | OnDisk) -> None:
        self.ground = ground

    def _root(self) -> Path:
        return self.ground.folder / "library"

    def remove(self, path: str) -> None:
        if isinstance(self.ground, InMemory):
            self.ground.stores[LIBRARY].remove(path)
        else:
            (self._root() / path).unlink()

    def write(self, path: str, data: bytes) -> None:
        if isinstance(self.ground, InMemory):
            self.ground.stores[LIBRARY].write(path, data)
        else:
            (self._root() / path).write_bytes(data)

    def tree(self) -> Mapping[str, bytes]:
        """Without the marker of the store."""
        if isinstance(self.ground, InMemory):
            return self.ground.stores[LIBRARY].tree()
        files = (one for one in self._root().rglob("*") if one.is_file() and one.name != "store.json")
        return {str(one.relative_to(self._root())): one.read_bytes() for one in files}

    def library(self) -> Mapping[str, bytes]:
        return {path: data for path, data in self.tree().items() if not path.startswith(".albumen")}

    def trash(self) -> list[str]:
        return sorted(path.rpartition("/")[2] for path in self.tree() if path.startswith(".albumen/trash"))

    def card(self) -> list[str]:
        return [path for path in self.ground.tree() if path.startswith(f"{DISK}:")]


@pytest.fixture(params=["memory", "disk"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InMemory | OnDisk]:
    made = InMemory(tmp_path) if request.param == "memory" else OnDisk(tmp_path)
    yield made
    if isinstance(made, OnDisk):
        made.close()


@pytest.fixture
def hand(world: InMemory | OnDisk) -> Hand:
    return Hand(world)


@pytest.fixture
def lives(world: Ground) -> Life:
    return Life(world, Fault())


def bring(life: Life, how: str) -> None:
    """What lies on the card as ``b.jpg`` (and ``b.*``) comes again."""
    if how == "daemon":
        names = [one.main.name for one in life.stores[DISK].list(life.ground.disk())]
        life.arrive(*sorted(names), move=True)
    else:
        life.take_in(move=how == "move")


def nothing_open(life: Life) -> bool:
    return (
        not life.jobs.waiting
        and not life.jobs.buried
        and not [one for one in all_deeds(life.ledger) if one.state in ("planned", "intended")]
    )


@pytest.mark.parametrize("how", ["move", "daemon", "copy"])
class TestGone:
    """The filed picture was removed by hand, or is another one by now, and the same picture comes again."""

    def test_it_is_filed_again(self, hand: Hand, lives: Life, how: str) -> None:
        hand.ground.write("a.jpg", jpeg("1"))
        lives.take_in(move=True)
        hand.remove(FILED)
        hand.ground.write("b.jpg", jpeg("1"))
        bring(lives, how)
        assert hand.library() == {FILED: jpeg("1")}
        assert hand.trash() == []
        assert (hand.card() == []) == (how != "copy")
        assert [one[1:] for one in known_places(lives.catalog)] == [(LIBRARY, FILED, "main")]
        assert nothing_open(lives)

    def test_what_was_put_in_its_place_stays(self, hand: Hand, lives: Life, how: str) -> None:
        hand.ground.write("a.jpg", jpeg("1"))
        lives.take_in(move=True)
        hand.remove(FILED)
        hand.write(FILED, jpeg("2"))  # of the very same size
        hand.ground.write("b.jpg", jpeg("1"))
        bring(lives, how)
        assert hand.library() == {FILED: jpeg("2"), f"{NAME}_1.jpg": jpeg("1")}
        assert hand.trash() == []
        hand.ground.write("c.jpg", jpeg("1"))
        bring(lives, how)  # it is known again: of two placements one is true
        assert len(hand.library()) == 2
        assert set(hand.trash()) <= {"c.jpg"}
        assert nothing_open(lives)

    def test_a_sidecar_and_the_picture_beside_a_raw_too(self, hand: Hand, lives: Life, how: str) -> None:
        """Only what lies there is thrown away; what does not comes back beside it."""
        hand.ground.write("a.cr2", raw("1"))
        hand.ground.write("a.jpg", jpeg("1"))
        hand.ground.write("a.xmp", xmp("1"))
        lives.take_in(move=True)
        before = hand.library()
        assert sorted(before) == [f"{NAME}.cr2", FILED, f"{NAME}.xmp"]
        hand.remove(FILED)
        hand.remove(f"{NAME}.xmp")
        for name, data in (("b.cr2", raw("1")), ("b.jpg", jpeg("1")), ("b.xmp", xmp("1"))):
            hand.ground.write(name, data)
        bring(lives, how)
        assert hand.library() == before
        assert hand.trash() == ([] if how == "copy" else ["b.cr2"])
        assert nothing_open(lives)

    def test_a_part_of_a_new_picture_too(self, hand: Hand, lives: Life, how: str) -> None:
        """It travels with a RAW that nobody knows: taken for known, it would be thrown away with nothing left."""
        hand.ground.write("a.jpg", jpeg("1"))
        lives.take_in(move=True)
        hand.remove(FILED)
        hand.ground.write("b.cr2", raw("1"))
        hand.ground.write("b.jpg", jpeg("1"))
        bring(lives, how)
        assert hand.library() == {f"{NAME}.cr2": raw("1"), FILED: jpeg("1")}
        assert hand.trash() == []


def doubled(life: Life) -> Item:
    """``b.jpg``, whose deed as a duplicate is planned."""
    batch = life.engine.begin("import")
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)
    item = life.engine.double(item, batch)
    assert len(item.deeds) == 1
    return item


@pytest.mark.parametrize("begun", [False, True], ids=["planned", "begun"])
def test_it_is_looked_at_when_it_is_done_however_long_ago_it_was_planned(hand: Hand, lives: Life, begun: bool) -> None:
    """Also by whoever takes over from a process that was killed."""
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    hand.ground.write("b.jpg", jpeg("1"))
    item = doubled(lives)
    if begun:
        lives.ledger.claim(item.deeds, lives.engine.desk.owner)
    hand.remove(FILED)
    with pytest.raises(Changed, match=r"the first copy of /?.*b\.jpg does not lie where the catalog says"):
        lives.engine.do(item.deeds)
    assert hand.trash() == []
    assert [path.rpartition("/")[2] for path in hand.card() if path.endswith("jpg")] == ["b.jpg"]
    lives.jobs.put([lives.pipeline.job(item, ("file",), item.batch)])
    lives.jobs.run(lives.pipeline)
    assert hand.library() == {FILED: jpeg("1")}
    assert hand.trash() == []
    assert nothing_open(lives)


def test_what_lies_in_the_trash_already_is_taken_back_while_its_source_is_there(hand: Hand, lives: Life) -> None:
    """Killed between trash and source; meanwhile the first copy went."""
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    hand.ground.write("b.jpg", jpeg("1"))
    item = doubled(lives)
    (deed,) = lives.ledger.history(ids=item.deeds).rows
    lives.ledger.claim(item.deeds, lives.engine.desk.owner)
    (hand.ground.folder / "library" / deed.target.folder).mkdir(parents=True, exist_ok=True)
    hand.write(deed.target.path, jpeg("1"))
    hand.remove(FILED)
    with pytest.raises(Changed):
        lives.engine.do(item.deeds)
    assert hand.trash() == []
    assert [one for one in hand.card() if one.endswith("b.jpg")]


def test_with_all_fine_nothing_is_read_again(world: Ground, hand: Hand) -> None:
    """Thousands of duplicates cost a ``stat`` each where they are planned, and one where they are done."""
    fault = Fault()
    life = Life(world, fault)
    for number in range(20):
        world.write(f"{number}.jpg", jpeg(f"{number:02}"))
    life.take_in(move=True)
    for number in range(20):
        world.write(f"{number}.jpg", jpeg(f"{number:02}"))
    looked = []
    for name in ("stat", "open", "prove"):
        known = getattr(life.stores[LIBRARY], name)

        def call(path: str, *args: object, _name: str = name, _known: object = known, **named: object) -> object:
            looked.append((_name, path))
            assert callable(_known)
            return _known(path, *args, **named)

        setattr(life.stores[LIBRARY], name, call)
    life.take_in(move=True)
    filed = [what for what, path in looked if not path.startswith(".albumen")]
    assert len(hand.trash()) == 20
    assert len(hand.library()) == 20
    assert filed == ["stat"] * 40


def known(life: Life) -> Record:
    (record,) = life.catalog.find(Query()).rows
    return record


def test_the_same_bytes_under_another_revision_are_read_once_and_known_from_then_on(hand: Hand, lives: Life) -> None:
    """As after the library was copied to another disk."""
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    before = known(lives)
    hand.remove(FILED)
    hand.write(FILED, jpeg("1"))
    hand.ground.write("b.jpg", jpeg("1"))
    preview = lives.engine.preview(lives.items("dry-run", move=True), set(), set())
    assert [double for _, _, double in preview] == [before.id]
    assert known(lives) == before  # a dry run writes nothing, not even this
    lives.take_in(move=True)
    assert hand.trash() == ["b.jpg"]
    (place,) = known(lives).placements
    assert place.rev == lives.stores[LIBRARY].stat(FILED).main.rev != before.placements[0].rev
    assert place.proof is not None
    assert (place.proof.method, place.proof.digest) == ("read", f"sha256:{before.sha256}")


def test_a_dry_run_says_that_it_would_be_filed_again(hand: Hand, lives: Life) -> None:
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    hand.remove(FILED)
    hand.ground.write("b.jpg", jpeg("1"))
    ((_, deeds, double),) = lives.engine.preview(lives.items("dry-run", move=True), set(), set())
    assert ([one.target.path for one in deeds], double) == ([FILED], "")


def test_what_lies_in_a_store_that_nobody_here_has_is_filed(hand: Hand, lives: Life) -> None:
    """A catalog can be shared: the other machine's stores are not ours."""
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    record = known(lives)
    hand.remove(FILED)
    lives.catalog.put([replace(record, placements=tuple(replace(one, store="elsewhere") for one in record.placements))])
    hand.ground.write("b.jpg", jpeg("1"))
    lives.take_in(move=True)
    assert hand.library() == {FILED: jpeg("1")}
    assert hand.trash() == []
    assert [one[1] for one in known_places(lives.catalog)] == ["elsewhere", LIBRARY]


def test_a_store_that_cannot_be_asked_says_nothing(hand: Hand, lives: Life) -> None:
    """A library that is away, or an empty mount point in its place: nothing is concluded, thrown away or filed."""
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    hand.ground.write("b.jpg", jpeg("1"))
    batch = lives.engine.begin("import")
    items = lives.items(batch, move=True)
    item = doubled(lives)
    before, kept, store = hand.tree(), lives.engine.desk.catalog.find(Query()).rows, lives.stores[LIBRARY]

    def away(path: str) -> Item:
        raise Unavailable(LIBRARY, f"the marker is missing ({path})")

    store.stat = away  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="marker"):
        lives.engine.reserve(items, batch)
    with pytest.raises(Unavailable, match="marker"):
        lives.engine.do(item.deeds)
    assert hand.tree() == before
    assert lives.catalog.find(Query()).rows == kept


def test_a_store_that_is_away_counts_only_when_no_other_has_it(ground: InMemory) -> None:
    class Away(MemoryStore):
        def stat(self, path: str) -> Item:
            raise Unavailable(self.name, f"it does not answer ({path})")

    ground.stores["hub"] = Away("hub")
    life = Life(ground, Fault())
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    (place,) = known(life).placements
    life.catalog.put([replace(known(life), placements=(replace(place, store="hub"), place))])
    assert standing.find(life.engine.desk, known(life)) == place
    ground.stores[LIBRARY].remove(FILED)
    with pytest.raises(Unavailable, match="does not answer"):
        standing.find(life.engine.desk, known(life))


def test_a_first_copy_that_cannot_be_read_proves_nothing(hand: Hand, lives: Life) -> None:
    """A bad sector under one file, of another revision than was recorded, keeps no folder from being imported, now and for ever."""
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    record = known(lives)
    lives.catalog.put([replace(record, placements=tuple(replace(one, rev="another") for one in record.placements))])
    store: Any = lives.stores[LIBRARY]
    prove: Callable[[str], Proof] = store.prove

    def failing(path: str) -> Proof:
        if path == FILED:
            raise Transient(f"{path}: cannot be read; the disk may be failing there")
        return prove(path)

    store.prove = failing
    hand.ground.write("b.jpg", jpeg("1"))
    hand.ground.write("c.jpg", jpeg("2"))
    lives.take_in(move=True)
    assert sorted(hand.library().values()) == [jpeg("1"), jpeg("1"), jpeg("2")]
    assert hand.trash() == []
    assert nothing_open(lives)


def test_a_file_is_not_its_own_first_copy(ground: InMemory, life: Life) -> None:
    """It was known where it lies, in a store of ours, and is moved into the library now: thrown away as its own duplicate, nothing
    would be left."""
    store = ground.stores[LIBRARY]
    store.write("inbox/a.jpg", jpeg("1"))
    ref = store.stat("inbox/a.jpg").main
    known = life.known(Item(ref, source="inbox", root="inbox"))
    life.engine.enlist(known)
    batch = life.engine.begin("watch inbox")
    life.jobs.put([life.pipeline.job(replace(known, move=True, batch=batch), ("file",), batch)])
    life.jobs.run(life.pipeline)
    assert {path: data for path, data in store.tree().items() if ".albumen/" not in path} == {FILED: jpeg("1")}
    assert [one.state for one in all_deeds(life.ledger) if one.role == "duplicate"] == []


def test_the_picture_beside_a_raw_is_not_its_own_first_copy(tmp_path: Path) -> None:
    """The library seen by another path: what is its own placement stays."""
    real = OnDisk(tmp_path)
    real.write("a.jpg", jpeg("1"))
    life = Life(real, Fault())
    life.take_in(move=True)
    real.write("b.cr2", raw("1"))
    os.link(tmp_path / "library" / FILED, real.card / "b.jpg")
    life.take_in(move=True)
    assert (real.card / "b.jpg").exists()
    assert (tmp_path / "library" / FILED).exists()
    assert nothing_open(life)
    real.close()


def test_undo_and_redo_of_what_was_filed_again(hand: Hand, lives: Life) -> None:
    """S0-33 (part: undo brings all back)."""
    hand.ground.write("a.jpg", jpeg("1"))
    lives.take_in(move=True)
    hand.remove(FILED)
    hand.ground.write("b.jpg", jpeg("1"))
    batch = lives.take_in(move=True)
    assert lives.undo(batch).refused == ()
    assert hand.library() == {}
    assert [one for one in hand.card() if one.endswith("b.jpg")]
    lives.undo(lives.ledger.batches().rows[0].id)
    assert hand.library() == {FILED: jpeg("1")}


def test_only_the_bytes_prove_it_in_the_end(ground: InMemory, life: Life) -> None:
    """Damaged behind its revision, as by a failing disk: known by a look, but not proven."""
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    store = ground.stores[LIBRARY]
    (file,) = store._files.values()
    store._files[FILED] = replace(file, data=jpeg("2"))
    sha = known(life).sha256
    assert record_id(sha) == known(life).id
    assert standing.content(life.engine.desk, sha) is not None
    assert standing.content(life.engine.desk, sha, proven=True) is None
