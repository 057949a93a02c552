"""A folder as a source: what it offers how, when it refuses to forget, and what it says about it."""

import fcntl
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumen.errors import ConfigError, Unavailable
from albumen.model import Batch, Event, Refused, Seen
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.sources import forgetting, watching
from albumen.sources.forgetting import Missed, verdict
from albumen.sources.gone import Identity, identity_of, is_landslide, kept_identity
from albumen.sources.local import LocalSource
from albumen.testing.clock import FakeClock
from albumen.testing.queues import MemoryMemory


def by_stem(names: Sequence[str]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Stands for ``media.grouping``: sidecars go with the first that is none."""
    sidecars = tuple(one for one in names if one.endswith(".xmp"))
    mains = [one for one in names if one not in sidecars]
    return [(one, sidecars if index == 0 else ()) for index, one in enumerate(mains)] or [(one, ()) for one in sidecars]


class Inbox:
    """A watched folder without events, its memory, and a clock to turn."""

    def __init__(self, base: Path, context: Context, clock: FakeClock) -> None:
        self.root = base / "in"
        self.root.mkdir()
        self.memory = MemoryMemory()
        self.clock = clock
        self.context = context
        self.source = self.make()

    def make(self, mode: str = "copy", **options: object) -> LocalSource:
        settings = LocalSource.Settings(path=str(self.root), mode=mode, every=60.0, **options)  # type: ignore[arg-type]
        self.source = LocalSource("in", settings, self.context, monotonic=lambda: self.clock.seconds, group=by_stem)
        return self.source

    def put(self, name: str, data: bytes = b"bytes") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def look(self) -> list[Event]:
        """One look, kept, then a minute passes."""
        events: list[Event] = []
        for batch in self.source.scan(self.memory):
            self.memory.commit(batch, ())
            events += batch.events
        self.clock.advance(61)
        return events

    def settle(self, *names: str) -> None:
        """Files that are known."""
        for name in names:
            self.put(name)
        self.look()
        assert len(self.look()) == len(names)

    def refused(self) -> Refused:
        """What is refused now."""
        refused = self.memory.refused()
        assert refused is not None
        return refused

    def known(self) -> dict[str, Seen]:
        return {one.path: one for one in self.memory.all()}


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setattr(watching, "watch", lambda *_, **__: None)
    clock = FakeClock()
    with closing(Owners(str(tmp_path / "state"))) as owners:
        inbox = Inbox(tmp_path, Context(str(tmp_path / "state"), owners, clock=clock), clock)
        yield inbox
        inbox.source.close()


# ---------------------------------------------------------------------------------------------------------------- arriving


def test_an_item_is_what_belongs_together(inbox: Inbox) -> None:
    """RAW and sidecar come as one event, with refs of the disk as they are; all of it is remembered."""
    inbox.make("move")
    inbox.put("trip/a.CR2", b"raw bytes")
    inbox.put("trip/a.xmp", b"<x/>")
    inbox.look()
    (event,) = inbox.look()
    status = os.stat(inbox.root / "trip/a.CR2")
    main = event.item.main
    assert (main.store, "/" + main.path) == ("disk", str(inbox.root / "trip/a.CR2"))
    assert (main.size, main.modified, main.mode) == (9, status.st_mtime_ns, status.st_mode & 0o7777)
    assert [one.name for one in event.item.companions] == ["a.xmp"]
    assert (event.item.source, event.item.move) == ("in", True)
    assert set(inbox.known()) == {"trip/a.CR2", "trip/a.xmp"}


def test_empty_files_are_set_aside(inbox: Inbox) -> None:
    """S0-14 (part: a watched folder): no event, one remembered reason; offered when it gets bytes."""
    inbox.put("empty.jpg", b"")
    inbox.look()
    assert inbox.look() == []
    assert (inbox.known()["empty.jpg"].state, inbox.known()["empty.jpg"].why) == ("listed", "empty")
    inbox.put("empty.jpg", b"no longer")
    assert [len(inbox.look()) for _ in range(3)] == [0, 1, 0]


def test_only_files_are_offered(inbox: Inbox) -> None:
    """S0-15 (part: a watched folder): litter, hidden files, links and FIFOs are not offered; nothing blocks; the latter are told."""
    for name in ("a.jpg", ".hidden.jpg", "@eaDir/a.jpg", "b.jpg.part", "Thumbs.db"):
        inbox.put(name)
    os.mkfifo(inbox.root / "pipe.jpg")
    os.symlink("a.jpg", inbox.root / "link.jpg")
    events = [*inbox.look(), *inbox.look(), *inbox.look()]
    assert [one.item.main.name for one in events] == ["a.jpg"]
    assert any("pipe.jpg is a FIFO" in one for one in inbox.source.notes)
    assert any("link.jpg is a symbolic link" in one for one in inbox.source.notes)


def test_a_file_that_became_a_fifo_is_not_opened(inbox: Inbox) -> None:
    """Between two looks a name may change its nature."""
    inbox.put("a.jpg")
    inbox.look()
    (inbox.root / "a.jpg").unlink()
    os.mkfifo(inbox.root / "a.jpg")
    assert [inbox.look() for _ in range(3)] == [[], [], []]


def test_a_file_held_open_for_writing_waits(inbox: Inbox) -> None:
    """Its size and times stand still, yet somebody is at it: offered after the writer closed."""
    inbox.put("a.jpg")
    with open(inbox.root / "a.jpg", "ab"):
        assert [inbox.look() for _ in range(4)] == [[], [], [], []]
    assert sum(len(inbox.look()) for _ in range(3)) == 1


def test_a_film_without_its_end_waits_ten_minutes(inbox: Inbox) -> None:
    """Then it is taken as it is."""
    inbox.put("film.mov", b"\0\0\0\x0cftypqt  \0\0\1\0mdat" + b"half")
    looks = [len(inbox.look()) for _ in range(14)]
    assert looks.index(1) == 10, "601 s at 61 s a look; the first one begins the waiting"
    assert sum(looks) == 1


def test_a_clock_that_jumps_changes_nothing(inbox: Inbox) -> None:
    """Dates of files and of the machine are compared with themselves only."""
    inbox.put("a.jpg")
    os.utime(inbox.root / "a.jpg", ns=(4_000_000_000 * 10**9, 4_000_000_000 * 10**9))
    inbox.put("b.jpg")
    os.utime(inbox.root / "b.jpg", ns=(-(10**18), -(10**18)))
    inbox.source = LocalSource(
        "in",
        inbox.source.settings,
        Context(inbox.context.state, inbox.context.owners, clock=lambda: 0),
        monotonic=lambda: inbox.clock.seconds,
        group=by_stem,
    )
    inbox.look()
    assert sorted(one.item.main.name for one in inbox.look()) == ["a.jpg", "b.jpg"]


def test_not_recursive(inbox: Inbox) -> None:
    """Only the folder itself."""
    inbox.make(recursive=False)
    inbox.put("sub/a.jpg")
    inbox.put("b.jpg")
    inbox.look()
    assert [one.item.main.name for one in inbox.look()] == ["b.jpg"]


def test_a_file_that_may_not_be_opened_is_set_aside(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reason; asked again when something about it changed."""
    inbox.put("a.jpg")
    inbox.look()
    real = os.open

    def refusing(path: str, flags: int) -> int:
        if path.endswith("a.jpg"):
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        assert inbox.look() == []
    assert "permission denied" in inbox.known()["a.jpg"].why
    assert [inbox.look(), inbox.look()] == [[], []]
    os.chmod(inbox.root / "a.jpg", 0o600)
    assert sum(len(inbox.look()) for _ in range(3)) == 1


def test_found_only_by_rescan_is_counted(inbox: Inbox) -> None:
    """Files found by a walk that only the clock asked for; not those that were there at the start."""
    inbox.settle("old.jpg")
    assert inbox.source.found_only_by_rescan == 0
    inbox.put("silent.jpg")
    inbox.look()
    inbox.look()
    assert inbox.source.found_only_by_rescan == 1


# -------------------------------------------------------------------------------------------------------------- forgetting


def test_a_root_that_is_not_there_is_unavailable(inbox: Inbox, tmp_path: Path) -> None:
    """Nothing is forgotten; it goes on when it is back."""
    inbox.settle("a.jpg")
    os.rename(inbox.root, tmp_path / "away")
    with pytest.raises(Unavailable, match=r"source in: .*in cannot be looked at: No such file"):
        inbox.look()
    os.rename(tmp_path / "away", inbox.root)
    assert [inbox.look(), inbox.look()] == [[], []]
    assert set(inbox.known()) == {"a.jpg"}


def test_a_root_that_is_a_file_is_unavailable(inbox: Inbox) -> None:
    """A person is told to correct the path."""
    os.rmdir(inbox.root)
    inbox.root.write_bytes(b"")
    with pytest.raises(Unavailable, match="Not a directory"):
        inbox.look()


@pytest.mark.parametrize("mode", ["copy", "move"])
def test_an_empty_mount_point_is_refused(inbox: Inbox, mode: str) -> None:
    """The disk is not mounted: another, empty folder lies at the path. Nothing is forgotten; one look after it is back all is well,
    and what came meanwhile is taken."""
    inbox.make(mode)
    inbox.settle("a.jpg")
    there = inbox.memory.cursor()
    other_folder(inbox)
    assert [inbox.look() for _ in range(4)] == [[], [], [], []]
    assert "in is empty and another folder than before: is its disk mounted?" in inbox.refused().why
    assert (set(inbox.known()), inbox.memory.cursor()) == ({"a.jpg"}, there)
    inbox.root.rmdir()
    (inbox.root.parent / "hidden").rename(inbox.root)
    inbox.put("b.jpg")
    events = [event for _ in range(3) for event in inbox.look()]
    assert [(one.what, one.item.main.name) for one in events] == [("arrived", "b.jpg")]
    assert inbox.memory.refused() is None
    assert [one.state for one in inbox.known().values()] == ["", ""]


def test_another_folder_at_the_path_forgets_nothing_but_is_taken(inbox: Inbox) -> None:
    """Only the forgetting is held back."""
    inbox.settle("a.jpg")
    other_folder(inbox)
    inbox.put("new.jpg")
    events = [event for _ in range(4) for event in inbox.look()]
    assert [(one.what, one.item.main.name) for one in events] == [("arrived", "new.jpg")]
    assert inbox.known()["a.jpg"].state == "held"
    assert "another folder than before" in inbox.refused().why
    assert kept_identity(inbox.refused().accepts) == identity_of(str(inbox.root))


def test_an_emptied_folder_is_an_accident(inbox: Inbox) -> None:
    """The same folder, but all is missing: nothing is forgotten; new files come in all the same."""
    inbox.settle("a.jpg")
    (inbox.root / "a.jpg").unlink()
    assert [inbox.look() for _ in range(4)] == [[], [], [], []]
    assert inbox.known()["a.jpg"].state == "held"
    assert "is empty, 1 files are missing" in inbox.refused().why


def test_a_landslide_is_held_back(inbox: Inbox) -> None:
    """More than half of at least four; new files are taken all the same; they are back, and nothing happened."""
    inbox.settle("trip/a.jpg", "trip/b.jpg", "trip/c.jpg", "d.jpg")
    before = inbox.known()
    (inbox.root / "trip").rename(inbox.root.parent / "trip")
    inbox.put("e.jpg")
    assert [one.item.main.name for _ in range(4) for one in inbox.look()] == ["e.jpg"]
    refused = inbox.refused()
    assert (refused.place, refused.total, refused.files) == ("source in", 3, ("trip/a.jpg", "trip/b.jpg", "trip/c.jpg"))
    assert refused.why == "3 of 5 files are missing at once; nothing is forgotten"
    assert [one.state for one in inbox.known().values()] == ["", "", "held", "held", "held"]
    (inbox.root.parent / "trip").rename(inbox.root / "trip")
    assert inbox.look() == []
    assert inbox.memory.refused() is None
    assert {**inbox.known(), **before} == inbox.known()


def test_what_was_refused_stays_so_however_many_files_come(inbox: Inbox) -> None:
    """A person says yes to it, or the files come back; one that comes back is no longer missed."""
    inbox.settle("a.jpg", "b.jpg")
    (inbox.root / "a.jpg").rename(inbox.root.parent / "a.jpg")
    (inbox.root / "b.jpg").unlink()
    inbox.look()
    first = inbox.refused()
    for number in range(9):
        inbox.put(f"{number}.jpg")
    events = [event for _ in range(4) for event in inbox.look()]
    assert {one.what for one in events} == {"arrived"}
    assert (inbox.refused().id, inbox.refused().total) == (first.id, 2)
    (inbox.root.parent / "a.jpg").rename(inbox.root / "a.jpg")
    for _ in range(3):
        inbox.look()
    assert (inbox.refused().id, inbox.refused().files) == (first.id, ("b.jpg",))
    assert inbox.known()["a.jpg"].state == ""


def test_the_same_accident_has_the_same_id(inbox: Inbox) -> None:
    """Over looks and restarts, also when some of it comes back; not when more is missing than was told under it."""
    inbox.settle(*(f"{number}.jpg" for number in range(9)))
    for number in range(6):
        (inbox.root / f"{number}.jpg").rename(inbox.root.parent / f"{number}.jpg")
    inbox.look()
    first = inbox.refused()
    commits = []
    for _ in range(3):
        inbox.source.close()
        inbox.make()
        commits += list(inbox.source.scan(inbox.memory))
    assert commits == [], "nothing new to keep"
    assert inbox.refused() == first
    (inbox.root.parent / "5.jpg").rename(inbox.root / "5.jpg")
    inbox.make()
    inbox.look()
    fewer = inbox.refused()
    assert (fewer.id, fewer.at, fewer.total) == (first.id, first.at, 5)
    (inbox.root / "8.jpg").unlink()
    inbox.look()
    assert inbox.refused().id != first.id
    assert inbox.refused().total == 6


def test_what_a_person_agreed_to_is_gone_at_the_next_look(inbox: Inbox) -> None:
    """Only that: a file that is back by then stays, one that is missing since begins anew."""
    inbox.settle(*(f"{number}.jpg" for number in range(9)))
    for number in range(6):
        (inbox.root / f"{number}.jpg").rename(inbox.root.parent / f"{number}.jpg")
    inbox.look()
    agreed = tuple(replace(one, state="agreed") for one in inbox.known().values() if one.state == "held")
    inbox.memory.commit(Batch(seen=agreed, well=True), ())
    (inbox.root.parent / "5.jpg").rename(inbox.root / "5.jpg")
    (inbox.root / "8.jpg").unlink()
    assert [(one.what, one.item.main.name) for one in inbox.look()] == [("gone", f"{number}.jpg") for number in range(5)]
    assert {path: one.state for path, one in inbox.known().items()} == {
        "5.jpg": "", "6.jpg": "", "7.jpg": "", "8.jpg": "missing",
    }  # fmt: skip
    assert inbox.memory.refused() is None


def test_a_folder_that_is_exchanged_during_a_look_proves_nothing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unmounted between the walk and the question for what is missing."""
    inbox.settle("a.jpg", "b.jpg", "c.jpg")
    real = forgetting.missed

    def late(*args: Any, **options: Any) -> Missed:
        other_folder(inbox)
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(forgetting, "missed", late)
        with pytest.raises(Unavailable, match="was exchanged while it was looked at"):
            inbox.look()
    assert [one.state for one in inbox.known().values()] == ["", "", ""]


def test_a_returned_file_is_known_again(inbox: Inbox) -> None:
    """Missing once, then there again as it was: no event, and set aside stays set aside."""
    inbox.settle("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    a = inbox.known()["a.jpg"]
    inbox.memory.commit(Batch(seen=(Seen("a.jpg", a.rev, "missing", "no picture"),)), ())
    assert inbox.look() == []
    assert (inbox.known()["a.jpg"].state, inbox.known()["a.jpg"].why) == ("aside", "no picture")


def test_what_moved_away_by_our_deed_is_no_landslide(inbox: Inbox) -> None:
    """Move mode: files that were handed over and vanished are forgotten without a word; an empty root is normal."""
    inbox.make("move")
    inbox.settle(*(f"{number}.jpg" for number in range(60)))
    for path in inbox.root.iterdir():
        path.unlink()
    assert inbox.look() == []
    assert inbox.known() == {}
    assert inbox.source.notes == ()


def test_what_was_set_aside_counts_also_in_move_mode(inbox: Inbox) -> None:
    """Nobody of ours took these away."""
    inbox.make("move")
    inbox.settle(*(f"{number}.jpg" for number in range(6)))
    inbox.memory.commit(Batch(seen=tuple(Seen(one.path, one.rev, "aside", "no picture") for one in inbox.memory.all())), ())
    for path in inbox.root.iterdir():
        path.unlink()
    assert [inbox.look() for _ in range(3)] == [[], [], []]
    assert len(inbox.known()) == 6


def test_a_file_that_cannot_be_asked_for_is_not_gone(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An I/O error is no answer."""
    inbox.settle("a.jpg", "b.jpg", "c.jpg")
    (inbox.root / "a.jpg").unlink()
    real = os.lstat

    def failing(path: str) -> os.stat_result:
        if str(path).endswith("a.jpg"):
            raise OSError(5, "Input/output error")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", failing)
        assert [inbox.look() for _ in range(4)] == [[], [], [], []]
        assert inbox.known()["a.jpg"].state == ""
    assert [one.what for _ in range(3) for one in inbox.look()] == ["gone"]


def test_the_identity_is_remembered(inbox: Inbox) -> None:
    """As text in the cursor, from the first look on."""
    inbox.look()
    kept = kept_identity(inbox.memory.cursor())
    assert kept is not None
    assert kept.ino == os.stat(inbox.root).st_ino


def other_folder(inbox: Inbox) -> None:
    """Another, empty folder comes to lie at the path, as when a disk is not mounted."""
    os.rename(inbox.root, inbox.root.parent / "hidden")
    inbox.root.mkdir()


def test_another_folder_is_told_also_when_nothing_is_remembered(inbox: Inbox) -> None:
    """An inbox whose files were all taken in: where its disk is not mounted, nothing would ever arrive again."""
    inbox.make("move")
    inbox.look()
    other_folder(inbox)
    inbox.look()
    assert "is empty and another folder than before: is its disk mounted?" in inbox.refused().why
    assert inbox.refused().total == 0


def test_a_folder_that_was_away_is_walked_whole(inbox: Inbox, tmp_path: Path) -> None:
    """What was gone when its turn came is offered again, though the folder is the same as before."""
    inbox.settle("a.jpg", "b.jpg")
    os.rename(inbox.root, tmp_path / "away")
    with pytest.raises(Unavailable):
        inbox.look()
    never = tuple(replace(one, rev="gone") for one in inbox.memory.all() if one.path == "a.jpg")
    inbox.memory.commit(Batch(seen=never), ())
    os.rename(tmp_path / "away", inbox.root)
    assert [one.item.main.name for _ in range(2) for one in inbox.look()] == ["a.jpg"]


HERE = Identity(2, 7)


@pytest.mark.parametrize(
    ("now", "same", "known"),
    [
        (Identity(2, 7), 0, True),
        (Identity(2, 0), 0, True),
        (Identity(2, 8), 5, True),
        (Identity(2, 8), 4, False),
        (Identity(3, 7), 8, False),
    ],
)
def test_which_folder_is_believed(now: Identity, same: int, *, known: bool) -> None:
    """Equal inode and file system; another file system id only when most files are unchanged down to their inodes."""
    assert verdict(Missed(total=8, same=same), HERE, now, empty=False).known is known


@pytest.mark.parametrize(
    ("lost", "total", "held"),
    [
        (1, 1, False),
        (3, 3, False),
        (2, 4, False),
        (3, 4, True),
        (50, 200, False),
        (51, 200, True),
        (51, 2000, False),
        (101, 2000, True),
    ],
)
def test_landslides(lost: int, total: int, *, held: bool) -> None:
    """More than max(50 files, 5 %), or more than half of at least 4."""
    assert is_landslide(lost, total) is held


# ------------------------------------------------------------------------------------------------------------------ others


def test_a_source_without_a_path_is_refused(inbox: Inbox) -> None:
    """The sentence names the setting."""
    with pytest.raises(ConfigError, match=r"\[source\.x\] path is missing"):
        LocalSource("x", LocalSource.Settings(path=""), inbox.context)


def test_asking_for_writers_leaves_no_deadly_signal(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells a lease holder of an opener by SIGIO, which ends a process: another signal is set before the lease."""
    order: list[tuple[int, int]] = []
    real: Callable[[int, int, int], int] = fcntl.fcntl

    def noting(fd: int, what: int, value: int = 0) -> int:
        order.append((what, value))
        return real(fd, what, value)

    monkeypatch.setattr(fcntl, "fcntl", noting)
    inbox.settle("a.jpg")
    assert order == [(fcntl.F_SETSIG, signal.SIGURG), (fcntl.F_SETLEASE, fcntl.F_RDLCK), (fcntl.F_SETLEASE, fcntl.F_UNLCK)]
