"""Rows about what goes wrong while files are taken in, each done as its *Verify* says."""

import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from e2e.command import Home, digests, needs, patched, small_disk, unprivileged, whole
from make import daemons, f01, jpeg, jpeg_bytes
from servers import switch

until = partial(daemons.until, seconds=30.0)

CONFIG = """
[state]
dir = "state"
[store.library]
type = "local"
root = "library"
"""
WATCHED = """
[source.inbox]
type = "local"
path = "inbox"
mode = "move"
settle = "0s"
[[route]]
from = "inbox"
steps = ["catalog", "file"]
"""
LYING = """
import os
from albumen.stores import renaming
real = renaming.give
def give(source, target):
    real(source, target)
    if os.environ["LIES_ABOUT"] in target[1]:
        fd = os.open(target[1], os.O_WRONLY, dir_fd=target[0])
        os.pwrite(fd, b"LIES", 100)
        os.fsync(fd)
        os.close(fd)
renaming.give = give
"""


def pictures(folder: Path, number: int, size: int, seed: int = 1) -> set[str]:
    """``number`` pictures of about ``size`` bytes in three folders; the SHA-256 of each."""
    draw = random.Random(seed)
    for at in range(number):
        path = folder / f"{at % 3}" / f"{seed}_{at:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg_bytes(when=f"2021:07:{at % 28 + 1:02} 10:00:00") + draw.randbytes(size))
    return set(digests(folder).values())


def no_record_without_its_file(home: Home) -> None:
    """Every placement that the export names is there with the bytes of its record."""
    for row in home.run("export", code=0).rows:
        for place in row.get("placements", ()):
            with open(home.library / place["path"], "rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == row["sha256"]


@pytest.mark.parametrize("move", [pytest.param((), marks=pytest.mark.slow), ("--move",)], ids=["copy", "move"])
def test_a_disk_that_fills_up_during_an_import(home: Home, move: tuple[str, ...]) -> None:
    """S0-31: disk full (the numbers, links and permissions: ``test_cli_import`` and below), S0-33 (part: the copy fails)."""
    (home.path / "albumen.toml").write_text(CONFIG)
    contents = pictures(home.path / "in", 24, 300_000)
    with small_disk(home.library, 4) as remount:
        ran = home.run("import", "-r", *move, "in", code=1)
        assert "later: " in ran.err or "failed: " in ran.err
        assert "free some space" in ran.err + home.run("status", code=1).out
        taken = home.filed()
        assert 0 < len(taken) < 24
        no_record_without_its_file(home)
        assert set(taken.values()) | set(digests(home.path / "in").values()) == contents
        if move:
            assert set(taken.values()).isdisjoint(digests(home.path / "in").values())
        remount("size=40m")
        home.run("import", "-r", *move, "in", code=0)
        assert sorted(home.filed().values()) == sorted(contents)
        no_record_without_its_file(home)
        assert digests(home.path / "in") == {} if move else len(digests(home.path / "in")) == 24
        assert home.run("status", code=0).lines[0] == "all is well"


def test_a_full_state_directory(home: Home) -> None:
    """Nothing is lost, the command says what to do, and with room the same command goes on."""
    (home.path / "albumen.toml").write_text(CONFIG)
    f01(home / "first")
    contents = pictures(home.path / "in", 12, 1000)
    with small_disk(home.path / "state", 8):
        home.run("import", "first", code=0)
        with open(home / "state/filler", "wb", buffering=0) as filler:
            while True:
                try:
                    filler.write(b"x" * 4096)
                except OSError:
                    break
        ran = home.run("import", "-r", "--move", "in")
        assert ran.code in (1, 2), ran
        assert "full" in ran.err or "space" in ran.err
        everywhere = set(digests(home.path / "in").values()) | set(digests(home.library).values())
        assert contents <= everywhere
        (home.path / "state/filler").unlink()
        home.run("import", "-r", "--move", "in", code=0)
        assert digests(home.path / "in") == {}
        assert contents <= set(home.filed().values())
        no_record_without_its_file(home)


@pytest.mark.slow
def test_a_source_leaves_only_when_its_target_is_proven(home: Home) -> None:
    """S0-33: a target that differs from what was written, a duplicate; ``undo`` brings all back. (A copy that fails and a source
    that cannot be removed: the tests beside this one.) It takes the seconds of a few tries again."""
    contents = pictures(home.path / "in", 4, 1000)
    shutil.copy(home / "in/0/1_000.jpg", home / "in/1/same.jpg")
    before = digests(home.path / "in")
    times = {path: (one[2], one[3]) for path, one in whole(home.path / "in").items() if path.endswith(".jpg")}
    lying = {**patched(home, LYING), "LIES_ABOUT": "2021-07-02"}  # that of 1_001.jpg
    ran = home.run("import", "-r", "-m", "in", code=1, env=lying)
    assert list(digests(home.path / "in")) == ["1/1_001.jpg"]
    assert "in/1/1_001.jpg" in ran.err
    assert sum("the trash: already there as 2021/07_July/2021-07-01 10-00-00.jpg" in line for line in ran.lines) == 1
    bad = digests(home.path / "in")["1/1_001.jpg"]
    assert {row["sha256"] for row in home.run("export").rows if row.get("placements")} == contents - {bad}
    home.run("undo", "last", code=0)
    assert digests(home.path / "in") == before
    assert times == {path: (one[2], one[3]) for path, one in whole(home.path / "in").items() if path.endswith(".jpg")}
    home.run("import", "-r", "-m", "in", code=0)  # the disk does not lie any more
    assert digests(home.path / "in") == {}
    assert contents <= set(home.filed().values())


def test_a_source_that_cannot_be_removed_stays_and_is_listed(home: Home) -> None:
    """S0-33: read-only source."""
    with small_disk(home.path / "in", 4) as remount:
        contents = pictures(home.path / "in", 3, 1000)
        remount("ro")
        ran = home.run("import", "-r", "-m", "in", code=1)
        assert set(digests(home.path / "in").values()) == contents
        assert len([line for line in ran.err.splitlines() if "read-only" in line]) >= 3
        no_record_without_its_file(home)
        home.run("import", "-r", "in")  # without --move there is nothing to be removed
        assert set(home.filed().values()) == contents


def test_what_may_not_be_read_is_told_and_the_rest_goes_on(home: Home) -> None:
    """S0-31: no permission on one file, on one folder."""
    f01(home / "in")
    jpeg(home / "in/secret.jpg", when="2021:07:02 10:00:00", colour=(1, 1, 200))
    jpeg(home / "in/closed/x.jpg", when="2021:07:03 10:00:00", colour=(1, 200, 1))
    os.chmod(home / "in/secret.jpg", 0)
    os.chmod(home / "in/closed", 0)
    through = unprivileged()
    try:
        ran = home.run("import", "-r", "in", code=1, through=through)
        assert "2 failed" in ran.out
        assert "Added 1 entries to catalog." in ran.lines
        assert f"failed: {home / 'in/closed'}: cannot be opened: Permission denied; check its permissions" in ran.err.splitlines()
        assert any(
            line.startswith(f"failed: {home / 'in/secret.jpg'}: permission denied; check") for line in ran.err.splitlines()
        )
        assert "in/closed: cannot be opened" in home.run("types", "-r", "in", code=1, through=through).err
        assert f"{home / 'in/secret.jpg'}: permission denied" in home.run("list", "in", code=1, through=through).err
    finally:
        os.chmod(home / "in/closed", 0o755)
    os.chmod(home / "in/secret.jpg", 0o644)
    assert "Added 2 entries to catalog." in home.run("import", "-r", "in", code=0).lines


def test_a_name_with_a_line_break_makes_no_second_line_of_an_error(home: Home) -> None:
    (home.path / "in").mkdir()
    Path(home / "in/one\nfailed: two.jpg").write_text("no picture")
    (line,) = home.run("import", "in", code=1).err.splitlines()
    assert "one\\nfailed: two.jpg" in line
    (line,) = home.run("list", "in", code=1).err.splitlines()
    assert "one\\nfailed: two.jpg" in line


def sound(state: Path) -> None:
    """Each database, as a copy with its log, is whole."""
    for path in state.glob("*.db"):
        copy = state.parent / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for one in (path, path.with_name(path.name + "-wal")):
            if one.exists():
                shutil.copy(one, copy)
        database = sqlite3.connect(copy / path.name)
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_kills_leave_the_catalog_intact(home: Home) -> None:
    """S0-79; U-06 (part: 20 kills of small imports; ``faults.rigs.kills`` kills each path of the main job 100 times and more)."""
    (home.path / "albumen.toml").write_text(CONFIG)
    draw = random.Random(79)
    contents: set[str] = set()
    killed = 0
    for number in range(20):
        contents |= pictures(home.path / "in", 30, 20_000, seed=number)
        before = {row["id"] for row in home.run("export").rows}
        with home.started("import", "-r", "--move", "in") as process:
            time.sleep(0.2 + 0.6 * draw.random())  # the moment of the kill
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += process.returncode == -signal.SIGKILL
        sound(home.path / "state")
        assert before <= {row["id"] for row in home.run("export").rows}
        everywhere = set(digests(home.path / "in").values()) | set(digests(home.library).values())
        assert contents <= everywhere
    assert killed >= 10
    home.run("import", "-r", "--move", "in", code=0)
    sound(home.path / "state")
    no_record_without_its_file(home)
    assert sorted(home.filed().values()) == sorted(contents)
    assert {row["sha256"] for row in home.run("export").rows} == contents
    assert digests(home.path / "in") == {}
    assert home.run("status", code=0).lines[0] == "all is well"


@pytest.mark.slow
def test_a_catalog_survives_a_kill_and_a_restart(home: Home) -> None:
    """S0-79: first start, kill -9, restart."""
    f01(home / "in")
    home.run("import", "in", code=0)
    wanted = home.run("export", code=0).out
    with home.started("run") as process:
        until(lambda: "alive" in home.run("status", "--alive").out)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    sound(home.library / ".albumen")
    assert home.run("export", code=0).out == wanted
    home.run("run", "--idle-exit", "0", code=0)
    assert home.run("export", code=0).out == wanted


@pytest.mark.slow
@switch.embedded_only()
def test_everything_works_without_a_network(home: Home) -> None:
    """U-07."""
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    tried = shutil.which("unshare") and subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    needs(bool(tried), "unshare -n")
    (home.path / "albumen.toml").write_text(CONFIG + WATCHED)
    f01(home / "in")
    jpeg(home / "inbox/new.jpg", when="2021:07:02 10:00:00", colour=(1, 1, 200))
    for words in (["import", "--move", "in"], ["status"], ["undo", "last"], ["undo", "last"], ["run", "--idle-exit", "2"]):
        home.run(*words, code=0, through=alone)
    looks = [
        *(["check"], ["import", "-d", "library/.."], ["status"], ["find"], ["export"], ["queue"], ["plugins"], ["log"]),
        ["show", "library/2021/07_July/2021-07-01 00-30-00.jpg"],
        *(["list", "library/2021/07_July"], ["types", "-r", "library"]),
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: home.run(*one, code=0, through=alone), looks))
    assert sorted(home.filed()) == ["2021/07_July/2021-07-01 00-30-00.jpg", "2021/07_July/2021-07-02 10-00-00.jpg"]
    assert digests(home.path / "in") == digests(home.path / "inbox") == {}
