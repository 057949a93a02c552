"""Real files that belong together, where the corpus lies beside the project: one item each, in every order."""

import shutil
from pathlib import Path

import pytest

from e2e.command import Home

_PAIRS = Path(__file__).parents[3] / "shared" / "corpus" / "open" / "pairs"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not _PAIRS.is_dir(), reason="the corpus is not beside the project")]

_STILL, _MOVIE = "IMG_7943.HEIC", "IMG_7943_HEVC.MOV"  # exported under two names
_STEM = "2026/03_March/2026-03-23 15-57-20 Brno"


@pytest.mark.parametrize("order", [(_STILL, _MOVIE), (_MOVIE, _STILL), ((_STILL, _MOVIE),)], ids=["still", "movie", "both"])
def test_a_live_photo_of_two_names(home: Home, order: tuple[str | tuple[str, ...], ...]) -> None:
    for at, names in enumerate(order):
        folder = home.path / str(at)
        folder.mkdir()
        for name in (names,) if isinstance(names, str) else names:
            shutil.copy2(_PAIRS / "live" / "pigallery2" / name, folder)
        home.run("import", "-m", str(at), code=0)
    assert set(home.filed()) == {f"{_STEM}.heic", f"{_STEM}.mov"}
    rows = {row["name"]: row for row in home.run("export", code=0).rows}
    assert rows[_MOVIE]["companion_of"] == rows[_STILL]["id"]
    assert rows[_MOVIE]["taken"] == rows[_STILL]["taken"]
    assert [row["name"] for row in home.run("find", "--json").rows] == [_STILL]


def test_a_raw_with_its_jpeg(home: Home) -> None:
    home.run("import", str(_PAIRS / "raw+jpeg"), code=0)
    (row,) = home.run("find", "--json").rows
    assert (row["kind"], [one["role"] for one in row["companions"]]) == ("raw", ["jpeg"])
    assert {Path(path).stem for path in home.filed()} == {"2026-07-20 22-20-59"}


def test_motion_photos_are_one_file_each(home: Home) -> None:
    home.run("import", "-r", str(_PAIRS / "motion"), code=0)
    rows = home.run("find", "--json").rows
    assert {row["kind"] for row in rows} == {"image"}
    assert sum("motion" in row for row in rows) >= 5
    assert not any(row.get("companions") for row in rows)


def test_takeout_with_a_picture_in_two_folders(home: Home) -> None:
    home.run("import", "-r", str(_PAIRS / "takeout"), code=0)
    rows = {row["name"]: row for row in home.run("find", "--json").rows}
    assert set(rows) == {"IMG_1523_no_location.jpg", "Pumkins2.jpg", "wedding.jpg", "Jellyfish.mov"}
    assert [one["name"] for one in rows["Pumkins2.jpg"]["companions"]] == ["Pumkins2.jpg.json"] * 2
    assert all([one["role"] for one in row["companions"]][:1] == ["json"] for row in rows.values())
