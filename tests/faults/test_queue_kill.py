"""A process that works a queue is killed at random: no job is lost, only those in flight run twice."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from albumen.owners import Owners
from albumen.queues.sqlite import SqliteQueue
from albumen.testing.bench_queue import a_job

JOBS, KEYS, WORKERS, KILLS = 150, 50, 8, 3


def worked(state: Path, lines: int | None) -> list[str]:
    """Start the child and let it work; kill it after so many deliveries. What it delivered, in order."""
    child = [sys.executable, str(Path(__file__).with_name("queue_child.py")), str(state), str(WORKERS)]
    with subprocess.Popen(child, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        got = []
        for line in process.stdout:
            got.append(line.strip())
            if len(got) == lines:
                os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == (0 if lines is None else -signal.SIGKILL)
    return got


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_three_times(tmp_path: Path, seed: int) -> None:
    """`U-06 (part: the queue)`: 150 jobs of two steps, eight workers, three kills."""
    chance = random.Random(seed)
    queue = SqliteQueue(str(tmp_path / "state.db"), Owners(str(tmp_path)))
    queue.put([replace(a_job(str(n), key=f"k{n % KEYS}", batch="b"), steps=("catalog", "file")) for n in range(JOBS)])
    got = []
    for _ in range(KILLS):
        got += worked(tmp_path, chance.randrange(1, 80))
    got += worked(tmp_path, None)
    counts = Counter(got)
    assert counts.keys() == {f"{n} {step}" for n in range(JOBS) for step in ("catalog", "file")}, "lost"
    assert sum(counts.values()) - len(counts) <= KILLS * WORKERS, "only what was in flight ran again"
    for n in range(JOBS):
        assert got.index(f"{n} catalog") < got.index(f"{n} file")
    assert queue.pending("b").active == queue.pending("b").later == 0
    queue.shutdown()
