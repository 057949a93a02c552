"""Rows about the truth of files: what the catalog says beside what an independent reader says, each done as its *Verify* says."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image

import reference
from e2e.command import Home
from make import f01, f03, f04, f07, f08, f09, heic, jpeg_bytes, write
from make.entries import bag, iptc, jpeg_with, words, xmp
from make.exif import block
from make.media import RAW, every_extension

_OURS = {"F04.jpg", "eight.png"}  # nothing inside but pixels


pillow_heif.register_heif_opener()


def _apart(folder: str) -> list[str]:
    """One file of every type, each in a folder of its own: equal stems side by side would be one item."""
    paths = []
    for name, path in every_extension(folder).items():
        paths.append(os.path.join(folder, name, f"type-{os.path.basename(path)}"))
        os.renames(path, paths[-1])
    return paths


def _exported(home: Home) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in home.run("export").rows}


@pytest.mark.skipif(not reference.installed(), reason="no exiftool")
def test_records_agree_with_an_independent_reader(home: Home) -> None:
    """S0-01 (F01 F04 F07 F08, and one file of each video type)."""
    paths = [
        f01(home / "in"),
        f04(home / "in"),
        f07(home / "in"),
        *f08(home / "in/stills"),
        *_apart(home / "in/types"),
    ]
    home.run("import", "-r", "in", code=0)
    rows, said = {row["sha256"]: row for row in home.run("export").rows}, reference.read(paths)
    assert len(said) == len(set(paths))
    for path in paths:
        row, theirs = rows[hashlib.sha256(Path(path).read_bytes()).hexdigest()], said[path]
        assert (row["type"] == "mpo") == (theirs["FileType"] == "MPO"), path
        if "ImageWidth" in theirs and not path.endswith((".mts", ".heic")):  # of HEIC it tells the coded size, before the crop
            assert (row.get("width"), row.get("height")) == (theirs["ImageWidth"], theirs["ImageHeight"]), path
        if "DateTimeOriginal" in theirs:
            assert row["taken"][:19] == theirs["DateTimeOriginal"][:19].replace(":", "-", 2).replace(" ", "T"), path
        if "GPSLatitude" in theirs:
            found = (row["position"]["lat"], row["position"]["lon"])
            assert found == (pytest.approx(theirs["GPSLatitude"], abs=1e-5), pytest.approx(theirs["GPSLongitude"], abs=1e-5))
        assert row.get("camera", {}).get("model") == theirs.get("Model"), path
        assert all(value not in (None, "", [], {}) for value in row.values()), path


def test_png_and_gif_have_width_and_height_and_unknown_is_left_out(home: Home) -> None:
    """S0-01."""
    f08(home / "in")
    f04(home / "in")
    home.run("import", "-r", "in", code=0)
    rows = _exported(home)
    assert [(rows[name]["width"], rows[name]["height"]) for name in ("eight.png", "animated.gif")] == [(48, 32), (48, 32)]
    for name in _OURS:
        absent = {
            "camera",
            "position",
            "duration",
            "exposure",
            "faces",
            "orientation",
            "hdr",
            "burst",
            "motion",
            "rating",
            "tags",
        }
        assert absent & set(rows[name]) == set()


def test_formats_that_the_original_refused(home: Home) -> None:
    """S0-03."""
    f08(home / "in")
    every_extension(home / "in/types")
    write(home / "in/letter.txt", b"no picture")
    write(home / "in/none", b"\xff\xfe\xfd neither")
    done = home.run("import", "-r", "in", "--json")
    rows = _exported(home)
    listed = [line for line in done.rows if str(line.get("path", line.get("ref", ""))).endswith(("letter.txt", "none"))]
    assert {"plain.tiff", "plain.webp", "plain.avif", *(f"a.{one}" for one in RAW)} <= set(rows)
    assert len(listed) == 2, done.out
    files = sum(len(names) for _, _, names in os.walk(home / "in"))
    assert len(rows) + len(listed) == files


@pytest.mark.skipif(not reference.installed(), reason="no exiftool")
def test_heic_tells_what_a_jpeg_tells(home: Home) -> None:
    """S0-10."""
    path = f07(home / "in")
    plain = heic(home / "in/plain.heic", when="2020:02:02 02:02:02", offset=None, gps=None, size=(40, 30))
    home.run("import", "in", code=0)
    rows, said = _exported(home), reference.read([path, plain])
    row, theirs = rows["F07.heic"], said[path]
    assert row["taken"] + row["offset"] == theirs["SubSecDateTimeOriginal"].replace(":", "-", 2).replace(" ", "T", 1)
    assert row["position"]["lat"] == pytest.approx(theirs["GPSLatitude"], abs=1e-5)
    assert row["position"]["lon"] == pytest.approx(theirs["GPSLongitude"], abs=1e-5)
    with Image.open(path) as picture:  # by libheif, which crops as the file says; ExifTool tells the size before
        assert (row["width"], row["height"]) == picture.size
    assert (row["camera"]["make"], row["camera"]["model"]) == (theirs["Make"], theirs["Model"])
    assert "position" not in rows["plain.heic"]
    assert (rows["plain.heic"]["width"], rows["plain.heic"]["height"]) == (40, 30)


def test_xmp_iptc_and_long_comments_are_readable_in_the_record(home: Home) -> None:
    """S4-13."""
    f01(home / "in")
    packet = xmp(words("dc:title", "Abend an der Aare") + bag("dc:subject", "Bern", "Fluss"), xmp__Rating="4")
    write(home / "in/xmp.jpg", jpeg_with(packet, exif=block(when="2020:01:01 10:00:00")))
    resources = iptc([(5, "Title of IPTC"), (120, "Caption of IPTC"), (25, "one"), (25, "two")])
    write(home / "in/iptc.jpg", jpeg_with(resources=resources))
    comment = "".join(f"line {number}\n" for number in range(10_000)).encode()
    assert len(comment) > 100_000 - 2000
    write(home / "in/long.jpg", jpeg_bytes(when="2020:01:01 10:00:02", comment=comment, colour=(3, 4, 5)))
    home.run("import", "in", code=0)
    rows = _exported(home)
    assert (rows["xmp.jpg"]["title"], rows["xmp.jpg"]["tags"], rows["xmp.jpg"]["rating"]) == (
        "Abend an der Aare",
        ["Bern", "Fluss"],
        4,
    )
    said = (rows["iptc.jpg"]["title"], rows["iptc.jpg"]["description"], rows["iptc.jpg"]["tags"])
    assert said == ("Title of IPTC", "Caption of IPTC", ["one", "two"])
    assert rows["long.jpg"]["description"] == comment.decode().strip()
    assert "title Abend an der Aare" in home.run("show", rows["xmp.jpg"]["id"]).lines


def test_wrong_types_are_recorded_as_such(home: Home) -> None:
    """S4-16 (part: the record and the reason)."""
    f09(home / "in")
    done = home.run("import", "in")
    rows = _exported(home)
    wrong = {name: row for name, row in rows.items() if any(one.startswith("type differs") for one in row.get("told", ()))}
    assert {row["type"] for row in wrong.values()} == {"png", "jpeg"}
    assert re.search(r"text\.jpg: .*(bytes are text|neither a picture)", done.out + done.err)
    assert done.code == 1


def test_all_comments_of_the_fixtures_are_kept(home: Home) -> None:
    """S4-13 (part: the comment of F03)."""
    f03(home / "in")
    home.run("import", "in", code=0)
    assert max(len(row.get("description", "")) for row in _exported(home).values()) >= 100_000
