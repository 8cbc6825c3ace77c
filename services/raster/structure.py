"""The structure of a file by its format: damage that shows without decoding a pixel."""

import math

from core.task_models.finding import Finding
from services.raster.admission import check_band_count
from services.raster.findings import info, warning
from services.raster.formats import GEOTIFF, JPEG2000, RasterFormat
from services.raster.jp2 import check_jp2
from services.raster.nodata import fits
from services.raster.tiff import ReadRange, TiffStructure, check_tiff


def check_structure(found: RasterFormat, read: ReadRange, *, size_bytes: int) -> TiffStructure | None:
    """Refuse a file that is not whole; None for formats that do not show it in this way.

    Raises:
        PermanentTaskError: RASTER_UNREADABLE, SOURCE_TOO_LARGE, BAND_LIMIT.
    """
    if found is JPEG2000:
        check_jp2(read, size_bytes=size_bytes)
    if found is not GEOTIFF:
        return None
    structure = check_tiff(read, size_bytes=size_bytes)
    check_band_count(structure.band_count)
    return structure


def structure_findings(structure: TiffStructure, *, dtype: str) -> tuple[Finding, ...]:
    """What is to be said of a file that is whole."""
    found = []
    if structure.sparse_count:
        found.append(
            info(
                "BLOCKS_MISSING",
                f"{structure.sparse_count} of {structure.block_count} blocks are not stored; they count as "
                "nodata, or as 0 where there is no nodata value.",
                sparse_count=structure.sparse_count,
                block_count=structure.block_count,
            )
        )
    if structure.nodata and not _is_possible(structure.nodata, dtype):
        found.append(
            warning(
                "NODATA_IGNORED",
                f"The file's nodata value {structure.nodata[:40]} cannot occur in pixels of type {dtype}; "
                "it is ignored.",
                remedy="Give the value that is meant as nodata, if there is one.",
                stated=structure.nodata[:40],
            )
        )
    return tuple(found)


def _is_possible(text: str, dtype: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return True  # GDAL reads what is no number as 0
    return fits(value, dtype) if not math.isnan(value) else dtype.startswith("float")
