"""How far albumen agrees with a corpus' manifest: ``python tests/conformance.py CORPUS [--against exiftool]``.

Per field and format, how many files agree with what ``MANIFEST.csv`` expects (``expect`` binds; the columns tell orientation, camera
and kind); then each disagreement with our answer, the expected one and ExifTool's where it is installed. Those of the reviewed list
(``conformance.csv`` beside this file: file, field, the clause of the specification that supports us) are told with their clause.
``--against exiftool`` also compares what no manifest states (duration, lens, exposure …) and prints where the two differ.

Exit status 1 when a disagreement is not in the list, or the list names more than ``MOST``. ``hostile/`` is counted, not judged.
"""

import argparse
import csv
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import reference
from albumen.errors import AlbumenError
from albumen.media.dates import DateRules, Times, choose
from albumen.media.sandbox import Prober
from albumen.model import Dated, Facts

FIELDS = ("kind", "type", "size", "date", "offset", "position", "orientation", "camera", "motion")
JUDGED = frozenset(FIELDS) - {"kind", "type", "motion"}  # told only: readers made kind and type; a mark of a video is none
MOST = 10
REVIEWED = os.path.join(os.path.dirname(__file__), "conformance.csv")
NOW = 1_893_456_000_000_000_000  # 2030-01-01: later than every camera clock that may be right
_TYPES = {
    "extended webp": "webp",
    "btf": "tiff",
    "apng": "png",
    "jxl codestream": "jxl",
    "j2c": "j2k",
    "psb": "psd",
    "mpeg": "mpg",
    "m2ts": "mts",
    "3g2": "3gp",
    "pbm": "ppm",
    "pgm": "ppm",
    "pfm": "ppm",
}  # where ExifTool has more names than we
_KINDS = {
    "photo": ("image", "other"),
    "video": ("video",),
    "raw": ("raw",),
    "sidecar-xmp": ("other",),
    "sidecar-json": ("other",),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One file of the manifest and what we say of it; ``facts`` is None where it is refused, ``why`` then tells the reason."""

    file: str
    columns: Mapping[str, str]  # of the manifest; "exiftool_type" of READERS.csv
    facts: Facts | None
    dated: Dated | None
    why: str = ""

    @property
    def hostile(self) -> bool:
        """Whether it is only asked for not to do harm."""
        return self.file.startswith("hostile/")

    def expected(self, key: str) -> str:
        """The value of a key of ``expect``, "" for none."""
        match = re.search(rf"(?:^|; ){key}=([^;]*)", self.columns["expect"])
        return match[1].strip() if match else ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One field of one file."""

    file: str
    type: str
    field: str
    ours: str
    expected: str

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.ours == self.expected


def rows(corpus: str) -> Iterator[Row]:
    """All files of the manifest that lie on the disk, read as the product reads them."""
    prober, types = Prober(2), _types(os.path.join(corpus, "READERS.csv"))
    try:
        with open(os.path.join(corpus, "MANIFEST.csv"), encoding="utf-8", errors="surrogateescape", newline="") as table:
            for columns in csv.DictReader(table):
                path = os.path.join(corpus, columns["file"])
                if os.path.exists(path):
                    yield _row({**columns, "exiftool_type": types.get(columns["file"], "")}, path, prober)
    finally:
        prober.close()


def _types(path: str) -> dict[str, str]:
    """The type that ExifTool gives each file, where the corpus has that list."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as table:
        return {row["file"]: row["exiftool_type"].lower() for row in csv.DictReader(table)}


def _row(columns: Mapping[str, str], path: str, prober: Prober) -> Row:
    file = columns["file"]
    try:
        facts = prober.probe(path)
    except AlbumenError as error:
        return Row(file, columns, None, None, str(error))
    within = file.split("/", 2)[2] if file.count("/") > 1 else file.rpartition("/")[2]
    return Row(file, columns, facts, choose([facts], within, Times(None, NOW), DateRules()))


def verdicts(row: Row) -> Iterator[Verdict]:
    """The fields for which the manifest states something, and its silence about positions and dates where it says "none"."""
    facts = row.facts
    if facts is None or row.dated is None:
        return
    stated = (*_of_date(row), *_of_picture(row, facts))
    for field, ours, expected in stated:
        yield Verdict(row.file, facts.type, field, ours, expected)


def _of_date(row: Row) -> Iterator[tuple[str, str, str]]:
    dated, taken = row.dated, row.expected("taken")
    assert dated is not None
    match = re.match(r"(\d{4}-\d{2}(?:-\d{2}(?:T[\d:]+(?:\.\d+)?)?)?)(Z|[+-]\d{2}:\d{2})?", taken)
    stated = dated.taken if dated.source not in ("gps:DateTime", "name", "folder", "exif:DateTime") else ""
    if match and match[2] == "Z":
        yield "date", dated.instant or f"{dated.taken or 'none '}Z", match[0]
    elif match:
        finer = dated.taken.startswith(f"{match[1]}.")  # the same second, and we state its fraction
        yield "date", match[1] if finer else dated.taken, match[1]
        yield "offset", dated.offset or "none", match[2] or "none"
    elif taken.startswith("none") and "month" in taken:
        yield "date", dated.taken, taken.split("month ")[1][:7]
    elif taken.startswith("none"):
        yield "date", stated or "none", "none"
        fallback = row.expected("fallback").split(" ")[0]
        if fallback and dated.source == "exif:DateTime":
            yield "date", dated.taken, fallback


def _of_picture(row: Row, facts: Facts) -> Iterator[tuple[str, str, str]]:
    columns = row.columns
    if columns["kind"] in _KINDS:
        yield "kind", facts.kind if facts.kind not in _KINDS[columns["kind"]] else columns["kind"], columns["kind"]
    if columns["exiftool_type"]:
        yield "type", facts.type, _TYPES.get(columns["exiftool_type"], columns["exiftool_type"])
    if display := row.expected("display"):
        yield "size", f"{facts.width}x{facts.height}", display
    if spot := row.expected("gps"):
        yield "position", _spot(facts, spot), spot if spot[0] in "-0123456789" else "none"
    if motion := row.expected("motion"):
        yield "motion", "yes" if facts.motion else "no", motion.split(" ")[0]
    if orientation := re.fullmatch(r"[1-8]", columns["orientation"]):
        turned_by_boxes = facts.type in ("heic", "heif", "avif", "jxl") and facts.orientation is None
        yield "orientation", orientation[0] if turned_by_boxes else str(facts.orientation), orientation[0]
    if columns["camera"]:
        yield "camera", _camera(facts, columns["camera"]), columns["camera"]


def _spot(facts: Facts, expected: str) -> str:
    """Our position, as the manifest has it where it is the same to its five decimals."""
    if facts.position is None:
        return "none"
    stated = re.match(r"(-?\d+\.\d+),(-?\d+\.\d+)", expected)
    ours = (facts.position.lat, facts.position.lon)
    if stated and all(abs(one - float(other)) < 1.1e-5 for one, other in zip(ours, stated.groups(), strict=True)):
        return expected
    return f"{ours[0]:.5f},{ours[1]:.5f}"


def _camera(facts: Facts, expected: str) -> str:
    """Make and model; the manifest leaves the make away where the model begins with it."""
    make, model = (facts.camera.make or "", facts.camera.model or "") if facts.camera else ("", "")
    forms = (f"{make} {model}".strip(), model, make)
    same = (one for one in forms if " ".join(one.split()) == " ".join(expected.split()))
    return expected if next(same, None) is not None else forms[0] or "none"


def reviewed(path: str = REVIEWED) -> dict[tuple[str, str], str]:
    """(file, field) → the clause that supports us."""
    with open(path, encoding="utf-8", newline="") as table:
        return {(row["file"], row["field"]): row["clause"] for row in csv.DictReader(table)}


def table(found: Iterable[Verdict]) -> str:
    """Agreeing of asked, per format and field."""
    asked: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    for one in found:
        for type in (one.type, "all"):
            asked[type, one.field] += 1
            right[type, one.field] += one.agrees
    fields = [field for field in FIELDS if asked["all", field]]
    types = sorted({type for type, _ in asked} - {"all"})
    lines = ["format  " + "".join(field.rjust(13) for field in fields)]
    for type in (*types, "all"):
        cells = (f"{right[type, field]}/{asked[type, field]}" if asked[type, field] else "–" for field in fields)
        lines.append(type.ljust(8) + "".join(cell.rjust(13) for cell in cells))
    return "\n".join(lines)


def judged(corpus: str, found: Sequence[Verdict], known: Mapping[tuple[str, str], str]) -> tuple[list[str], int]:
    """Lines about all disagreements, and how many of them nobody reviewed."""
    wrong = [one for one in found if not one.agrees]
    others = reference.read([os.path.join(corpus, one.file) for one in wrong])
    lines, open_ = [], 0
    for one in wrong:
        clause = known.get((one.file, one.field))
        open_ += clause is None and one.field in JUDGED
        theirs = reference.answer(others.get(os.path.join(corpus, one.file), {}), one.field)
        lines.append(f"{one.file}: {one.field}: ours {one.ours}, expected {one.expected}, ExifTool {theirs or 'nothing'}")
        lines.append(f"    {'reviewed: ' + clause if clause else 'NOT REVIEWED' if one.field in JUDGED else 'not judged'}")
    return lines, open_


def compared(corpus: str, all_rows: Sequence[Row]) -> list[str]:
    """Where ExifTool and we differ about what no manifest states."""
    kept = [row for row in all_rows if row.facts is not None and not row.hostile]
    others = reference.read([os.path.join(corpus, row.file) for row in kept])
    asked: Counter[str] = Counter()
    lines: list[str] = []
    for row in kept:
        assert row.facts is not None
        for field, ours, theirs in reference.differences(row.facts, others.get(os.path.join(corpus, row.file), {})):
            asked[field] += 1
            if ours != theirs:
                lines.append(f"{row.file}: {field}: ours {ours}, ExifTool {theirs}")
    differing = Counter(line.split(": ")[1] for line in lines)
    total = ", ".join(f"{field} {count - differing[field]}/{count}" for field, count in sorted(asked.items()))
    return [*lines, f"as ExifTool says: {total}"]


def main(words: Sequence[str]) -> int:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--against", choices=["exiftool"])
    asked = parser.parse_args(words)
    all_rows = list(rows(asked.corpus))
    found = [one for row in all_rows if not row.hostile for one in verdicts(row)]
    print(table(found))
    known = reviewed()
    lines, unreviewed = judged(asked.corpus, found, known)
    print(*lines, sep="\n")
    if asked.against:
        print(*compared(asked.corpus, all_rows), sep="\n")
    hostile = [row for row in all_rows if row.hostile]
    refused = sum(row.facts is None for row in hostile)
    print(f"hostile/: {len(hostile) - refused} catalogued, {refused} with a reason")
    agreeing = sum(one.agrees for one in found)
    print(f"{agreeing} of {len(found)} agree; {unreviewed} not reviewed; {len(known)} in the reviewed list (at most {MOST})")
    return 1 if unreviewed or len(known) > MOST else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
