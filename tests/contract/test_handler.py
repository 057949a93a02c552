"""Every handler keeps the contract: both of albumen's own, on pictures that stay and on pictures that are taken away."""

from pathlib import Path

import pytest

from albumen.handlers.catalog import CatalogHandler
from albumen.handlers.file import FileHandler
from albumen.model import Item
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.testing import MemoryRun
from albumen.testing.contracts_handler import Give, HandlerContract
from make import jpeg_bytes


def catalog_handler(folder: Path) -> CatalogHandler:
    return CatalogHandler("catalog", CatalogHandler.Settings(), Context(str(folder), Owners(str(folder))))


class TestCatalogHandler(HandlerContract):
    """Pictures of different content and the same date."""

    @pytest.fixture
    def handler(self, tmp_path: Path) -> CatalogHandler:
        return catalog_handler(tmp_path)

    @pytest.fixture
    def item(self, run: MemoryRun) -> Give:
        def give(number: int) -> Item:
            data = jpeg_bytes(when="2021:07:01 00:30:00", colour=(10 * number, 100, 100))
            return run.arrived(f"card/{number}.jpg", data)

        return give


class TestFileHandler(HandlerContract):
    """Pictures that ``catalog`` has looked into; they stay where they are."""

    move = False

    @pytest.fixture
    def handler(self, tmp_path: Path) -> FileHandler:
        return FileHandler("file", FileHandler.Settings(), Context(str(tmp_path), Owners(str(tmp_path))))

    @pytest.fixture
    def item(self, run: MemoryRun, tmp_path: Path) -> Give:
        def give(number: int) -> Item:
            data = jpeg_bytes(when=f"2021:07:01 00:30:0{number}", colour=(10 * number, 100, 100))
            (known,) = catalog_handler(tmp_path)(run.arrived(f"card/{number}.jpg", data, move=self.move), run)
            return known

        return give


class TestMovingFileHandler(TestFileHandler):
    """The same, taken away from where they were."""

    move = True
