"""Footprints at the edges of the map, judged by where the pixels are."""

from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin
from rasterio.warp import transform
from shapely.geometry import shape

from services.stac.footprints import Footprint, footprint
from tests.unit.stac import summaries
from tests.unit.stac.judges import assert_valid
from tests.unit.stac.test_raster_item import item

WORLD = (-180, -90, 180, 90)
POLAR = {"transform": from_origin(-640_000, 480_000, 20_000, 20_000), "width": 64, "height": 48}
QUARTERS = [from_origin(west, north, 10_000, 10_000) for west in (-640_000, 0) for north in (480_000, 0)]

CASES: dict[str, tuple[dict[str, Any], int, tuple[float, float, float, float] | None]] = {
    # name: header, number of polygons, bbox (None: not looked at)
    "utm": ({}, 1, None),
    "rotated": ({"transform": summaries.UTM @ Affine.rotation(30)}, 1, None),
    "south-up": ({"transform": Affine(10, 0, 500_000, 0, 10, 5_300_000)}, 1, None),
    "fiji": (
        {"crs": "EPSG:3460", "transform": from_origin(1_900_000, 4_100_000, 10_000, 10_000)},
        2,
        (177.7918, -20.4334, -176.0825, -16.0368),
    ),
    "utm beyond 180": (
        {"crs": "EPSG:32660", "transform": from_origin(600_000, 8_000_000, 10_000, 10_000)}, 2, None
    ),
    "globe": (
        {"crs": "EPSG:4326", "width": 72, "height": 36, "transform": from_origin(-180, 90, 5, 5)}, 1, WORLD
    ),
    "globe, half a pixel beyond": (
        {"crs": "EPSG:4326", "width": 73, "height": 37, "transform": from_origin(-182.5, 92.5, 5, 5)},
        1,
        WORLD,
    ),
    "0 to 360": (
        {"crs": "EPSG:4326", "width": 72, "height": 36, "transform": from_origin(0, 90, 5, 5)}, 1, WORLD
    ),
    "0 to 359": (
        {"crs": "EPSG:4326", "width": 359, "height": 20, "transform": from_origin(0, 10, 1, 1)},
        2,
        (0, -10, -1, 10),
    ),
    "100 to 260": (
        {"crs": "EPSG:4326", "width": 32, "height": 8, "transform": from_origin(100, 20, 5, 5)},
        2,
        (100, -20, -100, 20),
    ),
    "200 to 260": (
        {"crs": "EPSG:4326", "width": 12, "height": 8, "transform": from_origin(200, 20, 5, 5)},
        1,
        (-160, -20, -100, 20),
    ),
    "up to 180": (
        {"crs": "EPSG:4326", "width": 10, "height": 10, "transform": from_origin(170, 10, 1, 1)},
        1,
        (170, 0, 180, 10),
    ),
    "from -180": (
        {"crs": "EPSG:4326", "width": 10, "height": 10, "transform": from_origin(-180, 10, 1, 1)},
        1,
        (-180, 0, -170, 10),
    ),
    "mercator": (
        {"crs": "EPSG:3857", "width": 128, "height": 128,
         "transform": from_origin(-20_037_508.34, 20_037_508.34, 313_086.067, 313_086.067)},
        1,
        (-180, -85.0511, 180, 85.0511),
    ),
    "south pole": ({"crs": "EPSG:3031", **POLAR}, 1, (-180, -90, 180, -82.6468)),
    "south pole, south up": (
        {"crs": "EPSG:3031", **POLAR, "transform": Affine(20_000, 0, -640_000, 0, 20_000, -480_000)},
        1,
        (-180, -90, 180, -82.6468),
    ),
    "north pole": ({"crs": "EPSG:3413", **POLAR}, 1, (-180, 82.6248, 180, 90)),
    "beside the south pole": (
        {"crs": "EPSG:3031", "transform": from_origin(-300_000, -100_000, 10_000, 10_000)},
        2,
        (106.3895, -89.0796, -108.4349, -83.8181),
    ),
}  # fmt: skip
for _number, _quarter in enumerate(QUARTERS):
    # The pole is a corner of these, where no longitude is right.
    CASES[f"south, quarter {_number}"] = ({"crs": "EPSG:3031", "transform": _quarter}, 1, None)
    CASES[f"north, quarter {_number}"] = (
        {"crs": "EPSG:3413", "transform": _quarter},
        2 if _number == 0 else 1,
        None,
    )


def drawn(of: dict[str, Any]) -> Footprint:
    described = summaries.header(**of)
    return footprint(
        CRS.from_user_input(described["crs"]),
        described["transform"],
        width=described["width"],
        height=described["height"],
        bbox=described["bbox"],
    )


def places(of: dict[str, Any], *, margin: float) -> np.ndarray:
    """Longitude and latitude of a lattice over the raster, `margin` (a share) beyond its edges or within."""
    described = summaries.header(**of)
    shares = np.linspace(-margin, 1 + margin, 23)
    columns, rows = (
        grid.ravel() for grid in np.meshgrid(shares * described["width"], shares * described["height"])
    )
    xs, ys = Affine(*described["transform"]) @ (columns, rows)
    lons, lats = transform(CRS.from_user_input(described["crs"]), CRS.from_epsg(4326), xs, ys)
    found = np.array([(np.array(lons) + 180) % 360 - 180, lats]).T
    outside = (np.minimum(columns, described["width"] - columns) < 0) | (
        np.minimum(rows, described["height"] - rows) < 0
    )
    return found[outside] if margin > 0 else found


@pytest.mark.parametrize("name", CASES)
def test_a_footprint_holds_its_pixels_and_no_others(name: str) -> None:
    of, polygons, bbox = CASES[name]
    found = drawn(of)
    area = shape(found.geometry)
    parts = list(getattr(area, "geoms", [area]))
    assert area.is_valid
    assert len(parts) == polygons
    assert all(part.exterior.is_ccw for part in parts), "RFC 7946, section 3.1.6"
    west, south, east, north = area.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    within = places(of, margin=-0.01)
    on_globe = np.abs(within[:, 1]) < 90
    assert shapely.contains_xy(area.buffer(1e-6), *within[on_globe].T).all()
    if bbox is None or east - west < 359:
        beyond = places(of, margin=0.05)
        assert not shapely.contains_xy(area, *beyond[np.abs(beyond[:, 1]) < 89.9].T).any()
    if bbox:
        assert found.bbox == pytest.approx(bbox, abs=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_the_items_are_valid(name: str) -> None:
    assert_valid(item(summaries.cog(**CASES[name][0])))


def test_the_box_says_where_it_crosses() -> None:
    west, _, east, _ = drawn(CASES["fiji"][0]).bbox
    assert west > east, "RFC 7946, section 5.2"


def test_straight_edges_have_no_more_corners_than_they_need() -> None:
    of = {"crs": "EPSG:4326", "transform": from_origin(5, 50, 0.1, 0.1)}
    assert len(drawn(of).geometry["coordinates"][0]) == 5
    curved = {"transform": from_origin(200_000, 6_000_000, 10_000, 10_000)}
    assert len(drawn(curved).geometry["coordinates"][0]) > 20


def test_beyond_the_projection_the_bounding_box_serves() -> None:
    """The corners of the whole world in Mollweide are in space."""
    mollweide = CRS.from_user_input("ESRI:54009")
    found = footprint(
        mollweide, (1e5, 0, -18e6, 0, -1e5, 9e6), width=360, height=180, bbox=(-180, -90, 180, 90)
    )
    assert found.bbox == WORLD
    assert shape(found.geometry).area == 360 * 180
