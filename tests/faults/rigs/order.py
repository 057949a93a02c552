"""One import under many listing orders, thread timings and time zones: always the same tree and the same ``export --stable``.

    python -m faults.rigs.order --runs 100 --files 300

Runs in this process, for speed: folders are listed in a random order, reading, probing, placing and cataloguing pause at random.
Every tenth run is the installed command, in another language and zone.
"""

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from unittest import mock

from albumen import observe
from albumen.app import App, load_settings
from albumen.operations.export import export
from albumen.operations.importing import Importing
from albumen.operations.intake import Order
from albumen.plugins import Plugins
from faults.rigs.kills import standing
from faults.rigs.looks import Tree, tree
from faults.rigs.rig import DEFAULT, Ground

ZONES = ("UTC", "Europe/Zurich", "America/New_York")
LANGUAGES = ("C", "de_DE.UTF-8", "tr_TR.UTF-8")
_PAUSE = 0.004  # seconds at most before each step of a thread
T = TypeVar("T")


@dataclass
class Tally:
    """How many runs, and what differed from the first."""

    runs: int = 0
    commands: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Left:
    """What one run left."""

    library: Tree
    source: Tree
    export: str


def orders(ground: Ground, *, runs: int, files: int, seed: int, size: int, commands: int = 10) -> Tally:
    """Every ``commands``-th run is a child process, every second one moves."""
    tally = Tally()
    observe.set_up("error", "plain", "")
    first: dict[bool, Left] = {}
    for number in range(runs):
        move = number % 2 == 1
        ground.prepare(files, seed, size)
        zone = ZONES[number % len(ZONES)]
        if commands and number % commands == commands - 1:
            tally.commands += 1
            words = ("import", ground.source, "-r", *(["--move"] if move else []))
            status = ground.finish(*words, env={"TZ": zone, "LANG": LANGUAGES[number % len(LANGUAGES)]})
            tally.wrong += [f"run {number}: the command ended with {status}: {ground.said(3)}"] if status else []
            left = Left(tree(ground.library), tree(ground.source, folders=True), ground.output("export", "--stable"))
        else:
            left = _inside(ground, random.Random(seed * 1000 + number), zone, move=move)
        tally.wrong += [f"run {number} ({zone}): {what}" for what in _differences(first.setdefault(move, left), left)]
        tally.runs += 1
    return tally


def _inside(ground: Ground, draw: random.Random, zone: str, *, move: bool) -> Left:
    """One import in this process, its order and timing drawn."""
    plugins = Plugins()
    with (
        _zone(zone),
        mock.patch("os.scandir", _shuffled(draw)),
        App.open(load_settings(ground.config, {}, {}, plugins), plugins, env={}) as app,
        app.working() as working,
    ):
        _pausing(app, draw)
        probe = _slow(app.probe, draw)
        importing = Importing(app.engine, app.pipeline, app.queue, app.catalog, probe, lambda _line: None, app.stop)
        report = importing.run(Order((ground.source,), move=move, recursive=True), working, lambda _pending, _report: None)
        told = "".join(f"{line}\n" for line in export(app.catalog, stable=True))
    if not report.ok:
        raise SystemExit(f"the import failed: {report}")
    return Left(tree(ground.library), tree(ground.source, folders=True), told)


def _pausing(app: App, draw: random.Random) -> None:
    """Reading, placing and cataloguing wait a little first, each thread by itself."""
    engine, catalog = app.engine, app.catalog
    replaced: Any = engine
    for name in ("stage", "hashed", "do"):
        setattr(replaced, name, _slow(getattr(engine, name), draw))
    replaced = catalog
    replaced.put = _slow(catalog.put, draw)


def _slow(call: Callable[..., T], draw: random.Random) -> Callable[..., T]:
    def wrapped(*given: Any, **named: Any) -> T:
        if draw.random() < 0.5:
            time.sleep(draw.random() * _PAUSE)
        return call(*given, **named)

    return wrapped


def _shuffled(draw: random.Random) -> Callable[[Any], Any]:
    real = os.scandir

    @contextmanager
    def scandir(path: Any = ".") -> Iterator[Iterator[os.DirEntry[Any]]]:
        with real(path) as listing:
            entries = list(listing)
        draw.shuffle(entries)
        yield iter(entries)

    return scandir


@contextmanager
def _zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def _differences(wanted: Left, found: Left) -> list[str]:
    paths = wanted.library.keys() | found.library.keys()
    wrong = [f"library {path!r}" for path in sorted(paths) if wanted.library.get(path) != found.library.get(path)]
    wrong += ["the source differs"] if wanted.source.keys() != found.source.keys() else []
    if wanted.export != found.export:
        lines = zip(wanted.export.split("\n"), found.export.split("\n"), strict=False)
        wrong.append("export: " + next((f"{one} | {other}" for one, other in lines if one != other), "its length"))
    return wrong


def main() -> int:
    """0 when all runs left the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--size", type=int, default=3000, help="bytes per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--albumen", default=DEFAULT, help="the command of every tenth run")
    parser.add_argument("--at", help="work in this folder, and leave it as it is at the end")
    asked = parser.parse_args()
    began = time.monotonic()
    with standing(asked.at, "order") as root:
        ground = Ground(root, (asked.albumen,))
        tally = orders(ground, runs=asked.runs, files=asked.files, seed=asked.seed, size=asked.size)
        shutil.rmtree(ground.library, ignore_errors=True)
    for what in tally.wrong[:10]:
        print("wrong:", what[:2000])
    print(
        f"order: runs={tally.runs} commands={tally.commands} files={asked.files} seed={asked.seed} wrong={len(tally.wrong)} "
        f"seconds={time.monotonic() - began:.0f}"
    )
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
