"""Folders in one another, by what they really are."""

import pathlib

import pytest

from albumen.app import load_settings
from albumen.errors import ConfigError
from albumen.overlaps import within
from albumen.plugins import Plugins


@pytest.mark.parametrize(
    ("path", "outer", "expected"),
    [("a", "a", True), ("a/b/c", "a", True), ("a", "a/b", False), ("ab", "a", False), ("link/x", "a", True), ("a", "link", True)],
)
def test_within(tmp_path: pathlib.Path, path: str, outer: str, *, expected: bool) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert within(str(tmp_path / path), str(tmp_path / outer)) is expected


def test_everything_lies_in_the_root() -> None:
    assert within("/somewhere/else", "/")
    assert not within("/", "/somewhere")


HEAD = """
[library]
store = "nas"
[store.nas]
type = "local"
root = "library"
"""
HUB = """
[store.hub]
type = "webdav"
url = "https://cloud.example.org/some/where/"
user = "ann"
password = "env:PASSWORD"
"""
CLOUD = """
[store.cloud]
type = "nextcloud"
url = "https://cloud.example.org/index.php/"
user = "ann"
password = "env:PASSWORD"
root = "Photos"
"""


def store(url: str, user: str = "ann") -> str:
    login = f'user = "{user}"\npassword = "env:PASSWORD"\n' if user else ""
    return f'[store.other]\ntype = "webdav"\nurl = "{url}"\n{login}'


def source(name: str, path: str, *steps: str, more: str = "", type: str = "webdav", at: str = "hub") -> str:
    told = ", ".join(f'"{one}"' for one in ("catalog", *steps))
    return (
        f'[source.{name}]\ntype = "{type}"\nstore = "{at}"\npath = "{path}"\n{more}\n'
        f'[[route]]\nfrom = "{name}"\nsteps = [{told}]\n'
    )


def double(to: str) -> str:
    return f'[step.double]\ntype = "scale"\nto = "{to}"\n'


def problems(tmp_path: pathlib.Path, *parts: str) -> list[str]:
    head = "" if any("[library]" in one for one in parts) else HEAD
    (tmp_path / "albumen.toml").write_text("\n".join([head, *parts]))
    try:
        load_settings(str(tmp_path / "albumen.toml"), {"PASSWORD": "x"}, {}, Plugins())
    except ConfigError as error:
        return list(error.problems)
    return []


REFUSED = [
    pytest.param(
        (HUB, source("a", ""), store("https://cloud.example.org:443/some")),
        "[store.other] cloud.example.org:443/some holds",
        id="holds",
    ),
    pytest.param(
        (HUB, source("a", ""), store("https://CLOUD.example.org/some/where/x%20y")),
        "[store.other] cloud.example.org:443/some/where/x y lies inside",
        id="inside",
    ),
    pytest.param(
        (HUB, source("a", ""), store("https://cloud.example.org/some/where", "")), "is the same folder as [store.hub]", id="same"
    ),
    pytest.param(
        (CLOUD, source("a", "", at="cloud"), store("https://cloud.example.org/remote.php/dav/files/ann/Photos/raw")),
        "[store.other] cloud.example.org:443/remote.php/dav/files/ann/Photos/raw lies inside [store.cloud]",
        id="a Nextcloud by WebDAV",
    ),
    pytest.param(
        (HUB, source("a", "x/y"), source("b", "/x/y/")), "[source.b] hub:x/y is the same folder as [source.a]", id="sources"
    ),
    pytest.param(
        (HUB, source("a", "x", more='prefixes = ["IMG_"]'), source("b", "x", more='prefixes = ["raw_", "IMG_2"]')),
        "is the same folder as",
        id="prefixes of prefixes",
    ),
    pytest.param((HUB, source("a", ""), source("b", "x")), "[source.b] hub:x lies inside [source.a] hub:", id="all and a part"),
    pytest.param(
        (CLOUD, source("a", "x", at="cloud"), source("b", "x", type="nextcloud", at="cloud")),
        "is the same folder as",
        id="tagged",
    ),
    pytest.param(
        (
            CLOUD,
            source("a", "x", type="nextcloud", at="cloud", more='parent_tag = "ai"'),
            source("b", "x", type="nextcloud", at="cloud", more='parent_tag = "trip"'),
        ),
        "a file can have tags of both, trip:… and ai:…",
        id="tagged otherwise",
    ),
    pytest.param(
        (HUB, double("hub:raw/big"), source("a", "raw", "double")),
        "[step.double] to hub:raw/big: its results would come by",
        id="fed back",
    ),
    pytest.param(
        (HUB, double("hub:raw"), source("a", "raw", "double", more='prefixes = ["jh_"]\nrecursive = false')),
        "without end",
        id="prefixes",
    ),
    pytest.param(
        ('[library]\nstore = "hub"\n', HUB, source("a", "", "file")), "is all of [store.hub], the library", id="library"
    ),
]
TAKEN = [
    (HUB, source("a", ""), store("https://cloud.example.org/some/wherever")),
    (HUB, source("a", ""), store("http://cloud.example.org:8080/some/where")),
    (HUB, source("a", ""), store("https://cloud.example.org/some/where", "bob")),
    (CLOUD, source("a", "", at="cloud"), store("https://cloud.example.org/remote.php/dav/files/ann/Photography")),
    (HUB, source("a", "x"), source("b", "xy")),
    (HUB, source("a", "", more="recursive = false"), source("b", "x")),
    (HUB, source("a", "x", more='prefixes = ["raw_"]'), source("b", "x", more='prefixes = ["draft_", "old_"]')),
    (HUB, double("hub:made"), source("a", "raw", "double")),
    (HUB, double("hub:raw"), source("a", "raw", "double", more='prefixes = "Unknown"')),
    (HUB, double("hub:raw/made"), source("a", "raw", "double", more="recursive = false")),
    (HUB, double("hub:raw"), source("a", "raw")),
    (HUB, source("a", "", "file")),
    ('[library]\nstore = "hub"\n', HUB, source("a", "InstantUpload", "file")),
]


@pytest.mark.parametrize(("parts", "told"), REFUSED)
def test_places_at_a_server_that_lie_in_one_another_are_refused(
    tmp_path: pathlib.Path, parts: tuple[str, ...], told: str
) -> None:
    (found,) = problems(tmp_path, *parts)
    assert told in found


@pytest.mark.parametrize("parts", TAKEN)
def test_places_that_are_apart_are_fine(tmp_path: pathlib.Path, parts: tuple[str, ...]) -> None:
    assert problems(tmp_path, *parts) == []
