"""Where a large raster is cut. Pure.

Three things pull at the size of a tile. A block of the source is decoded as a whole, so that tiles begin and
end with blocks, and a source of strips is cut into bands of its full width: in squares, each strip would be
decoded once for each square beside the next. Overviews of a tile are averages of pairs of pairs of its own
pixels; they are those of the whole raster where the tile begins at a multiple of the decimation. And a
worker holds a tile in memory, about three times.
"""

import math
from dataclasses import dataclass

from core.errors import PermanentTaskError
from core.task_models.raster_tiles import MAX_TILES, TileGrid

MAX_TILE_BYTES = 256 * 2**20
_LEAST_ROWS = 256


@dataclass(frozen=True, slots=True)
class Blocks:
    """What is read as a whole: `width` x `height` pixels. `are_strips`: they span the raster."""

    width: int
    height: int
    are_strips: bool = False


def cut(*, width: int, height: int, pixel_bytes: int, blocks: Blocks, tile_size: int) -> TileGrid:
    """The grid of tiles for a raster whose pixel takes `pixel_bytes` in all bands.

    A tile takes at most `MAX_TILE_BYTES`; blocks that take more are cut as well.

    Raises:
        PermanentTaskError: SOURCE_TOO_LARGE: more than `MAX_TILES` tiles.
    """
    across, down = blocks.width, blocks.height
    if across * down * pixel_bytes > MAX_TILE_BYTES:
        across = down = 1
    pixels = MAX_TILE_BYTES // pixel_bytes
    if blocks.are_strips and width * down <= pixels:
        tile_width, rows = width, max(_LEAST_ROWS, tile_size**2 // width)
    else:
        rows = min(tile_size, math.isqrt(pixels))
        tile_width = _evenly(width, most=min(rows, pixels // down), block=across)
    tile_height = _evenly(height, most=min(rows, pixels // tile_width), block=down)
    grid = TileGrid(
        width=width, height=height, tile_width=min(tile_width, width), tile_height=min(tile_height, height)
    )
    _check_count(grid)
    return grid


def _evenly(size: int, *, most: int, block: int) -> int:
    """The side of tiles of nearly equal size, of whole blocks, and of at most `most` pixels or one block.

    Sides are multiples of a run of blocks, a power of two of them, of about a twentieth of the side: so tiles
    begin at pixels that can be halved often.
    """
    run = block
    while run * 32 <= most:
        run *= 2
    largest = max(1, most // run) * run
    count = math.ceil(size / largest)
    return math.ceil(size / count / run) * run


def _check_count(grid: TileGrid) -> None:
    if grid.count > MAX_TILES:
        raise PermanentTaskError(
            f"The raster would be cut into {grid.count} tiles, the limit is {MAX_TILES}.",
            code="SOURCE_TOO_LARGE",
            remedy="Ask for larger tiles with tile_size.",
            context={"tile_count": grid.count, "limit": MAX_TILES},
        )
