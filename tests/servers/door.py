"""A locked door before a server that has none: HTTPS with a certificate of the tests' own, and a login.

with door.before(node.url, authority, user=("anna", "s3cret")) as url: …      # or api_key="…", token="…"

What may come in is passed on as it is; all else is answered as Elasticsearch does, 401 without any login and with a wrong one.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from servers.tls import Authority

__all__ = ["before"]

_HOPS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "authorization"})


@contextmanager
def before(
    url: str,
    authority: Authority,
    *,
    user: tuple[str, str] | None = None,
    api_key: str | Callable[[], str] = "",
    token: str = "",
    name: str = "127.0.0.1",
) -> Iterator[str]:
    """The address of the door, for as long as the context lasts. Each login given here opens it, a key that is a
    function the one of that moment; ``name`` is what the certificate says."""

    def keys() -> frozenset[str]:
        basic = base64.b64encode(":".join(user).encode()).decode() if user is not None else ""
        logins = {"ApiKey": api_key if isinstance(api_key, str) else api_key(), "Bearer": token, "Basic": basic}
        return frozenset(f"{how} {what}" for how, what in logins.items() if what)

    server = ThreadingHTTPServer(("127.0.0.1", 0), _visitor(url, keys))
    server.daemon_threads = True
    server.socket = authority.server(name).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="door", daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _visitor(url: str, keys: Callable[[], frozenset[str]]) -> type[BaseHTTPRequestHandler]:
    behind = urlsplit(url)

    class Visitor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # who does not trust us hangs up
                self.close_connection = True

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") not in keys():
                self._refuse()
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOPS}
            way = HTTPConnection(behind.hostname or "", behind.port, timeout=150)
            try:
                way.request(self.command, self.path, body, headers)
                answer = way.getresponse()
                data = answer.read()
            except OSError:
                self._say(502, b"{}", {"Content-Type": "application/json"})
                return
            finally:
                way.close()
            self._say(answer.status, data, {name: value for name, value in answer.getheaders() if name.lower() not in _HOPS})

        def _refuse(self) -> None:
            why = (
                "missing authentication credentials for REST request"
                if "Authorization" not in self.headers
                else "unable to authenticate"
            )
            cause = {"type": "security_exception", "reason": why}
            body = json.dumps({"error": {"root_cause": [cause], **cause}, "status": 401}).encode()
            headers = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}
            self._say(401, body, {**headers, "WWW-Authenticate": 'Basic realm="security", charset="UTF-8"'})

        def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815  # the library's names

    return Visitor
