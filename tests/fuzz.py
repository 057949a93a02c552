"""Mutated files through the limited children: ``python tests/fuzz.py N [seed]``.

Prints the seed first and "N passed, 0 failed" last. A file passes when it is read or rejected with a reason, within its limits,
and this process neither grows nor stumbles. Files that fail are kept beside the report's path for a second look.
"""

import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable

import make
from albumen.errors import Rejected
from albumen.media.sandbox import Prober

GROWTH = 64 << 10  # KiB this process may grow


def originals(folder: str) -> list[tuple[str, bytes]]:
    """(name, bytes) of one fixture per format."""
    paths = [make.f01b(folder), make.f07(folder), *make.f06(folder).values(), *make.f08(folder)]
    found = []
    for path in paths:
        with open(path, "rb") as file:
            found.append((os.path.basename(path), file.read()))
    movie = make.box(b"ftyp", b"isom\0\0\2\0isommp41") + make.moov() + make.box(b"mdat", b"x" * 64)
    return [*found, ("a.mp4", movie), ("a.tif", make.exif_block(when="2020:01:01 00:00:00", make="NIKON", gps=(1.0, 2.0)))]


def flipped(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Some bytes replaced, by extreme values as often as by any."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 16)):
        out[chance.randrange(len(out))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(out)


def cut(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """The end missing, or a piece out of the middle."""
    start = chance.randrange(len(data))
    return data[:start] + (data[start + chance.randrange(1, 200) :] if chance.random() < 0.5 else b"")


def spliced(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """The beginning of one file and the rest of another; or a piece of it put in."""
    at, start = chance.randrange(len(data)), chance.randrange(len(other))
    return data[:at] + other[start : start + chance.randrange(1, 2000)] + (data[at:] if chance.random() < 0.5 else b"")


def swollen(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Four bytes turned into a huge or odd number: sizes, counts, offsets."""
    at = chance.randrange(max(1, len(data) - 4))
    number = chance.choice((0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0, 1, len(data), len(data) - at))
    return data[:at] + number.to_bytes(4, chance.choice(("big", "little"))) + data[at + 4 :]


MUTATIONS: tuple[Callable[[bytes, bytes, random.Random], bytes], ...] = (flipped, cut, spliced, swollen)


def main(count: int, seed: int) -> int:
    """Exit status 1 when a file failed."""
    print(f"seed {seed}", flush=True)
    chance, failed = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        files = originals(folder)
        prober = Prober(2, cpu=5, wall=20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        path = os.path.join(folder, "mutant")
        for number in range(count):
            (name, data), (_, other) = chance.choice(files), chance.choice(files)
            for _ in range(chance.randint(1, 3)):
                data = chance.choice(MUTATIONS)(data or b"\0", other, chance)
            make.write(path, data)
            began = time.monotonic()
            why = _verdict(prober, path, name)
            if time.monotonic() - began > 5:
                why = why or "took longer than 5 s"
            if why:
                failed += 1
                kept = make.write(os.path.join(tempfile.gettempdir(), f"fuzz-{seed}-{number}-{name}"), data)
                print(f"{kept}: {why}")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        prober.close()
    if grown > GROWTH:
        failed += 1
        print(f"this process grew by {grown} KiB")
    print(f"{count - failed} passed, {failed} failed")
    return 1 if failed else 0


def _verdict(prober: Prober, path: str, name: str) -> str:
    """ "" when all is well."""
    try:
        prober.probe(path, name=name)
    except Rejected as error:
        return str(error) if "decoder" in str(error) else ""
    return ""


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)))
