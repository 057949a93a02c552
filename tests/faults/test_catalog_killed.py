"""A catalog whose writer is killed in the middle of its work."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.model import Query
from albumen.testing.records import a_record

WRITER = """
import sys
from dataclasses import replace
from albumen.catalogs.sqlite import SqliteCatalog
from albumen.testing.records import everything
path, first = sys.argv[1], int(sys.argv[2])
catalog = SqliteCatalog(path)
for number in range(first, first + 10_000):
    record = everything(number)
    catalog.put([record])
    catalog.put([replace(record, version=1, tags=("twice",))])
    print(number, flush=True)
"""


def test_kill_leaves_an_intact_catalog_with_all_that_was_put(tmp_path: Path) -> None:
    """S0-79 (part: survives kill -9; what returned from ``put`` is there, every index agrees with its records)."""
    path = str(tmp_path / "catalog.db")
    said: list[int] = []
    for round in range(5):
        command = [sys.executable, "-c", WRITER, path, str(round * 10_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            said += [int(writer.stdout.readline()) for _ in range(5 + 7 * round)]
            writer.send_signal(signal.SIGKILL)
            said += [int(line) for line in writer.stdout.read().split()]
        assert writer.returncode == -signal.SIGKILL

    catalog = SqliteCatalog(path)
    kept = catalog.get([a_record(number).id for number in said])
    assert {one.version for one in kept.values()} == {2}
    assert len(kept) == len(said)
    once = catalog.count(Query(tags=("holiday",)))[""]  # killed between its two puts
    assert once <= 5
    assert catalog.count(Query(tags=("twice",))) == {"": catalog.count(Query())[""] - once}
    assert catalog.count(Query(), "tag")["twice"] == catalog.count(Query(box=(-9, -1, -8, 1)))[""] - once
    catalog.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO search(search) VALUES ('integrity-check')")  # raises when it differs from its content
    connection.close()
