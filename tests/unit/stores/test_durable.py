"""Which folders are synced by one who is alone."""

import errno
import os
from pathlib import Path

import pytest

from albumen.errors import Unavailable
from albumen.plugins import Context
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.syncing import Syncs
from albumen.testing.clock import FakeClock
from albumen.testing.stores import content


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of what was synced by ``fsync``, in order."""
    seen: list[str] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        seen.append(os.readlink(f"/proc/self/fd/{fd}"))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.fixture
def store(root: Path, context: Context) -> LocalStore:
    """One whose waiters share no sync, so that every single one is seen."""
    return LocalStore("nas", LocalSettings(str(root), syncfs=False), context)


def test_where_several_folders_are_due_one_sync_of_the_file_system_does(root: Path, context: Context, synced: list[str]) -> None:
    whole: list[int] = []
    store = LocalStore("nas", LocalSettings(str(root)), context, syncs=Syncs(whole.append))
    store.establish()
    synced.clear()
    store.put("2024/05/x", content(b"x"))
    assert len(whole) == 1
    assert synced == []


def test_a_new_folder_is_synced_with_those_above_it(store: LocalStore, root: Path, synced: list[str]) -> None:
    store.establish()
    synced.clear()
    store.put("2024/05/x", content(b"x"))
    assert synced == [str(root / "2024" / "05"), str(root / "2024"), str(root)]


def test_folders_that_rested_long_are_on_the_disk_already(root: Path, context: Context, synced: list[str]) -> None:
    clock = FakeClock(os.stat(root.parent).st_ctime_ns)
    store = LocalStore("nas", LocalSettings(str(root)), Context(context.state, context.owners, clock=clock))
    store.put("2024/05/x", content(b"x"))
    clock.advance(3600)
    synced.clear()
    store.put("2024/05/y", content(b"y"))
    assert synced == [str(root / "2024" / "05")]


def test_of_a_folder_that_is_gone_the_one_above_is_synced(store: LocalStore, root: Path, synced: list[str]) -> None:
    item = store.put("a/b/x", content(b"x"))
    store.delete("a/b/x", rev=item.main.rev)
    assert store.rmdir("a/b")
    synced.clear()
    store.sync(["a/b/x"])
    assert synced[0] == str(root / "a")


def test_a_file_system_that_syncs_no_folders_is_no_error_but_a_failing_disk_is(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.establish()
    answer = errno.EINVAL

    def fsync(fd: int) -> None:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(os, "fsync", fsync)
    store.put("a/x", content(b"x"))
    answer = errno.EIO
    with pytest.raises(Unavailable):
        store.put("a/y", content(b"y"))
