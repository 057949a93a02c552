"""S0-78 at a size that a plain filter can still follow in a minute; ``.ci/long million`` runs the same with 1,000,000 records."""

from pathlib import Path

import pytest

from bench.search_speed import measure


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_thousand_records_are_searched_as_a_plain_filter_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S0-78: every total and every first page, by the port and by ``albumen find``; memory below 500 MB."""
    assert measure(tmp_path, 20_000) == 0, capsys.readouterr().out
