"""Raw pictures dropped at a server while the daemon runs: doubled, tagged, sorted, undone; one of them slow, or the daemon killed, or the
server away.

    python -m faults.rigs.hub --files 200 [--server wsgidav|apache|rclone|nextcloud] [--kills 10 | --away 60]

Without --server each in turn. Expected: one whole result for each raw, every raw in the store's trash, at most as many files under way
as the store's limit says, one file that hangs holds up nobody; on Nextcloud, where people tag the results, each in the folder of its
tag; after undo all as before. With --kills the daemon is killed (SIGKILL) so often at random moments of its work, and nothing may differ.
With --away the server is killed in the middle of scaling (Nextcloud: and of sorting) and started again after so many seconds: the daemon
goes on by itself, nothing is buried, and the log tells each change of the place's state once.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from e2e.command import environment
from make.hubs import PASSWORD, SORTED, SORTING, UNSORTED, USER, CloudFiles, DavFiles, Hub, config, running, wrong
from servers import dav, nextcloud, proxy

SERVERS = (*dav.KINDS, "nextcloud")
LIMIT = 4
_PATIENCE = 900.0
_SLOW = "Unknown 0003"


@dataclass
class Place:
    """A server as the rig sees it. ``busiest``: most files that were under way at once; ``hold``: downloads of this name wait."""

    hub: Hub
    url: str
    kind: str
    busiest: Callable[[], int]
    hold: Callable[[str, threading.Event], None]
    server: dav.Server | nextcloud.Server
    cloud: nextcloud.Server | None = None

    def leave(self, seconds: float) -> None:
        """The server goes without a word, and comes back."""
        self.server.stop() if isinstance(self.server, nextcloud.Server) else self.server.kill()
        time.sleep(seconds)
        self.server.start()


@dataclass
class Tally:
    """What was seen."""

    kind: str
    files: int
    kills: int = 0
    away: float = 0.0
    closed: int = 0
    busiest: int = 0
    scaled: float = 0.0
    sorted: float = 0.0
    undone: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.kind}: {self.files} scaled in {self.scaled:.0f} s, at most {self.busiest} at once"
        said += f", sorted in {self.sorted:.0f} s" if self.sorted else ""
        said += f", killed {self.kills} times" if self.kills else f", undone in {self.undone:.0f} s"
        said += f", server away for {self.away:.0f} s, place closed {self.closed} times" if self.away else ""
        return f"{said}, {f'{len(self.wrong)} wrong: {self.wrong[0]}' if self.wrong else 'all as it shall be'}"


@contextmanager
def place(kind: str) -> Iterator[Place]:
    """One server for as long as the context lasts."""
    if kind == "nextcloud":
        with nextcloud.serve(34, {USER: PASSWORD}, base="/cloud") as cloud:
            cloud.mkdir(USER, UNSORTED)
            meter = _Meter()
            cloud.on_request = meter
            yield Place(Hub(CloudFiles(cloud)), cloud.url, "nextcloud", lambda: meter.busiest, meter.hold, cloud, cloud)
        return
    with dav.serve(kind, base="/some/where", users={USER: PASSWORD}) as server, proxy.before(server.url) as way:  # type: ignore[arg-type]  # one of them
        yield Place(Hub(DavFiles(server)), way.url, "webdav", lambda: way.busiest, _holding(way), server)


def _holding(way: proxy.Proxy) -> Callable[[str, threading.Event], None]:
    def hold(name: str, until: threading.Event) -> None:
        wanted = name.replace(" ", "%20")
        way.seen = lambda one: until.wait(_PATIENCE) if one.method == "GET" and wanted in one.target else None  # type: ignore[assignment]  # what it returns nobody reads

    return hold


class _Meter:
    """Counts files under way at a Nextcloud, and holds one of them."""

    def __init__(self) -> None:
        self.busiest = 0
        self._now = 0
        self._guard = threading.Lock()
        self._name = ""
        self._until = threading.Event()

    def hold(self, name: str, until: threading.Event) -> None:
        self._name, self._until = name, until

    def __call__(self, method: str, path: str, when: str) -> None:
        if method not in {"GET", "PUT"} or "/.albumen/" in path:  # a store's marker is no file of anybody's
            return
        with self._guard:
            self._now += 1 if when == "before" else -1
            self.busiest = max(self.busiest, self._now)
        if when == "before" and method == "GET" and self._name and self._name in path.replace("%20", " "):
            self._until.wait(_PATIENCE)


def work(kind: str, files: int, kills: int, root: Path, away: float = 0.0) -> Tally:
    """All of it on one server."""
    tally = Tally(kind, files, away=away)
    with place(kind) as at:
        more = [SORTING] if at.cloud else []
        (root / "library").mkdir()
        (root / "albumen.toml").write_text(
            config(at.server.url if away else at.url, kind=at.kind, store={"limit": LIMIT}, more=more)
        )
        began = time.monotonic()
        if away:
            _left(root, at, tally)
        elif kills:
            _killed(root, at, tally, kills)
        else:
            _slowed(root, at, tally)
        tally.scaled = time.monotonic() - began
        tally.busiest = at.busiest()
        tally.wrong += [*wrong(at.hub), *(_untold(root, tally) if away else ())]
        if tally.busiest > LIMIT:
            tally.wrong.append(f"{tally.busiest} files at once, {LIMIT} are allowed")
        before = at.hub.dropped
        if at.cloud:
            _sorted(root, at, tally)
        if not kills:
            began = time.monotonic()
            _undone(root, tally)
            tally.undone = time.monotonic() - began
            left = {path: data for path, data in at.hub.visible().items() if not path.endswith(".keep")}
            if left != before:
                tally.wrong.append(f"after undo {len(left)} files lie there, {len(before)} of them before")
    return tally


def _slowed(root: Path, at: Place, tally: Tally) -> None:
    """Dropped by and by; one hangs until all others are done."""
    slow = threading.Event()
    at.hold(_SLOW, slow)
    try:
        with running(root) as daemon:
            for first in range(0, tally.files, 20):
                at.hub.drop(min(20, tally.files - first), first=first)
                time.sleep(0.5)
            if not _until(lambda: len(at.hub.results()) >= tally.files - 1, daemon):
                tally.wrong.append(f"while one file hung, {len(at.hub.results())} of the {tally.files - 1} others were done")
            slow.set()
            _until(lambda: len(at.hub.results()) >= tally.files and not at.hub.raws(), daemon)
    finally:
        slow.set()


def _left(root: Path, at: Place, tally: Tally) -> None:
    """The server goes when a third is done."""
    at.hub.drop(tally.files)
    with running(root) as daemon:
        _until(lambda: len(at.hub.results()) >= tally.files // 3, daemon)
        at.leave(tally.away)
        _until(lambda: not wrong(at.hub), daemon)


def _untold(root: Path, tally: Tally) -> Iterator[str]:
    """What the daemon should not have said or done while its server was away."""
    lines = (root / "log").read_text().splitlines()
    told = [event for line in lines for event in ("place closed", "place works again") if event in line]
    tally.closed = told.count("place closed")
    if not told:
        yield "nobody noticed that the server was away"
    if told != (["place closed", "place works again"] * len(told))[: len(told)]:
        yield f"changes of the place's state were told as {told}"
    for row in _albumen(root, "queue", "dead", "--json"):
        yield f"buried: {row}"
    yield from (f"the log says: {line}" for line in lines if "Traceback" in line or " failed " in line)


def _killed(root: Path, at: Place, tally: Tally, kills: int) -> None:
    """Each kill a random number of results and removals after the one before, so that a quick machine is killed as often as a slow one."""
    draw = random.Random(tally.kind)
    at.hub.drop(tally.files)
    while tally.kills < kills and at.hub.raws():
        goal = _progress(at) + draw.randint(1, max(1, 2 * tally.files // kills))
        with running(root) as daemon:
            _until(partial(_reached, at, goal), daemon)
            time.sleep(draw.uniform(0.0, 0.1))
            daemon.kill()
        tally.kills += 1
    with running(root) as daemon:
        _until(lambda: not wrong(at.hub), daemon)


def _progress(at: Place) -> int:
    return len(at.hub.results()) - len(at.hub.raws())


def _reached(at: Place, goal: int) -> bool:
    return _progress(at) >= goal or not at.hub.raws()


def _sorted(root: Path, at: Place, tally: Tally) -> None:
    """People tag what was made; each goes to the folder of its tag."""
    assert at.cloud is not None
    began, wanted = time.monotonic(), {}
    with running(root) as daemon:
        for number, (path, data) in enumerate(sorted(at.hub.results().items())):
            category = ("cats", "Gämse & Co", "sea")[number % 3]
            at.cloud.tag(USER, path, f"ai:{category}")
            wanted[f"{SORTED}/{category}/{path.rpartition('/')[2]}"] = data
        if tally.away:
            _until(lambda: len(at.hub.results()) <= 2 * tally.files // 3, daemon)
            at.leave(tally.away)
        _until(lambda: not at.hub.results() and not any(at.cloud.tags_of(USER, one) for one in wanted), daemon)  # type: ignore[union-attr]  # asserted
    tally.sorted = time.monotonic() - began
    tally.wrong += _untold(root, tally) if tally.away else ()
    found = {path: data for path, data in at.hub.visible().items() if path.startswith(SORTED)}
    if found != wanted:
        tally.wrong.append(f"{len(found)} files are sorted, {len(wanted)} were tagged")


def _undone(root: Path, tally: Tally) -> None:
    """Every batch that has effect, the newest first."""
    for row in _albumen(root, "log", "--json", "--limit", "0"):
        if row["done"] and not row["undoes"]:
            with contextlib.suppress(subprocess.CalledProcessError):
                _albumen(root, "undo", str(row["id"]))
                continue
            tally.wrong.append(f"undo {row['id']} failed")


def _albumen(root: Path, *words: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "albumen", *words],
        cwd=root,
        env=environment({"HUB_PASSWORD": PASSWORD}),
        capture_output=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


def _until(what: Callable[[], bool], daemon: "subprocess.Popen[bytes]") -> bool:
    end = time.monotonic() + _PATIENCE
    while not what():
        if time.monotonic() > end or daemon.poll() is not None:
            return False
        time.sleep(0.1)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """One line for each server; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--server", choices=SERVERS)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--away", type=float, default=0.0)
    asked = parser.parse_args(arguments)
    failed, said = 0, []
    for kind in [asked.server] if asked.server else SERVERS:
        with tempfile.TemporaryDirectory(prefix="albumen-hub-") as root:
            tally = work(kind, asked.files, asked.kills, Path(root), asked.away)
            if tally.wrong:
                failed = 1
                print(Path(root, "log").read_text()[-3000:], *tally.wrong[:20], sep="\n", file=sys.stderr)
        said.append(str(tally))
        if os.isatty(1):
            print(said[-1])
    print("hub: " + "; ".join(said))
    return failed


if __name__ == "__main__":
    sys.exit(main())
