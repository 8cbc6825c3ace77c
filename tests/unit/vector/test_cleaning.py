"""Every policy of the cleaning: what is loaded, what is rejected and why, and what is counted."""

import struct
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
import shapely

from core.task_models.vector import RejectReason, VectorColumn
from tests.chunk_rows import (
    cleaned,
    geometries_of,
    rejected,
    steps_of,
    table_plan,
    wkb_loaded,
    wkb_of,
    wkt_of,
)
from tests.vectors import BOW_TIE

NAN, INF = float("nan"), float("inf")
SOUND = "POLYGON ((0 0, 1 0, 1 1, 0 0))"
CLOCKWISE = "POLYGON ((0 0, 1 1, 1 0, 0 0))"


def _polygon(*corners: tuple[float, float]) -> bytes:
    """WKB of a ring as it is, open or not."""
    numbers = [number for corner in corners for number in corner]
    return struct.pack(f"<BIII{len(numbers)}d", 1, 3, 1, len(corners), *numbers)


def _line(*corners: tuple[float, float]) -> bytes:
    numbers = [number for corner in corners for number in corner]
    return struct.pack(f"<BII{len(numbers)}d", 1, 2, len(corners), *numbers)


# -- what is fine -------------------------------------------------------------------------------------


def test_what_is_as_it_should_be_is_passed_on_byte_for_byte() -> None:
    given = [f"MULTI{SOUND.replace('((', '(((').replace('))', ')))')}", "MULTIPOLYGON EMPTY", None]
    result = cleaned(given, "MultiPolygon")

    assert wkb_loaded(result) == wkb_of(given).to_pylist()
    assert steps_of(result) == {("empty_geometry", "kept"): 1, ("null_geometry", "kept"): 1}
    assert result.loaded.column("fid").to_pylist() == [1, 2, 3]
    assert (result.null_geometry_count, result.vertex_count, result.largest_vertex_count) == (1, 4, 4)
    assert result.bbox == (0, 0, 1, 1)


def test_attributes_go_with_their_features() -> None:
    columns = (
        VectorColumn(name="a", sql_type="text", source_name="A"),
        VectorColumn(name="b", sql_type="bigint", source_name="B"),
    )
    result = cleaned(
        ["POINT (1 1)", "POINT (500 1)", "POINT (2 2)"],
        plan=table_plan("Point", columns=columns),
        columns={"a": pa.array(["x", "y", None]), "b": pa.array([1, 2, 3], pa.int64())},
    )

    assert result.loaded.drop_columns(["geom"]).to_pylist() == [
        {"fid": 1, "a": "x", "b": 1},
        {"fid": 3, "a": None, "b": 3},
    ]
    assert (result.loaded_rows.tolist(), result.rejected_rows.tolist()) == ([0, 2], [1])


def test_no_rows_at_all() -> None:
    result = cleaned([], "Point")

    assert (result.loaded.num_rows, result.bbox, result.steps, result.cells) == (0, None, (), "")


def test_part_of_a_larger_batch() -> None:
    whole = wkb_of(["POINT (1 1)", "POINT (2 2)", "POINT (3 3)", "POINT (4 4)"])
    result = cleaned(whole.slice(1, 2).to_pylist(), "Point")

    assert wkt_of(result) == ["POINT (2 2)", "POINT (3 3)"]


# -- null and empty -----------------------------------------------------------------------------------


def test_null_geometries_are_rejected_when_asked() -> None:
    result = cleaned([None, "POINT (1 1)"], null_geometry="reject")

    assert rejected(result) == {0: RejectReason.NULL_GEOMETRY}
    assert steps_of(result) == {("null_geometry", "rejected"): 1}


@pytest.mark.parametrize(
    "empty", ["POINT EMPTY", "POLYGON EMPTY", "MULTIPOINT (EMPTY)", "GEOMETRYCOLLECTION EMPTY"]
)
def test_empty_geometries_by_policy(empty: str) -> None:
    assert rejected(cleaned([empty], empty_geometry="reject")) == {0: RejectReason.EMPTY_GEOMETRY}
    assert steps_of(cleaned([empty])) == {("empty_geometry", "kept"): 1}


@pytest.mark.parametrize(
    ("table", "expected"), [("PointZM", "POINT EMPTY"), ("MultiLineString", "MULTILINESTRING EMPTY")]
)
def test_an_empty_geometry_takes_the_type_of_the_table(table: str, expected: str) -> None:
    (found,) = geometries_of(cleaned(["POLYGON EMPTY"], table))

    assert found is not None
    assert shapely.force_2d(found).wkt == expected
    assert shapely.has_m(found) == table.endswith("ZM")


# -- broken and invalid -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\1",
        b"rubbish that is no geometry",
        wkb_of([SOUND])[0].as_py()[:-1],
        wkb_of([SOUND])[0].as_py() + b"\0",
        struct.pack("<BII", 1, 3, 2**32 - 1),
        struct.pack("<BII", 1, 99, 1),
    ],
)
@pytest.mark.parametrize("policy", ["repair", "reject", "keep"])
def test_what_is_no_geometry_is_rejected_by_every_policy(rubbish: bytes, policy: str) -> None:
    result = cleaned([rubbish, "POINT (1 1)"], invalid_geometry=policy)

    assert rejected(result) == {0: RejectReason.BROKEN_GEOMETRY}


def test_open_rings_are_closed() -> None:
    result = cleaned([_polygon((0, 0), (1, 0), (1, 1))], "MultiPolygon")

    assert wkt_of(result) == ["MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"]
    assert steps_of(result)["broken_geometry", "repaired"] == 1


@pytest.mark.parametrize("broken", [_polygon((0, 0), (1, 0)), _line((1, 1))])
def test_what_cannot_be_completed_is_rejected(broken: bytes) -> None:
    assert rejected(cleaned([broken])) == {0: RejectReason.BROKEN_GEOMETRY}


@pytest.mark.parametrize("policy", ["reject", "keep"])
def test_broken_rings_are_rejected_where_nothing_is_repaired(policy: str) -> None:
    result = cleaned([_polygon((0, 0), (1, 0), (1, 1))], invalid_geometry=policy)

    assert rejected(result) == {0: RejectReason.BROKEN_GEOMETRY}


def test_a_hole_without_a_shell_is_rejected() -> None:
    hole = struct.pack("<8d", 0, 0, 1, 0, 1, 1, 0, 0)
    given = struct.pack("<BIIII", 1, 3, 2, 0, 4) + hole

    assert rejected(cleaned([given, SOUND])) == {0: RejectReason.BROKEN_GEOMETRY}


def test_invalid_polygons_are_repaired_and_the_change_is_told() -> None:
    result = cleaned([SOUND, BOW_TIE], "MultiPolygon")

    assert shapely.is_valid(geometries_of(result)).all()
    assert shapely.area(geometries_of(result)[1]) == pytest.approx(0.5)
    assert steps_of(result)["invalid_geometry", "repaired"] == 1
    (note,) = result.repairs
    assert (note.row, note.fid) == (101, 2)
    assert note.area_after == pytest.approx(0.5)
    assert result.area_change == pytest.approx(0.5)


def test_overlapping_parts_keep_their_ground() -> None:
    overlapping = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])
    (found,) = geometries_of(cleaned([overlapping], "MultiPolygon"))

    assert found is not None
    assert found.area == pytest.approx(7)


def test_the_ten_largest_changes_are_told() -> None:
    sizes = range(1, 16)
    given = [shapely.affinity.scale(BOW_TIE, size, size, origin=(0, 0)) for size in sizes]
    result = cleaned(given, "MultiPolygon")

    assert [note.fid for note in result.repairs] == list(range(15, 5, -1))
    assert all(a.area_after > b.area_after for a, b in pairwise(result.repairs))
    assert result.area_change == pytest.approx(sum(size**2 / 2 for size in sizes))


@pytest.mark.parametrize("collapsed", ["POLYGON ((0 0, 1 1, 2 2, 0 0))", "LINESTRING (1 1, 1 1)"])
def test_what_has_collapsed_is_rejected(collapsed: str) -> None:
    result = cleaned([collapsed])

    assert rejected(result) == {0: RejectReason.INVALID_GEOMETRY}
    assert result.details[0]


def test_invalid_geometries_are_kept_when_asked() -> None:
    result = cleaned([BOW_TIE], orientation="keep", invalid_geometry="keep")

    assert wkb_loaded(result) == wkb_of([BOW_TIE]).to_pylist()
    assert steps_of(result) == {("invalid_geometry", "kept"): 1}


def test_invalid_geometries_are_rejected_with_the_place_of_the_fault() -> None:
    result = cleaned([BOW_TIE, SOUND], invalid_geometry="reject")

    assert rejected(result) == {0: RejectReason.INVALID_GEOMETRY}
    assert "0.5 0.5" in result.details[0]


@pytest.mark.parametrize("dimensions", ["M", "ZM"])
def test_repair_says_that_it_loses_measures(dimensions: str) -> None:
    """GEOS 3.14 gives them to some of the repaired parts and not to others."""
    rest = " 1" * len(dimensions)
    corners = ["0 -1", "1 0", "-1 0", "0 1", "0 -1"]
    given = f"POLYGON {dimensions} (({', '.join(corner + rest for corner in corners)}))"
    result = cleaned([given], f"MultiPolygon{dimensions}")

    (found,) = geometries_of(result)
    assert shapely.has_m(found)
    assert shapely.has_z(found) == (dimensions == "ZM")
    assert steps_of(result)["dimensions", "measure_lost"] == 1


# -- coordinates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        struct.pack("<BI2d", 1, 1, NAN, 1),
        struct.pack("<BI2d", 1, 1, 1, INF),
        struct.pack("<BI3d", 1, 1001, 1, 1, -INF),
        _line((0, 0), (NAN, NAN)),
        "POINT (361 0)",
        "POINT (0 -91)",
        "LINESTRING (0 0, 0 91)",
    ],
)
def test_impossible_coordinates_are_rejected(given: Any) -> None:
    result = cleaned([given, "POINT (1 1)"])

    assert rejected(result) == {0: RejectReason.COORDINATES_OUT_OF_RANGE}
    assert steps_of(result)["out_of_range", "rejected"] == 1


def test_an_infinite_height_does_not_matter_where_heights_are_dropped() -> None:
    given = struct.pack("<BI3d", 1, 1001, 1, 2, INF)

    assert wkt_of(cleaned([given], "Point", dimensions="2d")) == ["POINT (1 2)"]


def test_a_height_that_is_not_a_number_is_missing() -> None:
    result = cleaned([struct.pack("<BI3d", 1, 1001, 1, 2, NAN)], "PointZ")

    assert wkt_of(result) == ["POINT Z (1 2 0)"]
    assert steps_of(result) == {("heights", "zero"): 1}


def test_what_the_target_cannot_show_is_rejected() -> None:
    plan = table_plan("Point", target_crs="EPSG:3857")
    result = cleaned(["POINT (0 90)", "POINT (10 50)"], plan=plan)

    assert rejected(result) == {0: RejectReason.UNPLACEABLE}
    assert steps_of(result) == {("out_of_range", "unplaceable"): 1}


def test_finite_nonsense_of_a_projection_is_rejected() -> None:
    """Transverse Mercator answers far from its meridian too; only the way back shows that it is nonsense."""
    plan = table_plan("Point", crs="EPSG:32633", bbox=(0, 0, 9e7, 1e7))
    result = cleaned(["POINT (90000000 1)", "POINT (500000 6000000)"], plan=plan)

    assert rejected(result) == {0: RejectReason.UNPLACEABLE}


# -- dimensions and types -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "table", "expected"),
    [
        ("LINESTRING (0 0, 1 1)", "MultiLineString", "MULTILINESTRING ((0 0, 1 1))"),
        ("POINT (1 2)", "MultiPoint", "MULTIPOINT ((1 2))"),
        (SOUND, "MultiPolygonZ", "MULTIPOLYGON Z (((0 0 0, 1 0 0, 1 1 0, 0 0 0)))"),
        ("POINT Z (1 2 3)", "PointZ", "POINT Z (1 2 3)"),
        ("POINT M (1 2 3)", "PointZM", "POINT ZM (1 2 0 3)"),
        ("POINT ZM (1 2 3 4)", "Point", "POINT (1 2)"),
        ("POINT (1 2)", "Geometry", "POINT (1 2)"),
        ("MULTIPOINT Z ((1 2 3), (4 5 6))", "MultiPoint", "MULTIPOINT ((1 2), (4 5))"),
        (
            "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))",
            "GeometryCollectionZ",
            "GEOMETRYCOLLECTION Z (POINT Z (1 2 0), LINESTRING Z (0 0 0, 1 1 0))",
        ),
    ],
)
def test_geometries_become_of_the_type_of_the_table(given: str, table: str, expected: str) -> None:
    assert wkt_of(cleaned([given], table)) == [expected]


def test_a_missing_measure_is_not_a_number() -> None:
    result = cleaned(["POINT (1 2)", "POINT M (1 2 3)"], "PointM")

    assert wkt_of(result) == ["POINT M (1 2 NaN)", "POINT M (1 2 3)"]
    assert steps_of(result) == {("dimensions", "measure_nan"): 1}


def test_dropped_and_added_dimensions_are_counted() -> None:
    given = ["POINT Z (1 2 3)", "POINT (1 2)"]

    assert steps_of(cleaned(given, "Point", dimensions="2d")) == {("dimensions", "height_dropped"): 1}
    assert steps_of(cleaned(given, "PointZ")) == {("dimensions", "height_zero"): 1}


def test_collections_give_their_parts_of_the_highest_dimension() -> None:
    nested = (
        f"GEOMETRYCOLLECTION (POINT (5 5), GEOMETRYCOLLECTION ({SOUND}, POINT (6 6)), LINESTRING (0 0, 1 1))"
    )
    result = cleaned([nested, "GEOMETRYCOLLECTION EMPTY"], "MultiPolygon", geometry_collection="extract")

    assert wkt_of(result) == ["MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))", "MULTIPOLYGON EMPTY"]
    assert steps_of(result)["geometry_collection", "extracted"] == 1


def test_a_valid_collection_is_kept_as_it_is() -> None:
    given = ["GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))"]

    assert wkb_loaded(cleaned(given)) == wkb_of(given).to_pylist()


# -- rings --------------------------------------------------------------------------------------------


def test_rings_are_turned() -> None:
    given = "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 1, 2 2, 1 1))"
    result = cleaned([given, SOUND])

    assert wkt_of(result)[0] == "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 2, 2 1, 1 1))"
    assert steps_of(result) == {("orientation", "turned"): 1}


def test_rings_keep_their_direction_when_asked() -> None:
    result = cleaned([CLOCKWISE], orientation="keep")

    assert wkb_loaded(result) == wkb_of([CLOCKWISE]).to_pylist()
    assert steps_of(result) == {("orientation", "kept"): 1}


def test_heights_turn_with_their_corners() -> None:
    (found,) = wkt_of(cleaned(["POLYGON Z ((0 0 1, 1 1 2, 1 0 3, 0 0 1))"], "PolygonZ"))

    assert found == "POLYGON Z ((0 0 1, 1 0 3, 1 1 2, 0 0 1))"


_NEGATIVE_NAN = struct.pack("<Q", 0xFFF8000000000001)
_CANONICAL_NAN = struct.pack("<Q", 0x7FF8000000000000)


@pytest.mark.parametrize(
    ("empty", "head", "ordinates"),
    [
        (struct.pack("<BI", 1, 1) + 2 * _NEGATIVE_NAN, struct.pack("<BI", 1, 1001), 3),
        (struct.pack("<BI3d", 1, 1001, NAN, NAN, 0), struct.pack("<BI", 1, 1001), 3),
        (struct.pack("<BI2d", 1, 1, NAN, NAN), struct.pack("<BI", 1, 1001), 3),
        (struct.pack("<BI", 1, 1) + 2 * _NEGATIVE_NAN, struct.pack("<BI", 1, 1), 2),
        (
            struct.pack("<BIIBI2d", 1, 7, 1, 1, 1, NAN, NAN),
            struct.pack("<BIIBI", 1, 3007, 1, 1, 3001),
            4,
        ),
    ],
    ids=["2d-bits", "height-of-nothing", "2d", "flat-table", "in-a-collection"],
)
def test_empty_points_are_what_postgis_makes_of_them(empty: bytes, head: bytes, ordinates: int) -> None:
    code = int.from_bytes(head[1:5], "little")
    table = f"Geometry{('', 'Z', 'M', 'ZM')[code // 1000]}"

    assert wkb_loaded(cleaned([empty], table)) == [head + ordinates * _CANONICAL_NAN]
