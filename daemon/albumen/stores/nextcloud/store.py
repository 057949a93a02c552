"""Files of one account of a Nextcloud: as on any WebDAV server, with tags, numbers that survive moves, and replacing in one step."""

import hashlib
import os
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Content, Digests, Item, Ref, Rev
from albumen.plugins import Context
from albumen.secrets import Secret
from albumen.stores.bandwidth import bandwidth_fits
from albumen.stores.dav.calls import Calls, Listing
from albumen.stores.dav.hrefs import origin
from albumen.stores.dav.multistatus import Entry
from albumen.stores.dav.renaming import Renaming, rev_of
from albumen.stores.dav.session import Session, Severed
from albumen.stores.dav.settings import place_of
from albumen.stores.dav.streams import Body, Sized
from albumen.stores.dav.trouble import Refusal
from albumen.stores.nextcloud.calls import CloudCalls, file_of, tags_of
from albumen.stores.nextcloud.cloud import Cloud, Elsewhere
from albumen.stores.nextcloud.moving import Moving
from albumen.stores.paths import checked, name_fits
from albumen.stores.webdav import WebdavStore

__all__ = ["NextcloudSettings", "NextcloudStore"]

_SECOND = 1.1  # for which a revision must have been there before another one follows: the server's ETag changes once a second


@dataclass(frozen=True)
class NextcloudSettings:
    """``[store.NAME] type = "nextcloud"``. ``url``: the address people open, without ``remote.php``. ``password``: an app password of
    that user. ``root``: the folder of the account that paths are relative to, none = all of it. ``ca``: a file of certificates to trust.
    ``timeout``: seconds of silence after which the server counts as away. ``limit``: transfers at once. ``bandwidth``: bytes a second of
    all of them in one process, both ways, 0 = as many as go; kept to in the ``hours`` of the day ("08:00-22:00", "" = always) only.
    ``read_only``: nothing is changed there."""

    url: str
    user: str
    password: Secret
    root: str = ""
    ca: str = ""
    timeout: float = 60.0
    limit: int = 4
    bandwidth: int = 0
    hours: str = ""
    read_only: bool = False

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            good = False
        if not good or any(ord(one) <= 32 for one in self.url) or parts.query or parts.fragment:
            raise ValueError("url: must be an address such as https://cloud.example.org")
        if "@" in parts.netloc:
            raise ValueError("url: holds a user or password; write them as user and password")
        try:
            origin(self.url)
        except ValueError:
            raise ValueError(f"url: {parts.hostname} can be no name of a server: write it as its owner does") from None
        if "remote.php" in parts.path:
            raise ValueError('url: without "remote.php" and what follows: the address that people open')
        if not self.user:
            raise ValueError("user: must be the name that this user logs in with")
        if {"", ".", ".."} & set(self.root.split("/")) and self.root:
            raise ValueError('root: must be a folder of the account such as "Photos/Family"')
        if self.ca and not os.path.isabs(self.ca):
            raise ValueError("ca: must be the whole path of a file, from / on")
        if not 1 <= self.limit <= 64:
            raise ValueError("limit: must be from 1 to 64")
        bandwidth_fits(self.bandwidth, self.hours)
        if not 0.1 <= self.timeout <= 3600:
            raise ValueError("timeout: must be from 0.1 s to 1 h")

    @property
    def place(self) -> str:
        """Its folder, as the address of its WebDAV: the login usually is what the account is called there."""
        url = self.url.removesuffix("/").removesuffix("/index.php")
        return place_of(url, "remote.php/dav/files", self.user, self.root)

    @property
    def case(self) -> str:
        """A Nextcloud knows small letters from large ones."""
        return "exact"


class NextcloudStore(WebdavStore):
    """``Store`` with ``Moves``, ``Tags``, ``Proves``, ``Pings`` and ``Guarded``; see ``WebdavStore``. Modified times are kept to the second.
    What replaces a file keeps its number and its tags."""

    needs: ClassVar[tuple[str, ...]] = ("nextcloud", "nc_py_api")
    Settings: ClassVar[type] = NextcloudSettings

    def __init__(self, name: str, settings: NextcloudSettings, context: Context, *, digests: Sequence[str] = ("sha256",)) -> None:
        self._cloud: Cloud
        self._asks: CloudCalls
        super().__init__(name, settings, context, digests=digests)  # type: ignore[arg-type]  # all that is read of them is there
        self._tagged = CloudCalls(self._cloud, tagged=True)

    def key(self, path: str) -> str:
        """As the server composes it."""
        return unicodedata.normalize("NFC", path)

    # ------------------------------------------------------------------------------------------------------------------- tags

    def tags(self, path: str) -> Sequence[str]:
        """See ``Tags.tags``."""
        with self._minding(path):
            self._place.sure()
            return self._tags_of(self._tagged_file(path))

    def tagged(self, path: str) -> tuple[Ref, Sequence[str]]:
        """A file as it is now with all its tags, by one request (before 28 by three). ``NotFound``."""
        with self._minding(path):
            self._place.sure()
            entry = self._tagged_file(path)
            return self.ref(path, entry), self._tags_of(entry)

    def by_tag(self, wanted: Callable[[str], bool]) -> Mapping[str, Sequence[str]]:
        """Every file of the store that has one of the wanted tags, with those: a request for each tag, and slow where the account is
        large. For servers that tell nothing in a listing."""
        found: dict[str, list[str]] = {}
        head = f"{self._cloud.root}/" if self._cloud.root else ""
        with self._minding(""):
            for name, id in self._cloud.tags().items():
                for path in self._cloud.tagged(id) if wanted(name) else ():
                    if path.startswith(head):
                        found.setdefault(path.removeprefix(head), []).append(name)
        return found

    def assign(self, path: str, tag: str) -> None:
        """See ``Tags.assign``."""
        with self._minding(path):
            self._place.sure()
            file = file_of(self._tagged_file(path))
            id = self._cloud.tags().get(tag)
            if id is None:
                self._cloud.create_tag(tag)
                id = self._cloud.tags().get(tag)
            if id is None:
                raise Transient(
                    f"{self.name}:{path}: its server made no tag {tag!r}; one that differs in case only may be in the way"
                )
            self._cloud.assign(file, id)

    def unassign(self, path: str, tag: str) -> None:
        """See ``Tags.unassign``."""
        with self._minding(path):
            self._place.sure()
            entry = self._tagged_file(path)
            assigned = tags_of(entry)
            id = (self._cloud.tags() if assigned is None else assigned).get(tag)
            if id is not None:
                self._cloud.unassign(file_of(entry), id)

    def listed(self, folder: str) -> Listing | None:
        """One folder as ``inside`` gives it, with what a listing tells of tags (``calls.tags_of``); None when there is none."""
        with self._minding(folder):
            self._place.sure()
            listing = self._tagged.inside(checked(folder, root=True))
            if listing is None and not folder:
                self._place.root()
            return listing

    # -------------------------------------------------------------------------------------------------------------- replacing

    def put(self, path: str, data: Content, *, expect: Digests | None = None, replace: Rev | None = None) -> Item:
        """See ``Store.put``. What replaces goes up in pieces and takes the old one's place at once, whatever its size: a plain upload
        that breaks off would leave half of it."""
        self._composed(path)
        if replace is None:
            return super().put(path, data, expect=expect)
        name_fits(checked(path))
        with self._minding(path):
            self._place.establish()
            self._replaceable(path, replace)
            since = time.monotonic()
            names = [*self._digests, *(expect or {})]
            body = Body(data, names) if data.size is None else Sized(data, names)
            upload = self._asks.begin(path)
            try:
                self._send(upload, path, body)
                if any(body.digests[name] != value for name, value in (expect or {}).items()):
                    raise Changed(f"{self.name}:{path}: the bytes that came are not those expected; nothing was stored")
                found = self._over(upload, path, data, body, replace, since)
            except BaseException:
                self._asks.cancel(upload)
                raise
            return Item(self._item(path, found).main, digests=body.digests)

    def move(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.move``."""
        self._composed(to)
        return super().move(path, to, rev=rev)

    def copy(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.copy``."""
        self._composed(to)
        return super().copy(path, to, rev=rev)

    def _composed(self, path: str) -> None:
        """``Rejected`` for a name that the server would write otherwise, ``Exists`` when that one is taken."""
        if path == self.key(checked(path)):
            return
        with self._minding(path):
            if self._calls.look(path) is not None:
                raise Exists(f"{self.name}:{path}: the name is taken; nothing was overwritten")
        raise Rejected(f"{self.name}:{path}: its server composes letters such as é and would change this name: rename the file")

    def _send(self, upload: Elsewhere, path: str, body: Body) -> None:
        try:
            self._asks.send(upload, path, body)
        except Severed as error:
            raise self._calls.unsent(error, path, body.size) from None

    def _over(self, upload: Any, path: str, data: Content, body: Body, rev: Rev, since: float) -> Entry:
        said = {"Overwrite": "T"} | ({} if data.modified is None else {"X-OC-MTime": str(data.modified // 1_000_000_000)})
        time.sleep(max(0.0, since + _SECOND - time.monotonic()))
        with self._renaming.lock(path):
            old = self._replaceable(path, rev)
            try:
                self._asks.finish(upload, path, body, said)
            except (Refusal, Unavailable) as error:
                found = self._replaced(path, old, body)
                if found is None:
                    raise self._calls.meaning(error, path) if isinstance(error, Refusal) else error from None
                return found
            return self._file(path)

    def _replaced(self, path: str, old: Entry, body: Body) -> Entry | None:
        """What lies there after an answer that was no yes, if it is what was sent."""
        try:
            found = self._file(path)
        except AlbumenError:
            return None
        if rev_of(found) == rev_of(old) or found.size != body.size:
            return None
        digest = hashlib.sha256()
        with self.open(path, rev=rev_of(found)) as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
        return found if body.digests["sha256"] == digest.hexdigest() else None

    # ----------------------------------------------------------------------------------------------------------------- inside

    def _connect(self, settings: Any) -> Session:
        self._cloud = Cloud(
            self.name,
            settings.url,
            settings.user,
            settings.password,
            root=settings.root,
            ca=settings.ca,
            timeout=settings.timeout,
            limit=settings.limit,
            bandwidth=self._line(settings.bandwidth, settings.hours),
        )
        return self._cloud

    def _asking(self, session: Session) -> Calls:  # noqa: ARG002  # it is this store's own
        self._asks = CloudCalls(self._cloud)
        return self._asks

    def _moving(self, calls: Calls) -> Renaming:
        return Moving(calls, self._gone)

    def _tags_of(self, entry: Entry) -> Sequence[str]:
        found = tags_of(entry)
        return sorted(one for one in self._cloud.tags_of(file_of(entry)) if one) if found is None else list(found)

    def _tagged_file(self, path: str) -> Entry:
        entry = self._tagged.look(checked(path))
        if entry is None or entry.folder:
            raise self._gone(path)
        if not file_of(entry):
            raise NotFound(f"{self.name}:{path}: its server tells no number of it, so its tags cannot be known")
        return entry
