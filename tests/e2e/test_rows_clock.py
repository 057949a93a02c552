"""A clock that is wrong or jumps: the rule is that nothing is lost, no good date is thrown away, and ``check`` tells it."""

import pytest

from e2e.command import Home, digests, patched
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


def clock(home: Home, *jumps: int) -> dict[str, str]:
    """Commands read their time from a clock that jumps every 30 ms among these seconds away from the right time."""
    return {**patched(home, CLOCK), "JUMPS": " ".join(map(str, jumps))}


def test_a_clock_before_2000_throws_no_date_away(home: Home) -> None:
    f01(home / "in")
    f04(home / "in")
    f03(home / "bad")
    old = clock(home, -28 * YEAR)
    home.run("import", "in", code=0, env=old)
    assert sorted(home.filed()) == ["2020/04_April/2020-04-21 08-02-18 @ F04.jpg", "2021/07_July/2021-07-01 00-30-00.jpg"]
    told = home.run("import", "bad", "-v", env=old).out
    assert "future.jpg: date not used: exif:DateTimeOriginal 2099" in told
    assert "clock: this machine says that it is 199" in home.run("check", env=old).err
    assert "clock:" not in home.run("check").err
    home.run("undo", "last", code=0, env=old)
    assert home.run("status", code=0, env=old).lines[0] == "all is well"


@pytest.mark.parametrize(
    "jumps",
    [
        pytest.param((0, -YEAR), marks=pytest.mark.slow, id="back"),
        pytest.param((0, YEAR), marks=pytest.mark.slow, id="forth"),
        pytest.param((-3600, 3600, -28 * YEAR), id="about"),
    ],
)
def test_a_clock_that_jumps_loses_nothing(home: Home, jumps: tuple[int, ...]) -> None:
    for number in range(30):
        jpeg(home / f"in/{number}.jpg", when=f"2021:07:{number + 1:02} 00:30:00", colour=(number, 2, 3))
    before = sorted(digests(home.path / "in").values())
    home.run("import", "--move", "in", code=0, env=clock(home, *jumps))
    assert sorted(home.filed().values()) == before
    assert home.run("status", code=0).lines[0] == "all is well"
    home.run("undo", "last", code=0, env=clock(home, *jumps))
    assert sorted(digests(home.path / "in").values()) == before
