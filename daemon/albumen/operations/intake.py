"""What a person asks of ``import`` and is told of it: order, lines, report."""

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from albumen.errors import UsageError
from albumen.model import DISK, Pending
from albumen.overlaps import within
from albumen.ports import Store
from albumen.sources import litter, walk

Told = Literal[
    "added", "planned", "companion", "duplicate", "trashed", "failed", "stays", "listed", "skipped", "later", "told", "joined"
]


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for. ``limit``: at most so many new files. ``album``: what they are put into, as ``album_of`` gave it; ""
    files them by date."""

    paths: tuple[str, ...]
    move: bool = False
    recursive: bool = False
    dry_run: bool = False
    limit: int | None = None
    ignore: tuple[str, ...] = litter.DEFAULT
    album: str = ""

    @property
    def what(self) -> str:
        """The words that name this import in the ledger: the same words go on with a killed one."""
        flags = [name for name, on in (("--move", self.move), ("-r", self.recursive)) if on]
        limit = [f"--limit {self.limit}"] if self.limit is not None else []
        album = [f"--album {self.album}"] if self.album else []
        return " ".join(["import", *flags, *limit, *album, *self.paths])

    @property
    def tops(self) -> tuple[str, ...]:
        """The paths with links resolved, each once; without those that another of them brings along."""
        tops = dict.fromkeys(_resolved(one) for one in self.paths)
        return tuple(one for one in tops if not any(self._brings(other, one) for other in tops if other != one))

    def _brings(self, folder: str, path: str) -> bool:
        if self.recursive:
            return path.startswith(folder.rstrip("/") + "/")
        return os.path.dirname(path) == folder and not os.path.isdir(path)


@dataclass(frozen=True, slots=True)
class Line:
    """One file and what became of it: ``text`` is its target, what it doubles, or the reason. ``path`` as a person writes it."""

    what: Told
    path: str
    text: str = ""


@dataclass
class Report:
    """The numbers of one import, in files; from ``added`` to ``left`` they add up to ``found``.

    ``added`` are main files and ``companions`` what came with them, ``elsewhere`` is another import's business, ``left`` was not
    looked at because of the limit. ``stays`` are filed files whose source could not be removed. ``litter`` and ``skipped``
    (links, FIFOs …) are not among the found, ``planned`` have been given a place so far. ``folders``: (folder, loaded, not stored). ``steps``: seconds by step.
    """

    batch: str = ""
    found: int = 0
    added: int = 0
    companions: int = 0
    duplicates: int = 0
    failed: int = 0
    listed: int = 0
    empty: int = 0
    later: int = 0
    elsewhere: int = 0
    left: int = 0
    planned: int = 0
    stays: int = 0
    litter: int = 0
    skipped: int = 0
    folders: list[tuple[str, int, int]] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing waits."""
        return not (self.failed or self.later or self.stays)

    def settled(self, now: Pending) -> int:
        """About how many files need nothing any more, for a progress bar."""
        read = self.planned + self.duplicates + self.failed + self.listed + self.empty + self.elsewhere
        return max(0, read - now.active - now.later)

    def sum(self) -> str:
        """The numbers as one line that adds up."""
        parts = ("added", "companions", "duplicates", "failed", "listed", "empty", "later", "elsewhere", "left")
        told = " + ".join(f"{number} {name}" for name in parts if (number := getattr(self, name)))
        return f"{self.found} files found" + (f" = {told}" if told else "")


def check(order: Order, stores: Iterable[Store]) -> None:
    """``UsageError`` when the order cannot be: nothing there, no file or folder, the library itself, a senseless limit."""
    if order.limit is not None and order.limit <= 0:
        raise UsageError(f"--limit {order.limit}: give a number of files above 0")
    stood = [(one.name, root) for one in stores if one.name != DISK and isinstance(root := getattr(one, "root", None), str)]
    for path in order.paths:
        if not os.path.lexists(path):
            raise UsageError(f"Invalid directory {path}: there is nothing of that name")
        if not os.path.isdir(path) and isinstance(one := walk.single(path), walk.Skipped):
            raise UsageError(f"Invalid directory {path}: {one.reason}")
        for name, root in stood:
            if within(path, root):
                raise UsageError(f"{path} lies in the store {name} ({root}): it cannot be imported into itself")
            if os.path.isdir(path) and order.recursive and within(root, path):
                raise UsageError(f"{path} holds the store {name} ({root}): name the folders beside it instead")


def album_of(text: str) -> str:
    """The name of an album as it is kept: NFC, no blanks around its parts. "" stays. ``UsageError`` for no name of a folder."""
    if not text:
        return ""
    parts = [unicodedata.normalize("NFC", one).strip() for one in text.strip("/").split("/")]
    if not all(one and not one.startswith(".") and one.isprintable() for one in parts):
        raise UsageError(f"--album {text!r}: is no name for a folder; give one such as 'Ferien Tessin' or '2010/Ferien Tessin'")
    return "/".join(parts)


def _resolved(path: str) -> str:
    """Links on the way resolved; a file's own name kept (a link that is named itself was refused before)."""
    if os.path.isdir(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path.rstrip("/"))
    return os.path.join(os.path.realpath(folder or "."), name)
