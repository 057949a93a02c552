"""``catalog``: what it leaves staged, and for whom."""

from dataclasses import replace
from pathlib import Path

import pytest

import make
from albumen.errors import Rejected
from albumen.handlers.catalog import CatalogHandler
from albumen.model import Item, Staged
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.testing import MemoryRun
from make.media import movie


@pytest.mark.parametrize(("steps", "staged"), [(("file",), 1), ((), 0)])
def test_bytes_stay_staged_only_for_steps_that_come_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[str, ...], staged: int
) -> None:
    discarded: list[Staged] = []
    run = MemoryRun(tmp_path, steps=steps)
    monkeypatch.setattr(run.stores["library"], "discard", discarded.append)
    handler = CatalogHandler("catalog", CatalogHandler.Settings(), Context(str(tmp_path), Owners(str(tmp_path))))
    item = run.arrived("in/a.jpg", make.jpeg_bytes(), source="inbox", move=False)
    (known,) = handler(item, run)
    assert known.id
    assert len(discarded) == 1 - staged


def handler(tmp_path: Path) -> CatalogHandler:
    return CatalogHandler("catalog", CatalogHandler.Settings(), Context(str(tmp_path), Owners(str(tmp_path))))


def arrived(run: MemoryRun, *files: tuple[str, bytes]) -> Item:
    (first, *rest) = [run.arrived(f"in/{name}", data) for name, data in files]
    return replace(first, companions=tuple(one.main for one in rest))


def test_names_only_propose_what_belongs_together(tmp_path: Path) -> None:
    run = MemoryRun(tmp_path, steps=("file",))
    item = arrived(run, ("a.jpg", make.jpeg_bytes()), ("a.mov", movie(b"qt  ")))
    assert [one.main.name for one in handler(tmp_path)(item, run)] == ["a.jpg", "a.mov"]


def test_a_broken_main_file_holds_up_nothing_that_only_waited_for_it(tmp_path: Path) -> None:
    run = MemoryRun(tmp_path, steps=("file",))
    item = arrived(run, ("a.jpg", b"only text"), ("a.mov", movie(b"qt  ")), ("a.mov.xmp", b"<x:xmpmeta>"))
    found = handler(tmp_path)(item, run)
    assert [(one.main.name, len(one.companions), one.facts) for one in found] == [("a.jpg", 0, ()), ("a.mov", 1, ())]
    with pytest.raises(Rejected, match="its bytes are text"):
        handler(tmp_path)(found[0], run)
    run.steps = ()
    with pytest.raises(Rejected, match="its bytes are text"):
        handler(tmp_path)(item, run)
