"""A duplicate is thrown away only when its first copy lies in the library: whatever the catalog says, and whoever took it away."""

import json
import os
from pathlib import Path

import pytest

from e2e.command import Home
from make import jpeg
from make.daemons import CONFIG, until


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    (tmp_path / "albumen.toml").write_text(CONFIG)
    (tmp_path / "inbox").mkdir()
    return made


def photo(folder: Path, day: int, name: str = "") -> bytes:
    """The same bytes for the same day."""
    path = folder / (name or f"{day}.jpg")
    jpeg(str(path), when=f"2021:07:{day:02} 00:30:00")
    return path.read_bytes()


def trash(home: Home) -> list[str]:
    return sorted(one.name for one in (home.library / ".albumen/trash").rglob("*") if one.is_file())


def emptied(folder: Path) -> bool:
    return not any(one.is_file() for one in folder.rglob("*"))


@pytest.mark.parametrize("other", [b"", b"a picture of somebody else"], ids=["removed", "replaced"])
def test_what_was_taken_away_by_hand_is_filed_again(home: Home, other: bytes) -> None:
    """S0-33 (part: source gone after its content is proven stored). Nothing that lies in its place is touched."""
    for day in (1, 2):
        photo(home.path / "in", day)
    home.run("import", "--move", "in", code=0)
    before = home.filed()
    gone, stays = sorted(home.library.rglob("2021-*.jpg"))
    size = gone.stat().st_size
    gone.unlink()
    if other:
        gone.write_bytes(other.ljust(size, b"."))
    for day in (1, 2):
        photo(home.path / "in", day)
    dry = home.run("import", "--move", "in", "--dry-run", code=0)
    ran = home.run("import", "--move", "in", code=0)
    assert "Added 1 entries to catalog." in ran.out
    name = gone.with_stem(gone.stem + "_1") if other else gone
    assert str(name.relative_to(home.library)) in dry.out
    assert set(home.filed().values()) >= set(before.values())
    assert len(home.filed()) == 2 + bool(other)
    assert other == b"" or gone.read_bytes().startswith(other)
    assert trash(home) == ["2.jpg"]
    assert emptied(home.path / "in")
    (told,) = [row for row in home.run("log", "last", "--json", code=0).rows if "already there as" in json.dumps(row)]
    assert str(stays.relative_to(home.library)) in json.dumps(told)
    home.run("undo", "last", code=0)
    assert len(list((home.path / "in").iterdir())) == 2


def test_a_copy_is_known_only_while_it_lies_there(home: Home) -> None:
    """S0-28 (part: content that is in the catalog alone). S0-34 (part: a dry run changes nothing)."""
    photo(home.path / "in", 1)
    home.run("import", "in", code=0)
    assert "1 found" not in home.run("import", "in", code=0).out
    (filed,) = home.library.rglob("2021-*.jpg")
    filed.unlink()
    assert "Added 1 entries to catalog." in home.run("import", "in", code=0).out
    assert filed.is_file()
    assert "Added 0 entries to catalog." in home.run("import", "in", code=0).out
    assert len(home.run("find", "--json", code=0).rows) == 1


def test_a_watched_folder_files_it_again_and_waits_for_a_library_that_is_away(home: Home) -> None:
    """An empty mount point is no library that lost its files."""
    for day in (1, 2):
        photo(home.path / "inbox", day)
    with home.started("run"):
        until(lambda: len(home.filed()) == 2 and emptied(home.path / "inbox"), 90)
        gone, _ = sorted(home.library.rglob("2021-*.jpg"))
        gone.unlink()
        photo(home.path / "inbox", 1)
        until(lambda: len(home.filed()) == 2 and emptied(home.path / "inbox"), 90)
        assert gone.is_file()
        assert trash(home) == []
        os.rename(home.library, home.path / "disk")
        home.library.mkdir()
        photo(home.path / "inbox", 2)
        until(lambda: "is its disk mounted?" in home.run("status").out, 90)
        assert (home.path / "inbox/2.jpg").is_file()
        assert list(home.library.iterdir()) == []
        home.library.rmdir()
        os.rename(home.path / "disk", home.library)
        until(lambda: emptied(home.path / "inbox"), 120)
        until(lambda: trash(home) == ["2.jpg"], 90)
        assert len(home.filed()) == 2
    assert home.run("queue", "dead", code=0).out == ""


def test_an_import_stops_at_a_library_that_is_away(home: Home) -> None:
    photo(home.path / "in", 1)
    home.run("import", "--move", "in", code=0)
    os.rename(home.library, home.path / "disk")
    home.library.mkdir()
    photo(home.path / "in", 1)
    assert "is its disk mounted?" in home.run("import", "--move", "in", code=1).err
    assert (home.path / "in/1.jpg").is_file()
    assert list(home.library.iterdir()) == []
    home.library.rmdir()
    os.rename(home.path / "disk", home.library)
    home.run("import", "--move", "in", code=0)
    assert trash(home) == ["1.jpg"]
    assert len(home.filed()) == 1
