"""The catalog as JSON Lines: one record a line, with the field names of ``model.Record``; or as the first seed had it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

from albumen.catalogs.terms import own
from albumen.deeds.desk import Desk, shown
from albumen.deeds.reading import hashed
from albumen.errors import AlbumenError, Changed
from albumen.jsonable import dumps
from albumen.model import Arrival, Placement, Query, Record, Ref
from albumen.operations import seed0
from albumen.operations.look import every, identity_fault
from albumen.ports import Catalog

_PAGE = 500


def export(catalog: Catalog, *, stable: bool = False, fault: Callable[[str], None] | None = None) -> Iterator[str]:
    """Every record, companions and history too, without line ends. Records put meanwhile may be in it or not.

    Whole: as kept, newest first. ``stable``: sorted by id, and only what two imports of the same files share wherever and whenever
    they run (see ``steady``), so that two collections are compared by comparing text. ``fault`` is told of each record whose
    identity is wrong; it is written all the same.
    """
    for record in _sorted(catalog) if stable else every(catalog, Query(companions=True), page=_PAGE):
        if fault is not None and (why := identity_fault(record)):
            fault(why)
        yield dumps(steady(record) if stable else record)


def as_seed0(
    desk: Desk, marks: tuple[str, str], *, stable: bool = False, fault: Callable[[str], None], elsewhere: Callable[[Record], None]
) -> Iterator[str]:
    """The first seed's entries, one a line, without line ends: one for each path in the stores (nas, dropbox) of ``marks``.

    Its checksum is Dropbox' content hash: where the catalog knows none, the file is read. ``fault`` is told of each record whose file
    cannot be read, or is another one by now: its entries have no checksum. ``elsewhere`` gets each record that lies in neither store
    and so has no entry.
    """
    for record in _sorted(desk.catalog) if stable else every(desk.catalog, Query(companions=True), page=_PAGE):
        places = [one for one in record.placements if own(record, one)]
        if not any(one.store in marks for one in places):
            if places:
                elsewhere(record)
            continue
        try:
            checksum = record.digests.get(seed0.CHECKSUM) or _checksum(desk, record, places)
        except AlbumenError as error:
            fault(f"{record.name}: no checksum, and so no path_hash: {error}")
            checksum = ""
        yield from map(json.dumps, seed0.entries(record, *marks, checksum))


def _checksum(desk: Desk, record: Record, places: list[Placement]) -> str:
    """Of the first of its files that can be read. Raises as the last of them."""
    for one in places[:-1]:
        try:
            return _read(desk, record, one)
        except AlbumenError:
            continue
    return _read(desk, record, places[-1])


def _read(desk: Desk, record: Record, place: Placement) -> str:
    digests = hashed(desk.store(place.store), Ref(place.store, place.path), ("sha256", seed0.CHECKSUM)).digests
    if digests["sha256"] != record.sha256:
        raise Changed(f"{shown(Ref(place.store, place.path))} holds other bytes than the catalog knows")
    return digests[seed0.CHECKSUM]


def _sorted(catalog: Catalog) -> Iterator[Record]:
    ids = sorted(record.id for record in every(catalog, Query(companions=True), page=_PAGE))
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        kept = catalog.get(page)
        yield from (kept[id] for id in page if id in kept)


def steady(record: Record) -> Record:
    """The record without what depends on time, machine or chance.

    Left out: ``version``, each placement's ``rev`` and its proof's ``at``, each arrival's ``at`` and the folder it came from,
    ``renditions``. Lists whose order only tells which thread was first are sorted. ``modified`` stays: it is the file's own.
    """
    return replace(
        record,
        version=0,
        digests=dict(sorted(record.digests.items())),
        placements=tuple(sorted(map(_placement, record.placements), key=lambda one: (one.store, one.path, one.role, one.sha256))),
        companions=tuple(sorted(record.companions, key=lambda one: (one.role, one.name, one.sha256))),
        arrival=tuple(sorted({_arrival(one) for one in record.arrival}, key=lambda one: (one.source, one.ref))),
        renditions=(),
    )


def _placement(one: Placement) -> Placement:
    return replace(one, rev="", proof=one.proof and replace(one.proof, at=0))


def _arrival(one: Arrival) -> Arrival:
    store, _, path = one.ref.partition(":")
    return Arrival(one.source, f"{store}:{path.rpartition('/')[2]}", 0)
