"""When is a file ready? The rules, without touching a disk: looks go in, with the time of a clock that never jumps.

A file is ready when two looks, ``settle`` apart, found it the same and no event named it between them; one whose container
lacks its end is waited for until it was quiet for ten minutes. Files of one stem wait for one another, so that a RAW, its JPEG
and its XMP arrive as one.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from albumen.media import stems
from albumen.model import Ref

PATIENCE = 600.0  # seconds of quiet after which a file without its end is taken as it is
_SUFFIX = re.compile(r"\.[a-z][a-z0-9_-]*\Z", re.IGNORECASE)
_APPLE = re.compile(r"\A(img_)[eo](?=[0-9])")
_CUT = 40  # Google cuts the names of its sidecars behind this: longer stems are one when they begin alike


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is not handed over yet: as it was at the last look, since when (seconds) it has been like this, whether
    its container has its end (None = not looked), and whether only a walk found it: no event has told of it."""

    ref: Ref
    since: float
    whole: bool | None = None
    silent: bool = False


def stem(path: str) -> str:
    """What files that belong together share: the folder and the name up to its suffixes, without regard to case. Apple's edited
    ``IMG_E1234`` counts as ``IMG_1234``, Google's ``x-edited.jpg`` as ``x.jpg`` and its ``x.jpg(1).json`` as ``x(1).jpg``. Equal stems
    only wait for one another; they need not belong together."""
    folder, _, name = path.rpartition("/")
    name = unicodedata.normalize("NFC", stems.described(name))
    name = stems.original(name) or name
    while (shorter := _SUFFIX.sub("", name)) not in {"", name}:
        name = shorter
    return folder + "/" + _APPLE.sub(r"\1", name.casefold())[:_CUT]


def due(candidate: Candidate, settle: float) -> float:
    """The moment from which the file may be taken, if nothing happens to it until then."""
    return candidate.since + (max(settle, PATIENCE) if candidate.whole is False else settle)


class Arrivals:
    """The candidates of one source, by path. Kept in this process only: a restart begins their waiting again.

    ``silent`` counts those handed over of which no event had told until then: only a walk found them.
    """

    def __init__(self, settle: float) -> None:
        self.silent = 0
        self._settle = settle
        self._by_path: dict[str, Candidate] = {}
        self._stem_of: dict[str, str] = {}  # asked for again and again

    def __len__(self) -> int:
        return len(self._by_path)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __getitem__(self, path: str) -> Candidate:
        return self._by_path[path]

    def look(self, ref: Ref, now: float, *, silent: bool = False) -> Candidate:
        """The file was found like this. The same revision as before goes on waiting, another one begins anew. ``silent``: no event
        asked for this look; what an event ever told of stays told."""
        before = self._by_path.get(ref.path)
        silent = silent and (before is None or before.silent)
        if before is None or before.ref.rev != ref.rev:
            self._by_path[ref.path] = before = Candidate(ref, now, silent=silent)
            self._stem_of.setdefault(ref.path, stem(ref.path))
        elif before.silent != silent:
            self._by_path[ref.path] = before = replace(before, silent=silent)
        return before

    def touch(self, path: str, now: float) -> None:
        """Somebody was at it (an event, a writer): its waiting begins anew. Unknown paths are ignored."""
        before = self._by_path.get(path)
        if before is not None:
            self._by_path[path] = Candidate(before.ref, now)

    def written(self, path: str, now: float) -> None:
        """A look found that somebody is at it: its waiting begins anew, but no event told so."""
        self._by_path[path] = replace(self._by_path[path], since=now, whole=None)

    def note(self, path: str, *, whole: bool) -> None:
        """Its container was looked at."""
        self._by_path[path] = replace(self._by_path[path], whole=whole)

    def drop(self, path: str) -> None:
        """It is gone, or known already. Twice is harmless."""
        self._by_path.pop(path, None)
        self._stem_of.pop(path, None)

    def handed(self, path: str) -> None:
        """It was handed over. Twice is harmless."""
        before = self._by_path.pop(path, None)
        self._stem_of.pop(path, None)
        self.silent += before is not None and before.silent

    def is_ripe(self, path: str, now: float) -> bool:
        """Whether this one candidate may be taken now."""
        return due(self._by_path[path], self._settle) <= now

    def ripe(self, now: float) -> list[tuple[str, ...]]:
        """The stems of which every candidate may be taken now: their paths, sorted by bytes; the stems in the order of their first ones."""
        return [tuple(path for path, _ in group) for group in self._stems() if max(at for _, at in group) <= now]

    def next_due(self) -> float | None:
        """The first moment at which a stem may be ripe; None when nothing waits."""
        return min((max(at for _, at in group) for group in self._stems()), default=None)

    def _stems(self) -> Iterator[list[tuple[str, float]]]:
        groups: dict[str, list[tuple[str, float]]] = {}
        for path in sorted(self._by_path, key=os.fsencode):
            groups.setdefault(self._stem_of[path], []).append((path, due(self._by_path[path], self._settle)))
        yield from groups.values()
