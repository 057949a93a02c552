"""Rows about towns, preferred places and albums, each done as its *Verify* says."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from e2e.command import ALBUMEN, Home, digests, needs, patched
from make import f06, jpeg, write
from make.media import movie
from servers import switch

TOWNS = {
    "2021/07_July/2021-07-01 12-00-00 Bern.jpg",
    "2021/07_July/2021-07-02 12-00-00 Buenos Aires.jpg",
    "2021/07_July/2021-07-03 12-00-00 The Rocks.jpg",
    "2021/07_July/2021-07-04 12-00-00.jpg",  # 0, 0
    "2021/07_July/2021-07-05 12-00-00.jpg",  # the open sea
    "2021/07_July/2021-07-06 12-00-00.jpg",  # only a latitude
}
NO_GAZETTEER = """
import sys
import albumen.media.gazetteer as g
program = "import sys, albumen.media.places as p; p._PACKAGE = 'no_such_package'; sys.exit(p.main())"
g.Towns.__init__.__kwdefaults__["command"] = (sys.executable, "-c", program)
"""
WATCHED = """
[library]
places = [{ name = "Wohlen", point = [46.95, 7.43] }]
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


def without_network() -> list[str]:
    """The words that run a command where there is no network, not even a loopback."""
    words = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    can = shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    needs(bool(can), "unshare, and the right to a network of one's own")
    return words


@switch.embedded_only()
def test_towns_need_no_network_and_are_the_same_with_one(home: Home) -> None:
    """S0-23."""
    words = without_network()
    f06(home / "in")
    jpeg(home / "in/kreis.jpg", when="2021:07:07 12:00:00", gps=(47.3593, 8.5933))
    home.run("import", "in", code=0, through=words)
    alone = home.filed()
    assert set(alone) == {*TOWNS, "2021/07_July/2021-07-07 12-00-00 Zürich (Kreis 7) - Witikon.jpg"}
    places = {row["name"]: row.get("place") for row in home.run("export").rows}
    assert places["F06_ne.jpg"] == {"city": "Bern", "region": "Bern", "country": "Switzerland"}
    assert places["kreis.jpg"]["city"] == "Zürich (Kreis 7) / Witikon"
    assert [places[f"F06_{name}.jpg"] for name in ("sea", "zero", "latonly")] == [None] * 3
    home.begin_anew()
    home.run("import", "in", code=0)
    assert home.filed() == alone
    assert [row["name"] for row in home.run("find", "place:bern", "--json").rows] == ["F06_ne.jpg"]


@pytest.mark.slow
@switch.embedded_only()
def test_no_network_call_is_made(home: Home) -> None:
    """S0-23 (part: no call at all)."""
    needs(shutil.which("strace") is not None, "strace")
    traced = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", home / "calls"]
    needs(subprocess.run([*traced, "true"], capture_output=True, check=False).returncode == 0, "the right to trace")
    f06(home / "in")
    home.run("import", "in", code=0, through=traced)
    assert set(home.filed()) == TOWNS
    assert "AF_INET" not in Path(home / "calls").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_towns_are_the_same_under_any_zone_and_language(home: Home, zone: str) -> None:
    f06(home / "in")
    home.run("import", "in", code=0, env={"TZ": zone, "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"})
    assert set(home.filed()) == TOWNS


def test_preferred_places_are_a_setting(home: Home) -> None:
    """S0-24 (part: the settings; the coordinates are in ``unit/media/test_gazetteer.py``)."""
    config = home.path / "albumen.toml"
    config.write_text('[library]\nplaces = ["Ber", { name = "Le Lignon" }, { name = "Sydney", radius = 5 }, "Bern"]\n')
    f06(home / "in")
    for command in (["check"], ["import", "in"], ["run", "--idle-exit", "0"]):
        ran = home.run(*command)
        assert ran.code == (1 if command == ["check"] else 2)
        assert all(f"knows no place called '{name}'" in ran.err for name in ("Ber", "Le Lignon"))
    assert home.filed() == {}
    config.write_text(
        '[[library.places]]\nname = "Sydney"\nradius = 5\n[[library.places]]\nname = "Home"\npoint = [46.94, 7.44]\n'
    )
    checked = home.run("check").lines
    assert any(one.startswith("[library] places: Sydney (5 km around -33.8678") and "Home (8 km" in one for one in checked)
    home.run("import", "in", code=0)
    towns = {"07-03 12-00-00 Sydney.jpg", "07-01 12-00-00 Home.jpg", "07-02 12-00-00 Buenos Aires.jpg"}
    assert {one.partition("2021-")[2] for one in home.filed() if not one.endswith("00.jpg")} == towns
    assert home.run("find", "place:home", "--json").rows[0]["place"] == {
        "city": "Home",
        "region": "Bern",
        "country": "Switzerland",
    }


@pytest.mark.slow
def test_what_is_filed_keeps_its_name_when_places_change(home: Home) -> None:
    f06(home / "in")
    home.run("import", "in", code=0)
    (home.path / "albumen.toml").write_text('[library]\nplaces = ["Bern", { name = "Home", point = [46.94, 7.44] }]\n')
    again = home.run("import", "in", code=0)
    assert "Added 0 entries to catalog." in again.lines
    assert set(home.filed()) == TOWNS


@pytest.mark.slow
def test_a_broken_gazetteer_is_told_and_gives_no_other_name(home: Home) -> None:
    """A name without its town is never given: the file waits where it is until the gazetteer is there again."""
    (home.path / "albumen.toml").write_text(WATCHED)
    os.mkdir(home / "library")
    f06(home / "in")
    broken = patched(home, NO_GAZETTEER)
    checked = home.run("check", env=broken, code=1)
    assert "[library] places: the package no_such_package is not installed: install it again" in checked.err
    assert "gazetteer: the package no_such_package is not installed" in home.run("import", "in", env=broken, code=1).err
    shutil.copytree(home / "in", home / "box")
    with home.started("run", env=broken):
        end = time.monotonic() + 40
        while len(os.listdir(home / "box")) > 4 or "gazetteer" not in home.run("status").out:
            assert time.monotonic() < end, home.run("status").out
    assert not [one for one in home.filed() if "07-01" in one or "07-02" in one or "07-03" in one]
    with home.started("run"):
        end = time.monotonic() + 40
        while os.listdir(home / "box"):
            assert time.monotonic() < end, home.run("status").out
            time.sleep(0.1)
    assert set(home.filed()) == {one.replace("Bern", "Wohlen") for one in TOWNS}


def test_videos_go_into_their_folder_once(home: Home) -> None:
    """S0-25."""
    (home.path / "albumen.toml").write_text('[library]\nvideo_folder = "filmchen"\n')
    write(home / "in/a.mp4", movie(b"isom"))
    home.run("import", "in", code=0)
    (path,) = home.filed()
    assert path.split("/")[2:-1] == ["filmchen"]
    assert "Added 0 entries to catalog." in home.run("import", "in", code=0).lines
    shutil.move(home.library, home / "before")
    home.run("import", "-r", "before/" + path.split("/", maxsplit=1)[0], code=0)
    assert list(home.filed()) == [path]
    home.run("import", "-r", "--album", "Alt", str(Path("before", path).parent.parent), code=0)
    assert "Alt/filmchen" in {os.path.dirname(one) for one in home.filed()}


# --------------------------------------------------------------------------------------------------------------------- albums

NAMES = {
    "äöü": "äöü 2017-02-18 22-15-38",
    "Köln": "Köln 2017-02-18 22-15-38",
    "[1]": "2017-02-18 22-15-38",
    "IMG_1": "IMG_1 2017-02-18 22-15-38",
    "IMG324342": "2017-02-18 22-15-38_1",
    "x": "x 2017-02-18 22-15-38",
    "20170218": "2017-02-18 22-15-38_2",
    "日本": "日本 2017-02-18 22-15-38",
    "Ä": "Ä 2017-02-18 22-15-38",
    "é": "é 2017-02-18 22-15-38",
}


def test_an_album_keeps_the_names_that_people_gave(home: Home) -> None:
    """S0-22: the names of its *Edge* column, through the command; dry run and undo."""
    order = ("20170218", "IMG324342", "IMG_1", "Köln", "[1]", "x", "Ä", "äöü", "é", "日本")
    for at, name in enumerate(order):
        jpeg(home / f"in/{name}.JPG", when="2017:02:18 22:15:38", colour=(20 * at, 7, 7))
    jpeg(home / "in/no date.jpg", colour=(1, 2, 3), modified=1_587_456_138_000_000_000)
    write(home / "in/Köln.JPG.xmp", b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>')
    dry = home.run("import", "--dry-run", "--album", "2017/Ferien Tessin", "in", code=0)
    before = digests(home.path / "in")
    home.run("import", "--album", "2017/Ferien Tessin", "in", code=0)
    filed = home.filed()
    numbers = dict(zip(("20170218", "IMG324342", "[1]"), ("", "_1", "_2"), strict=True))
    wanted = {f"2017/Ferien Tessin/{NAMES[one]}.jpg" for one in order if one not in numbers}
    wanted |= {f"2017/Ferien Tessin/2017-02-18 22-15-38{one}.jpg" for one in numbers.values()}
    wanted |= {"2017/Ferien Tessin/no date.jpg", "2017/Ferien Tessin/Köln 2017-02-18 22-15-38.jpg.xmp"}
    assert set(filed) == wanted
    assert {line.partition(" -> ")[2] for line in dry.lines if " -> " in line} == wanted
    home.run("undo", "last", code=0)
    assert home.filed() == {}
    assert digests(home.path / "in") == before


def test_the_same_picture_in_two_albums_is_one_record_with_two_placements(home: Home) -> None:
    """S0-29."""
    for folder in ("one", "two", "one/again"):
        jpeg(home / f"{folder}/Am See.jpg", when="2017:02:18 22:15:38")
    jpeg(home / "two/Only here.jpg", when="2017:02:18 22:15:39", colour=(1, 1, 1))
    home.run("import", "-r", "--album", "One", "one", code=0)
    assert list(home.filed()) == ["One/Am See 2017-02-18 22-15-38.jpg"]  # not twice in one album
    dry = home.run("import", "--dry-run", "--album", "Two", "two", code=0)
    ran = home.run("import", "--album", "Two", "two", code=0)
    assert "Added 2 entries to catalog." in ran.lines
    assert sum(" -> Two/" in line for line in dry.lines) == 2
    rows = {row["name"]: row for row in home.run("export").rows}
    places = [(one["path"], one["album"]) for one in rows["Am See.jpg"]["placements"]]
    assert places == [("One/Am See 2017-02-18 22-15-38.jpg", "One"), ("Two/Am See 2017-02-18 22-15-38.jpg", "Two")]
    assert len(rows) == 2
    for album, folder in (("One", "one"), ("Two", "two")):
        again = home.run("import", "-r", "--album", album, folder, code=0)
        assert "Added 0 entries to catalog." in again.lines
        assert any(f"duplicate of library:{album}/" in line for line in again.lines)
    assert "Added 0 entries to catalog." in home.run("import", "two", code=0).lines  # it is there already
    names = {word: {row["name"] for row in home.run("find", f"album:{word}", "--json").rows} for word in ("One", "two", "Tw")}
    assert names == {"One": {"Am See.jpg"}, "two": {"Am See.jpg", "Only here.jpg"}, "Tw": set()}
    assert any("album Two" in line for line in home.run("show", rows["Only here.jpg"]["id"]).lines)


def test_undo_of_one_album_leaves_the_other(home: Home) -> None:
    jpeg(home / "a/Am See.jpg", when="2017:02:18 22:15:38")
    home.run("import", "a", code=0)
    home.run("import", "--album", "A", "a", code=0)
    home.run("import", "--album", "B", "--move", "a", code=0)
    assert len(home.filed()) == 3
    assert os.listdir(home / "a") == []
    home.run("undo", "last", code=0)
    assert set(home.filed()) == {"2017/02_February/2017-02-18 22-15-38.jpg", "A/Am See 2017-02-18 22-15-38.jpg"}
    assert os.listdir(home / "a") == ["Am See.jpg"]
    home.run("undo", "last", code=0)  # redo
    assert len(home.filed()) == 3
    (row,) = home.run("export").rows
    assert sorted(one.get("album", "") for one in row["placements"]) == ["", "A", "B"]


@pytest.mark.parametrize("name", ["..", "/", "a//b", ".albumen", "a/../b", " ", "line\nbreak"])
def test_what_is_no_name_of_an_album_is_refused(home: Home, name: str) -> None:
    jpeg(home / "in/a.jpg", when="2017:02:18 22:15:38")
    assert "is no name for a folder" in home.run("import", "--album", name, "in", code=2).err
    assert not home.library.exists()


@pytest.mark.slow
def test_two_imports_into_one_album_at_once(home: Home) -> None:
    """S0-29 (part: two processes)."""
    for at in range(40):
        jpeg(home / f"in/{at % 3}/name {chr(97 + at % 26)}{at}.jpg", when="2021:07:01 00:30:00", colour=(6 * at, at, 7))
    words = [*ALBUMEN, "import", "-r", "--album", "A", "in"]
    both = [
        subprocess.Popen(words, cwd=home.path, env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=60) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sorted(home.filed().values()) == sorted(set(digests(home.path / "in").values()))
