"""What is told to the person who runs this: logs (to stderr), metrics, health. Importing it starts and changes nothing.

Libraries that log by themselves (the standard ``logging``) go through the same lines. Secrets are blotted out of the finished
line, so also out of tracebacks and other people's messages; file names cannot smuggle line breaks or terminal codes into it.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeVar

from albumen.errors import AlbumenError

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

M = TypeVar("M")

# -------------------------------------------------------------------------------------------------------------------- logs


def set_up(
    level: str = "info",
    format: str = "auto",
    date_format: str = "",
    *,
    secrets: Iterable[str] | Callable[[], Iterable[str]] = (),
    stream: TextIO | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Send logs from ``level`` upward to ``stream`` (default stderr). May be called again: the last call counts.

    ``format``: ``auto`` = JSON when systemd reads the stream or in a container, colours on a terminal, else plain lines;
    ``console`` = lines, coloured on a terminal; ``plain``; ``json``; or a line of ``logging``'s %-form. ``date_format`` is
    strftime's, "" = ISO 8601; always UTC. ``secrets`` are texts that must not appear, or who knows them at each line.
    """
    out = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(out)
    fixed = () if callable(secrets) else tuple(secrets)
    hidden = secrets if callable(secrets) else lambda: fixed
    handler.setFormatter(_Formatter(chosen_format(format, out, os.environ if env is None else env), date_format, hidden))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one.formatter, _Formatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())


class _Formatter(logging.Formatter):
    """Made when the first line is: see ``lines``."""

    def __init__(self, chosen: str, date_format: str, secrets: Callable[[], Iterable[str]]) -> None:
        super().__init__()
        self._wanted = (chosen, date_format, secrets)
        self._made: logging.Formatter | None = None
        self._guard = threading.Lock()

    def made(self) -> logging.Formatter:
        """The real one."""
        with self._guard:
            if self._made is None:
                from albumen import lines

                self._made = lines.formatter(*self._wanted)
            return self._made

    def format(self, record: logging.LogRecord) -> str:
        """The finished line."""
        return self.made().format(record)


class Log(Protocol):
    """What is asked of a logger: an event in a few words, its circumstances as fields."""

    def debug(self, event: str, **fields: Any) -> object:
        """For whoever looks for a fault."""

    def info(self, event: str, **fields: Any) -> object:
        """Something is now as it was not before."""

    def warning(self, event: str, **fields: Any) -> object:
        """A person may have to do something."""

    def error(self, event: str, **fields: Any) -> object:
        """Something failed."""

    def exception(self, event: str, **fields: Any) -> object:
        """As ``error``, with the exception that is being handled."""

    def critical(self, event: str, **fields: Any) -> object:
        """The program ends."""


class Logger:
    """The ``Log`` of a name. A line below the level costs next to nothing."""

    def __init__(self, name: str) -> None:
        self._out = logging.getLogger(name)

    def debug(self, event: str, **fields: Any) -> None:
        """See ``Log``."""
        self._tell(logging.DEBUG, "debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """See ``Log``."""
        self._tell(logging.INFO, "info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """See ``Log``."""
        self._tell(logging.WARNING, "warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """See ``Log``."""
        self._tell(logging.ERROR, "error", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """See ``Log``."""
        self._tell(logging.ERROR, "exception", event, fields)

    def critical(self, event: str, **fields: Any) -> None:
        """See ``Log``."""
        self._tell(logging.CRITICAL, "critical", event, fields)

    def _tell(self, level: int, method: str, event: str, fields: dict[str, Any]) -> None:
        if not self._out.isEnabledFor(level):
            return
        from albumen import lines

        for one in logging.getLogger().handlers:
            if isinstance(one.formatter, _Formatter):
                one.formatter.made()
        lines.tell(self._out.name, method, event, fields)


def catch_bugs() -> None:
    """From now on what nobody caught, in any thread, ends as a line of the log: a bare traceback might show a secret."""

    def told(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
        elif error is not None and not issubclass(kind, SystemExit):
            logger().critical("bug", exc_info=(kind, error, trace))

    if sys.excepthook is sys.__excepthook__:  # else whoever runs us (a test, a debugger) wants to hear of it
        sys.excepthook = told
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda bug: told(bug.exc_type, bug.exc_value, bug.exc_traceback)


def logger(name: str = "albumen") -> Logger:
    """A logger: ``logger().info("what happened", file=path)``. Follows ``set_up`` also when it was got before."""
    return Logger(name)


def chosen_format(format: str, stream: TextIO, env: Mapping[str, str]) -> str:
    """What ``auto`` and ``console`` mean for this stream: "colour", "plain", "json", or ``format`` itself."""
    if format == "auto" and _journal(stream, env):
        return "json"
    if format not in {"auto", "console"}:
        return format
    if not stream.isatty():
        return "json" if format == "auto" and env.get("container") else "plain"  # as our image says
    return "plain" if env.get("TERM") == "dumb" or env.get("NO_COLOR") else "colour"


def _journal(stream: TextIO, env: Mapping[str, str]) -> bool:
    """systemd names the device and inode of the stream it reads (systemd.exec(5), $JOURNAL_STREAM)."""
    named = env.get("JOURNAL_STREAM", "")
    if not named:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


# ----------------------------------------------------------------------------------------------------------------- metrics


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric as it is now: ``values`` by tuples of the values of its ``labels`` (both () = one number). A ``counter`` only
    grows."""

    name: str
    help: str
    values: Mapping[Any, float]
    labels: tuple[str, ...] = ()
    counter: bool = False


class Metrics:
    """Numbers for Prometheus, in a registry of its own. Asking again for the same name gives the same metric.

    Names get the prefix ``albumen_``; ``labels`` are label names.
    """

    CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry

        self.registry = CollectorRegistry(auto_describe=False)
        self._made: dict[str, Any] = {}
        self._guard = threading.Lock()

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> "Counter":
        """Only grows; ``_total`` is added to its name."""
        from prometheus_client import Counter

        return self._once(Counter, name, help, labels)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> "Gauge":
        """A number now."""
        from prometheus_client import Gauge

        return self._once(Gauge, name, help, labels)

    def histogram(self, name: str, help: str, labels: Sequence[str] = ()) -> "Histogram":
        """How often, how long (seconds)."""
        from prometheus_client import Histogram

        return self._once(Histogram, name, help, labels)

    def ask(self, read: Callable[[], Iterable[Reading]]) -> None:
        """Also what this says, asked each time somebody looks: what is known elsewhere need not be counted twice."""
        self.registry.register(_Asking(read))

    def about(self, **build: str) -> None:
        """What runs here (``build_info``), and its memory, threads of the processor and descriptors."""
        from prometheus_client import Info, ProcessCollector

        Info("albumen_build", "What runs here", registry=self.registry).info(build)
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """All of them in the text format that is scraped."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)

    def _once(self, kind: Callable[..., M], name: str, help: str, labels: Sequence[str]) -> M:
        with self._guard:
            if name not in self._made:
                self._made[name] = kind(f"albumen_{name}", help, tuple(labels), registry=self.registry)
            made: M = self._made[name]
            return made


class _Asking:
    """A collector over readings."""

    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for one in self._read():
            kind = CounterMetricFamily if one.counter else GaugeMetricFamily
            family = kind(f"albumen_{one.name}", one.help, labels=one.labels)
            for labels, value in one.values.items():
                family.add_metric(labels, value)
            yield family


# ------------------------------------------------------------------------------------------------------------------ health


class Health:
    """Who can be asked whether it works (``ports.Pings``), and who must have moved lately. ``clock`` gives seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pings: dict[str, Callable[[], object]] = {}
        self._asking: dict[str, _Answer] = {}
        self._beats: dict[str, float] = {}
        self._guard = threading.Lock()

    def add(self, name: str, ping: Callable[[], object]) -> None:
        """From now on ``check`` asks it too; the last one of a name counts."""
        with self._guard:
            self._pings[name] = ping

    def check(self, patience: float = 5.0) -> dict[str, str]:
        """Each name with "" when well, else the reason. Asks all of them now, at the same time; one that does not answer within
        ``patience`` seconds (a network mount whose server is gone) is not asked again before it does."""
        with self._guard:
            for name, ping in self._pings.items():
                if name not in self._asking or self._asking[name].done.is_set():
                    self._asking[name] = _Answer(ping)
            asked = dict(self._asking)
        until = time.monotonic() + patience
        return {name: one.why(until) for name, one in asked.items()}

    def beat(self, name: str) -> None:
        """It moved now."""
        with self._guard:
            self._beats[name] = self._clock()

    def stalled(self, limit: float = 60.0) -> list[str]:
        """Names that beat once, but not within ``limit`` seconds."""
        now = self._clock()
        with self._guard:
            return sorted(name for name, at in self._beats.items() if now - at > limit)


class _Answer:
    """One question on its way, in a thread of its own."""

    def __init__(self, ping: Callable[[], object]) -> None:
        self.done = threading.Event()
        self._ping = ping
        self._began = time.monotonic()
        self._why = "broke while it was asked; the log says how"
        threading.Thread(target=self._ask, name="ping", daemon=True).start()

    def why(self, until: float) -> str:
        """The reason, "" when well; waits until that time (seconds, monotonic) at most."""
        if self.done.wait(max(0.0, until - time.monotonic())):
            return self._why
        return f"has not answered for {time.monotonic() - self._began:.0f} s"

    def _ask(self) -> None:
        try:
            self._ping()
            self._why = ""
        except (AlbumenError, OSError) as error:
            self._why = str(error) or type(error).__name__
        finally:
            self.done.set()
