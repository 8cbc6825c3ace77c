"""Where large rasters are cut: whole blocks, bounded memory, every pixel in exactly one tile."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import PermanentTaskError
from core.task_models.raster_tiles import TileGrid
from services.raster.admission import DEFAULT_LIMITS
from services.raster.tile_grid import MAX_TILE_BYTES, Blocks, cut

SIDES = st.integers(1, 120_000)


def grid(width: int, height: int, blocks: Blocks, *, pixel_bytes: int = 3, tile_size: int = 8192) -> TileGrid:
    return cut(width=width, height=height, pixel_bytes=pixel_bytes, blocks=blocks, tile_size=tile_size)


@given(width=SIDES, height=SIDES, block=st.sampled_from([16, 240, 256, 512, 1008, 1024]))
def test_tiles_cover_each_pixel_once_and_begin_with_blocks(width: int, height: int, block: int) -> None:
    made = grid(width, height, Blocks(block, block))
    tiles = [made.tile(index) for index in range(made.count)]
    assert sum(tile.width * tile.height for tile in tiles) == width * height
    assert {tile.col_off % block for tile in tiles} | {tile.row_off % block for tile in tiles} == {0}
    assert max(tile.col_off + tile.width for tile in tiles) == width
    assert max(tile.row_off + tile.height for tile in tiles) == height
    assert [made.named(tile.name) for tile in tiles] == tiles


@given(
    width=SIDES,
    height=SIDES,
    pixel_bytes=st.sampled_from([1, 3, 8, 64, 512]),
    rows=st.sampled_from([1, 8, 128, 40_000]),
)
def test_no_tile_is_larger_than_the_memory_for_it(
    width: int, height: int, pixel_bytes: int, rows: int
) -> None:
    assume(width * height * pixel_bytes <= DEFAULT_LIMITS.max_pixel_bytes)
    strips = Blocks(width, rows, are_strips=True)
    cells = Blocks(1024, 1024, are_strips=True)
    others = (Blocks(512, 512), Blocks(9000, 9000), Blocks(20_000, 16), Blocks(16, 20_000))
    for blocks in (strips, cells, *others):
        made = grid(width, height, blocks, pixel_bytes=pixel_bytes)
        assert made.tile_width * made.tile_height * pixel_bytes <= MAX_TILE_BYTES


def test_tiles_are_about_as_large_as_asked_for_and_as_each_other() -> None:
    made = grid(36_514, 40_000, Blocks(512, 512))
    assert (made.columns, made.rows) == (5, 5)
    assert (made.tile_width, made.tile_height) == (7680, 8192)
    assert grid(12_910, 12_910, Blocks(512, 512)).tile_width == 6656
    assert grid(5000, 300, Blocks(512, 512)).count == 1


@pytest.mark.parametrize(("block", "side"), [(240, 7680), (1008, 8064), (1024, 8192), (12_000, 12_000)])
def test_odd_blocks_stay_whole(block: int, side: int) -> None:
    made = grid(13 * side, 13 * side, Blocks(block, block), pixel_bytes=1)
    assert (made.tile_width, made.tile_height, made.count) == (side, side, 169)


def test_blocks_that_are_too_large_for_the_memory_are_cut() -> None:
    made = grid(81_920, 81_920, Blocks(20_000, 20_000), pixel_bytes=1)
    assert made.tile_width == 8192


def test_strips_are_cut_into_bands_so_that_each_is_decoded_once() -> None:
    made = grid(40_000, 30_000, Blocks(40_000, 8, are_strips=True))
    assert made.columns == 1
    assert made.tile_height % 8 == 0
    assert made.tile_height % 32 == 0, "overviews of tiles meet where they begin at a power of two"


def test_small_tiles_of_a_giant_are_refused() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        grid(120_000, 120_000, Blocks(256, 256), tile_size=256)
    assert caught.value.code == "SOURCE_TOO_LARGE"
