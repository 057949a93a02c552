"""Small settings classes as plugins have them, so that the settings can be tested without any plugin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from albumen.secrets import Secret
from albumen.values import Folder


@dataclass(frozen=True)
class Disk:
    root: Folder
    trash: bool = True


@dataclass(frozen=True, slots=True)
class Cloud:
    url: str
    password: Secret | None = None
    at_once: int = 10


@dataclass(frozen=True)
class Watched:
    path: Folder
    mode: Literal["move", "copy"] = "copy"
    settle: float = 5.0
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plain:
    pass


@dataclass(frozen=True)
class Scale:
    factor: int
    limits: Mapping[str, float] | None = None
    follows: ClassVar[tuple[str, ...]] = ("catalog",)

    def __post_init__(self) -> None:
        if self.factor < 1:
            raise ValueError("factor: must be at least 1")


@dataclass(frozen=True)
class Remote:
    urls: tuple[str, ...]
    index: str = "albumen"
    password: Secret | None = None
    timeout: float = 30.0


KINDS: Mapping[str, Mapping[str, type]] = {
    "store": {"local": Disk, "cloud": Cloud},
    "source": {"local": Watched},
    "step": {"catalog": Plain, "file": Plain, "scale": Scale},
    "catalog": {"sqlite": Plain, "elasticsearch": Remote},
}
