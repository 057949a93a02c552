"""Towns asked in a child: it ends by itself and is begun anew, may be killed or hang, and says when it is broken; preferred places."""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from albumen.errors import ConfigError, Unavailable
from albumen.media.gazetteer import Towns, nearest
from albumen.media.places import distance
from albumen.model import Place, Position
from albumen.settings import Preferred
from make import daemons

until = partial(daemons.until, seconds=30.0)

BERN = Position(46.948865, 7.431296)
BERN_IS = Place("Bern", "Bern", "Switzerland")
SEED0 = (  # the first seed's list; a point where the gazetteer has no such name
    Preferred("Riederalp", (46.3785, 8.0262)),
    Preferred("Le Lignon", (46.2036, 6.0969), 3),
    Preferred("Zürich"),
    Preferred("Winterthur"),
    Preferred("Los Angeles", radius=20),
    Preferred("Barcelona"),
)
WANTED = """
47.50632,8.69123 Winterthur | 47.50655,8.69193 Winterthur | 47.508638,8.693344 Winterthur | 47.50655,9.69193 -
33.99759,-116.01727 - | 34.102846,-118.314783 Los Angeles | 35.7103,-118.43923 - | 37.803947,-122.425538 -
29.998716,-97.858929 - | 30.216794,-97.758416 - | 46.377553,8.026141 Riederalp | 46.201146,6.09248 Le Lignon
46.232379,6.044977 - | 46.246802,6.015698 - | 46.927504,7.411668 - | 46.948865,7.431296 - | 47.13697,9.107771 -
47.145691,9.118732 - | 47.37872,8.545184 Zürich | 47.37833,8.53861 Zürich | 41.403288,2.189558 Barcelona
41.376495,2.189083 Barcelona | 41.382384,2.174881 Barcelona | 27.788528,-15.611381 - | 27.740778,-15.587337 -
44.832511,-0.579931 -
"""
ROWS = [one.strip().split(" ", 1) for line in WANTED.strip().splitlines() for one in line.split("|")]


@pytest.fixture(scope="module")
def towns() -> Iterator[Towns]:
    made = Towns(SEED0)
    yield made
    made.close()


@pytest.mark.parametrize(("point", "wanted"), ROWS)
def test_the_places_of_the_first_seed(towns: Towns, point: str, wanted: str) -> None:
    """S0-24: the 26 coordinates, the "wanted" column."""
    assert len(ROWS) == 26
    lat, lon = (float(one) for one in point.split(","))
    found = towns(Position(lat, lon))
    assert found is not None
    assert found.country
    if wanted != "-":
        assert found.city == wanted
    else:
        assert found.city not in {one.name for one in SEED0}


def test_without_the_list_the_towns_own_names() -> None:
    """S0-24 (part: without the list)."""
    plain = Towns()
    try:
        assert plain(BERN) == BERN_IS
        found = plain(Position(34.102846, -118.314783))
        assert found is not None
        assert found.city == "Hollywood"
    finally:
        plain.close()


def test_the_nearest_within_its_radius_wins() -> None:
    """S0-24 (part: two within radius, just outside the radius)."""
    here, near, far = (47.0, 8.0), Preferred("near", (47.02, 8.0), 3), Preferred("far", (47.04, 8.0), 20)
    assert nearest((far, near), *here) == "near"
    assert nearest((far, Preferred("near", near.point, 2)), *here) == "far"
    exact = distance(*here, *near.point)
    assert nearest((Preferred("x", near.point, exact),), *here) == "x"
    assert nearest((Preferred("x", near.point, exact - 0.001),), *here) == ""
    assert nearest((Preferred("one", near.point), Preferred("two", near.point)), *here) == "one"
    assert nearest((), *here) == ""
    assert nearest((Preferred("x", (0.0, 179.99)),), 0.0, -179.99) == "x"


def test_a_preferred_place_far_from_every_town_has_no_country(towns: Towns) -> None:
    alone = Towns((Preferred("Boat", (45.0, -30.0)),))
    try:
        assert alone(Position(45.01, -30.0)) == Place("Boat")
        assert alone(Position(46.0, -30.0)) is None
    finally:
        alone.close()
    assert towns(Position(float("nan"), 0)) is None


def test_a_preferred_place_that_nobody_knows_is_told_with_all_others() -> None:
    asked = Towns((Preferred("Zür"), Preferred("Bern"), Preferred("Le Lignon")))
    try:
        with pytest.raises(ConfigError) as error:
            asked.points()
        assert len(error.value.problems) == 2
        assert "no place called 'Zür'; write it as in { name = \"Zür\", point = [" in error.value.problems[0]
    finally:
        asked.close()


def test_it_ends_when_idle_leaves_nothing_behind_and_comes_again() -> None:
    asked = Towns(idle=0.1)
    try:
        for _ in range(2):
            assert asked(BERN) == BERN_IS
            pid = children(asked)
            until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"))  # type: ignore[misc]  # no zombie either
    finally:
        asked.close()


def test_killed_between_and_during_questions_it_answers_all_the_same() -> None:
    asked = Towns()
    try:
        asked(BERN)
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(asked, BERN) for _ in range(200)]
            os.kill(children(asked), signal.SIGKILL)
            assert {one.result() for one in answers} == {BERN_IS}
    finally:
        asked.close()


def test_closed_it_refuses_and_twice_is_harmless() -> None:
    asked = Towns()
    asked.ping()
    pid = children(asked)
    asked.close()
    asked.close()
    assert not os.path.exists(f"/proc/{pid}")
    with pytest.raises(RuntimeError):
        asked(BERN)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise SystemExit(3)", r"ended without an answer \(exit 3\)"),
        ("import time; time.sleep(60)", "did not answer within"),
        ("import sys, albumen.media.places as p; p._PACKAGE = 'no_such_package'; sys.exit(p.main())", "is not installed"),
    ],
)
def test_a_gazetteer_that_cannot_be_asked_is_a_closed_place(program: str, why: str) -> None:
    asked = Towns(patience=20 if "main" in program else 1, command=(sys.executable, "-c", program))
    try:
        with pytest.raises(Unavailable, match=why) as error:
            asked(BERN)
        assert error.value.place == "gazetteer"
    finally:
        asked.close()


def children(asked: Towns) -> int:
    """The process id of its child."""
    child = asked._child
    assert child is not None
    return child.pid
