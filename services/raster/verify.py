"""The task `verify_cog`: what lies in storage is a valid COG with the pixels of its source."""

import hashlib
from pathlib import Path
from typing import Any

import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rio_cogeo.cogeo import cog_validate  # 80 ms beside rasterio: cheap enough for the start of an app

from core.errors import ContractViolation
from core.schema.queue import QueueRole
from core.task_models.raster import (
    CreateCogResult,
    ProcessRasterResult,
    RasterDescription,
    VerifyCogParameters,
)
from services.context import TaskContext
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.inspect import describe
from services.raster.pixels import PixelChecksums, row_windows
from services.registry import register_task

_EXACT = (
    "width",
    "height",
    "band_count",
    "dtypes",
    "nodata",
    "transform",
    "color_interpretation",
    "descriptions",
)


@register_task(
    "verify_cog", queue=QueueRole.RASTER_TASKS, isolated=True, memory_limit_bytes=MEMORY_LIMIT_BYTES
)
def verify_cog(parameters: VerifyCogParameters, context: TaskContext) -> ProcessRasterResult:
    """Download the COG again and compare it, byte for byte and pixel for pixel, with what was made.

    Raises:
        NotFound: SOURCE_NOT_FOUND: the COG is gone.
        ContractViolation: COG_INVALID.
        TransientError: STORAGE_TIMEOUT.
    """
    created = parameters.created
    path = context.workspace / "cog.tif"
    context.storage.download(created.cog.blob_uri, path, etag=created.etag)
    context.checkpoint(0.3)
    if file_sha256(path) != created.cog.sha256:
        raise invalid_cog("its bytes are not those that were uploaded")
    with hardened_gdal():
        check_layout(path)
        _check_pixels(path, created, context)
    return created.cog


def check_layout(path: Path) -> None:
    """Check the order of headers, overviews and tiles (rio-cogeo's rules).

    Raises:
        ContractViolation: COG_INVALID.
    """
    try:
        is_valid, errors, _ = cog_validate(path, quiet=True)
    except RasterioError as exc:
        raise invalid_cog("it cannot be opened") from exc
    if not is_valid:
        raise invalid_cog("; ".join(errors))


def check_header(dataset: Any, expected: RasterDescription) -> None:
    """Check that size, types, nodata, grid and CRS are those of the source.

    Raises:
        ContractViolation: COG_INVALID.
    """
    found = describe(dataset, band_names=tuple(dataset.descriptions))
    different = [name for name in _EXACT if getattr(found, name) != getattr(expected, name)]
    if dataset.crs != CRS.from_user_input(expected.crs):
        different.append("crs")
    if different:
        raise invalid_cog(f"it differs from its source in {', '.join(different)}")


def file_sha256(path: Path) -> str:
    """64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def invalid_cog(why: str) -> ContractViolation:
    """We made it, so it is a bug of ours and not of the source."""
    return ContractViolation(
        f"The COG that was made is not usable: {why}.",
        code="COG_INVALID",
        remedy="Report the ids of the job and the task; the source is fine.",
    )


def _check_pixels(path: Path, created: CreateCogResult, context: TaskContext) -> None:
    try:
        with rasterio.open(path, driver="GTiff") as dataset:
            check_header(dataset, created.cog)
            checksums = PixelChecksums(dataset)
            for window in row_windows(dataset):
                checksums.add(dataset.read(window=window), window)
                context.checkpoint(0.3 + 0.7 * (window.row_off + window.height) / dataset.height)
    except RasterioError as exc:
        raise invalid_cog("it cannot be read") from exc
    if checksums.hex() != created.pixel_checksums:
        raise invalid_cog("its pixels are not those of the source")
