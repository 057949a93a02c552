"""A server's store beside card and library, and two steps that work there: one doubles raw files, one sorts by tags."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from albumen.model import BatchId, Deed, DeedState, Item, Made, Owner, Query, Wish
from albumen.operations.working import recover
from albumen.pipeline import Step
from albumen.ports import Catalog, Handler, Ledger, Queue, Run, Store, Tags
from albumen.testing import MemoryStore, NoMoveStore, RemoteStore
from make.lives import Life, all_deeds
from make.worlds import LIBRARY, Fault, InMemory, facts_of, jpeg

HUB = "hub"
RAW, UNSORTED, SORTED = "ai/_raw", "ai/_unsorted", "ai/organized"


class World(InMemory):
    """``hub`` is the server's store."""

    def __init__(self, folder: Path, hub: NoMoveStore) -> None:
        super().__init__(folder)
        self.hub = hub

    def life(self) -> tuple[Owner, dict[str, Store], Ledger, Catalog]:
        owner, stores, ledger, catalog = super().life()
        return owner, {**stores, HUB: cast("Store", self.hub)}, ledger, catalog

    def drop(self, *names: str) -> None:
        """What a person does: raw files."""
        for one in names:
            self.hub.write(f"{RAW}/{one}", jpeg(f"raw {one}"))

    def far(self) -> dict[str, bytes]:
        """The server's files, with one name for every batch in the trash."""
        return {"/".join("BATCH" if part[:1] == "b" and part[1:].isdigit() else part for part in path.split("/")): data
                for path, data in self.hub.tree().items()}  # fmt: skip

    def tagged(self) -> dict[str, list[str]]:
        """Tags by path."""
        assert isinstance(self.hub, Tags)
        return {path: list(found) for path in self.hub.tree() if (found := self.hub.tags(path))}


def remote(*, keeps_rev: bool = True) -> RemoteStore:
    """A server that moves files and has tags."""
    return RemoteStore(HUB, keeps_rev=keeps_rev)


def plain() -> NoMoveStore:
    """A server that can do nothing but what every store can."""
    return NoMoveStore(HUB)


def near() -> MemoryStore:
    """A store with every ability."""
    return MemoryStore(HUB)


@dataclass
class Doubles:
    """A step: the bytes twice, in a new file. ``salt`` is what an encoder does otherwise in every life."""

    salt: bytes = b""
    after: str = "trash"
    name: str = "double"
    lane: str = "cpu"
    made: int = 0

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        wish = Wish(self.name, HUB, UNSORTED, f"double {item.main.name}", self.after)  # type: ignore[arg-type]
        with run.folder() as folder:
            return [run.deeds.derive(item, wish, lambda: self._make(item, run, folder))]

    def _make(self, item: Item, run: Run, folder: Path) -> Made:
        self.made += 1
        target = folder / "made.jpg"
        target.write_bytes(run.local(item).read_bytes() * 2 + self.salt)
        return Made(str(target), facts_of(target.read_bytes()[:64], target.name))


@dataclass
class Sorts:
    """A step: to the folder that the tag names."""

    name: str = "sort"
    lane: str = "io"

    def __call__(self, item: Item, run: Run) -> Sequence[Item]:
        if (moved := run.deeds.resume(item)) is not None:
            return [moved]
        store = run.store(item.main.store)
        assert isinstance(store, Tags)
        wanted = [one for one in store.tags(item.main.path) if one.startswith("ai:")]
        if not wanted:
            return []
        return [run.deeds.relocate(item, f"{SORTED}/{wanted[0][3:]}", untag=wanted[:1])]


class FarLife(Life):
    """A daemon with the routes ``raw = [catalog, double]`` and ``tagged = [catalog, sort]``."""

    def __init__(self, world: World, fault: Fault, *, after: str = "trash", salt: bytes = b"") -> None:
        super().__init__(world, fault)
        self.world = world
        self.doubles = Doubles(salt, after)
        steps = {"double": self.doubles, "sort": Sorts()}
        self.pipeline.steps = {**self.pipeline.steps, **{name: Step(cast("Handler", one)) for name, one in steps.items()}}

    def daemon(self, source: str) -> BatchId:
        """Start, look once at ``raw`` or ``tagged``, do all of it."""
        recover(self.engine, self.pipeline, cast("Queue", self.jobs))
        self.jobs.run(self.pipeline)
        batch = self.engine.begin(f"watch {source}")
        step = {"raw": "double", "tagged": "sort"}[source]
        for item in self.look(source):
            self.jobs.put([self.pipeline.job(Item(item.main, source=source, batch=batch), ("catalog", step), batch)])
        self.jobs.put([self.pipeline.closing(batch)])
        self.jobs.run(self.pipeline)
        return batch

    def look(self, source: str) -> list[Item]:
        """What lies there."""
        store = self.stores[HUB]
        found = sorted(store.list(RAW if source == "raw" else UNSORTED), key=lambda one: one.main.path)
        if source == "raw":
            return found
        assert isinstance(store, Tags)
        return [one for one in found if any(tag.startswith("ai:") for tag in store.tags(one.main.path))]


def settled(world: World) -> list[Deed]:
    """Every deed; none is open, nor any batch."""
    deeds = all_deeds(world.ledger)
    assert [one for one in deeds if one.state in (DeedState.planned, DeedState.intended)] == []
    assert [one.what for one in world.ledger.batches(open=True).rows] == []
    return deeds


def known(world: World) -> dict[str, tuple[str, bool]]:
    """By placement in the server's store: the record's name, and whether it says what it was made of."""
    rows = world.catalog.find(Query(companions=True), limit=1000).rows
    return {place.path: (one.name, bool(one.derived_from)) for one in rows for place in one.placements if place.store == HUB}


__all__ = [
    "HUB",
    "LIBRARY",
    "RAW",
    "SORTED",
    "UNSORTED",
    "Doubles",
    "FarLife",
    "Sorts",
    "World",
    "known",
    "near",
    "plain",
    "remote",
    "settled",
]
