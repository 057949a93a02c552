"""The files that entries of the first seed's index tell of: found in their stores, read once, proven, known. Keeps nothing."""

import dataclasses
import os
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from albumen.deeds.desk import Desk, shown
from albumen.deeds.drafting import draft
from albumen.deeds.enlisting import settled
from albumen.deeds.reading import at, hashed
from albumen.errors import AlbumenError, Changed, NotFound, Rejected, Unavailable
from albumen.handlers.halves import sorted_out
from albumen.handlers.looking import know
from albumen.model import Facts, Item, Placement, Query, Record, Ref, Staged, Stamp
from albumen.operations import look, seed0
from albumen.operations.seed0 import Entry
from albumen.ports import Local, Pings, Proves, Store
from albumen.spool import Spool
from albumen.stores.local import LocalStore

SOURCE = "first seed's index"  # the way in that adopted records name
CAPTURED = "seed0:captured"  # the date candidate


@dataclass(frozen=True, slots=True)
class Marks:
    """The stores that an entry's marks stand for; "" = none."""

    nas: str
    dropbox: str


@dataclass(frozen=True, slots=True)
class Line:
    """One file and what became of it: "adopted", "failed" with the reason, "missing" (one of its copies, with the reason), or "note"
    (what of its entry could not be used)."""

    what: Literal["adopted", "failed", "missing", "note"]
    path: str
    text: str = ""


@dataclass
class Site:
    """One entry where it lies: the places found, the first is read; ``holders`` are records that the catalog has there now."""

    entry: Entry
    refs: list[Ref] = field(default_factory=list)
    holders: dict[tuple[str, str], Record] = field(default_factory=dict)
    staged: Staged | None = None


@dataclass
class Found:
    """What came of a group: lines to tell, and (record, its site, the role of these bytes)."""

    lines: list[Line] = field(default_factory=list)
    taken: list[tuple[Record, Site, str]] = field(default_factory=list)
    known: int = 0
    failed: int = 0
    left: int = 0

    def add(self, other: "Found") -> None:
        """What was found of more."""
        self.lines += other.lines
        self.taken += other.taken
        self.failed += other.failed

    def fail(self, entry: Entry, why: str) -> None:
        """This one is not adopted."""
        self.failed += 1
        self.lines.append(Line("failed", entry.path, why))


class Files:
    """Looks for files and reads them. ``probe`` tells what a file says about itself. Any thread."""

    def __init__(self, desk: Desk, spool: Spool, probe: Callable[[Ref], Facts], marks: Marks, *, dry_run: bool) -> None:
        self._desk = desk
        self._spool = spool
        self._probe = probe
        self._marks = marks
        self._dry_run = dry_run
        self._first = threading.Lock()
        self._looked_at: set[str] = set()

    def group(self, sites: Sequence[Site]) -> Found:
        """What becomes of one picture and what travels with it. ``Unavailable`` when a store cannot be used."""
        found = Found()
        there = [one for one in sites if self._locate(one, found)]
        refs = [ref for one in there for ref in one.refs]
        for ref in refs:
            self._spool.need(ref)
        try:
            self._take(there, found)
        finally:
            for ref in refs:
                self._spool.free(ref)
        return found

    def _take(self, there: Sequence[Site], found: Found) -> None:
        if all(_is_known(one) for one in there):
            found.known += len(there)
            return
        try:
            for ref in (ref for one in there for ref in one.refs):
                settled(self._desk, ref)
            found.add(self._read(there))
        except Unavailable:
            raise
        except AlbumenError as error:
            if len(there) == 1:
                found.fail(there[0].entry, str(error))
            else:  # each for itself: what cannot be read must not hold back what has its name
                for one in there:
                    self._take([one], found)

    def _usable(self, name: str) -> Store:
        """The store, looked at the first time it is asked for: one that is away must not make every file look gone."""
        with self._first:
            store = self._desk.store(name)
            if name not in self._looked_at:
                if isinstance(store, Pings):
                    store.ping()
                if next(iter(store.list()), None) is None:
                    raise Unavailable(name, "holds no file at all: is it mounted, and its root right?")
                if isinstance(store, LocalStore) and not self._dry_run:
                    store.establish()  # from now on an empty folder in its place is known for what it is
                self._looked_at.add(name)
            return store

    def _locate(self, site: Site, found: Found) -> bool:
        """Find the copies that the marks tell of. False when there is none: told."""
        entry = site.entry
        marked = [name for name, on in ((self._marks.nas, entry.nas), (self._marks.dropbox, entry.dropbox)) if on]
        found.left += marked.count("")
        whys = []
        for name in filter(None, marked):
            try:
                ref = _lying(self._usable(name), entry.path)
            except (NotFound, Rejected) as error:
                whys.append(str(error))
                continue
            if entry.has_size(ref.size or 0):
                site.refs.append(ref)
            else:
                whys.append(f"{shown(ref)} has {ref.size} bytes, the index knows {entry.size}: it is another file by now")
        if not site.refs:
            found.fail(entry, "; ".join(whys) or "lies in Dropbox only: name its store by --dropbox")
            return False
        found.lines += [Line("missing", entry.path, why) for why in whys]
        asked = Query(paths=tuple((one.store, one.path) for one in site.refs), companions=True)
        for record in look.every(self._desk.catalog, asked):
            site.holders |= {(one.store, one.path): record for one in record.placements if _is_in(one, site.refs)}
        return True

    # -------------------------------------------------------------------------------------------------------------- reading

    def _read(self, there: Sequence[Site]) -> Found:
        """Read, prove and know these files as one. Raises when the first of them cannot be taken."""
        sites = {one.refs[0]: one for one in there}
        found = Found()

        def stage(ref: Ref) -> Staged:
            staged = sites[ref].staged = self._proven(ref, sites[ref].entry)
            return staged

        def probe(ref: Ref) -> Facts:
            return _also(self._probe(ref), sites[ref].entry)

        main, *others = sites
        item = Item(main=main, companions=tuple(others), source=SOURCE)
        known = know(item, stage, probe, lambda ref, why: found.fail(sites[ref].entry, why))
        now = self._desk.clock()
        for one in (draft(one, self._desk.filing, now) for one in sorted_out([known])):
            found.taken.append((one.record, sites[one.item.main], "main"))
            found.taken += [(part.of, sites[part.ref], part.role) for part in one.parts]
        for _, site, _ in found.taken:
            found.lines += self._other_copies(site)
        return found

    def _proven(self, ref: Ref, entry: Entry) -> Staged:
        """The file's digests, which must be what the index knows. ``Changed``, ``NotFound``."""
        store = self._desk.store(ref.store)
        path = self._spool.local(store, ref)
        if isinstance(store, Local):
            _past_the_cache(path)
        staged = at(store, ref, path, ("sha256", seed0.CHECKSUM))
        if entry.checksum and staged.digests[seed0.CHECKSUM] != entry.checksum:
            raise Changed(
                f"{shown(ref)} holds other bytes than the index knows (checksum {staged.digests[seed0.CHECKSUM][:12]}…, "
                f"there {entry.checksum[:12]}…): albumen import takes it for what it is"
            )
        return staged

    def _other_copies(self, site: Site) -> Iterator[Line]:
        """Prove the copies behind the first one; one that is not the same is told and is no placement."""
        assert site.staged is not None
        for ref in site.refs[1:]:
            store = self._desk.store(ref.store)
            digests = site.staged.digests
            try:
                kind, _, digest = store.prove(ref.path).digest.partition(":") if isinstance(store, Proves) else ("", "", "")
                if kind not in digests:
                    kind, digest = "sha256", hashed(store, ref).digests["sha256"]
            except (NotFound, Changed) as error:
                site.refs.remove(ref)
                yield Line("missing", site.entry.path, str(error))
                continue
            if digests[kind] != digest:
                site.refs.remove(ref)
                yield Line("missing", site.entry.path, f"{shown(ref)} holds other bytes than {shown(site.refs[0])}")


def _lying(store: Store, path: str) -> Ref:
    """The file under that name in either Unicode form: that program took both for one. ``NotFound``."""
    forms = dict.fromkeys((path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path)))
    for one in list(forms)[1:]:
        with suppress(NotFound):
            return store.stat(path).main
        path = one
    return store.stat(path).main


def _past_the_cache(path: Path) -> None:
    """What is read next comes from the disk, not from memory."""
    fd = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def _is_known(site: Site) -> bool:
    """Whether the catalog has every copy, unchanged."""
    for ref in site.refs:
        held = site.holders.get((ref.store, ref.path))
        if held is None or not any((one.store, one.path, one.rev) == (ref.store, ref.path, ref.rev) for one in held.placements):
            return False
    return True


def _is_in(place: Placement, refs: Sequence[Ref]) -> bool:
    return any((place.store, place.path) == (one.store, one.path) for one in refs)


def _also(facts: Facts, entry: Entry) -> Facts:
    """What the file says, and what the index knows where the file says nothing: its date goes behind what the file states."""
    told = list(facts.told)
    if entry.captured:
        facts = dataclasses.replace(facts, stamps=(*facts.stamps, Stamp(CAPTURED, entry.captured)))
    if facts.position is None and entry.position is not None:
        facts = dataclasses.replace(facts, position=entry.position)
        told.append(f"its position is from the {SOURCE}")
    if facts.width is None and facts.height is None and entry.dimensions is not None:
        facts = dataclasses.replace(facts, width=entry.dimensions[0], height=entry.dimensions[1])
        told.append(f"its width and height are from the {SOURCE}")
    if facts.kind == "video" and facts.duration is None and entry.duration is not None:
        facts = dataclasses.replace(facts, duration=entry.duration)
        told.append(f"its duration is from the {SOURCE}")
    return dataclasses.replace(facts, told=tuple(told))
