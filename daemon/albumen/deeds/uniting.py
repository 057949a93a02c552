"""The halves of a live photo that came one after the other: found by their content identifier, filed anew as one, in a batch of their
own. Undone, they stand alone again, and nothing joins them a second time.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

from albumen.deeds import folders
from albumen.deeds.desk import Desk
from albumen.deeds.drafting import STILL, WEAK
from albumen.deeds.listed import lying
from albumen.errors import Permanent, Taken, Transient
from albumen.media import naming
from albumen.media.dates import BETTER, PERSON
from albumen.media.stems import original
from albumen.model import BatchId, Candidate, Dated, Deed, DeedId, DeedState, Placement, Query, Record, Ref

WHAT = "join live photo"  # what the batches of joins are called, before the identifier
LIVE = "live"
_ROUNDS = 5
_MANY = 100  # files that share one identifier; more are a mistake of whoever wrote them
_PAGE = 500
_TRIED = 1000  # names that are looked at
Known: TypeAlias = Callable[[Sequence[str]], Mapping[str, Record]]
_DATE = ("taken", "precision", "offset", "instant", "date_source", "date_confidence", "date_candidates")


def filed(desk: Desk, batch: BatchId) -> int:
    """How many deeds of a batch may have brought halves; 0 for one that is ended, undoes another, or is a join itself."""
    info = next(iter(desk.ledger.batches(ids=[batch]).rows), None)
    if info is None or info.ended is not None or info.undoes or info.what.startswith(WHAT):
        return 0
    return info.effective


def unite(desk: Desk, batch: BatchId, do: Callable[[Sequence[DeedId]], Sequence[Deed]]) -> None:
    """See ``ports.Deeds.unite``. ``do`` does the deeds of a group."""
    for group in _groups(desk, batch):
        _unite(desk, group, do)


def _groups(desk: Desk, batch: BatchId) -> Sequence[str]:
    """Content identifiers of what a batch filed."""
    done = (one for one in folders.pages(desk, batch, DeedState.done) if one.source.store != one.target.store)
    filed = (one.record for one in done if one.record and not one.undone_by)
    found: dict[str, None] = {}
    while some := list(itertools.islice(filed, _PAGE)):
        found |= dict.fromkeys(one.group for one in desk.catalog.get(some).values() if one.group)
    return list(found)


def _unite(desk: Desk, group: str, do: Callable[[Sequence[DeedId]], Sequence[Deed]]) -> None:
    """One pair, if it is one and not joined."""
    for _ in range(_ROUNDS):
        pair = halves(members(desk, group), desk.filing.store)
        if pair is None:
            return
        begun = _begun(desk, pair[1])
        batch = begun[0].batch if begun else desk.ledger.begin(f"{WHAT} {group}", desk.owner)
        try:
            deeds = begun or desk.ledger.intend(plan(desk, batch, *pair))
            do([one.id for one in deeds])
        except Taken as taken:
            desk.ledger.end(batch)
            raise Transient("the other half of a live photo is being moved by another batch") from taken
        except Permanent as error:  # a name was taken, a file changed: dropped, and planned anew
            desk.log.info("not joined", group=group, why=str(error))
        folders.close(desk, batch)


def members(desk: Desk, group: str) -> Sequence[Record]:
    """All records with this content identifier."""
    return desk.catalog.find(Query(group=group, companions=True), limit=_MANY).rows


def halves(rows: Sequence[Record], store: str) -> tuple[Record, Record] | None:
    """Of all records with one content identifier the still and the movie that are to be joined; None when one of them is missing,
    when several could be meant, or when it was done. Edited versions are no halves."""
    stills, movies = _sides(rows)
    if len(stills) != 1 or len(movies) != 1 or movies[0].companion_of:
        return None
    if _home(stills[0], store) is None or _home(movies[0], store) is None:
        return None
    return stills[0], movies[0]


def contested(rows: Sequence[Record]) -> bool:
    """Whether some of these records, of one content identifier, stand alone because several could be meant."""
    stills, movies = _sides(rows)
    return bool(stills and movies) and len(stills) + len(movies) > 2


def _sides(rows: Sequence[Record]) -> tuple[Sequence[Record], Sequence[Record]]:
    """(stills that are no companions, movies), of what lies anywhere."""
    kept = [one for one in rows if one.placements]
    stills = [one for one in kept if one.kind in STILL and not one.companion_of]
    return _plain(stills), _plain([one for one in kept if one.kind == "video"])


def _plain(rows: Sequence[Record]) -> Sequence[Record]:
    """Without edited versions where there is an unedited one."""
    return [one for one in rows if original(one.name) is None] or rows


def _begun(desk: Desk, movie: Record) -> Sequence[Deed]:
    """The deeds of a join of this movie that an error or a kill left open."""
    for place in movie.placements:
        for deed in desk.ledger.history(item=f"{place.store}:{place.path}").rows:
            if deed.state in (DeedState.planned, DeedState.intended) and deed.role == LIVE and deed.before is not None:
                return [one for one in folders.pages(desk, deed.batch) if one.group == deed.group and not one.undoes]
    return ()


@dataclass(frozen=True, slots=True)
class Move:
    """One file of a pair: where it lies, where it will lie, what its record will be when that changes, and its new role."""

    record: Record
    place: Placement
    path: str
    after: Record | None = None
    role: str = ""
    album: str = ""


def plan(desk: Desk, batch: BatchId, still: Record, movie: Record) -> list[Deed]:
    """The deeds of ``moves``."""
    return [_deed(desk, batch, one) for one in moves(desk, still, movie)]


def moves(desk: Desk, still: Record, movie: Record, *, known: Known | None = None, taken: Set[str] = frozenset()) -> list[Move]:
    """What gives both halves, and what travels with each, the names they would have had, had they come together; nothing is done.
    ``known`` gives records by id where they are not the catalog's, ``taken`` keys of stems given away beside what lies there."""
    known = known or desk.catalog.get
    library = desk.filing.store
    home, away = _home(still, library), _home(movie, library)
    assert home is not None
    assert away is not None
    date = _date(still, movie)
    main = dataclasses.replace(still, **date)
    mine = {desk.library.key(one.path) for record in (still, movie) for _, one in _all(known, record)}
    target = _target(desk, still, main, movie, lambda path: _is_free(desk, path, mine, taken))
    old, new = _bare(home.path, still), _bare(target.path, still)
    movie_path = f"{target.folder}/{target.companions[0]}" if target.folder else target.companions[0]
    found = [
        Move(record, place, new + place.path[len(old) :], main if place == home and main != still else None, album=home.album)
        for record, place in _around(known, still, home)
    ]
    found = [one for one in found if one.path != one.place.path or one.after is not None]
    found.append(Move(movie, away, movie_path, dataclasses.replace(movie, **date, companion_of=still.id), LIVE, home.album))
    beside = [(record, place) for record, place in _around(known, movie, away) if place != away]
    return found + [Move(one, place, movie_path + _behind(place.path, away.path), album=home.album) for one, place in beside]


def _home(record: Record, store: str) -> Placement | None:
    """Where the record itself lies in the library."""
    mains = [one for one in record.placements if one.store == store and (one.sha256 or record.sha256) == record.sha256]
    return min(mains, key=lambda one: (one.album, one.path), default=None)


def _date(still: Record, movie: Record) -> dict[str, Any]:
    """Both halves have one date: the still's, unless only the movie was told it by a camera or a person."""
    better = _rank(movie) > _rank(still)
    date = {name: getattr(movie if better else still, name) for name in _DATE}
    if better:
        rest = (dataclasses.replace(one, used=False, reason=BETTER if one.used else one.reason) for one in still.date_candidates)
        own = tuple(one for one in movie.date_candidates if one.source not in WEAK)
        date["date_candidates"] = (*own, *rest)
    return date


def _rank(record: Record) -> int:
    return 0 if record.date_source in (*WEAK, None) else 2 if record.date_source == PERSON else 1


def _target(desk: Desk, still: Record, main: Record, movie: Record, is_free: Callable[[str], bool]) -> naming.Target:
    """The first name of the pair that nobody else's file has. A still that a person gave another name, or put into another folder,
    keeps it."""
    rules = desk.filing.names
    home = _home(still, desk.filing.store)
    assert home is not None
    first = next(naming.candidates(_named(main, movie, home), rules))
    given = (one.path for _, one in zip(range(_TRIED), naming.candidates(_named(still, movie, home), rules), strict=False))
    if home.path in given:
        for _, target in zip(range(_TRIED), naming.candidates(_named(main, movie, home), rules), strict=False):
            if target.path == home.path or is_free(target.path):
                return target
    tail = first.companions[0][len(_bare(first.name, still)) :]
    folder, _, name = home.path.rpartition("/")
    return naming.Target(folder, name, (_bare(name, still) + tail,))


def _named(record: Record, movie: Record, home: Placement) -> naming.Named:
    return naming.Named(
        name=record.name,
        dated=dated(record),
        kind=record.kind,
        type=record.type,
        sha256=record.sha256,
        companions=((movie.name, LIVE),),
        place=(record.place.city or "") if record.place else "",
        album=home.album,
    )


def dated(record: Record) -> Dated:
    """The date of a record as ``dates.choose`` had given it."""
    candidates: tuple[Candidate, ...] = record.date_candidates
    return Dated(
        taken=record.taken or "",
        precision=record.precision or "second",
        source=record.date_source or "unknown",
        confidence="high" if record.date_confidence == "high" else "low",
        candidates=candidates,
        offset=record.offset,
        instant=record.instant,
    )


def _is_free(desk: Desk, path: str, mine: Set[str], taken: Set[str]) -> bool:
    """Whether no file of anybody else has this stem, or will have it."""
    store = desk.library
    folder = path.rpartition("/")[0]
    front = f"{folder}/" if folder else ""
    wanted = store.key(naming.stem(path))
    if wanted in taken - {naming.stem(one) for one in mine} or any(
        naming.stem(one) == wanted for one in desk.ledger.held(store.name, front) - mine
    ):
        return False
    return lying(store, folder).of(wanted) <= mine


def _around(known: Known, record: Record, home: Placement) -> Iterator[tuple[Record, Placement]]:
    """What lies beside a record's own file and travels with it, itself first: its sidecars, and its companions with pixels."""
    stem = _bare(home.path, record)
    yield record, home
    for other, place in _all(known, record):
        if place != home and place.store == home.store and place.path.startswith(stem):
            yield other, place


def _all(known: Known, record: Record) -> Iterator[tuple[Record, Placement]]:
    parts = known([one.id for one in record.companions if one.id])
    for one in (record, *(part for part in parts.values() if part.companion_of == record.id)):
        yield from ((one, place) for place in one.placements)


def _bare(path: str, record: Record) -> str:
    """Without the extension."""
    ending = f".{record.extension}" if record.extension else ""
    return path[: -len(ending)] if ending and path.lower().endswith(ending) else path.rpartition(".")[0] or path


def _behind(path: str, main: str) -> str:
    """What a sidecar's name has behind that of its movie: ``.xmp`` for ``x.mov.xmp`` and for ``x.xmp``."""
    return path[len(main) :] if path.startswith(main) else "." + path.rpartition(".")[2]


def _deed(desk: Desk, batch: BatchId, move: Move) -> Deed:
    library, place = desk.library, move.place
    source = desk.store(place.store).stat(place.path).main
    return Deed(
        batch=batch,
        key=f"{batch}/{place.store}:{place.path}@{source.rev}",
        verb="move" if move.path != place.path else "tag",
        source=source,
        target=Ref(library.name, move.path, modified=source.modified),
        target_key=library.key(move.path),
        group=batch,
        role=move.role or place.role,
        sha256=place.sha256 or move.record.sha256,
        album=move.album,
        record=move.record.id,
        before=move.record if move.after is not None else None,
        after=move.after,
    )
