"""The store on Nextcloud beyond its contract: every answer of a move, tags, large uploads, replacing, and each way in which a server says
no or breaks off."""

import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Content, Item
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.secrets import Secret
from albumen.stores.nextcloud import calls
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from albumen.stores.wrap import governed
from make.lines import Line
from servers import nextcloud
from servers import nextcloud_xml as xml

PASSWORD = "a planted secret"
USER = "photod"


@pytest.fixture(params=[34, 28])
def server(request: pytest.FixtureRequest) -> Iterator[nextcloud.Server]:
    with nextcloud.serve(request.param, {USER: PASSWORD}) as found:
        yield found


@pytest.fixture
def only34() -> Iterator[nextcloud.Server]:
    with nextcloud.serve(34, {USER: PASSWORD}) as found:
        yield found


def made(server: nextcloud.Server, state: Path, *, timeout: float = 30.0, user: str = USER) -> Iterator[NextcloudStore]:
    owners = Owners(str(state))
    store = NextcloudStore(
        "hub", NextcloudSettings(server.url, user, Secret(PASSWORD), timeout=timeout), Context(str(state), owners)
    )
    yield store
    store.close()
    owners.close()


@pytest.fixture
def store(server: nextcloud.Server, tmp_path: Path) -> Iterator[NextcloudStore]:
    yield from made(server, tmp_path)


@pytest.fixture
def hub(only34: nextcloud.Server, tmp_path: Path) -> Iterator[NextcloudStore]:
    """On 34 alone, without patience."""
    yield from made(only34, tmp_path, timeout=1.0)


class Little(io.BytesIO):
    """A stream that gives little at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1000 if size is None or size < 0 else min(size, 1000))


def little(data: bytes, *, modified: int | None = None) -> Content:
    return Content(lambda: Little(data), len(data), modified)


def content(data: bytes, *, modified: int | None = None) -> Content:
    return Content(lambda: io.BytesIO(data), len(data), modified)


def put(store: NextcloudStore, path: str, data: bytes = b"bytes") -> Item:
    return store.put(path, content(data))


def read(store: NextcloudStore, item: Item) -> bytes:
    with store.open(item.main.path, rev=item.main.rev) as stream:
        return b"".join(iter(lambda: stream.read(1 << 16), b""))


# ---------------------------------------------------------------------------------------------------------------------- moves


def test_a_file_keeps_its_number_tags_and_time_through_a_move(server: nextcloud.Server, store: NextcloudStore) -> None:
    """S1-21 (part: bytes and file id unchanged)."""
    server.put(USER, "in/a #1.jpg", b"bytes", tags=["ai:cats", "holiday"], modified=1_500_000_000)
    before = server.state(USER)["in/a #1.jpg"]
    item = store.stat("in/a #1.jpg")
    now = store.move("in/a #1.jpg", "out/new/ä.jpg", rev=item.main.rev)
    assert server.state(USER) == {"out/new/ä.jpg": before}
    assert (now.main.path, now.main.rev, now.main.modified) == ("out/new/ä.jpg", item.main.rev, 1_500_000_000 * 10**9)


ANSWERS = [
    (401, b"", Unavailable),
    (403, b"", Rejected),
    (404, b"", AlbumenError),
    (409, xml.error("Sabre\\DAV\\Exception\\Conflict", "The destination node is not found"), AlbumenError),
    (412, xml.error("Sabre\\DAV\\Exception\\PreconditionFailed", "", header="Overwrite"), AlbumenError),
    (412, xml.error("Sabre\\DAV\\Exception\\PreconditionFailed", "", header="If-Match"), AlbumenError),
    (423, xml.error("OCA\\DAV\\Connector\\Sabre\\Exception\\FileLocked", '"/a" is locked'), Transient),
    (423, xml.error("Sabre\\DAV\\Exception\\Locked", "", locked="files/x/a"), Transient),
    (429, b"<html>Too many requests</html>", Unavailable),
    (500, xml.error("OCP\\Lock\\LockedException", '"/a.jpg" is locked'), Transient),
    (500, xml.error("Exception", "Oops"), Transient),
    (502, b"<html>Bad gateway</html>", Unavailable),
    (503, xml.error("OCA\\DAV\\Exception\\ServerMaintenanceMode", "System is in maintenance mode."), Unavailable),
    (507, xml.error("Sabre\\DAV\\Exception\\InsufficientStorage", "full"), Unavailable),
    (302, b"", Unavailable),
]


@pytest.mark.parametrize(("status", "body", "error"), ANSWERS)
def test_a_move_that_is_refused_leaves_the_file_where_it_is(
    only34: nextcloud.Server, hub: NextcloudStore, status: int, body: bytes, error: type[Exception]
) -> None:
    """S1-22, S1-23 (part: every answer of the MOVE table that is no yes)."""
    item = put(hub, "a.jpg")
    put(hub, "to/other.jpg")
    before = only34.state(USER)
    only34.fail(
        "MOVE", "a.jpg", times=9, status=status, body=body, headers={"Location": "https://elsewhere.example.org/?secret=1"}
    )
    with pytest.raises(error) as told:
        hub.move("a.jpg", "to/b.jpg", rev=item.main.rev)
    assert only34.state(USER) == before
    assert PASSWORD not in str(told.value)
    assert "secret=1" not in str(told.value)


@pytest.mark.parametrize("status", [500, 502, 404, 412, 423])
def test_a_move_that_is_done_and_called_refused_is_found_done(only34: nextcloud.Server, hub: NextcloudStore, status: int) -> None:
    """By the file's number at the target, whatever was said."""
    item = put(hub, "a.jpg")
    put(hub, "to/other.jpg")

    def done(method: str, path: str, when: str) -> None:
        if (method, path.rpartition("/")[2], when) == ("MOVE", "a.jpg", "before") and only34.tree.find(USER, "a.jpg"):
            only34.tree.attach(only34.node(USER, "a.jpg"), only34.node(USER, "to"), "b.jpg")

    only34.on_request = done
    only34.fail("MOVE", "a.jpg", status=status)
    assert hub.move("a.jpg", "to/b.jpg", rev=item.main.rev).main.path == "to/b.jpg"


@pytest.mark.parametrize("then", ["lost", "stall"])
def test_a_lost_answer_to_a_move_is_resolved_by_the_number(only34: nextcloud.Server, hub: NextcloudStore, then: str) -> None:
    """S1-24 (part: lost answers). Never repeated blindly."""
    item = put(hub, "a.jpg")
    put(hub, "to/other.jpg")
    only34.fail("MOVE", "a.jpg", then=then, seconds=2.0)
    with suppress(Unavailable):  # who is late may look before the server is done
        assert hub.move("a.jpg", "to/b.jpg", rev=item.main.rev).main.path == "to/b.jpg"
    end = time.monotonic() + 60
    while "a.jpg" in only34.files(USER):
        assert time.monotonic() < end
    assert only34.files(USER)["to/b.jpg"] == b"bytes"
    assert only34.count("MOVE", "/a.jpg") == 1


def test_another_file_of_that_size_is_not_taken_for_ours(only34: nextcloud.Server, hub: NextcloudStore) -> None:
    """The target was taken and the source deleted, both by somebody else, while the answer was lost."""
    item = put(hub, "a.jpg", b"mine!")
    put(hub, "to/other.jpg")

    def meanwhile(method: str, path: str, when: str) -> None:
        if (method, when) == ("MOVE", "before") and path.endswith("/a.jpg"):
            only34.put(USER, "to/b.jpg", b"other")
            only34.remove(USER, "a.jpg")

    only34.on_request = meanwhile
    only34.fail("MOVE", "/a.jpg", then="dropped")
    with pytest.raises(AlbumenError):
        hub.move("a.jpg", "to/b.jpg", rev=item.main.rev)
    assert only34.files(USER)["to/b.jpg"] == b"other"


def test_a_file_in_transfer_or_locked_waits(server: nextcloud.Server, store: NextcloudStore) -> None:
    item = put(store, "a.jpg")
    with server.busy(USER, "a.jpg"):
        for call in (
            lambda: store.move("a.jpg", "b.jpg", rev=item.main.rev),
            lambda: store.delete("a.jpg", rev=item.main.rev),
            lambda: store.open("a.jpg", rev=item.main.rev),
        ):
            with pytest.raises(Transient, match="transferring"):
                call()
    server.node(USER, "a.jpg").locked_by = "somebody"
    with pytest.raises(Transient, match="locked"):
        store.move("a.jpg", "b.jpg", rev=item.main.rev)
    assert server.files(USER)["a.jpg"] == b"bytes"


def test_names_that_the_server_refuses_are_refused(store: NextcloudStore) -> None:
    for name in ("back\\slash.jpg", "x.part", ".htaccess"):
        with pytest.raises((Rejected, Transient, Unavailable)):
            put(store, name)
    with pytest.raises(Rejected, match="composes"):
        put(store, "e\u0301.jpg")


# ----------------------------------------------------------------------------------------------------------------------- tags


def test_tags_survive_what_a_person_may_do_with_their_names(server: nextcloud.Server, store: NextcloudStore) -> None:
    put(store, "a.jpg")
    names = ["ai:Bär & Ñ <x> 🐻", "ai:a b", "ai:#1?", 'ai:"quoted"']
    for one in names:
        store.assign("a.jpg", one)
    assert store.tags("a.jpg") == sorted(names)
    assert store.tags("a.jpg") == server.tags_of(USER, "a.jpg")
    store.unassign("a.jpg", names[0])
    store.unassign("a.jpg", "never heard of")
    assert store.tags("a.jpg") == sorted(names[1:])


def test_of_a_single_file_no_tag_is_forgotten(server: nextcloud.Server, store: NextcloudStore) -> None:
    for id, name in ((0, "zero"), (1, "one"), (2, "two"), (30, "thirty")):
        server.tree.create_tag(name, id=id)
    server.put(USER, "a.jpg", b"x", tags=["zero", "one", "two", "thirty"])
    server.put(USER, "b.jpg", b"x", tags=["zero", "one", "two", "thirty"])
    assert store.tags("b.jpg") == ["one", "thirty", "two", "zero"]


@pytest.mark.parametrize("status", [404, 409, 412, 423, 500, 429])
def test_a_tag_that_cannot_be_removed_is_said(only34: nextcloud.Server, hub: NextcloudStore, status: int) -> None:
    """S1-24 (part). 404 says that it is not there: that is well."""
    put(hub, "a.jpg")
    hub.assign("a.jpg", "ai:cats")
    only34.fail("DELETE", "systemtags-relations", status=status)
    if status == 404:
        hub.unassign("a.jpg", "ai:cats")
        return
    with pytest.raises(AlbumenError):
        hub.unassign("a.jpg", "ai:cats")
    assert hub.tags("a.jpg") == ["ai:cats"]


# -------------------------------------------------------------------------------------------------------------------- uploads


def test_large_files_go_in_pieces_and_appear_whole(
    server: nextcloud.Server, store: NextcloudStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "LARGE", 3000)
    monkeypatch.setattr(calls, "_PIECE", 1000)
    data = bytes(range(256)) * 20
    item = store.put("big.bin", little(data, modified=1_500_000_000 * 10**9))
    assert server.files(USER)["big.bin"] == data
    assert item.main.modified == 1_500_000_000 * 10**9
    assert sum(one.method == "PUT" and "/uploads/" in one.path for one in server.asked) == 6
    assert server.dav.uploads == {}


@pytest.mark.parametrize("method", ["MKCOL", "PUT", "MOVE"])
@pytest.mark.parametrize("how", [{"status": 500}, {"then": "dropped"}, {"status": 507}, {"then": "lost"}])
def test_a_large_upload_that_breaks_leaves_nothing_and_can_be_made_again(
    only34: nextcloud.Server,
    hub: NextcloudStore,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    how: dict[str, object],
) -> None:
    monkeypatch.setattr(calls, "LARGE", 3000)
    monkeypatch.setattr(calls, "_PIECE", 1000)
    put(hub, "first.jpg")
    only34.fail(
        method, "/uploads/", after=0 if method != "PUT" else 2, times=3 if (method, how) == ("PUT", {"status": 500}) else 1, **how
    )
    with pytest.raises(AlbumenError):
        hub.put("big.bin", little(b"x" * 5000))
    assert "big.bin" not in only34.files(USER)
    assert hub.put("big.bin", little(b"x" * 5000)).main.size == 5000
    assert [path for path in only34.files(USER) if "albumen-" in path] == []


def test_what_replaces_a_file_keeps_its_number_and_tags(server: nextcloud.Server, store: NextcloudStore) -> None:
    item = put(store, "a.jpg", b"one")
    store.assign("a.jpg", "ai:cats")
    id = server.node(USER, "a.jpg").id
    now = store.put("a.jpg", content(b"another"), replace=item.main.rev)
    assert server.state(USER)["a.jpg"] == (id, 7, ("ai:cats",))
    assert now.main == store.stat("a.jpg").main
    assert server.count("PUT", "/files/photod/a.jpg") == 0


@pytest.mark.parametrize("how", [{"status": 500}, {"then": "dropped"}, {"then": "lost"}])
def test_replacing_that_breaks_off_leaves_the_one_or_the_other(
    only34: nextcloud.Server, hub: NextcloudStore, how: dict[str, object]
) -> None:
    item = put(hub, "a.jpg", b"one")
    only34.fail("MOVE", "/uploads/", **how)
    if how.get("then") == "lost":
        assert hub.put("a.jpg", content(b"another"), replace=item.main.rev).main.size == 7
        assert only34.files(USER)["a.jpg"] == b"another"
        return
    with pytest.raises(AlbumenError):
        hub.put("a.jpg", content(b"another"), replace=item.main.rev)
    assert only34.files(USER)["a.jpg"] == b"one"


# -------------------------------------------------------------------------------------------------------------------- reading


def test_a_file_whose_overwriting_was_cut_off_is_not_read_as_whole(server: nextcloud.Server, store: NextcloudStore) -> None:
    """Its listing says the old ETag and the old size."""
    server.put(USER, "a.jpg", b"0123456789")
    item = store.stat("a.jpg")
    server.cut_off(USER, "a.jpg", 4)
    with pytest.raises((Changed, Transient)):
        read(store, item)


@pytest.mark.parametrize("how", [{"then": "cut", "size": 100}, {"then": "slow", "size": 1, "seconds": 0.7}])
def test_a_body_that_breaks_off_or_drips_is_no_file(
    only34: nextcloud.Server, hub: NextcloudStore, how: dict[str, object]
) -> None:
    only34.put(USER, "a.jpg", bytes(100_000))
    item = hub.stat("a.jpg")
    only34.fail("GET", "a.jpg", **how)
    with pytest.raises((Transient, Unavailable)):
        read(hub, item)
    assert len(read(hub, item)) == 100_000


# --------------------------------------------------------------------------------------------------------------- who is there


def test_nothing_is_asked_before_it_is_needed(server: nextcloud.Server, store: NextcloudStore) -> None:
    assert store.url.startswith(server.url)
    assert store.key("ä.jpg") == "ä.jpg"
    assert server.asked == []


def test_the_account_may_be_called_otherwise_than_the_login(tmp_path: Path) -> None:
    with nextcloud.serve(34, {"me@example.org": PASSWORD}) as server:
        for store in made(server, tmp_path, user="me@example.org"):
            put(store, "a.jpg")
            assert store.identity()
        assert server.files("me@example.org")["a.jpg"] == b"bytes"


def test_each_way_in_which_a_server_is_not_there_says_so(only34: nextcloud.Server, hub: NextcloudStore) -> None:
    put(hub, "a.jpg")
    ways: list[tuple[str, dict[str, Any]]] = [
        ("asks us to come less often", {"status": 429}),
        ("asks us to come less often", {"status": 429, "headers": {"Retry-After": "7"}}),
        ("asks us to come less often", {"status": 429, "headers": {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}}),
        ("does not work", {"status": 502}),
        ("does not speak WebDAV", {"then": "login"}),
        ("cannot be reached", {"then": "dropped"}),
        ("no answer for 1 s", {"then": "stall", "seconds": 3.0}),
        ("password", {"status": 401}),
    ]
    for words, how in ways:
        only34.fail("PROPFIND", times=9, **how)
        with pytest.raises(Unavailable, match=words) as told:
            hub.stat("a.jpg")
        assert PASSWORD not in str(told.value)
        wait = how.get("headers", {}).get("Retry-After")
        assert told.value.retry_after == {None: 1800.0 if how.get("status") == 429 else None, "7": 7.0}.get(wait, 86400.0)
        assert told.value.auth == (how.get("status") == 401)
        only34.heal()
        assert hub.stat("a.jpg").main.size == 5


def test_maintenance_a_disabled_account_and_the_guard_against_guessing(only34: nextcloud.Server, hub: NextcloudStore) -> None:
    put(hub, "a.jpg")
    only34.maintenance = True
    with pytest.raises(Unavailable, match="maintained"):
        hub.stat("a.jpg")
    only34.heal()
    only34.disabled.add(USER)
    with pytest.raises(Unavailable, match="disabled") as told:
        hub.stat("a.jpg")
    assert told.value.auth
    only34.heal()
    only34.guesses = 11  # somebody else's, from this address
    with pytest.raises(Unavailable, match="less often") as told:
        hub.stat("a.jpg")
    assert told.value.retry_after == 1800.0


def test_a_wrong_password_is_tried_once(tmp_path: Path) -> None:
    with nextcloud.serve(34, {USER: "another"}) as server:
        for store in made(server, tmp_path):
            with pytest.raises(Unavailable) as told:
                store.ping()
            assert told.value.auth
            assert PASSWORD not in str(told.value)
        assert server.guesses == 1


def test_a_page_in_place_of_the_account_is_no_nextcloud(tmp_path: Path) -> None:
    with nextcloud.serve(34, {USER: PASSWORD}) as server:
        server.fail("GET", "/ocs/", then="login", times=9)
        for store in made(server, tmp_path):
            with pytest.raises(Unavailable, match="no Nextcloud"):
                store.ping()


def test_the_environment_changes_nothing(
    server: nextcloud.Server, store: NextcloudStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in (("http_proxy", "http://127.0.0.1:9"), ("NC_AUTH_USER", "x"), ("NEXTCLOUD_URL", "http://127.0.0.1:9")):
        monkeypatch.setenv(name, said)
    put(store, "a.jpg")
    assert store.tags("a.jpg") == []
    assert server.files(USER)["a.jpg"] == b"bytes"


def test_never_more_transfers_than_the_limit(server: nextcloud.Server, store: NextcloudStore) -> None:
    """S1-07 (part: on a Nextcloud, 4 at once)."""
    from concurrent.futures import ThreadPoolExecutor

    store = governed(store, limit=NextcloudSettings.limit)
    put(store, "first.jpg")
    server.busiest = 0
    running: list[int] = []
    two = threading.Event()

    def count(method: str, path: str, when: str) -> None:
        if method == "PUT":
            running.append(1 if when == "before" else -1)
            if sum(running) >= 2:
                two.set()
            two.wait(60)  # the first is not done before a second one came, however busy the machine is

    server.on_request = count
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda at: put(store, f"{at}.jpg", bytes(50_000)), range(24)))
    most = max(sum(running[:at]) for at in range(len(running) + 1))
    assert 2 <= most <= 4
    assert len(server.state(USER)) == 25


def test_what_is_not_there_is_not_found(store: NextcloudStore) -> None:
    put(store, "a.jpg")
    for call in (
        store.tags,
        store.tagged,
        store.stat,
        lambda path: store.assign(path, "x"),
        lambda path: store.unassign(path, "x"),
    ):
        with pytest.raises(NotFound):
            call("nothing.jpg")
    with pytest.raises(Exists):
        put(store, "a.jpg")


def test_pieces_of_large_files_keep_to_the_bandwidth_of_the_settings(
    only34: nextcloud.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "LARGE", 3000)
    monkeypatch.setattr(calls, "_PIECE", 2000)
    line, owners, data = Line(), Owners(str(tmp_path)), os.urandom(1 << 16)
    line.instead(monkeypatch)
    settings = NextcloudSettings(only34.url, USER, Secret(PASSWORD), bandwidth=1 << 16)
    with closing(NextcloudStore("hub", settings, Context(str(tmp_path), owners))) as store:
        store.establish()
        before = line.spent
        item = store.put("a.jpg", content(data))
        assert line.spent - before == pytest.approx(1.0)
        store.put("a.jpg", content(data[::-1]), replace=item.main.rev)
        assert line.spent - before == pytest.approx(2.0)
        assert read(store, store.stat("a.jpg")) == data[::-1]
        assert line.spent - before == pytest.approx(3.0)
    owners.close()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"url": "cloud.example.org"}, "url"),
        ({"url": "https://cloud.example.org/remote.php/dav"}, "remote.php"),
        ({"url": "https://me:secret@cloud.example.org"}, "user or password"),
        ({"url": "https://cloud..example.org"}, "can be no name of a server"),
        ({"user": ""}, "user"),
        ({"root": "/x"}, "root"),
        ({"root": "a/../b"}, "root"),
        ({"ca": "ca.pem"}, "ca"),
        ({"limit": 0}, "limit"),
        ({"timeout": 0.0}, "timeout"),
        ({"bandwidth": -1}, "bandwidth"),
        ({"hours": "8-22"}, "hours"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, object], why: str) -> None:
    good: dict[str, object] = {"url": "https://cloud.example.org", "user": "me", "password": Secret("x")}
    NextcloudSettings(**good)  # type: ignore[arg-type]  # these are right
    with pytest.raises(ValueError, match=why):
        NextcloudSettings(**{**good, **wrong})  # type: ignore[arg-type]
