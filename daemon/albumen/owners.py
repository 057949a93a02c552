"""Who does a deed now: one process, known by a lock that the kernel frees when it dies.

``owners/<id>`` in the state directory is held by ``flock`` as long as the process lives. The file is locked under a temporary
name first and then renamed, so it is never seen unlocked while its owner lives (seen once in the trial). Dead owners are found
with a *shared* lock, so that two testers never take each other for the owner.
"""

import fcntl
import os
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from albumen import mounts
from albumen.errors import ConfigError, UsageError

if TYPE_CHECKING:  # ``status --alive`` needs the lock, and nothing else of the model
    from albumen.model import Owner


class Owners:
    """The owners of one state directory. ``me`` is this process; ``close`` gives the identity up (tests; a process just dies)."""

    def __init__(self, state: str) -> None:
        self._folder = os.path.join(state, "owners")
        os.makedirs(self._folder, exist_ok=True)
        self.me: Owner = uuid.uuid4().hex[:16]
        draft = os.path.join(self._folder, f".{self.me}")
        self._fd = os.open(draft, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.write(self._fd, str(os.getpid()).encode())
        os.rename(draft, os.path.join(self._folder, self.me))

    def dead(self) -> "frozenset[Owner]":
        """Owners proven dead now. Owners whose file is gone are dead too: ask ``is_dead`` of one you know."""
        found = set()
        for name in os.listdir(self._folder):
            if not name.startswith(".") and self.is_dead(name):
                found.add(name)
        return frozenset(found)

    def others(self) -> tuple[str, ...]:
        """The process ids of all that live, but for this one."""
        living = [one for one in os.listdir(self._folder) if not one.startswith(".") and one != self.me and not self.is_dead(one)]
        return tuple(sorted(filter(None, (self._process(one) for one in living))))

    def _process(self, owner: "Owner") -> str:
        with suppress(FileNotFoundError), open(os.path.join(self._folder, owner), encoding="ascii") as file:
            return file.read(20)
        return ""

    def is_dead(self, owner: "Owner") -> bool:
        """Whether that owner's process is gone."""
        if owner == self.me:
            return False
        try:
            fd = os.open(os.path.join(self._folder, owner), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
        return True

    def __contains__(self, owner: object) -> bool:
        """``owner in owners`` = that owner is dead: the ``Container`` that ``Ledger.recover`` asks for."""
        return isinstance(owner, str) and owner != "" and self.is_dead(owner)

    def forget(self, owner: "Owner") -> None:
        """Remove a dead owner's file, once nothing of it is left anywhere. Twice is harmless."""
        if owner != self.me and self.is_dead(owner):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, owner))

    def close(self) -> None:
        """Give up this identity: from now on this owner counts as dead. Twice is harmless."""
        if self._fd < 0:
            return
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, self.me))
        os.close(self._fd)
        self._fd = -1


_AGAIN = 0.05  # seconds between tries for a lock
DAEMON_LOCK = "daemon.lock"  # in the state directory; its time is when a daemon took it


class DaemonLock:
    """At most one daemon per state directory."""

    def __init__(self, state: str) -> None:
        self._path = os.path.join(state, DAEMON_LOCK)
        self._fd: int | None = None

    def take(self) -> bool:
        """Become the daemon; False when another one runs. Commands test with a shared lock for an instant: try a few times. Twice is
        harmless."""
        if self._fd is not None:
            return True
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd
        return True

    def adopt(self, fd: int) -> None:
        """Go on with what ``hand_over`` of this program's life before gave, unless it is another directory's."""
        try:
            mine = os.path.samestat(os.fstat(fd), os.stat(self._path))
        except OSError:
            mine = False
        if not mine:
            with suppress(OSError):
                os.close(fd)
            return
        os.set_inheritable(fd, False)  # noqa: FBT003  # takes no names
        os.utime(fd)
        self._fd = fd

    def hand_over(self) -> int:
        """The open lock, kept through ``exec``; -1 when it is not held."""
        if self._fd is None:
            return -1
        os.set_inheritable(self._fd, True)  # noqa: FBT003  # takes no names
        return self._fd

    def held(self) -> str:
        """The process id of the running daemon, "" when none runs."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return ""
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(fd, 20, 0).decode() or "?"
        finally:
            os.close(fd)
        return ""

    def release(self) -> None:
        """Stop being the daemon."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


_BORN = "born"  # in the state directory: an empty file whose time is when the directory was first used


def born(state: str) -> int:
    """When the state directory was first used, in ns; 0 when it never was."""
    try:
        return os.stat(os.path.join(state, _BORN)).st_mtime_ns
    except OSError:
        return 0


class StateLock:
    """Who has the databases of a state directory: any number of processes share them, one that swaps or upgrades them has them
    alone. The kernel frees it when the process dies."""

    def __init__(self, state: str, owners: Owners) -> None:
        self._state = state
        self._owners = owners
        self._fd = os.open(os.path.join(state, "state.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)

    def share(self, patience: float = 30.0) -> None:
        """Have them with all others; waits so many seconds for one that has them alone. ``UsageError``: it still does."""
        if not self._take(fcntl.LOCK_SH, patience):
            raise UsageError(f"the databases in {self._state} are being restored or upgraded{self._who()}: try again in a while")

    def alone(self, what: str, patience: float = 5.0) -> None:
        """Have them alone. ``UsageError`` that ``what`` cannot be done while others live, as long as they do: those of an older
        program, too, which know nothing of this lock."""
        until = time.monotonic() + patience
        while not self._take(fcntl.LOCK_EX, 0.0) or self._owners.others():
            if time.monotonic() >= until:
                raise UsageError(f"{what} needs {self._state} for itself, but albumen runs{self._who()}: stop it first")
            time.sleep(_AGAIN)

    def close(self) -> None:
        """Give it up. Twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _take(self, how: int, patience: float) -> bool:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self._fd, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    return False
                time.sleep(_AGAIN)
            else:
                return True

    def _who(self) -> str:
        others = self._owners.others()
        return f" (process {', '.join(others)})" if others else ""


def state_directory(path: str) -> str:
    """The state directory, made when missing. ``ConfigError`` when it cannot be written, or must not keep databases."""
    if kind := mounts.bars_databases(path):
        raise ConfigError(
            [
                f"state directory {path} lies on a file system of the kind {kind}, which cannot keep databases safely (other machines or "
                "programs change it unseen): set [state] dir to a folder on a disk of this machine"
            ]
        )
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"state directory {path}: {error.strerror}; set [state] dir to a folder you may write to"]) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError([f"state directory {path} is not writable; set [state] dir to a folder you may write to"])
    with suppress(OSError):  # it exists, or the disk is full
        os.close(os.open(os.path.join(path, _BORN), os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    return path
