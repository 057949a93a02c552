"""Folders that plugins stand on must not lie in one another: a source inside a store would take the library into itself."""

import os
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, get_type_hints

from albumen.values import Folder


class Named(Protocol):
    """A configured instance, as ``config.Section`` is."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> Any: ...


def folders(options: Any) -> Iterator[str]:
    """The values of the ``Folder`` options of a plugin's settings, absolute."""
    for name, hint in get_type_hints(type(options), include_extras=True).items():
        if hint == Folder:
            yield getattr(options, name)


def clashes(stores: Iterable[Named], sources: Iterable[Named], title: str) -> list[str]:
    """One sentence per pair that must not be, by what the folders really are (symbolic links and mounts followed)."""
    stood = [("store", one.name, path) for one in stores for path in folders(one.options)]
    stood += [("source", one.name, path) for one in sources for path in folders(one.options)]
    problems = []
    for index, (kind, name, path) in enumerate(stood):
        for other_kind, other, other_path in stood[:index]:
            if (kind, name) == (other_kind, other):
                continue
            how = _how(path, other_path)
            if how:
                why = "two of them would do the same files" if kind == other_kind else "it would take the collection into itself"
                problems.append(
                    f"{title}: [{kind}.{name}] {path} {how} [{other_kind}.{other}] {other_path}: {why}; choose another folder"
                )
    return problems


def within(path: str, outer: str) -> bool:
    """Whether ``path`` is ``outer`` or lies somewhere in it, once links and mounts are followed. Neither needs to be there."""
    path, outer = os.path.realpath(path), os.path.realpath(outer)
    if os.path.commonpath([path, outer]) == outer:
        return True
    identity = _identity(outer)
    while identity is not None:
        if _identity(path) == identity:
            return True
        parent = os.path.dirname(path)
        if parent == path:
            break
        path = parent
    return False


def _how(path: str, other: str) -> str:
    inside, outside = within(path, other), within(other, path)
    if inside and outside:
        return "is the same folder as"
    if inside:
        return "lies inside"
    return "holds" if outside else ""


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
