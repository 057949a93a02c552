"""The order of an import: what counts as one path, what cannot be."""

import os
import socket
from pathlib import Path

import pytest

from albumen.errors import UsageError
from albumen.operations.intake import Order, Report, album_of, check
from albumen.testing import MemoryStore


def made(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def test_what_another_path_brings_along_is_not_taken_twice(tmp_path: Path) -> None:
    made(tmp_path, "a/1.jpg", "a/b/2.jpg")
    (tmp_path / "link").symlink_to("a")
    top, below, file = (str(tmp_path / one) for one in ("a", "a/b", "a/1.jpg"))
    paths = (file, below, f"{top}/", top, str(tmp_path / "link"))
    assert Order(paths, recursive=True).tops == (top,)
    assert Order(paths).tops == (below, top)
    assert Order((file, file)).tops == (file,)


def test_the_same_words_name_the_same_import() -> None:
    assert Order(("in", "more"), move=True, recursive=True, limit=3).what == "import --move -r --limit 3 in more"
    assert Order(("in",)).what == Order(("in",), dry_run=True).what == "import in"
    assert Order(("in",), album="2010/Ferien Tessin").what == "import --album 2010/Ferien Tessin in"


@pytest.mark.parametrize("what", ["missing", "pipe", "socket", "link"])
def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path, what: str) -> None:
    """S0-38 (part: import; missing path, FIFO, socket, link)."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        folder = os.open(tmp_path, os.O_RDONLY)
        try:
            listening.bind(f"/proc/self/fd/{folder}/socket")  # the path itself may be too long for a socket
        finally:
            os.close(folder)
    made(tmp_path, "file.jpg")
    (tmp_path / "link").symlink_to("file.jpg")
    with pytest.raises(UsageError, match=f"^Invalid directory {tmp_path / what}"):
        check(Order((str(tmp_path / what),)), [])


def test_a_limit_of_nothing_is_refused(tmp_path: Path) -> None:
    for limit in (0, -1):
        with pytest.raises(UsageError, match="above 0"):
            check(Order((str(tmp_path),), limit=limit), [])
    check(Order((str(tmp_path),), limit=1), [MemoryStore("nas")])  # a store that is no folder here is in nobody's way


def test_numbers_are_told_as_a_sum() -> None:
    assert (
        Report(found=7, added=3, duplicates=2, failed=1, left=1).sum()
        == "7 files found = 3 added + 2 duplicates + 1 failed + 1 left"
    )
    assert Report().sum() == "0 files found"
    assert not Report(stays=1).ok
    assert Report(listed=1, empty=1, left=1).ok


def test_the_name_of_an_album_is_kept_in_one_form() -> None:
    assert album_of("") == ""
    assert album_of(" 2010 / Ferien Tessin /") == album_of("/2010/Ferien Tessin") == "2010/Ferien Tessin"
    assert album_of("Ko\u0308ln") == "Köln"
    assert album_of("Was? Wo: hier") == "Was? Wo: hier"
    for bad in ("..", "a/../b", "/", "a//b", ".hidden", "a\nb", "a\0b", " "):
        with pytest.raises(UsageError, match="is no name for a folder"):
            album_of(bad)
