"""What a place is called: the name that a person prefers, else that of the nearest town.

The towns are asked in a child process, which ends when nobody asked for a minute: 60 MB are not held in an idle daemon.
"""

import dataclasses
import json
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from albumen.errors import ConfigError, Unavailable
from albumen.jsonable import from_json
from albumen.media.places import distance, is_point
from albumen.media.sandbox import Child
from albumen.model import Place, Position
from albumen.settings import Preferred

GAZETTEER = "gazetteer"  # the place that is closed while it cannot be asked
_IDLE = 60.0  # seconds without a question after which a child ends
_PATIENCE = 60.0  # seconds until an answer must be there; the first one takes about one


def nearest(places: Sequence[Preferred], lat: float, lon: float) -> str:
    """The name of the nearest of these places (each with its point) within whose radius the point lies; "" for none. Of equally near
    ones the first."""
    near = sorted((distance(lat, lon, *one.point), at) for at, one in enumerate(places))
    return next((places[at].name for far, at in near if far <= places[at].radius), "")


class Towns:
    """Names of places, ``preferred`` ones first. Threads may share it; the child is started when first needed. ``command`` is its
    program, for tests."""

    def __init__(
        self,
        preferred: Sequence[Preferred] = (),
        *,
        idle: float = _IDLE,
        patience: float = _PATIENCE,
        command: tuple[str, ...] = (sys.executable, "-m", "albumen.media.places"),
    ) -> None:
        self._wanted = tuple(preferred)
        self._pointed: tuple[Preferred, ...] | None = None if any(not one.point for one in self._wanted) else self._wanted
        self._patience = patience
        self._command = (*command, str(idle))
        self._guard = threading.Lock()
        self._child: Child | None = None
        self._closed = False

    def __call__(self, position: Position) -> Place | None:
        """What that place is called; None in the open sea. ``Unavailable`` when the gazetteer cannot be asked, or does not know a
        preferred place: files wait until the settings are right."""
        if not is_point(position.lat, position.lon):
            return None
        told = self._ask({"at": [position.lat, position.lon]}).get("place")
        found = None if told is None else from_json(Place, told)
        try:
            name = nearest(self.points(), position.lat, position.lon)
        except ConfigError as error:
            raise Unavailable(GAZETTEER, "; ".join(error.problems)) from None
        return dataclasses.replace(found or Place(), city=name) if name else found

    def ping(self) -> None:
        """``Unavailable`` when the gazetteer cannot be asked."""
        self._ask({"at": [0, 0]})

    def close(self) -> None:
        """End the child. Twice is harmless; a question then is refused."""
        with self._guard:
            self._closed = True
            child, self._child = self._child, None
        if child is not None:
            child.end()

    def points(self) -> tuple[Preferred, ...]:
        """The preferred places, each with its point. ``ConfigError`` with a sentence for each that nobody knows; the gazetteer is only
        asked for those without a point of their own."""
        if self._pointed is not None:
            return self._pointed
        given = [(one, one.point or tuple(self._ask({"point": one.name}).get("point") or ())) for one in self._wanted]
        unknown = [one.name for one, point in given if not point]
        if unknown:
            raise ConfigError(
                [
                    f"[library] places: the gazetteer knows no place called {name!r}; write it as in "
                    f'{{ name = "{name}", point = [46.378, 8.026] }}, with its own latitude and longitude'
                    for name in unknown
                ]
            )
        self._pointed = tuple(dataclasses.replace(one, point=point) for one, point in given)
        return self._pointed

    def _ask(self, question: Mapping[str, object]) -> Mapping[str, Any]:
        asked = json.dumps(question).encode()
        with self._guard:
            for _ in range(3):  # it may have ended just now, being idle, or have been killed by somebody
                child = self._child if self._child is not None and self._child.alive() else self._begin()
                answer = child.ask(asked, self._patience)
                if answer is None:
                    self._child = None
                    code = child.end()
                    if child.overdue:
                        raise Unavailable(GAZETTEER, f"did not answer within {self._patience:.0f} s; it is tried again")
                    continue
                if "broken" in answer:
                    raise Unavailable(GAZETTEER, answer["broken"])
                return answer
        raise Unavailable(GAZETTEER, f"its process ended without an answer (exit {code}), three times; it is tried again")

    def _begin(self) -> Child:
        if self._closed:
            raise RuntimeError("these Towns are closed")
        if self._child is not None:
            self._child.end()
        self._child = child = Child(self._command)
        threading.Thread(target=child.wait, name="gazetteer", daemon=True).start()  # it ends by itself: none stays as a zombie
        return child
