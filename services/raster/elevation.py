"""The elevations of a COG: which rasters have some, and reading them for GDAL's terrain algorithms."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp, Resampling
from rasterio.windows import Window

from core.errors import PermanentTaskError
from core.task_models.raster import RasterClass

NO_ELEVATION = -1e30
"""What stands for no data: far from any elevation, and not so far that GDAL's float arithmetic overflows
when it compares (as it does with the lowest float, which then equals everything)."""

_MAX_SAMPLES = 16 * 2**20
_BLOCK_ROWS = 512
_MIN_SIDE = 3  # slopes are taken from the eight neighbours


@dataclass(frozen=True, slots=True)
class ElevationRows:
    """Rows `top` to `top + count` of the raster, with one more on each side where there is one.

    `values` are float32 and contiguous; `skip` is 1 if the first of them is such a further row.
    """

    values: np.ndarray
    top: int
    count: int
    skip: int


def require_elevations(dataset: Any, classification: RasterClass | None) -> None:
    """Refuse what is no elevation model. Without a class, a single band of more than bytes may be one.

    Raises:
        PermanentTaskError: TERRAIN_NEEDS_DEM.
    """
    if classification not in (None, RasterClass.DEM):
        raise _no_elevations(f"it is classified as {classification}")
    values = [kind for kind in dataset.colorinterp if kind != ColorInterp.alpha]
    if len(values) != 1 or values[0] == ColorInterp.palette:
        raise _no_elevations("it has not one band of measurements")
    if dataset.dtypes[0] in ("uint8", "int8") or np.dtype(dataset.dtypes[0]).kind == "c":
        raise _no_elevations(f"its values are of the type {dataset.dtypes[0]}")
    if min(dataset.width, dataset.height) < _MIN_SIDE:
        raise _no_elevations("it is less than three pixels wide or high")


def row_chunks(dataset: Any, *, max_samples: int = _MAX_SAMPLES) -> Iterator[ElevationRows]:
    """All rows from top to bottom, in pieces of bounded size along the blocks of the file."""
    rows = max(1, max_samples // dataset.width)
    if rows > _BLOCK_ROWS:
        rows -= rows % _BLOCK_ROWS
    for top in range(0, dataset.height, rows):
        bottom = min(top + rows, dataset.height)
        first, last = max(top - 1, 0), min(bottom + 1, dataset.height)
        window = Window(0, first, dataset.width, last - first)
        yield ElevationRows(_read(dataset, window=window), top, bottom - top, top - first)


def decimated(dataset: Any, *, max_samples: int) -> np.ndarray:
    """All of the raster in at most about `max_samples` values, averaged, as float32."""
    factor = max(1.0, math.sqrt(dataset.width * dataset.height / max_samples))
    shape = (max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor)))
    return _read(dataset, out_shape=shape, resampling=Resampling.average)


def _read(dataset: Any, **options: Any) -> np.ndarray:
    values = dataset.read(1, masked=True, **options)
    scale, offset = dataset.scales[0], dataset.offsets[0]
    if (scale, offset) != (1.0, 0.0):
        values = values * scale + offset
    filled = np.ma.filled(values.astype("float32", copy=False), NO_ELEVATION)
    filled[~np.isfinite(filled)] = NO_ELEVATION
    return np.ascontiguousarray(filled)


def _no_elevations(why: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"Terrain products are made from an elevation model, and this raster is none: {why}.",
        code="TERRAIN_NEEDS_DEM",
        remedy="Leave terrain products out, or submit a single band of elevations.",
    )
