"""The fault rigs see the faults they are made for, and none where there is none; shown on a small stand-in for ``albumen``."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE

import pytest

from faults.rigs.grounds import make_source
from faults.rigs.kills import Plan, Tally, kills
from faults.rigs.looks import traces, tree, unsound
from faults.rigs.power_cut import Disk, power_cuts
from faults.rigs.power_cut import Tally as CutTally
from faults.rigs.rig import DEFAULT, Ground
from faults.rigs.soak import Plan as Load
from faults.rigs.soak import Tally as Soaked
from faults.rigs.soak import soak
from faults.rigs.vitals import Vitals, sample
from faults.rigs.year import Sizes, Year

STAND_IN = os.path.join(os.path.dirname(__file__), "stand_in.py")
RAM = "/dev/shm"


def ground(root: Path, fault: str) -> Ground:
    """A ground whose ``albumen`` is the stand-in with that fault."""
    return Ground(str(root), (sys.executable, "-I", STAND_IN, fault))


def killed(root: Path, fault: str) -> Tally:
    """A few kills; enough for the faults of the stand-in to show every time."""
    return kills(ground(root, fault), Plan(6, files=60, seed=3, size=50_000, each=6))


def test_a_careful_import_passes_the_kills(tmp_path: Path) -> None:
    """Without a fault nothing is lost or torn, and the end is that of the unhurt run."""
    tally = killed(tmp_path, "none")
    assert (tally.kills, tally.lost, tally.torn, tally.wrong) == (6, 0, 0, [])
    assert tally.steps


@pytest.mark.parametrize("fault", ["unlink-first", "in-place"])
def test_kills_see_what_is_lost_or_torn(tmp_path: Path, fault: str) -> None:
    """A source taken away too early is seen as lost, a file written under its own name as torn."""
    tally = killed(tmp_path, fault)
    assert (tally.lost if fault == "unlink-first" else tally.torn) > 0
    assert tally.wrong


def cut(root: Path, fault: str) -> CutTally:
    """A few power cuts on an image in RAM."""
    disk = Disk(str(root / "disk"), str(root / "mnt"))
    os.mkdir(disk.at)
    try:
        return power_cuts(ground(Path(disk.at), fault), disk, cuts=3, files=30, seed=3, size=100_000)
    finally:
        disk.unmount()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not os.path.isdir(RAM), reason="mounts an image in RAM: needs root and /dev/shm")
@pytest.mark.parametrize("fault", ["none", "no-sync"])
def test_power_cuts_see_a_missing_sync(fault: str) -> None:
    """What was never synced is lost at a power cut, though a kill -9 would not show it; what was synced stays."""
    with tempfile.TemporaryDirectory(dir=RAM) as root:
        tally = cut(Path(root), fault)
    assert tally.cuts == 3
    if fault == "none":
        assert (tally.equal, tally.lost, tally.torn, tally.wrong) == (3, 0, 0, [])
    else:
        assert tally.wrong
        assert tally.lost + tally.torn > 0


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts in a namespace of its own: needs root")
def test_what_vanishes_is_an_accident_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    """The small version of a rig of its own: a source unmounted, a library emptied, and a person's yes to another folder."""
    words = [sys.executable, "-m", "faults.rigs.vanish", "--small", "--files", "12", "--at", str(tmp_path)]
    done = subprocess.run(words, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wrong=0 lost=0" in done.stdout.splitlines()[-1]


def test_a_source_is_the_same_each_time(tmp_path: Path) -> None:
    """Equal arguments make equal trees, with names in several folders, several modes and some duplicates."""
    known = make_source(str(tmp_path / "one"), 100, 7, 3000)
    make_source(str(tmp_path / "two"), 100, 7, 3000)
    one = tree(str(tmp_path / "one"))
    assert one == tree(str(tmp_path / "two"))
    assert {digest for digest, _, _ in one.values()} == known
    assert 90 <= len(known) < len(one) == 100
    assert len({mode for _, _, mode in one.values()}) == 3


def test_the_last_whole_line_of_each_deed_counts(tmp_path: Path) -> None:
    """A line cut short by the kill is no step; deeds that were settled are left out; read traces are forgotten."""
    (tmp_path / "11").write_bytes(b"a claimed\nb claimed\na staged\nb staged\nb settled\nc claimed\nc sta")
    (tmp_path / "12").write_bytes(b"a claimed\na settled\n")
    found = traces(str(tmp_path))
    assert (found.processes, found.steps, found.inside) == (2, {"staged": 1, "claimed": 1}, True)
    assert traces(str(tmp_path)).processes == traces(str(tmp_path / "none")).processes == 0


def test_a_broken_database_is_unsound(tmp_path: Path) -> None:
    """What SQLite cannot read is named."""
    (tmp_path / "catalog.db").write_bytes(b"no database at all" * 100)
    (tmp_path / "other.txt").write_bytes(b"")
    assert unsound(str(tmp_path)) == ("catalog.db",)


def life(minutes: int, *, memory: float = 0, descriptors: float = 0, threads: float = 0, busier: float = 0) -> Soaked:
    """A load of so many minutes in which each grows by so much a minute; then an idle quarter of an hour."""
    found = Soaked()
    for second in range(0, minutes * 60, 5):
        minute = second / 60
        wobble = second % 3 * 1e5
        cpu = second * 0.1 + busier * 0.1 * second * minute / minutes / 2
        grown = (int(80e6 + wobble + memory * minute), int(50 + descriptors * minute), int(40 + threads * minute))
        found.loaded.append(Vitals(second, *grown, cpu))
    found.idle = [Vitals(minute * 60, int(80e6), 50, 40, minute * 0.06) for minute in range(15)]
    return found


@pytest.mark.parametrize(
    ("grows", "said"),
    [
        ({}, ""),
        ({"memory": 0.3e6}, "memory"),
        ({"descriptors": 0.3}, "descriptors"),
        ({"threads": 0.3}, "threads"),
        ({"busier": 1.0}, "CPU"),
    ],
)
def test_a_soak_sees_what_grows(grows: dict[str, float], said: str) -> None:
    """One descriptor left by each thousandth file is enough; wobbling is not."""
    tally = life(20, **grows)
    tally.judge()
    assert [one for one in tally.wrong if said not in one] == []
    assert bool(tally.wrong) is bool(said)


def test_a_soak_sees_an_idle_daemon_that_is_busy_or_fat() -> None:
    """Half a percent of a core and 120 MB are the limits."""
    tally = life(20)
    tally.idle = [Vitals(minute * 60, int(121e6), 50, 40, minute * 0.31) for minute in range(15)]
    tally.judge()
    assert ["idle" in one for one in tally.wrong] == [True, True]


def test_a_sample_counts_a_session_and_its_children() -> None:
    """Its own descriptors, threads and memory; one that is gone is told."""
    line = "import os, subprocess, sys; kept = [os.open('/dev/null', 0) for _ in range(50)]; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", line], stdin=PIPE, stdout=PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        found = sample(process.pid)
        assert 53 <= found.descriptors <= 60
        assert found.threads == 1
        assert 5e6 < found.rss < 100e6
        assert found.cpu > 0
    with pytest.raises(ProcessLookupError):
        sample(process.pid)


@pytest.mark.slow
def test_a_short_soak_loses_nothing(tmp_path: Path) -> None:
    """The slopes of a minute say nothing; that each file is filed once, and how idle is, they do."""
    tally = soak(str(tmp_path), DEFAULT, Load(10.0, rest=15.0, idle=20.0, every=1.0))
    assert (tally.wrong, len(tally.files)) == ([], 50)
    assert len(tally.loaded) >= 8


@pytest.mark.slow
def test_a_short_year(tmp_path: Path) -> None:
    """Long enough for the trash to be emptied a few times."""
    tally = Year(str(tmp_path), 36).run()
    assert tally.wrong == []
    assert (tally.days, tally.files, tally.runs["expiry"], len(tally.thrown)) == (36, 109, 36, 18)


@pytest.mark.slow
def test_a_year_sees_a_trash_that_is_emptied_too_early(tmp_path: Path) -> None:
    """And what lies there although its time is over, and a database that grows by more than what came in."""
    year = Year(str(tmp_path), 3, keep="1d")
    tally = year.run()
    assert any("deleted too early" in one for one in tally.wrong)
    tally.wrong.clear()
    tally.thrown[".albumen/trash/b1/none"] = -40
    os.makedirs(tmp_path / "library/.albumen/trash/b1")
    (tmp_path / "library/.albumen/trash/b1/none").write_bytes(b"")
    tally.sizes = [
        Sizes(day, {"catalog.db": day * 1000 + max(day - 50, 0) * 900, "ledger.db": 0, "state.db": 9, "wal": 0}, 0)
        for day in range(100)
    ]
    year.judge()
    assert any("still in the trash" in one for one in tally.wrong)
    assert any("catalog.db grew" in one for one in tally.wrong)
