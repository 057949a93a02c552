"""A batch turned round: what comes back, what is refused and why."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.deeds import undo
from albumen.model import DISK, DeedState
from make.lives import Life, known_places
from make.worlds import LIBRARY, Fault, InMemory, OnDisk, jpeg, raw, xmp

NAME = "2021/07_July/2021-07-01 00-30-00"


@pytest.fixture
def real(tmp_path: Path) -> Iterator[OnDisk]:
    ground = OnDisk(tmp_path)
    yield ground
    ground.close()


def whys(inverse: undo.Inverse) -> list[tuple[str, str]]:
    return [(one.deed.source.name, one.why) for one in inverse.refused]


def test_undo_of_a_move_brings_the_card_back(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    ground.write("b/raw.cr2", raw("2"))
    ground.write("b/raw.xmp", xmp("2"))
    before = ground.stores[DISK].tree()
    batch = life.take_in(move=True)
    assert ground.stores[DISK].tree() == {}
    inverse = life.undo(batch)
    assert inverse.refused == ()
    assert ground.stores[DISK].tree() == before
    assert ground.stores[LIBRARY].tree() == {}
    assert known_places(ground.catalog) == []
    now = ground.stores[DISK].stat("card/one.jpg").main
    assert (now.mode, now.modified) == (0o640, 1_600_000_000_000_000_000)


def test_undo_of_a_copy_goes_to_the_trash_and_redo_takes_it_out(ground: InMemory, life: Life) -> None:
    ground.write("raw.cr2", raw("1"))
    ground.write("raw.xmp", xmp("1"))
    batch = life.take_in(move=False)
    after, known = ground.stores[LIBRARY].tree(), known_places(ground.catalog)
    life.undo(batch)
    assert all(path.startswith(".albumen/trash/") for path in ground.stores[LIBRARY].tree())
    assert known_places(ground.catalog) == []
    last = ground.ledger.batches().rows[0].id
    life.undo(last)
    assert ground.stores[LIBRARY].tree() == after
    assert known_places(ground.catalog) == known


def test_redo_reserves_the_content_of_companions_too(ground: InMemory, life: Life) -> None:
    """A RAW and its JPEG have a record each: a redo and an import of the same JPEG must not both file it."""
    ground.write("raw.cr2", raw("1"))
    ground.write("raw.jpg", jpeg("1"))
    ground.write("raw.xmp", xmp("1"))
    batch = life.take_in(move=True)
    life.undo(batch)
    last = ground.ledger.batches().rows[0].id
    inverse = life.engine.inverse(last, "dry-run")
    assert sorted((one.role, bool(one.content)) for one in inverse.deeds if one.verb == "move") == [
        ("jpeg", True),
        ("main", True),
        ("xmp", False),
    ]


class TestRefused:
    """What changed since stays as it is; the rest comes back."""

    def test_other_bytes_in_the_library(self, ground: InMemory, life: Life) -> None:
        """A move into the trash is a rename: it would carry the edited file along."""
        ground.write("one.jpg", jpeg("1"))
        ground.write("two.jpg", jpeg("2"))
        batch = life.take_in(move=False)
        ground.stores[LIBRARY].write(f"{NAME}.jpg", jpeg("edited"))
        assert whys(life.engine.inverse(batch, "dry-run")) == [("one.jpg", f"nas:{NAME}.jpg has other bytes since")]
        life.undo(batch)
        assert ground.stores[LIBRARY].read(f"{NAME}.jpg") == jpeg("edited")
        assert f"{NAME}_1.jpg" not in ground.stores[LIBRARY].tree()

    def test_new_times_are_no_change(self, ground: InMemory, life: Life) -> None:
        ground.write("one.jpg", jpeg("1"))
        batch = life.take_in(move=True)
        ground.stores[LIBRARY].write(f"{NAME}.jpg", jpeg("1"), modified=7)
        assert whys(life.undo(batch)) == []
        assert ground.stores[DISK].tree() == {"card/one.jpg": jpeg("1")}

    def test_a_group_stays_together(self, ground: InMemory, life: Life) -> None:
        ground.write("raw.cr2", raw("1"))
        ground.write("raw.xmp", xmp("1"))
        ground.write("zwei.jpg", jpeg("2"))
        batch = life.take_in(move=True)
        ground.stores[LIBRARY].write(f"{NAME}.xmp", xmp("edited"))
        assert sorted(whys(life.undo(batch))) == [
            ("raw.cr2", "its group stays together"),
            ("raw.xmp", f"nas:{NAME}.xmp has other bytes since"),
        ]
        assert set(ground.stores[DISK].tree()) == {"card/zwei.jpg"}
        assert set(ground.stores[LIBRARY].tree()) == {f"{NAME}.cr2", f"{NAME}.xmp"}

    def test_an_occupied_source(self, ground: InMemory, life: Life) -> None:
        ground.write("one.jpg", jpeg("1"))
        ground.write("two.jpg", jpeg("2"))
        batch = life.take_in(move=True)
        ground.write("one.jpg", b"mine")
        assert whys(life.undo(batch)) == [("one.jpg", "/card/one.jpg is taken by another file now")]
        assert ground.stores[DISK].tree() == {"card/one.jpg": b"mine", "card/two.jpg": jpeg("2")}

    def test_gone(self, ground: InMemory, life: Life) -> None:
        ground.write("one.jpg", jpeg("1"))
        batch = life.take_in(move=True)
        ground.stores[LIBRARY].remove(f"{NAME}.jpg")
        assert whys(life.undo(batch)) == [("one.jpg", f"nas:{NAME}.jpg is gone")]

    def test_moved_on_by_a_later_batch_which_is_named(self, ground: InMemory, life: Life) -> None:
        ground.write("one.jpg", jpeg("1"))
        first = life.take_in(move=True)
        life.undo(first)
        second = ground.ledger.batches().rows[0].id
        (row,) = [one for one in life.engine.inverse(second, "dry-run").deeds if one.verb == "move"]
        assert row.source.path == "card/one.jpg"
        third = life.take_in(move=True)
        assert third not in (first, second)
        assert whys(life.engine.inverse(second, "dry-run")) == [
            (f"{NAME.rpartition('/')[2]}.jpg", f"/card/one.jpg was moved on by batch {third}: undo that first")
        ]

    def test_a_store_that_is_not_configured_any_more(self, ground: InMemory, life: Life) -> None:
        ground.write("one.jpg", jpeg("1"))
        batch = life.take_in(move=False)
        del life.stores[LIBRARY]
        assert whys(life.engine.inverse(batch, "dry-run")) == [("one.jpg", "no store called nas is configured any more")]


def test_the_redo_redoes_exactly_what_was_undone(ground: InMemory, life: Life) -> None:
    for number in range(4):
        ground.write(f"{number}.jpg", jpeg(str(number)))
    batch = life.take_in(move=True)
    ground.write("0.jpg", b"mine")
    life.undo(batch)
    undone = ground.ledger.batches().rows[0].id
    done = ground.ledger.history(batch=undone, state=DeedState.done).rows
    assert len([one for one in done if one.verb == "move"]) == 3
    inverse = life.undo(undone)
    assert len([one for one in inverse.deeds if one.verb == "move"]) == 3
    assert ground.stores[DISK].tree() == {"card/0.jpg": b"mine"}
    assert len(ground.stores[LIBRARY].tree()) == 4


def test_several_folders_come_back(real: OnDisk) -> None:
    """Each is a row of its own: they must not take each other's reservation."""
    for folder in ("a", "b", "c/d"):
        real.write(f"{folder}/one.jpg", jpeg(folder))
    life = Life(real, Fault())
    batch = life.take_in(move=True)
    assert whys(life.undo(batch)) == []
    assert sorted(str(one.relative_to(real.card)) for one in real.card.rglob("*") if one.is_dir()) == ["a", "b", "c", "c/d"]


def test_people_s_entries_survive_undo_and_redo(ground: InMemory, life: Life) -> None:
    ground.write("one.jpg", jpeg("1"))
    batch = life.take_in(move=True)
    (deed,) = [one for one in ground.ledger.history(batch=batch).rows if one.verb == "move"]
    record = ground.catalog.get([deed.record])[deed.record]
    ground.catalog.put([replace(record, rating=5, tags=("sea",))])
    life.undo(batch)
    life.undo(ground.ledger.batches().rows[0].id)
    again = ground.catalog.get([deed.record])[deed.record]
    assert (again.rating, again.tags, len(again.placements)) == (5, ("sea",), 1)
