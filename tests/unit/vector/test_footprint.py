"""The footprint of a table: it holds every feature, in a valid geometry of few corners."""

from typing import Any, Literal

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry import shape

from core.task_models.vector import BoundingBox, CleaningOptions
from services.vector.footprint import degrees_bbox, footprint, merged
from services.vector.grid import extent_of
from tests.chunk_rows import cleaned, geometries_of, table_plan

_PLACES: dict[str, BoundingBox] = {
    "EPSG:4326": (150, -60, 210, 60),
    "EPSG:32633": (3e5, 5e6, 7e5, 5.6e6),
    "EPSG:3031": (-3e6, -3e6, 3e6, 3e6),
    "EPSG:3857": (-1.9e7, -1e7, 1.9e7, 1.9e7),
    "EPSG:3832": (-5e6, -5e6, 5e6, 5e6),
}


class Printed:
    """Geometries, cleaned in two chunks, and what their footprint is."""

    def __init__(
        self,
        geometries: list[Any],
        *,
        crs: str = "EPSG:4326",
        target: str = "EPSG:4326",
        antimeridian: Literal["split", "keep"] = "split",
    ) -> None:
        bounds = shapely.total_bounds(geometries).tolist()
        plan = table_plan(crs=crs, target_crs=target, bbox=tuple(bounds))
        half = len(geometries) // 2
        chunks = [
            cleaned(part, plan=plan, antimeridian=antimeridian)
            for part in (geometries[:half], geometries[half:])
        ]
        self.loaded = [each for chunk in chunks for each in geometries_of(chunk)]
        boxes = np.array([chunk.bbox for chunk in chunks if chunk.bbox is not None])
        self.bbox: BoundingBox = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
        grid: dict[str, Any] = {
            "extent": extent_of(plan, CleaningOptions(antimeridian=antimeridian)),
            "srid": int(target.removeprefix("EPSG:")),
            "bbox": self.bbox,
        }
        cells = merged(chunk.cells for chunk in chunks)
        self.geojson = footprint(cells, **grid)
        self.area = shape(self.geojson)
        self.degrees = degrees_bbox(cells, **grid)


def _random(kind: str, count: int, seed: int, bounds: BoundingBox) -> list[Any]:
    random = np.random.default_rng(seed)
    x, y = random.uniform(bounds[0], bounds[2], count), random.uniform(bounds[1], bounds[3], count)
    if kind == "points":
        return list(shapely.points(x, y))
    angle = np.sort(random.uniform(0, 2 * np.pi, (count, 6)), axis=1)
    size = (bounds[3] - bounds[1]) * random.uniform(0.001, 0.3, (count, 1))
    xy = np.stack([x[:, None] + size * np.cos(angle), y[:, None] + size * np.sin(angle)], axis=-1)
    xy[..., 1] = np.clip(xy[..., 1], bounds[1], bounds[3])
    closed = np.concatenate([xy, xy[:, :1]], axis=1)
    return list(shapely.linestrings(xy) if kind == "lines" else shapely.polygons(closed))


def _check(printed: Printed, target: str) -> None:
    area = printed.area
    assert area.is_valid
    assert shapely.get_num_coordinates(area) <= 200
    west, south, east, north = area.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    assert shapely.is_ccw([part.exterior for part in getattr(area, "geoms", [area])]).all()
    length = max(printed.bbox[2] - printed.bbox[0], printed.bbox[3] - printed.bbox[1]) / 200 or 1
    dense = shapely.get_coordinates(shapely.segmentize(printed.loaded, length))
    degrees = Transformer.from_crs(target, 4326, always_xy=True).transform(*dense.T)
    reached = shapely.intersects_xy(area.buffer(1e-9), (degrees[0] + 180) % 360 - 180, degrees[1])
    assert (reached | shapely.intersects_xy(area.buffer(1e-9), *degrees)).all()


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["points", "lines", "polygons"]),
    count=st.sampled_from([1, 3, 30, 300]),
    crs=st.sampled_from(sorted(_PLACES)),
    is_kept=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_feature_lies_in_it(kind: str, count: int, crs: str, is_kept: bool, seed: int) -> None:
    target = crs if is_kept else "EPSG:4326"
    _check(Printed(_random(kind, count, seed, _PLACES[crs]), crs=crs, target=target), target)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["points", "lines", "polygons"]),
    count=st.sampled_from([2, 30, 300]),
    west=st.sampled_from([-190, -30, 0, 150]),
    width=st.sampled_from([60, 359, 380]),
    seed=st.integers(0, 1000),
)
def test_what_is_kept_beyond_the_antimeridian_lies_in_it(
    kind: str, count: int, west: int, width: int, seed: int
) -> None:
    places = _random(kind, count, seed, (west, -80, min(west + width, 310), 80))
    _check(Printed(places, antimeridian="keep"), "EPSG:4326")


def test_it_follows_the_features() -> None:
    bent = shapely.Polygon([(0, 0), (64, 0), (64, 8), (8, 8), (8, 64), (0, 64)])
    printed = Printed([bent])

    assert printed.area.contains(bent)
    assert printed.area.area < bent.area * 1.3


def test_the_inside_of_a_large_polygon_belongs_to_it_and_its_hole_does_not() -> None:
    ring = shapely.box(0, 0, 64, 64).difference(shapely.box(10, 10, 54, 54))
    printed = Printed([ring, shapely.box(20, 20, 30, 30)])

    assert printed.area.contains(ring)
    assert printed.area.contains(shapely.box(20, 20, 30, 30))
    assert not printed.area.contains(shapely.Point(40, 40))


def test_a_single_point_has_an_area() -> None:
    printed = Printed([shapely.Point(10, 50)])

    assert printed.geojson["type"] == "Polygon"
    assert printed.area.contains(shapely.Point(10, 50))
    assert printed.area.area < 1e-10


@pytest.mark.parametrize("place", [(180, 90), (-180, -90), (0, 90)])
def test_points_at_the_edges_of_the_world(place: tuple[float, float]) -> None:
    printed = Printed([shapely.Point(place)])

    assert printed.area.is_valid
    assert printed.area.intersects(shapely.Point(place))


def test_it_is_cut_at_the_antimeridian() -> None:
    printed = Printed([shapely.box(170, 0, 190, 10)])

    assert printed.geojson["type"] == "MultiPolygon"
    assert printed.area.area == pytest.approx(200, rel=0.03)
    assert printed.area.covers(
        shapely.MultiPolygon([shapely.box(170, 0, 180, 10), shapely.box(-180, 0, -170, 10)])
    )
    assert printed.degrees == pytest.approx((170, 0, -170, 10), abs=0.4)


def test_what_lies_along_the_antimeridian_is_on_its_own_side_of_it() -> None:
    printed = Printed([shapely.Point(179.9, 1), shapely.Point(180, 2), shapely.Point(190, 3)])

    assert printed.area.intersects(shapely.Point(180, 2))


def test_bounds_on_both_sides_of_the_antimeridian_go_across_it() -> None:
    printed = Printed([shapely.Point(175, 1), shapely.Point(-175, 2)])
    west, south, east, north = printed.degrees or (0,) * 4

    assert (south, north) == (1, 2)
    assert 168 < west <= 175
    assert -175 <= east < -168


def test_bounds_of_the_world_do_not() -> None:
    everywhere = [shapely.Point(x, 0) for x in range(-180, 181, 10)]

    assert Printed(everywhere).degrees == (-180, 0, 180, 0)


def test_a_pole_is_in_it() -> None:
    cap = shapely.Point(0, 0).buffer(1e6)
    printed = Printed([cap], crs="EPSG:3031", target="EPSG:3031")

    assert shapely.intersects(printed.area, shapely.points([[0, -90], [-180, -90], [180, -85]])).all()
    assert printed.area.bounds[3] < -75


def test_nothing_is_merged_to_nothing() -> None:
    assert merged([]) == merged(["", ""]) == ""
    assert merged(["0f", "", "f0"]) == "ff"
