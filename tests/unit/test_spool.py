"""One download per remote file, bounded, freed."""

import io
import threading
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
