"""``tag`` as a person uses it: seen first, done, read back, taken back."""

import shutil
import subprocess
from pathlib import Path

import pytest

from albumen.media import probe
from e2e.command import Home
from make import entered, jpeg, write
from make.media import raw

SIDECAR = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:own="http://example.org/own/" own:mark="stays"/></rdf:RDF></x:xmpmeta>'
)


def tree(home: Home) -> dict[str, tuple[int, int, bytes]]:
    """Every file of the library with its time, mode and bytes."""
    files = [one for one in home.library.glob("[!.]*/**/*") if one.is_file()]
    return {str(one.relative_to(home.library)): (one.stat().st_mtime_ns, one.stat().st_mode, one.read_bytes()) for one in files}


def at(home: Home, name: str) -> Path:
    """The file in the library that came under this name."""
    (row,) = home.run("find", f"name:{name}", "kind:image,raw", "store:library", "--json", code=0).rows
    return home.library / str(next(one["path"] for one in row["placements"] if one["role"] == "main"))


@pytest.fixture
def album(home: Home) -> Home:
    """A JPEG, one with a sidecar, a RAW."""
    jpeg(home / "in/one.jpg", when="2021:07:03 10:00:00", colour=(1, 2, 3), make="Canon")
    jpeg(home / "in/two.jpg", when="2021:07:03 11:00:00", colour=(4, 5, 6))
    write(home / "in/two.jpg.xmp", SIDECAR)
    write(home / "in/three.nef", raw(b"II*\0", "NIKON CORPORATION"))
    home.run("import", "in", code=0)
    return home


def test_entries_in_the_catalog_change_no_file(album: Home) -> None:
    """U-05, U-06 (part: ``tag``): one or many, seen first, twice is harmless, taken back."""
    before = tree(album)
    words = [
        "tag",
        "kind:image,raw",
        "--add",
        "Zürich",
        "--add",
        "a & <b>",
        "--title",
        'T "x"',
        "--rating",
        "4",
        "--person",
        "Ann",
    ]
    dry = album.run(*words, "--dry-run", code=0)
    assert album.run("find", "tag:Zürich", code=0).lines[-1] == "0 found"
    real = album.run(*words, "-v", code=0)
    assert dry.lines[:-1] == real.lines[:-1]
    assert dry.lines[-1] == "Would tag 3 pictures"
    assert real.lines[-1] == "Tagged 3 pictures as b2"
    assert album.run(*words, code=0).lines[-1] == "Tagged 0 pictures, 3 had it already"
    assert album.run("find", "tag:zurich", "person:ann", code=0).lines[-1] == "3 found"
    album.run("tag", str(at(album, "one.jpg")), "--remove", "Zürich", "--rating", "0", code=0)
    shown = album.run("show", str(at(album, "one.jpg")), code=0).out
    assert "tags a & <b>" in shown
    assert "tagged library:2021/07_July/2021-07-03 10-00-00.jpg (rating none, tags -Zürich)" in shown
    album.run("undo", "last", code=0)
    album.run("undo", "b2", code=0)
    assert album.run("find", "tag:zurich", code=0).lines[-1] == "0 found"
    assert tree(album) == before


def test_a_rewritten_file_has_a_new_record_and_the_old_id_names_it(album: Home) -> None:
    """The picture stays bit for bit; undo brings the exact bytes, times and modes back, undo of that the others."""
    path, before = at(album, "one.jpg"), tree(album)
    (old,) = album.run("show", str(path), "--json", code=0).rows
    album.run("tag", old["id"], "--title", "before", code=0)
    words = ["tag", str(path), "--add", "x\ny", "--description", "Größe 😀", "--embed"]
    dry = album.run(*words, "-d", code=0)
    real = album.run(*words, "-v", code=0)
    assert dry.lines[:-1] == real.lines[:-1]
    after = tree(album)
    facts = probe.read(str(path))
    assert (facts.title, facts.tags, facts.description) == ("before", ("x\ny",), "Größe 😀")
    bytes_before = before[str(path.relative_to(album.library))][2]
    assert path.read_bytes().endswith(bytes_before[bytes_before.index(b"\xff\xdb") :])  # from the first table on
    (new,) = album.run("show", str(path), "--json", code=0).rows
    assert new["replaces"] == old["id"]
    assert (new["title"], new["taken"], new["camera"]) == ("before", old["taken"], old["camera"])
    assert f"replaced by {new['id']}" in album.run("show", old["id"], code=0).out
    assert album.run("tag", old["id"], "--add", "x\ny", "--embed", code=0).lines == ["Tagged 0 pictures, 1 had it already"]
    assert album.run("find", "kind:image", "store:library", code=0).lines[-1] == "2 found"
    assert (
        album.run("import", "in", code=0).lines[-2] == "4 files found = 4 duplicates"
    )  # the old bytes are known as what they became
    refused = album.run("undo", "b2", code=1)
    assert "was rewritten by batch b3: undo that first" in refused.err
    album.run("undo", "b3", code=0)
    assert tree(album) == before
    (now,) = album.run("show", str(path), "--json", code=0).rows
    assert (now["id"], now["title"], now.get("tags")) == (old["id"], "before", None)
    album.run("undo", "last", code=0)
    assert tree(album) == after
    assert album.run("status", code=0).lines[0] == "all is well"


def test_sidecars_are_written_beside_the_pictures(album: Home) -> None:
    """A new one, one that is there and keeps what others wrote, one of a RAW; read back by ExifTool."""
    before = tree(album)
    words = ["tag", "kind:image,raw", "--add", "a & b", "--rating", "5", "--sidecar"]
    assert album.run(*words, code=0).lines == ["Tagged 3 pictures as b2"]
    after = tree(album)
    new = sorted(set(after) - set(before))
    assert [one.removeprefix("2021/07_July/") for one in new if one.startswith("2021")] == ["2021-07-03 10-00-00.jpg.xmp"]
    assert len(new) == 2
    merged = "2021/07_July/2021-07-03 11-00-00.jpg.xmp"
    assert b'own:mark="stays"' in after[merged][2]
    for name in (*new, merged):
        facts = probe.read(str(album.library / name))
        assert (facts.tags, facts.rating) == (("a & b",), 5)
        if tool := shutil.which("exiftool"):
            told = subprocess.run(
                [tool, "-s3", "-Subject", "-Rating", str(album.library / name)], capture_output=True, text=True, check=True
            )
            assert told.stdout.splitlines() == ["a & b", "5"]
    assert "with it: xmp" in album.run("show", str(at(album, "one.jpg")), code=0).out
    album.run("tag", "kind:image,raw", "--remove", "a & b", "--sidecar", code=0)
    assert probe.read(str(album.library / merged)).tags == ()
    album.run("undo", "last", code=0)
    assert tree(album) == after
    album.run("undo", "b2", code=0)
    assert tree(album) == before
    assert "with it: xmp" not in album.run("show", str(at(album, "one.jpg")), code=0).out


def test_a_sidecar_that_is_left_alone_is_no_picture(home: Home) -> None:
    """The import is undone, the sidecar that was written later stays: the picture is taken in again, not thrown away as known."""
    jpeg(home / "in/one.jpg", when="2021:07:03 10:00:00")
    home.run("import", "in", code=0)
    home.run("tag", "kind:image", "--add", "x", "--sidecar", code=0)
    home.run("undo", "b1", code=0)
    assert [name.rpartition(".")[2] for name in tree(home)] == ["xmp"]
    assert home.run("import", "--move", "in", code=0).lines[-1] == "Added 1 entries to catalog."
    assert sorted(name.rpartition(".")[2] for name in tree(home)) == ["jpg", "xmp"]


def test_what_cannot_be_done_is_told_and_the_rest_goes_on(album: Home) -> None:
    write(album / "more/damaged.jpg", entered.jpeg(entered.jfif(), name="cut")[:-2])
    write(album / "more/behind.jpg", entered.jpeg(entered.jfif(), behind=entered.jpeg()))
    album.run("import", "more", code=0)
    ran = album.run("tag", "kind:image,raw", "--add", "x", "--embed", code=1)
    assert ran.lines == ["Tagged 2 pictures as b3, 3 failed"]
    for name, why in (
        ("damaged.jpg", "it is damaged"),
        ("behind.jpg", "another picture that no index names"),
        ("three.nef", "JPEGs only"),
    ):
        assert any(name in line and why in line for line in ran.err.splitlines()), (name, ran.err)
    assert not list(album.library.glob(".albumen/entries/*"))
    stranger = Path(f"{at(album, 'one.jpg')}.xmp")
    stranger.write_bytes(SIDECAR)
    known = album.run("tag", str(at(album, "one.jpg")), "--sidecar", code=1)
    assert "the catalog does not know it" in known.err
    assert stranger.read_bytes() == SIDECAR
    assert "not both" in album.run("tag", str(at(album, "one.jpg")), "kind:image", "--add", "x", code=2).err


def test_wrong_use(home: Home) -> None:
    """Told before anything is opened."""
    table = [
        (["--add", "x", "--remove", "x"], "both given and taken away"),
        ([], "nothing to enter"),
        (["--add", "a\x07"], "no text"),
        (["--add", " "], "it is empty"),
        (["--rating", "6"], "6"),
    ]
    for words, why in table:
        assert why in home.run("tag", "kind:image", *words, code=2).err
    assert not home.library.exists()
