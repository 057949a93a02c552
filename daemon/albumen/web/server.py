"""A small HTTP server for a few fixed pages, of the standard library: two pages that change nothing need no framework, and what is
not there cannot be attacked. The API of later issues brings its own.

Hardened where the library is not: a request has five seconds and 16 KiB in all to arrive, eight are served at once, only ``GET`` and
``HEAD`` are answered, paths are looked up and never opened, a connection carries one request.
"""

import errno
import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any

from albumen import observe
from albumen.errors import ConfigError
from albumen.web.door import Door

_PATIENCE = 5.0  # seconds for a request to arrive, and for an answer to leave
_LARGEST = 16 * 1024  # bytes of a request
_AT_ONCE = 8
_STOP = 1.0  # seconds that requests get to end
_STOPS = 0.5  # seconds between looks whether to stop


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    body: bytes
    type: str
    status: int = 200


Page = Callable[[], Answer]


class Server:
    """A ``supervisor.Service``: answers ``pages`` by path at ``address`` (host, port; port 0 = any free one), from ``start`` to
    ``stop``."""

    def __init__(self, address: tuple[str, int], token: str, pages: Mapping[str, Page], log: observe.Log) -> None:
        self._address = address
        self._token = token
        self._pages = pages
        self._log = log
        self._server: _Listening | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before ``start``."""
        return int(self._server.server_address[1]) if self._server else 0

    def start(self) -> None:
        """Listen. ``ConfigError`` when that is impossible at this address."""
        host, port = self._address
        try:
            family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._server = _Listening(family, where, self._token, self._pages, self._log)
        except (OSError, UnicodeError) as error:
            raise ConfigError([f"[metrics] listen: {host}:{port} {_why(error)}"]) from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_STOPS,), name="web", daemon=True)
        self._thread.start()
        self._log.info("answering", host=host, port=self.port)

    def stop(self) -> None:
        """No more requests; running ones end with the process at the latest. Twice is harmless."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            server.server_close()
            self._thread.join(_STOP)


def _why(error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return "is taken by another program: choose another port"
    if code == errno.EADDRNOTAVAIL:
        return "is no address of this machine"
    if code in (errno.EACCES, errno.EPERM):
        return "may not be listened on by this user: choose a port above 1023"
    return f"cannot be listened on: {getattr(error, 'strerror', None) or error}"


class _Listening(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, family: int, where: Any, token: str, pages: Mapping[str, Page], log: observe.Log) -> None:
        self.address_family = family
        self.pages = pages
        self.log = log
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(where, _Handler)
        self.door = Door(int(self.server_address[1]), token)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, unless so many are busy that this one is sent away."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had: not served, and the listener goes on
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back, whatever happened."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the library gives them
        """Called inside an ``except``: somebody hung up, or a page broke."""
        if isinstance(sys.exception(), OSError):
            self.log.debug("request not answered", why="the other side hung up")
        else:
            self.log.exception("bug", part="web")  # noqa: LOG004  # see above


class _Handler(BaseHTTPRequestHandler):
    """One connection, one request."""

    protocol_version = "HTTP/1.0"
    server: _Listening
    headers: Message

    def setup(self) -> None:
        """Read the whole head at once, within its limits, so that nothing behind it waits for the other side again."""
        self.connection = self.request
        head = self._head()
        self._too_large = len(head) >= _LARGEST
        self.rfile = io.BytesIO(head)
        self.wfile = self._out = io.BytesIO()

    def handle(self) -> None:
        """Answer, then hang up."""
        self.close_connection = True
        self.command, self.requestline, self.request_version = "", "", self.protocol_version
        if self._too_large:
            self._send(_text(431, f"a request may have {_LARGEST} bytes"))
            return
        self.raw_requestline = self.rfile.readline(_LARGEST)
        if self.raw_requestline and self.parse_request():
            self._send(self._answer())

    def finish(self) -> None:
        """The answer leaves in one piece."""
        self.connection.settimeout(_PATIENCE)
        self.connection.sendall(self._out.getvalue())

    def version_string(self) -> str:
        """Which program and version answers is nobody's business."""
        return "albumen"

    def log_message(self, format: str, *args: Any) -> None:
        """Lines of the library are details; they quote the request."""
        self.server.log.debug("request", said=format % args)

    def _head(self) -> bytes:
        until = time.monotonic() + _PATIENCE
        head = b""
        while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) < _LARGEST:
            left = until - time.monotonic()
            if left <= 0:
                return b""
            self.connection.settimeout(left)
            try:
                piece = self.connection.recv(4096)
            except OSError:  # it took too long, or hung up
                return b""
            if not piece:
                return b""
            head += piece
        return head

    def _answer(self) -> Answer:
        if self.command not in ("GET", "HEAD"):
            return _text(405, "only GET and HEAD are answered")
        given = self.headers.get_all
        refused, why = self.server.door.refusal(given("Host", []), given("Origin", []), given("Authorization", []))
        if refused:
            return _text(refused, why)
        page = self.server.pages.get(self.path.partition("?")[0])
        return page() if page else _text(404, f"here are {' and '.join(self.server.pages)}")

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if answer.status == 405:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _text(status: int, text: str) -> Answer:
    return Answer(f"{text}\n".encode(), "text/plain; charset=utf-8", status)
