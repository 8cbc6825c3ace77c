"""The task `create_cog`: a GeoTIFF becomes a Cloud Optimized GeoTIFF in blob storage.

GDAL's COG driver does the conversion, through `rasterio.shutil.copy`: measured on 8000 x 8000 x 3 bytes it
took 4 s where rio-cogeo took 6, in less memory, and it lets go of the interpreter lock while it works, so
that the lease of the task is renewed meanwhile. rio-cogeo builds overviews through a call that holds the
lock. The price: there is neither progress nor a point to stop at within the conversion; who cancels the
task there kills its process.
"""

from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.shutil import copy

from core.crashpoints import crashpoint
from core.ports import BlobInfo
from core.schema.queue import QueueRole
from core.task_models.raster import (
    CreateCogParameters,
    CreateCogResult,
    ProcessRasterResult,
    RasterDescription,
)
from services.context import TaskContext
from services.raster.clean_copy import PixelFacts, clean_copy
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal, open_geotiff, writing
from services.raster.inspect import header_warnings, inspect, source_of
from services.raster.source import LocalSource, fetch_source
from services.raster.validate import require_data
from services.raster.verify import check_header, check_layout, file_sha256
from services.registry import register_task

CONTENT_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True, slots=True)
class _Converted:
    """A COG on the local disk, checked, and what is known of it."""

    path: Path
    description: RasterDescription
    pixels: PixelFacts
    overviews: tuple[int, ...]
    warnings: tuple[str, ...]


@register_task(
    "create_cog", queue=QueueRole.RASTER_TASKS, isolated=True, memory_limit_bytes=MEMORY_LIMIT_BYTES
)
def create_cog(parameters: CreateCogParameters, context: TaskContext) -> CreateCogResult:
    """Convert the source and upload the COG as `<target_prefix>/<attempt name>.tif`, a name used once.

    CRS, grid, pixels, nodata, mask, alpha and colour table stay; foreign metadata does not. The blob is
    announced as an artefact before it is made, so that it is found again whatever happens here.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: what `fetch_source`, `inspect` and `require_data` say.
        TransientError: STORAGE_TIMEOUT, OUTPUT_FAILED.
        ContractViolation: COG_INVALID.
    """
    source = fetch_source(context, uri=parameters.source_uri, etag=parameters.source_etag)
    context.checkpoint(0.15)
    with hardened_gdal():
        converted = _convert(source, parameters, context)
    context.checkpoint(0.9)
    uploaded = _upload(converted.path, parameters.target_prefix, context)
    return CreateCogResult(
        cog=_result(converted, uploaded, parameters=parameters, source=source),
        etag=uploaded.etag,
        pixel_checksums=converted.pixels.checksums,
    )


def _convert(source: LocalSource, parameters: CreateCogParameters, context: TaskContext) -> _Converted:
    clean, cog = context.workspace / "clean.tif", context.workspace / "cog.tif"
    with open_geotiff(source.path) as raster:
        description, warnings = inspect(raster), header_warnings(raster.pixels)
        pixels = clean_copy(
            raster,
            clean,
            tile_size=parameters.tile_size,
            on_progress=lambda fraction: context.checkpoint(0.15 + 0.4 * fraction),
        )
    require_data(pixels.has_data)
    _write_cog(clean, cog, parameters=parameters, resampling="NEAREST" if pixels.is_classes else "AVERAGE")
    clean.unlink()
    context.checkpoint(0.85)
    overviews = _check(cog, description)
    return _Converted(cog, description, pixels, overviews, warnings)


def _write_cog(clean: Path, cog: Path, *, parameters: CreateCogParameters, resampling: str) -> None:
    """Averages of classes would be classes that are not there; measurements average well."""
    with writing(), rasterio.open(clean, driver="GTiff") as dataset:
        copy(
            dataset,
            cog,
            driver="COG",
            COMPRESS=parameters.compression.value,
            PREDICTOR="YES",
            BLOCKSIZE=parameters.tile_size,
            OVERVIEWS="IGNORE_EXISTING",
            OVERVIEW_RESAMPLING=resampling,
            BIGTIFF="IF_SAFER",
            NUM_THREADS="ALL_CPUS",
        )


def _check(cog: Path, description: RasterDescription) -> tuple[int, ...]:
    """Refuse to upload what is no good; the overviews of what is."""
    check_layout(cog)
    with rasterio.open(cog, driver="GTiff") as dataset:
        check_header(dataset, description)
        return tuple(dataset.overviews(1))


def _upload(cog: Path, target_prefix: str, context: TaskContext) -> BlobInfo:
    uri = f"{target_prefix.rstrip('/')}/{context.attempt_name}.tif"
    context.artefacts.stage_blob(uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt)
    crashpoint("blob_announced_before_made")
    uploaded = context.storage.upload_new(cog, uri, content_type=CONTENT_TYPE)
    crashpoint("blob_made_before_recorded")
    return uploaded


def _result(
    converted: _Converted, uploaded: BlobInfo, *, parameters: CreateCogParameters, source: LocalSource
) -> ProcessRasterResult:
    return ProcessRasterResult(
        **dict(converted.description),
        blob_uri=uploaded.uri,
        size_bytes=uploaded.size_bytes,
        sha256=file_sha256(converted.path),
        overviews=converted.overviews,
        statistics=converted.pixels.statistics,
        compression=parameters.compression,
        source=source_of(source),
        warnings=converted.warnings,
    )
