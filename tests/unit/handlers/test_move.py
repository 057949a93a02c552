"""``move``: to the folder that the tag names."""

import dataclasses
from pathlib import Path
from typing import Any, cast

import pytest

from albumen.errors import Changed, Rejected, SetAside
from albumen.handlers.catalog import CatalogHandler
from albumen.handlers.move import MoveHandler, MoveSettings
from albumen.model import Item
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Ledger
from albumen.testing import MemoryRun, RemoteStore
from albumen.testing.contracts_handler import Give, HandlerContract
from make import jpeg_bytes

ROOT = "ai/organized"


class HubRun(MemoryRun):
    """With a store that has tags."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hub = RemoteStore("hub")
        cast("dict[str, Any]", self.stores)["hub"] = self.hub

    def tagged(self, name: str, number: int, *tags: str) -> Item:
        """A picture in the hub, as its source found it and ``catalog`` read it."""
        data = jpeg_bytes(when=f"2021:07:01 00:30:{number % 60:02}", colour=(10 * (number % 20), number, 100))
        path = f"ai/unsorted/{name}"
        self.hub.write(path, data)
        for one in tags:
            self.hub.assign(path, one)
        mine = tuple(sorted(one for one in tags if one.startswith("ai:")))
        item = Item(self.hub.stat(path).main, source="tagged", root="ai/unsorted", batch=self.batch(), tags=mine)
        (known,) = CatalogHandler("catalog", CatalogHandler.Settings(), cast("Context", _Nothing()))(item, self)
        return known

    def batch(self) -> str:
        ledger: Ledger = self.ledger
        return ledger.begin("watch tagged", "test")


class _Nothing:
    clock = None


@pytest.fixture
def run(tmp_path: Path) -> HubRun:
    return HubRun(tmp_path / "spool")


def mover(tmp_path: Path, root: str = ROOT, parent: str = "") -> MoveHandler:
    return MoveHandler("sort", MoveSettings(root, parent), Context(str(tmp_path), Owners(str(tmp_path))))


class TestMoveHandler(HandlerContract):
    """Files that are tagged."""

    @pytest.fixture
    def handler(self, tmp_path: Path) -> MoveHandler:
        return mover(tmp_path)

    @pytest.fixture
    def run(self, tmp_path: Path) -> HubRun:
        return HubRun(tmp_path / "spool")

    @pytest.fixture
    def item(self, run: HubRun) -> Give:
        return lambda number: run.tagged(f"{number}.jpg", number, "ai:cats", "holiday")


def test_it_lies_in_the_folder_of_its_tag_and_keeps_its_other_tags(run: HubRun, tmp_path: Path) -> None:
    """S1-21, S1-24."""
    (now,) = mover(tmp_path)(run.tagged("a.jpg", 1, "ai:Bär 🐻", "holiday"), run)
    assert now.main.path == f"{ROOT}/Bär 🐻/a.jpg"
    assert list(run.hub.tree()) == [now.main.path]
    assert run.hub.tags(now.main.path) == ["holiday"]


def test_of_several_tags_the_first_by_name_counts_and_the_others_are_told(run: HubRun, tmp_path: Path) -> None:
    """S1-20."""
    (now,) = mover(tmp_path)(run.tagged("a.jpg", 1, "ai:dogs", "ai:cats", "ai:zoo"), run)
    assert now.main.path == f"{ROOT}/cats/a.jpg"
    assert run.hub.tags(now.main.path) == ["ai:dogs", "ai:zoo"]
    assert ("several tags", "ai:cats", ["ai:dogs", "ai:zoo"]) in [
        (what, fields.get("used"), fields.get("kept")) for what, fields in run.told
    ]
    again = mover(tmp_path)(dataclasses.replace(now, tags=("ai:dogs", "ai:zoo")), run)
    assert [one.main.path for one in again] in ([], [now.main.path])
    assert list(run.hub.tree()) == [f"{ROOT}/cats/a.jpg"]


def test_the_tags_of_now_count_not_those_of_when_it_was_found(run: HubRun, tmp_path: Path) -> None:
    item = run.tagged("a.jpg", 1, "ai:cats")
    run.hub.unassign("ai/unsorted/a.jpg", "ai:cats")
    with pytest.raises(Changed):  # its source looks at it anew
        mover(tmp_path)(item, run)
    run.hub.assign("ai/unsorted/a.jpg", "ai:dogs")
    (now,) = mover(tmp_path)(item, run)
    assert now.main.path == f"{ROOT}/dogs/a.jpg"


@pytest.mark.parametrize("root", ["ai", "ai/unsorted"])
def test_a_source_in_the_folder_of_the_categories(run: HubRun, tmp_path: Path, root: str) -> None:
    (now,) = mover(tmp_path, root)(run.tagged("a.jpg", 1, "ai:cats"), run)
    assert now.main.path == f"{root}/cats/a.jpg"
    sub = run.tagged("sub/b.jpg", 2, "ai:cats")
    assert [one.main.path for one in mover(tmp_path, root)(sub, run)] == ([f"{root}/cats/b.jpg"] if root == "ai" else [])


def test_a_category_that_is_the_source_s_own_folder(run: HubRun, tmp_path: Path) -> None:
    assert mover(tmp_path, "ai")(run.tagged("a.jpg", 1, "ai:unsorted"), run) == []
    assert list(run.hub.tree()) == ["ai/unsorted/a.jpg"]


def test_a_root_is_meant_as_servers_with_tags_write_it(run: HubRun, tmp_path: Path) -> None:
    (now,) = mover(tmp_path, "ai/u\u0308ber")(run.tagged("a.jpg", 1, "ai:cats"), run)
    assert now.main.path == "ai/\u00fcber/cats/a.jpg"


def test_a_taken_name_gets_a_number_and_equal_content_stays(run: HubRun, tmp_path: Path) -> None:
    """S1-23."""
    run.hub.write(f"{ROOT}/cats/a.jpg", b"another")
    (now,) = mover(tmp_path)(run.tagged("a.jpg", 1, "ai:cats"), run)
    assert now.main.path == f"{ROOT}/cats/a_1.jpg"
    equal = run.tagged("a_1.jpg", 1, "ai:cats")
    with pytest.raises(SetAside, match="very same content"):
        mover(tmp_path)(equal, run)
    assert run.hub.tags("ai/unsorted/a_1.jpg") == ["ai:cats"]


@pytest.mark.parametrize("tag", ["ai:..", "ai:", "ai:a/b"])
def test_a_tag_that_can_be_no_folder_is_refused(run: HubRun, tmp_path: Path, tag: str) -> None:
    """S1-21 (part: refused and told)."""
    item = run.tagged("a.jpg", 1, tag)
    with pytest.raises(Rejected, match="the tag"):
        mover(tmp_path)(item, run)
    assert list(run.hub.tree()) == ["ai/unsorted/a.jpg"]


def test_the_parent_may_be_said_by_the_step(run: HubRun, tmp_path: Path) -> None:
    item = run.tagged("a.jpg", 1, "family:Anna", "ai:cats")
    (now,) = mover(tmp_path, "/people/", "family:")(dataclasses.replace(item, tags=()), run)
    assert now.main.path == "people/Anna/a.jpg"
    with pytest.raises(Rejected, match="parent_tag"):
        mover(tmp_path)(dataclasses.replace(run.tagged("b.jpg", 2, "ai:cats"), tags=()), run)


def test_a_store_without_tags_is_refused(run: HubRun, tmp_path: Path) -> None:
    class Plain(MemoryRun):
        pass

    other = Plain(tmp_path / "spool2")
    item = other.arrived("card/a.jpg", jpeg_bytes(when="2021:07:01 00:30:00"))
    with pytest.raises(Rejected):
        mover(tmp_path, parent="ai")(item, other)


@pytest.mark.parametrize(("root", "parent"), [("a/../b", ""), ("..", ""), ("a", "x:y")])
def test_settings_that_cannot_be_meant_are_refused(root: str, parent: str) -> None:
    with pytest.raises(ValueError, match=r"root|parent_tag"):
        MoveSettings(root, parent)
