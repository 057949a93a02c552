"""What systemd is told (sd_notify(3)): one datagram of ``NAME=value`` lines to the socket it names.

Written here since it is one call: the packages for it are unmaintained or bring a C library.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from albumen.effort import Pace

_EVERY = 5.0  # seconds between two words of a slow start
_LONGER = 60.0  # seconds that each of them asks for
_STILL = 30.0  # seconds without progress after which a start is left to systemd's own limit


class Notifier:
    """Tells the one at ``address`` (``$NOTIFY_SOCKET``, "@" for an abstract one); nobody when it is empty. Never raises: who does
    not listen is not told."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._last = ""

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Notifier":
        """The one who started this process, when it wants to be told."""
        return cls(env.get("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        """It works: after a start, and after ``reloading``."""
        self._send("READY=1")

    def alive(self) -> None:
        """It moves (``WatchdogSec=``)."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; sent when it changed."""
        line = text.replace("\n", " ")
        if line != self._last:
            self._last = line
            self._send(f"STATUS={line}")

    def reloading(self) -> None:
        """It begins anew, in this process."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It leaves."""
        self._send("STOPPING=1")

    @contextmanager
    def starting(self) -> Iterator[None]:
        """While a start goes on (a migration of databases may take long) and gets on, more time is asked for."""
        if not self._address:
            yield
            return
        done = threading.Event()
        pace = Pace(threading.get_native_id())
        thread = threading.Thread(target=self._plead, args=(done, pace), name="starting", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _plead(self, done: threading.Event, pace: Pace) -> None:
        while not done.is_set():
            if pace.still(time.monotonic()) < _STILL:
                self._send(f"EXTEND_TIMEOUT_USEC={_LONGER * 1e6:.0f}\nWATCHDOG=1")
            done.wait(_EVERY)

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as made:
            made.settimeout(1.0)
            made.sendto(os.fsencode(text), self._address)
