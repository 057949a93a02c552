"""What is refused because it looks like an accident, and what becomes of it when a person confirms it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from albumen.errors import AlbumenError, Changed, UsageError
from albumen.jsonable import loads
from albumen.model import DISK, REFUSED, Batch, Circuit, Refused
from albumen.operations import census
from albumen.ports import Catalog, Circuits, Guarded, Memory, Scratch, Store

_PIECE = 500  # files in one transaction


class RefusingQueue(Circuits, Protocol):
    """What is asked of a queue here."""

    def memory(self, source: str) -> Memory:
        """What that source has seen."""

    def scratch(self, drawer: str) -> Scratch:
        """The drawer of that name."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What confirming a refused change does: ``does`` are sentences, ``files`` all the files it is about, sorted."""

    refused: Refused
    does: tuple[str, ...]
    files: tuple[str, ...] = ()


class Refusals:
    """What is refused at these stores and sources (names). Works beside a daemon: all of it is kept in the queue and the stores."""

    def __init__(self, queue: RefusingQueue, catalog: Catalog, stores: Mapping[str, Store], sources: Sequence[str]) -> None:
        self._queue = queue
        self._catalog = catalog
        self._stores = {name: store for name, store in stores.items() if name != DISK}
        self._sources = sources

    def all(self, now: int) -> tuple[Refused, ...]:
        """Everything, by place. ``now`` in ns."""
        found = {one.place: one for one in self.kept()}
        since = {one.place: one.since for one in self._circuits()}
        for name, store in self._stores.items():
            refused = _guard(store)
            if refused is not None:  # where the marker is not known nobody can tell what lies there
                found[refused.place] = replace(refused, at=since.get(name, now))
        return tuple(found[place] for place in sorted(found))

    def kept(self) -> tuple[Refused, ...]:
        """What is kept as refused, by place; not what only a store's marker tells."""
        return kept(self._queue, self._stores, self._sources)

    def find(self, word: str, now: int) -> Refused:
        """The one whose id begins so. ``UsageError`` that names the ids there are."""
        every = self.all(now)
        found = [one for one in every if one.id.startswith(word.lower())]
        if len(found) == 1 and word:
            return found[0]
        why = "is the beginning of several ids, add digits" if found and word else "nothing that is refused has this id"
        there = ", ".join(f"{one.id} ({one.place})" for one in (found if word else ()) or every) or "nothing is refused now"
        raise UsageError(f"{word}: {why}: {there}")

    def plan(self, refused: Refused) -> Confirmation:
        """What confirming it would do now."""
        kind, _, name = refused.place.partition(" ")
        if kind == "source":
            return self._forgetting(refused, name)
        store = self._stores[name]
        if isinstance(store, Guarded) and _guard(store) is not None:
            return self._accepting(refused, store)
        files = census.missing(self._catalog, store, self._queue, refused)
        does = (
            f"{len(files)} missing files are known to be missing from now on, and no longer told",
            "nothing is deleted from the catalog: once they are put back, they are there again",
        )
        return Confirmation(refused, does, files)

    def do(self, planned: Confirmation) -> None:
        """Do exactly that. ``Changed`` when what is refused there is another thing by now."""
        refused = planned.refused
        kind, _, name = refused.place.partition(" ")
        if kind == "source":
            self._agree(self._queue.memory(name), planned)
            return
        store = self._stores[name]
        if isinstance(store, Guarded) and _guard(store) is not None:
            store.accept(refused.id)
            self._queue.close(name)
        elif not census.acknowledge(self._queue, refused, planned.files):
            raise _changed(refused)

    # -------------------------------------------------------------------------------------------------------------- inside

    def _forgetting(self, refused: Refused, name: str) -> Confirmation:
        files = tuple(one.path for one in self._queue.memory(name).all() if one.state == "held")
        does = []
        if refused.accepts:
            does.append("the folder that is there now is the right one from now on")
        if files:
            does.append(
                f"{len(files)} missing files are forgotten at the next look, but for those that are back by then;"
                " what was taken in of them stays in the library"
            )
        return Confirmation(refused, tuple(does), files)

    def _accepting(self, refused: Refused, store: Store) -> Confirmation:
        root = getattr(store, "root", store.name)
        some = census.sampled(self._catalog, store.name)
        there = sum(os.path.lexists(os.path.join(root, one.path)) for one in some)
        asked = f"of {len(some)} files that the catalog knows there and that were asked for, {there} are there"
        does = (f"{root} is the right place of store {store.name} from now on, and marked as such", *((asked,) if some else ()))
        return Confirmation(refused, does)

    def _agree(self, memory: Memory, planned: Confirmation) -> None:
        refused = memory.refused()
        if refused is None or refused.id != planned.refused.id:
            raise _changed(planned.refused)
        for start in range(0, len(planned.files), _PIECE):
            held = memory.get(planned.files[start : start + _PIECE]).values()
            memory.commit(Batch(seen=tuple(replace(one, state="agreed") for one in held if one.state == "held")), ())
        memory.commit(Batch(cursor=planned.refused.accepts or None, well=True), ())

    def _circuits(self) -> Sequence[Circuit]:
        return self._queue.circuits()


def kept(queue: RefusingQueue, stores: Mapping[str, Store], sources: Sequence[str]) -> tuple[Refused, ...]:
    """What is kept as refused of these stores and sources, by place; not what only a marker tells."""
    places = {*(f"store {name}" for name in stores), *(f"source {name}" for name in sources)}
    drawer = queue.scratch(REFUSED).all()
    return tuple(loads(Refused, text) for place, text in sorted(drawer.items()) if place in places)


def _guard(store: Store) -> Refused | None:
    """What a store says of its marker; nothing when it cannot be asked now: its ping tells that better."""
    if not isinstance(store, Guarded):
        return None
    try:
        return store.refused()
    except AlbumenError:
        return None


def _changed(refused: Refused) -> Changed:
    return Changed(
        f"{refused.place} is not as it was shown any more; nothing was confirmed: albumen confirm lists what is refused"
    )
