"""The embedded catalog as a place that ``migrate`` copies from and into."""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.operations import engines, restoring
from albumen.operations.engines import EMBEDDED, Home
from albumen.sqlite import no_remedy

_FILE = "catalog.db"
_DRAFT = ".migrate"  # in the state directory: a folder with the draft


class EmbeddedPlace:
    """``operations.migrating.Place`` of a state directory. ``remedy`` says how a person gets a broken catalog back."""

    def __init__(self, state: str, *, remedy: Callable[[], str] = no_remedy, clock: Callable[[], int] = time.time_ns) -> None:
        self.home = Home(EMBEDDED)
        self._state = state
        self._path = os.path.join(state, _FILE)
        self._folder = os.path.join(state, _DRAFT)
        self._remedy = remedy
        self._clock = clock
        self._current: SqliteCatalog | None = None
        self._draft: SqliteCatalog | None = None

    def current(self) -> SqliteCatalog | None:
        """See ``Place``."""
        if self._current is None and os.path.exists(self._path):
            self._current = SqliteCatalog(self._path, remedy=self._remedy)
        return self._current

    def records(self) -> int:
        """See ``Place``."""
        return engines.records_in(self._path)

    def draft(self, name: str) -> tuple[str, SqliteCatalog]:
        """See ``Place``: there is one at most."""
        if name != _DRAFT:
            self.discard(name)
        os.makedirs(self._folder, exist_ok=True)
        self._draft = SqliteCatalog(os.path.join(self._folder, _FILE))
        return _DRAFT, self._draft

    def publish(self, name: str) -> str:
        """See ``Place``: what is there moves to ``before-migrate-<time>/``."""
        del name
        self.close()
        for ending in ("-wal", "-shm", ".lock"):  # closed and complete: SQLite keeps none of them
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, _FILE + ending))
        return restoring.exchange(self._state, self._folder, (_FILE,), "before-migrate", self._clock())

    def discard(self, name: str) -> None:
        """See ``Place``."""
        del name
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """See ``Place``."""
        if self._draft is not None:
            self._draft.database.checkpoint()
        for one in (self._draft, self._current):
            if one is not None:
                one.close()
        self._draft = self._current = None
