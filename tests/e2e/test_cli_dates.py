"""``dates fix`` as a person uses it: seen first, done, taken back."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.command import Home
from make import f01, jpeg, write
from make.media import raw

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
)


def names(home: Home) -> list[str]:
    return sorted(str(one.relative_to(home.library)) for one in home.library.glob("[!.]*/**/*") if one.is_file())


def tree(home: Home) -> dict[str, tuple[float, bytes]]:
    """Every file with its time and bytes."""
    return {name: ((home.library / name).stat().st_mtime_ns, (home.library / name).read_bytes()) for name in names(home)}


def moves(lines: list[str]) -> list[str]:
    return sorted(line for line in lines if " -> " in line)


def known(home: Home) -> list[str]:
    return home.run("export", "--stable", code=0).lines


@pytest.fixture
def camera(home: Home) -> Home:
    """Three pictures of one card, one without a date, one with a sidecar; a RAW with its JPEG and sidecar."""
    for number, when in ((1, "2021:07:03 10:00:00"), (2, "2021:07:03 10:00:01"), (4, "2021:07:03 12:00:00")):
        jpeg(home / f"in/IMG_000{number}.JPG", when=when, make="Canon", model="A", colour=(number, 2, 3))
    jpeg(home / "in/IMG_0003.JPG", modified=1_587_456_138_000_000_000)
    write(home / "in/IMG_0001.JPG.xmp", XMP)
    write(home / "in/IMG_0009.NEF", raw(b"II*\0", "NIKON CORPORATION"))
    os.utime(home / "in/IMG_0009.NEF", ns=(1_587_456_138_000_000_000,) * 2)
    jpeg(home / "in/IMG_0009.JPG", when="2021:07:09 10:00:00", colour=(9, 9, 9))
    write(home / "in/IMG_0009.xmp", XMP + b"<!-- of the raw -->")
    home.run("import", "in", code=0)
    return home


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["camera:A", "--shift", "+1d"], id="shift"),
        pytest.param(["name:IMG_0009.NEF", "--set", "2019-05-04T03:02:01+02:00"], id="raw", marks=pytest.mark.slow),
        pytest.param(["name:IMG_0003.JPG", "--from-neighbours"], id="neighbours", marks=pytest.mark.slow),
        pytest.param(["kind:image", "--zone", "Europe/Zurich"], id="zone", marks=pytest.mark.slow),
    ],
)
def test_what_the_dry_run_prints_is_done_and_undo_takes_it_back(camera: Home, words: list[str]) -> None:
    """U-05, U-06 (part: ``dates fix``): names, folders and the record's date come back; undo twice is redo; twice is harmless."""
    before, said = tree(camera), known(camera)
    dry = camera.run("dates", "fix", *words, "--dry-run", code=0)
    assert (tree(camera), known(camera)) == (before, said)
    real = camera.run("dates", "fix", *words, "-v", code=0)
    assert moves(dry.lines) == moves(real.lines)
    after, corrected = names(camera), known(camera)
    assert corrected != said
    again = camera.run("dates", "fix", *words, code=0)
    assert again.lines[-1].startswith("Fixed 0 dates, ")
    assert (names(camera), known(camera)) == (after, corrected)
    camera.run("undo", "last", code=0)
    assert (tree(camera), known(camera)) == (before, said)
    camera.run("undo", "last", code=0)
    assert (names(camera), known(camera)) == (after, corrected)


def test_companions_come_along(camera: Home) -> None:
    camera.run("dates", "fix", "name:IMG_0009.NEF", "--set", "2019-05-04 03:02:01", code=0)
    camera.run("dates", "fix", "taken:2021-07-03T10:00:00", "--set", "2018-05", code=0)
    assert {name for name in names(camera) if not name.startswith("2021")} == {
        "2019/05_May/2019-05-04 03-02-01.nef",
        "2019/05_May/2019-05-04 03-02-01.jpg",
        "2019/05_May/2019-05-04 03-02-01.xmp",
        "2018/05_May/2018-05 @ IMG_0001.jpg",
        "2018/05_May/2018-05 @ IMG_0001.jpg.xmp",
        "2020/04_April/2020-04-21 08-02-18 @ IMG_0003.jpg",
    }
    rows = [json.loads(line) for line in camera.run("export", code=0).lines]
    assert [row["taken"] for row in rows if row["name"].startswith("IMG_0009")] == ["2019-05-04T03:02:01"] * 2


@pytest.mark.slow
def test_in_an_album_the_name_follows_too(home: Home) -> None:
    jpeg(home / "in/IMG_0001.JPG", when="2021:07:03 10:00:00")
    for words in ([], ["--album", "Wedding"]):
        home.run("import", "in", *words, code=0)
    before, said = tree(home), known(home)
    home.run("dates", "fix", "IMG_0001", "--shift", "+1d", code=0)
    assert names(home) == ["2021/07_July/2021-07-04 10-00-00.jpg", "Wedding/2021-07-04 10-00-00.jpg"]
    home.run("undo", "last", code=0)
    assert (tree(home), known(home)) == (before, said)


def test_show_explains_the_correction(camera: Home) -> None:
    camera.run("dates", "fix", str(camera.library / "2021/07_July/2021-07-03 10-00-01.jpg"), "--shift", "-1d", code=0)
    lines = camera.run("show", str(camera.library / "2021/07_July/2021-07-02 10-00-01.jpg"), code=0).lines
    at = next(number for number, line in enumerate(lines) if line.startswith("taken "))
    assert lines[at] == "taken 2021-07-02T10:00:01 (to the second), from person, high confidence"
    assert lines[at + 1] == "  used: person 2021-07-02T10:00:01: the first plausible one"
    assert lines[at + 2] == "  not used: exif:DateTimeOriginal 2021:07:03 10:00:01: a better one was found before"


def test_a_correction_that_changes_no_name_moves_nothing_and_is_undone(camera: Home) -> None:
    before, said = names(camera), known(camera)
    dry = camera.run("dates", "fix", "taken:2021-07-03T12", "--zone", "Asia/Tokyo", "--dry-run", code=0)
    assert len(moves(dry.lines)) == 1  # the dates, no file
    camera.run("dates", "fix", "taken:2021-07-03T12", "--zone", "Asia/Tokyo", code=0)
    assert names(camera) == before
    (row,) = camera.run("find", "taken:2021-07-03T12", "--json", code=0).rows
    assert (row["offset"], row["instant"], row["date_source"]) == ("+09:00", "2021-07-03T03:00:00Z", "person")
    assert any("(date 2021-07-03T12:00:00+09:00, was 2021-07-03T12:00:00)" in line for line in shown(camera, row["id"]))
    undo = camera.run("undo", "last", "--verbose", code=0).lines
    assert "library:2021/07_July/2021-07-03 12-00-00.jpg: its entries as they were" in undo
    assert known(camera) == said


def shown(home: Home, word: str) -> list[str]:
    return home.run("show", word, code=0).lines


def test_what_was_corrected_again_since_is_not_undone(camera: Home) -> None:
    camera.run("dates", "fix", "name:IMG_0004.JPG", "--zone", "Asia/Tokyo", code=0)
    first = camera.run("log", "--json", code=0).rows[0]["id"]
    camera.run("dates", "fix", "name:IMG_0004.JPG", "--zone", "Europe/Zurich", code=0)
    assert "was corrected again since" in camera.run("undo", first, code=1).err
    camera.run("undo", "last", code=0)
    camera.run("undo", first, code=0)
    assert camera.run("find", "name:IMG_0004.JPG", "--json", code=0).rows[0]["date_source"] == "exif:DateTimeOriginal"


@pytest.mark.slow
def test_a_correction_outlives_a_rewritten_file(home: Home) -> None:
    """DESIGN section 6 (part: ``replaces`` carries over what people entered); each is undone for itself."""
    f01(home / "in")
    home.run("import", "in", code=0)
    said = known(home)
    home.run("dates", "fix", "F01", "--set", "2015-05-06T07:08:09", code=0)
    home.run("tag", "F01", "--title", "Hello", "--embed", code=0)
    row = next(row for row in home.run("find", "--json", code=0).rows if row.get("placements"))
    assert row["replaces"]
    assert (row["taken"], row["date_source"], row["title"]) == ("2015-05-06T07:08:09", "person", "Hello")
    home.run("undo", "last", code=0)
    home.run("undo", "b2", code=0)
    assert names(home) == ["2021/07_July/2021-07-01 00-30-00.jpg"]
    rows = [row for row in map(json.loads, known(home)) if row.get("placements")]
    before = [json.loads(line) for line in said]
    assert [(row["id"], row["taken"], row["date_candidates"]) for row in rows] == [
        (row["id"], row["taken"], row["date_candidates"]) for row in before
    ]


def test_a_correction_outlives_the_file(home: Home) -> None:
    """Corrected, thrown away, imported again: it is filed by what the person said."""
    f01(home / "in")
    home.run("import", "in", code=0)
    home.run("dates", "fix", "F01", "--set", "2021-07-01T00:30:00+05:00", code=0)
    home.run("undo", "b1", code=0)
    assert names(home) == []
    os.rename(home / "in/F01.jpg", home / "in/other.jpg")
    home.run("import", "in", code=0)
    assert names(home) == ["2021/07_July/2021-07-01 00-30-00.jpg"]
    (row,) = home.run("find", "--json", code=0).rows
    assert (row["offset"], row["date_source"]) == ("+05:00", "person")


def test_equal_names_get_numbers_and_nothing_is_overwritten(camera: Home) -> None:
    camera.run("dates", "fix", "taken:2021-07-03", "--set", "2021-07-03 12:00:00", code=0)
    assert [name for name in names(camera) if "2021-07-03" in name] == [
        "2021/07_July/2021-07-03 12-00-00.jpg",
        "2021/07_July/2021-07-03 12-00-00_1.jpg",
        "2021/07_July/2021-07-03 12-00-00_1.jpg.xmp",
        "2021/07_July/2021-07-03 12-00-00_2.jpg",
    ]


REFUSED = [
    (["abcdef123456", "--set", "2021-07-01"], 1, "no record's id begins so"),
    (["in/missing.jpg", "--set", "2021-07-01"], 1, "the catalog knows of none"),
    (["tag:nobody", "--set", "2021-07-01"], 1, "there is nothing to fix"),
    (["IMG_0001", "in/IMG_0002.JPG", "--set", "2021-07-01"], 2, "not both"),
    (["IMG_0001", "--set", "1700-01-01"], 2, "no picture has this date: before 1826"),
    (["IMG_0001", "--set", "2199-01-01"], 2, "in the future"),
    (["IMG_0001", "--set", "someday"], 2, "write 2021-07"),
    (["IMG_0001", "--shift", "1h"], 2, "write a sign"),
    (["IMG_0001", "--zone", "Zurich"], 2, "no time zone"),
    (["IMG_0001"], 2, "give one rule"),
    (["IMG_0001", "--from-name", "--shift", "+1h"], 2, "give one rule"),
    (["nonsense:x", "--from-name"], 2, "there is no nonsense:"),
    (["name:IMG_0001.JPG", "--from-name"], 1, "gives no date: no date in it"),
    (["name:IMG_0001.JPG", "--from-neighbours"], 1, "says more"),
    (["name:IMG_0001.JPG", "--shift", "+36500d"], 1, "in the future"),
]


def test_what_cannot_be_fixed_is_told_and_changes_nothing(camera: Home) -> None:
    before = known(camera)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda row: camera.run("dates", "fix", *row[0]), REFUSED))
    for (words, code, why), ran in zip(REFUSED, answers, strict=True):
        assert (ran.code, why in ran.err) == (code, True), (words, ran)
    assert known(camera) == before
    assert len(camera.run("log", code=0).lines) == 1


def test_one_that_fails_does_not_stop_the_others(camera: Home) -> None:
    os.unlink(camera.library / "2021/07_July/2021-07-03 10-00-01.jpg")
    ran = camera.run("dates", "fix", "taken:2021-07-03", "--shift", "+1d", "--json", code=1)
    assert sorted(row["what"] for row in ran.rows) == ["failed", "fixed", "fixed"]
    assert "2021-07-03 10-00-01.jpg" in ran.err


def test_beside_a_daemon(camera: Home) -> None:
    """The daemon does the work; the command plans, waits and tells."""
    (camera.path / "inbox").mkdir()
    with camera.started("run", "--idle-exit", "60") as daemon:
        camera.run("dates", "fix", "name:IMG_0004.JPG", "--shift", "+1d", code=0)
        assert "2021/07_July/2021-07-04 12-00-00.jpg" in names(camera)
        daemon.terminate()
        daemon.wait(30)
    shutil.rmtree(camera.path / "inbox")
    assert Path(camera / "library/2021/07_July/2021-07-04 12-00-00.jpg").is_file()
