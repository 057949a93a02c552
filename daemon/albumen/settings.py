"""The shape of the settings: frozen, checked, with their defaults. ``config`` fills them; a plugin's own stand in ``Section.options``."""

import ipaddress
import logging
import os
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from albumen.errors import ConfigError
from albumen.secrets import Secret
from albumen.values import Folder
from albumen.vault import Vault, VaultSettings

_TOKEN = 16  # characters of a token, at least
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9.-]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_MAIL = re.compile(r"[^\s@<>,;:\"\x00-\x1f\x7f]+@[A-Za-z0-9.-]+")


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
class Preferred:
    """A place that names what was taken around it: ``name``, its ``point`` (latitude, longitude in degrees; () = that of the biggest
    town which the gazetteer calls so), and how far around it (``radius`` in km)."""

    name: str
    point: tuple[float, ...] = ()
    radius: float = 8.0

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name: is empty; write the name of a place")
        if self.point and not (len(self.point) == 2 and abs(self.point[0]) <= 90 and abs(self.point[1]) <= 180):
            raise ValueError("point: must be [latitude, longitude] in degrees, such as [46.378, 8.026]")
        if not 0 < self.radius <= 500:
            raise ValueError("radius: must be more than 0 and at most 500 km")


@dataclass(frozen=True)
class Library:
    """The store that files are put into, the stores that each must have a copy in, and how names are given."""

    store: str = "library"
    copies: tuple[str, ...] = ()  # () = the library's store alone
    zone: str = "UTC"  # where container times (always UTC) are turned to wall clock when the file names no place
    video_folder: str = ""  # sub-folder of a month for videos; "" = beside the pictures
    day_folder: str = "Whatsapp"  # sub-folder of a month for files whose name or folder tells the day only
    places: tuple[Preferred | str, ...] = ()  # whose names go before those of the towns nearby; a text is a name alone

    def __post_init__(self) -> None:
        try:
            zoneinfo.ZoneInfo(self.zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"zone: there is no time zone {self.zone!r}; write one such as 'Europe/Zurich'") from None
        for key in ("video_folder", "day_folder"):
            if "/" in getattr(self, key) or getattr(self, key).startswith("."):
                raise ValueError(f"{key}: must be one plain folder name, or empty")
        if "" in (one.strip() for one in self.places if isinstance(one, str)):
            raise ValueError("places: a name is empty; write the name of a place")
        object.__setattr__(self, "copies", tuple(dict.fromkeys((self.store, *self.copies))))

    @property
    def preferred(self) -> tuple[Preferred, ...]:
        """The preferred places, those written as a name alone with their defaults."""
        return tuple(Preferred(one) if isinstance(one, str) else one for one in self.places)


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
    after which a step counts as failed and the daemon restarts itself, 0 = never. ``pause``: seconds until a place that could not be
    used is asked again, doubling to ``longest_pause``; ``locked_pause``: where it refused our password."""

    io: int = 32
    cpu: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    slow: int = 1
    stuck: float = 900.0
    pause: float = 1.0
    longest_pause: float = 600.0
    locked_pause: float = 3600.0

    def __post_init__(self) -> None:
        for lane in ("io", "cpu", "slow"):
            if not 1 <= getattr(self, lane) <= 1024:
                raise ValueError(f"{lane}: must be from 1 to 1024")
        if self.stuck and not 1 <= self.stuck <= 7 * 86400:
            raise ValueError("stuck: must be from 1 s to 7 days, or 0 for never")
        for key in ("pause", "longest_pause", "locked_pause"):
            if not 0.1 <= getattr(self, key) <= 86400:
                raise ValueError(f"{key}: must be from 0.1 s to 1 day")
        if self.longest_pause < self.pause:
            raise ValueError("longest_pause: must not be less than pause")


@dataclass(frozen=True)
class Trash:
    """``keep``: seconds that what was taken away lies in the trash before it is deleted for good; at least a day."""

    keep: float = 30 * 86400.0

    def __post_init__(self) -> None:
        if self.keep < 86400.0:
            raise ValueError("keep: must be at least 1d: until then what was taken away by mistake can be brought back")


@dataclass(frozen=True)
class Metrics:
    """Numbers and health over HTTP at ``listen`` ("127.0.0.1:9464", "" = off). Any address but this machine's own loopback needs a
    ``token``, which every request then brings as ``Authorization: Bearer …``."""

    listen: str = ""
    token: Secret | None = None

    def __post_init__(self) -> None:
        if not self.listen:
            return
        host, _ = self.address
        if self.token is None and not is_loopback(host):
            raise ValueError(f"listen: {self.listen} can be reached from other machines: set a token, or listen on 127.0.0.1")
        if self.token is not None and self.token.peek() is not None:  # else it is in Vault: ``admit`` looks at it
            self._check_token()

    def admit(self) -> None:
        """Before anybody is let in: the token is known, and long enough. ``ConfigError``; ``Unavailable`` while it cannot be had."""
        if self.listen and self.token is not None:
            try:
                self._check_token()
            except ValueError as error:
                raise ConfigError([f"[metrics] {error}"]) from None

    def _check_token(self) -> None:
        if self.token is not None and len(self.token.reveal()) < _TOKEN:
            raise ValueError(f"token: is too short to keep anybody out; take {_TOKEN} characters or more")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``listen``. ``ValueError``."""
        return _address("listen", self.listen, None)


@dataclass(frozen=True)
class Notify:
    """Where a word goes when "all is well" stops being true, and when it is again: as JSON to ``url``, or as e-mail ``to`` these
    addresses through the server ``smtp`` ("host" or "host:port"). A reason must hold for ``grace`` seconds."""

    url: Secret | None = None
    to: tuple[str, ...] = ()
    sender: str = ""  # "" = the first of ``to``
    smtp: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""  # "" = the sender, where there is a password
    password: Secret | None = None
    grace: float = 60.0

    def __post_init__(self) -> None:
        if self.url is not None and (url := self.url.peek()) is not None:
            check_url(url)
        if bool(self.to) != bool(self.smtp):
            raise ValueError("smtp: name the server that takes the mail, and to, its addresses: one goes with the other")
        if self.user and not self.password:
            raise ValueError("user: goes with a password")
        if not (self.user.isascii() and (self.password is None or (self.password.peek() or "").isascii())):
            raise ValueError(
                "password: it and user may hold plain ASCII only: the mail protocol's other forms are not spoken here"
            )
        for key, address in (*(("to", one) for one in self.to), *((("sender", self.sender),) if self.sender else ())):
            if not _MAIL.fullmatch(address):
                raise ValueError(f"{key}: {address!r} is no e-mail address")
        host, _ = self.server if self.smtp else ("localhost", 0)
        if self.smtp and self.password and self.security == "none" and not is_loopback(host):
            raise ValueError("security: without it everybody on the way reads the password; take 'starttls' or 'tls'")
        if self.grace < 0:
            raise ValueError("grace: must not be negative")

    @property
    def server(self) -> tuple[str, int]:
        """Host and port of ``smtp``. ``ValueError``."""
        return _address("smtp", self.smtp, {"starttls": 587, "tls": 465, "none": 25}[self.security])


def check_url(url: str) -> None:
    """Whether a word can be sent there. ``ValueError`` without any of it: all of it may be secret."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("https", "http") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or any(ord(one) <= 32 for one in url):
        raise ValueError("url: is no address; it must begin with https:// or http:// and a host")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address; a name other than ``localhost`` is anybody's."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _address(key: str, text: str, default: int | None) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(text)
    port = int(match["port"]) if match and match["port"] else default
    if match is None or port is None or port > 65535:
        example = "127.0.0.1:9464 or [::1]:9464" if default is None else "mail.example.org or mail.example.org:587"
        raise ValueError(f"{key}: {text!r} is no address such as {example}")
    return match["six"] or match["host"], port


EMBEDDED = "sqlite"  # the type of the catalog that is a file of the state directory


@dataclass(frozen=True)
class Settings:
    """Everything a person can set, checked. ``file`` is the path it was read from, "" for pure defaults. ``secrets`` is the Vault that
    gives the values of those that are kept there."""

    state: State
    library: Library
    log: Log
    queue: Lanes
    trash: Trash
    metrics: Metrics
    notify: Notify
    catalog: Section  # its name is "catalog"
    accounts: Mapping[str, Section]
    stores: Mapping[str, Section]
    sources: Mapping[str, Section]
    steps: Mapping[str, Section]  # also each type that a route names directly, with its defaults
    routes: tuple[Route, ...]
    file: str = ""
    vault: VaultSettings = field(default_factory=VaultSettings)
    secrets: Vault = field(default_factory=lambda: Vault(VaultSettings()), compare=False, repr=False)

    @property
    def embedded(self) -> bool:
        """Whether the catalog is a file of the state directory; else it lives in another program."""
        return self.catalog.type == EMBEDDED
