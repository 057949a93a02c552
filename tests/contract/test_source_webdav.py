"""The source on WebDAV keeps the contract on three real servers; what people do is done through another client, or on the server's
disk."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from albumen.model import Ref
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.sources.webdav import WebdavSource, WebdavSourceSettings
from albumen.stores.webdav import WebdavSettings, WebdavStore
from albumen.testing.clock import FakeClock
from albumen.testing.contracts_source import GoneContract, Looking, SettlingContract, SourceContract
from servers import dav


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest) -> Iterator[dav.Server]:
    """One for all tests of a class."""
    with dav.serve(request.cls.kind, base="/dav") as found:
        yield found


class ServedPlace:
    """A folder of a server. Time passes when a test says so, for us; the server has its own clock, so files are an hour old."""

    def __init__(self, server: dav.Server, name: str, state: str) -> None:
        self.server = server
        self.root = server.folder / name / "in box"
        self.root.mkdir(parents=True)
        server.give(self.root)
        self.clock = FakeClock()
        self._owners = Owners(state)
        self.store = WebdavStore("dav", WebdavSettings(f"{server.url}/{name}"), Context(state, self._owners))
        self._context = Context(state, self._owners, {"dav": self.store}.__getitem__, clock=self.clock)
        self._growing = ""
        self._age = time.time_ns() - 3600 * 10**9

    def put(self, name: str, data: bytes = b"bytes", *, modified: int | None = None) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name("~fresh")  # a new inode each time, as servers write
        fresh.write_bytes(data)
        self._age += 10**9
        os.utime(fresh, ns=(modified or self._age, modified or self._age))
        fresh.rename(path)
        self.server.give(path)

    def grow(self, name: str) -> None:
        with (self.root / name).open("ab") as file:
            file.write(b"more")
        self._growing = name

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def name(self, ref: Ref) -> str:
        return ref.path.removeprefix("in box/")

    def source(self) -> WebdavSource:
        settings = WebdavSourceSettings("dav", "/in box/")
        alone = lambda names: ((name, ()) for name in names)  # noqa: E731  # every file an item of its own
        return WebdavSource("box", settings, self._context, monotonic=lambda: self.clock.seconds, group=alone)

    def rest(self) -> None:
        self.clock.advance(61)
        if self._growing:  # the server's clock goes on, too
            os.utime(self.root / self._growing, ns=(self._age, self._age))

    def blink(self) -> None:
        self.clock.advance(3)

    def close(self) -> None:
        self.store.close()
        self._owners.close()


class OnServer(SourceContract, GoneContract, SettlingContract):
    """Each test has a new folder of one server."""

    kind: ClassVar[dav.Kind]
    odd: ClassVar[tuple[str, ...]] = ()  # names of bytes that this server gives as they are

    @pytest.fixture
    def place(self, server: dav.Server, tmp_path: Path) -> Iterator[ServedPlace]:
        place = ServedPlace(server, f"test {len(list(server.folder.iterdir()))}", str(tmp_path))
        yield place
        place.close()

    @pytest.fixture
    def growing(self, place: ServedPlace) -> ServedPlace:
        return place

    def test_names_are_bytes(self, place: ServedPlace, looking: Looking) -> None:  # type: ignore[override]
        names = [" blank .jpg", "n" * 251 + ".jpg", "ü.jpg", "u\u0308.jpg", "50 %.jpg", "%41.jpg", "a#b.jpg", "#c.jpg", "q?x=1.jpg",
                 "?.jpg", "semi;colon.jpg", "a&b+c.jpg", "'\"<>[]{}.jpg", "百年.jpg", "...jpg", *self.odd]  # fmt: skip
        for name in names:
            place.put(name)
        assert sorted(looking.offers(place.source(), looks=4)) == sorted(one for one in names if not one.startswith("."))


class TestApacheSource(OnServer):
    kind = "apache"
    odd = ("\udcff\udcfe.jpg", "two\nlines.jpg")


class TestWsgiDavSource(OnServer):
    kind = "wsgidav"


class TestRcloneSource(OnServer):
    kind = "rclone"

    @pytest.mark.slow  # without its cache, which would hide what a test puts on its disk, rclone reads a folder for each file in it
    def test_many_come_in_pieces(self, place: ServedPlace, looking: Looking) -> None:  # type: ignore[override]
        super().test_many_come_in_pieces(place, looking)
