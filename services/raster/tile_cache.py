"""The task `generate_tile_cache`: the low zooms of a raster, drawn once and kept as pictures."""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import rasterio
from morecantile import Tile
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rio_tiler.colormap import cmap
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import Reader

from core.errors import TransientError
from core.schema.queue import QueueRole
from core.task_models.raster import Rendering
from core.task_models.raster_tile_cache import (
    MAX_CACHED_ZOOM,
    GenerateTileCacheParameters,
    GenerateTileCacheResult,
    TileFormat,
)
from services.context import TaskContext
from services.raster.environment import MEMORY_LIMIT_BYTES
from services.raster.inspect import describe
from services.raster.mosaic_zooms import mercator_resolution, zoom_nearest
from services.raster.tile_archive import CONTENT_TYPE, write_archive
from services.raster.tile_pyramid import plan_pyramid
from services.registry import register_task

TILE_SIZE = 256
"""Where to look for a pixel that Mercator can show, as shares of width and height."""
# One immutable file of our own making in our own storage.
_READING = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_TIMEOUT": "20",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "0.5",
    "VSI_CACHE": "TRUE",
    "PROJ_NETWORK": "OFF",
}


@register_task(
    "generate_tile_cache",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
)
def generate_tile_cache(
    parameters: GenerateTileCacheParameters, context: TaskContext
) -> GenerateTileCacheResult:
    """Draw the COG, zoom by zoom, until the budget of tiles is used up or the data have no more to show.

    Tiles without a single valid pixel are left out. The same COG and rendering give the same bytes.

    Raises:
        PermanentTaskError: TILE_CACHE_TOO_LARGE.
        TransientError: STORAGE_TIMEOUT, or RASTER_UNAVAILABLE: the COG cannot be read now.
    """
    archive = context.workspace / "tiles.pmtiles"
    tile_format = format_of(parameters.rendering)
    with _opened(parameters.cog_uri, context) as reader:
        bbox = describe(reader.dataset, band_names=()).bbox
        zooms = parameters.maxzoom, native_zoom(reader.dataset)
        tiles = plan_pyramid(
            bbox,
            minzoom=parameters.minzoom,
            maxzoom=min(zoom for zoom in zooms if zoom is not None),
            max_tiles=parameters.max_tiles,
        )
        drawn = _drawn(reader, tiles, rendering=parameters.rendering, context=context)
        count = write_archive(
            archive, drawn, tile_format=tile_format, bbox=bbox, name=parameters.rendering.title
        )
    return GenerateTileCacheResult(
        **(_stored(archive, parameters.target_prefix, context) if count else {}),
        minzoom=tiles[0].z,
        maxzoom=tiles[-1].z,
        tile_count=count,
        format=tile_format,
        bbox=bbox,
    )


def format_of(rendering: Rendering) -> TileFormat:
    """WebP for colour pictures, which it compresses to a fraction; PNG where a colour stands for a value."""
    return TileFormat.WEBP if len(rendering.bidx) == 3 else TileFormat.PNG


def draw(reader: Reader, tile: Tile, rendering: Rendering) -> bytes | None:
    """The picture of a tile, or None for one that is empty."""
    try:
        image = reader.tile(
            tile.x,
            tile.y,
            tile.z,
            tilesize=TILE_SIZE,
            indexes=rendering.bidx,
            resampling_method=rendering.resampling,
            reproject_method=rendering.resampling,
        )
    except TileOutsideBounds:
        return None
    if not image.mask.any():
        return None
    if rendering.rescale is not None:
        image.rescale(in_range=rendering.rescale)
    content: bytes = image.render(img_format=format_of(rendering).name, colormap=_colormap(rendering))
    return content


def native_zoom(dataset: Any) -> int:
    """The zoom whose pixels are nearest to those of the raster; beyond it nothing more is to be seen."""
    resolution = mercator_resolution(
        dataset.crs, dataset.transform, width=dataset.width, height=dataset.height
    )
    return MAX_CACHED_ZOOM if resolution is None else min(zoom_nearest(resolution), MAX_CACHED_ZOOM)


@contextmanager
def _opened(uri: str, context: TaskContext) -> Iterator[Reader]:
    """The COG, read by ranges where it lies.

    Raises:
        TransientError: RASTER_UNAVAILABLE, for errors here and inside the `with` block.
    """
    storage = context.storage
    try:
        with (
            warnings.catch_warnings(),
            rasterio.Env(**_READING, **storage.gdal_options()),
            rasterio.open(storage.gdal_path(uri), driver="GTiff") as dataset,
            _north_up(dataset) as upright,
            Reader("", dataset=upright) as reader,
        ):
            # Said for each tile of a raster that reaches a pole.
            warnings.filterwarnings("ignore", "Adjusting dataset latitudes", UserWarning)
            yield reader
    except RasterioError as exc:
        raise TransientError(
            "The COG cannot be read at the moment.", code="RASTER_UNAVAILABLE", context={"uri": uri}
        ) from exc


def _north_up(dataset: Any) -> Any:
    """The dataset, or its warp where the grid is turned: rio-tiler reads windows by the bounds alone where
    the CRS is that of the tiles.
    """
    a, b, _, d, e, _ = dataset.transform[:6]
    if a > 0 > e and b == d == 0:
        return nullcontext(dataset)
    add_alpha = dataset.nodata is None and ColorInterp.alpha not in dataset.colorinterp
    return WarpedVRT(dataset, crs=dataset.crs, add_alpha=add_alpha)


def _drawn(
    reader: Reader, tiles: Sequence[Tile], *, rendering: Rendering, context: TaskContext
) -> Iterator[tuple[Tile, bytes]]:
    for number, tile in enumerate(tiles):
        context.checkpoint(0.95 * number / len(tiles))
        content = draw(reader, tile, rendering)
        if content is not None:
            yield tile, content


def _colormap(rendering: Rendering) -> Any:
    if rendering.colormap is not None:
        return rendering.colormap
    return cmap.get(rendering.colormap_name) if rendering.colormap_name else None


def _stored(archive: Path, target_prefix: str, context: TaskContext) -> dict[str, Any]:
    uri = f"{target_prefix.rstrip('/')}/{context.attempt_name}.pmtiles"
    context.artefacts.stage_blob(uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt)
    uploaded = context.storage.upload_new(archive, uri, content_type=CONTENT_TYPE)
    return {
        "tile_cache_uri": uploaded.uri,
        "size_bytes": uploaded.size_bytes,
        "sha256": _sha256(archive),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
