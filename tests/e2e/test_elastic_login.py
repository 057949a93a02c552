"""The catalog behind HTTPS and a login: by password, key and token, with an authority of one's own."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command import Home
from make import jpeg
from make.daemons import CONFIG, until
from servers import door, elastic
from servers.tls import Authority

pytestmark = pytest.mark.timeout(600)  # the first start of a server may build it

USER, PASSWORD, KEY, TOKEN = "anna", "pa55-Wq8-of-the-catalog", "a2V5LWlkOktleS1WbDQ", "tok3n-Rt6-of-the-catalog"
WRONG = "wr0ng-Zy1-of-the-catalog"
SECRETS = (PASSWORD, KEY, TOKEN, WRONG)
COMMANDS = (
    ("check",),
    ("check", "--json"),
    ("check", "-v"),
    ("status", "--json"),
    ("import", "in", "-v"),
    ("find", "--json"),
    ("export",),
    ("backup",),
    ("run", "--idle-exit", "1", "-v"),
)


@dataclasses.dataclass(frozen=True)
class Door:
    url: str
    ca: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as url:
        yield url


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[Door]:
    """A node behind a door that these logins open."""
    authority = Authority.make(tmp_path_factory.mktemp("ca"))
    with door.before(server, authority, user=(USER, PASSWORD), api_key=KEY, token=TOKEN) as way:
        yield Door(way, authority.ca)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    jpeg(str(tmp_path / "in/1.jpg"), when="2021:07:01 10:00:00")
    (tmp_path / "inbox").mkdir()
    return Home(tmp_path, switched=False)


def configure(home: Home, url: str, lines: str) -> None:
    section = f'[catalog]\ntype = "elasticsearch"\nurls = ["{url}"]\nindex = "{elastic.index_of(home.path)}"\n'
    (home.path / "albumen.toml").write_text(CONFIG + section + lines)


def all_said(home: Home, env: dict[str, str] | None = None, commands: tuple[tuple[str, ...], ...] = COMMANDS) -> str:
    found = ""
    for words in commands:
        ran = home.run(*words, env=env)
        found += ran.out + ran.err
    for path in [*(home.path / "state").rglob("*"), *(home.path / "library").rglob("*")]:
        found += path.read_bytes().decode(errors="replace") if path.is_file() else ""
    return found


@pytest.mark.parametrize("login", ["password", "api_key", "token"])
def test_each_login_opens_it_and_is_never_shown(home: Home, locked: Door, login: str) -> None:
    (home.path / "secret").write_text(KEY + "\n")
    (home.path / "secret").chmod(0o600)
    lines = {
        "password": f'user = "{USER}"\npassword = "env:CATALOG_PASSWORD"\n',
        "api_key": 'api_key = "file:secret"\n',
        "token": 'token = "env:CATALOG_TOKEN"\n',
    }
    env = {"CATALOG_PASSWORD": PASSWORD, "CATALOG_TOKEN": TOKEN}
    configure(home, locked.url, f'ca = "{locked.ca}"\n' + lines[login])
    home.run("import", "in", code=0, env=env)
    assert len(home.run("find", "--json", code=0, env=env).rows) == 1
    assert "1 records" in home.run("check", code=0, env=env).out
    said = all_said(home, env)
    assert [one for one in SECRETS if one in said] == []


@pytest.mark.parametrize(
    "line", [f'user = "{USER}"\npassword = "{WRONG}"\n', f'api_key = "{WRONG}"\n', f'token = "{WRONG}"\n', ""]
)
def test_a_wrong_login_is_told_and_not_shown(home: Home, locked: Door, line: str) -> None:
    configure(home, locked.url, f'ca = "{locked.ca}"\n{line}')
    assert f"Elasticsearch at {locked.url} does not know our user or key: see [catalog]" in home.run("check", code=1).err
    assert home.run("status", code=1).lines[0].count("does not know our user or key") == 1
    assert home.run("import", "in", code=1).err.count("does not know our user or key") >= 1
    assert WRONG not in all_said(home)


def shut(home: Home) -> list[str]:
    return [one["place"] for one in home.run("status", "--json").rows[0]["circuits"]]


@pytest.mark.slow
def test_a_key_that_becomes_another_one_needs_no_restart(home: Home, server: str, tmp_path: Path) -> None:
    """The server refuses the old one from then on: what arrives waits until the file has the new one."""
    authority, key = Authority.make(tmp_path / "ca"), [KEY]
    (home.path / "secret").write_text(KEY)
    with door.before(server, authority, api_key=lambda: key[0]) as way:
        configure(home, way, f'ca = "{authority.ca}"\napi_key = "file:secret"\n')
        with home.started("run"):
            jpeg(home / "inbox/2.jpg", when="2021:07:02 10:00:00")
            until(lambda: len(home.filed()) == 1, 90)
            key[0] = "bmV3LWlkOm5ldy1rZXktVmw0"
            jpeg(home / "inbox/3.jpg", when="2021:07:03 10:00:00")
            until(lambda: shut(home) == ["catalog"], 90)
            assert "does not know our user or key" in home.run("status", code=1).lines[0]
            (home.path / "secret").write_text(key[0])
            until(lambda: len(home.filed()) == 2, 150)
            until(lambda: home.run("status").code == 0, 90)
            key[0], now = KEY, key[0]  # and both at once, as it should be done: nobody notices
            (home.path / "secret").write_text(KEY)
            jpeg(home / "inbox/4.jpg", when="2021:07:04 10:00:00")
            until(lambda: len(home.filed()) == 3, 90)
    assert now not in all_said(home, commands=(("check", "-v"), ("status", "--json")))


def test_a_server_whose_certificate_nobody_signed_is_not_talked_to(home: Home, locked: Door, tmp_path: Path) -> None:
    """Neither with the authorities of this machine, nor with another one of one's own."""
    other = Authority.make(tmp_path / "other")
    for line in ("", f'ca = "{other.ca}"\n'):
        configure(home, locked.url, line + f'token = "{TOKEN}"\n')
        err = home.run("check", code=1).err
        assert "cannot be reached" in err
        assert "certificate" in err
        assert TOKEN not in all_said(home, commands=(("check", "-v"), ("status", "--json"), ("find",)))


def test_a_certificate_for_another_name_is_refused(home: Home, tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "ca")
    with door.before("http://127.0.0.1:9", authority, token=TOKEN, name="elastic.lan") as url:
        configure(home, url, f'ca = "{authority.ca}"\ntoken = "{TOKEN}"\n')
        assert "certificate" in home.run("check", code=1).err


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f'urls = ["https://{USER}:{PASSWORD}@elastic.lan"]', "urls: holds a user or a password"),
        (f'urls = ["{USER}:{PASSWORD}@elastic.lan"]', "urls: "),
        (f'password = "{PASSWORD}"', "user: is missing for the password"),
        (f'user = "{USER}"\npassword = "{PASSWORD}"\ntoken = "{TOKEN}"', "one way to log in is enough"),
        ('password = "env:NOWHERE"', "the environment variable NOWHERE is not set or empty"),
        ('urls = []\nca = ""', "ca: is empty; name a folder"),
        (f'pasword = "{PASSWORD}"', "there is no such key; did you mean 'password'?"),
        ('index = "Photos"', "index: is no name of an index"),
    ],
)
def test_mistakes_of_its_settings_are_told_with_the_others_and_no_secret_with_them(home: Home, lines: str, told: str) -> None:
    text = CONFIG.replace("settle", "setle") + f'[catalog]\ntype = "elasticsearch"\n{lines}\n'
    (home.path / "albumen.toml").write_text(text)
    ran = home.run("check", code=2)
    assert told in ran.err, ran
    assert "did you mean 'settle'" in ran.err
    assert [one for one in SECRETS if one in ran.out + ran.err] == []
