"""The WebDAV source: what it takes, what it costs, and that a server in trouble never looks empty."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumen.errors import ConfigError, Unavailable
from albumen.model import Batch, Event
from albumen.plugins import Plugins
from albumen.sources.webdav import WebdavSource, WebdavSourceSettings
from albumen.testing.clock import FakeClock
from albumen.testing.queues import MemoryMemory
from albumen.testing.stores import content
from make.webdav import Made, made
from servers import dav, proxy
from servers.proxy import Proxy


@pytest.fixture(scope="module")
def server() -> Iterator[dav.Server]:
    with dav.serve("apache", base="/dav") as found:
        yield found


@pytest.fixture
def folder(server: dav.Server) -> Path:
    folder = server.folder / f"room{len(list(server.folder.iterdir()))}"
    folder.mkdir()
    server.give(folder)
    return folder


@pytest.fixture
def way(server: dav.Server, folder: Path) -> Iterator[Proxy]:
    with proxy.before(f"{server.url}/{folder.name}") as found:
        yield found


@pytest.fixture
def cloud(way: Proxy, tmp_path: Path) -> Iterator[Made]:
    with made(way.url, tmp_path, timeout=3.0) as found:
        yield found


class Eye:
    """A source that is asked by hand; time passes when a test says so, for us only: files are an hour old at their server."""

    def __init__(self, cloud: Made, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.memory = MemoryMemory()
        context = replace(cloud.context, clock=self.clock)
        self.source = WebdavSource(
            "box",
            WebdavSourceSettings("cloud", **settings),
            context,
            monotonic=lambda: self.clock.seconds,
        )

    def put(self, *names: str, data: bytes = b"bytes", age: float = 3600.0) -> None:
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (time.time() - age, time.time() - age))

    def look(self) -> list[Event]:
        """One look, everything kept."""
        events: list[Event] = []
        for batch in self.source.scan(self.memory):
            self.memory.commit(batch, ())
            events += batch.events
        return events

    def looks(self, number: int = 2) -> list[tuple[str, str]]:
        """Several, each a minute later."""
        found: list[tuple[str, str]] = []
        for _ in range(number):
            found += [(one.what, one.item.main.path) for one in self.look()]
            self.clock.advance(61)
        return found


# ------------------------------------------------------------------------------------------------------------- what it takes


def test_prefixes_choose_what_is_taken(cloud: Made, folder: Path) -> None:
    """S1-01: case counts, folders of such a name are no files, names with blanks, umlauts, % and # are names."""
    eye = Eye(cloud, folder, prefixes=("raw_", "ü "), patterns=("*.PNG", "*.jpg"))
    eye.put(
        "raw_1.png",
        "RAW_2.png",
        "raw_ 50 %#ü.jpg",
        "ü x.JPG",
        "other.png",
        "raw_.txt",
        "raw_folder/x.png",
        "raw_folder/raw_3.png",
    )
    assert sorted(path for _, path in eye.looks()) == ["raw_ 50 %#ü.jpg", "raw_1.png", "raw_folder/raw_3.png", "ü x.JPG"]


@pytest.mark.parametrize("given", [("a", "b"), '["a", "b"]', "a,b", " a , b "])
def test_prefixes_may_be_written_in_three_ways(given: Any) -> None:
    """S1-02."""
    assert WebdavSourceSettings("cloud", prefixes=given).prefixes == ("a", "b")


def test_an_empty_list_of_prefixes_takes_nothing_and_says_so(cloud: Made, folder: Path) -> None:
    """S1-02."""
    for given in ((), "[]", ""):
        eye = Eye(cloud, folder, prefixes=given)
        eye.put("a.jpg")
        assert eye.looks() == []
        assert any("takes all" in one or "take all" in one for one in eye.source.notes)
    eye = Eye(cloud, folder)
    assert [path for _, path in eye.looks()] == ["a.jpg"]
    assert eye.source.notes == ()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"every": 0.0}, "every: must be"),
        ({"every": -1.0}, "every: must be"),
        ({"settle": 0.0}, "settle: must be"),
        ({"path": "a/../b"}, "path: .* is no folder"),
        ({"prefixes": '["a", 3]'}, "prefixes: .* is no list of texts"),
        ({"prefixes": "[a"}, "prefixes: .* is no list of texts"),
    ],
)
def test_settings_that_cannot_be_are_told(settings: dict[str, Any], why: str) -> None:
    """S1-08 (part: 0 and negative)."""
    with pytest.raises(ValueError, match=why):
        WebdavSourceSettings("cloud", **settings)


def test_its_store_must_be_one_on_webdav(cloud: Made) -> None:
    other: Any = lambda _: object()  # noqa: E731
    context = replace(cloud.context, store=other)
    with pytest.raises(ConfigError, match="no store on WebDAV"):
        WebdavSource("box", WebdavSourceSettings("nas"), context)
    with pytest.raises(ConfigError, match="there is no store 'nowhere'"):
        WebdavSource("box", WebdavSourceSettings("nowhere"), cloud.context)
    assert Plugins().load("sources", "webdav") is WebdavSource


@pytest.mark.parametrize("path", ["", "in", "/in/", "in/"])
def test_its_folder_may_be_written_with_slashes(cloud: Made, folder: Path, path: str) -> None:
    """S1-27 (part)."""
    eye = Eye(cloud, folder, path=path)
    eye.put("in/a.jpg")
    assert eye.look() == []
    eye.clock.advance(61)
    (event,) = eye.look()
    assert (event.item.main.store, event.item.main.path) == ("cloud", "in/a.jpg")
    assert (event.item.source, event.item.root, event.item.move) == ("box", path.strip("/"), False)
    assert event.item.main == cloud.store.stat("in/a.jpg").main
    assert [one.path for one in eye.memory.all()] == ["a.jpg" if path else "in/a.jpg"]


def test_litter_empty_files_and_our_own_are_left(cloud: Made, folder: Path) -> None:
    eye = Eye(cloud, folder)
    cloud.store.establish()
    eye.put("a.jpg", "x.part", ".hidden.jpg", "@eaDir/x.jpg", ".albumen/trash/x.jpg", ".albumen-0-1.tmp")
    eye.put("empty.jpg", data=b"")
    assert eye.looks(3) == [("arrived", "a.jpg")]
    assert [(one.path, one.state, one.why) for one in eye.memory.set_aside()] == [("empty.jpg", "listed", "empty")]


def test_files_of_one_stem_come_as_one(cloud: Made, folder: Path) -> None:
    eye = Eye(cloud, folder, mode="move")
    eye.put("a.jpg", "a.jpg.xmp", "b.cr2", "b.jpg")
    eye.look()
    eye.clock.advance(61)
    items = [one.item for one in eye.look()]
    assert sorted((one.main.path, [ref.path for ref in one.companions]) for one in items) == [
        ("a.jpg", ["a.jpg.xmp"]),
        ("b.cr2", ["b.jpg"]),
    ]
    assert all(one.move for one in items)


def test_only_the_top_where_it_is_not_recursive(cloud: Made, folder: Path, way: Proxy) -> None:
    eye = Eye(cloud, folder, recursive=False)
    eye.put("a.jpg", "d/b.jpg")
    way.requests.clear()
    assert eye.looks() == [("arrived", "a.jpg")]
    assert not any(one.target.endswith("/d/") for one in way.requests)


# ------------------------------------------------------------------------------------------------------------ when it takes it


def test_what_was_just_written_waits_by_the_clock_of_the_server(cloud: Made, folder: Path) -> None:
    """Two equal looks are not enough while its time is that of a few seconds ago there, whatever our clock says."""
    eye = Eye(cloud, folder)
    eye.put("young.jpg", age=-2)  # the server's disk and its clock are not one
    eye.put("given.jpg", age=-86400)  # a time of tomorrow was given to it
    eye.put("old.jpg", age=15)
    assert sorted(eye.looks(4)) == [("arrived", "given.jpg"), ("arrived", "old.jpg")]
    eye.put("young.jpg", age=15)
    assert eye.looks(3) == [("arrived", "young.jpg")]


def test_waiting_ends_when_a_look_is_worth_it(cloud: Made, folder: Path) -> None:
    """S1-08 (part: a look each ``every``, earlier when a file may be ready)."""
    context = cloud.context
    source = WebdavSource("box", WebdavSourceSettings("cloud", every=3.0, settle=1.0), context)
    memory = MemoryMemory()
    stop = threading.Event()
    list(source.scan(memory))
    began = time.monotonic()
    source.wait(stop, 60.0)
    assert 2.0 < time.monotonic() - began < 50
    Eye(cloud, folder).put("a.jpg")
    list(source.scan(memory))
    began = time.monotonic()
    source.wait(stop, 60.0)
    first = time.monotonic() - began
    events = [one for batch in source.scan(memory) for one in batch.events]
    assert [one.item.main.path for one in events] == ["a.jpg"]
    assert 0.5 < first < 50
    stop.set()
    began = time.monotonic()
    source.wait(stop, 60.0)
    assert time.monotonic() - began < 50


# ---------------------------------------------------------------------------------------------------------- never empty by accident


def remembered(eye: Eye) -> dict[str, str]:
    return {one.path: one.state for one in eye.memory.all()}


@pytest.mark.parametrize("how", ["hole", "reset", "503", "login", "nothing", "404", "403", "cut"])
def test_a_server_in_trouble_is_away_and_not_empty(cloud: Made, folder: Path, way: Proxy, how: str) -> None:
    """S1-10 (part: a source that cannot be reached never looks empty)."""
    eye = Eye(cloud, folder, path="in")
    eye.put(*(f"in/{number}.jpg" for number in range(6)))
    assert len(eye.looks()) == 6
    if how in {"hole", "reset"}:
        getattr(way, how)()
    elif how == "cut":
        way.fault(proxy.cut(900))
    else:
        empty = b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"></D:multistatus>'
        answers = {"503": (503, b""), "login": (200, b"<html>"), "nothing": (207, empty), "404": (404, b""), "403": (403, b"")}
        status, body = answers[how]
        way.fault(proxy.answer(status, {}, body))
    for _ in range(3):
        with pytest.raises(Unavailable):
            eye.look()
        eye.clock.advance(61)
    assert set(remembered(eye).values()) == {""}
    way.heal()
    assert eye.looks() == []
    assert set(remembered(eye).values()) == {""}


def test_a_landslide_is_held_back_until_it_is_confirmed(cloud: Made, folder: Path) -> None:
    eye = Eye(cloud, folder)
    eye.put(*(f"d/{number}.jpg" for number in range(8)))
    assert len(eye.looks()) == 8
    for number in range(7):
        (folder / f"d/{number}.jpg").unlink()
    eye.put("new.jpg")
    assert eye.looks(4) == [("arrived", "new.jpg")]
    refused = eye.memory.refused()
    assert refused is not None
    assert "7 of 9 files are missing at once" in refused.why
    held = [replace(one, state="agreed") for one in eye.memory.all() if one.state == "held"]
    eye.memory.commit(Batch(seen=tuple(held)), ())  # what `confirm` does
    assert sorted(eye.looks()) == [("gone", f"d/{number}.jpg") for number in range(7)]
    assert eye.memory.refused() is None


def test_an_emptied_folder_is_held_back_unless_its_files_are_ours_to_take(cloud: Made, folder: Path) -> None:
    for mode, held in (("copy", True), ("move", False)):
        eye = Eye(cloud, folder, path="in", mode=mode)
        eye.put("in/a.jpg", "in/b.jpg")
        assert len(eye.looks()) == 2
        for name in ("a.jpg", "b.jpg"):
            (folder / "in" / name).unlink()
        assert eye.looks(3) == []
        assert (eye.memory.refused() is not None) == held
        assert list(remembered(eye)) == (["a.jpg", "b.jpg"] if held else [])


def test_a_folder_that_may_not_be_looked_into_hides_nothing(cloud: Made, folder: Path, way: Proxy) -> None:
    eye = Eye(cloud, folder)
    eye.put("a.jpg", "secret/b.jpg", "secret/deep/c.jpg")
    assert len(eye.looks()) == 3
    way.fault(proxy.answer(403), when=lambda one: "/secret" in one.target)
    eye.put("new.jpg")
    assert eye.looks(3) == [("arrived", "new.jpg")]
    assert set(remembered(eye).values()) == {""}
    assert any("secret" in one for one in eye.source.notes)
    way.heal()
    assert eye.looks() == []
    assert eye.source.notes == ()


def test_what_is_missed_once_and_found_again_is_as_before(cloud: Made, folder: Path) -> None:
    eye = Eye(cloud, folder)
    eye.put(*(f"{number}.jpg" for number in range(6)))
    assert len(eye.looks()) == 6
    (folder / "3.jpg").rename(folder / ".away")
    assert eye.looks(1) == []
    assert remembered(eye)["3.jpg"] == "missing"
    (folder / ".away").rename(folder / "3.jpg")
    assert eye.looks() == []
    assert set(remembered(eye).values()) == {""}


# -------------------------------------------------------------------------------------------------------------------- the cost


def test_an_unchanged_folder_costs_two_requests(cloud: Made, folder: Path, way: Proxy) -> None:
    """One to know the place, one for the folder; however many files are in it."""
    eye = Eye(cloud, folder)
    for round in range(2):
        if round:
            cloud.store.establish()
        eye.put(*(f"{number}.jpg" for number in range(50)))
        eye.looks()
        for _ in range(3):
            way.requests.clear()
            assert eye.looks(1) == []
            assert way.count() == 2
    cloud.store.put("d/x.jpg", content(b"x"))
    eye.looks()
    way.requests.clear()
    eye.looks(1)
    assert way.count() == 3
