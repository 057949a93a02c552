"""Whether something stands in the place of urllib3."""

import contextlib
import importlib.metadata
import importlib.util
import os
import pathlib
from importlib.machinery import ModuleSpec

import pytest

from albumen.replaced import replaced

FORK = os.environ.get("ALBUMEN_TEST_FORK") == "1"  # set by `.ci/long fork`, which installs as nobody should


@pytest.mark.skipif(FORK, reason="here the fork was asked for")
def test_the_urllib3_of_what_is_installed_is_the_one_of_that_name() -> None:
    from urllib3 import _version  # what the module itself says

    assert replaced() == ""
    assert _version.version == importlib.metadata.version("urllib3")
    assert importlib.util.find_spec("urllib3_future"), "nc-py-api stands on it: it must be there, beside"


@pytest.mark.skipif(not FORK, reason="the fork is not installed here")
def test_the_fork_is_what_is_installed_where_it_was_asked_for() -> None:
    from urllib3 import _version  # what the module itself says

    assert _version.__version__ == importlib.metadata.version("urllib3-future") != importlib.metadata.version("urllib3")
    assert f"urllib3-future {_version.__version__}, stands in the place of urllib3 " in replaced()


@pytest.mark.parametrize(
    ("meant", "told"),
    [("2.8.0", "stands in the place of urllib3 2.8.0:"), (None, "stands in the place of urllib3:"), ("2.25.904", "")],
)
def test_a_package_that_is_another_one_than_its_name_says_is_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, meant: str | None, told: str
) -> None:
    (tmp_path / "_version.py").write_text('__version__ = "2.25.904"\n')
    spec = ModuleSpec("urllib3", None, is_package=True)
    assert spec.submodule_search_locations is not None
    spec.submodule_search_locations.append(str(tmp_path))

    def version(name: str) -> str:
        if meant is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return meant

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(importlib.metadata, "version", version)
    assert told in replaced()
    assert bool(told) == bool(replaced())


def test_check_warns_of_it(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning: all works all the same."""
    from albumen.config import load
    from albumen.media.gazetteer import Towns
    from albumen.operations import checking
    from albumen.plugins import Plugins

    settings = load(None, {"ALBUMEN_STATE_DIR": str(tmp_path)}, {}, Plugins().kinds())
    monkeypatch.setattr(checking, "replaced", lambda: "a fork, urllib3-future 2.25.904, stands in the place of urllib3 2.8.0")
    with contextlib.closing(Towns(())) as towns:
        found = list(
            checking.findings(settings.__class__(**{**vars(settings), "stores": {}, "sources": {}}), {}, towns, 2 * 10**18)
        )
    (one,) = (finding for finding in found if finding.where == "urllib3")
    assert one.ok
    assert one.text.startswith("warning: a fork")
