"""Search in a catalog of F16 records: 1,000,000 unless told.

    python tests/bench/search_speed.py [--records 1000000] [--at FOLDER]

Builds the catalog, asks the typical questions by the real ``albumen find`` (a process each) and of the catalog port (first page and
total number together), and compares every total and every first page with a plain filter over the same records. Prints one line a
question and a summary: rows put in a second and that against a bare table in the same run, size of the file, median and worst
question, memory. Exit 1 when an answer is wrong, a question takes longer than a second of CPU time, or memory passes 500 MB.

The limit is on CPU time, as far as this machine is busy with other things; on an idle one the wall tells the same.
"""

import argparse
import heapq
import json
import multiprocessing
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.catalogs.sqlite_schema import rows_of
from albumen.catalogs.terms import stores
from albumen.model import Query, Record
from albumen.operations.query import parse
from albumen.testing.catalogs import matches
from make import f16

BATCH = 1000  # records a put
PAGE = 100
SECONDS = 1.0
MEGABYTES = 500.0
QUESTIONS = (
    *("", "taken:2021", "taken:2021-07", "taken:2021-07-15", "taken:2018..2020-06-14", "kind:video", "kind:video taken:2019"),
    *("kind:raw,other", "type:heic taken:2022", "family", "family abend", "zurich", "beach wedding", "tag:family", "tag:holiday"),
    *("tag:family tag:holiday", "tag:family taken:2019-07", "tag:ai:cats kind:video", "tag:work store:nas -store:cloud"),
    *("place:Bern", "place:Japan taken:2024", "box:8,47,9,48", "box:8,47,9,48 tag:family", "box:170,-20,-170,-10 kind:image"),
    *("camera:canon", "camera:iphone kind:image taken:2020", "lens:50mm tag:holiday", "store:nas -store:cloud", "-store:nas"),
    *("path:2021/07_July", "path:nas:2015", "name:IMG_0005.JPG", "size:4007", "img abend taken:2012..2016", "%20 under", "日本"),
)


@dataclass
class Expected:
    """What a plain filter finds: the number that counts, and the first page."""

    query: Query
    total: int = 0
    newest: list[tuple[str, str]] = field(default_factory=list)  # (taken, id), at most a page


@dataclass
class Answer:
    """What was measured of one question."""

    typed: str
    found: int
    port: float  # CPU seconds: first page and total number
    wall: float
    command: float  # CPU seconds of ``albumen find --limit``, its start and end included
    rss: float  # MB of that process at most
    wrong: str = ""


@dataclass
class Spent:
    """Seconds of this process, and of the wall with all syncs."""

    cpu: float = 0.0
    wall: float = 0.0

    def on(self, work: Callable[[], object]) -> None:
        """Do it and add its time."""
        cpu, wall = time.process_time(), time.monotonic()
        work()
        self.cpu += time.process_time() - cpu
        self.wall += time.monotonic() - wall


def build(path: str, count: int) -> tuple[Spent, Spent, Spent]:
    """Put them all: into the catalog, as short rows into a bare table, as bodies with an id into another. Batches in turn."""
    catalog = SqliteCatalog(path)
    ours, bare, bodies = Spent(), Spent(), Spent()
    plain = sqlite3.connect(path + ".bare", isolation_level=None)
    plain.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE body(id TEXT PRIMARY KEY, json TEXT);")
    plain.execute("CREATE TABLE photo(n INTEGER PRIMARY KEY, id, taken, kind, size, name, lat, lon)")
    numbers = iter(range(count))
    while some := list(map(f16.record, islice(numbers, BATCH))):
        rows = [(one.id, one.taken, one.kind, one.size, one.name.encode(errors="surrogatepass"), 1.0, 2.0) for one in some]
        whole = [(one.id, rows_of(one).body) for one in some]
        ours.on(partial(catalog.put, some))
        bare.on(
            partial(_insert, plain, "INSERT INTO photo(id, taken, kind, size, name, lat, lon) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        )
        bodies.on(partial(_insert, plain, "INSERT INTO body VALUES (?, ?)", whole))
    plain.close()
    catalog.close()
    for end in ("", "-wal", "-shm"):
        Path(f"{path}.bare{end}").unlink(missing_ok=True)
    return ours, bare, bodies


def _insert(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(sql, rows)
    connection.execute("COMMIT")


def filtered(span: tuple[int, int]) -> list[Expected]:
    """What the plain filter finds among the records of these numbers. A still and its film lie side by side, and never apart."""
    expected = [Expected(parse(typed.split())) for typed in QUESTIONS]
    for group in _groups(*span):
        main = group[0]
        for one in expected:
            shown = {}
            for record in group:
                if matches(record, one.query):
                    alone = record is main or (stores(record) and not stores(main))
                    shown[record.id if alone else main.id] = record if alone else main
            for record in shown.values():
                one.total += bool(stores(record))
                one.newest.append((record.taken or "", record.id))
            if len(one.newest) > 20 * PAGE:
                one.newest = _first(one.newest)
    for one in expected:
        one.newest = _first(one.newest)
    return expected


def _groups(start: int, end: int) -> Iterator[list[Record]]:
    group: list[Record] = []
    for record in f16.records(end - start, start):
        if group and record.companion_of != group[0].id:
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def _first(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The newest; of one moment by id. Dates sort backwards, hence two passes over what is as new as the last of them."""
    if len(found) > PAGE:
        last = heapq.nlargest(PAGE, (taken for taken, _ in found))[-1]
        found = [one for one in found if one[0] >= last]
    return sorted(sorted(found, key=lambda one: one[1]), key=lambda one: one[0], reverse=True)[:PAGE]


def expectations(count: int) -> list[Expected]:
    """The plain filter over all records, on all cores."""
    step = 20_000
    spans = [(start, min(start + step, count)) for start in range(0, count, step)]
    merged: list[Expected] = []
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for part in pool.imap_unordered(filtered, spans):
            if not merged:
                merged = part
                continue
            for whole, one in zip(merged, part, strict=True):
                whole.total += one.total
                whole.newest = _first(whole.newest + one.newest)
    return merged


def ask(home: Path, catalog: SqliteCatalog, typed: str, expected: Expected) -> Answer:
    """One question, by the port and by the command."""
    words = typed.split()
    query = parse(words)
    began, at = time.process_time(), time.monotonic()
    page = catalog.find(query, limit=PAGE)
    total = catalog.count(query)[""]
    port, wall = time.process_time() - began, time.monotonic() - at
    code, out, err, cpu, rss = _command(home, ["find", "--json", "--limit", str(PAGE), "--", *words])
    wrong = ""
    if total != expected.total:
        wrong = f"total {total}, a plain filter finds {expected.total}"
    elif [(one.taken or "", one.id) for one in page.rows] != expected.newest:
        wrong = "the first page is not that of a plain filter"
    elif code or [json.loads(line)["id"] for line in out.splitlines()] != [id for _, id in expected.newest]:
        wrong = f"the command (exit {code}) prints other records than the port: {err[-200:]}"
    elif not err.rstrip().endswith(f"{expected.total} found"):
        wrong = f"the command tells another total: {err[-200:]}"
    return Answer(typed, expected.total, port, wall, cpu, rss, wrong)


def _command(home: Path, words: Sequence[str]) -> tuple[int, str, str, float, float]:
    """Exit status, stdout, stderr, CPU seconds and peak memory (MB) of ``albumen``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([sys.executable, "-m", "albumen", *words], cwd=home, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = (out.read().decode(), err.read().decode())
    return process.returncode, *said, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(home: Path, count: int) -> int:
    """Build, ask, compare, print."""
    (home / "albumen.toml").write_text(
        '[library]\nstore = "nas"\n[store.nas]\ntype = "local"\nroot = "nas"\n[store.cloud]\ntype = "local"\nroot = "cloud"\n'
        '[state]\ndir = "state"\n'
    )
    (home / "empty").mkdir()
    code, _, err, _, _ = _command(home, ["import", "empty"])  # makes the databases
    assert code == 0, err
    path = str(home / "state" / "catalog.db")
    began = time.monotonic()
    ours, bare, bodies = build(path, count)
    megabytes = os.path.getsize(path) / 1e6
    put = f"put {count / ours.wall:.0f} rows/s ({count / ours.cpu:.0f} a second of CPU), {bare.wall / ours.wall:.3f} of a bare table's"
    print(
        f"{put} {count / bare.wall:.0f}, {bodies.wall / ours.wall:.3f} of those of a table of ids and bodies; file {megabytes:.0f} MB; "
        f"{time.monotonic() - began:.0f} s",
        flush=True,
    )
    expected = expectations(count)
    catalog = SqliteCatalog(path)
    answers = [ask(home, catalog, typed, one) for typed, one in zip(QUESTIONS, expected, strict=True)]
    catalog.close()
    for one in answers:
        print(
            f"{one.typed or '(everything)':36} {one.found:8} found, page and total {1000 * one.port:5.0f} ms of CPU ({1000 * one.wall:.0f} wall), "
            f"command {one.command:.2f} s {one.rss:.0f} MB{': WRONG: ' + one.wrong if one.wrong else ''}"
        )
    memory = max([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, *(one.rss for one in answers)])
    slow = [one for one in answers if one.port > SECONDS]
    wrong = [one for one in answers if one.wrong]
    ports = [one.port for one in answers]
    print(
        f"{count} records: {len(answers)} questions, {len(wrong)} wrong, {len(slow)} over {SECONDS:g} s; page and total: median "
        f"{1000 * statistics.median(ports):.0f}, worst {1000 * max(ports):.0f} ms of CPU; {put}; "
        f"{megabytes:.0f} MB on disk, {memory:.0f} MB of memory"
    )
    return 1 if slow or wrong or memory > MEGABYTES else 0


def main() -> int:
    """Run it in a folder that is removed after."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--records", type=int, default=1_000_000)
    words.add_argument("--at", default=None, help="a folder on the disk to be measured")
    said = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="albumen-search-", dir=said.at) as home:
        return measure(Path(home), said.records)


if __name__ == "__main__":
    sys.exit(main())
