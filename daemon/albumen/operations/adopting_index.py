"""The first seed's index, read by plain HTTP: its server is older than the client library accepts. Asks and scrolls, changes nothing
there but the scroll, which it ends. Redirects are not followed: none may carry a password away.
"""

import base64
import http.client
import json
import re
import ssl
import string
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from albumen.errors import AlbumenError, NotFound, Rejected, Transient, Unavailable, UsageError
from albumen.secrets import Secret

_PAGE = 1000  # entries an answer
_KEEP = "10m"  # how long the server keeps the scroll between two answers
_LARGEST = 256 << 20  # bytes of an answer: more is no page of entries
_NAME = re.compile(r"[^-_+.A-Z\\/*?\"<>| ,#:][^A-Z\\/*?\"<>| ,#:]{0,254}")
_ORDER = [{f"{key}.keyword": {"order": "asc", "unmapped_type": "keyword"}} for key in ("path", "name")]


@dataclass(frozen=True, slots=True)
class Hit:
    """One document: the id it has there, and its fields as they stand (None where the index keeps none)."""

    id: str
    source: Any


class Index:
    """One index of an Elasticsearch of any version. ``UsageError`` for an address or a name that cannot be."""

    def __init__(
        self,
        url: str,
        index: str,
        *,
        user: str = "",
        password: Secret | None = None,
        ca: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        parts = _address(url)
        if not _NAME.fullmatch(index):
            raise UsageError(f"--index {index!r}: is no name of an index")
        if bool(user) != bool(password):
            raise UsageError("--user and --password go together")
        self._host, self._port = parts.hostname or "", parts.port
        self._base = parts.path.rstrip("/")
        self._index = index
        self._timeout = timeout
        self._tls = _trusting(ca) if parts.scheme == "https" else None
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if password is not None:
            pair = f"{user}:{password.reveal()}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self.place = f"{parts.scheme}://{self._host}" + (f":{self._port}" if self._port else "") + self._base

    def hits(self) -> Iterator[Hit]:
        """Every document, folder by folder where the index can sort; flat memory. Complete or raises: ``Unavailable``,
        ``NotFound`` (no such index), ``Rejected``; ``Transient`` when fewer came than there are."""
        body = {"size": _PAGE, "sort": _ORDER, "track_total_hits": True}
        page = self._ask("POST", f"/{quote(self._index, safe='')}/_search?scroll={_KEEP}", body)
        total, came = _total(page), 0
        scroll = page.get("_scroll_id")
        try:
            while rows := self._rows(page):
                came += len(rows)
                yield from rows
                page = self._ask("POST", "/_search/scroll", {"scroll": _KEEP, "scroll_id": scroll})
                scroll = page.get("_scroll_id") or scroll
        finally:
            with suppress(AlbumenError):  # it ends by itself, too
                self._ask("DELETE", "/_search/scroll", {"scroll_id": [scroll]})
        if came != total:
            raise Transient(f"{self.place}: told of {total} entries and gave {came}; run the same command again")

    def _rows(self, page: dict[str, Any]) -> list[Hit]:
        shards = page.get("_shards") or {}
        if page.get("timed_out") or shards.get("failed"):
            raise Unavailable(self.place, f"a part of the index {self._index} does not answer: see the log of that server")
        try:
            return [Hit(str(one.get("_id", "")), one.get("_source")) for one in page["hits"]["hits"]]
        except (KeyError, TypeError, AttributeError):
            raise Rejected(f"{self.place}: does not answer as Elasticsearch does: is the address right?") from None

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, reason, data = self._sent(method, path, json.dumps(body).encode())
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if status == 200 and isinstance(found, dict):
            return found
        self._refuse(status, reason, found)
        raise AssertionError("it raises")

    def _sent(self, method: str, path: str, data: bytes) -> tuple[int, str, bytes]:
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        )
        try:
            connection.request(method, self._base + path, data, self._headers)
            answer = connection.getresponse()
            read = answer.read(_LARGEST + 1)
        except TimeoutError:
            raise Unavailable(self.place, f"did not answer within {self._timeout:.0f} s") from None
        except ssl.SSLCertVerificationError as error:
            raise Unavailable(
                self.place, f"its certificate is not trusted ({error.verify_message}); name its authority by --ca FILE"
            ) from None
        except ssl.SSLError as error:
            raise Unavailable(self.place, f"does not speak TLS ({error.reason}): is it http:// instead?") from None
        except OSError as error:
            raise Unavailable(self.place, f"cannot be reached: {error.strerror or error}") from None
        except http.client.HTTPException as error:
            raise Unavailable(self.place, f"broke off its answer, or speaks no HTTP ({error.__class__.__name__})") from None
        finally:
            connection.close()
        if len(read) > _LARGEST:
            raise Rejected(f"{self.place}: answers with more than {_LARGEST} bytes: is the address right?")
        return answer.status, answer.reason, read

    def _refuse(self, status: int, reason: str, found: Any) -> None:
        why = _why(found) or reason or "no reason given"
        if 300 <= status < 400:
            raise Rejected(f"{self.place}: sends on to another address ({status}): give that one; redirects are not followed")
        if status in (401, 403):
            told = "asks for a user and a password: --user and --password" if "Authorization" not in self._headers else why
            raise Unavailable(self.place, f"lets us not read ({status}): {told}", auth=True)
        if status == 404 and "index" in why:
            raise NotFound(f"{self.place}: has no index called {self._index}; name it by --index")
        if status == 404:
            raise Transient(f"{self.place}: gave the reading up ({why}); run the same command again")
        if status == 429 or status >= 500:
            raise Unavailable(self.place, f"cannot answer now ({status}): {why}")
        raise Rejected(f"{self.place}: does not answer as Elasticsearch does ({status}: {why}): is the address right?")


def _address(url: str) -> Any:
    """The parts of an address. ``UsageError``, which shows nothing of one that holds a password."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, good = urlsplit(""), False
    if "@" in parts.netloc:
        raise UsageError("the address holds a user or password, which every user of this machine can see: --user and --password")
    if not good or parts.query or parts.fragment or not all(33 <= ord(one) < 127 for one in url):
        raise UsageError(f"{url!r}: is no address such as http://localhost:9200")
    return parts


def _trusting(ca: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--ca {ca}: {getattr(error, 'strerror', None) or 'holds no certificate'}") from None


def _total(page: dict[str, Any]) -> int:
    """How many there are: a number before version 7, a table since."""
    found = (page.get("hits") or {}).get("total")
    return int(found["value"] if isinstance(found, dict) else found or 0)


def _why(found: Any) -> str:
    """What the server says of an error, cut short and printable."""
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, dict):
        causes = error.get("root_cause") or [error]
        error = "; ".join(str(one.get("reason")) for one in causes[:2] if isinstance(one, dict)) or error.get("reason")
    text = str(error or "")[:300]
    return "".join(one if one in string.printable and one.isprintable() else "?" for one in text)
