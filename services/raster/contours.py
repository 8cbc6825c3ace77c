"""Contours of an elevation model as a GeoPackage, by GDAL's implementation (`gdal_contour`)."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.transform import Affine

from core.errors import ContractViolation, PermanentTaskError, TaskCancelled, TransientError
from core.task_models.raster_terrain import TerrainOptions
from services.context import TaskContext
from services.raster.elevation import NO_ELEVATION, decimated
from services.raster.osgeo_gdal import bindings

LAYER = "contours"
MAX_SAMPLES = 64 * 2**20
"""Of the elevations that contours are drawn through (256 MB): 8192 x 8192."""

_WANTED_LEVELS = 20
_MAX_LEVELS = 1000
_ROUND = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Contours:
    """What was written; `interval` in units of the elevations."""

    interval: float
    feature_count: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Surface:
    """Elevations in memory and where they lie. `low` and `high`: of the valid ones."""

    values: np.ndarray
    affine: Affine
    crs: CRS
    low: float
    high: float


def write_contours(
    dem: Any, target: Path, *, options: TerrainOptions, context: TaskContext, max_samples: int = MAX_SAMPLES
) -> Contours:
    """Write the lines, in the CRS of the open `dem`, with their `elevation`; none for a plain.

    A raster of more than `max_samples` is averaged down to that many first, and a warning says so.

    Raises:
        PermanentTaskError: CONTOUR_INTERVAL_TOO_SMALL.
        TransientError: OUTPUT_FAILED.
        ContractViolation: CONTOURS_INVALID.
    """
    values = decimated(dem, max_samples=max_samples)
    context.checkpoint(0.4)
    valid = values[values != NO_ELEVATION]
    low, high = (float(valid.min()), float(valid.max())) if valid.size else (0.0, 0.0)
    interval = options.contour_interval or round_interval(_middle(valid) or high - low)
    _require_possible(interval, low=low, high=high)
    height, width = values.shape
    affine = dem.transform @ Affine.scale(dem.width / width, dem.height / height)
    surface = _Surface(values, affine, dem.crs, low, high)
    _write(surface, target, interval=interval, context=context)
    count = _checked(target, surface)
    return Contours(interval, count, tuple(_warnings(dem, surface, count)))


def round_interval(spread: float) -> float:
    """1, 2 or 5 times a power of ten, at least a twentieth of the spread; 1 for no spread at all."""
    if not spread > 0:
        return 1.0
    least = spread / _WANTED_LEVELS
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _ROUND if step * power >= least * (1 - 1e-9))


def _middle(valid: np.ndarray) -> float:
    """The spread of the elevations without the lowest and the highest 2 percent, from a sample."""
    if not valid.size:
        return 0.0
    sample = valid[:: max(1, valid.size // 2**20)]
    low, high = np.percentile(sample, (2, 98))
    return float(high - low)


def _require_possible(interval: float, *, low: float, high: float) -> None:
    if (high - low) / interval > _MAX_LEVELS:
        raise PermanentTaskError(
            f"Contours every {interval:g} from {low:g} to {high:g} would be more than {_MAX_LEVELS} levels.",
            code="CONTOUR_INTERVAL_TOO_SMALL",
            remedy=f"Give an interval of at least {(high - low) / _MAX_LEVELS:g}, or none; "
            "if the range is not that of the data, declare the nodata value.",
        )


def _write(surface: _Surface, target: Path, *, interval: float, context: TaskContext) -> None:
    gdal, gdal_array, ogr, osr = (bindings(name) for name in ("gdal", "gdal_array", "ogr", "osr"))
    source = gdal_array.OpenArray(surface.values)
    source.SetGeoTransform(surface.affine.to_gdal())
    srs = osr.SpatialReference()
    srs.ImportFromWkt(surface.crs.to_wkt())
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    try:
        package = ogr.GetDriverByName("GPKG").CreateDataSource(str(target))
        layer = package.CreateLayer(LAYER, srs, ogr.wkbLineString)
        layer.CreateField(ogr.FieldDefn("id", ogr.OFTInteger))
        layer.CreateField(ogr.FieldDefn("elevation", ogr.OFTReal))
        package.StartTransaction()
        _draw(gdal, source.GetRasterBand(1), layer, interval=interval, context=context)
        package.CommitTransaction()
        layer = package = None  # what closes and flushes a dataset of osgeo
    except RuntimeError as exc:
        raise TransientError(
            "The contours could not be written on this worker.",
            code="OUTPUT_FAILED",
            remedy="It is tried again; if it persists, look at the free disk space of the workers.",
        ) from exc


def _draw(gdal: Any, band: Any, layer: Any, *, interval: float, context: TaskContext) -> None:
    """The progress callback may not raise: GDAL would not pass it on. It stops GDAL and tells us why."""
    stopped: list[TaskCancelled | TransientError] = []

    def on_progress(fraction: float, message: str, data: object) -> int:  # noqa: ARG001 - GDAL's signature
        try:
            context.checkpoint(0.4 + 0.4 * fraction)
        except (TaskCancelled, TransientError) as exc:
            stopped.append(exc)
        return 0 if stopped else 1

    how = [f"LEVEL_INTERVAL={interval!r}", "ID_FIELD=0", "ELEV_FIELD=1", f"NODATA={NO_ELEVATION!r}"]
    try:
        gdal.ContourGenerateEx(band, layer, options=how, callback=on_progress)
    except RuntimeError:
        if not stopped:
            raise
    if stopped:
        raise stopped[0]


def _checked(target: Path, surface: _Surface) -> int:
    """The number of lines, of a file that another GDAL has read back."""
    import pyogrio  # brings pandas with it, which no app needs at its start

    try:
        found = pyogrio.read_info(target, layer=LAYER, force_total_bounds=True)
    except pyogrio.errors.DataSourceError as exc:
        raise _invalid("it cannot be opened") from exc
    count = int(found["features"])
    if CRS.from_user_input(found["crs"]) != surface.crs:
        raise _invalid("its CRS is not that of the raster")
    if count and not _is_within(found["total_bounds"], surface):
        raise _invalid("it has lines outside the raster")
    return count


def _is_within(bounds: Any, surface: _Surface) -> bool:
    rows, columns = surface.values.shape
    corners = [surface.affine @ corner for corner in ((0, 0), (columns, 0), (0, rows), (columns, rows))]
    xs, ys = zip(*corners, strict=True)
    margin = 1e-6 * (max(xs) - min(xs) + max(ys) - min(ys))
    west, south, east, north = bounds
    return bool(
        min(xs) - margin <= west <= east <= max(xs) + margin
        and min(ys) - margin <= south <= north <= max(ys) + margin
    )


def _warnings(dem: Any, surface: _Surface, count: int) -> list[str]:
    rows, columns = surface.values.shape
    found = []
    if (rows, columns) != (dem.height, dem.width):
        found.append(f"The contours are drawn through {columns} x {rows} averaged elevations.")
    if not count:
        found.append("There are no contours: the elevations do not cross a level.")
    return found


def _invalid(why: str) -> ContractViolation:
    return ContractViolation(
        f"The contours that were made are not usable: {why}.",
        code="CONTOURS_INVALID",
        remedy="Report the ids of the job and the task; the source is fine.",
    )
