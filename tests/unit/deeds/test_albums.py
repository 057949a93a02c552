"""Albums: the same content once in each, its companions along, and towns in the names of what has a position."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.errors import Transient
from albumen.model import DISK, DeedState, Item, Place, Position, Query
from make.lives import Life, known_places
from make.worlds import LIBRARY, Fault, InMemory, OnDisk, jpeg, xmp

DATED = "2021/07_July/2021-07-01 00-30-00"


def library(ground: InMemory) -> set[str]:
    return {path for path in ground.stores[LIBRARY].tree() if not path.startswith(".albumen")}


def put(life: Life, album: str, *, move: bool = False) -> list[Item]:
    """As ``import -r card --album NAME``: what came of each item."""
    batch = life.engine.begin(f"import {album}")
    items = [replace(one, album=album) for one in life.items(batch, move=move)]
    placed = life.place(items, batch)
    life.jobs.put([life.pipeline.closing(batch)])
    life.jobs.run(life.pipeline)
    return list(placed)


def test_once_in_each_album_and_never_twice_in_one(ground: InMemory, life: Life) -> None:
    """S0-29 (part: the deeds)."""
    ground.write("Am See.jpg", jpeg("1"))
    ground.write("Am See.jpg.xmp", xmp("2"))
    life.take_in(move=False)
    for album in ("A", "B", "A"):
        put(life, album)
    names = ("Am See 2021-07-01 00-30-00.jpg", "Am See 2021-07-01 00-30-00.jpg.xmp")
    assert library(ground) == {f"{DATED}.jpg", f"{DATED}.jpg.xmp", *(f"{album}/{name}" for album in "AB" for name in names)}
    (record,) = ground.catalog.find(Query()).rows
    assert sorted((one.album, one.role) for one in record.placements) == [
        (album, role) for album in ("", "A", "B") for role in ("main", "xmp")
    ]
    assert len(record.companions) == 1


def test_what_lies_in_an_album_is_not_filed_by_date_again(ground: InMemory, life: Life) -> None:
    ground.write("Am See.jpg", jpeg("1"))
    put(life, "A")
    life.take_in(move=True)
    assert library(ground) == {"A/Am See 2021-07-01 00-30-00.jpg"}
    assert ground.stores[DISK].tree() == {}
    (deed,) = (one for one in ground.ledger.history(state=DeedState.done).rows if one.role == "duplicate")
    assert deed.why == "already there as A/Am See 2021-07-01 00-30-00.jpg"


def test_a_moved_duplicate_of_an_album_waits_for_the_copy_in_that_album(ground: InMemory, life: Life) -> None:
    """The copy by date is none: what is taken away must lie where the person wanted it."""
    ground.write("a.jpg", jpeg("1"))
    ground.write("b.jpg", jpeg("1"))
    life.take_in(move=False)
    batch = life.engine.begin("import")
    first, second = life.engine.reserve([replace(one, album="A") for one in life.items(batch, move=True)], batch)
    assert second.duplicate_of == first.id
    with pytest.raises(Transient):
        life.engine.double(second, batch)
    life.engine.do(first.deeds)
    (id,) = life.engine.double(second, batch).deeds
    life.engine.do([id])
    (thrown,) = life.ledger.history(ids=[id]).rows
    assert thrown.why == "already there as A/a 2021-07-01 00-30-00.jpg"


def test_an_unknown_sidecar_of_a_duplicate_goes_into_its_album(ground: InMemory, life: Life) -> None:
    ground.write("Am See.jpg", jpeg("1"))
    life.take_in(move=False)
    put(life, "A")
    ground.write("Am See.xmp", xmp("new"))
    put(life, "A")
    assert "A/Am See 2021-07-01 00-30-00.xmp" in library(ground)
    (record,) = ground.catalog.find(Query()).rows
    assert [(one.album, one.path) for one in record.placements if one.role == "xmp"] == [
        ("A", "A/Am See 2021-07-01 00-30-00.xmp")
    ]


def test_sub_folders_stay_in_an_album_which_is_one(ground: InMemory, life: Life) -> None:
    ground.write("Tag 1/Am See.jpg", jpeg("1"))
    ground.write("Tag 1/tief/Am See.jpg", jpeg("2"))
    ground.write("Tag 2/Am See.jpg", jpeg("1"))
    put(life, "Ferien/Tessin")
    tail = "Am See 2021-07-01 00-30-00.jpg"
    assert library(ground) == {f"Ferien/Tessin/Tag 1/{tail}", f"Ferien/Tessin/Tag 1/tief/{tail}"}
    assert {one.album for row in ground.catalog.find(Query()).rows for one in row.placements} == {"Ferien/Tessin"}


def test_a_file_in_an_album_that_nobody_knows_is_taken_as_it_is(ground: InMemory, life: Life) -> None:
    """After a restore of an older backup."""
    ground.write("Am See.jpg", jpeg("1"))
    ground.stores[LIBRARY].write("A/Am See 2021-07-01 00-30-00.jpg", jpeg("1"))
    put(life, "A")
    assert library(ground) == {"A/Am See 2021-07-01 00-30-00.jpg"}
    assert [one[:2] for one in known_places(ground.catalog)] != []


def test_undo_of_an_album_takes_only_its_own_away_and_redo_brings_it_back(ground: InMemory, life: Life) -> None:
    ground.write("Am See.jpg", jpeg("1"))
    life.take_in(move=False)
    batch = put(life, "A")[0].batch
    life.undo(batch)
    assert library(ground) == {f"{DATED}.jpg"}
    (record,) = ground.catalog.find(Query()).rows
    assert [one.album for one in record.placements] == [""]


def test_a_position_gives_the_record_its_place_and_the_name_its_town(ground: InMemory, life: Life) -> None:
    """S0-23 (part: what is done with the answer)."""
    asked: list[Position] = []

    def called(position: Position) -> Place | None:
        asked.append(position)
        return Place("Köln / Nord", "NRW", "Germany") if position.lat > 0 else None

    desk = life.engine.desk
    object.__setattr__(desk, "filing", replace(desk.filing, places=called))
    for name, lat in (("a", 50.9), ("b", -40.0)):
        ground.write(f"{name}.jpg", jpeg(name))
        batch = life.engine.begin(f"import {name}")
        (item,) = (one for one in life.items(batch, move=False) if one.main.name == f"{name}.jpg")
        life.place([replace(item, facts=(replace(item.facts[0], position=Position(lat, 7.0)),))], batch)
        life.jobs.run(life.pipeline)
    assert library(ground) == {f"{DATED} Köln - Nord.jpg", f"{DATED}.jpg"}
    places = {row.name: row.place for row in ground.catalog.find(Query()).rows}
    assert places == {"a.jpg": Place("Köln / Nord", "NRW", "Germany"), "b.jpg": None}
    assert {one.lat for one in asked} == {50.9, -40.0}


def test_the_library_seen_by_another_path_is_never_moved_into_an_album(tmp_path: Path) -> None:
    """It is mounted twice: moved there it would be gone here."""
    real = OnDisk(tmp_path)
    real.write("Am See.jpg", jpeg("1"))
    life = Life(real, Fault())
    life.take_in(move=True)
    os.link(tmp_path / "library" / f"{DATED}.jpg", real.card / "Am See.jpg")
    put(life, "A", move=True)
    assert (real.card / "Am See.jpg").exists()
    assert {one.main.path for one in life.stores[LIBRARY].list()} == {f"{DATED}.jpg", "A/Am See 2021-07-01 00-30-00.jpg"}
    real.close()
