"""Names and first bytes."""

from pathlib import PurePosixPath

import pytest

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat
from services.vector.admission import declared_format
from services.vector.declared import name_of
from tests.unit.vector.conftest import Read, Refusal
from tests.vectors import geojson, points, zipped

SQLITE = b"SQLite format 3\0".ljust(68, b"\0")


@pytest.mark.parametrize("name", ["a.tif", "a.shp", "a.xlsx", "a", "a.gpkg.exe", "a.gml", "a.dxf"])
def test_other_names_are_not_supported(name: str) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        declared_format(f"azure://bronze/{name}")

    assert caught.value.code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.zip"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0tiff",
        b"<OGRVRTDataSource/>",
        b"<!DOCTYPE x>",
        b"[1, 2]",
        b"id,wkt\n1,POINT (1 2)\n",
        SQLITE,  # an SQLite file that is no GeoPackage
    ],
)
def test_content_that_is_not_what_the_name_says(refusal: Refusal, name: str, content: bytes) -> None:
    assert refusal(name, content).code == "CONTENT_MISMATCH"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.gpkg", geojson(points(1))), ("a.geojson", zipped({})), ("a.zip", SQLITE + b"GPKG")],
)
def test_one_good_format_under_the_name_of_another(refusal: Refusal, name: str, content: bytes) -> None:
    assert refusal(name, content).code == "CONTENT_MISMATCH"


def test_extensions_in_capitals(read: Read) -> None:
    assert read("A.GeoJSON", geojson(points(1))).rows.num_rows == 1


@pytest.mark.parametrize(("name", "found"), [("a.gml", VectorFormat.GML), ("a.DXF", VectorFormat.DXF)])
def test_extra_formats_are_the_operators_choice(name: str, found: VectorFormat) -> None:
    assert declared_format(f"azure://bronze/{name}", extra_formats=True) is found


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.fgb", b"fgb\3fg"),
        ("a.fgb", b"GPKG"),
        ("a.parquet", b"{}"),
        ("a.kml", b"{}"),
        ("a.kmz", b"<kml/>"),
        ("a.gdb.zip", b"{}"),
        ("a.geojsonl", b"[1]"),
        ("a.topojson", b"<x/>"),
        ("a.csv", b"<html>"),
        ("a.csv", b"PK\x03\x04"),
        ("a.tsv", b""),
    ],
)
def test_every_format_is_known_by_its_first_bytes(refusal: Refusal, name: str, content: bytes) -> None:
    assert refusal(name, content).code == "CONTENT_MISMATCH"


def test_a_json_may_be_a_topology_whose_type_comes_last(read: Read) -> None:
    content = (
        b'{"arcs": [], "objects": {"town": {"type": "Point", "coordinates": [9, 50]}}, "type": "Topology"}'
    )

    assert read("a.json", content).name == "town"


def test_a_topology_among_the_properties_makes_none(read: Read) -> None:
    assert read("a.json", geojson(points(1), {"x": {"type": "Topology"}})).rows.num_rows == 1


@pytest.mark.parametrize("name", ["b.geojson", "folder/b.csv", "b.fgb.txt.geojson"])
def test_a_zip_may_hold_one_file_of_another_format(read: Read, name: str) -> None:
    content = b"id,lon,lat\n1,9,50\n" if name.endswith(".csv") else geojson(points(1))
    layer = read("a.zip", zipped({name: content, "readme.txt": b"", "__MACOSX/._b.geojson": b"x"}))

    assert (layer.rows.num_rows, layer.name) == (1, PurePosixPath(name).stem)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"a.geojson": b"{}", "b.geojson": b"{}"}, "UNSUPPORTED_FORMAT"),
        ({"a.gml": b"<x/>"}, "UNSUPPORTED_FORMAT"),
        ({"a.kmz": b"PK"}, "ARCHIVE_UNSAFE"),
        ({"a.vrt": b"<OGRVRTDataSource/>"}, "ARCHIVE_UNSAFE"),
        ({"one/a.gdb/a00000001.gdbtable": b"", "two/b.gdb/a00000001.gdbtable": b""}, "UNSUPPORTED_FORMAT"),
        ({"a.geojson": b"id,x\n"}, "CONTENT_MISMATCH"),
        ({"a.txt": b"x"}, "UNSUPPORTED_FORMAT"),
    ],
)
def test_a_zip_that_is_no_dataset(refusal: Refusal, files: dict[str, bytes], code: str) -> None:
    assert refusal("a.zip", zipped(files)).code == code


@pytest.mark.parametrize(
    ("uri", "name"), [("x/a.b.gdb.zip", "a.b"), ("x/a.tar.geojson", "a.tar"), ("b", "b")]
)
def test_the_name_of_a_file(uri: str, name: str) -> None:
    assert name_of(f"azure://bronze/{uri}") == name
