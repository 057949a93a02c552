"""The numbers of an import add up, and a dry run tells the very same ones."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import make
from albumen.cli import main
from albumen.operations.accounting import GONE
from albumen.sources import walk

XMP = "<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two pictures, a duplicate with a sidecar nobody knows, a second duplicate under another type's name, no picture, nothing."""
    monkeypatch.chdir(tmp_path)
    card = tmp_path / "card"
    make.f01(str(card), "a.jpg")
    make.f01b(str(card), "c.jpg")
    (card / "b.jpg").write_bytes((card / "a.jpg").read_bytes())
    (card / "b.xmp").write_text(XMP)
    (card / "z.dng").write_bytes((card / "c.jpg").read_bytes())
    (card / "n.pdf").write_text("%PDF-1.4")
    (card / "empty.jpg").write_bytes(b"")
    for one in card.iterdir():
        os.utime(one, ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))
    return card


@pytest.mark.parametrize("flags", [[], ["--move"]], ids=["copy", "move"])
def test_the_numbers_add_up_and_a_dry_run_tells_the_same(card: Path, flags: list[str]) -> None:
    """S0-03 (part: counts add up)."""
    told = []
    for more in (["--dry-run"], []):
        result = CliRunner().invoke(main, ["import", *flags, *more, str(card)])
        assert result.exit_code == 0, result.output
        lines = result.output.splitlines()
        told.append([one for one in lines if "files found" in one or one.startswith("Loaded from")])
    assert told[0] == told[1]
    (loaded, found) = told[1]
    assert loaded.endswith("3 / Not stored: 3")
    assert found.startswith("7 files found = 2 added + 1 companions + 2 duplicates + 1 listed")


def test_a_folder_that_another_import_emptied_and_removed_is_no_failure(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between being listed and being looked at; seen with two imports of one folder."""
    make.f01(str(card / "sub"), "s.jpg")
    look = walk.look

    def just_removed(folder: str, *given: Any, **named: Any) -> walk.Found:
        if folder.endswith("/sub"):
            shutil.rmtree(folder)
        return look(folder, *given, **named)

    monkeypatch.setattr(walk, "look", just_removed)
    result = CliRunner().invoke(main, ["import", "-r", str(card)])
    assert result.exit_code == 0, result.output
    assert f"{card}/sub: {GONE}" in result.output
    assert "7 files found" in result.output


@pytest.mark.parametrize("flags", [[], ["--move"]], ids=["copy", "move"])
def test_a_card_that_is_pulled_meanwhile_is_a_failure(card: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]) -> None:
    """Nobody took its files in: who is told that all is well wipes the card. Its mount point stays, as an empty folder."""
    make.f01(str(card / "sub"), "s.jpg")
    look = walk.look

    def pulled(folder: str, *given: Any, **named: Any) -> walk.Found:
        if folder.endswith("/sub") and card.exists():
            card.rename(card.with_name("pulled"))
            card.mkdir()
        return look(folder, *given, **named)

    monkeypatch.setattr(walk, "look", pulled)
    result = CliRunner().invoke(main, ["import", "-r", *flags, str(card)])
    assert result.exit_code == 1, result.output
    assert GONE not in result.output
    assert f"{card}/sub" in result.output
