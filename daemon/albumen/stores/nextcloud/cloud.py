"""Requests to one Nextcloud, through nc-py-api's sessions and its calls for tags and accounts; the only module that knows that library.

Its blocking client is announced for removal in 0.31: what replaces it has to replace this file. What the library leaves open is closed
here, as for any WebDAV server: no redirection, no environment, no other protocol than HTTP/1.1, a timeout for everything.
"""

import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from xml.parsers.expat import ExpatError

from albumen.errors import AlbumenError, Transient, Unavailable
from albumen.secrets import Secret
from albumen.stores.bandwidth import Bandwidth
from albumen.stores.dav.hrefs import escaped
from albumen.stores.dav.session import CONNECT, LOST, Answer, Session, Severed, Sign, causes
from albumen.stores.dav.trouble import Refusal

__all__ = ["Cloud", "Elsewhere"]

T = TypeVar("T")

_DAV = "remote.php/dav"
_TEXT = 1 << 14  # characters of a refusal's body that are kept


class Elsewhere(str):
    """A path below ``remote.php/dav`` that is no file of the account: of an upload, of a tag."""

    __slots__ = ()


class Cloud(Session):
    """One account of one server, for any number of threads. Paths are relative to ``root``, a folder of the account; making it asks
    nothing. The account's own name may differ from the name of the login and is asked for once."""

    def __init__(
        self,
        store: str,
        url: str,
        user: str,
        password: Secret | None,
        *,
        root: str,
        ca: str,
        timeout: float,
        limit: int,
        bandwidth: Bandwidth | None = None,
    ) -> None:
        self._prefix = ""
        self.root = root
        self._login = user
        self._account = ""
        self._client: Any = None
        super().__init__(
            store,
            url.removesuffix("/").removesuffix("/index.php"),
            Sign(user, password),
            ca=ca,
            timeout=timeout,
            limit=limit,
            bandwidth=bandwidth,
        )

    @property
    def base(self) -> str:
        """The path of the root, as answers name it. Asks who we are, the first time."""
        return self._based(self.account())

    @base.setter
    def base(self, path: str) -> None:
        self._prefix = path

    def address(self, path: str, *, folder: bool = False) -> str:
        """See ``Session.address``. Asks nothing: before the account's name is known that of the login stands for it."""
        whole = "/".join(one for one in (self._based(self._account or self._login), path) if one)
        return f"{self.host}/{escaped(whole)}" + ("/" if folder else "")

    def whereto(self, path: Elsewhere) -> str:
        """The whole address of something that is no file of the account."""
        return self.host + self._target(path, folder=False)

    def close(self) -> None:
        """See ``Session.close``."""
        with self._guard:
            client, self._client = self._client, None
        if client is not None:
            client._session.adapter.close()  # the library closes nothing
            client._session.adapter_dav.close()

    # ------------------------------------------------------------------------------------------------- the account, the server

    def account(self) -> str:
        """What the account is called in addresses."""
        if not self._account:
            self._account = self._called("GET", lambda client: str(client.user))
        return self._account

    def version(self) -> int:
        """The server's major version."""
        return self._called("GET", lambda client: int(client.srv_version["major"]))

    # ------------------------------------------------------------------------------------------------------------------- tags

    def tags(self) -> Mapping[str, int]:
        """All tags that the account can see: name → number. Where several have one name, the one with the smallest number."""
        found = self._called("PROPFIND", lambda client: [(one.display_name, int(one.tag_id)) for one in client.files.list_tags()])
        return {name: id for name, id in sorted(found, key=lambda pair: -pair[1]) if name}

    def create_tag(self, name: str) -> None:
        """A new tag; one of this name that is there already is well."""
        try:
            self._called("POST", lambda client: client.files.create_tag(name))
        except Refusal as refusal:
            if refusal.status != 409:
                raise

    def assign(self, file: int, tag: int) -> None:
        """Assign a tag to a file; again is well. ``Refusal``: 404 no such file, 412 no such tag."""
        try:
            self._called("PUT", lambda client: client.files.assign_tag(file, tag))
        except Refusal as refusal:
            if refusal.status != 409:
                raise

    def unassign(self, file: int, tag: int) -> None:
        """Take a tag from a file; one that it has not is well, as is a file that is gone."""
        try:
            self._called("DELETE", lambda client: client.files.unassign_tag(file, tag))
        except Refusal as refusal:
            if refusal.status != 404:
                raise

    def tags_of(self, file: int) -> Sequence[str]:
        """The names of a file's tags, on servers that do not tell them in a listing."""
        return self._called("PROPFIND", lambda client: [one.display_name or "" for one in client.files.get_tags(file)])

    def tagged(self, tag: int) -> Sequence[str]:
        """Files of the whole account that have this tag, by their paths in it, on such servers."""

        def paths(client: Any) -> list[str]:
            return [str(one.user_path).strip("/") for one in client.files.list_by_criteria(tags=[tag]) if not one.is_dir]

        return self._called("REPORT", paths)

    # ----------------------------------------------------------------------------------------------------------------- inside

    def _based(self, account: str) -> str:
        return "/".join(one for one in (self._prefix, _DAV, "files", account, self.root) if one)

    def _target(self, path: str, *, folder: bool) -> str:
        if not isinstance(path, Elsewhere):
            return super()._target(path, folder=folder)
        return "/" + escaped("/".join(one for one in (self._prefix, _DAV, path) if one))

    def _ask(self, method: str, path: str, headers: Mapping[str, str] | None, body: Any, *, folder: bool) -> Answer:
        target = self._target(path, folder=folder)
        listing = method == "PROPFIND"
        said = {"Accept-Encoding": "gzip" if listing else "identity", **(headers or {})}
        connect = self.timeout if body is not None and not listing else min(CONNECT, self.timeout)
        with self.translating(path):
            response = self._made_client()._session.adapter_dav.request(  # no call of it takes headers
                method,
                self.host + target,
                data=body,
                headers=said,
                allow_redirects=False,
                stream=True,
                timeout=(connect, self.timeout),
            )
            self.server = str(response.headers.get("Server", ""))
            if not 200 <= response.status_code < 300:
                raise _refusal(method, response)
        return Answer(_Response(response, unpack=listing), self, path, file=method == "GET")  # type: ignore[arg-type]  # all of it that is used

    def _made_client(self) -> Any:
        with self._guard:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def _make_client(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from nc_py_api import Nextcloud  # type: ignore[import-untyped]  # it has no types

            client = Nextcloud(
                nextcloud_url=f"{self.host}/{escaped(self._prefix)}".removesuffix("/"),
                nc_auth_user="",  # and not what the environment says; see ``_tune``
                nc_auth_pass="",
                npa_timeout=self.timeout,
                npa_timeout_dav=self.timeout,
                npa_nc_cert=self._trusted(),
                chunked_upload_v2=True,
                dav_url_suffix=_DAV,
            )
        for session in (client._session.adapter, client._session.adapter_dav):  # there is no other way to it
            self._tune(session)
        return client

    def _tune(self, session: Any) -> None:
        from niquests.adapters import HTTPAdapter

        def signed(request: Any) -> Any:
            request.headers.update(self._sign.headers())
            return request

        session.trust_env = False  # no proxy, no .netrc
        session.max_redirects = 0
        session.auth = signed
        session.headers["User-Agent"] = "albumen"
        session._revocation_configuration = None  # else it asks third parties about a server's certificate
        for scheme in ("http://", "https://"):
            how = HTTPAdapter(
                pool_connections=1,
                pool_maxsize=2 * self._limit + 4,
                disable_http2=True,
                disable_http3=True,
                revocation_configuration=None,
            )
            session.mount(scheme, how)

    def _called(self, method: str, call: Callable[[Any], T]) -> T:
        """What a call of the library's own returns; its errors as ``Refusal`` and ours. Asked again once, as ``ask`` does."""
        try:
            return self._call(method, call)
        except Severed:
            if method not in {"GET", "PROPFIND", "REPORT"}:
                raise
        except Refusal as refusal:
            refresh: Callable[[], bool] | None = getattr(self._sign.secret, "refresh", None)
            if refusal.status != 401 or refresh is None or not refresh():
                raise
        return self._call(method, call)

    def _call(self, method: str, call: Callable[[Any], T]) -> T:
        client = self._made_client()
        from nc_py_api import NextcloudException

        with self.translating(""):
            try:
                return call(client)
            except NextcloudException as error:
                raise self._meant(method, error) from None
            except (ExpatError, ValueError, KeyError, IndexError, TypeError, AttributeError):
                raise Unavailable(self.store, f"what answers at {self.host} is no Nextcloud: its answer cannot be read") from None

    def _meant(self, method: str, error: Any) -> Exception:
        response = getattr(error, "response", None)
        if response is not None and error.status_code >= 300:
            return _refusal(method, response)
        if error.status_code == 408:
            return Unavailable(self.store, f"its server gave no answer for {self.timeout:g} s")
        if error.status_code >= 300:
            return Refusal(int(error.status_code), {}, str(error.reason or ""), method)
        return Unavailable(self.store, f"what answers at {self.host} is no Nextcloud, or wants a person to log in")

    @contextmanager
    def translating(self, path: str, *, file: bool = False) -> Iterator[None]:
        """See ``Session.translating``, for the libraries that nc-py-api stands on."""
        from niquests.exceptions import RequestException
        from niquests.packages import urllib3

        try:
            yield
        except (RequestException, urllib3.exceptions.HTTPError, OSError, *LOST) as error:
            if isinstance(error, AlbumenError):
                raise
            raise self._failure(error, path, file=file) from None  # their messages may hold addresses and more

    def _failure(self, error: Exception, path: str, *, file: bool) -> AlbumenError:
        found = list(causes(error))
        names = {type(one).__name__ for one in found}  # of two libraries, and the fork has a third set of them
        tls = next((one for one in found if isinstance(one, ssl.SSLError)), None)
        if tls is not None and not isinstance(tls, ssl.SSLEOFError):
            why = getattr(tls, "verify_message", "") or tls.reason or "it failed"
            return Unavailable(self.store, f"its server's TLS certificate or protocol is not good: {why}; see ca in the settings")
        if "TooManyRedirects" in names:
            return Unavailable(self.store, "its server sends us on to another address: write the address it is really at as url")
        if not names.isdisjoint({"ConnectTimeout", "ConnectTimeoutError"}):
            return Unavailable(self.store, f"its server {self.host} does not answer")
        if any("Timeout" in name for name in names):
            return Unavailable(self.store, f"its server gave no answer for {self.timeout:g} s ({path or '/'})")
        reason = next((one.strerror for one in reversed(found) if isinstance(one, OSError) and one.strerror), "")
        if file:
            return Transient(f"{self.store}:{path}: the connection broke before its end{f' ({reason})' if reason else ''}")
        return Severed(self.store, f"its server {self.host} cannot be reached: {reason or 'the connection was closed'}")


class _Response:
    """An answer of niquests as ``Answer`` reads it; a compressed listing is unpacked on the way."""

    def __init__(self, response: Any, *, unpack: bool) -> None:
        self.status_code = int(response.status_code)
        self.headers = response.headers
        self.raw = self
        self._response = response
        self._unpack = unpack and "content-encoding" in response.headers

    def read1(self, size: int) -> bytes:
        raw = self._response.raw
        data: bytes = raw.read(size, decode_content=True) if self._unpack else raw.read1(size)
        return data

    def close(self) -> None:
        self._response.close()


def _refusal(method: str, response: Any) -> Refusal:
    """What is not 2xx, read and closed."""
    try:
        text = response.raw.read(_TEXT, decode_content=True).decode(errors="replace") if response.raw else ""
    finally:
        response.close()
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    return Refusal(int(response.status_code), headers, text, method)
