"""Find one record by what a person calls it, and explain it."""

from dataclasses import replace
from pathlib import Path

import pytest

from albumen.catalogs.sqlite import SqliteCatalog
from albumen.errors import NotFound, UsageError
from albumen.model import Companion, Dated, Placement, Query, Record
from albumen.operations.look import every, explain, find_record, hash_of, identity_fault, moment, printable, record_at
from albumen.testing import MemoryCatalog
from albumen.testing.records import a_record, everything


@pytest.fixture
def catalog() -> MemoryCatalog:
    return MemoryCatalog()


def bare(id: str, name: str = "x.jpg") -> Record:
    return Record(id=id, sha256=id * 2, size=1, kind="image", type="jpeg", name=name)


def test_a_record_is_found_by_id_beginning_and_digest(catalog: MemoryCatalog) -> None:
    record = everything(0)
    catalog.put([record, a_record(1)])
    dashed = f"{record.id[:8]}-{record.id[8:12]}-{record.id[12:]}"
    for word in (record.id, record.id[:6], record.id[:31], record.id.upper(), dashed, record.sha256, f"sha256:{record.sha256}"):
        assert find_record(catalog, word).id == record.id, word
    assert find_record(catalog, "cd" * 16).id == record.id, "by its MD5"
    assert find_record(catalog, "ef" * 32).id == record.id, "by its sidecar's SHA-256"


def test_a_content_of_its_own_comes_before_the_one_it_travels_with(catalog: MemoryCatalog) -> None:
    live = a_record("mov")
    main = a_record("heic", companions=(Companion("live", live.sha256, live.size, live.name, live.id),))
    catalog.put([main, replace(live, companion_of=main.id)])
    assert find_record(catalog, live.sha256).id == live.id
    assert find_record(catalog, live.id[:8]).id == live.id


def test_an_ambiguous_beginning_names_the_candidates(catalog: MemoryCatalog) -> None:
    """S4-19 (part: an ambiguous prefix is told with the candidates, exit 2)."""
    one, two = bare("abcdef" + "1" * 26, "one.jpg"), bare("abcdef" + "2" * 26, "two\x1b.jpg")
    catalog.put([one, two])
    with pytest.raises(UsageError, match=r"1{26} \(one.jpg\), abcdef2{26} \(two\\x1b.jpg\)") as error:
        find_record(catalog, "abcdef")
    assert error.value.exit_code == 2
    assert find_record(catalog, "abcdef2").id == two.id
    catalog.put([bare(f"abcdef{n:x}" + "0" * 25) for n in range(3, 12)])
    with pytest.raises(UsageError, match="and more"):
        find_record(catalog, "abcdef")


@pytest.mark.parametrize("word", ["abcdef", "0" * 32, "0" * 64])
def test_what_is_not_there_is_not_found(catalog: MemoryCatalog, word: str) -> None:
    with pytest.raises(NotFound, match=word):
        find_record(catalog, word)


@pytest.mark.parametrize("word", ["", "abcde", "photo.jpg", "abc-de"])
def test_what_is_no_id_is_wrong_use(catalog: MemoryCatalog, word: str) -> None:
    with pytest.raises(UsageError, match="6 hex digits"):
        find_record(catalog, word)


def test_a_path_names_the_record_that_lies_there(catalog: MemoryCatalog) -> None:
    live = a_record("mov", placements=(Placement("nas", "a/b.mov"),))
    main = a_record("heic", placements=(Placement("nas", "a/b"), Placement("nas", "a/b.mov", role="live", sha256=live.sha256)))
    catalog.put([main, live])
    found = [record_at(catalog, "nas", path) for path in ("a/b", "a/b.mov", "a", "a/b.xmp")]
    assert [one and one.id for one in found] == [main.id, live.id, None, None]
    assert record_at(catalog, "cloud", "a/b") is None


def test_every_record_comes_once_whatever_the_page(catalog: MemoryCatalog) -> None:
    catalog.put([a_record(n) for n in range(7)])
    assert len({one.id for one in every(catalog, Query(), page=3)}) == len(list(every(catalog, Query(), page=3))) == 7


def test_the_hash_of_a_record_is_for_near(catalog: MemoryCatalog) -> None:
    catalog.put([everything(0), a_record(1)])
    assert hash_of(catalog)(a_record(0).id[:6]) == "00ff00ff00ff00ff"
    with pytest.raises(UsageError, match="no perceptual hash"):
        hash_of(catalog)(a_record(1).id)


def edit(catalog: SqliteCatalog, id: str, sha256: str) -> None:
    """What a person with a database browser does."""
    sql = "UPDATE body SET json = json_set(json, '$.sha256', ?) WHERE json_extract(json, '$.id') = ?"
    catalog.database.write(lambda connection: connection.execute(sql, (sha256, id)))


def test_a_changed_record_is_told_and_the_others_are_listed(tmp_path: Path) -> None:
    """S0-06 (part: the message, on a catalog edited by hand; the exit status is the command's)."""
    catalog = SqliteCatalog(str(tmp_path / "catalog.db"))
    good, bad, worse = a_record(1), a_record(2), a_record(3)
    catalog.put([good, bad, worse])
    edit(catalog, bad.id, "0" * 64)
    edit(catalog, worse.id, "no hex")
    listed = {one.id: identity_fault(one) for one in catalog.find(Query()).rows}
    assert listed[good.id] is None
    for record in (bad, worse):
        fault = listed[record.id]
        assert fault is not None
        assert record.id in fault
        assert f"nas:{record.placements[0].path}" in fault
        assert "field sha256" in fault
    catalog.close()


def test_everything_is_explained() -> None:
    """Where it came from, why this date, where it lies, what travels with it."""
    successor = a_record("new", replaces=a_record(0).id)
    lines = explain(everything(0), {successor.id: successor})
    text = "\n".join(lines)
    for part in (
        "0.jpg: image, jpeg, 1000 bytes",
        "came by import from disk:card/0.jpg at 1970-01-01 00:00:00 UTC",
        "taken 2021-07-03T10:11:12.25 +02:00 (to the second), from exif:DateTimeOriginal, high confidence",
        "  used: exif:DateTimeOriginal 2021:07:03 10:11:12: first plausible",
        r"lies at nas:2021/\udcff/0.jpg, album Sommer, proven 1970-01-01 00:00:00 UTC by read",
        r"lies at nas:2021/\udcff/0.jpg.xmp (xmp), album Sommer, not proven yet",
        "with it: xmp 0.jpg.xmp, 77 bytes",
        f"made from {'1' * 32}",
        f"replaced by {successor.id} (new.jpg)",
        "rating 0",
        "duration 0 s",
        "damaged: end is missing",
    ):
        assert part in text
    assert "mismatch" not in text


def test_what_is_not_known_is_not_explained() -> None:
    lines = explain(a_record(1, placements=(), version=1))
    assert lines[-1] == "lies nowhere any more: kept as history"
    assert "taken: not known" in lines
    assert not [line for line in lines if "None" in line or line.startswith(("camera", "tags", "position", "came by"))]


def test_rejected_dates_and_faults_are_explained() -> None:
    dated = Dated("2021-07-03", "day", "filename", "medium", everything(0).date_candidates)
    record = a_record(
        1, taken=dated.taken, date_candidates=tuple(replace(one, used=False, reason="in the future") for one in dated.candidates)
    )
    assert "  not used: exif:DateTimeOriginal 2021:07:03 10:11:12: in the future" in explain(record)
    assert "identity mismatch" in explain(replace(record, sha256="0" * 64))[-1]


def test_nothing_printed_moves_the_terminal() -> None:
    assert printable("a\x1b[2J\udcff\u202eb") == r"a\x1b[2J\udcff\u202eb"
    assert all(line.isprintable() for line in explain(a_record(1, name="a\nb\x1b", title="\x07")))


def test_years_without_a_calendar_are_shown_all_the_same() -> None:
    assert moment(10**21) == f"{10**21} ns"
    assert moment(1_000_000_000) == "1970-01-01 00:00:01 UTC"
