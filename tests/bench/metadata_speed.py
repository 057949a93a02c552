"""Metadata of 400 camera-like JPEGs in one pass, against ``exiftool -stay_open`` and Pillow alone, in one run: ratios and CPU.

    python tests/bench/metadata_speed.py [--rounds 5] [--files 400] [--from FOLDER] [--at FOLDER]

The files have 3 to 4 MB with EXIF (maker's note, position, thumbnail), XMP, IPTC and a profile; or they are those below ``--from``.
Every round, on the same warm files: our reader in this process; the limited children, one and as many as cores; ExifTool, started
before, all files in one command; Pillow, ``open``, ``getexif``, ``get_ifd`` for EXIF and GPS, and no more. Medians in ms per file;
CPU is that of all processes that took part, which says more on a machine that has other work. Goal: ours, in this process and in
the children, ≤ 0.25 × ExifTool's.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image

from albumen.media import probe
from albumen.media.sandbox import Prober
from make.entries import bag, iptc, profile, segment, words, xmp
from make.exif import block, rationals, short, text, undefined

_GOAL = 0.25
_TICK = os.sysconf("SC_CLK_TCK")
Pass = Callable[[Sequence[str]], int]  # reads all files, tells how many dates it found


def make(folder: Path, count: int) -> Sequence[str]:
    """The files, each with its own date and bytes."""
    dice = random.Random(5)
    picture = Image.frombytes("RGB", (500, 375), dice.randbytes(500 * 375 * 3)).resize((4000, 3000), Image.Resampling.BICUBIC)
    picture.save(folder / "picture.jpg", "JPEG", quality=88)
    body = (folder / "picture.jpg").read_bytes()[2:]
    packet = xmp(words("dc:title", "At the river") + bag("dc:subject", "Aare", "Bern"), xmp__Rating="3")
    rest = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet) + segment(
        0xED, iptc([(5, "At the river"), (25, "Bern")], digest=True)
    )
    rest += segment(0xE2, b"ICC_PROFILE\0\1\1" + profile("Display P3"))
    (folder / "picture.jpg").unlink()
    paths = []
    for number in range(count):
        taken = f"2021:{number // 28 % 12 + 1:02}:{number % 28 + 1:02} 12:{number % 60:02}:00"
        path = folder / f"IMG_{number:04}.JPG"
        path.write_bytes(b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + _exif(taken, dice)) + rest + body + b"%08d" % number)
        paths.append(str(path))
    return paths


def _exif(taken: str, dice: random.Random) -> bytes:
    note = b"OLYMPUS\0II\x03\0\1\0\7\2\7\0" + (20_000).to_bytes(4, "little") + b"\x40\0\0\0\0\0\0\0" + dice.randbytes(20_000)
    exposure = [rationals(0x829A, [(1, 250)]), rationals(0x829D, [(28, 10)]), short(0x8827, 200), rationals(0x920A, [(25, 1)])]
    return block(
        when=taken,
        offset="+02:00",
        subsec="25",
        gps=(46.948865, 7.431296),
        altitude=540.0,
        make="OLYMPUS CORPORATION",
        model="E-M10",
        orientation=1,
        main=[text(0x010E, "At the river"), text(0x0131, "Version 1.0"), undefined(0xEA1C, dice.randbytes(8000))],
        more=[*exposure, undefined(0x927C, note), text(0xA431, "BHP1"), text(0xA434, "M.25mm F1.8")],
    )


# --------------------------------------------------------------------------------------------------------------------- who reads


def _here(paths: Sequence[str]) -> int:
    return sum(any(one.source == "exif:DateTimeOriginal" for one in probe.read(path).stamps) for path in paths)


def _pillow(paths: Sequence[str]) -> int:
    found = 0
    for path in paths:
        with Image.open(path) as picture:
            exif = picture.getexif()
            found += 0x9003 in exif.get_ifd(0x8769)
            exif.get_ifd(0x8825)
    return found


@contextmanager
def _children(number: int, paths: Sequence[str]) -> Iterator[Pass]:
    prober, pool = Prober(number), ThreadPoolExecutor(number)

    def read(path: str) -> bool:
        return any(one.source == "exif:DateTimeOriginal" for one in prober.probe(path).stamps)

    list(pool.map(read, paths[: 4 * number]))  # they start with their first file
    yield lambda some: sum(pool.map(read, some))
    pool.shutdown()
    prober.close()


@contextmanager
def _exiftool(paths: Sequence[str]) -> Iterator[Pass]:
    process = subprocess.Popen(
        ["exiftool", "-stay_open", "True", "-@", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    asked, answers = process.stdin, process.stdout
    assert asked is not None
    assert answers is not None

    def ask(some: Sequence[str]) -> int:
        asked.write("\n".join(["-json", "-n", *some, "-execute\n"]).encode())
        asked.flush()
        lines = []
        while (line := answers.readline()) != b"{ready}\n":
            lines.append(line)
        return sum("DateTimeOriginal" in one for one in json.loads(b"".join(lines)))

    ask(paths[:4])
    yield ask
    asked.write(b"-stay_open\nFalse\n")
    asked.close()
    process.wait()
    answers.close()


# ----------------------------------------------------------------------------------------------------------------------- the run


def _cpu() -> float:
    """Seconds of CPU of this process and its living children."""
    spent = 0.0
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        pids = [os.getpid(), *map(int, file.read().split())]
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != os.getpid():
            pids += map(int, (task / "children").read_text().split())
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent += (int(fields[11]) + int(fields[12])) / _TICK
    return spent


def main(rounds: int, paths: Sequence[str]) -> int:
    """0 when the goal is reached."""
    cores = len(os.sched_getaffinity(0))
    with _exiftool(paths) as exiftool, _children(1, paths) as one, _children(cores, paths) as all_:
        passes: dict[str, Pass] = {
            "here": _here,
            "one child": one,
            f"{cores} children": all_,
            "exiftool": exiftool,
            "pillow": _pillow,
        }
        wall: dict[str, list[float]] = {name: [] for name in passes}
        cpu: dict[str, list[float]] = {name: [] for name in passes}
        dates = {}
        for _ in range(rounds):
            for name, read in passes.items():
                began, before = time.perf_counter(), _cpu()
                dates[name] = read(paths)
                wall[name].append((time.perf_counter() - began) * 1000 / len(paths))
                cpu[name].append((_cpu() - before) * 1000 / len(paths))
    middle = {name: (statistics.median(wall[name]), statistics.median(cpu[name])) for name in passes}
    size = sum(map(os.path.getsize, paths)) / len(paths) / 1e6
    print(f"{len(paths)} JPEGs of {size:.1f} MB, {rounds} rounds; ms per file, median")
    for name, (took, spent) in middle.items():
        beside = f"{took / middle['exiftool'][0]:6.3f} × exiftool  {took / middle['pillow'][0]:6.2f} × pillow"
        print(f"{name:12} {took:8.3f} wall {spent:8.3f} CPU   {beside}   {dates[name]} dates")
    missed = [name for name in list(passes)[:3] if middle[name][0] > _GOAL * middle["exiftool"][0]]
    print("goal reached" if not missed else f"goal missed by {', '.join(missed)}: more than {_GOAL} × exiftool")
    return 1 if missed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--from", dest="source", type=Path)
    parser.add_argument("--at")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.at) as scratch:
        if asked.source:
            found = sorted(str(one) for one in asked.source.rglob("*") if one.suffix.lower() in (".jpg", ".jpeg"))[: asked.files]
        else:
            found = list(make(Path(scratch), asked.files))
        sys.exit(main(asked.rounds, found))
