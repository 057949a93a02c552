"""Frozen values of ``model`` to JSON and back: one codec for the databases, ``--json``, export and the API.

Absent is left out (None, "", empty tuples and mappings), so unknown is never written as 0 or false; a field without a default is
always written (the root's path is ""). Paths keep their bytes: surrogates are written as ``\\udcXX``.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache, partial
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_PLAIN = frozenset({str, int, float, bool, type(None)})
_Build = Callable[[Any], Any]


def to_json(value: object) -> Any:
    """A frozen dataclass, tuple, mapping or scalar as plain JSON values, absent fields left out."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if dataclasses.is_dataclass(kind):
        return _fields_of(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(one) for key, one in value.items()}
    raise TypeError(f"no JSON for {kind.__name__}")


def _fields_of(value: Any) -> dict[str, Any]:
    out = {}
    cls: Any = type(value)
    for name, required in _names(cls):
        one = getattr(value, name)
        if type(one) in _PLAIN:  # most fields of most values
            if required or not (one is None or one == ""):
                out[name] = one
        elif required or one or isinstance(one, int | float):
            out[name] = to_json(one)
    return out


def from_json(cls: type[T], value: Any) -> T:
    """The reverse of ``to_json``. Unknown keys are ignored, so a newer program's rows can be read."""
    return typing.cast("T", _build(cls, value))


def dumps(value: object) -> str:
    """One line of JSON, ASCII, keys in field order: equal values give equal text."""
    return json.dumps(to_json(value), separators=(",", ":"))


def loads(cls: type[T], text: str | bytes) -> T:
    """The reverse of ``dumps``."""
    return from_json(cls, json.loads(text))


@cache
def _names(cls: type) -> tuple[tuple[str, bool], ...]:
    missing = dataclasses.MISSING
    return tuple((one.name, one.default is missing and one.default_factory is missing) for one in dataclasses.fields(cls))


def _build(kind: Any, value: Any) -> Any:
    build = _builder(kind)
    return value if value is None or build is None else build(value)


@cache
def _builder(kind: Any) -> _Build | None:
    """How a value of that kind is made of its JSON (never of null); None when it is the JSON."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return partial(_object, kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    args = get_args(kind)
    origin = get_origin(kind)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple if _builder(args[0]) is None else partial(_row, args[0])
        return partial(_tuple, args)
    if origin in (Union, types.UnionType):
        inner = [one for one in args if one is not type(None)]
        return _builder(inner[0]) if len(inner) == 1 else None
    return None


@cache
def _builders(cls: type) -> dict[str, _Build | None]:
    return {name: _builder(hint) for name, hint in get_type_hints(cls).items()}


def _object(cls: type, value: Any) -> Any:
    builders = _builders(cls)
    found = {}
    for key, one in value.items():
        if key in builders:
            build = builders[key]
            found[key] = one if build is None or one is None else build(one)
    return cls(**found)


def _row(kind: Any, value: Any) -> tuple[Any, ...]:
    return tuple(_build(kind, one) for one in value)


def _tuple(args: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    return tuple(_build(kind, one) for kind, one in zip(args, value, strict=True))
