"""README, ``--help``, the settings file and the code say the same."""

import dataclasses
import pathlib
import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click
import pytest

from albumen.config import Lanes, Library, Log, Metrics, Notify, State, load
from albumen.errors import ConfigError
from albumen.plugins import Plugins
from albumen.vault import VaultSettings

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CONFIG = ROOT / "config" / "albumen.toml"
EXAMPLE = CONFIG.read_text()
RUN = (ROOT / ".ci/run").read_text()
DEFAULT = re.compile(r"^#(?=[a-z_]+ = |\[)", re.MULTILINE)  # defaults, and whole sections for who needs them
SECTIONS = {"state": State, "library": Library, "log": Log, "queue": Lanes, "metrics": Metrics, "notify": Notify}
SECTIONS |= {"vault": VaultSettings}
EXAMPLES = {"url", "user", "password", "root", "store", "path", "to"}  # what sections that are only shown say is no default
KEYS = [match[1] for match in re.finditer(r"^([a-z_]+) = ", EXAMPLE, re.MULTILINE)]


def attempted(folder: pathlib.Path, text: str, env: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    file = folder / "albumen.toml"
    file.write_text(text)
    try:
        load(str(file), env, {}, Plugins().kinds())
    except ConfigError as error:
        return error.problems
    return ()


def sections() -> dict[str, type]:
    """Where in the example the settings of which class stand: "store.nas" -> LocalStore.Settings."""
    tree, kinds = tomllib.loads(DEFAULT.sub("", EXAMPLE)), Plugins().kinds()
    named = {
        f"{kind}.{name}": kinds[kind][body["type"]]
        for kind in ("store", "source", "step")
        for name, body in tree.get(kind, {}).items()
    }
    return SECTIONS | named


def test_the_settings_file_is_right_as_it_stands_and_with_every_default_written_out(tmp_path: pathlib.Path) -> None:
    assert attempted(tmp_path, EXAMPLE) == ()
    assert attempted(tmp_path, DEFAULT.sub("", EXAMPLE)) == ()


@pytest.mark.parametrize("name", ["nas.toml", "jupyterhub.toml"])
def test_the_examples_are_right_and_need_nothing_that_is_not_there(tmp_path: pathlib.Path, name: str) -> None:
    assert attempted(tmp_path, (CONFIG.parent / name).read_text(), {"CLOUD_PASSWORD": "a secret"}) == ()


def test_the_other_catalog_that_the_settings_file_shows_is_right_and_whole(tmp_path: pathlib.Path) -> None:
    shown = dict(line.removeprefix("## ").split(" = ", 1) for line in EXAMPLE.splitlines() if line.startswith("## "))
    logins = ({"user", "password"}, {"api_key"}, {"token"})
    for login in (set(), *logins):
        keys = [one for one in shown if one in login or not any(one in other for other in logins)]
        section = "[catalog]\n" + "".join(f"{key} = {shown[key]}\n" for key in keys)
        assert attempted(tmp_path, EXAMPLE.replace("[catalog]\n", section)) == ()
    cls = Plugins().kinds()["catalog"]["elasticsearch"]
    fields = {one.name: one.default for one in dataclasses.fields(cls)}
    assert shown.keys() == {"type", *fields}
    got = load(str(tmp_path / "albumen.toml"), {}, {}, Plugins().kinds()).catalog.options
    assert {key for key in fields if getattr(got, key) != fields[key]} == {"token", "ca"}


def test_the_settings_file_names_every_key_there_is() -> None:
    tree = tomllib.loads(DEFAULT.sub("", EXAMPLE))
    for where, cls in sections().items():
        head, _, name = where.partition(".")
        written = tree[head][name] if name else tree[head]
        assert written.keys() - {"type"} == {one.name for one in dataclasses.fields(cls)}, where
    used = {body["type"] for kind in ("store", "source") for body in tree[kind].values()}
    assert used == {one.name for one in Plugins().status() if one.group in {"stores", "sources"} and one.package == "albumen"}


def test_the_defaults_that_the_settings_file_shows_are_the_real_ones(tmp_path: pathlib.Path) -> None:
    def loaded(text: str) -> dict[str, object]:
        file = tmp_path / "albumen.toml"
        file.write_text(text)
        got = load(str(file), {}, {}, Plugins().kinds())
        parts: dict[str, Any] = {name: getattr(got, name) for name in ("library", "log", "queue", "metrics", "notify", "vault")}
        parts |= {f"store.{name}": one.options for name, one in got.stores.items()}
        parts |= {f"source.{name}": one.options for name, one in got.sources.items()}
        parts |= {f"step.{name}": one.options for name, one in got.steps.items() if dataclasses.is_dataclass(one.options)}
        return {
            f"{where}.{one.name}": getattr(part, one.name) for where, part in parts.items() for one in dataclasses.fields(part)
        }

    told, real = loaded(DEFAULT.sub("", EXAMPLE)), loaded(EXAMPLE)
    for where, cls in sections().items():  # sections that are only shown
        real |= {
            key: one.default
            for one in dataclasses.fields(cls)
            if (key := f"{where}.{one.name}") not in real and one.name not in EXAMPLES and "." in where
        }
    differ = {key for key in told if key in real and told[key] != real[key]} - {"queue.cpu"}  # of this machine
    assert {key: real[key] for key in differ if real[key] is not None} == {}


@pytest.mark.parametrize("key", [*dict.fromkeys(KEYS)])
def test_a_key_removed_or_misspelt_is_told_in_one_line(tmp_path: pathlib.Path, key: str) -> None:
    """S0-77 (part: each needed key removed, each key misspelt)."""
    for match in re.finditer(rf"^{key} = .*$", EXAMPLE, re.MULTILINE):
        gone = attempted(tmp_path, EXAMPLE[: match.start()] + EXAMPLE[match.end() :])
        wrong = attempted(tmp_path, EXAMPLE[: match.start()] + match[0].replace(key, key + "x", 1) + EXAMPLE[match.end() :])
        assert all("\n" not in line and "albumen.toml: " in line for line in (*gone, *wrong))
        assert any(f"{key}x: there is no such key; did you mean" in line for line in wrong)
        if key in {"type", "root", "path", "store", "from", "steps", "to"}:
            assert any(f"{key}: is missing" in line or "there is no store 'library'" in line for line in gone), gone
        else:
            assert gone == ()


def test_the_settings_in_the_readme_are_right(tmp_path: pathlib.Path) -> None:
    (shown,) = (one for one in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[state]" in one)
    assert attempted(tmp_path, shown) == ()


def test_the_readme_has_exactly_two_commands() -> None:
    first, second = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first.strip().endswith("albumen run")
    assert second.strip().endswith("pytest")
    for command in (first, second):
        assert len(command.strip().splitlines()) == 1
        for file in re.findall(r"-r (\S+)", command):
            assert (ROOT / file).is_file()


def test_every_file_the_readme_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    code = re.findall(r"`(daemon/[\w/.]+|tests/|\.ci/\w+)", README)
    assert [one for one in (*links, *code) if not (ROOT / one).exists()] == []
    package = re.search(r"\| `daemon/albumen/` \|.*?\n\n", README, re.DOTALL)
    assert package
    parts = {name.rstrip("/") for name in re.findall(r"`([a-z]+(?:/|\.py))`", package[0])}
    real = {one.name for one in (ROOT / "daemon" / "albumen").iterdir() if not one.name.startswith("_")}
    helpers = {
        "alive.py",
        "effort.py",
        "jsonable.py",
        "owners.py",
        "replaced.py",
        "sdnotify.py",
        "sqlite.py",
        "sqlite_file.py",
    }  # too small for the map
    assert parts == real - helpers


def test_the_readme_lists_every_command_and_no_other() -> None:
    """U-02 (part: the manual)."""
    from albumen.cli import main

    assert isinstance(main, click.Group)
    listed = re.findall(r"^\| `albumen (\w+)` \|", README, re.MULTILINE)
    assert sorted(listed) == sorted(name for name, command in main.commands.items() if not command.hidden)
    for line in re.findall(r"^\| `albumen \w+` \|.*$", README, re.MULTILINE):
        name = line.split("`")[1].split()[1]
        known = {option for one in main.commands[name].params for option in one.opts}
        assert set(re.findall(r"`(--[\w-]+)", line)) <= known, line


def test_the_locks_agree_and_name_no_address() -> None:
    locks = [(ROOT / name).read_text() for name in ("config/constraints.txt", "config/extras.txt", "tests/constraints.txt")]
    pinned = [dict(re.findall(r"^([a-z][\w.-]*)==(\S+)", text, re.MULTILINE | re.IGNORECASE)) for text in locks]
    building = {line.partition(">")[0] for line in (ROOT / ".ci/building.in").read_text().splitlines() if line[0] != "#"}
    assert building <= pinned[0].keys()
    assert {name: one for name, one in {**pinned[0], **pinned[1]}.items() if name not in building}.items() <= pinned[2].items()
    assert pinned[0].items() & pinned[1].items() == {(name, pinned[0][name]) for name in pinned[0].keys() & pinned[1].keys()}
    assert not any("://" in text for text in locks)
    for text in locks:
        assert len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) == len(
            re.findall(r"^[\w.-]+==\S+ \\\n +--hash=sha256:", text, re.MULTILINE)
        )


def test_the_fork_of_urllib3_is_locked_by_its_source_which_does_not_put_itself_in_the_place_of_urllib3() -> None:
    """And what builds it is proven by its hash, too: it is installed before, and not fetched by the build."""
    assert "\nhatchling==" in (ROOT / "config/constraints.txt").read_text()
    for name in ("config/extras.txt", "tests/constraints.txt"):
        lock = (ROOT / name).read_text()
        assert "\n--no-binary urllib3-future\n" in lock
        assert len(re.findall(r"^urllib3-future==\S+ \\\n( +--hash=sha256:\w{64} ?\\?\n)", lock, re.MULTILINE)) == 1
        assert not re.search(r"^urllib3-future==\S+ \\\n( +--hash=\S+ ?\\?\n){2}", lock, re.MULTILINE)
    said = "\n".join((README, RUN, (ROOT / "Dockerfile").read_text()))
    steps = [line for line in said.splitlines() if re.search(r"-r (config/extras|tests/constraints)\.txt", line)]
    assert len(steps) >= 4
    assert all("URLLIB3_NO_OVERRIDE=1" in line and "--no-build-isolation" in line for line in steps)
