"""State that the program of an earlier commit made is opened by this one, and the reverse is refused with the way back."""

import io
import os
import shutil
import signal
import sqlite3
import subprocess
import tarfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from e2e.command import ALBUMEN, Home, environment
from make import jpeg
from make.daemons import CONFIG

pytestmark = pytest.mark.slow

BEFORE = "5717bf2"  # the last commit whose state.db, catalog.db and ledger.db all had schema 1
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which ``python -m albumen`` is the earlier program."""
    git = ("git", "-C", str(ROOT))
    known = (
        shutil.which("git")
        and not subprocess.run([*git, "cat-file", "-e", f"{BEFORE}^{{commit}}"], capture_output=True, check=False).returncode
    )
    if not known:
        pytest.skip(f"the history has no commit {BEFORE} (a shallow clone, or no git)")
    archive = subprocess.run([*git, "archive", BEFORE, "daemon"], capture_output=True, check=True).stdout
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return {"PYTHONPATH": str(folder / "daemon")}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A folder with settings that both programs understand."""
    (tmp_path / "albumen.toml").write_text(CONFIG)
    (tmp_path / "inbox").mkdir()
    return Home(tmp_path)


def photos(folder: Path, first: int, last: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(first, last):
        jpeg(str(folder / f"{number}.jpg"), when=f"2021:07:01 00:{number // 60:02}:{number % 60:02}")


def schemas(state: Path) -> list[int]:
    found = []
    for name in ("catalog.db", "ledger.db", "state.db"):
        with closing(sqlite3.connect(state / name)) as db:
            found += db.execute("PRAGMA user_version").fetchone()
    return found


def known(home: Home, env: dict[str, str] | None = None) -> dict[str, str]:
    rows = home.run("export", code=0, env=env).rows
    return {place["path"]: one["sha256"] for one in rows for place in one["placements"]}


def killed_in_the_middle(home: Home, env: dict[str, str]) -> None:
    """An import of the earlier program, killed while some of its files are filed and some are not."""
    before = len(home.filed())
    process = subprocess.Popen(
        [*ALBUMEN, "import", "--move", "card"],
        cwd=home.path,
        env=environment(env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while len(home.filed()) < before + 3 and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_an_upgrade_carries_on_what_the_earlier_program_left(home: Home, older: dict[str, str]) -> None:
    """S4-48 (part: real state of an earlier program; records before = after; a killed import goes on; its undo works)."""
    photos(home.path / "inbox", 0, 5)
    home.run("run", "--idle-exit", "1", env=older, code=0)
    before = known(home, older)
    assert before == home.filed()
    assert schemas(home.path / "state") == [1, 1, 1]
    photos(home.path / "card", 10, 110)
    killed_in_the_middle(home, older)
    home.run("run", "--idle-exit", "2", code=0)
    (copy,) = (home.path / "state/before-upgrade").iterdir()
    assert schemas(copy) == [1, 1, 1]
    assert all(now >= then for now, then in zip(schemas(home.path / "state"), [1, 1, 2], strict=True))
    home.run("import", "--move", "card", code=0)
    after = known(home)
    assert after == home.filed()
    assert before.items() < after.items()
    assert len(after) == 105
    assert home.run("status", code=0).lines[0] == "all is well"
    home.run("undo", "last", code=0)
    assert len(home.filed()) == 5
    assert len(list((home.path / "card").iterdir())) == 100


def test_the_earlier_program_refuses_and_can_be_gone_back_to(home: Home, older: dict[str, str]) -> None:
    """What was filed by the newer one stays in the library, and is not filed twice by the earlier one: it only does not know it."""
    photos(home.path / "inbox", 0, 5)
    home.run("run", "--idle-exit", "1", env=older, code=0)
    before = home.filed()
    photos(home.path / "inbox", 5, 8)
    home.run("run", "--idle-exit", "1", code=0)
    after = home.filed()
    assert len(after) == 8
    ran = home.run("status", env=older, code=2)
    assert "newer albumen" in ran.err
    (copy,) = (home.path / "state/before-upgrade").iterdir()
    home.run("restore", f"before-upgrade/{copy.name}", code=0)
    assert known(home, older) == before
    assert home.filed() == after
    photos(home.path / "inbox", 9, 10)
    home.run("run", "--idle-exit", "1", env=older, code=0)
    assert len(home.filed()) == 9
    home.run("run", "--idle-exit", "1", code=0)
    assert len(known(home)) == 6
    assert len(os.listdir(home.path / "state/before-upgrade")) == 2
