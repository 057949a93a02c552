"""Secrets from Vault through the real client library, against the fake that answers as recorded."""

import pathlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from albumen.errors import ConfigError, Unavailable
from albumen.secrets import Secret
from albumen.vault import Vault, VaultSettings
from servers import vault as servers
from servers.replies import Reply
from servers.tls import Authority


@pytest.fixture
def server() -> Iterator[servers.Fake]:
    """One with a WebDAV login in it."""
    with servers.running() as made:
        made.put("kv", "webdav", {"username": "anna", "password": "hunter2-one", "port": 8080, "empty": ""})
        made.put("kv1", "deep/webdav", {"password": "hunter1"})
        yield made
        for one in made.clients:
            one.close()


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(server: servers.Fake, clock: Clock | None = None, **more: Any) -> Vault:
    how: dict[str, Any] = {"auth": "token", "token": Secret(server.root), **more}
    made = Vault(VaultSettings(address=server.url, **how), clock or Clock())
    server.clients.append(made)
    return made


LOGINS: dict[str, dict[str, Any]] = {
    "token": {},
    "approle": {"auth": "approle", "role_id": Secret("role-1"), "secret_id": Secret("secret-1")},
    "kubernetes": {"auth": "kubernetes", "role": "photod", "jwt": Secret("eyJ.pod.token")},
    "jwt": {"auth": "jwt", "role": "photod", "jwt": Secret("eyJ.pod.token")},
}


@pytest.mark.parametrize("how", LOGINS)
def test_each_way_to_log_in_reads_both_engines(server: servers.Fake, how: str) -> None:
    """S1-15 (part: each mode)."""
    vault = opened(server, **LOGINS[how])
    assert vault.secret("kv/webdav#password").reveal() == "hunter2-one"
    assert vault.secret("/kv/webdav/#port").reveal() == "8080"
    assert vault.secret("kv1/deep/webdav#password").reveal() == "hunter1"
    assert len(server.of("/v1/auth/")) == 1  # one login, or one look whether the token is good
    assert all(method == "GET" or path.endswith("/login") for method, path, _ in server.asked)  # nothing is ever written
    assert len(server.of("/v1/kv/data/webdav")) == 1  # two keys of one path are one question


def test_a_mount_that_nobody_may_ask_about_is_the_first_part_of_the_path(server: servers.Fake) -> None:
    server.hides_mounts = True
    assert opened(server).secret("kv/webdav#password").reveal() == "hunter2-one"


@pytest.mark.parametrize("how", ["approle", "kubernetes", "jwt"])
def test_a_token_that_ran_out_is_got_anew_once(server: servers.Fake, how: str) -> None:
    """S1-15 (part: token expired, one new login)."""
    clock = Clock()
    vault = opened(server, clock, **LOGINS[how])
    secret = vault.secret("kv/webdav#password")
    secret.reveal()
    server.end()
    server.put("kv", "webdav", {"password": "hunter2-two"})
    clock.now += 60
    assert secret.refresh()
    assert secret.reveal() == "hunter2-two"
    assert len(server.of(f"/v1/auth/{how}/login")) == 2


def test_a_policy_that_forbids_is_told_after_one_new_login(server: servers.Fake) -> None:
    """S1-15 (part: no permission)."""
    server.hidden.add("webdav")
    clock = Clock()
    vault = opened(server, clock, **LOGINS["approle"])
    with pytest.raises(Unavailable, match="does not let us read kv/webdav") as caught:
        vault.secret("kv/webdav#password").reveal()
    assert caught.value.auth
    assert len(server.of("/v1/auth/approle/login")) == 1  # a login as young as that cannot have run out
    clock.now += 60
    with pytest.raises(Unavailable):
        vault.secret("kv/webdav#password").reveal()
    assert len(server.of("/v1/auth/approle/login")) == 2


def test_a_token_in_a_file_that_was_replaced_is_read_again(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    from albumen.secrets import resolve

    (tmp_path / "token").write_text(server.root)
    clock = Clock()
    vault = opened(server, clock, token=resolve("file:token", {}, str(tmp_path)))
    secret = vault.secret("kv/webdav#password")
    secret.reveal()
    server.tokens["hvs.second"] = server.tokens.pop(server.root)
    server.put("kv", "webdav", {"password": "hunter2-two"})
    clock.now += 60
    assert not secret.refresh()
    (tmp_path / "token").write_text("hvs.second")
    clock.now += 60
    assert secret.refresh()
    assert secret.reveal() == "hunter2-two"


def test_a_pod_s_token_is_read_for_each_login(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    from albumen.secrets import resolve

    (tmp_path / "pod").write_text(server.jwt)
    clock = Clock()
    vault = opened(server, clock, auth="kubernetes", role="photod", jwt=resolve("file:pod", {}, str(tmp_path)))
    secret = vault.secret("kv/webdav#password")
    secret.reveal()
    server.jwt = "eyJ.next"
    (tmp_path / "pod").write_text("eyJ.next")
    server.end()
    clock.now += 60
    secret.refresh()
    assert len(server.of("/v1/auth/kubernetes/login")) == 2
    assert len(server.of("/v1/kv/data/webdav")) == 3  # the one that was refused in between


# -------------------------------------------------------------------------------------------------------------------- errors

REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str, bool]] = {
    "sealed": ({"sealed": True}, {}, "is sealed: somebody must unseal it", False),
    "wrong secret id": (
        {},
        LOGINS["approle"] | {"secret_id": Secret("wr0ng-id")},
        "refuses the login (invalid role or secret ID)",
        True,
    ),
    "wrong token": ({}, {"token": Secret("wr0ng-token")}, "does not let us read the login", True),
    "wrong pod": ({}, LOGINS["kubernetes"] | {"jwt": Secret("wr0ng-jwt")}, "does not let us read the login", True),
    "wrong namespace": ({"namespace": "team"}, {"namespace": "other"}, "does not let us read the login", True),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_vault_refuses_is_a_sentence(server: servers.Fake, what: str) -> None:
    """S1-15 (part: names of what is wrong, never its value)."""
    state, how, told, auth = REFUSED[what]
    for key, value in state.items():
        setattr(server, key, value)
    with pytest.raises(Unavailable) as caught:
        opened(server, **how).secret("kv/webdav#password").reveal()
    assert told in str(caught.value)
    assert caught.value.auth is auth
    assert "wr0ng" not in str(caught.value)
    assert caught.value.place == "vault"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("kv/nothing#password", "has nothing at kv/nothing, or it was deleted there"),
        ("kv/gone#password", "has nothing at kv/gone, or it was deleted there"),
        ("kv/webdav#pass", "kv/webdav has no key pass; it has: empty, password, port, username"),
        ("kv/webdav#empty", "kv/webdav#empty is empty"),
        ("kv1/nothing#password", "has nothing at kv1/nothing"),
        ("nowhere/at#all", "does not let us read nowhere/at"),
    ],
)
def test_what_is_missing_is_named(server: servers.Fake, reference: str, told: str) -> None:
    """S1-15 (part: path missing)."""
    server.put("kv", "gone", {"password": "x"})
    server.put("kv", "gone", None)
    with pytest.raises(Unavailable) as caught:
        opened(server).secret(reference).reveal()
    assert told in str(caught.value)
    assert "hunter" not in str(caught.value)


ODD = {
    "429": (Reply(429, {"errors": []}), "answers too many questions now"),
    "500": (Reply(500, {"errors": ["internal error"]}), "cannot answer now (InternalServerError: internal error)"),
    "502": (Reply(502, b"<html>"), "cannot answer now"),
    "a proxy's page": (Reply(200, b"<html>", {"Content-Type": "text/html"}), "does not answer as Vault does"),
    "a list": (Reply(200, [1, 2]), "does not answer as Vault does"),
    "no data": (Reply(200, {"data": None}), "does not answer as Vault does"),
    "not initialized": (Reply(501, {"errors": []}), "cannot answer now (VaultNotInitialized"),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_answers_are_told(server: servers.Fake, what: str) -> None:
    answer, told = ODD[what]
    vault = opened(server)
    server.answers = [answer]
    with pytest.raises(Unavailable) as caught:
        vault.secret("kv/webdav#password").reveal()
    assert told in str(caught.value)
    assert vault.secret("kv/webdav#password").reveal() == "hunter2-one"


def test_an_address_where_nobody_is_or_answers_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        slow = Vault(VaultSettings(address=url, token=Secret("t"), timeout=1))
        with pytest.raises(Unavailable, match="did not answer within 1 s"):
            slow.secret("kv/webdav#password").reveal()
    with pytest.raises(Unavailable, match="cannot be reached"):
        slow.secret("kv/webdav#password").reveal()
    slow.close()


def test_a_redirection_gets_no_token(server: servers.Fake) -> None:
    with servers.running() as other:
        for status in (301, 302, 307, 308):
            vault = opened(server)
            server.answers = [Reply(status, b"", {"Location": f"{other.url}/v1/auth/token/lookup-self"})]
            with pytest.raises(Unavailable, match="sends us on to") as caught:
                vault.secret("kv/webdav#password").reveal()
            assert server.root not in str(caught.value)
        assert other.asked == []


def test_the_environment_changes_nothing(server: servers.Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """A proxy, a password file, another token: only the settings count."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("VAULT_TOKEN", "hvs.other")
    monkeypatch.setenv("VAULT_NAMESPACE", "other")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login x password y\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert opened(server, **LOGINS["approle"]).secret("kv/webdav#password").reveal() == "hunter2-one"
    assert {token for _, _, token in server.asked} & {"hvs.other"} == set()
    assert all("authorization" not in one and "x-vault-namespace" not in one for one in server.headers)


# urllib3 leaves the socket of a handshake that failed to the garbage collector
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_an_authority_of_one_s_own(tmp_path: pathlib.Path) -> None:
    authority = Authority.make(tmp_path / "ca")
    with servers.running(tls=authority.server()) as server:
        server.put("kv", "webdav", {"password": "hunter2"})
        with pytest.raises(Unavailable, match=r"its certificate is not trusted: name its authority, \[vault\] ca"):
            opened(server).secret("kv/webdav#password").reveal()
        assert server.asked == []
        assert opened(server, ca=str(authority.ca)).secret("kv/webdav#password").reveal() == "hunter2"
        for one in server.clients:
            one.close()
        with pytest.raises(Unavailable, match="vault"):
            opened(server, ca=str(tmp_path / "none.pem")).secret("kv/webdav#password").reveal()


# -------------------------------------------------------------------------------------------------------------------- renewal


def test_the_clock_keeps_the_login_alive_and_brings_what_changed(server: servers.Fake) -> None:
    clock = Clock()
    vault = opened(server, clock, **LOGINS["approle"], every=300)
    assert vault.renew() is None  # nothing is used
    assert server.asked == []
    secret = vault.secret("kv/webdav#password")
    assert vault.renew() is None
    assert secret.peek() == "hunter2-one"
    server.put("kv", "webdav", {"password": "hunter2-two"})
    clock.now += 60
    assert vault.renew() is None
    assert secret.reveal() == "hunter2-one"
    clock.now += 300
    assert vault.renew() == "changed: vault:kv/webdav#password"
    assert secret.reveal() == "hunter2-two"
    assert secret.changes == 1
    assert server.of("/v1/auth/token/renew-self") == []
    clock.now += 2100  # two thirds of the hour are over
    vault.renew()
    assert len(server.of("/v1/auth/token/renew-self")) == 1
    assert len(server.of("/v1/auth/approle/login")) == 1


def test_a_login_that_cannot_be_renewed_is_made_anew(server: servers.Fake) -> None:
    clock = Clock()
    vault = opened(server, clock, **LOGINS["approle"])
    vault.secret("kv/webdav#password").reveal()
    for one in server.tokens.values():
        one.renewable = False
    clock.now += 2500
    vault.renew()
    assert len(server.of("/v1/auth/approle/login")) == 2


def test_while_vault_is_away_the_last_good_value_stays(server: servers.Fake) -> None:
    clock = Clock()
    vault = opened(server, clock, **LOGINS["approle"])
    secret = vault.secret("kv/webdav#password")
    secret.reveal()
    for trouble in ("sealed", "forbidden", "gone"):
        server.sealed = trouble == "sealed"
        server.hidden = {"webdav"} if trouble == "forbidden" else set()
        if trouble == "gone":
            server.secrets.pop(("kv", "webdav"))
        clock.now += 400
        assert not secret.refresh()
        with pytest.raises(Unavailable):
            vault.renew()
        assert secret.reveal() == "hunter2-one"
    server.put("kv", "webdav", {"password": "hunter2-two"})
    clock.now += 400
    assert vault.renew() == "changed: vault:kv/webdav#password"


def test_many_who_ask_at_once_are_answered_once(server: servers.Fake) -> None:
    vault = opened(server, **LOGINS["approle"])
    secret = vault.secret("kv/webdav#password")
    secret.reveal()
    server.put("kv", "webdav", {"password": "hunter2-two"})
    vault._clock.now += 60  # type: ignore[attr-defined]  # the tests' own
    before = len(server.asked)
    said: list[bool] = []
    threads = [threading.Thread(target=lambda: said.append(secret.refresh())) for _ in range(16)]
    renewal = threading.Thread(target=vault.renew)
    for one in (*threads, renewal):
        one.start()
    for one in (*threads, renewal):
        one.join(60)
        assert not one.is_alive()
    assert said == [True] * 16
    assert len(server.asked) == before + 1


def test_tokens_are_known_to_be_hidden(server: servers.Fake) -> None:
    vault = opened(server, **LOGINS["approle"])
    vault.secret("kv/webdav#password").reveal()
    (token,) = (one for one in server.tokens if one != server.root)
    assert tuple(vault.hidden) == (token,)


# ------------------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize("reference", ["kv", "kv/webdav", "#password", "kv#password", "kv/webdav#", "kv/web dav#x", ""])
def test_a_reference_that_is_none_is_told(server: servers.Fake, reference: str) -> None:
    with pytest.raises(ConfigError, match="vault:MOUNT/PATH#KEY"):
        opened(server).secret(reference)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, "address: is missing"),
        ({"address": "vault:8200"}, "address: is no address"),
        ({"address": "http://v", "auth": "ldap"}, "auth: 'ldap' is not one of token, approle, kubernetes, jwt"),
        ({"address": "http://v"}, "token: is missing; auth token needs it"),
        ({"address": "http://v", "auth": "approle", "role_id": Secret("x")}, "secret_id: is missing; auth approle needs it"),
        ({"address": "http://v", "auth": "kubernetes"}, "role: is missing; auth kubernetes needs it"),
        ({"address": "http://v", "token": Secret("x"), "layout": "seed"}, "mount: is missing"),
        ({"address": "http://v", "token": Secret("x"), "layout": "flat"}, "layout: 'flat' is neither"),
    ],
)
def test_settings_that_cannot_work_are_told_once_they_are_used(how: dict[str, Any], told: str) -> None:
    vault = Vault(VaultSettings(**how))
    with pytest.raises(ConfigError) as caught:
        vault.secret("kv/webdav#password")
    assert told in str(caught.value)


def test_in_no_pod_there_is_no_pod_s_token(server: servers.Fake) -> None:
    with pytest.raises(Unavailable, match=r"outside of a pod name one: \[vault\] jwt"):
        opened(server, auth="kubernetes", role="photod").secret("kv/webdav#password").reveal()
