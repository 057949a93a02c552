"""Which files of one folder travel together, by their names (DESIGN section 6, "Companions"). Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from albumen.model import Kind


@dataclass(frozen=True, slots=True)
class Group:
    """A main file and its (companion name, role), sorted by name. Roles: "xmp", "aae", "json", "jpeg"."""

    main: str
    companions: tuple[tuple[str, str], ...] = ()


def group(names: Sequence[str], kind_of: Callable[[str], Kind | None]) -> list[Group]:
    """Every name exactly once, as a main file or as a companion; sorted by main. A sidecar without a main file stands alone.

    ``kind_of`` gives the kind of a name (``signature.kind_of_name`` where the bytes are not known), None for no media.
    """
    raise NotImplementedError
