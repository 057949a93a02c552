"""``check``: can it work as it is configured? Asks everything, changes nothing but when closed places are asked again."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from albumen.config import secrets_of
from albumen.errors import AlbumenError, ConfigError, Unavailable
from albumen.media.dates import RELEASED
from albumen.media.gazetteer import Towns
from albumen.model import DISK, Query, Refused
from albumen.mounts import lacks_room, room, shown_size, tells_everything
from albumen.operations.look import moment
from albumen.overlaps import folders
from albumen.ports import Catalog, Circuits, Pings, Store
from albumen.replaced import replaced
from albumen.senders import senders
from albumen.settings import Route, Section, Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was asked: ``where`` as the settings call it, whether it is well, a sentence."""

    where: str
    ok: bool
    text: str


def findings(
    settings: Settings,
    stores: Mapping[str, Store],
    towns: Towns,
    now: int,
    *,
    elsewhere: Catalog | None = None,
    refused: Sequence[Refused] = (),
    strangers: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Finding]:
    """State directory, stores, sources, secrets, places, zone: one or more lines each; the clock (``now`` in ns) when it is wrong.
    ``elsewhere`` is the catalog where it is no file, ``refused`` is what is kept as such, ``strangers`` are sources whose place is another one than before, with the reason."""
    if now < RELEASED:
        yield Finding("clock", ok=False, text=f"this machine says that it is {moment(now)}: set its clock")
    state = settings.state.dir
    if not tells_everything(_existing(state)):
        yield Finding(
            "[state] dir", ok=False, text=f"{state} lies on a network file system: databases there break; choose a disk"
        )
    yield _folder("[state] dir", state, write=True, make=True, floor=settings.state.floor)
    yield from _room("[state] dir", state, settings.state.floor)
    if elsewhere is not None:
        yield _catalog(settings, elsewhere)
    for one in refused:
        kind, _, name = one.place.partition(" ")
        yield Finding(f"[{kind}.{name}]", ok=False, text=f"{one.why} (albumen confirm {one.id})")
    for name, section in settings.stores.items():
        yield from _store(name, section, stores[name])
    told = {one.place for one in refused}
    for name, section in settings.sources.items():
        stranger = strangers.get(name, "") if f"source {name}" not in told else ""
        yield from _source(name, section, stranger, make=not settings.file)
    for sender in senders(settings.notify):
        yield Finding("[notify]", ok=True, text=f"{sender.name}: {sender.where} (albumen check --notify sends a test)")
    if settings.metrics.listen:
        how = "whoever brings the token" if settings.metrics.token else "this machine"
        yield Finding("[metrics] listen", ok=True, text=f"http://{settings.metrics.listen}/metrics and /healthcheck, for {how}")
    if settings.secrets:
        yield _vault(settings)
    for secret in secrets_of(settings):
        if secret.warning:
            yield Finding("secrets", ok=True, text=f"warning: {secret.warning}")
    yield from _urllib3()
    yield _places(towns)
    if settings.library.zone == "UTC":
        yield Finding("[library] zone", ok=True, text="UTC: videos without a place are named by UTC; set your own zone")


def hurry(queue: Circuits, found: Sequence[Finding]) -> None:
    """Whoever runs is to ask those closed places again that were found to work."""
    failed = {one.where for one in found if not one.ok}
    for circuit in queue.circuits():
        if f"[store.{circuit.place}]" not in failed:
            queue.hurry(circuit.place)


def _urllib3() -> Iterator[Finding]:
    if fork := replaced():
        yield Finding("urllib3", ok=True, text=f"warning: {fork}")


def _vault(settings: Settings) -> Finding:
    """Whether Vault gives what is kept there."""
    vault = settings.vault
    try:
        settings.secrets.ping()
    except AlbumenError as error:
        return Finding("[vault]", ok=False, text=str(error))
    return Finding("[vault]", ok=True, text=f"{vault.address} gives every secret that is kept there (login by {vault.auth})")


def _catalog(settings: Settings, catalog: Catalog) -> Finding:
    """Whether the catalog elsewhere answers."""
    where, section = "[catalog]", settings.catalog
    place = getattr(section.options, "place", "")
    try:
        if isinstance(catalog, Pings):
            catalog.ping()
        records = catalog.count(Query()).get("", 0)
    except AlbumenError as error:
        return Finding(where, ok=False, text=error.why if isinstance(error, Unavailable) else str(error))
    told = f"{section.type}{f' at {place}' if place else ''}, {records} records; the daily backup saves them all with the ledger"
    return Finding(where, ok=True, text=told)


def _places(towns: Towns) -> Finding:
    """Whether the gazetteer answers, and each preferred place with the point that counts for it."""
    where = "[library] places"
    try:
        towns.ping()
        told = [f"{one.name} ({one.radius:g} km around {one.point[0]:.4f}, {one.point[1]:.4f})" for one in towns.points()]
    except ConfigError as error:
        return Finding(where, ok=False, text="; ".join(one.removeprefix(f"{where}: ") for one in error.problems))
    except Unavailable as error:
        return Finding(where, ok=False, text=error.why)
    return Finding(where, ok=True, text=", ".join((*told, "else the nearest town" if told else "the nearest town")))


def graph(settings: Settings) -> list[str]:
    """What goes where, one line a route."""
    lines = []
    for route in settings.routes:
        section = settings.sources[route.source]
        where = ", ".join(folders(section.options)) or _part(section, getattr(section.options, "path", ""))
        mode = getattr(section.options, "mode", "")
        steps = " -> ".join(route.steps)
        lines.append(
            f"{route.source} ({section.type} {where}{', ' + mode if mode else ''}) -> {steps} -> {_end(settings, route)}"
        )
    lines += [f"copies in {', '.join(settings.library.copies)}"] if len(settings.library.copies) > 1 else []
    return lines


def _end(settings: Settings, route: Route) -> str:
    """Where files of a route lie in the end."""
    for step in reversed(route.steps):
        options = settings.steps[step].options if step in settings.steps else None
        if to := getattr(options, "to", ""):
            return str(to)
        if (root := getattr(options, "root", None)) is not None:
            return _part(settings.sources[route.source], root)
    return settings.library.store


def _part(section: Section, path: str) -> str:
    return f"{getattr(section.options, 'store', '')}:{path}"


def _store(name: str, section: Section, store: Store) -> Iterator[Finding]:
    where = f"[store.{name}]"
    if name != DISK and isinstance(store, Pings):
        try:
            store.ping()
        except AlbumenError as error:
            yield Finding(where, ok=False, text=str(error))
            return
        if url := getattr(section.options, "url", ""):
            yield Finding(where, ok=True, text=f"{url} answers")
    for path in folders(section.options):
        yield _folder(where, path, write=True, make=True, floor=getattr(section.options, "floor", None))


def _source(name: str, section: Section, stranger: str, *, make: bool) -> Iterator[Finding]:
    where = f"[source.{name}]"
    if stranger:
        yield Finding(where, ok=False, text=stranger)
    move = getattr(section.options, "mode", "") == "move"
    for path in folders(section.options):
        yield _folder(where, path, write=move, make=make)
        yield Finding(where, ok=True, text=_watched(path))


def _room(where: str, path: str, floor: int | None) -> Iterator[Finding]:
    with suppress(OSError):
        why = lacks_room(_existing(path), floor=floor)
        if why:
            yield Finding(where, ok=False, text=why)


def _folder(where: str, path: str, *, write: bool, make: bool, floor: int | None = 0) -> Finding:
    there = _existing(path)
    if there != path and not make:
        return Finding(where, ok=False, text=f"{path} is not there: make it, or correct the path")
    if not os.path.isdir(there):
        return Finding(where, ok=False, text=f"{there} is no folder")
    if not os.access(there, os.R_OK | os.X_OK | (os.W_OK if write or there != path else 0)):
        return Finding(
            where, ok=False, text=f"{there}: no permission to {'write' if write else 'read'}; change its owner or mode"
        )
    free, kept = room(there, floor)
    made = "" if there == path else ", made when first used"
    least = f", {shown_size(kept)} of it are kept free" if kept else ""
    return Finding(where, ok=True, text=f"{path}{made}, {free / (1 << 30):.1f} GiB free{least}")


def _watched(path: str) -> str:
    if tells_everything(_existing(path)):
        return "watched by file system events, walked every 6 h"
    return "walked every 60 s: its file system tells no changes by others"


def _existing(path: str) -> str:
    """The path, or the nearest folder above it that is there."""
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path
