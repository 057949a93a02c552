"""The switch of a test run: ``ALBUMEN_TEST_CATALOG=elasticsearch`` gives every ``albumen`` that tests start, and each world on the disk, a
catalog on Elasticsearch.

One node serves all tests of a run; each home of a test has an index of its own there, for as long as the test lasts. Without the
switch nothing is started.
"""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers import elastic

__all__ = ["about_the_file", "embedded_only", "environment", "forget", "is_on", "place", "running", "section"]

SWITCH = "ALBUMEN_TEST_CATALOG"
_URL = "ALBUMEN_TEST_CATALOG_URL"  # of the node, while it runs


def is_on() -> bool:
    """Whether tests run on Elasticsearch."""
    chosen = os.environ.get(SWITCH, "sqlite")
    if chosen not in ("sqlite", "elasticsearch"):
        raise ValueError(f"{SWITCH}={chosen}: must be sqlite or elasticsearch")
    return chosen == "elasticsearch"


def about_the_file() -> pytest.MarkDecorator:
    """A test of the SQLite file itself: it says nothing about another catalog."""
    return pytest.mark.skipif(is_on(), reason="about the SQLite file of the catalog")


def embedded_only() -> pytest.MarkDecorator:
    """A test that nothing needs a network: a catalog on a server does."""
    return pytest.mark.skipif(is_on(), reason="a catalog on a server needs a network")


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """The node, if the switch is on, and if nobody else started one for us."""
    if not is_on() or _URL in os.environ:
        yield
        return
    with elastic.server(folder, heap="600m") as url:
        os.environ[_URL] = url
        try:
            yield
        finally:
            del os.environ[_URL]


def environment(home: str | Path) -> Mapping[str, str]:
    """The settings of a catalog for everything that is called in this folder; none with the switch off."""
    there = place(home)
    if there is None:
        return {}
    return {"ALBUMEN_CATALOG_TYPE": "elasticsearch", "ALBUMEN_CATALOG_URLS": there[0], "ALBUMEN_CATALOG_INDEX": there[1]}


def place(home: str | Path) -> tuple[str, str] | None:
    """The address and the index of the catalog of this folder; None with the switch off."""
    return (os.environ[_URL], elastic.index_of(home)) if is_on() else None


def forget(home: str | Path) -> None:
    """The catalog of that folder is gone."""
    if is_on():
        node = elastic.Node(Path(home), port=int(os.environ[_URL].rpartition(":")[2]))
        for name in node.ask("GET", f"/{elastic.index_of(home)}*"):
            node.ask("DELETE", f"/{name}")


def section() -> str:
    """The same as lines of a settings file, with an index that nobody has used."""
    if not is_on():
        return ""
    return f'[catalog]\ntype = "elasticsearch"\nurls = ["{os.environ[_URL]}"]\nindex = "test-{uuid.uuid4().hex[:20]}"\n'
