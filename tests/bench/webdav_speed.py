"""The WebDAV store against plain ``requests`` on the same server, in one run, and what a look at 10,000 unchanged files costs: ratios.

    python tests/bench/webdav_speed.py [--files 40] [--size 3000000] [--threads 4] [--rounds 5] [--poll 10000] [--only apache]

Every round sends and reads the same files twice in turn: by ``requests`` alone (PUT and GET of the whole body, one session, nothing
checked), and by the store (temporary name, length proven, move, looked at; hashed on the way; downloads with their revision
compared). The floor of an upload sends, hashes, asks for the length and moves by ``requests`` alone: what a checked upload costs at least.
Medians and ratios are printed. Goals: ≥ 0.7 × plain up and down; a poll ≤ 2 requests a folder and ≤ 1.5 s of processor time.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

sys.path.insert(0, str(Path(__file__).parent.parent))

from albumen.queues.sqlite import SqliteQueue
from albumen.sources.webdav import WebdavSource, WebdavSourceSettings
from albumen.stores.dav.streams import Sized
from albumen.testing.stores import content
from make.webdav import Made, made
from servers import dav, proxy

UP, DOWN, REQUESTS, CPU = 0.7, 0.7, 2, 1.5


def plain(url: str, threads: int) -> requests.Session:
    """The yardstick's session."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=2 * threads))
    session.headers["Accept-Encoding"] = "identity"
    session.request("MKCOL", f"{url}/plain").close()
    return session


def timed(work: Callable[[int], object], files: int, threads: int) -> float:
    """Seconds for all files."""
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        for _ in pool.map(work, range(files)):
            pass
        return time.perf_counter() - began


def speed(server: dav.Server, cloud: Made, options: argparse.Namespace) -> None:
    """Up and down, both ways, in turn."""
    data, session = os.urandom(options.size), plain(server.url, options.threads)
    names = "plain up", "floor up", "store up", "plain down", "store down"
    seconds: dict[str, list[float]] = {name: [] for name in names}
    revs: dict[str, str] = {}

    def put(number: int) -> None:
        revs[path(number)] = cloud.store.put(path(number), content(data)).main.rev

    def path(number: int) -> str:
        return f"ours/{turn}-{number}.jpg"

    def send(number: int) -> None:
        session.put(f"{server.url}/plain/{turn}-{number}.jpg", data=data).raise_for_status()

    def checked(number: int) -> None:
        address = f"{server.url}/plain/{turn}-{number}.tmp"
        session.put(address, data=Sized(content(data), ["sha256"])).raise_for_status()
        session.request("PROPFIND", address, headers={"Depth": "0"}).raise_for_status()
        session.request("MOVE", address, headers={"Destination": f"{address}.jpg", "Overwrite": "F"}).raise_for_status()

    def fetch(number: int) -> None:
        with session.get(f"{server.url}/plain/{turn}-{number}.jpg", stream=True) as answer:
            assert sum(len(piece) for piece in answer.iter_content(1 << 18)) == options.size

    def get(number: int) -> None:
        with cloud.store.open(path(number), rev=revs[path(number)]) as stream:
            assert sum(len(piece) for piece in iter(lambda: stream.read(1 << 18), b"")) == options.size

    for turn in range(options.rounds + 1):
        works = dict(zip(names, (send, checked, put, fetch, get), strict=True))
        for name, work in works.items():
            took = timed(work, options.files, options.threads)
            if turn:  # the first round warms up
                seconds[name].append(took)
    for way, goal in (("up", UP), ("down", DOWN)):
        bare, ours = (statistics.median(seconds[f"{who} {way}"]) for who in ("plain", "store"))
        mb = options.files * options.size / 1e6
        floor = f"; floor {bare / statistics.median(seconds['floor up']):.2f}" if way == "up" else ""
        print(
            f"  {way:4}  plain {mb / bare:6.0f} MB/s   store {mb / ours:6.0f} MB/s   ratio {bare / ours:.2f} (goal ≥ {goal}{floor})"
        )


def poll(kind: dav.Kind, files: int) -> None:
    """Looks at that many unchanged files in one folder: the first that remembers, those after a start, those that go on."""
    with dav.serve(kind, fresh=False) as server, tempfile.TemporaryDirectory() as state:
        for number in range(files):
            (server.folder / f"IMG_{number:05}.jpg").write_bytes(b"x")
            os.utime(server.folder / f"IMG_{number:05}.jpg", (10**9 + number, 10**9 + number))
        with proxy.before(server.url) as way, made(way.url, Path(state), timeout=60.0) as cloud, kept(cloud) as queue:
            clock = [0.0]
            settings = WebdavSourceSettings("cloud")

            def source() -> WebdavSource:
                return WebdavSource("box", settings, cloud.context, monotonic=lambda: clock[0])

            memory = queue.memory("box")
            eye = source()
            for _ in range(3):
                for batch in eye.scan(memory):
                    memory.commit(batch, ())
                clock[0] += 61
            assert sum(1 for _ in memory.all()) == files
            for title, eyes in (("after a start", [source() for _ in range(3)]), ("unchanged", [eye] * 5)):
                costs = []
                for one in eyes:
                    way.requests.clear()
                    cpu, began = time.thread_time(), time.perf_counter()
                    assert not [event for batch in one.scan(memory) for event in batch.events]
                    costs.append((time.thread_time() - cpu, time.perf_counter() - began, way.count()))
                    clock[0] += 61
                cpu, wall, asked = (statistics.median(column) for column in zip(*costs, strict=True))
                print(
                    f"  poll of {files} files, {title}: {asked:.0f} requests (goal ≤ {REQUESTS}), {cpu:.2f} s of processor time "
                    f"(goal ≤ {CPU}), {wall:.2f} s"
                )


@contextmanager
def kept(cloud: Made) -> Iterator[SqliteQueue]:
    """A memory as the daemon has it."""
    queue = SqliteQueue(os.path.join(cloud.context.state, "state.db"), cloud.context.owners)
    try:
        yield queue
    finally:
        queue.shutdown()


def main() -> None:
    """Measure each server and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--size", type=int, default=3_000_000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--poll", type=int, default=10_000)
    parser.add_argument("--only", choices=dav.KINDS)
    options = parser.parse_args()
    for kind in (options.only,) if options.only else dav.KINDS:
        print(f"{kind}: {options.files} files of {options.size / 1e6:.1f} MB, {options.threads} threads, {options.rounds} rounds")
        with (
            dav.serve(kind) as server,
            tempfile.TemporaryDirectory() as state,
            made(server.url, Path(state), timeout=60.0) as cloud,
        ):
            speed(server, cloud, options)
        poll(kind, options.poll)


if __name__ == "__main__":
    main()
