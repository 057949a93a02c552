"""``catalog``: what it leaves staged, and for whom."""

from pathlib import Path

import pytest

import make
from albumen.handlers.catalog import CatalogHandler
from albumen.model import Staged
from albumen.owners import Owners
from albumen.plugins import Context
from albumen.testing import MemoryRun


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
