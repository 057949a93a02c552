"""The catalog as JSON Lines, one record a line, with the field names of ``model.Record``."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from albumen.jsonable import dumps
from albumen.model import Arrival, Placement, Query, Record
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
