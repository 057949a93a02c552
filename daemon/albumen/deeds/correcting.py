"""What a person corrects of what lies in the library: the deeds that change a record's entries and give its files the name and the
folder that follow from them, its companions along. Decided here, done like any other deeds, taken back by undo.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from albumen.deeds.desk import Desk
from albumen.deeds.drafting import Draft
from albumen.deeds.listed import lying
from albumen.deeds.reserve import TakenStems, key_of, reservation
from albumen.errors import NotFound, Taken, Transient
from albumen.media import naming
from albumen.media.stems import split
from albumen.model import BatchId, Dated, Deed, DeedState, Item, Placement, Record, Ref

_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Correction:
    """A record as it is and as it shall be, dated; ``others``: those that travel with it and have a record of their own."""

    before: Record
    after: Record
    dated: Dated
    others: tuple[tuple[Record, Record], ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    """One file of a correction, where it lies. ``pair`` is its record before and after, None for a sidecar."""

    ref: Ref
    place: Placement
    sha256: str
    record: str
    name: str  # it came with
    pair: tuple[Record, Record] | None


@dataclass(frozen=True, slots=True)
class Planned:
    """What becomes of each correction, by its record's id: its deeds, or why there are none."""

    deeds: Mapping[str, Sequence[Deed]]
    refused: Mapping[str, str]


def plan(desk: Desk, batch: BatchId, corrections: Sequence[Correction], also: Set[str] = frozenset()) -> Planned:
    """The deeds that these corrections mean now; keeps nothing. ``also`` are stems that count as taken."""
    sites: dict[str, list[list[_File]]] = {}
    refused: dict[str, str] = {}
    for one in corrections:
        try:
            sites[one.before.id] = _sites(desk, one)
        except NotFound as error:
            refused[one.before.id] = str(error)
    every = [(one, files) for one in corrections for files in sites.get(one.before.id, ())]
    movers = [(one, files) for one, files in every if _moves(desk, one, files)]
    named = [_named(one, files) for one, files in movers]
    library, rules = desk.library, desk.filing.names
    folders = {next(naming.candidates(one, rules)).folder for one in named}
    taken = TakenStems(desk, {library.key(one): one for one in folders}, also)
    targets = naming.plan(named, taken, rules, library.key)
    paths = {files[0].ref: target.paths for (_, files), target in zip(movers, targets, strict=True)}
    return Planned({id: _deeds(desk, batch, found, paths) for id, found in sites.items()}, refused)


def reserve(desk: Desk, batch: BatchId, corrections: Sequence[Correction]) -> Planned:
    """Keep the deeds as planned in the ledger. What another batch holds is refused; names that were taken meanwhile are planned
    anew. ``Transient`` when no free names are found."""
    left, also, refused = list(corrections), set[str](), dict[str, str]()
    for _ in range(_ROUNDS):
        planned = plan(desk, batch, left, also)
        try:
            kept = desk.ledger.intend([deed for deeds in planned.deeds.values() for deed in deeds])
        except Taken as taken:
            also |= {naming.stem(key) for store, key in taken.names if store == desk.filing.store}
            busy = {id for id, deeds in planned.deeds.items() if any(_is_busy(one, taken) for one in deeds)}
            refused |= dict.fromkeys(busy, "another batch that is not finished moves it: try again when it is done")
            left = [one for one in left if one.before.id not in busy]
            continue
        there = _there(desk, kept)
        if not there:
            by_key = {one.key: one for one in kept}
            deeds = {id: [by_key[one.key] for one in mine] for id, mine in planned.deeds.items()}
            return Planned(deeds, {**planned.refused, **refused})
        also |= there
        desk.ledger.settle([one.id for one in kept if one.state is DeedState.planned], DeedState.dropped, "planned anew")
    raise Transient("no free names found; other commands take every one")


def _is_busy(deed: Deed, taken: Taken) -> bool:
    here = (deed.source.store, deed.source.path)
    tagged = deed.verb == "tag" and (deed.target.store, deed.target_key) in taken.names
    return here in taken.sources or deed.content in taken.contents or tagged


def _there(desk: Desk, deeds: Sequence[Deed]) -> set[str]:
    """Stems of those targets whose names were taken on the disk while they were being reserved."""
    store = desk.library
    moved = [one for one in deeds if one.verb == "move" and one.state is DeedState.planned]
    there = {folder: lying(store, folder) for folder in {one.target.folder for one in moved}}
    return {naming.stem(one.target_key) for one in moved if there[one.target.folder].has(one.target_key)}


def _sites(desk: Desk, one: Correction) -> list[list[_File]]:
    """Where the library keeps it, by date and in albums (else where it lies): each main file first, then what lies beside it.
    ``NotFound`` when one of them is gone."""
    own = sorted(
        (place for place in one.before.placements if place.role == "main"), key=lambda place: (bool(place.album), place.path)
    )
    mains = [place for place in own if place.store == desk.filing.store] or own[:1]
    if not mains:
        raise NotFound(f"{one.before.name} lies nowhere any more")
    return [_files(desk, one, main) for main in mains]


def _files(desk: Desk, one: Correction, main: Placement) -> list[_File]:
    found = [_File(_ref(desk, main), main, one.before.sha256, one.before.id, one.before.name, (one.before, one.after))]
    names = {told.sha256: told.name for told in one.before.companions}
    for record, pair in ((one.before, (one.before, one.after)), *((before, (before, after)) for before, after in one.others)):
        for place in record.placements:
            own = place.sha256 in ("", record.sha256)  # else a sidecar that belongs to it
            if not _is_beside(place, main) or (own and record is one.before):
                continue
            name = record.name if own else names.get(place.sha256, place.path.rpartition("/")[2])
            found.append(_File(_ref(desk, place), place, place.sha256 or record.sha256, record.id, name, pair if own else None))
    return found


def _is_beside(place: Placement, main: Placement) -> bool:
    return (place.store, place.album, place.path.rpartition("/")[0]) == (main.store, main.album, main.path.rpartition("/")[0])


def _ref(desk: Desk, place: Placement) -> Ref:
    return desk.store(place.store).stat(place.path).main


def _moves(desk: Desk, one: Correction, files: Sequence[_File]) -> bool:
    """Whether the files get another name. What lies elsewhere than in the library keeps its own; a name that this date may give is
    kept with its number."""
    main = files[0].place
    if main.store != desk.filing.store:
        return False
    wanted = next(naming.candidates(_named(one, files), desk.filing.names)).path
    bare, suffix = split(wanted)
    now, same = split(main.path)
    key = desk.library.key
    return key(re.sub(r"_[0-9]+$", "", now)) != key(bare) and key(now) != key(bare) if same == suffix else True


def _named(one: Correction, files: Sequence[_File]) -> naming.Named:
    """Named like an arrival of these files under the names they came with."""
    item = Item(Ref(files[0].ref.store, files[0].name))
    companions = tuple((file.name, file.place.role) for file in files[1:])
    main = files[0].place
    album = main.path.rpartition("/")[0] if main.album else ""  # it stays in its folder
    return dataclasses.replace(Draft(item, one.dated, one.after, ()).named, companions=companions, album=album)


def _deeds(desk: Desk, batch: BatchId, sites: Sequence[Sequence[_File]], paths: Mapping[Ref, Sequence[str]]) -> list[Deed]:
    """One group: the files of each site that gets other names move; a tag for each record of which no file does."""
    group = key_of(batch, sites[0][0].ref)
    moves = [pair for files in sites if files[0].ref in paths for pair in zip(files, paths[files[0].ref], strict=True)]
    found = [_deed(desk, batch, group, file, path) for file, path in moves]
    told = {file.record for file, _ in moves if file.pair}
    for file in (file for files in sites for file in files if file.pair):
        if file.record not in told:
            told.add(file.record)
            found.append(_deed(desk, batch, group, file, None))
    return found


def _deed(desk: Desk, batch: BatchId, group: str, file: _File, path: str | None) -> Deed:
    """The move to that path; None = a tag."""
    ref, store = file.ref, desk.store(file.ref.store)
    target = Ref(ref.store, ref.path if path is None else path, modified=ref.modified, mode=ref.mode)
    return Deed(
        batch=batch,
        key=key_of(batch, ref),
        verb="tag" if path is None else "move",
        source=ref,
        target=target,
        target_key=store.key(target.path),
        group=group,
        role=file.place.role,
        sha256=file.sha256,
        content=reservation(desk, file.sha256, file.place.album) if path is not None and file.pair else "",
        album=file.place.album,
        record=file.record,
        before=file.pair[0] if file.pair else None,
        after=file.pair[1] if file.pair else None,
    )
