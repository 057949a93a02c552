"""From candidates that were quiet long enough to events: the last question to each file, then its group as one item."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from albumen.media import grouping, signature
from albumen.model import Batch, Event, Item, Ref, Seen
from albumen.sources.arrival import Arrivals
from albumen.sources.complete import complete
from albumen.sources.revs import ref_of
from albumen.sources.writers import being_written, opened

PIECE = 500  # events in one batch

Grouper: TypeAlias = Callable[[Sequence[str]], Iterable[tuple[str, tuple[str, ...]]]]
"""Names of one folder to (main, companions): every name once, as the one or the other."""


def by_name(names: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The ``Grouper`` of ``media.grouping``, with kinds by name: the bytes are judged later, by ``catalog``."""
    for one in grouping.group(names, signature.kind_of_name):
        yield one.main, tuple(name for name, _ in one.companions)


@dataclass(frozen=True, slots=True)
class Offers:
    """Makes the batches of one source. ``template`` is what all its items share (source name, move); ``relative`` gives the
    remembered path of a ``disk`` path."""

    arrivals: Arrivals
    template: Item
    relative: Callable[[str], str]
    clock: Callable[[], int]
    group: Grouper

    def batches(self, now: float) -> Iterator[Batch]:
        """Everything ripe, in pieces. A candidate is dropped when its batch was kept: asking for the next piece says so."""
        events: list[Event] = []
        seen: list[Seen] = []
        done: list[str] = []
        for stem in self.arrivals.ripe(now):
            answers = [self._ask(path, now) for path in stem]
            if not all(one.final for one in answers):
                continue
            refs = [one.ref for one in answers if one.ref is not None]
            seen += (Seen(self.relative(one.path), one.rev, at=self.clock()) for one in refs)
            seen += (replace(one.aside, at=self.clock()) for one in answers if one.aside is not None)
            events += (Event("arrived", item) for item in self._items(refs))
            done += stem
            if len(seen) >= PIECE:
                yield Batch(tuple(events), tuple(seen))
                self._handed(done)
                events, seen, done = [], [], []
        if seen:
            yield Batch(tuple(events), tuple(seen))
        self._handed(done)

    def _items(self, refs: Sequence[Ref]) -> Iterator[Item]:
        by_names = {one.name: one for one in refs}
        for main, companions in self.group(list(by_names)):
            yield replace(self.template, main=by_names[main], companions=tuple(by_names[name] for name in companions))

    def _handed(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.arrivals.handed(path)

    def _ask(self, path: str, now: float) -> "Answer":
        """The file itself, opened: still the same, written by nobody, whole?"""
        candidate = self.arrivals[path]
        try:
            with opened(candidate.ref) as file:
                if file is None or being_written(file):
                    return self._again(path, now)
                if not candidate.ref.size:
                    return Answer(aside=replace(self._aside(candidate.ref, "empty"), state="listed"))
                if candidate.whole is None:
                    self.arrivals.note(path, whole=complete(file))
        except OSError as error:
            return self._failed(candidate.ref, error, now)
        return Answer(candidate.ref, final=self.arrivals.is_ripe(path, now))

    def _failed(self, ref: Ref, error: OSError, now: float) -> "Answer":
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:  # gone, or a link now
            self.arrivals.drop(ref.path)
            return Answer()
        if error.errno in {errno.EACCES, errno.EPERM}:
            return Answer(aside=self._aside(ref, "cannot be opened: permission denied; let albumen read it"))
        return self._again(ref.path, now)

    def _again(self, path: str, now: float) -> "Answer":
        """Not yet: as it is now, its waiting begins anew."""
        try:
            self.arrivals.look(ref_of("/" + path, os.lstat("/" + path)), now, silent=True)
            self.arrivals.written(path, now)
        except FileNotFoundError:
            self.arrivals.drop(path)
        return Answer(final=False)

    def _aside(self, ref: Ref, why: str) -> Seen:
        return Seen(self.relative(ref.path), ref.rev, "aside", why)


@dataclass(frozen=True, slots=True)
class Answer:
    """``ref`` is ready, or ``aside`` is to be remembered, or neither (it is gone); not ``final`` = ask again later."""

    ref: Ref | None = None
    aside: Seen | None = None
    final: bool = True
