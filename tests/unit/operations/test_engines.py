"""The file that says which engine has the catalog."""

import os
from pathlib import Path

import pytest

from albumen.operations.engines import Home, home_of, settle


def test_two_who_settle_at_once_do_not_take_each_others_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, sync = Home("elasticsearch", "there"), os.fsync

    def another_meanwhile(fd: int) -> None:
        monkeypatch.undo()
        settle(str(tmp_path), home)
        sync(fd)

    monkeypatch.setattr(os, "fsync", another_meanwhile)
    settle(str(tmp_path), home)
    assert home_of(str(tmp_path)) == home
    assert os.listdir(tmp_path) == ["catalog.json"]
