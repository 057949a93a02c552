"""What lies in a folder of a store, for whoever looks for a free name.

Measured: with 20,000 files in one month, folding every name of the month for every arrival took more time than all the rest of
filing; keeping the folded names took more memory than all the rest of the daemon. So only names that may matter are folded.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from albumen.media import naming, stems
from albumen.ports import Folders, Store

_FEW = 16  # questions after which folding all names once is cheaper than looking through them again


@dataclass(slots=True)
class Lying:
    """The ``names`` of one folder as they were when it was listed. Keys are the store's, of paths or of their stems."""

    store: Store
    folder: str
    names: Sequence[str]
    _asked: int = 0
    _keys: frozenset[str] | None = None
    _stems: frozenset[str] | None = None
    _front: str = field(init=False)

    def __post_init__(self) -> None:
        self._front = f"{self.folder}/" if self.folder else ""

    def has(self, key: str) -> bool:
        """Whether a path with this key lies there."""
        if self._keys is None:
            self._keys = frozenset(self.store.key(self._front + name) for name in self.names)
        return key in self._keys

    def has_stem(self, key: str) -> bool:
        """Whether anything whose stem has this key lies there."""
        self._asked += 1
        if self._stems is None and (self._asked > _FEW or self._folds()):
            self._stems = frozenset(self._stem(name) for name in self.names)
        return key in self._stems if self._stems is not None else bool(self.of(key))

    def of(self, key: str) -> Set[str]:
        """The keys of the paths there whose stem has this key."""
        begins = "" if self._folds() else stems.begins(key.removeprefix(self._front))
        return {self.store.key(self._front + name) for name in self.names if name.startswith(begins) and self._stem(name) == key}

    def _folds(self) -> bool:
        return self.store.key("A") != "A"

    def _stem(self, name: str) -> str:
        return self.store.key(naming.stem(self._front + name))


def lying(store: Store, folder: str) -> Lying:
    """The folder now; nothing for one that is not there. ``Unavailable`` as the store."""
    return Lying(store, folder, _names(store, folder))


def _names(store: Store, folder: str) -> Sequence[str]:
    if isinstance(store, Folders):
        return store.names(folder)
    front = f"{folder}/" if folder else ""
    return [one.main.path[len(front) :].split("/", 1)[0] for one in store.list(folder)]
