from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.stores.local import LocalSettings, LocalStore


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    state = tmp_path / "state"
    state.mkdir()
    owners = Owners(str(state))
    yield Context(str(state), owners)
    owners.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def store(root: Path, context: Context) -> LocalStore:
    return LocalStore("nas", LocalSettings(str(root)), context)
