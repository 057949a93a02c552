"""The daemon as a process: it tells systemd how it goes, follows SIGHUP, and begins anew in place.

A new beginning is an ``exec`` of the same command: threads that hang end with the program they belong to, the kernel frees what
they held, and nothing is left of old settings. The process keeps its id, so that systemd, a container and a shell keep their child,
and the daemon's lock goes through it held: no other daemon comes in between.
"""

import dataclasses
import faulthandler
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType

from albumen import observe
from albumen.app import App
from albumen.errors import AlbumenError, ConfigError, Unavailable
from albumen.operations.unit import admit
from albumen.owners import DaemonLock
from albumen.sdnotify import Notifier
from albumen.settings import Settings
from albumen.supervisor import Host, Supervisor
from albumen.web import numbers

_PASSED = "_ALBUMEN_BEGUN_ANEW"  # from one life of the process to the next
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_WAITS = (2.0, 5.0, 15.0, 60.0)  # seconds until settings are read again
_CLOSE = 5.0  # seconds that closing may take before a new beginning; what hangs is ended by it


def serve(
    read: Callable[[], Settings],
    follow: Callable[[Settings], None],
    *,
    idle_exit: float | None = None,
    env: MutableMapping[str, str] = os.environ,
) -> None:
    """Run the daemon until it is told to stop, in the main thread. ``read`` gives the settings, or ``ConfigError``; ``follow`` sends
    the logs where they say. ``ConfigError`` also when the daemon cannot start as it is configured."""
    faulthandler.enable()  # systemd's watchdog ends a hung process by SIGABRT: then its log shows where each thread was
    before = Before.take(env)
    orders = _Orders()
    said = Notifier.of(env)
    with orders.taken():
        with said.starting():
            settings = _read(read, orders)
            if settings is None:
                return
            follow(settings)
            admit(settings, env)
            app = App.open(settings, stop=orders.stop)
        with app:
            app.daemon.adopt(before.lock)
            supervisor = app.supervisor()
            supervisor.begun_anew = before.why
            supervisor.services = (*supervisor.services, *numbers.service(app, supervisor.watched))
            process = Process(app, supervisor, said, orders, read, follow, env)
            supervisor.host = process
            why = supervisor.run(idle_exit=idle_exit)
            if why:
                _close(app)
                orders.block()
                if not orders.left.is_set():
                    Before(process.lock.hand_over(), why).begin_anew(env)


def _read(read: Callable[[], Settings], orders: "_Orders") -> Settings | None:
    """The settings; a Vault that holds a part of them and is away is waited for. None when the daemon is told to leave meanwhile."""
    for delay in itertools.chain(_WAITS, itertools.repeat(_WAITS[-1])):
        try:
            settings = read()
            settings.metrics.admit()
        except Unavailable as error:
            observe.set_up()  # where logs go is not known yet
            observe.logger().warning("settings cannot be read yet", why=str(error), again_in=delay)
        else:
            return settings
        if orders.stop.wait(delay):
            return None
    raise AssertionError("it waits for ever")


@dataclass(frozen=True, slots=True)
class Before:
    """What one life of the process leaves to the next: its lock (a descriptor, -1 for none) and why it ended."""

    lock: int = -1
    why: str = ""

    @classmethod
    def take(cls, env: MutableMapping[str, str]) -> "Before":
        """What was left to this one; children are not told of it."""
        try:
            told = json.loads(env.pop(_PASSED, "{}"))
            return cls(int(told.get("lock", -1)), str(told.get("why", "")))
        except (ValueError, TypeError, AttributeError):
            return cls()

    def begin_anew(self, env: Mapping[str, str]) -> None:
        """The same command in the same process. Does not come back."""
        sys.stdout.flush()
        sys.stderr.flush()
        told = json.dumps(dataclasses.asdict(self))
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**env, _PASSED: told})  # noqa: S606  # itself


class _Orders:
    """What signals ask for: SIGTERM and SIGINT to leave, SIGHUP to read the settings again."""

    def __init__(self) -> None:
        self.stop = threading.Event()  # of the app; set for a new beginning, too
        self.left = threading.Event()
        self.again = threading.Event()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """While the daemon runs, the orders are ours, also those that came while it began anew."""
        old = {one: signal.signal(one, self._hangup if one == signal.SIGHUP else self._leave) for one in _SIGNALS}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        try:
            yield
        finally:
            for one, handler in old.items():
                signal.signal(one, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def block(self) -> None:
        """From now on they wait: for the next life of the process."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def _leave(self, _signal: int, _frame: FrameType | None) -> None:
        self.left.set()
        self.stop.set()

    def _hangup(self, signal: int, frame: FrameType | None) -> None:
        """Of a terminal, which was closed: leave. Of anybody else: read the settings again."""
        if os.isatty(0):
            self._leave(signal, frame)
        else:
            self.again.set()


class Process(Host):
    """The daemon's process, in the daemon's main loop."""

    def __init__(
        self,
        app: App,
        supervisor: Supervisor,
        said: Notifier,
        orders: _Orders,
        read: Callable[[], Settings],
        follow: Callable[[Settings], None],
        env: Mapping[str, str],
    ) -> None:
        self.lock: DaemonLock = app.daemon
        self._app = app
        self._settings = app.settings
        self._supervisor = supervisor
        self._said = said
        self._orders = orders
        self._read = read
        self._follow = follow
        self._env = env
        self._log = observe.logger()
        self._every = _watchdog(env) / 4
        self._moved = 0.0

    def ready(self) -> None:
        """See ``Host``."""
        self._said.ready()

    def turn(self) -> str:
        """See ``Host``."""
        now = time.monotonic()
        if now - self._moved >= self._every and not self._supervisor.health.stalled():
            self._moved = now
            self._said.alive()
        self._said.status(self._line())
        if not self._orders.again.is_set():
            return ""
        self._orders.again.clear()
        return self._reload()

    def leaving(self, why: str) -> None:
        """See ``Host``."""
        if why:
            self._said.reloading()
        else:
            self._said.stopping()

    def _line(self) -> str:
        """As the first line of ``status``: whether all is well is asked by the watchman, what is known here is known sooner."""
        found = self._app.watchman.found if self._app.watchman else None
        if trouble := self._supervisor.trouble() or (found[0].text if found else ""):
            return trouble
        return f"{'all is well, ' if found is not None else ''}{self._supervisor.tally()}"

    def _reload(self) -> str:
        """Why to begin anew, "" when nothing changed or what changed cannot be followed."""
        try:
            settings = self._read()
            with closing(settings.secrets):  # who goes on has a connection of his own
                if dataclasses.replace(settings, log=self._settings.log) == self._settings:
                    return self._as_before(settings)
                self._try(settings)
        except (AlbumenError, OSError) as error:
            why = "; ".join(error.problems) if isinstance(error, ConfigError) else str(error)
            self._supervisor.refused = why
            self._log.error("settings cannot be followed, the old ones stay", why=why)
            return ""
        return "its settings changed"

    def _as_before(self, settings: Settings) -> str:
        self._supervisor.refused = ""
        self._settings = dataclasses.replace(self._settings, log=settings.log)  # the secrets in use are those of before
        self._follow(self._settings)
        self._log.info("settings were read again; nothing of them needs a new beginning")
        return ""

    def _try(self, settings: Settings) -> None:
        """Open all of it beside what runs; it is closed again, and the next life of this process keeps it."""
        admit(settings, self._env)
        with App.open(settings) as trial:
            watched = trial.supervisor().watched
            if settings.metrics.listen != self._settings.metrics.listen:  # the old address is in use, by us
                for one in numbers.service(trial, watched):
                    one.start()
                    one.stop()
            if trial.state != self._app.state:
                if not trial.daemon.take():
                    raise ConfigError([f"another daemon (process {trial.daemon.held()}) works on {trial.state}"])
                self.lock = trial.daemon


def _watchdog(env: Mapping[str, str]) -> float:
    """Seconds within which systemd wants to hear of us; very many when it does not."""
    try:
        if env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()):
            return int(env["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        pass
    return float("inf")


def _close(app: App) -> None:
    """As much of it as can be closed: what hangs holds up nobody."""
    thread = threading.Thread(target=app.close, name="closing", daemon=True)
    thread.start()
    thread.join(_CLOSE)
