"""Small floods over the real daemon; the big ones are run by ``.ci/long faults``."""

import sys
from pathlib import Path

import pytest

from faults.rigs.flood import flood
from faults.rigs.rig import DEFAULT


@pytest.mark.slow
@pytest.mark.timeout(600)  # scenes wait for a walk each minute
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is a thing of Linux")
@pytest.mark.parametrize("scene", ["overlay", "fuse", "stopped"])
def test_every_file_of_a_flood_is_in_once_and_the_metric_tells_the_truth(tmp_path: Path, scene: str) -> None:
    """On an overlay, behind a FUSE mount that sends no events, and with a reader that stands still until the kernel drops some."""
    tally = flood(str(tmp_path), scene, 200, DEFAULT)
    if tally.skipped:
        pytest.skip(tally.skipped)
    assert tally.wrong == []
    assert (tally.files >= 200, tally.lost) == (True, 0)
    assert tally.by_walk == tally.expected
