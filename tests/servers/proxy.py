"""A way to a server that can break, as networks and servers break: a proxy on loopback.

    with proxy.before(server.url) as way:
        client = Client(way.url)
        way.fault(answer(503, {"Retry-After": "7"}), share=0.2)      # 20 % of all requests
        way.fault(lost(), when=lambda one: one.method == "MOVE", times=1)   # it is done, the answer never comes
        way.hole()      # nothing is answered any more, connections hang
        way.heal()
        way.requests    # what was asked, in its order

In front of a server that speaks TLS nothing can be read (``raw``): there, faults are those of whole connections.
"""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

__all__ = ["Fault", "Proxy", "Request", "answer", "before", "cut", "drip", "hang", "lost", "reset", "rewritten", "unsent"]

_PIECE = 1 << 16
_FORGET = 600.0  # seconds after which no connection of a test lives any more


@dataclass(frozen=True)
class Request:
    """What was asked. Header names are small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    at: float = 0.0  # monotonic seconds


@dataclass(frozen=True)
class Answered:
    """What the server said: status, its header lines, and the body as it came (chunks with their frames)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Fault:
    """What happens to one request. Made by the functions below."""

    what: Literal["answer", "lost", "unsent", "cut", "drip", "hang", "reset", "rewrite"]
    data: bytes = b""
    number: float = 0
    change: "Callable[[Answered], bytes] | None" = None


def answer(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Fault:
    """The server is not asked; this comes instead. A ``Content-Length`` of the caller's is sent even where it is a lie."""
    lines = dict({"Content-Length": str(len(body))}, **(headers or {}))
    head = f"HTTP/1.1 {status} Because\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Fault("answer", head.encode() + b"\r\n" + body)


def lost() -> Fault:
    """The server does what it was asked; the connection is closed instead of its answer."""
    return Fault("lost")


def unsent() -> Fault:
    """The connection is closed before the server hears of it."""
    return Fault("unsent")


def cut(after: int) -> Fault:
    """The connection is closed after so many bytes of the answer's body."""
    return Fault("cut", number=after)


def drip(rate: float) -> Fault:
    """The answer's body comes at so many bytes a second."""
    return Fault("drip", number=rate)


def hang() -> Fault:
    """Nothing is answered; the connection stays."""
    return Fault("hang")


def reset() -> Fault:
    """The connection is reset at once."""
    return Fault("reset")


def rewritten(change: Callable[[Answered], bytes]) -> Fault:
    """The whole answer, head and all, is what this function makes of it."""
    return Fault("rewrite", change=change)


@dataclass
class _Rule:
    fault: Fault
    when: Callable[[Request], bool]
    times: int | None
    share: float


@dataclass
class Proxy:
    """One way to one server. ``requests``: what was asked, in its order (not when ``raw``)."""

    host: str
    port: int
    url: str = ""
    raw: bool = False
    requests: list[Request] = field(default_factory=list)
    busiest: int = 0  # most files that were under way at once: GET and PUT, from their first byte to the last of the answer; not albumen's own
    seen: Callable[[Request], None] = lambda _: None  # called before each request is passed on; may wait, may kill
    _rules: list[_Rule] = field(default_factory=list)
    _mode: Literal["pass", "hole", "reset"] = "pass"
    _files: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(1))
    _open: set[socket.socket] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    # ------------------------------------------------------------------------------------------------------- for the tests

    def fault(
        self,
        what: Fault,
        *,
        when: Callable[[Request], bool] = lambda _: True,
        times: int | None = None,
        share: float = 1.0,
    ) -> None:
        """From now on, ``times`` times, this happens to a ``share`` of the requests that are meant. The first fault that is meant counts."""
        with self._guard:
            self._rules.append(_Rule(what, when, times, share))

    def hole(self) -> None:
        """Whatever is sent, also on connections that are open already, is not answered."""
        self._mode = "hole"

    def reset(self) -> None:
        """All connections are reset, open and new ones."""
        self._mode = "reset"
        self.sever()

    def heal(self) -> None:
        """All faults end; connections that hung are closed."""
        with self._guard:
            self._rules.clear()
        hung, self._mode = self._mode == "hole", "pass"
        if hung:
            self.sever()

    def sever(self) -> None:
        """Reset every connection that is open now."""
        with self._guard:
            opened = list(self._open)
        for one in opened:
            _reset(one)

    def count(self, method: str = "") -> int:
        """How often that was asked; "" = anything."""
        with self._guard:
            return sum(one.method == method or not method for one in self.requests)

    def opened(self) -> frozenset[socket.socket]:
        """The connections of clients that are open now; that of one who left is until its last request was answered."""
        with self._guard:
            return frozenset(self._open)

    # ------------------------------------------------------------------------------------------------------------ the wire

    def _serve(self, door: socket.socket) -> None:
        while not self._ended.is_set():
            try:
                client, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        client.settimeout(_FORGET)
        # Head and body go apart; waiting for one another costs 40 ms
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            self._open.add(client)
        try:
            if self._mode == "reset":
                _reset(client)
            elif self.raw:
                self._tunnel(client)
            else:
                _Line(self, client).run()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            with self._guard:
                self._open.discard(client)
            client.close()

    def _tunnel(self, client: socket.socket) -> None:
        with socket.create_connection((self.host, self.port), timeout=_FORGET) as server:
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join(_FORGET)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                self._wait_in_hole()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _wait_in_hole(self) -> None:
        while self._mode == "hole" and not self._ended.wait(0.02):
            pass

    def _under_way(self, by: int) -> None:
        with self._guard:
            self._files += by
            self.busiest = max(self.busiest, self._files)

    def _heard(self, request: Request) -> Fault | None:
        with self._guard:
            self.requests.append(request)
            for rule in self._rules:
                if rule.times != 0 and rule.when(request) and self._chance.random() < rule.share:
                    rule.times = None if rule.times is None else rule.times - 1
                    return rule.fault
        return None


class _Line:
    """One connection of a client, request by request, each passed on by a connection of its own."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.reads = client.makefile("rb", buffering=_PIECE)

    def run(self) -> None:
        while True:
            first, lines, headers = _head(self.reads)
            method, target, _ = first.decode("latin-1").split(" ", 2)
            request = Request(method, target, headers, time.monotonic())
            fault = self.proxy._heard(request)  # one thing in two classes
            self.proxy.seen(request)
            if self.proxy._mode == "reset":
                _reset(self.client)
                return
            self.proxy._wait_in_hole()
            if fault is not None and fault.what in {"unsent", "reset", "hang", "answer"}:
                if not self._instead(fault, headers):
                    return
                continue
            counted = request.method in {"GET", "PUT"} and "/.albumen/" not in request.target
            self.proxy._under_way(counted)
            try:
                if not self._pass_on(request, b"".join((first, b"\r\n", *lines, b"\r\n")), fault):
                    return
            finally:
                self.proxy._under_way(-counted)

    def _instead(self, fault: Fault, headers: Mapping[str, str]) -> bool:
        """Whether the connection goes on."""
        if fault.what == "reset":
            _reset(self.client)
        if fault.what == "hang":
            self.proxy._ended.wait(_FORGET)
        if fault.what != "answer":
            return False
        for _ in _body(self.reads, headers):
            pass
        self.client.sendall(fault.data)
        return b"content-length: 0\r\n" in fault.data.lower()  # a lie about lengths must not confuse what follows

    def _pass_on(self, request: Request, head: bytes, fault: Fault | None) -> bool:
        with socket.create_connection((self.proxy.host, self.proxy.port), timeout=_FORGET) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError):  # a server that answers early does not read to the end
                server.sendall(head)
                for piece in _body(self.reads, request.headers):
                    server.sendall(piece)
            with server.makefile("rb", buffering=_PIECE) as answers:
                return self._answer(request, answers, fault)

    def _answer(self, request: Request, answers: Any, fault: Fault | None) -> bool:
        first, lines, headers = _head(answers)
        while first.split(b" ")[1].startswith(b"1"):
            first, lines, headers = _head(answers)
        status = int(first.split(b" ")[1])
        silent = request.method == "HEAD" or status in {204, 304}
        body = iter(()) if silent else _body(answers, headers, answering=True)
        if fault is not None and fault.what == "lost":
            for _ in body:
                pass
            return False
        if fault is not None and fault.change is not None:
            self.client.sendall(fault.change(Answered(status, headers, b"".join(body))))
            return False
        self.proxy._wait_in_hole()
        self.client.sendall(b"".join((first, b"\r\n", *lines, b"\r\n")))
        if not self._relay(body, fault):
            return False
        return "close" not in headers.get("connection", "").lower() and (silent or _is_framed(headers))

    def _relay(self, body: Iterator[bytes], fault: Fault | None) -> bool:
        """Whether all of it was sent."""
        left = fault.number if fault is not None and fault.what == "cut" else None
        for piece in body:
            if fault is not None and fault.what == "drip":
                self._drip(piece, fault.number)
                continue
            self.proxy._wait_in_hole()
            self.client.sendall(piece if left is None else piece[: int(left)])
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    return False
        return True

    def _drip(self, piece: bytes, rate: float) -> None:
        step = max(1, int(rate / 20))
        for start in range(0, len(piece), step):
            self.client.sendall(piece[start : start + step])
            if self.proxy._ended.wait(step / rate):
                return


@contextmanager
def before(url: str, *, raw: bool | None = None) -> Iterator[Proxy]:
    """A proxy to that server for as long as the context lasts; its ``url`` is the same but for the port. ``raw``: None = where the
    server speaks TLS."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as door:
        here = f"{parts.scheme}://127.0.0.1:{door.getsockname()[1]}{parts.path}"
        proxy = Proxy(parts.hostname or "127.0.0.1", port, here, parts.scheme == "https" if raw is None else raw)
        thread = threading.Thread(target=proxy._serve, args=(door,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy._ended.set()
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            proxy.sever()
            thread.join(60)


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RD)  # wakes the thread that reads it; what it closes then is reset
    with suppress(OSError):
        one.close()


def _head(reads: Any) -> tuple[bytes, list[bytes], dict[str, str]]:
    first = _line(reads).rstrip(b"\r\n")
    lines: list[bytes] = []
    while (line := _line(reads)) not in {b"\r\n", b"\n"}:
        lines.append(line)
    named = (one.decode("latin-1").partition(":") for one in lines)
    return first, lines, {name.strip().lower(): value.strip() for name, _, value in named}


def _line(reads: Any) -> bytes:
    line: bytes = reads.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line


def _is_framed(headers: Mapping[str, str]) -> bool:
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def _body(reads: Any, headers: Mapping[str, str], *, answering: bool = False) -> Iterator[bytes]:
    """The bytes of a body as they came. Without a length, a request has none and an answer ends with its connection."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        yield from _chunks(reads)
    elif "content-length" in headers:
        yield from _exactly(reads, int(headers["content-length"]))
    elif answering:
        while piece := reads.read1(_PIECE):
            yield piece


def _chunks(reads: Any) -> Iterator[bytes]:
    while True:
        line = _line(reads)
        yield line
        size = int(line.split(b";")[0], 16)
        yield from _exactly(reads, size)
        if not size:
            while (line := _line(reads)) not in {b"\r\n", b"\n"}:
                yield line
            yield line
            return
        yield _line(reads)


def _exactly(reads: Any, size: int) -> Iterator[bytes]:
    while size:
        piece: bytes = reads.read1(min(size, _PIECE))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece
