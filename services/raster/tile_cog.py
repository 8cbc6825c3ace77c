"""The task `create_tile_cog`: a window of a large raster becomes a COG in blob storage.

The window is read from the source where it lies, once; its pixels pass through memory as those of a whole
raster do (`clean_copy`, `canvas`, `cog`), from the same grid and with the same options, so that the tiles of
a mosaic hold the pixels that a single COG would.
"""

from base64 import b64encode

from rasterio.windows import Window

from core.schema.queue import QueueRole
from core.task_models.raster_mosaic import MosaicPart
from core.task_models.raster_tiles import (
    CreateTileCogParameters,
    LargeRasterPlan,
    TileCog,
    TileRecord,
    TileWindow,
)
from services.context import TaskContext
from services.raster.block_cache import bounded_block_cache
from services.raster.canvas import open_canvas
from services.raster.clean_copy import PixelFacts, clean_copy
from services.raster.cog_blob import CogBlob, write_cog
from services.raster.documents import read_document, write_document
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.feed import feed, open_feed
from services.raster.gathering import packed_counts
from services.raster.profiles import ResolvedOptions, resolve
from services.raster.reading import OpenRaster, open_raster
from services.raster.source import remote_source
from services.registry import register_task
from services.turns import turn

_READ, _MADE = 0.5, 0.9


@register_task(
    "create_tile_cog", queue=QueueRole.RASTER_TASKS, isolated=True, memory_limit_bytes=MEMORY_LIMIT_BYTES
)
def create_tile_cog(parameters: CreateTileCogParameters, context: TaskContext) -> TileCog:
    """Convert a tile and upload it as `<target_prefix>/tiles/<attempt name>.tif`, a name used once.

    A tile without a single valid pixel leaves nothing. What is known of the others lies beside them in a
    temporary blob, for the stage that makes the mosaic.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: SOURCE_CHANGED, RASTER_UNREADABLE.
        TransientError: STORAGE_TIMEOUT, OUTPUT_FAILED.
        ContractViolation: COG_INVALID.
    """
    plan = read_document(context.storage, parameters.plan_uri, LargeRasterPlan)
    tile = plan.grid.tile(parameters.index)
    options = resolve(plan.options, plan.classification, plan.source_header)
    source = remote_source(context, uri=plan.source.uri, etag=plan.source.etag, reading=plan.reading)
    with (
        turn(context, "raster"),
        bounded_block_cache(),
        hardened_gdal(),
        open_raster(source, plan.reading) as opened,
    ):
        record = _convert(plan, tile, opened=opened, options=options, context=context)
    if record is None:
        return TileCog(plan_uri=parameters.plan_uri, index=parameters.index, record_uri=None)
    record_uri = f"{plan.target_prefix}/tiles/{context.attempt_name}.json"
    write_document(context, record_uri, record.model_dump_json(), temporary=True)
    return TileCog(plan_uri=parameters.plan_uri, index=parameters.index, record_uri=record_uri)


def _convert(
    plan: LargeRasterPlan,
    tile: TileWindow,
    *,
    opened: OpenRaster,
    options: ResolvedOptions,
    context: TaskContext,
) -> TileRecord | None:
    """None for a tile without data."""
    uri = f"{plan.target_prefix}/tiles/{context.attempt_name}.tif"
    with open_feed(opened, options) as whole:
        window = Window(tile.col_off, tile.row_off, tile.width, tile.height)
        part = feed(opened, whole.dataset, options, window=window)
        with open_canvas(part.layout, context.workspace, block_size=options.blocksize) as canvas:
            pixels = clean_copy(part, canvas, on_progress=lambda done: context.checkpoint(_READ * done))
            if not pixels.has_data:
                return None
            made = write_cog(
                canvas,
                options=options,
                checksums=pixels.checksums,
                uri=uri,
                context=context,
                is_warped=opened.is_warped,
                progress_when_made=_MADE,
            )
    return TileRecord(
        part=_part(tile, made, pixels, options),
        value_counts=tuple(
            b64encode(counts) for counts in packed_counts(pixels.value_counts, made.description.dtypes)
        ),
    )


def _part(tile: TileWindow, made: CogBlob, pixels: PixelFacts, options: ResolvedOptions) -> MosaicPart:
    header = made.description
    return MosaicPart(
        name=tile.name,
        blob_uri=made.blob.uri,
        size_bytes=made.digests.size_bytes,
        sha256=made.digests.sha256,
        width=header.width,
        height=header.height,
        crs=header.crs,
        bounds=header.bounds,
        bbox=header.bbox,
        transform=header.transform,
        statistics=pixels.statistics if options.generate_statistics else (),
    )
