"""From what a person wrote (TOML values, texts of the environment or command line) to typed, frozen settings.

A settings class is a frozen dataclass; its defaults are the defaults. Understood types: ``str``, ``bool``, ``int`` (a text is a
size: "1 GiB"), ``float`` (a text is a duration in seconds: "30s"), ``Literal``, ``Secret``, ``Folder``, ``tuple[X, ...]``,
``Mapping[str, X]``, another frozen dataclass, and ``X | None``. A ``ValueError`` of its ``__post_init__``, best written as
"key: what is wrong", is a problem like any other. ``field(metadata={"key": "from"})`` names a key that Python cannot.
"""

import dataclasses
import difflib
import math
import os
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from albumen.errors import ConfigError
from albumen.secrets import Secret, resolve

T = TypeVar("T")

_FOLDER = "folder of this machine"
Folder: TypeAlias = Annotated[str, _FOLDER]  # made absolute; two plugins may not stand on the same one (see ``config``)

_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "b": 1} | {
    f"{letter}{rest}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for rest, base in (("", 1024), ("ib", 1024), ("b", 1000))
}
_IN_VAULT = re.compile(r"vault:[^#\s]+/[^#\s]+#[^#\s]+")
_AMOUNT = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Z]*)\s*", re.ASCII)
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Wrong(ValueError):
    """What a person wrote cannot be taken; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value as a person gave it, ``where`` ("albumen.toml: [store.nas] root"), and the folder its relative paths start from."""

    value: object
    where: str
    base: str
    typed: bool = True  # False: a text of the environment or command line, where a list is written a,b,c


def seconds(text: str) -> float:
    """ "250ms", "30s", "10 min", "6h", "1d" or a bare number of seconds. ``ValueError`` says what is expected."""
    amount, unit = _amount(text, _SECONDS, 'a time such as "30s", "10 min" or "6h"')
    return float(amount) * _SECONDS[unit]


def size(text: str) -> int:
    """ "512 KiB", "1 GiB", "2 GB" (a thousand each), "10M" (1024 each) or a bare number of bytes. ``ValueError`` likewise."""
    amount, unit = _amount(text, _BYTES, 'a whole number or a size such as "512 KiB" or "1 GiB"')
    value = float(amount) * _BYTES[unit] if "." in amount else int(amount) * _BYTES[unit]
    if value != int(value):
        raise Wrong(f'"{text}" is not a whole number')
    return int(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?", or the choices when nothing is near, or "" when there are none."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known are: {', '.join(names)}" if names else ""


class Reader:
    """Builds settings from given values and gathers every problem, instead of stopping at the first."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self.vault: Callable[[str], Secret] | None = None  # what gives the secrets of Vault, once that is known
        self._env = env

    def build(self, cls: type[T], given: Mapping[str, Given], where: str) -> T | None:
        """An instance of ``cls``; None after a problem was noted. ``where`` names the whole ("albumen.toml: [store.nas]")."""
        before = len(self.problems)
        hints = get_type_hints(cls, include_extras=True)
        declared = dataclasses.fields(cls)  # type: ignore[arg-type]  # a dataclass by contract
        fields = {one.metadata.get("key", one.name): one for one in declared if one.init}
        for key in [one for one in given if one not in fields]:
            self.problems.append(f"{given[key].where}: there is no such key{did_you_mean(key, fields)}")
        for key, field in fields.items():
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if needed and key not in given:
                self.problems.append(f"{where} {key}: is missing and has no default")
        values = {one.name: self._noted(hints[one.name], given[key]) for key, one in fields.items() if key in given}
        if len(self.problems) > before:
            return None
        try:
            return cls(**values)
        except ConfigError as error:
            self.problems += (f"{where} {problem}" for problem in error.problems)
        except ValueError as error:
            key, _, why = str(error).partition(": ")
            self.problems.append(f"{given[key].where}: {why}" if key in given and why else f"{where} {error}")
        return None

    def _noted(self, hint: Any, given: Given) -> Any:
        try:
            return self._convert(hint, given.value, given)
        except ConfigError as error:
            self.problems += (f"{given.where}: {problem}" for problem in error.problems)
        except ValueError as error:
            self.problems.append(f"{given.where}: {error}")
        return None

    def _convert(self, hint: Any, value: object, given: Given) -> Any:
        if dataclasses.is_dataclass(hint):
            inner = {key: replace(given, value=one, where=f"{given.where}.{key}") for key, one in _table(value).items()}
            return self.build(hint, inner, f"{given.where}:")  # type: ignore[arg-type]  # a class, see above
        if hint is Secret:
            if not isinstance(value, str):  # never shown, whatever it is
                raise Wrong('is not a text in quotes; write "env:NAME" or "file:PATH"')
            return resolve(value, self._env, given.base, self.vault)
        if hint is str and isinstance(value, str) and self.vault and _IN_VAULT.fullmatch(value):
            return self.vault(value.partition(":")[2]).reveal()  # no secret: a name, an address
        if get_origin(hint) is not None:
            return self._generic(get_origin(hint), get_args(hint), value, given)
        return _PLAIN[hint](value) if hint in _PLAIN else value

    def _generic(self, origin: Any, args: tuple[Any, ...], value: object, given: Given) -> Any:
        if origin is Annotated:
            inner = self._convert(args[0], value, given)
            return _folder(inner, given.base) if _FOLDER in args[1:] else inner
        if origin in (Union, types.UnionType):
            return self._first(args, value, given)
        if origin is Literal:
            return _choice(args, value)
        if issubclass(origin, Mapping):
            return {key: self._convert(args[1], one, given) for key, one in _table(value).items()}
        return tuple(self._convert(args[0], one, given) for one in _several(value, given))

    def _first(self, hints: tuple[Any, ...], value: object, given: Given) -> Any:
        kinds = [one for one in hints if one is not type(None)]
        for kind in kinds[:-1]:
            try:
                return self._convert(kind, value, given)
            except ValueError:
                continue
        return self._convert(kinds[-1], value, given)


def _amount(text: str, units: Mapping[str, float], expected: str) -> tuple[str, str]:
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2].lower() not in units:
        raise Wrong(f'"{text}" is not {expected}')
    return match[1], match[2].lower()


def _bool(value: object) -> bool:
    if isinstance(value, str) and value.strip().lower() in _TRUTH:
        return _TRUTH[value.strip().lower()]
    if not isinstance(value, bool):
        raise Wrong(f"{_shown(value)} is not true or false")
    return value


def _int(value: object) -> int:
    if isinstance(value, str):
        return size(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(f"{_shown(value)} is not a whole number")
    return value


def _float(value: object) -> float:
    if isinstance(value, str):
        return seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Wrong(f"{_shown(value)} is not a number")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong(f"{_shown(value)} is not a text in quotes")
    if "\0" in value:
        raise Wrong("a text must not hold a zero character")
    return value


_PLAIN: Mapping[Any, Callable[[object], Any]] = {bool: _bool, int: _int, float: _float, str: _text}


def _folder(text: str, base: str) -> str:
    if not text:
        raise Wrong("is empty; name a folder")
    return os.path.normpath(os.path.join(base, os.path.expanduser(text)))


def _several(value: object, given: Given) -> list[object]:
    if isinstance(value, str) and not given.typed:
        return [one.strip() for one in value.split(",") if one.strip()]
    if not isinstance(value, list | tuple):
        raise Wrong(f"{_shown(value)} is not a list in [brackets]")
    return list(value)


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Wrong(f"{_shown(value)} is not a table of keys and values")
    return value


def _choice(choices: tuple[Any, ...], value: object) -> Any:
    for one in choices:
        if value == one or (isinstance(value, str) and value.lower() == str(one).lower()):
            return one
    shown = ", ".join(f"'{one}'" for one in choices)
    raise Wrong(f"{_shown(value)} is not one of {shown}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
