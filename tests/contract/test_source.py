"""Every source keeps the contract: the folder of this machine, with and without events, and a list in memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.model import Ref
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.sources import watching
from albumen.sources.local import LocalSource
from albumen.testing.clock import FakeClock
from albumen.testing.contracts_source import GoneContract, SettlingContract, SourceContract
from albumen.testing.sources import MemorySource


class ListPlace:
    """A list in memory."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._count = 0

    def put(self, name: str, data: bytes = b"bytes", *, modified: int | None = None) -> None:
        self._count += 1
        self.files[name] = f"r{self._count}"

    def remove(self, name: str) -> None:
        del self.files[name]

    def name(self, ref: Ref) -> str:
        return ref.path

    def source(self) -> MemorySource:
        source = MemorySource("list")
        source.files = self.files
        return source

    def rest(self) -> None:
        """Nothing settles here."""


class FolderPlace:
    """A folder; time passes when a test says so."""

    def __init__(self, root: str, state: str) -> None:
        self.root = root
        self.clock = FakeClock()
        self._owners = Owners(state)
        self._context = Context(state, self._owners, clock=self.clock)
        self._made: list[LocalSource] = []

    def put(self, name: str, data: bytes = b"bytes", *, modified: int | None = None) -> None:
        path = f"{self.root}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        if modified is not None:
            os.utime(path, ns=(modified, modified))

    def grow(self, name: str) -> None:
        with open(f"{self.root}/{name}", "ab") as file:
            file.write(b"more")

    def remove(self, name: str) -> None:
        os.unlink(f"{self.root}/{name}")

    def name(self, ref: Ref) -> str:
        return os.path.relpath("/" + ref.path, os.path.realpath(self.root))

    def source(self) -> LocalSource:
        settings = LocalSource.Settings(path=self.root, every=60.0)
        alone = lambda names: ((name, ()) for name in names)  # noqa: E731  # every file an item of its own
        source = LocalSource("folder", settings, self._context, monotonic=lambda: self.clock.seconds, group=alone)
        self._made.append(source)
        return source

    def rest(self) -> None:
        self.clock.advance(61)

    def blink(self) -> None:
        self.clock.advance(3)

    def close(self) -> None:
        for source in self._made:
            source.close()
        self._owners.close()


class TestMemorySource(SourceContract, GoneContract):
    """A list in memory."""

    @pytest.fixture
    def place(self) -> ListPlace:
        return ListPlace()


class TestLocalSource(SourceContract, GoneContract, SettlingContract):
    """A folder, with the events this machine gives."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[FolderPlace]:
        os.mkdir(tmp_path / "in")
        place = FolderPlace(str(tmp_path / "in"), str(tmp_path / "state"))
        yield place
        place.close()

    @pytest.fixture
    def growing(self, place: FolderPlace) -> FolderPlace:
        return place


class TestBlindLocalSource(TestLocalSource):
    """A folder where no event ever comes: the walk finds the same."""

    @pytest.fixture(autouse=True)
    def _no_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "watch", lambda *_, **__: None)
