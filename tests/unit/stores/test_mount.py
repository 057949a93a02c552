import json
import os
import shutil
from pathlib import Path

import pytest

from albumen.errors import Unavailable
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


def test_nothing_is_staged_below_the_floor(root: Path, context: Context) -> None:
    free = os.statvfs(root.parent)
    store = made(root, context, floor=free.f_bavail * free.f_frsize * 2)
    with pytest.raises(Unavailable, match="would stay free"):
        store.stage(content(b"x"))
    with pytest.raises(Unavailable, match="would stay free"):
        store.ping()
    assert made(root, context, floor=0).put("x", content(b"x")).main.size == 1
