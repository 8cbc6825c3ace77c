"""Longitudes beyond 180 degrees, and what crosses the antimeridian, in degrees and in other CRS."""

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from core.task_models.vector import RejectReason
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

ACROSS = shapely.box(170, 0, 190, 10)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("POINT (190 1)", "POINT (-170 1)"),
        ("POINT (-190 1)", "POINT (170 1)"),
        ("POINT (180 1)", "POINT (180 1)"),
        ("POINT (-180 1)", "POINT (-180 1)"),
        ("POINT (360 1)", "POINT (0 1)"),
        ("MULTIPOINT ((170 0), (190 1))", "MULTIPOINT ((170 0), (-170 1))"),
        ("LINESTRING (180 0, 190 0)", "LINESTRING (-180 0, -170 0)"),
        ("LINESTRING (-190 0, -180 0)", "LINESTRING (170 0, 180 0)"),
        (
            "POLYGON Z ((350 0 1, 355 0 2, 355 5 3, 350 0 1))",
            "POLYGON Z ((-10 0 1, -5 0 2, -5 5 3, -10 0 1))",
        ),
    ],
)
def test_longitudes_are_brought_back(given: str, expected: str) -> None:
    assert wkt_of(cleaned([given], "GeometryZ" if " Z" in given else "Geometry")) == [expected]


def test_lines_are_cut() -> None:
    result = cleaned(["LINESTRING (170 0, 190 10)"])

    assert wkt_of(result) == ["MULTILINESTRING ((170 0, 180 5), (-180 5, -170 10))"]
    assert steps_of(result) == {("antimeridian", "cut"): 1}


def test_polygons_are_cut_with_their_holes_and_heights() -> None:
    shell, hole = (
        "170 0 1, 190 0 1, 190 10 1, 170 10 1, 170 0 1",
        "175 2 1, 175 4 1, 185 4 1, 185 2 1, 175 2 1",
    )
    given = f"POLYGON Z (({shell}), ({hole}))"
    (found,) = geometries_of(cleaned([given], "MultiPolygonZ"))

    assert found is not None
    west, east = sorted(found.geoms, key=lambda part: part.bounds[0])
    assert (west.bounds, east.bounds) == ((-180, 0, -170, 10), (170, 0, 180, 10))
    assert found.area == pytest.approx(200 - 20)
    assert set(shapely.get_coordinates(found, include_z=True)[:, 2]) == {1.0}


def test_collections_are_cut_part_by_part() -> None:
    (found,) = geometries_of(cleaned(["GEOMETRYCOLLECTION (POINT (190 1), LINESTRING (170 0, 190 10))"]))

    assert found is not None
    assert [part.wkt for part in found.geoms] == [
        "POINT (-170 1)",
        "LINESTRING (170 0, 180 5)",
        "LINESTRING (-180 5, -170 10)",
    ]


def test_what_goes_around_more_than_once_is_united() -> None:
    result = cleaned([shapely.box(-200, 0, 200, 10)], "MultiPolygon", orientation="keep")
    (found,) = geometries_of(result)

    assert found is not None
    assert found.equals(shapely.box(-180, 0, 180, 10))
    assert ("invalid_geometry", "repaired") not in steps_of(result)


def test_longitudes_stay_when_asked() -> None:
    result = cleaned([ACROSS, "POINT (190 1)"], antimeridian="keep")

    assert wkb_loaded(result) == wkb_of([ACROSS, "POINT (190 1)"]).to_pylist()
    assert steps_of(result) == {("antimeridian", "kept"): 2}


def test_wide_edges_in_degrees_are_what_they_say() -> None:
    """A box around the world has them too."""
    given = "POLYGON ((-180 -90, 180 -90, 180 90, -180 90, -180 -90))"
    result = cleaned([given, "LINESTRING (179 0, -179 0)"])

    assert wkt_of(result) == [given, "LINESTRING (179 0, -179 0)"]
    assert steps_of(result) == {("antimeridian", "wide_edges_kept"): 2}


BOW_TIE_ACROSS = "POLYGON ((170 0, 190 10, 190 0, 170 10, 170 0))"


def test_an_invalid_polygon_is_repaired_to_be_cut() -> None:
    result = cleaned([BOW_TIE_ACROSS], "MultiPolygon")
    (found,) = geometries_of(result)

    assert steps_of(result)["invalid_geometry", "repaired"] == 1
    assert shapely.is_valid(found)
    assert found is not None
    assert found.area == pytest.approx(100)


def test_a_collapsed_polygon_across_is_rejected() -> None:
    collapsed = "POLYGON ((170 0, 190 10, 170 0, 170 0))"

    assert rejected(cleaned([collapsed])) == {0: RejectReason.INVALID_GEOMETRY}


def test_a_collapsed_hole_does_no_harm() -> None:
    shell, hole = "170 0, 190 0, 190 10, 170 10, 170 0", "175 5, 176 5, 175 5, 175 5"
    (found,) = geometries_of(cleaned([f"POLYGON (({shell}), ({hole}))"]))

    assert found is not None
    assert found.area == pytest.approx(200)


def test_an_invalid_polygon_that_is_to_stay_is_not_cut() -> None:
    result = cleaned([BOW_TIE_ACROSS], invalid_geometry="keep")

    assert wkb_loaded(result) == wkb_of([BOW_TIE_ACROSS]).to_pylist()
    assert steps_of(result)["antimeridian", "uncut"] == 1


def test_an_invalid_polygon_across_is_rejected_when_asked() -> None:
    assert rejected(cleaned([BOW_TIE_ACROSS], invalid_geometry="reject")) == {
        0: RejectReason.INVALID_GEOMETRY
    }


# -- from other CRS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["polygon", "line"])
@pytest.mark.parametrize("crs", ["EPSG:3832", "EPSG:32601", "EPSG:3994"])
def test_what_reprojection_tears_is_cut(crs: str, kind: str) -> None:
    to_map = Transformer.from_crs(4326, crs, always_xy=True)
    (west, east), (south, north) = to_map.transform([179, -179], [-2, 2])
    shape = shapely.box(west, south, east, north)
    given = shape if kind == "polygon" else shapely.LineString([(west, south), (east, north)])
    result = cleaned([given], plan=table_plan(crs=crs, bbox=given.bounds))

    (found,) = geometries_of(result)
    assert found is not None
    assert steps_of(result)["antimeridian", "cut"] == 1
    assert found.bounds == pytest.approx((-180, -2, 180, 2), abs=0.01)
    assert sorted(round(part.bounds[2] - part.bounds[0]) for part in found.geoms) == [1, 1]


def test_beyond_the_edge_of_web_mercator() -> None:
    given = shapely.box(20_000_000, 0, 20_100_000, 100_000)
    result = cleaned(
        [given, shapely.Point(20_100_000, 0)], plan=table_plan(crs="EPSG:3857", bbox=given.bounds)
    )

    polygon, point = geometries_of(result)
    assert polygon is not None
    assert point is not None
    assert len(polygon.geoms) == 2
    assert point.x == pytest.approx(-180 + (20_100_000 / 20_037_508.342789244 - 1) * 180)


def test_wide_edges_of_other_crs_are_what_they_say_too() -> None:
    given = shapely.box(-19_000_000, 0, 19_000_000, 5_000_000)
    result = cleaned([given], plan=table_plan("Geometry", crs="EPSG:3857", bbox=given.bounds))

    (found,) = geometries_of(result)
    assert found is not None
    assert found.geom_type == "Polygon"
    assert found.bounds[2] - found.bounds[0] == pytest.approx(341.36, abs=0.01)
    assert result.steps == ()


def _ring(radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 41)
    return np.column_stack([radius * np.cos(angle) + 1e5, radius * np.sin(angle)])


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3031", -90), ("EPSG:3413", 90)])
def test_polygons_around_a_pole_reach_it(crs: str, pole: int) -> None:
    cap, ring = shapely.Polygon(_ring(2e6)), shapely.Polygon(_ring(2e6), [_ring(5e5)])
    beside = shapely.box(1e5, 1e6, 2e5, 1.1e6)
    plan = table_plan("MultiPolygon", crs=crs, bbox=cap.bounds)
    result = cleaned([cap, ring, beside], plan=plan)

    found = geometries_of(result)
    assert shapely.is_valid(found).all()
    poles = shapely.points([[-180, pole], [0, pole], [180, pole]])
    assert shapely.intersects(found[0], poles).all()
    assert not shapely.intersects(found[1], poles).any()
    assert steps_of(result)["antimeridian", "cut"] == 2
    inside = Transformer.from_crs(crs, 4326, always_xy=True).transform(1.2e6, 1.2e6)
    assert [shapely.intersects_xy(each, *inside) for each in found] == [True, True, False]


def test_a_line_around_a_pole_is_cut_once() -> None:
    given = shapely.LineString(_ring(2e6))
    (found,) = geometries_of(cleaned([given], plan=table_plan(crs="EPSG:3031", bbox=given.bounds)))

    assert found is not None
    assert len(found.geoms) == 2
    assert max(np.abs(np.diff(shapely.get_coordinates(part)[:, 0])).max() for part in found.geoms) < 20
