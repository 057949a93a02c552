"""Real photos and videos: sizes as shown, EXIF dates, and that each hostile file is read or has a reason.

Runs where the corpus lies beside the repository (``../shared/corpus/open``), else skips.
"""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from albumen.errors import Rejected
from albumen.media.dates import DateRules, Times, choose
from albumen.media.sandbox import Prober
from albumen.model import Facts

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "corpus", "open")
NOW = 1_893_456_000_000_000_000  # 2030-01-01: later than every camera clock of the corpus that may be right

pytestmark = pytest.mark.skipif(not os.path.exists(os.path.join(ROOT, "MANIFEST.csv")), reason="no corpus beside the repository")

# where we differ from the manifest's rules, and why
KNOWN = {
    "raw/bep-imagemeta/sample.arw",  # neither EXIF nor any directory states the size expected, only Sony's own notes
    "raw/tika/testPEF.pef",  # its directory says 8 × 8, its EXIF 64 × 48: no telling which
    "video/phockup/exif.mp4",  # the track header's 16.16 number read as a whole one (ISO/IEC 14496-12, section 8.3.2)
}
NO_DATE = {"hostile/perkeep/dude-exif.jpg"}  # the date's directory is cut off


@dataclass(frozen=True)
class Row:
    file: str
    expect: str
    facts: Facts | None
    why: str

    def expected(self, key: str) -> str | None:
        match = re.search(rf"(?:^|; ){key}=([^;]*)", self.expect)
        return match[1].strip() if match else None


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    prober = Prober(2)
    try:
        return list(_rows(prober))
    finally:
        prober.close()


def _rows(prober: Prober) -> Iterator[Row]:
    with open(os.path.join(ROOT, "MANIFEST.csv"), encoding="utf-8", errors="surrogateescape", newline="") as table:
        for row in csv.DictReader(table):
            path = os.path.join(ROOT, row["file"])
            if not os.path.exists(path):  # the awful names, in an archive
                continue
            try:
                yield Row(row["file"], row["expect"], prober.probe(path), "")
            except Rejected as error:
                yield Row(row["file"], row["expect"], None, str(error))


def test_size_as_shown(rows: list[Row]) -> None:
    asked = [row for row in rows if row.expected("display")]
    wrong = {row.file for row in asked if row.facts is None or f"{row.facts.width}x{row.facts.height}" != row.expected("display")}
    assert len(asked) > 600
    assert wrong - KNOWN == set()
    assert len(wrong) <= len(asked) / 100


def test_exif_dates(rows: list[Row]) -> None:
    asked = [row for row in rows if row.expected("date_from") == "exif"]
    wrong = []
    for row in asked:
        dated = choose([row.facts] if row.facts else [], "x", Times(None, NOW), DateRules())
        if dated.source != "exif:DateTimeOriginal" or dated.taken + (dated.offset or "") != row.expected("taken"):
            wrong.append((row.file, row.expected("taken"), dated.taken, dated.offset))
    assert len(asked) > 200
    assert [one for one in wrong if one[0] not in NO_DATE] == []


def test_dates_of_names_and_folders(rows: list[Row]) -> None:
    wrong = []
    for row in rows:
        stated = row.expected("taken") or ""
        if not row.file.startswith("undated/") or row.facts is None or row.facts.stamps:
            continue
        path = row.file.split("/", 2)[2]
        dated = choose([row.facts], path, Times(None, NOW), DateRules())
        match = re.search(r"\d{4}(-\d{2}){1,2}(T[\d:.]+)?", stated)
        expected = match[0] if match else ""
        if dated.taken != expected:
            wrong.append((row.file, stated, dated.taken))
    assert wrong == []


def test_every_file_is_read_or_has_a_reason(rows: list[Row]) -> None:
    assert len(rows) > 900
    assert all(row.facts is not None or row.why for row in rows)
    assert not [row.why for row in rows if "please report" in row.why or "decoder" in row.why]
    media = [row for row in rows if row.facts is None and not row.file.startswith("hostile/")]
    assert {os.path.splitext(row.file)[1] for row in media} <= {".txt", ".json", ".jpg"}
    assert [row.file for row in media if row.file.endswith(".jpg")] == ["similar/imagededup/mixed/ukbench09268_corrupt.jpg"]


def test_what_any_reader_opens_is_not_refused(rows: list[Row]) -> None:
    """S0-03 (part: no format that Pillow reads is unsupported)."""
    found = {row.file: row.facts for row in rows}
    with open(os.path.join(ROOT, "READERS.csv"), encoding="utf-8", errors="surrogateescape", newline="") as table:
        opened = [row["file"] for row in csv.DictReader(table) if "ok " in row["pillow"] + row["pillow_plugins"]]
    assert [file for file in opened if file in found and found[file] is None] == []


def test_cut_files_are_told(rows: list[Row]) -> None:
    cut = [row for row in rows if row.file.startswith("hostile/truncated/")]
    assert cut
    assert [row.file for row in cut if row.facts is not None and not row.facts.damaged] == []
