"""The conformance report over the open corpus, where it lies beside the repository (``../shared/corpus/open``), else skips."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import conformance
import reference

_CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "open"

needs_corpus = pytest.mark.skipif(not _CORPUS.is_dir(), reason="no corpus beside the repository")


@needs_corpus
def test_all_agrees_but_what_a_specification_supports() -> None:
    """Issue 5: 100 % on date, offset, position, orientation, size and camera outside ``hostile/``, less at most ten reviewed."""
    command = [sys.executable, conformance.__file__, str(_CORPUS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " 0 not reviewed" in done.stdout


@needs_corpus
def test_the_reviewed_list_names_nothing_that_agrees() -> None:
    known = conformance.reviewed()
    rows = {row.file: row for row in conformance.rows(str(_CORPUS))}
    stale = [key for key in known if all(one.agrees for one in conformance.verdicts(rows[key[0]]) if one.field == key[1])]
    assert stale == []
    assert all(len(clause) > 20 for clause in known.values())


def _corpus(folder: Path, expect: str) -> Path:
    from make import jpeg

    jpeg(os.fspath(folder / "photos" / "set" / "a.jpg"), when="2021:07:01 10:00:00", offset="+02:00", orientation=6)
    columns = ["file", "kind", "orientation", "camera", "expect"]
    with (folder / "MANIFEST.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(columns)
        writer.writerow(["photos/set/a.jpg", "photo", "6", "", expect])
    return folder


def test_an_agreeing_corpus_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = _corpus(tmp_path, "taken=2021-07-01T10:00:00+02:00; date_from=exif; gps=none; display=32x48")
    assert conformance.main([str(corpus)]) == 0
    assert "6 of 6 agree; 0 not reviewed" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["taken=2021-07-01T10:00:01+02:00", "gps=1.00000,2.00000", "display=48x32"])
def test_a_disagreement_that_nobody_reviewed_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    assert conformance.main([str(_corpus(tmp_path, wrong))]) == 1
    out = capsys.readouterr().out
    assert "photos/set/a.jpg: " in out
    assert "NOT REVIEWED" in out


@pytest.mark.skipif(not reference.installed(), reason="no exiftool")
def test_exiftools_answer_stands_beside_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conformance.main([str(_corpus(tmp_path, "taken=2021-07-01T10:00:01")), "--against", "exiftool"])
    out = capsys.readouterr().out
    assert "expected 2021-07-01T10:00:01, ExifTool " in out
    assert "2021:07:01 10:00:00" in out
