"""Each test has a folder of its own."""

from pathlib import Path

import pytest

from e2e.command import Home


@pytest.fixture
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    """An empty folder in which ``albumen`` is called; a module whose ``SWITCHED`` is False chooses its catalogs itself."""
    return Home(tmp_path, getattr(request.module, "SWITCHED", True))
