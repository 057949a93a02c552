"""Each database alone on a full disk: nothing is lost, the daemon lives, and goes on by itself when there is room."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from e2e.command import Home, digests, small_disk
from make import daemons, jpeg
from make.daemons import CONFIG

until = partial(daemons.until, seconds=90.0)

pytestmark = pytest.mark.slow


def steady(number: Callable[[], int]) -> bool:
    """Whether it stays the same for a while."""
    before = number()
    time.sleep(4)
    return number() == before


def photos(home: Home, first: int, last: int) -> None:
    for number in range(first, last):
        jpeg(home / f"inbox/{number}.jpg", when=f"2021:07:01 00:{number // 60:02}:{number % 60:02}")


def fill(disk: Path) -> Path:
    """Not a byte is left."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def content(home: Home) -> set[str]:
    """What lies anywhere, albumen's own areas too."""
    return set(digests(home.library).values()) | set(digests(home.path / "inbox").values())


@pytest.mark.parametrize("name", ["catalog.db", "ledger.db", "state.db"])
def test_a_database_on_a_full_disk_loses_nothing(tmp_path: Path, name: str) -> None:
    """The others have room: the database alone lies on a small disk, which is full while files arrive."""
    home = Home(tmp_path)
    (tmp_path / "albumen.toml").write_text(CONFIG)
    for folder in ("inbox", "state"):
        (tmp_path / folder).mkdir()
    with small_disk(tmp_path / "small", 8):
        (tmp_path / "state" / name).symlink_to(tmp_path / "small" / name)
        with home.started("run") as process:
            photos(home, 0, 5)
            until(lambda: len(home.filed()) == 5 and not os.listdir(home / "inbox"))
            filler = fill(tmp_path / "small")
            photos(home, 5, 45)
            everything = content(home)
            assert len(everything) >= 45
            until(lambda: steady(lambda: len(home.filed())))
            assert os.listdir(home / "inbox"), "what is not known for good stays at its source"
            assert everything <= content(home)
            assert process.poll() is None
            filler.unlink()
            until(lambda: not os.listdir(home / "inbox"), seconds=180.0)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=40)
        assert process.returncode == 0
        assert "Traceback" not in err
        assert "full" in err, "it was never full"
        rows = home.run("export", code=0).rows
        assert {place["path"]: one["sha256"] for one in rows for place in one["placements"]} == home.filed()
        assert home.run("status", code=0).lines[0] == "all is well"
        for one in ("catalog.db", "ledger.db", "state.db"):
            with closing(sqlite3.connect(tmp_path / "state" / one)) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
