"""The task `create_cog`: a raster becomes a Cloud Optimized GeoTIFF in blob storage.

One pass over the source fills the canvas (`clean_copy`), GDAL makes the COG of it (`cog`) while its first
blocks are on their way already (`growing_upload`), and while the last ones are, the file is read back and
compared with what was read from the source (`verify`). Only then does the blob come into being (`cog_blob`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from rasterio.enums import ColorInterp

from core.schema.queue import QueueRole
from core.task_models.raster import RasterClass, Rendering
from core.task_models.raster_cog import CreateCogParameters, ProcessRasterResult
from services.context import TaskContext
from services.raster.area_of_use import area_findings
from services.raster.block_cache import bounded_block_cache
from services.raster.canvas import Layout, open_canvas
from services.raster.clean_copy import PixelFacts, clean_copy, require_data
from services.raster.cog_blob import CogBlob, write_cog
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.feed import open_feed
from services.raster.findings import warnings_of
from services.raster.meaning import Meaning, meaning_of
from services.raster.profiles import ResolvedOptions, resolve
from services.raster.reading import OpenRaster, open_raster
from services.raster.rendering import default_rendering
from services.raster.sample import take_sample
from services.raster.source import fetch_source, source_of
from services.registry import register_task
from services.turns import turn

_FETCHED, _COPIED, _CONVERTED = 0.15, 0.5, 0.9


@dataclass(frozen=True, slots=True)
class _Read:
    """What is known when the source has been read."""

    opened: OpenRaster
    meaning: Meaning
    options: ResolvedOptions
    layout: Layout
    pixels: PixelFacts


@register_task(
    "create_cog",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
    aliases=("handler_raster_create_cog",),
)
def create_cog(parameters: CreateCogParameters, context: TaskContext) -> ProcessRasterResult:
    """Convert the source and upload the COG as `<target_prefix>/<attempt name>.tif`, a name used once.

    The blob is announced as an artefact before it is made, so that it is found again whatever happens here.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: what `fetch_source`, `open_raster`, `meaning_of`, `resolve`, `target_grid` and
            `require_data` say.
        TransientError: STORAGE_TIMEOUT, OUTPUT_FAILED.
        ContractViolation: COG_INVALID.
    """
    source = fetch_source(
        context, uri=parameters.source_uri, etag=parameters.source_etag, reading=parameters.reading
    )
    context.checkpoint(_FETCHED)
    with (
        turn(context, "raster"),
        bounded_block_cache(),
        hardened_gdal(),
        open_raster(source, parameters.reading) as opened,
    ):
        meaning = meaning_of(
            opened,
            parameters.reading,
            sample=lambda: take_sample(opened),
            classification=parameters.classification,
        )
        options = resolve(parameters.options, meaning.classification, opened.description)
        with (
            open_feed(opened, options) as feed,
            open_canvas(feed.layout, context.workspace, block_size=options.blocksize) as canvas,
        ):
            pixels = clean_copy(feed, canvas, on_progress=_share(context, _FETCHED, _COPIED))
            require_data(pixels.has_data)
            read = _Read(opened, meaning, options, feed.layout, pixels)
            made = write_cog(
                canvas,
                options=options,
                checksums=pixels.checksums,
                uri=f"{parameters.target_prefix.rstrip('/')}/{context.attempt_name}.tif",
                context=context,
                is_warped=opened.is_warped,
                on_growth=_growth(read, context),
                progress_when_made=_CONVERTED,
            )
        return _result(read, made, parameters.options.default_colormap)


def _share(context: TaskContext, begin: float, end: float) -> Callable[[float], None]:
    """The progress of a part of the task, as that of the whole."""
    return lambda fraction: context.checkpoint(begin + (end - begin) * fraction)


def _growth(read: _Read, context: TaskContext) -> Callable[[int], None]:
    """GDAL says nothing while it makes a COG, but the file grows: an estimate, by the size of the source.

    A third more for the overviews, at most the size of the pixels. Of a file that gets larger than
    expected, the progress stands still at the end of its share.
    """
    source_bytes, pixel_bytes = read.opened.source.info.size_bytes, read.layout.pixel_bytes
    expected = max(1, min(source_bytes, pixel_bytes) * 4 // 3)
    share = _CONVERTED - _COPIED
    return lambda size: context.report(_COPIED + share * min(1.0, size / expected))


def _result(read: _Read, made: CogBlob, default_colormap: str | None) -> ProcessRasterResult:
    options = read.options
    findings = (
        *read.opened.findings,
        *options.findings,
        *area_findings(read.opened.description, options.target_crs),
    )
    return ProcessRasterResult(
        **dict(made.description),
        blob_uri=made.blob.uri,
        size_bytes=made.digests.size_bytes,
        sha256=made.digests.sha256,
        overviews=made.overviews,
        statistics=read.pixels.statistics if options.generate_statistics else (),
        classification=_class_of_output(read),
        rendering=_rendering(read, made, default_colormap),
        compression=options.compression,
        blocksize=options.blocksize,
        resampling=options.resampling if options.reprojects else None,
        overview_resampling=options.overview_resampling if made.overviews else None,
        proof=made.proof,
        source=source_of(read.opened.source),
        findings=findings,
        warnings=warnings_of(findings),
        etag=made.blob.etag,
        md5=made.digests.md5.hex(),
    )


def _class_of_output(read: _Read) -> RasterClass:
    """An alpha band may have become a mask."""
    has_alpha = any(band.color is ColorInterp.alpha for band in read.layout.bands)
    found = read.meaning.classification
    return RasterClass.RGB if found is RasterClass.RGBA and not has_alpha else found


def _rendering(read: _Read, made: CogBlob, default_colormap: str | None) -> Rendering:
    return default_rendering(
        classification=_class_of_output(read),
        statistics=read.pixels.statistics,
        description=made.description,
        palette=read.layout.bands[0].palette,
        default_colormap=default_colormap,
        classes=read.meaning.classes,
        class_values=read.pixels.class_values,
    )
