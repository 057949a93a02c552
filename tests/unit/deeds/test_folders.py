"""Folders that a batch empties go, and come back with their mode and times."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.errors import Rejected
from albumen.model import DISK, DeedState, Ref
from albumen.ports import Folders
from make.lives import Life
from make.worlds import THEN, Fault, InMemory, OnDisk, jpeg


@pytest.fixture
def real(tmp_path: Path) -> Iterator[OnDisk]:
    ground = OnDisk(tmp_path)
    yield ground
    ground.close()


def folders(ground: OnDisk) -> dict[str, tuple[int, int]]:
    found = {}
    for folder, _, _ in os.walk(ground.card):
        status = os.stat(folder)
        found[os.path.relpath(folder, ground.card)] = (status.st_mode & 0o777, status.st_mtime_ns)
    return found


def test_emptied_folders_go_and_come_back_as_they_were(real: OnDisk) -> None:
    """S0-33 (part: emptied folders; the root stays)."""
    real.write("a/b/one.jpg", jpeg("1"))
    real.write("a/two.jpg", jpeg("2"))
    real.folder_times()
    before = real.tree(), folders(real)
    life = Life(real, Fault())
    batch = life.take_in(move=True)
    assert list(folders(real)) == ["."]
    life.undo(batch)
    assert (real.tree(), folders(real)) == before


def test_what_is_not_empty_stays(real: OnDisk) -> None:
    real.write("a/one.jpg", jpeg("1"))
    batch = Life(real, Fault()).engine.begin("x")
    life = Life(real, Fault())
    life.engine.remember_folders(batch, [Ref(DISK, f"{life.ground.disk()}/a")])
    assert life.engine.close(batch)
    assert (real.card / "a" / "one.jpg").exists()
    assert [one.state for one in real.ledger.history(batch=batch).rows] == [DeedState.dropped]


def test_a_folder_that_may_not_be_removed_holds_up_nothing(ground: InMemory, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the batch could never end."""

    def refused(path: str) -> bool:
        raise Rejected("permission denied")

    monkeypatch.setattr(ground.stores[DISK], "rmdir", refused)
    batch = life.engine.begin("x")
    life.engine.remember_folders(batch, [Ref(DISK, "card/a")])
    assert life.engine.close(batch)
    assert [one.state for one in ground.ledger.history().rows] == [DeedState.dropped]


def test_a_file_in_the_place_of_a_folder_holds_up_nothing(real: OnDisk) -> None:
    real.write("a/b/one.jpg", jpeg("1"))
    life = Life(real, Fault())
    batch = life.take_in(move=True)
    (real.card / "a").write_bytes(b"a file now")
    life.undo(batch)
    assert (real.card / "a").read_bytes() == b"a file now"
    assert real.ledger.history(state=DeedState.intended).rows == ()
    assert real.ledger.batches(open=True).rows == ()


def test_closing_waits_for_open_deeds(ground: InMemory, life: Life) -> None:
    ground.write("a/one.jpg", jpeg("1"))
    batch = life.engine.begin("x")
    (item,) = life.engine.reserve(life.items(batch, move=True), batch)
    assert not life.engine.close(batch)
    life.engine.do(item.deeds)
    assert life.engine.close(batch)
    assert life.engine.close(batch)


def test_remembering_twice_keeps_the_first_look(ground: InMemory, life: Life) -> None:
    """Times before any deed touched them."""
    batch = life.engine.begin("x")
    life.engine.remember_folders(batch, [Ref(DISK, "card/a", modified=THEN)])
    life.engine.remember_folders(batch, [Ref(DISK, "card/a", modified=THEN + 1)])
    (deed,) = ground.ledger.history(batch=batch).rows
    assert deed.source.modified == THEN


def test_the_times_of_the_root_come_back_though_it_never_went(real: OnDisk) -> None:
    real.write("one.jpg", jpeg("1"))
    real.folder_times()
    before = folders(real)
    life = Life(real, Fault())
    batch = life.take_in(move=True)
    assert folders(real) != before
    life.undo(batch)
    assert folders(real) == before


def test_more_folders_than_a_page_holds(real: OnDisk) -> None:
    """The ledger answers in pages of 500: whether a file was taken is not seen on the first."""
    for number in range(501):
        (real.card / f"e{number:03}").mkdir()
    real.write("z/one.jpg", jpeg("1"))
    real.folder_times()
    before = folders(real)["."]
    life = Life(real, Fault())
    batch = life.engine.begin("x")
    top = life.ground.disk()
    disk = life.stores[DISK]
    assert isinstance(disk, Folders)
    refs = [disk.folder(f"{top}/e{number:03}") for number in range(501)]
    life.engine.remember_folders(batch, refs)
    life.engine.remember_folders(batch, [disk.folder(top)], root=top)
    for one in life.engine.reserve(life.items(batch, move=True), batch):
        life.engine.do(one.deeds)
    life.engine.close(batch)
    life.undo(batch)
    assert folders(real)["."] == before
