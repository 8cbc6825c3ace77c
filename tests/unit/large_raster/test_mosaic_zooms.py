"""Between which zooms parts are read: the picture below, no finer than the data above."""

import pytest
from rasterio.crs import CRS

from services.raster.mosaic_zooms import mercator_resolution, zoom_at_most, zoom_nearest

Z0 = 156_543.03392804097  # metres per pixel of zoom 0, OGC Two Dimensional Tile Matrix Set 2.0, annex D.1


@pytest.mark.parametrize(("resolution", "zoom"), [(Z0, 0), (Z0 / 2, 1), (Z0 / 1.9, 0), (Z0 / 1024, 10)])
def test_the_picture_is_not_stretched(resolution: float, zoom: int) -> None:
    assert zoom_at_most(resolution) == zoom


@pytest.mark.parametrize(("resolution", "zoom"), [(Z0 / 1024, 10), (Z0 / 1024 * 1.1, 10), (Z0 / 1950, 11)])
def test_the_data_are_shown_to_their_resolution(resolution: float, zoom: int) -> None:
    assert zoom_nearest(resolution) == zoom


def test_the_whole_globe_has_a_resolution_though_the_poles_have_none() -> None:
    found = mercator_resolution(CRS.from_epsg(4326), (-180, -90, 180, 90), width=43_200, height=21_600)
    assert found == pytest.approx(900, rel=0.5)
