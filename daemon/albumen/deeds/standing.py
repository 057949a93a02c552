"""Does a content really lie where the catalog says? Asked before anything rests on it.

The catalog says what was put where. Since then a person may have taken it away, or it is what another library has: a catalog can be
shared. So what the catalog says is looked at before a file is called known or is thrown away as a duplicate. For that the very revision
will do that was recorded when the bytes were proven, one ``stat``: a duplicate goes to the trash, and can come back. Of any other
revision the bytes are read. Before a duplicate leaves the trash for good (``expire``), they always are.

What is not there is not forgotten for it: its record keeps the placement until a person has the catalog follow the disk, under the guard
against accidents. It is only not relied upon: the same content is filed again, under a free name. A store that cannot be asked, such as a
library that is not mounted, says nothing about what lies there: ``Unavailable``, and everything waits.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from albumen.deeds import adopting, reading, successors
from albumen.deeds.desk import Desk
from albumen.deeds.records import is_placement
from albumen.errors import Permanent, Stale, Transient, Unavailable
from albumen.media.digest import record_id
from albumen.model import Placement, Proof, Query, Record, Ref
from albumen.ports import Store

_ROWS = 20  # records that are asked for one content: a sidecar may travel with several


def claimed(record: Record, sha256: str = "", album: str = "") -> Sequence[Placement]:
    """Where the record's own bytes (or that part of it) lie, in that album, as far as the catalog says. Pure."""
    wanted = sha256 or record.sha256
    return [
        one
        for one in record.placements
        if is_placement(one.store, one.path)
        and (not album or one.album == album)
        and (one.sha256 == wanted or (one.role == "main" and record.sha256 == wanted))
    ]


def find(
    desk: Desk, record: Record, sha256: str = "", *, album: str = "", besides: Ref | None = None, proven: bool = False
) -> Placement | None:
    """Where these bytes of the record really lie, best in the library; None when nowhere that can be looked at.

    ``besides``: not this very file, under whatever path. ``proven``: all bytes are read, whatever the revision says. ``Unavailable``
    when they may lie in a store that cannot be asked now; one that is not configured is none of ours.
    """
    closed: Unavailable | None = None
    for one in sorted(claimed(record, sha256, album), key=lambda one: one.store != desk.filing.store):
        if one.store not in desk.stores or (besides is not None and adopting.is_same(desk, besides, one)):
            continue
        try:
            if holds(desk, record, one, proven=proven):
                return one
        except Unavailable as error:
            closed = closed or error
    if closed is not None:
        raise closed
    return None


def content(desk: Desk, sha256: str, *, album: str = "", besides: Ref | None = None, proven: bool = False) -> Placement | None:
    """``find`` for a content: by itself, as what a person's entries rewrote its file to, or as a part of any record."""
    record = desk.catalog.get([record_id(sha256)]).get(record_id(sha256))
    if record is not None:
        own = successors.heir(lambda later: desk.catalog.get([later]).get(later), record)
        found = find(desk, own, album=album, besides=besides, proven=proven)
        if found is not None:
            return found
    for row in desk.catalog.find(Query(digest=sha256, companions=True), limit=_ROWS).rows:
        found = find(desk, row, sha256, album=album, besides=besides, proven=proven)
        if found is not None:
            return found
    return None


def holds(desk: Desk, record: Record, one: Placement, *, proven: bool = False) -> bool:
    """Whether that placement of the record holds its bytes now. What cannot be read proves nothing. ``Unavailable``.

    A new revision of the very same bytes (a library on another disk, other rights) is written down: they are read only once.
    """
    store = desk.store(one.store)
    wanted = one.sha256 or record.sha256
    try:
        now = store.stat(one.path).main
        known = bool(one.rev) and now.rev == one.rev and one.size in (None, now.size)
        if known and not proven:
            return True
        size = record.size if wanted == record.sha256 else one.size
        if None not in (size, now.size) and size != now.size:
            return False
        if not _reads(store, one.path, wanted):
            return False
    except Permanent:
        return False
    if not known and not desk.dry:
        _renew(desk, record, one, now)
    return True


def _reads(store: Store, path: str, wanted: str) -> bool:
    """A file with a bad sector is not read to its end: it must not keep all that comes with its content, and the folder that does,
    waiting for ever."""
    try:
        return reading.sha256(store, path) == wanted
    except Transient:
        return False


def _renew(desk: Desk, record: Record, one: Placement, now: Ref) -> None:
    digest = f"sha256:{one.sha256 or record.sha256}"
    fresh = replace(one, rev=now.rev, size=now.size, proof=Proof("read", digest, desk.clock()))
    places = tuple(fresh if place == one else place for place in record.placements)
    with suppress(Stale):  # somebody writes it just now: the next look does
        desk.catalog.put([replace(record, placements=places)])
