"""Between which zooms parts are read: the picture below, no finer than the data above."""

import pytest
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from services.raster.mosaic_zooms import mercator_resolution, zoom_at_most, zoom_nearest

Z0 = 156_543.03392804097  # metres per pixel of zoom 0, OGC Two Dimensional Tile Matrix Set 2.0, annex D.1


@pytest.mark.parametrize(("resolution", "zoom"), [(Z0, 0), (Z0 / 2, 1), (Z0 / 1.9, 0), (Z0 / 1024, 10)])
def test_the_picture_is_not_stretched(resolution: float, zoom: int) -> None:
    assert zoom_at_most(resolution) == zoom


@pytest.mark.parametrize(("resolution", "zoom"), [(Z0 / 1024, 10), (Z0 / 1024 * 1.1, 10), (Z0 / 1950, 11)])
def test_the_data_are_shown_to_their_resolution(resolution: float, zoom: int) -> None:
    assert zoom_nearest(resolution) == zoom


def test_the_whole_globe_has_a_resolution_though_the_poles_have_none() -> None:
    affine = from_origin(-180, 90, 1 / 120, 1 / 120)
    found = mercator_resolution(CRS.from_epsg(4326), affine, width=43_200, height=21_600)
    assert found == pytest.approx(900, rel=0.5)


@pytest.mark.parametrize(
    ("crs", "affine"),
    [
        ("EPSG:32633", from_origin(400_000, 5_600_000, 500, 500)),
        ("EPSG:32760", from_origin(700_000, 8_200_000, 500, 500)),  # across the antimeridian, by Fiji
        ("EPSG:3031", from_origin(1_500_000, 500_000, 500, 500)),
        ("EPSG:3857", from_origin(0, 0, 500, 500)),
    ],
)
def test_half_a_kilometre_is_half_a_kilometre_wherever_it_lies(crs: str, affine: Affine) -> None:
    found = mercator_resolution(CRS.from_user_input(crs), affine, width=1000, height=1000)
    assert found is not None
    assert 450 < found < 4500, "Mercator stretches away from the equator"


def test_a_raster_about_a_pole_has_none() -> None:
    affine = from_origin(-5_000, 5_000, 10, 10)
    assert mercator_resolution(CRS.from_epsg(3031), affine, width=1000, height=1000) is None
