"""GeoJSON: no links, no half texts, no number that is none."""

import json
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import shapely

from tests.unit.vector.conftest import Admit, Read, ReadLayer, Refusal
from tests.vectors import geojson, geojson_text, points

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
def test_the_crs_is_wgs_84_unless_named(read: Read, crs: dict[str, Any], found: str) -> None:
    assert read("a.geojson", geojson([shapely.Point(9, 50)], **crs)).crs == found


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


def test_a_property_named_crs_is_only_a_property(read: Read) -> None:
    content = geojson(points(1), {"crs": "EPSG:25832", "note": '"crs": {"type": "link"}'})

    assert read("a.geojson", content).rows.column_names[:2] == ["crs", "note"]


@pytest.mark.parametrize(
    "geometry",
    [
        point(1),
        point("a", 2),
        {"type": "Circle", "coordinates": [1, 2]},
    ],
)
def test_a_broken_geometry_is_refused_not_dropped(refusal: Refusal, geometry: dict[str, Any]) -> None:
    content = geojson_text([feature(point(1, 2)), feature(geometry)])

    assert refusal("a.geojson", content).code == "GEOMETRY_UNREADABLE"


def test_a_ring_that_is_not_closed_is_handed_on_as_it_is(read: Read) -> None:
    ring = [[0, 0], [1, 1], [1, 0], [5, 5]]
    (wkb,) = read("a.geojson", geojson_text([feature({"type": "Polygon", "coordinates": [ring]})])).geometries

    assert wkb == struct.pack("<BIII8d", 1, 3, 1, 4, *(number for position in ring for number in position))


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


def test_a_nul_character_would_cut_a_text(refusal: Refusal, read: Read) -> None:
    assert refusal("a.geojson", geojson(points(1), {"name": "a\0b"})).code == "ENCODING_ERROR"


def test_a_backslash_before_u0000_is_only_text(read: Read) -> None:
    assert read("a.geojson", geojson(points(1), {"name": "a\\u0000b"})).rows.num_rows == 1


def test_a_byte_order_mark_and_spaces_are_fine(read: Read) -> None:
    assert read("a.json", b"\xef\xbb\xbf \r\n" + geojson(points(1))).rows.num_rows == 1


@pytest.mark.parametrize("document", [{"type": "Topology", "objects": {}, "arcs": []}, {"a": 1}, []])
def test_other_json_is_not_geojson(refusal: Refusal, document: Any) -> None:
    assert refusal("a.json", json.dumps(document).encode()).code == "CONTENT_MISMATCH"


def test_a_layer_name_that_is_not_the_files(refusal: Refusal) -> None:
    assert refusal("a.geojson", geojson(points(1)), layers=["b"]).code == "LAYER_NOT_FOUND"


@pytest.mark.parametrize("document", [geojson([]), geojson([None, None], {"a": 1}), geojson(points(3))])
def test_features_are_counted_without_gdal(admitted: Admit, document: bytes) -> None:
    (layer,) = admitted("a.geojson", document)

    assert layer.census.feature_count == len(json.loads(document)["features"])


def test_objects_beside_the_features_are_not_counted(admitted: Admit) -> None:
    others = {"links": [{"a": {}}, {"b": '"features": [{'}], "features_": [{}]}
    document = geojson_text([feature(point(1, 2), list=[{"type": "Feature"}, {}])] * 2, **others)
    (layer,) = admitted("a.geojson", document[:-1] + b', "more": [{}, {}]}')

    assert layer.census.feature_count == 2


def test_null_and_empty_geometries_are_counted_where_it_matters(admitted: Admit) -> None:
    document = geojson([None, None, shapely.Point(), shapely.LineString(), *points(2)], {"geometry": None})
    (layer,) = admitted("a.geojson", document.replace(b'"geometry": null}}', b'"g": null}}'))

    assert callable(layer.census.null_geometry_limit)
    assert callable(layer.census.empty_geometry_limit)
    assert (layer.census.null_geometry_limit(), layer.census.empty_geometry_limit()) == (2, 2)


@pytest.mark.parametrize(
    ("ids", "fid"),
    [([5, 7], "OGC_FID"), ([0, 10**17], "OGC_FID"), ([10**18, 2**63 - 1], "OGC_FID"), (["x", "y"], None)],
)
def test_whole_numbers_as_ids_are_kept(read: Read, ids: list[Any], fid: str | None) -> None:
    found = read("a.geojson", geojson_text(feature(point(1, 2)) | {"id": each} for each in ids))

    assert (found.fid_column, found.column(fid or "id"), found.codes) == (fid, ids, [])


@pytest.mark.parametrize("ids", [[{"id": 5}, {"id": 5}], [{"id": 5}, {}], [{"id": None}, {"id": 5}]])
def test_ids_that_are_not_unique_are_said(read: Read, ids: list[dict[str, int | None]]) -> None:
    found = read("a.geojson", geojson_text(feature(point(1, 2), a=1) | each for each in ids))

    assert (found.fid_column, found.codes) == (None, ["IDS_NOT_UNIQUE"])


@pytest.mark.parametrize("ids", [[7, "b"], [7, "b", 8], [None, 7, 1.5]])
@pytest.mark.parametrize("name", ["a.geojson", "a.geojsonl"])
def test_ids_of_several_kinds_are_said_to_be_ignored(read: Read, name: str, ids: list[Any]) -> None:
    features = [feature(point(1, 2), a=1) | {"id": each} for each in ids]
    lines = "".join(f"{json.dumps(each)}\n" for each in features).encode()
    found = read(name, lines if name.endswith("l") else geojson_text(features))

    assert (found.fid_column, found.codes) == (None, ["IDS_IGNORED"])
    assert "id" not in found.rows.schema.names


def test_ids_of_several_kinds_behind_a_text_are_texts(read: Read) -> None:
    found = read(
        "a.geojson", geojson_text(feature(point(1, 2)) | {"id": each} for each in [None, "b", 7, 1.5])
    )

    assert (found.column("id"), found.codes) == ([None, "b", "7", "1.5"], [])


def test_ids_hidden_by_a_property_are_said(read: Read) -> None:
    content = geojson_text([feature(point(1, 2), id=7) | {"id": "seven"}])
    found = read("a.geojson", content)

    assert (found.column("id"), found.codes) == ([7], ["IDS_IGNORED"])


def test_members_beside_the_properties_are_said_to_be_ignored(read: Read) -> None:
    members = {"title": "a", 'q"uote': {"a": 1}, "bbox": [1, 2, 1, 2], "id": "x"}
    found = read("a.geojson", geojson_text([feature(point(1, 2), a=1), feature(point(1, 2)) | members]))

    assert found.codes == ["FOREIGN_MEMBERS_IGNORED"]
    assert found.findings[0].context["members"] == ['q\\"uote', "title"]


def test_properties_keep_names_that_the_reader_would_give_others(read: Read) -> None:
    properties = {"OGC_FID": "a", "wkb_geometry": "b", "wkb_geometry_2": "c"}
    found = read("a.geojson", geojson_text([feature(point(1, 2), **properties) | {"id": 5}]))

    assert {name: found.column(name) for name in properties} == {name: [v] for name, v in properties.items()}
    assert (found.column(found.fid_column or ""), found.geometries[0] is not None) == ([5], True)


@pytest.mark.parametrize("members", [{"id": 3}, {}])
def test_a_property_named_id_is_no_id(read: Read, members: dict[str, Any]) -> None:
    found = read("a.geojson", geojson_text([feature(point(1, 2), id=7, x='"id": 4,') | members]))

    assert (found.column("id"), found.fid_column is None) == ([7], not members)


def test_a_collection_of_two_hundred_thousand_levels(refusal: Refusal) -> None:
    levels = 200_000
    deep = b'{"type": "GeometryCollection", "geometries": [' * levels + b"]}" * levels
    content = b'{"type": "Feature", "properties": {}, "geometry": ' + deep + b"}"
    error = refusal("a.geojson", content)

    assert (error.code, "deeper" in error.message) == ("GEOMETRY_UNREADABLE", True)


def test_a_crs_spelled_with_escapes_alone(refusal: Refusal) -> None:
    link = LINK | {"properties": {"href": "http://127.0.0.1:9/"}}
    content = geojson(points(1), crs=link).replace(b'"crs"', b'"\\u0063r\\u0053"')

    assert refusal("a.geojson", content).code == "CRS_UNKNOWN"


@pytest.mark.parametrize("spaces", [1, 500, 4_000, 6_000, 70_000])
def test_a_crs_far_behind_its_key_is_refused(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch, spaces: int
) -> None:
    """A link must not hide between two of the blocks in which a file is looked through."""
    monkeypatch.setattr("services.vector.geojson_text._BLOCK_BYTES", 1_000)
    monkeypatch.setattr("services.vector.geojson_text._OVERLAP_BYTES", 5_000)
    gap = b" " * spaces
    content = geojson(points(1), crs=LINK).replace(b'"crs": {', b'"crs"' + gap + b":" + gap + b"{")

    assert refusal("a.geojson", content).code == "CRS_UNKNOWN"


# -- values ---------------------------------------------------------------------------------------------


def values(name: str, *given: Any) -> bytes:
    """A collection, a sequence or a topology whose features have these values of `v`."""
    if name.endswith(".topojson"):
        places = [point(0, 0) | {"properties": {"v": each}} for each in given]
        objects = {"a": {"type": "GeometryCollection", "geometries": places}}
        return json.dumps({"type": "Topology", "arcs": [], "objects": objects}).encode()
    features = [feature(point(1, 2), v=each) for each in given]
    if name.endswith("l"):
        return "".join(f"{json.dumps(each)}\n" for each in features).encode()
    return geojson_text(features)


@pytest.mark.parametrize("name", ["a.geojson", "a.geojsonl", "a.topojson"])
@pytest.mark.parametrize(
    "given",
    [
        ["2024-02-29", "2023-02-30"],
        ["2023-02-30T10:00:00", "2024-02-29T10:00:00"],
        ["2023-02-30T10:00:00Z"],
        ["25:61:00", "12:30:00"],
        ["2024-02-29T23:59:60Z"],
        ["2024-02-29T12:00:00.1234567Z"],
        ["2024-02-29", "2024-02-29T12:00:00"],
        ["-2024-01-01", "12024-01-01"],
    ],
)
def test_what_no_calendar_or_clock_shows_stays_text(read: Read, name: str, given: list[str]) -> None:
    found = read(name, values(name, *given))

    assert found.column("v") == given
    assert found.codes in ([], ["TIMES_AS_TEXT"])


def test_the_value_that_made_a_column_of_days_a_text_is_said(read: Read) -> None:
    days = [*["2024-02-29"] * 20_000, None, "2023-02-30", "someday"]
    found = read("a.geojson", values("a.geojson", *days[:-1]))

    assert [finding.context for finding in found.findings] == [{"column": "v", "value": "2023-02-30"}]
    assert found.codes == ["TIMES_AS_TEXT"]


@pytest.mark.parametrize("name", ["a.geojson", "a.geojsonl", "a.topojson"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["2024-02-29", None], [date(2024, 2, 29), None]),
        (["2024/02/29"], [date(2024, 2, 29)]),
        (["12:30:00", "12:30:00.123456"], [time(12, 30), time(12, 30, 0, 123_456)]),
        (["2024-02-29T12:30:15.123456"], [datetime.fromisoformat("2024-02-29T12:30:15.123456")]),
        (["2024-02-29 12:30", None], [datetime.fromisoformat("2024-02-29T12:30"), None]),
        (["2024/02/29 12:30:15+02"], [datetime(2024, 2, 29, 10, 30, 15, tzinfo=UTC)]),
        (
            ["2024-02-29T12:30:15.123456Z", "2024-02-29T12:30:15+01:07"],
            [
                datetime(2024, 2, 29, 12, 30, 15, 123_456, tzinfo=UTC),
                datetime(2024, 2, 29, 11, 23, 15, tzinfo=UTC),
            ],
        ),
    ],
)
def test_days_and_times_are_such_to_the_microsecond(
    read: Read, name: str, given: list[str | None], expected: list[object]
) -> None:
    found = read(name, values(name, *given))

    assert (found.column("v"), found.codes) == (expected, [])


@pytest.mark.parametrize("separated", [b"\x1e%s\n", b"\x1e%s", b"\n\x1e\x1e\n%s\n\n"])
@pytest.mark.parametrize("indent", [None, 1])
def test_days_of_sequences_with_separators(read: Read, separated: bytes, indent: int | None) -> None:
    days = ["2024-02-29", "2024-03-01", "2024-03-02"]
    features = [feature(point(1, 2), v=day) | {"id": 7 + at} for at, day in enumerate(days)]
    content = b"".join(separated % json.dumps(each, indent=indent).encode() for each in features)
    found = read("a.geojsonl", content if content.startswith(b"\x1e") else b"\x1e" + content)

    assert found.column("v") == [date.fromisoformat(day) for day in days]
    assert found.column(found.fid_column or "") == [7, 8, 9]


def test_days_of_two_objects_of_a_topology(read_all: Callable[..., list[ReadLayer]]) -> None:
    topology = json.loads(values("a.topojson", "2024-02-29"))
    topology["objects"]["b"] = topology["objects"]["a"]
    first, second = read_all("a.topojson", json.dumps(topology).encode())

    assert first.column("v") == second.column("v") == [date(2024, 2, 29)]


@pytest.mark.parametrize("name", ["a.geojson", "a.geojsonl"])
def test_a_day_beside_other_columns(read: Read, name: str) -> None:
    features = [
        feature(point(1, 2), a=None, day="2024-02-29", A=1, b={"c": 1}) | {"id": 5},
        feature(None, z="new", a="x", t="2024-02-29T10:00:00Z", day=None, A=2.5, n=[1, 2]) | {"id": 2**60},
    ]
    lines = "".join(f"{json.dumps(each)}\n" for each in features).encode()
    found = read(name, lines if name.endswith("l") else geojson_text(features))

    assert {column: found.column(column) for column in ("a", "day", "A", "z", "t", "n")} == {
        "a": [None, "x"],
        "day": [date(2024, 2, 29), None],
        "A": [1, 2.5],
        "z": [None, "new"],
        "t": [None, datetime(2024, 2, 29, 10, tzinfo=UTC)],
        "n": [None, [1, 2]],
    }
    assert found.column(found.fid_column or "") == [5, 2**60]
    assert (found.geometries[0] is None, found.geometries[1]) == (False, None)


@pytest.mark.parametrize("name", ["a.geojson", "a.geojsonl"])
@pytest.mark.parametrize(
    "text", ["a, NaN, b", "[NaN]", ":Infinity}", 'say "x": NaN,', "\\", '\\", NaN]', "x" * 5_000 + ", nan,"]
)
def test_texts_may_hold_the_words_of_numbers_that_are_none(
    read: Read, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setattr("services.vector.json_scan._BLOCK_BYTES", 1_000)
    assert read(name, values(name, text, "b")).column("v") == [text, "b"]


@pytest.mark.parametrize("before", ["", "NaN", '\\", NaN, ', "x" * 993])
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "nan", " NaN "])
def test_numbers_that_are_none_are_found_behind_texts(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch, before: str, number: str
) -> None:
    monkeypatch.setattr("services.vector.json_scan._BLOCK_BYTES", 1_000)
    content = values("a.geojson", [before, 8888], before).replace(b"8888", number.encode())
    error = refusal("a.geojson", content)

    assert error.code == "GEOMETRY_UNREADABLE"
    assert content[error.context["byte_offset"] :].startswith(number.strip(" -").encode())


@pytest.mark.parametrize("name", ["a.geojson", "a.geojsonl"])
def test_values_of_several_types_are_json_and_it_is_said_that_numbers_became_texts(
    read: Read, name: str
) -> None:
    content = values(name, 1, "a", 1.5, True, None, '"quoted"', "1", {"b": [1, "c"]}, [])
    found = read(name, content)
    texts = [None if value is None else json.loads(value) for value in found.column("v")]

    assert texts == ["1", "a", "1.5", "true", None, '"quoted"', "1", {"b": [1, "c"]}, []]
    assert (found.codes, found.findings[0].context) == (["MIXED_TYPES"], {"columns": ["v"]})


def test_objects_and_lists_alone_are_of_one_type(read: Read) -> None:
    assert read("a.geojson", values("a.geojson", {"b": 1}, {"c": [2]}, None)).codes == []
