"""Sorting by tags on a Nextcloud, killed between any two requests, or with any answer lost or refused: three files, every position; each
lies in its folder once, with its number, bytes and other tags, or where it was with all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from albumen.errors import AlbumenError
from albumen.handlers.move import MoveHandler, MoveSettings
from albumen.model import Batch, BatchId, Item, Owner
from albumen.operations.working import recover
from albumen.owners import Owners
from albumen.pipeline import Step
from albumen.plugins import Context
from albumen.ports import Catalog, Handler, Ledger, Memory, Queue, Store
from albumen.secrets import Secret
from albumen.sources.nextcloud import TaggedSettings, TaggedSource
from albumen.stores.nextcloud.cloud import Cloud
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from albumen.testing import MemoryMemory
from make.lives import Life
from make.remote import HUB, settled
from make.worlds import Fault, InMemory, Killed, jpeg
from servers import nextcloud

FILES = ("a.jpg", "b.jpg", "ä #c.jpg")
FOLDER, ROOT = "ai/_unsorted", "ai/organized"


class CloudWorld(InMemory):
    """``hub`` is a Nextcloud; it outlives every process."""

    def __init__(self, folder: Path, server: nextcloud.Server) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True)
        self.server = server
        self.store = self._made("0")
        for one in FILES:
            server.put("photod", f"{FOLDER}/{one}", jpeg(one), tags=["ai:cats", "holiday"], modified=1_600_000_000)
        server.put("photod", f"{ROOT}/cats/b.jpg", jpeg("another"))
        self.store.establish()
        self.before = server.state("photod")

    def __enter__(self) -> "CloudWorld":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def life(self) -> tuple[Owner, dict[str, Store], Ledger, Catalog]:
        owner, stores, ledger, catalog = super().life()
        self.store.close()
        self.store = self._made(owner[-1])
        return owner, {**stores, HUB: cast("Store", self.store)}, ledger, catalog

    def context(self) -> Context:
        return Context(
            str(self.folder), cast("Owners", SimpleNamespace(me="0")), {HUB: self.store}.__getitem__, clock=lambda: self.now
        )

    def _made(self, owner: str) -> NextcloudStore:
        settings = NextcloudSettings(self.server.url, "photod", Secret("secret"), timeout=20.0)
        return NextcloudStore(HUB, settings, Context(str(self.folder), cast("Owners", SimpleNamespace(me=owner))))


class CloudLife(Life):
    """A daemon with the route ``tagged = [catalog, sort]``, and nothing remembered of the sources."""

    def __init__(self, world: CloudWorld) -> None:
        super().__init__(world, Fault())
        self.world = world
        handler = MoveHandler("sort", MoveSettings(ROOT), world.context())
        self.pipeline.steps = {**self.pipeline.steps, "sort": Step(cast("Handler", handler))}

    def daemon(self) -> BatchId:
        """Start, look once, do all of it."""
        recover(self.engine, self.pipeline, cast("Queue", self.jobs))
        self.jobs.run(self.pipeline)
        batch = self.engine.begin("watch tagged")
        source = TaggedSource("tagged", TaggedSettings(HUB, FOLDER), self.world.context())
        memory = MemoryMemory()
        for found in [*self.looked(source, memory), *self.looked(source, memory)]:
            for event in found.events:
                item = Item(event.item.main, source="tagged", root=FOLDER, batch=batch, tags=event.item.tags)
                self.jobs.put([self.pipeline.job(item, ("catalog", "sort"), batch)])
        self.jobs.put([self.pipeline.closing(batch)])
        self.jobs.run(self.pipeline)
        return batch

    def looked(self, source: TaggedSource, memory: MemoryMemory) -> list[Batch]:
        """One look, kept; then some time passes."""
        batches = []
        for one in source.scan(cast("Memory", memory)):
            memory.commit(one, ())
            batches.append(one)
        self.world.now += 3 * 10**9
        return batches


@contextmanager
def struck(fault: Fault) -> Iterator[None]:
    """Every request of this process goes through the fault."""
    ask, call = Cloud._ask, Cloud._call

    def asking(self: Cloud, method: str, path: str, headers: Any, body: Any, *, folder: bool) -> Any:
        answers: list[Any] = []

        def work() -> Any:
            answers.append(ask(self, method, path, headers, body, folder=folder))
            return answers[0]

        try:
            return fault.call(f"{method} {path}", work)
        except BaseException:
            for one in answers:  # nobody has it
                one.close()
            raise

    def calling(self: Cloud, method: str, work: Any) -> Any:
        return fault.call(method, lambda: call(self, method, work))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cloud, "_ask", asking)
        patch.setattr(Cloud, "_call", calling)
        yield


def is_sorted(world: CloudWorld) -> None:
    """All in its place, nothing twice, nothing lost, no tag lost."""
    wanted = {f"{ROOT}/cats/b.jpg": world.before[f"{ROOT}/cats/b.jpg"]}
    for one in FILES:
        id, size, tags = world.before[f"{FOLDER}/{one}"]
        wanted[f"{ROOT}/cats/{'b_1.jpg' if one == 'b.jpg' else one}"] = (id, size, tuple(tag for tag in tags if tag != "ai:cats"))
    assert world.server.state("photod") == wanted
    placed = {place.path for record in world.catalog.get([*world.catalog._records]).values() for place in record.placements}
    assert placed == wanted.keys() - {f"{ROOT}/cats/b.jpg"}
    settled(cast("Any", world))


def to_the_end(world: CloudWorld, fault: Fault) -> None:
    """Lives until one comes to its end."""
    with struck(fault):
        for _ in range(4):
            try:
                life = CloudLife(world)
                life.daemon()
            except Killed:
                fault.at, fault.dead = 0, False
                continue
            except AlbumenError:  # the look itself failed: the daemon looks again
                continue
            assert life.jobs.buried == []
            return
    raise AssertionError("one fault, and no life comes to its end")


def requests(folder: Path, version: int) -> int:
    with nextcloud.serve(version) as server, CloudWorld(folder, server) as world:
        fault = Fault()
        to_the_end(world, fault)
        is_sorted(world)
        return len(fault.calls)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("version", [34, 28])
def test_sorting_killed_at_any_request(tmp_path: Path, version: int, after: bool) -> None:
    """S1-22, S1-24 (part: killed between any two requests)."""
    for at in range(1, requests(tmp_path / "whole", version) + 1):
        with nextcloud.serve(version) as server, CloudWorld(tmp_path / str(at), server) as world:
            fault = Fault(at, after=after)
            to_the_end(world, fault)
            is_sorted(world)


@pytest.mark.parametrize("at", [*range(14, 44, 5)])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_sorting_killed_at_some_requests(tmp_path: Path, after: bool, at: int) -> None:
    """S1-22, S1-24 (part: killed between some two requests)."""
    with nextcloud.serve(34) as server, CloudWorld(tmp_path / "world", server) as world:
        fault = Fault(at, after=after)
        to_the_end(world, fault)
        is_sorted(world)
        assert len(fault.calls) >= at
