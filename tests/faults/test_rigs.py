"""The fault rigs see the faults they are made for, and none where there is none; shown on a small stand-in for ``albumen``."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from faults.rigs.grounds import make_source
from faults.rigs.kills import Plan, Tally, kills
from faults.rigs.looks import traces, tree, unsound
from faults.rigs.power_cut import Disk, power_cuts
from faults.rigs.power_cut import Tally as CutTally
from faults.rigs.rig import Ground

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
