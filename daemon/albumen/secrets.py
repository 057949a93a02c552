"""Secrets: where they come from, and a wrapper that cannot be printed by accident."""

import os
import stat
from collections.abc import Mapping
from typing import NoReturn

from albumen.errors import ConfigError

_LONGEST = 64 * 1024  # bytes of a secret file: more than that is not a secret but the wrong file


class Secret:
    """A value that shows as ``***`` wherever it is printed, formatted or logged; ``reveal()`` is the only way to it.

    Not comparable with text, not picklable, so that it reaches no database, child process or cache unnoticed.
    """

    __slots__ = ("_value", "warning")

    def __init__(self, value: str, warning: str = "") -> None:
        self._value = value
        self.warning = warning  # a sentence when more people can read it than should; never the value

    def reveal(self) -> str:
        """The value itself: only for the call that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied to another process")


def resolve(text: str, env: Mapping[str, str], base: str = "") -> Secret:
    """``env:NAME``, ``file:PATH`` (without its final line break; relative to ``base``) or the secret itself.

    ``ConfigError`` names the variable or file that is missing, never a value.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind == "env":
        if not env.get(rest):
            raise ConfigError([f"the environment variable {rest} is not set or empty"])
        return Secret(env[rest])
    if colon and kind == "file":
        return _read(os.path.join(base, os.path.expanduser(rest)))
    if colon and kind == "vault":
        raise ConfigError(["vault: needs the vault extra, which is not part of this version; use env:NAME or file:PATH"])
    return Secret(text)


def _read(path: str) -> Secret:
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
    return Secret(value, f"every user of this machine can read the secret file {path}: chmod o= {path}" if open_to_all else "")
