"""What a handler uses while it runs, over stores, catalog and ledger in memory."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType

from albumen.deeds import reading
from albumen.deeds.desk import Desk, Filing
from albumen.deeds.engine import Engine
from albumen.errors import Unavailable
from albumen.media import probe
from albumen.model import DISK, Facts, Item, Ref, Staged
from albumen.ports import Catalog, Deeds, Ledger, Store
from albumen.spool import Spool
from albumen.testing.catalogs import MemoryCatalog
from albumen.testing.ledgers import MemoryLedger
from albumen.testing.stores import MemoryStore

LIBRARY = "library"


class MemoryRun:
    """``Run`` whose deeds are the real ones, done in the stores ``disk`` and ``library`` of ``stores``. ``told`` keeps what was told.

    ``folder`` is one of this machine that the downloads may lie in. ``probe`` reads in this process: give it no hostile files.
    """

    def __init__(
        self,
        folder: Path,
        *,
        steps: Sequence[str] = (),
        options: Mapping[str, object] = MappingProxyType({}),
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.stores = {DISK: MemoryStore(DISK, clock=clock), LIBRARY: MemoryStore(LIBRARY, clock=clock)}
        self.catalog: Catalog = MemoryCatalog()
        self.ledger: Ledger = MemoryLedger(clock=clock)
        self._engine = Engine(Desk(self.stores, self.catalog, self.ledger, Filing(LIBRARY), "test", (), clock))
        self.deeds: Deeds = self._engine
        self.stop = threading.Event()
        self.steps = steps
        self.files = "file" in steps
        self.options = options
        self.told: list[tuple[str, dict[str, object]]] = []
        self._spool = Spool(str(folder))

    def local(self, item: Item) -> Path:
        """See ``ports.Run``."""
        return self._spool.local(self.store(item.main.store), item.main)

    def folder(self) -> AbstractContextManager[Path]:
        """See ``ports.Run``."""
        return self._spool.folder()

    def read(self, ref: Ref, *, whole: bool = False) -> Staged:
        """See ``ports.Run``."""
        store = self.store(ref.store)
        found = None if whole else reading.alien(store, ref)
        return found or reading.at(store, ref, self._spool.local(store, ref))

    def probe(self, ref: Ref) -> Facts:
        """See ``ports.Run``."""
        return probe.read(self._spool.local(self.store(ref.store), ref), name=ref.name)

    def store(self, name: str) -> Store:
        """See ``ports.Run``."""
        try:
            return self.stores[name]
        except KeyError:
            raise Unavailable(name, "no store of this name is configured") from None

    def tell(self, what: str, **fields: object) -> None:
        """See ``ports.Run``."""
        self.told.append((what, fields))

    # ------------------------------------------------------------------------------------------------------- for the tests

    def arrived(self, path: str, data: bytes, *, source: str = "test", move: bool = False) -> Item:
        """A file of the store ``disk`` as a source offers it, in a batch of its own."""
        main = self.stores[DISK].write(path, data).main
        return Item(main, source=source, move=move, batch=self._engine.begin(f"watch {source}"))

    def trees(self) -> Mapping[str, Mapping[str, bytes]]:
        """Every file of every store with its bytes."""
        return {name: store.tree() for name, store in self.stores.items()}
