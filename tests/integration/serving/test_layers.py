"""Collections of features: several of one dataset, and what their items say."""

import base64
import json
from typing import Any

import psycopg
import pytest

from tests.integration.serving.functions_client import FunctionsClient
from tests.integration.serving.layers import create_table, move, publish_layer, register
from tests.integration.serving.publications import publish

FEATURES = "/api/ogc/features/collections"
Connection = psycopg.Connection[Any]
TYPES = {
    "whole": "bigint",
    "exact": "numeric(30,4)",
    "real_number": "double precision",
    "yes": "boolean",
    "day": "date",
    "moment": "timestamptz",
    "clock": "time",
    "list": "jsonb",
    "picture": "bytea",
    "addr_city": "text",
}
VALUES = """
SELECT 7 AS fid, 9007199254740993 AS whole, 12345678901234567890.1250 AS exact, 0.1::float8 AS real_number,
       true AS yes, DATE '2024-02-29' AS day, TIMESTAMPTZ '2024-02-29T12:00:00+02:00' AS moment,
       TIME '12:30' AS clock, '[1, {"a": null}]'::jsonb AS list, '\\x00ff'::bytea AS picture,
       'Kraków' AS addr_city, ST_GeomFromText('POINT ZM (0.1 50.123456789012345 3 4)') AS geom
UNION ALL
SELECT 9, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
UNION ALL
SELECT 12, 1, 1, 1, false, NULL, NULL, NULL, '{}', '', '', ST_GeomFromText('LINESTRING (179 10, 180 11)')
UNION ALL
SELECT 13, 1, 1, 1, false, NULL, NULL, NULL, '"x"', '', '', ST_GeomFromText('LINESTRING (-180 11, -179 10)')
"""


@pytest.fixture
def types(client: FunctionsClient, app_connection: Connection) -> FunctionsClient:
    publish_layer(
        app_connection,
        "types",
        rows=f"SELECT fid, {', '.join(TYPES)}, ST_Force4D(geom) AS geom FROM ({VALUES}) typed",
        columns=TYPES,
        geometry_type="GeometryZM",
        ids="column",
        source_names={"addr_city": "addr:city"},
    )
    return client


def test_values_come_as_what_json_has_for_them(types: FunctionsClient) -> None:
    answer = types.get(f"{FEATURES}/types/items/7")
    properties = answer.json["properties"]
    assert properties == {
        "fid": 7,
        "whole": 9007199254740993,
        "exact": pytest.approx(12345678901234567890.125),
        "real_number": 0.1,
        "yes": True,
        "day": "2024-02-29",
        "moment": "2024-02-29T10:00:00+00:00",
        "clock": "12:30:00",
        "list": [1, {"a": None}],
        "picture": base64.b64encode(b"\x00\xff").decode(),
        "addr_city": "Kraków",
    }
    assert b'"exact":12345678901234567890.1250' in answer.body
    assert answer.json["geometry"] == {"type": "Point", "coordinates": [0.1, 50.123456789012345, 3]}
    assert types.get(f"{FEATURES}/types/items/9").json["geometry"] is None
    for form in ("csv", "json", "ndjson", "geojsonseq"):
        assert types.get(f"{FEATURES}/types/items?f={form}").status == 200, form


@pytest.mark.parametrize(
    ("query", "fids"),
    [
        ("", [7, 9, 12, 13]),
        ("bbox=178,9,-178,12", [12, 13]),
        ("bbox=178,9,0,-178,12,9", [12, 13]),
        ("bbox=178,9,180,12", [12, 13][:1]),
        ("bbox=-1,50,1,51", [7]),
        ("exact=1", [12, 13]),
        ("filter=exact%20%3E%2012345678901234567000", [7]),
        ("day=2024-02-29", [7]),
        ("datetime=2024-02-29T00:00:00Z", [7]),
        ("datetime-column=moment&datetime=2024-02-29T09:00:00Z/2024-02-29T11:00:00Z", [7]),
        ("filter=yes%20%3D%20true", [7]),
        ("filter=whole%20IS%20NULL", [9]),
        ("sortby=-fid", [13, 12, 9, 7]),
        ("ids=9,13", [9, 13]),
        ("limit=1&offset=2", [12]),
    ],
)
def test_queries_select_of_all_types(types: FunctionsClient, query: str, fids: list[int]) -> None:
    answer = types.get(f"{FEATURES}/types/items?{query}")
    assert answer.status == 200, answer.body
    assert [feature["id"] for feature in answer.json["features"]] == fids
    assert answer.json["numberMatched"] == (4 if "offset" in query else len(fids))
    again = types.get(f"{FEATURES}/types/items?{query}")
    assert again.json["numberMatched"] == answer.json["numberMatched"]


def test_queryables_and_tilejson_name_columns_as_the_source_did(types: FunctionsClient) -> None:
    properties = types.get(f"{FEATURES}/types/queryables").json["properties"]
    assert properties["addr_city"] == {"title": "addr:city", "name": "addr_city", "type": "string"}
    assert properties["geom"] == {"$ref": "https://geojson.org/schema/Geometry.json"}
    assert (properties["whole"]["type"], properties["exact"]["type"]) == ("integer", "number")
    document = types.get(f"{FEATURES}/types/tiles/WebMercatorQuad/tilejson.json?properties=addr_city").json
    assert document["vector_layers"][0]["fields"] == {"addr_city": "addr:city (string)"}
    assert document["tiles"][0].endswith("{z}/{x}/{y}?properties=addr_city")
    assert "Tile-Reduction" in document["description"]


def test_tilejson_of_data_across_the_antimeridian_has_bounds_that_maps_take(
    client: FunctionsClient, app_connection: Connection
) -> None:
    table, known = "fiji_r1", {"bbox": [177, -19, -178, -15], "feature_count": 1}
    create_table(
        app_connection,
        table,
        rows="SELECT 1 AS fid, ST_Point(178, -17) AS geom",
        columns={},
        geometry_type="Point",
        srid=4326,
    )
    request_id = publish(app_connection, "fiji", locations={}, characteristics=known)
    move(app_connection, table)
    register(app_connection, request_id, [("fiji", table, None, known)])
    document = client.get(f"{FEATURES}/fiji/tiles/WebMercatorQuad/tilejson.json").json
    assert document["bounds"] == [-180, -19, 180, -15]
    assert client.get(f"{FEATURES}/fiji").json["extent"]["spatial"]["bbox"] == [[177, -19, -178, -15]]


def test_every_layer_of_a_dataset_is_a_collection(
    client: FunctionsClient, app_connection: Connection
) -> None:
    names = ("town_roads", "town_houses")
    for name in names:
        create_table(
            app_connection,
            f"{name}_r1",
            rows=f"SELECT 1 AS fid, '{name}' AS name, ST_Point(1, 1) AS geom",
            columns={"name": "text"},
            geometry_type="Point",
            srid=4326,
        )
        move(app_connection, f"{name}_r1")
    request_id = publish(app_connection, "town", locations={}, characteristics={})
    known = {"bbox": [1, 1, 1, 1], "feature_count": 1, "columns": []}
    register(app_connection, request_id, [(name, f"{name}_r1", None, known) for name in names])
    listed = client.get(FEATURES).json["collections"]
    assert [(each["id"], each["description"]) for each in listed] == [
        (name, f"Title of {name}") for name in sorted(names)
    ]
    for name in names:
        assert client.get(f"{FEATURES}/{name}").json["title"] == f"Title of {name}"
        [feature] = client.get(f"{FEATURES}/{name}/items").json["features"]
        assert feature["properties"]["name"] == name
        assert client.get(f"/api/tiles/0/0/0?collection={name}").status == 200
    whole = client.get(f"{FEATURES}/town/items")
    assert (whole.status, whole.json["code"]) == (404, "COLLECTION_NOT_FOUND")
    assert all(name in whole.json["remediation"] for name in names), json.dumps(whole.json)
