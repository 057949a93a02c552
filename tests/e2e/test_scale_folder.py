"""The step that scales what lies in a folder of this machine, in no store."""

import os

from e2e.command import Home
from make import entries, jpeg

CONFIG = """\
[state]
dir = "state"
[library]
store = "library"
zone = "UTC"
[store.library]
type = "local"
root = "library"
[store.hub]
type = "local"
root = "hub"
[source.raw]
type = "local"
path = "raw"
mode = "move"
every = "1s"
settle = "1s"
[step.double]
type = "scale"
to = "hub:out"
after = "delete"
[[route]]
from = "raw"
steps = ["catalog", "double"]
"""


def test_the_result_tells_the_moment_of_its_raw(home: Home) -> None:
    """S1-05 (part: the record). Not that of its own name, which tells when it was made; and what the sidecar says."""
    (home.path / "albumen.toml").write_text(CONFIG)
    jpeg(home / "raw/IMG_20200102_030405.jpg")
    (home.path / "raw/IMG_20200102_030405.jpg.xmp").write_bytes(entries.xmp(**{"xmp:Rating": "4"}))
    for one in (home.path / "raw").iterdir():
        os.utime(one, (1_557_000_000, 1_557_000_000))
    home.run("run", "--idle-exit", "3", code=0)
    assert not list((home.path / "raw").iterdir())
    (found,) = [one for one in home.run("find", "--json").rows if one.get("derived_from")]
    assert found["taken"] == "2020-01-02T03:04:05"
    assert found["rating"] == 4
    assert [one.name for one in home.library.rglob("*.xmp")] == ["IMG_20200102_030405.jpg.xmp"]
