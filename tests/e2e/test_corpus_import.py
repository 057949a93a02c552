"""The whole open corpus through ``albumen import``, where it lies beside the project."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

_CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "open"
_LISTED = {  # what stays where it is outside hostile/, and nothing else
    "pairs/named/elodie/with-original-name.txt",
    "pairs/takeout/Takeout/Google Photos/print-subscriptions.json",
    "pairs/takeout/Takeout/Google Photos/shared_album_comments.json",
    "pairs/takeout/Takeout/Google Photos/user-generated-memory-titles.json",
    "pairs/takeout/Takeout/Google Photos/Pumpkin Farm/metadata.json",
    "similar/imagededup/mixed/ukbench09268_corrupt.jpg",
}
_SIZED = {
    "jpeg", "mpo", "png", "gif", "bmp", "tiff", "webp", "heic", "avif", "jxl", "jp2", "psd",
    "dng", "nef", "cr2", "cr3", "orf", "arw", "rw2", "raf", "pef",
    "mov", "mp4", "avi", "mpg", "wmv", "mts", "3gp", "mkv", "webm",
}  # fmt: skip

pytestmark = [
    pytest.mark.skipif(not _CORPUS.is_dir(), reason="the corpus is not beside the project"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The corpus imported twice: both answers, the export, and what became of each file."""
    home = tmp_path_factory.mktemp("corpus")
    source = home / "open"
    shutil.copytree(_CORPUS, source)
    subprocess.run(["chmod", "-R", "u+w", str(source)], check=True)
    with tarfile.open(source / "hostile" / "names.tar") as archive:
        archive.extractall(source / "hostile", filter="fully_trusted")
    run = [sys.executable, "-m", "albumen"]
    first = subprocess.run([*run, "import", str(source), "-r", "--json"], cwd=home, capture_output=True, check=False)
    second = subprocess.run([*run, "import", str(source), "-r"], cwd=home, capture_output=True, check=False)
    export = subprocess.run([*run, "export"], cwd=home, capture_output=True, check=True).stdout
    lines = [json.loads(line) for line in first.stdout.splitlines() if line.startswith(b"{")]
    return {
        "source": source,
        "first": first,
        "second": second,
        "lines": lines,
        "records": [json.loads(line) for line in export.splitlines()],
    }


def _manifest() -> list[dict[str, str]]:
    with (_CORPUS / "MANIFEST.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def _by_sha(taken: dict[str, Any]) -> dict[str, Any]:
    return {one["sha256"]: one for one in taken["records"]}


def test_every_file_outside_hostile_is_a_record_a_duplicate_or_a_companion(taken: dict[str, Any]) -> None:
    """All but six of the 655 files are known by their content: as records, as parts of records, or as their duplicates."""
    known = {one["sha256"] for one in taken["records"]}
    known |= {part["sha256"] for one in taken["records"] for part in one.get("companions", ())}
    rows = [row for row in _manifest() if not row["file"].startswith("hostile/")]
    missing = {row["file"] for row in rows if row["sha256"] not in known}
    assert len(rows) == 655
    assert missing == _LISTED


def test_the_first_run_says_that_some_failed_and_the_second_adds_nothing(taken: dict[str, Any]) -> None:
    assert taken["first"].returncode == 1
    assert taken["second"].returncode == 1
    assert b"Added 0 entries to catalog." in taken["second"].stdout


def test_sizes_as_shown_agree(taken: dict[str, Any]) -> None:
    """``display=`` of ``expect``, as width × height, for at least 99 % of the files of the listed formats."""
    records = _by_sha(taken)
    wrong, asked = [], 0
    for row in _manifest():
        found = re.search(r"display=(\d+)x(\d+)", row["expect"])
        record = records.get(row["sha256"])
        if not found or row["file"].startswith("hostile/") or record is None or record["type"] not in _SIZED:
            continue
        asked += 1
        if (record.get("width"), record.get("height")) != (int(found[1]), int(found[2])):
            wrong.append(row["file"])
    assert asked > 500
    assert len(wrong) <= asked / 100, wrong


def test_dates_from_exif_agree(taken: dict[str, Any]) -> None:
    """Every JPEG, HEIC and TIFF with ``date_from=exif`` carries that date, also when it is the second copy of its content."""
    records = _by_sha(taken)
    wrong, asked = [], 0
    for row in _manifest():
        found = re.search(r"taken=([0-9T:.\-]+)", row["expect"])
        record = records.get(row["sha256"])
        if "date_from=exif" not in row["expect"] or not found or record is None or row["file"].startswith("hostile/"):
            continue
        if record["type"] in ("jpeg", "heic", "tiff", "mpo"):
            asked += 1
            if record.get("taken", "")[:19] != found[1][:19]:
                wrong.append((row["file"], record.get("taken"), found[1]))
    assert asked > 100
    assert not wrong


def test_nothing_that_pillow_decodes_is_called_unsupported(taken: dict[str, Any]) -> None:
    """What Pillow opens is in the catalog; outside hostile/ nothing else is left out but the six files above."""
    known = {one["sha256"] for one in taken["records"]}
    with (_CORPUS / "READERS.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        opened = {row["file"] for row in csv.DictReader(file) if row["pillow"].startswith("ok")}
    left = {row["file"] for row in _manifest() if row["file"] in opened and row["sha256"] not in known}
    companions = {part["sha256"] for one in taken["records"] for part in one.get("companions", ())}
    left = {row["file"] for row in _manifest() if row["file"] in left and row["sha256"] not in companions}
    assert not left


def test_the_numbers_add_up(taken: dict[str, Any]) -> None:
    """Each file found is told once in the totals."""
    files = sum(len(names) for _, _, names in os.walk(taken["source"]))
    assert files >= 950
    totals = [line for line in taken["lines"] if "found" in line]
    assert totals, taken["lines"][-1:]
    total = totals[-1]
    parts = ("added", "companions", "duplicates", "failed", "listed", "empty", "later", "elsewhere")
    assert total["found"] == sum(total.get(name, 0) for name in parts), total
