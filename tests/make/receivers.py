"""Real receivers of words on loopback: a web server that takes hooks, and a mail server of a few commands."""

import base64
import json
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Hook:
    """What a web server was sent, and what it answers: ``status``, to a redirection ``location``."""

    url: str = ""
    status: int = 200
    location: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def hook() -> Iterator[Hook]:
    """A web server, for as long as the context lasts."""
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append((self.command, self.path, dict(self.headers.items())))
            if kept.status == 200:
                kept.told.append(json.loads(body))
            self.send_response(kept.status)
            if kept.location:
                self.send_header("Location", kept.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            kept.requests.append((self.command, self.path, dict(self.headers.items())))
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    with _serving(server):
        yield kept


@dataclass
class Post:
    """What a mail server was sent. It knows ``login`` ("user:password", "" = nobody need log in) and refuses ``refuses``."""

    port: int = 0
    login: str = ""
    refuses: str = ""
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    encrypted: bool = False


@contextmanager
def post(certificate: tuple[Path, Path] | None = None, *, starttls: bool = False) -> Iterator[Post]:
    """A mail server, for as long as the context lasts. With a certificate it speaks TLS from the start, or after STARTTLS."""
    kept = Post(starttls=starttls)
    if certificate:
        kept.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        kept.tls.load_cert_chain(*certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            talk = _Talk(kept, self.request)
            try:
                if kept.tls and not kept.starttls:
                    talk.encrypt()
                talk.go()
            finally:
                talk.close()

    with _serving(_Threads(("127.0.0.1", 0), Handler)) as server:
        kept.port = server.server_address[1]
        yield kept


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us leaves in the middle."""


@contextmanager
def _serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Talk:
    """One connection: just enough of RFC 5321, 4954 (PLAIN) and 3207."""

    def __init__(self, kept: Post, stream: socket.socket) -> None:
        self._kept = kept
        self._stream = stream
        self._file = stream.makefile("rb")
        self._known = False
        self._sender = ""
        self._to: list[str] = []

    def encrypt(self) -> None:
        """TLS from now on."""
        assert self._kept.tls
        self._file.close()
        self._stream = encrypted = self._kept.tls.wrap_socket(self._stream, server_side=True, do_handshake_on_connect=False)
        encrypted.do_handshake()
        self._file = self._stream.makefile("rb")
        self._kept.encrypted = True

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._stream.close()

    def go(self) -> None:
        """Answer until the other side leaves."""
        self._say("220 here")
        while line := self._file.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            answer = getattr(self, f"_{verb.lower()}", None)
            if answer is None:
                self._say("502 what?")
            elif answer(rest) is False:
                return

    def _say(self, *lines: str) -> None:
        for number, line in enumerate(lines, 1):
            more = "-" if number < len(lines) else " "
            self._stream.sendall(f"{line[:3]}{more}{line[4:]}\r\n".encode())

    def _ehlo(self, _: str) -> None:
        offers = ["250 here"]
        offers += ["250 STARTTLS"] if self._kept.starttls and not isinstance(self._stream, ssl.SSLSocket) else []
        offers += ["250 AUTH PLAIN"] if self._kept.login else []
        self._say(*offers)

    def _starttls(self, _: str) -> None:
        self._say("220 go")
        self.encrypt()

    def _auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        self._known = f"{user}:{password}" == self._kept.login
        self._say("235 welcome" if self._known else f"535 not with {password}")

    def _mail(self, rest: str) -> None:
        self._sender = rest
        self._say("530 who are you?" if self._kept.login and not self._known else "250 ok")

    def _rcpt(self, rest: str) -> None:
        if self._kept.refuses and self._kept.refuses in rest:
            self._say("550 not here")
        else:
            self._to.append(rest)
            self._say("250 ok")

    def _rset(self, _: str) -> None:
        self._say("250 ok")

    def _data(self, _: str) -> None:
        self._say("354 go on")
        lines = []
        while (line := self._file.readline()) != b".\r\n":
            lines.append(line)
        self._kept.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self._kept.envelopes.append((self._sender, self._to))
        self._say("250 ok")

    def _quit(self, _: str) -> bool:
        self._say("221 bye")
        return False


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own authority for localhost, and its key; made by ``openssl``."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", "req", *words, "-addext", names, *files], capture_output=True, check=True)
    return cert, key
