import json
import os
import shutil
from pathlib import Path

import pytest

from albumen.errors import Changed, Unavailable
from albumen.plugins import Context
from albumen.stores.local import LocalSettings, LocalStore
from albumen.testing.stores import content


def made(root: Path, context: Context, floor: int | None = None) -> LocalStore:
    return LocalStore("nas", LocalSettings(str(root), floor=floor), context)


def test_the_first_write_marks_the_root_and_later_stores_know_it(root: Path, context: Context) -> None:
    store = made(root, context)
    assert store.identity() == ""
    assert list(store.list()) == []
    store.ping()
    assert not root.exists()  # looking sets nothing up
    store.put("x", content(b"x"))
    marker = json.loads((root / ".albumen" / "store.json").read_text())
    assert set(marker) == {"id", "name", "made"}
    assert made(root, context).establish() == store.identity() == marker["id"]


def test_a_root_that_is_marked_already_is_taken_as_it_is(root: Path, context: Context, tmp_path: Path) -> None:
    identity = made(root, context).establish()
    shutil.rmtree(tmp_path / "state" / "stores")
    assert made(root, context).establish() == identity


@pytest.mark.parametrize("fresh", [True, False])
def test_an_empty_mount_point_is_no_empty_store_and_is_never_written(root: Path, context: Context, fresh: bool) -> None:
    store = made(root, context)
    store.put("x", content(b"x"))
    os.rename(root, root.with_name("unmounted"))
    root.mkdir()
    if fresh:
        store = made(root, context)
    staged_before = os.listdir(root)
    for call in (
        store.ping,
        lambda: list(store.list()),
        lambda: store.stat("x"),
        lambda: store.stage(content(b"y")),
        lambda: store.put("y", content(b"y")),
        lambda: store.mkdir("d"),
        lambda: store.delete("x"),
        lambda: store.sync(["x"]),
        store.establish,
    ):
        with pytest.raises(Unavailable, match=r"marker .* is missing"):
            call()
    assert os.listdir(root) == staged_before == []
    os.rmdir(root)
    os.rename(root.with_name("unmounted"), root)
    store.ping()
    assert store.stat("x").main.size == 1


def test_a_root_that_is_gone_is_said_to_be_gone(root: Path, context: Context) -> None:
    store = made(root, context)
    store.put("x", content(b"x"))
    os.rename(root, root.with_name("elsewhere"))
    for call in (store.ping, lambda: store.stat("x"), lambda: store.put("y", content(b"y")), lambda: list(store.list())):
        with pytest.raises(Unavailable, match="is the disk mounted"):
            call()
    assert not root.exists()


def test_a_root_that_goes_while_it_is_used_is_no_file_that_is_gone(root: Path, context: Context) -> None:
    """The job of a new file must wait for the store; told that something is gone it would be over."""
    store = made(root, context)
    store.put("x", content(b"x"))
    os.rename(root, root.with_name("unmounted"))
    with pytest.raises(Unavailable, match="is the disk mounted"):
        store.stage(content(b"y"))
    with pytest.raises(Unavailable, match="is the disk mounted"):
        store.put("y", content(b"y"))


def test_another_disk_in_its_place_is_refused(root: Path, context: Context, tmp_path: Path) -> None:
    made(root, context).establish()
    other = LocalStore("other", LocalSettings(str(tmp_path / "other")), context)
    other.establish()
    shutil.rmtree(root)
    os.rename(tmp_path / "other", root)
    with pytest.raises(Unavailable, match="another store"):
        made(root, context).put("x", content(b"x"))


def test_a_marker_lost_while_mounted_is_noticed_by_a_ping(root: Path, context: Context) -> None:
    store = made(root, context)
    store.establish()
    os.unlink(root / ".albumen" / "store.json")
    with pytest.raises(Unavailable):
        store.ping()


def test_a_person_confirms_that_it_is_the_right_folder(root: Path, context: Context) -> None:
    """The marker is written again as it was, by whatever process; until then the id stays the same."""
    store = made(root, context)
    store.put("x", content(b"x"))
    identity = store.identity()
    assert store.refused() is None
    shutil.rmtree(root / ".albumen")
    refused = store.refused()
    assert refused is not None
    assert (refused.place, refused.accepts) == ("store nas", identity)
    other = made(root, context)
    assert refused.id == getattr(other.refused(), "id", "")
    with pytest.raises(Unavailable, match=f"albumen confirm {refused.id}"):
        store.put("y", content(b"y"))
    with pytest.raises(Changed):
        other.accept("000000")
    assert os.listdir(root) == ["x"]
    other.accept(refused.id)
    assert store.put("y", content(b"y")).main.size == 1
    assert (store.identity(), store.refused()) == (identity, None)
    with pytest.raises(Changed):
        store.accept(refused.id)


def test_a_person_confirms_another_stores_folder(root: Path, context: Context, tmp_path: Path) -> None:
    """It is known by the marker it has."""
    store = made(root, context)
    store.establish()
    other = LocalStore("other", LocalSettings(str(tmp_path / "other")), context)
    identity = other.establish()
    shutil.rmtree(root)
    os.rename(tmp_path / "other", root)
    refused = store.refused()
    assert refused is not None
    store.accept(refused.id)
    assert (store.identity(), made(root, context).refused()) == (identity, None)
    store.ping()


@pytest.mark.parametrize("marker", ["", "no JSON", "[]"])
def test_a_marker_that_says_nothing_is_kept_beside_the_new_one(root: Path, context: Context, marker: str) -> None:
    """Nothing is overwritten."""
    store = made(root, context)
    identity = store.establish()
    (root / ".albumen" / "store.json").write_text(marker)
    refused = store.refused()
    assert refused is not None
    store.accept(refused.id)
    assert store.identity() == identity
    (beside,) = (root / ".albumen").glob("store.json.*")
    assert beside.read_text() == marker


def test_a_memory_that_cannot_be_read_asks(root: Path, context: Context, tmp_path: Path) -> None:
    """It no longer tells which folder is the right one: a person does."""
    store = made(root, context)
    identity = store.establish()
    (tmp_path / "state" / "stores" / "nas.json").write_text("{")
    with pytest.raises(Unavailable, match=r"nas.json cannot be read.*albumen confirm"):
        made(root, context).ping()
    refused = store.refused()
    assert refused is not None
    store.accept(refused.id)
    made(root, context).ping()
    assert store.identity() == identity


def test_a_store_that_was_emptied_is_not_written_into(root: Path, context: Context) -> None:
    """The very same folder, proven a moment ago, without its marker."""
    store = made(root, context)
    store.put("x", content(b"x"))
    shutil.rmtree(root / ".albumen")
    os.unlink(root / "x")
    with pytest.raises(Unavailable, match=r"marker .* is missing"):
        store.put("y", content(b"y"))
    assert os.listdir(root) == []


def test_nothing_is_staged_below_the_floor(root: Path, context: Context) -> None:
    free = os.statvfs(root.parent)
    store = made(root, context, floor=free.f_bavail * free.f_frsize * 2)
    with pytest.raises(Unavailable, match="would stay free"):
        store.stage(content(b"x"))
    with pytest.raises(Unavailable, match="would stay free"):
        store.ping()
    assert made(root, context, floor=0).put("x", content(b"x")).main.size == 1
