"""Files that travel together, as a person meets them: live photos, edits, Takeout's JSON; joined, shown, contested, undone."""

import time
from pathlib import Path

import pytest

from e2e.command import Home
from make.pairs import movie, still, takeout
from make.pictures import jpeg

NAME = "2021/07_July/2021-07-01 00-30-00"


def test_live_photos_are_one_item_under_any_names(home: Home) -> None:
    still(home / "in/IMG_1.HEIC", "A")
    movie(home / "in/IMG_1.MOV", "A")
    still(home / "in/holiday.jpg", "B", when="2021:07:02 10:00:00")
    movie(home / "in/00001.mov", "B", when="2021-07-02T10:00:01+0200")
    foreseen = home.run("import", "-m", "in", "--dry-run", code=0)
    done = home.run("import", "-m", "-v", "in", code=0)
    assert sorted(one for one in foreseen.lines if " -> " in one) == sorted(one for one in done.lines if " -> " in one)
    other = "2021/07_July/2021-07-02 10-00-00"
    assert set(home.filed()) == {f"{NAME}.heic", f"{NAME}.mov", f"{other}.jpg", f"{other}.mov"}
    assert sorted(row["name"] for row in home.run("find", "--json").rows) == ["IMG_1.HEIC", "holiday.jpg"]
    assert "records: 2" in home.run("status").lines
    rows = {row["name"]: row for row in home.run("export", code=0).rows}
    assert rows["00001.mov"]["companion_of"] == rows["holiday.jpg"]["id"]
    assert [one["role"] for one in rows["holiday.jpg"]["companions"]] == ["live"]
    home.run("undo", "last", code=0)
    assert home.filed() == {}
    assert {one.name for one in Path(home / "in").iterdir()} == {"IMG_1.HEIC", "IMG_1.MOV", "holiday.jpg", "00001.mov"}


def test_a_late_half_is_told_joined_and_undone(home: Home) -> None:
    movie(home / "one/A.MOV")
    still(home / "two/Z.JPG")
    home.run("import", "-m", "one", code=0)
    alone = set(home.filed())
    foreseen = home.run("import", "-m", "two", "--dry-run", code=0)
    done = home.run("import", "-m", "-v", "two", code=0)
    (late,) = alone
    assert any(line.endswith(f":{late} -> {NAME}.mov") for line in done.lines)
    assert [one for one in foreseen.lines if " -> " in one] == [one for one in done.lines if " -> " in one]
    assert set(home.filed()) == {f"{NAME}.jpg", f"{NAME}.mov"}
    assert home.run("find", "--json").rows[0]["name"] == "Z.JPG"
    assert home.run("queue", "review", code=0).out == ""
    home.run("undo", "last", code=0)
    assert set(home.filed()) == {f"{NAME}.jpg"} | alone
    home.run("undo", "last", code=0)
    assert set(home.filed()) == {f"{NAME}.jpg", f"{NAME}.mov"}


def test_what_could_mean_several_is_not_joined_but_listed(home: Home) -> None:
    still(home / "in/A.HEIC")
    movie(home / "in/B.MOV")
    movie(home / "in/C.MOV", what=b"another")
    home.run("import", "in", code=0)
    assert len(home.run("find", "--json").rows) == 3
    (row,) = home.run("queue", "review", "--json", code=0).rows
    assert [one["name"] for one in row["files"]] == ["A.HEIC", "B.MOV", "C.MOV"]
    assert "which belong together?" in home.run("queue", "review", code=0).out
    assert "half of a live photo, not joined" in home.run("show", row["files"][0]["id"], code=0).out


def test_names_alone_join_nothing(home: Home) -> None:
    still(home / "in/IMG_1.JPG", "A")
    movie(home / "in/IMG_1.MOV", "B", when="2021-07-01T00:30:00+0200")
    home.run("import", "in", code=0)
    assert len(home.run("find", "--json").rows) == 2
    assert len({path.rpartition(".")[0] for path in home.filed()}) == 2
    assert home.run("queue", "review", code=0).out == ""


def test_an_edited_version_stays_with_its_original(home: Home) -> None:
    jpeg(home / "in/IMG_1234.JPG", when="2021:07:01 00:30:00")
    jpeg(home / "in/IMG_E1234.JPG", when="2022:01:01 00:00:00", colour=(1, 2, 3))
    home.run("import", "-m", "in", code=0)
    assert set(home.filed()) == {f"{NAME}.jpg", f"{NAME}_edited.jpg"}
    assert [row["name"] for row in home.run("find", "--json").rows] == ["IMG_1234.JPG"]


def test_takeout_tells_date_place_and_words(home: Home) -> None:
    jpeg(home / "in/x.jpg")
    takeout(home / "in/x.jpg.supplemental-metadata.json", "x.jpg", words="By the lake", spot=(46.94887, 7.43130))
    jpeg(home / "in/x-edited.jpg", colour=(9, 9, 9))
    home.run("import", "in", code=0, env={"ALBUMEN_LIBRARY_ZONE": "Europe/Zurich"})
    (row,) = home.run("find", "--json").rows
    assert (row["taken"], row["date_source"]) == ("2021-07-01T00:30:00", "takeout:photoTakenTime")
    assert (row["description"], round(row["position"]["lat"], 5)) == ("By the lake", 46.94887)
    assert len(home.filed()) == 3


@pytest.mark.slow
def test_halves_that_arrive_apart_in_a_watched_folder(home: Home) -> None:
    for first, second, day in ((still, movie, 1), (movie, still, 2)):
        stem = f"2021/07_July/2021-07-0{day} 00-30-00"
        with home.started("run"):
            put(home, first, day)
            until(lambda day=day: len(home.filed()) == 2 * day - 1)
            put(home, second, day)
            until(lambda stem=stem: {f"{stem}.jpg", f"{stem}.mov"} <= set(home.filed()))
    assert len(home.filed()) == 4
    assert len(home.run("find", "--json").rows) == 2
    assert home.run("status").lines[0] == "all is well"


def put(home: Home, make: object, day: int) -> None:
    assert callable(make)
    if make is still:
        still(home / f"inbox/still{day}.jpg", str(day), when=f"2021:07:0{day} 00:30:00", grey=day)
    else:
        movie(home / f"inbox/a{day}.mov", str(day), when=f"2021-07-0{day}T00:30:05+0200")


def until(what: object, seconds: float = 40.0) -> None:
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)
