"""The task `validate_raster`: is this a raster that can be published?"""

from typing import Any

import numpy as np

from core.errors import PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.raster import ValidateRasterParameters, ValidateRasterResult
from services.context import TaskContext
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal, open_geotiff
from services.raster.inspect import header_warnings, inspect, source_of
from services.raster.pixels import row_windows, valid_pixels
from services.raster.source import fetch_source
from services.registry import register_task


@register_task(
    "validate_raster", queue=QueueRole.RASTER_TASKS, isolated=True, memory_limit_bytes=MEMORY_LIMIT_BYTES
)
def validate_raster(parameters: ValidateRasterParameters, context: TaskContext) -> ValidateRasterResult:
    """Download, admit, check the header, and read every block.

    Every block, not a sample: a file that was cut off in transfer has a perfect header, and only the
    blocks behind the cut are missing. A decimated read skips blocks, and costs the same decompression in
    a file of strips.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: what `fetch_source`, `inspect` and `require_data` say.
        TransientError: STORAGE_TIMEOUT.
    """
    source = fetch_source(context, uri=parameters.source_uri, etag=parameters.source_etag)
    context.checkpoint(0.3)
    with hardened_gdal(), open_geotiff(source.path) as raster:
        description = inspect(raster)
        require_data(_read_every_block(raster.pixels, context))
        return ValidateRasterResult(
            **dict(description), source=source_of(source), warnings=header_warnings(raster.pixels)
        )


def require_data(has_data: bool) -> None:
    """Refuse a raster without a single valid pixel.

    Raises:
        PermanentTaskError: RASTER_EMPTY.
    """
    if not has_data:
        raise PermanentTaskError(
            "Every pixel of the raster is nodata, masked or not a number.",
            code="RASTER_EMPTY",
            remedy="Check the nodata value and the mask of the file.",
        )


def _read_every_block(dataset: Any, context: TaskContext) -> bool:
    """True when at least one pixel is valid."""
    has_data = False
    for window in row_windows(dataset):
        data = dataset.read(window=window)
        has_data = has_data or bool(np.any(valid_pixels(dataset, data, window)))
        context.checkpoint(0.3 + 0.7 * (window.row_off + window.height) / dataset.height)
    return has_data
