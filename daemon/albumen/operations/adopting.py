"""``adopt --from-elasticsearch``: what the first seed's index knows becomes records and placements, where the files lie.

No file is touched. Each is read once, because what it is follows from its bytes: they must be those the index knows (size, checksum).
A file that is not there, or is another one, is a row with the reason. What is adopted already, and lies there unchanged, is not read
again: twice is harmless, and an interrupted run goes on.
"""

import dataclasses
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from typing import IO

from albumen.deeds.desk import Desk
from albumen.deeds.records import joined
from albumen.errors import Rejected, Stale, Transient
from albumen.media import grouping, signature
from albumen.model import Placement, Proof, Record, Staged
from albumen.operations import seed0
from albumen.operations.adopting_files import Files, Line, Site
from albumen.operations.adopting_index import Hit
from albumen.operations.seed0 import Entry

_READERS = 8
_PIECE = 1000  # entries of one folder that are read and written together at most
_TRIES = 20


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


class Adopting:
    """One adoption. ``tell`` gets the lines; ``inside`` are a month's sub-folders that
    are no albums."""

    def __init__(
        self,
        desk: Desk,
        files: Files,
        inside: tuple[str, ...],
        tell: Callable[[Line], None],
        stop: threading.Event,
        *,
        dry_run: bool = False,
    ) -> None:
        self._desk = desk
        self._files = files
        self._inside = inside
        self._tell = tell
        self._stop = stop
        self._dry_run = dry_run
        self._foreseen: set[str] = set()  # ids that a dry run would have kept by now
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
        sites = {one.name: Site(one) for one in reversed(entries)}
        self.report.known += len(entries) - len(sites)
        for one in entries:
            if sites[one.name].entry is not one:
                self._tell(Line("note", one.path, "stands in the index more than once"))
        groups = grouping.group(list(sites), signature.kind_of_name)
        members = [[sites[name] for name in (one.main, *(name for name, _ in one.companions))] for one in groups]
        found = list(pool.map(self._files.group, members))
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

    # -------------------------------------------------------------------------------------------------------------- keeping

    def _keep(self, taken: Sequence[tuple[Record, Site, str]]) -> None:
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

    def _place(self, after: dict[str, Record], new: Record, site: Site, role: str) -> None:
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


def _beside_sha256(staged: Staged) -> Mapping[str, str]:
    return {name: value for name, value in staged.digests.items() if name != "sha256"}


def _places(record: Record | None) -> set[tuple[str, str]]:
    return {(one.store, one.path) for one in record.placements} if record else set()


def _without(record: Record, places: set[tuple[str, str]]) -> tuple[Placement, ...]:
    return tuple(one for one in record.placements if (one.store, one.path) not in places)
