"""Processes of the tests of schema changes: ``python elastic_child.py change|write|read URL INDEX …``.

change URL INDEX [N]        change the schema; killed before its Nth request, or after it with -N
write URL INDEX NAME A      write its name and A + 1 … into records by chance until standard input closes; what is acknowledged is a line
read URL INDEX NUMBER       look until standard input closes: always so many records, each once; a line for each look

Each begins with a line. Exit status 42: a newer program changed the schema, this one must not go on.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from albumen.catalogs.elastic import ElasticCatalog
from albumen.catalogs.elastic.changing import Changing, Shape
from albumen.catalogs.elastic.client import Connection
from albumen.catalogs.elastic.trouble import OtherSchema
from albumen.errors import Stale, Unavailable
from albumen.model import Query
from albumen.owners import Owners
from albumen.plugins import Context

NEWER = 42
_LIMIT = 120.0  # seconds in which a place that is away must come back


def main(what: str, url: str, name: str, *more: str) -> int:
    """Do it; the exit status."""
    settings = ElasticCatalog.Settings(urls=(url,), index=name)
    print("begun", flush=True)
    if what == "change":
        connection = Connection("catalog", settings, threading.Event())
        if more:
            _die_at(int(more[0]))
        changed = Changing(connection, name, Shape(settings), patience=1.5).run()
        print(changed, flush=True)
        return 0
    with _opened(settings) as catalog:
        return _write(catalog, more[0], int(more[1])) if what == "write" else _read(catalog, int(more[0]))


@contextmanager
def _opened(settings: object) -> Iterator[ElasticCatalog]:
    owners = Owners(os.getcwd())
    catalog = ElasticCatalog("catalog", settings, Context(os.getcwd(), owners))  # type: ignore[arg-type]  # its own Settings
    try:
        yield catalog
    finally:
        catalog.close()
        owners.close()


def _die_at(number: int) -> None:
    """End as a power cut does, before a request or after it, when it is the one of that number."""
    send, count = Connection.send, 0

    def counted(self: Connection, *args: object, **more: object) -> object:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = send(self, *args, **more)  # type: ignore[arg-type]  # passed on as it came
        if count == -number:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Connection.send = counted  # type: ignore[method-assign]  # as it is, but counted


def _write(catalog: ElasticCatalog, name: str, number: int) -> int:
    dice = random.Random(f"{name} {number}")
    ids: list[str] = []
    over, since = _over(), time.monotonic()
    while not over.is_set():
        try:
            ids = ids or [one.id for one in catalog.find(Query(companions=True), limit=10_000).rows]
            record = catalog.get([id := dice.choice(ids)])[id]
            tag = f"{name} {number + 1}"
            catalog.put([replace(record, tags=(*record.tags, tag))])
        except Stale:
            continue
        except OtherSchema:
            return NEWER
        except Unavailable as error:
            if time.monotonic() - since > _LIMIT:
                print(error, file=sys.stderr)
                return 1
            time.sleep(0.05)
            continue
        number, since = number + 1, time.monotonic()
        print(tag, flush=True)
    return 0


def _over() -> threading.Event:
    """Set once standard input is closed."""
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    return over


def _read(catalog: ElasticCatalog, wanted: int) -> int:
    over = _over()
    while not over.is_set():
        try:
            counted = catalog.count(Query(companions=True))[""]
            page = catalog.find(Query(companions=True), limit=wanted // 3)
            found = [one.id for one in page.rows]
            while page.after:
                page = catalog.find(Query(companions=True), after=page.after, limit=wanted // 3)
                found += [one.id for one in page.rows]
        except OtherSchema:
            return NEWER
        print(f"{counted} {len(found)} {len(set(found))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
