"""From an item whose bytes were read to what will be known of it: its date, its record, what the planner of names needs.

Pure: the present comes in as a number.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from albumen.deeds.desk import Filing, shown
from albumen.media import dates, signature
from albumen.media.digest import record_id
from albumen.media.naming import Named
from albumen.media.stems import original, tells_of
from albumen.model import Arrival, Companion, Dated, Facts, Item, Record, Ref

WITHOUT_PIXELS = frozenset({"xmp", "aae", "json"})
STILL = ("image", "raw")
WEAK = (dates.NAME, dates.FOLDER, dates.FILE, dates.UNKNOWN, "exif:DateTime")  # sources of a date that no camera stated


@dataclass(frozen=True, slots=True)
class Part:
    """One companion of a draft; ``record`` is its own when it has pixels, else None. ``of`` is the record that names its place: its
    own, else that of the file it belongs to, which may be a companion itself (the sidecar of a live photo's movie)."""

    ref: Ref
    role: str
    sha256: str
    record: Record | None
    of: Record


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
            place=(self.record.place.city or "") if self.record.place else "",
            album=self._album,
        )

    @property
    def _album(self) -> str:
        """The folder in the library: sub-folders of what was given stay sub-folders of an album."""
        item = self.item
        inside = item.main.folder.removeprefix(item.root).strip("/") if item.root else ""
        return "/".join(one for one in (item.album, inside) if one) if item.album else ""


def role_of(item: Item, at: int) -> str:
    """What a companion is to its main file, by the bytes of both: its type ("xmp", "aae", "json"; "jpeg" or "heic" for the picture
    beside a RAW), "live" for the movie of a live photo, "edited", or "" when only its name looks like a companion's."""
    main, part = item.facts[0], item.facts[at + 1]
    if part.type in WITHOUT_PIXELS:
        return part.type
    edit = original(item.companions[at].name) is not None and original(item.main.name) is None
    if (
        edit
        and main.kind in (*STILL, "video")
        and part.kind in (*STILL, "video")
        and (part.kind == "video" or main.kind in STILL)
    ):
        return "edited"
    if part.kind == "video" and main.kind in STILL:
        return "live" if part.group and part.group == main.group else ""
    return part.type if part.kind == "image" and main.kind == "raw" else ""


def dated(item: Item, filing: Filing, now: int, said: Sequence[Facts] = ()) -> Dated:
    """The date of an item: by what a person ``said`` before, the main file and its sidecars; by the pictures and movies that travel with it only where those state
    none. So it is the same whether a half of a live photo comes with the other one or later."""
    path = item.main.path.removeprefix(item.root).lstrip("/") if item.root else item.main.name
    times = dates.Times(item.main.modified, now)
    own = [item.facts[0], *(item.facts[at + 1] for at in range(_parts(item)) if _owner(item, at) is None), *said]
    found = dates.choose(own, path, times, filing.dates)
    return found if found.source not in WEAK else dates.choose((*item.facts, *said), path, times, filing.dates)


def draft(item: Item, filing: Filing, now: int, said: Sequence[Facts] = ()) -> Draft:
    """Date the item, also by what a person ``said`` of it before, and write the records it will have: the main file's, and one for each companion with pixels."""
    date = dated(item, filing, now, said)
    owners = [_owner(item, at) for at in range(_parts(item))]
    records: dict[int | None, Record] = {None: _record(item, item.main, item.digests, _told(item, None), date, now)}
    records |= {at: _own(item, at, date, now) for at, owner in enumerate(owners) if owner == at}
    told: dict[int | None, list[Companion]] = defaultdict(list)
    for at, owner in enumerate(owners):
        ref, pixels = item.companions[at], records.get(at)
        one = Companion(role_of(item, at), item.parts[at], ref.size or 0, ref.name, pixels.id if pixels else None)
        told[None if pixels else owner].append(one)
    places = {at: filing.places(one.position) for at, one in records.items() if one.position}
    records = {at: dataclasses.replace(one, companions=tuple(told[at]), place=places.get(at)) for at, one in records.items()}
    parts = tuple(
        Part(item.companions[at], role_of(item, at), item.parts[at], records.get(at), records[owner])
        for at, owner in enumerate(owners)
    )
    return Draft(item, date, records[None], parts)


def _parts(item: Item) -> int:
    return min(len(item.companions), len(item.parts))


def _owner(item: Item, at: int) -> int | None:
    """Whose record tells of this companion: its own (the number itself) when it has pixels; for the sidecar of a movie that movie;
    None for the main file."""
    if item.facts[at + 1].type not in WITHOUT_PIXELS:
        return at
    movies = [one for one in range(_parts(item)) if role_of(item, one) == "live"]
    name = item.companions[at].name
    return next((one for one in movies if tells_of(name, item.companions[one].name, (item.main.name,))), None)


def _own(item: Item, at: int, date: Dated, now: int) -> Record:
    """The record of a companion with pixels: its own facts, and the date of its main file."""
    own = _record(item, item.companions[at], {"sha256": item.parts[at]}, _told(item, at), date, now)
    return dataclasses.replace(own, companion_of=record_id(item.digests["sha256"]))


def _told(item: Item, of: int | None) -> Facts:
    """What is known of the main file (None) or of a companion: what it says itself, and what its sidecars say. XMP goes before what
    the file says, as people's programs write it there; Takeout's JSON only fills what is missing."""
    facts = item.facts[0 if of is None else of + 1]
    sidecars = [item.facts[at + 1] for at in range(_parts(item)) if at != of and _owner(item, at) == of]
    told = [*(one for one in sidecars if one.type == "xmp"), facts, *(one for one in sidecars if one.type != "xmp")]
    if len(told) == 1:
        return facts
    return dataclasses.replace(
        facts,
        title=next((one.title for one in told if one.title), None),
        description=next((one.description for one in told if one.description), None),
        rating=next((one.rating for one in told if one.rating is not None), None),
        tags=tuple(dict.fromkeys(tag for one in told for tag in one.tags)),
        people=tuple(dict.fromkeys(name for one in told for name in one.people)),
        faces=next((one.faces for one in told if one.faces), ()),
        position=next((one.position for one in told if one.position is not None), None),
    )


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
