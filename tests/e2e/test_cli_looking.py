"""``find``, ``show``, ``list``, ``types``, ``log``, ``undo``, ``queue``, ``plugins``."""

import os
import shlex
import shutil
import sqlite3
from pathlib import Path

import pytest

from e2e.command import Home, whole
from make import f01, f03, f04, f09, jpeg
from servers import switch


@pytest.fixture
def filled(home: Home) -> Home:
    """F01 and F04 imported; a text file beside them."""
    f01(home / "in")
    f04(home / "in")
    Path(home / "in/notes.txt").write_text("hello")
    home.run("import", "in", code=0)
    return home


@switch.about_the_file()
def test_a_record_with_a_wrong_identity_is_told_and_the_others_are_listed(filled: Home) -> None:
    """S0-06: find, list, export, show."""
    (broken, whole_) = filled.run("find", "--json", code=0).rows
    database = sqlite3.connect(filled.library / ".albumen" / "catalog.db")
    changed = database.execute(
        "UPDATE body SET json = replace(json, ?, ?) WHERE n = (SELECT n FROM record WHERE id = ?)",
        (broken["sha256"], "0" * 64, broken["id"]),
    )
    assert changed.rowcount == 1
    database.commit()
    database.close()
    ran = filled.run("find", "--json", code=1)
    assert [row["id"] for row in ran.rows] == [whole_["id"]]
    assert f"record {broken['id']}" in ran.err
    assert "identity mismatch, field sha256" in ran.err
    folder = os.path.dirname(broken["placements"][0]["path"])
    assert "identity mismatch" in filled.run("list", f"library/{folder}", code=1).err
    assert "identity mismatch" in filled.run("export", code=1).err
    assert "identity mismatch" in filled.run("show", broken["id"], code=1).err


def test_a_folder_is_listed_as_json(filled: Home) -> None:
    """S0-73."""
    jpeg(filled / "in/new.jpg", when="2022:01:01 10:00:00")
    ran = filled.run("list", "in", "--json", code=0)
    assert [row["name"] for row in ran.rows] == ["F01.jpg", "F04.jpg", "new.jpg"]
    assert [bool(row.get("placements")) for row in ran.rows] == [True, True, False]
    assert "notes.txt: is no picture or video" in ran.err
    os.mkdir(filled / "none")
    assert filled.run("list", "none", "--json", code=0).out == ""
    (row,) = filled.run("list", "library/2021/07_July", "--json", code=0).rows
    assert row["name"] == "F01.jpg"


def test_extensions_are_counted_and_sorted(filled: Home) -> None:
    """S0-74."""
    jpeg(filled / "in/sub/a.JPG", when="2022:01:01 10:00:00")
    jpeg(filled / "in/sub/b", when="2022:01:01 10:00:00")
    assert filled.run("types", "in", code=0).lines == ["jpg 2", "txt 1"]
    assert filled.run("types", "in", "-r", code=0).lines == ["(none) 1", "jpg 3", "txt 1"]
    assert filled.run("types", "in", "-r", "--json", code=0).rows[1] == {"extension": "jpg", "files": 3}


def test_find_answers_words_and_keys(filled: Home) -> None:
    def names(*words: str) -> list[str]:
        return [row["name"] for row in filled.run("find", "--json", *words, code=0).rows]

    assert names() == ["F01.jpg", "F04.jpg"]
    assert names("taken:2021-07") == ["F01.jpg"]
    assert names("kind:image", "F04") == ["F04.jpg"]
    assert names("store:library") == ["F01.jpg", "F04.jpg"]
    assert names("-store:library") == []
    assert names("--limit", "1") == ["F01.jpg"]
    assert filled.run("find", "--limit", "1", code=0).lines[-1] == "2 found"
    assert "did you mean 'library'" in filled.run("find", "-store:libary", code=2).err


def test_find_goes_on_page_by_page_and_always_tells_the_total(filled: Home) -> None:
    """S0-78 (part: paging, and the number of all that match, whatever is shown of it)."""
    first = filled.run("find", "--limit", "1", code=0)
    assert len(first.lines) == 3
    assert first.lines[-1] == "2 found"
    mark = shlex.split(first.lines[1].removeprefix("more behind "))
    assert mark[0] == "--after"
    last = filled.run("find", "--limit", "1", *mark, code=0)
    assert len(last.lines) == 2
    assert {first.lines[0], last.lines[0]} == set(filled.run("find", code=0).lines[:2])
    machine = filled.run("find", "--json", "--limit", "1", code=0)
    assert len(machine.rows) == 1
    assert machine.err.splitlines()[-1] == "2 found"
    assert "page mark" in filled.run("find", "--limit", "1", "--after", "?", code=2).err


def test_show_takes_an_id_its_beginning_the_source_and_the_filed_file(filled: Home) -> None:
    (row,) = filled.run("find", "--json", "taken:2021", code=0).rows
    wanted = filled.run("show", row["id"], code=0).out
    for word in (row["id"][:8], row["sha256"], "in/F01.jpg", "library/" + row["placements"][0]["path"]):
        assert filled.run("show", word, code=0).out == wanted
    assert f"came by import from {filled / 'in/F01.jpg'}" in wanted
    assert "used: exif:DateTimeOriginal" in wanted
    assert "b1 copied" in wanted
    os.unlink(filled.library / row["placements"][0]["path"])
    assert filled.run("show", "library/" + row["placements"][0]["path"], code=0).out == wanted


def test_the_ledger_is_told_by_batch_and_by_file(filled: Home) -> None:
    (batch,) = filled.run("log", "--json", code=0).rows
    assert (batch["id"], batch["what"], batch["done"]) == ("b1", "import in", 2)
    assert len(filled.run("log", "b1", code=0).lines) == len(filled.run("log", "last", code=0).lines) == 2
    (deed,) = filled.run("log", "in/F01.jpg", "--json", code=0).rows
    assert (deed["source"], deed["verb"], deed["state"]) == (filled / "in/F01.jpg", "copy", "done")


def test_an_undo_is_shown_first_and_twice_is_redo(filled: Home) -> None:
    """U-05 (part: undo)."""
    before = whole(filled.path)
    dry = filled.run("undo", "last", "--dry-run", code=0)
    assert whole(filled.path) == before
    filed = filled.filed()
    real = filled.run("undo", "last", "-v", code=0)
    moves = sorted(line for line in dry.lines if " -> " in line)
    assert moves == sorted(line for line in real.lines if " -> " in line)
    assert len(moves) == 2
    assert filled.filed() == {}
    filled.run("undo", "last", code=0)
    assert filled.filed() == filed


def test_an_undo_refuses_what_changed_since_and_names_it(filled: Home) -> None:
    """U-03 (part: undo)."""
    (changed,) = filled.library.glob("2021/*/*.jpg")
    changed.unlink()
    for args in (["undo", "b1", "-d"], ["undo", "b1"]):
        ran = filled.run(*args, code=1)
        assert f"refused: library:{changed.relative_to(filled.library)}" in ran.err
    assert filled.filed() == {}


def test_long_steps_tell_their_time(home: Home) -> None:
    """S0-81."""
    f01(home / "in")
    assert "stored in " in (told := home.run("import", "-v", "in", code=0).err)
    assert " secs" in told


def test_months_are_english_and_placed_by_the_calendar(home: Home) -> None:
    """S0-16."""
    for month in range(1, 13):
        jpeg(home / f"in/{month}.jpg", when=f"2021:{month:02}:05 10:00:00", colour=(month, 9, 9))
    trees = []
    for language in ("C", "de_DE.UTF-8"):
        home.begin_anew()
        home.run("import", "in", code=0, env={"LANG": language, "LC_ALL": language, "LANGUAGE": language[:2]})
        trees.append(home.filed())
    assert trees[0] == trees[1]
    names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    assert sorted(one.name for one in (home.library / "2021").iterdir()) == [f"{n:02}_{name}" for n, name in enumerate(names, 1)]


def test_plugins_are_listed(home: Home) -> None:
    rows = home.run("plugins", "--json", code=0).rows
    assert {(row["group"], row["name"]) for row in rows} >= {("stores", "local"), ("sources", "local"), ("handlers", "file")}
    assert {row["state"] for row in rows} == {"ok"}


def test_looking_makes_nothing(home: Home) -> None:
    f09(home / "in")
    f03(home / "dates")
    shutil.rmtree(home / "dates")
    before = whole(home.path)
    for args in (["find"], ["list", "in"], ["types", "in"], ["log"], ["status"], ["check"], ["queue"], ["export"]):
        home.run(*args)
    assert whole(home.path) == before
