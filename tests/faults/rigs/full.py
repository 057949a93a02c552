"""A full disk: library and state on a tmpfs too small for what is imported; then it gets room, and everything goes on.

    python -m faults.rigs.full --files 400        (as root)

While it is full: no record without its intact file, no content nowhere, nothing torn. With room: the daemon goes on by itself, the
command when it is run again, and the end is that of a run that always had room. With and without bytes that the store keeps free,
so that the library is full, or the databases are, too.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.model import Query
from faults.rigs.kills import DAEMON, standing
from faults.rigs.looks import Tree, tree
from faults.rigs.rig import DEFAULT, End, Ground, send, unhurt

SMALL, LARGE = 64, 1024  # MiB
_STEADY = 4.0  # seconds without a new file: it is full
_GOES_ON = 180  # seconds until all is filed once there is room


@dataclass
class Tally:
    """What happened so far. ``taken`` files lay in the library when the disk was full."""

    rounds: int = 0
    taken: int = 0
    lost: int = 0
    torn: int = 0
    wrong: list[str] = field(default_factory=list)


def full(ground: Ground, *, files: int, seed: int, size: int) -> Tally:
    """``ground.root`` is a tmpfs. Command and daemon, each with and without bytes kept free."""
    tally = Tally()
    for daemon in (False, True):
        for options in ("", "floor = 0"):
            here = replace(ground, watched="move" if daemon else "", options=options)
            name = f"{'daemon' if daemon else 'command'} {options or 'with a floor'}"
            room(here.root, LARGE)
            words = DAEMON if daemon else here.importing
            wanted, _, _ = unhurt(here, files, seed, size, words)
            known = here.prepare(files, seed, size)
            room(here.root, SMALL)
            found = _daemon(here, known, tally) if daemon else _command(here, known, tally)
            end = End.of(here)
            found += end.differences_but_for_chance(wanted) if daemon else end.differences(wanted)
            tally.wrong += [f"{name}: {what}" for what in found]
            tally.rounds += 1
    return tally


def _command(ground: Ground, known: frozenset[str], tally: Tally) -> list[str]:
    found = [] if (status := ground.finish(*ground.importing)) == 1 else [f"on a full disk it ended with {status}, not 1"]
    found += _while_full(ground, known, tally)
    room(ground.root, LARGE)
    if status := ground.finish(*ground.importing):
        found.append(f"with room it ended with {status}: {ground.said(4)}")
    return found


def _daemon(ground: Ground, known: frozenset[str], tally: Tally) -> list[str]:
    process = ground.start("run")
    try:
        _wait(lambda: _files(ground.library), _STEADY)
        found = _while_full(ground, known, tally)
        if process.poll() is not None:
            return [*found, f"the daemon ended with {process.returncode}: {ground.said(4)}"]
        room(ground.root, LARGE)
        deadline = time.monotonic() + _GOES_ON
        while time.monotonic() < deadline and os.listdir(ground.source):  # its emptied folders go last
            time.sleep(0.5)
        time.sleep(2.0)
        send(process, signal.SIGTERM)
        status = process.wait(60)
        return [*found, *([f"the daemon ended with {status}: {ground.said(4)}"] if status else [])]
    except subprocess.TimeoutExpired:
        return ["the daemon did not stop within 60 s"]
    finally:
        send(process, signal.SIGKILL)


def _while_full(ground: Ground, known: frozenset[str], tally: Tally) -> list[str]:
    lost, torn = ground.look(known)
    library = tree(ground.library)
    tally.lost, tally.torn, tally.taken = tally.lost + lost, tally.torn + torn, tally.taken + len(library)
    wrong = [] if _files(ground.source) else ["it was never full: give it more files"]
    return wrong + _without_file(ground.state, ground.library, library)


def _without_file(state: str, root: str, library: Tree) -> list[str]:
    """Placements whose file is not there with its bytes, read from a copy of the catalog."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as copy:
        for name in ("catalog.db", "catalog.db-wal"):
            if os.path.exists(os.path.join(state, name)):
                shutil.copy(os.path.join(state, name), copy)
        catalog = SqliteCatalog(os.path.join(copy, "catalog.db"))
        try:
            wrong, after = [], ""
            while True:
                page = catalog.find(Query(companions=True), after=after, limit=500)
                for record in page.rows:
                    for one in record.placements:
                        sha = record.sha256 if one.role == "main" else one.sha256
                        if library.get(one.path, ("",))[0] != sha and not _is(os.path.join(root, one.path), sha):
                            wrong.append(f"record {record.id} without its file {one.path}")
                after = page.after
                if not after:
                    return wrong
        finally:
            catalog.close()


def _is(path: str, sha: str) -> bool:
    found = tree(os.path.dirname(path)) if os.path.exists(path) else {}
    return found.get(os.path.basename(path), ("",))[0] == sha


def _files(root: str) -> int:
    return sum(len(names) for _, _, names in os.walk(root))


def _wait(number: Callable[[], int], seconds: float) -> None:
    """Until the number stays the same for so long, and is not 0."""
    last, since = 0, time.monotonic()
    while not last or time.monotonic() - since < seconds:
        now = number()
        if now != last or not now:
            last, since = now, time.monotonic()
        time.sleep(0.2)


def room(at: str, megabytes: int) -> None:
    """Another size for the tmpfs."""
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", at], check=True, capture_output=True)


@contextmanager
def tmpfs(at: str) -> Iterator[None]:
    """A tmpfs mounted at a folder."""
    os.makedirs(at)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LARGE}m", "tmpfs", at], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", at], check=True, capture_output=True)


def main() -> int:
    """0 when nothing was lost and everything went on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--size", type=int, default=250_000, help="bytes per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--albumen", default=DEFAULT, help="the command to hurt")
    asked = parser.parse_args()
    began = time.monotonic()
    with standing(None, "full") as root, tmpfs(small := os.path.join(root, "small")):
        aside = os.path.join(root, "aside")
        os.makedirs(aside)
        tally = full(Ground(small, (asked.albumen,), aside=aside), files=asked.files, seed=asked.seed, size=asked.size)
    for what in tally.wrong[:20]:
        print("wrong:", what)
    print(
        f"full: rounds={tally.rounds} files={asked.files} taken_when_full={tally.taken} wrong={len(tally.wrong)} lost={tally.lost} "
        f"torn={tally.torn} seconds={time.monotonic() - began:.0f}"
    )
    return 1 if tally.wrong or tally.lost or tally.torn else 0


if __name__ == "__main__":
    sys.exit(main())
