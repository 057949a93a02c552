"""Which missing files of a store are told, when they are told no more, and that asking changes nothing in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.errors import Unavailable
from albumen.model import REFUSED, Placement, Refused
from albumen.operations.census import ASKED, acknowledge, census, look, missing, recount
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.stores.local import LocalSettings, LocalStore
from albumen.testing import MemoryCatalog, MemoryQueue
from albumen.testing.records import a_record

NOW = 1_700_000_000_000_000_000


class World:
    """A library of small files that the catalog knows."""

    def __init__(self, base: Path, owners: Owners, files: int) -> None:
        self.root = base / "library"
        self.catalog = MemoryCatalog()
        self.queue = MemoryQueue()
        self.store = LocalStore("nas", LocalSettings(str(self.root), floor=0), Context(str(base / "state"), owners))
        self.store.establish()
        self.names = [f"{number % 7}/{number:04}.jpg" for number in range(files)]
        for name in self.names:
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x")
        self.catalog.put([replace(a_record(n), placements=(Placement("nas", name),)) for n, name in enumerate(self.names)])

    def look(self) -> Refused | None:
        return look(self.catalog, self.store, self.queue, NOW)

    def lose(self, *names: str) -> None:
        for name in names:
            (self.root / name).unlink()


@pytest.fixture
def owners(tmp_path: Path) -> Iterator[Owners]:
    with closing(Owners(str(tmp_path / "state"))) as owners:
        yield owners


@pytest.fixture
def world(tmp_path: Path, owners: Owners) -> World:
    return World(tmp_path, owners, 40)


def test_a_few_missing_files_are_nobodys_accident(world: World) -> None:
    world.lose(*world.names[:20])
    assert world.look() is None
    assert world.queue.scratch(REFUSED).all() == {}


def test_too_many_are_refused_until_they_are_back(world: World) -> None:
    """With names and numbers; the same accident keeps its id, also when some are back; the store is not touched."""
    lost = world.names[:21]
    kept = {name: (world.root / name).read_bytes() for name in lost}
    world.lose(*lost)
    refused = world.look()
    assert refused is not None
    assert (refused.place, refused.total, refused.at) == ("store nas", 21, NOW)
    assert refused.why.startswith(
        "21 of 40 files that the catalog knows there are missing (0/0000.jpg, 0/0007.jpg, 0/0014.jpg, …)"
    )
    assert look(world.catalog, world.store, world.queue, NOW + 5) == refused
    (world.root / world.names[22]).unlink()
    more = world.look()
    assert more is not None
    assert (more.total, more.id == refused.id) == (22, False)
    for name in lost:
        (world.root / name).write_bytes(kept[name])
    recount(world.catalog, {"nas": world.store}, world.queue, NOW)
    assert world.queue.scratch(REFUSED).all() == {}


def test_what_a_person_knows_is_not_told_again_but_what_is_missing_beyond_is(world: World) -> None:
    """Exactly what was shown: one that was put back before the answer is not meant by it."""
    world.lose(*world.names[:22])
    refused = world.look()
    assert refused is not None
    (world.root / world.names[0]).write_bytes(b"x")
    shown = missing(world.catalog, world.store, world.queue, refused)
    assert set(shown) == set(world.names[1:22])
    assert not acknowledge(world.queue, replace(refused, id="000000"), shown)
    assert acknowledge(world.queue, refused, shown)
    assert world.look() is None
    assert census(world.catalog, {"nas": world.store}, world.queue, NOW) is None
    world.lose(world.names[0], *world.names[22:31])
    more = world.look()
    assert more is not None
    assert more.total == 10
    assert more.why.startswith("10 of 19 files")
    assert len(world.catalog.get([a_record(n).id for n in range(40)])) == 40


def test_a_large_collection_is_asked_by_a_sample(tmp_path: Path, owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is well no more than the sample is looked at; when the sample says that a tenth is missing, all are counted."""
    world = World(tmp_path, owners, 3 * ASKED)
    asked = []
    real = LocalStore.stat
    monkeypatch.setattr(LocalStore, "stat", lambda store, path: asked.append(path) or real(store, path))  # type: ignore[func-returns-value]
    assert world.look() is None
    assert len(asked) == ASKED
    world.lose(*world.names[: 2 * ASKED])
    refused = world.look()
    assert refused is not None
    assert refused.total == 2 * ASKED


def test_a_store_that_is_away_is_left_as_it_was_found(world: World) -> None:
    """Unmounted is another accident: its circuit tells it."""
    world.lose(*world.names[:30])
    refused = world.look()
    shutil.move(world.root, world.root.with_name("away"))
    os.mkdir(world.root)
    with pytest.raises(Unavailable):
        world.look()
    assert census(world.catalog, {"nas": world.store}, world.queue, NOW) is None
    recount(world.catalog, {"nas": world.store}, world.queue, NOW)
    assert list(world.queue.scratch(REFUSED).all()) == ["store nas"]
    assert refused is not None
    assert os.listdir(world.root) == []
