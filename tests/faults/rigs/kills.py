"""``kill -9`` at random moments of ``import --move``, started again each time, until it ends: the end is that of an unhurt run.

    python -m faults.rigs.kills --kills 100 --files 200

As many imports as needed for that many kills; after each its trees, export, ledger and databases are compared. Prints where the
kills fell (from the traces of the killed processes) and one result line.
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
from contextlib import nullcontext
from dataclasses import dataclass, field

from faults.rigs.looks import last_steps, open_deeds, tree
from faults.rigs.rig import DEFAULT, End, Ground, send, unhurt


@dataclass
class Tally:
    """What happened so far. ``open`` = deeds that each kill left open."""

    kills: int = 0
    imports: int = 0
    lost: int = 0
    torn: int = 0
    wrong: list[str] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    open: list[int] = field(default_factory=list)


def kills(ground: Ground, *, wanted: int, files: int, seed: int, size: int, each: int, undo: bool = False) -> Tally:
    """``wanted`` kills, at most ``each`` during one import of ``files`` pictures; ``undo`` = undone (unhurt) after each."""
    draw = random.Random(seed)
    tally = Tally()
    while tally.kills < wanted:
        seed += 1
        end, whole, starting = unhurt(ground, files, seed, size)
        known = ground.prepare(files, seed, size)
        before = tree(ground.source)
        last = min(wanted, tally.kills + each)
        stride = max(2 * (whole - starting) / each, 0.05)  # uniform up to here, so that the kills spread over the whole import
        while tally.kills < last:
            delay = draw.uniform(0, starting) if draw.random() < 0.1 else starting + draw.uniform(0, stride)
            if not _kill_one(ground, delay, tally):
                break
            lost, torn = ground.look(known)
            tally.lost, tally.torn = tally.lost + lost, tally.torn + torn
        status = ground.finish("import", ground.source, "--move", "-r")
        tally.imports += 1
        tally.wrong += [f"import {tally.imports} ended with {status}"] if status else []
        tally.wrong += [f"import {tally.imports}: {what}" for what in End.of(ground).differences(end)]
        if undo:
            status = ground.finish("undo", "last")
            same = status == 0 and tree(ground.source) == before and not tree(ground.library)
            tally.wrong += [] if same else [f"import {tally.imports}: undone with {status}, the trees are not as before"]
        last_steps(ground.trace)
    return tally


def _kill_one(ground: Ground, delay: float, tally: Tally) -> bool:
    """False when the import ended before the kill."""
    last_steps(ground.trace)
    process = ground.start_import()
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        send(process, signal.SIGKILL)
        tally.kills += 1
        tally.steps += last_steps(ground.trace) or Counter({"?": 1})
        tally.open.append(open_deeds(ground.state))
        return True
    return False


def main() -> int:
    """0 when every import ended as if unhurt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--files", type=int, default=200, help="pictures per import")
    parser.add_argument("--each", type=int, default=10, help="kills per import at most")
    parser.add_argument("--size", type=int, default=100_000, help="bytes per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--undo", action="store_true", help="after each import undo it, and compare with the source as it was")
    parser.add_argument("--albumen", default=DEFAULT, help="the command to hurt")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    began = time.monotonic()
    with nullcontext(asked.at) if asked.at else tempfile.TemporaryDirectory(prefix="albumen-kills-") as root:
        ground = Ground(os.path.realpath(root), (asked.albumen,))
        sizes = {"wanted": asked.kills, "files": asked.files, "seed": asked.seed, "size": asked.size, "each": asked.each}
        tally = kills(ground, **sizes, undo=asked.undo)
    for step, count in tally.steps.most_common():
        print(f"{count:5} {step}")
    for what in tally.wrong[:20]:
        print("wrong:", what)
    print(
        f"kills: kills={tally.kills} imports={tally.imports} files={asked.files} seed={asked.seed} wrong={len(tally.wrong)} "
        f"lost={tally.lost} torn={tally.torn} left_open={sum(count > 0 for count in tally.open)} "
        f"seconds={time.monotonic() - began:.0f}"
    )
    return 1 if tally.wrong or tally.lost or tally.torn else 0


if __name__ == "__main__":
    sys.exit(main())
