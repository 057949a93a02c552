"""Rows about what files hold that their names do not say: documents beside pictures, wrong types, damage."""

from pathlib import Path

import pytest

from e2e.command import Home
from make import f09
from make.pictures import jpeg, write

_FILES = {"letter.pdf": b"%PDF-1.7 text", "archive.zip": b"PK\3\4bytes", "noextension": b"\x01\x02", "list.json": b'{"a": 1}'}


def _watch(home: Home, others: str) -> Path:
    inbox = home.path / "inbox"
    inbox.mkdir()
    (home.path / "albumen.toml").write_text(
        '[state]\ndir = "state"\n[library]\nstore = "nas"\n[store.nas]\ntype = "local"\nroot = "library"\n'
        f'[source.inbox]\ntype = "local"\npath = "inbox"\nmode = "move"\nsettle = "0.1s"\nothers = "{others}"\n'
        '[[route]]\nfrom = "inbox"\nsteps = ["catalog", "file"]\n'
    )
    for name, data in _FILES.items():
        write(str(inbox / name), data)
    write(str(inbox / "empty.pdf"), b"")
    jpeg(str(inbox / "a.jpg"), when="2021:07:01 00:30:00")
    return inbox


def test_files_that_are_no_media_are_listed_once_with_the_reason(home: Home) -> None:
    """S4-15 (part: ``others = "list"``, the default)."""
    inbox = _watch(home, "list")
    first = home.run("run", "--idle-exit", "1", code=0)
    left = {one.name for one in inbox.iterdir()}
    assert left == {*_FILES, "empty.pdf"}
    assert all(f"{name}" in first.err for name in left)
    again = home.run("run", "--idle-exit", "1", code=0)
    assert not [name for name in left if name in again.err]
    status = home.run("status", code=0).lines
    assert status[0] == "all is well"
    assert {name for name in left if any(f"left alone in inbox: {name}: " in line for line in status)} == left
    assert [row["name"] for row in home.run("export").rows] == ["a.jpg"]


def test_files_that_are_no_media_get_a_record_where_the_source_keeps_them(home: Home) -> None:
    """S4-15 (part: ``others = "keep"``): of kind other; what is empty is listed."""
    inbox = _watch(home, "keep")
    home.run("run", "--idle-exit", "1", code=0)
    assert {one.name for one in inbox.iterdir()} == {"empty.pdf"}
    rows = {row["name"]: (row["kind"], row["type"], row.get("extension")) for row in home.run("export").rows}
    assert rows.pop("a.jpg") == ("image", "jpeg", "jpg")
    assert rows == {
        "letter.pdf": ("other", "pdf", "pdf"),
        "archive.zip": ("other", "zip", "zip"),
        "noextension": ("other", "data", None),
        "list.json": ("other", "text", "json"),
    }
    assert len(home.filed()) == 5
    assert not [path for path in home.filed() if path.endswith(".")]
    again = home.run("run", "--idle-exit", "1", code=0)
    assert "empty.pdf" not in again.err


@pytest.mark.parametrize("others", ["list", "keep"])
def test_wrong_types(home: Home, others: str) -> None:
    """S4-16 (part: F09): by their bytes with "type differs"; text named .jpg is set aside with a reason whatever the source keeps."""
    inbox = _watch(home, others)
    f09(str(inbox))
    home.run("run", "--idle-exit", "1", code=0)
    rows = {row["name"]: row for row in home.run("export").rows}
    wrong = {
        name: row["type"] for name, row in rows.items() if any(one.startswith("type differs") for one in row.get("told", ()))
    }
    assert wrong == {"png_as_jpg.jpg": "png", "jpg_as_png.png": "jpeg"}
    assert (inbox / "text.jpg").exists()
    assert (inbox / "empty.jpg").exists()
    said = "\n".join(home.run("status", code=1).lines)
    assert "text.jpg" in said
    assert "bytes are text" in said
