"""Are the files that the catalog knows in a store there? A sample is asked, and only when it misses too many, all of them.

The marker of a store proves its disk, not what lies on it. What is missing is held in a drawer beside what is refused; a person who
confirms it makes it known, and only what is missing beyond that is refused again. The catalog is not changed.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from albumen.errors import AlbumenError, NotFound, Unavailable
from albumen.jsonable import dumps, loads
from albumen.model import DISK, REFUSED, Placement, Query, Record, Refused, refusal
from albumen.ports import Catalog, Samples, Scratch, Store
from albumen.sources.gone import is_landslide

ASKED = 200  # placements of one sample
LOST = "lost"  # the drawer of what is missing where something is refused, by place
KNOWN = "known lost"  # … of what a person confirmed, by place
_NAMED = 20  # files that a refused change names
_PAGE = 500


class Drawers(Protocol):
    """What is asked of a queue here."""

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a question for files gave: how many were asked for, and the paths of those that are not there, sorted."""

    asked: int
    missing: tuple[str, ...]


def census(catalog: Catalog, stores: Mapping[str, Store], queue: Drawers, now: int) -> str | None:
    """Ask every store. A sentence when one misses its files. A store that cannot be used now is left as it was found before."""
    told = []
    for name, store in stores.items():
        if name == DISK:
            continue
        try:
            refused = look(catalog, store, queue, now)
        except (Unavailable, NotFound):
            continue
        told += [f"{refused.place}: {refused.why}"] if refused else []
    return "; ".join(told) or None


def recount(catalog: Catalog, stores: Mapping[str, Store], queue: Drawers, now: int) -> None:
    """Ask the stores again that miss files, a sample each: what is well again is not refused any more."""
    for place in queue.scratch(LOST).all():
        store = stores.get(place.removeprefix("store "))
        if store is None:
            continue
        try:
            if not _misses(catalog, store, _marks(queue.scratch(KNOWN).all().get(place, ""))):
                look(catalog, store, queue, now)
        except (Unavailable, NotFound):
            continue


def look(catalog: Catalog, store: Store, queue: Drawers, now: int) -> Refused | None:
    """Ask one store, and keep what is refused there from now on. ``Unavailable``."""
    place = f"store {store.name}"
    known = _marks(queue.scratch(KNOWN).all().get(place, ""))
    drawer = queue.scratch(REFUSED)
    was = _kept(drawer, place)
    count = _believed(catalog, store, known)
    if count is None:
        if was is not None:
            drawer.put(place, "")
            queue.scratch(LOST).put(place, "")
        return None
    refused, marks = judged(place, count, was, _shown(queue, was), now)
    if refused != was:
        queue.scratch(LOST).put(place, json.dumps({"id": refused.id, "marks": sorted(marks)}))
        drawer.put(place, dumps(refused))
    return refused


def judged(place: str, count: Count, was: Refused | None, shown: Set[str], now: int) -> tuple[Refused, Set[str]]:
    """What is refused, with the marks of all that is missing. It keeps its id as long as nothing is missing beyond what was
    ``shown`` under it."""
    marks = frozenset(map(mark, count.missing))
    same = was is not None and bool(shown) and marks <= shown
    why = (
        f"{len(count.missing)} of {count.asked} files that the catalog knows there are missing"
        f" ({', '.join(count.missing[:3])}{', …' if len(count.missing) > 3 else ''}): look for them, or restore them"
    )
    id = was.id if was is not None and same else refusal(place, sorted(marks))
    return Refused(id, place, why, was.at if was else now, len(marks), count.missing[:_NAMED]), marks


def missing(catalog: Catalog, store: Store, queue: Drawers, refused: Refused) -> tuple[str, ...]:
    """The paths of what is refused there, sorted. ``Unavailable``."""
    shown = _shown(queue, refused)
    paths = {one.path for one in _all(catalog, store.name) if mark(one.path) in shown}
    return tuple(sorted(path for path in paths if not _is_there(store, path)))


def acknowledge(queue: Drawers, refused: Refused, files: Iterable[str]) -> bool:
    """These of the files that are missing there are known from now on. False when it is not what was shown any more."""
    text = queue.scratch(LOST).all().get(refused.place, "")
    if not text or json.loads(text)["id"] != refused.id:
        return False
    known = _marks(queue.scratch(KNOWN).all().get(refused.place, ""))
    shown = _marks(text) & set(map(mark, files))
    queue.scratch(KNOWN).put(refused.place, json.dumps({"marks": sorted(known | shown)}))
    queue.scratch(REFUSED).put(refused.place, "")
    queue.scratch(LOST).put(refused.place, "")
    return True


def sampled(catalog: Catalog, store: str) -> Sequence[Placement]:
    """A sample of what the catalog knows there; of an engine that cannot draw, the newest."""
    if isinstance(catalog, Samples):
        return catalog.sample(store, ASKED)
    return tuple(_placements(catalog.find(Query(marks=(store,), companions=True), limit=ASKED).rows, store))


def mark(path: str) -> str:
    """A path in few digits, for keeping many of them."""
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


# ------------------------------------------------------------------------------------------------------------------ inside


def _believed(catalog: Catalog, store: Store, known: Set[str]) -> Count | None:
    """None when all is well, else all that is missing."""
    if not _misses(catalog, store, known):
        return None
    whole = _ask(store, _all(catalog, store.name), known)
    return whole if is_landslide(len(whole.missing), whole.asked) else None


def _misses(catalog: Catalog, store: Store, known: Set[str]) -> bool:
    """Whether a sample misses so many that all of them would be too many."""
    first = _ask(store, sampled(catalog, store.name), known)
    total = max(catalog.count(Query(marks=(store.name,), companions=True)).get("", 0), first.asked)
    return is_landslide(len(first.missing) * total // max(first.asked, 1), total)


def _ask(store: Store, placements: Iterable[Placement], known: Set[str]) -> Count:
    asked = {one.path for one in placements if mark(one.path) not in known}
    return Count(len(asked), tuple(sorted(path for path in asked if not _is_there(store, path))))


def _is_there(store: Store, path: str) -> bool:
    try:
        store.stat(path)
    except NotFound:
        return False
    except Unavailable:
        raise
    except AlbumenError:  # this one cannot be asked for: that is no answer
        return True
    return True


def _all(catalog: Catalog, store: str) -> Iterator[Placement]:
    after = ""
    while True:
        page = catalog.find(Query(marks=(store,), companions=True), after=after, limit=_PAGE)
        yield from _placements(page.rows, store)
        after = page.after
        if not after:
            return


def _placements(records: Iterable[Record], store: str) -> Iterator[Placement]:
    return (one for record in records for one in record.placements if one.store == store)


def _kept(drawer: Scratch, place: str) -> Refused | None:
    text = drawer.all().get(place, "")
    return loads(Refused, text) if text else None


def _shown(queue: Drawers, was: Refused | None) -> Set[str]:
    """The marks of what is shown under its id."""
    text = queue.scratch(LOST).all().get(was.place, "") if was else ""
    return _marks(text) if was and text and json.loads(text)["id"] == was.id else frozenset()


def _marks(text: str) -> frozenset[str]:
    return frozenset(json.loads(text)["marks"]) if text else frozenset()
