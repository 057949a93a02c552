"""Secrets: where they come from, and a wrapper that cannot be printed by accident."""

import os
import stat
import threading
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

from albumen.errors import AlbumenError, ConfigError

_LONGEST = 64 * 1024  # bytes of a secret file: more than that is not a secret but the wrong file
_LATELY = 60.0  # seconds

Again = Callable[[], str]


class Secret:
    """A value that shows as ``***`` wherever it is printed, formatted or logged; ``reveal()`` is the only way to it.

    It may change while the program runs (a rotated password): call ``reveal`` for each use, keep nothing of it. A place that refused
    it calls ``refresh`` once, and tries once more when that says True. Not comparable with text, not picklable, so that it reaches no
    database, child process or cache unnoticed. Any thread.
    """

    __slots__ = ("_again", "_changed", "_guard", "_had", "changes", "name", "warning")

    def __init__(self, value: str | None, warning: str = "", *, again: Again | None = None, name: str = "") -> None:
        """``value`` None: nobody asked for it yet. ``again`` gives the present value and may raise; ``name`` is where it is kept,
        where that is what it is known by (two of one name are equal, whatever they hold)."""
        self._had: tuple[str, ...] = () if value is None else (value,)  # every value so far, the present one last
        self._again = again
        self._guard = threading.Lock()
        self._changed = float("-inf")
        self.changes = 0  # how often it has become another one
        self.name = name
        self.warning = warning  # a sentence when more people can read it than should; never the value

    def reveal(self) -> str:
        """The value itself: only for the call that sends it. ``Unavailable`` when it was never had and the place where it is kept
        does not give it."""
        if not self._had and self._again is not None:
            with self._guard:
                if not self._had:
                    self._had = (self._again(),)
        return self._had[-1] if self._had else ""

    def peek(self) -> str | None:
        """The value if it is known already; asks nobody."""
        return self._had[-1] if self._had else None

    def refresh(self) -> bool:
        """Ask where it is kept for the present value. True when it is another one than a minute ago, whoever of several threads asked
        first; a place that cannot be asked leaves the last good one, and False. Raises nothing."""
        if self._again is None:
            return False
        with self._guard:
            try:
                value = self._again()
            except AlbumenError:
                value = ""
            if value and (not self._had or value != self._had[-1]):
                if self._had:
                    self._changed = time.monotonic()
                    self.changes += 1
                self._had = (*(one for one in self._had if one != value), value)
            return time.monotonic() - self._changed < _LATELY

    @property
    def had(self) -> tuple[str, ...]:
        """Every value that it had in this process, so that logs can blot them out."""
        return self._had

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self.name or self.peek())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return False
        return self.name == other.name if self.name or other.name else self.peek() == other.peek()

    def __hash__(self) -> int:
        return hash(Secret)  # its value may change

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied to another process")


def resolve(text: str, env: Mapping[str, str], base: str = "", vault: Callable[[str], Secret] | None = None) -> Secret:
    """``env:NAME``, ``file:PATH`` (without its final line break; relative to ``base``), ``vault:MOUNT/PATH#KEY`` (by ``vault``, which
    gets what stands behind the colon) or the secret itself.

    ``ConfigError`` names the variable or file that is missing, never a value.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind == "env":
        return Secret(_variable(env, rest), again=lambda: _variable(env, rest))
    if colon and kind == "file":
        path = os.path.join(base, os.path.expanduser(rest))
        value, warning = _read(path)
        return Secret(value, warning, again=lambda: _read(path)[0])
    if colon and kind == "vault":
        if vault is None:
            raise ConfigError(
                ["vault: stands for a secret in Vault here, and cannot be asked for at this place; use env:NAME or file:PATH"]
            )
        return vault(rest)
    return Secret(text)


def _variable(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise ConfigError([f"the environment variable {name} is not set or empty"])
    return env[name]


def _read(path: str) -> tuple[str, str]:
    """The value and the warning."""
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST + 1)
            open_to_all = os.fstat(file.fileno()).st_mode & (stat.S_IROTH | stat.S_IWOTH)
    except OSError as error:
        raise ConfigError([f"cannot read the secret file {path}: {error.strerror}"]) from None
    if len(data) > _LONGEST:
        raise ConfigError([f"the secret file {path} is larger than {_LONGEST} bytes: is it the right one?"])
    try:
        value = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError([f"the secret file {path} is not UTF-8 text"]) from None
    if not value:
        raise ConfigError([f"the secret file {path} is empty"])
    return value, f"every user of this machine can read the secret file {path}: chmod o= {path}" if open_to_all else ""
