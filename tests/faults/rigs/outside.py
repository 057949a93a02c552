"""The daemon's inotify queue as the kernel knows it, and places that tell little: seen and made from outside, without its help."""

import array
import ctypes
import fcntl
import os
import shutil
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

EVENT = 32  # bytes of an event whose name has up to 15 bytes (inotify(7): 16, and the name padded to 16)
_OVERFLOW = 16  # … of the one that tells of the overflow
_PIDFD_GETFD = 438  # the number of the system call, on every machine


class Queue:
    """The one inotify instance of a process. ``OSError`` when it has none, or this user may not look."""

    def __init__(self, pid: int) -> None:
        self._info = f"/proc/{pid}/fdinfo/{_number(pid)}"
        process = os.pidfd_open(pid)
        try:
            self._fd = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, process, _number(pid), 0)
        finally:
            os.close(process)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")

    def close(self) -> None:
        """Let go of it: it would outlive its process."""
        os.close(self._fd)

    def bytes(self) -> int:
        """How much waits to be read."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._fd, termios.FIONREAD, waiting)
        return waiting[0]

    def events(self) -> tuple[int, bool]:
        """How many events of short names wait, and whether the queue overflowed behind them."""
        count, rest = divmod(self.bytes(), EVENT)
        return count, rest == _OVERFLOW

    def inodes(self) -> set[int]:
        """The inodes of all folders that have a watch."""
        with open(self._info, encoding="ascii") as lines:
            words = (line.split() for line in lines if line.startswith("inotify "))
            return {int(word[4:], 16) for line in words for word in line if word.startswith("ino:")}


def _number(pid: int) -> str | int:
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        with suppress(OSError):
            if os.readlink(f"{folder}/{name}") == "anon_inode:inotify":
                return int(name)
    raise OSError(f"process {pid} has no inotify instance")


def limit_of_queue() -> int:
    """How many events the kernel keeps for one instance."""
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        return int(file.read())


def until(true: Callable[[], bool], seconds: float, what: str, *, every: float = 0.05) -> None:
    """Wait for it, asking each ``every`` seconds. ``TimeoutError`` says what never came."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"within {seconds:.0f} s never: {what}")
        time.sleep(every)


class Missing(Exception):
    """This machine lacks what a scene needs; the text says what."""


@contextmanager
def mounted(kind: str, at: str) -> Iterator[tuple[str, str]]:
    """A file system of that kind at ``at``/there, away again at the end: the folder in which it is used, and the one in which
    files are written (another one behind a FUSE mount). ``Missing``."""
    parts = {name: os.path.join(at, name) for name in ("there", "lower", "upper", "work")}
    for part in parts.values():
        os.makedirs(part)
    line = {
        "tmpfs": ["mount", "-t", "tmpfs", "tmpfs", parts["there"]],
        "overlay": ["mount", "-t", "overlay", "overlay", "-o", _overlay(parts), parts["there"]],
        "fuse": ["bindfs", parts["upper"], parts["there"]],
    }[kind]
    if shutil.which(line[0]) is None:
        raise Missing(f"{line[0]} is not installed")
    done = subprocess.run(line, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{' '.join(line[:3])}: {done.stderr.strip()}")
    try:
        yield parts["there"], parts["upper"] if kind == "fuse" else parts["there"]
    finally:
        subprocess.run(["umount", parts["there"]], check=True)


def _overlay(parts: dict[str, str]) -> str:
    return f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
