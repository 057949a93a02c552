"""The store on Nextcloud keeps the contract on the fake of 34 and 28, below a base path, and over TLS."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Store
from albumen.secrets import Secret
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from albumen.testing.contracts_store import StoreContract
from servers import nextcloud
from servers.tls import Authority

PASSWORD = "a secret: with everything / in it äöü"


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[nextcloud.Server]:
    """One for all tests of a class."""
    authority = Authority.make(tmp_path_factory.mktemp("tls")) if request.cls.tls else None
    with nextcloud.serve(request.cls.version, {"photod": PASSWORD}, base=request.cls.below, tls=authority) as found:
        found.authority = authority
        yield found


class OnServer(StoreContract):
    """Each test has a new folder of the account."""

    version: ClassVar[int]
    grain = 1_000_000_000
    below: ClassVar[str] = ""
    tls: ClassVar[bool] = False

    @pytest.fixture
    def store(self, tmp_path: Path, server: nextcloud.Server) -> Iterator[Store]:
        root = f"test {len(server.node('photod', '').children)}/ä#%41"
        server.mkdir("photod", root)
        owners = Owners(str(tmp_path))
        ca = str(server.authority.ca) if server.authority else ""
        settings = NextcloudSettings(server.url, "photod", Secret(PASSWORD), root=root, ca=ca)
        store = NextcloudStore("hub", settings, Context(str(tmp_path), owners))
        yield store
        store.close()
        owners.close()


class TestNextcloud34(OnServer):
    version = 34


class TestNextcloud28(OnServer):
    version = 28


class TestNextcloud34BelowAPathByTls(OnServer):
    version = 34
    below = "/cloud"
    tls = True
