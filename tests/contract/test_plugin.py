"""A third party's package keeps the contracts as albumen's own do: the source and the handler that the README shows."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.errors import Unavailable
from albumen.model import DISK, Item, Ref
from albumen.owners import Owners
from albumen.plugins import Context, fault
from albumen.ports import Handler, Source
from albumen.stores.disk import DiskStore
from albumen.testing import MemoryMemory, MemoryRun
from albumen.testing.contracts_handler import Give, HandlerContract
from albumen.testing.contracts_source import SourceContract
from make import plugins, write


class ListedPlace:
    """A folder that a list names."""

    def __init__(self, home: Path) -> None:
        self.root = str(home / "card")
        self.list = home / "ready.list"
        self.list.write_text(f"\n{home}/nothing here\n{self.root}\n{home}/half a li")
        self._owners = Owners(str(home / "state"))
        context = Context(str(home / "state"), self._owners)
        stores = {DISK: DiskStore(context)}
        self._context = Context(context.state, self._owners, stores.__getitem__)

    def put(self, name: str, data: bytes = b"bytes", *, modified: int | None = None) -> None:
        path = write(f"{self.root}/{name}", data)
        if modified is not None:
            os.utime(path, ns=(modified, modified))

    def remove(self, name: str) -> None:
        os.unlink(f"{self.root}/{name}")

    def name(self, ref: Ref) -> str:
        return os.path.relpath("/" + ref.path, os.path.realpath(self.root))

    def source(self) -> Source:
        kind = plugins.module().Ready
        made: Source = kind("ready", kind.Settings(str(self.list)), self._context)
        return made

    def rest(self) -> None:
        """A folder is complete when the list names it."""

    def close(self) -> None:
        self._owners.close()


class TestReadmeSource(SourceContract):
    """What it does not tell is what is gone."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[ListedPlace]:
        place = ListedPlace(tmp_path)
        yield place
        place.close()

    def test_a_list_that_is_gone_closes_it(self, place: ListedPlace) -> None:
        """The reason names the file."""
        place.list.unlink()
        with pytest.raises(Unavailable, match=r"ready\.list: No such file"):
            list(place.source().scan(MemoryMemory()))

    def test_a_line_without_an_end_is_not_read_yet(self, place: ListedPlace, tmp_path: Path) -> None:
        """A script may be writing it."""
        write(f"{tmp_path}/half a li/a.jpg", b"too early")
        assert list(place.source().scan(MemoryMemory())) == []


class TestReadmeHandler(HandlerContract):
    """It tells, and lets everything go on."""

    @pytest.fixture
    def handler(self, run: MemoryRun, tmp_path: Path) -> Iterator[Handler]:
        kind = plugins.module().Stamp
        owners = Owners(str(tmp_path / "state"))
        yield kind("stamp", kind.Settings(), Context(str(tmp_path / "state"), owners, run.stores.__getitem__))
        owners.close()

    @pytest.fixture
    def item(self, run: MemoryRun) -> Give:
        def give(number: int) -> Item:
            return run.arrived(f"card/{number}.jpg", bytes([number]))

        return give

    def test_it_tells_the_file(self, handler: Handler, run: MemoryRun, item: Give) -> None:
        """One line for each."""
        handler(item(7), run)
        assert run.told == [("seen", {"file": "card/7.jpg"})]


def test_its_classes_are_what_they_are_offered_as() -> None:
    """A source and a handler, each made with its settings."""
    made = plugins.module()
    assert (fault("sources", made.Ready), fault("handlers", made.Stamp)) == ("", "")
