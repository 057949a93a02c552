"""Floods of tiny files over the real daemon, in places that tell everything, little and nothing.

    python -m faults.rigs.flood --files 20000

nested    into new nested folders (50 files each) while it runs; also on tmpfs, on an overlay, and behind a FUSE mount that sends
          no events
stopped   into one folder, the daemon stopped by SIGSTOP in the middle until the kernel drops events
limit     into folders most of which have no watch (a user namespace with too few); then the limit is raised

Every file is in exactly once. ``albumen_found_only_by_rescan_total`` equals what only the walk can have found, counted from
outside: by the kernel's own books of the daemon's queue and watches.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.rigs.kills import standing
from faults.rigs.looks import open_deeds, tree
from faults.rigs.outside import Missing, Queue, limit_of_queue, mounted, until
from faults.rigs.rig import DEFAULT, End, Ground, send
from make import jpeg_bytes

SCENES = ("nested", "tmpfs", "overlay", "fuse", "stopped", "limit")
_EACH = 50  # files per folder
_JUNK = (".junk_a", ".junk_b")  # what fills a queue
_SETTLE = "2s"  # longer than events are late
_START = 30.0  # seconds until the daemon has looked for the first time
_WALK = 60.0  # seconds between walks where events do not tell everything
_SLOWEST = 10.0  # files a second that are waited for, on the slowest machine
_WATCHES = "/proc/sys/user/max_inotify_watches"  # of a user namespace
_LIMITED = f'echo "$0" > {_WATCHES} && exec "$@"'
_BASE = jpeg_bytes(when="2021:01:01 00:00:00", size=(8, 8))


@dataclass
class Tally:
    """What one scene showed. ``expected``: files that only a walk can have found."""

    scene: str
    files: int = 0
    seconds: float = 0.0
    by_walk: int = -1
    expected: int = -1
    lost: int = 0
    skipped: str = ""
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        """For a person."""
        if self.skipped:
            return f"{self.scene}: skipped, {self.skipped}"
        rate = self.files / self.seconds if self.seconds else 0.0
        counts = f"found_only_by_walk={self.by_walk} expected={self.expected}"
        return f"{self.scene}: files={self.files} files/s={rate:.0f} {counts} lost={self.lost} wrong={len(self.wrong)}"


def picture(number: int) -> bytes:
    """A JPEG of some hundred bytes, no two alike, about one an hour: 20,000 fill the months of two years."""
    when = time.strftime("%Y:%m:%d %H:%M:%S", time.gmtime(1_000_000_000 + 3607 * number))
    return _BASE.replace(b"2021:01:01 00:00:00", when.encode()) + b"%08d" % number


class Flooded:
    """A daemon over one empty source. Files are written into ``drop``."""

    def __init__(self, ground: Ground, tally: Tally, drop: str, *, folders: int = 0) -> None:
        self.ground = ground
        self.tally = tally
        self.drop = drop
        self.written = 0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        ground.prepare_with(lambda _: frozenset())
        with open(ground.config, encoding="utf-8") as config:
            text = config.read().replace('settle = "0.2s"', f'settle = "{_SETTLE}"')
        with open(ground.config, "w", encoding="utf-8") as config:
            config.write(text + f'[metrics]\nlisten = "127.0.0.1:{self._port}"\n')
        self.folders = [os.path.join(drop, f"{number:05}") for number in range(folders)]
        for one in self.folders:
            os.makedirs(one)
        self.began = 0.0

    @contextmanager
    def running(self) -> Iterator[Queue]:
        """While the daemon runs; it is ended in order."""
        process = self.ground.start("run")
        try:
            until(lambda: self.metric() >= 0 and self._has_looked(), _START, f"a first look; {self.ground.said(3)}")
            self.pid = process.pid
            queue = Queue(process.pid)
            self.began = time.monotonic()
            try:
                yield queue
            finally:
                queue.close()
            send(process, signal.SIGTERM)
            if status := process.wait(60):
                self.tally.wrong.append(f"the daemon ended with {status}: {self.ground.said(3)}")
        finally:
            send(process, signal.SIGKILL)

    def write(self, folder: str) -> None:
        """The next file, in one stroke."""
        path = os.path.join(folder, f"IMG_{self.written:07}.jpg")
        try:
            file = open(path, "wb", buffering=0)  # noqa: SIM115  # closed below
        except FileNotFoundError:  # where files are moved away, a folder that is empty for an instant goes, too
            os.makedirs(folder)
            file = open(path, "wb", buffering=0)  # noqa: SIM115  # closed below
        with file:
            file.write(picture(self.written))
        self.written += 1

    def take(self) -> None:
        """Wait until all is filed; then for the metric, which is looked at twice."""
        wanted = self.written
        until(lambda: self.filed() >= wanted, 3 * _WALK + wanted / _SLOWEST, f"{wanted} files filed", every=0.5)
        self.tally.seconds = self.tally.seconds or time.monotonic() - self.began
        until(lambda: self.metric() == self.tally.expected or self._settled(), _WALK, "a metric that stands still")
        self.tally.by_walk = self.metric()
        self.tally.files = wanted
        until(lambda: not open_deeds(self.ground.state), 2 * _WALK, "all batches ended", every=2.0)

    def metric(self) -> int:
        """``albumen_found_only_by_rescan_total``, -1 while nobody tells it."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=20) as answer:
                lines = answer.read().decode().split("\n")
        except OSError:
            return -1
        found = [line for line in lines if line.startswith('albumen_found_only_by_rescan_total{source="in"}')]
        return int(float(found[0].split()[-1])) if found else -1

    def filed(self) -> int:
        """How many files the library shows."""
        found = 0
        for _, folders, names in os.walk(self.ground.library):
            folders[:] = [one for one in folders if one != ".albumen"]
            found += len(names)
        return found

    def judge(self) -> None:
        """Each content once, the source as it must be, nothing open."""
        wanted = {digest for digest, _, _ in _trees(picture(number) for number in range(self.written))}
        library = Counter(digest for digest, _, _ in tree(self.ground.library).values())
        everywhere = {digest for digest, _, _ in tree(self.ground.library, ours=True).values()}
        source = {digest for digest, _, _ in tree(self.drop).values()}
        self.tally.lost = len(wanted - everywhere - source)
        self.tally.wrong += [f"{count} × {digest}" for digest, count in library.items() if count > 1 or digest not in wanted]
        if len(library) != len(wanted):
            self.tally.wrong.append(f"{len(library)} of {len(wanted)} contents are in")
        left = set() if self.ground.watched == "move" else wanted
        if source != left:
            self.tally.wrong.append(f"the source holds {len(source)} contents, not {len(left)}")
        if self.tally.by_walk != self.tally.expected:
            self.tally.wrong.append(f"the metric says {self.tally.by_walk}, only a walk can have found {self.tally.expected}")
        self.tally.wrong += End.of(self.ground).faults()

    def _has_looked(self) -> bool:
        return '"looked": 0' not in self.status() and '"looked"' in self.status()

    def status(self) -> str:
        """What the daemon says of itself."""
        try:
            with open(os.path.join(self.ground.state, "daemon.json"), encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def _settled(self) -> bool:
        before = self.metric()
        time.sleep(2)
        return self.metric() == before


def _trees(contents: Iterator[bytes]) -> Iterator[tuple[str, int, int]]:
    import hashlib

    for one in contents:
        yield hashlib.sha256(one).hexdigest(), 0, 0


def nested(flooded: Flooded, files: int, *, silent: bool = False) -> None:
    """New nested folders, as fast as the daemon reads what the kernel tells of them: the queue never overflows. ``silent``: the
    mount tells nothing, every file is one that only a walk finds."""
    with flooded.running() as queue:
        most = limit_of_queue() // 2
        for number in range(files):
            if number % _EACH == 0:
                folder = os.path.join(flooded.drop, f"a{number // _EACH // 20}", f"b{number // _EACH % 20}", "c")
                os.makedirs(folder)
            if number % 100 == 0:
                until(lambda: queue.events()[0] < most, 120, "the daemon reads its events")
            flooded.write(folder)
        flooded.tally.expected = files if silent else 0
        flooded.take()


def stopped(flooded: Flooded, files: int) -> None:
    """Half of the files, SIGSTOP, events of a hidden file until there is room for half of the rest, the rest, SIGCONT."""
    (folder,) = flooded.folders
    with flooded.running() as queue:
        most = limit_of_queue()
        for number in range(files // 2):
            if number % 100 == 0:
                until(lambda: queue.events()[0] < most // 2, 120, "the daemon reads its events")
            flooded.write(folder)
        os.kill(flooded.pid, signal.SIGSTOP)
        until(lambda: _state(flooded.pid) == "T", 10, "the daemon stands still")
        rest = files - flooded.written
        _fill(folder, most - queue.events()[0] - 3 * (rest // 2))
        before = queue.events()[0]
        for _ in range(rest):
            flooded.write(folder)
        after, overflowed = queue.events()
        if not overflowed:
            flooded.tally.wrong.append("the kernel's queue did not overflow")
        named = -(-(after - before) // 3)  # made, written, closed: three events a file, in this order
        flooded.tally.expected = rest - named
        os.kill(flooded.pid, signal.SIGCONT)
        flooded.take()


def _fill(folder: str, events: int) -> None:
    """So many events of hidden files, two in turn, since equal ones in a row are one; none where the daemon was so far behind when it
    was stopped that its queue holds enough already."""
    if events <= 6:
        return
    paths = [os.path.join(folder, name) for name in _JUNK]
    for path in paths:
        with open(path, "wb"):
            events -= 2  # made, closed
    for number in range(events):
        os.utime(paths[number % 2])


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


def limited(flooded: Flooded, files: int) -> None:
    """Files in folders that were there before the daemon; some are watched, by the kernel's account. Then the limit is raised: all
    are watched, and a file is taken without a walk."""
    with flooded.running() as queue:
        watches = queue.inodes()
        unwatched = {one for one in flooded.folders if os.stat(one).st_ino not in watches}
        if not unwatched or len(unwatched) == len(flooded.folders):
            flooded.tally.wrong.append(f"{len(unwatched)} of {len(flooded.folders)} folders are not watched: no use")
        silent = 0
        for number in range(files):
            folder = flooded.folders[number // _EACH % len(flooded.folders)]
            silent += folder in unwatched
            flooded.write(folder)
        flooded.tally.expected = silent
        flooded.take()
        until(lambda: "max_user_watches" in flooded.status(), 30, "status tells of folders that cannot be watched")
        raised = ["nsenter", "--user", "--target", str(flooded.pid), "sh", "-c", f"echo 100000 > {_WATCHES}"]
        subprocess.run(raised, check=True)
        until(lambda: all(os.stat(one).st_ino in queue.inodes() for one in flooded.folders), 2 * _WALK, "all is watched")
        flooded.write(min(unwatched))
        until(lambda: flooded.filed() == flooded.written, 20, "a file in a folder that is watched now")
        flooded.take()


def flood(root: str, scene: str, files: int, albumen: str) -> Tally:
    """One scene in a folder of its own."""
    tally = Tally(scene)
    at = os.path.join(root, scene)
    os.makedirs(at)
    try:
        _PLAYS[scene](at, tally, files, albumen)
    except Missing as why:
        tally.skipped = str(why)
    except TimeoutError as why:
        tally.wrong.append(str(why))
    return tally


def _play_nested(at: str, tally: Tally, files: int, albumen: str) -> None:
    flooded = Flooded(Ground(at, (albumen,), watched="move"), tally, os.path.join(at, "in"))
    nested(flooded, files)
    flooded.judge()


def _play_mounted(at: str, tally: Tally, files: int, albumen: str) -> None:
    with mounted(tally.scene, os.path.join(at, "mounts")) as (there, behind):
        ground = Ground(at, (albumen,), watched="copy", aside=there)
        flooded = Flooded(ground, tally, os.path.join(behind, "in"))
        nested(flooded, files, silent=behind != there)
        flooded.judge()


def _play_stopped(at: str, tally: Tally, files: int, albumen: str) -> None:
    flooded = Flooded(Ground(at, (albumen,), watched="copy"), tally, os.path.join(at, "in"), folders=1)
    stopped(flooded, files)
    for name in _JUNK:
        Path(flooded.folders[0], name).unlink(missing_ok=True)
    flooded.judge()


def _play_limit(at: str, tally: Tally, files: int, albumen: str) -> None:
    folders = max(files // _EACH, 4)
    limit = str(folders // 4 + 1)
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", _LIMITED)
    if subprocess.run([*command, limit, "true"], check=False, capture_output=True).returncode:
        raise Missing("no user namespace of our own can be made")
    ground = Ground(at, (*command, limit, albumen), watched="copy")
    flooded = Flooded(ground, tally, os.path.join(at, "in"), folders=folders)
    limited(flooded, files)
    flooded.judge()


_PLAYS: dict[str, Callable[[str, Tally, int, str], None]] = {
    "nested": _play_nested,
    "tmpfs": _play_mounted,
    "overlay": _play_mounted,
    "fuse": _play_mounted,
    "stopped": _play_stopped,
    "limit": _play_limit,
}


def main() -> int:
    """0 when every file came in exactly once, and the metric told the truth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000, help="per scene")
    parser.add_argument("--scenes", default=",".join(SCENES), help="some of them")
    parser.add_argument("--albumen", default=DEFAULT, help="the command")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    began = time.monotonic()
    tallies = []
    with standing(asked.at, "flood") as root:
        for scene in asked.scenes.split(","):
            tallies.append(flood(root, scene, asked.files, asked.albumen))
            print(tallies[-1].line(), flush=True)
            for what in tallies[-1].wrong[:10]:
                print("wrong:", what, flush=True)
    done = [one for one in tallies if not one.skipped]
    wrong, lost = sum(len(one.wrong) for one in done), sum(one.lost for one in done)
    print(
        f"flood: scenes={len(done)} skipped={len(tallies) - len(done)} files={sum(one.files for one in done)} wrong={wrong} "
        f"lost={lost} seconds={time.monotonic() - began:.0f}"
    )
    return 1 if wrong or lost or not done else 0


if __name__ == "__main__":
    sys.exit(main())
