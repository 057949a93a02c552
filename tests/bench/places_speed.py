"""What names of places cost: the gazetteer in its child process, against the package's own search in the same run.

    python tests/bench/places_speed.py [--points 1000]

Prints the seconds until the first answer, milliseconds for a thousand more of them, the memory of the child now and at most, and
the same of ``reverse_geocode.search`` in a process of its own. Exit 1 when the child holds more than 120 MB, or is there a while
after nobody asked.
"""

import argparse
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from albumen.media.gazetteer import Towns
from albumen.model import Position

MEGABYTES = 120.0
IDLE = 3.0
OTHER = """
import random, resource, sys, time
begun = time.perf_counter()
import reverse_geocode
reverse_geocode.search([(47.0, 8.0)])
first = time.perf_counter() - begun
draw = random.Random(5)
points = [(draw.uniform(35, 60), draw.uniform(-10, 30)) for _ in range(int(sys.argv[1]))]
begun = time.perf_counter()
for one in points:
    reverse_geocode.search([one])
print(first, time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def memory(pid: int) -> tuple[float, float]:
    """MB that a process holds, and held at most."""
    with open(f"/proc/{pid}/status") as file:
        rows = dict(line.split(":", 1) for line in file)
    return int(rows["VmRSS"].split()[0]) / 1024, int(rows["VmHWM"].split()[0]) / 1024


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1000)
    count = parser.parse_args().points
    draw = random.Random(5)
    points = [Position(draw.uniform(35, 60), draw.uniform(-10, 30)) for _ in range(count)]
    towns = Towns(idle=IDLE)
    begun = time.perf_counter()
    towns(Position(47.0, 8.0))
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    named = sum(towns(one) is not None for one in points)
    spent = time.perf_counter() - begun
    child = towns._child
    assert child is not None
    held, most = memory(child.pid)
    print(
        f"ours: first answer {first:.2f} s, {count} points {spent * 1000:.0f} ms ({named} named), {held:.0f} MB, at most {most:.0f}"
    )
    other = subprocess.run([sys.executable, "-c", OTHER, str(count)], capture_output=True, text=True, check=True).stdout.split()
    print(
        f"reverse_geocode: first answer {float(other[0]):.2f} s, {count} points {float(other[1]) * 1000:.0f} ms, at most {float(other[2]):.0f} MB"
    )
    end = time.monotonic() + IDLE + 10
    while os.path.exists(f"/proc/{child.pid}") and time.monotonic() < end:
        time.sleep(0.1)
    stays = os.path.exists(f"/proc/{child.pid}")
    print(f"idle for {IDLE:.0f} s: {'it is still there' if stays else 'it is gone'}")
    towns.close()
    return int(held > MEGABYTES or stays)


if __name__ == "__main__":
    sys.exit(main())
