"""Rows of the scaler and the mover that need the whole program: names, limits, rounds, stops, a kill at the worst moment, full servers."""

import os
import pty
import re
import select
import signal
import subprocess
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.command import ALBUMEN, Home
from make.daemons import until
from make.hubs import PASSWORD, RAW, SORTED, SORTING, UNSORTED, USER, CloudFiles, DavFiles, Hub, config, running, wrong
from make.pictures import jpeg_bytes
from servers import dav, nextcloud, proxy, vault

pytestmark = pytest.mark.timeout(600)
ENV = {"HUB_PASSWORD": PASSWORD}
PATIENCE = 120.0
NAMES = [  # F13, after the prefix
    *(
        "ä ö ü Ä é Å.jpg",
        unicodedata.normalize("NFD", "ä é Å decomposed.jpg"),
        "two  blanks .jpg",
        'it\'s "quoted".jpg',
        "50%20.jpg",
    ),
    *("#1.jpg", "🐻.jpg", "-dash.jpg", "no extension", "two.dots.jpg", "UPPER.JPG", "x" * 236 + ".jpg", "q?a=b&c;d.jpg"),
]
BROKEN = "new\nline.jpg"  # the last of F13: such a name is not given on a server, not even in the trash: it is scaled, left where it is, and told


@pytest.fixture
def server() -> Iterator[dav.Server]:
    with dav.serve("apache", base="/some/where", users={USER: PASSWORD}) as found:
        yield found


@pytest.fixture
def hub(server: dav.Server) -> Hub:
    return Hub(DavFiles(server))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "library").mkdir()
    return Home(tmp_path)


def configure(home: Home, url: str, old: str = "", new: str = "", **more: object) -> None:
    text = config(url, **more)  # type: ignore[arg-type]  # as it takes them
    assert old in text
    (home.path / "albumen.toml").write_text(text.replace(old, new) if old else text)


def log(home: Home) -> str:
    return (home.path / "log").read_text()


# ---------------------------------------------------------------------------------------------------------------- what is found


@pytest.mark.parametrize("form", ['["raw "]', "'[\"raw \"]'", '"raw ,"'], ids=["list", "JSON", "commas"])
def test_a_poll_tells_how_many_names_begin_so_and_which(home: Home, hub: Hub, server: dav.Server, form: str) -> None:
    """S1-01, S1-02, S1-28, S1-29: F13 names on a real server below a sub-path; the records of both in the export."""
    form = form.replace("raw ", "raw_")
    names, broken = [f"raw_{one}" for one in NAMES], f"raw_{BROKEN}"
    for number, one in enumerate([*names, broken, "RAW_1.jpg", "other.jpg", "raw_folder/x.jpg"]):
        hub.files.drop(f"{RAW}/{one}", jpeg_bytes(when="2021:07:15 14:30:05", colour=(number * 9, 80, 40), size=(24, 16)))
    configure(home, f"{server.url}/", 'prefixes = ["Unknown"]', f"prefixes = {form}")
    dry = home.run("poll", "raw", "--once", "--dry-run", env=ENV, code=0)
    assert dry.lines[0] == f"Files found: {len(names) + 1}"
    found = {one.partition(" -> ")[0] for one in dry.lines if " -> " in one}
    assert found == {f"hub:{RAW}/{one}" for one in (*names, broken.replace("\n", r"\n"))}
    if "[" not in form or "'" in form:
        return
    once = home.run("poll", "raw", "--once", env=ENV, code=1)
    assert r"raw_new\nline.jpg" in once.err
    assert "rename it" in once.err
    assert f"{RAW}/{broken}" in hub.files.tree()
    assert len(hub.results()) == len(names) + 1
    rows = home.run("export", env=ENV, code=0).rows
    raws = {row["id"]: row for row in rows if "derived_from" not in row}
    made = [row for row in rows if "derived_from" in row]
    assert sorted(raws[row["derived_from"]]["name"] for row in made) == sorted([*names, broken])
    assert {place["path"] for row in made for place in row["placements"] if place["store"] == "hub"} == set(hub.results())


@pytest.mark.parametrize("every", ["0", "-1", '"soon"', '"0s"'])
def test_a_period_that_cannot_be_is_a_mistake_in_the_settings(home: Home, every: str) -> None:
    """S1-08 (part: 0, negative, text)."""
    configure(home, "http://127.0.0.1:9", 'every = "1s"', f"every = {every}")
    assert "[source.raw]" in home.run("check", env=ENV, code=2).err


def test_it_looks_again_and_again_and_says_so(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-08: rounds are counted at the server; a file is taken after two equal looks; ``status`` tells of the last and the next."""
    hub.files.drop(f"{RAW}/.keep", b"")
    with proxy.before(server.url) as way:
        configure(home, way.url)

        def looks() -> int:
            return sum(one.method == "PROPFIND" and one.target.endswith("/_raw/") for one in list(way.requests))

        with running(home.path) as daemon:
            until(lambda: looks() >= 3 or daemon.poll() is not None, PATIENCE)
            hub.drop(1)
            before = looks()
            until(lambda: len(hub.results()) == 1 or daemon.poll() is not None, PATIENCE)
            first = next(at for at, one in enumerate(way.requests) if one.method == "GET" and "Unknown" in one.target)
            seen = sum(one.method == "PROPFIND" and one.target.endswith("/_raw/") for one in way.requests[:first])
            assert seen - before >= 2
            told = home.run("status", env=ENV).out
            assert re.search(r"source raw: last looked \S+ \S+ UTC, next look by \S+ \S+ UTC, 1 found since the start", told), (
                told
            )


# -------------------------------------------------------------------------------------------------------------------- at once


def test_as_many_at_once_as_a_webdav_server_may_have_and_no_more(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-07: 10 unless told otherwise, kept full: nobody gets a file before ten ask for one."""
    with proxy.before(server.url) as way:
        full = threading.Event()

        def wait(request: proxy.Request) -> None:
            if request.method == "GET" and "Unknown" in request.target:
                waiting.append(request.target)
                if len(waiting) >= 10:
                    full.set()
                full.wait(PATIENCE)

        waiting: list[str] = []
        way.seen = wait
        configure(home, way.url)
        hub.drop(24)
        with running(home.path) as daemon:
            until(lambda: (len(hub.results()) == 24 and not hub.raws()) or daemon.poll() is not None, PATIENCE)
        assert full.is_set()
        assert way.busiest <= 10
        assert wrong(hub) == [], log(home)


def test_as_many_at_once_as_a_nextcloud_may_have_and_no_more(home: Home) -> None:
    """S1-07 (part: 4 on Nextcloud)."""
    with nextcloud.serve(34, {USER: PASSWORD}) as cloud:
        cloud.mkdir(USER, UNSORTED)
        guard, full = threading.Lock(), threading.Event()
        now, most = [0], [0]

        def count(method: str, path: str, when: str) -> None:
            if method not in {"GET", "PUT"} or "/.albumen/" in path or "ocs/" in path:
                return
            with guard:
                now[0] += 1 if when == "before" else -1
                most[0] = max(most[0], now[0])
                if now[0] >= 4:
                    full.set()
            if when == "before" and method == "GET":
                full.wait(PATIENCE)

        cloud.on_request = count
        configure(home, cloud.url, kind="nextcloud")
        hub = Hub(CloudFiles(cloud))
        hub.drop(12)
        with running(home.path) as daemon:
            until(lambda: (len(hub.results()) == 12 and not hub.raws()) or daemon.poll() is not None, PATIENCE)
        assert full.is_set()
        assert most[0] == 4
        assert wrong(hub) == [], log(home)


# --------------------------------------------------------------------------------------------------------- trouble, and stopping


def test_a_raw_folder_that_is_missing_is_told_and_the_others_go_on(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-10 (part: raw folder missing; other sources go on): when it is made, its files are taken."""
    more = '[source.inbox]\ntype = "local"\npath = "inbox"\nmode = "move"\nsettle = "1s"\n[[route]]\nfrom = "inbox"\nsteps = ["catalog", "file"]\n'
    configure(home, server.url, more=[more])
    (home.path / "inbox").mkdir()
    with running(home.path) as daemon:
        until(lambda: f"there is no folder {RAW}" in log(home) or daemon.poll() is not None, PATIENCE)
        (home.path / "inbox/a.jpg").write_bytes(jpeg_bytes(when="2021:07:15 14:30:05"))
        until(lambda: any((home.path / "library").glob("2021/*/*.jpg")) or daemon.poll() is not None, PATIENCE)
        assert f"there is no folder {RAW}" in home.run("status", env=ENV, code=1).out
        hub.drop(2)
        until(lambda: (len(hub.results()) == 2 and not hub.raws()) or daemon.poll() is not None, PATIENCE)
        assert wrong(hub) == [], log(home)


@pytest.mark.slow
def test_killed_ten_times_between_the_upload_and_the_removal_of_the_raw(home: Home, hub: Hub, server: dav.Server) -> None:
    """S1-12: at the very request that takes the raw away, before the server hears of it."""
    kill: list[Callable[[], None]] = []
    with proxy.before(server.url) as way:

        def strike(request: proxy.Request) -> None:
            if request.method == "MOVE" and "/_raw/" in request.target and kill:
                kill.pop()()

        way.seen = strike
        way.fault(proxy.unsent(), when=lambda one: one.method == "MOVE" and "/_raw/" in one.target, times=10)
        configure(home, way.url)
        hub.drop(1)
        for _ in range(10):
            with running(home.path) as daemon:
                kill.append(daemon.kill)
                until(lambda: daemon.poll() is not None, PATIENCE)
                assert daemon.returncode == -signal.SIGKILL
            assert len(hub.results()) == 1
            assert len(hub.raws()) == 1
        with running(home.path) as daemon:
            until(lambda: not hub.raws() or daemon.poll() is not None, PATIENCE)
    assert wrong(hub) == [], log(home)


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_long_conversion_is_handed_back_when_it_shall_stop(
    home: Home, hub: Hub, server: dav.Server, how: signal.Signals
) -> None:
    """S1-14: within 30 s, exit 0; the raw is there, and nothing half."""
    with proxy.before(server.url) as way:
        configure(home, way.url, "[[route]]", 'factor = 12\nmethod = "lanczos"\ncompression = 9\n[[route]]')
        hub.drop(1, size=(2400, 1600))
        with running(home.path) as daemon:
            until(lambda: any(one.method == "GET" and "Unknown" in one.target for one in way.requests), PATIENCE)
            until(lambda: bool(children(daemon.pid)) or daemon.poll() is not None, PATIENCE)
            daemon.send_signal(how)
            assert daemon.wait(30) == 0
        assert "Traceback" not in log(home)
        assert hub.results() == {}
        assert hub.raws() == hub.dropped
        configure(home, way.url)
        with running(home.path) as daemon:
            until(lambda: (hub.results() and not hub.raws()) or daemon.poll() is not None, PATIENCE)
    assert wrong(hub) == [], log(home)


def children(pid: int) -> str:
    """Those of a process that compute."""
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("status", [413, pytest.param(507, marks=pytest.mark.slow)])
def test_a_file_too_large_for_its_server(home: Home, hub: Hub, server: dav.Server, status: int) -> None:
    """S1-06 (part: 507, size). 413: that file is given up with what to do, the others are done; 507: all wait, and go on by themselves."""
    with proxy.before(server.url) as way:

        def large(request: proxy.Request) -> bool:
            return (
                request.method == "PUT"
                and "_unsorted" in request.target
                and int(request.headers.get("content-length", "0")) > 50_000
            )

        way.fault(proxy.answer(status), when=large)
        configure(home, way.url)
        hub.files.drop(f"{RAW}/Unknown large.jpg", noisy())
        with running(home.path) as daemon:
            if status == 413:
                hub.drop(3)
                large_alone = [f"{RAW}/Unknown large.jpg"]
                until(lambda: (list(hub.raws()) == large_alone and "failed" in log(home)) or daemon.poll() is not None, PATIENCE)
                assert len(hub.results()) == 3
                ((dead),) = home.run("queue", "dead", "--json", env=ENV, code=0).rows
                assert "raise the limit" in dead["why"]
                assert "Unknown large.jpg" in home.run("status", env=ENV, code=1).out
                way.heal()
                home.run("queue", "again", str(dead["id"]), env=ENV, code=0)
            else:
                until(lambda: "make room" in log(home) or daemon.poll() is not None, PATIENCE)
                assert "make room" in home.run("status", env=ENV, code=1).out
                assert home.run("queue", "dead", "--json", env=ENV, code=0).rows == []
                way.heal()
            until(lambda: not hub.raws() or daemon.poll() is not None, 3 * PATIENCE)
        assert len(hub.results()) == (4 if status == 413 else 1)


def noisy() -> bytes:
    """A picture that is large when it is doubled."""
    import io

    import numpy as np
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (160, 200, 3), dtype=np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


# -------------------------------------------------------------------------------------------------------------------- the mover


def test_a_poll_on_a_terminal_shows_how_far_it_is(home: Home) -> None:
    """S1-25 (part: progress ``k/n`` on a terminal); failures are told at the end, exit 1."""
    with nextcloud.serve(34, {USER: PASSWORD}) as cloud:
        for number in range(30):
            data = jpeg_bytes(when="2021:07:15 14:30:05", colour=(number * 8, 80, 40))
            cloud.put(USER, f"{UNSORTED}/{number}.jpg", data, tags=["ai:cats"], modified=1_600_000_000)
        cloud.fail("MOVE", "/7.jpg", status=403, times=99)
        (home.path / "albumen.toml").write_text(config(cloud.url, kind="nextcloud", more=[SORTING]))
        said, code = on_a_terminal(home, "poll", "tagged", "--once")
    steps = [int(one) for one in re.findall(r"(\d+)/30", said)]
    assert steps == sorted(steps)
    assert steps[-1:] >= [1], said
    assert "Files found: 30" in said
    assert "7.jpg" in said[said.index("Files found") :]
    assert code == 1


def on_a_terminal(home: Home, *words: str) -> tuple[str, int]:
    """All that is said there, and the exit status."""
    leader, follower = pty.openpty()
    env = home.environment({**ENV, "TERM": "xterm-256color", "COLUMNS": "120"})
    process = subprocess.Popen([*ALBUMEN, *words], cwd=home.path, env=env, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    said = b""
    try:
        while select.select([leader], [], [], PATIENCE)[0] and (chunk := os.read(leader, 65536)):
            said += chunk
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(leader)
    return said.decode(errors="replace"), process.wait(60)


@pytest.mark.parametrize("unsorted", ["data/AI/_unsorted", "/data/AI/_unsorted/"])
def test_the_values_of_the_seeds_description(home: Home, unsorted: str) -> None:
    """S1-27, S1-15 (part: the seed's layout): its secrets as they stand in Vault, run once each."""
    with nextcloud.serve(34, {USER: PASSWORD}) as cloud, vault.running() as secrets:
        folders = {"RAW_REMOTE_DIR": "data/AI/_raw", "UNSORTED_REMOTE_DIR": unsorted, "RAW_NAMES_PREFIXES": '["Unknown"]'}
        mover = {"IMAGES_ROOT_DIR": "data/AI/organized", "UNSORTED_REMOTE_DIR": unsorted, "PARENT_TAG_VALUE": "ai"}
        address = f"{cloud.url}/remote.php/dav/files/{USER}/"
        for name, values in (
            ("webdav", {"host_url": address, "username": USER, "password": PASSWORD}),
            ("scaler_constants", folders),
            ("mover_constants", mover),
        ):
            secrets.put("kv", name, values)
        cloud.mkdir(USER, UNSORTED)
        hub = Hub(CloudFiles(cloud))
        hub.drop(2)
        (home.path / "albumen.toml").write_text(
            f'[state]\ndir = "state"\n[library]\nstore = "nas"\n[store.nas]\ntype = "local"\nroot = "library"\n'
            f'[vault]\naddress = "{secrets.url}"\nlayout = "seed"\nmount = "kv"\n'
            '[source.raw]\nsettle = "1s"\n'
        )
        env = {"VAULT_TOKEN": secrets.root, "ALBUMEN_VAULT_AUTH": "token"}
        assert home.run("poll", "raw", "--once", env=env, code=0).lines[0] == "Files found: 2"
        for path in hub.results():
            cloud.tag(USER, path, "ai:cats")
        assert home.run("poll", "tagged", "--once", env=env, code=0).lines[-1] == "Done."
        assert sum(one.startswith(f"{SORTED}/cats/") for one in hub.visible()) == 2
