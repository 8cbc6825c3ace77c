"""A table, written in each format and read back: equal, or the format cannot and the notes say so."""

import datetime as dt
import decimal
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely

from core.task_models.vector_export import ExportTable
from tests.integration.exports.conftest import Exporter
from tests.integration.exports.reading_back import rows_of
from tests.integration.exports.tables import EVERY_TYPE, create_table

pytestmark = [
    pytest.mark.filterwarnings("ignore:Measured"),  # pyogrio gives layers with M another name
    pytest.mark.filterwarnings("ignore:Geometry column"),
]
Connection = psycopg.Connection[Any]
FORMATS = ["gpkg", "fgb", "parquet", "geojson", "csv", "shp"]

GEOMETRIES: dict[str, list[str | None]] = {
    "Point": ["POINT(10.123456789012345 -51.5)", None, "POINT(-0 1e-9)"],
    "PointZ": ["POINT Z(10 50 1.5)", "POINT Z(1 2 -3)"],
    "PointM": ["POINT M(10 50 7)"],
    "PointZM": ["POINT ZM(10 50 1.5 7)", None],
    "MultiPoint": ["MULTIPOINT((1 2), (3 4))"],
    "LineString": ["LINESTRING(0 0, 1 1, 0.5 2)", None],
    "MultiLineStringZM": ["MULTILINESTRING ZM((0 0 1 2, 1 1 3 4), (5 5 5 5, 6 6 6 6))"],
    "Polygon": ["POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))"],
    "MultiPolygon": ["MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))", None],
    "MultiPolygonZ": ["MULTIPOLYGON Z(((0 0 1, 1 0 2, 1 1 3, 0 0 1)))"],
    "Geometry": ["POINT(1 2)", "LINESTRING(0 0, 1 1)", None, "POLYGON((0 0, 1 0, 1 1, 0 0))"],
    "GeometryCollection": ["GEOMETRYCOLLECTION(POINT(1 2))"],
}
_WITHOUT_M = {"parquet", "geojson"}


@pytest.mark.parametrize("kind", FORMATS)
def test_geometries_come_back(export: Exporter, connection: Connection, kind: str) -> None:
    """Of all types in one test: each has a table of its own, and a database for each would take long."""
    for geometry_type, shapes in GEOMETRIES.items():
        columns = {"name": ("text", ["'a'"])}
        table = create_table(
            connection, geometry_type.lower(), shapes, geometry_type=geometry_type, columns=columns
        )

        exported, path = export(kind, table)
        found = rows_of(kind, path)

        codes = {note.code for note in exported.notes}
        expected = {number * 10 + 1: shapely.from_wkt(wkt) for number, wkt in enumerate(shapes)}
        assert exported.feature_count == len(expected)
        assert {fid: _comparable(shape) for fid, (shape, _) in found.items()} == {
            fid: _comparable(_forced(shape, kind, table, codes)) for fid, shape in expected.items()
        }, geometry_type


def _forced(shape: Any, kind: str, table: ExportTable, codes: set[str]) -> Any:
    """What a format makes of a geometry; each time its notes must say so."""
    if shape is None:
        return None
    if table.geometry_type.endswith("M") and kind in _WITHOUT_M:
        assert "MEASURES_DROPPED" in codes
        shape = shapely.from_wkb(shapely.to_wkb(shape, output_dimension=3 if shape.has_z else 2))
    if kind == "shp" and not table.geometry_type.startswith(("Point", "Line", "Polygon", "Multi")):
        assert "DIVIDED" in codes
        return shapely.multipoints([shape]) if shape.geom_type == "Point" else _only_part(shape)
    return shape


def _only_part(shape: Any) -> Any:
    return shapely.multipoints(list(shape.geoms)) if shape.geom_type == "GeometryCollection" else shape


def _comparable(shape: Any) -> Any:
    """Rings may turn and begin as they like, and a Shapefile does not tell one part from several."""
    if shape is None or shape.is_empty:
        return None
    dimensions = (shape.has_z, shape.has_m)
    return (
        dimensions,
        sorted(shapely.to_wkt(_turned(each), rounding_precision=-1) for each in _parts(shape)),
    )


def _turned(part: Any) -> Any:
    return shapely.normalize(part) if part.geom_type == "Polygon" else part


def _parts(shape: Any) -> Any:
    return shapely.get_parts(shape) if shape.geom_type.startswith("Multi") else np.array([shape])


# -- attributes -----------------------------------------------------------------------------------

_TIME = dt.datetime(2024, 5, 1, 10, 0, 0, 123000, tzinfo=dt.UTC)
_SEEN = dt.datetime(2024, 5, 1, 12, 0, 0, 123000, tzinfo=dt.UTC)
_EXACT = {
    "name": 'Süd, "x"',
    "formula": "=1+1",
    "is_land": True,
    "small": -32768,
    "medium": -(2**31),
    "large": -(2**63),
    "single": float(np.float32(0.1)),
    "double": 0.1,
    "exact": "12345678901234567.891",
    "day": dt.date(1850, 2, 28),
    "clock": "23:59:59.123456",
    "seen": _SEEN,
    "seen_at": _TIME,
    "tags": '{"a": [1, null], "b": "ü"}',
    "raw": b"\x00\xff\x10",
}
"""What GeoPackage holds of the first row: it is the reference, the others are told by their differences."""
_NAIVE = {"seen": _SEEN.replace(tzinfo=None), "seen_at": _TIME.replace(tzinfo=None)}
_TEXTS = {
    "is_land": "true", "small": "-32768", "medium": "-2147483648", "large": "-9223372036854775808",
    "single": "0.1", "double": "0.1", "formula": "'=1+1", "day": "1850-02-28",
    "seen": "2024-05-01T12:00:00.123000", "seen_at": "2024-05-01T10:00:00.123000Z", "raw": "\\x00ff10",
}  # fmt: skip
FIRST_ROW = {
    "gpkg": _EXACT,
    # pyogrio shows no zone, though the file has one
    "fgb": _EXACT | _NAIVE | {"day": dt.datetime(1850, 2, 28)},  # noqa: DTZ001
    "geojson": _EXACT | {
        "single": 0.1, "exact": 12345678901234567.891, "day": "1850-02-28", "seen": "2024-05-01T12:00:00.123",
        "seen_at": "2024-05-01T10:00:00.123+00:00", "tags": {"a": [1, None], "b": "ü"}, "raw": "\\x00ff10",
    },
    "csv": _EXACT | _TEXTS,
    "shp": _EXACT | {
        "large": -(2.0**63), "single": 0.100000001490116, "seen": "2024-05-01T12:00:00.123000",
        "seen_at": "2024-05-01T10:00:00.123000Z", "raw": "\\x00ff10",
    },
}  # fmt: skip
NOTED = {
    "gpkg": {"exact": "DECIMAL_AS_TEXT", "clock": "CLOCK_TIME_AS_TEXT", "seen": "TIME_AS_UTC"},
    "fgb": {
        "exact": "DECIMAL_AS_TEXT", "clock": "CLOCK_TIME_AS_TEXT", "seen": "TIME_AS_UTC",
        "day": "DATE_AS_TIME", "tags": "JSON_AS_TEXT",
    },
    "geojson": {"large": "LONG_NUMBERS", "exact": "LONG_NUMBERS", "raw": "BYTES_AS_TEXT"},
    "csv": {"formula": "FORMULA_NEUTRALISED", "raw": "BYTES_AS_TEXT"},
    "shp": {
        "large": "LONG_NUMBERS", "single": "NUMBERS_ROUNDED", "double": "NUMBERS_ROUNDED",
        "name": "EMPTY_AS_NULL",
        "exact": "DECIMAL_AS_TEXT", "clock": "CLOCK_TIME_AS_TEXT", "seen": "TIME_AS_TEXT",
        "seen_at": "TIME_AS_TEXT", "tags": "JSON_AS_TEXT", "raw": "BYTES_AS_TEXT",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", FIRST_ROW)
def test_values_come_back_or_are_noted(export: Exporter, connection: Connection, kind: str) -> None:
    table = create_table(connection, "every", ["POINT(1 2)"] * 3, geometry_type="Point", columns=EVERY_TYPE)

    exported, path = export(kind, table)
    found = rows_of(kind, path)

    assert found[1][1] == FIRST_ROW[kind]
    assert {type(value) for value in found[1][1].values()} == {type(v) for v in FIRST_ROW[kind].values()}
    nothing = "" if kind == "csv" else None
    assert {value for name, value in found[21][1].items() if name != "formula"} == {nothing}
    noted = {(note.column, note.code) for note in exported.notes}
    assert set(NOTED[kind].items()) <= noted


def test_geoparquet_keeps_every_type(export: Exporter, connection: Connection) -> None:
    table = create_table(connection, "every", ["POINT(1 2)"] * 3, geometry_type="Point", columns=EVERY_TYPE)
    exported, path = export("parquet", table)

    found = rows_of("parquet", path)

    assert exported.notes == ()
    assert found[1][1] == _EXACT | {
        "exact": decimal.Decimal("12345678901234567.891"),
        "clock": dt.time(23, 59, 59, 123456),
        "seen": _NAIVE["seen"],
    }
