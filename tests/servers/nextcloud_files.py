"""What a Nextcloud answers about files, for the fake of it: as recorded from 34 and 28, with the order in which it looks at things."""

import gzip
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from servers import nextcloud_xml as xml
from servers.nextcloud_tree import Node, Tree, composed

__all__ = ["Answer", "Broken", "Files", "Refuse", "Request"]

PIECE = 1 << 16
DAV = "/remote.php/dav"
FEATURES = {
    34: "1, 3, extended-mkcol, access-control, calendarserver-principal-property-search, nc-paginate, nextcloud-checksum-update, "
    "nc-calendar-search, nc-enable-birthday-calendar, 2",
    28: "1, 3, extended-mkcol, access-control, calendarserver-principal-property-search, nextcloud-checksum-update, "
    "nc-calendar-search, nc-enable-birthday-calendar",
}
METHODS = "OPTIONS, GET, HEAD, DELETE, PROPFIND, PUT, PROPPATCH, COPY, MOVE, REPORT"
SABRE = "Sabre\\DAV\\Exception\\"
HTML = "text/html; charset=UTF-8"
XML = "application/xml; charset=utf-8"


class Broken(Exception):  # no error of ours: the other side went away
    """The request's body ended too early."""


@dataclass
class Request:
    """One request. ``path``: decoded, below ``/remote.php/dav``."""

    method: str
    target: str
    headers: Mapping[str, str]
    stream: BinaryIO
    user: str = ""
    read: bool = False

    @property
    def path(self) -> str:
        """Decoded, composed, without slashes at the end."""
        return composed(unquote(urlsplit(self.target).path)).removeprefix(DAV).strip("/")

    def body(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Of the body; ``Broken`` when it ends too early."""
        self.read = True
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.stream.readline().split(b";")[0] or b"0", 16):
                yield self._exactly(size)
                self.stream.readline()
            self.stream.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self._exactly(min(left, PIECE))
            left -= len(piece)
            yield piece

    def _exactly(self, size: int) -> bytes:
        piece = self.stream.read(size)
        if len(piece) < size:
            raise Broken
        return piece


@dataclass
class Answer:
    """``body`` in pieces is sent with its ``length``, or in chunks when that is not known."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    length: int | None = None


class Refuse(Exception):  # an answer, carried upwards
    """An error of the server."""

    def __init__(
        self, status: int, exception: str, message: str = "", header: str = "", locked: str = "", **headers: str
    ) -> None:
        super().__init__(f"{status} {exception} {message}")
        name = exception.rstrip("\\") if "\\" in exception else SABRE + exception
        body = xml.error(name, message, header, locked)
        self.answer = Answer(
            status, {"Content-Type": XML} | {one.replace("_", "-"): said for one, said in headers.items()}, iter([body])
        )


class Files:
    """The accounts' files and the uploads in pieces. One for each server."""

    def __init__(self, tree: Tree, version: int, base: str = "") -> None:
        self.tree = tree
        self.version = version
        self.here = base + DAV  # as addresses begin
        self.uploads: dict[str, dict[str, str]] = {}
        self.before_write: Callable[[], None] = lambda: None

    # -------------------------------------------------------------------------------------------------------------- looking

    def options(self, request: Request) -> Answer:
        """What it can do."""
        locks = ", LOCK, UNLOCK" if self.version >= 29 else ""
        said = {"Allow": METHODS + locks, "DAV": self.features, "MS-Author-Via": "DAV", "Accept-Ranges": "bytes"}
        return Answer(200, said | {"Content-Type": HTML})

    @property
    def features(self) -> str:
        """The header DAV."""
        return FEATURES[34 if self.version >= 29 else 28]

    def get(self, request: Request) -> Answer:
        """GET and HEAD."""
        node = self.there(request)
        if node.folder:
            text = b"This is the WebDAV interface. It can only be accessed by WebDAV clients such as the Nextcloud desktop sync client."
            return Answer(200, {"Content-Type": HTML}, iter([text] if request.method == "GET" else []))
        with self.tree.guard:
            self.check_matches(request, node)
            if request.method == "GET" and self.tree.locked(node, writing=True):
                raise self.file_locked(node)
            node.size = os.path.getsize(node.blob)  # only now does it notice that an upload was cut off
            blob, size = os.open(node.blob, os.O_RDONLY), node.size
        name = quote(node.name)
        headers = {
            "OC-ETag": f'"{node.etag}"',
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}; filename=\"{name}\"",
            "Last-Modified": formatdate(node.modified, usegmt=True),
            "ETag": f'"{node.etag}"',
            "Content-Type": node.type,
        } | ({"OC-Checksum": node.checksum} if node.checksum else {})
        if request.headers.get("If-None-Match") == f'"{node.etag}"':
            os.close(blob)
            return Answer(304, {"ETag": f'"{node.etag}"'})
        start, end = self.range(request, node, size, blob)
        if (start, end) != (0, size):
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        status = 206 if "Content-Range" in headers else 200
        if request.method == "HEAD":
            os.close(blob)
            return Answer(status, headers, length=end - start)
        return Answer(status, headers, self.sent(node, blob, start, end), None if self.version < 29 else end - start)

    def range(self, request: Request, node: Node, size: int, blob: int) -> tuple[int, int]:
        """From where to where."""
        said = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not said or request.headers.get("If-Range", f'"{node.etag}"') != f'"{node.etag}"':
            return 0, size
        start = int(said[1])
        if start >= size:
            os.close(blob)
            why = f"The start offset ({start}) exceeded the size of the entity ({size})"
            when = formatdate(node.modified, usegmt=True)
            raise Refuse(416, "RequestedRangeNotSatisfiable", why, Last_Modified=when, ETag=f'"{node.etag}"')
        return start, min(size, int(said[2]) + 1 if said[2] else size)

    def sent(self, node: Node, blob: int, start: int, end: int) -> Iterator[bytes]:
        """The bytes; nobody can move the file meanwhile."""
        with os.fdopen(blob, "rb") as file, self.tree.reading(node):
            file.seek(start)
            while start < end and (piece := file.read(min(PIECE, end - start))):
                start += len(piece)
                yield piece

    def propfind(self, request: Request) -> Answer:
        """A folder or file with its properties."""
        node = self.there(request, DAV=self.features, Vary="Brief,Prefer")
        depth = request.headers.get("Depth", "infinity")
        asked = xml.wanted(request.body())
        with self.tree.guard:
            nodes = [node] if depth == "0" else [node, *node.children.values()] if depth == "1" else list(node.all())
            some, said = self.page(request, nodes)
            tags = xml.forgetful_tags(self.tree, self.version)
            user = request.path.split("/")[1]
            props = (xml.of_node(one, tags, version=self.version, user=user) for one in some)
            body = xml.multistatus(xml.response(self.href(user, one), of, asked) for one, of in zip(some, props, strict=True))
        return self.status_207(request, body, said)

    def page(self, request: Request, nodes: list[Node]) -> tuple[list[Node], dict[str, str]]:
        """The part of a long listing that was asked for; from 34 on."""
        if request.headers.get("X-NC-Paginate") != "true" or self.version < 34:
            return nodes, {}
        count, offset = int(request.headers["X-NC-Paginate-Count"]), int(request.headers.get("X-NC-Paginate-Offset", 0))
        said = {"X-NC-Paginate": "true"}
        if not offset:
            said |= {"X-NC-Paginate-Token": "71kLH0bMBA8uO3iMGKxH/N6M9/ZNrVb3", "X-NC-Paginate-Total": str(len(nodes))}
        return nodes[offset : offset + count], said

    def status_207(self, request: Request, body: bytes, more: Mapping[str, str] | None = None) -> Answer:
        """A multistatus, compressed when the client takes it."""
        headers = {"Vary": "Brief,Prefer", "DAV": self.features, "Content-Type": XML} | dict(more or {})
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body)
        return Answer(207, headers, iter([body]))

    # ------------------------------------------------------------------------------------------------------------- changing

    def put(self, request: Request) -> Answer:
        """A whole file. Over an existing one it writes in place: what is cut off leaves a piece."""
        folder, _, name = request.path.removeprefix("files/").partition("/")[2].rpartition("/")
        user = request.path.split("/")[1]
        self.allow_name(name, uploading=True)
        parent = self.tree.find(user, folder)
        if parent is None or not parent.folder:
            raise self.not_found(folder)
        node = parent.children.get(name)
        self.check_matches(request, node)
        if request.headers.get("If-None-Match") == "*" and node is not None:
            why = "An If-None-Match header was specified, but the ETag matched (or * was specified)."
            raise Refuse(412, "PreconditionFailed", why, "If-None-Match")
        blob = self.tree.blob() if node is None else node.blob
        self.take(request, node, blob)
        with self.tree.guard:
            if node is not None:
                node.writing = False
                os.rename(blob, blob := self.tree.blob())
                node.blob = ""
            said = request.headers.get("X-OC-MTime")
            stored = self.tree.write(parent, name, blob, int(said) if said else None, request.headers.get("OC-Checksum", ""))
        owner = {"X-NC-OwnerId": user, "X-NC-Permissions": "RGDNVW"} if self.version >= 29 else {}
        headers = {"OC-FileId": stored.long_id, "OC-ETag": f'"{stored.etag}"', "ETag": f'"{stored.etag}"'} | owner
        if said:
            headers["X-OC-MTime"] = "accepted"
        return Answer(201 if node is None else 204, headers | ({"Content-Type": HTML} if node is None else {}))

    def take(self, request: Request, node: Node | None, blob: str) -> None:
        """The body into the blob. One that breaks off leaves nothing of a new file, and half of one that was there."""
        with self.tree.guard:
            if node is not None and (self.tree.locked(node) or node.locked_by):
                raise self.file_locked(node) if self.tree.locked(node) else self.user_lock(node)
            if node is not None:
                node.writing = True
        try:
            with open(blob, "wb") as file:
                file.writelines(request.pieces())
        except (Broken, OSError):
            if node is None:
                with suppress(FileNotFoundError):
                    os.unlink(blob)
            else:
                node.writing = False
            raise

    def mkcol(self, request: Request) -> Answer:
        """A folder, or one for an upload in pieces."""
        if request.path.startswith("uploads/"):
            self.uploads[request.path] = {}
            return Answer(201, {"Content-Type": HTML})
        above, _, name = request.path.rpartition("/")
        with self.tree.guard:
            user, _, folder = above.removeprefix("files/").partition("/")
            parent = self.tree.find(user, folder)
            if parent is not None and name in parent.children:
                locks = ", LOCK, UNLOCK" if self.version >= 29 else ""
                raise Refuse(405, "MethodNotAllowed", "The resource you tried to create already exists", Allow=METHODS + locks)
            if parent is None:
                raise Refuse(409, "Conflict", "Parent node does not exist")
            self.allow_name(name, uploading=False)
            made = self.tree.folder(user, f"{folder}/{name}")
        return Answer(201, {"OC-FileId": made.long_id, "Content-Type": HTML})

    def delete(self, request: Request) -> Answer:
        """Into the bin."""
        if request.path.startswith("uploads/"):
            if self.uploads.pop(request.path, None) is None:
                name = request.path.split("/")[2]
                raise Refuse(404, "NotFound", f"File with name //{name} could not be located")
            return Answer(204)
        with self.tree.guard:
            self.check_matches(request, self.tree.find(*self.user_path(request.path)))
            node = self.there(request)
            if self.tree.locked(node):
                raise self.file_locked(node)
            if node.locked_by:
                raise self.user_lock(node)
            self.tree.delete(node)
        return Answer(204)

    # ---------------------------------------------------------------------------------------------------------------- inside

    def there(self, request: Request, **headers: str) -> Node:
        """What the request is about; 404."""
        user, path = self.user_path(request.path)
        node = self.tree.find(user, path)
        if node is None:
            raise self.not_found(path, **headers)
        return node

    def user_path(self, path: str) -> tuple[str, str]:
        """``files/photod/a/b`` → photod, a/b."""
        user, _, rest = path.removeprefix("files/").partition("/")
        return user, rest

    def href(self, user: str, node: Node) -> str:
        """Its address, folders with a slash at the end."""
        path = "/".join(filter(None, (self.here, "files", user, node.path)))
        return path + "/" if node.folder else path

    def check_matches(self, request: Request, node: Node | None) -> None:
        """If-Match; a missing file has no etag."""
        wanted = request.headers.get("If-Match")
        if wanted and (node is None or wanted not in ("*", f'"{node.etag}"')):
            why = "An If-Match header was specified, but none of the specified ETags matched."
            if node is None:
                why = "An If-Match header was specified and the resource did not exist"
            said = {"ETag": f'"{node.etag}"'} if node is not None and not node.folder else {}
            raise Refuse(412, "PreconditionFailed", why, "If-Match", **said)

    def allow_name(self, name: str, *, uploading: bool) -> None:
        """Names that it refuses."""
        if "\\" in name or any(ord(one) < 32 for one in name):
            raise Refuse(
                400, "OCA\\DAV\\Connector\\Sabre\\Exception\\InvalidPath", "File name contains at least one invalid character"
            )
        size = len(name.encode())
        if size > 250 or (size == 250 and self.version < 29):
            why = "File name is too long"
            raise Refuse(500 if size == 250 else 400, "OCA\\DAV\\Connector\\Sabre\\Exception\\InvalidPath", why)
        if name == ".htaccess":
            raise Refuse(500 if self.version >= 29 else 403, "Forbidden", "The file name is not allowed")
        if uploading and name.endswith((".part", ".filepart")):
            if self.version >= 29:
                raise Refuse(400, "OCA\\DAV\\Connector\\Sabre\\Exception\\InvalidPath", f'"{name}" is a forbidden file extension')
            raise Refuse(423, "OCA\\DAV\\Connector\\Sabre\\Exception\\FileLocked", f'"{name}" is locked')

    def not_found(self, path: str, **headers: str) -> Refuse:
        """404."""
        slash = "//" if self.version < 29 and "/" not in path else "/"
        return Refuse(404, "NotFound", f"File with name {slash}{path} could not be located", **headers)

    def file_locked(self, node: Node) -> Refuse:
        """423: somebody transfers it."""
        return Refuse(423, "OCA\\DAV\\Connector\\Sabre\\Exception\\FileLocked", f'"{self.lock_name(node)}" is locked')

    def lock_name(self, node: Node) -> str:
        """As locks are told."""
        return ("/" if self.version >= 29 else "") + node.path

    def user_lock(self, node: Node) -> Refuse:
        """423: a person locked it."""
        return Refuse(423, "Locked", locked=f"files/{node.locked_by}/{node.path}")


def as_json(request: Request, status: int, value: object, *, version: int) -> Answer:
    """An answer of the OCS part: compressed; 34 says how long it is."""
    headers, body = {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode()
    if status == 200 and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"], body = "gzip", gzip.compress(body)
    return Answer(status, headers, body if status == 200 and version >= 29 else iter([body]))
