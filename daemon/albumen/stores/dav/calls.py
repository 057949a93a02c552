"""What is asked of a WebDAV server: each call once, its answer read whole and judged; the rest of ``stores/webdav`` never sees HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from albumen.errors import AlbumenError, Rejected, Transient, Unavailable
from albumen.model import Rev
from albumen.stores.dav.hrefs import child, path_of, same
from albumen.stores.dav.multistatus import Entry, Garbled, entries, http_time
from albumen.stores.dav.session import Answer, Session, Severed
from albumen.stores.dav.streams import Sized
from albumen.stores.dav.trouble import Refusal, is_plain_failure, meaning

__all__ = ["Calls", "Listing", "revision"]

_USUAL = "<resourcetype/><getcontentlength/><getlastmodified/><getetag/>"
_NO_FOLDER = frozenset({400, 405, 409})  # what servers say to a file that is asked as a folder
# Bytes of a file up to which it is sent again here when its server could not take it at this moment. A larger one costs minutes each time,
# and whoever asked tries again, too: it would be three times three. (Pieces of a large one are: each saves all that were sent before it.)
_SMALL = 1 << 20
_CUTS = frozenset("?;\n\r\t")  # where WsgiDAV ends the name of a Destination


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder: itself, what lies directly in it by name, and what time it was at the server (ns, None = it did not say)."""

    itself: Entry
    inside: Mapping[str, Entry]
    now: int | None


class Calls:
    """Calls by paths of the store. Errors: ``Unavailable`` and what is said; ``Refusal`` where the caller must judge.
    ``further``: XML of more properties to ask for, as "<fileid xmlns='http://owncloud.org/ns'/>"."""

    def __init__(self, session: Session, further: str = "") -> None:
        self.session = session
        self.store = session.store
        body = f'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>{_USUAL}{further}</prop></propfind>'
        self._question = body.encode()

    # ------------------------------------------------------------------------------------------------------------- looking

    def look(self, path: str) -> Entry | None:
        """A file or folder as it is now; None when it is not there."""
        found = self._find(path, "0")
        if found is None:
            return None
        for name, entry in found[0]:
            if name == "":
                return entry
        raise self._no_dav(path, "the answer does not name what was asked for")

    def inside(self, folder: str) -> Listing | None:
        """A folder with all that lies directly in it; None when no folder is there."""
        found = self._find(folder, "1", folder=True)
        if found is None:
            return None
        named, now = found
        itself = next((entry for name, entry in named if name == ""), None)
        if itself is None:
            raise self._no_dav(folder, "the answer does not name the folder itself")
        if not itself.folder:
            return None
        return Listing(itself, {name: entry for name, entry in named if name}, now)

    def _find(self, path: str, depth: str, *, folder: bool = False) -> tuple[list[tuple[str, Entry]], int | None] | None:
        headers = {"Depth": depth, "Content-Type": 'application/xml; charset="utf-8"'}
        try:
            with self.session.ask("PROPFIND", path, headers, body=self._question, folder=folder or not path) as answer:
                if answer.status != 207:
                    raise self._no_dav(path, f"it answers {answer.status} {answer.headers.get('content-type', '')}".rstrip())
                return self._entries(answer, path), http_time(answer.headers.get("date", ""))
        except Refusal as refusal:
            if refusal.status in {404, 410}:
                return None
            if not folder and self._wants_slash(refusal, path):
                return self._find(path, depth, folder=True)
            if folder and path and refusal.status in _NO_FOLDER and not self._is_folder(path):
                return None
            raise self.meaning(refusal, path) from None

    def _is_folder(self, path: str) -> bool:
        entry = self.look(path)
        return entry is not None and entry.folder

    def _entries(self, answer: Answer, path: str) -> list[tuple[str, Entry]]:
        here = "/".join(one for one in (self.session.base, path) if one)
        try:
            found = [(child(path_of(one.href), here), one) for one in entries(answer.pieces())]
        except Garbled as error:
            raise self._no_dav(path, str(error)) from None
        return [(name, one) for name, one in found if one.status in {0, 200}]

    def _no_dav(self, path: str, why: str) -> Unavailable:
        return Unavailable(self.store, f"what answers at {self.session.address(path)} does not speak WebDAV: {why}")

    def _wants_slash(self, refusal: Refusal, path: str) -> bool:
        """Whether a redirection only says that this is a folder."""
        location = refusal.headers.get("location", "")
        if not 300 <= refusal.status < 400 or not location.endswith("/"):
            return False
        try:
            return same(path_of(location), "/".join(one for one in (self.session.base, path) if one))
        except Garbled:
            return False

    # ------------------------------------------------------------------------------------------------------------ changing

    def get(self, path: str, start: int = 0, *, ours: bool = False) -> Answer:
        """The bytes of a file from ``start``, or all of them (status 200, not 206) where the server cannot; ``ours``: see ``Session.ask``.
        ``Refusal``."""
        answer = self.session.ask("GET", path, {"Range": f"bytes={start}-"} if start else None, ours=ours)
        if answer.status not in {200, 206}:
            answer.close()
            raise self._no_dav(path, f"it answers {answer.status} to GET")
        return answer

    def put(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Bytes into a file of ours that nobody else knows; the headers of the answer. ``Refusal``."""
        small = isinstance(body, Sized | bytes) and len(body) <= _SMALL
        return self._do("PUT", path, headers, {200, 201, 204}, body=body, again=small)

    def make(self, folder: str) -> None:
        """One folder; harmless when it is there. ``Refusal``: 409 when the one above is not."""
        try:
            self._do("MKCOL", folder, None, {200, 201}, folder=True, again=True)
        except Refusal as refusal:
            if refusal.status != 405:
                raise

    def move(self, path: str, to: str, etag: str = "") -> bool:
        """A file gets another name, none is ever overwritten; whether the server said plainly that the name is new. ``etag``: only if it
        still has this one. ``Refusal``."""
        return self._said("MOVE", path, self._there(to, etag), {200, 201, 204})[0] == 201

    def copy(self, path: str, to: str) -> None:
        """A file twice, none is ever overwritten. ``Refusal``."""
        self._do("COPY", path, self._there(to, ""), {200, 201, 204})

    def delete(self, path: str, etag: str = "") -> None:
        """Away with a file. ``etag``: only if it still has this one. ``Refusal``. ``Transient`` when a yes was none: a page of somebody
        in between has status 200, too."""
        status, _ = self._said("DELETE", path, {"If-Match": etag} if etag else None, {200, 204})
        if status == 200 and self.look(path) is not None:
            raise Transient(f"{self.store}:{path}: its server says that it is deleted, but it is still there")

    def _there(self, to: str, etag: str) -> Mapping[str, str]:
        if self.session.server.startswith("WsgiDAV") and not _CUTS.isdisjoint(to):
            raise Rejected(f"{self.store}:{to}: its server would cut this name at one of ? ; or a line break: rename the file")
        headers = {"Destination": self.session.address(to), "Overwrite": "F"}
        return {**headers, "If-Match": etag} if etag else headers

    def _do(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        good: set[int],
        *,
        body: Any = None,
        folder: bool = False,
        again: bool = False,
    ) -> Mapping[str, str]:
        return self._said(method, path, headers, good, body=body, folder=folder, again=again)[1]

    def _said(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        good: set[int],
        *,
        body: Any = None,
        folder: bool = False,
        again: bool = False,
    ) -> tuple[int, Mapping[str, str]]:
        """Status and headers of an answer that says yes."""
        with self.session.ask(method, path, headers, body=body, folder=folder, again=again) as answer:
            if answer.status == 207:
                self._judge(method, path, answer)
            elif answer.status not in good:
                raise Transient(f"{self.store}:{path}: nobody knows what its server did ({method}: {answer.status})")
            answer.drain()
            return answer.status, answer.headers

    def _judge(self, method: str, path: str, answer: Answer) -> None:
        """A 207 to a change says what of it failed."""
        try:
            failed = [one.status for one in entries(answer.pieces()) if one.status >= 300]
        except Garbled as error:
            raise self._no_dav(path, str(error)) from None
        if failed:
            raise Refusal(failed[0], {}, "", method)

    # ------------------------------------------------------------------------------------------------------------- errors

    def meaning(self, refusal: Refusal, path: str) -> Exception:
        """The error that a refusal stands for. One that forbids, or a failure at no more than this request, is about the
        place only if the root is forbidden or fails, too: else one file would close it for all, for ever."""
        if refusal.status == 403 and path and self._may_look():
            text = f"its server forbids it ({refusal.method}: 403): look at the rights of this file and its folder"
            return Rejected(f"{self.store}:{path}: {text}")
        if is_plain_failure(refusal) and path and self._may_look():
            text = f"its server failed at it ({refusal.method}: 500), though it answers otherwise; what its log says may tell why"
            return Transient(f"{self.store}:{path}: {text}. It is tried again later")
        return meaning(refusal, self.store, path)

    def unsent(self, error: Severed, path: str, size: int) -> AlbumenError:
        """The error that a connection stands for which broke while so many bytes were sent: about this file where the server answers all
        the same, as one that will not take it often closes without a word. It may be another server's, where the bytes come from."""
        if error.place != self.store:
            return error
        try:
            self.look("")
        except AlbumenError:
            return error
        said = f"the connection broke while its {size} bytes were sent, though its server answers otherwise"
        why = "is it too large for the server or a proxy before it?"
        return Transient(f"{self.store}:{path}: {said}: {why} It is sent again later")

    def _may_look(self) -> bool:
        try:
            with self.session.ask("PROPFIND", "", {"Depth": "0"}, body=self._question, folder=True) as answer:
                answer.drain()
                return answer.status == 207
        except Refusal:
            return False


def revision(etag: str, size: int | None, modified: int | None) -> Rev:
    """The revision of a file, the same from a listing and from the headers of its bytes: a young file's weak ETag is the one it has
    later; without an ETag its time counts."""
    name = etag.strip().removeprefix("W/").strip('"') or ("" if modified is None else f"t{modified // 1_000_000_000:x}")
    return f"{name}-{'' if size is None else format(size, 'x')}"
