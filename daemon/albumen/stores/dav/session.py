"""Requests to one WebDAV server, through webdavclient3's session and its ``execute_request``; nothing else of it is used.

What that library leaves open is closed here: no redirection is followed, no environment is asked for proxies or passwords, a body
is sent with its length and can be sent again, every answer is read or closed, and each failure is a sentence about this store.
"""

import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from albumen.errors import AlbumenError, Transient, Unavailable
from albumen.secrets import Secret
from albumen.stores.bandwidth import Bandwidth
from albumen.stores.dav.hrefs import escaped, origin
from albumen.stores.dav.trouble import SOON, Refusal, may_pass

if TYPE_CHECKING:
    import requests

__all__ = ["CONNECT", "LOST", "Answer", "Session", "Severed", "Sign", "causes"]

CONNECT = 10.0  # seconds until a connection must stand
_PIECE = 1 << 18
_TEXT = 1 << 14  # bytes of a refusal's body that are kept
_LEAST = 1 << 16  # bytes that must come within ``timeout`` seconds: a drip is no answer
_ACTIONS = {  # its words for methods
    "PROPFIND": "list", "GET": "download", "PUT": "upload", "MKCOL": "mkdir", "DELETE": "clean", "MOVE": "move", "COPY": "copy",
    "PROPPATCH": "publish", "OPTIONS": "options",
}  # fmt: skip


# The fork of urllib3, on which nc-py-api always stands, raises these bare when the connection a thread waits for is lost by another.
LOST = (queue.Empty, queue.Full)
_HARMLESS = frozenset({"PROPFIND", "GET", "OPTIONS"})


class Severed(Unavailable):
    """There was no connection, or it was closed before an answer."""


@dataclass(frozen=True)
class Sign:
    """Who we are to a server: a user with a password, or a token, or nobody. Secrets are revealed for each request anew."""

    user: str = ""
    password: Secret | None = None
    token: Secret | None = None

    @property
    def secret(self) -> Secret | None:
        """What may be renewed."""
        return self.token or self.password

    def headers(self) -> Mapping[str, str]:
        """What a request must bear."""
        import base64

        if self.token:
            return {"Authorization": f"Bearer {self.token.reveal()}"}
        if not self.user:
            return {}
        plain = f"{self.user}:{self.password.reveal() if self.password else ''}"
        return {"Authorization": "Basic " + base64.b64encode(plain.encode()).decode()}


class Answer:
    """A 2xx answer whose body still comes. To be used as a context, or read to its end; closing it in the middle costs a
    connection. Header names are small letters."""

    def __init__(self, response: "requests.Response", session: "Session", path: str, *, file: bool) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._session = session
        self._path = path
        self._file = file
        self.bandwidth: Bandwidth | None = None  # that it is read at
        self._since = time.monotonic()
        self._got = 0  # bytes since then

    def read(self, size: int = _PIECE) -> bytes:
        """Some bytes, at most so many; none at the end. ``Unavailable`` when it stalls or breaks off, but ``Transient`` when that
        happens to the bytes of a file: it may be this one."""
        if self.bandwidth:
            size = min(size, self.bandwidth.most)
        with self._session.translating(self._path, file=self._file):
            data: bytes = self._response.raw.read1(size)
        if self.bandwidth:
            self._since += self.bandwidth.took(len(data))  # our own silence is not the server's
        self._got += len(data)
        if (passed := time.monotonic() - self._since) > self._session.timeout:
            if data and self._got < _LEAST:
                self.close()
                why = f"its server gave {self._got} bytes in {passed:.0f} s ({self._path or '/'}); is the connection broken?"
                raise Unavailable(self._session.store, why)
            self._since, self._got = time.monotonic(), 0
        return data

    def pieces(self) -> Iterator[bytes]:
        """The whole body."""
        while data := self.read():
            yield data

    def drain(self) -> None:
        """Read what is left of a body that nobody wants, so that the connection serves the next request."""
        left = 16
        while left and self.read():
            left -= 1
        self.close()

    def close(self) -> None:
        """Twice is harmless."""
        self._response.close()

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Session:
    """One server, for any number of threads. ``url`` is the folder that paths are relative to. ``timeout``: seconds of silence
    before an answer, or within one, after which the server counts as away. ``ca``: a file of certificates to trust, "" = those
    everybody does. ``limit``: how many ask at once, as whoever wraps the store sees to: so many connections are kept. ``bandwidth``: of the
    bytes of files, both ways."""

    def __init__(
        self,
        store: str,
        url: str,
        sign: Sign,
        *,
        ca: str = "",
        timeout: float = 60.0,
        limit: int = 10,
        bandwidth: Bandwidth | None = None,
    ) -> None:
        self.store = store
        self.timeout = timeout
        self.bandwidth = bandwidth or Bandwidth(0)
        self.host = origin(url)
        self.base = unquote(urlsplit(url).path, errors="surrogateescape").strip("/")  # as answers name it
        self._sign = sign
        self._ca = ca
        self._limit = limit
        self._guard = threading.Lock()
        self._made: tuple[Any, Any] | None = None
        self.server = ""  # what it calls itself, once it answered

    # ------------------------------------------------------------------------------------------------------------- asking

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        folder: bool = False,
        again: bool = False,
        ours: bool = False,
    ) -> Answer:
        """Ask for a path of the store; ``folder`` ends its address with a slash. ``body``: bytes, or an iterable with ``len``
        that can be gone through again. ``Refusal`` for any status but 2xx, ``Unavailable`` when there was no answer: what was asked
        may have been done all the same. Asked again once: a question whose connection was closed under it, and after a 401 anything,
        if the secret could be renewed. Asked again soon, at most twice: a question that the server failed at, or could not serve at this moment, and
        whatever else may be done ``again``. ``ours``: few bytes of our own, which do not wait until the line is free."""
        waits = iter(SOON if again or method in _HARMLESS else ())
        renewed = False
        if body is not None and not isinstance(body, bytes):  # a question is no file
            body = self.bandwidth.body(body)
        while True:
            try:
                answer = self._ask(method, path, headers, body, folder=folder)
            except Severed:
                if renewed or method not in _HARMLESS:
                    raise
                renewed = True
            except Refusal as refusal:
                wait = next(waits, None) if may_pass(refusal) else None
                if wait is not None:
                    time.sleep(wait)
                    continue
                if renewed or refusal.status != 401 or not self._renew():
                    raise
                renewed = True
            else:
                if method == "GET" and self.bandwidth.rate and not ours:
                    answer.bandwidth = self.bandwidth
                return answer

    def _renew(self) -> bool:
        refresh: Callable[[], bool] | None = getattr(self._sign.secret, "refresh", None)
        return refresh is not None and refresh()

    def address(self, path: str, *, folder: bool = False) -> str:
        """The whole address of a path, as ``Destination`` wants it."""
        return self.host + self._target(path, folder=folder)

    def close(self) -> None:
        """End all connections; the next request makes new ones."""
        if self._made is not None:
            self._made[0].session.close()

    # -------------------------------------------------------------------------------------------------------------- inside

    def _target(self, path: str, *, folder: bool) -> str:
        whole = "/".join(one for one in (self.base, path) if one)
        return "/" + escaped(whole) + ("/" if folder and whole else "")

    def _ask(self, method: str, path: str, headers: Mapping[str, str] | None, body: Any, *, folder: bool) -> Answer:
        asking, sending = self._clients()
        client = asking if body is None or isinstance(body, bytes) else sending
        lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
        target = self._target(path, folder=folder)
        with self.translating(path):
            response = client.execute_request(_ACTIONS[method], target, data=body, headers_ext=lines)
        self.server = response.headers.get("Server", "")
        return Answer(response, self, path, file=method == "GET")

    def _trusted(self) -> str | bool:
        """The file of certificates, or True for those of this machine. ``Unavailable`` when it cannot be read: libraries would say that the
        server hung up."""
        if self._ca:
            try:
                with open(self._ca, "rb"):
                    pass
            except OSError as error:
                why = f"{self._ca} cannot be read ({error.strerror}): correct ca in [store.{self.store}]"
                raise Unavailable(self.store, why) from None
        return self._ca or True

    def _clients(self) -> tuple[Any, Any]:
        """One that asks, and one that sends bodies over the same connections: a server that takes its time between two pieces of
        what it is sent is not away yet."""
        with self._guard:
            if self._made is None:
                asking, sending = (
                    _client(self.host, (wait, self.timeout)) for wait in (min(CONNECT, self.timeout), self.timeout)
                )
                sending.session = asking.session = _session(self._sign, self._limit)
                asking.verify = sending.verify = self._trusted()
                self._made = asking, sending
            return self._made

    @contextmanager
    def translating(self, path: str, *, file: bool = False) -> Iterator[None]:
        """What the libraries raise comes out as albumen's own. ``file``: the bytes of one had begun to come."""
        import requests
        import urllib3

        try:
            yield
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, *LOST) as error:
            if isinstance(error, AlbumenError):
                raise
            raise self._failure(error, path, file=file) from None  # their messages may hold addresses and more

    def _failure(self, error: Exception, path: str, *, file: bool) -> AlbumenError:
        import requests
        import urllib3

        found = list(causes(error))
        tls = next((one for one in found if isinstance(one, ssl.SSLError)), None)
        if tls is not None and not isinstance(tls, ssl.SSLEOFError):
            why = getattr(tls, "verify_message", "") or tls.reason or "it failed"
            return Unavailable(self.store, f"its server's TLS certificate or protocol is not good: {why}; see ca in the settings")
        refused = any(isinstance(one, urllib3.exceptions.NewConnectionError) for one in found)  # a kind of timeout to urllib3
        if not refused and any(isinstance(one, requests.ConnectTimeout) for one in found):
            return Unavailable(self.store, f"its server {self.host} does not answer")
        late = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
        if not refused and any(isinstance(one, late) for one in found):
            return Unavailable(self.store, f"its server gave no answer for {self.timeout:g} s ({path or '/'})")
        reason = next((one.strerror for one in reversed(found) if isinstance(one, OSError) and one.strerror), "")
        if file:
            return Transient(f"{self.store}:{path}: the connection broke before its end{f' ({reason})' if reason else ''}")
        return Severed(self.store, f"its server {self.host} cannot be reached: {reason or 'the connection was closed'}")


def _client(host: str, timeout: tuple[float, float]) -> Any:
    from webdav3.client import Client  # type: ignore[import-untyped]  # it has no types

    client = Client({"webdav_hostname": host, "disable_check": True})
    client.timeout = timeout
    return client


def _session(sign: Sign, limit: int) -> "requests.Session":
    import requests
    from requests.adapters import HTTPAdapter

    def signed(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        request.headers.update(sign.headers())
        return request

    session = requests.Session()
    session.trust_env = False  # no proxy, no .netrc, no other certificates than said
    session.max_redirects = 0
    session.auth = signed
    session.headers["Accept-Encoding"] = "identity"  # bytes as they are, and an ETag that is the file's
    session.hooks["response"].append(_only_good)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=2 * limit + 4))
    return session


def _only_good(response: "requests.Response", **_: object) -> None:
    """Before anybody follows a redirection or drops the headers: what is not 2xx is raised whole."""
    if 200 <= response.status_code < 300:
        return
    try:
        text = response.raw.read(_TEXT, decode_content=False).decode(errors="replace")
    finally:
        response.close()
    headers = {name.lower(): value for name, value in response.headers.items()}
    raise Refusal(response.status_code, headers, text, str(response.request.method))


def causes(error: BaseException) -> Iterator[BaseException]:
    """It and all that it stands for, outermost first."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
