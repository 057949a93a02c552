"""What runs by the clock, as a person sees it: ``status`` tells it, the trash is emptied after its time, ``undo`` says why not."""

import pytest

from e2e.command import Home, patched
from make import jpeg

LATER = """
import os, time
shift = int(os.environ.get("SHIFT_DAYS", "0")) * 86_400_000_000_000
real = time.time_ns
time.time_ns = lambda: real() + shift
"""
CONFIG = """
[store.library]
type = "local"
root = "library"
[trash]
keep = "2d"
"""


@pytest.fixture
def kept(home: Home) -> Home:
    """A library with a trash of one file, which is kept for two days."""
    (home.path / "albumen.toml").write_text(CONFIG)
    for name in ("a", "b"):
        (home.path / "card").mkdir(exist_ok=True)
        jpeg(home / f"card/{name}.jpg", when="2021:07:01 00:30:00")
    home.run("import", "card", "--move", code=0)
    return home


def trash(home: Home) -> list[str]:
    return [one.name for one in (home.library / ".albumen/trash").rglob("*.jpg")]


def test_status_tells_what_runs_by_the_clock(kept: Home) -> None:
    """After one short life of the daemon each line of the table was done once, and the trash is as it was."""
    kept.run("run", "--idle-exit", "2", code=0)
    told = kept.run("status", code=0)
    lines = [one for one in told.lines if one.startswith("clock ")]
    assert {one.split(":")[0] for one in lines} >= {"clock backup", "clock expiry", "clock probes", "clock recovery"}
    assert all(": last done 20" in one for one in lines)
    (row,) = kept.run("status", "--json", code=0).rows
    (expiry,) = [one for one in row["clock"] if one["name"] == "expiry"]
    assert expiry["succeeded"] > 1_700_000_000_000_000_000
    assert trash(kept) == ["b.jpg"]


@pytest.mark.slow
def test_the_trash_is_emptied_after_its_time_and_undo_says_so(kept: Home) -> None:
    """As a deed that ``log`` tells; the file in the library stays, and nothing is undone by mistake."""
    env = patched(kept, LATER)
    for day in range(2):
        kept.run("run", "--idle-exit", "1", env={**env, "SHIFT_DAYS": str(day)}, code=0)
        assert trash(kept) == ["b.jpg"]
    late = {**env, "SHIFT_DAYS": "3"}
    told = kept.run("run", "--idle-exit", "1", env=late, code=0)
    assert "1 file deleted for good, 2 days after they came into the trash" in told.err
    assert not (kept.library / ".albumen/trash").exists()
    assert len(kept.filed()) == 1
    assert "trash expiry" in kept.run("log", code=0).lines[0]
    undone = kept.run("undo", "last", env=late, code=1)
    assert "expired: batch b2 deleted it for good" in undone.err
    assert (kept.path / "card/a.jpg").exists()
    gone = kept.run("undo", "b2", env=late, code=1)
    assert "there is no way back" in gone.err
