"""A folder of a WebDAV server as a source: listed again and again, one request a folder; nothing else is asked.

Nobody tells when an upload is complete, and some servers show files while they grow. So a file is taken when two looks ``settle``
apart found the same ETag, size and time, it is not empty, and its time is some seconds old by the server's own clock.
"""

import fnmatch
import json
import random
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from albumen.errors import ConfigError, Rejected, Transient, Unavailable
from albumen.model import Batch, Item, Ref, Refused, Seen
from albumen.plugins import Context
from albumen.ports import Memory
from albumen.sources import forgetting, litter
from albumen.sources.arrival import Arrivals
from albumen.sources.folders import Folders
from albumen.sources.forgetting import pieces
from albumen.sources.offering import Answer, Grouper, Offers, by_name
from albumen.stores.dav.calls import Listing
from albumen.stores.paths import checked
from albumen.stores.webdav import WebdavStore

__all__ = ["WebdavSource", "WebdavSourceSettings"]

_GATHER = 1.0  # seconds between looks, at least
_RECHECK = 60.0  # seconds until what is missing is looked for again
_YOUNG = 10.0  # seconds that a file must be old by the server's clock
_AHEAD = 60.0  # seconds that its time may be ahead of that clock and still be a time of now
_JITTER = 0.1  # of ``every``: many sources do not ask in step
_NOTES = 100


@dataclass(frozen=True, slots=True)
class WebdavSourceSettings:
    """``[source.NAME] type = "webdav"``. ``store``: the store it is part of. ``prefixes``: how names begin that are taken, as a list,
    as JSON or with commas (none given = all names; an empty list = no name). ``patterns``: further, what names must look like. ``every``:
    seconds between looks."""

    store: str
    path: str = ""
    mode: Literal["move", "copy"] = "copy"
    every: float = 60.0
    settle: float = 30.0
    recursive: bool = True
    prefixes: str | tuple[str, ...] | None = None
    patterns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = litter.DEFAULT
    others: Literal["list", "keep"] = "list"

    def __post_init__(self) -> None:
        if not 1 <= self.every <= 7 * 86400:
            raise ValueError("every: must be from 1 s to 7 days")
        if not 1 <= self.settle <= 86400:
            raise ValueError("settle: must be from 1 s to 1 day")
        object.__setattr__(self, "path", self.path.strip("/"))
        try:
            checked(self.path, root=True)
        except Rejected:
            raise ValueError(f"path: {self.path!r} is no folder of a store, such as 'Photos/raw'") from None
        object.__setattr__(self, "prefixes", _prefixes(self.prefixes))


def _prefixes(given: str | tuple[str, ...] | None) -> tuple[str, ...] | None:
    if not isinstance(given, str):
        return given
    if not given.strip().startswith("["):
        return tuple(one.strip() for one in given.split(",") if one.strip())
    try:
        found = json.loads(given)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f'prefixes: {given!r} is no list of texts; write ["one", "two"] or one,two')
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _RemoteOffers(Offers):
    """``Offers`` of files that are only listed: the server's clock has the last word. ``young``: whether a file was written just now."""

    young: Callable[[Ref], bool] = lambda _: False

    def _ask(self, path: str, now: float) -> Answer:
        candidate = self.arrivals[path]
        if not candidate.ref.size:
            seen = Seen(self.relative(path), candidate.ref.rev, "listed", "empty")
            return Answer(aside=seen)
        return Answer(candidate.ref, final=not self.young(candidate.ref) and self.arrivals.is_ripe(path, now))


class WebdavSource:
    """Ports ``Source``, ``Waits``, ``Polls`` and ``Settles``. One thread looks at a time; ``wait`` may run in another.

    Refs are of the store, remembered paths are relative to the folder. ``notes`` are sentences about the last look that a person
    should see. ``monotonic`` gives seconds and never jumps.
    """

    Settings: ClassVar[type] = WebdavSourceSettings

    def __init__(
        self,
        name: str,
        settings: Any,
        context: Context,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        group: Grouper = by_name,
    ) -> None:
        self.name = name
        self.settings: WebdavSourceSettings = settings
        self.notes: tuple[str, ...] = ()
        self._store = _of(name, settings.store, context)
        self._clock = context.clock
        self._monotonic = monotonic
        self._moves = settings.mode == "move"
        self._names = litter.Litter(settings.ignore)
        self._wanted = _wanted(settings)
        self._arrivals = Arrivals(settings.settle)
        self._folders = Folders()
        self._server: int | None = None  # its clock at this look
        template = Item(
            Ref(settings.store, ""), source=name, root=settings.path, move=self._moves, keep=settings.others == "keep"
        )
        self._offers = _RemoteOffers(self._arrivals, template, self._relative, context.clock, group, self._is_young)
        self._looked = 0.0
        self._due = 0.0
        self._notes: list[str] = []

    # ------------------------------------------------------------------------------------------------------------- looking

    def scan(self, memory: Memory) -> Iterator[Batch]:
        """What is gone, then what is ready and not remembered, in pieces of at most 500 events. ``Unavailable`` when a folder cannot
        be listed whole: nothing is learnt from half a look.

        What is not ready yet is kept in mind: ``wait`` returns when it may be."""
        now = self._looked = self._monotonic()
        self._due = now + self.settings.every * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # jitter, no secret
        self._notes = [*self._empty_prefixes()]
        self._store.ping()  # a place that is closed is not asked by every source again
        self._folders.begin(memory)
        for batch in self._look(memory, now):
            yield batch
            self._folders.kept(batch)
        self._folders.finish()
        self.notes = tuple(self._notes[:_NOTES])

    def ping(self) -> None:
        """``Unavailable`` when its folder is not there."""
        if not self._store.is_folder(self.settings.path):
            raise self._missing()

    def next_look(self) -> float:
        """See ``ports.Polls``."""
        return max(0.0, self._due - self._monotonic())

    def unsettled(self) -> float | None:
        """See ``ports.Settles``."""
        ripe = self._arrivals.next_due()
        return None if ripe is None else max(0.0, ripe - self._monotonic())

    def wait(self, stop: threading.Event, timeout: float) -> None:
        """Returns when the next look is due, or a file may be ready. Not to be called while a scan goes on."""
        ripe = self._arrivals.next_due()
        due = max(self._looked + _GATHER, min(self._due, self._due if ripe is None else ripe))
        stop.wait(max(0.0, min(timeout, due - self._monotonic())))

    def _look(self, memory: Memory, now: float) -> Iterator[Batch]:
        found: dict[str, str] = {}
        empty = True
        for folder, listing in self._listings():
            empty = empty and not listing.inside
            revs = {name: self._rev(folder, name, listing) for name, one in listing.inside.items() if not one.folder}
            state = hash(frozenset(revs.items()))
            if self._folders.knows(folder, state):
                self._folders.still(folder, state)
                continue
            found.update((f"{folder}/{name}" if folder else name, rev) for name, rev in revs.items())
            settled = yield from self._compare(memory, folder, listing, now)
            self._folders.other(folder, state, settled=settled)
        if not self._folders.nothing_moved() or memory.refused() is not None:
            yield from self._forget(memory, found, now, empty=empty)
        yield from self._offers.batches(now)

    def _listings(self) -> Iterator[tuple[str, Listing]]:
        """Every folder with what lies in it, from the top; folders are relative to ours. One that may not be looked into is noted."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            path = self._path(folder)
            try:
                listing = self._store.inside(path)
            except (Rejected, Transient) as error:
                if not folder:
                    raise Unavailable(f"source {self.name}", f"{path or 'the root'} cannot be listed: {error}") from None
                self._folders.blind(folder)
                self._notes.append(str(error))
                continue
            if listing is None and not folder:
                raise self._missing()
            if listing is None:
                continue  # gone since its parent was listed
            self._server = listing.now
            yield folder, listing
            for name, one in listing.inside.items():
                if one.folder and not self._names.folder(name):
                    self._enter(f"{folder}/{name}" if folder else name, waiting)

    def _enter(self, folder: str, waiting: list[str]) -> None:
        if self.settings.recursive:
            waiting.append(folder)
        else:
            self._folders.blind(folder)

    def _compare(self, memory: Memory, folder: str, listing: Listing, now: float) -> Generator[Batch, None, bool]:
        """What is new or changed becomes a candidate. Whether there was nothing of that kind."""
        settled = True
        names = [name for name, one in listing.inside.items() if not one.folder and self._takes(name)]
        for some in pieces(names):
            refs = {f"{folder}/{name}" if folder else name: self._ref(folder, name, listing) for name in some}
            kept = memory.get(refs)
            back = tuple(forgetting.found_again(one) for one in kept.values() if forgetting.is_missed(one))
            for path, ref in refs.items():
                if path in kept and kept[path].rev == ref.rev:
                    self._arrivals.drop(ref.path)
                else:
                    settled = False
                    self._arrivals.look(ref, now)
            if back:
                yield Batch(seen=back)
        return settled

    def _forget(self, memory: Memory, found: Mapping[str, str], now: float, *, empty: bool) -> Iterator[Batch]:
        """What is gone, or what is refused: asked again soon, so that it goes on when it is back, or confirmed."""
        was = memory.refused()  # before anything is missed: a person may confirm meanwhile
        missed = forgetting.missed(memory, lambda path: found.get(path, ""), self._folders, moves=self._moves)
        for one in (*missed.first, *missed.again, *missed.held, *missed.agreed, *missed.ours):
            self._arrivals.drop(self._path(one.path))
        where = self.settings.path or self._store.name
        why = forgetting.accident(missed, empty=empty, moves=self._moves, path=where)
        if why:
            yield from forgetting.refuse(missed, was, Refused("", f"source {self.name}", why, self._clock()))
        else:
            if was is not None:
                yield Batch(well=True)
            yield from forgetting.forget(missed, self.name, self._gone, self._clock())
        if why or missed.first or missed.held:
            self._due = min(self._due, now + max(self.settings.every, min(_RECHECK, self.settings.settle)))

    # ------------------------------------------------------------------------------------------------------------- helpers

    def _missing(self) -> Unavailable:
        why = f"there is no folder {self.settings.path} in {self._store.name}: make it, or correct path"
        return Unavailable(f"source {self.name}", why)

    def _path(self, relative: str) -> str:
        """The path in the store."""
        return "/".join(one for one in (self.settings.path, relative) if one)

    def _relative(self, path: str) -> str:
        """The remembered path of one of the store."""
        return path[len(self.settings.path) + 1 :] if self.settings.path else path

    def _takes(self, name: str) -> bool:
        return not self._names.file(name) and self._wanted(name)

    def _rev(self, folder: str, name: str, listing: Listing) -> str:
        return self._ref(folder, name, listing).rev

    def _ref(self, folder: str, name: str, listing: Listing) -> Ref:
        return self._store.ref(self._path(f"{folder}/{name}" if folder else name), listing.inside[name])

    def _gone(self, seen: Seen) -> Ref:
        return Ref(self.settings.store, self._path(seen.path), seen.rev)

    def _is_young(self, ref: Ref) -> bool:
        """Whether it was written seconds ago, as its server counts; a time that was given to it tells nothing."""
        if self._server is None or ref.modified is None:
            return False
        return -_AHEAD < (self._server - ref.modified) / 1e9 < min(_YOUNG, self.settings.settle)

    def _empty_prefixes(self) -> Iterator[str]:
        if self.settings.prefixes == ():
            yield "prefixes is an empty list, so no file is taken; leave it out to take all"


def _of(source: str, name: str, context: Context) -> WebdavStore:
    try:
        store = context.store(name)
    except KeyError:
        raise ConfigError([f"[source.{source}] store: there is no store {name!r}; write a section [store.{name}]"]) from None
    if not isinstance(store, WebdavStore):
        raise ConfigError([f"[source.{source}] store: {name} is no store on WebDAV"])
    return store


def _wanted(settings: WebdavSourceSettings) -> Callable[[str], bool]:
    """Whether a file of this name is taken. Prefixes count letter by letter, patterns whatever the case."""
    prefixes = settings.prefixes
    starts = None if prefixes is None else tuple(prefixes)
    looks = re.compile("|".join(fnmatch.translate(one) for one in settings.patterns) or "(?s:.*)", re.IGNORECASE)
    return lambda name: (starts is None or name.startswith(starts)) and looks.match(name) is not None
