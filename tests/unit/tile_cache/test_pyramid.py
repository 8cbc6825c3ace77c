"""Which tiles are drawn, and in which order."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from morecantile import Tile
from pmtiles.tile import zxy_to_tileid
from rio_tiler.constants import WEB_MERCATOR_TMS

from core.errors import PermanentTaskError
from core.task_models.stac import BBox
from services.raster.tile_pyramid import plan_pyramid, tile_ranges

GLOBE = (-180.0, -90.0, 180.0, 90.0)
VIENNA = (16.2, 48.1, 16.6, 48.3)


def zooms(tiles: tuple[Tile, ...]) -> list[int]:
    return sorted({tile.z for tile in tiles})


def test_it_ends_where_the_data_have_no_more_to_show() -> None:
    assert zooms(plan_pyramid(VIENNA, minzoom=0, maxzoom=9, max_tiles=4000)) == list(range(10))


def test_it_ends_with_the_last_zoom_that_fits_as_a_whole() -> None:
    tiles = plan_pyramid(GLOBE, minzoom=0, maxzoom=20, max_tiles=4000)
    assert len(tiles) == sum(4**zoom for zoom in range(6)) == 1365
    assert zooms(tiles) == [0, 1, 2, 3, 4, 5]


def test_exactly_the_budget_fits() -> None:
    assert len(plan_pyramid(GLOBE, minzoom=0, maxzoom=20, max_tiles=1365)) == 1365
    assert len(plan_pyramid(GLOBE, minzoom=0, maxzoom=20, max_tiles=1364)) == 341


def test_it_may_begin_later_and_has_at_least_its_first_zoom() -> None:
    assert zooms(plan_pyramid(VIENNA, minzoom=5, maxzoom=3, max_tiles=10)) == [5]


def test_a_first_zoom_beyond_the_budget_is_refused() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        plan_pyramid(GLOBE, minzoom=8, maxzoom=9, max_tiles=4000)
    assert caught.value.code == "TILE_CACHE_TOO_LARGE"


def test_tiles_come_once_and_in_the_order_of_the_archive() -> None:
    tiles = plan_pyramid((179.0, -20.0, -178.0, -15.0), minzoom=0, maxzoom=9, max_tiles=4000)
    ids = [zxy_to_tileid(tile.z, tile.x, tile.y) for tile in tiles]
    assert ids == sorted(set(ids))


def test_across_the_antimeridian_both_sides_are_drawn_and_not_the_globe() -> None:
    (east, west) = tile_ranges((179.0, -20.0, -178.0, -15.0), 8)
    assert east.columns == (255, 255)
    assert west.columns == (0, 1)


@given(
    west=st.floats(-180, 179),
    south=st.floats(-84, 83),
    width=st.floats(0.001, 60),
    height=st.floats(0.001, 40),
    zoom=st.integers(0, 9),
)
def test_every_place_of_the_box_lies_in_a_tile(
    west: float, south: float, width: float, height: float, zoom: int
) -> None:
    east, north = min(west + width, 180.0), min(south + height, 84.0)
    box: BBox = (west, south, east, north)
    tiles = {(tile.x, tile.y) for tile_range in tile_ranges(box, zoom) for tile in tile_range}
    for lon in (west + 1e-6, (west + east) / 2, east - 1e-6):
        for lat in (south + 1e-6, (south + north) / 2, north - 1e-6):
            tile = WEB_MERCATOR_TMS.tile(lon, lat, zoom)
            assert (tile.x, tile.y) in tiles
    columns = math.ceil((east - west) / (360 / 2**zoom)) + 1
    assert len({x for x, _ in tiles}) <= columns
