"""The halves of a live photo, however they come: one item, one name, one date, all or none."""

from dataclasses import replace
from pathlib import Path

import pytest

from albumen.errors import Transient
from albumen.model import DISK, DeedState, Later, Pending, Query, Record
from albumen.operations.export import export
from make.lives import Life, all_deeds
from make.worlds import LIBRARY, Fault, InMemory, OnDisk, half, jpeg, xmp

LATER = "2021:07:01 00:30:02"  # a movie ends after its still was taken
NAME = "2021/07_July/2021-07-01 00-30-00"


def library(ground: InMemory) -> list[str]:
    return sorted(path for path in ground.stores[LIBRARY].tree() if not path.startswith(".albumen"))


def record(ground: InMemory, name: str) -> Record:
    (found,) = [one for one in ground.catalog.find(Query(companions=True)).rows if one.name == name]
    return found


def told(ground: InMemory) -> list[str]:
    """All records, without what depends on time, and all files: what must be the same however the halves came."""
    records = [one.replace('"source":"import"', '"source":"card"') for one in export(ground.catalog, stable=True)]
    return [*records, *library(ground)]


def together(
    tmp_path: Path, still: str = "IMG_1.JPG", movie: str = "IMG_1.MOV", *, when: str = "2021:07:01 00:30:00"
) -> list[str]:
    ground = InMemory(tmp_path)
    ground.write(still, half("G", when=when))
    ground.write(movie, half("G", when=LATER, movie=True))
    life = Life(ground, Fault())
    life.arrive(still, movie) if still.split(".", maxsplit=1)[0] == movie.split(".", maxsplit=1)[0] else life.take_in(move=True)
    return told(ground)


def test_both_halves_come_as_one_item_in_one_group(ground: InMemory, life: Life) -> None:
    ground.write("IMG_1.JPG", half("G"))
    ground.write("IMG_1.MOV", half("G", when=LATER, movie=True))
    ground.write("IMG_1.MOV.xmp", xmp("of the movie"))
    ground.write("IMG_1.xmp", xmp("of the still"))
    life.arrive("IMG_1.JPG", "IMG_1.MOV", "IMG_1.MOV.xmp", "IMG_1.xmp")
    assert library(ground) == [f"{NAME}.jpg", f"{NAME}.mov", f"{NAME}.mov.xmp", f"{NAME}.xmp"]
    still, movie = record(ground, "IMG_1.JPG"), record(ground, "IMG_1.MOV")
    assert movie.companion_of == still.id
    assert movie.taken == still.taken
    assert {(one.role, one.id) for one in still.companions} == {("live", movie.id), ("xmp", None)}
    assert [one.role for one in movie.companions] == ["xmp"]
    assert {one.group for one in all_deeds(ground.ledger) if one.role != "folder"} == {all_deeds(ground.ledger)[0].group}
    assert ground.catalog.count(Query()) == {"": 1}


@pytest.mark.parametrize("first", [0, 1], ids=["the still first", "the movie first"])
@pytest.mark.parametrize("names", [("IMG_1.JPG", "IMG_1.MOV"), ("A.JPG", "Z.MOV"), ("Z.JPG", "A.MOV")])
def test_a_late_half_joins_in_a_batch_of_its_own(tmp_path: Path, first: int, names: tuple[str, str]) -> None:
    expected = together(tmp_path, *names)
    ground = InMemory(tmp_path)
    life = Life(ground, Fault())
    ground.write(names[0], half("G"))
    ground.write(names[1], half("G", when=LATER, movie=True))
    for at in (first, 1 - first):
        life.arrive(names[at])
        ground.now += 300 * 10**9
    assert told(ground) == expected
    assert library(ground) == [f"{NAME}.jpg", f"{NAME}.mov"]
    assert next(one.what for one in ground.ledger.batches().rows) == "join live photo G"
    assert not ground.ledger.batches(open=True).rows


def test_both_at_one_moment(tmp_path: Path) -> None:
    """Neither sees the other before it is filed."""
    expected = together(tmp_path, "A.JPG", "Z.MOV")
    ground = InMemory(tmp_path)
    life = Life(ground, Fault())
    ground.write("A.JPG", half("G"))
    ground.write("Z.MOV", half("G", when=LATER, movie=True))
    life.arrive("Z.MOV", run=False)
    life.arrive("A.JPG")
    assert told(ground) == expected


@pytest.mark.parametrize("first", [0, 1])
def test_a_still_without_a_date_gets_the_movies(tmp_path: Path, first: int) -> None:
    names = ("IMG_1.JPG", "IMG_1.MOV")
    expected = together(tmp_path, *names, when="")
    ground = InMemory(tmp_path)
    life = Life(ground, Fault())
    ground.write(names[0], half("G", when=""))
    ground.write(names[1], half("G", when=LATER, movie=True))
    for at in (first, 1 - first):
        life.arrive(names[at])
    assert told(ground) == expected
    assert library(ground) == [f"{NAME[:-2]}02.jpg", f"{NAME[:-2]}02.mov"]


def test_the_name_that_the_movie_had_alone_goes_to_the_pair(ground: InMemory, life: Life) -> None:
    """Of equal times the movie had the plain name and the still a number: together they have the plain one."""
    ground.write("Z.JPG", half("G"))
    ground.write("A.MOV", half("G", movie=True))
    life.arrive("A.MOV")
    life.arrive("Z.JPG")
    assert library(ground) == [f"{NAME}.jpg", f"{NAME}.mov"]


def test_sidecars_go_along(ground: InMemory, life: Life) -> None:
    for name, data in (
        ("A.MOV", half("G", when=LATER, movie=True)),
        ("A.xmp", xmp("1")),
        ("Z.JPG", half("G")),
        ("Z.JPG.xmp", xmp("2")),
    ):
        ground.write(name, data)
    ground.write("other.jpg", jpeg("in the way"))
    life.arrive("other.jpg")
    life.arrive("A.MOV", "A.xmp")
    life.arrive("Z.JPG", "Z.JPG.xmp")
    assert library(ground) == [f"{NAME}.jpg", f"{NAME}_1.jpg", f"{NAME}_1.jpg.xmp", f"{NAME}_1.mov", f"{NAME}_1.mov.xmp"]


class TestNotJoined:
    def test_by_name_alone(self, ground: InMemory, life: Life) -> None:
        ground.write("IMG_1.JPG", half("G"))
        ground.write("IMG_1.MOV", half("H", movie=True))
        ground.write("IMG_2.JPG", jpeg("no identifier"))
        ground.write("IMG_2.MOV", half("", movie=True))
        life.arrive("IMG_1.JPG", "IMG_1.MOV", "IMG_2.JPG", "IMG_2.MOV")
        assert life.jobs.buried == []
        assert ground.catalog.count(Query()) == {"": 4}
        assert len({path.rpartition(".")[0] for path in library(ground)}) == 4

    def test_two_movies_of_one_still(self, ground: InMemory, life: Life) -> None:
        for name, data in (("A.JPG", half("G")), ("B.MOV", half("G", movie=True)), ("C.MOV", half("G", movie=True, what="2"))):
            ground.write(name, data)
        life.take_in(move=True)
        assert ground.catalog.count(Query()) == {"": 3}

    def test_a_third_one_changes_nothing(self, ground: InMemory, life: Life) -> None:
        for name, data in (("A.JPG", half("G")), ("B.MOV", half("G", movie=True)), ("C.MOV", half("G", movie=True, what="2"))):
            ground.write(name, data)
            life.arrive(name)
        assert record(ground, "B.MOV").companion_of == record(ground, "A.JPG").id
        assert record(ground, "C.MOV").companion_of is None


class TestUndo:
    @pytest.fixture
    def joined(self, ground: InMemory, life: Life) -> InMemory:
        for name, data in (("Z.JPG", half("G")), ("A.MOV", half("G", when=LATER, movie=True)), ("A.MOV.xmp", xmp("1"))):
            ground.write(name, data)
        life.arrive("A.MOV", "A.MOV.xmp")
        self.alone = library(ground)
        life.arrive("Z.JPG")
        return ground

    def test_both_stand_alone_again_and_redo_joins_them(self, joined: InMemory, life: Life) -> None:
        after = told(joined)
        join = joined.ledger.batches().rows[0]
        life.undo(join.id)
        assert library(joined) == sorted([*self.alone, f"{NAME}.jpg"])
        still, movie = record(joined, "Z.JPG"), record(joined, "A.MOV")
        assert movie.companion_of is None
        assert still.companions == ()
        assert movie.taken == "2021-07-01T00:30:02"
        assert {one.role for one in movie.placements} == {"main", "xmp"}
        assert joined.catalog.count(Query()) == {"": 2}
        life.undo(joined.ledger.batches().rows[0].id)
        assert told(joined) == after

    def test_what_came_before_is_undone_only_after_it(self, joined: InMemory, life: Life) -> None:
        first = joined.ledger.batches().rows[-1]
        assert next(one.why for one in life.undo(first.id).refused).endswith("undo that first")
        life.undo(next(one.id for one in joined.ledger.batches().rows if one.what == "join live photo G"))
        life.undo(first.id)
        assert library(joined) == [f"{NAME}.jpg"]

    def test_it_is_not_joined_again_by_the_next_file(self, joined: InMemory, life: Life) -> None:
        life.undo(joined.ledger.batches().rows[0].id)
        joined.write("again.mov", half("G", when=LATER, movie=True))
        life.arrive("again.mov")
        assert record(joined, "A.MOV").companion_of is None


def test_a_name_that_a_person_gave_stays(ground: InMemory, life: Life) -> None:
    ground.write("Z.JPG", half("G"))
    life.arrive("Z.JPG")
    store, still = ground.stores[LIBRARY], record(ground, "Z.JPG")
    item = store.move(f"{NAME}.jpg", "Best/Sunset.jpg")
    place = replace(still.placements[0], path="Best/Sunset.jpg", rev=item.main.rev)
    ground.catalog.put([replace(still, placements=(place,))])
    ground.write("A.MOV", half("G", when=LATER, movie=True))
    life.arrive("A.MOV")
    assert library(ground) == ["Best/Sunset.jpg", "Best/Sunset.mov"]


def test_a_half_that_another_batch_holds_is_waited_for(ground: InMemory, life: Life) -> None:
    ground.write("Z.JPG", half("G"))
    ground.write("A.MOV", half("G", when=LATER, movie=True))
    life.arrive("A.MOV")
    first = life.engine.begin("undo it")
    inverse = life.engine.inverse(ground.ledger.batches().rows[-1].id, first)
    ground.ledger.intend(inverse.deeds)
    batch = life.arrive("Z.JPG", run=False)
    life.pipeline(life.jobs.waiting.popleft())
    item = replace(life.items(batch, move=True)[0], batch=batch)
    (placed,) = life.engine.reserve([item], batch)
    life.engine.do(placed.deeds)
    with pytest.raises(Transient, match="other half"):
        life.engine.unite(batch)
    assert not life.engine.close(batch)


def test_on_the_embedded_engines(tmp_path: Path) -> None:
    ground = OnDisk(tmp_path)
    life = Life(ground, Fault())
    ground.write("Z.JPG", half("G"))
    ground.write("A.MOV", half("G", when="2021:08:01 00:00:00", movie=True))
    life.arrive("A.MOV")
    life.arrive("Z.JPG")
    assert sorted(one.main.path for one in life.stores[LIBRARY].list()) == [f"{NAME}.jpg", f"{NAME}.mov"]
    assert not (tmp_path / "library/2021/08_August").exists()
    assert [one.name for one in life.catalog.find(Query()).rows] == ["Z.JPG"]
    assert [one.state for one in all_deeds(ground.ledger) if one.state in (DeedState.planned, DeedState.intended)] == []
    assert not list(life.stores[DISK].list(ground.disk()))
    ground.close()


def test_what_waits_holds_up_no_halves(ground: InMemory, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file of a batch is tried again tomorrow; the live photos of that batch are joined today."""
    ground.write("Z.JPG", half("G"))
    ground.write("A.MOV", half("G", when=LATER, movie=True))
    batch = life.arrive("A.MOV", "Z.JPG", run=False)
    closing = life.jobs.waiting.pop()
    life.jobs.run(life.pipeline)
    monkeypatch.setattr(life.jobs, "pending", lambda _batch: Pending(later=1))
    for _ in range(2):
        assert isinstance(life.pipeline(closing), Later)
    assert library(ground) == [f"{NAME}.jpg", f"{NAME}.mov"]
    assert [one.id for one in ground.ledger.batches(open=True).rows] == [batch]
