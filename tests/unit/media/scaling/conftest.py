"""One picture scaled in this process, as the children do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from albumen.media.scaling import picture
from albumen.media.scaling.opencv import OpenCvScaler
from albumen.media.scaling.wanted import Origin, Wanted

ORIGIN = Origin("11111111-2222-8333-8444-555555555555", "raw.jpg", "ab" * 32)
Scale = Callable[..., Path]


@pytest.fixture
def scale(tmp_path: Path) -> Scale:
    """``scale(source, format="png", band=…, **wanted)``: where the result lies."""
    made = iter(range(1000))

    def run(source: Path | str, *, band: int = picture.BAND, origin: Origin = ORIGIN, **wanted: Any) -> Path:
        target = tmp_path / f"made-{next(made)}"
        asked = Wanted(**wanted)
        picture.scale(str(source), str(target), asked, OpenCvScaler(asked.method), origin, band=band)
        return target

    return run
