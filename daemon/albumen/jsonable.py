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
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_Build = Callable[[Any], Any]
_Write = Callable[[Any], str]


def dumps(value: Any) -> str:
    """A frozen dataclass, tuple, mapping or scalar as one line of JSON, absent fields left out: ASCII, keys in field order, so that
    equal values give equal text."""
    return _writer(value.__class__)(value)


def from_json(cls: type[T], value: Any) -> T:
    """The reverse of ``dumps`` from JSON that was parsed already. Unknown keys are ignored, so a newer program's rows can be read."""
    return typing.cast("T", _build(cls, value))


def loads(cls: type[T], text: str | bytes) -> T:
    """The reverse of ``dumps``."""
    return from_json(cls, json.loads(text))


@cache
def _writer(kind: type) -> _Write:
    """How values of that very class are written."""
    if dataclasses.is_dataclass(kind):
        return _object_writer(kind)
    if issubclass(kind, Enum):
        return lambda value: dumps(value.value)
    if issubclass(kind, str):
        return encode_basestring_ascii
    if kind is int:
        return int.__repr__
    if kind is bool:
        return lambda value: "true" if value else "false"
    if kind is float:
        return lambda value: repr(value) if isfinite(value) else json.dumps(value)
    if issubclass(kind, int | float) or kind is type(None):
        return json.dumps
    if issubclass(kind, tuple | list):
        return lambda value: "[" + ",".join([_writer(one.__class__)(one) for one in value]) + "]"
    if issubclass(kind, Mapping):
        return lambda value: "{" + ",".join([f"{dumps(str(key))}:{dumps(one)}" for key, one in value.items()]) + "}"
    raise TypeError(f"no JSON for {kind.__name__}")


def _object_writer(kind: type) -> _Write:
    """A function made for the fields of a dataclass, as ``dataclasses`` makes ``__init__``: by way of a loop and a dict it took twice
    as long, and each record is written several times on its way."""
    missing = dataclasses.MISSING
    lines = ["def write(value):", " out = []"]
    for field in dataclasses.fields(kind):
        always = field.default is missing and field.default_factory is missing
        said = "one is not None and (one or isinstance(one, number))"  # 0 and False are said; what is absent is not
        text = "quoted(one) if one.__class__ is str else writer(one.__class__)(one)"
        lines += [f" one = value.{field.name}", f" if {always or said}: out.append('\"{field.name}\":' + ({text}))"]
    lines.append(" return '{' + ','.join(out) + '}'")
    known: dict[str, Any] = {"quoted": encode_basestring_ascii, "writer": _writer, "number": (int, float)}
    exec("\n".join(lines), known)  # noqa: S102  # made of field names of our classes only
    write: _Write = known["write"]
    return write


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
