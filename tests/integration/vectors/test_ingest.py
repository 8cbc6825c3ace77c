"""Files in, tables out: the three stages of `ingest_vector` on a real database."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import shapely

from core.task_models.vector_tables import VectorTable
from tests.integration.vectors.conftest import Ingestion
from tests.vectors import (
    BOW_TIE,
    ONE_OF_EACH_TYPE,
    SQUARE,
    geojson,
    points,
    shapefile_parts,
    write_geopackage,
    zipped_shapefile,
)

Connection = psycopg.Connection[dict[str, Any]]
Rows = list[dict[str, Any]]


def rows(connection: Connection, result: VectorTable, what: str) -> Rows:
    return connection.execute(f'SELECT {what} FROM staging."{result.table}" ORDER BY fid').fetchall()


def staged_tables(connection: Connection) -> list[Any]:
    return connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'").fetchall()


def test_a_geojson_becomes_a_table_with_key_index_and_srid(
    ingestion: Ingestion, connection: Connection
) -> None:
    result = ingestion.table("places.geojson", geojson([SQUARE, None], {"Name": "a"}, {"Name": "b"}))

    assert rows(connection, result, "fid, name, ST_AsText(geom) AS shape, ST_SRID(geom) AS srid") == [
        {"fid": 1, "name": "a", "shape": "MULTIPOLYGON(((11 50,11 51,10 51,10 50,11 50)))", "srid": 4326},
        {"fid": 2, "name": "b", "shape": None, "srid": None},
    ]
    indexes = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE tablename = %s ORDER BY 1", (result.table,)
    ).fetchall()
    assert ["gist (geom)" in indexes[0]["indexdef"], "(fid)" in indexes[1]["indexdef"]] == [True, True]


def test_the_result_says_what_was_loaded(ingestion: Ingestion) -> None:
    result = ingestion.run("places.geojson", geojson([SQUARE, None], {"Name": "a"}))
    (table,) = result.tables

    assert (result.feature_count, result.rejected_count, result.null_geometry_count) == (2, 0, 1)
    assert (result.bbox, result.rejects_uri) == ((10.0, 50.0, 11.0, 51.0), None)
    assert (result.source.driver, result.source.uri) == ("GeoJSON", "azure://bronze/places.geojson")
    assert (table.layer, table.srid, table.source_crs, table.geometry_type) == (
        "places", 4326, "EPSG:4326", "MultiPolygon",
    )  # fmt: skip
    assert [column.model_dump() for column in table.columns] == [
        {"name": "name", "sql_type": "text", "source_name": "Name"}
    ]
    assert (table.vertex_count, table.largest_vertex_count, table.generalised) == (5, 5, None)
    assert shapely.geometry.shape(table.footprint).covers(SQUARE)


@pytest.mark.parametrize(("name", "table_type"), [
    ("Point", "Point"), ("MultiPoint", "MultiPoint"), ("LineString", "MultiLineString"),
    ("MultiLineString", "MultiLineString"), ("Polygon", "MultiPolygon"), ("MultiPolygon", "MultiPolygon"),
    ("GeometryCollection", "GeometryCollection"),
])  # fmt: skip
def test_every_geometry_type_arrives_unchanged(
    ingestion: Ingestion, connection: Connection, name: str, table_type: str
) -> None:
    geometry = ONE_OF_EACH_TYPE[name]
    result = ingestion.table("one.geojson", geojson([geometry]))

    (row,) = rows(connection, result, "ST_AsBinary(geom) AS wkb")
    assert result.geometry_type == table_type
    assert shapely.from_wkb(row["wkb"]).symmetric_difference(geometry).is_empty


def test_all_types_together_make_a_table_of_any_geometry(
    ingestion: Ingestion, connection: Connection
) -> None:
    result = ingestion.table("all.geojson", geojson(list(ONE_OF_EACH_TYPE.values())))

    assert result.geometry_type == "Geometry"
    found = [row["type"] for row in rows(connection, result, "GeometryType(geom) AS type")]
    assert found == [name.upper() for name in ONE_OF_EACH_TYPE]


def test_values_of_every_type_come_back_equal(
    ingestion: Ingestion, connection: Connection, tmp_path: Path
) -> None:
    noon = dt.datetime(2024, 3, 1, 12, 0, 0, 250_000, tzinfo=dt.UTC)
    columns = {
        "big": [2**40, None],
        "int": pa.array([2**30, None], pa.int32()),
        "small": pa.array([-7, None], pa.int16()),
        "double": [0.1, None],
        "single": pa.array([0.5, None], pa.float32()),
        "flag": [True, None],
        "text_": ["Ünïcödé 日本", None],
        "day": [dt.date(1899, 12, 31), None],
        "moment": pa.array([noon, None], pa.timestamp("ms", "UTC")),
        "bytes": [b"\x00\xff", None],
    }
    source = write_geopackage(tmp_path / "typed.gpkg", points(2), columns)
    result = ingestion.table("typed.gpkg", source.read_bytes())

    expected_types = ["bigint", "integer", "smallint", "double precision", "real", "boolean", "text", "date",
                      "timestamptz", "bytea"]  # fmt: skip
    assert [column.sql_type for column in result.columns] == expected_types
    names = ", ".join(f'"{column.name}"' for column in result.columns)
    first, second = (list(row.values()) for row in rows(connection, result, names))
    assert first == [
        2**40,
        2**30,
        -7,
        0.1,
        0.5,
        True,
        "Ünïcödé 日本",
        dt.date(1899, 12, 31),
        noon,
        b"\x00\xff",
    ]
    assert second == [None] * len(columns)


def test_json_values_and_local_times(ingestion: Ingestion, connection: Connection) -> None:
    properties = {
        "tags": ["a", "b"],
        "more": {"deep": [1, None, "x"]},
        "local": "2024-01-02T03:04:05",
        "zoned": "2024-01-02T03:04:05+02:00",
        "at": "10:11:12",
    }
    result = ingestion.table("json.geojson", geojson(points(1), properties))

    assert [column.sql_type for column in result.columns] == [
        "jsonb",
        "jsonb",
        "timestamp",
        "timestamptz",
        "time",
    ]
    (row,) = rows(connection, result, "tags, more, local, zoned, at")
    assert row["tags"] == ["a", "b"]
    assert row["more"] == {"deep": [1, None, "x"]}
    assert row["local"] == dt.datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 (it has no zone)
    assert row["zoned"] == dt.datetime(2024, 1, 2, 1, 4, 5, tzinfo=dt.UTC)
    assert row["at"] == dt.time(10, 11, 12)


def test_a_column_of_values_of_several_types_is_json(ingestion: Ingestion, connection: Connection) -> None:
    mixed: list[dict[str, Any]] = [
        {"m": "x"},
        {"m": 5},
        {"m": [1, {"a": None}]},
        {"m": "{not json"},
        {"m": None},
    ]
    result = ingestion.table("mixed.geojson", geojson(points(5), *mixed))

    assert [column.sql_type for column in result.columns] == ["jsonb"]
    found = [row["m"] for row in rows(connection, result, "m")]
    assert found == ["x", "5", [1, {"a": None}], "{not json", None]


def test_a_column_that_mixes_zoned_and_local_times_keeps_every_word(
    ingestion: Ingestion, connection: Connection
) -> None:
    times = [{"t": "2024-01-02T03:04:05+02:00", "u": "2024-01-02T03:04:05Z"}, {"t": "2024-01-02T03:04:05"}]
    result = ingestion.table("times.geojson", geojson(points(2), *times))

    assert [column.sql_type for column in result.columns] == ["text", "timestamptz"]
    first, second = rows(connection, result, "t, u")
    assert first["t"].endswith("+02:00")
    assert "+" not in second["t"]
    assert first["u"] == dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert [finding.code for finding in result.findings] == ["MIXED_TIME_ZONES"]


def test_a_zipped_shapefile_in_another_crs(
    ingestion: Ingestion, connection: Connection, tmp_path: Path
) -> None:
    berlin = shapely.Point(391_779, 5_820_072)
    parts = shapefile_parts(
        tmp_path, [berlin], {"name": ["Spree"], "inhabitants_2024": [3_700_000]}, crs="EPSG:32633"
    )
    result = ingestion.table("berlin.zip", zipped_shapefile(parts))

    assert (result.source_crs, result.srid) == ("EPSG:32633", 4326)
    assert result.operation == "Inverse of UTM zone 33N"
    (row,) = rows(connection, result, "name, inhabitant, ST_X(geom) AS lon, ST_Y(geom) AS lat")
    assert (row["name"], row["inhabitant"]) == ("Spree", 3_700_000)
    assert (row["lon"], row["lat"]) == (pytest.approx(13.405, abs=2e-3), pytest.approx(52.52, abs=2e-3))
    assert result.bbox == pytest.approx((row["lon"], row["lat"], row["lon"], row["lat"]))


def test_bounds_are_degrees_whatever_the_table_is_in(ingestion: Ingestion) -> None:
    result = ingestion.table("square.geojson", geojson([SQUARE]), target_crs="EPSG:3857")

    assert result.srid == 3857
    assert result.bbox == pytest.approx((10, 50, 11, 51))


def test_heights_and_measures_are_kept(ingestion: Ingestion, connection: Connection, tmp_path: Path) -> None:
    geometries = list(shapely.from_wkt(["POINT ZM (1 2 3 4)", "POINT Z (1 2 5)", "POINT (1 2)"]))
    source = write_geopackage(tmp_path / "z.gpkg", geometries, {"n": [1, 2, 3]})
    result = ingestion.table("z.gpkg", source.read_bytes(), target_crs="EPSG:3857")

    assert result.geometry_type == "PointZM"
    found = rows(connection, result, "ST_Z(geom) AS z, ST_M(geom) AS m")
    assert [row["z"] for row in found] == [3, 5, 0]
    assert [row["m"] for row in found] == pytest.approx([4, math.nan, math.nan], nan_ok=True)
    counts = [step.count for step in result.steps if step.step == "dimensions"]
    assert sorted(counts) == [1, 2]


def test_invalid_geometries_are_repaired_and_empty_ones_kept(
    ingestion: Ingestion, connection: Connection, tmp_path: Path
) -> None:
    source = write_geopackage(tmp_path / "odd.gpkg", [BOW_TIE, shapely.Polygon(), SQUARE], {"n": [1, 2, 3]})
    result = ingestion.table("odd.gpkg", source.read_bytes())

    found = rows(connection, result, "ST_IsValid(geom) AS valid, ST_IsEmpty(geom) AS empty")
    assert found == [
        {"valid": True, "empty": False},
        {"valid": True, "empty": True},
        {"valid": True, "empty": False},
    ]
    counts = {(step.step, step.policy): step.count for step in result.steps}
    assert counts["invalid_geometry", "repaired"] == counts["empty_geometry", "kept"] == 1


def test_more_than_one_batch(ingestion: Ingestion, connection: Connection, tmp_path: Path) -> None:
    count = 40_000
    source = write_geopackage(tmp_path / "many.gpkg", points(count), {"n": list(range(count))})
    result = ingestion.table("many.gpkg", source.read_bytes())

    (row,) = connection.execute(
        f'SELECT count(*), sum(n), bool_and(fid = n + 1) AS in_order FROM staging."{result.table}"'
    ).fetchall()
    assert row == {"count": count, "sum": count * (count - 1) // 2, "in_order": True}


def test_a_layer_without_attributes(ingestion: Ingestion, connection: Connection) -> None:
    result = ingestion.table("bare.geojson", geojson(points(3)))

    assert len(rows(connection, result, "*")) == 3


def test_hostile_names_are_data_not_sql(ingestion: Ingestion, connection: Connection) -> None:
    name = 'a"; DROP SCHEMA geo CASCADE; --'
    result = ingestion.table("names.geojson", geojson(points(1), {name: "=cmd|calc", "SELECT": 1, "xmin": 2}))

    assert [column.name for column in result.columns] == ["a_drop_schema_geo_cascade", "select_", "xmin_"]
    assert result.columns[0].source_name == name
    (row,) = rows(connection, result, "a_drop_schema_geo_cascade AS value")
    assert row == {"value": "=cmd|calc"}
