"""What lies in a folder of a store, for whoever looks for a free name. Each arrival asks, so each name is folded only once.

Measured: with 20,000 files in one month, folding every name for every arrival took more time than all the rest of filing.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence, Set
from dataclasses import dataclass

from albumen.media import naming
from albumen.ports import Folders, Store

_KEPT = 16  # folders remembered: arrivals come by date, so few are in use at a time


@dataclass(frozen=True, slots=True)
class Names:
    """One folder as it was when asked: its ``names``, the ``keys`` of their paths and of the ``stems`` of these."""

    names: Set[str] = frozenset()
    keys: Set[str] = frozenset()
    stems: Set[str] = frozenset()


class Listed:
    """Folders as they are now; any thread may ask. Nothing is believed from memory: a folder is listed each time it is asked for."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], Names] = OrderedDict()
        self._guard = threading.Lock()

    def look(self, store: Store, folder: str) -> Names:
        """The folder now; nothing for one that is not there. ``Unavailable`` as the store."""
        found = frozenset(_names(store, folder))
        kept = (store.name, store.key("A"), folder)  # a store may learn late that it is blind for case
        with self._guard:
            known = self._known.get(kept, Names())
        seen = _fresh(store, folder, known, found)
        with self._guard:
            self._known[kept] = seen
            self._known.move_to_end(kept)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return seen


def _fresh(store: Store, folder: str, known: Names, found: frozenset[str]) -> Names:
    """``known`` with what came since; made anew when something went."""
    base = known if known.names <= found else Names()
    come = found - base.names
    if not come:
        return base
    front = f"{folder}/" if folder else ""
    keys = base.keys | {store.key(front + name) for name in come}
    return Names(found, keys, base.stems | {store.key(naming.stem(front + name)) for name in come})


def _names(store: Store, folder: str) -> Sequence[str]:
    if isinstance(store, Folders):
        return store.names(folder)
    front = f"{folder}/" if folder else ""
    return [one.main.path[len(front) :].split("/", 1)[0] for one in store.list(folder)]
