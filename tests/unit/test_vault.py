"""``[vault]`` among the settings: references, the second seed's variables and layout. What Vault itself does: tests/integration."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from albumen.config import hidden, load
from albumen.errors import ConfigError, Unavailable
from albumen.plugins import Plugins
from albumen.secrets import Secret
from albumen.senders import senders
from albumen.settings import Settings
from albumen.vaulted import unsorted_folder
from make.receivers import hook
from servers import vault as servers

STORE = """
[store.hub]
type = "webdav"
url = "vault:kv/webdav#url"
user = "vault:kv/webdav#username"
password = "vault:kv/webdav#password"
[library]
store = "hub"
[notify]
url = "vault:kv/alert#url"
[metrics]
listen = "0.0.0.0:9464"
token = "vault:kv/alert#token"
"""


@pytest.fixture
def server() -> Iterator[servers.Fake]:
    """A Vault that holds all that the second seed's README shows."""
    with servers.running() as made:
        webdav = {"host_url": "https://webdav.example.com/remote.php/webdav/", "url": "https://webdav.example.com/dav/anna/"}
        for mount in ("kv", "secret"):
            made.put(mount, "webdav", {**webdav, "username": "anna", "password": "hunter2-one"})
            scaler = {
                "RAW_NAMES_PREFIXES": ["Unknown"],
                "RAW_REMOTE_DIR": "data/AI/_raw",
                "UNSORTED_REMOTE_DIR": "data/AI/_unsorted",
            }
            made.put(mount, "scaler_constants", scaler)
            mover = {"IMAGES_ROOT_DIR": "data/AI/organized", "UNSORTED_REMOTE_DIR": "data/AI/_unsorted", "PARENT_TAG_VALUE": "ai"}
            made.put(mount, "mover_constants", mover)
        made.put("kv", "alert", {"url": "https://chat.example.org/hooks/h00k-path", "token": "a token as long as it must be"})
        yield made
        for one in made.clients:
            one.close()


def loaded(
    server: servers.Fake, folder: pathlib.Path, text: str = "", env: dict[str, str] | None = None, own: str = ""
) -> Settings:
    """The settings of a file with this Vault in it; ``own`` stands in its section, instead of a token."""
    login = own or f'token = "{server.root}"'
    (folder / "albumen.toml").write_text(f'[vault]\naddress = "{server.url}"\n{login}\n{text}')
    found = load(str(folder / "albumen.toml"), env or {}, {}, Plugins().kinds())
    server.clients.append(found.secrets)
    return found


def test_secrets_are_asked_for_when_they_are_needed_and_names_at_once(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    """S1-15 (part: ``vault:mount/path#key``)."""
    found = loaded(server, tmp_path, STORE)
    hub = found.stores["hub"].options
    assert (hub.url, hub.user) == ("https://webdav.example.com/dav/anna/", "anna")
    assert hub.password.peek() is None
    assert hub.password.reveal() == "hunter2-one"
    assert server.of("/v1/kv/data/alert") == []
    assert "hunter2" not in repr(found)


def test_settings_are_read_while_vault_is_sealed_unless_a_name_is_kept_there(
    server: servers.Fake, tmp_path: pathlib.Path
) -> None:
    server.sealed = True
    text = STORE.replace('"vault:kv/webdav#url"', '"https://x/"').replace('"vault:kv/webdav#username"', '"anna"')
    found = loaded(server, tmp_path, text)
    with pytest.raises(Unavailable, match="is sealed"):
        found.stores["hub"].options.password.reveal()
    assert found.notify.url
    with pytest.raises(Unavailable, match="is sealed"):
        loaded(server, tmp_path, STORE)


def test_the_second_seed_s_variables_are_read_and_ours_win(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    """S1-15 (part: ``VAULT_*`` as aliases, ``ALBUMEN_…`` wins)."""
    theirs = {
        "VAULT_ADDR": server.url,
        "VAULT_AUTH_TYPE": "approle",
        "VAULT_APPROLE_ID": server.role_id,
        "VAULT_APPROLE_SECRET_ID": server.secret_id,
        "VAULT_NAMESPACE": "team",
    }
    (tmp_path / "albumen.toml").write_text(STORE)

    def password(env: dict[str, str]) -> str:
        found = load(str(tmp_path / "albumen.toml"), env, {}, Plugins().kinds())
        server.clients.append(found.secrets)
        secret: Secret = found.stores["hub"].options.password
        return secret.reveal()

    server.namespace = "team"
    assert password(theirs) == "hunter2-one"
    server.namespace = "other"
    assert password({**theirs, "ALBUMEN_VAULT_NAMESPACE": "other"}) == "hunter2-one"
    pod = {"VAULT_ADDR": server.url, "VAULT_AUTH_TYPE": "kubernetes", "ALBUMEN_VAULT_ROLE": server.role}
    server.namespace = ""
    assert password({**pod, "VAULT_KUBERNETES_SA_TOKEN": server.jwt}) == "hunter2-one"
    assert password({"VAULT_ADDR": server.url, "VAULT_TOKEN": server.root}) == "hunter2-one"


def test_somebody_else_s_variables_harm_nobody(tmp_path: pathlib.Path) -> None:
    (tmp_path / "albumen.toml").write_text("")
    env = {"VAULT_ADDR": "nonsense", "VAULT_AUTH_TYPE": "userpass", "VAULT_TOKEN": "t"}
    assert not load(str(tmp_path / "albumen.toml"), env, {}, Plugins().kinds()).secrets


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ('auth = "approle"', "[vault] role_id: is missing; auth approle needs it"),
        ('auth = "tokne"', "[vault] auth: 'tokne' is not one of"),
        ('tokne = "x"', "there is no such key; did you mean 'token'?"),
        ('token = "vault:kv/a#b"', "cannot be asked for at this place"),
        ('token = "env:NONE"', "the environment variable NONE is not set or empty"),
    ],
)
def test_what_is_wrong_with_the_section_is_named(server: servers.Fake, tmp_path: pathlib.Path, own: str, told: str) -> None:
    """S1-15 (part: names of missing settings)."""
    with pytest.raises(ConfigError) as caught:
        loaded(server, tmp_path, STORE, own=own)
    assert told in str(caught.value)


def test_a_reference_without_a_vault_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "albumen.toml").write_text(STORE)
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path / "albumen.toml"), {}, {}, Plugins().kinds())
    assert any(
        "[store.hub] password: vault:kv/webdav#password: [vault] address: is missing" in one for one in caught.value.problems
    )


def test_without_its_library_it_says_what_to_install(
    server: servers.Fake, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albumen.vault.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"pip install 'albumen\[vault\]'"):
        loaded(server, tmp_path, STORE)
    assert loaded(server, tmp_path)  # who uses nothing of it needs nothing


def test_equal_settings_stay_equal_while_their_secrets_change(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    """So that SIGHUP does not begin anew because a password was rotated."""
    text = STORE.replace('"vault:kv/webdav#username"', '"anna"')
    one = loaded(server, tmp_path, text)
    one.stores["hub"].options.password.reveal()
    server.put("kv", "webdav", {"url": "https://webdav.example.com/dav/anna/", "password": "hunter2-two"})
    assert loaded(server, tmp_path, text) == one
    assert loaded(server, tmp_path, text.replace("#password", "#passwort")) != one


def test_values_and_tokens_are_known_to_be_hidden_as_they_come(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    login = 'auth = "approle"\nrole_id = "env:ROLE"\nsecret_id = "env:ID"'
    found = loaded(server, tmp_path, STORE, {"ROLE": server.role_id, "ID": server.secret_id}, login)
    assert "hunter2-one" not in set(hidden(found))
    found.stores["hub"].options.password.reveal()
    assert found.notify.url
    found.notify.url.reveal()
    (token,) = (one for one in server.tokens if one != server.root)
    assert {"hunter2-one", token, server.secret_id, "hooks/h00k-path"} <= set(hidden(found))


# ------------------------------------------------------------------------------------------------------------- the seed's layout


def test_the_second_seed_s_layout_is_read_as_it_stands(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    """S1-15 (part: ``layout = "seed"``), S1-27 (part: the README's values)."""
    found = loaded(server, tmp_path, 'layout = "seed"\nnamespace = "secret"\n')
    hub = found.stores["hub"]
    assert (hub.type, hub.options.url, hub.options.user) == ("nextcloud", "https://webdav.example.com", "anna")
    assert hub.options.password.reveal() == "hunter2-one"
    raw, tagged = found.sources["raw"].options, found.sources["tagged"].options
    assert (raw.path, raw.prefixes, raw.every) == ("data/AI/_raw", ("Unknown",), 30.0)
    assert (tagged.path, tagged.parent_tag) == ("data/AI/_unsorted", "ai")
    assert found.steps["double"].options.to == "hub:data/AI/_unsorted"
    assert found.steps["double"].options.factor == 2
    assert found.steps["sort"].options.root == "data/AI/organized"
    assert [(one.source, one.steps) for one in found.routes] == [("raw", ("catalog", "double")), ("tagged", ("catalog", "sort"))]
    assert set(found.sources) == {"raw", "tagged"}  # nothing of the defaults is watched
    assert all("x-vault-namespace" not in one for one in server.headers)  # there it is the mount's name


@pytest.mark.parametrize("said", ['["Unknown", "raw_"]', ["Unknown", "raw_"], "Unknown, raw_"])
def test_prefixes_may_be_a_list_or_a_text_that_holds_one(server: servers.Fake, tmp_path: pathlib.Path, said: Any) -> None:
    folders = {"RAW_REMOTE_DIR": "/data/AI/_raw/", "UNSORTED_REMOTE_DIR": "data/AI/_unsorted"}
    server.put("kv", "scaler_constants", {**folders, "RAW_NAMES_PREFIXES": said})
    raw = loaded(server, tmp_path, 'layout = "seed"\nmount = "kv"\n').sources["raw"].options
    assert (raw.path, raw.prefixes) == ("data/AI/_raw", ("Unknown", "raw_"))


def test_what_a_person_writes_goes_before_it(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    text = """
layout = "seed"
mount = "kv"
[store.hub]
limit = 2
type = "nextcloud"
[store.nas]
type = "local"
root = "nas"
[library]
store = "nas"
[step.double]
factor = 4
type = "scale"
[[route]]
from = "raw"
steps = ["catalog"]
"""
    found = loaded(server, tmp_path, text)
    assert (found.stores["hub"].options.limit, found.stores["hub"].options.user) == (2, "anna")
    assert (found.steps["double"].options.factor, found.steps["double"].options.to) == (4, "hub:data/AI/_unsorted")
    assert [(one.source, one.steps) for one in found.routes] == [("raw", ("catalog",)), ("tagged", ("catalog", "sort"))]
    assert set(found.stores) == {"hub", "nas"}


def test_one_half_of_it_is_enough_and_what_is_missing_is_named(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    text = 'layout = "seed"\nmount = "kv"\n'
    server.secrets.pop(("kv", "mover_constants"))
    assert set(loaded(server, tmp_path, text).sources) == {"raw"}
    server.put("kv", "scaler_constants", {"RAW_REMOTE_DIR": "x"})
    with pytest.raises(ConfigError) as caught:
        loaded(server, tmp_path, text)
    assert caught.value.problems == (
        '[vault] layout "seed": kv/scaler_constants has no UNSORTED_REMOTE_DIR',
        '[vault] layout "seed": kv/scaler_constants has no RAW_NAMES_PREFIXES',
    )
    server.secrets.pop(("kv", "scaler_constants"))
    with pytest.raises(ConfigError, match="has no scaler_constants and no mover_constants in kv"):
        loaded(server, tmp_path, text)
    server.secrets.pop(("kv", "webdav"))
    with pytest.raises(ConfigError, match="has no webdav in kv"):
        loaded(server, tmp_path, text)
    server.sealed = True
    with pytest.raises(Unavailable, match="is sealed"):
        loaded(server, tmp_path, text)


@pytest.mark.parametrize(
    ("root", "said", "scaled", "folder"),
    [
        ("data/AI/organized", "data/AI/_unsorted", "", "data/AI/_unsorted"),  # the README: two paths side by side
        ("data/AI/organized", "_unsorted", "", "data/AI/organized/_unsorted"),  # the newest program: below the root
        ("data/AI/organized", "/_unsorted", "", "_unsorted"),
        ("data/AI/organized", "/data/AI/_unsorted/", "", "data/AI/_unsorted"),
        ("images", "images/_unsorted", "", "images/_unsorted"),
        ("images", "inbox/new", "inbox/new", "inbox/new"),  # where the scaler puts its results
        ("images", "inbox/new", "", "images/inbox/new"),
    ],
)
def test_the_unsorted_folder_is_a_whole_path_or_one_below_the_root(root: str, said: str, scaled: str, folder: str) -> None:
    """S1-27."""
    assert unsorted_folder(root, said, scaled) == folder


# -------------------------------------------------------------------------------------------------------- who uses such secrets


def test_a_word_goes_to_where_vault_says_now(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    text = STORE.replace('"vault:kv/webdav#url"', '"https://x/"').replace('"vault:kv/webdav#username"', '"anna"')
    notify = loaded(server, tmp_path, text).notify
    (sender,) = senders(notify)
    assert notify.url
    now = 0.0
    for _ in range(2):  # a new address each time
        with hook() as receiver:
            server.put("kv", "alert", {"url": receiver.url})
            now += 60
            server.clients[-1]._clock = lambda at=now: at
            notify.url.refresh()
            assert sender.send("test", "hello", [], 0) == ""
            assert len(receiver.told) == 1
    server.put("kv", "alert", {"url": "geheim, no address"})
    server.clients[-1]._clock = lambda: now + 60
    notify.url.refresh()
    with pytest.raises(Unavailable) as caught:
        sender.send("test", "hello", [], 0)
    assert "geheim" not in str(caught.value)


def test_a_token_in_vault_is_looked_at_before_anybody_is_let_in(server: servers.Fake, tmp_path: pathlib.Path) -> None:
    text = STORE.replace('"vault:kv/webdav#url"', '"https://x/"').replace('"vault:kv/webdav#username"', '"anna"')
    server.put("kv", "alert", {"url": "https://x/", "token": "short"})
    found = loaded(server, tmp_path, text)
    with pytest.raises(ConfigError, match=r"\[metrics\] token: is too short"):
        found.metrics.admit()
    server.sealed = True
    with pytest.raises(Unavailable, match="is sealed"):
        loaded(server, tmp_path, text).metrics.admit()
