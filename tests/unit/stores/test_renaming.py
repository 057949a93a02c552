import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.stores import kernel, renaming


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    number = os.open(tmp_path, os.O_RDONLY)
    yield number
    os.close(number)


@pytest.fixture(params=["rename", "link", "reserve"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the file system can: the whole, hard links only, neither."""

    def lacking(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS if request.param == "link" else errno.EINVAL, "cannot")

    if request.param != "rename":
        monkeypatch.setattr(kernel, "rename", lacking)
    if request.param == "reserve":
        monkeypatch.setattr(os, "link", lacking)
    return str(request.param)


def tree(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def test_a_free_name_is_given(fd: int, tmp_path: Path, way: str) -> None:
    renaming.give((fd, "a"), (fd, "c"))
    assert tree(tmp_path) == {"c": b"a", "b": b"b"}


def test_a_taken_name_is_not(fd: int, tmp_path: Path, way: str) -> None:
    with pytest.raises(FileExistsError):
        renaming.give((fd, "a"), (fd, "b"))
    assert tree(tmp_path) == {"a": b"a", "b": b"b"}


def test_nothing_cannot_be_given(fd: int, tmp_path: Path, way: str) -> None:
    with pytest.raises(FileNotFoundError):
        renaming.give((fd, "nothing"), (fd, "c"))
    assert tree(tmp_path) == {"a": b"a", "b": b"b"}


def test_what_is_meant_is_taken_and_nothing_else(fd: int, tmp_path: Path, way: str) -> None:
    mark = renaming.mark(renaming.look((fd, "a")))
    assert not renaming.take((fd, "b"), (fd, "aside"), mark)
    assert tree(tmp_path) == {"a": b"a", "b": b"b"}
    assert renaming.take((fd, "a"), (fd, "aside"), mark)
    assert tree(tmp_path) == {"b": b"b"}


def test_what_is_meant_is_exchanged_and_nothing_else(fd: int, tmp_path: Path, way: str) -> None:
    mark = renaming.mark(renaming.look((fd, "b")))
    assert not renaming.exchange((fd, "a"), (fd, "b"), "other")
    assert tree(tmp_path) == {"a": b"a", "b": b"b"}
    assert renaming.exchange((fd, "a"), (fd, "b"), mark)
    assert tree(tmp_path) == {"b": b"a"}
