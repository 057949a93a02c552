"""How a line of the log is made, with structlog. Imported with the first line that is written: structlog brings asyncio and rich
along, a sixth of a second that a command which has nothing to tell need not spend.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SHORTEST = 4  # characters: blotting out every "a" would hide the log, not the secret
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_CONTROL_BUT_LINES = {code: text for code, text in _CONTROL.items() if chr(code) not in "\n\t"}


def formatter(chosen: str, date_format: str, secrets: Callable[[], Iterable[str]]) -> logging.Formatter:
    """The formatter of a handler, and structlog told to end there. ``chosen``: "colour", "plain", "json" or a line of %-form.
    ``secrets`` is asked at each line: there may be more of them by then."""
    shared = _shared(date_format, stamp="%(" not in chosen)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return _Formatter(_rendering(chosen), shared, chosen if "%(" in chosen else None, date_format or None, secrets)


def tell(name: str, method: str, event: str, fields: dict[str, Any]) -> None:
    """One line of the logger of that name."""
    getattr(structlog.stdlib.get_logger(name), method)(event, **fields)


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
        secrets: Callable[[], Iterable[str]],
    ) -> None:
        processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering]
        super().__init__(processors=processors, foreign_pre_chain=foreign, fmt=line, datefmt=date)
        self._asked = secrets
        self._known: tuple[str, ...] = ()
        self._forms: Sequence[str] = ()

    def format(self, record: logging.LogRecord) -> str:
        """The finished line."""
        text = super().format(record)
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return text

    def _secrets(self) -> Sequence[str]:
        """Every form that a secret may stand in, the longest first."""
        known = tuple(self._asked())
        if known != self._known:
            long = [one for one in known if len(one) >= _SHORTEST]
            forms = {form for one in long for form in (one, json.dumps(one)[1:-1], repr(one)[1:-1])}
            self._known, self._forms = known, sorted(forms, key=len, reverse=True)
        return self._forms
