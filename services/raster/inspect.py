"""The header of a raster: checked, and described."""

import math
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags

from core.task_models.raster import Nodata, RasterDescription, RasterSource
from services.raster.admission import check_shape
from services.raster.environment import GeoTiff
from services.raster.georeference import crs_name, geographic_bbox
from services.raster.source import LocalSource

DRIVER = "GTiff"


def inspect(raster: GeoTiff) -> RasterDescription:
    """Check the header and describe it; pixels are not read. The georeference was checked at opening.

    Raises:
        PermanentTaskError: BAND_LIMIT, DTYPE_UNSUPPORTED, SOURCE_TOO_LARGE, CRS_UNKNOWN,
            COORDINATES_OUT_OF_RANGE.
    """
    dataset = raster.pixels
    check_shape(
        width=dataset.width,
        height=dataset.height,
        bands=dataset.count,
        dtype=dataset.dtypes[0],
        block_bytes=_block_bytes(dataset),
    )
    return describe(dataset, band_names=raster.band_names)


def describe(dataset: Any, *, band_names: tuple[str | None, ...]) -> RasterDescription:
    """The header as a model; see `inspect` for one that has been checked."""
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


def source_of(source: LocalSource) -> RasterSource:
    """Where the pixels came from, as results tell it."""
    info = source.info
    return RasterSource(uri=info.uri, size_bytes=info.size_bytes, etag=info.etag, driver=DRIVER)


def header_warnings(dataset: Any) -> tuple[str, ...]:
    """What a careful person would mention: nothing that stops the work."""
    found = []
    if dataset.subdatasets:
        found.append(f"the file holds {len(dataset.subdatasets)} images; the first one is used")
    if dataset.nodata is None and not _has_mask(dataset):
        found.append("no nodata value, mask or alpha band: every pixel counts as data")
    if dataset.transform.b or dataset.transform.d:
        found.append("the grid is rotated; it is kept as it is")
    return tuple(found)


def _has_mask(dataset: Any) -> bool:
    beside_nodata = any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums)
    return beside_nodata or ColorInterp.alpha in dataset.colorinterp


def _outer_bounds(dataset: Any) -> tuple[float, float, float, float]:
    """Of the four corners, so that it holds for rotated and for south-up grids as well."""
    width, height = dataset.width, dataset.height
    corners = [dataset.transform @ corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _block_bytes(dataset: Any) -> int:
    rows, columns = dataset.block_shapes[0]
    bands = dataset.count if dataset.interleaving and dataset.interleaving.name == "pixel" else 1
    return int(rows * columns * bands * np.dtype(_numpy_name(dataset.dtypes[0])).itemsize)


def _numpy_name(dtype: str) -> str:
    """GDAL's complex integers have no numpy type; any size does, as such rasters are refused."""
    return "complex64" if dtype.startswith("complex_int") else dtype
