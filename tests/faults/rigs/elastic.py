"""Elasticsearch is killed -9 again and again while files are filed, and once stopped for long: the end is that of a run on SQLite.

    python -m faults.rigs.elastic --files 2000 --kills 5 --stopped 120
    python -m faults.rigs.elastic --path import …    the same files by ``albumen import``, given again until it ends well

The server is hurt when so many files were filed that the hurts spread over the whole work, and comes back on the same data. While it
is stopped, commands must say so in a sentence and end with 1. Prints one result line per path.
"""

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.rigs.kills import standing
from faults.rigs.rig import DEFAULT, End, Ground, send, unhurt
from servers import elastic

PATHS = ("daemon", "import")
_LONGEST = 2400.0  # seconds until the whole work counts as hanging
_LOOK = 0.05
_ASKED = (("status",), ("check",), ("find",), ("show", "00000000"), ("export",))  # what a person may ask meanwhile


@dataclass
class Tally:
    """What happened. ``outages``: how often the server went away; ``tries``: commands that were needed."""

    kills: int = 0
    outages: int = 0
    tries: int = 0
    lost: int = 0
    torn: int = 0
    records: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Hurting:
    """One run: ``step`` is called often, and hurts the server when it is time."""

    ground: Ground
    node: elastic.Node
    files: int
    kills: int
    stopped: float
    tally: Tally

    def step(self) -> None:
        """Kill, or stop, when enough is filed. In the middle of the kills it is stopped for ``stopped`` seconds."""
        hurts = self.kills + (self.stopped > 0)
        if self.tally.outages == hurts or len(tree_names(self.ground.library)) < self.files * (self.tally.outages + 0.5) / hurts:
            return
        self.tally.outages += 1
        if self.stopped > 0 and self.tally.outages == hurts // 2 + 1:
            self.node.stop()
            self._asked(time.monotonic() + self.stopped)
        else:
            self.node.kill()
            self.tally.kills += 1
        self.node.start()

    def _asked(self, until: float) -> None:
        for words in _ASKED:
            self.tally.wrong += told(self.ground, words)
        time.sleep(max(0.0, until - time.monotonic()))


def told(ground: Ground, words: Sequence[str]) -> list[str]:
    """What is wrong with the answer of a command while the server is away."""
    line = [*ground.command, "--config", ground.config, *words]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120, text=True)
    said = done.stdout + done.stderr
    if done.returncode == 1 and "catalog" in said and "cannot be reached" in said and "Traceback" not in said:
        return []
    return [f"{' '.join(words)} ended with {done.returncode} while it was away: {said[-300:]}"]


def tree_names(root: str) -> list[str]:
    """Every visible file of a library, without a look into it."""
    found = []
    for _, folders, names in os.walk(root):
        folders[:] = [one for one in folders if one != ".albumen"]
        found += names
    return found


def hurt(ground: Ground, node: elastic.Node, *, path: str, files: int, kills: int, stopped: float, seed: int, size: int) -> Tally:
    """The run on SQLite, then the hurt one, and how they differ."""
    words = ("run", "--idle-exit", "2") if path == "daemon" else ()
    wanted, _, _ = unhurt(_without(ground), files, seed, size, words)
    known = ground.prepare(files, seed, size)
    filed = len(wanted.library)
    tally = Tally()
    hurting = Hurting(ground, node, filed, kills, stopped, tally)
    (_daemon if path == "daemon" else _import)(hurting)
    end = End.of(ground)
    tally.lost, tally.torn = ground.look(known)
    tally.records = end.export.count("\n")
    tally.wrong += end.differences_but_for_chance(wanted) if path == "daemon" else end.differences(wanted)
    tally.wrong += _log(ground, tally)
    return tally


def _without(ground: Ground) -> Ground:
    return Ground(ground.root, ground.command, ground.watched, ground.aside, ground.options, str)


def _daemon(hurting: Hurting) -> None:
    """One daemon through it all; it ends when it is told to."""
    hurting.tally.tries = 1
    with hurting.ground.start("run") as process:
        try:
            _until(lambda: process.poll() is not None or _is_done(hurting), hurting)
        finally:
            send(process, signal.SIGTERM)
            if (status := process.wait(60)) != 0:
                hurting.tally.wrong.append(f"the daemon ended with {status}: {hurting.ground.said(3)}")


def _is_done(hurting: Hurting) -> bool:
    """Everything was filed, and the last batch closed."""
    hurting.step()
    if len(tree_names(hurting.ground.library)) < hurting.files or tree_names(hurting.ground.source):
        return False
    time.sleep(0.5)
    return hurting.ground.finish("status") == 0


def _import(hurting: Hurting) -> None:
    """The same command again and again: what waits stays queued, what was done is not done twice."""
    for _ in range(20 * (hurting.kills + 1)):
        hurting.tally.tries += 1
        with hurting.ground.start(*hurting.ground.importing) as process:
            _until(lambda: _stepped(hurting) and process.poll() is not None, hurting)  # asked in this turn only
            if process.wait() == 0:
                return
    hurting.tally.wrong.append(f"it never ended well: {hurting.ground.said(3)}")


def _stepped(hurting: Hurting) -> bool:
    hurting.step()
    return True


def _until(met: Callable[[], bool], hurting: Hurting) -> None:
    end = time.monotonic() + _LONGEST + hurting.stopped
    while not met():
        if time.monotonic() > end:
            raise SystemExit(f"it does not get on:\n{hurting.ground.said()}")
        time.sleep(_LOOK)


def _log(ground: Ground, tally: Tally) -> list[str]:
    """No traceback, and one line for each change of the place, not one for each of the jobs."""
    with open(ground.log, encoding="utf-8", errors="replace") as log:
        text = log.read()
    found = [f"a traceback: {text[text.index('Traceback') :][:2000]}"] if "Traceback" in text else []
    closed = text.count("place closed")
    if closed > 3 * tally.outages + tally.tries:
        found.append(f"{closed} lines tell that the place closed, in {tally.outages} outages")
    return found


def main() -> int:
    """0 when every run ended as on SQLite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", choices=[*PATHS, "all"], default="daemon")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--stopped", type=float, default=120.0, help="seconds that it is away once; 0 = never")
    parser.add_argument("--size", type=int, default=3000, help="bytes per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--albumen", default=DEFAULT, help="the command that files")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    broken = False
    for path in PATHS if asked.path == "all" else [asked.path]:
        began = time.monotonic()
        with standing(asked.at, "elastic") as root, elastic.node(Path(root)) as node:
            ground = Ground(root, (asked.albumen,), "move" if path == "daemon" else "", catalog=_section(node))
            tally = hurt(
                ground,
                node,
                path=path,
                files=asked.files,
                kills=asked.kills,
                stopped=asked.stopped,
                seed=asked.seed,
                size=asked.size,
            )
        for what in tally.wrong[:20]:
            print(f"wrong: {what}")
        print(
            f"elastic: path={path} files={asked.files} kills={tally.kills} stopped={asked.stopped:.0f}s records={tally.records} "
            f"tries={tally.tries} wrong={len(tally.wrong)} lost={tally.lost} torn={tally.torn} seconds={time.monotonic() - began:.0f}",
            flush=True,
        )
        broken = broken or bool(tally.wrong or tally.lost or tally.torn)
    return int(broken)


def _section(node: elastic.Node) -> Callable[[], str]:
    number = iter(range(1000))
    return lambda: f'[catalog]\ntype = "elasticsearch"\nurls = ["{node.url}"]\nindex = "rig-{next(number)}"\ntimeout = 10\n'


if __name__ == "__main__":
    raise SystemExit(main())
