"""Folders that plugins stand on must not lie in one another: a source inside a store would take the library into itself."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def remote_clashes(
    stores: Iterable[Named],
    sources: Iterable[Named],
    steps: Iterable[Named],
    routes: Mapping[str, Sequence[str]],
    library: str,
    title: str,
) -> list[str]:
    """The same of what lies at servers. A store there says its ``place``, "host/folder", and a source is a ``path`` in a ``store``, as
    is what a step puts ``to`` "store:path"; settings that say neither are not looked at. ``routes``: the steps by source; ``library``: its store.

    A source may lie in its store, unlike a folder of this machine: what a step makes of it is put beside it. But not into it."""
    named = [one for one in stores if isinstance(getattr(one.options, "place", None), str)]
    parts = {one.name: one for one in sources if isinstance(getattr(one.options, "store", None), str)}
    fed_back = _fed_back(parts, {one.name: one for one in steps}, routes)
    found = [*_same_server(named), *_same_part(list(parts.values())), *fed_back, *_into_itself(parts, routes, library)]
    return [f"{title}: {one}" for one in found]


def _same_server(stores: Sequence[Named]) -> Iterator[str]:
    for other, one in itertools.combinations(stores, 2):
        user, another = (getattr(store.options, "user", "") for store in (one, other))
        if user and another and user != another:
            continue  # each may have a tree of its own
        if how := _nested(one.options.place, other.options.place):
            yield (
                f"[store.{one.name}] {one.options.place} {how} [store.{other.name}] {other.options.place}: "
                "the same files would be two; keep one of them, with sources and steps that name folders of it"
            )


def _same_part(sources: Sequence[Named]) -> Iterator[str]:
    for other, one in itertools.combinations(sources, 2):
        if one.options.store != other.options.store:
            continue
        how = _nested(one.options.path, other.options.path)
        outer = {"lies inside": other, "holds": one}.get(how)
        if not how or (outer and not getattr(outer.options, "recursive", True)) or _other_names(one, other):
            continue
        yield (
            f"[source.{one.name}] {_part(one)} {how} [source.{other.name}] {_part(other)}: "
            f"{_why(one, other)}; choose another folder"
        )


def _why(one: Named, other: Named) -> str:
    """Other tags do not keep two sources apart, unlike other names: a file has one name and any number of tags."""
    mine, theirs = (getattr(source.options, "parent_tag", "") for source in (one, other))
    if mine and theirs and mine != theirs:
        return f"a file can have tags of both, {mine}:… and {theirs}:…, and two of them would do it"
    return "two of them would do the same files"


def _other_names(one: Named, other: Named) -> bool:
    """Whether no name begins as both of them want it."""
    mine, theirs = (getattr(source.options, "prefixes", None) for source in (one, other))
    if mine is None or theirs is None:
        return False
    return not any(a.startswith(b) or b.startswith(a) for a, b in itertools.product(mine, theirs))


def _fed_back(sources: Mapping[str, Named], steps: Mapping[str, Named], routes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, source in sources.items():
        for step in (steps[one] for one in routes.get(name, ()) if one in steps):
            store, colon, folder = str(getattr(step.options, "to", "")).partition(":")
            folder = folder.strip("/")
            if (
                not colon
                or store != source.options.store
                or not _takes(source, folder, str(getattr(step.options, "pattern", "")))
            ):
                continue
            yield (
                f"[step.{step.name}] to {store}:{folder}: its results would come by [source.{name}] {_part(source)} again, without "
                "end; choose another folder, or prefixes that they do not have"
            )


def _into_itself(sources: Mapping[str, Named], routes: Mapping[str, Sequence[str]], library: str) -> Iterator[str]:
    for name, source in sources.items():
        if source.options.store == library and not source.options.path and "file" in routes.get(name, ()):
            yield f"[source.{name}] is all of [store.{library}], the library: it would take the collection into itself; name a folder as path"


def _takes(source: Named, folder: str, pattern: str) -> bool:
    """Whether a source takes what is put into that folder under names of that pattern ("name {field}")."""
    how = _nested(folder, source.options.path)
    if how != "is the same folder as" and not (how == "lies inside" and getattr(source.options, "recursive", True)):
        return False
    prefixes, begins = getattr(source.options, "prefixes", None), pattern.partition("{")[0]
    return prefixes is None or any(begins.startswith(one) or one.startswith(begins) for one in prefixes)


def _nested(path: str, other: str) -> str:
    """How two paths of one place lie, in words; "" = apart."""
    if path == other:
        return "is the same folder as"
    if not other or path.startswith(f"{other}/"):
        return "lies inside"
    return "holds" if not path or other.startswith(f"{path}/") else ""


def _part(source: Named) -> str:
    return f"{source.options.store}:{source.options.path}"


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
