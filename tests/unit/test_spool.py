"""One download per remote file, bounded, freed."""

import io
import threading
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from albumen.errors import Changed, Transient, Unavailable
from albumen.model import Ref
from albumen.spool import Spool
from albumen.testing import MemoryStore


class Counted(MemoryStore):
    opened = 0

    def open(self, path: str, *, rev: str | None = None, start: int = 0) -> BinaryIO:
        self.opened += 1
        return super().open(path, rev=rev, start=start)


@pytest.fixture
def store() -> Counted:
    store = Counted("far")
    store.write("a.jpg", b"12345")
    return store


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "spool"), limit=8)


def ref(store: MemoryStore, path: str = "a.jpg") -> Ref:
    return store.stat(path).main


def test_a_file_is_fetched_once_by_however_many(store: Counted, spool: Spool) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(spool.local(store, ref(store)))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert store.opened == 1
    assert {one.read_bytes() for one in found} == {b"12345"}


def test_freed_it_is_gone_and_twice_is_harmless(store: Counted, spool: Spool) -> None:
    path = spool.local(store, ref(store))
    spool.free(ref(store))
    spool.free(ref(store))
    assert not path.exists()
    assert spool.local(store, ref(store)).read_bytes() == b"12345"


def test_what_another_job_needs_stays(store: Counted, spool: Spool) -> None:
    """After a kill one job finishes a deed of a file while another makes its result anew."""
    for _ in range(2):
        spool.need(ref(store))
    path = spool.local(store, ref(store))
    spool.free(ref(store))
    assert path.exists()
    spool.rest(ref(store))  # the last one: now others may have the room
    store.write("b.jpg", b"123456")
    spool.local(store, ref(store, "b.jpg"))
    assert not path.exists()
    spool.need(ref(store))
    spool.free(ref(store, "b.jpg"))
    assert spool.local(store, ref(store)).exists()
    spool.free(ref(store))
    assert not path.exists()


def test_it_is_bounded_and_has_room_again(store: Counted, spool: Spool) -> None:
    store.write("b.jpg", b"67890")
    spool.local(store, ref(store))
    with pytest.raises(Transient, match="spool is full"):
        spool.local(store, ref(store, "b.jpg"))
    spool.free(ref(store))
    assert spool.local(store, ref(store, "b.jpg")).read_bytes() == b"67890"


def test_a_single_larger_file_is_let_through_alone(store: Counted, spool: Spool) -> None:
    store.write("big.mov", b"x" * 99)
    assert spool.local(store, ref(store, "big.mov")).stat().st_size == 99


def test_what_breaks_leaves_nothing(store: Counted, spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise Transient("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(store, "open", lambda *_args, **_named: Breaks())
        with pytest.raises(Transient):
            spool.local(store, ref(store))
    assert list((tmp_path / "spool").iterdir()) == []
    assert spool.local(store, ref(store)).read_bytes() == b"12345"


def test_a_changed_file_is_another_one(store: Counted, spool: Spool) -> None:
    old = ref(store)
    store.write("a.jpg", b"new")
    with pytest.raises(Changed):
        spool.local(store, old)
    assert spool.local(store, ref(store)).read_bytes() == b"new"


def test_no_room_for_it_closes_a_place(store: Counted, tmp_path: Path) -> None:
    """A full disk is no bug of the file that met it."""
    (tmp_path / "spool").write_bytes(b"a file where the folder should be")
    with pytest.raises(Unavailable, match="spool"):
        Spool(str(tmp_path / "spool")).local(store, ref(store))


def test_what_rests_makes_room_for_others(store: Counted, spool: Spool) -> None:
    """The longest first; fetched again when it is needed again."""
    store.write("b.jpg", b"678")
    store.write("c.jpg", b"9abcd")
    for name in ("a.jpg", "b.jpg"):
        spool.local(store, ref(store, name))
        spool.rest(ref(store, name))
    spool.local(store, ref(store, "c.jpg"))
    assert store.opened == 3
    assert spool.local(store, ref(store, "b.jpg")).read_bytes() == b"678"
    assert store.opened == 3
    with pytest.raises(Transient, match="spool is full"):
        spool.local(store, ref(store))
    spool.free(ref(store, "c.jpg"))
    assert spool.local(store, ref(store)).read_bytes() == b"12345"


def test_a_piece_is_not_taken_for_the_whole(
    store: Counted, spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A connection that ends early says nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(store, "open", lambda *_args, **_named: io.BytesIO(b"123"))
        with pytest.raises(Transient, match="3 of 5 bytes"):
            spool.local(store, ref(store))
    assert list((tmp_path / "spool").iterdir()) == []
    assert spool.local(store, ref(store)).read_bytes() == b"12345"


def test_a_file_whose_revision_lied_has_changed(store: Counted, spool: Spool) -> None:
    """An overwriting upload that broke off: the old revision, the old size, and a piece of the new bytes."""
    told = replace(ref(store), size=7)
    with pytest.raises(Changed, match="5 bytes"):
        spool.local(store, told)


def test_a_folder_for_what_is_made_is_gone_with_it(spool: Spool, tmp_path: Path) -> None:
    def work() -> None:
        with spool.folder() as one, spool.folder() as two:
            assert one != two
            (one / "made.png").write_bytes(b"x")
            raise Transient("cut")

    with pytest.raises(Transient):
        work()
    assert list((tmp_path / "spool").iterdir()) == []


def test_each_process_has_its_own_and_sweeps_those_of_the_dead(store: Counted, tmp_path: Path) -> None:
    top = tmp_path / "spool"
    dead, alive, mine = (Spool(str(top), owner=name) for name in ("dead", "alive", "mine"))
    for one in (dead, alive, mine):
        one.local(store, ref(store))
    (top / "left").write_bytes(b"of an older version")
    mine.sweep({"dead", "left"})
    assert [one.name for one in top.iterdir()] == ["alive"]
    assert mine.local(store, ref(store)).read_bytes() == b"12345"
    mine.close()
    assert [one.name for one in top.iterdir()] == ["alive"]
