"""Import of 400 twelve-megapixel JPEGs against ``cp -r`` + sync and ExifTool, in one run: ratios, never absolute goals.

    python tests/bench/import_speed.py [--rounds 5] [--files 400] [--small 1000] [--at FOLDER]

Every round runs, in turn, on the same warm files: ``cp -r`` and sync; ExifTool copying into dated folders and sync; phockup, where it
is installed; ``albumen import`` copying; ``albumen import --move`` (of a fresh copy, every target re-read); ``albumen import`` of
small pictures. Medians and ratios are printed, with the CPU seconds of each (which say more on a machine that has other work) and
the peak memory of all processes of an import together. Goals: copying ≥ 1.3 × ExifTool's and ≥ 5 × phockup's files/s and ≤ 2.2 × cp's
time, moving ≤ 2.2 × cp's time, 50 small pictures a second, less than 500 MB.
"""

import argparse
import datetime as dt
import io
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

_GOALS = (
    *(("exiftool", "copy", 1.3, "at least"), ("phockup", "copy", 5.0, "at least"), ("copy", "cp", 2.2, "at most")),
    ("move", "cp", 2.2, "at most"),
)
_SMALL = 50.0  # small pictures a second
_MEGABYTES = 500.0


def make(folder: Path, files: int, size: tuple[int, int] = (4000, 3000)) -> None:
    """JPEGs, of 4000 × 3000 about 3.5 MB each, every one with its own date and bytes."""
    dice = random.Random(7)
    noise = Image.frombytes("RGB", (500, 375), dice.randbytes(500 * 375 * 3))
    picture = io.BytesIO()
    noise.resize(size, Image.Resampling.BICUBIC).save(picture, "JPEG", quality=88)
    body = picture.getvalue()[2:]
    start = dt.datetime(2021, 1, 1)  # noqa: DTZ001  # a camera's clock has no zone
    for number in range(files):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = (start + dt.timedelta(hours=7 * number)).strftime("%Y:%m:%d %H:%M:%S")
        block = exif.tobytes()
        comment = b"%08d" % number
        head = b"\xff\xd8\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + b"\xff\xfe\x00\x0a" + comment
        path = folder / str(number // 100) / f"IMG_{number:04d}.JPG"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(head + body)


class Memory:
    """Peak of the resident memory of a process and all below it, in MB, looked at every 20 ms while it runs."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.peak = 0.0
        self._process = process
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while self._process.poll() is None:
            self.peak = max(self.peak, sum(map(_resident, _family(self._process.pid))))
            time.sleep(0.02)

    def done(self) -> float:
        """The peak, once the process ended."""
        self._thread.join()
        return self.peak


def _family(pid: int) -> Sequence[int]:
    found = [pid]
    for one in found:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return found


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


@dataclass(frozen=True)
class Time:
    """Seconds on the wall, the final sync included, and of CPU, of the process and all it started."""

    wall: float
    cpu: float


def timed(work: Callable[[], None]) -> Time:
    """The time of ``work`` and a sync."""
    os.sync()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    work()
    os.sync()
    wall = time.monotonic() - began
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Time(wall, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)


class Bench:
    """One bench folder: sources, and a target made anew for each run."""

    def __init__(self, home: Path, files: int, small: int) -> None:
        self.home = home
        self.source = home / "source"
        self.source.mkdir()
        self.files = files
        self.memory: list[float] = []
        make(self.source, files)
        self.little = home / "little"
        self.little.mkdir()
        make(self.little, small, (320, 240))
        self.small_files = small

    def cp(self) -> Time:
        """The floor."""
        target = self._fresh()
        return timed(lambda: self._run(["cp", "-r", str(self.source), str(target)]))

    def exiftool(self) -> Time:
        """The peer."""
        target = self._fresh()
        dated = ["-d", f"{target}/%Y/%m_%B/%Y-%m-%d %H-%M-%S%%-c.%%le", "-FileName<DateTimeOriginal"]
        return timed(lambda: self._run(["exiftool", "-q", "-r", "-o", f"{target}/", *dated, str(self.source)]))

    def phockup(self) -> Time:
        """Another peer."""
        target = self._fresh()
        return timed(lambda: self._run(["phockup", str(self.source), str(target), "-d", "YYYY/MM"]))

    def small(self) -> Time:
        """Ours, of small pictures."""
        return self.albumen(source=self.little, files=self.small_files)

    def move(self) -> Time:
        """Ours, of a fresh copy of the source, which is taken away."""
        return self.albumen("--move")

    def albumen(self, *flags: str, source: Path | None = None, files: int | None = None) -> Time:
        """Ours."""
        target = self._fresh()
        target.mkdir()
        source = source or self.source
        if "--move" in flags:
            source = self.home / "moved"
            shutil.rmtree(source, ignore_errors=True)
            shutil.copytree(self.source, source)
            time.sleep(2.1)  # not young any more when it is imported

        def work() -> None:
            command = [sys.executable, "-m", "albumen", "import", "-r", *flags, str(source)]
            process = subprocess.Popen(command, cwd=target, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"})
            memory = Memory(process)
            said = process.communicate()[0]
            self.memory.append(memory.done())
            assert process.returncode == 0, said
            assert f"Added {files or self.files} entries".encode() in said, said

        return timed(work)

    def _fresh(self) -> Path:
        target = self.home / "target"
        shutil.rmtree(target, ignore_errors=True)
        for path in self.source.rglob("*.JPG"):  # warm for everybody
            path.read_bytes()
        return target

    @staticmethod
    def _run(command: Sequence[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Run the rounds and print the figures; 1 when a goal is missed."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--files", type=int, default=400)
    words.add_argument("--small", type=int, default=1000)
    words.add_argument("--at", default=None, help="a folder on the disk to be measured")
    said = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="albumen-bench-", dir=said.at) as home:
        bench = Bench(Path(home), said.files, said.small)
        runs = {"cp": bench.cp, "exiftool": bench.exiftool, "phockup": bench.phockup, "copy": bench.albumen, "move": bench.move}
        runs = {name: run for name, run in runs.items() if name not in {"exiftool", "phockup"} or shutil.which(name)}
        runs["small"] = bench.small
        times: dict[str, list[Time]] = {name: [] for name in runs}
        for number in range(said.rounds):
            for name, run in runs.items():
                times[name].append(run())
            print(f"round {number + 1}: " + ", ".join(_told(name, found[-1]) for name, found in times.items()), flush=True)
    middle = {
        name: Time(statistics.median(one.wall for one in found), statistics.median(one.cpu for one in found))
        for name, found in times.items()
    }
    print("medians: " + ", ".join(_told(name, found) for name, found in middle.items()))
    return _judged(middle, said.small, max(bench.memory))


def _told(name: str, found: Time) -> str:
    return f"{name} {found.wall:.2f} s ({found.cpu:.2f} CPU)"


def _judged(middle: Mapping[str, Time], small: int, memory: float) -> int:
    missed = 0
    for above, below, goal, way in _GOALS:
        if above not in middle:
            print(f"{above}: not installed, not measured")
            continue
        ratio, cpu = middle[above].wall / middle[below].wall, middle[above].cpu / middle[below].cpu
        good = ratio >= goal if way == "at least" else ratio <= goal
        missed += not good
        print(f"{above} / {below} = {ratio:.2f} ({way} {goal}{'' if good else ': MISSED'}), of CPU {cpu:.2f}")
    rate = small / middle["small"].wall
    print(f"small pictures: {rate:.0f} a second (at least {_SMALL:g}), {small / middle['small'].cpu:.0f} a second of CPU")
    print(f"memory of all processes together: at most {memory:.0f} MB (below {_MEGABYTES:g})")
    return 1 if missed or rate < _SMALL or memory >= _MEGABYTES else 0


if __name__ == "__main__":
    sys.exit(main())
