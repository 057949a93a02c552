"""Rows about what is taken and how it is named, each done as its *Verify* says."""

import os
import random
import socket
import subprocess
from pathlib import Path

import pytest

from e2e.command import ALBUMEN, Home, digests, patched
from make import f01, f04, f14, jpeg

LITTER = (
    "_gsdata_/a.jpg",
    ".DS_Store",
    "._x.jpg",
    ".hidden.jpg",
    ".git/b.jpg",
    "Thumbs.db",
    "@eaDir/c.jpg",
    "half.jpg.part",
    ".stfolder/d.jpg",
)
WATCHED = """
[store.library]
type = "local"
root = "library"
[source.box]
type = "local"
path = "box"
mode = "move"
settle = "0s"
[[route]]
from = "box"
steps = ["catalog", "file"]
"""
SHUFFLED = """
import contextlib, os, random
real = os.scandir
@contextlib.contextmanager
def scandir(path="."):
    with real(path) as listing:
        entries = sorted(listing, key=lambda one: os.fsencode(one.name))
    random.Random(int(os.environ["SHUFFLE"])).shuffle(entries)
    yield iter(entries)
os.scandir = scandir
"""


@pytest.fixture
def messy(home: Home) -> Home:
    """Three pictures among litter, links, a FIFO, a socket and (for root) a device."""
    f01(home / "in")
    for at, name in enumerate(LITTER):
        jpeg(home / f"in/{name}", when="2020:01:01 00:00:00", colour=(20 * at, 0, 0))
        jpeg(home / f"in/sub/{name}", when="2020:01:01 00:00:00", colour=(20 * at, 0, 200))
    jpeg(home / "in/my @eaDir _gsdata_ trip/y.jpg", when="2020:01:01 00:00:00", colour=(9, 9, 9))
    jpeg(home / "in/about Thumbs.db.part.d/z.jpg", when="2020:01:01 00:00:00", colour=(8, 9, 9))
    os.symlink("F01.jpg", home / "in/link.jpg")
    os.symlink(".", home / "in/loop")
    os.symlink("missing", home / "in/dangling.jpg")
    os.mkfifo(home / "in/pipe.jpg")
    with socket.socket(socket.AF_UNIX) as one:  # its name may be 107 bytes long
        here = os.getcwd()
        os.chdir(home / "in")
        one.bind("socket.jpg")
        os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(home / "in/device.jpg", 0o020600, os.makedev(1, 3))
    return home


SPECIAL = ["link.jpg: is a symbolic link", "loop: is a symbolic link", "dangling.jpg: is a symbolic link", "pipe.jpg: is a FIFO"]
SPECIAL += ["socket.jpg: is a socket"] + (["device.jpg: is a device"] if os.geteuid() == 0 else [])


def test_every_walk_leaves_out_litter_and_opens_nothing_but_files(messy: Home) -> None:
    """S0-15."""
    assert messy.run("types", "-r", "in", code=0).lines == ["jpg 3"]
    listed = messy.run("list", "in", "--json", code=0)
    assert [row["name"] for row in listed.rows] == ["F01.jpg"]
    assert all(any(text in line for line in listed.err.splitlines()) for text in SPECIAL)
    dry = messy.run("import", "-r", "-d", "in", code=0)
    assert "Would have added 3 files to catalog" in dry.lines
    ran = messy.run("import", "-r", "in", code=0)
    assert all(any(text in line for line in ran.lines) for text in SPECIAL)
    assert len(messy.filed()) == 3
    messy.begin_anew()
    (messy.path / "albumen.toml").write_text(WATCHED)
    os.rename(messy / "in", messy / "box")
    messy.run("run", "--idle-exit", "2", code=0)
    assert len(messy.filed()) == 3
    assert set(digests(messy.path / "box")) == {*LITTER, *(f"sub/{one}" for one in LITTER)}


@pytest.mark.slow
def test_the_list_of_litter_is_a_setting(home: Home) -> None:
    (home.path / "albumen.toml").write_text(WATCHED.replace("settle", 'ignore = ["old/", "*.jpeg"]\nsettle'))
    for at, name in enumerate(("old/a.jpg", "b.jpeg", "@eaDir/c.jpg")):
        jpeg(home / f"box/{name}", when="2020:01:01 00:00:00", colour=(20 * at, 0, 0))
    home.run("run", "--idle-exit", "2", code=0)
    assert [row["name"] for row in home.run("export").rows] == ["c.jpg"]


def test_equal_names_get_numbers_and_nothing_is_overwritten(home: Home) -> None:
    """S0-26: five frames of a second, a foreign file at the target, old names that end in numbers. (``faults.rigs.order`` runs one
    import under 100 random listing orders and thread timings; a few of them through the command are below.)"""
    f14(home / "in")
    foreign = home.library / "2021/08_August/2021-08-09 10-11-12_2.jpg"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"somebody's own")
    for at, name in enumerate(("IMG_0001", "x_9", "12")):
        f04(home / "in/a", f"{name}.jpg")
        jpeg(home / f"in/b/{name}.jpg", colour=(40 * at, 1, 1), modified=1_587_456_138_000_000_000)
        jpeg(home / f"in/a/{name}.jpg", colour=(40 * at, 200, 1), modified=1_587_456_138_000_000_000)
    home.run("import", "-r", "in", code=0)
    august = sorted(one for one in home.filed() if one.startswith("2021/08"))
    assert [one.rpartition("10-11-12")[2] for one in august] == [".jpg", *(f"_{n}.jpg" for n in range(1, 7))]
    assert foreign.read_bytes() == b"somebody's own"
    april = sorted(one.rpartition("@ ")[2] for one in home.filed() if one.startswith("2020/04"))
    assert april == ["12.jpg", "12_1.jpg", "IMG_0001.jpg", "IMG_0001_1.jpg", "x_9.jpg", "x_9_1.jpg"]
    sources = set(digests(home.path / "in").values())
    assert set(home.filed().values()) == sources | {*digests(foreign.parent).values()}


def test_the_order_of_a_listing_changes_nothing(home: Home) -> None:
    """S0-27 and S0-26 (part: three of the 100 listing orders, through the command)."""
    f14(home / "in/folder")
    for name in ("IMG_0007.jpg", "copy of IMG_0007.jpg", "sub/IMG_0007.jpg"):
        jpeg(home / f"in/{name}", when="2021:09:01 10:00:00")
    shuffled = patched(home, SHUFFLED)
    seen = set()
    for seed in range(3):
        ran = home.run("import", "-r", "in", code=0, env={**shuffled, "SHUFFLE": str(seed)})
        lines = tuple(sorted(line for line in ran.lines if "duplicate of" in line))
        seen.add((tuple(sorted(home.filed().items())), lines, home.run("export", "--stable").out))
        home.begin_anew()
    ((tree, duplicates, _),) = seen
    assert len(duplicates) == 3
    assert sum(line.endswith(f"duplicate of {home / 'in/IMG_0007.jpg'}") for line in duplicates) == 2
    assert len({digest for _, digest in tree}) == len(tree)


def test_forty_levels(home: Home) -> None:
    """S0-32: sub-folders only when asked, however deep."""
    jpeg(home / "in/top.jpg", when="2021:09:01 10:00:00")
    jpeg(home / "in" + "/deeper" * 40 + "/bottom.jpg", when="2021:09:02 10:00:00")
    assert "1 files found = 1 added" in home.run("import", "in", code=0).lines
    assert "2 files found = 1 added + 1 duplicates" in home.run("import", "-r", "in", code=0).lines


@pytest.mark.parametrize("move", [pytest.param((), marks=pytest.mark.slow), ("--move",)], ids=["copy", "move"])
def test_two_imports_of_one_folder_at_once(home: Home, move: tuple[str, ...]) -> None:
    """S0-28."""
    draw = random.Random(4)
    for number in range(60):
        jpeg(home / f"in/{number % 4}/{number}.jpg", when="2021:07:01 00:30:00", colour=(4 * number, draw.randrange(256), 7))
    contents = set(digests(home.path / "in").values())
    words = [*ALBUMEN, "import", "-r", *move, "in"]
    both = [
        subprocess.Popen(words, cwd=home.path, env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=60) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sorted(home.filed().values()) == sorted(contents)
    assert len(home.filed()) == len(contents)
    rows = home.run("export").rows
    assert {row["sha256"]: len(row["placements"]) for row in rows} == dict.fromkeys(contents, 1)
    assert digests(home.path / "in") == {} if move else len(digests(home.path / "in")) == 60
    assert "Added 0 entries to catalog." in home.run("import", "-r", "in", code=0).lines if not move else True


def test_the_second_run_adds_nothing(home: Home) -> None:
    """S0-28: import twice."""
    f14(home / "in")
    home.run("import", "in", code=0)
    again = home.run("import", "in", code=0)
    assert "Added 0 entries to catalog." in again.lines
    assert f"Loaded from {home / 'in'} : 0 / Not stored: {len(os.listdir(home / 'in'))}" in again.lines


def test_a_missing_extension_and_other_awful_names_are_filed(home: Home) -> None:
    """Names of bytes that are no UTF-8, of 255 bytes, with a line break, too long once the date is added."""
    names = [b"latin1-\xe9.jpg", b"n" * 251 + b".jpg", b"new\nline.jpg", ("ü" * 125).encode() + b".jpg", b"x" * 255, b"-r.jpg"]
    folder = os.fsencode(home / "in")
    os.mkdir(folder)
    for at, name in enumerate(names):
        jpeg(home / "tmp.jpg", colour=(40 * at, 50, 50), modified=1_587_456_138_000_000_000)
        os.rename(home / "tmp.jpg", os.path.join(folder, name))
    ran = home.run("import", "in", code=0)
    assert f"Added {len(names)} entries to catalog." in ran.lines
    filed = os.listdir(os.fsencode(home.library / "2020/04_April"))
    assert len(filed) == len(names)
    assert all(len(one) <= 255 and one.endswith(b".jpg") and one.decode() and b"\n" not in one for one in filed)
    assert set(home.filed().values()) == set(digests(Path(home / "in")).values())
    assert {os.fsencode(row["name"]) for row in home.run("export").rows} == set(names)
