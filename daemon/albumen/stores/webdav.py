"""Files on a WebDAV server, whichever: names appear whole and never replace, by an upload beside the target and a move.

What servers differ in is asked, not assumed: the store looks before and after each change, and once more when an answer is lost.
"""

import hashlib
import io
import time
import unicodedata
import uuid
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, ClassVar

from albumen.errors import AlbumenError, Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Content, Digests, Item, Owner, Proof, Ref, Refused, Rev
from albumen.plugins import Context, needed
from albumen.stores.bandwidth import Bandwidth, Hours
from albumen.stores.dav.calls import Calls, Listing
from albumen.stores.dav.downloads import opened
from albumen.stores.dav.multistatus import Entry
from albumen.stores.dav.place import Place
from albumen.stores.dav.renaming import Renaming, rev_of
from albumen.stores.dav.session import Session, Sign
from albumen.stores.dav.settings import WebdavSettings
from albumen.stores.dav.trouble import SOON, Full, Refusal, is_momentary, may_run
from albumen.stores.dav.uploads import Uploads, content_mark, is_temporary, name_mark
from albumen.stores.paths import OURS, checked, folder_of, is_ours, name_fits

__all__ = ["WebdavSettings", "WebdavStore"]

_FULL = 60.0  # seconds for which a server that was full is not asked again whether it has room


class WebdavStore:
    """``Store`` with ``Moves``, ``Proves``, ``Pings`` and ``Guarded``. It has no ``Stages``: bytes go up once, under a temporary name
    beside their target. It has no ``Folders``: a server's DELETE takes a folder with all that came into it meanwhile, so empty ones
    stay.

    Modified times are kept, to the second, where the server takes ``X-OC-MTime``; elsewhere items have the time of their upload.
    """

    Settings: ClassVar[type] = WebdavSettings
    needs: ClassVar[tuple[str, ...]] = ("webdav", "webdav3", "requests", "urllib3")  # the extra, and its modules
    further: ClassVar[str] = ""  # see ``Calls``: what a subclass wants to know of each file

    def __init__(self, name: str, settings: WebdavSettings, context: Context, *, digests: Sequence[str] = ("sha256",)) -> None:
        needed(f"[store.{name}]", self.needs[0], self.needs[1:])
        self.name = name
        self._clock = context.clock
        self._sleep = context.stop.wait
        self._digests = tuple(digests)
        self._blind = None if settings.case == "auto" else settings.case == "blind"
        self._session = self._connect(settings)
        self._calls = self._asking(self._session)
        self._renaming = self._moving(self._calls)
        self._uploads = Uploads(self._calls, self._renaming, context.owners.me)
        self._place = Place(self._calls, context.state, context.clock, self._write_ours, self._set_ours_aside)
        self._was_full: float | None = None

    @property
    def url(self) -> str:
        """The address of its root."""
        return self._session.address("", folder=True)

    # ------------------------------------------------------------------------------------------------------------- looking

    def key(self, path: str) -> str:
        """Byte for byte, or folded and composed where the server is blind for case (found out once, from the marker)."""
        if self._blind is None:
            with suppress(AlbumenError):
                self._blind = self._find_blind()
        return unicodedata.normalize("NFC", path.casefold()) if self._blind else path

    def _find_blind(self) -> bool | None:
        if self._calls.look(OURS) is None:
            return None  # not set up yet: asked again
        return self._calls.look(OURS.upper()) is not None

    def list(self, prefix: str = "") -> Iterator[Item]:
        """See ``Store.list``. A folder is asked for whole before anything of it is given; one that vanishes meanwhile held nothing."""
        waiting = [checked(prefix, root=True)]
        while waiting:
            folder = waiting.pop()
            listing = self.inside(folder)
            if listing is None:
                continue
            head = folder + "/" if folder else ""
            for name, entry in listing.inside.items():
                if entry.folder and not is_ours(f"{head}{name}/", prefix):
                    waiting.append(head + name)
                elif not entry.folder and not is_temporary(name):
                    yield self._item(head + name, entry)

    def inside(self, folder: str) -> Listing | None:
        """One folder as it is now, by one request; None when there is none. ``Unavailable`` for the root."""
        with self._minding(folder):
            self._place.sure()
            listing = self._calls.inside(checked(folder, root=True))
            if listing is None and not folder:
                self._place.root()
            return listing

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there now, by one small request. ``Unavailable``."""
        with self._minding(path):
            self._place.sure()
            entry = self._calls.look(checked(path, root=True))
            return entry is not None and entry.folder

    def ref(self, path: str, entry: Entry) -> Ref:
        """What an entry of a listing is called everywhere else."""
        return Ref(self.name, path, rev_of(entry), entry.size, entry.modified)

    def stat(self, path: str) -> Item:
        """See ``Store.stat``."""
        with self._minding(path):
            self._place.sure()
            return self._item(path, self._file(path))

    def open(self, path: str, *, rev: Rev | None = None, start: int = 0) -> BinaryIO:
        """See ``Store.open``: one request where the revision is known."""
        with self._minding(path):
            self._place.sure()
            wanted = rev_of(self._file(path)) if rev is None else rev
            return opened(self._calls, checked(path), wanted, start, self._gone)

    def prove(self, path: str) -> Proof:
        """See ``Proves.prove``: every byte read back from the server."""
        digest = hashlib.sha256()
        with self.open(path) as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
        return Proof("read", "sha256:" + digest.hexdigest(), self._clock())

    # ------------------------------------------------------------------------------------------------------------ changing

    def put(self, path: str, data: Content, *, expect: Digests | None = None, replace: Rev | None = None) -> Item:
        """See ``Store.put``. ``NotFound`` when there is nothing to ``replace``."""
        _nameable(self.name, path)
        with self._minding(path):
            self._place.establish()
            if replace is not None:
                self._replaceable(path, replace)
            temp, entry, digests = self._uploads.send(path, data, [*self._digests, *(expect or {})])
            try:
                if any(digests[name] != value for name, value in (expect or {}).items()):
                    raise Changed(f"{self.name}:{path}: the bytes that came are not those expected; nothing was stored")
                if replace is None:
                    found = self._renaming.rename(temp, path, entry, ours=True)
                else:
                    found = self._replace(temp, path, entry, replace, digests)
            except BaseException as error:
                self._uploads.drop(temp, error)
                raise
            return Item(self._item(path, found).main, digests=digests)

    def delete(self, path: str, *, rev: Rev | None = None) -> None:
        """See ``Store.delete``."""
        with self._minding(checked(path)):
            self._place.sure()
            before = self._renaming.young(path, rev)
            etag = "" if rev is None or before.etag.startswith("W/") else before.etag
            for wait in (*SOON, None):
                try:
                    self._calls.delete(path, etag)
                except (Refusal, Unavailable) as error:
                    meant = self._undeleted(path, before, error)
                    if meant is None:
                        return
                    if wait is None or not is_momentary(error) or may_run(error):
                        raise meant from None
                    time.sleep(wait)
                else:
                    return

    def move(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.move``."""
        _nameable(self.name, to)
        with self._minding(checked(path)):
            self._place.establish()
            before = self._renaming.young(path, rev)
            return self._item(to, self._renaming.rename(path, to, before, guard=rev is not None))

    def copy(self, path: str, to: str, *, rev: Rev | None = None) -> Item:
        """See ``Moves.copy``: under a temporary name first, as a server copies byte by byte."""
        _nameable(self.name, to)
        with self._minding(checked(path)):
            self._place.establish()
            before = self._renaming.young(path, rev)
            if self._calls.look(to) is not None:
                raise Exists(f"{self.name}:{to}: the name is taken; nothing was overwritten")
            self._renaming.make(folder_of(to))
            temp = self._uploads.beside(to)
            try:
                self._calls.copy(path, temp)
                made = self._file(temp)
                if rev_of(self._file(path)) != rev_of(before) or made.size != before.size:
                    raise Changed(f"{self.name}:{path}: changed while it was copied; nothing was stored")
                return self._item(to, self._renaming.rename(temp, to, made))
            except BaseException as error:
                self._uploads.drop(temp, error)
                raise

    # ---------------------------------------------------------------------------------------------------- the store itself

    def ping(self) -> None:
        """See ``Pings.ping``: the server answers, takes our password, has our marker, and was not full a minute ago."""
        if self._was_full is not None and time.monotonic() - self._was_full < _FULL:
            raise Unavailable(self.name, "its server was full just now; make room")
        with self._minding(""):
            self._place.doubt()
            if not self._place.sure():
                self._place.root()

    def refused(self) -> Refused | None:
        """See ``Guarded.refused``: its marker is missing, or another store's; None when the server cannot be asked."""
        try:
            with self._minding(""):
                return self._place.refused()
        except AlbumenError:
            return None

    def accept(self, id: str) -> None:
        """See ``Guarded.accept``: a missing marker is written again, another store's is taken for ours."""
        with self._minding(""):
            self._place.accept(id)

    def establish(self) -> str:
        """Set the store up at its first use (every write does): makes and marks the root, remembers its id. The id."""
        with self._minding(""):
            self._place.establish()
            return self._place.identity()

    def identity(self) -> str:
        """The id in the marker; "" before the store is set up."""
        with self._minding(""):
            return self._place.identity()

    def sweep(self, dead: Container[Owner], near: Iterable[str] = ()) -> Sequence[str]:
        """Remove what dead owners left beside these paths. Paths of files that were being replaced and are kept, since their place
        was taken by something else. Twice is harmless; what the server does not answer now is swept next time."""
        try:
            with self._minding(""):
                return self._uploads.sweep(dead, near)
        except Transient:
            return ()

    def close(self) -> None:
        """End its connections; used again it makes new ones."""
        self._session.close()

    # ------------------------------------------------------------------------------------------- what a kind of server has of its own

    def _connect(self, settings: WebdavSettings) -> Session:
        sign = Sign(settings.user, settings.password, settings.token)
        line = self._line(settings.bandwidth, settings.hours)
        return Session(
            self.name, settings.url, sign, ca=settings.ca, timeout=settings.timeout, limit=settings.limit, bandwidth=line
        )

    def _line(self, rate: int, hours: str) -> Bandwidth:
        return Bandwidth(rate, Hours.of(hours), today=self._clock, sleep=self._sleep)

    def _asking(self, session: Session) -> Calls:
        return Calls(session, self.further)

    def _moving(self, calls: Calls) -> Renaming:
        return Renaming(calls, self._gone)

    # -------------------------------------------------------------------------------------------------------------- inside

    def _item(self, path: str, entry: Entry) -> Item:
        return Item(self.ref(path, entry))

    def _file(self, path: str) -> Entry:
        entry = self._calls.look(checked(path))
        if entry is None or entry.folder:
            raise self._gone(path)
        return entry

    def _gone(self, path: str) -> NotFound:
        """Only of a place that was proven just now: an empty mount point has no files either."""
        self._place.sure(within=1.0)
        return NotFound(f"{self.name}:{path}: there is no such file")

    def _replaceable(self, path: str, rev: Rev) -> Entry:
        entry = self._file(path)
        if rev_of(entry) != rev:
            raise Exists(f"{self.name}:{path}: holds another revision than the one to be replaced; look at it again")
        return entry

    def _replace(self, temp: str, path: str, entry: Entry, rev: Rev, digests: Digests) -> Entry:
        """The old file steps aside, the new one takes its name; the old one comes back when that fails."""
        aside = self._uploads.beside(path, f"-{name_mark(path)}-{content_mark(digests)}.old")
        with self._renaming.lock(path):
            old = self._replaceable(path, rev)
            try:
                self._renaming.rename(path, aside, old, guard=True)
                found = self._renaming.rename(temp, path, entry)
            except BaseException:
                self._uploads.settle(aside, path)
                raise
        self._uploads.drop(aside)
        return found

    def _undeleted(self, path: str, before: Entry, error: Refusal | Unavailable) -> Exception | None:
        """A DELETE that was not answered with yes: None when it was done all the same, else what the answer means."""
        meant = self._calls.meaning(error, path) if isinstance(error, Refusal) else error
        try:
            found = self._calls.look(path)
        except AlbumenError as unknown:
            raise (meant if isinstance(meant, Unavailable) else unknown) from None
        if found is None:
            if isinstance(error, Refusal) and not is_momentary(error):
                raise self._gone(path)
            return None
        if rev_of(found) != rev_of(before):
            raise Changed(f"{self.name}:{path}: changed since it was looked at; it was left as it is")
        return meant

    def _write_ours(self, path: str, data: bytes) -> None:
        temp, entry, _ = self._uploads.send(path, Content(lambda: io.BytesIO(data), len(data)), ())
        try:
            self._renaming.rename(temp, path, entry)
        except BaseException as error:
            self._uploads.drop(temp, error)
            raise

    def _set_ours_aside(self, path: str) -> None:
        self._renaming.rename(path, f"{path}.{uuid.uuid4().hex}", self._file(path))

    @contextmanager
    def _minding(self, path: str) -> Iterator[None]:
        """Refusals come out as errors; after one of the place it is not believed any more without being asked."""
        try:
            yield
        except Refusal as refusal:
            error = self._calls.meaning(refusal, path)
            self._place.doubt()
            raise error from None
        except Unavailable as error:
            self._place.doubt()
            if isinstance(error, Full):
                self._was_full = time.monotonic()
            raise


def _nameable(store: str, path: str) -> None:
    """``Rejected`` for a name that servers take and give back as another one, or break over."""
    name_fits(checked(path))
    if any(ord(one) < 32 or 0x7F <= ord(one) < 0xA0 or 0xD800 <= ord(one) < 0xE000 for one in path):
        raise Rejected(
            f"{store}:{path}: WebDAV cannot be trusted with control characters or bytes that are no text in a name: rename it"
        )
