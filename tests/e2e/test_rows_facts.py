"""Rows about what is known of a file, each done as its *Verify* says."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from e2e.command import ALBUMEN, Home
from make import BIG, f01, f02, f02b, f04, f06, f12, jpeg, write
from make.exif import block, directory, long, rationals, text
from make.media import IMAGE, RAW, VIDEO, every_extension
from make.pictures import jpeg_bytes


def test_one_real_file_per_extension(home: Home) -> None:
    """S0-02."""
    every_extension(home / "in")
    jpeg(home / "in/photo.avi", when="2021:07:05 10:00:00")
    home.run("import", "in", code=0)
    rows = {row["name"]: row for row in home.run("export").rows}
    kinds = {row["extension"]: row["kind"] for name, row in rows.items() if name != "photo.avi"}
    wanted = {**dict.fromkeys(RAW, "raw"), **dict.fromkeys(VIDEO, "video"), **dict.fromkeys(IMAGE, "image")}
    assert kinds == wanted
    assert (rows["photo.avi"]["kind"], rows["photo.avi"]["type"], rows["photo.avi"]["extension"]) == ("image", "jpeg", "jpg")
    assert {name: rows[name]["extension"] for name in ("MyPic.PNG", "video.AVI")} == {"MyPic.PNG": "png", "video.AVI": "avi"}
    assert {one: rows[f"a.{one}"]["type"] for one in RAW} == {one: one for one in RAW}


def test_the_date_is_the_first_plausible_of_the_candidates(home: Home) -> None:
    """S0-07."""
    f01(home / "in")
    f02(home / "in/plain")
    jpeg(home / "in/named/IMG_20190304_050607.jpg", when="2017:02:18 22:15:38", tag="DateTime", colour=(3, 3, 3))
    os.makedirs(home / "in/2018/05/06")
    jpeg(home / "in/2018/05/06/b.jpg", when="2017:02:18 22:15:38", tag="DateTime", colour=(1, 1, 1))
    f02b(home / "in/digitized")
    jpeg(home / "in/sub/second.jpg", when="2021:07:01 00:30:00", subsec="25", colour=(5, 5, 5))
    changed = block(when="2021:07:01 00:30:00", main=[text(0x9010, "+02:00")])  # OffsetTime belongs to the last edit
    write(home / "in/offset/edit.jpg", jpeg_bytes(exif=b"Exif\0\0" + changed, colour=(7, 7, 7)))
    home.run("import", "-r", "in", code=0)
    rows = {row["name"]: row for row in home.run("export").rows}
    said = {name: (row["taken"], row["date_source"], row["date_confidence"]) for name, row in rows.items()}
    assert said["F01.jpg"] == ("2021-07-01T00:30:00", "exif:DateTimeOriginal", "high")
    assert said["F02b.jpg"][:2] == ("2017-02-18T22:15:38", "exif:DateTimeDigitized")
    assert said["F02.jpg"] == ("2017-02-18T22:15:38", "exif:DateTime", "low")
    assert said["IMG_20190304_050607.jpg"][:2] == ("2019-03-04T05:06:07", "name")
    assert said["b.jpg"][:2] == ("2018-05-06", "folder")
    assert said["second.jpg"][0] == "2021-07-01T00:30:00.25"
    assert "offset" not in rows["edit.jpg"]
    for row in rows.values():
        assert [one["used"] for one in row["date_candidates"]].count(True) == 1
        assert all(one["reason"] for one in row["date_candidates"])
    for name in ("F01.jpg", "F02.jpg", "F02b.jpg"):
        shown = home.run("show", rows[name]["id"], code=0).lines
        for one in rows[name]["date_candidates"]:
            told = f"  {'used' if one['used'] else 'not used'}: {one['source']} {one['value']}: {one['reason']}"
            assert told in shown


def test_positions_keep_their_signs_and_decimals(home: Home) -> None:
    """S0-11."""
    f06(home / "in")
    home.run("import", "in", code=0)
    rows = {row["name"]: row for row in home.run("export").rows}
    wanted = {
        "ne": (46.948865, 7.431296),
        "sw": (-34.6037, -58.3816),
        "se": (-33.85875, 151.21431),
        "sea": (-40.0, -120.0),
    }
    for name, (lat, lon) in wanted.items():
        place = rows[f"F06_{name}.jpg"]["position"]
        assert (place["lat"], place["lon"]) == (pytest.approx(lat, abs=5e-6), pytest.approx(lon, abs=5e-6))
    assert round(rows["F06_se.jpg"]["position"]["lat"], 5) == -33.85875
    assert round(rows["F06_se.jpg"]["position"]["lon"], 5) == 151.21431
    assert {name for name in rows if "position" not in rows[name]} == {"F06_latonly.jpg", "F06_zero.jpg"}
    assert "position -33.858750, 151.214310" in home.run("show", rows["F06_se.jpg"]["id"]).lines


def test_a_position_divided_by_zero_is_none(home: Home) -> None:
    gps = [text(1, "S"), rationals(2, [(33, 0), (51, 0), (31, 0)]), text(3, "E"), rationals(4, [(151, 0), (12, 0), (51, 0)])]
    head = len(directory([long(0x8825, 0)], 8))
    data = b"II*\0\x08\0\0\0" + directory([long(0x8825, 8 + head)], 8) + directory(gps, 8 + head)
    write(home / "in/zero.jpg", jpeg_bytes(exif=b"Exif\0\0" + data))
    home.run("import", "in", code=0)
    (row,) = home.run("export").rows
    assert "position" not in row


def test_every_record_has_the_digest_of_its_bytes(home: Home) -> None:
    """S4-14 (part: SHA-256 of every file; the 3 GiB file below; MD5 comes with the object stores)."""
    every_extension(home / "in")
    home.run("import", "in", code=0)
    rows = {row["name"]: row for row in home.run("export").rows}
    wanted = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in Path(home / "in").iterdir()}
    assert {name: row["sha256"] for name, row in rows.items()} == wanted


@pytest.mark.slow
@pytest.mark.parametrize("command", [["probe", "--json"], ["import"]], ids=["probe", "import"])
def test_three_gigabytes_in_constant_memory(home: Home, command: list[str]) -> None:
    """S0-05, S4-14 (part: the peak memory of F12, and its SHA-256)."""
    path = f12(home / "in")
    assert os.path.getsize(path) == BIG
    asked = "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:]).returncode; "
    asked += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)"
    words = [ALBUMEN[0], "-c", asked, *ALBUMEN, *command, path]
    done = subprocess.run(words, cwd=home.path, env=home.environment(), capture_output=True, text=True, check=True)
    with open(path, "rb") as file:
        wanted = hashlib.file_digest(file, "sha256").hexdigest()
    row = json.loads(done.stdout) if command[0] == "probe" else home.run("export").rows[0]
    assert (row["sha256"], row["size"], row["duration"]) == (wanted, BIG, 1)
    assert int(done.stderr.split()[-1]) < 200_000  # KiB of the largest process


def test_the_file_time_in_the_future_is_rejected_and_told(home: Home) -> None:
    """S0-19."""
    f04(home / "in")
    jpeg(home / "in/late.jpg", colour=(9, 9, 9), modified=4_100_000_000_000_000_000)
    ran = home.run("import", "in", "-v", code=0)
    rows = {row["name"]: row for row in home.run("export").rows}
    assert (rows["F04.jpg"]["date_source"], rows["F04.jpg"]["taken"]) == ("file:modified", "2020-04-21T08:02:18")
    assert "taken" not in rows["late.jpg"]
    assert any("late.jpg: date not used: file:modified" in line for line in ran.lines)
