"""The store on WebDAV keeps the contract on three real servers, below a base path and with a login, and over TLS."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Store
from albumen.secrets import Secret
from albumen.stores.webdav import WebdavSettings, WebdavStore
from albumen.testing.contracts_store import StoreContract
from servers import dav
from servers.tls import Authority

USERS = {"me@example.org": "a secret: with everything / in it äöü"}


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dav.Server]:
    """One for all tests of a class."""
    authority = Authority.make(tmp_path_factory.mktemp("tls")) if request.cls.tls else None
    with dav.serve(request.cls.kind, base="/remote.php/da v", users=USERS, tls=authority) as found:
        yield found


class OnServer(StoreContract):
    """Each test has a new folder of one server."""

    kind: ClassVar[dav.Kind]
    tls: ClassVar[bool] = False
    keeps_times = False  # none of the three takes the time of an upload

    @pytest.fixture
    def store(self, tmp_path: Path, server: dav.Server) -> Iterator[Store]:
        name = f"test {len(list(server.folder.iterdir()))}"
        (server.folder / name).mkdir()
        server.give(server.folder / name)
        ca = str(server.tls.ca) if server.tls else ""
        ((user, password),) = USERS.items()
        address = f"{server.url}/{name}".replace(" ", "%20")
        owners = Owners(str(tmp_path))
        store = WebdavStore("dav", WebdavSettings(address, user, Secret(password), ca=ca), Context(str(tmp_path), owners))
        yield store
        store.close()
        owners.close()


class TestWsgiDav(OnServer):
    kind = "wsgidav"


class TestApache(OnServer):
    kind = "apache"


class TestRclone(OnServer):
    kind = "rclone"


class TestWsgiDavByTls(OnServer):
    kind = "wsgidav"
    tls = True


class TestApacheByTls(OnServer):
    kind = "apache"
    tls = True


class TestRcloneByTls(OnServer):
    kind = "rclone"
    tls = True
