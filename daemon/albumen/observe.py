"""What is told to the person who runs this: logs (to stderr), metrics, health. Importing it starts and changes nothing.

Libraries that log by themselves (the standard ``logging``) go through the same lines. Secrets are blotted out of the finished
line, so also out of tracebacks and other people's messages; file names cannot smuggle line breaks or terminal codes into it.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from albumen.errors import AlbumenError

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

M = TypeVar("M")

_SHORTEST = 4  # characters: blotting out every "a" would hide the log, not the secret
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_CONTROL_BUT_LINES = {code: text for code, text in _CONTROL.items() if chr(code) not in "\n\t"}


# -------------------------------------------------------------------------------------------------------------------- logs


def set_up(
    level: str = "info",
    format: str = "auto",
    date_format: str = "",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Send logs from ``level`` upward to ``stream`` (default stderr). May be called again: the last call counts.

    ``format``: ``auto`` = JSON when systemd reads the stream or in a container, colours on a terminal, else plain lines;
    ``console`` = lines, coloured on a terminal; ``plain``; ``json``; or a line of ``logging``'s %-form. ``date_format`` is
    strftime's, "" = ISO 8601; always UTC. ``secrets`` are texts that must not appear.
    """
    out = sys.stderr if stream is None else stream
    chosen = chosen_format(format, out, os.environ if env is None else env)
    shared = _shared(date_format, stamp="%(" not in chosen)
    formatter = _Formatter(_rendering(chosen), shared, chosen if "%(" in chosen else None, date_format or None, secrets)
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one.formatter, _Formatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


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


def logger(name: str = "albumen") -> structlog.stdlib.BoundLogger:
    """A logger: ``logger().info("what happened", file=path)``. Follows ``set_up`` also when it was got before."""
    got: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return got


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


def _shared(date_format: str, *, stamp: bool) -> list[Processor]:
    steps: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level]
    if stamp:
        steps.append(structlog.processors.TimeStamper(fmt=date_format or "iso", utc=True))
    return [*steps, structlog.stdlib.PositionalArgumentsFormatter(), structlog.processors.StackInfoRenderer(), _printable]


def _rendering(chosen: str) -> Sequence[Processor]:
    if chosen == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if "%(" in chosen:
        return [structlog.processors.format_exc_info, _line]
    plain = structlog.dev.plain_traceback  # the pretty one prints local variables, and so secrets
    return [structlog.dev.ConsoleRenderer(colors=chosen == "colour", exception_formatter=plain, pad_event_to=0)]


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = value.translate(_CONTROL_BUT_LINES if key in {"exception", "stack"} else _CONTROL)
    return event


def _line(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
    event.pop("level", None)
    text, trace = str(event.pop("event", "")), event.pop("exception", "")
    fields = "".join(f" {key}={value}" for key, value in event.items())
    return f"{text}{fields}" + (f"\n{trace}" if trace else "")


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """The last hand on every line: blots out secrets."""

    converter = staticmethod(time.gmtime)

    def __init__(
        self,
        rendering: Sequence[Processor],
        foreign: Sequence[Processor],
        line: str | None,
        date: str | None,
        secrets: Iterable[str],
    ) -> None:
        processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering]
        super().__init__(processors=processors, foreign_pre_chain=foreign, fmt=line, datefmt=date)
        long = [one for one in secrets if len(one) >= _SHORTEST]
        forms = {form for one in long for form in (one, json.dumps(one)[1:-1], repr(one)[1:-1])}
        self._secrets = sorted(forms, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The finished line."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


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
