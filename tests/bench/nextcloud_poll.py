"""What a look at a folder of a Nextcloud costs in which nothing changed: requests and CPU time of this process (the server is another).

nextcloud_poll.py [FILES] [FOLDERS]
"""

import multiprocessing
import multiprocessing.connection
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.secrets import Secret
from albumen.sources.nextcloud import TaggedSettings, TaggedSource
from albumen.stores.nextcloud.store import NextcloudSettings, NextcloudStore
from albumen.testing import MemoryMemory
from servers import nextcloud


def served(pipe: multiprocessing.connection.Connection, files: int, folders: int) -> None:
    """A server with so many files, every fiftieth tagged; tells its address, then how many requests there were whenever asked."""
    with nextcloud.serve(34) as server:
        for at in range(files):
            tags = [] if at % 50 else ["ai:cats"] if at % 100 else ["holiday"]
            server.put("photod", f"unsorted/s{at % folders}/IMG_{at:05}.jpg", b"x" * 100, tags=tags, modified=1_600_000_000)
        pipe.send(server.url)
        while pipe.recv():
            pipe.send(len(server.asked))


def main(files: int, folders: int) -> None:
    """One look that learns everything, then three of which the quickest counts."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=served, args=(theirs, files, folders), daemon=True)
    child.start()
    with tempfile.TemporaryDirectory() as state:
        owners = Owners(state)
        store = NextcloudStore("hub", NextcloudSettings(ours.recv(), "photod", Secret("secret")), Context(state, owners))
        source = TaggedSource("tagged", TaggedSettings("hub", "unsorted"), Context(state, owners, lambda _name: store))
        memory = MemoryMemory()
        rows = []
        for _ in range(4):
            ours.send(True)  # whoever reads it wants just that
            before, cpu, begun, events = ours.recv(), time.process_time(), time.perf_counter(), 0
            for batch in source.scan(memory):
                memory.commit(batch, ())
                events += len(batch.events)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - begun
            ours.send(True)
            rows.append((ours.recv() - before, cpu, wall, events))
        store.close()
        owners.close()
    child.kill()
    first, again = rows[0], min(rows[1:], key=lambda row: row[1])
    print(f"{files} files in {folders} folders: first look {first[0]} requests, {first[1]:.2f} s CPU, {first[3]} tagged")
    print(
        f"nothing changed: {again[0]} requests ({again[0] / (folders + 1):.2f} a folder), {again[1]:.2f} s CPU, {again[2]:.2f} s"
    )


if __name__ == "__main__":
    main(*(int(one) for one in [*sys.argv[1:], *("10000", "10")[len(sys.argv) - 1 :]]))
