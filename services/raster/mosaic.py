"""Parts become a mosaic: the MosaicJSON, the picture of the whole, the list of parts, the summary."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import Affine

from core.task_models.finding import Finding
from core.task_models.raster import (
    BandStatistics,
    NamedClass,
    RasterClass,
    RasterDescription,
    RasterSource,
)
from core.task_models.raster_cog import CogOptions
from core.task_models.raster_mosaic import MissingPart, MosaicPart, MosaicResult
from core.task_models.raster_validation import ReadingOptions
from services.context import TaskContext
from services.raster.block_cache import bounded_block_cache
from services.raster.documents import write_document
from services.raster.environment import hardened_gdal
from services.raster.findings import warning, warnings_of
from services.raster.header import Header
from services.raster.low_zoom import LowZoomGrid, draw, low_zoom_grid
from services.raster.low_zoom_cog import write_picture
from services.raster.mosaic_json import mosaic_json
from services.raster.mosaic_zooms import mercator_resolution, zoom_at_most, zoom_nearest
from services.raster.profiles import resolve
from services.raster.reading import reading_errors
from services.raster.rendering import default_rendering
from services.raster.source import remote_source

_TILE_SIDE = 256
_WHOLE_WORLD = 156_543.03
"""Metres of a pixel of zoom 0, for what lies about a pole: Web Mercator has no place for it."""


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a mosaic is made of.

    Attributes:
        parts: in the order in which they cover each other, the first on top.
        description: the whole: the grid of all parts, with the pixels that they have.
        header: of one of the parts, for what the description does not say.
        draws_overview: False where there is no grid that holds all parts.
    """

    parts: Sequence[MosaicPart]
    parts_uri: str
    target_prefix: str
    description: RasterDescription
    header: Header
    classification: RasterClass
    options: CogOptions
    statistics: tuple[BandStatistics, ...]
    classes: tuple[NamedClass, ...] = ()
    missing: tuple[MissingPart, ...] = ()
    missing_count: int = 0
    source: RasterSource | None = None
    scheme_uri: str | None = None
    findings: tuple[Finding, ...] = ()
    draws_overview: bool = True


@dataclass(frozen=True, slots=True)
class _Zooms:
    """`minimum` to `maximum` are read from parts; `index` is the zoom of the quadkeys."""

    minimum: int
    maximum: int
    index: int


def make_mosaic(ingredients: Ingredients, context: TaskContext) -> MosaicResult:
    """Write what a mosaic consists of besides its parts, and sum it up.

    Raises:
        PermanentTaskError: COLORMAP_UNKNOWN, OPTIONS_CONFLICT, RASTER_UNREADABLE (a part).
        TransientError: STORAGE_TIMEOUT, OUTPUT_FAILED.
        ContractViolation: COG_INVALID (the picture of the whole).
    """
    whole = ingredients.description
    grid = low_zoom_grid(whole, part_side=_typical_side(ingredients.parts))
    zooms = _zooms(ingredients, grid)
    overview_uri = _overview(ingredients, grid, context) if ingredients.draws_overview else None
    mosaic_uri = f"{ingredients.target_prefix}/{context.attempt_name}_mosaic.json"
    document = mosaic_json(
        ingredients.parts,
        name=ingredients.target_prefix.rpartition("rasters/")[2],
        minzoom=zooms.minimum,
        maxzoom=zooms.maximum,
        index_zoom=zooms.index,
    )
    write_document(context, mosaic_uri, document)
    findings = (*ingredients.findings, *_holes(ingredients))
    return MosaicResult(
        **dict(whole),
        mosaic_uri=mosaic_uri,
        parts_uri=ingredients.parts_uri,
        scheme_uri=ingredients.scheme_uri,
        overview_uri=overview_uri,
        part_count=len(ingredients.parts),
        missing_count=ingredients.missing_count,
        missing=ingredients.missing,
        total_bytes=sum(part.size_bytes for part in ingredients.parts),
        minzoom=zooms.minimum,
        maxzoom=zooms.maximum,
        overview_resolution=whole.resolution[0] * grid.factor if overview_uri else None,
        statistics=ingredients.statistics,
        classification=ingredients.classification,
        rendering=default_rendering(
            classification=ingredients.classification,
            statistics=ingredients.statistics,
            description=whole,
            palette=ingredients.header.bands[0].palette,
            default_colormap=ingredients.options.default_colormap,
            classes=ingredients.classes,
        ),
        source=ingredients.source,
        findings=findings,
        warnings=warnings_of(findings),
    )


def _typical_side(parts: Sequence[MosaicPart]) -> int:
    return int(statistics.median(max(part.width, part.height) for part in parts))


def _zooms(ingredients: Ingredients, grid: LowZoomGrid) -> _Zooms:
    """The picture answers as far as its pixels are not larger than those of the tile."""
    whole = ingredients.description
    crs, affine = CRS.from_user_input(whole.crs), Affine(*whole.transform)
    resolution = mercator_resolution(crs, affine, width=whole.width, height=whole.height) or _WHOLE_WORLD
    maximum = zoom_nearest(resolution)
    minimum = min(zoom_at_most(resolution * grid.factor) + 1, maximum)
    index = zoom_nearest(resolution * _typical_side(ingredients.parts) / _TILE_SIDE)
    return _Zooms(minimum, maximum, min(max(index, minimum), maximum))


def _overview(ingredients: Ingredients, grid: LowZoomGrid, context: TaskContext) -> str:
    options = resolve(ingredients.options, ingredients.classification, ingredients.description)

    @contextmanager
    def access(part: MosaicPart) -> Iterator[str]:
        source = remote_source(context, uri=part.blob_uri, etag=None, reading=ReadingOptions())
        with hardened_gdal(), rasterio.Env(**source.options), reading_errors(source):
            yield source.gdal_name

    with bounded_block_cache():
        picture = draw(
            ingredients.parts,
            grid,
            description=ingredients.description,
            resampling=Resampling[options.overview_resampling.value],
            access=access,
            on_progress=lambda fraction: context.checkpoint(0.3 + 0.5 * fraction),
        )
    uri = f"{ingredients.target_prefix}/{context.attempt_name}_overview.tif"
    write_picture(picture, grid, header=ingredients.header, options=options, uri=uri, context=context)
    context.checkpoint(0.9)
    return uri


def _holes(ingredients: Ingredients) -> tuple[Finding, ...]:
    if not ingredients.missing_count:
        return ()
    whole = len(ingredients.parts) + ingredients.missing_count
    return (
        warning(
            "PARTS_MISSING",
            f"{ingredients.missing_count} of {whole} parts could not be made; their places are empty.",
            remedy="See `missing` for the reasons, and submit the data again when they are mended.",
            missing_count=ingredients.missing_count,
        ),
    )
