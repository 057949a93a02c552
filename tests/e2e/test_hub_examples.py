"""The settings that come with albumen, each started as it stands: only addresses, folders and patience are those of the test."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from e2e.command import Home
from make.daemons import until
from make.hubs import PASSWORD, SORTED, USER, CloudFiles, DavFiles, Hub, running, wrong
from make.pictures import jpeg_bytes
from servers import dav, nextcloud, vault

CONFIG = Path(__file__).parents[2] / "config"
PATIENCE = 120.0


def settled(home: Home, name: str, changes: Mapping[str, object]) -> None:
    """The example, with these values at ``section.key`` and every folder below the test's."""
    tree = tomllib.loads((CONFIG / name).read_text())
    for where, value in changes.items():
        *path, key = where.split(".")
        section = tree
        for part in path:
            section = section[part]
        assert key in section, where
        section[key] = value
    text = json.dumps(tree)
    for folder in ('"/data/', '"/volume1/', '"/volume2/', '"/var/lib/'):
        text = text.replace(folder, f'"{home.path}/')
    (home.path / "albumen.toml").write_text(toml(json.loads(text)))


def toml(tree: Mapping[str, object], above: str = "") -> str:
    """Enough of the language for what examples hold."""
    plain = {
        key: one
        for key, one in tree.items()
        if not isinstance(one, dict) and not (isinstance(one, list) and one and isinstance(one[0], dict))
    }
    text = "".join(f"{key} = {json.dumps(one)}\n" for key, one in plain.items())
    for key, one in tree.items():
        if isinstance(one, dict):
            text += f"\n[{above}{key}]\n" + toml(one, f"{above}{key}.")
        elif key not in plain:
            text += "".join(f"\n[[{above}{key}]]\n" + toml(row, f"{above}{key}.") for row in one)  # type: ignore[attr-defined]
    return text


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_beside_a_jupyterhub(home: Home) -> None:
    """S1-15, S1-29 (part: the settings beside a JupyterHub): raw → doubled → tagged → sorted, the password from Vault."""
    with nextcloud.serve(34, {USER: PASSWORD}) as cloud, vault.running() as secrets:
        secrets.put("kv", "webdav", {"password": PASSWORD})
        cloud.mkdir(USER, "data/AI/_unsorted")
        changes = {"vault.address": secrets.url, "vault.role": secrets.role, "store.hub.url": cloud.url, "store.hub.user": USER}
        settled(home, "jupyterhub.toml", changes | {"source.raw.every": "1s", "source.raw.settle": "1s", "source.tagged.every": "1s", "source.outbox.every": "1s", "source.outbox.settle": "1s"})  # fmt: skip
        for folder in ("library", "outbox"):
            (home.path / folder).mkdir()
        env = {"ALBUMEN_VAULT_AUTH": "token", "VAULT_TOKEN": secrets.root}
        hub = Hub(CloudFiles(cloud))
        with running(home.path, env) as daemon:
            hub.drop(2)
            (home.path / "outbox/a.jpg").write_bytes(jpeg_bytes(when="2021:07:15 14:30:05"))
            until(lambda: wrong(hub) == [] or daemon.poll() is not None, PATIENCE)
            for path in hub.results():
                cloud.tag(USER, path, "ai:cats")
            until(
                lambda: sum(one.startswith(f"{SORTED}/cats/") for one in hub.visible()) == 2 or daemon.poll() is not None,
                PATIENCE,
            )
            until(lambda: any((home.path / "library").glob("2021/*/*.jpg")) or daemon.poll() is not None, PATIENCE)
            assert not hub.raws()
            told = home.run("check", env=env, code=0).out
            assert f"[store.hub]: {cloud.url} answers" in told
            assert "raw (webdav hub:data/AI/_raw, move) -> catalog -> double -> hub:data/AI/_unsorted" in told
            assert "tagged (nextcloud hub:data/AI/_unsorted) -> catalog -> sort -> hub:data/AI/organized" in told
            env["ALBUMEN_SOURCE_TAGGED_PATH"] = "data/AI/_unsrted"
            why = "there is no folder data/AI/_unsrted in hub: make it, or correct path"
            assert f"[source.tagged]: {why}" in home.run("check", env=env, code=1).err
            del env["ALBUMEN_SOURCE_TAGGED_PATH"]
            cloud.fail("PROPFIND", "data/AI/_unsorted", status=403, times=999)
            checked = home.run("check", env=env, code=1)
            assert "[source.tagged]: hub:data/AI/_unsorted: its server forbids it" in checked.err
            assert f"[store.hub]: {cloud.url} answers" in checked.out
        assert daemon.returncode == 0


def test_a_nas(home: Home) -> None:
    """What is uploaded to a WebDAV server, and what lies in folders of the NAS, is filed."""
    with dav.serve("wsgidav", users={"family": PASSWORD}) as server:
        files = DavFiles(server)
        files.drop("Camera Uploads/IMG_1.jpg", jpeg_bytes(when="2021:07:15 14:30:05"))
        settled(home, "nas.toml", {"store.cloud.url": server.url, "source.road.every": "1s", "metrics.listen": "127.0.0.1:0"})
        for folder in ("photos", "incoming/phones", "incoming/cards", "family", "backup/albumen", "albumen"):
            (home.path / folder).mkdir(parents=True)
        env = {"CLOUD_PASSWORD": PASSWORD, "ALBUMEN_SOURCE_ROAD_SETTLE": "1s"}
        with running(home.path, env) as daemon:
            (home.path / "incoming/phones/b.jpg").write_bytes(jpeg_bytes(when="2022:07:15 14:30:05"))
            until(lambda: len(list((home.path / "photos").glob("202?/*/*.jpg"))) == 2 or daemon.poll() is not None, PATIENCE)
            until(lambda: "Camera Uploads/IMG_1.jpg" not in files.tree() or daemon.poll() is not None, PATIENCE)
            assert home.run("check", env=env, code=0)
        assert daemon.returncode == 0


@pytest.mark.parametrize("name", ["jupyterhub.toml", "nas.toml"])
def test_an_unknown_step_is_a_mistake_in_the_settings(home: Home, name: str) -> None:
    text = (CONFIG / name).read_text().replace('"catalog", "file"', '"catalog", "fiel"')
    (home.path / "albumen.toml").write_text(text)
    ran = home.run("check", env={"CLOUD_PASSWORD": "x"}, code=2)
    assert "did you mean 'file'?" in ran.err
