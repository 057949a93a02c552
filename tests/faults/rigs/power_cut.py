"""Power cuts: source, library and state on an ext4 image in RAM; everything is stopped, the image copied, the copy mounted.

    python -m faults.rigs.power_cut --cuts 24 --files 200        (as root)

After ``kill -9`` the page cache survives and everything looks durable: only this shows a missing fsync. What the copied image
holds is what a disk would hold; the import is resumed on it and must end as an unhurt one. Some cuts come after the end.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field

from faults.rigs.rig import DEFAULT, End, Ground, send, unhurt


@dataclass
class Disk:
    """One ext4 file system in a file, mounted at one place."""

    image: str
    at: str

    def format(self, megabytes: int) -> None:
        """A new, empty file system, mounted."""
        with open(self.image, "wb") as file:
            file.truncate(megabytes * 2**20)
        _run("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    def mount(self) -> None:
        """``commit=30``: the kernel's own commits come late, so that what nobody synced is really lost."""
        _run("mount", "-o", "loop,commit=30", self.image, self.at)

    def unmount(self) -> None:
        """Twice is harmless."""
        for _ in range(50):
            if not os.path.ismount(self.at):
                return
            if subprocess.run(["umount", self.at], check=False, capture_output=True).returncode:
                time.sleep(0.1)  # a process just killed still lets go of its files
        _run("umount", "-l", self.at)

    def copy(self) -> None:
        """Remember what the image holds at one instant: what only the kernel knows is not in it.

        The kernel's own threads write on while it is copied. Two copies that are equal show the image as it was between them.
        """
        first, second = f"{self.image}.cut", f"{self.image}.again"
        _run("cp", "--sparse=always", self.image, first)
        for _ in range(50):
            _run("cp", "--sparse=always", self.image, second)
            same = subprocess.run(["cmp", "-s", first, second], check=False).returncode == 0
            os.replace(second, first)
            if same:
                return
        raise SystemExit("the image never stood still for as long as two copies take")

    def back(self) -> None:
        """Go on with the remembered image; its journal is replayed, as after a power cut. Nobody may use the disk."""
        self.unmount()
        os.replace(self.image + ".cut", self.image)
        checked = subprocess.run(["e2fsck", "-f", "-p", self.image], check=False, capture_output=True)
        if checked.returncode > 1:
            raise SystemExit(f"e2fsck gave up: {checked.stdout.decode(errors='replace')}")
        self.mount()


@dataclass
class Tally:
    """What happened so far."""

    cuts: int = 0
    after_end: int = 0
    equal: int = 0
    lost: int = 0
    torn: int = 0
    wrong: list[str] = field(default_factory=list)


def power_cuts(ground: Ground, disk: Disk, *, cuts: int, files: int, seed: int, size: int) -> Tally:
    """Each cut hits a new import of the same files."""
    draw = random.Random(seed)
    tally = Tally()
    megabytes = 160 + 4 * files * size // 2**20
    disk.format(megabytes)
    wanted, whole, starting = unhurt(ground, files, seed, size)
    for _ in range(cuts):
        disk.unmount()
        disk.format(megabytes)
        known = ground.prepare(files, seed, size)
        _run("sync", "-f", disk.at)
        process = ground.start(*ground.importing)
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(starting * 0.7 + draw.uniform(0, (whole - starting) * 1.2))
            tally.after_end += process.returncode is not None
            _stop(process)
            disk.copy()
        finally:
            send(process, signal.SIGKILL)
        disk.back()
        tally.cuts += 1
        _judge(ground, known, wanted, tally)
    return tally


def _judge(ground: Ground, known: frozenset[str], wanted: End, tally: Tally) -> None:
    """Before the import is resumed every content is somewhere and no visible file is torn; afterwards all is as if unhurt."""
    lost, torn = ground.look(known)
    tally.lost, tally.torn = tally.lost + lost, tally.torn + torn
    status = ground.finish(*ground.importing)
    found = [f"the resumed import ended with {status}"] if status else []
    found += End.of(ground).differences(wanted)
    tally.equal += not found
    tally.wrong += [f"cut {tally.cuts}: {what}" for what in found]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the whole group, and wait until no process of it runs any more (a sync under way ends first)."""
    send(process, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _running(process.pid):
        time.sleep(0.001)


def _running(group: int) -> bool:
    for name in filter(str.isdigit, os.listdir("/proc")):
        with (
            suppress(FileNotFoundError, ProcessLookupError),
            open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file,
        ):
            state, _, of = file.read().rpartition(")")[2].split()[:3]
            if of == str(group) and state not in "TtZX":
                return True
    return False


def _run(*line: str) -> None:
    subprocess.run(line, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def main() -> int:
    """0 when every cut import ended as if unhurt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=24)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--size", type=int, default=100_000, help="bytes per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--albumen", default=DEFAULT, help="the command to hurt")
    parser.add_argument("--ram", default="/dev/shm", help="a folder on a tmpfs, for the image")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="albumen-cuts-", dir=asked.ram) as folder:
        disk = Disk(os.path.join(folder, "disk"), os.path.join(folder, "mnt"))
        os.mkdir(disk.at)
        try:
            ground = Ground(disk.at, (asked.albumen,))
            tally = power_cuts(ground, disk, cuts=asked.cuts, files=asked.files, seed=asked.seed, size=asked.size)
        finally:
            disk.unmount()
    for what in tally.wrong[:20]:
        print("wrong:", what)
    print(
        f"power_cut: cuts={tally.cuts} after_end={tally.after_end} files={asked.files} seed={asked.seed} equal={tally.equal} "
        f"lost={tally.lost} torn={tally.torn} wrong={len(tally.wrong)} seconds={time.monotonic() - began:.0f}"
    )
    return 1 if tally.wrong or tally.lost or tally.torn else 0


if __name__ == "__main__":
    sys.exit(main())
