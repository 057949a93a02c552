"""Native file system events as hints, where this machine gives them; a walk does the rest."""

import sys
from typing import Protocol

from albumen.mounts import tells_everything
from albumen.sources.hints import Hints


class Watch(Protocol):
    """A running watch of one folder."""

    def is_alive(self) -> bool:
        """False when it ended by itself: its folder was removed."""

    def is_whole(self) -> bool:
        """Whether every folder below is really watched."""

    def close(self) -> None:
        """Stop; returns when its threads ended. Twice is harmless."""


class Watching:
    """At most one watch, begun when it is first needed and again when it died."""

    def __init__(self, hints: Hints, *, recursive: bool) -> None:
        self._hints = hints
        self._recursive = recursive
        self._watch: Watch | None = None
        self._root = ""

    def ensure(self, root: str, *, retry: bool) -> None:
        """Watch this folder from now on. ``retry``: also try again where no watch could be begun."""
        if self._root == root and (not retry if self._watch is None else self._watch.is_alive()):
            return
        self.close()
        self._root = root
        self._watch = watch(root, self._hints, recursive=self._recursive)
        if self._watch is not None:
            self._hints.whole()  # what happened before the watch began was told by nobody

    def sees_everything(self) -> bool:
        """Whether no walk is needed to notice a change."""
        return self._watch is not None and self._watch.is_alive() and self._watch.is_whole() and tells_everything(self._root)

    def close(self) -> None:
        """Stop watching. Twice is harmless."""
        if self._watch is not None:
            self._watch.close()
        self._watch = None
        self._root = ""


def watch(root: str, hints: Hints, *, recursive: bool) -> Watch | None:
    """Begin to watch a folder; None where this machine cannot (no inotify, its limit of watches is used up)."""
    if not sys.platform.startswith("linux"):
        return None
    from albumen.sources.inotify import Inotify

    try:
        return Inotify(root, hints, recursive=recursive)
    except OSError:  # no watches or instances left, or no permission: the walk does it alone
        return None
