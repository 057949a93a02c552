"""Files written slowly into the inbox of a daemon without any settings, and one dropped at once.

    python -m faults.rigs.slow --seconds 20

Each is taken once and whole, within ten seconds of its last write, and counted by ``status``; nothing of it shows before.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread

from faults.rigs.kills import standing
from faults.rigs.looks import contents, tree
from faults.rigs.rig import DEFAULT, send
from make import jpeg_bytes

_FILED = 10.0  # seconds from the last write until it is filed
_PIECES = 40
Writer = Callable[[str, bytes, float], None]


@dataclass
class Written:
    """One file: when its last byte was written, and when the library had it (seconds, monotonic)."""

    name: str
    sha256: str
    last: float = 0.0
    filed: float = 0.0


@dataclass
class Tally:
    """What was seen."""

    written: list[Written] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def longest(self) -> float:
        return max((one.filed - one.last for one in self.written if one.filed), default=0.0)


def slow(root: str, command: str, *, seconds: float, idle: float = _FILED) -> Tally:
    """Three ways to write: at once, with the file kept open, opened anew for each piece."""
    tally = Tally()
    library, inbox = os.path.join(root, "library"), os.path.join(root, "inbox")
    with open(os.path.join(root, "log"), "ab") as log:
        daemon = subprocess.Popen(
            [command, "run"], cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _until(lambda: os.path.isdir(inbox), 20.0)
        threads = [_writing(inbox, name, writer, seconds, tally) for name, writer in _WRITERS.items()]
        deadline = time.monotonic() + seconds + idle + 20.0
        while time.monotonic() < deadline and (
            any(one.is_alive() for one in threads) or not all(one.filed for one in tally.written)
        ):
            _look(library, tally)
            time.sleep(0.1)
        time.sleep(1.0)
        _judge(root, library, inbox, command, tally)
        send(daemon, signal.SIGTERM)
        if status := daemon.wait(40):
            tally.wrong.append(f"the daemon ended with {status}")
    finally:
        send(daemon, signal.SIGKILL)
    return tally


def _writing(inbox: str, name: str, writer: Writer, seconds: float, tally: Tally) -> Thread:
    draw = random.Random(name)
    data = jpeg_bytes(when=f"2021:07:15 14:30:{len(tally.written):02}", size=(640, 480), comment=draw.randbytes(300_000))
    written = Written(name, hashlib.sha256(data).hexdigest())
    tally.written.append(written)

    def work() -> None:
        writer(os.path.join(inbox, name), data, seconds)
        written.last = time.monotonic()

    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def _at_once(path: str, data: bytes, _seconds: float) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _kept_open(path: str, data: bytes, seconds: float) -> None:
    with open(path, "wb", buffering=0) as file:
        for piece in _pieces(data):
            file.write(piece)
            time.sleep(seconds / _PIECES)


def _opened_anew(path: str, data: bytes, seconds: float) -> None:
    for piece in _pieces(data):
        with open(path, "ab") as file:
            file.write(piece)
        time.sleep(seconds / _PIECES)


def _pieces(data: bytes) -> list[bytes]:
    size = -(-len(data) // _PIECES)
    return [data[start : start + size] for start in range(0, len(data), size)]


_WRITERS: dict[str, Writer] = {"at_once.jpg": _at_once, "kept_open.jpg": _kept_open, "opened_anew.jpg": _opened_anew}


def _look(library: str, tally: Tally) -> None:
    found = contents(tree(library))
    for one in tally.written:
        if not one.filed and one.sha256 in found:
            one.filed = time.monotonic()
    if foreign := found - {one.sha256 for one in tally.written}:
        tally.wrong.append(f"{len(foreign)} files in the library hold no whole content")


def _judge(root: str, library: str, inbox: str, command: str, tally: Tally) -> None:
    for one in tally.written:
        if not one.filed:
            tally.wrong.append(f"{one.name} was not filed")
        elif one.filed < one.last - 0.2:
            tally.wrong.append(f"{one.name} was filed before it was whole")
        elif one.filed - one.last > _FILED:
            tally.wrong.append(f"{one.name} was filed {one.filed - one.last:.1f} s after its last write")
    everything = tree(library, ours=True)
    copies = [path for path, (sha, _, _) in everything.items() if sha in {one.sha256 for one in tally.written}]
    if len(copies) != len(tally.written):
        tally.wrong.append(f"not each once: {sorted(copies)}")
    tally.wrong += [f"still in the inbox: {path}" for path in tree(inbox)]
    status = subprocess.run([command, "status"], cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    said = status.stdout.decode(errors="replace")
    if status.returncode or f"records: {len(tally.written)}\n" not in said:
        tally.wrong.append(f"status ended with {status.returncode} and said: {said}{status.stderr.decode(errors='replace')}")


def _until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing happened within {seconds} s")
        time.sleep(0.05)


def main() -> int:
    """0 when each was taken once, whole and in time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the slow ones take")
    parser.add_argument("--albumen", default=DEFAULT, help="the command")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    began = time.monotonic()
    with standing(asked.at, "slow") as root:
        os.makedirs(root, exist_ok=True)
        tally = slow(root, asked.albumen, seconds=asked.seconds)
    for what in tally.wrong[:10]:
        print("wrong:", what)
    print(
        f"slow: files={len(tally.written)} written_in={asked.seconds:.0f}s longest_after_last_write={tally.longest:.1f}s "
        f"wrong={len(tally.wrong)} seconds={time.monotonic() - began:.0f}"
    )
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
