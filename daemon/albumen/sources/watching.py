"""Native file system events as hints, where this machine gives them; a walk does the rest.

Whether events tell everything is found out per mount: its type is the first filter (on a network file system our own canary is
always heard, other machines are not), then a canary must be heard.
"""

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from albumen.mounts import tells_everything
from albumen.sources import canary
from albumen.sources.hints import Hints
from albumen.sources.litter import Litter

_PATIENCE = 10.0  # seconds after which a canary that was not heard counts as lost
_RETEST = 6 * 3600.0  # seconds between canaries, at most
_LIMITS = {errno.ENOSPC: "fs.inotify.max_user_watches", errno.EMFILE: "fs.inotify.max_user_instances"}


class Watch(Protocol):
    """A running watch of one folder."""

    def is_alive(self) -> bool:
        """False when it ended by itself: its folder was removed."""

    def is_whole(self) -> bool:
        """Whether every folder below is really watched."""

    def unwatched(self) -> Mapping[str, int]:
        """The folders below that should be watched and are not, each with the error number."""

    def again(self) -> None:
        """Try to watch those."""

    def close(self) -> None:
        """Stop; returns when its threads ended. Twice is harmless."""


class Watching:
    """At most one watch, begun when it is first needed and again when it died or fell silent. ``monotonic`` gives seconds."""

    def __init__(self, hints: Hints, names: Litter, monotonic: Callable[[], float], *, recursive: bool) -> None:
        self._hints = hints
        self._names = names
        self._monotonic = monotonic
        self._recursive = recursive
        self._watch: Watch | None = None
        self._root = ""
        self._trouble = 0  # why no watch could be begun: its error number
        self._is_native = False  # by the type of the mount
        self._released = 0.0  # when the last canary was
        self._before = 0  # canaries heard before it
        self._is_mute = False  # no canary can be released here
        self._was_heard = False

    def ensure(self, root: str, *, retry: bool) -> None:
        """Watch this folder from now on. ``retry``: also try again what could not be watched, and test anew."""
        if self._root != root or (self._watch is None and retry) or self.has_ended():
            self._begin(root)
        elif self._watch is not None and (retry or self._monotonic() - self._released >= _RETEST):
            if self._was_heard and not self._is_heard():  # it fell silent
                self._begin(root)
            else:
                self._was_heard = self._is_heard()
                self._watch.again()
                self._test()

    def has_ended(self) -> bool:
        """Whether the watch ended by itself."""
        return self._watch is not None and not self._watch.is_alive()

    def sees_everything(self) -> bool:
        """Whether no walk is needed to notice a change."""
        if self._watch is None or not self._is_native or not self._watch.is_alive() or not self._watch.is_whole():
            return False
        return self._is_mute or self._is_heard()

    def notes(self) -> Sequence[str]:
        """What a person can do so that less has to be walked."""
        if self._watch is None:
            return (f"nothing is watched here: {_reason(self._trouble)}; it is walked every minute",) if self._trouble else ()
        found = []
        unwatched = self._watch.unwatched()
        for number in sorted(set(unwatched.values())):
            paths = sorted(one for one, why in unwatched.items() if why == number)
            found.append(
                f"{paths[0]}{_more(len(paths))} cannot be watched: {_reason(number)}; all is walked every minute meanwhile"
            )
        if self._is_native and not self._is_mute and not self._is_heard() and not self._is_waiting():
            found.append(f"{self._root} does not tell of its changes (a test file was not noticed); it is walked every minute")
        return found

    def close(self) -> None:
        """Stop watching. Twice is harmless."""
        if self._watch is not None:
            self._watch.close()
        self._watch = None
        self._root = ""
        self._trouble = 0

    def _begin(self, root: str) -> None:
        is_new = self._root != root
        self.close()
        self._root = root
        try:
            self._watch = watch(root, self._hints, recursive=self._recursive, names=self._names)
        except OSError as error:  # no watches or instances left, or no permission: the walk does it alone
            self._trouble = error.errno or errno.EIO
        if self._watch is None:
            return
        if is_new:
            self._hints.whole()  # what happened before the watch began was told by nobody
        else:
            self._hints.lost()
        self._was_heard = False
        self._test()

    def _test(self) -> None:
        self._released = self._monotonic()
        self._before = self._hints.canaries
        self._is_native = tells_everything(self._root)
        self._is_mute = self._is_native and not canary.release(self._root)

    def _is_heard(self) -> bool:
        """The last canary was heard, or may still be and the one before was."""
        return self._hints.canaries > self._before or (self._was_heard and self._is_waiting())

    def _is_waiting(self) -> bool:
        return self._monotonic() - self._released < _PATIENCE


def watch(root: str, hints: Hints, *, recursive: bool, names: Litter) -> Watch | None:
    """Begin to watch a folder; None where this system has no inotify. ``OSError`` where it cannot be begun."""
    if not sys.platform.startswith("linux"):
        return None
    from albumen.sources.inotify import Inotify

    return Inotify(root, hints, recursive=recursive, names=names)


def _reason(number: int) -> str:
    """What is wrong, and what to do."""
    limit = _LIMITS.get(number)
    if limit is None:
        return f"{os.strerror(number)} (let albumen read it)" if number in {errno.EACCES, errno.EPERM} else os.strerror(number)
    return f"the limit {limit}{_now(limit)} is used up; raise it with: sysctl {limit}=…"


def _now(limit: str) -> str:
    try:
        with open("/proc/sys/" + limit.replace(".", "/"), encoding="ascii") as file:
            return f" = {file.read().strip()}"
    except OSError:
        return ""


def _more(count: int) -> str:
    return f" and {count - 1} other folders" if count > 1 else ""
