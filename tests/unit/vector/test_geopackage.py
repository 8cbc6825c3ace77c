"""GeoPackage: tables, not programs; layers by name; nothing lost."""

import struct
from datetime import date
from pathlib import Path

import pytest
import shapely

from core.errors import PermanentTaskError
from services.vector import ogr
from tests.unit.vector.conftest import Admit, Inspect, Refusal
from tests.vectors import edit_geopackage, points, write_geopackage

ENDLESS = (
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS fid, NULL AS geom FROM r"
)


@pytest.fixture
def geopackage(tmp_path: Path) -> Path:
    return write_geopackage(tmp_path / "made.gpkg", points(4), {"name": list("abcd")}, layer="Plä ces")


def test_the_only_layer_is_taken(inspected: Inspect, geopackage: Path) -> None:
    found = inspected("a.gpkg", geopackage.read_bytes())

    assert (found.feature_count, found.way.source_crs) == (4, "EPSG:4326")


def test_one_of_several_layers(inspected: Inspect, geopackage: Path) -> None:
    write_geopackage(geopackage, points(7), layer='o"ther')

    assert inspected("a.gpkg", geopackage.read_bytes(), layer='o"ther').feature_count == 7


def test_several_layers_without_a_name_are_ambiguous(refusal: Refusal, geopackage: Path) -> None:
    write_geopackage(geopackage, points(7), layer="other")
    error = refusal("a.gpkg", geopackage.read_bytes())

    assert (error.code, error.context["layers"]) == ("AMBIGUOUS_LAYER", ["Plä ces", "other"])


def test_an_unknown_layer(refusal: Refusal, geopackage: Path) -> None:
    error = refusal("a.gpkg", geopackage.read_bytes(), layer="roads")

    assert (error.code, error.context["layers"]) == ("LAYER_NOT_FOUND", ["Plä ces"])


@pytest.mark.parametrize("name", ["Plä ces", "rtree_places"])
def test_an_endless_view_in_the_place_of_a_layer(refusal: Refusal, geopackage: Path, name: str) -> None:
    edit_geopackage(geopackage, 'ALTER TABLE "Plä ces" RENAME TO hidden')
    edit_geopackage(
        geopackage,
        f'CREATE VIEW "{name}" AS {ENDLESS}',
        f"UPDATE gpkg_contents SET table_name = '{name}'",
        f"UPDATE gpkg_geometry_columns SET table_name = '{name}'",
    )

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("table", ["gpkg_contents", "gpkg_extensions", "gpkg_spatial_ref_sys"])
def test_a_view_in_the_place_of_a_system_table(refusal: Refusal, geopackage: Path, table: str) -> None:
    edit_geopackage(geopackage, f"DROP TABLE {table}", f"CREATE VIEW {table} AS {ENDLESS}")

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize(
    "change",
    [
        "geom = substr(geom, 1, 12)",
        "geom = x'00'",
        "geom = 'text'",
        # a point of NaN, without the flag that says "empty"
        "geom = substr(geom, 1, 13) || x'000000000000F87F000000000000F87F'",
    ],
)
def test_a_damaged_geometry_is_refused_not_dropped(refusal: Refusal, geopackage: Path, change: str) -> None:
    edit_geopackage(geopackage, f'UPDATE "Plä ces" SET {change} WHERE fid = 2')

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize(("column", "value"), [("whole", "'abc'"), ("whole", "1.5"), ("real", "'abc'")])
def test_a_value_that_is_not_what_its_column_declares(
    refusal: Refusal, tmp_path: Path, column: str, value: str
) -> None:
    columns = {"whole": [1, 2], "real": [0.5, None], "text": ["a", "b"]}
    source = write_geopackage(tmp_path / "typed.gpkg", points(2), columns)
    edit_geopackage(source, f"UPDATE data SET {column} = {value} WHERE fid = 1")
    error = refusal("a.gpkg", source.read_bytes())

    assert (error.code, error.context["values_by_column"]) == ("CONTENT_MISMATCH", {column: 1})


def test_a_date_that_is_none_is_heard_when_it_is_read(admitted: Admit, tmp_path: Path) -> None:
    source = write_geopackage(tmp_path / "days.gpkg", points(2), {"day": [date(2024, 1, 2)] * 2})
    edit_geopackage(source, "UPDATE data SET day = 'someday' WHERE fid = 2")
    layer = admitted("a.gpkg", source.read_bytes())

    with pytest.raises(PermanentTaskError, match="without loss"), ogr.open_layer(layer) as stream:
        list(stream.batches)


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.05])
def test_a_file_that_is_cut_off_never_passes(refusal: Refusal, tmp_path: Path, kept: float) -> None:
    source = write_geopackage(tmp_path / "big.gpkg", points(5_000), {"name": ["x" * 50] * 5_000})
    content = source.read_bytes()

    assert refusal("a.gpkg", content[: int(len(content) * kept)]).code == "GEOMETRY_UNREADABLE"


def test_null_and_empty_geometries_are_counted(admitted: Admit, tmp_path: Path) -> None:
    source = write_geopackage(tmp_path / "odd.gpkg", [None, shapely.Point(), shapely.Polygon(), *points(2)])
    census = admitted("a.gpkg", source.read_bytes()).census

    assert (census.feature_count, census.null_geometry_limit, census.empty_geometry_limit) == (5, 1, 2)


@pytest.mark.parametrize("srs_id", [-1, 0])
def test_an_undefined_crs_is_missing(refusal: Refusal, geopackage: Path, srs_id: int) -> None:
    edit_geopackage(
        geopackage,
        f"UPDATE gpkg_contents SET srs_id = {srs_id}",
        f"UPDATE gpkg_geometry_columns SET srs_id = {srs_id}",
    )

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "CRS_MISSING"


def test_a_file_without_layers(refusal: Refusal, geopackage: Path) -> None:
    edit_geopackage(geopackage, "DELETE FROM gpkg_geometry_columns", "DELETE FROM gpkg_contents")

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "LAYER_NOT_FOUND"


def test_an_empty_layer(refusal: Refusal, tmp_path: Path) -> None:
    source = write_geopackage(tmp_path / "empty.gpkg", [], geometry_type="Point")

    assert refusal("a.gpkg", source.read_bytes()).code == "NO_FEATURES"


def test_curves_are_refused(refusal: Refusal, geopackage: Path) -> None:
    arc = struct.pack("<BII6d", 1, 8, 3, 0, 0, 1, 1, 2, 0)  # CIRCULARSTRING (0 0, 1 1, 2 0)
    header = struct.pack("<2sBBi", b"GP", 0, 1, 4326)
    edit_geopackage(geopackage, f"""UPDATE "Plä ces" SET geom = x'{(header + arc).hex()}' WHERE fid = 1""")
    error = refusal("a.gpkg", geopackage.read_bytes())

    assert (error.code, "curved" in error.message) == ("GEOMETRY_UNREADABLE", True)
