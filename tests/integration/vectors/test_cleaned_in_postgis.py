"""What the cleaning hands out is taken by PostGIS, and is there what it was said to be."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
import shapely

from core.task_models.vector import RejectReason
from tests.integration.vectors.conftest import Ingestion
from tests.vectors import write_geopackage

ODD = [
    "POINT EMPTY",
    "MULTIPOINT (1 2, 190 4)",
    "LINESTRING (170 0, 190 10)",
    "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))",
    "POLYGON ((170 0, 190 0, 190 10, 170 10, 170 0))",
    "POLYGON EMPTY",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 0 0), POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0)))",
    "LINESTRING (1 1, 1 1)",
    "POINT (500 1)",
]


@pytest.mark.parametrize("dimensions", ["", "Z"])
def test_odd_geometries(
    ingestion: Ingestion, connection: psycopg.Connection[dict[str, Any]], tmp_path: Path, dimensions: str
) -> None:
    given = list(shapely.force_3d(shapely.from_wkt(ODD), z=5.0) if dimensions else shapely.from_wkt(ODD))
    source = write_geopackage(tmp_path / "odd.gpkg", given)
    table = ingestion.table("odd.gpkg", source.read_bytes(), max_failed_fraction=0.5)

    assert (table.feature_count, table.geometry_type) == (7, f"Geometry{dimensions}")
    assert table.reasons == {RejectReason.INVALID_GEOMETRY: 1, RejectReason.COORDINATES_OUT_OF_RANGE: 1}
    rows = connection.execute(
        "SELECT fid, ST_IsValid(geom) AS is_valid, ST_Zmflag(geom) AS zm, ST_XMax(geom) <= 180 AS is_inside,"
        f' ST_AsGeoJSON(geom) AS json FROM staging."{table.table}" ORDER BY fid'
    ).fetchall()
    assert [row["fid"] for row in rows] == list(range(1, 8))
    assert {row["zm"] for row in rows} == {2 if dimensions else 0}
    assert all(row["is_valid"] for row in rows)
    assert all(row["is_inside"] is not False for row in rows)
    assert not any("NaN" in row["json"] for row in rows)


def test_a_missing_measure_is_not_a_number(
    ingestion: Ingestion, connection: psycopg.Connection[dict[str, Any]]
) -> None:
    csv = b"id,wkt\n1,POINT M (1 2 3)\n2,POINT (3 4)\n"
    table = ingestion.table("measured.csv", csv, reading={"source_crs": "EPSG:4326"})

    rows = connection.execute(
        f'SELECT ST_M(geom) AS m, ST_AsGeoJSON(geom) AS json FROM staging."{table.table}" ORDER BY fid'
    ).fetchall()
    assert [str(row["m"]) for row in rows] == ["3.0", "nan"]
    assert rows[1]["json"] == '{"type":"Point","coordinates":[3,4]}'
    (step,) = table.steps
    assert (step.step, step.policy, step.count) == ("dimensions", "measure_nan", 1)
