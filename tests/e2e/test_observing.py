"""What the daemon tells while it runs: one line a state change, numbers, health, and a word when all is not well."""

import http.client
import json
import signal
import socket
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from e2e.command import Home
from make import jpeg
from make.daemons import CONFIG, until
from make.receivers import Hook, hook, post

TOKEN = "a-token-that-nobody-else-knows"


def configure(home: Home, more: str = "") -> None:
    (home.path / "albumen.toml").write_text(CONFIG + more)
    (home.path / "inbox").mkdir(exist_ok=True)


def ended(process: "subprocess.Popen[str]") -> str:
    """The log of a daemon that is told to stop."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return err


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def asked(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Status and body; 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except ConnectionRefusedError:
        return 0, ""
    finally:
        connection.close()


def _done(home: Home, before: set[str]) -> int:
    """How many deeds were done in batches that are not of ``before``."""
    return sum(int(one["done"]) for one in home.run("log", "--json", code=0).rows if one["id"] not in before)


@pytest.mark.slow
def test_each_state_change_is_one_line_that_names_the_file(home: Home) -> None:
    configure(home, '[log]\nformat = "json"\n')
    inbox = home.path / "inbox"
    jpeg(str(inbox / "sub/one.jpg"), when="2021:07:01 00:30:00")
    (inbox / "notes.txt").write_text("no picture")
    (inbox / "empty.jpg").write_bytes(b"")
    (inbox / "broken.jpg").write_text("no picture at all")
    with home.started("run") as process:
        until(lambda: len(home.filed()) == 1 and not (inbox / "sub").exists())
        jpeg(str(inbox / "again.jpg"), when="2021:07:01 00:30:00")
        until(lambda: not (inbox / "again.jpg").exists())
        until(lambda: home.run("status", "--json").rows[0]["queue"] == {"dead": 1})
        before = {one["id"] for one in home.run("log", "--json", code=0).rows}
        home.library.rename(home / "unplugged")
        for number in range(5):
            jpeg(str(inbox / f"late{number}.jpg"), when=f"2022:07:0{number + 1} 00:30:00")
        until(lambda: bool(home.run("status", "--json").rows[0].get("circuits")))
        until(lambda: home.run("status", "--json").rows[0]["queue"].get("later", 0) >= 5)
        (home.path / "unplugged").rename(home.library)
        until(lambda: len(home.filed()) == 6)
        until(lambda: _done(home, before) == 5)  # in one batch, or in two when a look fell between them
        undone = datetime.now(UTC).isoformat()  # from then on the daemon takes in again what is given back
        home.run("undo", home.run("log", "--json", code=0).rows[-1]["id"], code=0)
        log = ended(process)
    every = [json.loads(line) for line in log.splitlines()]
    lines = [*(one for one in every if one["timestamp"] < undone), every[-1]]
    told_undone = [one["file"] for one in every if one["event"] == "undone" and one.get("verb") == "move"]
    assert told_undone == ["library:2021/07_July/2021-07-01 00-30-00.jpg"]
    events = Counter((one["event"], str(one.get("file", "")).rpartition("/")[2]) for one in lines)
    wanted = {
        ("arrived", name) for name in ("one.jpg", "again.jpg", "broken.jpg", "notes.txt", *(f"late{n}.jpg" for n in range(5)))
    }
    wanted |= {("filed", name) for name in ("one.jpg", *(f"late{n}.jpg" for n in range(5)))}
    wanted |= {("set aside", "notes.txt"), ("set aside", "empty.jpg"), ("failed", "broken.jpg"), ("folder removed", "sub")}
    wanted |= {("duplicate", "again.jpg"), ("trashed", "again.jpg"), ("running", ""), ("stopped", "")}
    assert {one: events[one] for one in wanted} == dict.fromkeys(wanted, 1)
    told = [one["event"] for one in lines]
    assert told.count("place closed") == told.count("place works again") >= 1
    assert told.count("waiting") == 0  # a detail
    about_files = {"arrived", "filed", "trashed", "duplicate", "set aside", "failed", "undone", "place closed", "folder removed"}
    assert all(one["file"] for one in lines if one["event"] in about_files)
    filed = next(one for one in lines if one["event"] == "filed" and one["file"].endswith("one.jpg"))
    assert filed["to"] == "library:2021/07_July/2021-07-01 00-30-00.jpg"
    assert filed["file"] == str(inbox / "sub/one.jpg")
    assert filed["id"]
    assert filed["batch"]


@pytest.mark.slow
def test_numbers_and_health_are_answered_while_the_daemon_runs(home: Home) -> None:
    port = free_port()
    configure(home, f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
    jpeg(home / "inbox/one.jpg", when="2021:07:01 00:30:00")
    (home.path / "inbox/broken.jpg").write_text("no picture at all")
    with home.started("run") as process:

        def numbers() -> dict[str, float]:
            lines = [line for line in asked(port, "/metrics")[1].splitlines() if not line.startswith("#")]
            return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

        until(lambda: numbers().get("albumen_dead_jobs") == 1 and numbers().get("albumen_records") == 1)
        until(lambda: numbers().get("albumen_well") == 0)
        now = numbers()
        assert now['albumen_files_total{source="inbox",what="arrived"}'] == 2
        assert now['albumen_files_total{source="inbox",what="filed"}'] == 1
        assert now['albumen_files_total{source="inbox",what="failed"}'] == 1
        assert now['albumen_found_only_by_rescan_total{source="inbox"}'] == 0
        assert now['albumen_jobs{lane="io",state="dead"}'] == 1
        assert now['albumen_problems{kind="failed"}'] == 1
        assert abs(now['albumen_source_last_look_timestamp_seconds{source="inbox"}'] - time.time()) < 130
        assert now['albumen_store_free_bytes{store="library"}'] > 0
        assert now["process_resident_memory_bytes"] > 10_000_000
        assert now["process_open_fds"] > 5
        assert any(key.startswith("albumen_build_info{") for key in now)
        assert any(key.startswith('albumen_clock_last_success_timestamp_seconds{entry="recovery"') for key in now)
        status, body = asked(port, "/healthcheck")
        assert (status, json.loads(body)["state"]) == (200, "well")  # one bad photo restarts nothing
        assert asked(port, "/metrics", Host="evil.example")[0] == 403
        home.library.rename(home / "unplugged")
        status, body = asked(port, "/healthcheck")
        assert (status, json.loads(body)["state"]) == (503, "unwell")
        assert "is the disk mounted?" in json.loads(body)["checks"]["store library"]
        assert numbers()['albumen_up{what="store library"}'] == 0
        (home.path / "unplugged").rename(home.library)
        assert asked(port, "/healthcheck")[0] == 200
        ended(process)
    assert asked(port, "/metrics")[0] == 0


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ('listen = "0.0.0.0:9464"', "can be reached from other machines: set a token"),
        ('listen = "nas.local:9464"', "can be reached from other machines: set a token"),
        ('listen = "[::]:9464"', "can be reached from other machines: set a token"),
        ('listen = "0.0.0.0:9464"\ntoken = "short"', "too short"),
        ('listen = "9464"', "is no address such as"),
        ('listen = "127.0.0.1:99999"', "is no address such as"),
        ('listen = "127.0.0.1:9464\\nX"', "is no address such as"),
    ],
)
def test_an_open_door_is_refused(home: Home, metrics: str, why: str) -> None:
    configure(home, f"[metrics]\n{metrics}\n")
    ran = home.run("run", "--idle-exit", "0", code=2)
    assert why in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (home.path / "state").exists()


def test_a_port_that_is_taken_ends_the_daemon_with_a_sentence(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configure(home, f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
        ran = home.run("run", code=2)
    assert ran.err.splitlines()[-1] == f"[metrics] listen: 127.0.0.1:{port} is taken by another program: choose another port"


def test_another_address_answers_whoever_brings_the_token(home: Home) -> None:
    port = free_port()
    (home.path / "token").write_text(f"{TOKEN}\n")
    (home.path / "token").chmod(0o600)
    configure(home, f'[metrics]\nlisten = "0.0.0.0:{port}"\ntoken = "file:token"\n')
    with home.started("run") as process:
        until(lambda: asked(port, "/healthcheck")[0] != 0)
        assert asked(port, "/metrics")[0] == 401
        assert asked(port, "/metrics", Authorization=f"Bearer {TOKEN}", Host="nas.local")[0] == 200
        assert TOKEN not in ended(process)


def states(kept: Hook) -> list[str]:
    return [one["state"] for one in kept.told]


def told(home: Home) -> list[dict[str, Any]]:
    """The receivers, with what is kept of the words they got."""
    found: list[dict[str, Any]] = home.run("status", "--json").rows[0]["told"]
    assert [one["name"] for one in found] == ["webhook", "mail"]
    return found


@pytest.mark.slow
def test_a_word_goes_out_when_it_is_not_well_and_when_it_is_again(home: Home) -> None:
    with hook() as kept, post() as mails:
        configure(
            home,
            "[notify]\ngrace = 0\n"
            f'url = "{kept.url}/s3cret"\nto = ["a@example.org"]\nsmtp = "localhost:{mails.port}"\nsecurity = "none"\n',
        )
        with home.started("run") as process:
            jpeg(home / "inbox/one.jpg", when="2021:07:01 00:30:00")  # the library is made by its first file
            until(lambda: len(home.filed()) == 1)
            until(lambda: home.run("status").lines[0] == "all is well")
            home.library.rename(home / "unplugged")
            until(lambda: states(kept) == ["unwell"] and len(mails.mails) == 1)
            assert kept.told[0]["causes"][0] == "store library"
            assert "is the disk mounted?" in kept.told[0]["text"]
            until(lambda: all(one.get("told", {}).get("open") for one in told(home)))  # else it is sent twice
            process.kill()
            process.communicate()
        with home.started("run") as process:
            until(lambda: "alive" in home.run("status", "--alive").out)
            time.sleep(3)  # turns enough to tell it again
            assert states(kept) == ["unwell"]
            (home.path / "unplugged").rename(home.library)
            until(lambda: states(kept) == ["unwell", "well"] and len(mails.mails) == 2, 80.0)  # its place is asked ever later
            home.library.rename(home / "unplugged")
            until(lambda: home.run("status").lines[0] != "all is well")
            time.sleep(3)
            assert states(kept) == ["unwell", "well"]  # not a second one within the hour
            (home.path / "unplugged").rename(home.library)
            ended(process)


def test_who_cannot_be_told_is_seen_and_harms_nothing(home: Home) -> None:
    with hook() as kept:
        configure(home, f'[notify]\ngrace = 0\nurl = "{kept.url}/s3cret-path"\n')
        kept.status = 500
        (home.path / "inbox/broken.jpg").write_text("no picture at all")
        with home.started("run") as process:
            until(lambda: "answered 500" in home.run("status").out)
            jpeg(home / "inbox/one.jpg", when="2021:07:01 00:30:00")
            until(lambda: len(home.filed()) == 1)
            log = ended(process)
    shown = home.run("status", code=1)
    assert "webhook: [notify] url answered 500; tried 1 times" in shown.out
    assert log.count("word not sent") == 1
    for text in (shown.out, shown.err, log):
        assert "s3cret-path" not in text


def test_check_tells_where_a_word_goes_and_sends_a_test(home: Home) -> None:
    with hook() as kept, post() as mails:
        configure(home)
        assert "names neither" in home.run("check", "--notify", code=1).err
        configure(
            home,
            f'[notify]\nurl = "{kept.url}/s3cret"\nto = ["a@example.org"]\nsmtp = "localhost:{mails.port}"\nsecurity = "none"\n',
        )
        told = home.run("check").out
        assert "[notify]: webhook: [notify] url" in told
        assert f"[notify]: mail: a@example.org by localhost:{mails.port}" in told
        assert len(home.run("check", "--notify", code=0).lines) == 2
        assert states(kept) == ["test"]
        assert mails.mails[0]["Subject"] == "albumen: a test"
        kept.status = 403
        ran = home.run("check", "--notify", code=1)
        assert ran.err.strip() == "webhook: [notify] url: answered 403"
        assert len(mails.mails) == 2


def test_a_file_set_aside_asks_until_it_is_answered(home: Home) -> None:
    """What albumen may not read is a question; what is no picture is only listed."""
    from e2e.command import unprivileged

    configure(home)
    shut, other = home.path / "inbox/shut.jpg", home.path / "inbox/notes.txt"
    jpeg(str(shut), when="2021:07:01 00:30:00")
    other.write_text("no picture")
    shut.chmod(0)
    home.run("run", "--idle-exit", "1", through=unprivileged(), code=0)
    first, *rest = home.run("status", code=1).lines
    assert first.startswith("1 set aside in inbox: shut.jpg: cannot be opened")
    assert any("left alone in inbox: notes.txt" in line for line in rest)
    (row,) = home.run("queue", "dead", "--json", code=0).rows
    assert "no failed job" in home.run("queue", "drop", row["id"] + "x", code=1).err
    home.run("queue", "drop", row["id"], code=0)
    answered = home.run("status", code=0).lines
    assert answered[0] == "all is well"
    assert any("left alone in inbox: shut.jpg" in line for line in answered)
    home.run("run", "--idle-exit", "1", through=unprivileged(), code=0)
    assert home.run("status", code=0).lines[0] == "all is well"
    shut.chmod(0o644)  # it is another file now
    home.run("run", "--idle-exit", "1", code=0)
    assert len(home.filed()) == 1


def test_json_tells_reasons_with_causes(home: Home) -> None:
    configure(home)
    (home.path / "inbox/broken.jpg").write_text("no picture at all")
    home.run("run", "--idle-exit", "1", code=0)
    told: dict[str, Any] = home.run("status", "--json", code=1).rows[0]
    assert [one["cause"] for one in told["problems"]] == ["failed"]
    assert told["problems"][0]["text"].startswith("1 failed: ")
