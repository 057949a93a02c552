"""The fault rigs on the installed command, small; ``.ci/run`` and ``.ci/long`` run them larger."""

import os
import subprocess
from pathlib import Path

import pytest

from faults.rigs.full import full, tmpfs
from faults.rigs.kills import Plan, kills
from faults.rigs.order import orders
from faults.rigs.power_cut import Disk, power_cuts
from faults.rigs.rig import Ground
from faults.rigs.slow import slow
from faults.rigs.two import two

pytestmark = pytest.mark.timeout(600)  # each is many starts of the program
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")


def test_an_import_under_kills_ends_as_if_unhurt(tmp_path: Path) -> None:
    """S0-79 (part: a few kills; 100 in the rig)."""
    tally = kills(Ground(str(tmp_path)), Plan(3, files=120, each=3))
    assert (tally.wrong, tally.lost, tally.torn) == ([], 0, 0)


def test_an_undo_and_its_undo_under_kills_give_back_all(tmp_path: Path) -> None:
    """Paths, bytes, times, modes and folders."""
    tally = kills(Ground(str(tmp_path)), Plan(3, files=100, each=3), path="undo")
    assert (tally.wrong, tally.lost, tally.torn) == ([], 0, 0)


def test_any_order_and_timing_gives_one_tree(tmp_path: Path) -> None:
    """S0-08 (part: also listing order, thread timing and language)."""
    tally = orders(Ground(str(tmp_path)), runs=6, files=60, seed=3, size=2500, commands=6)
    assert (tally.wrong, tally.runs, tally.commands) == ([], 6, 1)


@pytest.mark.slow
def test_a_daemon_under_kills_ends_as_if_unhurt(tmp_path: Path) -> None:
    tally = kills(Ground(str(tmp_path)), Plan(10, files=200, each=10), path="daemon")
    assert (tally.wrong, tally.lost, tally.torn) == ([], 0, 0)


@pytest.mark.slow
def test_two_at_once_on_one_folder_leave_what_one_leaves(tmp_path: Path) -> None:
    tally = two(Ground(str(tmp_path)), rounds=8, files=60, seed=5, size=2500)
    assert (tally.wrong, tally.lost, tally.torn, tally.rounds) == ([], 0, 0, 8)


@pytest.mark.slow
@ROOT
def test_a_full_disk_loses_nothing_and_goes_on_with_room(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    with tmpfs(str(tmp_path / "small")):
        tally = full(Ground(str(tmp_path / "small"), aside=str(aside)), files=400, seed=2, size=250_000)
    assert (tally.wrong, tally.lost, tally.torn, tally.rounds) == ([], 0, 0, 4)


@pytest.mark.slow
@ROOT
def test_a_power_cut_loses_nothing(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=True)
    disk = Disk(str(tmp_path / "disk"), str(tmp_path / "mnt"))
    os.mkdir(disk.at)
    try:
        tally = power_cuts(Ground(disk.at), disk, cuts=3, files=60, seed=3, size=20_000)
    finally:
        disk.unmount()
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
    assert (tally.wrong, tally.lost, tally.torn, tally.cuts) == ([], 0, 0, 3)


@pytest.mark.slow
def test_a_file_written_slowly_is_taken_once_and_whole(tmp_path: Path) -> None:
    """And a dropped one is filed within ten seconds and counted by ``status``."""
    assert slow(str(tmp_path), Ground("").command[0], seconds=20.0).wrong == []
