"""The shape of the settings: frozen, checked, with their defaults. ``config`` fills them; a plugin's own stand in ``Section.options``."""

import logging
import os
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from albumen.secrets import Secret
from albumen.values import Folder


@dataclass(frozen=True)
class Section:
    """One named instance: ``options`` is an instance of the ``Settings`` class of the plugin ``type``."""

    name: str
    type: str
    options: Any


@dataclass(frozen=True)
class Route:
    """What comes from ``source`` goes through ``steps``, each a name in ``Settings.steps``."""

    source: str = field(metadata={"key": "from"})
    steps: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """``dir``: databases, locks and the spool; never on a network file system. ``backups``: where the daily copies of catalog and
    ledger go (None = ``backups`` in ``dir``), ``keep``: how many of them stay, ``floor``: bytes that should be free on its disk (None:
    1 GiB or 5 % of it, the smaller of both)."""

    dir: Folder = "library/.albumen"
    backups: Folder | None = None
    keep: int = 14
    floor: int | None = None

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ValueError("keep: must be at least 1: the last good backup is never removed")

    @property
    def backup_dir(self) -> str:
        """The folder of the backups."""
        return self.backups or os.path.join(self.dir, "backups")


@dataclass(frozen=True)
class Library:
    """The store that files are put into, the stores that each must have a copy in, and how names are given."""

    store: str = "library"
    copies: tuple[str, ...] = ()  # () = the library's store alone
    zone: str = "UTC"  # where container times (always UTC) are turned to wall clock when the file names no place
    video_folder: str = ""  # sub-folder of a month for videos; "" = beside the pictures
    day_folder: str = "Whatsapp"  # sub-folder of a month for files whose name or folder tells the day only

    def __post_init__(self) -> None:
        try:
            zoneinfo.ZoneInfo(self.zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"zone: there is no time zone {self.zone!r}; write one such as 'Europe/Zurich'") from None
        for key in ("video_folder", "day_folder"):
            if "/" in getattr(self, key) or getattr(self, key).startswith("."):
                raise ValueError(f"{key}: must be one plain folder name, or empty")
        object.__setattr__(self, "copies", tuple(dict.fromkeys((self.store, *self.copies))))


@dataclass(frozen=True)
class Log:
    """What is told, and how. ``format`` is a word of ``observe`` or a line of Python's %-form; ``date_format`` as strftime."""

    level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    format: str = "auto"
    date_format: str = ""  # "" = ISO 8601 in UTC

    def __post_init__(self) -> None:
        if self.format in {"auto", "console", "plain", "json"}:
            return
        try:
            logging.Formatter(self.format).format(logging.makeLogRecord({}))
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"format: {self.format!r} is not 'auto', 'console', 'plain', 'json' or a line such as '%(asctime)s %(message)s'"
            ) from None


@dataclass(frozen=True)
class Lanes:
    """Threads per lane: ``io`` wait for disks, ``cpu`` compute, ``slow`` run one long thing. ``stuck``: seconds without progress
    after which a step counts as failed and the daemon restarts itself, 0 = never."""

    io: int = 32
    cpu: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    slow: int = 1
    stuck: float = 900.0

    def __post_init__(self) -> None:
        for lane in ("io", "cpu", "slow"):
            if not 1 <= getattr(self, lane) <= 1024:
                raise ValueError(f"{lane}: must be from 1 to 1024")
        if self.stuck and not 1 <= self.stuck <= 7 * 86400:
            raise ValueError("stuck: must be from 1 s to 7 days, or 0 for never")


@dataclass(frozen=True)
class Trash:
    """``keep``: seconds that what was taken away lies in the trash before it is deleted for good; at least a day."""

    keep: float = 30 * 86400.0

    def __post_init__(self) -> None:
        if self.keep < 86400.0:
            raise ValueError("keep: must be at least 1d: until then what was taken away by mistake can be brought back")


@dataclass(frozen=True)
class Notify:
    """Where a word goes when "all is well" stops being true, and when it is again."""

    url: Secret | None = None


@dataclass(frozen=True)
class Settings:
    """Everything a person can set, checked. ``file`` is the path it was read from, "" for pure defaults."""

    state: State
    library: Library
    log: Log
    queue: Lanes
    trash: Trash
    notify: Notify
    accounts: Mapping[str, Section]
    stores: Mapping[str, Section]
    sources: Mapping[str, Section]
    steps: Mapping[str, Section]  # also each type that a route names directly, with its defaults
    routes: tuple[Route, ...]
    file: str = ""
