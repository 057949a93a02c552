"""Each test has a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command import Home
from servers import switch


@pytest.fixture
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    """An empty folder in which ``albumen`` is called; a module whose ``SWITCHED`` is False chooses its catalogs itself."""
    made = Home(tmp_path, getattr(request.module, "SWITCHED", True))
    yield made
    if made.switched:
        switch.forget(made.path)
