"""What the dashboard in config/kibana.ndjson asks of an index, asked of a real one that the catalog filled: each of its charts by the
aggregation that its columns mean. Kibana itself is not here."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from albumen.catalogs.elastic import ElasticCatalog
from albumen.model import Camera, Placement, Position, Record
from albumen.testing.records import a_record
from make.elastic import a_catalog
from servers import elastic

CONFIG = pathlib.Path(__file__).parent.parent.parent / "config" / "kibana.ndjson"
OBJECTS = {one["id"]: one for one in map(json.loads, CONFIG.read_text().splitlines())}
LENSES = [one for one in OBJECTS.values() if one["type"] == "lens"]


def picture(
    n: int, taken: str, kind: Any = "image", size: int = 3 << 20, stores: tuple[str, ...] = ("nas",), **more: Any
) -> Record:
    places = tuple(Placement(store, f"{n}.jpg") for store in stores)
    return replace(a_record(n), taken=taken, kind=kind, size=size, placements=places, companion_of=None, **more)


BERN, SYDNEY = Position(46.948, 7.447), Position(-33.859, 151.214)
RECORDS = [
    picture(1, "2021-07-01T00:30:00", camera=Camera("Canon", "EOS R5"), position=BERN, stores=("nas", "cloud")),
    picture(2, "2021-07-31T23:59:59", camera=Camera("Canon", "EOS R5"), position=BERN, stores=("nas", "cloud")),
    picture(3, "2021-08-01", size=100_000),
    picture(4, "2022-01-05T12:00:00", "video", 3 << 30, position=SYDNEY),
    picture(5, "2022-01-05T12:00:00", "raw", 30 << 20, camera=Camera("Nikon", None)),
    picture(6, "2022-01-06T12:00:00", stores=()),  # history: not counted
]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElasticCatalog]:
    with elastic.server(tmp_path_factory.mktemp("elastic")) as url, closing(a_catalog(url)) as made:
        made.put(RECORDS)
        made.connection.ask("POST", f"/{made.ready()}/_refresh")
        yield made


def asked(catalog: ElasticCatalog, aggregation: Mapping[str, Any], kql: str) -> Any:
    """The buckets of an aggregation over what the chart's own query leaves."""
    must_not = [{"term": {"camera": ""}}] if "not camera" in kql else []
    query = {"bool": {"filter": [{"term": {"counted": True}}], "must_not": must_not}}
    assert kql in ("counted: true", 'counted: true and not camera: ""')
    body = {"size": 0, "query": query, "aggs": {"one": aggregation}}
    return catalog.connection.ask("POST", f"/{catalog.ready()}/_search", body)["aggregations"]["one"]["buckets"]


def aggregation(column: Mapping[str, Any]) -> dict[str, Any]:
    """What a bucketing column means."""
    field, how = column["sourceField"], column["params"]
    if column["operationType"] == "date_histogram":
        assert how["interval"] == "1M"
        return {"date_histogram": {"field": field, "calendar_interval": "1M", "min_doc_count": 1}}
    if column["operationType"] == "terms":
        return {"terms": {"field": field, "size": how["size"]}}
    ranges = [{key: value for key, value in one.items() if key in ("from", "to") and value is not None} for one in how["ranges"]]
    return {"range": {"field": field, "ranges": [{**one, "key": how["ranges"][at]["label"]} for at, one in enumerate(ranges)]}}


SHOWN: Mapping[str, Mapping[str, float]] = {
    "albumen-months": {"2021-07": 2, "2021-08": 1, "2022-01": 2},
    "albumen-kinds": {"image": 3, "video": 1, "raw": 1},
    "albumen-cameras": {"EOS R5": 2, "Nikon": 1},
    "albumen-stores": {"nas": 5, "cloud": 2},
    "albumen-sizes": {"below 1 MiB": 1, "1 to 4 MiB": 2, "16 to 64 MiB": 1, "1 GiB and more": 1},
    "albumen-bytes": {"image": (6 << 20) + 100_000, "video": 3 << 30, "raw": 30 << 20},
}


@pytest.mark.parametrize("lens", LENSES, ids=lambda one: str(one["id"]))
def test_a_chart_shows_what_the_catalog_holds(catalog: ElasticCatalog, lens: Any) -> None:
    state = lens["attributes"]["state"]
    columns = state["datasourceStates"]["formBased"]["layers"]["layer"]["columns"]
    first = next(one for one in columns.values() if one["isBucketed"])
    sums = [one for one in columns.values() if one["operationType"] == "sum"]
    wanted = aggregation(first)
    if sums:
        wanted["aggs"] = {"sum": {"sum": {"field": sums[0]["sourceField"]}}}
    found = {}
    for one in asked(catalog, wanted, state["query"]["query"]):
        key = one["key_as_string"][:7] if "key_as_string" in one else one["key"]
        found[key] = one["sum"]["value"] if sums else one["doc_count"]
    assert {key: number for key, number in found.items() if number} == SHOWN[lens["id"]]


def test_the_map_shows_where_pictures_were_taken(catalog: ElasticCatalog) -> None:
    attributes = OBJECTS["albumen-map"]["attributes"]
    (source,) = (
        one["sourceDescriptor"] for one in json.loads(attributes["layerListJSON"]) if "geoField" in one["sourceDescriptor"]
    )
    kql = json.loads(attributes["mapStateJSON"])["query"]["query"]
    buckets = asked(catalog, {"geotile_grid": {"field": source["geoField"], "precision": 4}}, kql)
    assert sorted(one["doc_count"] for one in buckets) == [1, 2]


def test_the_view_finds_the_index_by_its_alias(catalog: ElasticCatalog) -> None:
    fields = catalog.connection.ask(
        "GET", f"/{catalog.ready()}/_field_caps?fields=taken_at,kind,camera,stores,size,location,counted"
    )
    assert all(kind["aggregatable"] for one in fields["fields"].values() for kind in one.values())
    assert len(fields["fields"]) == 7
