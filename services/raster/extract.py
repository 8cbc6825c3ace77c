"""The task `extract_tile`: which pixels of the source does a tile need, and can they hold data?

It leaves a window and no pixels. A stored copy of the pixels would have to be compressed, sent, fetched and
decompressed for the next stage to do what it can do with the source as well; that would cost half as much
again as the whole conversion (docs/adr/0014-tiles-from-the-source.md). What is found out here costs a few
requests and no decoding, and spares the next stage its tasks: tiles that lie outside of a reprojected source,
tiles whose blocks were never written.
"""

import math

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine
from rasterio.windows import Window

from core.schema.queue import QueueRole
from core.task_models.raster_tiles import (
    ExtractedTile,
    ExtractTileParameters,
    LargeRasterPlan,
    TileWindow,
)
from services.context import TaskContext
from services.raster.block_index import has_stored_blocks
from services.raster.documents import read_document
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.formats import GEOTIFF_DRIVER
from services.raster.reading import OpenRaster, open_raster
from services.raster.source import remote_source
from services.registry import register_task

_POINTS = 33
_MARGIN = 0.1
"""Of the window's size: between two of the points, its outline bulges by less."""


@register_task(
    "extract_tile",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
    aliases=("tile_extraction", "handler_raster_create_tiles"),
)
def extract_tile(parameters: ExtractTileParameters, context: TaskContext) -> ExtractedTile:
    """Look up the blocks of the source that the tile is made from.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: SOURCE_CHANGED, RASTER_UNREADABLE.
        TransientError: STORAGE_TIMEOUT.
    """
    plan = read_document(context.storage, parameters.plan_uri, LargeRasterPlan)
    tile = plan.grid.tile(parameters.index)
    source = remote_source(context, uri=plan.source.uri, etag=plan.source.etag, reading=plan.reading)
    with hardened_gdal(), open_raster(source, plan.reading) as opened:
        window = source_window(plan, tile)
        is_empty = window is None or not _has_blocks(opened, window)
    return ExtractedTile(
        plan_uri=parameters.plan_uri, index=parameters.index, name=tile.name, is_empty=is_empty
    )


def source_window(plan: LargeRasterPlan, tile: TileWindow) -> Window | None:
    """The pixels of the source that a tile is made from, or a few more; None when there are none."""
    if plan.description == plan.source_header:
        return Window(tile.col_off, tile.row_off, tile.width, tile.height)
    source = plan.source_header
    places = _source_pixels(plan, tile)
    if places is None:
        return Window(0, 0, source.width, source.height)
    columns, rows = places
    left, right = _widened(columns, source.width)
    top, bottom = _widened(rows, source.height)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def _source_pixels(plan: LargeRasterPlan, tile: TileWindow) -> tuple[np.ndarray, np.ndarray] | None:
    """Points of the tile, its corners among them, in columns and rows of the source; None where not all of
    them have a place there."""
    across = tile.col_off + np.linspace(0, tile.width, _POINTS)
    down = tile.row_off + np.linspace(0, tile.height, _POINTS)
    columns, rows = (axis.ravel() for axis in np.meshgrid(across, down))
    xs, ys = Affine(*plan.description.transform) @ (columns, rows)
    target, source = plan.description.crs, plan.source_header.crs
    if target != source:
        # pyproj gives infinity for what has no place, where rasterio gives up after some points.
        xs, ys = Transformer.from_crs(target, source, always_xy=True).transform(xs, ys)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        return None
    columns, rows = ~Affine(*plan.source_header.transform) @ (np.asarray(xs), np.asarray(ys))
    return columns, rows


def _widened(positions: np.ndarray, size: int) -> tuple[int, int]:
    """First and last pixel between 0 and `size`, with a margin."""
    margin = np.ptp(positions) * _MARGIN + 2
    first, last = positions.min() - margin, positions.max() + margin
    return max(0, int(first)), min(size, int(np.ceil(last)))


def _has_blocks(opened: OpenRaster, window: Window) -> bool:
    """False when no block of the window was ever written, in a file where that means nodata."""
    if opened.driver != GEOTIFF_DRIVER or opened.is_warped or not _reads_as_nodata(opened):
        return True
    with rasterio.open(opened.source.gdal_name, driver=GEOTIFF_DRIVER, OVERVIEW_LEVEL="NONE") as file:
        return has_stored_blocks(file, window)


def _reads_as_nodata(opened: OpenRaster) -> bool:
    """Whether blocks that were never written hold the nodata value: the one that counts, not the file's."""
    fill = opened.header.bands[0].nodata or 0.0
    nodata = opened.pixels.nodata
    return nodata is not None and (fill == nodata or (math.isnan(fill) and math.isnan(nodata)))
