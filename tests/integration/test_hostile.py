"""The corpus' ``hostile/``: each file is read or has a reason of its own, soon, and keeps no good file waiting.

Runs where the corpus lies beside the repository, else skips. ``python tests/integration/test_hostile.py`` prints the table.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from albumen.errors import Rejected
from albumen.media.sandbox import Prober
from make import jpeg

ROOT = Path(__file__).parents[3] / "shared" / "corpus" / "open" / "hostile"
LIMIT = 10.0  # seconds of one file: the limit of CPU; on a machine without other work none takes a quarter of one

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="no corpus beside the repository")


@dataclass(frozen=True)
class Row:
    """What became of one file. ``what``: "read", "damaged" or "rejected"."""

    file: str
    what: str
    why: str
    seconds: float


def outcomes(prober: Prober) -> Sequence[Row]:
    """One row for each file."""
    return [_row(prober, path) for path in sorted(ROOT.rglob("*")) if path.is_file() and path.name != "names.tar"]


def _row(prober: Prober, path: Path) -> Row:
    began, name = time.monotonic(), str(path.relative_to(ROOT))
    try:
        facts = prober.probe(path)
        what, why = ("damaged", facts.damaged) if facts.damaged else ("read", "; ".join(facts.told))
    except Rejected as error:
        what, why = "rejected", str(error).removeprefix(f"{path}: ")
    return Row(name, what, why, time.monotonic() - began)


@pytest.fixture(scope="module")
def rows() -> Sequence[Row]:
    prober = Prober(1)
    try:
        return outcomes(prober)
    finally:
        prober.close()


def test_each_is_catalogued_or_has_a_reason_of_its_own(rows: Sequence[Row]) -> None:
    assert len(rows) > 250
    assert {row.file for row in rows if row.what != "read" and not row.why} == set()
    programs_speak = ("decoder", "please report", "<_io", "Traceback", "Errno", "object at 0x")
    assert [(row.file, row.why) for row in rows if any(word in row.why for word in programs_speak)] == []
    empty = {row.file for row in rows if not os.path.getsize(ROOT / row.file)}
    assert empty == {row.file for row in rows if row.why == "the file is empty"}
    assert not [row.file for row in rows if row.what == "read" and row.file.startswith("truncated/")]


def test_none_takes_longer_than_the_limit(rows: Sequence[Row]) -> None:
    assert [(row.file, row.seconds) for row in rows if row.seconds > LIMIT] == []


def test_no_good_file_between_them_takes_longer_than_the_limit(tmp_path: Path) -> None:
    good = jpeg(str(tmp_path / "a.jpg"), when="2021:07:01 00:30:00")
    hostile = [path for path in sorted(ROOT.rglob("*")) if path.is_file()]
    took = []
    prober = Prober(2)

    def read(path: Path) -> None:
        began = time.monotonic()
        if path == Path(good):
            assert prober.probe(path).width == 48
            took.append(time.monotonic() - began)
        else:
            _row(prober, path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, [one for path in hostile for one in (path, Path(good))]))
    prober.close()
    assert len(took) == len(hostile)
    assert max(took) < LIMIT


def main() -> None:
    """Print the table."""
    prober = Prober(1)
    found = outcomes(prober)
    prober.close()
    for row in found:
        sys.stdout.write(f"{row.seconds * 1000:8.1f} ms  {row.what:8}  {row.file}: {row.why}\n")
    counted = Counter(row.what for row in found)
    slow = sorted(row.seconds for row in found)
    sys.stdout.write(
        f"{len(found)} files: {', '.join(f'{number} {what}' for what, number in sorted(counted.items()))}; "
        f"median {slow[len(slow) // 2] * 1000:.1f} ms, slowest {slow[-1] * 1000:.1f} ms\n"
    )


if __name__ == "__main__":
    main()
