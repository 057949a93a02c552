"""What people enter about a picture, and how it is made fit to be written: every reader gives back exactly this."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from albumen.model import Region

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0, section 2.2
STARS = range(1, 6)
WORD, TITLE, TEXT = 1000, 10_000, 1 << 20  # characters of a tag or name, a title, a description: as much as readers keep


class Told(Protocol):
    """Whatever tells entries: a record, or the facts of a file."""

    @property
    def title(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...
    @property
    def rating(self) -> int | None: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def people(self) -> tuple[str, ...]: ...
    @property
    def faces(self) -> tuple[Region, ...]: ...


@dataclass(frozen=True, slots=True)
class Entries:
    """Fields as in ``Record``; ``faces`` are parts of the picture as shown."""

    title: str | None = None
    description: str | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    faces: tuple[Region, ...] = ()

    @classmethod
    def of(cls, told: Told) -> "Entries":
        """The entries of a record or of a file, as they can be written."""
        return cls(
            text(told.title),
            text(told.description),
            told.rating if told.rating in STARS else None,
            words(told.tags),
            words(told.people),
            told.faces,
        )

    def unlike(self, other: "Entries") -> Sequence[str]:
        """The names of the fields in which they differ."""
        return [one.name for one in fields(Entries) if getattr(self, one.name) != getattr(other, one.name)]


def text(value: str | None) -> str | None:
    """A text as every reader gives it back: line ends are ``\\n``, no blanks around; None for nothing. What XML cannot hold is left
    out."""
    plain = _NO_XML.sub("", (value or "").replace("\r\n", "\n").replace("\r", "\n")).strip()
    return plain or None


def words(values: Iterable[str]) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(found for one in values if (found := text(one))))


def fault(value: str, most: int = WORD) -> str:
    """Why this cannot be entered; "" when it can."""
    if len(value) > most:
        return f"it has {len(value)} characters, at most {most} are kept"
    if _NO_XML.search(value):
        return "it holds a character that is no text (a control character, or bytes that are no UTF-8)"
    return "" if text(value) else "it is empty"
