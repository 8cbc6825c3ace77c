"""GeoJSON: no links, no half texts, no number that is none."""

import json
from typing import Any

import pytest
import shapely

from tests.unit.vector.conftest import Inspect, Refusal
from tests.vectors import ONE_OF_EACH_TYPE, geojson, geojson_text, points

LINK = {"type": "link", "properties": {"href": "http://127.0.0.1:9/crs", "type": "proj4"}}
NAMED = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
OTHER = {"type": "name", "properties": {"name": "EPSG:25832"}}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def point(*coordinates: Any) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(coordinates)}


@pytest.mark.parametrize(
    "content",
    [
        geojson(points(1), crs=LINK),
        geojson(points(1), CRS=LINK),
        geojson_text([feature({**point(1, 2), "crs": LINK})]),
        geojson_text([feature(point(1, 2)) | {"crs": LINK}]),
        geojson(points(1), crs=LINK).replace(b'"crs"', b'"\\u0063r\\u0053"'),
        geojson(points(1), crs=LINK).replace(b'"link"', b'"l\\u0069nk"'),
        geojson(points(1), crs=NAMED | LINK).replace(b'"type": "link"', b'"type": "name", "type": "link"'),
        geojson(points(1), crs={"type": "name", "properties": {"name": "http://127.0.0.1:9/"}}),
        geojson(points(1), crs={"type": "EPSG", "properties": {"code": 4326}}),
    ],
)
def test_a_crs_that_is_not_named_by_a_code_is_refused(refusal: Refusal, content: bytes) -> None:
    assert refusal("a.geojson", content).code == "CRS_UNKNOWN"


@pytest.mark.parametrize(
    ("crs", "found"),
    [
        ({}, "EPSG:4326"),
        ({"crs": None}, "EPSG:4326"),
        ({"crs": NAMED}, "EPSG:3857"),
        ({"crs": {"properties": NAMED["properties"], "type": "name"}}, "EPSG:3857"),
        ({"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}}, "EPSG:4326"),
        ({"crs": {"type": "name", "properties": {"name": "EPSG:25832"}}}, "EPSG:25832"),
    ],
)
def test_the_crs_is_wgs_84_unless_named(inspected: Inspect, crs: dict[str, Any], found: str) -> None:
    assert inspected("a.geojson", geojson([shapely.Point(9, 50)], **crs)).way.source_crs == found


@pytest.mark.parametrize(
    "content",
    [
        # GDAL would take the first as WGS 84, and not look at the others
        geojson(points(1), crs={"type": "name", "properties": {"name": "EPSG:999999"}}),
        geojson_text([feature({**point(1, 2), "crs": NAMED})]),
        geojson_text([feature(point(1, 2), crs=NAMED)]),
        geojson_text([feature({**point(1, 2), "crs": NAMED}) | {"crs": OTHER}], crs=NAMED),
    ],
)
def test_a_crs_that_would_be_overlooked_is_refused(refusal: Refusal, content: bytes) -> None:
    assert refusal("a.geojson", content).code == "CRS_UNKNOWN"


def test_a_property_named_crs_is_only_a_property(inspected: Inspect) -> None:
    content = geojson(points(1), {"crs": "EPSG:25832", "note": '"crs": {"type": "link"}'})

    assert [column.name for column in inspected("a.geojson", content).columns] == ["crs", "note"]


@pytest.mark.parametrize(
    "geometry",
    [
        point(1),
        point("a", 2),
        {"type": "Circle", "coordinates": [1, 2]},
        {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [5, 5]]]},
    ],
)
def test_a_broken_geometry_is_refused_not_dropped(refusal: Refusal, geometry: dict[str, Any]) -> None:
    content = geojson_text([feature(point(1, 2)), feature(geometry)])

    assert refusal("a.geojson", content).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(refusal: Refusal, number: str) -> None:
    content = geojson_text([feature(point(8888, 2))]).replace(b"8888", number.encode())

    assert refusal("a.geojson", content).code == "GEOMETRY_UNREADABLE"


def test_a_feature_without_a_geometry_member_is_refused(refusal: Refusal) -> None:
    content = geojson_text([feature(point(1, 2)), {"type": "Feature", "properties": {"a": 1}}])

    assert refusal("a.geojson", content).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize("cut", [1, 40, 80])
def test_a_file_that_is_cut_off_never_passes(refusal: Refusal, cut: int) -> None:
    assert refusal("a.geojson", geojson(points(5))[:-cut]).code == "CONTENT_MISMATCH"


def test_bytes_that_are_no_utf_8(refusal: Refusal) -> None:
    content = geojson(points(1), {"name": "XX"}).replace(b"XX", b"\xff\xfe")

    assert refusal("a.geojson", content).code == "ENCODING_ERROR"


def test_a_nul_character_would_cut_a_text(refusal: Refusal, inspected: Inspect) -> None:
    assert refusal("a.geojson", geojson(points(1), {"name": "a\0b"})).code == "ENCODING_ERROR"


def test_a_backslash_before_u0000_is_only_text(inspected: Inspect) -> None:
    assert inspected("a.geojson", geojson(points(1), {"name": "a\\u0000b"})).feature_count == 1


def test_a_byte_order_mark_and_spaces_are_fine(inspected: Inspect) -> None:
    assert inspected("a.json", b"\xef\xbb\xbf \r\n" + geojson(points(1))).feature_count == 1


def test_no_features(refusal: Refusal) -> None:
    assert refusal("a.geojson", geojson([])).code == "NO_FEATURES"


def test_no_geometry_at_all(refusal: Refusal) -> None:
    assert refusal("a.geojson", geojson([None, None])).code == "ALL_GEOMETRY_NULL"


def test_only_empty_geometries(refusal: Refusal) -> None:
    content = geojson_text([feature({"type": "LineString", "coordinates": []})])

    assert refusal("a.geojson", content).code == "ALL_GEOMETRY_NULL"


@pytest.mark.parametrize("position", [(500_000, 5_000_000), (0, 91), (361, 0)])
def test_degrees_that_are_none_are_refused(refusal: Refusal, position: tuple[float, float]) -> None:
    error = refusal("a.geojson", geojson([*points(2), shapely.Point(position)]))

    assert (error.code, error.context["rows"]) == ("COORDINATES_OUT_OF_RANGE", [2])


@pytest.mark.parametrize("document", [{"type": "Topology", "objects": {}, "arcs": []}, {"a": 1}, []])
def test_other_json_is_not_geojson(refusal: Refusal, document: Any) -> None:
    assert refusal("a.json", json.dumps(document).encode()).code == "CONTENT_MISMATCH"


def test_a_layer_name_that_is_not_the_files(refusal: Refusal) -> None:
    assert refusal("a.geojson", geojson(points(1)), layer="b").code == "LAYER_NOT_FOUND"


@pytest.mark.parametrize("name", ONE_OF_EACH_TYPE)
def test_types_are_promoted_but_for_points(inspected: Inspect, name: str) -> None:
    promoted = {"LineString": "MultiLineString", "Polygon": "MultiPolygon"}
    found = inspected("a.geojson", geojson([ONE_OF_EACH_TYPE[name]]))

    assert found.shape.sql_type == promoted.get(name, name)
