"""How the fake Nextcloud listens, and how its answers break on their way."""

import socket
import ssl
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

from servers.nextcloud_files import XML, Answer, Broken, Request

__all__ = ["Asked", "Door", "Fault", "Handler"]

Then: TypeAlias = Literal["", "lost", "dropped", "cut", "slow", "login", "stall"]
_LOGIN = b"<!DOCTYPE html><html><head><title>Login - Nextcloud</title></head><body><form method=post></form></body></html>"


@dataclass
class Fault:
    """What happens to the next ``times`` requests of this method whose address contains ``path``, after ``after`` that pass.

    ``then``: "lost" = done, but no answer; "dropped" = not done, no answer; "cut" = the answer's body ends after ``size`` bytes;
    "slow" = it comes in drops of ``size`` bytes; "stall" = nothing for ``seconds``, then as usual; "login" = an HTML page with 200.
    With a ``status`` that is answered instead, with these headers and this body."""

    method: str
    path: str = ""
    times: int = 1
    after: int = 0
    then: Then = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int = 10
    seconds: float = 0.2

    def takes(self, method: str, path: str) -> bool:
        """Whether this request is one of them; counts."""
        if self.times <= 0 or self.method not in ("*", method) or self.path not in path:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass(frozen=True)
class Asked:
    """One request that was answered (status 0: it was not)."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]


class Behind(Protocol):
    """What a door needs to know of its server."""

    base: str
    faults: list[Fault]
    asked: list[Asked]
    trouble: list[str]
    on_request: Callable[[str, str, str], None]

    def now(self) -> float:
        """Seconds since 1970."""

    def answer(self, request: Request) -> Answer:
        """Whatever was asked."""

    def under_way(self, by: int) -> None:
        """So many more requests are being answered."""


class Door(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True
    nextcloud: Behind

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # a client that goes away is no news
            self.nextcloud.trouble.append("".join(traceback.format_exception(error)))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Door

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # the base class calls it so
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self.server.nextcloud.now() if timestamp is None else timestamp)

    def version_string(self) -> str:
        return "Apache/2.4.71 (Debian)"

    def _serve(self) -> None:
        cloud = self.server.nextcloud
        target = self.path.removeprefix(cloud.base)
        path = unquote(urlsplit(target).path)
        fault = next((one for one in list(cloud.faults) if one.takes(self.command, path)), None)
        cloud.on_request(self.command, path, "before")
        request = Request(self.command, target, self.headers, self.rfile)  # type: ignore[arg-type]  # read-only use of a Message
        cloud.under_way(1)
        try:
            if fault is not None and fault.then == "stall":
                time.sleep(fault.seconds)
            answer = None if fault is not None and fault.then == "dropped" else self._instead(fault) or cloud.answer(request)
            if answer is not None:
                self._drain(request)
                cloud.on_request(self.command, path, "after")
            heard = answer if fault is None or fault.then != "lost" else None
            # told before anybody hears of it: a test that counts has all that it asked
            cloud.asked.append(Asked(self.command, path, heard.status if heard else 0, dict(self.headers)))
            if heard is None:
                self.close_connection = True
            else:
                self._send(heard, fault)
        except (Broken, OSError, ssl.SSLError):
            self.close_connection = True
        finally:
            cloud.under_way(-1)

    def _instead(self, fault: Fault | None) -> Answer | None:
        if fault is not None and fault.then == "login":
            return Answer(200, {"Content-Type": "text/html; charset=UTF-8"}, _LOGIN)
        if fault is not None and fault.status:
            return Answer(fault.status, {"Content-Type": XML, **fault.headers}, fault.body)
        return None

    def _drain(self, request: Request) -> None:
        """What nobody read, so that the connection can be used again."""
        if not request.read:
            for _ in request.pieces():
                pass

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        self.send_response(answer.status)
        for name, said in answer.headers.items():
            self.send_header(name, said)
        pieces: Iterator[bytes] = iter([answer.body]) if isinstance(answer.body, bytes) else answer.body
        length = len(answer.body) if isinstance(answer.body, bytes) and answer.length is None else answer.length
        bodiless = answer.status in (204, 304) or self.command == "HEAD"
        chunked = length is None and not bodiless
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif length is not None and answer.status not in (204, 304) and not (self.command == "HEAD" and not length):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if not bodiless:
            self._pour(pieces, fault, chunked=chunked)

    def _pour(self, pieces: Iterator[bytes], fault: Fault | None, *, chunked: bool) -> None:
        left = fault.size if fault is not None and fault.then == "cut" else None
        for piece in pieces:
            for drop in _drops(piece, fault):
                some = drop if left is None else drop[:left]
                if some:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(some), some) if chunked else some)
                if left is not None and (left := left - len(some)) <= 0:
                    self.close_connection = True
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


def _drops(piece: bytes, fault: Fault | None) -> Iterator[bytes]:
    if fault is None or fault.then != "slow":
        yield piece
        return
    for at in range(0, len(piece), fault.size):
        yield piece[at : at + fault.size]
        time.sleep(fault.seconds)
