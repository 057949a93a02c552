"""Rows about dates, each done as its *Verify* says: the same answers on every machine."""

import json
import os
from pathlib import Path

import pytest

from e2e.command import Home
from make import jpeg, write
from make.pictures import image
from make.streams import FRAME, SPS, avi, keys, matroska, mdpm, movie, track, transport

MODIFIED = 1_587_456_138_000_000_000  # 2020-04-21 08:02:18 UTC
ZONES = ("UTC", "Europe/Zurich", "America/New_York")
LANGUAGES = ("C", "de_DE.UTF-8")
SETTINGS = '[store.library]\ntype = "local"\nroot = "library"\n[library]\nstore = "library"\nzone = "Europe/Zurich"\n'

# facts/seeds.md 6.2, column "ours"; then days and months that cannot be, and digits that are no date
NAMES = {
    "IMG_1.JPG": "2020/04_April/2020-04-21 08-02-18 @ IMG_1.jpg",
    "IMG-20190704-WA0001.jpg": "2019/07_July/Whatsapp/2019-07-04 @ IMG-20190704-WA0001.jpg",
    "2019-07-04 pic.jpg": "2019/07_July/Whatsapp/2019-07-04 @ 2019-07-04 pic.jpg",
    "2019/07/04/foo.jpg": "2019/07_July/Whatsapp/2019-07-04 @ foo.jpg",
    "20190704_20200102.jpg": "2020/01_January/Whatsapp/2020-01-02 @ 20190704_20200102.jpg",
    "IMG-20191304-WA0001.jpg": "2020/04_April/2020-04-21 08-02-18 @ IMG-20191304-WA0001.jpg",
    "IMG-20190004-WA0001.jpg": "2020/04_April/2020-04-21 08-02-18 @ IMG-20190004-WA0001.jpg",
    "IMG-20191904-WA0001.jpg": "2020/04_April/2020-04-21 08-02-18 @ IMG-20191904-WA0001.jpg",
    "2019-07-32 pic.jpg": "2020/04_April/2020-04-21 08-02-18 @ 2019-07-32 pic.jpg",
    "2019-07-39 pic.jpg": "2020/04_April/2020-04-21 08-02-18 @ 2019-07-39 pic.jpg",
    "+41791234567.jpg": "2020/04_April/2020-04-21 08-02-18 @ +41791234567.jpg",
    "20191234567890123.jpg": "2020/04_April/2020-04-21 08-02-18 @ 20191234567890123.jpg",
    "2019/13/04/bar.jpg": "2020/04_April/2020-04-21 08-02-18 @ bar.jpg",
    "IMG_20180304_050607.jpg": "2018/03_March/2018-03-04 05-06-07.jpg",
}


def names(home: Home) -> set[str]:
    return {str(one.relative_to(home.library)) for one in home.library.glob("[!.]*/**/*") if one.is_file()}


def undated(folder: str) -> None:
    for at, name in enumerate(NAMES):
        jpeg(os.path.join(folder, name), modified=MODIFIED, colour=(16 * at, 7, 9))


def test_folders_and_names_by_a_date_in_the_name_or_the_folder(home: Home) -> None:
    """S0-17, S0-18: the table of the seeds and impossible dates; those use the file time. Exit 0."""
    undated(home / "2001/02/03/in")  # folders above the given one say nothing
    ran = home.run("import", "-r", "2001/02/03/in", code=0)
    assert names(home) == set(NAMES.values())
    assert "date not used: name 20191304: impossible" in ran.out


def videos(folder: str) -> None:
    """F11, as far as dates go: Apple's date, UTC with and without a place, none, 1970, a text that is none; other containers."""
    tracks = (track(b"avc1", size=(64, 48), frames=60), track(b"mp4a", id=2))
    made = {
        "apple.mov": movie(*tracks, keys(creationdate="2021-07-01T00:30:00+0200", make="Apple", model="iPhone 12")),
        "utc.mp4": movie(*tracks, created=3_708_024_000, brand=b"isom"),  # 2021-07-01T22:40:00Z
        "tokyo.mov": movie(*tracks, keys(location__ISO6709="+35.6000+139.7000/"), created=3_708_024_001),
        "none.mp4": movie(*tracks, created=0, brand=b"isom"),
        "1970.mp4": movie(*tracks, created=2_082_844_800, brand=b"isom", length=1999),
        "wrong.mov": movie(*tracks, keys(creationdate="July 1st", make="Apple"), created=0),
        "fraction.mov": movie(*tracks, keys(creationdate="2021-07-01T00:30:00.250+02:00")),
        "camera.mts": transport([SPS, mdpm(0x42, "20110820233015")], [FRAME * at for at in range(60)], size=192),
        "a.mkv": matroska(date=646_884_672_000_000_000),
        "a.avi": avi(date=b"Mon Mar 10 23:04:43 2003"),
    }
    for name, data in made.items():
        os.utime(write(os.path.join(folder, name), data), ns=(MODIFIED, MODIFIED))


@pytest.mark.slow
def test_the_same_answers_in_every_zone_and_language(home: Home) -> None:
    """S0-08, S0-12, S0-16, S2-23 and DESIGN promise 7: names, folders, dates and instants under three zones, in two languages."""
    answers = set()
    for zone in ZONES:
        for language in LANGUAGES:
            one = Home(home.path / f"{zone}-{language}".replace("/", "-"))
            one.path.mkdir()
            Path(one / "albumen.toml").write_text(SETTINGS)
            undated(one / "in")
            videos(one / "in")
            jpeg(one / "in/midnight.jpg", when="2021:12:31 23:59:59", colour=(1, 99, 1), modified=MODIFIED)
            jpeg(one / "in/gap.jpg", when="2021:03:28 02:30:00", offset="+01:00", colour=(1, 1, 99), modified=MODIFIED)
            image((9, 9, 9)).save(one / "in/20210704_235959.png")
            os.utime(one / "in/20210704_235959.png", ns=(MODIFIED, MODIFIED))
            env = {"TZ": zone, "LANG": language, "LC_ALL": language, "LANGUAGE": "de"}
            one.run("import", "-r", "in", env=env, code=0)
            said = one.run("export", "--stable", env=env, code=0).out
            answers.add((frozenset(names(one)), said.replace(str(one.path), "")))
    assert len(answers) == 1


def test_videos_tell_length_and_moment(home: Home) -> None:
    """S0-12, S2-23: `duration` in seconds, `instant` in UTC, `taken` as wall clock with its source; each file is catalogued."""
    Path(home / "albumen.toml").write_text(SETTINGS)
    videos(home / "in")
    home.run("import", "in", code=0, env={"TZ": "America/New_York"})
    rows = {row["name"]: row for row in map(json.loads, home.run("export", code=0).lines)}
    found = {name: (row["taken"], row.get("instant"), row["date_source"], row["duration"]) for name, row in rows.items()}
    assert found == {
        "apple.mov": ("2021-07-01T00:30:00", "2021-06-30T22:30:00Z", "quicktime:CreationDate", 2.0),
        "utc.mp4": ("2021-07-02T00:40:00", "2021-07-01T22:40:00Z", "quicktime:CreateDate", 2.0),
        "tokyo.mov": ("2021-07-02T07:40:01", "2021-07-01T22:40:01Z", "quicktime:CreateDate", 2.0),
        "none.mp4": ("2020-04-21T10:02:18", "2020-04-21T08:02:18Z", "file:modified", 2.0),
        "1970.mp4": ("2020-04-21T10:02:18", "2020-04-21T08:02:18Z", "file:modified", 1.999),
        "wrong.mov": ("2020-04-21T10:02:18", "2020-04-21T08:02:18Z", "file:modified", 2.0),
        "fraction.mov": ("2021-07-01T00:30:00.250", "2021-06-30T22:30:00.250Z", "quicktime:CreationDate", 2.0),
        "camera.mts": ("2011-08-20T23:30:15", "2011-08-20T21:30:15Z", "h264:DateTimeOriginal", 2.002),
        "a.mkv": ("2021-07-02T04:11:12", "2021-07-02T02:11:12Z", "matroska:DateUTC", 2.0),
        "a.avi": ("2003-03-10T23:04:43", None, "riff:DateTimeOriginal", 2.0),
    }
    assert all(row["kind"] == "video" for row in rows.values())
    lines = home.run("show", rows["none.mp4"]["id"], code=0).lines
    assert "  not used: quicktime:CreateDate 0000-00-00T00:00:00Z: zeros: the clock was not set" in lines
    probed = home.run("probe", "in/wrong.mov", code=0).lines
    assert "  not used: quicktime:CreationDate July 1st: not a date" in probed
