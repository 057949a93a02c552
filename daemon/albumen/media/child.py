"""The child process of ``sandbox``: reads one question after the other from stdin, answers on stdout, ends with its parent.

Questions and answers are JSON behind their length (4 bytes, little-endian). The limits of one file are set here, before its bytes
are touched. ``SIGALRM`` and ``SIGXCPU`` keep their default action, so that they end the process even inside a C library; that, and
the end of stdin, is why no child outlives a killed parent for longer than ``wall`` seconds (a parent-death signal would not do: it
comes when the *thread* that started the child ends).
"""

import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

from albumen.errors import Rejected
from albumen.jsonable import dumps
from albumen.media import probe


def main() -> int:
    """Tell the facts of files; see ``serve``."""
    return serve(sys.argv[1:4], _facts)


def _facts(question: Any) -> dict[str, object]:
    path, name = question
    return {"facts": probe.read(path, name=name)}


def serve(limits: Sequence[str], answer: Callable[[Any], dict[str, object]], *, written: int = 0) -> int:
    """Answer until stdin ends. ``limits``: CPU seconds and wall seconds per question, bytes of address space. ``written``: bytes
    that a file may be made of."""
    cpu, wall, memory = (int(one) for one in limits)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, written)
    while True:
        question = receive(0)
        if question is None:
            return 0
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        signal.alarm(wall)
        told = _told(answer, json.loads(question), memory)
        signal.alarm(0)
        send(1, dumps(told).encode())
        if "last" in told:
            return 0


def _told(answer: Callable[[Any], dict[str, object]], question: object, memory: int) -> dict[str, object]:
    """The answer; with ``last`` this process ends after it."""
    try:
        return answer(question)
    except Rejected as error:
        return {"rejected": str(error)}
    except OSError as error:
        return {"errno": error.errno or 0, "why": error.strerror or str(error)}
    except RecursionError:
        return {"rejected": "its structure is nested too deeply"}
    except MemoryError:
        return {"rejected": f"reading it needs more than {memory >> 20} MiB of memory", "last": True}


def _limit(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (soft, soft))


def receive(fd: int) -> bytes | None:
    """One message, None at the end of the stream."""
    head = _exactly(fd, 4)
    return _exactly(fd, struct.unpack("<I", head)[0]) if head else None


def send(fd: int, message: bytes) -> None:
    """One message."""
    data = memoryview(struct.pack("<I", len(message)) + message)
    while data:
        data = data[os.write(fd, data) :]


def _exactly(fd: int, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        more = os.read(fd, count - len(data))
        if not more:
            return None
        data += more
    return data


if __name__ == "__main__":
    sys.exit(main())
