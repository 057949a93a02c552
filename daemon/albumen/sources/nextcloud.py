"""Files that people tagged in a folder of a Nextcloud: ``parent:category`` says what shall become of them.

A listing tells the tags of all files of a folder by one request, but may forget some; never all of a file's. So whoever has any tag is
a candidate, asked for alone once, and again only when its bytes or its listed tags changed. How a file came there does not matter:
only what lies there now is looked at. Servers before 28 tell nothing in a listing: there each tag of that parent is asked for its files.
"""

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from albumen.errors import ConfigError, NotFound, Rejected, Transient, Unavailable
from albumen.media import categories
from albumen.model import Batch, Event, Item, Ref, Seen
from albumen.plugins import Context
from albumen.ports import Memory
from albumen.sources import litter
from albumen.stores.dav.calls import Listing
from albumen.stores.nextcloud.calls import tags_of
from albumen.stores.nextcloud.store import NextcloudStore
from albumen.stores.paths import OURS, checked

__all__ = ["TaggedSettings", "TaggedSource"]

_GATHER = 1.0  # seconds between looks, at least
_QUIET = 2.0  # seconds: until then a server may call other bytes by the same name, and a person (or an undo) may tag on
_JITTER = 0.1  # of ``every``: many sources do not ask in step
_PIECE = 100  # events in one batch: each took a request to find out
_NOTES = 100
_OPEN = "?"  # in place of what a listing told, while a file's tags may not be all yet
_TAGS = f"{OURS}/tags/"  # what is remembered of a file's tags lies there, apart from its revision


@dataclass(frozen=True, slots=True)
class TaggedSettings:
    """``[source.NAME] type = "nextcloud"``. ``store``: the store it is part of. ``path``: its folder. ``parent_tag``: what stands before
    the colon of the tags that count. ``every``: seconds between looks."""

    store: str
    path: str = ""
    parent_tag: str = "ai"
    every: float = 60.0
    recursive: bool = True
    ignore: tuple[str, ...] = litter.DEFAULT

    def __post_init__(self) -> None:
        if not 1 <= self.every <= 7 * 86400:
            raise ValueError("every: must be from 1 s to 7 days")
        object.__setattr__(self, "path", self.path.strip("/"))
        object.__setattr__(self, "parent_tag", self.parent_tag.strip().removesuffix(":"))
        try:
            checked(self.path, root=True)
        except Rejected:
            raise ValueError(f"path: {self.path!r} is no folder of a store, such as 'Photos/unsorted'") from None
        if not self.parent_tag or ":" in self.parent_tag:
            raise ValueError('parent_tag: must be what stands before the colon, such as "ai" for the tag ai:cats')


@dataclass(slots=True)
class _Found:
    """What one look gathers until it is kept."""

    events: list[Event] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def batch(self) -> Batch:
        """What was gathered, and begin anew."""
        made = Batch(tuple(self.events), tuple(self.seen))
        self.events, self.seen = [], []
        return made


class TaggedSource:
    """Ports ``Source``, ``Waits``, ``Polls`` and ``Settles``. One thread looks at a time; ``wait`` may run in another.

    Items are single files with the ``tags`` of that parent that they have. Refs are of the store, remembered paths are relative to the
    folder; beside each lies what is remembered of its tags. ``notes`` are sentences about the last look that a person should see (at most
    100).
    """

    Settings: ClassVar[type] = TaggedSettings

    def __init__(self, name: str, settings: Any, context: Context, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.settings: TaggedSettings = settings
        self._store = _of(name, settings.store, context)
        self._clock = context.clock
        self._monotonic = monotonic
        self._names = litter.Litter(settings.ignore)
        self._due = 0.0
        self._looked = 0.0
        self._began = 0  # ns, the last look
        self._left = False
        self._blind: list[str] = []  # folders, as prefixes, that the last look could not list
        self._notes: list[str] = []
        self.notes: tuple[str, ...] = ()

    def scan(self, memory: Memory) -> Iterator[Batch]:
        """What is tagged and not remembered with these bytes and tags. Of a folder that cannot be listed nothing is learnt, and nothing
        forgotten; ``Unavailable`` when that is the source's own, or the server is away."""
        now = self._looked = self._monotonic()
        self._due = now + self.settings.every * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # jitter, no secret
        self._left, self._began = False, self._clock()
        self._blind, self._notes = [], []
        self._store.ping()  # a place that is closed is not asked by every source again
        tagged: set[str] = set()
        found = _Found()
        asked = _Asked(self._store, self.settings)
        for folder, listing in self._listings():
            files = {path: ref for path, ref in self._files(folder, listing) if asked.tags(path, listing)}
            kept = memory.get([one for path in files for one in (path, _TAGS + path)])
            tagged |= files.keys()
            for path, ref in files.items():
                if self._is_young(ref, listing):
                    self._leave()
                elif not _is_known(kept, path, ref, _sum(asked.tags(path, listing))):
                    self._ask(path, _sum(asked.tags(path, listing)), kept, found)
                if len(found.events) >= _PIECE:
                    yield found.batch()
        if found.events or found.seen:
            yield found.batch()
        yield from self._forget(memory, tagged)
        self.notes = tuple(self._notes[:_NOTES])

    def wait(self, stop: threading.Event, timeout: float) -> None:
        """Returns when the next look is due. Not to be called while a scan goes on."""
        due = max(self._looked + _GATHER, self._due)
        stop.wait(max(0.0, min(timeout, due - self._monotonic())))

    def ping(self) -> None:
        """``Unavailable`` when its folder is not there."""
        if not self._store.is_folder(self.settings.path):
            raise self._missing()

    def next_look(self) -> float:
        """See ``ports.Polls``."""
        return max(0.0, self._due - self._monotonic())

    def unsettled(self) -> float | None:
        """See ``Settles``."""
        return max(0.0, self._looked + _QUIET - self._monotonic()) if self._left else None

    # ------------------------------------------------------------------------------------------------------------- helpers

    def _listings(self) -> Iterator[tuple[str, Listing]]:
        """Every folder with what lies in it, from the top; folders are relative to ours."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            path = self._path(folder)
            try:
                listing = self._store.listed(path)
            except (Rejected, Transient) as error:
                if not folder:
                    raise Unavailable(f"source {self.name}", f"{path or 'the root'} cannot be listed: {error}") from None
                self._blind.append(f"{folder}/")
                self._notes.append(str(error))
                continue
            if listing is None and not folder:
                raise self._missing()
            if listing is None:
                continue  # gone since its parent was listed
            yield folder, listing
            folders = [name for name, one in listing.inside.items() if one.folder and not self._names.folder(name)]
            waiting += [f"{folder}/{name}" if folder else name for name in folders if self.settings.recursive]

    def _files(self, folder: str, listing: Listing) -> Iterator[tuple[str, Ref]]:
        for name, entry in listing.inside.items():
            if not entry.folder and entry.size and not self._names.file(name):
                path = f"{folder}/{name}" if folder else name
                yield path, self._store.ref(self._path(path), entry)

    def _ask(self, path: str, listed: str, kept: Mapping[str, Seen], found: _Found) -> None:
        """What this one file is and has now, exactly. Tags that are new are waited for to be all."""
        try:
            ref, tags = self._store.tagged(self._path(path))
        except NotFound:
            return  # somebody was quicker: it is not there at the next look
        except Transient as error:
            self._notes.append(str(error))  # asked for again at the next look
            return
        now, exact = self._began, _sum(tags)  # one time for all of a look, so that they are ready together, too
        was, before = kept.get(path), kept.get(_TAGS + path)
        same = before is not None and before.rev.partition(" ")[2] == exact
        since = before.at if same and before is not None else now
        if 0 <= (now - since) / 1e9 < _QUIET - 0.1:
            found.seen.append(Seen(_TAGS + path, f"{_OPEN} {exact}", at=since))
            self._leave()
            return
        found.seen.append(Seen(_TAGS + path, f"{listed} {exact}", at=since))
        if was is not None and was.rev == ref.rev and before is not None and same and before.rev.partition(" ")[0] != _OPEN:
            return  # only the listing told it otherwise
        tag, _, why = categories.chosen(tags, self.settings.parent_tag)
        if tag:
            mine = tuple(categories.matching(tags, self.settings.parent_tag))
            item = Item(ref, source=self.name, root=self.settings.path, tags=mine)
            found.events.append(Event("arrived", item))
        found.seen.append(Seen(path, ref.rev, "aside" if why else "", why, at=now))

    def _leave(self) -> None:
        """Something is left for a look that comes soon."""
        self._left = True
        self._due = min(self._due, self._looked + _QUIET)

    def _forget(self, memory: Memory, tagged: set[str]) -> Iterator[Batch]:
        """What lies there no more, or has no tag any more: should it be tagged again, it is found again. Nothing else comes of it."""
        blind = tuple(self._blind)
        paths = [(one.path, one.path.removeprefix(_TAGS)) for one in memory.all()]
        gone = [path for path, file in paths if file not in tagged and not file.startswith(blind)]
        for at in range(0, len(gone), 500):
            yield Batch(forget=tuple(gone[at : at + 500]))

    def _missing(self) -> Unavailable:
        why = f"there is no folder {self.settings.path} in {self._store.name}: make it, or correct path"
        return Unavailable(f"source {self.name}", why)

    def _path(self, relative: str) -> str:
        """The path in the store."""
        return "/".join(one for one in (self.settings.path, relative) if one)

    @staticmethod
    def _is_young(ref: Ref, listing: Listing) -> bool:
        """Whether it was written a moment ago, by the server's clock; a time that was given to it tells nothing."""
        if listing.now is None or ref.modified is None:
            return False
        return 0 <= (listing.now - ref.modified) / 1e9 < _QUIET


class _Asked:
    """The tags that a look is told of: with each listing, or, by older servers, by asking each tag for its files, once in a look."""

    def __init__(self, store: NextcloudStore, settings: TaggedSettings) -> None:
        self._store = store
        self._settings = settings
        self._by_path: Mapping[str, Sequence[str]] | None = None

    def tags(self, path: str, listing: Listing) -> Sequence[str]:
        """Some of a file's tags, never none if it has one that counts. ``path`` is relative to the source's folder."""
        told = tags_of(listing.inside[path.rpartition("/")[2]])
        if told is not None:
            return list(told)
        if self._by_path is None:
            self._by_path = self._store.by_tag(lambda tag: tag.startswith(f"{self._settings.parent_tag}:"))
        whole = "/".join(one for one in (self._settings.path, path) if one)
        return self._by_path.get(whole, ())


def _is_known(kept: Mapping[str, Seen], path: str, ref: Ref, listed: str) -> bool:
    """Whether these very bytes with these listed tags were dealt with."""
    was, tags = kept.get(path), kept.get(_TAGS + path)
    return was is not None and was.rev == ref.rev and tags is not None and tags.rev.partition(" ")[0] == listed


def _sum(tags: Sequence[str]) -> str:
    """Equal for equal tags."""
    return hashlib.sha256("\n".join(sorted(tags)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _of(source: str, name: str, context: Context) -> NextcloudStore:
    store = context.store(name)
    if not isinstance(store, NextcloudStore):
        raise ConfigError([f"[source.{source}] store: {name} is no store on a Nextcloud"])
    return store
