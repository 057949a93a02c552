"""State directories to save, restore and upgrade: real databases with a few records and batches in them."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.ledgers.sqlite import SqliteLedger
from albumen.model import Query
from albumen.owners import Owners
from albumen.queues.sqlite import SqliteQueue
from albumen.testing.records import a_record

CALLS = ("rename", "unlink", "mkdir", "makedirs", "rmdir", "fsync")


class Killed(BaseException):
    """The process is gone."""


class State:
    """A state directory and what it knows."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.backups = os.path.join(self.path, "backups")
        path.mkdir(exist_ok=True)

    def know(self, *seeds: object) -> None:
        """A record and a batch more for each of these; and a text in ``state.db``."""
        with self.open() as (catalog, ledger, queue):
            catalog.put([a_record(seed) for seed in seeds])
            for seed in seeds:
                ledger.begin(f"import {seed}", "me")
                queue.scratch("known").put(str(seed), "yes")

    def known(self) -> tuple[int, int, int]:
        """How many records, batches and texts it knows."""
        with self.open() as (catalog, ledger, queue):
            records = len(catalog.find(Query(), limit=1000).rows)
            return records, len(ledger.batches().rows), len(queue.scratch("known").all())

    @contextmanager
    def open(self) -> Iterator[tuple[SqliteCatalog, SqliteLedger, SqliteQueue]]:
        """Its databases."""
        owners = Owners(self.path)
        catalog = SqliteCatalog(os.path.join(self.path, "catalog.db"))
        ledger = SqliteLedger(os.path.join(self.path, "ledger.db"), owners)
        queue = SqliteQueue(os.path.join(self.path, "state.db"), owners)
        try:
            yield catalog, ledger, queue
        finally:
            queue.shutdown()
            ledger.close()
            catalog.close()
            owners.close()

    def age(self, name: str, schema: int = 1) -> None:
        """As if an older program had written it."""
        with closing(sqlite3.connect(os.path.join(self.path, name), isolation_level=None)) as db:
            db.execute(f"PRAGMA user_version={schema}")

    def schema(self, name: str) -> int:
        """The version of a database."""
        with closing(sqlite3.connect(os.path.join(self.path, name))) as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            return int(found)


def killed_at(patch: pytest.MonkeyPatch, at: int, work: Callable[[], object]) -> bool:
    """Do ``work`` until just before its ``at``-th change of the disk, then it is killed; False when it ended before."""
    count = 0

    def striking(call: Callable[..., object]) -> Callable[..., object]:
        def strike(*args: object, **more: object) -> object:
            nonlocal count
            count += 1
            if count >= at:  # a dead process does nothing more, whatever its finally says
                raise Killed
            return call(*args, **more)

        return strike

    with patch.context() as here:
        for name in CALLS:
            here.setattr(os, name, striking(getattr(os, name)))
        try:
            work()
        except Killed:
            return True
    return False
