"""A clock that is wrong or jumps: the rule is that nothing is lost, no good date is thrown away, and ``check`` tells it."""

import pytest

from e2e.command import Home, digests
from make import f01, f03, f04, jpeg

CLOCK = """
import os, time
real, kept = time.time_ns, time.monotonic_ns
def wrong():
    jumps = [int(one) * 10**9 for one in os.environ["JUMPS"].split()]
    return real() + jumps[kept() // 30_000_000 % len(jumps)]
time.time_ns = wrong
time.time = lambda: wrong() / 1e9
"""
YEAR = 31_557_600


@pytest.fixture
def clocked(home: Home) -> Home:
    """Its commands read their time from a clock that jumps every 30 ms among the seconds of ``JUMPS``."""
    (home.path / "patch").mkdir()
    (home.path / "patch/sitecustomize.py").write_text(CLOCK)
    return home


def clock(home: Home, *jumps: int) -> dict[str, str]:
    return {"PYTHONPATH": home / "patch", "JUMPS": " ".join(map(str, jumps))}


def test_a_clock_before_2000_throws_no_date_away(clocked: Home) -> None:
    f01(clocked / "in")
    f04(clocked / "in")
    f03(clocked / "bad")
    old = clock(clocked, -28 * YEAR)
    clocked.run("import", "in", code=0, env=old)
    assert sorted(clocked.filed()) == ["2020/04_April/2020-04-21 08-02-18 @ F04.jpg", "2021/07_July/2021-07-01 00-30-00.jpg"]
    told = clocked.run("import", "bad", "-v", env=old).out
    assert "future.jpg: date not used: exif:DateTimeOriginal 2099" in told
    assert "clock: this machine says that it is 199" in clocked.run("check", env=old).err
    assert "clock:" not in clocked.run("check").err
    clocked.run("undo", "last", code=0, env=old)
    assert clocked.run("status", code=0, env=old).lines[0] == "all is well"


@pytest.mark.parametrize(
    "jumps",
    [
        pytest.param((0, -YEAR), marks=pytest.mark.slow, id="back"),
        pytest.param((0, YEAR), marks=pytest.mark.slow, id="forth"),
        pytest.param((-3600, 3600, -28 * YEAR), id="about"),
    ],
)
def test_a_clock_that_jumps_loses_nothing(clocked: Home, jumps: tuple[int, ...]) -> None:
    for number in range(30):
        jpeg(clocked / f"in/{number}.jpg", when=f"2021:07:{number + 1:02} 00:30:00", colour=(number, 2, 3))
    before = sorted(digests(clocked.path / "in").values())
    clocked.run("import", "--move", "in", code=0, env=clock(clocked, *jumps))
    assert sorted(clocked.filed().values()) == before
    assert clocked.run("status", code=0).lines[0] == "all is well"
    clocked.run("undo", "last", code=0, env=clock(clocked, *jumps))
    assert sorted(digests(clocked.path / "in").values()) == before
