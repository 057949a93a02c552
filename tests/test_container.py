"""The Dockerfile, its compose file and the settings for a container: what can be said of them without building anything.

``tests/image.py`` (by ``.ci/long image``) builds the image and runs it.
"""

import json
import pathlib
import re
import tomllib
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # one call, in one test file

import albumen
from albumen.config import load
from albumen.errors import ConfigError
from albumen.plugins import Plugins

ROOT = pathlib.Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "config/compose.yaml").read_text())
SERVICE: dict[str, Any] = COMPOSE["services"]["albumen"]


def stages(text: str) -> list[list[tuple[str, str]]]:
    """The instructions of each stage, its FROM first; continued lines joined, comments left out."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, (one.strip() for one in joined.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, " ".join(rest.split())))
    return found


BUILDER, RESULT = stages(DOCKERFILE)


def said(word: str) -> list[str]:
    """What the result says with that instruction."""
    return [rest for one, rest in RESULT if one == word]


def test_what_builds_stays_behind() -> None:
    """The result takes one folder from the stage that builds; itself it installs an interpreter, a reaper, and whom to trust."""
    assert [rest for word, rest in BUILDER if word == "FROM"] == ["debian:bookworm-slim AS builder"]
    assert said("FROM") == ["debian:bookworm-slim"]
    assert said("COPY") == ["--from=builder /opt/albumen /opt/albumen"]
    (run,) = said("RUN")
    (installed,) = re.findall(r"apt-get install -y --no-install-recommends ([^&]*)", run)
    assert installed.split() == ["ca-certificates", "python3", "tini"]
    assert "rm -rf /var/lib/apt/lists/*" in run


def test_nothing_comes_from_anywhere_but_the_locked_and_proven() -> None:
    assert "://" not in DOCKERFILE
    assert not re.search(r"\b(curl|wget|git clone|ADD)\b", DOCKERFILE)
    first, *others = [one for _, rest in BUILDER for one in re.findall(r"(?:\w+=1 )?tools/bin/pip [^&]*", rest)]
    assert "--require-hashes" in first
    assert "-r config/constraints.txt" in first
    (extras,) = (one for one in others if "-r config/extras.txt" in one)
    assert {"URLLIB3_NO_OVERRIDE=1", "--require-hashes", "--no-build-isolation"} <= set(extras.split())
    (last,) = (rest for word, rest in BUILDER if word == "RUN" and "albumen$" in rest)
    assert "PIP_NO_INDEX=1" in last
    assert all(one in last or "--no-index" in one for one in others if one != extras)


def test_each_file_that_is_copied_is_let_through_and_no_other() -> None:
    first, *ignored = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    copied = [one for word, rest in BUILDER if word == "COPY" for one in rest.split()[:-1]]
    assert sorted(copied) == sorted(one.removeprefix("!") for one in ignored if one.startswith("!"))
    assert all((ROOT / one).exists() for one in copied)


def test_it_is_nobody_special_and_says_whether_it_is_alive() -> None:
    assert said("USER") == ["1000:1000"]  # numbers, so that an orchestrator can see that it is not root
    assert said("STOPSIGNAL") == ["SIGTERM"]
    assert said("VOLUME") == said("WORKDIR") == ["/data"]
    assert said("EXPOSE") == []
    (health,) = said("HEALTHCHECK")
    assert json.loads(health.partition("CMD ")[2]) == ["albumen", "status", "--alive", "--quiet"]
    (entry,), (command,) = said("ENTRYPOINT"), said("CMD")
    assert json.loads(entry)[0].endswith("/tini")
    assert json.loads(command) == ["run"]


def test_its_labels_are_those_of_the_package() -> None:
    (labels,) = said("LABEL")
    found = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', labels))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert found["title"] == project["name"]
    assert found["version"] == albumen.__version__
    assert found["licenses"] == project["license"]
    assert labels.count("=") == len(found) == 4


def test_the_extras_it_installs_are_there() -> None:
    ((_, default),) = (rest.split("=", 1) for word, rest in BUILDER if word == "ARG")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {one for one in default.strip('"').split(",") if one} <= extras.keys()  # pip only warns of one that is not


def test_compose_gives_it_no_more_rights_than_it_needs() -> None:
    assert set(COMPOSE) == {"services"}
    assert set(COMPOSE["services"]) == {"albumen"}
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert SERVICE["tmpfs"] == ["/tmp"]
    assert SERVICE["user"] == "${PUID:-1000}:${PGID:-1000}"
    assert not {"ports", "privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & SERVICE.keys()
    (volume,) = SERVICE["volumes"]
    assert (volume["type"], volume["target"]) == ("bind", "/data")
    assert (ROOT / "config" / SERVICE["build"] / "Dockerfile").is_file()


def test_compose_says_of_its_health_and_its_end_what_the_image_says() -> None:
    (health,) = said("HEALTHCHECK")
    options, _, command = health.partition(" CMD ")
    given = {key.replace("-", "_"): value for key, value in re.findall(r"--([\w-]+)=(\S+)", options)}
    check = {key: str(value) for key, value in SERVICE["healthcheck"].items() if key != "test"}
    assert check == given
    assert SERVICE["healthcheck"]["test"] == ["CMD", *json.loads(command)]
    assert int(SERVICE["stop_grace_period"].removesuffix("s")) > 30  # the daemon promises to end in 30
    umask = dict(re.findall(r"(\w+)=(\S+)", said("ENV")[0]))["UMASK"]
    assert SERVICE["environment"] == {"UMASK": f"${{UMASK:-{umask}}}"}


def test_the_port_that_the_hubs_settings_show_can_be_opened(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "albumen.toml"
    file.write_text(re.sub(r"^#(?=\[|\w+ = )", "", (ROOT / "config/jupyterhub.toml").read_text(), flags=re.MULTILINE))
    settings = load(str(file), {"METRICS_TOKEN": "0123456789abcdef"}, {}, Plugins().kinds())
    assert settings.metrics.address == ("0.0.0.0", 9464)  # on loopback nobody outside the container would reach it
    with pytest.raises(ConfigError, match="METRICS_TOKEN"):
        load(str(file), {}, {}, Plugins().kinds())


def test_every_folder_of_the_hubs_settings_lies_in_the_volume() -> None:
    """Its root is read-only: a state or store elsewhere could not be written."""
    tree = tomllib.loads((ROOT / "config/jupyterhub.toml").read_text())
    folders = [
        tree["state"]["dir"],
        *(one["root"] for one in tree["store"].values() if one["type"] == "local"),
        *(one["path"] for one in tree["source"].values() if one["type"] == "local"),
    ]
    assert len(folders) == 3
    assert all(one.startswith("/data/") for one in folders)
