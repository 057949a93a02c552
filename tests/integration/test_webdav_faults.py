"""Whatever a WebDAV server or the way to it does wrong: nothing is lost, doubled or half there, and nothing looks empty."""

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Content
from albumen.secrets import Secret
from albumen.stores.dav.session import Severed
from albumen.stores.webdav import WebdavStore
from albumen.testing.stores import content, read
from make.webdav import files, made
from servers import dav, proxy
from servers.proxy import Answered, Fault, Proxy
from servers.tls import Authority

DATA = b"one picture " * 5000
DOORS = ("stat", "list", "open", "put", "delete", "move", "copy", "ping")


@pytest.fixture(scope="module", params=dav.KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[dav.Server]:
    with dav.serve(request.param, base="/a/b") as found:
        yield found


@pytest.fixture(scope="module")
def apache() -> Iterator[dav.Server]:
    with dav.serve("apache", base="/a/b") as found:
        yield found


@pytest.fixture
def way(apache: dav.Server) -> Iterator[Proxy]:
    with proxy.before(f"{apache.url}/{apache.room().name}") as found:
        yield found


@pytest.fixture
def folder(apache: dav.Server, way: Proxy) -> Path:
    return apache.folder / way.url.rpartition("/")[2]


@pytest.fixture
def store(way: Proxy, tmp_path: Path) -> Iterator[WebdavStore]:
    """With two files in it."""
    with made(way.url, tmp_path, timeout=3.0) as found:
        found.store.put("d/x.jpg", content(DATA))
        found.store.put("y.jpg", content(b"another"))
        way.requests.clear()
        yield found.store


def aged(path: Path) -> None:
    """Nobody wrote to it just now: Apache's ETag of a young file is weak, and we wait until it is not."""
    os.utime(path, (time.time() - 3600, time.time() - 3600))


def call(store: WebdavStore, door: str) -> object:
    """One call of each kind."""
    calls: dict[str, Callable[[], Any]] = {
        "stat": lambda: store.stat("d/x.jpg"),
        "list": lambda: list(store.list()),
        "open": lambda: read(Content(lambda: store.open("d/x.jpg"))),
        "put": lambda: store.put("d/z.jpg", content(b"new")),
        "delete": lambda: store.delete("d/x.jpg"),
        "move": lambda: store.move("d/x.jpg", "e/x.jpg"),
        "copy": lambda: store.copy("d/x.jpg", "e/x.jpg"),
        "ping": store.ping,
    }
    return calls[door]()


def at_root(way: Proxy, one: proxy.Request) -> bool:
    """Whether it is asked about the folder of the store itself."""
    return way.url.endswith(one.target.rstrip("/"))


def untouched(folder: Path) -> bool:
    """Nobody's file changed, none is half there."""
    return {path: data for path, data in files(folder).items() if path != "…"} == {"d/x.jpg": DATA, "y.jpg": b"another"}


# --------------------------------------------------------------------------------------------------------------- the network


@pytest.mark.parametrize(
    ("how", "door"), [*(("reset", door) for door in DOORS), ("hole", "list"), ("hole", "put"), ("hole", "move")]
)
def test_a_server_that_cannot_be_reached_closes_the_place(
    store: WebdavStore, way: Proxy, folder: Path, door: str, how: str
) -> None:
    """S1-10 (part: connections black-holed and reset)."""
    getattr(way, how)()
    with pytest.raises(Unavailable) as error:
        call(store, door)
    assert error.value.place == "cloud"
    assert untouched(folder)
    way.heal()
    call(store, door)


def test_a_server_that_is_stopped_closes_the_place_and_opens_it_when_it_is_back(server: dav.Server, tmp_path: Path) -> None:
    with made(f"{server.url}/{server.room().name}", tmp_path) as found:
        found.store.put("x.jpg", content(DATA))
        server.stop()
        try:
            for door in DOORS:
                with pytest.raises(Unavailable, match="cannot be reached: Connection refused"):
                    call(found.store, door)
        finally:
            server.start()
        found.store.ping()
        assert [one.main.path for one in found.store.list()] == ["x.jpg"]


@pytest.mark.parametrize("after", [0, 1, 100, 300, 700, 1000])
def test_a_listing_that_breaks_off_is_no_listing(store: WebdavStore, way: Proxy, after: int) -> None:
    way.fault(proxy.cut(after), when=lambda one: one.method == "PROPFIND")
    for door in ("list", "stat", "delete") if after <= 300 else ("list",):
        with pytest.raises((Transient, Unavailable)):
            call(store, door)


@pytest.mark.parametrize("after", [0, 1, 1000, len(DATA) - 1])
def test_a_download_that_breaks_off_is_told(store: WebdavStore, way: Proxy, after: int) -> None:
    way.fault(proxy.cut(after), when=lambda one: one.method == "GET" and one.target.endswith("x.jpg"), times=1)
    rev = store.stat("d/x.jpg").main.rev
    with store.open("d/x.jpg", rev=rev) as stream, pytest.raises((Transient, Unavailable)):
        b"".join(iter(lambda: stream.read(7000), b""))
    with store.open("d/x.jpg", rev=rev, start=after) as stream:
        assert stream.read(1) == DATA[after : after + 1]


def test_an_answer_that_drips_is_no_answer(store: WebdavStore, way: Proxy) -> None:
    way.fault(proxy.drip(3000), when=lambda one: one.method == "GET" and one.target.endswith("x.jpg"))
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"gave \d+ bytes in"):
        call(store, "open")
    assert time.monotonic() - began < 15  # 60,000 bytes would take 20 s


def test_a_length_that_is_a_lie_is_told(store: WebdavStore, way: Proxy) -> None:
    def shorter(found: Answered) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n" + found.body

    def longer(found: Answered) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\nConnection: close\r\n\r\n" + found.body

    def unsaid(found: Answered) -> bytes:
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + found.body[:-1]

    for change in (shorter, longer, unsaid):
        way.fault(proxy.rewritten(change), when=lambda one: one.method == "GET" and one.target.endswith("x.jpg"), times=1)
        with pytest.raises((Transient, Unavailable)):
            call(store, "open")
    assert call(store, "open") == DATA


# ------------------------------------------------------------------------------------------------------------- each position

FAULTS: dict[str, Callable[[], Fault]] = {
    "lost": proxy.lost,
    "unsent": proxy.unsent,
    "503": lambda: proxy.answer(503, {"Retry-After": "1"}),
    "500": lambda: proxy.answer(500),
    "423": lambda: proxy.answer(423),
    "200": lambda: proxy.answer(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>"),
}


QUICK = {("lost", "apache"), ("500", "rclone")}


@pytest.mark.parametrize(
    ("fault", "server"),
    [
        pytest.param(fault, kind, marks=() if (fault, kind) in QUICK else pytest.mark.slow)
        for fault in FAULTS
        for kind in dav.KINDS
    ],
    indirect=["server"],
)
@pytest.mark.parametrize("verb", ["put", "move", "copy", "delete", "replace"])
def test_one_fault_at_any_request_costs_a_try_and_no_file(server: dav.Server, tmp_path: Path, verb: str, fault: str) -> None:
    """At each of the requests that a change is made of, once: what was there is there, what was done is not done twice, and the next
    try completes it."""
    position = 0
    while position < 30:
        folder = server.room()
        with proxy.before(f"{server.url}/{folder.name}") as way, made(way.url, tmp_path / f"{position}") as found:
            store = found.store
            store.put("d/x.jpg", content(DATA))
            aged(folder / "d/x.jpg")
            rev = store.stat("d/x.jpg").main.rev
            at = way.count() + position
            way.fault(FAULTS[fault](), when=lambda _, way=way, at=at: len(way.requests) == at + 1, times=1)  # type: ignore[misc]
            before = way.count()
            with suppress(AlbumenError):
                change(store, verb, rev)
            assert_whole(files(folder), verb)
            reached = way.count() > at
            way.heal()
            with suppress(Exists, NotFound, Changed):
                change(store, verb, store.stat("d/x.jpg").main.rev)
            store.put("e/last.jpg", content(b"last"))
            assert files(folder) == {**AFTER[verb], "e/last.jpg": b"last"}, (position, way.requests[before:])
        if not reached:
            return
        position += 1
    raise AssertionError("a change of so many requests is too many")


AFTER = {
    "put": {"d/x.jpg": DATA, "e/new.jpg": b"new"},
    "move": {"e/x.jpg": DATA},
    "copy": {"d/x.jpg": DATA, "e/x.jpg": DATA},
    "delete": {},
    "replace": {"d/x.jpg": b"newer"},
}


def change(store: WebdavStore, verb: str, rev: str) -> None:
    if verb == "put":
        store.put("e/new.jpg", content(b"new"))
    elif verb == "move":
        store.move("d/x.jpg", "e/x.jpg", rev=rev)
    elif verb == "copy":
        store.copy("d/x.jpg", "e/x.jpg", rev=rev)
    elif verb == "delete":
        store.delete("d/x.jpg", rev=rev)
    else:
        store.put("d/x.jpg", content(b"newer"), replace=rev)


def assert_whole(found: dict[str, bytes], verb: str) -> None:
    """What lies under a name of a person is whole, and what must be somewhere is."""
    visible = {path: data for path, data in found.items() if path != "…"}
    for path, data in visible.items():
        assert data == {"e/new.jpg": b"new", "d/x.jpg": DATA, "e/x.jpg": DATA}.get(path) or (verb, data) == ("replace", b"newer")
    if verb == "move":
        assert len(visible) == 1
    if verb in {"put", "copy"}:
        assert visible["d/x.jpg"] == DATA


# ----------------------------------------------------------------------------------------------------------- wrong answers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("door", DOORS)
def test_no_redirection_is_followed(store: WebdavStore, way: Proxy, folder: Path, door: str, status: int) -> None:
    with proxy.before(way.url) as elsewhere:
        way.fault(proxy.answer(status, {"Location": elsewhere.url + "/other/"}))
        with pytest.raises(Unavailable, match="sends us on to"):
            call(store, door)
        assert elsewhere.count() == 0
    assert untouched(folder)


LIES = {
    "a login page": b"<!DOCTYPE html><html><body>Please log in</body></html>",
    "nothing": b"",
    "broken XML": b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/a/b',
    "an empty list": b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"></D:multistatus>',
    "another place": b'<D:multistatus xmlns:D="DAV:"><D:response><D:href>/etc/passwd</D:href></D:response></D:multistatus>',
    "a way out": b'<D:multistatus xmlns:D="DAV:"><D:response><D:href>/a/b/../x</D:href></D:response></D:multistatus>',
    "JSON": b'{"files": []}',
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("status", [200, 207])
def test_what_is_no_listing_is_never_an_empty_one(store: WebdavStore, way: Proxy, folder: Path, lie: str, status: int) -> None:
    way.fault(proxy.answer(status, {"Content-Type": "text/html"}, LIES[lie]), when=lambda one: one.method == "PROPFIND")
    for door in ("list", "stat", "put", "delete", "move", "copy"):
        with pytest.raises(Unavailable, match="does not speak WebDAV"):
            call(store, door)
    assert untouched(folder)


@pytest.mark.parametrize("method", ["MOVE", "DELETE"])
def test_a_change_that_failed_inside_a_207_is_no_success(store: WebdavStore, way: Proxy, folder: Path, method: str) -> None:
    inside = b'<D:multistatus xmlns:D="DAV:"><D:response><D:href>/x</D:href><D:status>HTTP/1.1 423 Locked</D:status></D:response>'
    way.fault(proxy.answer(207, {}, inside + b"</D:multistatus>"), when=lambda one: one.method == method)
    with pytest.raises(Transient, match="somebody is working on it"):
        call(store, {"MOVE": "move", "DELETE": "delete"}[method])
    assert untouched(folder)


def test_another_part_than_asked_for_is_not_taken(store: WebdavStore, way: Proxy) -> None:
    """A server that ignores or misreads a range."""
    rev = store.stat("d/x.jpg").main.rev
    wants = lambda one: one.method == "GET" and one.target.endswith("x.jpg")  # noqa: E731

    def whole(_: Answered) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(DATA) + DATA

    def other(found: Answered) -> bytes:
        head = b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-%d/%d\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        return head % (len(DATA) - 1, len(DATA), len(found.body)) + found.body

    way.fault(proxy.rewritten(whole), when=wants, times=1)
    with store.open("d/x.jpg", rev=rev, start=20_000) as stream:
        assert b"".join(iter(lambda: stream.read(9000), b"")) == DATA[20_000:]
    way.fault(proxy.rewritten(other), when=wants, times=1)
    with pytest.raises(Transient, match="another part"):
        store.open("d/x.jpg", rev=rev, start=20_000)


# ---------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "seconds"), [("9", 9.0), ("", 1800.0), ("soon", 1800.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)]
)
def test_a_server_that_asks_for_less_is_left_alone(store: WebdavStore, way: Proxy, text: str, seconds: float) -> None:
    """S1-10 (part: 429)."""
    way.fault(proxy.answer(429, {"Retry-After": text} if text else {}))
    with pytest.raises(Unavailable) as error:
        call(store, "put")
    assert error.value.retry_after == seconds
    assert way.count() == 1


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_is_tried_once(store: WebdavStore, way: Proxy, door: str) -> None:
    """S1-10 (part: login refused)."""
    way.fault(proxy.answer(401, {"WWW-Authenticate": "Basic"}))
    with pytest.raises(Unavailable) as error:
        call(store, door)
    assert error.value.auth
    assert way.count() == 1


class Renewed(Secret):
    """One that a vault gave, and gives anew."""

    __slots__ = ("asked", "fresh")

    def __init__(self, value: str, fresh: str) -> None:
        super().__init__(value)
        self.fresh = fresh
        self.asked = 0

    def reveal(self) -> str:
        return self.fresh if self.asked else super().reveal()

    def refresh(self) -> bool:
        """A new value, or the same one."""
        self.asked += 1
        return self.fresh != super().reveal()


def test_a_password_that_was_changed_is_fetched_once(tmp_path: Path) -> None:
    with dav.serve("rclone", users={"me": "new one"}) as server:
        renewed = Renewed("old one", "new one")
        with made(server.url, tmp_path, user="me", password=renewed) as found:
            found.store.put("x.jpg", content(DATA))
            assert call_bytes(found.store, "x.jpg") == DATA
            assert renewed.asked == 1
        with made(server.url, tmp_path / "other", user="me", password=Renewed("old", "old")) as found, pytest.raises(Unavailable):
            found.store.ping()


def call_bytes(store: WebdavStore, path: str) -> bytes:
    return read(Content(lambda: store.open(path)))


def test_one_forbidden_file_does_not_close_the_place(store: WebdavStore, way: Proxy) -> None:
    way.fault(proxy.answer(403), when=lambda one: one.target.endswith("x.jpg"))
    with pytest.raises(Rejected, match="forbids"):
        call(store, "stat")
    way.fault(proxy.answer(403))
    with pytest.raises(Unavailable) as error:
        store.stat("y.jpg")
    assert error.value.auth


@pytest.mark.parametrize("door", ["stat", "open", "put", "move", "copy", "delete"])
def test_one_file_at_which_the_server_fails_does_not_close_the_place(
    store: WebdavStore, way: Proxy, folder: Path, door: str
) -> None:
    """For ever: a counted try of this file, as long as the root is answered for. Not when that fails, too."""
    method = {"stat": "PROPFIND", "open": "GET"}.get(door, door.upper())
    way.fault(
        proxy.answer(500), when=lambda one: one.method == method and "store.json" not in one.target and not at_root(way, one)
    )
    with pytest.raises(Transient, match=r"failed at it .*: 500\), though it answers otherwise"):
        call(store, door)
    way.heal()
    store.ping()
    assert untouched(folder)
    way.fault(proxy.answer(500), when=lambda one: one.method in {method, "PROPFIND"})
    with pytest.raises(Unavailable):
        call(store, door)
    way.heal()
    way.fault(proxy.answer(500, {"Retry-After": "60"}), when=lambda one: one.method == method)
    with pytest.raises(Unavailable):
        call(store, door)
    way.heal()
    assert untouched(folder)
    call(store, door)


def test_a_marker_at_which_the_server_fails_is_about_the_place(store: WebdavStore, way: Proxy) -> None:
    """It is no person's file, which would be given up."""
    store._place.doubt()
    way.fault(proxy.answer(500), when=lambda one: one.target.endswith("store.json"))
    with pytest.raises(Unavailable, match="failed at it"):
        call(store, "put")


def test_a_new_place_that_cannot_be_marked_is_about_the_place(way: Proxy, tmp_path: Path) -> None:
    with made(way.url, tmp_path, timeout=3.0) as found:
        way.fault(proxy.answer(500), when=lambda one: one.method in {"PUT", "MOVE"} and "/.albumen" in one.target)
        with pytest.raises(Unavailable, match="failed at it"):
            found.store.put("x.jpg", content(DATA))
        way.heal()
        found.store.put("x.jpg", content(DATA))


def test_a_file_that_is_too_large_does_not_close_the_place(store: WebdavStore, way: Proxy, folder: Path) -> None:
    way.fault(proxy.answer(413), when=lambda one: one.method == "PUT", times=1)
    with pytest.raises(Rejected, match="no file of this size"):
        call(store, "put")
    store.ping()
    assert untouched(folder)
    call(store, "put")


def test_a_file_at_which_the_server_hangs_up_is_tried_again_alone(store: WebdavStore, way: Proxy, folder: Path) -> None:
    """As one that finds it too large does, without a word: a counted try, and the place stays open; not when it is away for all."""
    way.fault(proxy.reset(), when=lambda one: one.method == "PUT", times=1)
    with pytest.raises(Transient, match="too large"):
        call(store, "put")
    store.ping()
    way.reset()
    with pytest.raises(Unavailable):
        call(store, "put")
    way.heal()
    assert untouched(folder)
    call(store, "put")


def test_a_source_that_is_away_while_its_bytes_are_sent_is_told_itself(store: WebdavStore, folder: Path) -> None:
    """From one server to another: the file waits for the one that is away, uncounted, and is not called too large for this one."""

    def away() -> BinaryIO:
        raise Severed("other", "its server cannot be reached")

    with pytest.raises(Unavailable) as told:
        store.put("a.jpg", Content(away, 1000))
    assert told.value.place == "other"
    assert untouched(folder)
    call(store, "put")


def test_a_full_server_is_full_for_a_while(store: WebdavStore, way: Proxy, folder: Path) -> None:
    """The place waits, and says what to do."""
    way.fault(proxy.answer(507), when=lambda one: one.method == "PUT")
    with pytest.raises(Unavailable, match="make room"):
        call(store, "put")
    way.heal()
    with pytest.raises(Unavailable, match="full just now"):
        store.ping()
    assert untouched(folder)
    call(store, "put")


def test_a_fifth_of_all_answers_being_failures_only_costs_time(server: dav.Server, tmp_path: Path) -> None:
    """S1-10 (part: 20 % of answers 5xx)."""
    folder = server.room()
    with proxy.before(f"{server.url}/{folder.name}") as way, made(way.url, tmp_path) as found:
        found.store.establish()
        for status in (500, 502, 503):
            way.fault(proxy.answer(status), share=0.07)
        for number in range(20):
            for _ in range(100):
                try:
                    found.store.put(f"d{number % 3}/{number}.jpg", content(b"%d" % number))
                    break
                except Exists:
                    break
                except (Unavailable, Transient):
                    continue
        way.heal()
        found.store.put("last", content(b"last"))
        assert files(folder) == {"last": b"last"} | {f"d{number % 3}/{number}.jpg": b"%d" % number for number in range(20)}


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_was_not_served_at_this_moment_is_asked_again_at_once(
    store: WebdavStore, way: Proxy, folder: Path, status: int
) -> None:
    """S1-10 (part: 20 % of answers 5xx). Nobody hears of it, unless the server says when to come again or goes on failing. What may
    still be under way is not asked twice, if twice is not as once."""
    asked = [("PUT", "put"), ("PROPFIND", "put"), ("GET", "open")]
    asked += [] if status == 504 else [("MOVE", "put"), ("MOVE", "move"), ("DELETE", "delete")]
    for method, verb in asked:
        way.fault(proxy.answer(status), when=partial(_asks, method), times=2)
        if verb in {"move", "delete"}:
            store.put(f"{verb}.jpg", content(DATA))
        {"put": _put, "open": _open, "move": _move, "delete": _delete}[verb](store, method)
        way.heal()
    assert not [one for one in files(folder) if one.startswith((".albumen-", "delete.jpg", "move.jpg"))]
    for headers, times in (({}, 1 if status == 504 else 3), ({"Retry-After": "60"}, 1)):
        way.requests.clear()
        way.fault(proxy.answer(status, headers), when=lambda one: one.method == "MOVE")
        with pytest.raises(Unavailable):
            store.put("never.jpg", content(DATA))
        way.heal()
        assert way.count("MOVE") == times


def test_what_a_server_failed_at_once_is_asked_again_where_twice_is_as_once(store: WebdavStore, way: Proxy, folder: Path) -> None:
    """Nobody hears of a 500 to a question, or to bytes under a name of ours; a move that it may have done is settled instead."""
    for method, verb in (("PROPFIND", _put), ("PUT", _put), ("MKCOL", _put), ("GET", _open)):
        way.fault(proxy.answer(500), when=partial(_asks, method), times=2)
        verb(store, f"new {method}/{method}")
        way.heal()
    way.requests.clear()
    way.fault(proxy.answer(500), when=partial(_asks, "MOVE"))
    with pytest.raises(Transient, match="failed at it"):
        store.move("d/x.jpg", "d/moved.jpg", rev=store.stat("d/x.jpg").main.rev)
    assert way.count("MOVE") == 2  # the second one as the folder might not have been there
    assert files(folder)["d/x.jpg"] == DATA


@pytest.mark.parametrize(("size", "times"), [(1 << 20, 3), ((1 << 20) + 1, 1), (None, 1)])
def test_a_large_file_is_not_sent_three_times_by_each_who_tries_again(
    store: WebdavStore, way: Proxy, size: int | None, times: int
) -> None:
    way.fault(proxy.answer(503), when=partial(_asks, "PUT"))
    with pytest.raises(Unavailable):
        store.put("z.jpg", Content(lambda: io.BytesIO(bytes(size or 10)), size))
    assert way.count("PUT") == times


def test_a_move_that_a_proxy_gave_up_may_still_be_under_way(store: WebdavStore, way: Proxy, folder: Path) -> None:
    """A server that copies first: half of the file at its new name is nobody else's, and the deed stays open."""
    rev = store.stat("d/x.jpg").main.rev
    (folder / "e").mkdir()
    (folder / "e/x.jpg").write_bytes(DATA[:1000])
    way.requests.clear()
    way.fault(proxy.answer(504), when=partial(_asks, "MOVE"))
    with pytest.raises(Unavailable, match=r"does not work \(MOVE"):
        store.move("d/x.jpg", "e/x.jpg", rev=rev)
    assert way.count("MOVE") == 1
    way.fault(proxy.answer(504), when=partial(_asks, "DELETE"))
    with pytest.raises(Unavailable, match=r"does not work \(DELETE"):
        store.delete("d/x.jpg", rev=rev)
    assert way.count("DELETE") == 1
    way.heal()


def test_what_a_cut_upload_leaves_later_is_taken_away_by_the_next(store: WebdavStore, way: Proxy, folder: Path) -> None:
    """As when the pieces of a large file become one after the connection broke: nothing lay there yet when it was to be taken away."""
    way.fault(proxy.unsent(), when=partial(_asks, "PUT"), times=1)
    with pytest.raises(Transient, match="the connection broke while its"):
        store.put("d/z.jpg", content(DATA))
    (sent,) = [one.target for one in way.requests if one.method == "PUT"]
    assert way.count("DELETE") == 1
    (folder / "d" / sent.rpartition("/")[2]).write_bytes(DATA)
    store.put("d/z.jpg", content(DATA))
    assert not [one for one in os.listdir(folder / "d") if one.startswith(".albumen-")]


def _asks(method: str, one: proxy.Request) -> bool:
    return one.method == method


def _put(store: WebdavStore, name: str) -> None:
    store.put(f"{name} put.jpg", content(DATA))


def _open(store: WebdavStore, name: str) -> None:
    store.put(f"{name} open.jpg", content(DATA))
    assert call_bytes(store, f"{name} open.jpg") == DATA


def _move(store: WebdavStore, name: str) -> None:
    store.move("move.jpg", f"{name} moved.jpg", rev=store.stat("move.jpg").main.rev)


def _delete(store: WebdavStore, _: str) -> None:
    store.delete("delete.jpg", rev=store.stat("delete.jpg").main.rev)


# ---------------------------------------------------------------------------------------------------- environment and TLS


def test_the_environment_decides_nothing(apache: dav.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    seen: list[str] = []
    with proxy.before(f"{apache.url}/{apache.room().name}") as way, made(way.url, tmp_path) as found:
        way.seen = lambda one: seen.append(one.headers.get("authorization", ""))
        found.store.put("x", content(b"x"))
    assert seen
    assert set(seen) == {""}


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    ours, theirs = Authority.make(tmp_path / "ours"), Authority.make(tmp_path / "theirs")
    with dav.serve("rclone", tls=ours) as server:
        for ca in ("", str(theirs.ca)):
            with made(server.url, tmp_path / "state", ca=ca) as found, pytest.raises(Unavailable, match="certificate"):
                found.store.ping()
        with (
            made(server.url, tmp_path / "state", ca="/nowhere.pem") as found,
            pytest.raises(Unavailable, match=r"/nowhere.pem .*\[store.cloud"),
        ):
            found.store.ping()
        with made(server.url, tmp_path / "state", ca=str(ours.ca)) as found, proxy.before(server.url) as way:
            found.store.put("x.jpg", content(DATA))
            with made(way.url, tmp_path / "through", ca=str(ours.ca), timeout=3.0) as other:
                assert call_bytes(other.store, "x.jpg") == DATA
                way.hole()
                with pytest.raises(Unavailable, match="gave no answer"):
                    other.store.ping()
                way.heal()
                other.store.ping()


def test_a_source_that_lies_about_its_size_is_not_stored(store: WebdavStore, folder: Path) -> None:
    for said in (1, 5, 7, 10**6):
        with pytest.raises(Changed):
            store.put("z.jpg", Content(lambda: io.BytesIO(b"six by"), said))
    store.put("z.jpg", Content(lambda: io.BytesIO(b"six by"), 6))
    assert files(folder)["z.jpg"] == b"six by"
    assert "…" not in files(folder)
