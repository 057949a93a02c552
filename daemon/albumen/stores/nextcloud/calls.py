"""What is asked of a Nextcloud beyond WebDAV: file numbers and tags with a listing, and large uploads in pieces."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from albumen.errors import AlbumenError, Rejected, Transient, Unavailable
from albumen.stores.dav.calls import Calls
from albumen.stores.dav.multistatus import Entry
from albumen.stores.dav.streams import Body, Sized
from albumen.stores.dav.trouble import Refusal
from albumen.stores.nextcloud.cloud import Cloud, Elsewhere

__all__ = ["LARGE", "CloudCalls", "file_of", "tags_of"]

_OC, _NC = "http://owncloud.org/ns ", "http://nextcloud.org/ns "
FILE = '<fileid xmlns="http://owncloud.org/ns"/>'
TAGS = '<system-tags xmlns="http://nextcloud.org/ns"/>'
LARGE = 32 << 20  # bytes from which on a file is sent in pieces
_PIECE = 10 << 20  # bytes of one at least, in memory; no less than 5 MiB, and at most 10,000 of them
_MOST = 10_000


def file_of(entry: Entry) -> int:
    """The file's number, which survives moves; 0 when the server does not tell."""
    node = entry.extra.get(_OC + "fileid")
    return int(node.text) if node is not None and node.text.isdecimal() else 0


def tags_of(entry: Entry) -> Mapping[str, int] | None:
    """Its tags, name → number, sorted by name; None when the server does not tell (before 28). Exact only for a file that was asked for
    alone: in a listing a Nextcloud forgets some, though never all of a file's."""
    node = entry.extra.get(_NC + "system-tags")
    if node is None:
        return None
    some = [one for one in node.children if one.name == _NC + "system-tag" and one.text]
    return {one.text: int(one.attributes.get(_OC + "id", "0")) for one in sorted(some, key=lambda one: one.text)}


class CloudCalls(Calls):
    """Calls of one account. ``tagged``: listings tell tags, too."""

    def __init__(self, cloud: Cloud, *, tagged: bool = False) -> None:
        super().__init__(cloud, FILE + (TAGS if tagged else ""))
        self.cloud = cloud

    def meaning(self, refusal: Refusal, path: str) -> Exception:
        """As for any server, and what this one means by some answers."""
        said = f"({refusal.method} {path or '/'}: {refusal.status})"
        if "LockedException" in refusal.text or refusal.status == 423:
            return Transient(f"{self.store}:{path}: somebody is transferring it, or locked it {said}")
        if refusal.status == 503 and "DisabledUserException" in refusal.text:
            return Unavailable(
                self.store, f"its server says that the account is disabled {said}: let an admin enable it", auth=True
            )
        if "aintenance" in refusal.text and refusal.status == 503:
            return Unavailable(self.store, f"its server is being maintained {said}")
        return super().meaning(refusal, path)

    # -------------------------------------------------------------------------------------------------------------- uploads

    def put(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """See ``Calls.put``; large ones go in pieces, and appear whole all the same."""
        if not isinstance(body, Sized) or len(body) < LARGE:
            return super().put(path, body, headers)
        kept = {name: value for name, value in (headers or {}).items() if name == "X-OC-MTime"}
        upload = self.begin(path)
        try:
            self.send(upload, path, body)
            return self.finish(upload, path, body, {**kept, "Overwrite": "F"})
        except BaseException:
            self.cancel(upload)
            raise

    def begin(self, path: str) -> Elsewhere:
        """A new upload for that path. ``Refusal``."""
        upload = Elsewhere(f"uploads/{self.cloud.account()}/albumen-{uuid.uuid4().hex}")
        self._do("MKCOL", upload, {"Destination": self.session.address(path)}, {201})
        return upload

    def send(self, upload: Elsewhere, path: str, body: Body) -> None:
        """All pieces, one after the other; one that the server did not take at this moment is sent again. ``Refusal``."""
        headers = {"Destination": self.session.address(path)}
        if isinstance(body, Sized):
            headers["OC-Total-Length"] = str(len(body))
        for number, piece in enumerate(_pieces(body), 1):
            if number > _MOST:
                raise Rejected(f"{self.store}:{path}: is larger than {_MOST * _PIECE} bytes, the most that goes up in pieces")
            self._do("PUT", Elsewhere(f"{upload}/{number}"), headers, {201, 204}, body=piece, again=True)
            piece.clear()

    def finish(self, upload: Elsewhere, path: str, body: Body, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The pieces become the file, at once: a file that lies there keeps its number and tags (with ``Overwrite: T``). ``Refusal``."""
        said = {"Destination": self.session.address(path), "OC-Total-Length": str(body.size), **headers}
        return self._do("MOVE", Elsewhere(f"{upload}/.file"), said, {201, 204})

    def cancel(self, upload: Elsewhere) -> None:
        """What was sent of it is not kept; where the server does not answer, it throws it away itself after a day."""
        with suppress(AlbumenError, Refusal):
            self._do("DELETE", upload, None, {200, 204})


class _Piece:
    """Some bytes, to be sent, and sent again, and then forgotten: the library keeps hold of what it sent for as long as it likes."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts
        self._size = sum(len(one) for one in parts)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def clear(self) -> None:
        self._parts = []


def _pieces(body: Iterable[bytes]) -> Iterator[_Piece]:
    """Of about one size, but the last."""
    parts: list[bytes] = []
    size = 0
    for some in body:
        parts.append(some)
        size += len(some)
        if size >= _PIECE:
            yield _Piece(parts)
            parts, size = [], 0
    if parts:
        yield _Piece(parts)
