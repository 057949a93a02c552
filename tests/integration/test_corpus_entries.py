"""Entries into every real JPEG: what was entered is read back, all else is as it was, the picture bit for bit; or a reason.

Runs where the corpus lies beside the repository (``../shared/corpus/open``), else skips.
"""

import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumen.errors import AlbumenError, Rejected
from albumen.media import probe
from albumen.media.readers.window import Memory
from albumen.media.writers import jpeg, xmp
from albumen.media.writers.entries import Entries
from albumen.model import Facts, Region

ROOT = Path(__file__).parent / "../../../shared/corpus/open"
WANTED = Entries(
    'Title <&> "q"',
    "Line one\nline two 😀",
    4,
    ("Zürich", "a & b", "<tag>"),
    ("Ann", "Bob"),
    (Region(0.25, 0.5, 0.1, 0.2, "Ann"),),
)
MAY_DIFFER = {*xmp.FIELDS, "size", "motion"}

pytestmark = [
    pytest.mark.skipif(not (ROOT / "MANIFEST.csv").exists(), reason="no corpus beside the repository"),
    pytest.mark.slow,
]


def pictures() -> Iterator[tuple[Path, bytes, Facts]]:
    """Every JPEG that is whole."""
    for path in sorted(ROOT.rglob("*")):
        if not path.is_file() or path.stat().st_size > 30_000_000:
            continue
        data = path.read_bytes()
        if data[:3] != b"\xff\xd8\xff":
            continue
        try:
            facts = probe.facts(Memory(data), path.name)
        except AlbumenError:
            continue
        if not facts.damaged:
            yield path, data, facts


def rewritten(data: bytes, facts: Facts) -> tuple[bytes, int]:
    turn = facts.orientation or 1
    size = (facts.height or 0, facts.width or 0) if turn >= 5 else (facts.width or 0, facts.height or 0)
    made = jpeg.rewrite(Memory(data), WANTED, xmp.FIELDS, xmp.Frame(*size, turn))
    return b"".join(one if isinstance(one, bytes) else data[slice(*one)] for one in made.pieces), made.growth


def test_every_jpeg_is_rewritten_or_refused() -> None:
    """No file comes out with other facts; those whose entries stand elsewhere, too, are few and found out by reading back."""
    done, refused, unlike = 0, [], []
    for path, data, before in pictures():
        where = str(path.relative_to(ROOT))
        try:
            new, growth = rewritten(data, before)
        except Rejected as error:
            refused.append((where, str(error)))
            continue
        after = probe.facts(Memory(new), path.name)
        if Entries.of(after) != WANTED:
            unlike.append(where)
            continue
        names = [one.name for one in dataclasses.fields(Facts) if one.name not in MAY_DIFFER]
        assert {name: getattr(after, name) for name in names} == {name: getattr(before, name) for name in names}, where
        assert (after.motion or growth) == (before.motion or 0) + growth, where
        done += 1
    assert done > 200
    assert not [one for one in refused if not one[0].startswith("hostile/")]
    assert len(unlike) <= 4, unlike  # the product refuses them: it reads back, too


def test_exiftool_finds_the_same_pictures(tmp_path: Path) -> None:
    """The reference reader: equal picture data, previews and other pictures behind it, and no new warning."""
    tool = shutil.which("exiftool")
    if tool is None:
        pytest.skip("needs ExifTool")
    some = [one for at, one in enumerate(pictures()) if at % 9 == 0 or b"MPF\0" in one[1][:70000]][:80]
    names: dict[str, str] = {}
    for at, (path, data, facts) in enumerate(some):
        try:
            new, _ = rewritten(data, facts)
        except Rejected:
            continue
        names[f"{at}.jpg"] = str(path)
        (tmp_path / f"{at}.jpg").write_bytes(new)
    asked = [
        "-json",
        "-b",  # the bytes of previews and other pictures, too
        "-a",
        "-G1",
        "-struct",
        "-MPImage*",
        "-PreviewImage",
        "-ThumbnailImage",
        "-ImageSize",
        "-Warning",
        "-JFIF:all",
        "-ICC_Profile:all",
    ]
    old, new_ = (told(tool, asked, files) for files in (list(names.values()), [str(tmp_path / one) for one in names]))
    for (name, source), before, after in zip(names.items(), old, new_, strict=True):
        moved = {key for key in before if re.search(r"MPImage(Start|Length)|SourceFile", key)}  # these must move
        assert {key: value for key, value in before.items() if key not in moved} == {
            key: value for key, value in after.items() if key not in moved
        }, (name, source)


def told(tool: str, asked: list[str], files: list[str]) -> list[dict[str, object]]:
    done = subprocess.run(
        [tool, *asked, *files], capture_output=True, check=False, timeout=300, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    rows: list[dict[str, object]] = json.loads(done.stdout)
    return rows
