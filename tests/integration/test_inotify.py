"""Real file system events: they come soon, and what the observer keeps to itself is noticed."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.sources.hints import Dirty, Hints
from albumen.sources.litter import Litter
from albumen.sources.local import LocalSource
from albumen.testing.queues import MemoryMemory

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is a thing of Linux")
LIMIT = 20.0  # seconds, far more than needed


def until(hints: Hints, done: Callable[[Dirty], bool]) -> Dirty:
    """Hints gathered until they are enough; fails after LIMIT."""
    gathered = Dirty()
    end = time.monotonic() + LIMIT
    while not done(gathered):
        assert hints.wait(end - time.monotonic()), f"only {gathered} came"
        more = hints.take()
        gathered.files |= more.files
        gathered.folders |= more.folders
        gathered.whole |= more.whole
        gathered.lost |= more.lost
    return gathered


@pytest.fixture
def root(tmp_path: Path) -> str:
    path = str(tmp_path / "in")
    os.makedirs(path)
    return path


def wait_for(done: Callable[[], bool]) -> None:
    """Until the watcher's threads have come so far; fails after LIMIT."""
    end = time.monotonic() + LIMIT
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def watched(watch: "Inotify") -> set[str]:
    """The folders that really have a watch."""
    assert watch._state.group is not None
    with watch._state.group._lock:
        paths = {os.fsdecode(one) for one in watch._state.group._active_callbacks_by_watch.values()}
    assert len(watch._kernel._watch_for_wd) == len(paths)
    return paths


def write(path: str) -> str:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"bytes")
    return path


def test_a_source_that_waits_finds_what_comes(tmp_path: Path, root: str) -> None:
    """Written, moved in, in new nested folders, with any name: offered once each, without any walk asked for by the clock."""
    memory = MemoryMemory()
    stop = threading.Event()
    found: list[str] = []
    with closing(Owners(str(tmp_path / "state"))) as owners:
        settings = LocalSource.Settings(path=root, settle=0.3, every=3600.0)
        source = LocalSource(
            "in", settings, Context(str(tmp_path / "state"), owners), group=lambda names: ((one, ()) for one in names)
        )
        with closing(source):
            list(map(memory.commit, source.scan(memory), iter(list, None)))
            write(f"{root}/plain.jpg")
            write(f"{root}/one/two/three/deep.jpg")
            write(f"{root}/\udcff\n.jpg")
            os.rename(write(str(tmp_path / "elsewhere/a/moved.jpg")).removesuffix("/a/moved.jpg"), f"{root}/elsewhere")
            end = time.monotonic() + LIMIT
            while len(found) < 4 and time.monotonic() < end:
                source.wait(stop, 5)
                for batch in source.scan(memory):
                    memory.commit(batch, ())
                    found += [one.item.main.name for one in batch.events]
            assert sorted(found) == sorted(["plain.jpg", "deep.jpg", "\udcff\n.jpg", "moved.jpg"])
            assert source.found_only_by_rescan == 0


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
def watch(root: str, hints: Hints) -> Iterator["Inotify"]:
    with closing(Inotify(root, hints, recursive=True, names=Litter())) as watch:
        yield watch


if sys.platform.startswith("linux"):
    from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, Mask, WatchDescriptor

    from albumen.sources import inotify
    from albumen.sources.inotify import Inotify

    OVERFLOW = InotifyEvent(WatchDescriptor(-1), Mask(InotifyConstants.IN_Q_OVERFLOW), 0, b"")


def test_an_overflow_is_told_and_later_files_too(watch: "Inotify", hints: Hints, root: str) -> None:
    """The kernel dropped events: everything is in question, and a folder made meanwhile is watched from then on."""
    os.makedirs(f"{root}/sub")
    until(hints, lambda dirty: f"{root}/sub" in dirty.folders)
    watch._kernel.handle_event(OVERFLOW)
    until(hints, lambda dirty: dirty.whole)
    path = write(f"{root}/sub/later.jpg")
    until(hints, lambda dirty: path in dirty.files)


def test_an_overflow_is_told_without_folders_below_too(root: str, hints: Hints) -> None:
    """A source that is not recursive."""
    with closing(Inotify(root, hints, recursive=False, names=Litter())) as watch:
        watch._kernel.handle_event(OVERFLOW)
        assert until(hints, lambda dirty: dirty.lost).whole


def test_a_removed_root_ends_the_watch(watch: "Inotify", hints: Hints, root: str) -> None:
    """It says so once and is dead then: whoever owns it begins anew."""
    assert watch.is_alive()
    os.rmdir(root)
    until(hints, lambda dirty: dirty.whole)
    for emitter in watch._observer.emitters:
        emitter.join(LIMIT)
    assert not watch.is_alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")
def test_an_unmounted_root_ends_the_watch(root: str, hints: Hints) -> None:
    """The watch hinders nobody from unmounting, and knows that it is of no use any more, should the disk be back at once."""
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        os.makedirs(f"{root}/sub")
        with closing(Inotify(root, hints, recursive=True, names=Litter())) as watch:
            os.rmdir(f"{root}/sub")
            wait_for(lambda: watched(watch) == {root})
            assert watch.is_alive()
            subprocess.run(["umount", root], check=True)
            wait_for(lambda: not watch.is_alive())
    finally:
        subprocess.run(["umount", root], check=False, capture_output=True)


def test_folders_beyond_the_limit_are_counted_and_watched_when_it_is_raised(
    root: str, hints: Hints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch lives, but says what it does not see; new folders and renamed ones too; then all is watched, to the ground."""
    real = inotify._Kernel._get_or_create_watch

    def limited(self: inotify._Kernel, path: bytes, mask: Mask) -> object:
        if b"sub" in path:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return real(self, path, mask)

    os.makedirs(f"{root}/sub/deep")
    with closing(Inotify(root, hints, recursive=True, names=Litter())) as watch:
        with monkeypatch.context() as patch:
            patch.setattr(inotify._Kernel, "_get_or_create_watch", limited)
            watch._state.group.left(b"none")  # type: ignore[union-attr]  # nothing was taken away
            os.makedirs(f"{root}/later/sub2")
            until(hints, lambda dirty: f"{root}/later" in dirty.folders)
            wait_for(lambda: f"{root}/later/sub2".encode() in watch._state.unwatched)
            os.rename(f"{root}/later/sub2", f"{root}/later/sub3")
            os.rename(f"{root}/later", f"{root}/moved")
            wait_for(lambda: set(watch.unwatched()) == {f"{root}/moved/sub3"})
            watch.again()
            assert watch.unwatched() == {f"{root}/moved/sub3": errno.ENOSPC}
            assert watch.is_alive()
            assert not watch.is_whole()
            os.makedirs(f"{root}/moved/sub3/unseen")
        watch.again()
        assert watch.is_whole()
        hints.take()
        path = write(f"{root}/moved/sub3/unseen/a.jpg")
        until(hints, lambda dirty: path in dirty.files)


def test_the_limit_at_the_start(root: str, hints: Hints, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be watched at once is tried again, too; a folder that went meanwhile is missed by nobody."""
    real = inotify._Kernel._get_or_create_watch

    def limited(self: inotify._Kernel, path: bytes, mask: Mask) -> object:
        if path != os.fsencode(root):
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return real(self, path, mask)

    for name in ("a", "b", "c/d"):
        os.makedirs(f"{root}/{name}")
    with monkeypatch.context() as patch:
        patch.setattr(inotify._Kernel, "_get_or_create_watch", limited)
        watch = Inotify(root, hints, recursive=True, names=Litter())
    with closing(watch):
        assert set(watch.unwatched()) == {f"{root}/{name}" for name in ("a", "b", "c", "c/d")}
        os.rmdir(f"{root}/b")
        wait_for(lambda: f"{root}/b" not in watch.unwatched())
        watch.again()
        assert watch.is_whole()
        path = write(f"{root}/c/d/a.jpg")
        until(hints, lambda dirty: path in dirty.files)


def test_litter_uses_no_watch(root: str, hints: Hints) -> None:
    """A NAS keeps a folder of thumbnails in every folder: they would use up half of the watches."""
    for name in ("a/@eaDir/x", "a/b", ".hidden/c", "lost+found"):
        os.makedirs(f"{root}/{name}")
    with closing(Inotify(root, hints, recursive=True, names=Litter())) as watch:
        os.makedirs(f"{root}/new/@eaDir/y")
        path = write(f"{root}/new/a.jpg")
        until(hints, lambda dirty: path in dirty.files or f"{root}/new" in dirty.folders)
        wait_for(lambda: watched(watch) == {root, f"{root}/a", f"{root}/a/b", f"{root}/new"})
        assert watch.is_whole()


def test_a_tree_that_was_moved_out_is_let_go(watch: "Inotify", hints: Hints, root: str, tmp_path: Path) -> None:
    """Nothing is told of it any more, under no name; moved in again, under another name, it is watched again."""
    os.makedirs(f"{root}/sub/deep")
    wait_for(lambda: f"{root}/sub/deep" in watched(watch))
    os.rename(f"{root}/sub", tmp_path / "out")
    wait_for(lambda: watched(watch) == {root})
    hints.take()
    write(str(tmp_path / "out/deep/phantom.jpg"))
    last = write(f"{root}/last.jpg")
    dirty = until(hints, lambda dirty: last in dirty.files)
    assert not any("phantom" in one for one in dirty.files)
    os.rename(tmp_path / "out", f"{root}/back")
    wait_for(lambda: watched(watch) == {root, f"{root}/back", f"{root}/back/deep"})
    path = write(f"{root}/back/deep/a.jpg")
    until(hints, lambda dirty: path in dirty.files)


def test_a_tree_that_was_renamed_tells_its_new_name(watch: "Inotify", hints: Hints, root: str) -> None:
    """Files written into it later are told under the name they have; the old name, taken by another folder, is that one's."""
    os.makedirs(f"{root}/old/deep")
    wait_for(lambda: f"{root}/old/deep" in watched(watch))
    os.rename(f"{root}/old", f"{root}/new")
    os.makedirs(f"{root}/old/deep")
    wait_for(lambda: watched(watch) == {root, *(f"{root}/{name}" for name in ("new", "new/deep", "old", "old/deep"))})
    hints.take()
    paths = {write(f"{root}/{name}/deep/a.jpg") for name in ("new", "old")}
    dirty = until(hints, lambda dirty: paths <= dirty.files)
    assert dirty.files == paths


@pytest.mark.slow
def test_a_real_overflow(watch: "Inotify", hints: Hints, root: str) -> None:
    """The reader stands still until the kernel drops events: what was told before stays told, the loss is told, and a folder made
    in the gap is watched."""
    os.makedirs(f"{root}/sub")
    wait_for(lambda: f"{root}/sub" in watched(watch))
    group = watch._state.group
    assert group is not None
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        limit = int(file.read())
    hints.take()
    with group._lock:
        for number in range(limit + 4000):
            os.mknod(f"{root}/sub/{number:06}.jpg")  # one event each
        os.makedirs(f"{root}/gap")
    dirty = until(hints, lambda dirty: dirty.lost)
    wait_for(lambda: f"{root}/gap" in watched(watch))
    told = dirty.files  # whatever was told before is here before the loss is
    assert len(told) >= limit - 100
    assert f"{root}/sub/000000.jpg" in told
    assert f"{root}/sub/{limit + 3999:06}.jpg" not in told
    path = write(f"{root}/gap/later.jpg")
    until(hints, lambda dirty: path in dirty.files)


def test_a_source_knows_that_events_reach_it_and_leaves_nothing(tmp_path: Path, root: str) -> None:
    """The canary is heard, no file stays, and no look comes from it."""
    with closing(Owners(str(tmp_path / "state"))) as owners:
        source = LocalSource("in", LocalSource.Settings(path=root, settle=0.2), Context(str(tmp_path / "state"), owners))
        with closing(source):
            memory = MemoryMemory()
            list(map(memory.commit, source.scan(memory), iter(list, None)))
            wait_for(source._watching.sees_everything)
            assert os.listdir(root) == []
            assert source._hints.take() == Dirty()


def test_an_exchanged_root_is_noticed_without_an_event(tmp_path: Path, root: str) -> None:
    """Renamed, and another folder at its path: what is written into the old one is no arrival, what lies in the new one is."""
    memory = MemoryMemory()
    with closing(Owners(str(tmp_path / "state"))) as owners:
        settings = LocalSource.Settings(path=root, settle=0.2, every=3600.0)
        source = LocalSource(
            "in", settings, Context(str(tmp_path / "state"), owners), group=lambda names: ((one, ()) for one in names)
        )
        with closing(source):
            list(map(memory.commit, source.scan(memory), iter(list, None)))
            os.rename(root, root + ".old")
            write(f"{root}/new.jpg")
            write(f"{root}.old/phantom.jpg")
            found: list[str] = []
            end = time.monotonic() + LIMIT
            while not found and time.monotonic() < end:
                source.wait(threading.Event(), 30)
                for batch in source.scan(memory):
                    memory.commit(batch, ())
                    found += [one.item.main.name for one in batch.events]
            assert found == ["new.jpg"]
            path = write(f"{root}/sub/later.jpg")
            while len(found) < 2 and time.monotonic() < end:
                source.wait(threading.Event(), 30)
                for batch in source.scan(memory):
                    memory.commit(batch, ())
                    found += [one.item.main.path for one in batch.events]
            assert found == ["new.jpg", path.lstrip("/")]


def test_close_ends_all_threads(root: str, hints: Hints) -> None:
    """Also when called twice."""
    before = threading.active_count()
    watch = Inotify(root, hints, recursive=True, names=Litter())
    assert threading.active_count() > before
    watch.close()
    watch.close()
    assert threading.active_count() == before


def test_an_opener_in_the_instant_of_the_lease_does_us_no_harm(tmp_path: Path) -> None:
    """While the lease is held somebody opens the file for writing: the kernel signals the holder, which must live on."""
    path = write(str(tmp_path / "a.jpg"))
    holder = """
import fcntl, os, subprocess, sys
from albumen.sources import writers
real = fcntl.fcntl
def slow(fd, what, value=0):
    answer = real(fd, what, value)
    if (what, value) == (fcntl.F_SETLEASE, fcntl.F_RDLCK):
        child = subprocess.Popen([sys.executable, "-c", "import os, sys; os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)", sys.argv[1]],
                                 stderr=subprocess.DEVNULL)
        child.wait()
    return answer
fcntl.fcntl = slow
with open(sys.argv[1], "rb") as file:
    assert writers.being_written(file) is False
"""
    done = subprocess.run([sys.executable, "-c", holder, path], check=False, timeout=LIMIT)
    assert done.returncode == 0
