"""What every deed needs at hand: stores, catalog, ledger, the library's rules, who we are, what time it is."""

import threading
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from albumen import observe
from albumen.errors import Unavailable
from albumen.media.dates import DateRules
from albumen.media.naming import NameRules
from albumen.model import CATALOG, DISK, DeedId, Owner, Place, Position, Ref, Staged
from albumen.ports import Catalog, Ledger, Store

Trace = Callable[[str, str], None]  # (deed id, step reached): a hook for fault tests


def no_trace(deed: str, step: str) -> None:
    """The trace of normal running: nothing."""


def nowhere(position: Position) -> None:
    """No gazetteer: no place has a name."""


@dataclass(frozen=True, slots=True)
class Filing:
    """How the library is kept: its store, the stores of its copies, how dates are chosen, names given and ``places`` called."""

    store: str
    copies: tuple[str, ...] = ()
    dates: DateRules = field(default_factory=DateRules)
    names: NameRules = field(default_factory=NameRules)
    places: Callable[[Position], Place | None] = nowhere


class Shelf:
    """Bytes staged by this process and not yet named, found again by where they came from. Lost with the process, harmlessly."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Staged] = {}
        self._guard = threading.Lock()

    def keep(self, ref: Ref, staged: Staged) -> Staged | None:
        """Remember staged bytes of ``ref``, without their ends (128 KiB each, and thousands may wait). What was remembered of it
        before is handed back, for its store to discard."""
        with self._guard:
            before = self._kept.get((ref.store, ref.path, ref.rev))
            self._kept[ref.store, ref.path, ref.rev] = replace(staged, head=b"", tail=b"")
        return before

    def take(self, ref: Ref, store: str) -> Staged | None:
        """Hand over the bytes of ``ref`` staged in ``store``; None when there are none."""
        with self._guard:
            staged = self._kept.get((ref.store, ref.path, ref.rev))
            if staged is None or staged.store != store or not staged.token:
                return None
            return self._kept.pop((ref.store, ref.path, ref.rev))

    def drop(self, refs: Sequence[Ref]) -> Sequence[Staged]:
        """Forget the bytes of these refs and return them, for their store to discard."""
        with self._guard:
            found = [self._kept.pop((one.store, one.path, one.rev), None) for one in refs]
        return [one for one in found if one is not None]

    def clear(self) -> Sequence[Staged]:
        """Forget everything and return it, for its store to discard."""
        with self._guard:
            found, self._kept = self._kept, {}
        return list(found.values())


@dataclass(frozen=True)
class Desk:
    """Handed to every part of ``deeds``."""

    stores: Mapping[str, Store]
    catalog: Catalog
    ledger: Ledger
    filing: Filing
    owner: Owner
    dead: Container[Owner]  # owners whose process is gone
    clock: Callable[[], int]
    trace: Trace = no_trace
    shelf: Shelf = field(default_factory=Shelf)
    made: dict[DeedId, str] = field(default_factory=dict)  # bytes that a step of this process made: files of this machine
    log: observe.Log = field(default_factory=observe.logger)
    dry: bool = False  # of a dry run: nothing is kept, not even what was found out on the way
    others: Mapping[str, object] = field(default_factory=dict)  # what else can be closed for a while, by the place it is called

    def store(self, name: str) -> Store:
        """The store of that name. ``Unavailable`` when none is configured (any more): what is planned for it waits."""
        try:
            return self.stores[name]
        except KeyError:
            raise Unavailable(
                name, "no store of this name is configured; it was when this was planned: configure it again"
            ) from None

    @property
    def places(self) -> Mapping[str, object]:
        """Everything that can be closed for a while, by the place that ``Unavailable`` names."""
        return {**self.others, **self.stores, CATALOG: self.catalog}

    @property
    def library(self) -> Store:
        """The store that files are filed in."""
        return self.store(self.filing.store)


def shown(ref: Ref) -> str:
    """A ref as a person writes it: ``/path`` on this machine's disk, else ``store:path``."""
    return f"/{ref.path}" if ref.store == DISK else f"{ref.store}:{ref.path}"
