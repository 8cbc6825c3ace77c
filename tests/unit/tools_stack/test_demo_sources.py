"""The demo's data where they are delicate: rings that go around the back of the Earth."""

import pytest
import shapely
from pyproj import Geod
from shapely.geometry import MultiPolygon, Point, Polygon, box

from tools.cli.demo_sources import cut_at_antimeridian

# As TopoJSON has them: each ring goes on from 180 to -180 degrees.
FIJI = Polygon([(178, -18), (-178, -18), (-178, -16), (178, -16)])
WRAPPED_ALONE = Polygon([(-178, -18), (-178, -16), (178, -16), (178, -18)])  # wound the other way
WITH_LAKE = Polygon(
    [(170, 60), (-170, 60), (-170, 70), (170, 70)], [[(176, 64), (176, 66), (-176, 66), (-176, 64)]]
)
# As TopoJSON has Antarctica: a narrow ring around the pole, and the coast as a hole in the rest of the globe.
POLAR_CAP = Polygon(
    [(-180, -89.999), (178, -89.999), *((lon, -89.999) for lon in range(170, -180, -10)), (-180, -89.999)],
    [[(lon, -70 - lon % 20 / 10) for lon in range(-180, 180, 10)]],
)


def _parts(shape: shapely.Geometry) -> list[Polygon]:
    return list(getattr(shape, "geoms", [shape]))


def _square_metres(shape: shapely.Geometry) -> float:
    """On the ellipsoid: edges take the short way there, cut or uncut."""
    return float(abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.orient_polygons(shape))[0]))


@pytest.mark.parametrize("uncut", [FIJI, WRAPPED_ALONE, WITH_LAKE], ids=["ring", "reversed", "lake"])
def test_a_ring_over_the_antimeridian_becomes_parts_of_its_own_width(uncut: Polygon) -> None:
    cut = cut_at_antimeridian(uncut)
    assert cut.is_valid
    assert len(_parts(cut)) == 2
    assert max(part.bounds[2] - part.bounds[0] for part in _parts(cut)) <= 10
    # equal where the edges are short; along parallels plane edges and geodesics part a little
    assert _square_metres(cut) == pytest.approx(_square_metres(uncut), rel=0.01)


def test_a_lake_stays_a_lake() -> None:
    cut = cut_at_antimeridian(WITH_LAKE)
    assert not cut.contains(Point(178, 65))
    assert not cut.contains(Point(-178, 65))
    assert cut.contains(Point(172, 65))


def test_a_ring_around_the_pole_reaches_it() -> None:
    cut = cut_at_antimeridian(POLAR_CAP)
    assert cut.is_valid
    assert cut.bounds == pytest.approx((-180, -90, 180, -70), abs=0.01)
    assert cut.contains(box(-170, -88, 170, -75))
    assert not cut.intersects(box(-180, -60, 180, 90))


@pytest.mark.parametrize(
    "shape", [box(10, 40, 20, 50), MultiPolygon([box(-179, 0, -170, 5), box(170, 0, 179, 5)])]
)
def test_what_does_not_cross_stays_as_it_is(shape: shapely.Geometry) -> None:
    assert cut_at_antimeridian(shape).normalize() == shape.normalize()
