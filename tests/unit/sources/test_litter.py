"""Names that are left out, and names that only look like them."""

import pytest

from albumen.sources.litter import DEFAULT, Litter

NAMES = Litter()


HALF_WRITTEN = ("a.jpg.part", "a.mov.crdownload", "x.filepart", ".a.jpg.Xy12Zq", ".syncthing.a.jpg.tmp", "~syncthing~a.jpg.tmp")
BESIDE = (".DS_Store", "._IMG_1.jpg", ".hidden.jpg", "Thumbs.db", "THUMBS.DB", "desktop.ini", "a.jpg~", "~$brief.docx", "Icon\r")


@pytest.mark.parametrize("name", [*HALF_WRITTEN, *BESIDE, "SYNOFILE_THUMB_M.jpg"])
def test_files_left_out(name: str) -> None:
    """Half-written and hidden files, and what systems put beside pictures."""
    assert NAMES.file(name)


@pytest.mark.parametrize("name", ["@eaDir", ".stfolder", ".Trashes", "#recycle", "_gsdata_", "__MACOSX", "@Recycle", ".albumen"])
def test_folders_left_out(name: str) -> None:
    """Folders of a NAS, a synchroniser, a bin, and our own."""
    assert NAMES.folder(name)


@pytest.mark.parametrize(
    "name",
    [
        "my_gsdata_trip.jpg",
        "eaDir.jpg",
        "Thumbs.db.jpg",
        "part.jpg",
        "a.partial.jpg",
        "a_conflict-2021.jpg",
        "\udcff.jpg",
        "a\n.jpg",
    ],
)
def test_text_inside_a_name_is_no_litter(name: str) -> None:
    """Only whole names count."""
    assert not NAMES.file(name)


@pytest.mark.parametrize("name", ["my_gsdata_", "Summer.part", "old~", "x@eaDir", "thumbnails"])
def test_folders_that_only_look_like_litter(name: str) -> None:
    """A folder may hold somebody's only copies: it is left out by its very name only."""
    assert not NAMES.folder(name)


def test_the_list_is_settable() -> None:
    """What a person lists replaces the defaults; hidden names stay out; an empty list leaves nothing else out."""
    own = Litter(("private", "tmp*", "cache/"))
    assert own.file("private")
    assert own.folder("private")
    assert own.file("TMP1.jpg")
    assert not own.folder("tmp1")
    assert own.folder("cache")
    assert not own.file("cache")
    assert not own.file("Thumbs.db")
    assert own.file(".hidden")
    assert not Litter(()).file("Thumbs.db")
    assert Litter(DEFAULT).file("Thumbs.db")
