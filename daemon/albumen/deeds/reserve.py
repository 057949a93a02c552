"""Fix the place of every item of a set: plan, reserve in the ledger, look again. All or none.

Order of looks (DESIGN rule 7): names held in the ledger are read before the disk. What another batch finished since is refused by
the ledger itself, so that no reservation ever stands that will not hold: seen for a moment by a second import of the same folder,
which left the folder to us, went on and numbered the next one first, it gave all of both other numbers. Then the disk is looked at
again, for what is nobody's deed. If anything of the set turns out known or taken then, the whole set is dropped and planned anew:
planning single files again would swap their numbers (seen in the trial).
"""

import dataclasses
from collections.abc import Container, Mapping, Sequence, Set
from dataclasses import dataclass, field

from albumen.deeds import adopting, reading, standing, steps, successors, trash
from albumen.deeds.desk import Desk
from albumen.deeds.drafting import WITHOUT_PIXELS, Draft, Part, draft, order
from albumen.deeds.listed import Lying, lying
from albumen.errors import Overtaken, Taken, Transient
from albumen.media import dates, naming
from albumen.media.digest import record_id
from albumen.model import BatchId, Deed, DeedState, Item, Record, Ref

_ROUNDS = 100


class TakenStems(Container[str]):
    """Folded stems that are reserved or lie in the store, read folder by folder when first asked for. ``spelled``: the folders as
    they are to be written, by their folded form (a store may be called blind for case on a disk that is not)."""

    def __init__(self, desk: Desk, spelled: Mapping[str, str], also: Set[str] = frozenset()) -> None:
        self._desk = desk
        self._spelled = spelled
        self._folders: dict[str, tuple[Set[str], Lying]] = {}  # reserved ones, what lies there
        self._also = also

    def __contains__(self, stem: object) -> bool:
        if not isinstance(stem, str):
            return False
        folder = stem.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = self._read(folder)
        held, there = self._folders[folder]
        return stem in held or stem in self._also or there.has_stem(stem)

    def _read(self, folder: str) -> tuple[Set[str], Lying]:
        store = self._desk.library
        held = {naming.stem(one) for one in self._desk.ledger.held(store.name, f"{folder}/" if folder else "")}
        return held, lying(store, self._spelled.get(folder, folder))


@dataclass
class _Set:
    """One set while its places are being fixed."""

    desk: Desk
    batch: BatchId
    drafts: Sequence[Draft]
    busy: set[str] = field(default_factory=set)  # content reservations of others
    foreign: set[tuple[str, str]] = field(default_factory=set)  # sources that are another batch's business
    also: set[str] = field(default_factory=set)  # stems found taken only when reserving
    adopted: set[str] = field(default_factory=set)  # target keys that hold what they shall hold
    again: dict[str, str] = field(default_factory=dict)  # keys of deeds that failed for good, and those to try them again under

    def plan(self) -> tuple[Mapping[int, list[Deed]], Mapping[int, str]]:
        """(deeds by draft, id of the record that each duplicate doubles), from what is known now."""
        known = known_contents(self.desk, self.drafts)
        fresh: list[Draft] = []
        origin: dict[str, int] = {}
        doubles: dict[int, str] = {}
        seen: set[str] = set()
        for one in order(self.drafts):
            if _source(one.item) in self.foreign:
                continue
            mine = reservation(self.desk, one.sha256, one.item.album)
            if mine in known or mine in seen or mine in self.busy:
                doubles[id(one)] = _first(self.desk, one.sha256)
                continue
            fresh.append(self._sorted(_spared(self.desk, one), known, seen))
            seen |= {mine, *(reservation(self.desk, part.sha256, one.item.album) for part in one.parts if part.record)}
            origin[one.sha256] = id(one)
        library, rules = self.desk.library, self.desk.filing.names
        folders = {next(naming.candidates(one.named, rules)).folder for one in fresh}
        taken = TakenStems(self.desk, {library.key(one): one for one in folders}, self.also)
        there = {one.sha256: target for one in fresh if (target := adopting.place(self.desk, one, taken))}
        others = [one for one in fresh if one.sha256 not in there]
        given = naming.plan([one.named for one in others], taken, rules, library.key)
        targets = there | {one.sha256: target for one, target in zip(others, given, strict=True)}
        self.adopted = {library.key(path) for target in there.values() for path in target.paths}
        deeds = {origin[one.sha256]: deeds_of(self.desk, self.batch, one, targets[one.sha256].paths) for one in fresh}
        return {id: [self._tried(one) for one in group] for id, group in deeds.items()}, doubles

    def _tried(self, deed: Deed) -> Deed:
        key = deed.key
        while key in self.again:
            key = self.again[key]
        return dataclasses.replace(deed, key=key)

    def _sorted(self, one: Draft, known: Set[str], seen: Set[str]) -> Draft:
        """Sidecars always come along. A picture that travels along but lies there already is thrown away as any duplicate; one
        whose first copy is only under way, here or in another batch, stays where it is until the next time."""
        kept: list[Part] = []
        thrown: list[Part] = []
        mine = {one.sha256}
        for part in one.parts:
            held = reservation(self.desk, part.sha256, one.item.album)
            if (part.ref.store, part.ref.path) in self.foreign:
                continue
            if part.record is None:
                kept.append(part)
            elif held in known or part.sha256 in mine:
                thrown += [] if _is_itself(self.desk, part.ref, part.record) else [part]
            elif held not in seen and held not in self.busy:
                kept.append(part)
                mine.add(part.sha256)
        told = tuple(told for told in one.record.companions if told.sha256 != one.sha256)
        record = dataclasses.replace(one.record, companions=told)
        return dataclasses.replace(one, record=record, parts=tuple(kept), thrown=tuple(thrown) if one.item.move else ())

    def learn(self, taken: Taken) -> None:
        """What another batch holds is left to it."""
        self.busy |= taken.contents
        self.foreign |= taken.sources
        self.also |= {naming.stem(key) for store, key in taken.names if store == self.desk.filing.store}


def _spared(desk: Desk, one: Draft) -> Draft:
    """What goes into an album and is a placement of ours under another path stays where it is: moved, the other one would be gone."""
    if not (one.item.album and one.item.move):
        return one
    if not _is_itself(desk, one.item.main, one.record):
        return one
    return dataclasses.replace(one, item=dataclasses.replace(one.item, move=False))


def _is_itself(desk: Desk, ref: Ref, drafted: Record) -> bool:
    record = desk.catalog.get([drafted.id]).get(drafted.id)
    return record is not None and adopting.is_itself(desk, ref, record)


def reserve(desk: Desk, items: Sequence[Item], batch: BatchId) -> Sequence[Item]:
    """See ``ports.Deeds.reserve``."""
    drafts = _drafts(desk, items)
    work = _Set(desk, batch, drafts)
    for _ in range(_ROUNDS):
        looked = desk.ledger.moment()
        planned, doubles = work.plan()
        try:
            kept = desk.ledger.intend([deed for group in planned.values() for deed in group], looked=looked)
        except Overtaken:
            continue
        except Taken as taken:
            work.learn(taken)
            continue
        failed = {one.key: f"{one.key}{steps.anew([one])}" for one in kept if one.state is DeedState.failed}
        work.again |= failed
        if not failed and _stands(desk, kept, work.adopted):
            by_key = {one.key: one for one in kept}
            answers = [_answer(one, planned.get(id(one), ()), by_key, doubles.get(id(one), "")) for one in drafts]
            _forget(desk, answers, kept)
            return [_filed_before(desk, batch, one) if one.duplicate_of else one for one in answers]
        desk.ledger.settle([one.id for one in kept if one.state is DeedState.planned], DeedState.dropped, "planned anew")
    raise Transient(f"no free place found for {len(items)} files in {_ROUNDS} rounds: other imports take every name")


def _drafts(desk: Desk, items: Sequence[Item]) -> list[Draft]:
    """The drafts of a set; what a person corrected of a content that was here before holds when it comes back."""
    kept = desk.catalog.get([one.id for one in items if one.id])
    now = desk.clock()
    return [draft(one, desk.filing, now, dates.said(kept.get(one.id))) for one in items]


def preview(desk: Desk, items: Sequence[Item], also: Set[str], known: Set[str]) -> Sequence[tuple[Item, Sequence[Deed], str]]:
    """What ``reserve`` would do now, nothing kept: (item, deeds, id it doubles). ``also`` are stems and ``known`` contents that
    earlier sets of the same dry run took."""
    desk = dataclasses.replace(desk, dry=True)
    drafts = _drafts(desk, items)
    work = _Set(desk, "dry-run", drafts, also=set(also))
    work.busy |= {reservation(desk, sha, album) for album in {one.album for one in items} for sha in known}
    planned, doubles = work.plan()
    return [(one.item, planned.get(id(one), ()), doubles.get(id(one), "")) for one in drafts]


def known_contents(desk: Desk, drafts: Sequence[Draft]) -> Set[str]:
    """The reservations of those contents of these drafts that really lie where they would be put: in that album, or, for what is
    filed by date, in the library or another store. History does not count. ``Unavailable``."""
    files = [(one.record, one.item.main, one.item) for one in drafts]
    files += [(part.record, part.ref, one.item) for one in drafts for part in one.parts if part.record]
    found = {id: successors.heir(_get(desk), one) for id, one in desk.catalog.get([one.id for one, *_ in files]).items()}
    known = {
        reservation(desk, one.sha256, item.album)
        for one, ref, item in files
        if one.id in found and _lies(desk, found[one.id], item.album, ref if item.move else None)
    }
    lone = {(one.sha256, one.item.album): one for one in drafts if one.record.type in WITHOUT_PIXELS}
    for (sha, album), one in lone.items():  # a sidecar may lie there as part of a record
        key = reservation(desk, sha, album)
        if key not in known and standing.content(desk, sha, album=album, besides=one.item.main if one.item.move else None):
            known.add(key)
    return known


def _lies(desk: Desk, record: Record, album: str, taken: Ref | None) -> bool:
    """Whether it lies there without the file that is to be ``taken`` away, unless that one is it, seen by another path: it stays."""
    if standing.find(desk, record, album=album, besides=taken) is not None:
        return True
    return taken is not None and bool(standing.claimed(record, album=album)) and adopting.is_itself(desk, taken, record)


def _get(desk: Desk) -> successors.Known:
    return lambda id: desk.catalog.get([id]).get(id)  # noqa: A006  # the field's name


def _first(desk: Desk, sha256: str) -> str:
    """The record of this content; of what its file was rewritten to, when it was."""
    record = _get(desk)(record_id(sha256))
    return successors.heir(_get(desk), record).id if record else record_id(sha256)


def deeds_of(desk: Desk, batch: BatchId, one: Draft, paths: Sequence[str]) -> list[Deed]:
    """The deeds that bring a draft to its place: the main file, then its companions, one group."""
    library = desk.library
    parts = [(one.item.main, "main", one.sha256, one.record)]
    parts += [(part.ref, part.role, part.sha256, one.record if part.of.id == one.record.id else part.of) for part in one.parts]
    return [
        Deed(
            batch=batch,
            key=key_of(batch, ref),
            verb="move" if one.item.move else "copy",
            source=ref,
            target=Ref(library.name, path, modified=ref.modified),
            target_key=library.key(path),
            group=key_of(batch, one.item.main),
            role=role,
            sha256=sha,
            content=reservation(desk, sha, one.item.album) if record.sha256 == sha else "",
            album=one.item.album,
            record=record.id,
            after=record,
        )
        for (ref, role, sha, record), path in zip(parts, paths, strict=True)
    ] + [
        trash.thrown(
            desk,
            part.ref,
            batch,
            key=key_of(batch, part.ref),
            group=key_of(batch, one.item.main),
            sha256=part.sha256,
            record=record_id(part.sha256),
            why="its content is there already",
        )
        for part in one.thrown
    ]


def _stands(desk: Desk, deeds: Sequence[Deed], adopted: Set[str]) -> bool:
    """Nothing of the set became known, and no name was taken, while it was being reserved."""
    planned = [one for one in deeds if one.state is DeedState.planned]
    found = desk.catalog.get([one.record for one in planned if one.content])
    asked = [one for one in planned if one.content and one.record in found]
    if any(_lies(desk, found[one.record], one.album, one.source if one.verb == "move" else None) for one in asked):
        return False
    store = desk.library
    planned = [one for one in planned if one.target.store == store.name]
    there = {folder: lying(store, folder) for folder in {one.target.folder for one in planned}}
    return not any(there[one.target.folder].has(one.target_key) and one.target_key not in adopted for one in planned)


def _answer(one: Draft, planned: Sequence[Deed], by_key: Mapping[str, Deed], double: str) -> Item:
    ids = tuple(by_key[deed.key].id for deed in planned)
    return dataclasses.replace(one.item, id=one.record.id, deeds=ids, duplicate_of=double)


def _forget(desk: Desk, items: Sequence[Item], kept: Sequence[Deed]) -> None:
    """Bytes that were staged and will not be filed; what a duplicate brings is decided later."""
    wanted = {(one.source.store, one.source.path) for one in kept}
    refs = [ref for one in items if not one.duplicate_of for ref in (one.main, *one.companions)]
    reading.forget(desk, [ref for ref in refs if (ref.store, ref.path) not in wanted])


def _filed_before(desk: Desk, batch: BatchId, item: Item) -> Item:
    """An item whose content is known because this very batch filed it before a crash is no duplicate of itself."""
    kept = kept_deeds(desk, batch, item)
    if not any(one.role == "main" for one in kept):
        return item
    return dataclasses.replace(item, deeds=tuple(one.id for one in kept), duplicate_of="")


def kept_deeds(desk: Desk, batch: BatchId, item: Item) -> Sequence[Deed]:
    """The deeds that this batch has for these very files, done or not; those that were given up do not count."""
    found: list[Deed] = []
    for ref in (item.main, *item.companions):
        rows = desk.ledger.history(batch=batch, item=f"{ref.store}:{ref.path}").rows
        key = key_of(batch, ref)
        mine = (one for one in rows if one.key == key or one.key.startswith(f"{key} after "))
        found += [one for one in mine if one.state not in (DeedState.dropped, DeedState.failed)]
    return found


def _source(item: Item) -> tuple[str, str]:
    return item.main.store, item.main.path


def reservation(desk: Desk, sha256: str, album: str) -> str:
    """What keeps a content from being put twice into one place: by date ("") or into an album."""
    return f"{desk.filing.store}\0{album}\0{sha256}"


def key_of(batch: BatchId, ref: Ref) -> str:
    return f"{batch}/{ref.store}:{ref.path}@{ref.rev}"
