"""``albumen import`` and ``probe``."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from e2e.command import Home, digests, whole
from make import AWFUL_NAMES, f01, f01b, f03, f04, f08, f09, f13, jpeg, jpeg_bytes


def targets(lines: list[str]) -> dict[str, str]:
    return dict(line.split(" -> ") for line in lines if " -> " in line)


def test_kind_and_type_come_from_the_bytes(home: Home) -> None:
    """S0-02 (part: stills; a JPEG named .avi)."""
    f08(home / "in")
    jpeg(home / "in/video.AVI", when="2021:07:05 10:00:00")
    home.run("import", "in", code=0)
    rows = {row["name"]: row for row in home.run("export").rows}
    assert {row["kind"] for row in rows.values()} == {"image"}
    assert (rows["video.AVI"]["type"], rows["video.AVI"]["extension"]) == ("jpeg", "jpg")
    assert {row["type"] for row in rows.values()} >= {"png", "gif", "bmp", "tiff", "webp", "avif", "jpeg"}


def test_content_decides_and_what_cannot_be_read_is_told(home: Home) -> None:
    """S0-04, S0-14 (part: import)."""
    f09(home / "in")
    ran = home.run("import", "in", code=1)
    assert any("png_as_jpg.jpg: type differs" in line for line in ran.lines)
    assert any("jpg_as_png.png: type differs" in line for line in ran.lines)
    assert ran.err.count("text.jpg: is named like a picture or video, but its bytes are text") == 1
    assert "ignored: 1 empty" in ran.lines
    assert "5 files found = 3 added + 1 failed + 1 empty" in ran.lines
    rows = {row["name"]: row for row in home.run("export").rows}
    assert sorted(rows) == ["half.jpg", "jpg_as_png.png", "png_as_jpg.jpg"]
    assert rows["half.jpg"]["damaged"]
    assert (rows["png_as_jpg.jpg"]["type"], rows["jpg_as_png.png"]["type"]) == ("png", "jpeg")


def test_one_tree_on_every_machine(home: Home) -> None:
    """S0-08, S0-20."""
    f01(home / "in")
    f01b(home / "in")
    trees = []
    for zone in ("UTC", "Europe/Zurich", "America/New_York"):
        home.run("import", "in", code=0, env={"TZ": zone, "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"})
        trees.append(sorted(home.filed()))
        home.begin_anew()
    assert trees[0] == ["2021/07_July/2021-07-01 00-30-00.jpg", "2021/07_July/2021-07-01 00-30-00_1.jpg"]
    assert trees[0] == trees[1] == trees[2]


def test_bad_dates_are_told_and_the_next_one_is_used(home: Home) -> None:
    """S0-09."""
    made = f03(home / "in")
    for path in made.values():
        os.utime(path, ns=(0, 1_587_456_138_000_000_000))
    ran = home.run("import", "in", "-v", code=0)
    told = {os.path.basename(line.split(": date not used")[0]) for line in ran.lines if ": date not used: exif" in line}
    assert told == {"zeros.jpg", "blanks.jpg", "clockzero.jpg", "future.jpg"}
    filed = {os.path.basename(source): target for source, target in targets(ran.lines).items()}
    for name in told:
        assert filed[name] == f"2020/04_April/2020-04-21 08-02-18 @ {name}"
    assert filed["dateonly.jpg"].endswith("2016-05-04 @ dateonly.jpg")
    assert filed["old.jpg"] == "1904/06_June/1904-06-15 10-00-00.jpg"
    assert {filed["latin1.jpg"], filed["longcomment.jpg"]} == {
        "2016/05_May/2016-05-04 03-02-01.jpg",
        "2016/05_May/2016-05-04 03-02-01_1.jpg",
    }


def test_the_file_time_names_what_has_no_other_date(home: Home) -> None:
    """S0-19, S0-21."""
    f04(home / "in")
    home.run("import", "in", code=0)
    assert list(home.filed()) == ["2020/04_April/2020-04-21 08-02-18 @ F04.jpg"]
    assert [row["date_source"] for row in home.run("export").rows] == ["file:modified"]
    home.library.rename(home.path / "old")
    home.begin_anew()
    home.run("import", "-r", "old/2020", code=0)
    assert list(home.filed()) == ["2020/04_April/2020-04-21 08-02-18 @ F04.jpg"]


def test_litter_links_and_fifos_are_left_out(home: Home) -> None:
    """S0-15 (part: import)."""
    f01(home / "in")
    for litter in ("@eaDir/x.jpg", "._x.jpg", "Thumbs.db", "x.jpg.part", ".stfolder/y.jpg"):
        jpeg(home / f"in/{litter}")
    jpeg(home / "in/my @eaDir trip/z.jpg", when="2020:01:01 00:00:00")
    os.symlink("F01.jpg", home / "in/link.jpg")
    os.mkfifo(home / "in/pipe.jpg")
    ran = home.run("import", "-r", "in", code=0)
    assert len(home.filed()) == 2
    assert sum("link.jpg: is a symbolic link" in line or "pipe.jpg: is a FIFO" in line for line in ran.lines) == 2


def test_the_same_content_is_taken_once(home: Home) -> None:
    """S0-27, S0-28 (part: one import after another)."""
    f01(home / "in")
    shutil.copy(home / "in/F01.jpg", home / "in/F01 copy.jpg")
    first = home.run("import", "in", code=0)
    assert sum("duplicate of" in line for line in first.lines) == 1
    assert "2 files found = 1 added + 1 duplicates" in first.lines
    again = home.run("import", "in", code=0)
    assert "Added 0 entries to catalog." in again.lines
    assert f"Loaded from {home / 'in'} : 0 / Not stored: 2" in again.lines
    duplicates = [line for line in again.lines if "duplicate of" in line]
    assert duplicates
    assert all(line.endswith("duplicate of library:2021/07_July/2021-07-01 00-30-00.jpg") for line in duplicates)
    assert len(home.filed()) == 1


def test_numbers_by_folder_and_in_all(home: Home) -> None:
    """S0-31 (part: the numbers; no permission on one file; a loop of links), S0-32."""
    f01(home / "in")
    f04(home / "in/sub")
    os.symlink("..", home / "in/sub/loop")
    flat = home.run("import", "in/", code=0)
    assert f"Loaded from {home / 'in'} : 1 / Not stored: 0" in flat.lines
    assert "Added 1 entries to catalog." in flat.lines
    deep = home.run("import", "-r", "in", code=0)
    assert f"Loaded from {home / 'in/sub'} : 1 / Not stored: 0" in deep.lines
    assert "2 files found = 1 added + 1 duplicates" in deep.lines


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(home: Home) -> None:
    """S0-31 (part: no permission on one file)."""
    f01(home / "in")
    os.chmod(f04(home / "in"), 0)
    ran = home.run("import", "in", code=1)
    assert "F04.jpg" in ran.err
    assert "Added 1 entries to catalog." in ran.lines


def test_move_takes_away_what_is_proven_and_undo_brings_it_back(home: Home) -> None:
    """S0-33 (part: source gone, duplicate in the trash, what failed stays, undo)."""
    f01(home / "in/deep")
    shutil.copy(home / "in/deep/F01.jpg", home / "in/deep/same.jpg")
    Path(home / "in/broken.jpg").write_text("text")
    before = whole(home.path / "in")
    ran = home.run("import", "-r", "--move", "in", code=1)
    assert sum("the trash: already there as 2021/07_July/2021-07-01 00-30-00.jpg" in line for line in ran.lines) == 1
    assert list(digests(home.path / "in")) == ["broken.jpg"]
    assert len(home.filed()) == 1
    home.run("undo", "last", code=0)
    assert home.filed() == {}
    after = whole(home.path / "in")
    assert {path: (one[0], *one[2:]) for path, one in after.items()} == {path: (one[0], *one[2:]) for path, one in before.items()}


@pytest.mark.parametrize("move", [(), ("--move",)])
def test_a_dry_run_tells_exactly_what_comes_and_touches_nothing(home: Home, move: tuple[str, ...]) -> None:
    """S0-34, U-05 (part: import)."""
    f01(home / "in")
    shutil.copy(home / "in/F01.jpg", home / "in/again.jpg")
    jpeg(home / "in/other.jpg", when="2021:07:01 00:30:00", colour=(1, 2, 3))
    f04(home / "in")
    before = whole(home.path)
    dry = home.run("import", "--dry-run", *move, "in", code=0)
    assert whole(home.path) == before
    assert "Would have added 3 files to catalog" in dry.lines
    real = home.run("import", *move, "in", "-v", code=0)
    assert targets(dry.lines) == targets(real.lines)
    assert len(targets(real.lines)) == (4 if move else 3)
    assert sorted(home.filed()) == sorted(one for one in targets(real.lines).values() if not one.startswith("the trash"))
    again = whole(home.path)
    home.run("import", "-d", "in", code=0 if not move else None)
    assert whole(home.path) == again


def test_a_dry_run_works_on_a_restored_backup(home: Home) -> None:
    f01(home / "in")
    home.run("import", "in", code=0)
    for lock in (home.library / ".albumen").glob("*.lock"):
        lock.unlink()
    before = whole(home.path)
    assert "Would have added 0 files to catalog" in home.run("import", "-d", "in", code=0).lines
    assert whole(home.path) == before


def test_quiet_is_quiet(home: Home) -> None:
    """S0-35."""
    f01(home / "in")
    f04(home / "in")
    shutil.copy(home / "in/F01.jpg", home / "in/again.jpg")
    ran = home.run("import", "-q", "in", code=0)
    assert (ran.out, ran.err) == ("", "")
    assert len(home.filed()) == 2


def test_files_and_folders_are_taken_and_nothing_else(home: Home) -> None:
    """S0-38 (part: import, list, types, probe, show)."""
    f01(home / "in")
    os.mkfifo(home / "pipe")
    for command in ("import", "list", "types"):
        for path in ("missing", "pipe", "/dev/null"):
            ran = home.run(command, path, code=2)
            assert ran.err.startswith(f"Invalid directory {path}")
    assert home.run("list", "in/F01.jpg", code=2).err.startswith("Invalid directory in/F01.jpg")
    for command in ("probe", "show"):
        home.run(command, "pipe", code=2)
    home.run("import", "in/F01.jpg", code=0)
    assert len(home.filed()) == 1


def test_bytes_and_times_are_kept(home: Home) -> None:
    """S0-39."""
    source = f04(home / "in", modified=1_587_456_138_123_456_789)
    os.chmod(source, 0o444)
    home.run("import", "in", code=0)
    (filed,) = home.filed()
    assert os.stat(home.library / filed).st_mtime_ns == 1_587_456_138_123_456_789
    assert (home.library / filed).read_bytes() == Path(source).read_bytes()


def test_the_limit_counts_new_files(home: Home) -> None:
    for number in range(5):
        jpeg(home / f"in/{number}.jpg", when=f"2021:07:0{number + 1} 10:00:00", colour=(number, 0, 0))
    assert "5 files found = 2 added + 3 left" in home.run("import", "--limit", "2", "in", code=0).lines
    assert "5 files found = 2 added + 2 duplicates + 1 left" in home.run("import", "--limit", "2", "in", code=0).lines
    assert "5 files found = 1 added + 4 duplicates" in home.run("import", "--limit", "2", "in", code=0).lines
    home.run("import", "--limit", "0", "in", code=2)


def test_the_library_is_not_imported_into_itself(home: Home) -> None:
    f01(home / "in")
    home.run("import", "in", code=0)
    assert "cannot be imported into itself" in home.run("import", "library/2021", code=2).err
    assert "holds the store library" in home.run("import", "-r", ".", code=2).err
    os.symlink("library", home / "alias")
    assert "cannot be imported into itself" in home.run("import", "-r", "alias/2021", code=2).err


@pytest.mark.parametrize(
    "env", [{"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LANG": "C.UTF-8"}]
)
def test_any_name_can_be_told(home: Home, env: dict[str, str]) -> None:
    f13(home / "in")
    ran = home.run("import", "in", "-v", code=0, env=env)
    assert len(targets(ran.lines)) == len(AWFUL_NAMES)
    assert any("new\\nline.jpg" in line for line in ran.lines)
    rows = home.run("export", env=env).rows
    assert {row["name"] for row in rows} == set(AWFUL_NAMES)
    home.run("list", "in", code=0, env=env)


def test_json_lines_say_the_same(home: Home) -> None:
    f09(home / "in")
    *lines, report = home.run("import", "--json", "in", code=1).rows
    assert sorted(one["what"] for one in lines if one["what"] in {"added", "failed"}) == ["added", "added", "added", "failed"]
    assert (report["found"], report["added"], report["failed"], report["empty"]) == (5, 3, 1, 1)


def test_probe_gives_the_record_without_taking_it_in(home: Home) -> None:
    """S0-14 (part: probe)."""
    path = f01(home / "in")
    f09(home / "in")
    (row,) = home.run("probe", "--json", path, code=0).rows
    assert (row["taken"], row["kind"], row["type"], row["date_source"]) == (
        "2021-07-01T00:30:00",
        "image",
        "jpeg",
        "exif:DateTimeOriginal",
    )
    assert "placements" not in row
    assert not home.library.exists()
    text = home.run("probe", path, code=0)
    assert "taken 2021-07-01T00:30:00 (to the second), from exif:DateTimeOriginal, high confidence" in text.lines
    assert home.run("probe", home / "in/empty.jpg", code=0).lines == ["ignored: 1 empty"]
    assert "its bytes are text" in home.run("probe", home / "in/text.jpg", code=1).err


def test_an_interrupted_import_exits_130_and_the_same_command_goes_on(home: Home) -> None:
    """U-03 (part: interrupted)."""
    for number in range(1500):  # many folders: the first are filed long before the last are read, however busy the machine is
        os.makedirs(home / f"in/{number // 30:02}", exist_ok=True)
        Path(home / f"in/{number // 30:02}/{number}.jpg").write_bytes(
            jpeg_bytes(when="2021:07:01 00:30:00", colour=(number % 256, number // 256, 9))
        )
    with home.started("import", "in", "-r") as process:
        while not home.filed() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=40)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    home.run("import", "in", "-r", code=0)
    assert set(home.filed().values()) == set(digests(home.path / "in").values())
