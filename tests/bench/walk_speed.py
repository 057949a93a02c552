"""A whole look at 50,000 unchanged files in 500 folders against a bare ``os.scandir`` walk with ``stat``, in one run: ratios.

    python tests/bench/walk_speed.py [--files 50000] [--folders 500] [--rounds 7] [--at FOLDER]

Every round runs, in turn: the bare walk; a whole look of a source that walked before (steady state), with its memory in
``state.db``; the same with one new file in one folder; the first look after a start, which compares every file. Medians and ratios
are printed, with what the source keeps from walk to walk. Goal: steady ≤ 2 × bare.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from albumen.model import Batch, Seen
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Memory
from albumen.queues.sqlite import SqliteQueue
from albumen.sources.local import LocalSource
from albumen.sources.revs import ref_of

_GOAL = 2.0


def make(root: Path, files: int, folders: int) -> None:
    """Small files, evenly in nested folders."""
    for number in range(folders):
        folder = root / f"{number // 50:02}" / f"{number:04}"
        folder.mkdir(parents=True)
        for count in range(files // folders):
            (folder / f"IMG_{count:05}.jpg").write_bytes(b"x")


def bare(root: str) -> int:
    """The yardstick: how many files were asked for their status."""
    found = 0
    waiting = [root]
    while waiting:
        with os.scandir(waiting.pop()) as listing:
            for one in listing:
                if one.is_dir(follow_symlinks=False):
                    waiting.append(one.path)
                else:
                    one.stat(follow_symlinks=False)
                    found += 1
    return found


class Watched:
    """A source that remembers everything, and whose time passes as we like."""

    def __init__(self, root: str, context: Context, memory: Memory) -> None:
        self.now = 0.0
        self.memory = memory
        self._settings = LocalSource.Settings(path=root, every=60.0)
        self._context = context
        self.source = self._made()
        self.learn(root)

    def begin(self) -> None:
        """As after a start of the daemon."""
        self.source.close()
        self.source = self._made()

    def _made(self) -> LocalSource:
        return LocalSource("bench", self._settings, self._context, monotonic=lambda: self.now)

    def learn(self, root: str) -> None:
        """Everything is remembered, as after an arrival."""
        seen = []
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                seen.append(Seen(os.path.relpath(path, root), ref_of(path, os.lstat(path)).rev))
        for at in range(0, len(seen), 5000):
            self.memory.commit(Batch(seen=tuple(seen[at : at + 5000])), ())

    def look(self) -> int:
        """A whole look; how many files it offered."""
        self.now += 61.0
        found = 0
        for batch in self.source.scan(self.memory):
            self.memory.commit(batch, ())
            found += len(batch.events)
        return found


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(words: Sequence[str] | None = None) -> int:
    """0 when the goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--folders", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--at", default=None, help="a folder on the disk to measure (default: the temporary folder)")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory(dir=chosen.at) as base:
        root = Path(base) / "in"
        make(root, chosen.files, chosen.folders)
        state = str(Path(base) / "state")
        with closing(Owners(state)) as owners:
            queue = SqliteQueue(str(Path(state) / "state.db"), owners)
            watched = Watched(str(root), Context(state, owners), queue.memory("bench"))
            try:
                return measure(watched, root, chosen.rounds)
            finally:
                watched.source.close()
                queue.shutdown()


def measure(watched: Watched, root: Path, rounds: int) -> int:
    """Take turns, print, judge."""
    tracemalloc.start()
    assert not watched.look(), "everything is remembered"
    here = [tracemalloc.Filter(inclusive=True, filename_pattern=f"*sources/{name}.py") for name in ("folders", "walk")]
    kept = sum(one.size for one in tracemalloc.take_snapshot().filter_traces(here).statistics("filename"))
    tracemalloc.stop()
    times: dict[str, list[float]] = {"bare": [], "first": [], "steady": [], "one new": []}
    bare(str(root))
    for number in range(rounds):
        times["bare"].append(timed(lambda: bare(str(root))))
        watched.begin()
        times["first"].append(timed(watched.look))
        watched.look()
        times["steady"].append(timed(watched.look))
        (root / "00" / "0000" / f"new{number}.jpg").write_bytes(b"new")
        times["one new"].append(timed(watched.look))
        while watched.look():  # it is offered, then known
            pass
        watched.look()
    middle = {name: statistics.median(some) for name, some in times.items()}
    for name, seconds in middle.items():
        print(f"{name}: {seconds * 1000:.0f} ms, {seconds / middle['bare']:.2f} × bare")
    ratio = middle["steady"] / middle["bare"]
    print(f"walk_speed: steady {ratio:.2f} × bare (goal {_GOAL}), {kept / 1000:.0f} kB kept from walk to walk")
    return 0 if ratio <= _GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
