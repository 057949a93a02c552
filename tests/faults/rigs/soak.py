"""The daemon for twenty minutes under five new files a second, then idle: memory, descriptors, threads and CPU stay flat.

    python -m faults.rigs.soak --minutes 20

What is judged, and why there:

- over the last three quarters of the load, by the median slope: memory less than 0.2 MB a minute (300 files come in a minute: one
  object of 0.7 KB that each left behind would be seen), descriptors less than 0.1 and threads less than 0.05 a minute (one left by a
  thousand files would be 0.3), CPU of the last third at most a quarter above that of the first (a look whose cost grows with what
  was seen before would double it; less is the noise of a machine that is shared);
- idle, after a minute of rest: less than 0.5 % of one core, less than 120 MB, children included;
- each file lies in the library once, none is left in the inbox, ``status`` says that all is well.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from faults.rigs import vitals
from faults.rigs.kills import standing
from faults.rigs.looks import tree, unsound
from faults.rigs.rig import DEFAULT, send
from faults.rigs.vitals import Vitals
from make import jpeg_bytes

_MEMORY = 0.2e6  # bytes a minute
_DESCRIPTORS = 0.1  # a minute
_THREADS = 0.05  # a minute
_BUSIER = 0.25
_IDLE_CPU = 0.005
_IDLE_MEMORY = 120e6
_EVERY = 5.0  # seconds between samples
_FILED = 90.0  # seconds until the last file is filed
_JUDGED = 5 * 60.0  # seconds that samples must span for their slopes to say anything
_SIZE = 20_000  # bytes of a file
_CONFIG = """
[state]
dir = "{root}/state"
[store.nas]
type = "local"
root = "{root}/library"
[library]
store = "nas"
[source.in]
type = "local"
path = "{root}/in"
mode = "move"
[[route]]
from = "in"
steps = ["catalog", "file"]
"""


@dataclass(frozen=True)
class Plan:
    """What is done: ``rate`` files a second for ``load`` seconds, then nothing for ``rest`` and ``idle`` seconds."""

    load: float
    rate: float = 5.0
    rest: float = 60.0
    idle: float = 180.0
    every: float = _EVERY


@dataclass
class Tally:
    """What was seen."""

    files: set[str] = field(default_factory=set)  # sha256
    loaded: list[Vitals] = field(default_factory=list)
    idle: list[Vitals] = field(default_factory=list)
    late: float = 0.0  # seconds the writer was behind its rate at most
    wrong: list[str] = field(default_factory=list)

    @property
    def last(self) -> Sequence[Vitals]:
        """The last three quarters of the load."""
        return self.loaded[len(self.loaded) // 4 :]

    @property
    def idle_cpu(self) -> float:
        """Share of one core."""
        one, other = self.idle[0], self.idle[-1]
        return (other.cpu - one.cpu) / (other.at - one.at)

    def judge(self) -> None:
        """Write down what is too much."""
        last = self.last
        if last and last[-1].at - last[0].at >= _JUDGED:
            for what, limit, of in _FLAT:
                if (grows := vitals.slope(last, of)) > limit:
                    self.wrong.append(f"{what} grow by {grows:.3g} a minute, more than {limit:g}")
            if (more := vitals.busier(last)) > _BUSIER:
                self.wrong.append(f"the CPU's last third is {more:.0%} above the first")
        if self.idle_cpu >= _IDLE_CPU:
            self.wrong.append(f"idle it takes {self.idle_cpu:.2%} of a core, not less than {_IDLE_CPU:.1%}")
        if (most := max(one.rss for one in self.idle)) >= _IDLE_MEMORY:
            self.wrong.append(f"idle it takes {most / 1e6:.0f} MB, not less than {_IDLE_MEMORY / 1e6:.0f}")


_FLAT: Sequence[tuple[str, float, Callable[[Vitals], float]]] = (
    ("bytes of memory", _MEMORY, lambda one: one.rss),
    ("descriptors", _DESCRIPTORS, lambda one: one.descriptors),
    ("threads", _THREADS, lambda one: one.threads),
)


def soak(root: str, command: str, plan: Plan) -> Tally:
    """Load, rest, idle; then the end."""
    tally = Tally()
    for folder in ("in", "library", "state", "draft"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    config = os.path.join(root, "albumen.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(_CONFIG.format(root=root))
    with open(os.path.join(root, "log"), "ab") as log:
        words = [command, "--config", config, "run"]
        daemon = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        _load(root, daemon.pid, plan, tally)
        _filed(root, tally)
        time.sleep(plan.rest)
        _idle(daemon.pid, plan, tally)
        _status(command, config, tally)
        send(daemon, signal.SIGTERM)
        if status := daemon.wait(40):
            tally.wrong.append(f"the daemon ended with {status}")
    except ProcessLookupError:
        with open(os.path.join(root, "log"), encoding="utf-8", errors="replace") as said:
            raise SystemExit(f"the daemon ended with {daemon.wait(40)}: {said.read()[-3000:]}") from None
    finally:
        send(daemon, signal.SIGKILL)
    tally.judge()
    tally.wrong += [f"{name} is unsound" for name in unsound(os.path.join(root, "state"))]
    return tally


def _load(root: str, pid: int, plan: Plan, tally: Tally) -> None:
    """Drop the files at their times; sample between them."""
    draw = random.Random(1)
    began = time.monotonic()
    sampled = began
    for number in range(round(plan.load * plan.rate)):
        due = began + number / plan.rate
        if (ahead := due - time.monotonic()) > 0:
            time.sleep(ahead)
        tally.late = max(tally.late, -ahead)
        tally.files.add(_drop(root, number, draw))
        if time.monotonic() - sampled >= plan.every:
            sampled = time.monotonic()
            tally.loaded.append(vitals.sample(pid))


def _drop(root: str, number: int, draw: random.Random) -> str:
    """A new picture, taken at some moment of twenty years, complete when it appears."""
    when = f"{2000 + draw.randrange(20)}:{draw.randint(1, 12):02}:{draw.randint(1, 28):02} 10:{number // 60 % 60:02}:{number % 60:02}"
    data = jpeg_bytes(when=when, comment=draw.randbytes(_SIZE))
    draft = os.path.join(root, "draft", f"IMG_{number:05}.jpg")
    with open(draft, "wb") as file:
        file.write(data)
    os.rename(draft, os.path.join(root, "in", f"IMG_{number:05}.jpg"))
    return hashlib.sha256(data).hexdigest()


def _filed(root: str, tally: Tally) -> None:
    """Wait until the inbox is empty; then each content lies in the library once."""
    deadline = time.monotonic() + _FILED
    while left := os.listdir(os.path.join(root, "in")):
        if time.monotonic() > deadline:
            tally.wrong.append(f"{len(left)} files are still in the inbox after {_FILED:.0f} s")
            break
        time.sleep(0.5)
    found = Counter(digest for digest, _, _ in tree(os.path.join(root, "library")).values())
    if missing := tally.files - found.keys():
        tally.wrong.append(f"{len(missing)} files are not in the library")
    if more := [digest for digest, count in found.items() if count > 1 or digest not in tally.files]:
        tally.wrong.append(f"{len(more)} contents lie in the library twice, or came from nowhere")


def _idle(pid: int, plan: Plan, tally: Tally) -> None:
    end = time.monotonic() + plan.idle
    tally.idle.append(vitals.sample(pid))
    while time.monotonic() < end:
        time.sleep(min(plan.every, plan.idle))
        tally.idle.append(vitals.sample(pid))


def _status(command: str, config: str, tally: Tally) -> None:
    words = [command, "--config", config, "status"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    said = done.stdout.decode(errors="replace")
    if done.returncode or not said.startswith("all is well\n") or f"records: {len(tally.files)}\n" not in said:
        tally.wrong.append(f"status ended with {done.returncode} and said: {said[:500]}")


def figures(tally: Tally) -> str:
    """The line for a person."""
    last, end = tally.last, tally.loaded[-1]
    minutes = (last[-1].at - last[0].at) / 60
    memory, descriptors, threads = (vitals.slope(last, of) for _, _, of in _FLAT)
    cpu = (last[-1].cpu - last[0].cpu) / (last[-1].at - last[0].at)
    return (
        f"files={len(tally.files)} writer_late={tally.late:.1f}s judged={minutes:.1f}min "
        f"rss={end.rss / 1e6:.0f}MB{memory / 1e6:+.3f}/min fds={end.descriptors}{descriptors:+.3f}/min "
        f"threads={end.threads}{threads:+.3f}/min cpu={cpu:.1%} cpu_last_third={vitals.busier(last):+.0%} "
        f"idle_cpu={tally.idle_cpu:.2%} idle_rss={max(one.rss for one in tally.idle) / 1e6:.0f}MB "
        f"idle_fds={tally.idle[-1].descriptors} idle_threads={tally.idle[-1].threads}"
    )


def main() -> int:
    """0 when all stays flat and nothing is lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="of load")
    parser.add_argument("--rate", type=float, default=5.0, help="files a second")
    parser.add_argument("--idle", type=float, default=3.0, help="minutes, after one of rest")
    parser.add_argument("--albumen", default=DEFAULT, help="the command")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    began = time.monotonic()
    with standing(asked.at, "soak") as root:
        tally = soak(root, asked.albumen, Plan(asked.minutes * 60, asked.rate, idle=asked.idle * 60))
    for one in tally.loaded[:: max(1, len(tally.loaded) // 20)]:
        minute = (one.at - tally.loaded[0].at) / 60
        print(
            f"{minute:5.1f} min  {one.rss / 1e6:6.1f} MB  {one.descriptors} descriptors  {one.threads} threads  {one.cpu:.1f} s CPU"
        )
    for what in tally.wrong[:20]:
        print("wrong:", what)
    print(f"soak: {figures(tally)} wrong={len(tally.wrong)} seconds={time.monotonic() - began:.0f}")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
