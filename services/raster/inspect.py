"""The header of a raster, described."""

import math
from typing import Any

from core.task_models.finding import Finding
from core.task_models.raster import Nodata, RasterDescription
from services.raster.findings import info
from services.raster.georeference import crs_name, geographic_bbox
from services.raster.header import Header


def describe(dataset: Any, *, band_names: tuple[str | None, ...]) -> RasterDescription:
    """The header of an open dataset as a model.

    Raises:
        PermanentTaskError: CRS_UNKNOWN, COORDINATES_OUT_OF_RANGE.
    """
    bounds = _outer_bounds(dataset)
    a, b, c, d, e, f = dataset.transform[:6]
    return RasterDescription(
        width=dataset.width,
        height=dataset.height,
        band_count=dataset.count,
        dtypes=tuple(dataset.dtypes),
        nodata=nodata_name(dataset.nodata),
        crs=crs_name(dataset.crs),
        bounds=bounds,
        bbox=geographic_bbox(dataset.crs, bounds),
        resolution=(math.hypot(a, d), math.hypot(b, e)),
        transform=(a, b, c, d, e, f),
        color_interpretation=tuple(interpretation.name for interpretation in dataset.colorinterp),
        descriptions=band_names,
    )


def nodata_name(value: float | None) -> Nodata:
    """A nodata value as JSON can carry it."""
    if value is None or math.isfinite(value):
        return value
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def header_findings(header: Header) -> tuple[Finding, ...]:
    """What is to be said of a header beside its place, its type and its nodata."""
    if not header.subdatasets:
        return ()
    count = len(header.subdatasets)
    return (
        info("SEVERAL_IMAGES", f"The file holds {count} images; the first one is used.", image_count=count),
    )


def _outer_bounds(dataset: Any) -> tuple[float, float, float, float]:
    """Of the four corners, so that it holds for rotated and for south-up grids as well."""
    width, height = dataset.width, dataset.height
    corners = [dataset.transform @ corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
