"""A year in the life of the daemon, with a clock that is turned: a few files a day, duplicates, undos, a night's work each night.

    python -m faults.rigs.year --days 365

The supervisor runs in this process, over real folders and the embedded engines; the day goes by in steps of some hours, and after
each the table of the clock is turned until nothing runs. Judged at the end:

- each entry ran as often as its period says; one backup a day, the last 14 are there and whole;
- what was thrown away in the last 30 days lies in the trash, everything older is gone, nothing else was deleted;
- every record cost about the same room in the databases in the second half as in the first, no log of theirs (``-wal``) is left, and
  the daemon's log grew by lines about files only;
- ``status`` has no reason why not all is well.
"""

import argparse
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from albumen import observe
from albumen.alive import daemon_of
from albumen.app import App, load_settings
from albumen.operations import backing
from albumen.operations.problems import problems
from albumen.operations.undoing import Undoing, find
from albumen.plugins import Plugins
from albumen.schedule import Schedule
from albumen.supervisor import Supervisor
from albumen.testing import FakeClock
from faults.rigs.kills import standing
from faults.rigs.looks import contents, tree, unsound
from make import jpeg_bytes

_DAY = 86_400
_KEEP = 30  # days
_STEP = 3 * 3600  # seconds the clock is turned by
_PATIENCE = 300.0  # real seconds for anything to come about
_GROWTH = 1.3  # the second half's bytes per record, at most so many times the first's: pages are filled in jumps
_WAL = 100_000  # bytes that logs of the databases have left after a checkpoint
_CONFIG = """
[state]
dir = "{root}/state"
[store.nas]
type = "local"
root = "{root}/library"
[library]
store = "nas"
[trash]
keep = "{keep}"
[source.in]
type = "local"
path = "{root}/in"
mode = "move"
settle = "0.05s"
[[route]]
from = "in"
steps = ["catalog", "file"]
"""


@dataclass(frozen=True)
class Sizes:
    """Bytes at the end of a day, by name, and how many records there are."""

    records: int
    databases: Mapping[str, int]
    log: int


@dataclass
class Tally:
    """What was seen."""

    days: int = 0
    files: int = 0
    thrown: dict[str, int] = field(default_factory=dict)  # path in the trash, day
    runs: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    backups: set[str] = field(default_factory=set)
    sizes: list[Sizes] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Year:
    """One run."""

    def __init__(self, root: str, days: int, *, keep: str = f"{_KEEP}d") -> None:
        self._root = root
        self._days = days
        self._began = time.time_ns()  # files are dated by the machine's clock: the year begins now
        self._clock = FakeClock(self._began)
        self.tally = Tally()
        for folder in ("in", "library", "state", "draft"):
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        config = os.path.join(root, "albumen.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(_CONFIG.format(root=root, keep=keep))
        plugins = Plugins()
        self._app = App.open(load_settings(config, {}, {}, plugins), plugins, clock=self._clock)

    def run(self) -> Tally:
        """Live, then judge."""
        with open(os.path.join(self._root, "log"), "w", encoding="utf-8") as log:
            observe.set_up(format="json", stream=log)
            with self._app:
                supervisor = self._app.supervisor()
                (schedule,) = [one for one in supervisor.services if isinstance(one, Schedule)]
                thread = threading.Thread(target=supervisor.run, name="supervisor")
                thread.start()
                try:
                    self._until(lambda: bool(schedule.entries()), "the clock did not begin")
                    for day in range(self._days):
                        self._live(day, schedule)
                    self._end(supervisor)
                finally:
                    self._app.stop.set()
                    thread.join(_PATIENCE)
        logging.getLogger().handlers.clear()
        self._judge_runs(schedule)
        self.judge()
        return self.tally

    # -------------------------------------------------------------------------------------------------------------- living

    def _live(self, day: int, schedule: Schedule) -> None:
        self._arrive(day)
        if day % 30 == 20:
            self._change_ones_mind()
        for step in range(1, _DAY // _STEP + 1):
            self._step(schedule, day * _DAY + step * _STEP)
        self.tally.days += 1
        self.tally.sizes.append(self._sizes())
        for one in backing.listed(self._app.settings.state.backup_dir):
            self.tally.backups.add(one.name)

    def _arrive(self, day: int) -> None:
        """Three new pictures, and every other day one that is there already."""
        fresh = [jpeg_bytes(when=_when(day, number), comment=f"{day} {number}".encode() * 200) for number in range(3)]
        self._drop({f"IMG_{day:03}_{number}.jpg": data for number, data in enumerate(fresh)})
        self.tally.files += len(fresh)
        if day % 2:
            self._drop({f"again_{day:03}.jpg": fresh[0]})
            self._note_trash(day)

    def _drop(self, files: Mapping[str, bytes]) -> None:
        """Put files into the inbox and wait until they are taken."""
        inbox = os.path.join(self._root, "in")
        for name, data in files.items():
            draft = os.path.join(self._root, "draft", name)
            with open(draft, "wb") as file:
                file.write(data)
            os.rename(draft, os.path.join(inbox, name))
        self._until(lambda: not os.listdir(inbox) and not self._busy(), f"{sorted(files)} were not taken")

    def _busy(self) -> bool:
        counts = self._app.queue.stats().counts
        return any(counts.values()) or bool(self._app.ledger.batches(open=True).rows)

    def _change_ones_mind(self) -> None:
        """Undo the last batch, and undo that: nothing of it stays but deeds."""
        app = self._app
        for _ in range(2):
            with app.working() as working:
                batch = find(app.ledger, "last")
                report = Undoing(app.engine, app.pipeline, app.queue).run(batch, working, lambda _now: None)
            if report.refused or report.later:
                self.tally.wrong.append(f"undo of {batch.id} refused {report.refused[:3]}")
            self._until(lambda: not self._busy(), "an undo did not end")

    def _note_trash(self, day: int) -> None:
        for path in self._trash() - self.tally.thrown.keys():
            self.tally.thrown[path] = day

    def _trash(self) -> set[str]:
        return {path for path in tree(os.path.join(self._root, "library"), ours=True) if path.startswith(".albumen/trash/")}

    def _step(self, schedule: Schedule, to: int) -> None:
        """It becomes so many seconds after the beginning."""
        before = schedule.entries()
        self._clock.advance(to - (self._clock() - self._began) / 1e9)
        schedule.turn()
        if not schedule.quiet(_PATIENCE):
            raise SystemExit("something that runs by the clock does not end")
        self.tally.turns += 1
        for name, one in schedule.entries().items():
            self.tally.runs[name] += one.succeeded != before[name].succeeded
            if one.why:
                self.tally.wrong.append(f"day {self.tally.days}: {name} failed: {one.why}")

    def _until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not true():
            if time.monotonic() > deadline:
                raise SystemExit(f"day {self.tally.days}: {what} in {_PATIENCE:.0f} s")
            time.sleep(0.01)
            self._clock.advance(0.1)  # whatever waits by the clock

    # ------------------------------------------------------------------------------------------------------------- judging

    def _end(self, supervisor: Supervisor) -> None:
        """What is asked while the daemon still runs: after a last look at the inbox."""
        dropped = self._clock()
        self._drop({"last.jpg": jpeg_bytes(when=_when(self._days, 0), comment=b"the last")})
        self.tally.files += 1
        (source,) = supervisor.watched

        def told() -> bool:
            looked = source.looked  # what the daemon wrote before that look tells nothing of it
            daemon = daemon_of(self._app.state, str(os.getpid()))
            return daemon is not None and dropped < looked < daemon.at

        self._until(told, "the daemon does not say how it is")
        daemon = daemon_of(self._app.state, str(os.getpid()))
        self.tally.wrong += [f"not well: {one.text}" for one in problems(self._app.asked, daemon, self._clock())]

    def _sizes(self) -> Sizes:
        files = {name: _size(os.path.join(self._app.state, name)) for name in ("catalog.db", "ledger.db", "state.db")}
        files["wal"] = sum(_size(os.path.join(self._app.state, f"{name}-wal")) for name in tuple(files))
        return Sizes(self.tally.files, files, _size(os.path.join(self._root, "log")))

    def judge(self) -> None:
        """Write down what is wrong with what is left."""
        self._judge_backups()
        self._judge_trash()
        self._judge_growth()
        self.tally.wrong += [f"{name} is unsound" for name in unsound(self._app.state)]

    def _judge_runs(self, schedule: Schedule) -> None:
        tally = self.tally
        for name, one in schedule.entries().items():
            wanted = tally.days if one.period >= _DAY else tally.turns
            if abs(tally.runs[name] - wanted) > 1:
                tally.wrong.append(f"{name} ran {tally.runs[name]} times, not {wanted}")

    def _judge_backups(self) -> None:
        tally = self.tally
        kept = backing.listed(self._app.settings.state.backup_dir)
        if len(kept) != min(14, tally.days):
            tally.wrong.append(f"{len(kept)} backups are kept")
        if abs(len(tally.backups) - tally.days) > 1:
            tally.wrong.append(f"{len(tally.backups)} backups were made in {tally.days} days")
        for one in kept:
            backing.check(one)

    def _judge_trash(self) -> None:
        tally = self.tally
        there = self._trash()
        wanted = {path for path, day in tally.thrown.items() if tally.days - day < _KEEP}
        border = {path for path, day in tally.thrown.items() if tally.days - day == _KEEP}
        tally.wrong += [f"of day {tally.thrown[one]} deleted too early: {one}" for one in sorted(wanted - there)]
        tally.wrong += [f"still in the trash: {one}" for one in sorted(there - wanted - border)]
        library = contents(tree(os.path.join(self._root, "library")))
        if len(library) != tally.files:
            tally.wrong.append(f"{len(library)} contents lie in the library, not {tally.files}")

    def _judge_growth(self) -> None:
        sizes = self.tally.sizes
        quarter, half, end = sizes[len(sizes) // 4], sizes[len(sizes) // 2], sizes[-1]
        for name in ("catalog.db", "ledger.db"):
            first, second = _each(quarter, half, name), _each(half, end, name)
            if first and second > first * _GROWTH:
                self.tally.wrong.append(f"{name} grew by {second:.0f} bytes a record in the second half, {first:.0f} before")
        if end.databases["state.db"] > half.databases["state.db"] * _GROWTH:
            self.tally.wrong.append(
                f"state.db grew from {half.databases['state.db']} to {end.databases['state.db']} bytes in the second half"
            )
        if end.databases["wal"] > _WAL:
            self.tally.wrong.append(f"{end.databases['wal']} bytes of logs are left beside the databases")
        if (end.log - half.log) > (half.log - sizes[0].log) * _GROWTH:
            self.tally.wrong.append(f"the log grew by {end.log - half.log} bytes in the second half, {half.log} before")


def _each(one: Sizes, other: Sizes, name: str) -> float:
    """Bytes per record between two days."""
    return (other.databases[name] - one.databases[name]) / max(other.records - one.records, 1)


def _size(path: str) -> int:
    with suppress(FileNotFoundError):
        return os.path.getsize(path)
    return 0


def _when(day: int, number: int) -> str:
    """A moment of exposure for each picture."""
    return f"{2000 + day // 336}:{day // 28 % 12 + 1:02}:{day % 28 + 1:02} 10:00:{number:02}"


def figures(tally: Tally) -> str:
    """The line for a person."""
    end, half = tally.sizes[-1], tally.sizes[len(tally.sizes) // 2]
    sizes = " ".join(f"{name}={size / 1e6:.2f}MB" for name, size in end.databases.items())
    runs = ",".join(f"{name}:{count}" for name, count in tally.runs.items())
    return (
        f"days={tally.days} files={tally.files} trashed={len(tally.thrown)} runs={runs} backups={len(tally.backups)} {sizes} "
        f"bytes_per_record={_each(half, end, 'catalog.db'):.0f}+{_each(half, end, 'ledger.db'):.0f} log={end.log / 1e6:.2f}MB"
    )


def main() -> int:
    """0 when everything happened as often as it should and nothing grew but by what came in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    began = time.monotonic()
    with standing(asked.at, "year") as root:
        tally = Year(root, asked.days).run()
    for what in tally.wrong[:20]:
        print("wrong:", what)
    print(f"year: {figures(tally)} wrong={len(tally.wrong)} seconds={time.monotonic() - began:.0f}")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
