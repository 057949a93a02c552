"""The canary: nothing of it stays, nobody's file is touched."""

import os
from pathlib import Path

import pytest

from albumen.sources import canary
from albumen.sources.litter import Litter


def test_nothing_stays(tmp_path: Path) -> None:
    """A source gets no file of ours; even in its instant it is litter for our own walk, whatever a person ignores."""
    assert canary.release(str(tmp_path))
    assert os.listdir(tmp_path) == []
    assert Litter().file(canary.NAME)
    assert Litter(()).file(canary.NAME)


def test_one_that_a_kill_left_behind_is_taken_away(tmp_path: Path) -> None:
    """By the next one: there is never more than one."""
    (tmp_path / canary.NAME).touch()
    assert canary.release(str(tmp_path))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_is_not_ours_is_left(tmp_path: Path, kind: str) -> None:
    """Somebody's bytes, link or folder of that name: nothing is learnt, nothing is touched."""
    path = tmp_path / canary.NAME
    if kind == "file":
        path.write_bytes(b"somebody's")
    elif kind == "link":
        path.symlink_to("elsewhere")
    else:
        path.mkdir()
    assert not canary.release(str(tmp_path))
    assert os.listdir(tmp_path) == [canary.NAME]


def test_where_nobody_may_write_nothing_is_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that is mounted read-only."""

    def refusing(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refusing)
    assert not canary.release(str(tmp_path))


def test_a_canary_is_known_by_its_name() -> None:
    """In whatever folder."""
    assert canary.is_canary(f"/a/{canary.NAME}")
    assert not canary.is_canary(f"/a/x{canary.NAME}")
