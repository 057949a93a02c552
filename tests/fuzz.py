"""Damaged files of every format through the limited children: ``python tests/fuzz.py N [seed]``.

Prints the seed first and "N passed, 0 failed" last. A file passes when it is read or rejected with a reason, within its limits, and
neither its child nor this process stumbles or grows; read once more in this process, nothing but ``Rejected`` or ``OSError`` may
come of it. Originals are made by ``make.seeds``; real files are added where the corpus lies beside the repository. Files that fail
are kept in the folder for temporary files.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from types import TracebackType

import make
from albumen.errors import Rejected
from albumen.media import probe, signature
from albumen.media.readers.window import Memory
from albumen.media.sandbox import Prober
from make import mutants, seeds

CORPUS = os.path.join(os.path.dirname(__file__), "..", "..", "shared", "corpus", "open")
LARGE = 120_000  # bytes: originals beyond it cost time and teach nothing more
EACH = 30  # real files of one type
CPU, WALL = 5, 20  # seconds, the limits of a file
GROWTH = 128 << 10  # KiB that this process may grow, which reads the files, too
CHILD = 256 << 10  # KiB that a child may hold at its peak


def originals() -> Mapping[str, tuple[str, bytes]]:
    """Name → (type, bytes): what we make, and real files of the types we read, some of them damaged already."""
    found = {name: (_type(name, data), data) for name, data in seeds.every_type().items()}
    per_type: Counter[str] = Counter()
    for folder, folders, names in os.walk(CORPUS):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not 0 < os.path.getsize(path) <= LARGE:
                continue
            with open(path, "rb") as file:
                data = file.read()
            kind = _type(name, data)
            per_type[kind] += 1
            if kind != "-" and per_type[kind] <= EACH:
                found[os.path.relpath(path, CORPUS)] = (kind, data)
    return found


def _type(name: str, data: bytes) -> str:
    found = signature.sniff(data[:4096], name)
    return found[1] if found else signature.companion_role(name, data[:4096]) or "-"


class _Watch:
    """``why`` tells what came out of the block that is not documented, or that it took too long; "" for nothing."""

    why = ""

    def __enter__(self) -> "_Watch":
        signal.setitimer(signal.ITIMER_REAL, WALL)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if error is not None and not isinstance(error, Rejected | OSError):
            self.why = "".join(traceback.format_exception(error, limit=-4))
        return isinstance(error, Exception)


class _TooLongError(Exception):
    """The alarm of this process went off."""


class Run:
    """One run of so many files."""

    def __init__(self, seed: int, folder: str) -> None:
        self.dice = random.Random(seed)
        self.seed, self.failed, self.slowest, self.peak = seed, 0, 0.0, 0
        self.became: Counter[str] = Counter()
        self.files = originals()
        self._by_type: dict[str, list[str]] = {}
        for name, (kind, _) in self.files.items():
            self._by_type.setdefault(kind, []).append(name)
        self._path = os.path.join(folder, "mutant")
        self._prober = Prober(1, cpu=CPU, wall=WALL)
        self.types = sorted(self._by_type)

    def one(self, number: int) -> None:
        """Damage one file, read it twice. Types are equally likely, so that none hides behind the many JPEGs."""
        name = self.dice.choice(self._by_type[self.dice.choice(self.types)])
        data, other = self.files[name][1], self.files[self.dice.choice(list(self.files))][1]
        data = mutants.mutant(data, other, self.dice)
        make.write(self._path, data)
        why = self._in_child(name) or self._here(data, name)
        if why:
            self.failed += 1
            kept = os.path.join(tempfile.gettempdir(), f"fuzz-{self.seed}-{number}-{os.path.basename(name)}")
            print(f"{make.write(kept, data)}: {why}", flush=True)
        if number % 200 == 0:
            self._measure()

    def _in_child(self, name: str) -> str:
        """ "" when all is well."""
        began = time.monotonic()
        why = ""
        try:
            facts = self._prober.probe(self._path, name=os.path.basename(name))
            self.became["damaged" if facts.damaged else "read"] += 1
        except Rejected as error:
            self.became["rejected"] += 1
            why = str(error) if "decoder" in str(error) or "memory" in str(error) else ""
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        return why or (f"took {took:.1f} s, beyond the limit" if took > WALL else "")

    def _here(self, data: bytes, name: str) -> str:
        with _Watch() as watch:
            probe.facts(Memory(data), os.path.basename(name))
        return watch.why

    def _measure(self) -> None:
        self.peak = max([self.peak, *map(_peak, _children())])

    def close(self) -> None:
        """End the child; its memory was measured before."""
        self._measure()
        self._prober.close()


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(one) for one in file.read().split()]


def _peak(pid: int) -> int:
    """The most that a process held in memory so far, in KiB."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def main(count: int, seed: int) -> int:
    """Exit status 1 when a file failed."""
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(seed, folder)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{len(run.files)} originals of {len(run.types)} types: {' '.join(run.types)}", flush=True)
        for number in range(count):
            run.one(number)
        run.close()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    outcome = ", ".join(f"{number} {what}" for what, number in sorted(run.became.items()))
    print(f"{outcome}; slowest {run.slowest:.2f} s; child's peak {run.peak >> 10} MiB; this process grew by {grown >> 10} MiB")
    for limit, size, who in ((GROWTH, grown, "this process grew by"), (CHILD, run.peak, "a child held")):
        if size > limit:
            run.failed += 1
            print(f"{who} {size} KiB, more than {limit}")
    print(f"{count - run.failed} passed, {run.failed} failed (seed {seed})")
    return 1 if run.failed else 0


def _too_long(_signal: int, _frame: object) -> None:
    raise _TooLongError(f"took longer than {WALL} s in this process")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    sys.exit(main(asked.count, asked.seed))
