"""Import of 400 twelve-megapixel JPEGs against ``cp -r`` + sync and ExifTool, in one run: ratios, never absolute goals.

    python tests/bench/import_speed.py [--rounds 5] [--files 400] [--at FOLDER]

Every round runs, in turn, on the same warm files: ``cp -r`` and sync; ExifTool copying into dated folders and sync; ``albumen
import`` copying; ``albumen import --move`` (of a fresh copy, every target re-read). Medians and ratios are printed, with the peak
memory of all processes of an import together. Goals (facts of the trial): copying ≥ 2 × ExifTool's files/s and ≤ 1.6 × cp's
time, moving ≤ 2.2 × cp's time.
"""

import argparse
import datetime as dt
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

_GOALS = (("exiftool", "copy", 2.0, "at least"), ("copy", "cp", 1.6, "at most"), ("move", "cp", 2.2, "at most"))


def make(folder: Path, files: int) -> None:
    """JPEGs of 4000 × 3000, about 3.5 MB each, every one with its own date and bytes."""
    dice = random.Random(7)
    noise = Image.frombytes("RGB", (500, 375), dice.randbytes(500 * 375 * 3))
    picture = io.BytesIO()
    noise.resize((4000, 3000), Image.Resampling.BICUBIC).save(picture, "JPEG", quality=88)
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


def timed(work: Callable[[], None]) -> float:
    """Seconds of ``work`` and a sync."""
    os.sync()
    began = time.monotonic()
    work()
    os.sync()
    return time.monotonic() - began


class Bench:
    """One bench folder: sources, and a target made anew for each run."""

    def __init__(self, home: Path, files: int) -> None:
        self.home = home
        self.source = home / "source"
        self.source.mkdir()
        self.files = files
        self.memory: list[float] = []
        make(self.source, files)

    def cp(self) -> float:
        """The floor."""
        target = self._fresh()
        return timed(lambda: self._run(["cp", "-r", str(self.source), str(target)]))

    def exiftool(self) -> float:
        """The peer."""
        target = self._fresh()
        dated = ["-d", f"{target}/%Y/%m_%B/%Y-%m-%d %H-%M-%S%%-c.%%le", "-FileName<DateTimeOriginal"]
        return timed(lambda: self._run(["exiftool", "-q", "-r", "-o", f"{target}/", *dated, str(self.source)]))

    def albumen(self, *flags: str) -> float:
        """Ours; a move takes a fresh copy of the source away."""
        target = self._fresh()
        target.mkdir()
        source = self.source
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
            assert f"Added {self.files} entries".encode() in said, said

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
    words.add_argument("--at", default=None, help="a folder on the disk to be measured")
    said = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="albumen-bench-", dir=said.at) as home:
        bench = Bench(Path(home), said.files)
        seconds: dict[str, list[float]] = {"cp": [], "exiftool": [], "copy": [], "move": []}
        for number in range(said.rounds):
            seconds["cp"].append(bench.cp())
            seconds["exiftool"].append(bench.exiftool())
            seconds["copy"].append(bench.albumen())
            seconds["move"].append(bench.albumen("--move"))
            print(f"round {number + 1}: " + ", ".join(f"{name} {found[-1]:.2f} s" for name, found in seconds.items()), flush=True)
    median = {name: statistics.median(found) for name, found in seconds.items()}
    print("medians: " + ", ".join(f"{name} {value:.2f} s" for name, value in median.items()))
    print(f"memory of all processes together: at most {max(bench.memory):.0f} MB")
    missed = 0
    for above, below, goal, way in _GOALS:
        ratio = median[above] / median[below]
        good = ratio >= goal if way == "at least" else ratio <= goal
        missed += not good
        print(f"{above} / {below} = {ratio:.2f} ({way} {goal}{'' if good else ': MISSED'})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
