"""``kill -9`` at random moments of a path of the main job, started again each time, until it ends: the end is that of an unhurt run.

    python -m faults.rigs.kills --path import --kills 100 --files 2000
    python -m faults.rigs.kills --path daemon …      the same files arrive in a folder that the daemon watches
    python -m faults.rigs.kills --path undo …        an import is undone, and the undo undone
    python -m faults.rigs.kills --forget …           after every other kill state.db is deleted, too
    ALBUMEN_TEST_CATALOG=elasticsearch python …      with the catalog there

As many runs as needed for that many kills; after each its trees, export, ledger and databases are compared. Prints where the
kills fell (deeds by the last step they had reached, from the traces of the killed processes) and one result line per path.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from faults.rigs.looks import Tree, traces, tree
from faults.rigs.rig import DEFAULT, End, Ground, send, unhurt
from servers import switch

PATHS = ("import", "daemon", "undo")
DAEMON = ("run", "--idle-exit", "2")


@dataclass
class Tally:
    """What happened so far. ``inside`` = kills that found a deed between intend and settle, ``steps`` = such deeds by step."""

    kills: int = 0
    inside: int = 0
    runs: int = 0
    lost: int = 0
    torn: int = 0
    wrong: list[str] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)

    @property
    def broken(self) -> bool:
        return bool(self.wrong or self.lost or self.torn)


@dataclass(frozen=True)
class Plan:
    """How many kills on how many files, at most ``each`` in one run."""

    wanted: int
    files: int
    seed: int = 1
    size: int = 3000
    each: int = 10
    inside: int = 0  # at least so many of them between intend and settle: more kills are added until they were
    forget: bool = False  # state.db is deleted after every other kill

    def left(self, tally: Tally) -> int:
        """Kills of the next run; 0 when there were enough."""
        if tally.kills >= self.wanted and (tally.inside >= self.inside or tally.kills >= 4 * self.wanted):
            return 0
        return min(self.each, self.wanted - tally.kills if tally.kills < self.wanted else self.each)


@dataclass
class Killer:
    """Kills one command again and again at random moments of its work."""

    ground: Ground
    known: frozenset[str]
    tally: Tally
    draw: random.Random
    starting: float  # seconds that a start takes
    stride: float  # … until the next kill at most
    forget: bool = False  # see ``Plan``

    def hurt(self, words: Sequence[str], times: int) -> int:
        """Kill ``albumen words`` so many times, or less when it ends before. How many it were."""
        for number in range(times):
            delay = (
                self.draw.uniform(0, self.starting)
                if self.draw.random() < 0.05
                else self.starting + self.draw.uniform(0, self.stride)
            )
            if not self._one(words, delay):
                return number
        return times

    def _one(self, words: Sequence[str], delay: float) -> bool:
        traces(self.ground.trace)
        process = self.ground.start(*words)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            send(process, signal.SIGKILL)
        else:
            return False
        found = traces(self.ground.trace)
        tally = self.tally
        tally.kills += 1
        tally.inside += found.inside
        tally.steps += found.steps
        lost, torn = self.ground.look(self.known)
        tally.lost, tally.torn = tally.lost + lost, tally.torn + torn
        if self.forget and tally.kills % 2:
            for ending in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.ground.state, f"state.db{ending}"))
        return True


def kills(ground: Ground, plan: Plan, *, path: str = "import") -> Tally:
    """``plan.wanted`` kills on one path, in as many runs as that takes."""
    run = {"import": _import, "daemon": _daemon, "undo": _undo}[path]
    tally = Tally()
    draw = random.Random(plan.seed)
    seed = plan.seed
    while plan.left(tally):
        seed += 1
        tally.runs += 1
        before = tally.kills
        found = run(ground, plan, seed, draw, tally)
        tally.wrong += [f"run {tally.runs}: {what}" for what in found]
        if tally.broken:
            return tally  # as it lies there now it can be looked at (``--at``)
        if tally.kills == before and tally.runs > 3 * plan.wanted:
            raise SystemExit("it always ends before it is killed: give it more files")
    return tally


def _import(ground: Ground, plan: Plan, seed: int, draw: random.Random, tally: Tally) -> list[str]:
    end, whole, starting = unhurt(ground, plan.files, seed, plan.size)
    known = ground.prepare(plan.files, seed, plan.size)
    times = plan.left(tally)
    Killer(ground, known, tally, draw, starting * 0.8, _stride(whole - starting, times), plan.forget).hurt(
        ground.importing, times
    )
    status = ground.finish(*ground.importing)
    found = [f"ended with {status}: {ground.said(3)}"] if status else []
    return found + End.of(ground).differences(end)


def _daemon(ground: Ground, plan: Plan, seed: int, draw: random.Random, tally: Tally) -> list[str]:
    ground = Ground(ground.root, ground.command, "move")
    end, whole, starting = unhurt(ground, plan.files, seed, plan.size, DAEMON)
    known = ground.prepare(plan.files, seed, plan.size)
    times = plan.left(tally)
    Killer(ground, known, tally, draw, max(starting - 2.0, 0.5), _stride(whole - starting, times), plan.forget).hurt(
        DAEMON, times
    )
    found = []
    if status := ground.finish(*DAEMON):
        found.append(f"ended with {status}: {ground.said(3)}")
    return found + End.of(ground).differences_but_for_chance(end)


def _undo(ground: Ground, plan: Plan, seed: int, draw: random.Random, tally: Tally) -> list[str]:
    """Eight kills of thirteen hit the undo, five the undo of the undo."""
    _, whole, starting = unhurt(ground, plan.files, seed, plan.size)
    known = ground.prepare(plan.files, seed, plan.size)
    before = tree(ground.source, folders=True)
    ground.finish(*ground.importing)
    filed = End.of(ground)
    times = plan.left(tally)
    first = -(-times * 8 // 13)
    working = 0.5 * (whole - starting)  # an undo has nothing to hash and probe first
    killer = Killer(ground, known, tally, draw, starting * 0.8, _stride(working, first), plan.forget)
    killer.hurt(("undo", "b1"), first)
    found = _finished(ground, "undo", "b1")
    found += _unlike(before, tree(ground.source, folders=True), "undone")
    found += [f"undone, but still there: {path}" for path in tree(ground.library)]
    found += End.of(ground).faults()
    killer.stride = _stride(working, max(times - first, 1))
    killer.hurt(("undo", "b2"), times - first)
    found += _finished(ground, "undo", "b2")
    return found + [f"redone: {what}" for what in End.of(ground).differences(filed)]


def _finished(ground: Ground, *words: str) -> list[str]:
    status = ground.finish(*words)
    return [f"{' '.join(words)} ended with {status}: {ground.said(3)}"] if status else []


def _unlike(wanted: Tree, found: Tree, what: str) -> list[str]:
    return [
        f"{what}, {path!r} is {found.get(path)}, was {wanted.get(path)}"
        for path in wanted.keys() | found.keys()
        if wanted.get(path) != found.get(path)
    ]


def _stride(seconds: float, times: int) -> float:
    """Uniform up to here, so that so many kills spread over the whole work."""
    return max(2 * seconds / max(times, 1), 0.05)


@contextmanager
def standing(at: str | None, name: str) -> Iterator[str]:
    """A folder to work in: ``at``, which stays, or a temporary one."""
    if at:
        yield os.path.realpath(at)
        return
    with tempfile.TemporaryDirectory(prefix=f"albumen-{name}-") as root:
        yield os.path.realpath(root)


def shown(tally: Tally, show: Callable[[str], None] = print) -> None:
    """The histogram and what is wrong."""
    for step, count in tally.steps.most_common():
        show(f"{count:6} deeds killed after: {step}")
    for what in tally.wrong[:20]:
        show(f"wrong: {what}")


def main() -> int:
    """0 when every run ended as if unhurt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", choices=[*PATHS, "all"], default="all")
    parser.add_argument("--kills", type=int, default=100, help="on each path")
    parser.add_argument("--files", type=int, default=200, help="files per run")
    parser.add_argument("--each", type=int, default=15, help="kills per run at most")
    parser.add_argument("--size", type=int, default=3000, help="bytes per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--inside", type=int, default=0, help="fail when fewer kills than this found a deed between intend and settle"
    )
    parser.add_argument("--forget", action="store_true", help="delete state.db after every other kill")
    parser.add_argument("--albumen", default=DEFAULT, help="the command to hurt")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    broken = False
    for path in PATHS if asked.path == "all" else [asked.path]:
        began = time.monotonic()
        with standing(asked.at, "kills") as root, switch.running(Path(root, "catalog")):
            plan = Plan(asked.kills, asked.files, asked.seed, asked.size, asked.each, asked.inside, asked.forget)
            tally = kills(Ground(root, (asked.albumen,)), plan, path=path)
        shown(tally)
        print(
            f"kills of {path}: kills={tally.kills} between_intend_and_settle={tally.inside} runs={tally.runs} files={asked.files} "
            f"seed={asked.seed} wrong={len(tally.wrong)} lost={tally.lost} torn={tally.torn} "
            f"seconds={time.monotonic() - began:.0f}",
            flush=True,
        )
        broken = broken or tally.broken or tally.inside < asked.inside
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
