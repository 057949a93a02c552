"""What an online backup costs those who write meanwhile, on a database of some size.

    python -m bench.backup_speed --megabytes 300

Writes durable little transactions all the time, first alone, then while the copy is made and checked; prints how long they took, and
how long the backup.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial

from albumen import sqlite_file
from albumen.sqlite import Database

_ROW = os.urandom(8000)
_QUIET = 5.0  # seconds of writing without a backup


def made(path: str, megabytes: int) -> Database:
    """A database of that size, its log empty."""
    database = Database(
        path, ("CREATE TABLE kept (n INTEGER PRIMARY KEY, bytes BLOB); CREATE TABLE small (n INTEGER PRIMARY KEY);",)
    )
    rows = megabytes * 1_000_000 // len(_ROW)
    for first in range(0, rows, 1000):
        numbers = [(number, _ROW) for number in range(first, min(first + 1000, rows))]
        database.write(partial(_insert, numbers))
    database.checkpoint()
    return database


def _insert(numbers: list[tuple[int, bytes]], db: sqlite3.Connection) -> None:
    db.executemany("INSERT INTO kept VALUES (?, ?)", numbers)


def writes(database: Database, until: Callable[[], bool]) -> list[float]:
    """Seconds each write took."""
    took = []
    while not until():
        began = time.perf_counter()
        database.write(lambda db: db.execute("INSERT INTO small VALUES (NULL)"))
        took.append(time.perf_counter() - began)
    return sorted(took)


def shown(what: str, took: list[float]) -> None:
    """One line."""
    middle, late = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"{what}: writes={len(took)} median_ms={middle * 1e3:.2f} p99_ms={late * 1e3:.2f} max_ms={took[-1] * 1e3:.1f}")


def main() -> int:
    """Prints, judges nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--at", help="work in this folder instead of a temporary one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.at) as folder:
        database = made(path := os.path.join(folder, "catalog.db"), asked.megabytes)
        quiet = time.monotonic() + _QUIET
        shown("alone", writes(database, lambda: time.monotonic() > quiet))
        done = threading.Event()
        took: list[float] = []

        def copy() -> None:
            began = time.perf_counter()
            sqlite_file.copy(path, os.path.join(folder, "copy"))
            took.append(time.perf_counter() - began)
            done.set()

        thread = threading.Thread(target=copy)
        thread.start()
        shown("beside a backup", writes(database, done.is_set))
        thread.join()
        log = os.path.getsize(path + "-wal")
        print(f"backup: megabytes={os.path.getsize(path) / 1e6:.0f} seconds={took[0]:.1f} log_megabytes={log / 1e6:.1f}")
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
