"""A walk that passes over what did not move: it must find all that a walk finds which compares every file."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from albumen.model import Batch, Event, Seen
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.sources import watching
from albumen.sources.folders import Folders
from albumen.sources.local import LocalSource
from albumen.testing.clock import FakeClock
from albumen.testing.queues import MemoryMemory


class Asked(MemoryMemory):
    """A memory that counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0

    def get(self, paths: Iterable[str]) -> dict[str, Seen]:
        wanted = list(paths)
        self.rows += len(wanted)
        return dict(super().get(wanted))

    def all(self, prefix: str = "") -> Iterator[Seen]:
        for one in super().all(prefix):
            self.rows += 1
            yield one


class Walked:
    """A folder without events, looked at once a minute. ``forgetful``: every look compares every file."""

    def __init__(self, root: Path, context: Context, clock: FakeClock, *, forgetful: bool = False) -> None:
        self.root = root
        self.memory = Asked()
        self.forgetful = forgetful
        settings = LocalSource.Settings(path=str(root), every=60.0)
        self.source = LocalSource(
            "in", settings, context, monotonic=lambda: clock.seconds, group=lambda names: ((one, ()) for one in names)
        )

    def look(self) -> list[tuple[str, str]]:
        """Events as (what, path), and whatever was asked of the memory."""
        self.memory.rows = 0
        if self.forgetful:
            self.source._folders = Folders()
        events: list[Event] = []
        for batch in self.source.scan(self.memory):
            self.memory.commit(batch, ())
            events += batch.events
        return sorted((one.what, os.path.relpath("/" + one.item.main.path, self.root)) for one in events)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def context(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setattr(watching, "watch", lambda *_, **__: None)
    with closing(Owners(str(tmp_path / "state"))) as owners:
        yield Context(str(tmp_path / "state"), owners, clock=clock)


@pytest.fixture
def walked(tmp_path: Path, context: Context, clock: FakeClock) -> Iterator[Walked]:
    """Six files in three folders, all known, nothing moving any more."""
    root = tmp_path / "in"
    for name in ("a.jpg", "b.jpg", "x/a.jpg", "x/b.jpg", "x/y/a.jpg", "x/y/b.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    made = Walked(root, context, clock)
    for _ in range(4):
        made.look()
        clock.advance(61)
    yield made
    made.source.close()


def looks(walked: Walked, clock: FakeClock, count: int = 4) -> list[tuple[str, str]]:
    """Events of some looks, a minute apart."""
    found = []
    for _ in range(count):
        found += walked.look()
        clock.advance(61)
    return found


def test_nothing_moved_nothing_is_asked(walked: Walked, clock: FakeClock) -> None:
    """A steady look asks the memory for no file; a new one costs its own folder, and one pass over what is remembered."""
    assert looks(walked, clock, 1) == []
    assert walked.memory.rows == 0
    (walked.root / "x/new.jpg").write_bytes(b"new")
    assert looks(walked, clock, 1) == []
    assert walked.memory.rows == 3 + 6
    assert looks(walked, clock) == [("arrived", "x/new.jpg")]
    assert looks(walked, clock, 1) == []
    assert walked.memory.rows == 0


def test_what_somebody_else_forgot_is_offered_again(walked: Walked, clock: FakeClock) -> None:
    """As the pipeline does when a file changed under its hands: its folder did not move, its memory did."""
    walked.memory.commit(Batch(forget=("x/y/a.jpg",)), ())
    assert looks(walked, clock) == [("arrived", "x/y/a.jpg")]


def test_what_came_and_went_between_two_walks_is_gone(walked: Walked, clock: FakeClock) -> None:
    """Its folder is again as the last walk left it; the memory is not, by a deed of our own."""
    assert looks(walked, clock, 1) == []
    clock.advance(-60)  # a second after that walk: the next ones are looks at what events name
    path = walked.root / "x/short.jpg"
    path.write_bytes(b"short")
    walked.source._hints.file(str(path))
    assert walked.look() == []
    clock.advance(6)
    assert walked.look() == [("arrived", "x/short.jpg")]
    path.unlink()
    assert looks(walked, clock, 6) == [("gone", "x/short.jpg")]
    assert "x/short.jpg" not in walked.memory.get(["x/short.jpg"])


def test_a_folder_that_is_gone_takes_its_files_with_it(walked: Walked, clock: FakeClock) -> None:
    """By the second look nothing moves any more, yet something is missed."""
    shutil.rmtree(walked.root / "x/y")
    assert looks(walked, clock) == [("gone", "x/y/a.jpg"), ("gone", "x/y/b.jpg")]


def test_a_batch_that_was_not_kept_costs_nothing(walked: Walked, clock: FakeClock) -> None:
    """The look is broken off at its first batch; the next one begins anew."""
    (walked.root / "x/a.jpg").unlink()
    scan = walked.source.scan(walked.memory)
    next(scan)
    scan.close()  # type: ignore[attr-defined]  # a generator
    clock.advance(61)
    assert looks(walked, clock, 5) == [("gone", "x/a.jpg")]


def test_a_change_that_keeps_size_and_time_is_found(walked: Walked, clock: FakeClock) -> None:
    """As ``exiftool -P`` writes: only the change time tells."""
    path = walked.root / "x/a.jpg"
    before = path.stat()
    path.write_bytes(b"X/A.JPG")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert looks(walked, clock) == [("arrived", "x/a.jpg")]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")
def test_what_is_mounted_over_hides_but_takes_nothing(walked: Walked, clock: FakeClock) -> None:
    """A disk comes to lie over a folder of the source, and leaves again: nothing below it is gone, it is told, all else goes on."""
    over = str(walked.root / "x/y")
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", over], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        (walked.root / "b.jpg").unlink()
        assert looks(walked, clock, 5) == [("gone", "b.jpg")]
        assert any("is another file system mounted here" in one for one in walked.source.notes)
    finally:
        subprocess.run(["umount", over], check=True)
    assert looks(walked, clock, 5) == []
    assert not walked.source.notes or "mounted" not in walked.source.notes[0]
    (walked.root / "x/y/a.jpg").unlink()
    assert looks(walked, clock, 5) == [("gone", "x/y/a.jpg")]


def change(root: Path, draw: random.Random) -> None:
    """One thing that people do."""
    folders = [Path(one) for one, _, _ in os.walk(root)]
    files = [one for one in root.rglob("*") if one.is_file()]
    folder = draw.choice(folders)
    kind = draw.choice(("new", "new", "new", "write", "remove", "move", "folder", "tree", "litter", "touch"))
    if kind == "new":
        (folder / f"{draw.randrange(20)}.jpg").write_bytes(draw.randbytes(8))
    elif kind == "litter":
        (folder / ".hidden.part").write_bytes(draw.randbytes(3))
    elif kind == "folder":
        (folder / f"d{draw.randrange(4)}").mkdir(exist_ok=True)
    elif kind == "tree" and folder != root:
        shutil.move(folder, root / f"t{draw.randrange(99)}") if draw.random() < 0.7 else shutil.rmtree(folder)
    elif kind == "write" and files:
        draw.choice(files).write_bytes(draw.randbytes(8))
    elif kind == "remove" and files:
        draw.choice(files).unlink()
    elif kind == "move" and files:
        os.replace(draw.choice(files), folder / f"{draw.randrange(20)}.jpg")
    elif kind == "touch" and files:
        os.utime(draw.choice(files), ns=(draw.randrange(10**18), draw.randrange(10**18)))


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_what_a_walk_finds_that_compares_everything(
    tmp_path: Path, context: Context, clock: FakeClock, seed: int
) -> None:
    """Random changes, looks, failures to keep and deeds of others: the same events, the same memory, at every look."""
    draw = random.Random(seed)
    root = tmp_path / "in"
    root.mkdir()
    for number in range(200):
        (root / f"still{number}.jpg").write_bytes(b"still")  # so many that no loss is a landslide
    both = [Walked(root, context, clock), Walked(root, context, clock, forgetful=True)]
    for _ in range(40):
        for _ in range(draw.choice((0, 0, 1, 3))):
            change(root, draw)
        if draw.random() < 0.1:
            some = [one.path for one in both[0].memory.all()]
            forgotten = Batch(forget=(draw.choice(some),)) if some else Batch()
            for one in both:
                one.memory.commit(forgotten, ())
        quick, slow = (one.look() for one in both)
        assert quick == slow
        clock.advance(draw.choice((6, 61, 61)))
    assert looks(both[0], clock) == looks(both[1], clock)
    assert [(one.path, one.rev, one.state) for one in both[0].memory.all()] == [
        (one.path, one.rev, one.state) for one in both[1].memory.all()
    ]
