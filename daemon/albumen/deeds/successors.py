"""What the catalog shall say when a file is rewritten: other bytes lie at its place, and so another content.

A picture's new content is a record of its own, which ``replaces`` the old one and takes over all that is known and that people entered;
the old one stays as history. A sidecar has no record: its new content stands in the record it travels with. Pure.
"""

import dataclasses
from collections.abc import Callable

from albumen.media.digest import record_id
from albumen.model import Companion, Deed, Item, Placement, Proof, Record

ENTRIES = ("title", "description", "rating", "tags", "people", "faces")
_OF_BYTES = (  # what a content does not take over from the one before it
    *("id", "sha256", "size", "digests", "modified", "motion", "damaged", "told", "replaces", "replaced_by", "renditions"),
    *("placements", "arrival", "version"),
)
_OWN = ".albumen/"

_FOLLOWED = 20  # contents that replaced one another

Known = Callable[[str], Record | None]


def heir(known: Known, record: Record) -> Record:
    """The record of what the file is now, when it was rewritten and lies there; else the record itself."""
    found = record
    for _ in range(_FOLLOWED):
        later = known(found.replaced_by) if found.replaced_by and not found.placements else None
        if later is None:
            return found if found.placements else record
        found = later
    return record


def rewrites(deed: Deed) -> bool:
    """Whether the deed writes entries into a file: it replaces one, or brings (takes away) a sidecar that did not come with its
    picture."""
    return deed.verb == "replace" or (deed.verb == "move" and deed.before is not None and deed.before == deed.after)


def is_whole(deed: Deed) -> bool:
    """Whether the bytes of the deed are those of its record, not of a sidecar."""
    return deed.record == record_id(deed.sha256)


def asked(deed: Deed) -> set[str]:
    """The records that ``applied`` asks for first."""
    return {deed.record} | ({deed.before.id} if deed.before and is_whole(deed) else set())


def applied(known: Known, deed: Deed, item: Item | None, proof: Proof | None) -> list[Record]:
    """The records to be written once the bytes lie there; ``item`` is what lies at the target. Twice gives the same."""
    if deed.verb == "replace" and is_whole(deed):
        return _whole(known, deed, item, proof)
    return _part(known, deed, item, proof)


def back(deed: Deed) -> Deed:
    """The deed as it would be turned round: for what was written of one that is given up."""
    before, after = deed.before, deed.after
    assert before is not None
    if deed.verb != "replace":
        return dataclasses.replace(deed, source=deed.target, target=deed.source)
    record = before.id if is_whole(deed) else deed.record
    return dataclasses.replace(deed, record=record, sha256=before.sha256, before=after or _bare(deed), after=before)


def withdrawn(known: Known, deed: Deed) -> list[Record]:
    """The records to be written when the deed is given up: none unless it was written down before."""
    record = known(deed.record)
    here = [one for one in record.placements if _is_at(one, (deed.target.store, deed.target.path))] if record else []
    if not any((one.sha256 or deed.sha256) == deed.sha256 for one in here):
        return []
    return applied(known, back(deed), None, None)


def _bare(deed: Deed) -> Record:
    return Record(record_id(deed.sha256), deed.sha256, deed.source.size or 0, "other", deed.role, deed.target.name)


def _placement(deed: Deed, item: Item | None, proof: Proof | None) -> Placement:
    ref = item.main if item else dataclasses.replace(deed.target, rev="", size=None)
    return Placement(deed.target.store, deed.target.path, ref.rev, ref.size, deed.album, deed.role, deed.sha256, proof)


def _placed(record: Record, gone: set[tuple[str, str]], new: tuple[Placement, ...]) -> Record:
    kept = tuple(one for one in record.placements if (one.store, one.path) not in gone) + new
    return dataclasses.replace(record, placements=tuple(sorted(kept, key=lambda one: (one.store, one.path))))


# ------------------------------------------------------------------------------------------------------------------ sidecars


def _part(known: Known, deed: Deed, item: Item | None, proof: Proof | None) -> list[Record]:
    record = known(deed.record)
    lies = not deed.target.path.startswith(_OWN)
    beside = deed.target if lies else deed.source
    if record is None or not any(
        _is_own(one, record) and _folder(one) == (beside.store, beside.folder) for one in record.placements
    ):
        return []  # written before: its picture has become another content since
    gone = {(deed.target.store, deed.target.path), (deed.source.store, deed.source.path)}
    new = (_placement(deed, item, proof),) if lies else ()
    size = (item.main.size if item else deed.source.size) or 0
    told = Companion(deed.role, deed.sha256, size, deed.target.name if lies else deed.source.name)
    old = deed.before.sha256 if deed.verb == "replace" and deed.before else ""
    companions: list[Companion] = []
    for one in record.companions:
        if old and one.sha256 == old:
            companions.append(dataclasses.replace(told, name=one.name))
        elif lies or one.sha256 != deed.sha256:
            companions.append(one)
    if lies and all(one.sha256 != deed.sha256 for one in companions):
        companions.append(told)
    return [_placed(dataclasses.replace(record, companions=tuple(dict.fromkeys(companions))), gone, new)]


# ------------------------------------------------------------------------------------------------------------------ pictures


def _whole(known: Known, deed: Deed, item: Item | None, proof: Proof | None) -> list[Record]:
    assert deed.before is not None
    kept = known(deed.record)
    old = known(deed.before.id) or (deed.before if kept is None else None)
    own = kept or deed.after
    here = (deed.target.store, deed.target.path)
    if own is None:
        return []
    if old is None or not any(_is_at(one, here) for one in old.placements):  # it was written before
        return [_placed(own, {here}, (_placement(deed, item, proof),))]
    moved = [one for one in old.placements if _is_at(one, here) or _is_beside(one, old, here)]
    new = _succeeding(own, old, deed)
    beside = tuple(one for one in moved if not _is_at(one, here))
    gone = {(one.store, one.path) for one in moved}
    left = dataclasses.replace(_placed(old, gone, ()), replaced_by=new.id)
    found = [left, _placed(dataclasses.replace(new, replaced_by=None), gone, (*beside, _placement(deed, item, proof)))]
    return found + _relatives(known, old, new)


def _is_at(one: Placement, here: tuple[str, str]) -> bool:
    return (one.store, one.path) == here


def _is_beside(one: Placement, record: Record, here: tuple[str, str]) -> bool:
    """A sidecar of the record in the folder of that file."""
    return not _is_own(one, record) and _folder(one) == (here[0], here[1].rpartition("/")[0])


def _is_own(one: Placement, record: Record) -> bool:
    return one.role == "main" or one.sha256 == record.sha256


def _folder(one: Placement) -> tuple[str, str]:
    return one.store, one.path.rpartition("/")[0]


def _succeeding(own: Record, old: Record, deed: Deed) -> Record:
    """All that is known of the old content, with what this deed enters, and what follows from the new bytes."""
    entered = {}
    if deed.before is not None and deed.after is not None:
        pairs = ((name, getattr(deed.before, name), getattr(deed.after, name)) for name in ENTRIES)
        entered = {name: new for name, was, new in pairs if was != new}
    ways = {(one.source, one.ref) for one in own.arrival}
    arrival = own.arrival + tuple(one for one in old.arrival if (one.source, one.ref) not in ways)
    of_bytes = {name: getattr(own, name) for name in _OF_BYTES} | {"arrival": arrival}
    return dataclasses.replace(old, **(entered | of_bytes))


def _relatives(known: Known, old: Record, new: Record) -> list[Record]:
    """What travels with the old content travels with the new one: the movie of a live photo, the RAW beside a JPEG."""
    found = []
    for id in {one.id for one in old.companions if one.id}:
        part = known(id)
        if part is not None and part.companion_of == old.id:
            found.append(dataclasses.replace(part, companion_of=new.id))
    main = known(old.companion_of) if old.companion_of else None
    if main is not None:
        parts = tuple(
            dataclasses.replace(one, sha256=new.sha256, size=new.size, id=new.id) if one.sha256 == old.sha256 else one
            for one in main.companions
        )
        found.append(dataclasses.replace(main, companions=parts))
    return found
