"""What config/ brings for Elasticsearch and Kibana: settings, the compose file, the saved objects. All that can be said without them."""

import json
import pathlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # as in test_container

from albumen.catalogs.elastic.index import mapping
from albumen.config import load
from albumen.plugins import Plugins

CONFIG = pathlib.Path(__file__).parent.parent / "config"
COMPOSE: Mapping[str, Any] = yaml.safe_load((CONFIG / "compose-elasticsearch.yaml").read_text())
SERVICES: Mapping[str, Any] = COMPOSE["services"]
OBJECTS = [json.loads(line) for line in (CONFIG / "kibana.ndjson").read_text().splitlines()]
FIELDS: Mapping[str, Any] = mapping()["properties"]
SETTINGS = load(str(CONFIG / "elasticsearch.toml"), {"CATALOG_PASSWORD": "x" * 20}, {}, Plugins().kinds())


# ----------------------------------------------------------------------------------------------------------------- Kibana


def of(*types: str) -> list[Any]:
    return [one for one in OBJECTS if one["type"] in types]


def layers(lens: Any) -> Iterator[tuple[str, Any]]:
    yield from lens["attributes"]["state"]["datasourceStates"]["formBased"]["layers"].items()


def test_every_object_is_whole_and_every_reference_resolves() -> None:
    known = {(one["type"], one["id"]) for one in OBJECTS}
    assert len(known) == len(OBJECTS)
    for one in OBJECTS:
        assert set(one) == {"type", "id", "attributes", "references", "coreMigrationVersion", "typeMigrationVersion", "managed"}
        assert one["attributes"]["title"]
        assert {(ref["type"], ref["id"]) for ref in one["references"]} <= known, one["id"]
        assert len({ref["name"] for ref in one["references"]}) == len(one["references"])
        for key, text in one["attributes"].items():
            if key.endswith("JSON") or key in ("fieldAttrs", "fieldFormatMap", "fields", "runtimeFieldMap", "typeMeta"):
                json.loads(text)
    assert [len(of(one)) for one in ("index-pattern", "dashboard", "map", "lens")] == [1, 1, 1, 6]


def test_the_dashboard_shows_every_picture_once_and_none_overlaps() -> None:
    (board,) = of("dashboard")
    panels = json.loads(board["attributes"]["panelsJSON"])
    named = {ref["name"]: (ref["type"], ref["id"]) for ref in board["references"]}
    shown = {named.pop(f"{one['panelIndex']}:{one['panelRefName']}"): one for one in panels}
    assert named == {}
    assert set(shown) == {(one["type"], one["id"]) for one in of("lens", "map")}
    assert all(kind == one["type"] and one["gridData"]["i"] == one["panelIndex"] for (kind, _), one in shown.items())
    cells: set[tuple[int, int]] = set()
    for grid in (one["gridData"] for one in panels):
        mine = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert not mine & cells
        assert grid["x"] + grid["w"] <= 48
        cells |= mine


def test_the_view_is_the_index_that_the_example_names() -> None:
    (view,) = of("index-pattern")
    assert view["attributes"]["title"] == SETTINGS.catalog.options.index
    assert FIELDS[view["attributes"]["timeFieldName"]]["type"] == "date"
    assert set(json.loads(view["attributes"]["fieldFormatMap"])) <= set(FIELDS)


OPERATIONS = {
    "date_histogram": ("date", {"date"}),
    "terms": ("string", {"keyword"}),
    "range": ("string", {"long"}),
    "sum": ("number", {"long", "double"}),
    "count": ("number", set()),
}


@pytest.mark.parametrize("lens", of("lens"), ids=lambda one: str(one["id"]))
def test_a_chart_asks_for_fields_that_can_be_counted_and_draws_what_it_asked(lens: Any) -> None:
    (reference,) = lens["references"]
    ((name, layer),) = layers(lens)
    assert reference["name"] == f"indexpattern-datasource-layer-{name}"
    assert sorted(layer["columnOrder"]) == sorted(layer["columns"])
    for column in layer["columns"].values():
        kind, fits = OPERATIONS[column["operationType"]]
        assert column["dataType"] == kind
        if column["operationType"] == "count":
            assert column["sourceField"] == "___records___"
            continue
        field = FIELDS[column["sourceField"]]
        assert field["type"] in fits, column
        assert field.get("index", True), column
        assert field.get("doc_values", True), column  # else it can be searched, but not counted
        by = column["params"].get("orderBy", {}).get("columnId")
        assert by is None or by in layer["columns"]
    (drawn,) = lens["attributes"]["state"]["visualization"]["layers"]
    used = {drawn.get("xAccessor"), drawn.get("splitAccessor"), *drawn.get("accessors", ())}
    used |= {*drawn.get("primaryGroups", ()), *drawn.get("metrics", ())}
    assert used - {None} == set(layer["columns"])
    assert drawn["layerId"] == name
    assert asked(lens["attributes"]["state"]["query"]["query"]) <= set(FIELDS)


def test_the_map_shows_positions() -> None:
    (one,) = of("map")
    drawn = json.loads(one["attributes"]["layerListJSON"])
    sources = [layer["sourceDescriptor"] for layer in drawn if "geoField" in layer["sourceDescriptor"]]
    assert [FIELDS[source["geoField"]]["type"] for source in sources] == ["geo_point"]
    assert [source["indexPatternRefName"] for source in sources] == [ref["name"] for ref in one["references"]]
    assert asked(json.loads(one["attributes"]["mapStateJSON"])["query"]["query"]) <= set(FIELDS)


def asked(kql: str) -> set[str]:
    """The fields that a query names; it names some."""
    found = set(re.findall(r"(\w+)\s*:", kql))
    assert "counted" in found
    return found


# ---------------------------------------------------------------------------------------------------------------- compose


def test_the_settings_are_those_of_the_containers() -> None:
    catalog = SETTINGS.catalog
    assert catalog.type == "elasticsearch"
    assert catalog.options.urls == ("http://elasticsearch:9200",)
    assert "elasticsearch" in SERVICES
    said = tomllib.loads((CONFIG / "elasticsearch.toml").read_text())["catalog"]["password"]
    assert said.removeprefix("env:") in SERVICES["albumen"]["environment"]
    users = SERVICES["users"]["command"][0]
    assert f"/_security/user/{catalog.options.user}" in users
    assert f'"{catalog.options.index}", "{catalog.options.index}-*"' in users
    mounted = {one["target"]: one["source"] for one in SERVICES["albumen"]["volumes"] if one["target"] != "/data"}
    assert mounted == {"/etc/albumen/albumen.toml": "elasticsearch.toml"}
    assert [one["source"] for one in SERVICES["dashboard"]["volumes"]] == ["kibana.ndjson"]


def test_there_is_no_password_but_the_persons() -> None:
    for name, service in SERVICES.items():
        for key, value in service["environment"].items():
            if "PASSWORD" in key:
                assert re.fullmatch(r"\$\{(ELASTIC|KIBANA|CATALOG)_PASSWORD:\?.*\}", value), (name, key)
    assert SERVICES["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"
    for name in ("users", "dashboard"):  # never among the words of a command, which all can see
        for line in SERVICES[name]["command"][0].splitlines():
            assert "PASSWORD" not in line or line.strip().startswith("printf "), line


def test_doors_are_open_to_this_machine_alone() -> None:
    ports = {name: one.get("ports", []) for name, one in SERVICES.items()}
    assert {name: one for name, one in ports.items() if one} == {
        "elasticsearch": ["127.0.0.1:9200:9200"],
        "kibana": ["127.0.0.1:5601:5601"],
    }
    for one in SERVICES.values():
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert not one.get("privileged")


def test_what_runs_says_that_it_is_well_and_what_waits_waits_for_that() -> None:
    lasting = {name for name, one in SERVICES.items() if one["restart"] == "unless-stopped"}
    assert lasting == {"elasticsearch", "kibana", "albumen"}
    assert {name for name, one in SERVICES.items() if "healthcheck" in one} == lasting
    for one in SERVICES.values():
        for other, how in one.get("depends_on", {}).items():
            assert how["condition"] == ("service_healthy" if other in lasting else "service_completed_successfully")


def test_data_outlives_the_containers_where_the_servers_keep_it() -> None:
    assert SERVICES["elasticsearch"]["volumes"] == ["catalog:/usr/share/elasticsearch/data"]
    assert SERVICES["kibana"]["volumes"] == ["kibana:/usr/share/kibana/data"]
    assert set(COMPOSE["volumes"]) == {"catalog", "kibana"}


def test_kibana_is_of_the_server_s_version_and_albumen_has_its_client() -> None:
    images = {name: one["image"] for name, one in SERVICES.items() if name != "albumen"}
    versions = {one.partition(":")[2] for one in images.values()}
    assert len(versions) == 1
    assert re.fullmatch(r"\$\{ELASTIC_VERSION:-8\.(19|[2-9]\d)\.\d+\}", versions.pop())
    assert all("/" not in one.partition(":")[0] for one in images.values())
    extras = tomllib.loads((CONFIG.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert SERVICES["albumen"]["build"] == {"context": "..", "args": {"EXTRAS": "elasticsearch"}}
    assert "elasticsearch" in extras
