"""``poll SOURCE --once`` on a real WebDAV server: one look, done before the command ends; dry run, failures, undo, a server that is away."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from e2e.command import Home, Ran, digests
from make.pictures import jpeg_bytes
from servers.dav import Server, serve

RAW, UNSORTED = "ai/_raw", "ai/_unsorted"
SETTINGS = """
[store.library]
type = "local"
root = "library"
floor = 0
[store.hub]
type = "webdav"
url = "{url}"
timeout = "5s"
[source.raw]
type = "webdav"
store = "hub"
path = "ai/_raw"
every = "1s"
settle = "1s"
[step.double]
type = "scale"
to = "hub:ai/_unsorted"
[[route]]
from = "raw"
steps = ["catalog", "double"]
"""


@dataclass
class Hub:
    """A server with three raw pictures, and where ``albumen`` is called."""

    home: Home
    server: Server

    def run(self, *args: str, code: int | None = 0) -> Ran:
        return self.home.run("--config", self.home / "albumen.toml", *args, code=code)

    def files(self) -> dict[str, str]:
        """SHA-256 by path, but not what lies under ``.albumen``."""
        return digests(self.server.folder, ours=False)

    def draw(self, name: str, seed: int) -> None:
        pixels = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(self.server.folder / RAW / name)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serve("wsgidav") as server:
        for one in (RAW, UNSORTED):
            (server.folder / one).mkdir(parents=True)
        home = Home(tmp_path, switched=False)
        (tmp_path / "albumen.toml").write_text(SETTINGS.format(url=server.url))
        found = Hub(home, server)
        for number in range(3):
            found.draw(f"raw ü {number}.png", number)
        yield found


def spool(hub: Hub) -> list[Path]:
    return [one for one in (hub.home.library / ".albumen" / "spool").rglob("*") if one.is_file()]


def test_it_does_what_came_and_ends(hub: Hub) -> None:
    """S1-09, S1-13."""
    ran = hub.run("poll", "raw", "--once", "-v")
    assert ran.lines[0] == "Files found: 3"
    assert ran.lines[-1] == "Done."
    assert sum(f"hub:{RAW}/raw ü {number}.png -> hub:{UNSORTED}/" in ran.out for number in range(3)) == 3
    assert [one.split("/")[1] for one in hub.files()] == ["_unsorted"] * 3
    assert spool(hub) == []
    assert hub.run("poll", "raw", "--once").lines == ["Files found: 0", "Done."]
    assert "refused" not in hub.run("status", code=None).out


def test_a_dry_run_changes_nothing_and_the_real_run_does_exactly_that(hub: Hub) -> None:
    """S1-26 (part: the scaler): the very names, but for the time in them, and what would fail."""
    (hub.server.folder / RAW / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (hub.server.folder / RAW / "text.txt").write_text("no picture")
    before = hub.files()
    dry = hub.run("poll", "raw", "--once", "--dry-run", code=1)
    assert dry.lines[0] == "Files found: 5"
    assert dry.lines[-1] == "1 would fail, 0 wait."
    assert sum(one.startswith(f"hub:{RAW}/raw ü ") and f" -> hub:{UNSORTED}/jh_rescaler_" in one for one in dry.lines) == 3
    assert hub.files() == before
    assert not (hub.server.folder / ".albumen").exists()
    assert spool(hub) == []
    done = hub.run("poll", "raw", "--once", "-v", code=1)
    assert sorted(map(timeless, done.lines[:-1])) == sorted(map(timeless, dry.lines[:-1]))
    assert f"hub:{RAW}/bad.png" in dry.err
    assert f"hub:{RAW}/bad.png" in done.err
    assert len([one for one in hub.files() if one.startswith(UNSORTED)]) == 3


def test_a_dry_run_of_a_folder_of_this_machine_says_what_the_real_run_does(tmp_path: Path) -> None:
    """Files, one of them twice, and one that is none: each with the place that it gets."""
    home = Home(tmp_path)
    settings = (
        SETTINGS.replace("[store.hub]", "[store.other]").replace('store = "hub"', 'store = "other"').replace("hub:", "other:")
    )
    (tmp_path / "albumen.toml").write_text(
        settings.format(url="http://127.0.0.1:9")
        + '[source.inbox]\ntype = "local"\npath = "inbox"\nmode = "move"\nsettle = "1s"\n'
        + '[[route]]\nfrom = "inbox"\nsteps = ["catalog", "file"]\n'
    )
    (tmp_path / "inbox").mkdir()
    (tmp_path / "library").mkdir()
    for name, colour in (("a.jpg", 1), ("b.jpg", 2), ("again.jpg", 1)):
        (tmp_path / "inbox" / name).write_bytes(jpeg_bytes(when=f"2021:07:15 14:30:0{colour}", colour=(colour, 0, 0)))
    (tmp_path / "inbox/text.txt").write_text("no picture")
    before = digests(tmp_path / "inbox")
    dry = home.run("poll", "inbox", "--once", "--dry-run", code=0)
    assert len([one for one in dry.lines if " -> library:2021/07_July/" in one]) == 2
    assert digests(tmp_path / "inbox") == before
    assert digests(tmp_path / "library", ours=False) == {}
    done = home.run("poll", "inbox", "--once", "-v", code=0)

    def told(lines: Sequence[str]) -> list[str]:  # which of two equal files is the first is chance
        return sorted(one.replace("again.jpg", "a.jpg") for one in lines[:-1])

    assert told(done.lines) == told(dry.lines)
    assert len(digests(tmp_path / "library", ours=False)) == 2


def timeless(line: str) -> str:
    """Without the time that is part of a result's name."""
    return re.sub(r"jh_rescaler_\d{14}_", "jh_rescaler_", line)


def test_one_that_fails_is_told_and_the_others_are_done(hub: Hub) -> None:
    """S1-11: tried once in two rounds, and again when its bytes change. S1-25 (part: exit 1)."""
    (hub.server.folder / RAW / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    ran = hub.run("poll", "raw", "--once", code=1)
    assert f"failed: hub:{RAW}/bad.png" in ran.err
    assert len([one for one in hub.files() if one.startswith(UNSORTED)]) == 3
    assert spool(hub) == []
    assert hub.run("poll", "raw", "--once").lines == ["Files found: 0", "Done."]
    assert hub.run("queue", "dead").out.count("bad.png") >= 1
    hub.draw("bad.png", 7)
    assert hub.run("poll", "raw", "--once").lines == ["Files found: 1", "Done."]
    assert len([one for one in hub.files() if one.startswith(UNSORTED)]) == 4


def test_undo_brings_every_raw_back_and_the_next_look_leaves_them(hub: Hub) -> None:
    """S1-06 (part: undo)."""
    before = hub.files()
    hub.run("poll", "raw", "--once")
    hub.run("undo", "last")
    assert hub.files() == before
    hub.run("poll", "raw", "--once")
    assert hub.files() == before
    shown = hub.run("show", f"hub:{RAW}/raw ü 1.png").out
    assert "was made of it" in shown


def test_a_store_that_is_only_read(hub: Hub) -> None:
    """Nothing is put there and nothing leaves; each file is told with the setting that says so."""
    settings = Path(hub.home / "albumen.toml")
    settings.write_text(settings.read_text().replace('type = "webdav"\nurl', 'type = "webdav"\nread_only = true\nurl'))
    before = hub.files()
    assert "read_only = true in [store.hub]" in hub.run("poll", "raw", "--once", code=1).err
    assert hub.files() == before
    assert not (hub.server.folder / ".albumen").exists()


def test_a_server_that_is_away(hub: Hub) -> None:
    """Exit 1 with the reason; nothing is forgotten, and nothing looks empty."""
    hub.server.stop()
    assert "cannot be reached" in hub.run("poll", "raw", "--once", code=1).err
    hub.server.start()
    assert hub.run("poll", "raw", "--once").lines[0] == "Files found: 3"


def test_a_source_that_nobody_knows(hub: Hub) -> None:
    assert "no route begins with a source called nope; there are: raw" in hub.run("poll", "nope", "--once", code=2).err
