"""The connection to Elasticsearch: the only module that imports its client."""

import logging
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from albumen.catalogs.elastic.settings import ElasticSettings
from albumen.catalogs.elastic.trouble import Away, Lost, Opening, Place, Slow
from albumen.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_POOL = 40  # connections to one node: the threads of the lane that waits, and some
_WAITS = (0.2, 1.0)  # seconds before a question is asked again
_OPENING = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)  # the same while the index is being opened
Answer = TypeVar("Answer")
_JSON = {"accept": "application/json", "content-type": "application/json"}
_LINES = {"accept": "application/json", "content-type": "application/x-ndjson"}


class Connection:
    """``name``: what errors call the place. Nothing is opened before the first question. The client itself never repeats anything:
    it does not know what is harmless."""

    def __init__(self, name: str, settings: ElasticSettings, stop: threading.Event) -> None:
        self.place = Place(name, settings.place, settings.index)
        self._settings = settings
        self._stop = stop
        self._guard = threading.Lock()
        self._client: Elasticsearch | None = None

    @property
    def client(self) -> "Elasticsearch":
        """The client library's own object, for those who need all of it; its errors are its own (see ``told``)."""
        with self._guard:
            if self._client is None:
                self._client = self._made()
            return self._client

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """A question that may be asked twice: asked again after a lost connection, an overload or a restart, but not for long."""
        return self.patiently(lambda: self.send(method, path, body, **params))

    def patiently(self, question: Callable[[], Answer]) -> Answer:
        """What ``question`` returns, which asks something that may be asked twice."""
        waits, opening = self.waits(), iter(_OPENING)
        while True:
            try:
                return question()
            except Unavailable as error:
                wait = next(opening if isinstance(error, Opening) else waits, None)
                if wait is None or not self.again(error) or self._stop.wait(wait):
                    raise

    def waits(self) -> Iterator[float]:
        """Seconds to wait before each further try of what may be tried again."""
        yield from (0.0 for _ in self._settings.urls[1:])  # the next node is asked at once
        yield from _WAITS

    def again(self, error: Unavailable) -> bool:
        """Whether another try, soon or at another node, may do better."""
        if isinstance(error, Away):
            return len(self._settings.urls) > 1
        return (isinstance(error, Lost) and not isinstance(error, Slow)) or error.retry_after is not None

    def send(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """Exactly one request, or a second one where the first was refused and our secret has become another one; the JSON of its
        answer. ``bytes`` are lines of JSON. Raises as ``trouble`` says; ``Lost`` when nobody knows whether it was done."""
        try:
            return self._sent(method, path, body, params)
        except Unavailable as error:
            if not (error.auth and (secret := self._settings.secret) and secret.refresh()):
                raise
        return self._sent(method, path, body, params)

    def _sent(self, method: str, path: str, body: Any, params: Mapping[str, Any]) -> Any:
        import elasticsearch

        said = {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
        headers = (_LINES if isinstance(body, bytes) else _JSON) | self._login()
        try:
            return self.client.perform_request(method, path, params=said, headers=headers, body=body).body
        except (elasticsearch.TransportError, elasticsearch.ApiError) as error:
            raise self.told(error) from None

    def told(self, error: Exception) -> Exception:
        """An error of the client library as one of ours."""
        import elasticsearch

        if isinstance(error, elasticsearch.UnsupportedProductError):
            return self.place.stranger()
        if isinstance(error, elasticsearch.ApiError):
            return self.place.said(error.meta.status, error.body, error.meta.headers)
        if isinstance(error, elasticsearch.SSLError):
            return self.place.away(f"{_reason(error)}; is its certificate signed by the one that [catalog] ca names?")
        if isinstance(error, elasticsearch.ConnectionTimeout):
            return self.place.slow(self._settings.timeout)
        if isinstance(error, elasticsearch.ConnectionError):
            unsent = _unsent(error)
            return self.place.away(unsent) if unsent else self.place.lost(_reason(error))
        return self.place.lost(_reason(error))

    def close(self) -> None:
        """End all connections; the next question opens new ones. Twice is harmless."""
        with self._guard:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _login(self) -> dict[str, str]:
        """Goes with each request, since the secret may change."""
        mine = self._settings
        if mine.secret is None:
            return {}
        value = mine.secret.reveal()
        if mine.user:
            return {"authorization": "Basic " + b64encode(f"{mine.user}:{value}".encode()).decode()}
        return {"authorization": f"{'ApiKey' if mine.api_key else 'Bearer'} {value}"}

    def _made(self) -> "Elasticsearch":
        try:
            import elasticsearch
        except ImportError:
            raise ConfigError(["[catalog] type: elasticsearch needs its client: pip install 'albumen[elasticsearch]'"]) from None
        logging.getLogger("elastic_transport").setLevel(logging.CRITICAL)  # it warns of each try; what fails is told by us
        mine = self._settings
        options: dict[str, Any] = {"ca_certs": mine.ca} if mine.ca else {}
        try:
            return elasticsearch.Elasticsearch(
                list(map(_with_port, mine.urls)),
                **options,
                request_timeout=mine.timeout,
                max_retries=0,
                retry_on_timeout=False,
                retry_on_status=(),
                connections_per_node=_POOL,
                http_compress=False,
            )
        except (ValueError, OSError) as error:
            raise ConfigError([f"[catalog] cannot be used as it is set: {error}"]) from None


def _with_port(url: str) -> str:
    """The client wants to be told a port."""
    parts = urlsplit(url)
    if parts.port is not None:
        return url
    return parts._replace(netloc=f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}").geturl()


def _unsent(error: Any) -> str:
    """Why no connection could be made at all; "" when one was."""
    _, made, why = str(error.message).partition("Failed to ")  # urllib3's: "establish a new connection: …", "resolve 'name' …"
    return why.removeprefix("establish a new connection: ")[:200] if made else ""


def _reason(error: Any) -> str:
    return str(error.message)[:300]
