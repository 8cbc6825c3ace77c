"""The task `tiling_scheme`: a large raster is looked at where it lies, and cut up on paper.

Only its header and a sample of its pixels are read. What is decided here holds for all tiles: the grid, the
class that resampling follows from, the version of the source.
"""

import json
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.transform import Affine

from core.errors import PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.raster import RasterDescription
from core.task_models.raster_tiles import (
    LargeRasterPlan,
    ProcessLargeRasterParameters,
    TileGrid,
    TileWindow,
    TilingScheme,
)
from services.context import TaskContext
from services.raster.area_of_use import area_findings
from services.raster.documents import GEOJSON, write_document
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.feed import open_feed
from services.raster.footprint import footprint_pieces, geojson_geometry
from services.raster.georeference import geographic_bbox
from services.raster.inspect import describe, nodata_name
from services.raster.meaning import meaning_of
from services.raster.profiles import ResolvedOptions, resolve
from services.raster.reading import OpenRaster, open_raster
from services.raster.sample import take_sample
from services.raster.source import remote_source, source_of
from services.raster.structure import check_structure
from services.raster.tile_grid import Blocks, cut
from services.raster.warp import CELL
from services.registry import register_task


@register_task(
    "tiling_scheme",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
    aliases=("create_tiling_scheme",),
)
def tiling_scheme(parameters: ProcessLargeRasterParameters, context: TaskContext) -> TilingScheme:
    """Cut the raster up; the scheme lies as GeoJSON under the target prefix, for people and other programs.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: what `remote_source`, `check_structure`, `open_raster`, `meaning_of`,
            `resolve`, `target_grid` and `cut` say.
        TransientError: STORAGE_TIMEOUT.
    """
    prefix = parameters.target_prefix.rstrip("/")
    source = remote_source(
        context, uri=parameters.source_uri, etag=parameters.source_etag, reading=parameters.reading
    )
    check_structure(source.format, source.read, size_bytes=source.size_bytes)
    with hardened_gdal(), open_raster(source, parameters.reading) as opened:
        meaning = meaning_of(opened, parameters.reading, sample=lambda: take_sample(opened))
        context.checkpoint(0.3)
        options = resolve(parameters.options, meaning.classification, opened.description)
        description = target_description(opened, options)
        plan = LargeRasterPlan(
            source=source_of(source),
            reading=parameters.reading,
            options=parameters.options,
            target_prefix=prefix,
            scheme_uri=f"{prefix}/{context.attempt_name}.geojson",
            source_header=opened.description,
            description=description,
            classification=meaning.classification,
            classes=meaning.classes,
            grid=_grid(opened, description, options, parameters.tile_size),
            findings=(
                *opened.findings,
                *options.findings,
                *area_findings(opened.description, options.target_crs),
            ),
        )
    return _published(plan, context)


def target_description(opened: OpenRaster, options: ResolvedOptions) -> RasterDescription:
    """The header of the raster as it will be."""
    if not options.reprojects:
        return opened.description
    with open_feed(opened, options) as target:
        described = describe(target.dataset, band_names=target.dataset.descriptions)
    bands = len(target.layout.bands)
    return described.model_copy(
        update={
            "band_count": bands,
            "nodata": nodata_name(target.layout.nodata),
            "dtypes": described.dtypes[:bands],
            "color_interpretation": described.color_interpretation[:bands],
            "descriptions": opened.band_names[:bands],
        }
    )


def _grid(
    opened: OpenRaster, description: RasterDescription, options: ResolvedOptions, tile_size: int
) -> TileGrid:
    return cut(
        width=description.width,
        height=description.height,
        pixel_bytes=sum(np.dtype(dtype).itemsize for dtype in description.dtypes),
        blocks=_blocks(opened, reprojects=options.reprojects),
        tile_size=tile_size,
    )


def _blocks(opened: OpenRaster, *, reprojects: bool) -> Blocks:
    """Those of the file; or the cells in which warped pixels are computed."""
    rows, columns = opened.header.bands[0].block_shape
    are_strips = columns >= opened.header.width and rows < opened.header.height
    if reprojects or opened.is_warped:
        return Blocks(CELL, CELL, are_strips=are_strips)
    return Blocks(columns, rows, are_strips=are_strips)


def _published(plan: LargeRasterPlan, context: TaskContext) -> TilingScheme:
    plan_uri = f"{plan.target_prefix}/{context.attempt_name}_plan.json"
    write_document(context, plan.scheme_uri, scheme_geojson(plan), content_type=GEOJSON)
    context.checkpoint(0.8)
    write_document(context, plan_uri, plan.model_dump_json(), temporary=True)
    return TilingScheme(scheme_uri=plan.scheme_uri, plan_uri=plan_uri, grid=plan.grid)


def scheme_geojson(plan: LargeRasterPlan) -> str:
    """A FeatureCollection (RFC 7946) of the tiles, in their order.

    Each has its `row`, `column`, the pixel window (`col_off`, `row_off`, `width`, `height`) in the target
    grid, and its `bounds` in the target CRS, which the member `crs_name` of the collection names.
    """
    crs, transform = CRS.from_user_input(plan.description.crs), Affine(*plan.description.transform)
    features = [
        _feature(plan.grid.tile(index), crs=crs, transform=transform) for index in range(plan.grid.count)
    ]
    return json.dumps(
        {
            "type": "FeatureCollection",
            "crs_name": plan.description.crs,
            "tile_width": plan.grid.tile_width,
            "tile_height": plan.grid.tile_height,
            "features": features,
        }
    )


def _feature(tile: TileWindow, *, crs: CRS, transform: Affine) -> dict[str, Any]:
    of_tile, bounds = placed(tile, transform)
    return {
        "type": "Feature",
        "id": tile.name,
        "properties": {**tile.model_dump(), "bounds": bounds},
        "geometry": _geometry(tile, of_tile, crs=crs, bounds=bounds),
    }


def _geometry(
    tile: TileWindow, transform: Affine, *, crs: CRS, bounds: tuple[float, float, float, float]
) -> dict[str, Any] | None:
    """None (RFC 7946, section 3.2) for a tile in the corner of a grid that is not on the globe."""
    try:
        bbox = geographic_bbox(crs, bounds)
    except PermanentTaskError:
        return None
    pieces = list(footprint_pieces(crs, transform[:6], width=tile.width, height=tile.height, bbox=bbox))
    return geojson_geometry(pieces) if pieces else None


def placed(tile: TileWindow, whole: Affine) -> tuple[Affine, tuple[float, float, float, float]]:
    """The geotransform of a tile, and its outer bounds (left, bottom, right, top)."""
    transform = whole @ Affine.translation(tile.col_off, tile.row_off)
    columns, rows = (0, tile.width, 0, tile.width), (0, 0, tile.height, tile.height)
    xs, ys = zip(*(transform @ corner for corner in zip(columns, rows, strict=True)), strict=True)
    return transform, (min(xs), min(ys), max(xs), max(ys))
