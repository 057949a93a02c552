"""The catalog as JSON Lines."""

import json
from dataclasses import replace

from albumen.jsonable import loads
from albumen.model import Arrival, Placement, Proof, Record
from albumen.operations.export import export
from albumen.testing import MemoryCatalog
from albumen.testing.records import a_record, everything


def test_every_record_is_a_line_that_reads_back() -> None:
    """S0-01 (part: each field that is known, none invented, unknown left out)."""
    catalog = MemoryCatalog()
    main = everything(0)
    records = [main, a_record(1, companion_of=main.id), a_record(2, placements=())]
    catalog.put(records)
    lines = list(export(catalog))
    assert {loads(Record, line).id: loads(Record, line) for line in lines} == {one.id: replace(one, version=1) for one in records}
    bare = next(json.loads(line) for line in lines if records[2].id in line)
    assert set(bare) == {"id", "sha256", "size", "kind", "type", "name", "extension", "version"}
    assert all("\n" not in line and line.isascii() for line in lines)


def imported(where: str, when: int) -> MemoryCatalog:
    """Two photos as an import in another folder, at another time and in another order of threads would leave them."""
    catalog = MemoryCatalog()
    for n in (1, 2) if when % 2 else (2, 1):
        record = a_record(n, modified=77, digests={"md5": "0" * 32, "dropbox": "1" * 64})
        proof = Proof("read", f"sha256:{record.sha256}", when)
        copies = [Placement(store, f"2021/{n}.jpg", f"{where}{when}", 1000, proof=proof) for store in ("nas", "cloud")]
        arrivals = [Arrival("import", f"disk:{where}/{name}", when) for name in ("a.jpg", "b.jpg")]
        if when % 2:
            copies.reverse()
            arrivals.reverse()
            record = replace(record, digests=dict(sorted(record.digests.items())))
        renditions = ({"variant": "thumb", "at": when},)
        catalog.put([replace(record, placements=tuple(copies), arrival=tuple(arrivals), renditions=renditions)])
        for version in range(1, 1 + when % 3):
            kept = catalog.get([record.id])[record.id]
            catalog.put([replace(kept, version=version)])
    return catalog


def test_equal_imports_elsewhere_export_the_same() -> None:
    """Time, machine and thread order leave no trace in ``--stable``, and the rest stays."""
    one, other = imported("tmp/x", 10), imported("home/y/z", 23)
    stable = list(export(one, stable=True))
    assert stable == list(export(other, stable=True))
    assert list(export(one)) != list(export(other))
    assert stable == sorted(stable)
    kept = json.loads(stable[0])
    assert kept["modified"] == 77
    assert [place["store"] for place in kept["placements"]] == ["cloud", "nas"]
    assert {arrival["ref"] for arrival in kept["arrival"]} == {"disk:a.jpg", "disk:b.jpg"}
    assert kept["placements"][0]["proof"]["method"] == "read"


def test_a_difference_in_content_shows() -> None:
    one, other = imported("x", 1), imported("x", 1)
    record = next(iter(other.get([a_record(1).id]).values()))
    other.put([replace(record, tags=("x",))])
    assert list(export(one, stable=True)) != list(export(other, stable=True))


def test_long_catalogs_are_exported_whole() -> None:
    catalog = MemoryCatalog()
    catalog.put([a_record(n) for n in range(1201)])
    ids = [json.loads(line)["id"] for line in export(catalog, stable=True)]
    assert ids == sorted(a_record(n).id for n in range(1201))
    assert len(list(export(catalog))) == 1201
