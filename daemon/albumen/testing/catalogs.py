"""A catalog in memory: a plain filter over all records, which says what the right answer of every other engine is."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from albumen.catalogs import terms
from albumen.catalogs.terms import fold
from albumen.errors import Stale, UsageError
from albumen.model import Page, Placement, Query, Record


class MemoryCatalog:
    """``ports.Catalog`` over a dict. Slow and plain on purpose."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._lock = threading.RLock()

    def get(self, ids: Sequence[str]) -> Mapping[str, Record]:
        """Records by full id; unknown ids are left out."""
        with self._lock:
            return {id: self._records[id] for id in ids if id in self._records}

    def put(self, records: Sequence[Record]) -> None:
        """All or none. ``Stale`` names the ids refused."""
        with self._lock:
            draft = dict(self._records)
            refused = []
            for record in records:
                kept = draft.get(record.id)
                if (kept.version if kept else 0) != record.version:
                    refused.append(record.id)
                else:
                    draft[record.id] = replace(record, version=record.version + 1)
            if refused:
                raise Stale(refused)
            self._records = draft

    def delete(self, ids: Iterable[str]) -> int:
        """How many were there."""
        with self._lock:
            return sum(self._records.pop(id, None) is not None for id in ids)

    def find(self, query: Query, *, after: str = "", limit: int = 100) -> Page[Record]:
        """Newest taken first, then id; records without a date last."""
        rows = sorted(self._shown(query), key=lambda record: record.id)
        rows.sort(key=lambda record: record.taken or "", reverse=True)
        if after:
            try:
                taken, id = terms.place_of(after)
            except ValueError:
                raise UsageError("the page mark (after) is not one that was given out: start again without it") from None
            rows = [one for one in rows if (one.taken or "") < taken or ((one.taken or "") == taken and one.id > id)]
        page = tuple(rows[:limit])
        return Page(page, terms.after_of(page[-1].taken or "", page[-1].id) if len(rows) > limit else "")

    def count(self, query: Query, by: str | None = None) -> Mapping[str, int]:
        """As the port says; history is left out."""
        rows = [record for record in self._shown(query) if terms.stores(record)]
        if by is None:
            return {"": len(rows)}
        if by not in _BY:
            raise UsageError(f"records cannot be counted by {by!r}: choose one of {', '.join(_BY)}")
        return Counter(key for record in rows for key in _BY[by](record))

    def sample(self, store: str, number: int) -> Sequence[Placement]:
        """See ``ports.Samples``."""
        with self._lock:
            kept = [record for record in self._records.values() if store in terms.stores(record)]
        drawn = random.sample(kept, min(number, len(kept)))
        return tuple(one for record in drawn for one in record.placements if one.store == store)

    def walk(self, after: str = "") -> Iterator[Record]:
        """See ``ports.Carries``."""
        with self._lock:
            kept = dict(self._records)
        return (kept[id] for id in sorted(kept) if id > after)

    def carry(self, records: Sequence[Record]) -> None:
        """See ``ports.Carries``."""
        with self._lock:
            self._records |= {record.id: record for record in records}

    def close(self) -> None:
        """Nothing to do."""

    def _shown(self, query: Query) -> list[Record]:
        with self._lock:
            records = dict(self._records)
        found = {}
        for record in records.values():
            if matches(record, query):
                shown = record if query.companions else _main(record, records)
                found[shown.id] = shown
        return list(found.values())


def matches(record: Record, query: Query) -> bool:
    """Whether the record itself meets the question, whatever else is kept (``companions`` is no condition)."""
    return all(condition(record) for condition in _conditions(query))


def _main(record: Record, records: Mapping[str, Record]) -> Record:
    main = records.get(record.companion_of or "")
    if main is None or main.companion_of or (terms.stores(record) and not terms.stores(main)):
        return record
    return main


_BY: Mapping[str, Callable[[Record], Iterable[str]]] = {
    "kind": lambda record: (record.kind,),
    "type": lambda record: (record.type,),
    "month": lambda record: ((record.taken or "")[:7],),
    "store": terms.stores,
    "camera": lambda record: (terms.camera_label(record.camera),),
    "tag": lambda record: set(record.tags),
}


def _conditions(query: Query) -> Iterator[Callable[[Record], bool]]:
    if query.text:
        yield lambda record: _text(record, query.text)
    if query.ids:
        yield lambda record: any(record.id.startswith(terms.bare(id)) for id in query.ids)
    if query.names:
        yield lambda record: not terms.names(record).isdisjoint(map(fold, query.names))
    if query.paths:
        yield lambda record: any(_lies(record, *path) for path in query.paths)
    if query.albums:
        albums = {fold(one) for one in query.albums}
        yield lambda record: any(one.album and fold(one.album) in albums for one in record.placements)
    if query.kinds:
        yield lambda record: record.kind in query.kinds
    if query.types:
        yield lambda record: record.type in query.types
    if query.taken is not None:
        first, last = query.taken
        yield lambda record: _taken(record.taken, first, last)
    if query.camera:
        yield lambda record: fold(query.camera or "") in terms.camera(record.camera)
    if query.lens:
        yield lambda record: fold(query.lens or "") in terms.lens(record.camera)
    yield lambda record: set(map(fold, query.tags)) <= set(map(fold, record.tags))
    yield lambda record: set(map(fold, query.people)) <= set(map(fold, record.people))
    yield lambda record: all((mark.removeprefix("-") in terms.stores(record)) != mark.startswith("-") for mark in query.marks)
    yield from _contents(query)


def _contents(query: Query) -> Iterator[Callable[[Record], bool]]:
    if query.digest:
        yield lambda record: any(digest == (query.digest or "").lower() for digest, _ in terms.parts(record))
    if query.sizes:
        yield lambda record: any(size in query.sizes for _, size in terms.parts(record))
    if query.near is not None:
        hash, bits = query.near
        yield lambda record: _near(record.perceptual_hash, hash, bits)
    if query.group:
        yield lambda record: record.group == query.group
    if query.place:
        yield lambda record: fold(query.place or "") in terms.places(record.place)
    if query.box is not None:
        box = query.box
        yield lambda record: _inside(record, *box)


def _text(record: Record, texts: Sequence[str]) -> bool:
    kept = terms.searched(record).split()
    split = [terms.words(text) for text in texts]
    return all(split) and all(any(word.startswith(part) for word in kept) for parts in split for part in parts)


def _lies(record: Record, store: str, prefix: str) -> bool:
    for one in record.placements:
        if store in ("", one.store) and (prefix in ("", one.path) or one.path.startswith(prefix + "/")):
            return True
    return False


def _taken(taken: str | None, first: str, last: str) -> bool:
    if not taken:
        return False
    begun = taken >= first or first.startswith(taken)
    ended = not last or taken <= last or taken.startswith(last)
    return begun and ended


def _near(kept: str | None, hash: str, bits: int) -> bool:
    apart = terms.distance(kept, hash) if kept is not None else None
    return apart is not None and apart <= bits


def _inside(record: Record, west: float, south: float, east: float, north: float) -> bool:
    position = record.position
    if position is None or not south <= position.lat <= north:
        return False
    if west <= east:
        return west <= position.lon <= east
    return position.lon >= west or position.lon <= east
