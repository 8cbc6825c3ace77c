"""GeoJSON, and what passes for it. Source: RFC 7946."""

import json
from pathlib import Path

import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES, feature
from tests.vectors import SQUARE, geojson, geojson_text


def _crs(name: str) -> dict[str, object]:
    return {"type": "name", "properties": {"name": name}}


@case("plain.geojson", accepted(Table("plain", 2, "Point", columns={"name": "text"})))
def plain(path: Path) -> None:
    path.write_bytes(geojson(TWO_PLACES, {"name": "Zoë"}, {"name": "b"}))


@case("plain.json", accepted(Table("plain", 2, "Point")))
def plain_json(path: Path) -> None:
    path.write_bytes(geojson(TWO_PLACES))


@case("byte_order_mark.geojson", accepted(Table("byte_order_mark", 2, "Point")))
def byte_order_mark(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + geojson(TWO_PLACES))


@case("one_feature.geojson", accepted(Table("one_feature", 1, "MultiPolygon")))
def one_feature(path: Path) -> None:
    path.write_bytes(json.dumps(feature(SQUARE, {"a": 1})).encode())


@case("bare_geometry.geojson", accepted(Table("bare_geometry", 1, "MultiPolygon")))
def bare_geometry(path: Path) -> None:
    path.write_bytes(json.dumps(shapely.geometry.mapping(SQUARE)).encode())


@case("old_crs.geojson", accepted(Table("old_crs", 1, "Point")))
def old_crs(path: Path) -> None:
    place = shapely.Point(565_000, 5_930_000)
    path.write_bytes(geojson([place], crs=_crs("urn:ogc:def:crs:EPSG::25832")))


@case("linked_crs.geojson", refused("CRS_UNKNOWN"))
def linked_crs(path: Path) -> None:
    link = {"type": "link", "properties": {"href": "http://127.0.0.1:9/crs", "type": "ogcwkt"}}
    path.write_bytes(geojson(TWO_PLACES, crs=link))


@case("crs_by_a_path.geojson", refused("CRS_UNKNOWN"))
def crs_by_a_path(path: Path) -> None:
    path.write_bytes(geojson(TWO_PLACES, crs=_crs("/vsicurl/http://127.0.0.1:9/crs.wkt")))


@case("whole_ids.geojson", accepted(Table("whole_ids", 2, "Point", ids="format")))
def whole_ids(path: Path) -> None:
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], id=70), feature(TWO_PLACES[1], id=7)]))


@case("text_ids.geojson", accepted(Table("text_ids", 2, "Point", columns={"id": "text"}, ids="position")))
def text_ids(path: Path) -> None:
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], id="a"), feature(TWO_PLACES[1], id="b")]))


@case(
    "twin_ids.geojson", accepted(Table("twin_ids", 2, "Point", ids="position"), findings=("IDS_NOT_UNIQUE",))
)
def twin_ids(path: Path) -> None:
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], id=7), feature(TWO_PLACES[1], id=7)]))


@case(
    "null_and_empty.geojson",
    accepted(Table("null_and_empty", 3, "Point", nulls=1), steps={"null_geometry": 1, "empty_geometry": 1}),
)
def null_and_empty(path: Path) -> None:
    empty = {"type": "Polygon", "coordinates": []}
    path.write_bytes(geojson_text([feature(TWO_PLACES[0]), feature(None), feature(empty)]))


@case("no_features.geojson", refused("NO_FEATURES", door=Door.PLANNING))
def no_features(path: Path) -> None:
    path.write_bytes(geojson([]))


@case("open_ring.geojson", accepted(Table("open_ring", 1, "MultiPolygon"), steps={"broken_geometry": 1}))
def open_ring(path: Path) -> None:
    ring = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}
    path.write_bytes(geojson_text([feature(ring)]))


@case("latitudes_first.geojson", refused("FEATURES_REJECTED", door=Door.LOADING))
def latitudes_first(path: Path) -> None:
    path.write_bytes(geojson([shapely.Point(50, 110), shapely.Point(51, 111)]))


@case("a_geometry_of_another_name.geojson", refused("GEOMETRY_UNREADABLE"))
def a_geometry_of_another_name(path: Path) -> None:
    """GDAL takes a feature without `geometry` for one without a place."""
    path.write_bytes(
        geojson_text(
            [{"type": "Feature", "geom": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}]
        )
    )


@case("texts_for_coordinates.geojson", refused("GEOMETRY_UNREADABLE"))
def texts_for_coordinates(path: Path) -> None:
    path.write_bytes(geojson_text([feature({"type": "Point", "coordinates": ["10.5", "50"]})]))


@case("one_coordinate.geojson", refused("GEOMETRY_UNREADABLE"))
def one_coordinate(path: Path) -> None:
    path.write_bytes(geojson_text([feature({"type": "Point", "coordinates": [10]})]))


@case("unknown_type.geojson", refused("GEOMETRY_UNREADABLE"))
def unknown_type(path: Path) -> None:
    path.write_bytes(geojson_text([feature({"type": "Circle", "coordinates": [10, 50], "radius": 5})]))


@case("not_a_number.geojson", refused("GEOMETRY_UNREADABLE"))
def not_a_number(path: Path) -> None:
    path.write_bytes(b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, '
                     b'"geometry": {"type": "Point", "coordinates": [NaN, 1]}}]}')  # fmt: skip


@case("beyond_all_numbers.geojson", refused("CONTENT_MISMATCH", "GEOMETRY_UNREADABLE"))
def beyond_all_numbers(path: Path) -> None:
    path.write_bytes(b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, '
                     b'"geometry": {"type": "Point", "coordinates": [1e999, 1]}}]}')  # fmt: skip


@case("bottomless.geojson", refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH"))
def bottomless(path: Path) -> None:
    depth = 200_000
    inside = '{"type":"GeometryCollection","geometries":[' * depth + "]}" * depth
    path.write_text(f'{{"type":"Feature","properties":{{}},"geometry":{inside}}}')


@case("cut_off.geojson", refused("CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    path.write_bytes(geojson(TWO_PLACES)[:-30])


@case("a_web_page.geojson", refused("CONTENT_MISMATCH"))
def a_web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>Please sign in</body></html>")


@case("another_program.geojson", refused("CONTENT_MISMATCH"))
def another_program(path: Path) -> None:
    """What GDAL would open whatever the name: a virtual dataset that reads a file of the machine."""
    path.write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
        "</OGRVRTDataSource>"
    )


@case("an_array.geojson", refused("CONTENT_MISMATCH"))
def an_array(path: Path) -> None:
    path.write_text("[1, 2, 3]")


@case("any_json.json", refused("CONTENT_MISMATCH", "GEOMETRY_UNREADABLE", "LAYER_NOT_FOUND"))
def any_json(path: Path) -> None:
    path.write_text('{"name": "a package", "version": "1.0"}')


@case("nothing.geojson", refused("CONTENT_MISMATCH", "SOURCE_INVALID"))
def nothing(path: Path) -> None:
    path.write_bytes(b"")


@case("zero_byte.geojson", refused("ENCODING_ERROR"))
def zero_byte(path: Path) -> None:
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], {"a": "cut"})]).replace(b"cut", b"cut\\u0000here"))


@case("half_a_character.geojson", refused("ENCODING_ERROR"))
def half_a_character(path: Path) -> None:
    path.write_bytes(geojson(TWO_PLACES, {"name": "Mühle"}).decode().encode("latin-1"))


@case("beyond_64_bits.geojson", refused("CONTENT_MISMATCH", "GEOMETRY_UNREADABLE"))
def beyond_64_bits(path: Path) -> None:
    path.write_bytes(geojson_text([feature(TWO_PLACES[0], {"n": 2**63}), feature(TWO_PLACES[1], {"n": 1})]))


@case(
    "large_whole_numbers.geojson", accepted(Table("large_whole_numbers", 2, "Point", columns={"n": "bigint"}))
)
def large_whole_numbers(path: Path) -> None:
    path.write_bytes(
        geojson_text([feature(TWO_PLACES[0], {"n": 2**62 + 1}), feature(TWO_PLACES[1], {"n": -(2**53) - 1})])
    )


@case("very_many_vertices.geojson", accepted(Table("very_many_vertices", 1, "MultiLineString")))
def very_many_vertices(path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[i * 1e-4, (i % 7) * 1e-4] for i in range(60_000)]}
    path.write_bytes(geojson_text([feature(line)]))
