"""``confirm`` as a person uses it: what is refused, a look at it, a yes; and what ``status`` and ``check`` say meanwhile."""

import os
import shutil
from pathlib import Path

import pytest

from e2e.command import Home
from make import jpeg

pytestmark = pytest.mark.slow  # daemons and a dozen commands each

SETTINGS = """
[state]
dir = "state"
[store.nas]
type = "local"
root = "library"
[library]
store = "nas"
[source.camera]
type = "local"
path = "in"
mode = "copy"
every = "1s"
settle = "0.2s"
[[route]]
from = "camera"
steps = ["catalog", "file"]
"""


def watched(home: Home) -> Home:
    """Six pictures that the daemon took in."""
    Path(home / "albumen.toml").write_text(SETTINGS)
    for number in range(6):
        jpeg(home / f"in/{number}.jpg", when=f"2021:07:0{number + 1} 10:20:30")
    home.run("run", "--idle-exit", "2", code=0)
    assert len(home.filed()) == 6
    return home


def test_a_landslide_is_refused_shown_and_confirmed(home: Home) -> None:
    """Without a daemon, too; an unknown id is wrong use and names the known one; new files are taken all the same."""
    watched(home)
    assert home.run("confirm", code=0).lines == ["nothing is refused"]
    for number in range(5):
        os.unlink(home / f"in/{number}.jpg")
    jpeg(home / "in/new.jpg", when="2021:08:01 10:20:30")
    home.run("run", "--idle-exit", "2", code=0)
    assert len(home.filed()) == 7
    (refused,) = home.run("confirm", "--json", code=0).rows
    id = refused["id"]
    said = f"source camera: 5 of 7 files are missing at once; nothing is forgotten (albumen confirm {id})"
    assert home.run("status", code=1).lines[0] == said
    assert home.run("status", "--json", code=1).rows[0]["refused"] == [refused]
    assert f"5 of 7 files are missing at once; nothing is forgotten (albumen confirm {id})" in home.run("check", code=1).err
    wrong = home.run("confirm", "zz", code=2)
    assert id in wrong.err
    shown = home.run("confirm", id[:3], "--dry-run", code=0).lines
    assert shown[1].startswith("5 missing files are forgotten at the next look")
    assert [one.strip() for one in shown[2:7]] == [f"{number}.jpg" for number in range(5)]
    assert shown[-1] == "nothing was changed"
    assert home.run("confirm", "--json", code=0).rows == [refused]
    assert home.run("confirm", id, code=0).lines == [*shown[:-1], "confirmed"]
    home.run("run", "--idle-exit", "2", code=0)
    assert home.run("status", code=0).lines[0] == "all is well"
    assert home.run("confirm", code=0).lines == ["nothing is refused"]
    assert len(home.filed()) == 7


def test_an_unmounted_source_is_told_before_anybody_looked(home: Home) -> None:
    """By ``check``, without a daemon; nothing is refused yet."""
    watched(home)
    os.rename(home / "in", home / "hidden")
    os.mkdir(home / "in")
    assert "is another folder than before: is its disk mounted?" in home.run("check", code=1).err
    os.rmdir(home / "in")
    assert "[source.camera]" in home.run("check", code=1).err
    os.rename(home / "hidden", home / "in")
    home.run("check", code=0)


def test_a_disk_without_room_is_told_until_it_has_some(home: Home) -> None:
    """The state directory's own, and a store's, which takes nothing until then; ``check`` says how much is kept free."""
    jpeg(home / "more/a.jpg", when="2021:09:01 10:20:30")
    Path(home / "albumen.toml").write_text(SETTINGS)
    os.mkdir(home / "in")
    full = {"ALBUMEN_STATE_FLOOR": "1000 TiB"}
    home.run("import", "more", env=full, code=0)
    assert home.run("status", env=full, code=1).lines[0].startswith("state directory: less than")
    assert "[state] dir: less than" in home.run("check", env=full, code=1).err
    full = {"ALBUMEN_STORE_NAS_FLOOR": "1000 TiB"}
    jpeg(home / "more/b.jpg", when="2021:09:02 10:20:30")
    assert "would stay free" in (ran := home.run("import", "more", env=full, code=1)).out + ran.err
    assert "would stay free" in home.run("status", env=full, code=1).lines[0]
    assert "GiB of it are kept free" in home.run("check", code=0).out
    home.run("import", "more", code=0)
    assert len(home.filed()) == 2
    assert home.run("status", code=0).lines[0] == "all is well"


def test_an_emptied_library_is_not_written_into_by_any_command(home: Home) -> None:
    """An import and its dry run say why; a yes marks the folder, and the same import goes on."""
    watched(home)
    jpeg(home / "more/a.jpg", when="2021:09:01 10:20:30")
    shutil.move(home.library, home / "away")
    home.library.mkdir()
    for words in (("import", "more", "--dry-run"), ("import", "more")):
        ran = home.run(*words, code=1)
        assert "store.json is missing" in ran.out + ran.err
        assert os.listdir(home.library) == []
    (refused,) = home.run("confirm", "--json", code=0).rows
    assert "store nas: the marker" in home.run("status", code=1).lines[0]
    shown = home.run("confirm", refused["id"], "-d", code=0).out
    assert "of 6 files that the catalog knows there and that were asked for, 0 are there" in shown
    assert os.listdir(home.library) == []
    home.run("confirm", refused["id"], code=0)
    home.run("import", "more", code=0)
    assert len(home.filed()) == 1


def test_a_library_of_the_defaults_that_is_gone_is_not_made_anew(home: Home) -> None:
    """Its state lies elsewhere and knows it."""
    env = {"ALBUMEN_STATE_DIR": home / "state"}
    jpeg(home / "more/a.jpg", when="2021:09:01 10:20:30")
    home.run("import", "more", env=env, code=0)
    shutil.move(home.library, home / "away")
    home.run("run", "--idle-exit", "1", env=env, code=0)
    assert not home.library.exists()
    assert os.path.isdir(home / "inbox")
    assert "is the disk mounted?" in home.run("status", env=env, code=1).lines[0]
