"""What reaches the terminal. The only place that writes to stdout and stderr.

File names of any bytes are written escaped, so that a line stays one line and no encoding can fail.
"""

import sys
from typing import TextIO


def prepare() -> None:
    """Streams that never refuse a character: what their encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if callable(reconfigure):
            reconfigure(errors="backslashreplace")


def line(text: str = "") -> None:
    """One line on stdout."""
    _write(sys.stdout, _printable(text))


def error(text: str) -> None:
    """One line on stderr: what went wrong, or news beside the answer."""
    _write(sys.stderr, _printable(text))


def json_line(value: object) -> None:
    """A frozen value (or plain JSON) as one line of JSON on stdout, ASCII."""
    from albumen.jsonable import dumps

    _write(sys.stdout, dumps(value))


def raw(text: str) -> None:
    """A finished line of JSON on stdout."""
    _write(sys.stdout, text)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    from albumen.operations.look import printable

    return printable(text)


def _write(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
