"""Which value means no data: what the caller says, else what the file says where that can be."""

import math

import numpy as np
from rasterio.enums import ColorInterp

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.raster_validation import ReadingOptions
from services.raster.findings import info, warning
from services.raster.header import Header


def resolve_nodata(
    header: Header, reading: ReadingOptions, *, dtype: str
) -> tuple[float | None, tuple[Finding, ...]]:
    """The nodata value for all bands of a raster of `dtype`, and what is to be said of it.

    Raises:
        PermanentTaskError: NODATA_OUT_OF_RANGE: the caller names a value that no pixel can have.
    """
    if reading.nodata is not None:
        return _of_the_caller(header, reading.nodata, dtype=dtype)
    stated, findings = _of_the_file(header, dtype=dtype)
    value, more = _beside_masks(header, stated)
    return value, (*findings, *more)


def fits(value: float, dtype: str) -> bool:
    """Whether a pixel of this type can have the value; floats take any, rounded."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return not math.isfinite(value) or abs(value) <= float(np.finfo(kind).max) * (1 + 1e-7)
    limits = np.iinfo(kind)
    return math.isfinite(value) and value == int(value) and limits.min <= value <= limits.max


def _of_the_caller(header: Header, value: float, *, dtype: str) -> tuple[float, tuple[Finding, ...]]:
    if not fits(value, dtype):
        raise PermanentTaskError(
            f"No pixel of type {dtype} can have the nodata value {value:g} that was given.",
            code="NODATA_OUT_OF_RANGE",
            remedy="Give a value of the raster's type, or leave it out.",
            context={"nodata": str(value), "dtype": dtype},
        )
    stated = next((band.nodata for band in header.bands if band.nodata is not None), None)
    if stated is None or same(stated, value):
        return value, ()
    message = f"The nodata value {value:g} was given; the file says {stated:g}."
    return value, (info("NODATA_OVERRIDDEN", message, given=str(value), stated=str(stated)),)


def _of_the_file(header: Header, *, dtype: str) -> tuple[float | None, tuple[Finding, ...]]:
    """A value that no pixel can have counts as none; `structure_findings` tells of that."""
    stated = [
        band.nodata if band.nodata is None or fits(band.nodata, dtype) else None for band in header.bands
    ]
    value = next((nodata for nodata in stated if nodata is not None), None)
    if value is None or all(other is not None and same(value, other) for other in stated):
        return value, ()
    return value, (
        warning(
            "NODATA_DIFFERS",
            f"The bands have different nodata values; {value:g} counts for all of them.",
            remedy="Give the value that is meant as nodata, or bring the bands to one value.",
            stated=[str(other) for other in stated],
        ),
    )


def _beside_masks(header: Header, value: float | None) -> tuple[float | None, tuple[Finding, ...]]:
    """A mask or an alpha band says for each pixel what a nodata value can only say for all of a value.

    Where a file has both, readers differ in which of them counts: so one of them has to go.
    """
    has_alpha = any(band.color is ColorInterp.alpha for band in header.bands)
    kinds = ["an alpha band"] * has_alpha + ["a mask"] * header.has_mask
    if value is None and not kinds:
        message = "There is neither a nodata value nor a mask nor an alpha band: every pixel counts as data."
        return None, (info("NODATA_MISSING", message),)
    if value is None or not kinds:
        return value, ()
    return None, (
        warning(
            "NODATA_DROPPED",
            f"The file has {' and '.join(kinds)} and a nodata value ({value:g}) as well, which is ignored.",
            remedy="Give the value as nodata if it is to count.",
            stated=str(value),
        ),
    )


def same(one: float, other: float) -> bool:
    """Whether two nodata values are equal, NaN included."""
    return one == other or (math.isnan(one) and math.isnan(other))
