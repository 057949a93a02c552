"""A Nextcloud for tests: it answers as 34 and 28 were recorded to answer, keeps what it is given, and can break.

    with nextcloud.serve(version=34, users={"photod": "secret"}, tls=authority, base="/cloud") as server:
        server.url, server.put("photod", "Gold/a.jpg", b"…", tags=["ai:cats"]), server.files("photod"), server.tags_of("photod", "Gold/a.jpg")
        server.fail("MOVE", then="lost")            # the next move is done, its answer never comes
        server.fail("PROPFIND", status=429, headers={"Retry-After": "7"}, times=3)
        server.stop(), server.start()               # the same files at the same address

``tests/servers/test_nextcloud_replay.py`` compares it with what was recorded. What it always does as the real one: it forgets tags with
small numbers in listings, answers a move of a file in transfer with 500, truncates a file whose overwriting is cut off, knows only
100 results of a search, changes an etag once a second, escapes in small letters, composes names, compresses listings.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from servers import nextcloud_xml as xml
from servers.nextcloud_door import Asked, Door, Fault, Handler
from servers.nextcloud_files import XML, Answer, Refuse, Request, as_json
from servers.nextcloud_moves import Dav
from servers.nextcloud_tree import Node, Tree
from servers.tls import Authority

__all__ = ["Fault", "Server", "serve"]

GUESSES = 11  # wrong passwords after which an address gets 429 for everything


class Server:
    """One server; see the module."""

    def __init__(
        self,
        version: int = 34,
        users: Mapping[str, str] | None = None,
        *,
        tls: Authority | None = None,
        base: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.version = version
        self.users = dict(users or {"photod": "secret"})
        self.base = base.rstrip("/")
        self.tree = Tree(clock)
        self.dav = Dav(self.tree, version, self.base)
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.maintenance = False
        self.disabled: set[str] = set()
        self.guesses = 0
        self.trouble: list[str] = []  # mistakes of the fake itself; a test that finds any here is worth nothing
        self.on_request: Callable[[str, str, str], None] = lambda method, path, when: None  # when: "before" or "after" it is done
        self.busiest = 0
        self.authority = tls
        self._running = 0
        self._door: Door | None = None
        self._port = 0

    # --------------------------------------------------------------------------------------------------------- start and stop

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self._port}{self.base}"

    @property
    def port(self) -> int:
        """Where it listens, also while it is stopped."""
        return self._port

    def start(self) -> None:
        """At the same port as before."""
        self._door = Door(("127.0.0.1", self._port), Handler)
        self._door.nextcloud = self
        self._port = self._door.server_address[1]
        if self.authority:
            self._door.socket = self.authority.server().wrap_socket(self._door.socket, server_side=True)
        threading.Thread(target=self._door.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Nobody listens, all connections are gone, also those in the middle of something. Twice is harmless."""
        door, self._door = self._door, None
        if door is not None:
            door.shutdown()
            door.server_close()
            door.hang_up()

    def close(self) -> None:
        """Stop and forget all files."""
        self.stop()
        self.tree.close()

    # ------------------------------------------------------------------------------------------------------------ what it keeps

    def put(
        self, user: str, path: str, data: bytes, *, tags: Sequence[str] = (), modified: int | None = None, checksum: str = ""
    ) -> Node:
        """A file, its folders and its tags, as if a person did it by the web page."""
        folder, _, name = path.rpartition("/")
        with self.tree.guard:
            blob = self.tree.blob()
            with open(blob, "wb") as file:
                file.write(data)
            node = self.tree.write(self.tree.folder(user, folder), name, blob, modified, checksum)
            for one in tags:
                self.tag(user, path, one)
            return node

    def mkdir(self, user: str, path: str) -> Node:
        """A folder with all above it."""
        with self.tree.guard:
            return self.tree.folder(user, path)

    def remove(self, user: str, path: str) -> None:
        """A person deletes it."""
        with self.tree.guard:
            self.tree.delete(self.node(user, path))

    def node(self, user: str, path: str) -> Node:
        """What lies there; ``KeyError`` when nothing does."""
        found = self.tree.find(user, path)
        if found is None:
            raise KeyError(path)
        return found

    def tag(self, user: str, path: str, name: str) -> None:
        """Assign a tag, made when there is none of this name."""
        with self.tree.guard:
            tag = self.tree.tag(name) or self.tree.create_tag(name)
            tags = self.node(user, path).tags
            tags += [tag.id] if tag.id not in tags else []

    def untag(self, user: str, path: str, name: str) -> None:
        """A person takes it away."""
        with self.tree.guard:
            tag = self.tree.tag(name)
            assert tag is not None, name
            self.node(user, path).tags.remove(tag.id)

    def tags_of(self, user: str, path: str) -> list[str]:
        """Names, sorted."""
        with self.tree.guard:
            return sorted(self.tree.tags[one].name for one in self.node(user, path).tags)

    def files(self, user: str, prefix: str = "") -> dict[str, bytes]:
        """Every file below a folder with its bytes; what albumen keeps for itself (``.albumen/``) too."""
        with self.tree.guard:
            top = self.tree.find(user, prefix)
            return {one.path: one.bytes() for one in (top.all() if top else ()) if not one.folder}

    def state(self, user: str) -> dict[str, tuple[int, int, tuple[str, ...]]]:
        """Every file with its number, size and tags, without what albumen keeps for itself: equal = nothing was changed."""
        with self.tree.guard:
            return {
                one.path: (one.id, one.size, tuple(sorted(self.tree.tags[tag].name for tag in one.tags)))
                for one in self.tree.root(user).all()
                if not one.folder and ".albumen" not in one.path.split("/")
            }

    @contextmanager
    def busy(self, user: str, path: str) -> Iterator[None]:
        """While somebody else overwrites that file."""
        node = self.node(user, path)
        node.writing = True
        try:
            yield
        finally:
            node.writing = False

    def cut_off(self, user: str, path: str, size: int) -> None:
        """Somebody's overwriting of the file broke off after so many bytes: the listing does not tell."""
        with open(self.node(user, path).blob, "r+b") as file:
            file.truncate(size)

    # --------------------------------------------------------------------------------------------------------------- how it breaks

    def fail(self, method: str = "*", path: str = "", **how: Any) -> Fault:
        """See ``Fault``; returns it, so that a test can ask how often it is left."""
        fault = Fault(method, path, **how)
        self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """Nothing breaks any more."""
        self.faults.clear()
        self.maintenance, self.guesses = False, 0
        self.disabled.clear()

    def count(self, method: str = "", path: str = "") -> int:
        """Requests so far of this method whose address contains this."""
        return sum(method in ("", one.method) and path in one.path for one in self.asked)

    # -------------------------------------------------------------------------------------------------------------------- inside

    def now(self) -> float:
        """By its own clock."""
        return self.tree.clock()

    def under_way(self, by: int) -> None:
        """Requests that are being answered; ``busiest`` is the most there ever were."""
        with self.tree.guard:
            self._running += by
            self.busiest = max(self.busiest, self._running)

    def answer(self, request: Request) -> Answer:
        """Login first, then what was asked."""
        path = unquote(urlsplit(request.target).path)
        if path == "/status.php":
            return self._status()
        dav = path.startswith("/remote.php/dav")
        if self.maintenance:
            return self._in_maintenance(request, dav=dav)
        try:
            self._login(request)
            answer = self.dav.answer(request) if dav else self._ocs(request, path)
        except Refuse as refused:
            answer = refused.answer
        if request.user and self.version >= 29:
            answer.headers.setdefault("X-User-Id", request.user)
        return answer

    def _login(self, request: Request) -> None:
        user, password = _basic(request)
        basic = bool(user)
        if self.guesses >= GUESSES:
            raise Refuse(429, "OCA\\DAV\\Connector\\Sabre\\Exception\\TooManyRequests", "Reached maximum delay")
        if user in self.disabled:
            raise Refuse(503, "ServiceUnavailable", "OC\\User\\DisabledUserException: Account disabled")
        if not basic or self.users.get(user) != password:
            self.guesses += basic
            raise Refuse(401, "NotAuthenticated", _why_not(self.version, basic=basic), WWW_Authenticate=CHALLENGE)
        request.user = user

    def _status(self) -> Answer:
        string, micro = ("34.0.1", "34.0.1.2") if self.version >= 29 else ("28.0.2", "28.0.2.5")
        said: dict[str, object] = {"installed": True, "maintenance": self.maintenance, "needsDbUpgrade": False, "version": micro}
        said |= {"versionstring": string, "edition": "", "productname": "Nextcloud", "extendedSupport": False}
        return Answer(200, {"Content-Type": "application/json"}, iter([json.dumps(said, separators=(",", ":")).encode()]))

    def _in_maintenance(self, request: Request, *, dav: bool) -> Answer:
        if dav:
            body = xml.error("OCA\\DAV\\Exception\\ServerMaintenanceMode", "System is in maintenance mode.")
            return Answer(503, {"Content-Type": XML}, iter([body]))
        meta = {"status": "failure", "statuscode": 503, "message": "Service unavailable", "totalitems": "", "itemsperpage": ""}
        answer = as_json(request, 503, {"ocs": {"meta": meta, "data": []}}, version=self.version)
        answer.headers |= {"X-Nextcloud-Maintenance-Mode": "1"} | (
            {"X-User-Id": _basic(request)[0]} if self.version >= 29 else {}
        )
        return answer

    def _ocs(self, request: Request, path: str) -> Answer:
        code = 200 if "/v2.php/" in path else 100
        meta = {"status": "ok", "statuscode": code, "message": "OK"}
        if path.endswith("/cloud/user"):
            who: dict[str, object] = {"id": request.user, "displayname": request.user, "backend": "Database"}
            return as_json(request, 200, {"ocs": {"meta": meta, "data": who}}, version=self.version)
        if not path.endswith("/cloud/capabilities"):
            raise Refuse(404, "NotFound", f"{path} is not there")
        major, micro = (self.version, "0.1") if self.version >= 29 else (self.version, "0.2")
        version = {"major": major, "minor": 0, "micro": int(micro[-1]), "string": f"{major}.{micro}", "edition": ""}
        files: dict[str, object] = {"bigfilechunking": True, "undelete": True, "versioning": True}
        files |= {"locking": "1.0", "api-feature-lock-type": True} if self.version >= 29 else {}
        systemtags = {"enabled": True} if self.version >= 29 else {}
        capabilities = {
            "core": {"pollinterval": 60, "webdav-root": "remote.php/webdav"},
            "files": files,
            "systemtags": systemtags,
        }
        data = {"version": version | {"extendedSupport": False}, "capabilities": capabilities}
        answer = as_json(request, 200, {"ocs": {"meta": meta, "data": data}}, version=self.version)
        answer.headers["ETag"] = f'"{self.version:032x}"'
        return answer


@contextmanager
def serve(version: int = 34, users: Mapping[str, str] | None = None, **more: Any) -> Iterator[Server]:
    """A server that runs; see ``Server``."""
    server = Server(version, users, **more)
    server.start()
    try:
        yield server
    finally:
        server.close()
        assert not server.trouble, server.trouble[0]


CHALLENGE = 'Basic realm="Nextcloud", charset="UTF-8"'


def _basic(request: Request) -> tuple[str, str]:
    """Who says to be whom; nobody, without a login."""
    said = request.headers.get("Authorization", "")
    user, _, password = base64.b64decode(said[6:]).decode().partition(":") if said.startswith("Basic ") else ("", "", "")
    return user, password


def _why_not(version: int, *, basic: bool) -> str:
    bearer = "No 'Authorization: Bearer' header found. Either the client didn't send one, or the server is mis-configured"
    none = "No 'Authorization: Basic' header found. Either the client didn't send one, or the server is misconfigured"
    wrong = "Username or password was incorrect" if basic else none
    news = ["AppAPIAuth has not passed", "This request is not for a federated calendar"] if version >= 29 else []
    return ", ".join(["No public access to this resource.", *news, wrong, bearer, wrong])
