"""Secrets from Vault in the running daemon: a password that is rotated, a Vault that is away, nothing of it anywhere."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.command import Home
from make import jpeg
from servers import dav
from servers import vault as servers

PASSWORDS = ("pa55-0ne-Lm2", "pa55-tw0-Rt9")
SECRET_ID = "s3cret-id-Wx4"
PATIENCE = 90.0

SETTINGS = """
[state]
dir = "state"
[vault]
address = "{vault}"
auth = "approle"
role_id = "role-1"
secret_id = "file:secret-id"
[library]
store = "nas"
[store.nas]
type = "local"
root = "nas"
[store.hub]
type = "webdav"
url = "{dav}"
user = "{user}"
password = "vault:kv/webdav#password"
[source.hub]
type = "webdav"
store = "hub"
path = "raw"
every = "1s"
settle = "1s"
[[route]]
from = "hub"
steps = ["catalog", "file"]
"""


@pytest.fixture
def vault() -> Iterator[servers.Fake]:
    """One with the first password in it."""
    with servers.running(secret_id=SECRET_ID) as made:
        made.put("kv", "webdav", {"username": "me", "password": PASSWORDS[0]})
        yield made


@pytest.fixture
def cloud() -> Iterator[dav.Server]:
    """A WebDAV server that takes the first password."""
    with dav.serve("wsgidav", users={"me": PASSWORDS[0]}) as made:
        (made.folder / "raw").mkdir()
        yield made


def settings(home: Home, vault: servers.Fake, cloud: dav.Server, user: str = "me") -> None:
    (home.path / "secret-id").write_text(SECRET_ID + "\n")
    (home.path / "secret-id").chmod(0o600)
    (home.path / "albumen.toml").write_text(SETTINGS.format(vault=vault.url, dav=cloud.url, user=user))


def eventually(true: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


def filed(home: Home) -> list[str]:
    return sorted(one.name for one in (home.path / "nas/2021").rglob("*.jpg"))


def rotate(vault: servers.Fake, cloud: dav.Server) -> None:
    """A new password, first in Vault and then at the server, as people do it."""
    vault.put("kv", "webdav", {"username": "me", "password": PASSWORDS[1]})
    cloud.stop()
    cloud.users = {"me": PASSWORDS[1]}
    cloud._wsgidav()
    cloud.start()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_rotated_password_is_followed_without_a_restart_and_shown_nowhere(
    home: Home, vault: servers.Fake, cloud: dav.Server
) -> None:
    """S1-15, S1-16 (parts: rotation of a WebDAV password; a planted secret in no log, error, --json, argv, child, database)."""
    settings(home, vault, cloud)
    jpeg(str(cloud.folder / "raw/one.jpg"), when="2021:07:01 00:30:00")
    texts = []
    with home.started("run", "-v") as process:
        eventually(lambda: len(filed(home)) == 1, process)
        rotate(vault, cloud)
        jpeg(str(cloud.folder / "raw/two.jpg"), when="2021:07:02 00:30:00")
        eventually(lambda: len(filed(home)) == 2, process)
        for words in (
            ("status",),
            ("status", "--json"),
            ("check",),
            ("check", "--json"),
            ("log", "--json"),
            ("export",),
            ("plugins",),
        ):
            ran = home.run(*words)
            texts += [ran.out, ran.err]
        assert any("gives every secret that is kept there (login by approle)" in one for one in texts)
        vault.sealed = True
        sealed = home.run("check", code=1)
        assert "is sealed: somebody must unseal it" in sealed.out + sealed.err
        home.run("status")  # says what it can: nothing that it needs is in Vault
        texts += [sealed.out, sealed.err, seen_by_others(process.pid)]
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        process.send_signal(signal.SIGTERM)
        texts += process.communicate(timeout=60)
    tokens = [one for one in vault.tokens if one != vault.root]
    for secret in (*PASSWORDS, SECRET_ID, *tokens):
        assert not any(secret in text for text in texts)
        assert secret.encode() not in kept(home)
    (core,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4] in ("0", "1")
    assert {method for method, path, _ in vault.asked if not path.endswith(("/login", "/renew-self"))} == {"GET"}


def seen_by_others(pid: int) -> str:
    """Words and environment of the daemon's children, and its own words."""
    told = Path(f"/proc/{pid}/cmdline").read_bytes()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            told += Path(f"/proc/{child}/cmdline").read_bytes() + Path(f"/proc/{child}/environ").read_bytes()
    return told.decode(errors="surrogateescape")


def kept(home: Home) -> bytes:
    """Every byte that albumen keeps."""
    folders = (home.path / "state", home.path / "nas")
    return b"\n".join(one.read_bytes() for folder in folders for one in folder.rglob("*") if one.is_file())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_daemon_waits_for_a_vault_that_is_sealed(home: Home, vault: servers.Fake, cloud: dav.Server) -> None:
    """S1-15 (part: sealed when it starts, with a name that is kept there)."""
    settings(home, vault, cloud, user="vault:kv/webdav#username")
    jpeg(str(cloud.folder / "raw/one.jpg"), when="2021:07:01 00:30:00")
    vault.sealed = True
    assert "is sealed" in home.run("status", code=1).err
    with home.started("run") as process:
        before = len(vault.asked)
        eventually(lambda: len(vault.asked) > before + 1, process)
        vault.sealed = False
        eventually(lambda: len(filed(home)) == 1, process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert err.count("settings cannot be read yet") >= 1
    assert SECRET_ID not in err


def test_one_that_waits_for_vault_leaves_when_it_is_told(home: Home, vault: servers.Fake) -> None:
    (home.path / "secret-id").write_text(SECRET_ID)
    vault.sealed = True
    login = f'address = "{vault.url}"\nauth = "approle"\nrole_id = "role-1"\nsecret_id = "file:secret-id"'
    (home.path / "albumen.toml").write_text(f'[vault]\n{login}\nlayout = "seed"\nmount = "kv"\n')
    with home.started("run") as process:
        eventually(lambda: len(vault.asked) > 0, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_no_memory_is_dumped_whatever_ends_it(home: Home) -> None:
    """S1-16 (part: core dump)."""
    (home.path / "inbox").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))  # as a machine that wants to see them all
    try:
        with home.started("run") as process:
            eventually((home.library / ".albumen/state.db").exists, process)
            limits = Path(f"/proc/{process.pid}/limits").read_text()
            os.kill(process.pid, signal.SIGSEGV)
            process.communicate(timeout=60)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert process.returncode == -signal.SIGSEGV
    (core,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4] in ("0", "1")
    assert not [one for one in home.path.rglob("*core*") if one.is_file()]
