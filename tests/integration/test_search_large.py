"""S0-78 at a size that a plain filter can still follow in a minute; ``.ci/long million`` runs the same with 1,000,000 records."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench" / "search_speed.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_thousand_records_are_searched_as_a_plain_filter_does(tmp_path: Path) -> None:
    """S0-78: every total and every first page, by the port and by ``albumen find``; memory below 500 MB.

    A process of its own below a small one: Linux counts the peak of whoever forked it as the new program's.
    """
    line = [sys.executable, str(BENCH), "--records", "20000", "--at", str(tmp_path)]
    done = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
