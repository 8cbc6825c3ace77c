"""The task `create_terrain_product`: hillshade, slope or contours of a published elevation model."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioIOError

from core.errors import PermanentTaskError
from core.ports import BlobInfo
from core.schema.queue import QueueRole
from core.task_models.raster_terrain import TerrainProduct, TerrainProductName, TerrainProductParameters
from services.context import TaskContext
from services.raster.cog import CONTENT_TYPE
from services.raster.contours import write_contours
from services.raster.elevation import require_elevations
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.relief import rendering_of, unit_of, write_relief
from services.registry import register_task

GEOPACKAGE_MEDIA_TYPE = "application/geopackage+sqlite3"


@register_task(
    "create_terrain_product",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
    time_limit=timedelta(hours=1),
)
def create_terrain_product(parameters: TerrainProductParameters, context: TaskContext) -> TerrainProduct:
    """Derive one product from a COG of ours and upload it below the prefix, under a name used once.

    Raises:
        NotFound: SOURCE_NOT_FOUND: the COG is gone.
        PermanentTaskError: TERRAIN_NEEDS_DEM, GDAL_BINDINGS_MISSING, CONTOUR_INTERVAL_TOO_SMALL,
            RASTER_UNREADABLE.
        TransientError: STORAGE_TIMEOUT, OUTPUT_FAILED.
        ContractViolation: COG_INVALID, CONTOURS_INVALID.
    """
    source = context.workspace / "dem.tif"
    context.storage.download(parameters.blob_uri, source)
    context.checkpoint(0.2)
    is_contours = parameters.product is TerrainProductName.CONTOURS
    with hardened_gdal(), _opened(source) as dem:
        require_elevations(dem, parameters.classification)
        return (_contours if is_contours else _relief)(dem, parameters, context)


def _relief(dem: Any, parameters: TerrainProductParameters, context: TaskContext) -> TerrainProduct:
    path = context.workspace / "relief.tif"
    write_relief(dem, path, product=parameters.product, options=parameters.options, context=context)
    context.checkpoint(0.9)
    uploaded = _upload(path, parameters, context, media_type=CONTENT_TYPE)
    return TerrainProduct(
        name=parameters.product,
        blob_uri=uploaded.uri,
        size_bytes=uploaded.size_bytes,
        sha256=_sha256(path),
        media_type=CONTENT_TYPE,
        unit=unit_of(parameters.product),
        rendering=rendering_of(parameters.product),
    )


def _contours(dem: Any, parameters: TerrainProductParameters, context: TaskContext) -> TerrainProduct:
    path = context.workspace / "contours.gpkg"
    contours = write_contours(dem, path, options=parameters.options, context=context)
    context.checkpoint(0.9)
    uploaded = _upload(path, parameters, context, media_type=GEOPACKAGE_MEDIA_TYPE)
    return TerrainProduct(
        name=parameters.product,
        blob_uri=uploaded.uri,
        size_bytes=uploaded.size_bytes,
        sha256=_sha256(path),
        media_type=GEOPACKAGE_MEDIA_TYPE,
        contour_interval=contours.interval,
        feature_count=contours.feature_count,
        warnings=contours.warnings,
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with rasterio.open(path, driver="GTiff") as dataset:
            yield dataset
    except RasterioIOError as exc:
        raise PermanentTaskError(
            "The elevation model cannot be read: the file is damaged.",
            code="RASTER_UNREADABLE",
            remedy="Process the raster again.",
        ) from exc


def _upload(
    path: Path, parameters: TerrainProductParameters, context: TaskContext, *, media_type: str
) -> BlobInfo:
    folder = parameters.target_prefix.rstrip("/")
    uri = f"{folder}/{context.attempt_name}_{parameters.product}{path.suffix}"
    context.artefacts.stage_blob(uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt)
    return context.storage.upload_new(path, uri, content_type=media_type)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
