"""A free name in a folder of any store, for what a step puts there: the wished one, else with ``_1``, ``_2`` … appended."""

import itertools
import os
from collections.abc import Container, Iterator

from albumen.deeds.desk import Desk, shown
from albumen.deeds.reading import sha256
from albumen.errors import NotFound, SetAside
from albumen.model import Query, Ref

_NAME_BYTES = 255  # what every usual store can hold


def name(desk: Desk, store: str, folder: str, wished: str, *, also: Container[str] = (), unless: str = "") -> Ref:
    """Where it may lie: nothing is there, no open deed has the name, nor ``also`` (keys). Reserved names are asked for before the
    store. ``SetAside`` when content of the SHA-256 ``unless`` lies under one of the names that were tried. ``Rejected`` for a
    folder or name that no store takes."""
    place = desk.store(store)
    front = f"{folder}/" if folder else ""
    held = desk.ledger.held(store, place.key(front))
    for one in _tried(wished):
        path = front + one
        if place.key(path) in held or place.key(path) in also:
            continue
        try:
            now = place.stat(path).main
        except NotFound:
            return Ref(store, path)
        if unless and _holds(desk, now, unless):
            raise SetAside(f"{shown(now)} has the very same content already; both stay as they are")
    raise AssertionError("numbers have no end")


def _tried(wished: str) -> Iterator[str]:
    base, ending = os.path.splitext(wished)
    yield wished
    for number in itertools.count(1):
        after = f"_{number}{ending}"
        room = _NAME_BYTES - len(os.fsencode(after))
        fits = len(os.fsencode(base)) <= room
        yield (base if fits else os.fsencode(base)[:room].decode(errors="ignore")) + after


def _holds(desk: Desk, ref: Ref, content: str) -> bool:
    """By what the catalog knows of this revision, else by its bytes; another size is another content."""
    records = desk.catalog.find(Query(paths=((ref.store, ref.path),), companions=True)).rows
    for record in records:
        for one in record.placements:
            if (one.store, one.path, one.rev) == (ref.store, ref.path, ref.rev) and one.sha256 and ref.rev:
                return one.sha256 == content
    sizes = {one.size for one in desk.catalog.find(Query(digest=content, companions=True)).rows if one.sha256 == content}
    if ref.size is not None and sizes and ref.size not in sizes:
        return False
    try:
        return sha256(desk.store(ref.store), ref.path) == content
    except NotFound:
        return False
