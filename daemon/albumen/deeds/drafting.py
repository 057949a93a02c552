"""From an item whose bytes were read to what will be known of it: its date, its record, what the planner of names needs.

Pure: the present comes in as a number.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from albumen.deeds.desk import Filing, shown
from albumen.media import dates, signature
from albumen.media.digest import record_id
from albumen.media.naming import Named
from albumen.model import Arrival, Companion, Dated, Facts, Item, Record, Ref

WITHOUT_PIXELS = frozenset({"xmp", "aae", "json"})


@dataclass(frozen=True, slots=True)
class Part:
    """One companion of a draft; ``record`` is its own when it has pixels, else None."""

    ref: Ref
    role: str
    sha256: str
    record: Record | None


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything decided about one item but its name."""

    item: Item
    dated: Dated
    record: Record
    parts: tuple[Part, ...]
    thrown: tuple[Part, ...] = ()  # come along, but their content is there already

    @property
    def sha256(self) -> str:
        """Content of the main file."""
        return self.record.sha256

    @property
    def named(self) -> Named:
        """What the planner of names needs."""
        return Named(
            name=self.item.main.name,
            dated=self.dated,
            kind=self.record.kind,
            type=self.record.type,
            sha256=self.sha256,
            companions=tuple((one.ref.name, one.role) for one in self.parts),
            album=self._album,
        )

    @property
    def _album(self) -> str:
        """The folder in the library: sub-folders of what was given stay sub-folders of an album."""
        item = self.item
        inside = item.main.folder.removeprefix(item.root).strip("/") if item.root else ""
        return "/".join(one for one in (item.album, inside) if one) if item.album else ""


def role_of(facts: Facts) -> str:
    """What a companion is to its main file: its type ("xmp", "aae", "json"; "jpeg" for the picture beside a RAW)."""
    return facts.type


def draft(item: Item, filing: Filing, now: int, said: Sequence[Facts] = ()) -> Draft:
    """Date the item by its facts (main first, then its companions) and by what a person ``said``; write the records it will have."""
    main = item.facts[0]
    path = item.main.path.removeprefix(item.root).lstrip("/") if item.root else item.main.name
    dated = dates.choose((*item.facts, *said), path, dates.Times(item.main.modified, now), filing.dates)
    parts = tuple(_part(item, number, dated, now) for number in range(len(item.companions)) if number < len(item.parts))
    record = _record(item, item.main, item.digests, main, dated, now)
    told = tuple(
        Companion(one.role, one.sha256, one.ref.size or 0, one.ref.name, one.record.id if one.record else None) for one in parts
    )
    return Draft(item, dated, dataclasses.replace(record, companions=told), parts)


def _part(item: Item, number: int, dated: Dated, now: int) -> Part:
    ref, sha, facts = item.companions[number], item.parts[number], item.facts[number + 1]
    role = role_of(facts)
    record = None
    if role not in WITHOUT_PIXELS:
        own = _record(item, ref, {"sha256": sha}, facts, dated, now)
        record = dataclasses.replace(own, companion_of=record_id(item.digests["sha256"]))
    return Part(ref, role, sha, record)


def _record(item: Item, ref: Ref, digests: object, facts: Facts, dated: Dated, now: int) -> Record:
    assert isinstance(digests, dict)
    sha = digests["sha256"]
    return Record(
        id=record_id(sha),
        sha256=sha,
        size=ref.size or 0,
        kind=facts.kind,
        type=facts.type,
        name=ref.name,
        extension=signature.extension(ref.name, facts.type),
        digests={name: value for name, value in digests.items() if name != "sha256"},
        taken=dated.taken or None,
        precision=dated.precision if dated.taken else None,
        offset=dated.offset,
        instant=dated.instant,
        date_source=dated.source,
        date_confidence=dated.confidence,
        date_candidates=dated.candidates,
        modified=ref.modified,
        camera=facts.camera,
        width=facts.width,
        height=facts.height,
        duration=facts.duration,
        orientation=facts.orientation,
        position=facts.position,
        title=facts.title,
        description=facts.description,
        rating=facts.rating,
        tags=facts.tags,
        people=facts.people,
        faces=facts.faces,
        exposure=facts.exposure,
        frame_rate=facts.frame_rate,
        codecs=facts.codecs,
        colour=facts.colour,
        hdr=facts.hdr,
        burst=facts.burst,
        motion=facts.motion,
        group=facts.group,
        damaged=facts.damaged,
        told=facts.told,
        arrival=(Arrival(item.source, shown(ref), now),),
    )


def order(drafts: Sequence[Draft]) -> Sequence[Draft]:
    """The order in which a set is named, and in which the first of equal contents is the one that stays."""
    return sorted(
        drafts,
        key=lambda one: (one.dated.taken, one.item.main.name.encode("utf-8", "surrogateescape"), one.sha256, one.item.main.path),
    )
