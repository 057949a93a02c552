"""Files of this machine and what is known of them, without taking them in: ``probe``, ``list``, ``types``, ``show FILE``."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from albumen.deeds.drafting import WITHOUT_PIXELS, draft
from albumen.deeds.engine import Engine
from albumen.errors import AlbumenError, NotFound, SetAside, UsageError
from albumen.handlers.looking import know
from albumen.model import DISK, Facts, Item, Record, Ref
from albumen.operations.history import DeedRow, batches, deeds, items_of, touching
from albumen.operations.look import find_record, record_at
from albumen.ports import Ledger, Store
from albumen.sources import litter, walk
from albumen.sources.revs import ref_of

_BATCH = re.compile(r"b[0-9]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file and its record: as the catalog has it (``known``) or as it would be (``new``), or why there is none."""

    path: str
    state: Literal["known", "new", "aside", "failed", "empty"]
    record: Record | None = None
    why: str = ""


class Files:
    """Looks at files of this machine; keeps nothing."""

    def __init__(self, engine: Engine, probe: Callable[[Ref], Facts]) -> None:
        self._engine = engine
        self._probe = probe

    def probe(self, path: str) -> Entry:
        """What the file says about itself, as the record it would get. ``UsageError`` when it is no file."""
        return self._looked(single(path), known=False)

    def entries(self, folder: str) -> Iterator[Entry]:
        """The files directly in a folder, sorted by name; litter is left out. ``UsageError`` when it is no folder."""
        found = walk.look(os.path.realpath(directory(folder)), litter.Litter(), follow=True)
        for one in found.entries:
            yield self._looked(one, known=True)
        for skipped in found.skipped:
            yield Entry(skipped.path, "failed" if skipped.what == "unreadable" else "aside", why=skipped.reason)

    def record_of(self, word: str) -> Record:
        """The record a person means: by a file's path (also one that is gone from its place), ``store:path``, or an id.

        ``NotFound`` when the catalog knows nothing of it; ``UsageError`` when the word is neither path nor id.
        """
        desk = self._engine.desk
        for store, path in self.places(word):
            record = record_at(desk.catalog, store, path)
            if record is not None:
                return record
        if not os.path.lexists(word):
            if "/" in word:
                raise NotFound(f"{word}: there is no such file, and the catalog knows of none")
            return find_record(desk.catalog, word)
        entry = single(word)
        digest = self._engine.hashed(_ref(entry)).digests["sha256"]
        try:
            return find_record(desk.catalog, digest)
        except NotFound:
            raise NotFound(f"{word}: the catalog does not know this content; albumen import takes it in") from None

    def places(self, word: str) -> Iterator[tuple[str, str]]:
        """The (store, path) that a person may mean by a path or by ``store:path``."""
        stores = self._engine.desk.stores
        name, colon, path = word.partition(":")
        if colon and name in stores:
            yield name, path.strip("/")
        full = os.path.join(os.path.realpath(os.path.dirname(word) or "."), os.path.basename(word))
        for store, root in roots(stores).items():
            if full.startswith(root.rstrip("/") + "/"):
                yield store, full[len(root.rstrip("/")) + 1 :]

    def _looked(self, entry: walk.Entry, *, known: bool) -> Entry:
        if not entry.stat.st_size:
            return Entry(entry.path, "empty", why="is empty")
        if known and (record := self._known(entry)) is not None:
            return Entry(entry.path, "known", record)
        try:
            record = self._drafted(_ref(entry))
        except SetAside as error:
            return Entry(entry.path, "aside", why=_reason(error, entry.path))
        except AlbumenError as error:
            return Entry(entry.path, "failed", why=_reason(error, entry.path))
        if record.type in WITHOUT_PIXELS and known:
            return Entry(entry.path, "aside", why=f"is a sidecar ({record.type})")
        kept = self._engine.desk.catalog.get([record.id]).get(record.id) if known else None
        return Entry(entry.path, "known" if kept else "new", kept or record)

    def _known(self, entry: walk.Entry) -> Record | None:
        """The record of a file that lies in a store, when its bytes are still those the catalog knows of."""
        for store, path in self.places(entry.path):
            record = record_at(self._engine.desk.catalog, store, path)
            rev = self._engine.desk.store(store).stat(path).main.rev if record else ""
            if record and any((one.store, one.path, one.rev) == (store, path, rev) for one in record.placements):
                return record
        return None

    def _drafted(self, ref: Ref) -> Record:
        desk = self._engine.desk
        item = Item(ref, source="probe", root=ref.folder)
        known = know(item, self._engine.hashed, self._probe, lambda _ref, _why: None)
        return replace(draft(known, desk.filing, desk.clock()).record, arrival=())


def types(folder: str, *, recursive: bool, unreadable: Callable[[str, str], None]) -> tuple[Mapping[str, int], int]:
    """(files per extension in lower case, sorted; how many empty ones were ignored). "" = no extension. ``UsageError``.

    ``unreadable`` is told the path and the reason of what could not be looked into.
    """
    found: Counter[str] = Counter()
    empty = 0
    for one in walk.walk(directory(folder), recursive=recursive):
        for skipped in one.skipped:
            if skipped.what == "unreadable":
                unreadable(skipped.path, skipped.reason)
        for entry in one.entries:
            if entry.stat.st_size:
                found[os.path.splitext(entry.name)[1].lower().removeprefix(".")] += 1
            else:
                empty += 1
    return dict(sorted(found.items())), empty


def directory(path: str) -> str:
    """The path itself. ``UsageError`` unless it is a folder."""
    if not os.path.isdir(path):
        why = "there is nothing of that name" if not os.path.lexists(path) else "is no folder"
        raise UsageError(f"Invalid directory {path}: {why}")
    return path


def single(path: str) -> walk.Entry:
    """The regular file. ``UsageError`` for anything else; nothing is opened."""
    if not os.path.lexists(path):
        raise UsageError(f"{path}: there is no such file")
    found = walk.single(path)
    if isinstance(found, walk.Skipped):
        raise UsageError(f"{path} {found.reason}")
    return found


def is_empty(word: str) -> bool:
    """Whether a person means a file without any bytes: such files are nowhere taken in, and no failure."""
    entry = walk.single(word)
    return isinstance(entry, walk.Entry) and not entry.stat.st_size


def roots(stores: Mapping[str, Store]) -> Mapping[str, str]:
    """Stores that are folders of this machine, with their real paths."""
    found = {name: getattr(one, "root", None) for name, one in stores.items() if name != DISK}
    return {name: os.path.realpath(root) for name, root in found.items() if isinstance(root, str)}


def _ref(entry: walk.Entry) -> Ref:
    folder, name = os.path.split(entry.path)
    return ref_of(os.path.join(os.path.realpath(folder), name), entry.stat)


def _reason(error: AlbumenError, path: str) -> str:
    """Without the path it starts with: the line names the path already."""
    text = str(error).removeprefix(f"{DISK}:{path.lstrip('/')}")
    return text.removeprefix(path).removeprefix(os.path.basename(path)).lstrip(": ")


def log_of(ledger: Ledger, files: Files, word: str) -> list[DeedRow]:
    """Every deed of a batch (``last`` = the newest) or of a file: of its record where the catalog knows one, else of the place
    itself. ``NotFound``, ``UsageError``."""
    if word == "last" and (newest := batches(ledger, limit=1)):
        word = newest[0].id
    if ledger.batches(ids=[word]).rows or (_BATCH.fullmatch(word) and not os.path.lexists(word)):
        return list(deeds(ledger, batch=word))
    places = [f"{store}:{path}" for store, path in files.places(word)]
    full = os.path.join(os.path.realpath(os.path.dirname(word) or "."), os.path.basename(word))
    found = touching(ledger, [*places, f"{DISK}:{full.lstrip('/')}"])
    try:
        items = items_of(files.record_of(word))
    except (NotFound, UsageError):
        if found:
            return found
        raise
    return touching(ledger, [*places, *items])
