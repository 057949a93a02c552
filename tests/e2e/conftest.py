"""Each test has a folder of its own."""

from pathlib import Path

import pytest

from e2e.command import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty folder in which ``albumen`` is called."""
    return Home(tmp_path)
