"""Two at once on one folder: two imports, or an import beside the daemon that watches it; any of them killed, then started again.

    python -m faults.rigs.two --rounds 8 --files 300

The end is that of a single import: each content once, nothing lost, every command returns. Beside the daemon equal names are
numbered in the order of arrival, which is chance; beside another import they are not.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from faults.rigs.kills import DAEMON, standing
from faults.rigs.looks import open_deeds
from faults.rigs.rig import DEFAULT, End, Ground, send, unhurt

_RETURNS = 150  # seconds after which a command counts as hanging
_PATIENT = ("run", "--idle-exit", "12")  # a file that the other one holds is tried again after 2 and 8 s


@dataclass(frozen=True)
class Round:
    """``mode`` of both, whether the second is the daemon, and which of the two are killed."""

    mode: str
    daemon: bool
    killed: tuple[int, ...]


ROUNDS = (
    Round("copy", daemon=False, killed=()),
    Round("move", daemon=False, killed=()),
    Round("copy", daemon=False, killed=(0,)),
    Round("move", daemon=False, killed=(1,)),
    Round("move", daemon=False, killed=(0, 1)),
    Round("move", daemon=True, killed=()),
    Round("move", daemon=True, killed=(1,)),
    Round("copy", daemon=True, killed=(0, 1)),
    Round("copy", daemon=False, killed=(0, 1)),
    Round("move", daemon=True, killed=(0,)),
    Round("copy", daemon=True, killed=(1,)),
)


@dataclass
class Tally:
    """What happened so far."""

    rounds: int = 0
    kills: int = 0
    lost: int = 0
    torn: int = 0
    wrong: list[str] = field(default_factory=list)


def two(ground: Ground, *, rounds: int, files: int, seed: int, size: int) -> Tally:
    """Each round on a new source."""
    draw = random.Random(seed)
    tally = Tally()
    for number in range(rounds):
        one = ROUNDS[number % len(ROUNDS)]
        here = Ground(ground.root, ground.command, one.mode if one.daemon else "")
        words = ("import", here.source, "-r", *(["--move"] if one.mode == "move" else []))
        wanted, whole, starting = unhurt(here, files, seed + number, size, words)
        known = here.prepare(files, seed + number, size)
        moments = [starting * 0.8 + draw.uniform(0, whole - starting) for _ in range(2)]
        found = _round(here, one, words, moments, tally)
        lost, torn = here.look(known)
        tally.lost, tally.torn = tally.lost + lost, tally.torn + torn
        end = End.of(here)
        found += end.differences_but_for_chance(wanted) if one.daemon else end.differences(wanted)
        tally.wrong += [f"{one}: {what}" for what in found]
        tally.rounds += 1
    return tally


def _round(ground: Ground, one: Round, words: Sequence[str], moments: Sequence[float], tally: Tally) -> list[str]:
    """Both at once; what was killed is started again at the end, one after the other."""
    lines = [words, _PATIENT if one.daemon else words]
    began = time.monotonic()
    running = [ground.start(*line) for line in lines]
    for which in sorted(one.killed, key=lambda which: moments[which]):
        try:
            running[which].wait(max(0.0, began + moments[which] - time.monotonic()))
        except subprocess.TimeoutExpired:
            send(running[which], signal.SIGKILL)
            tally.kills += 1
    found = [f"{lines[which][0]} {_status(process)}" for which, process in enumerate(running) if which not in one.killed]
    found = [what for what in found if not what.endswith(" 0")]
    for which in one.killed:
        _status(running[which])
        if status := ground.finish(*lines[which], longest=_RETURNS):
            found.append(f"{lines[which][0]} again ended with {status}: {ground.said(3)}")
    if one.daemon:  # a batch whose job waited is closed half a minute later, or by the next to come
        found += [f"the next daemon ended with {status}"] if (status := ground.finish(*DAEMON)) else []
        if open_deeds(ground.state):  # or its third try is 30 s away, after a killed import held the file for long
            ground.finish("run", "--idle-exit", "70")
    return found


def _status(process: subprocess.Popen[bytes]) -> str:
    try:
        return f"ended with {process.wait(_RETURNS)}"
    except subprocess.TimeoutExpired:
        return f"did not return within {_RETURNS} s"
    finally:
        send(process, signal.SIGKILL)


def main() -> int:
    """0 when every round ended as a single import."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--size", type=int, default=3000, help="bytes per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--albumen", default=DEFAULT, help="the command to hurt")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    began = time.monotonic()
    with standing(asked.at, "two") as root:
        ground = Ground(root, (asked.albumen,))
        tally = two(ground, rounds=asked.rounds, files=asked.files, seed=asked.seed, size=asked.size)
    for what in tally.wrong[:20]:
        print("wrong:", what)
    print(
        f"two: rounds={tally.rounds} kills={tally.kills} files={asked.files} seed={asked.seed} wrong={len(tally.wrong)} "
        f"lost={tally.lost} torn={tally.torn} seconds={time.monotonic() - began:.0f}"
    )
    return 1 if tally.wrong or tally.lost or tally.torn else 0


if __name__ == "__main__":
    sys.exit(main())
