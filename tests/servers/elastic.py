"""A real Elasticsearch of one node, started and stopped by tests; ``es-node`` builds it (a minute the first time, then offline).

with elastic.server(tmp_path) as url: …            # or the one that ALBUMEN_TEST_ELASTICSEARCH names
with elastic.node(tmp_path) as node:               # always one of the tests' own, which may be killed
    node.kill()
    node.start()                                   # on the same data, at the same address
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from servers import free_port, needs

__all__ = ["Node", "index_of", "node", "server"]

_HERE = Path(__file__).parent / "es-node" / "start.sh"
_LIMIT = 300.0  # seconds for a start: a build may be part of it, and the machine may be busy


@dataclass
class Node:
    """``folder`` keeps its data and its log, ``settings`` are the server's own ("name=value"), ``heap`` is Java's."""

    folder: Path
    settings: tuple[str, ...] = ()
    heap: str = "400m"
    port: int = 0
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Its address; the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers and all that it keeps can be read and written. Started already: does nothing."""
        if self._process is not None:
            return
        for _ in range(3):  # somebody else may take a port between our look and its start
            self.port = self.port or _ports()
            if self._started():
                self.ask("GET", "/_cluster/health?wait_for_status=yellow&wait_for_no_initializing_shards=true&timeout=120s")
                return
        pytest.fail(f"Elasticsearch did not start:\n{self.log[-4000:]}")

    def stop(self) -> None:
        """In good order; by force when that takes half a minute. Twice is harmless."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._ended()

    def kill(self) -> None:
        """As a power cut does, but for what the system has in its memory. Twice is harmless."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def freeze(self) -> None:
        """It answers nothing until ``thaw``; connections stay open."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Goes on."""
        os.kill(self.pid, signal.SIGCONT)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One question to it, without any client library; the JSON it answers. ``HTTPError`` for 4xx and 5xx."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(asked, timeout=150) as answer:
            return json.loads(answer.read() or b"null")

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "node.log").read_text(errors="replace")

    def _started(self) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "node.log"
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(_HERE), str(self.port), str(self.folder), *self.settings],
                stdin=subprocess.PIPE,  # it ends when this closes, so that it does not outlive the tests
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "ES_STOP_ON_EOF": "1", "ES_HEAP": self.heap},
            )
        end = time.monotonic() + _LIMIT
        while time.monotonic() < end and self._process.poll() is None:
            if b"READY http" in log.read_bytes()[before:]:
                return True
            time.sleep(0.1)
        self.kill()
        self.port = 0
        return False

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


@contextmanager
def node(folder: Path, *settings: str, heap: str = "400m") -> Iterator[Node]:
    """One node of the tests' own, for as long as the context lasts. Skips where Java or Maven is missing."""
    needs("java", "javac", "mvn")
    made = Node(folder / "elastic", settings, heap)
    try:
        made.start()
        yield made
    finally:
        made.kill()


@contextmanager
def server(folder: Path, heap: str = "400m") -> Iterator[str]:
    """The address of an Elasticsearch that nobody kills: the one that ``ALBUMEN_TEST_ELASTICSEARCH`` names, else a node of our own.
    Others may use it, too: give each test an index of its own (``index_of``, or a ``uuid``)."""
    given = os.environ.get("ALBUMEN_TEST_ELASTICSEARCH")
    if given:
        yield given
        return
    with node(folder, heap=heap) as made:
        yield made.url


def index_of(home: str | Path) -> str:
    """The index of the catalog of that folder: the same whenever it is asked, no other folder's, and no other test run's."""
    return "test-" + hashlib.sha256(f"{os.getpid()}:{home}".encode()).hexdigest()[:20]


def _ports() -> int:
    """A port that is free together with the one a thousand above, where nodes talk to each other."""
    while True:
        port = free_port()
        try:
            with socket.create_server(("127.0.0.1", port + 1000)):
                return port
        except (OSError, OverflowError):
            continue
