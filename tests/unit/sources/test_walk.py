"""One walk for sources and import: what it finds, what it tells, what it never opens."""

import os
import socket
from pathlib import Path

import pytest

from albumen.sources import litter
from albumen.sources.walk import Entry, Found, Skipped, below, look, single, walk


def names(found: list[Found], root: Path) -> list[str]:
    """All files found, relative."""
    return [os.path.relpath(entry.path, root) for folder in found for entry in folder.entries]


def write(path: Path, data: bytes = b"x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_litter_is_counted_and_left_out(tmp_path: Path) -> None:
    """S0-15 (part: names of the walk): litter is not offered, with all below it; a folder whose name merely contains it is."""
    for name in (
        "a.jpg",
        "my_gsdata_trip/b.jpg",
        "_gsdata_/c.jpg",
        "@eaDir/d.jpg",
        "._x.jpg",
        "e.jpg.part",
        ".stfolder/f.jpg",
        "Thumbs.db",
    ):
        write(tmp_path / name)
    found = list(walk(str(tmp_path)))
    assert names(found, tmp_path) == ["a.jpg", "my_gsdata_trip/b.jpg"]
    assert sum(one.litter for one in found) == 6
    assert not any(one.skipped for one in found)


def test_the_list_can_be_set(tmp_path: Path) -> None:
    """S0-15 (part: list settable)."""
    write(tmp_path / "a.jpg")
    write(tmp_path / "Thumbs.db")
    assert names(list(walk(str(tmp_path), ignore=("a.*",))), tmp_path) == ["Thumbs.db"]


def test_what_is_no_file_is_told_and_never_opened(tmp_path: Path) -> None:
    """S0-15, S0-38 (part: the walk): links, FIFOs and sockets are told each with a reason; nothing blocks."""
    write(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.symlink("a.jpg", tmp_path / "link.jpg")
    os.symlink("nowhere", tmp_path / "broken.jpg")
    os.symlink(".", tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.jpg"))
        (found,) = walk(str(tmp_path))
    told = {os.path.basename(one.path): one.what for one in found.skipped}
    assert told == {
        "pipe.jpg": "special",
        "socket.jpg": "special",
        "link.jpg": "symlink",
        "broken.jpg": "symlink",
        "loop": "symlink",
    }
    assert all(one.reason for one in found.skipped)
    assert found.complete


@pytest.mark.parametrize("kind", ["missing", "fifo", "folder", "device", "link"])
def test_a_single_path_that_is_no_file(tmp_path: Path, kind: str) -> None:
    """S0-38 (part: what is neither file nor folder): refused with a reason, without opening it."""
    path = tmp_path / "it"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/null")
    elif kind == "link":
        path.symlink_to("/dev/zero")
    answer = single(str(path))
    assert isinstance(answer, Skipped)
    assert answer.reason


def test_a_single_file(tmp_path: Path) -> None:
    """A regular file named by a person is taken, whatever its name."""
    write(tmp_path / ".hidden.jpg", b"four")
    answer = single(str(tmp_path / ".hidden.jpg"))
    assert isinstance(answer, Entry)
    assert (answer.name, answer.stat.st_size) == (".hidden.jpg", 4)


def test_order_is_by_bytes(tmp_path: Path) -> None:
    """The same order whatever order the disk lists in: a folder before what is in it, siblings by their bytes."""
    for name in ("b/1", "b/0", "B/1", "a/z", "a/b/c", "a-b/1", "ä/1", "x"):
        write(tmp_path / name)
    assert names(list(walk(str(tmp_path))), tmp_path) == ["x", "B/1", "a/z", "a/b/c", "a-b/1", "b/0", "b/1", "ä/1"]


def test_any_name_at_any_depth(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, newlines, 255 bytes, 45 levels."""
    deep = os.fsencode(tmp_path) + b"/" + b"/".join([b"\xfflevel"] * 45)
    os.makedirs(deep)
    for name in (b"\xff\xfe.jpg", b"two\nlines.jpg", b"n" * 255):
        with open(deep + b"/" + name, "wb"):
            pass
    found = list(walk(os.fsencode(tmp_path)))
    assert len(found) == 46
    assert {os.fsencode(one.name) for one in found[-1].entries} == {b"\xff\xfe.jpg", b"two\nlines.jpg", b"n" * 255}


def test_not_recursive(tmp_path: Path) -> None:
    """Only the folder itself; its sub-folders are named."""
    write(tmp_path / "a.jpg")
    write(tmp_path / "sub/b.jpg")
    (found,) = walk(str(tmp_path), recursive=False)
    assert [one.name for one in found.entries] == ["a.jpg"]
    assert found.folders == ("sub",)


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    """It is told, nothing is raised, and nothing may be judged gone."""
    (found,) = walk(str(tmp_path / "nowhere"))
    assert (found.complete, found.missing) == (False, True)
    assert found.skipped[0].what == "unreadable"


def test_a_root_may_be_a_link_but_nothing_below(tmp_path: Path) -> None:
    """A person named the link; what they did not name is not followed."""
    write(tmp_path / "real/a.jpg")
    (tmp_path / "other").mkdir()
    os.symlink(tmp_path / "other", tmp_path / "real/sub")
    os.symlink(tmp_path / "real", tmp_path / "link")
    (found,) = walk(str(tmp_path / "link"))
    assert [one.name for one in found.entries] == ["a.jpg"]
    assert look(str(tmp_path / "link"), litter.Litter()).stat is None


def test_an_unreadable_folder_is_told_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its look is incomplete; its neighbours are found. (Permissions do not bind the root user, so the refusal is played.)"""
    write(tmp_path / "closed/a.jpg")
    write(tmp_path / "open/b.jpg")
    real = os.open

    def refusing(path: str, flags: int) -> int:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    monkeypatch.setattr(os, "open", refusing)
    found = {os.path.basename(one.folder): one for one in walk(str(tmp_path))}
    assert not found["closed"].complete
    assert not found["closed"].missing
    assert "Permission denied" in found["closed"].skipped[0].reason
    assert [one.name for one in found["open"].entries] == ["b.jpg"]


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An I/O error makes the look of that folder incomplete, with a sentence; the rest goes on."""
    write(tmp_path / "bad/a.jpg")
    write(tmp_path / "good/b.jpg")
    bad = os.stat(tmp_path / "bad").st_ino
    scandir = os.scandir

    def failing(fd: int) -> object:
        if os.fstat(fd).st_ino == bad:
            raise OSError(5, "Input/output error")
        return scandir(fd)

    monkeypatch.setattr(os, "scandir", failing)
    found = {os.path.basename(one.folder): one for one in walk(str(tmp_path))}
    assert not found["bad"].complete
    assert "Input/output error" in found["bad"].skipped[0].reason
    assert [one.name for one in found["good"].entries] == ["b.jpg"]


def test_another_file_system_is_told_not_entered(tmp_path: Path) -> None:
    """A folder whose device is another one."""
    write(tmp_path / "mounted/a.jpg")
    names = litter.Litter()
    (found,) = below(look(str(tmp_path), names), names, device=-1)
    assert not found.complete
    assert found.skipped[0].what == "mount"


def state(folder: Path) -> int:
    """The fingerprint of a folder now."""
    return look(str(folder), litter.Litter()).state


def test_a_known_folder_is_passed_over(tmp_path: Path) -> None:
    """Its sub-folders are still entered; the caller is asked about each folder once, with its path."""
    for name in ("a.jpg", "sub/b.jpg", "sub/deep/c.jpg"):
        write(tmp_path / name)
    asked: dict[str, int] = {}

    def known(folder: str, state: int) -> bool:
        asked[folder] = state
        return folder.endswith("sub")

    top = look(str(tmp_path), litter.Litter(), known=known)
    found = [top, *below(top, litter.Litter(), None, known)]
    assert [(os.path.relpath(one.folder, tmp_path), one.same) for one in found] == [
        (".", False),
        ("sub", True),
        ("sub/deep", False),
    ]
    assert names(found, tmp_path) == ["a.jpg", "sub/deep/c.jpg"]
    assert asked == {str(path): state(path) for path in (tmp_path, tmp_path / "sub", tmp_path / "sub/deep")}


def test_what_changes_a_state(tmp_path: Path) -> None:
    """A name, an inode, a size, a time, a folder that comes or is another one; not what happens inside a sub-folder."""
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        write(tmp_path / name)
    states = [state(tmp_path)]
    assert state(tmp_path) == states[0]
    write(tmp_path / "sub/d.jpg")
    assert state(tmp_path) == states[0]
    os.rename(tmp_path / "a.jpg", tmp_path / "c.jpg")
    states.append(state(tmp_path))
    write(tmp_path / "b.jpg", b"xx")
    states.append(state(tmp_path))
    os.utime(tmp_path / "b.jpg", ns=(1, 1))
    states.append(state(tmp_path))
    os.chmod(tmp_path / "b.jpg", 0o600)  # the change time
    states.append(state(tmp_path))
    os.rename(tmp_path / "sub", tmp_path / "other")
    states.append(state(tmp_path))
    write(tmp_path / "other2/x.jpg")
    os.rename(tmp_path / "other", tmp_path.parent / "away")
    os.rename(tmp_path / "other2", tmp_path / "other")
    states.append(state(tmp_path))
    assert len(set(states)) == len(states)


def test_an_empty_folder_and_one_that_cannot_be_read_are_never_known(tmp_path: Path) -> None:
    """Whoever asks about them wants to look."""
    assert not look(str(tmp_path), litter.Litter(), known=lambda *_: True).same
    write(tmp_path / "a.jpg")
    assert look(str(tmp_path), litter.Litter(), known=lambda *_: True).same
    assert not look(str(tmp_path / "nowhere"), litter.Litter(), known=lambda *_: True).same
