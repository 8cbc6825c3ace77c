"""GeoParquet: values, geometries, the system they are in, and what is wrong in a file."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from tests.corpus.vector.geoparquet import geo, write_geoparquet, write_table
from tests.unit.vector.conftest import Read, Refusal

POINTS = [shapely.Point(1, 2), None, shapely.Point(3, 4)]
XYZ = pa.struct([(axis, pa.float64()) for axis in "xyz"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made.parquet"


def test_geometries_and_values(read: Read, path: Path) -> None:
    write_geoparquet(
        path, POINTS, {"a": ["x", None, "z"], "d": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]}
    )
    layer = read("a.parquet", path.read_bytes())

    assert layer.geometries == [None if p is None else shapely.to_wkb(p) for p in POINTS]
    assert layer.column("a") == ["x", None, "z"]
    assert layer.column("d") == [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]
    assert (layer.crs, layer.findings) == ("OGC:CRS84", ())


def test_a_projected_crs_by_its_code(read: Read, path: Path) -> None:
    import pyproj

    write_geoparquet(path, POINTS, metadata=geo(crs=pyproj.CRS("EPSG:25832").to_json_dict()))

    assert read("a.parquet", path.read_bytes()).crs == "EPSG:25832"


def test_a_crs_that_is_given_wins(read: Read, path: Path) -> None:
    write_geoparquet(path, POINTS, metadata=geo(crs=None))

    assert read("a.parquet", path.read_bytes(), source_crs="EPSG:3857").crs == "EPSG:3857"


def test_another_geometry_becomes_text(read: Read, path: Path) -> None:
    metadata = geo()
    metadata["columns"]["seen_from"] = {"encoding": "WKB", "geometry_types": []}
    seen = pa.array(
        [shapely.to_wkb(shapely.Point(0.1, 2)), None, shapely.to_wkb(shapely.Point(5, 6))], pa.binary()
    )
    write_geoparquet(path, POINTS, {"seen_from": seen}, metadata=metadata)

    assert read("a.parquet", path.read_bytes()).column("seen_from") == ["POINT (0.1 2)", None, "POINT (5 6)"]


@pytest.mark.parametrize(
    ("encoding", "depth", "text"),
    [
        ("point", 0, "POINT Z (1 2 3)"),
        ("linestring", 1, "LINESTRING Z (1 2 3, 4 5 6)"),
        ("multipoint", 1, "MULTIPOINT Z ((1 2 3), (4 5 6))"),
        (
            "polygon",
            2,
            "POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1), (0.2 0.1 1, 0.3 0.1 1, 0.3 0.2 1, 0.2 0.1 1))",
        ),
        ("multilinestring", 2, "MULTILINESTRING Z ((0 0 0, 1 1 1), (2 2 2, 3 3 3))"),
        (
            "multipolygon",
            3,
            "MULTIPOLYGON Z (((0 0 1, 1 0 1, 1 1 1, 0 0 1)), ((5 5 1, 6 5 1, 6 6 1, 5 5 1)))",
        ),
    ],
)
def test_native_encodings(read: Read, path: Path, encoding: str, depth: int, text: str) -> None:
    geometry = shapely.from_wkt(text)
    kind: pa.DataType = XYZ
    for _ in range(depth):
        kind = pa.list_(kind)
    places = pa.array([_nested(geometry, depth), None, _nested(geometry, depth)], kind)
    write_table(path, pa.table({"n": [1, 2, 3], "geom": places}), metadata=geo(encoding=encoding))
    wkb = shapely.to_wkb(geometry, flavor="iso")

    assert read("a.parquet", path.read_bytes()).geometries == [wkb, None, wkb]


def _nested(geometry: shapely.Geometry, depth: int) -> Any:
    """A geometry as lists of coordinates."""
    if geometry.geom_type == "Point":
        return dict(zip("xyz", geometry.coords[0], strict=True))
    if geometry.geom_type in ("LineString", "LinearRing"):
        return [dict(zip("xyz", place, strict=True)) for place in geometry.coords]
    if geometry.geom_type == "Polygon":
        return [_nested(ring, 1) for ring in (geometry.exterior, *geometry.interiors)]
    return [_nested(part, depth - 1) for part in geometry.geoms]


def test_nested_values_become_json(read: Read, path: Path) -> None:
    deep = pa.array([{"a": [1, None], "d": dt.date(2024, 1, 2)}, None, {"a": [], "d": None}])
    write_geoparquet(path, POINTS, {"deep": deep})
    first, second, third = (
        None if each is None else json.loads(each)
        for each in read("a.parquet", path.read_bytes()).rows.column("deep").cast(pa.string()).to_pylist()
    )

    assert (first, second, third) == ({"a": [1, None], "d": "2024-01-02"}, None, {"a": [], "d": None})


def test_numbers_that_json_does_not_have_become_texts(read: Read, path: Path) -> None:
    nan, infinite = float("nan"), float("inf")
    number = pa.float64()
    columns = {
        "structure": pa.array([{"a": nan}, None, {"a": 1.5}], pa.struct([("a", number)])),
        "map": pa.array([[("k", infinite)], None, []], pa.map_(pa.string(), number)),
        "nested": pa.array([[[-infinite]], None, [[2.5]]], pa.list_(pa.list_(number))),
    }
    write_geoparquet(path, POINTS, columns)
    rows = read("a.parquet", path.read_bytes()).rows
    first = [rows.column(name).cast(pa.string())[0].as_py() for name in columns]

    assert [json.loads(text) for text in first] == [
        {"a": "nan"}, [["k", "inf"]], [["-inf"]],
    ]  # fmt: skip


def test_a_geometry_column_that_is_there_twice(refusal: Refusal, path: Path) -> None:
    wkb = pa.array([b""], pa.binary())
    table = pa.Table.from_arrays([wkb, wkb], names=["geom", "geom"])
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo())}), path)

    assert refusal("a.parquet", path.read_bytes()).code == "CONTENT_MISMATCH"


def test_attributes_of_one_name_are_told_apart(read: Read, path: Path) -> None:
    wkb = pa.array([shapely.to_wkb(shapely.Point(1, 2))])
    table = pa.Table.from_arrays([wkb, pa.array([1]), pa.array(["x"])], names=["geom", "a", "a"])
    write_table(path, table)
    layer = read("a.parquet", path.read_bytes())

    assert (layer.column("a"), layer.column("a_2")) == ([1], ["x"])
    assert [(each.code, each.context["names"]) for each in layer.findings] == [
        ("COLUMNS_RENAMED", {"a_2": "a"})
    ]


def test_wkb_that_is_no_binary(refusal: Refusal, path: Path) -> None:
    write_table(path, pa.table({"geom": ["POINT (1 2)"]}))

    assert refusal("a.parquet", path.read_bytes()).code == "UNSUPPORTED_FORMAT"


def test_one_page_out_of_a_thousand_is_damaged(refusal: Refusal, path: Path) -> None:
    places = [shapely.Point(number, 1) for number in range(2000)]
    write_geoparquet(path, places, row_group_size=50, write_page_checksum=True, compression="none")
    content = bytearray(path.read_bytes())
    position = content.index(shapely.to_wkb(places[1234]))
    content[position + 10] ^= 0xFF

    assert refusal("a.parquet", bytes(content)).code == "GEOMETRY_UNREADABLE"


def test_a_file_of_more_rows_than_are_taken(
    refusal: Refusal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.vector import geoparquet

    monkeypatch.setattr(geoparquet, "MAX_ROWS", 2)
    write_geoparquet(path, POINTS)

    assert refusal("a.parquet", path.read_bytes()).code == "SOURCE_TOO_LARGE"
