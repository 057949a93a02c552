"""A folder of this machine as a source. Its own walk is the truth; file system events only say where to look again."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from albumen.errors import ConfigError, Unavailable
from albumen.model import DISK, Batch, Item, Ref, Refused
from albumen.plugins import Context
from albumen.ports import Memory
from albumen.sources import forgetting, gone, litter, walk
from albumen.sources.arrival import Arrivals
from albumen.sources.folders import Folders
from albumen.sources.forgetting import pieces
from albumen.sources.hints import Dirty, Hints
from albumen.sources.offering import Grouper, Offers, by_name
from albumen.sources.pace import Pace
from albumen.sources.place import Place, topmost
from albumen.sources.revs import ref_of
from albumen.sources.watching import Watching
from albumen.values import Folder

_AGAIN = 60.0  # seconds until a look that could not begin is tried again
_GATHER = 1.0  # seconds between looks, at least: a burst of events is one look
_POLL = 5.0  # seconds: how late another folder at the path is noticed when no event comes
_NOTES = 100  # sentences kept of one look
_SLICE = 0.25  # seconds: how late a stop may be noticed


@dataclass(frozen=True, slots=True)
class _Look:
    """One scan: when it began (seconds), what events had told, and whether what they did not tell of should have been told."""

    now: float
    dirty: Dirty
    counts: bool


class LocalSource:
    """Ports ``Source`` and ``Waits``. One thread looks at a time; ``wait`` may run in another.

    Refs are of the store ``disk`` (root "/"), with links on the way to the folder resolved; remembered paths are relative to the
    folder. ``notes`` are sentences about the last looks that a person should see (at most 100). ``monotonic`` gives seconds and
    never jumps.
    """

    @dataclass(frozen=True, slots=True)
    class Settings:
        """``every``: seconds between walks (None = 60 s, or 6 h where events tell everything). ``settle``: seconds of quiet."""

        path: Folder
        mode: Literal["move", "copy"] = "copy"
        every: float | None = None
        settle: float = 5.0
        recursive: bool = True
        ignore: tuple[str, ...] = litter.DEFAULT
        others: Literal["list", "keep"] = "list"

    def __init__(
        self,
        name: str,
        settings: Settings,
        context: Context,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        group: Grouper = by_name,
    ) -> None:
        if not settings.path:
            raise ConfigError([f"[source.{name}] path is missing: say which folder to look at"])
        self.name = name
        self.settings = settings
        self.notes: tuple[str, ...] = ()
        self._clock = context.clock
        self._monotonic = monotonic
        self._moves = settings.mode == "move"
        self._names = litter.Litter(settings.ignore)
        self._arrivals = Arrivals(settings.settle)
        self._hints = Hints()
        self._watching = Watching(self._hints, self._names, monotonic, recursive=settings.recursive)
        self._pace = Pace(settings.every, self._watching.sees_everything)
        self._folders = Folders()
        template = Item(Ref(DISK, ""), source=name, move=self._moves, keep=settings.others == "keep")
        self._offers = Offers(self._arrivals, template, self._relative, context.clock, group)
        self._place = Place("", 0, gone.Identity(0, 0))  # none yet
        self._looked = 0.0
        self._polled = 0.0
        self._blocked = False  # the last look could not begin
        self._notes: list[str] = []

    @property
    def found_only_by_rescan(self) -> int:
        """Files handed over, since the start, that only a walk found: no event had told of them, though they came after the first
        walk. Where no events come, that is every file."""
        return self._arrivals.silent

    def scan(self, memory: Memory) -> Iterator[Batch]:
        """What is gone, then what is ready and not remembered, in pieces of at most 500 events. ``Unavailable`` as the port says.

        What is not ready yet is kept in mind: ``wait`` returns when it may be."""
        now = self._looked = self._monotonic()
        self._blocked = True
        self._arrive()
        if self._pace.has_walked and not memory.cursor():
            self._pace.anew()  # the memory was lost: nothing is known of what this folder holds
        due = self._pace.due()
        timed = due is not None and due <= now
        self._watching.ensure(self._place.root, retry=timed)
        dirty = self._hints.take()
        look = _Look(now, dirty, counts=self._pace.has_walked and (timed or dirty.lost))
        whole = dirty.whole or timed or not self._pace.has_walked
        finished = False
        try:
            for batch in self._look(memory, look, whole=whole):
                yield batch
                self._folders.kept(batch)
            finished = True
        finally:
            self.notes = (*self._watching.notes(), *self._notes)[:_NOTES]
            if not finished:
                dirty.whole = whole
                self._hints.give_back(dirty)

    def unsettled(self) -> float | None:
        """See ``ports.Settles``."""
        ripe = self._arrivals.next_due()
        return None if ripe is None else max(0.0, ripe - self._monotonic())

    def wait(self, stop: threading.Event, timeout: float) -> None:
        """Returns when there is news to look at, a file may be ready, or the next walk is due; bursts are gathered for a second.
        Not to be called while a scan goes on."""
        end = time.monotonic() + timeout
        ripe = self._arrivals.next_due()
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            now = self._monotonic()
            rest = self._looked + min(_GATHER, self.settings.settle) - now
            if self._blocked:
                rest = max(rest, self._looked + _AGAIN - now)
            if rest > 0:
                stop.wait(min(left, rest))
                continue
            due = self._next_due(ripe)
            if due <= now or self._has_moved() or self._hints.wait(min(left, due - now, _SLICE)):
                return

    def stranger(self, memory: Memory) -> str:
        """See ``Recognises.stranger``."""
        here = gone.identity_at(os.path.realpath(self.settings.path))
        kept = gone.kept_identity(memory.cursor())
        if kept is None:
            return ""
        if here is None:
            return f"{self.settings.path} cannot be looked at: mount the disk or correct its path"
        if kept.ino == here.ino:  # another file system with the same inode: only a whole look can tell
            return ""
        return f"{self.settings.path} is another folder than before: is its disk mounted?"

    def close(self) -> None:
        """Stop watching. Twice is harmless; a later scan begins anew."""
        self._watching.close()

    # ------------------------------------------------------------------------------------------------------------- looking

    def _arrive(self) -> None:
        """Be sure of the folder; another one than at the last look is walked whole."""
        try:
            place = Place.of(self.settings.path)
        except OSError as error:
            self._pace.anew()
            raise self._unavailable(f"cannot be looked at: {error.strerror}; mount the disk or correct its path") from None
        if place != self._place:
            self._watching.close()
            self._pace.anew()
            self._place = place
            self._offers = replace(self._offers, template=replace(self._offers.template, root=place.root.lstrip("/")))

    def _look(self, memory: Memory, look: "_Look", *, whole: bool) -> Iterator[Batch]:
        yield from self._whole(memory, look) if whole else self._partly(memory, look)
        self._blocked = False
        yield from self._offers.batches(look.now)

    def _whole(self, memory: Memory, look: "_Look") -> Iterator[Batch]:
        """Walk everything, then see what is gone. Folders that are as the last walk left them are passed over."""
        self._folders.begin(memory)
        top = walk.look(self._place.root, self._names, known=self._knows)
        if not top.complete and not top.entries and not top.folders:
            raise self._unavailable(top.skipped[0].reason)
        kept = gone.kept_identity(memory.cursor())
        empty = not (top.same or top.entries or top.folders or top.skipped or top.litter)
        for path in look.dirty.files:
            self._arrivals.touch(path.lstrip("/"), look.now)
        self._notes = []
        rest = walk.below(top, self._names, self._place.device, self._knows) if self.settings.recursive else ()
        for found in itertools.chain((top,), rest):
            yield from self._folder(memory, found, look)
        self._pace.walked(look.now)
        if not self._folders.nothing_moved() or kept != self._place.identity or memory.refused() is not None:
            yield from self._forget(memory, kept, look, empty=empty)
        self._folders.finish()

    def _folder(self, memory: Memory, found: walk.Found, look: "_Look") -> Iterator[Batch]:
        """One folder of a whole look."""
        name = self._relative(found.folder)
        if found.same:
            self._folders.still(name, found.state)
            return
        self._notes += (f"{one.path} {one.reason}" for one in found.skipped[: _NOTES - len(self._notes)])
        if not found.missing and (found.stat is None or any(one.what == "mount" for one in found.skipped)):
            self._folders.blind(name)
        settled = yield from self._compare(memory, found.entries, look)
        self._folders.other(name, found.state, settled=settled and found.complete and not found.skipped)

    def _knows(self, folder: str, state: int) -> bool:
        return self._folders.knows(self._relative(folder), state)

    def _forget(self, memory: Memory, kept: gone.Identity | None, look: "_Look", *, empty: bool) -> Iterator[Batch]:
        """What is gone, or what is refused: asked again soon, so that it goes on when it is back, or confirmed."""
        was = memory.refused()  # before anything is missed: a person may confirm meanwhile
        here, now = self._place.identity, self._clock()
        root = self._place.root
        missed = forgetting.missed(memory, lambda path: forgetting.on_disk(f"{root}/{path}"), self._folders, moves=self._moves)
        if gone.identity_at(root) != here:
            raise self._unavailable("was exchanged while it was looked at; is its disk mounted?")
        verdict = forgetting.verdict(missed, kept, here, empty=empty, moves=self._moves, path=self.settings.path)
        if verdict.known and kept != here:
            yield Batch(cursor=here.text())
        if verdict.why:
            accepts = "" if verdict.known else here.text()
            yield from forgetting.refuse(missed, was, Refused("", f"source {self.name}", verdict.why, now, accepts=accepts))
        else:
            if was is not None:
                yield Batch(well=True)
            yield from forgetting.forget(
                missed, self.name, lambda seen: Ref(DISK, f"{root}/{seen.path}".lstrip("/"), seen.rev), now
            )
        if verdict.why or missed.first or missed.held:
            self._soon(look.now)

    def _partly(self, memory: Memory, look: "_Look") -> Iterator[Batch]:
        """Look at what events named, and at nothing else."""
        entries = []
        vanished = []
        for path in look.dirty.files:
            self._arrivals.touch(path.lstrip("/"), look.now)
            found = walk.single(path) if self._is_inside(path) else None
            if isinstance(found, walk.Entry):
                entries.append(found)
            elif found is not None:
                self._arrivals.drop(path.lstrip("/"))
                vanished.append(self._relative(path))
        yield from self._compare(memory, entries, look)
        yield from self._vanished(memory, vanished, look)
        for folder in topmost(look.dirty.folders):
            if self.settings.recursive and self._is_inside(folder, folder=True):
                yield from self._branch(memory, folder, look)

    def _branch(self, memory: Memory, folder: str, look: "_Look") -> Iterator[Batch]:
        """A folder that came, went or was moved, with all below it."""
        top = walk.look(folder, self._names)
        if top.missing:
            self._soon(look.now)
        if top.stat is None or top.stat.st_dev != self._place.device:
            return
        for found in itertools.chain((top,), walk.below(top, self._names, self._place.device)):
            yield from self._compare(memory, found.entries, look)

    def _vanished(self, memory: Memory, paths: Sequence[str], look: "_Look") -> Iterator[Batch]:
        """Remembered files that an event named and that are not there: ours are forgotten, the others wait for a whole look."""
        for some in pieces(paths):
            kept = memory.get(some).values()
            ours = tuple(one.path for one in kept if self._moves and not one.why)
            if ours:
                yield Batch(forget=ours)
            if len(ours) < len(kept):
                self._soon(look.now)

    def _compare(self, memory: Memory, entries: Sequence[walk.Entry], look: "_Look") -> Generator[Batch, None, bool]:
        """Entries against memory: what is new or changed becomes a candidate. Whether there was nothing of that kind."""
        settled = True
        for some in pieces(entries):
            refs = {self._relative(one.path): ref_of(one.path, one.stat) for one in some}
            kept = memory.get(refs)
            back = []
            for path, ref in refs.items():
                seen = kept.get(path)
                if seen is not None and forgetting.is_missed(seen):
                    back.append(forgetting.found_again(seen))
                if seen is not None and seen.rev == ref.rev:
                    self._arrivals.drop(ref.path)
                else:
                    settled = False
                    self._arrivals.look(ref, look.now, silent=look.counts and not look.dirty.names(f"/{ref.path}"))
            if back:
                yield Batch(seen=tuple(back))
        return settled

    # ------------------------------------------------------------------------------------------------------------- helpers

    def _relative(self, path: str) -> str:
        return self._place.relative(path)

    def _is_inside(self, path: str, *, folder: bool = False) -> bool:
        """Whether a walk would come to this path."""
        deep = os.path.dirname(path) != self._place.root
        return (self.settings.recursive or not deep) and self._place.holds(path, self._names, folder=folder)

    def _soon(self, now: float) -> None:
        """A whole look in a minute: something is missing."""
        self._pace.soon(now)

    def _next_due(self, ripe: float | None) -> float:
        """When a look is worth it without news. ``ripe``: when the first candidate may be ready."""
        walk = self._pace.due()
        if walk is None:
            return self._looked
        return walk if ripe is None else min(ripe, walk)

    def _has_moved(self) -> bool:
        """Whether another folder lies at the path by now, or the watch ended; asked every few seconds."""
        if time.monotonic() - self._polled < _POLL:
            return False
        self._polled = time.monotonic()
        return not self._place.is_at(self.settings.path) or self._watching.has_ended()

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(f"source {self.name}", f"{self.settings.path} {why}")
