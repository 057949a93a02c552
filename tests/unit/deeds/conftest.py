from pathlib import Path

import pytest

from make.lives import Life
from make.worlds import Fault, InMemory


@pytest.fixture
def ground(tmp_path: Path) -> InMemory:
    return InMemory(tmp_path)


@pytest.fixture
def life(ground: InMemory) -> Life:
    return Life(ground, Fault())
