"""``adopt --from-elasticsearch``: what the first seed's index knows becomes records and placements, where the files lie.

No file is touched. Each is read once, because what it is follows from its bytes: they must be those the index knows (size, checksum).
A file that is not there, or is another one, is a row with the reason. What is adopted already, and lies there unchanged, is not read
again: twice is harmless, and an interrupted run goes on.
"""

import dataclasses
import json
import os
import tempfile
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Literal

from albumen.deeds.desk import Desk, shown
from albumen.deeds.drafting import draft
from albumen.deeds.enlisting import settled
from albumen.deeds.reading import at, hashed
from albumen.deeds.records import joined
from albumen.errors import AlbumenError, Changed, NotFound, Rejected, Stale, Transient, Unavailable
from albumen.handlers.halves import sorted_out
from albumen.handlers.looking import know
from albumen.media import grouping, signature
from albumen.model import Facts, Item, Placement, Proof, Query, Record, Ref, Staged, Stamp
from albumen.operations import look, seed0
from albumen.operations.adopting_index import Hit
from albumen.operations.seed0 import Entry
from albumen.ports import Local, Pings, Proves, Store
from albumen.spool import Spool
from albumen.stores.local import LocalStore

SOURCE = "first seed's index"  # the way in that adopted records name
CAPTURED = "seed0:captured"  # the date candidate
_READERS = 8
_PIECE = 1000  # entries of one folder that are read and written together at most
_TRIES = 20


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
class Report:
    """Entries: ``adopted`` + ``known`` (adopted before, or twice in the index) + ``failed`` = ``found``. New ``records`` and
    ``placements``; ``missing``: copies the index tells of that are not as it says; ``left``: marks without a store."""

    found: int = 0
    adopted: int = 0
    known: int = 0
    failed: int = 0
    records: int = 0
    placements: int = 0
    missing: int = 0
    left: int = 0

    @property
    def ok(self) -> bool:
        """Whether all that the index tells is known now."""
        return not (self.failed or self.missing or self.left)

    def sum(self) -> str:
        """The numbers as one line."""
        entries = f"{self.found} entries = {self.adopted} adopted + {self.known} known + {self.failed} failed"
        return f"{entries}; {self.records} new records, {self.placements} new placements, {self.missing} copies missing"


@dataclass
class _Site:
    """One entry where it lies: the places found, the first is read; ``holders`` are records that the catalog has there now."""

    entry: Entry
    refs: list[Ref] = field(default_factory=list)
    holders: dict[tuple[str, str], Record] = field(default_factory=dict)
    staged: Staged | None = None


@dataclass
class _Found:
    """What came of a group: lines to tell, and (record, its site, the role of these bytes)."""

    lines: list[Line] = field(default_factory=list)
    taken: list[tuple[Record, _Site, str]] = field(default_factory=list)
    known: int = 0
    failed: int = 0
    left: int = 0

    def add(self, other: "_Found") -> None:
        """What was found of more."""
        self.lines += other.lines
        self.taken += other.taken
        self.failed += other.failed

    def fail(self, entry: Entry, why: str) -> None:
        """This one is not adopted."""
        self.failed += 1
        self.lines.append(Line("failed", entry.path, why))


class Adopting:
    """One adoption. ``probe`` reads what a file says about itself; ``tell`` gets the lines; ``inside`` are a month's sub-folders that
    are no albums."""

    def __init__(
        self,
        desk: Desk,
        spool: Spool,
        probe: Callable[[Ref], Facts],
        marks: Marks,
        inside: tuple[str, ...],
        tell: Callable[[Line], None],
        stop: threading.Event,
        *,
        dry_run: bool = False,
    ) -> None:
        self._desk = desk
        self._spool = spool
        self._probe = probe
        self._marks = marks
        self._inside = inside
        self._tell = tell
        self._stop = stop
        self._dry_run = dry_run
        self._foreseen: set[str] = set()  # ids that a dry run would have kept by now
        self._first = threading.Lock()
        self._looked_at: set[str] = set()
        self.report = Report()

    def run(self, hits: Iterable[Hit], scratch: str, progress: Callable[[int, int], None]) -> Report:
        """Adopt what these documents tell. They are written down in the folder ``scratch`` first, so that nobody waits for us.
        ``Unavailable`` when a store cannot be used, or holds nothing: what is done is kept."""
        with tempfile.TemporaryFile("w+", dir=scratch) as file, ThreadPoolExecutor(_READERS, "adopt") as pool:
            total = _write_down(hits, file)
            for _, folder in groupby(self._entries(file), lambda one: one.path.rpartition("/")[0]):
                while piece := list(islice(folder, _PIECE)):
                    self._folder(piece, pool)
                    progress(self.report.found, total)
                    if self._stop.is_set():
                        raise Transient("stopped; what is adopted is kept, the same command goes on")
        return self.report

    def _entries(self, file: IO[str]) -> Iterator[Entry]:
        for line in file:
            id, source = json.loads(line)
            self.report.found += 1
            try:
                entry = seed0.parse(source)
            except Rejected as error:
                self.report.failed += 1
                self._tell(Line("failed", f"document {id}", str(error)))
                continue
            for note in entry.notes:
                self._tell(Line("note", entry.path, note))
            yield entry

    # ----------------------------------------------------------------------------------------------------------- one folder

    def _folder(self, entries: Sequence[Entry], pool: ThreadPoolExecutor) -> None:
        sites = {one.name: _Site(one) for one in reversed(entries)}
        self.report.known += len(entries) - len(sites)
        for one in entries:
            if sites[one.name].entry is not one:
                self._tell(Line("note", one.path, "stands in the index more than once"))
        groups = grouping.group(list(sites), signature.kind_of_name)
        members = [[sites[name] for name in (one.main, *(name for name, _ in one.companions))] for one in groups]
        found = list(pool.map(self._group, members))
        taken = [one for each in found for one in each.taken]
        self._keep(taken)
        for each in found:
            self.report.known += each.known
            self.report.failed += each.failed
            self.report.left += each.left
            self.report.missing += sum(one.what == "missing" for one in each.lines)
            for line in each.lines:
                self._tell(line)
        for record, site, _ in taken:
            self.report.adopted += 1
            self._tell(Line("adopted", site.entry.path, record.id))

    def _group(self, sites: Sequence[_Site]) -> _Found:
        """What becomes of one picture and what travels with it."""
        found = _Found()
        there = [one for one in sites if self._locate(one, found)]
        try:
            self._take(there, found)
        finally:
            for ref in (ref for one in there for ref in one.refs):
                self._spool.free(ref)
        return found

    def _take(self, there: Sequence[_Site], found: _Found) -> None:
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

    def _locate(self, site: _Site, found: _Found) -> bool:
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

    def _read(self, there: Sequence[_Site]) -> _Found:
        """Read, prove and know these files as one. Raises when the first of them cannot be taken."""
        sites = {one.refs[0]: one for one in there}
        found = _Found()

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

    def _other_copies(self, site: _Site) -> Iterator[Line]:
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

    # -------------------------------------------------------------------------------------------------------------- keeping

    def _keep(self, taken: Sequence[tuple[Record, _Site, str]]) -> None:
        """Put records and placements into the catalog, all of these at once. Again when somebody else changed one meanwhile."""
        for _ in range(_TRIES):
            ids = {record.id for record, _, _ in taken} | {one.id for _, site, _ in taken for one in site.holders.values()}
            before = self._desk.catalog.get(sorted(ids))
            after = dict(before)
            for record, site, role in taken:
                self._place(after, record, site, role)
            changed = [one for id, one in after.items() if one != before.get(id)]
            try:
                if changed and not self._dry_run:
                    self._desk.catalog.put(changed)
            except Stale:
                continue
            fresh = after.keys() - before.keys() - self._foreseen
            self.report.records += len(fresh)
            if self._dry_run:
                self._foreseen |= fresh
            self.report.placements += sum(len(_places(one) - _places(before.get(one.id))) for one in changed)
            return
        raise Transient("the catalog changes all the time; run the same command again")

    def _place(self, after: dict[str, Record], new: Record, site: _Site, role: str) -> None:
        assert site.staged is not None
        sha = site.staged.digests["sha256"]
        kept = after.get(new.id)
        record = joined(kept, new) if kept else new
        if sha == new.sha256:
            record = dataclasses.replace(record, digests={**record.digests, **_beside_sha256(site.staged)})
            role = role if record.companion_of else "main"
        now = self._desk.clock()
        folder = site.entry.path.rpartition("/")[0]
        places = tuple(
            Placement(
                one.store,
                one.path,
                one.rev,
                one.size,
                seed0.album(folder, self._inside),
                role,
                sha,
                Proof("read", f"sha256:{sha}", now),
            )
            for one in site.refs
        )
        here = {(one.store, one.path) for one in places}
        for other in site.holders.values():
            if other.id != new.id and (was := after.get(other.id)):  # other bytes lie there now
                after[other.id] = dataclasses.replace(was, placements=_without(was, here))
        placements = sorted((*_without(record, here), *places), key=lambda one: (one.store, one.path))
        after[new.id] = dataclasses.replace(record, placements=tuple(placements))


def _write_down(hits: Iterable[Hit], file: IO[str]) -> int:
    """How many there were; the file is at its beginning."""
    total = 0
    for one in hits:
        file.write(json.dumps([one.id, one.source]) + "\n")
        total += 1
    file.seek(0)
    return total


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


def _is_known(site: _Site) -> bool:
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


def _beside_sha256(staged: Staged) -> Mapping[str, str]:
    return {name: value for name, value in staged.digests.items() if name != "sha256"}


def _places(record: Record | None) -> set[tuple[str, str]]:
    return {(one.store, one.path) for one in record.placements} if record else set()


def _without(record: Record, places: set[tuple[str, str]]) -> tuple[Placement, ...]:
    return tuple(one for one in record.placements if (one.store, one.path) not in places)
