"""Hints: what a watcher may say, how a look takes it, and what happens when the watcher fails. No real event is waited for."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from albumen.mounts import tells_everything
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.sources import canary, walk, watching
from albumen.sources import hints as hints_module
from albumen.sources.hints import Hints
from albumen.sources.litter import Litter
from albumen.sources.local import LocalSource
from albumen.sources.watching import Watching
from albumen.testing.clock import FakeClock
from albumen.testing.queues import MemoryMemory

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv/nas rw,relatime - nfs4 nas:/photos rw
31 30 8:2 / /srv/nas/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:41 / /srv/with\\040blank rw,relatime - fuse.sshfs host:/ rw
33 22 0:42 / /srv/twice rw - ext4 /dev/sdc1 rw
34 22 0:43 / /srv/twice rw - cifs //host/share rw
"""


@pytest.mark.parametrize(
    ("path", "native"),
    [
        ("/home", True),
        ("/srv/nas", False),
        ("/srv/nas/2021", False),
        ("/srv/nasty", True),
        ("/srv/nas/local/x", True),
        ("/srv/with blank/x", False),
        ("/srv/twice", False),
    ],
)
def test_which_mounts_tell_everything(tmp_path: Path, path: str, *, native: bool) -> None:
    """By the type of the mount that lies above the path, the last one where two lie on each other."""
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert tells_everything(path, str(table)) is native


def test_without_a_table_nothing_is_believed(tmp_path: Path) -> None:
    """Where nothing is known, the walk comes every minute."""
    assert not tells_everything("/", str(tmp_path / "nowhere"))


def test_too_many_hints_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mailbox is bounded: beyond that one walk looks at everything."""
    monkeypatch.setattr(hints_module, "_LIMIT", 3)
    hints = Hints()
    for number in range(4):
        hints.file(f"/{number}")
    dirty = hints.take()
    assert (dirty.whole, dirty.files) == (True, set())
    assert not hints.wait(0)


class Hinted:
    """A source whose watcher is a test: it says what it likes."""

    def __init__(self, base: Path, context: Context, clock: FakeClock, patch: pytest.MonkeyPatch) -> None:
        self.root = str(base / "in")
        os.makedirs(self.root)
        self.clock = clock
        self.memory = MemoryMemory()
        self.alive = self.complete = True
        self.begun = self.tried = 0
        self.hears = self.may_write = True
        self.heals = False
        self.released = 0
        self.missing: dict[str, int] = {}
        patch.setattr(watching, "watch", self._begin)
        patch.setattr(canary, "release", self._release)
        patch.setattr(watching, "tells_everything", lambda _: True)
        self.context = context
        self.source = self.make()

    def _release(self, root: str) -> bool:
        self.released += 1
        if self.hears:
            self.hints.file(f"{root}/{canary.NAME}")
        return self.may_write

    def _begin(self, root: str, hints: Hints, *, recursive: bool, names: Litter) -> "Hinted":
        self.hints = hints
        self.begun += 1
        self.alive = True
        return self

    def make(self, every: float | None = None) -> LocalSource:
        settings = LocalSource.Settings(path=self.root, every=every)
        return LocalSource(
            "in", settings, self.context, monotonic=lambda: self.clock.seconds, group=lambda names: ((one, ()) for one in names)
        )

    def is_alive(self) -> bool:
        return self.alive

    def is_whole(self) -> bool:
        return self.complete and not self.missing

    def unwatched(self) -> dict[str, int]:
        return self.missing

    def again(self) -> None:
        self.tried += 1
        if self.heals:
            self.missing = {}

    def close(self) -> None:
        pass

    def put(self, name: str) -> str:
        path = f"{self.root}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"bytes")
        return path

    def looks(self, count: int = 3, pause: float = 6.0) -> list[str]:
        """Names offered in some looks."""
        found = []
        for _ in range(count):
            for batch in self.source.scan(self.memory):
                self.memory.commit(batch, ())
                found += [one.item.main.name for one in batch.events if one.what == "arrived"]
            self.clock.advance(pause)
        return found


@pytest.fixture
def hinted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hinted]:
    clock = FakeClock()
    with closing(Owners(str(tmp_path / "state"))) as owners:
        hinted = Hinted(tmp_path, Context(str(tmp_path / "state"), owners, clock=clock), clock, monkeypatch)
        hinted.looks()
        yield hinted
        hinted.source.close()


def test_between_walks_only_hints_are_looked_at(hinted: Hinted) -> None:
    """A file nobody told of is found by the next walk, six hours later, and counted."""
    told = hinted.put("told.jpg")
    hinted.put("silent.jpg")
    hinted.hints.file(told)
    assert hinted.looks() == ["told.jpg"]
    assert hinted.source.found_only_by_rescan == 0
    hinted.clock.advance(6 * 3600)
    assert hinted.looks() == ["silent.jpg"]
    assert hinted.source.found_only_by_rescan == 1


def test_a_folder_that_came_is_looked_at_to_its_ground(hinted: Hinted) -> None:
    """A moved-in folder is one hint; its files are found, litter is not."""
    for name in ("new/a.jpg", "new/deep/b.jpg", "new/@eaDir/c.jpg"):
        hinted.put(name)
    hinted.hints.folder(f"{hinted.root}/new")
    assert sorted(hinted.looks()) == ["a.jpg", "b.jpg"]


def test_hints_are_not_believed(hinted: Hinted) -> None:
    """Phantoms, litter, links, and paths outside lead to nothing."""
    outside = os.path.dirname(hinted.root) + "/outside.jpg"
    with open(outside, "wb") as file:
        file.write(b"x")
    os.symlink(outside, f"{hinted.root}/link.jpg")
    for path in (
        f"{hinted.root}/phantom.jpg",
        f"{hinted.root}/link.jpg",
        outside,
        hinted.put(".hidden.jpg"),
        hinted.put("@eaDir/a.jpg"),
    ):
        hinted.hints.file(path)
    hinted.hints.folder(f"{hinted.root}/@eaDir")
    hinted.hints.folder(f"{hinted.root}/nowhere")
    hinted.hints.folder(os.path.dirname(hinted.root))
    assert hinted.looks() == []


def test_an_overflow_is_answered_by_a_walk(hinted: Hinted) -> None:
    """Lost events cost a walk, not six hours."""
    hinted.put("lost.jpg")
    assert hinted.looks() == []
    hinted.hints.lost()
    assert hinted.looks() == ["lost.jpg"]
    assert hinted.source.found_only_by_rescan == 1


def test_a_dead_watcher_is_begun_again_with_a_walk(hinted: Hinted) -> None:
    """What came while nobody watched is found."""
    hinted.put("unseen.jpg")
    hinted.alive = False
    assert hinted.looks() == ["unseen.jpg"]
    assert hinted.begun == 2


def test_a_watcher_that_sees_a_part_only_is_backed_by_a_walk_each_minute(hinted: Hinted) -> None:
    """As when the limit of watches was reached."""
    hinted.complete = False
    hinted.hints.whole()
    hinted.looks(1)
    hinted.put("silent.jpg")
    hinted.clock.advance(61)
    assert hinted.looks() == ["silent.jpg"]


def walks(hinted: Hinted, seconds: float) -> bool:
    """Whether a file that nobody told of is found within so many seconds."""
    name = f"silent{hinted.clock.seconds}.jpg"
    hinted.put(name)
    hinted.clock.advance(seconds)
    found = hinted.looks()
    assert found in ([], [name])
    return bool(found)


def test_a_watch_without_news_of_its_canary_is_backed_by_a_walk_each_minute(hinted: Hinted) -> None:
    """The events of this mount do not reach us, whatever its type says: that is told, tested anew with each walk, and over when
    a canary is heard again."""
    assert not walks(hinted, 3600)
    hinted.hears = False
    hinted.clock.advance(6 * 3600)
    hinted.looks()  # the canary of this walk is not heard; a test is patient for a while
    assert walks(hinted, 61)
    assert walks(hinted, 61)
    assert any("does not tell of its changes" in one for one in hinted.source.notes)
    hinted.hears = True
    assert walks(hinted, 61)
    hinted.looks()
    assert not walks(hinted, 3600)
    assert not hinted.source.notes


def test_a_watch_that_fell_silent_is_begun_anew(hinted: Hinted) -> None:
    """Once: what never told is not asked again and again."""
    hinted.hears = False
    hinted.clock.advance(6 * 3600)
    hinted.looks()
    assert hinted.begun == 1
    for _ in range(3):
        hinted.clock.advance(61)
        hinted.looks()
    assert hinted.begun == 2


def test_a_canary_is_released_every_six_hours_at_least(hinted: Hinted) -> None:
    """However seldom a person wants walks."""
    hinted.source = hinted.make(every=86400.0)
    hinted.looks()
    before = hinted.released
    hinted.clock.advance(6 * 3600)
    hinted.looks()
    assert hinted.released == before + 1


def test_where_no_canary_can_be_released_the_type_decides(hinted: Hinted) -> None:
    """A source that we may only read."""
    hinted.hears = hinted.may_write = False
    hinted.clock.advance(6 * 3600)
    hinted.looks()
    assert not walks(hinted, 3600)
    assert not hinted.source.notes


def test_a_network_mount_is_never_native(hinted: Hinted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own canary would be heard there; other machines are not. No canary is released; every file is found by a walk."""
    monkeypatch.setattr(watching, "tells_everything", lambda _: False)
    hinted.source = hinted.make()
    before = hinted.released
    hinted.looks()
    for count in (1, 2, 3):
        assert walks(hinted, 61)
        assert hinted.source.found_only_by_rescan == count
    assert hinted.released == before
    hinted.hints.file(hinted.put("local.jpg"))
    assert hinted.looks() == ["local.jpg"]
    assert hinted.source.found_only_by_rescan == 3


def test_folders_without_a_watch_are_told_and_tried_again(hinted: Hinted) -> None:
    """The note counts them and names the setting; each walk tries anew; when the limit is raised, hints are enough again."""
    hinted.missing = {f"{hinted.root}/{number}": errno.ENOSPC for number in range(3)}
    assert walks(hinted, 61)
    assert hinted.tried == 1
    (note,) = hinted.source.notes
    assert note.startswith(f"{hinted.root}/0 and 2 other folders cannot be watched")
    assert "sysctl fs.inotify.max_user_watches=" in note
    hinted.missing = {f"{hinted.root}/x": errno.EACCES}
    assert walks(hinted, 61)
    assert hinted.tried == 2
    assert "let albumen read it" in hinted.source.notes[0]
    hinted.heals = True
    assert walks(hinted, 61)
    assert not hinted.source.notes
    assert not walks(hinted, 3600)


def test_a_watch_that_cannot_be_begun_is_told(hinted: Hinted, monkeypatch: pytest.MonkeyPatch) -> None:
    """No inotify instance is left: walked every minute, and begun as soon as there is one."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    with monkeypatch.context() as patch:
        patch.setattr(watching, "watch", full)
        hinted.alive = False
        assert walks(hinted, 61)
        assert walks(hinted, 61)
        assert "fs.inotify.max_user_instances" in hinted.source.notes[0]
    assert walks(hinted, 61)
    assert not hinted.source.notes
    assert not walks(hinted, 3600)


def test_an_event_that_comes_later_than_the_walk_is_no_lost_one(hinted: Hinted) -> None:
    """The metric counts when the file is handed over: the walk was only quicker."""
    for name in ("late.jpg", "folder/late.jpg", "never.jpg"):
        hinted.put(name)
    hinted.clock.advance(6 * 3600)
    assert hinted.looks(1, pause=1.0) == []
    hinted.hints.file(f"{hinted.root}/late.jpg")
    hinted.hints.folder(f"{hinted.root}/folder")
    assert sorted(hinted.looks()) == ["late.jpg", "late.jpg", "never.jpg"]
    assert hinted.source.found_only_by_rescan == 1


def test_files_there_at_the_start_are_no_lost_ones(hinted: Hinted) -> None:
    """The first walk of a folder expects no events of it; a watch that died meanwhile should have told."""
    hinted.put("a.jpg")
    hinted.source = hinted.make()
    assert hinted.looks() == ["a.jpg"]
    assert hinted.source.found_only_by_rescan == 0
    hinted.put("b.jpg")
    hinted.alive = False
    assert hinted.looks() == ["b.jpg"]
    assert hinted.source.found_only_by_rescan == 1


def test_wait_notices_another_folder_at_the_path(hinted: Hinted) -> None:
    """Exchanged, gone, or its watch dead, without any event: within seconds, not hours."""
    began = time.monotonic()
    os.rename(hinted.root, hinted.root + ".old")
    os.mkdir(hinted.root)
    hinted.clock.advance(1)
    hinted.source.wait(threading.Event(), 60)
    hinted.looks()
    hinted.alive = False
    hinted.source._polled = 0.0
    hinted.source.wait(threading.Event(), 60)
    hinted.looks()
    os.rmdir(hinted.root)
    hinted.source._polled = 0.0
    hinted.source.wait(threading.Event(), 60)
    assert time.monotonic() - began < 50


def test_a_folder_hint_covers_those_below(hinted: Hinted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new folder is a hint of its own; none is walked twice for it."""
    looked: list[str] = []
    real = walk.look

    def noting(folder: str, *words: object, **options: object) -> walk.Found:
        looked.append(folder)
        return real(folder, *words, **options)  # type: ignore[arg-type]

    for name in ("new/a.jpg", "new/deep/b.jpg", "new-b/c.jpg"):
        hinted.put(name)
    for name in ("new", "new/deep", "new-b"):
        hinted.hints.folder(f"{hinted.root}/{name}")
    with monkeypatch.context() as patch:
        patch.setattr(walk, "look", noting)
        hinted.looks(1)
    assert sorted(looked) == [f"{hinted.root}/{name}" for name in ("new", "new-b", "new/deep")]


def test_a_removed_file_is_gone_after_two_walks_a_minute_apart(hinted: Hinted) -> None:
    """The event only says when to look; two whole looks say what is gone."""
    path = hinted.put("a.jpg")
    hinted.put("b.jpg")
    hinted.hints.whole()
    assert hinted.looks() == ["a.jpg", "b.jpg"]
    os.unlink(path)
    hinted.hints.file(path)
    hinted.looks(1, pause=61)
    assert [one.state for one in hinted.memory.all()] == ["", ""]
    hinted.looks(1, pause=61)
    assert [one.state for one in hinted.memory.all()] == ["missing", ""]
    hinted.looks(1)
    assert [one.path for one in hinted.memory.all()] == ["b.jpg"]


def test_hints_of_a_look_that_failed_are_kept(hinted: Hinted) -> None:
    """A batch that could not be kept takes no hint with it."""
    hinted.hints.file(hinted.put("a.jpg"))
    hinted.looks(1)
    hinted.hints.file(hinted.put("b.jpg"))
    scan = hinted.source.scan(hinted.memory)
    assert next(scan).events[0].item.main.name == "a.jpg"
    scan.close()  # type: ignore[attr-defined]  # a generator
    assert sorted(hinted.looks()) == ["a.jpg", "b.jpg"]


def test_wait_returns_at_stop(hinted: Hinted) -> None:
    """However long it would wait."""
    stop = threading.Event()
    stop.set()
    hinted.source.wait(stop, 600)


def test_wait_returns_when_a_file_may_be_ready(hinted: Hinted) -> None:
    """Not before: the clock decides, no event is needed."""
    hinted.hints.file(hinted.put("a.jpg"))
    hinted.looks(1, pause=4.0)
    stop = threading.Event()
    hinted.source.wait(stop, 0.01)
    assert hinted.looks(1, pause=1.0) == []
    hinted.source.wait(stop, 60)
    assert hinted.looks(1) == ["a.jpg"]


def test_watching_without_a_watch() -> None:
    """Where this machine cannot watch, nothing is seen, and nothing fails."""
    nobody = Watching(Hints(), Litter(), time.monotonic, recursive=True)
    assert not nobody.sees_everything()
    nobody.close()
