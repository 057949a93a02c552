"""Watchdog's inotify observer, made to say what it keeps to itself (watchdog 7.1; nothing else in albumen imports it).

Four methods are overridden: an overflow of the kernel's queue reaches nobody's handler; a folder that cannot be watched (limit
reached, no permission) is passed over in silence; a watch registered twice, as happens whenever nested folders appear at once,
warns with 20 kB of text; and its shared inotify instance would live as long as the process.
"""

import errno
import os
from dataclasses import dataclass, field

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver, EventQueue, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import CallbackId, InotifyFD, Mask, WatchCallback, WatchDescriptor

from albumen.sources.hints import Hints

# Opening and closing without writing are left out: our own reading is no news.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent, FileAttribEvent,
    DirCreatedEvent, DirMovedEvent, DirDeletedEvent,
]  # fmt: skip


class Inotify:
    """A running watch of one folder with an inotify instance of its own. ``OSError`` when it cannot be begun."""

    def __init__(self, root: str, hints: Hints, *, recursive: bool) -> None:
        self._state = _State(hints)
        self._root = root
        self._kernel = _Kernel()
        self._kernel.start()
        self._observer = BaseObserver(_Emitter, kernel=self._kernel, state=self._state)
        self._observer.schedule(_Marks(hints, root), root, recursive=recursive, event_filter=_EVENTS)
        try:
            self._observer.start()
        except OSError:
            self._kernel.stop()
            self._kernel.join()
            raise

    def is_alive(self) -> bool:
        """See ``watching.Watch``."""
        emitters = self._observer.emitters
        return self._kernel.is_alive() and bool(emitters) and all(one.is_alive() for one in emitters)

    def is_whole(self) -> bool:
        """See ``watching.Watch``."""
        return not self._state.unwatched

    def close(self) -> None:
        """See ``watching.Watch``."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        if self._kernel.is_alive():
            self._kernel.stop()
            self._kernel.join()


class _State:
    """What the overridden methods find out."""

    def __init__(self, hints: Hints) -> None:
        self.hints = hints
        self.unwatched = False


class _Marks(FileSystemEventHandler):
    """Does nothing but mark: its queue is unbounded, so it must never be slow."""

    def __init__(self, hints: Hints, root: str) -> None:
        self._hints = hints
        self._root = root

    def dispatch(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if not path:
                continue
            name = os.fsdecode(path)
            if not event.is_directory:
                self._hints.file(name)
            elif name == self._root:
                self._hints.whole()
            else:
                self._hints.folder(name)


class _Kernel(InotifyFD):
    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        watch = self._get_or_create_watch(path, mask)
        if watch.wd < 0:  # the parent keeps a folder it may not read as watch -1
            self._watch_for_wd.pop(watch.wd, None)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
        watch.callbacks[id_] = callback
        return watch.wd


@dataclass
class _Group(InotifyWatchGroup):
    state: _State = field(kw_only=True)

    def on_queue_overflow(self) -> None:
        super().on_queue_overflow()
        self.state.hints.whole()

    def _add_callback(self, path: bytes) -> None:
        super()._add_callback(path)
        if path not in self._active_callbacks_by_path and os.path.isdir(path):  # its error was swallowed
            self.state.unwatched = True


class _Emitter(InotifyEmitter):
    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        timeout: float,
        event_filter: list[type[FileSystemEvent]] | None,
        kernel: InotifyFD,
        state: _State,
    ) -> None:
        super().__init__(event_queue, watch, timeout=timeout, event_filter=event_filter, inotify_fd=kernel)
        self._state = state

    def on_thread_start(self) -> None:
        mask = self.get_event_mask_from_filter()
        path = os.fsencode(self.watch.path)
        self._inotify = _Group(self._inotify_fd, path, mask, self.watch.is_recursive, state=self._state)
