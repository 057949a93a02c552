"""Watchdog's inotify observer, made to say what it keeps to itself (watchdog 7.1; nothing else in albumen imports it).

What is overridden, and why:

- a root whose disk is unmounted ends its watch without a word;
- an overflow of the kernel's queue reaches nobody's handler, and throws away what had been told before it;
- a folder that cannot be watched (limit reached, no permission) is passed over in silence, and never tried again;
- a tree that was moved out of the folder stays watched, under the name it no longer has;
- litter (a NAS keeps a folder of thumbnails in every folder) and other file systems would use up watches;
- the content of a new folder is listed file by file: one hint for the folder is enough, our own walk looks into it;
- a watch registered twice, as happens whenever nested folders appear at once, warns with 20 kB of text;
- its shared inotify instance would live as long as the process.
"""

import errno
import os
import threading
from collections.abc import Mapping, Sequence
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
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)
from watchdog.observers.inotify_move_event_grouper import PathedInotifyEvent

from albumen.sources import litter
from albumen.sources.hints import Hints

# Opening and closing without writing are left out: our own reading is no news.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent, FileAttribEvent,
    DirCreatedEvent, DirMovedEvent, DirDeletedEvent,
]  # fmt: skip


_LOST = b"\0lost"  # no file's path: goes through the queues behind all that was told before the overflow


class Inotify:
    """A running watch of one folder with an inotify instance of its own. ``OSError`` when it cannot be begun."""

    def __init__(self, root: str, hints: Hints, *, recursive: bool, names: litter.Litter) -> None:
        self._state = _State(hints, names)
        self._kernel = _Kernel()
        self._kernel.start()
        self._observer = BaseObserver(_Emitter, kernel=self._kernel, state=self._state)
        self._observer.schedule(_Marks(self._state, root), root, recursive=recursive, event_filter=_EVENTS)
        try:
            self._observer.start()
        except OSError:
            self._kernel.stop()
            self._kernel.join()
            raise

    def is_alive(self) -> bool:
        """See ``watching.Watch``."""
        emitters = self._observer.emitters
        return (
            not self._state.is_broken and self._kernel.is_alive() and bool(emitters) and all(one.is_alive() for one in emitters)
        )

    def is_whole(self) -> bool:
        """See ``watching.Watch``."""
        return not self._state.unwatched

    def unwatched(self) -> Mapping[str, int]:
        """See ``watching.Watch``."""
        with self._state.guard:
            return {os.fsdecode(path): number for path, number in self._state.unwatched.items()}

    def again(self) -> None:
        """See ``watching.Watch``."""
        group = self._state.group
        if group is not None and self._state.unwatched:
            group.again()

    def close(self) -> None:
        """See ``watching.Watch``."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        if self._kernel.is_alive():
            self._kernel.stop()
            self._kernel.join()


class _State:
    """What the overridden methods find out. ``unwatched``: folders without a watch, each with its error number."""

    def __init__(self, hints: Hints, names: litter.Litter) -> None:
        self.hints = hints
        self.names = names
        self.guard = threading.Lock()  # of ``unwatched``
        self.unwatched: dict[bytes, int] = {}
        self.is_broken = False
        self.group: _Group | None = None


class _Marks(FileSystemEventHandler):
    """Does nothing but mark: its queue is unbounded, so it must never be slow."""

    def __init__(self, state: _State, root: str) -> None:
        self._state = state
        self._hints = state.hints
        self._root = root

    def dispatch(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if not path:
                continue
            name = os.fsdecode(path)
            if name == os.fsdecode(_LOST):
                self._hints.lost()
                continue
            if not event.is_directory:
                self._hints.file(name)
            elif name == self._root:
                self._hints.whole()
            else:
                self._hints.folder(name)
        if isinstance(event, DirDeletedEvent) and self._state.group is not None:
            self._state.group.left(os.fsencode(event.src_path))


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

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """A folder went, or its disk was unmounted. When it is the root, nothing is watched any more, and no event says so."""
        with self._lock:
            is_root = self._active_callbacks_by_path.get(self.path) == wd
        super().on_watch_deleted(wd)
        self.state.is_broken |= is_root and self.is_active

    def on_queue_overflow(self) -> None:
        """Watch what is there now. What was told before the overflow is still good: hints are only looked at."""
        with self._lock:
            if not self.is_active:
                return
            if self.is_recursive:
                self._watch_anew()
            mark = InotifyEvent(WatchDescriptor(0), InotifyConstants.IN_CREATE, 0, _LOST)
            self._move_event_grouper.put_event(PathedInotifyEvent(mark, _LOST))

    def _watch_anew(self) -> None:
        before = set(self._active_callbacks_by_watch)
        self._active_callbacks_by_watch.clear()
        self._active_callbacks_by_path.clear()
        with self.state.guard:
            self.state.unwatched.clear()
        try:
            self._add_all_callbacks(self.path)
        except OSError:  # the folder itself: whoever owns this watch begins anew
            self.state.is_broken = True
        stale = before - set(self._active_callbacks_by_watch)
        self._inotify_fd.remove_callbacks([(wd, self._id) for wd in stale])

    def again(self) -> None:
        """Try to watch what could not be watched. Stops at the first one while the limit is still reached."""
        with self._lock, self.state.guard:
            waiting = sorted(self.state.unwatched)
        for path in waiting:
            with self._lock:
                if not self.is_active or path not in self.state.unwatched:
                    continue
                with self.state.guard:
                    del self.state.unwatched[path]
                self._add_all_callbacks(path)
                if self.state.unwatched.get(path) == errno.ENOSPC:
                    return

    def left(self, path: bytes) -> None:
        """This folder was taken away, or moved to where we do not look: it is not watched any more, unless one is there again."""
        with self._lock:
            if not self.is_active or os.path.lexists(path):
                return
            below = path + b"/"
            with self.state.guard:
                for one in [one for one in self.state.unwatched if one == path or one.startswith(below)]:
                    del self.state.unwatched[one]
            gone = [wd for wd, one in self._active_callbacks_by_watch.items() if one == path or one.startswith(below)]
            self._remove_callbacks(gone)

    def _add_all_callbacks(self, path: bytes) -> None:
        if any(self.state.names.folder(os.fsdecode(one)) for one in path[len(self.path) :].split(b"/") if one):
            return
        self._add_callback(path)
        waiting = [path] if self.is_recursive else []
        while waiting:
            for folder in self._folders(waiting.pop()):
                self._add_callback(folder)
                waiting.append(folder)

    def _move_watches(self, move_src_path: bytes, move_dst_path: bytes) -> bool:
        below = move_src_path + b"/"
        with self.state.guard:
            for one in [one for one in self.state.unwatched if one == move_src_path or one.startswith(below)]:
                self.state.unwatched[move_dst_path + one[len(move_src_path) :]] = self.state.unwatched.pop(one)
        return super()._move_watches(move_src_path, move_dst_path)

    def _folders(self, path: bytes) -> Sequence[bytes]:
        """The folders in a folder that our walk enters."""
        try:
            device = os.lstat(self.path).st_dev
            with os.scandir(path) as listing:
                found = [
                    one
                    for one in listing
                    if one.is_dir(follow_symlinks=False) and not self.state.names.folder(os.fsdecode(one.name))
                ]
            return [one.path for one in found if one.stat(follow_symlinks=False).st_dev == device]
        except OSError:  # it went, or it cannot be read, and so not be watched: that is told
            return ()

    def _add_callback(self, path: bytes) -> None:
        try:
            wd = self._inotify_fd.add_callback(path, self.event_mask, self._callback, self._id)
        except OSError as error:
            if path == self.path:
                raise
            if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                with self.state.guard:
                    self.state.unwatched[path] = error.errno or errno.EIO
            return
        self._active_callbacks_by_path[path] = wd
        self._active_callbacks_by_watch[wd] = path
        with self.state.guard:
            self.state.unwatched.pop(path, None)

    def _recursive_simulate(self, src_path: bytes) -> list[InotifyEvent]:
        del src_path
        return []

    def _remove_watch_internally(self, wd: WatchDescriptor) -> None:
        """As the parent, but a folder that was moved while events were lost has no entry of its own any more."""
        path = self._active_callbacks_by_watch.pop(wd, None)
        if path is not None and self._active_callbacks_by_path.get(path) == wd:
            del self._active_callbacks_by_path[path]


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
        self._state.group = self._inotify
