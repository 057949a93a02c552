"""The catalog's engines side by side on F16 records: 1,000,000 unless told.

    python tests/bench/catalog_engines.py [--records 1000000] [--at FOLDER] [--heap 1g] [--engines sqlite,elasticsearch]

Each engine in a process of its own, one after the other: all records by ``put``, then typical questions by the port, each asked in
many variations: the first page (100 records) and the total number apart. Elasticsearch is a real node of one process, started here.
Prints a table in Markdown, which ``catalog_engines.md`` keeps of a quiet machine, and what both answered differently: exit 1 then.

Times are of the wall, with whatever else this machine does; only ratios within one run say something.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.model import Query
from albumen.operations.query import parse
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Catalog
from make import f16
from servers import elastic

BATCH = 1000  # records a put
PAGE = 100
ASKED = 20  # variations of each question
ENGINES = ("sqlite", "elasticsearch")
BYS = ("kind", "type", "month", "store", "camera", "tag")


@dataclass
class Measured:
    """What was measured of one engine; times in seconds, sizes in MB. ``answers``: by question, a digest of all it found."""

    rate: float = 0.0
    worst_put: float = 0.0
    tail_rate: float = 0.0  # over the last tenth
    get: float = 0.0  # a record by id, median
    update: float = 0.0  # of one record, read and put, median
    disk: float = 0.0
    client: float = 0.0
    server: float = 0.0
    version: str = ""
    pages: dict[str, list[float]] = field(default_factory=dict)
    totals: dict[str, list[float]] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    walk: float = 0.0  # records a second, all of them
    answers: dict[str, str] = field(default_factory=dict)


def questions(count: int) -> Mapping[str, Sequence[Query]]:
    """Typical ones, each in variations: the same for every engine."""
    dice = random.Random(16)  # the same every time

    def month() -> str:
        return f"{dice.randint(2005, 2025)}-{dice.randint(1, 12):02}"

    def typed(make: Callable[[], str]) -> list[Query]:
        return [parse(make().split()) for _ in range(ASKED)]

    hashes = [one for one in (f16.record(dice.randrange(count)).perceptual_hash for _ in range(4 * ASKED)) if one]
    return {
        "everything, newest first": typed(lambda: ""),
        "a month": typed(lambda: f"taken:{month()}"),
        "two words": typed(lambda: f"{dice.choice(f16.WORDS[:25])} {dice.choice(f16.WORDS[:25])[:4]}"),
        "a town": typed(lambda: dice.choice(("zurich", "bern", "geneve", "lodz", "munchen", "東京"))),
        "a common tag in a year": typed(lambda: f"tag:family taken:{dice.randint(2005, 2025)}"),
        "a rare tag": [Query(tags=(f"topic {dice.randrange(2000)}",)) for _ in range(ASKED)],
        "videos of a camera": typed(lambda: f"kind:video camera:{dice.choice(('iphone', 'canon', 'sony', 'nikon'))}"),
        "on a map": typed(lambda: _around(*dice.choice(f16.CITIES)[3:])),
        "not copied yet": typed(lambda: f"store:nas -store:cloud taken:{dice.randint(2005, 2025)}"),
        "in a folder": typed(lambda: f"path:nas:{(when := month())[:4]}/{when[5:]}_{f16.MONTHS[int(when[5:]) - 1]}"),
        "by name": typed(lambda: f"name:IMG_{dice.randrange(10_000):04}.JPG"),
        "alike (8 of 64 bits)": [Query(near=(one, 8)) for one in hashes[:ASKED]],
        "alike (16 of 64 bits)": [Query(near=(one, 16)) for one in hashes[ASKED : 2 * ASKED]],
    }


def _around(latitude: float, longitude: float) -> str:
    return f"box:{longitude - 0.05},{latitude - 0.05},{longitude + 0.1},{latitude + 0.1}"


def measure(catalog: Catalog, count: int, told: Callable[[str], None]) -> Measured:
    """Fill an empty catalog and ask it."""
    found = Measured()
    took: list[float] = []
    numbers = iter(range(count))
    while some := list(map(f16.record, islice(numbers, BATCH))):
        took.append(_seconds(lambda some=some: catalog.put(some)))  # type: ignore[misc]  # mypy sees no default
        if len(took) * BATCH % 100_000 == 0:
            told(f"{len(took) * BATCH} put, {BATCH / statistics.fmean(took[-20:]):.0f}/s")
    found.rate, found.worst_put = count / sum(took), max(took)
    tail = took[-max(1, len(took) // 10) :]
    found.tail_rate = BATCH * len(tail) / sum(tail)
    _one_by_one(catalog, count, found)
    for name, asked in questions(count).items():
        pages, totals, said = [], [], hashlib.sha256()
        numbers_found = []
        for query in asked:
            began = time.monotonic()
            page = catalog.find(query, limit=PAGE)
            middle = time.monotonic()
            total = catalog.count(query)[""]
            pages.append(middle - began)
            totals.append(time.monotonic() - middle)
            numbers_found.append(total)
            said.update(json.dumps([total, [one.id for one in page.rows]]).encode())
        found.pages[name], found.totals[name] = pages, totals
        found.found[name] = int(statistics.median(numbers_found))
        found.answers[name] = said.hexdigest()
        told(f"{name}: {_ms(pages)} page, {_ms(totals)} total, {found.found[name]} found")
    for by in BYS:
        found.counts[by] = statistics.median(_seconds(lambda by=by: catalog.count(Query(), by)) for _ in range(5))  # type: ignore[misc]
        found.answers[f"by {by}"] = hashlib.sha256(json.dumps(sorted(catalog.count(Query(), by).items())).encode()).hexdigest()
        told(f"by {by}: {1000 * found.counts[by]:.0f} ms")
    return found


def _one_by_one(catalog: Catalog, count: int, found: Measured) -> None:
    dice = random.Random(1)  # the same every time
    ids = [f16.record(dice.randrange(count)).id for _ in range(100)]
    found.get = statistics.median([_seconds(lambda one=one: catalog.get([one])) for one in ids])  # type: ignore[misc]
    found.update = statistics.median([_seconds(lambda one=one: catalog.put([catalog.get([one])[one]])) for one in ids])  # type: ignore[misc]


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@contextmanager
def _opened(engine: str, home: Path, heap: str, count: int) -> Iterator[tuple[Catalog, Callable[[Measured], None]]]:
    """An empty catalog, and what adds size, memory and version of its engine to what was measured."""
    with ExitStack() as undo:
        if engine == "sqlite":
            path = str(home / "catalog.db")
            embedded = SqliteCatalog(path)
            undo.callback(embedded.close)

            def finish(found: Measured) -> None:
                found.walk = count / _seconds(lambda: sum(1 for _ in embedded.walk()))
                embedded.database.checkpoint()
                found.disk = sum(os.path.getsize(path + end) for end in ("", "-wal")) / 1e6
                found.version = f"SQLite {sqlite3.sqlite_version}"

            yield embedded, finish
            return
        from albumen.catalogs.elastic import ElasticCatalog

        node = undo.enter_context(elastic.node(home / "node", heap=heap))
        owners = Owners(str(home))
        undo.callback(owners.close)
        catalog = ElasticCatalog("catalog", ElasticCatalog.Settings(urls=(node.url,), index="bench"), Context(str(home), owners))
        undo.callback(catalog.close)

        def finish_server(found: Measured) -> None:
            found.walk = count / _seconds(lambda: sum(1 for _ in catalog.walk()))
            found.server = _peak(node.pid)
            node.ask("POST", "/bench*/_flush?wait_if_ongoing=true")
            found.disk = sum(one.stat().st_size for one in (home / "node").rglob("*") if one.is_file()) / 1e6
            told = node.ask("GET", "/")["version"]
            found.version = f"Elasticsearch {told['number']}, heap {heap}"

        yield catalog, finish_server


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def child(engine: str, home: Path, heap: str, count: int) -> None:
    """Measure one engine; the result is one line of JSON on stdout."""
    with _opened(engine, home, heap, count) as (catalog, finish):
        found = measure(catalog, count, lambda text: print(f"{engine}: {text}", file=sys.stderr, flush=True))
        finish(found)
    found.client = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(asdict(found)))


def _ms(seconds: Sequence[float]) -> str:
    """p50 / p95 in milliseconds."""
    ordered = sorted(seconds)
    return f"{_shown(statistics.median(ordered))} / {_shown(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))])}"


def _shown(seconds: float) -> str:
    ms = 1000 * seconds
    return f"{ms:.1f}" if ms < 10 else f"{ms:.0f}"


def table(count: int, found: Mapping[str, Measured]) -> str:
    """In Markdown."""
    names = list(found)
    columns = [found[name] for name in names]
    lines = [
        f"| {count:,} records | found | {' | '.join(one.version for one in columns)} |",
        f"|---|---:|{'---:|' * len(columns)}",
    ]

    def row(title: str, cells: Sequence[str], number: str = "") -> None:
        lines.append(f"| {title} | {number} | {' | '.join(cells)} |")

    row(f"put, {BATCH} at a time, records/s", [f"{one.rate:,.0f}" for one in columns])
    row("… over the last tenth", [f"{one.tail_rate:,.0f}" for one in columns])
    row("… worst put, s", [f"{one.worst_put:.2f}" for one in columns])
    row("get one, ms", [_shown(one.get) for one in columns])
    row("read and put one, ms", [_shown(one.update) for one in columns])
    row("walk all, records/s", [f"{one.walk:,.0f}" for one in columns])
    row("on disk, MB", [f"{one.disk:,.0f}" for one in columns])
    row("client at most, MB of memory", [f"{one.client:,.0f}" for one in columns])
    row("server at most, MB of memory", [f"{one.server:,.0f}" if one.server else "–" for one in columns])
    for question in columns[0].pages:
        row(
            f"{question}: first page, p50 / p95 ms",
            [_ms(one.pages[question]) for one in columns],
            f"{columns[0].found[question]:,}",
        )
        row("… total number", [_ms(one.totals[question]) for one in columns])
    for title, pick in (("all of them: first page, p50 / p95 ms", "pages"), ("… total number", "totals")):
        row(title, [_ms([one for some in getattr(each, pick).values() for one in some]) for each in columns])
    for by in BYS:
        row(f"numbers by {by}, ms", [_shown(one.counts[by]) for one in columns])
    return "\n".join(lines)


def main() -> int:
    """Run it in a folder that is removed after."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--records", type=int, default=1_000_000)
    words.add_argument("--at", default=None, help="a folder on the disk to be measured")
    words.add_argument("--heap", default="1g", help="of Elasticsearch")
    words.add_argument("--engines", default=",".join(ENGINES))
    words.add_argument("--child", default="", help=argparse.SUPPRESS)
    said = words.parse_args()
    if said.child:
        child(said.child, Path(said.at), said.heap, said.records)
        return 0
    found = {}
    for engine in said.engines.split(","):
        with tempfile.TemporaryDirectory(prefix="albumen-engines-", dir=said.at) as home:
            again = [
                sys.executable,
                __file__,
                "--child",
                engine,
                "--records",
                str(said.records),
                "--at",
                home,
                "--heap",
                said.heap,
            ]
            done = subprocess.run(again, stdout=subprocess.PIPE, check=True)
        found[engine] = Measured(**json.loads(done.stdout))
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, Linux {platform.release()}\n"
    )
    print(table(said.records, found))
    first, *rest = found.values()
    apart = [name for other in rest for name, digest in first.answers.items() if other.answers[name] != digest]
    for name in apart:
        print(f"\nDIFFERENT: {name}")
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
