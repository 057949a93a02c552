"""Live photos whose halves came one after the other: what an import joined or would join, and what could not be joined."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from albumen.deeds import uniting
from albumen.deeds.desk import Desk, shown
from albumen.deeds.folders import pages
from albumen.model import BatchId, Deed, DeedState, Placement, Query, Record
from albumen.operations.intake import Line
from albumen.operations.look import every
from albumen.ports import Catalog

_BATCHES = 50  # pages of batches that are looked through


@dataclass(frozen=True, slots=True)
class Half:
    """One file that may be half of a live photo: its record's id, the name it came with, where it lies."""

    id: str
    name: str
    place: str


@dataclass(frozen=True, slots=True)
class Contested:
    """Files of one content identifier of which it cannot be told which belong together."""

    group: str
    files: tuple[Half, ...]

    def explain(self, record: str) -> Iterator[str]:
        """A line for whoever looks at one of them."""
        others = ", ".join(f"{one.place} ({one.name})" for one in self.files if one.id != record)
        yield f"half of a live photo, not joined: {others} say the same; albumen queue review lists them"


def contested(catalog: Catalog) -> Iterator[Contested]:
    """All of them, as the catalog is now: movies are asked for the others of their identifier. Nothing is remembered: an answer given
    by taking a file out, or by an undo, is an answer."""
    seen: set[str] = set()
    for movie in every(catalog, Query(kinds=("video",), companions=True)):
        if not movie.group or movie.group in seen:
            continue
        seen.add(movie.group)
        if one := of_group(catalog, movie.group):
            yield one


def of_group(catalog: Catalog, group: str) -> Contested | None:
    """What is contested among the files of one content identifier; None when nothing is."""
    rows = catalog.find(Query(group=group, companions=True)).rows
    if not uniting.contested(rows):
        return None
    whole = sorted((one for one in rows if one.placements), key=lambda one: (one.kind, one.name, one.id))
    return Contested(group, tuple(Half(one.id, one.name, _where(one)) for one in whole))


def _where(record: Record) -> str:
    return next((f"{one.store}:{one.path}" for one in record.placements if one.sha256 in ("", record.sha256)), "")


def foreseen(records: dict[str, Record], deed: Deed) -> None:
    """Add to ``records``, by id, what a planned deed will make known: a record at its place, or one more file of a record."""
    if deed.after is None or deed.role == "duplicate":
        return
    known = records.get(deed.record) or replace(deed.after, placements=())
    place = Placement(deed.target.store, deed.target.path, album=deed.album, role=deed.role, sha256=deed.sha256)
    records[deed.record] = replace(known, placements=(*known.placements, place))


def would_join(desk: Desk, records: Mapping[str, Record], stems: Set[str]) -> Iterator[Line]:
    """The lines of what will be joined once these records are filed; ``stems`` are the keys of all that is given away."""

    def known(ids: Sequence[str]) -> Mapping[str, Record]:
        return {**desk.catalog.get(ids), **{id: records[id] for id in ids if id in records}}

    for group in dict.fromkeys(one.group for one in records.values() if one.group):
        rows = {one.id: one for one in uniting.members(desk, group)}
        rows |= {id: one for id, one in records.items() if one.group == group}
        pair = uniting.halves(tuple(rows.values()), desk.filing.store)
        if pair is not None:
            yield from (_line(one.place, one.path) for one in uniting.moves(desk, *pair, known=known, taken=stems))


def _line(place: Placement, path: str) -> Line:
    return Line("joined", f"{place.store}:{place.path}", path)


def joined(desk: Desk, since: BatchId) -> Iterator[Line]:
    """The lines of what this process joined since that batch was begun."""
    for deed in _deeds(desk, _joins(desk, since)):
        yield Line("joined", shown(deed.source), deed.target.path)


def _joins(desk: Desk, since: BatchId) -> Sequence[BatchId]:
    found: list[BatchId] = []
    before = ""
    for _ in range(_BATCHES):
        page = desk.ledger.batches(before=before)
        for one in page.rows:
            if one.id == since:
                return found
            if one.what.startswith(uniting.WHAT) and one.owner == desk.owner and not one.undoes:
                found.append(one.id)
        before = page.after
        if not before:
            break
    return found


def _deeds(desk: Desk, batches: Iterable[BatchId]) -> Iterator[Deed]:
    for batch in reversed(list(batches)):
        yield from (one for one in pages(desk, batch, DeedState.done) if one.verb in ("move", "tag"))
