"""The real daemon on the fake Nextcloud: what people tag goes to the folders that the tags name, and an undo brings all back."""

import signal
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from e2e.command import Home
from make import jpeg_bytes
from make.daemons import until
from servers import nextcloud

CONFIG = """
[state]
dir = "state"

[library]
store = "library"

[store.library]
type = "local"
root = "library"

[store.hub]
type = "nextcloud"
url = "{url}"
user = "photod"
password = "env:HUB_PASSWORD"
timeout = {timeout}

[source.tagged]
type = "nextcloud"
store = "hub"
path = "/AI/_unsorted"
parent_tag = "ai"
every = "1s"

[step.sort]
type = "move"
root = "AI/organized/"

[[route]]
from = "tagged"
steps = ["catalog", "sort"]
"""
PASSWORD = "a password: ä/%"
ENV = {"HUB_PASSWORD": PASSWORD}
UNSORTED, SORTED = "AI/_unsorted", "AI/organized"
State: TypeAlias = dict[str, tuple[int, int, tuple[str, ...]]]


@pytest.fixture(params=[34, 28])
def server(request: pytest.FixtureRequest) -> Iterator[nextcloud.Server]:
    with nextcloud.serve(request.param, {"photod": PASSWORD}) as found:
        found.mkdir("photod", UNSORTED)
        yield found


def configured(home: Home, server: nextcloud.Server, *, timeout: float = 60.0) -> str:
    path = home.path / "albumen.toml"
    path.write_text(CONFIG.format(url=server.url, timeout=timeout))
    return str(path)


def picture(number: int) -> bytes:
    return jpeg_bytes(when=f"2021:07:{number % 28 + 1:02} 00:30:00", colour=(number % 256, number // 256, 100))


def moved(server: nextcloud.Server, number: int) -> Callable[[], bool]:
    return lambda: sum(path.startswith(SORTED + "/") for path in server.state("photod")) == number


def run_until(home: Home, config: str, done: Callable[[], object]) -> str:
    """A daemon's life, from its start until it is so; what it said."""
    with home.started("run", "--config", config, env=ENV) as daemon:
        until(done, 90)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert PASSWORD not in err
    return err


def test_tagged_files_are_sorted_and_an_undo_brings_all_back(home: Home, server: nextcloud.Server) -> None:
    """S1-18, S1-19, S1-20, S1-21, S1-22, S1-24, S1-27 (part: a slash at the beginning), S1-29 (part: the mover's target is the new
    path of the same record), at the daemon itself."""
    tags = [
        ("ai:cats",),
        ("ai:cats", "holiday"),
        ("ai:dogs", "ai:cats"),
        ("holiday",),
        (),
        ("ai:Bären 🐻", "x"),
        ("kai:cats",),
        ("AI:cats",),
    ]
    for number in range(40):
        name = f"s{number % 2}/ä #{number}.jpg" if number % 5 == 0 else f"{number}.jpg"
        server.put(
            "photod", f"{UNSORTED}/{name}", picture(number), tags=tags[number % len(tags)], modified=1_600_000_000 + number
        )
    before, bytes_before = server.state("photod"), server.files("photod")
    config = configured(home, server)
    with home.started("run", "--config", config, env=ENV) as daemon:
        until(moved(server, 20), 90)
        until(lambda: server.count("DELETE", "systemtags-relations") == 20, 90)
        is_sorted(before, bytes_before, server)
        rest(server)
        rows = home.run("export", "--config", config, env=ENV, code=0).rows
        assert len(rows) == 20
        assert {place["path"] for row in rows for place in row["placements"]} == {
            path for path in server.state("photod") if path.startswith(SORTED)
        }
        undo_all(home, config)
        assert server.state("photod") == before
        rest(server)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert PASSWORD not in err
    assert server.state("photod") == before
    assert err.count("was brought back by a person") == 20


def undo_all(home: Home, config: str) -> None:
    """Every batch that still has effect, the newest first: a slow machine may sort in several."""
    for row in home.run("log", "--json", "--limit", "0", "--config", config, env=ENV, code=0).rows:
        if row["done"] and not row["undoes"]:
            home.run("undo", row["id"], "--config", config, env=ENV, code=0)


def is_sorted(before: State, data: dict[str, bytes], server: nextcloud.Server) -> None:
    """Each file lies where its first tag by name says, with its number, bytes and other tags."""
    after, bytes_after = server.state("photod"), server.files("photod")
    for path, (id, size, had) in before.items():
        used = min((one for one in had if one.startswith("ai:")), default="")
        now = f"{SORTED}/{used.removeprefix('ai:')}/{path.rpartition('/')[2]}" if used else path
        assert after[now] == (id, size, tuple(one for one in had if one != used))
        assert bytes_after[now] == data[path]


def rest(server: nextcloud.Server) -> None:
    """Some looks of the source later."""
    looks = looked(server)
    until(lambda: looked(server) > looks + 3, 90)


def looked(server: nextcloud.Server) -> int:
    """How often the source listed its folder."""
    return sum(
        one.method == "PROPFIND" and one.path.endswith(f"{UNSORTED}/") and one.headers["Depth"] == "1" for one in server.asked
    )


def test_nothing_is_overwritten_and_equal_content_stays(home: Home, server: nextcloud.Server) -> None:
    """S1-23: other content under the name gets ``_1``, equal content is told and left, the rest goes on."""
    server.put("photod", f"{SORTED}/cats/a.jpg", picture(1))
    server.put("photod", f"{SORTED}/cats/b.jpg", picture(2))
    for name, number in (("a.jpg", 10), ("b.jpg", 2), ("c.jpg", 11)):
        server.put("photod", f"{UNSORTED}/{name}", picture(number), tags=["ai:cats"], modified=1_600_000_000)
    before = server.state("photod")
    config = configured(home, server)
    err = run_until(home, config, lambda: moved(server, 4)() and looked(server) > 3)
    after = server.state("photod")
    assert after[f"{SORTED}/cats/a.jpg"] == before[f"{SORTED}/cats/a.jpg"]
    assert after[f"{SORTED}/cats/a_1.jpg"] == (*before[f"{UNSORTED}/a.jpg"][:2], ())
    assert after[f"{SORTED}/cats/c.jpg"] == (*before[f"{UNSORTED}/c.jpg"][:2], ())
    assert after[f"{UNSORTED}/b.jpg"] == before[f"{UNSORTED}/b.jpg"]
    assert "has the very same content already" in err


def test_a_tag_that_cannot_be_removed_is_removed_next_time(home: Home, server: nextcloud.Server) -> None:
    """S1-24 (part: the removal fails): the file is moved, the tag goes when the server can; nothing is done twice."""
    server.put("photod", f"{UNSORTED}/a.jpg", picture(1), tags=["ai:cats", "holiday"], modified=1_600_000_000)
    fault = server.fail("DELETE", "systemtags-relations", status=500, times=2)
    config = configured(home, server)
    target = f"{SORTED}/cats/a.jpg"
    run_until(
        home, config, lambda: not fault.times and server.state("photod").get(target, (0, 0, ("ai:cats",)))[2] == ("holiday",)
    )
    assert [one.status for one in server.asked if one.method == "MOVE" and one.path.endswith("_unsorted/a.jpg")].count(201) == 1


def test_an_undo_that_waits_says_why(home: Home, server: nextcloud.Server) -> None:
    config = configured(home, server)
    server.put("photod", f"{UNSORTED}/a.jpg", picture(1), tags=["ai:cats"], modified=1_600_000_000)
    run_until(home, config, lambda: moved(server, 1)() and not server.state("photod")[f"{SORTED}/cats/a.jpg"][2])
    server.fail("PUT", "systemtags-relations", status=429, times=999)
    undone = home.run("undo", "last", "--config", config, env=ENV, code=1)
    assert "1 wait: hub:" in undone.err
    why = undone.err.partition("1 wait: ")[2].splitlines()[0]
    assert why in home.run("status", "--config", config, env=ENV, code=1).out


@pytest.mark.parametrize("then", ["lost", "dropped"])
def test_a_move_whose_answer_is_lost_is_found_by_the_number_of_its_file(home: Home, server: nextcloud.Server, then: str) -> None:
    """S1-24, S1-22 (part: lost answers): done or not, it is done once, and the tag goes."""
    for number in range(3):
        server.put("photod", f"{UNSORTED}/{number}.jpg", picture(number), tags=["ai:cats"], modified=1_600_000_000)
    before = server.state("photod")
    server.fail("MOVE", "1.jpg", then=then)
    config = configured(home, server, timeout=5.0)

    def untagged() -> bool:
        return all(not tags for _, _, tags in server.state("photod").values())

    run_until(home, config, lambda: moved(server, 3)() and untagged())
    wanted = {f"{SORTED}/cats/{number}.jpg": (*before[f"{UNSORTED}/{number}.jpg"][:2], ()) for number in range(3)}
    assert server.state("photod") == wanted


def test_a_server_that_stops_and_comes_back_loses_nothing(home: Home, server: nextcloud.Server) -> None:
    """Stopped in the middle, in maintenance, 429: it waits, and goes on by itself."""
    for number in range(12):
        server.put("photod", f"{UNSORTED}/{number}.jpg", picture(number), tags=["ai:cats"], modified=1_600_000_000)
    config = configured(home, server, timeout=5.0)
    with home.started("run", "--config", config, env=ENV) as daemon:
        until(lambda: server.count("MOVE") >= 2, 90)
        server.stop()
        until(lambda: daemon.poll() is None and server.count() > 0, 5)
        server.start()
        server.fail("*", "remote.php", status=429, headers={"Retry-After": "1"}, times=3)
        until(moved(server, 12), 90)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert sorted(server.state("photod")) == sorted(f"{SORTED}/cats/{number}.jpg" for number in range(12))


@pytest.mark.parametrize(("method", "at"), [("MOVE", "/bad.jpg"), ("MKCOL", "/organized/bad")])
def test_one_file_at_which_the_server_fails_holds_nobody_up(home: Home, server: nextcloud.Server, method: str, at: str) -> None:
    """For ever: the others are moved by one poll, their place is not closed, and the one is tried again later."""
    server.put("photod", f"{UNSORTED}/bad.jpg", picture(99), tags=["ai:bad"], modified=1_600_000_000)
    for number in range(10):
        server.put("photod", f"{UNSORTED}/{number}.jpg", picture(number), tags=["ai:cats"], modified=1_600_000_000)
    bad = server.state("photod")[f"{UNSORTED}/bad.jpg"]
    server.fail(method, at, status=500, times=9999)
    config = configured(home, server)
    home.run("poll", "tagged", "--once", "--config", config, env=ENV, code=1)
    after = {path: one for path, one in server.state("photod").items() if not path.startswith(".albumen")}
    assert sorted(after) == sorted([f"{UNSORTED}/bad.jpg", *(f"{SORTED}/cats/{number}.jpg" for number in range(10))])
    assert after[f"{UNSORTED}/bad.jpg"] == bad
    said = home.run("status", "--config", config, env=ENV)
    assert "closed" not in said.out
    assert " later" in said.out  # with the end of its batch, if that came to its turn
    server.heal()


def test_a_poll_says_what_it_found_and_what_became_of_it(home: Home, server: nextcloud.Server) -> None:
    """S1-18, S1-25, S1-26: first nothing, then 50 of which one cannot be moved; a dry run before changes nothing and says the same."""
    config = configured(home, server)
    poll = ("poll", "tagged", "--once", "--config", config)
    nothing = home.run(*poll, env=ENV, code=0)
    assert (nothing.lines[0], nothing.lines[-1]) == ("Files found: 0", "Done.")
    for number in range(50):
        server.put("photod", f"{UNSORTED}/{number}.jpg", picture(number), tags=["ai:cats"], modified=1_600_000_000)
    server.put("photod", f"{UNSORTED}/bad.jpg", picture(99), tags=["ai:.."], modified=1_600_000_000)
    before = server.state("photod")
    dry = home.run(*poll, "--dry-run", env=ENV, code=0)
    assert dry.lines[0] == "Files found: 50"
    moves = {f"hub:{UNSORTED}/{one}.jpg -> hub:{SORTED}/cats/{one}.jpg" for one in range(50)}
    assert moves <= set(dry.lines)
    assert "ai:.." in dry.out
    assert server.state("photod") == before
    server.fail("MOVE", "/7.jpg", status=403, times=99)
    done = home.run(*poll, "-v", env=ENV, code=1)
    assert done.lines[0] == "Files found: 50"
    assert {line for line in done.lines if " -> " in line} == {line for line in moves if "/7.jpg" not in line}
    assert "ai:.." in done.out + done.err
    assert "7.jpg" in done.err
    after = server.state("photod")
    assert {path for path in after if path.startswith(SORTED)} == {f"{SORTED}/cats/{one}.jpg" for one in range(50) if one != 7}
    assert {path: row for path, row in after.items() if path.startswith(UNSORTED)} == {
        path: row for path, row in before.items() if path.endswith(("/7.jpg", "/bad.jpg"))
    }
