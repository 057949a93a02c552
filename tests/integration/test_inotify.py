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
    return gathered


@pytest.fixture
def root(tmp_path: Path) -> str:
    path = str(tmp_path / "in")
    os.makedirs(path)
    return path


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


def test_a_removed_root_ends_the_watch(watch: "Inotify", hints: Hints, root: str) -> None:
    """It says so once and is dead then: whoever owns it begins anew."""
    assert watch.is_alive()
    os.rmdir(root)
    until(hints, lambda dirty: dirty.whole)
    for emitter in watch._observer.emitters:
        emitter.join(LIMIT)
    assert not watch.is_alive()


def test_a_folder_that_cannot_be_watched_is_noticed(root: str, hints: Hints, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is reached below the root: the watch lives, but says that it does not see everything."""
    real = inotify._Kernel._get_or_create_watch

    def limited(self: inotify._Kernel, path: bytes, mask: Mask) -> object:
        if path.endswith(b"sub"):
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return real(self, path, mask)

    monkeypatch.setattr(inotify._Kernel, "_get_or_create_watch", limited)
    os.makedirs(f"{root}/sub")
    with closing(Inotify(root, hints, recursive=True, names=Litter())) as watch:
        assert watch.is_alive()
        assert not watch.is_whole()


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
