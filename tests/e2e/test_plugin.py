"""A package of a third party: built and installed beside albumen as its author would, run from the settings; broken ones harm nobody."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from make import jpeg, plugins

_SETTINGS = """
[state]
dir = "state"
[library]
store = "nas"
[store.nas]
type = "local"
root = "library"
floor = 0
[log]
format = "json"
"""


def albumen(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in the folder of ``site``, beside what is installed there."""
    env = {name: text for name, text in os.environ.items() if not name.startswith(("ALBUMEN_", "LOGGER_"))}
    return subprocess.run(
        [sys.executable, "-m", "albumen", *words],
        cwd=site.parent,
        env=env | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def states(site: Path, package: str) -> Mapping[tuple[str, str], tuple[str, str]]:
    """What ``albumen plugins`` says of one package."""
    lines = [json.loads(line) for line in albumen(site, "plugins", "--json").stdout.splitlines()]
    return {(one["group"], one["name"]): (one["state"], one.get("why", "")) for one in lines if one["package"] == package}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The README's package, built and installed into a folder of its own, without a network."""
    home = tmp_path_factory.mktemp("plugin")
    package = home / "package"
    package.mkdir()
    for name, text in plugins.example().items():
        (package / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    made = subprocess.run([*pip, "--target", str(home / "site"), str(package)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return home / "site"


@pytest.fixture
def home(site: Path, tmp_path: Path) -> Path:
    """A folder with settings in which the package may be used; the settings of the README follow them."""
    os.symlink(site, tmp_path / "site")
    used = plugins.settings().replace("/srv/ready.list", "ready.list")
    assert used != plugins.settings()
    (tmp_path / "albumen.toml").write_text(_SETTINGS + used)
    return tmp_path


def filed(home: Path) -> list[str]:
    """What lies in the library."""
    found = (one.relative_to(home / "library") for one in (home / "library").rglob("*.jpg"))
    return sorted(str(one) for one in found if one.parts[0] != ".albumen")


def test_the_package_in_the_readme_is_short() -> None:
    """One module of at most 30 lines that hold something, one source and one handler."""
    files = plugins.example()
    assert set(files) == {"pyproject.toml", "ready.py"}
    assert sum(bool(line.strip()) for line in files["ready.py"].splitlines()[1:]) <= 30
    offers = re.findall(r'\[project\.entry-points\."albumen\.(\w+)"\]\n\w+ = ', files["pyproject.toml"])
    assert offers == ["sources", "handlers"]


def test_it_runs_from_the_settings(home: Path) -> None:
    """Its source offers pictures, albumen files them, its handler is told of each as it lies in the library; once."""
    card = home / "card"
    jpeg(str(card / "one.jpg"), when="2021:07:15 14:30:05")
    jpeg(str(card / "deep" / "two.jpg"), when="2022:01:02 03:04:05", colour=(1, 2, 3))
    jpeg(str(home / "other" / "three.jpg"), when="2023:01:02 03:04:05", colour=(4, 5, 6))
    (home / "ready.list").write_text(f"{card}\n")
    first = albumen(home / "site", "run", "--idle-exit", "2")
    assert first.returncode == 0, first.stderr
    wanted = ["2021/07_July/2021-07-15 14-30-05.jpg", "2022/01_January/2022-01-02 03-04-05.jpg"]
    assert filed(home) == wanted
    told = [one["file"] for one in map(json.loads, first.stderr.splitlines()) if one["event"] == "seen"]
    assert sorted(told) == wanted
    assert (card / "one.jpg").exists()
    second = albumen(home / "site", "run", "--idle-exit", "1")
    assert second.returncode == 0
    assert '"seen"' not in second.stderr
    assert filed(home) == wanted


def test_what_it_takes_in_is_a_batch_that_can_be_undone(home: Path) -> None:
    """A third party's source is as safe as albumen's own: each look is a batch in the ledger."""
    jpeg(str(home / "card" / "one.jpg"), when="2021:07:15 14:30:05")
    (home / "ready.list").write_text(f"{home}/card\n")
    assert albumen(home / "site", "run", "--idle-exit", "1").returncode == 0
    assert "watch cards" in albumen(home / "site", "log").stdout
    undone = albumen(home / "site", "undo", "last")
    assert undone.returncode == 0, undone.stderr
    assert filed(home) == []
    assert (home / "card" / "one.jpg").exists()


def test_plugins_lists_it(home: Path) -> None:
    """Both classes, with the package that brings them."""
    assert states(home / "site", "ready") == {("sources", "ready"): ("ok", ""), ("handlers", "stamp"): ("ok", "")}
    assert albumen(home / "site", "plugins").returncode == 0


_BROKEN = {
    "import": ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    "settings": ("class Bad:\n    lane = 'io'\n    def __call__(self, item, run): return [item]\n", "Settings"),
    "signature": (
        "from dataclasses import dataclass\nclass Bad:\n    @dataclass(frozen=True)\n    class Settings: ...\n"
        "    def __init__(self): ...\n    def __call__(self, item, run): return [item]\n",
        "cannot be called as Bad(name, settings, context)",
    ),
}


@pytest.mark.parametrize("kind", _BROKEN)
def test_a_broken_one_is_shown_and_harms_nobody(tmp_path: Path, kind: str) -> None:
    """`plugins` names it with the reason and exits with 1; import and the daemon work beside it."""
    text, why = _BROKEN[kind]
    plugins.installed(tmp_path / "site", f"bad_{kind}", text, f"[albumen.handlers]\nbad = bad_{kind}:Bad\n")
    (tmp_path / "albumen.toml").write_text(
        _SETTINGS
        + '[source.in]\ntype = "local"\npath = "in"\nsettle = 0.1\n[[route]]\nfrom = "in"\nsteps = ["catalog", "file"]\n'
    )
    jpeg(str(tmp_path / "in" / "one.jpg"), when="2021:07:15 14:30:05")
    jpeg(str(tmp_path / "card" / "two.jpg"), when="2022:01:02 03:04:05", colour=(1, 2, 3))
    shown = albumen(tmp_path / "site", "plugins")
    (line,) = (one for one in shown.stdout.splitlines() if f"bad_{kind}" in one)
    assert shown.returncode == 1
    assert re.match(r"handlers +bad +broken ", line)
    assert why in line
    assert albumen(tmp_path / "site", "import", "card").returncode == 0
    assert albumen(tmp_path / "site", "run", "--idle-exit", "2").returncode == 0
    assert filed(tmp_path) == ["2021/07_July/2021-07-15 14-30-05.jpg", "2022/01_January/2022-01-02 03-04-05.jpg"]


def test_a_broken_one_that_the_settings_use_is_told_in_one_line(tmp_path: Path) -> None:
    """The daemon does not begin half of a route: exit status 2, with the reason and where it is used."""
    plugins.installed(tmp_path / "site", "bad_used", "1/0\n", "[albumen.handlers]\nbad = bad_used:Bad\n")
    (tmp_path / "albumen.toml").write_text(
        _SETTINGS + '[source.in]\ntype = "local"\npath = "in"\n[[route]]\nfrom = "in"\nsteps = ["catalog", "bad", "file"]\n'
    )
    run = albumen(tmp_path / "site", "run", "--idle-exit", "1")
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    (line,) = (one for one in run.stderr.splitlines() if "bad" in one)
    assert "[[route]] 1 steps" in line
    assert "ZeroDivisionError" in line
