"""Names and folders for a set of arrivals: a pure planner (DESIGN section 6, "Names")."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from albumen.model import Dated, Kind


@dataclass(frozen=True, slots=True)
class NameRules:
    """``day_folder`` holds what is dated to the day by a name or folder ("" = none), ``video_folder`` videos ("" = none)."""

    day_folder: str = "Whatsapp"
    video_folder: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """One arrival to be named: original file ``name`` (byte-true, no folder), its date, what it is, its SHA-256.

    ``companions`` are (name, role) as ``grouping.group`` gave them. ``place`` is the town, "" for none.
    """

    name: str
    dated: Dated
    kind: Kind
    type: str
    sha256: str
    companions: tuple[tuple[str, str], ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes: ``folder`` (no slash at its ends), file ``name``, and the names of the companions in their given order."""

    folder: str
    name: str
    companions: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Path of the main file in the library."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the main file and of each companion."""
        front = f"{self.folder}/" if self.folder else ""
        return tuple(front + name for name in (self.name, *self.companions))


def stem(path: str) -> str:
    """``path`` without its extension, and without the media extension before a sidecar's: what collides and what belongs together."""
    raise NotImplementedError


def candidates(arrival: Named, rules: NameRules) -> Iterator[Target]:
    """The targets of one arrival in the order they are tried: the plain name, then ``_1``, ``_2`` … without end."""
    raise NotImplementedError


def plan(arrivals: Sequence[Named], taken: Container[str], rules: NameRules, key: Callable[[str], str] = str) -> Sequence[Target]:
    """A target for each arrival, in the order given; the answer depends on the set alone, not on its order.

    ``taken`` holds folded stems, ``key(stem(path))``, of everything that lies there or is reserved; ``key`` is the store's.
    """
    raise NotImplementedError
