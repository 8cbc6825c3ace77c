"""64-bit integers in a type that the field can read, where not a single value is lost by it.

GDAL reads them only since 3.5, and browsers and most GIS not at all; numpy makes them by default. So they
are what people upload by accident, and nearly always hold small numbers.
"""

from dataclasses import dataclass

import numpy as np
import rasterio
from rasterio.windows import Window

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from services.raster.findings import info
from services.raster.header import Header

WIDE = frozenset({"int64", "uint64"})
_EXACT = 2**53  # IEEE 754: up to here every integer is a float64
_MAX_SCAN_BYTES = 2 * 2**30
_MAX_WINDOW_PIXELS = 4 * 2**20


@dataclass(frozen=True, slots=True)
class _Range:
    lowest: int
    highest: int


def narrow_type(header: Header, name: str, *, driver: str) -> tuple[str, tuple[Finding, ...]]:
    """The type that holds every pixel and the nodata value of a raster of 64-bit integers. Reads them all.

    Raises:
        PermanentTaskError: DTYPE_UNSUPPORTED: there is none, or the raster is too large to look.
        RasterioError: it cannot be read.
    """
    stated = header.bands[0].dtype
    pixels = header.width * header.height * len(header.bands) * 8
    found = _range(header, name, driver) if pixels <= _MAX_SCAN_BYTES else None
    if found is None or (chosen := _chosen(found)) is None:
        raise PermanentTaskError(
            f"Pixels of type {stated} are taken only where they fit into 32 bits, in up to 2 GiB of them.",
            code="DTYPE_UNSUPPORTED",
            remedy="Convert the raster, for example with gdal_translate -ot Int32.",
            context={"dtype": stated},
        )
    message = f"Every value of the type {stated} fits into {chosen}, which is used in its place."
    return chosen, (info("DTYPE_NARROWED", message, stated=stated, used=chosen),)


def _range(header: Header, name: str, driver: str) -> _Range:
    """Of all pixels, masked ones and nodata included: they are copied as well."""
    lowest, highest = [], []
    rows = max(1, _MAX_WINDOW_PIXELS // (header.width * len(header.bands)))
    with rasterio.open(name, driver=driver, OVERVIEW_LEVEL="NONE") as dataset:
        for top in range(0, header.height, rows):
            data = dataset.read(window=Window(0, top, header.width, min(rows, header.height - top)))
            lowest.append(int(data.min()))
            highest.append(int(data.max()))
    nodata = [int(band.nodata) for band in header.bands if band.nodata is not None]
    return _Range(min(lowest + nodata), max(highest + nodata))


def _chosen(found: _Range) -> str | None:
    for dtype in ("int32", "uint32"):
        limits = np.iinfo(dtype)
        if limits.min <= found.lowest and found.highest <= limits.max:
            return dtype
    is_exact = all(value == int(float(value)) for value in (found.lowest, found.highest))
    inner = abs(found.highest) <= _EXACT and (abs(found.lowest) <= _EXACT or found.lowest == -(2**63))
    return "float64" if is_exact and inner else None
