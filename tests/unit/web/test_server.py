"""Numbers and health over a real socket: who gets in, what is answered, and that nobody can keep it busy."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
import structlog

from albumen.errors import ConfigError
from albumen.web import server as module
from albumen.web.door import Door
from albumen.web.server import Answer, Server
from make.lives import Log

TOKEN = "a-token-of-its-own"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STOPS", 0.02)


class Forgiving(Log):
    """A page that breaks is expected here."""

    def exception(self, what: str, **fields: object) -> None:
        self.info(what, **fields)


def broken() -> Answer:
    raise ZeroDivisionError


@contextmanager
def serving(token: str = "", *, gate: threading.Event | None = None, host: str = "127.0.0.1") -> Iterator[tuple[Server, Log]]:
    log = Forgiving()

    def slow() -> Answer:
        assert gate
        gate.wait(20)
        return Answer(b"late", "text/plain")

    pages = {"/metrics": lambda: Answer(b"numbers\n", "text/plain"), "/broken": broken, "/slow": slow}
    server = Server((host, 0), token, pages, cast("structlog.stdlib.BoundLogger", log))
    server.start()
    try:
        yield server, log
    finally:
        server.stop()
        server.stop()


def ask(server: Server, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.headers.items())
    finally:
        connection.close()


def raw(server: Server, sent: bytes, *, end: bool = False) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := connection.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
        return got


def test_pages_are_answered_by_their_path_and_nothing_else() -> None:
    with serving() as (server, _):
        status, body, headers = ask(server)
        assert (status, body, headers["Content-Type"]) == (200, b"numbers\n", "text/plain")
        assert (headers["Cache-Control"], headers["Server"], headers.get("Connection", "")) == (
            "no-store",
            "albumen",
            "",
        )
        assert ask(server, "/metrics?x=1")[0] == 200
        assert ask(server, "/metrics", "HEAD")[:2] == (200, b"")
        for path in ("/", "/metrics/", "/../metrics", "/%6detrics", "/etc/passwd", "/metrics%00"):
            assert ask(server, path)[0] == 404, path
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"):
            status, _, headers = ask(server, "/metrics", method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_on_loopback_only_requests_that_mean_us_are_answered() -> None:
    with serving() as (server, _):
        ours = f"127.0.0.1:{server.port}"
        for host in (ours, f"localhost:{server.port}", f"LOCALHOST:{server.port}", f"[::1]:{server.port}"):
            assert ask(server, Host=host)[0] == 200, host
            assert ask(server, Host=ours, Origin=f"http://{host}")[0] == 200
        for host in (
            "evil.example",
            f"evil.example:{server.port}",
            "127.0.0.1",
            "127.0.0.1:1",
            "",
            f"127.0.0.1.evil:{server.port}",
        ):
            assert ask(server, Host=host)[0] == 403, host
        for origin in ("http://evil.example", "null", f"https://{ours}", "", f"http://{ours}/", f"http://{ours}.evil"):
            assert ask(server, Host=ours, Origin=origin)[0] == 403, origin
        assert raw(server, b"GET /metrics HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 403")
        twice = f"GET /metrics HTTP/1.1\r\nHost: {ours}\r\nHost: evil.example\r\n\r\n".encode()
        assert raw(server, twice).startswith(b"HTTP/1.0 403")
        assert b" 200 " not in raw(server, b"GET /metrics\r\n\r\n")


def test_with_a_token_only_who_brings_it_is_answered() -> None:
    with serving(TOKEN) as (server, log):
        assert ask(server, Authorization=f"Bearer {TOKEN}")[0] == 200
        assert ask(server, Authorization=f"bearer {TOKEN}", Host="nas.example")[0] == 200
        for given in (
            "",
            "Bearer",
            "Bearer ",
            TOKEN,
            f"Basic {TOKEN}",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            "Bearer \xfc",
        ):
            status, body, headers = ask(server, Authorization=given)
            assert (status, headers["WWW-Authenticate"]) == (401, "Bearer"), given
            assert TOKEN.encode() not in body
        assert ask(server)[0] == 401
        assert ask(server, f"/metrics?token={TOKEN}")[0] == 401
        assert log.lines


def test_two_tokens_are_none() -> None:
    assert Door(1, TOKEN).refusal([], [], [f"Bearer {TOKEN}", f"Bearer {TOKEN}"])[0] == 401


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 150 + b"\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000,
    ],
)
def test_nonsense_is_refused_and_harms_nobody(sent: bytes) -> None:
    with serving() as (server, log):
        assert b" 200 " not in raw(server, sent)
        assert ask(server)[0] == 200
    assert "bug" not in [what for what, _ in log.lines]


def test_a_request_that_never_comes_whole_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it comes byte by byte: the time is for all of it."""
    monkeypatch.setattr(module, "_PATIENCE", 0.5)
    with serving() as (server, _), socket.create_connection(("127.0.0.1", server.port), timeout=20) as slow:
        begun = time.monotonic()
        slow.settimeout(0.1)
        dropped = False
        while not dropped and time.monotonic() - begun < 15:
            try:
                slow.sendall(b"X")
                dropped = slow.recv(10) == b""
            except TimeoutError:
                continue
            except OSError:
                dropped = True
        assert dropped
        assert time.monotonic() - begun < 10
        assert raw(server, b"GET /metr", end=True) == b""


def test_many_at_once_are_sent_away_and_it_goes_on() -> None:
    gate = threading.Event()
    before = threading.active_count()
    with serving(gate=gate) as (server, _):
        request = f"GET /slow HTTP/1.0\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        busy = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(40)]
        try:
            answers = 0
            for one in busy:
                one.sendall(request)
            assert threading.active_count() <= before + 1 + 8
            gate.set()
            for one in busy:
                try:
                    answers += one.recv(100).startswith(b"HTTP/1.0 200")
                except ConnectionResetError:
                    continue
            assert 1 <= answers <= 40
        finally:
            for one in busy:
                one.close()
        assert ask(server)[0] == 200


def test_a_page_that_breaks_is_a_line_in_the_log() -> None:
    with serving() as (server, log):
        with pytest.raises(http.client.HTTPException):
            ask(server, "/broken")
        assert ask(server)[0] == 200
    assert ("bug", {"part": "web"}) in log.lines


def test_a_port_that_is_taken_is_told() -> None:
    with serving() as (first, _):
        second = Server(("127.0.0.1", first.port), "", {}, cast("structlog.stdlib.BoundLogger", Log()))
        with pytest.raises(ConfigError, match=rf"\[metrics\] listen: 127.0.0.1:{first.port} is taken by another program"):
            second.start()
        second.stop()


@pytest.mark.parametrize(
    ("host", "why"), [("192.0.2.1", "is no address of this machine"), ("no.such.host.invalid", "cannot be listened")]
)
def test_an_address_that_is_not_ours_is_told(host: str, why: str) -> None:
    server = Server((host, 0), TOKEN, {}, cast("structlog.stdlib.BoundLogger", Log()))
    with pytest.raises(ConfigError, match=why):
        server.start()


def test_it_is_gone_when_it_was_stopped() -> None:
    with serving() as (server, _):
        port = server.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with serving(host="::1") as (server, _):
        connection = http.client.HTTPConnection("::1", server.port, timeout=20)
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 200
        connection.close()
