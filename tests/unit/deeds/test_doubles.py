"""Duplicates: to the trash, and nothing they bring is lost."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.errors import Transient
from albumen.model import DISK, Item, Query
from make.lives import Life, known_places
from make.worlds import LIBRARY, Fault, InMemory, OnDisk, half, jpeg, raw, xmp

NAME = "2021/07_July/2021-07-01 00-30-00"


def library(ground: InMemory) -> dict[str, bytes]:
    return {path: data for path, data in ground.stores[LIBRARY].tree().items() if not path.startswith(".albumen")}


def trash(ground: InMemory) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in ground.stores[LIBRARY].tree() if path.startswith(".albumen/trash"))


def test_a_moved_duplicate_goes_to_the_trash_and_says_why(ground: InMemory, life: Life) -> None:
    """S0-33 (part: an exact duplicate goes to the trash)."""
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    ground.write("b.jpg", jpeg("1"))
    batch = life.take_in(move=True)
    assert ground.stores[DISK].tree() == {}
    assert trash(ground) == ["b.jpg"]
    whys = [one.why for one in ground.ledger.history(batch=batch).rows if one.verb == "move"]
    assert whys == [f"already there as {NAME}.jpg"]


def test_a_copied_duplicate_stays_where_it_is(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("1"))
    ground.write("b.jpg", jpeg("1"))
    life.take_in(move=False)
    assert set(ground.stores[DISK].tree()) == {"card/a.jpg", "card/b.jpg"}
    assert library(ground) == {f"{NAME}.jpg": jpeg("1")}


def test_an_unknown_sidecar_is_kept_beside_the_first_copy(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    ground.write("b.jpg", jpeg("1"))
    ground.write("b.xmp", xmp("new"))
    life.take_in(move=True)
    assert library(ground) == {f"{NAME}.jpg": jpeg("1"), f"{NAME}.xmp": xmp("new")}
    assert [one[3] for one in known_places(ground.catalog)] == ["main", "xmp"]


def test_what_a_duplicate_brings_fills_what_is_missing_and_changes_nothing_else(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    (before,) = ground.catalog.find(Query()).rows
    ground.write("b.jpg", jpeg("1"))
    ground.write("b.xmp", xmp("title:By the lake"))
    life.take_in(move=True)
    ground.write("c.jpg", jpeg("1"))
    ground.write("c.xmp", xmp("title:Another"))
    life.take_in(move=True)
    (record,) = ground.catalog.find(Query()).rows
    assert record.title == "By the lake"
    assert (record.taken, record.date_candidates, record.name) == (before.taken, before.date_candidates, before.name)
    assert [one.name for one in record.companions] == ["b.xmp", "c.xmp"]


def test_a_duplicate_movie_of_a_live_photo_brings_its_sidecar(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", half("G"))
    ground.write("a.mov", half("G", movie=True))
    life.take_in(move=True)
    ground.write("b.mov", half("G", movie=True))
    ground.write("b.mov.xmp", xmp("new"))
    life.take_in(move=True)
    assert set(library(ground)) == {f"{NAME}.jpg", f"{NAME}.mov", f"{NAME}.mov.xmp"}
    assert ground.stores[DISK].tree() == {}
    assert trash(ground) == ["b.mov"]


def test_a_number_is_given_only_where_no_other_picture_has_that_stem(ground: InMemory, life: Life) -> None:
    """``x_1.xmp`` would be taken for the sidecar of ``x_1.jpg``, which is another picture."""
    ground.write("a.jpg", jpeg("1"))
    ground.write("a.xmp", xmp("1"))
    ground.write("b.jpg", jpeg("2"))
    life.take_in(move=False)
    assert set(library(ground)) == {f"{NAME}.jpg", f"{NAME}.xmp", f"{NAME}_1.jpg"}
    ground.write("c.jpg", jpeg("1"))
    ground.write("c.xmp", xmp("3"))
    life.take_in(move=False)
    assert set(library(ground)) == {f"{NAME}.jpg", f"{NAME}.xmp", f"{NAME}_1.jpg", f"{NAME}_2.xmp"}


def test_a_known_sidecar_is_thrown_away_with_its_file(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("1"))
    ground.write("a.xmp", xmp("1"))
    life.take_in(move=True)
    ground.write("b.jpg", jpeg("1"))
    ground.write("b.xmp", xmp("1"))
    life.take_in(move=True)
    assert ground.stores[DISK].tree() == {}
    assert trash(ground) == ["b.jpg", "b.xmp"]


@pytest.mark.parametrize("move", [False, True])
def test_a_picture_that_comes_with_a_known_raw_is_taken_in(ground: InMemory, life: Life, move: bool) -> None:
    """Only the RAW is a duplicate: its JPEG was never seen."""
    ground.write("a.cr2", raw("1"))
    life.take_in(move=move)
    ground.write("b.cr2", raw("1"))
    ground.write("b.jpg", jpeg("new"))
    life.take_in(move=move)
    assert library(ground) == {f"{NAME}.cr2": raw("1"), f"{NAME}.jpg": jpeg("new")}
    ids = {role: id for id, _, _, role in known_places(ground.catalog)}
    records = ground.catalog.get(list(ids.values()))
    assert records[ids["jpeg"]].companion_of == ids["main"]
    assert [one.id for one in records[ids["main"]].companions] == [ids["jpeg"]]


def test_two_sidecars_of_one_content_are_kept_once(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    ground.write("b.jpg", jpeg("1"))
    ground.write("b.xmp", xmp("new"))
    ground.write("b.jpg.xmp", xmp("new"))
    life.take_in(move=True)
    assert sorted(library(ground).values()) == sorted([jpeg("1"), xmp("new")])
    assert ground.stores[DISK].tree() == {}


def test_it_waits_for_its_first_copy(ground: InMemory, life: Life) -> None:
    ground.write("a.jpg", jpeg("1"))
    ground.write("b.jpg", jpeg("1"))
    batch = life.engine.begin("import")
    first, second = life.engine.reserve(life.items(batch, move=True), batch)
    with pytest.raises(Transient, match="first copy"):
        life.engine.double(second, batch)
    life.engine.do(first.deeds)
    assert life.engine.double(second, batch).deeds


def test_a_first_copy_that_never_comes_is_found_out(ground: InMemory, life: Life) -> None:
    """Its source vanished: the duplicate is filed in its place."""
    ground.write("a.jpg", jpeg("1"))
    ground.write("b.jpg", jpeg("1"))
    batch = life.engine.begin("import")
    placed = life.engine.reserve(life.items(batch, move=True), batch)
    life.engine.forget([one.main for one in placed])
    ground.stores[DISK].remove("card/a.jpg")
    life.jobs.put([life.pipeline.job(one, ("file",), batch) for one in placed])
    life.jobs.run(life.pipeline)
    assert library(ground) == {f"{NAME}.jpg": jpeg("1")}
    assert ground.stores[DISK].tree() == {}


def test_the_trash_takes_two_files_of_one_name(ground: InMemory, life: Life) -> None:
    """One batch of a watched folder may throw away what is dropped there under the same name again and again."""
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    batch = life.engine.begin("watch")
    for modified in (1, 2):
        ground.write("b.jpg", jpeg("1"), modified=modified)
        (item,) = life.engine.reserve(life.items(batch, move=True), batch)
        life.engine.do(life.engine.double(item, batch).deeds)
    assert trash(ground) == ["b.jpg", "b.jpg_1"]


def doubled(life: Life, batch: str) -> Item:
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)
    return life.engine.double(item, batch)


def test_twice_gives_the_same_deeds_also_once_they_are_catalogued(ground: InMemory, life: Life) -> None:
    """What the duplicate brought is known then; planned anew its deeds would be forgotten while they are open."""
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    ground.write("b.jpg", jpeg("1"))
    ground.write("b.xmp", xmp("new"))
    batch = life.engine.begin("watch")
    item = doubled(life, batch)
    known = life.items(batch, move=True)[0]
    life.engine.do(item.deeds)
    again = life.engine.double(replace(known, duplicate_of=item.duplicate_of), batch)
    assert again.deeds == item.deeds


def test_a_file_is_no_duplicate_of_itself(tmp_path: Path) -> None:
    """The library seen by another path (mounted twice, hard links): thrown away there it would be gone here."""
    real = OnDisk(tmp_path)
    real.write("a.jpg", jpeg("1"))
    life = Life(real, Fault())
    life.take_in(move=True)
    os.link(tmp_path / "library" / f"{NAME}.jpg", real.card / "again.jpg")
    life.take_in(move=True)
    assert (real.card / "again.jpg").exists()
    assert [one.main.path for one in life.stores[LIBRARY].list()] == [f"{NAME}.jpg"]
    real.close()


@pytest.mark.parametrize("move", [True, False], ids=["move", "copy"])
def test_a_sidecar_that_is_edited_before_its_turn_is_looked_at_anew(ground: InMemory, life: Life, move: bool) -> None:
    """Its picture is a duplicate still: waiting for another first copy would be in vain, and the job be buried."""
    ground.write("a.jpg", jpeg("1"))
    life.take_in(move=True)
    ground.write("b.jpg", jpeg("1"))
    ground.write("b.xmp", xmp("1"))
    batch = life.engine.begin("import")
    life.place(life.items(batch, move=move), batch)
    ground.write("b.xmp", xmp("another"))
    life.jobs.run(life.pipeline)
    assert life.jobs.buried == []
    assert ground.stores[LIBRARY].tree()[f"{NAME}.xmp"] == xmp("another")


def test_a_sidecar_that_is_the_library_s_own_stays(tmp_path: Path) -> None:
    """As the picture does that it comes with: moved beside itself under another name, it would be gone where the library has it."""
    real = OnDisk(tmp_path)
    real.write("a.jpg", jpeg("1"))
    real.write("a.xmp", xmp("1"))
    life = Life(real, Fault())
    life.take_in(move=True)
    filed = sorted(one.main.path for one in life.stores[LIBRARY].list())
    for end in ("jpg", "xmp"):
        os.link(tmp_path / "library" / f"{NAME}.{end}", real.card / f"again.{end}")
    life.take_in(move=True)
    assert sorted(one.name for one in real.card.iterdir()) == ["again.jpg", "again.xmp"]
    assert sorted(one.main.path for one in life.stores[LIBRARY].list()) == filed == [f"{NAME}.jpg", f"{NAME}.xmp"]
    real.close()


@pytest.mark.parametrize("arrive", [False, True], ids=["import", "watched"])
def test_a_companion_whose_first_copy_is_under_way_is_thrown_away_after_it(ground: InMemory, life: Life, arrive: bool) -> None:
    ground.write("0.jpg", jpeg("same"))
    ground.write("a.cr2", raw("1"))
    ground.write("a.jpg", jpeg("same"))
    if arrive:
        life.arrive("a.cr2", "a.jpg", "0.jpg")
    else:
        life.take_in(move=True)
    assert ground.stores[DISK].tree() == {}
    assert sorted(library(ground).values()) == sorted([jpeg("same"), raw("1")])
    assert len(trash(ground)) == 1
