"""The WebDAV store over time: its place is known again, what killed processes left is swept."""

import io
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Content
from albumen.stores.webdav import WebdavSettings, WebdavStore
from albumen.stores.wrap import governed
from albumen.testing import FakeClock
from albumen.testing.stores import content, read
from make.daemons import until
from make.lines import Line
from make.webdav import files, made
from servers import dav, proxy

MEBI = 1 << 20


@pytest.fixture(scope="module", params=dav.KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[dav.Server]:
    with dav.serve(request.param, base="/dav") as found:
        yield found


@pytest.fixture(scope="module")
def apache() -> Iterator[dav.Server]:
    with dav.serve("apache", base="/dav") as found:
        yield found


# ------------------------------------------------------------------------------------------------------- is it the same place?


def test_another_folder_at_the_address_is_refused_until_it_is_confirmed(server: dav.Server, tmp_path: Path) -> None:
    """A server whose disk is not mounted shows an empty folder, and no error."""
    folder = server.room()
    with made(f"{server.url}/{folder.name}", tmp_path) as found:
        item = found.store.put("d/x.jpg", content(b"bytes"))
        folder.rename(folder.with_name("away"))
        folder.mkdir()
        server.give(folder)
        with pytest.raises(Unavailable, match=r"marker .* is missing: is the server's disk mounted"):
            found.store.ping()
        for call in (
            lambda: found.store.stat("d/x.jpg"),
            lambda: list(found.store.list()),
            lambda: found.store.open("d/x.jpg", rev=item.main.rev),
            lambda: found.store.put("d/y.jpg", content(b"new")),
            lambda: found.store.delete("d/x.jpg"),
            lambda: found.store.move("d/x.jpg", "y"),
        ):
            with pytest.raises(Unavailable, match="albumen confirm"):
                call()
        assert files(folder) == {}
        refused = found.store.refused()
        assert refused is not None
        with pytest.raises(Changed):
            found.store.accept("other")
        found.store.accept(refused.id)
        assert found.store.refused() is None
        found.store.put("d/y.jpg", content(b"new"))
        assert [one.main.path for one in found.store.list()] == ["d/y.jpg"]
        (folder.with_name("away")).rename(folder.with_name(f"away{folder.name}"))


def test_what_is_gone_with_its_disk_is_not_said_to_be_gone(apache: dav.Server, tmp_path: Path) -> None:
    """Also just after the place was proven."""
    folder = apache.room()
    with made(f"{apache.url}/{folder.name}", tmp_path) as found:
        found.store.put("x.jpg", content(b"bytes"))
        found.store.ping()
        (folder / "x.jpg").unlink()
        (folder / ".albumen/store.json").unlink()
        found.context.clock()
        with pytest.raises((Unavailable, NotFound)) as error:
            found.store.stat("x.jpg")
        if isinstance(error.value, NotFound):  # proven in that very second
            found.store._place.doubt()
            with pytest.raises(Unavailable):
                found.store.stat("x.jpg")


def test_a_new_store_is_made_and_marked_by_its_first_file_only(server: dav.Server, tmp_path: Path) -> None:
    folder = server.room()
    with made(f"{server.url}/{folder.name}/new one", tmp_path) as found:
        with pytest.raises(Unavailable, match="there is no folder"):
            list(found.store.list())
        with pytest.raises(Unavailable, match="there is no folder"):
            found.store.ping()
        assert list(folder.iterdir()) == []
        found.store.put("x", content(b"x"))
        found.store.ping()
        assert found.store.identity()
        assert (folder / "new one/.albumen/store.json").exists()
    with made(f"{server.url}/{folder.name}/new one", tmp_path) as again:
        assert again.store.establish() == again.store.identity()
        assert [one.main.path for one in again.store.list()] == ["x"]


def test_however_the_server_is_written_it_is_the_same_place(server: dav.Server, tmp_path: Path) -> None:
    """A ``Destination`` whose server is not named as ``Host`` names it would be another server's; what was set up stays known."""
    plain = f"{server.url}/{server.room().name}"
    capitals = plain.replace("127.0.0.1", "LOCALHOST")
    for url, name in ((plain, "a.jpg"), (capitals, "b.jpg"), (plain, "c.jpg")):
        with made(url, tmp_path) as found:
            item = found.store.put(f"in/{name}", content(b"bytes"))
            found.store.move(f"in/{name}", f"out/{name}", rev=item.main.rev)
            assert found.store.refused() is None
            marked = found.store.identity()
    with made(capitals, tmp_path) as found:
        assert found.store.establish() == marked
        assert sorted(one.main.path for one in found.store.list()) == ["out/a.jpg", "out/b.jpg", "out/c.jpg"]


def test_threads_that_meet_a_new_store_mark_it_once(server: dav.Server, tmp_path: Path) -> None:
    folder = server.room()
    with made(f"{server.url}/{folder.name}", tmp_path) as one, made(f"{server.url}/{folder.name}", tmp_path / "2") as two:
        start = threading.Barrier(4)
        failed: list[AlbumenError] = []

        def run(store: WebdavStore, name: str) -> None:
            start.wait()
            try:
                store.put(f"d/{name}", content(name.encode()))
            except AlbumenError as error:
                failed.append(error)

        threads = [
            threading.Thread(target=run, args=(store, f"{number}"))
            for number, store in enumerate((one.store, one.store, two.store, two.store))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert one.store.identity() == two.store.identity()
        assert files(folder) == {f"d/{number}": b"%d" % number for number in range(4)}


# ------------------------------------------------------------------------------------------------------- what is left behind

CHILD = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from make.webdav import made
from albumen.testing.stores import content
with made({url!r}, Path({state!r})) as found:
    if {replaces!r}:
        found.store.put("d/x.jpg", content(b"newer"), replace=found.store.stat("d/x.jpg").main.rev)
    else:
        found.store.put("d/new.jpg", content(b"new"))
"""


def killed_at(way: proxy.Proxy, state: Path, number: int, *, replaces: bool) -> bool:
    """A process does one change and is killed when its request of that number is about to be passed on; the server has dealt with it then.
    False when it made fewer."""
    others = way.opened()
    reached = threading.Event()
    at = way.count() + number
    code = CHILD.format(path=sys.path, url=way.url, state=str(state), replaces=replaces)
    children: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()

    def seen(_: proxy.Request) -> None:
        if way.count() == at:
            child = children.get(timeout=60)
            os.kill(child.pid, signal.SIGKILL)
            child.wait(60)
            reached.set()

    way.seen = seen
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    children.put(child)
    ended = child.wait(60)
    assert ended == (-signal.SIGKILL if reached.wait(60 if ended else 0) else 0)
    way.seen = lambda _: None
    until(lambda: way.opened() <= others, 60)
    return ended != 0


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("replaces", [False, True], ids=["put", "replace"])
def test_a_process_killed_at_any_request_leaves_nothing_that_is_not_swept(
    server: dav.Server, tmp_path: Path, *, replaces: bool
) -> None:
    """The end is as before the change or as after it; other people's files that look alike stay."""
    number = 1
    reached = True
    while reached:
        folder = server.room()
        state = tmp_path / f"{number}"
        with proxy.before(f"{server.url}/{folder.name}") as way, made(way.url, state) as found:
            found.store.put("d/x.jpg", content(b"old"))
            found.store._place.doubt()
            theirs = {"d/.albumen-other.tmp": b"a person's", "d/.x.tmp": b"another's"}
            for path, data in theirs.items():
                (folder / path).write_bytes(data)
                server.give(folder / path)
            reached = killed_at(way, state, number, replaces=replaces)
            owners = found.context.owners
            kept = found.store.sweep(_Dead(owners.me), ["d/x.jpg", "d/new.jpg"])
            assert not kept
            left = {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
            left = {path: data for path, data in left.items() if "store.json" not in path and ".DAV" not in path}
            before = {"d/x.jpg": b"old", **theirs}
            after = {**before, "d/x.jpg": b"newer"} if replaces else {**before, "d/new.jpg": b"new"}
            assert left in (before, after), number
        number += 1
    assert number > 4  # else it was never killed


class _Dead:
    """All owners but one."""

    def __init__(self, me: str) -> None:
        self._me = me

    def __contains__(self, owner: object) -> bool:
        return owner != self._me


def test_a_living_process_is_not_swept(apache: dav.Server, tmp_path: Path) -> None:
    folder = apache.room()
    with made(f"{apache.url}/{folder.name}", tmp_path) as found:
        me = found.context.owners.me
        (folder / f".albumen-{me}-abc1.tmp").write_bytes(b"half")
        (folder / ".albumen-0123456789abcdef-abc1.tmp").write_bytes(b"half")
        (folder / ".albumen-0123456789abcdef-abc1.txt").write_bytes(b"a person's")
        assert [one.main.path for one in found.store.list()] == []
        assert found.store.sweep({"0123456789abcdef"}, ["x"]) == []
        assert sorted(one.name for one in folder.iterdir()) == sorted(
            [f".albumen-{me}-abc1.tmp", ".albumen-0123456789abcdef-abc1.txt"]
        )


@pytest.mark.parametrize("fails", ["all", "the folder"])
def test_what_cannot_be_swept_now_is_swept_next_time(apache: dav.Server, tmp_path: Path, fails: str) -> None:
    room = apache.room()
    folder = room / "d"
    folder.mkdir()
    apache.give(folder)
    (folder / ".albumen-0123456789abcdef-abc1.tmp").write_bytes(b"half")
    with proxy.before(f"{apache.url}/{room.name}") as way, made(way.url, tmp_path) as found:
        if fails == "all":
            way.fault(proxy.answer(503))
        else:
            way.fault(proxy.answer(500), when=lambda one: one.target.endswith("/d/"))
        assert found.store.sweep({"0123456789abcdef"}, ["d/x"]) == []
        way.heal()
        assert found.store.sweep({"0123456789abcdef"}, []) == []
        assert list(folder.iterdir()) == []


def test_a_server_killed_in_the_middle_of_an_upload_shows_no_half_file(server: dav.Server, tmp_path: Path) -> None:
    """S1-06 (part: upload cut, no broken result visible)."""
    folder = server.room()
    with made(f"{server.url}/{folder.name}", tmp_path) as found:
        found.store.establish()
        with pytest.raises((Unavailable, Transient)):
            found.store.put("big.jpg", Content(lambda: cast("BinaryIO", _Killing(server)), 64 * MEBI))
        server.start()
        found.store.ping()
        assert list(found.store.list()) == []
        found.store.put("big.jpg", content(b"whole"))
        assert files(folder) == {"big.jpg": b"whole"}


class _Killing:
    """Bytes in whose middle the server dies."""

    def __init__(self, server: dav.Server) -> None:
        self._server = server
        self._left = 64 * MEBI

    def read(self, size: int = -1) -> bytes:
        if self._left == 32 * MEBI:
            self._server.kill()
        size = min(self._left, MEBI) if size < 0 else min(size, self._left)
        self._left -= size
        return bytes(size)

    def __enter__(self) -> "_Killing":
        return self

    def __exit__(self, *_: object) -> None:
        pass


# --------------------------------------------------------------------------------------------------------------------- names

NAMES = ["#a.jpg", "a#b.jpg", "?.jpg", "q?x=1.jpg", "50 %.jpg", "%41.jpg", "a%2Fb.jpg", "a;b.jpg", "a+b&c.jpg", "ü.jpg", "u\u0308.jpg",
         " blank .jpg", "'\"[]{}.jpg", "<>|*:.jpg", "back\\slash.jpg", "百年😀.jpg", "...", "....jpg", "-rf", "x" * 240 + ".jpg"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_survives_all_that_is_done_to_it(server: dav.Server, tmp_path: Path, name: str) -> None:
    """S1-28, S1-01 (part: names that need escapes, below a sub-path)."""
    folder = server.room()
    with made(f"{server.url}/{folder.name}/", tmp_path) as found:
        try:
            item = found.store.put(f"d/{name}", content(b"bytes"))
        except Rejected:
            assert server.kind == "wsgidav"
            assert "?" in name or ";" in name  # it would cut the target of a move there
            (folder / "d").mkdir(exist_ok=True)
            (folder / "d" / name).write_bytes(b"bytes")
            item = found.store.stat(f"d/{name}")
        assert files(folder) == {f"d/{name}": b"bytes"}
        assert [one.main for one in found.store.list()] == [item.main]
        assert read(Content(lambda: found.store.open(f"d/{name}"))) == b"bytes"
        found.store.move(f"d/{name}", "e/plain.jpg")
        if "?" in name or ";" in name:
            return
        found.store.move("e/plain.jpg", f"{name}/{name}")
        found.store.delete(f"{name}/{name}")
        assert files(folder) == {}


def test_a_name_that_servers_do_not_keep_is_refused(server: dav.Server, tmp_path: Path) -> None:
    with made(f"{server.url}/{server.room().name}", tmp_path) as found:
        found.store.put("x", content(b"x"))
        for name in ("two\nlines", "tab\t", "\udcff", "\x7f"):
            with pytest.raises(Rejected, match="control characters"):
                found.store.put(name, content(b"x"))
            with pytest.raises(Rejected, match="control characters"):
                found.store.move("x", name)


def test_moves_into_one_folder_never_replace_one_another(server: dav.Server, tmp_path: Path) -> None:
    """Overwrite: F is no lock at some servers; ours is."""
    with made(f"{server.url}/{server.room().name}", tmp_path) as found:
        for number in range(8):
            found.store.put(f"from/{number}", content(b"%d" % number))
        start = threading.Barrier(8)
        won: list[int] = []

        def run(number: int) -> None:
            start.wait()
            try:
                found.store.move(f"from/{number}", "to/x")
                won.append(number)
            except Exists:
                pass

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert len(list(found.store.list())) == 8
        assert read(Content(lambda: found.store.open("to/x"))) == b"%d" % won[0]


# --------------------------------------------------------------------------------------------------------- what it costs


def test_an_upload_is_looked_at_until_its_server_is_known(server: dav.Server, tmp_path: Path) -> None:
    """Then a plain yes to the last move is believed, but for one of sixteen, for names that could be misread, and for other answers."""
    long = ["PUT", "PROPFIND", "MOVE", "PROPFIND"]

    def asked(path: str) -> list[str]:
        way.requests.clear()
        item = found.store.put(path, content(b"bytes"))
        methods = [one.method for one in way.requests if not one.target.endswith("store.json")]  # a proof is believed for 10 s
        assert item.main == found.store.stat(path).main
        return methods

    def unclear(answered: proxy.Answered) -> bytes:
        return b"HTTP/1.1 204 Fine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    with proxy.before(f"{server.url}/{server.room().name}") as way, made(way.url, tmp_path) as found:
        found.store.put("d/first", content(b"bytes"))
        calls = [asked(f"d/{number}") for number in range(34)]
        assert calls[0] == long
        assert {len(one) for one in calls[4:]} == {3, 4}
        assert sum(one == long for one in calls[4:]) == 2
        assert asked("d/50 %é") == long
        way.fault(proxy.rewritten(unclear), when=lambda one: one.method == "MOVE")
        assert asked("d/unclear") == long


def test_a_server_that_names_a_moved_file_anew_is_always_looked_at(apache: dav.Server, tmp_path: Path) -> None:
    def renamed(answered: proxy.Answered) -> bytes:
        body = answered.body.replace(b"<lp1:getetag>", b"<lp1:getetag>new")
        return b"HTTP/1.1 207 Multi\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body

    with proxy.before(f"{apache.url}/{apache.room().name}") as way, made(way.url, tmp_path) as found:
        found.store.establish()
        way.fault(proxy.rewritten(renamed), when=lambda one: one.method == "PROPFIND" and ".albumen" not in one.target)
        for number in range(30):
            item = found.store.put(f"{number}", content(b"bytes"))
            assert item.main == found.store.stat(f"{number}").main


class Zeros:
    """So many bytes."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        size = min(self._left, MEBI if size < 0 else size)
        self._left -= size
        return bytes(size)

    def __enter__(self) -> "Zeros":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_no_more_bodies_are_sent_at_once_than_the_limit(server: dav.Server, tmp_path: Path) -> None:
    """S1-07 (part: uploads)."""
    now, most, guard = [0], [0], threading.Lock()

    class Counted(Zeros):
        def read(self, size: int = -1) -> bytes:
            with guard:
                now[0] += self.first
                most[0] = max(most[0], now[0])
                self.first = 0
            time.sleep(0.01)
            data = super().read(size)
            with guard:
                now[0] -= not data
            return data

        first = 1

    with made(f"{server.url}/{server.room().name}", tmp_path, limit=3) as found:
        store = governed(found.store, limit=3)
        store.put("d/first", content(b"x"))

        def run(number: int) -> None:
            store.put(f"d/{number}", Content(lambda: cast("BinaryIO", Counted(MEBI)), MEBI))

        with ThreadPoolExecutor(9) as pool:
            list(pool.map(run, range(12)))
        assert most[0] == 3
        assert len(list(store.list())) == 13


def test_bytes_of_files_keep_to_the_bandwidth_of_the_settings(
    server: dav.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent, read and proven; what is merely asked costs nothing."""
    line, data = Line(), os.urandom(MEBI)
    line.instead(monkeypatch)
    with made(f"{server.url}/{server.room().name}", tmp_path, bandwidth=1 << 18) as found:
        found.store.establish()
        before = line.spent
        for step in (
            lambda: found.store.put("a.jpg", content(data)),
            lambda: found.store.put("b.jpg", Content(lambda: io.BytesIO(data))),
            lambda: read(Content(lambda: found.store.open("a.jpg"))),
            lambda: found.store.prove("a.jpg"),
        ):
            step()
            assert line.spent - before == pytest.approx(4.0)
            before = line.spent
        found.store.stat("a.jpg")
        found.store.move("a.jpg", "c.jpg")
        assert sum(1 for _ in found.store.list()) == 2
        assert line.spent == before


def test_the_bandwidth_holds_in_its_hours_only(server: dav.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, clock = Line(), FakeClock()
    line.instead(monkeypatch)
    hour = time.localtime(clock.seconds).tm_hour
    hours = f"{hour}-{(hour + 1) % 24}"
    with made(f"{server.url}/{server.room().name}", tmp_path, clock, bandwidth=1 << 18, hours=hours) as found:
        found.store.establish()
        before = line.spent
        found.store.put("a.jpg", content(bytes(MEBI)))
        assert line.spent - before == pytest.approx(4.0)
        clock.advance(3600)
        found.store.put("b.jpg", content(bytes(MEBI)))
        found.store.prove("a.jpg")
        assert line.spent - before == pytest.approx(4.0)


def test_who_ends_does_not_wait_for_the_line(server: dav.Server, tmp_path: Path) -> None:
    """64 s of bytes, were they to be waited for."""
    with made(f"{server.url}/{server.room().name}", tmp_path, bandwidth=1 << 16) as found:
        found.context.stop.set()
        began = time.monotonic()
        found.store.put("a.jpg", content(bytes(4 * MEBI)))
        assert time.monotonic() - began < 50


# ------------------------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"url": "dav.example.org"}, "url: must be an address"),
        ({"url": "ftp://dav.example.org"}, "url: must be an address"),
        ({"url": "https://"}, "url: must be an address"),
        ({"url": "https://dav.example.org:99999"}, "url: must be an address"),
        ({"url": "https://me:secret@dav.example.org"}, "url: holds a user or password"),
        ({"url": "https://dav.example.org/?x"}, "url: must be an address"),
        ({"url": "https://a..example"}, r"url: a\.\.example can be no name of a server"),
        ({"url": f"https://{'ü' * 64}.example"}, "url: ü+.example can be no name of a server"),
        ({"url": "https://dav.example.org", "ca": "ca.pem"}, "ca: must be the whole path"),
        ({"url": "https://dav.example.org", "limit": 0}, "limit: must be"),
        ({"url": "https://dav.example.org", "timeout": 0.0}, "timeout: must be"),
        ({"url": "https://dav.example.org", "bandwidth": 1000}, "bandwidth: must be"),
        ({"url": "https://dav.example.org", "hours": "8-22"}, "hours: go with a bandwidth"),
        ({"url": "https://dav.example.org", "bandwidth": MEBI, "hours": "late"}, "hours: must be"),
    ],
)
def test_settings_that_cannot_be_are_told(settings: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why) as error:
        WebdavSettings(**settings)  # type: ignore[arg-type]  # wrong on purpose
    assert "secret" not in str(error.value)


def test_time_is_told_whether_a_server_keeps_it(server: dav.Server, tmp_path: Path) -> None:
    """None of the three takes the time of an upload: the item says what the server will say, not what was asked for."""
    with made(f"{server.url}/{server.room().name}", tmp_path) as found:
        item = found.store.put("x", content(b"x", modified=10**18))
        assert item.main.modified == found.store.stat("x").main.modified
        assert item.main.modified != 10**18
