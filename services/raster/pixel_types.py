"""The types that pixels are taken in, and how many bytes they have."""

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from services.raster.findings import info
from services.raster.header import Header

TAKEN = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def pixel_type(header: Header) -> tuple[str, tuple[Finding, ...]]:
    """The one type of all bands, and what is to be said of it.

    Raises:
        PermanentTaskError: DTYPE_UNSUPPORTED.
    """
    types = sorted({band.dtype for band in header.bands})
    unsupported = next((dtype for dtype in types if dtype not in TAKEN), None)
    if unsupported is not None:
        raise _unsupported(unsupported)
    common = str(np.result_type(*types))
    if len(types) > 1:
        message = f"The bands are of the types {', '.join(types)}; all are read as {common}."
        return common, (info("DTYPES_MIXED", message, stated=types),)
    return common, _bits_findings(header)


def _bits_findings(header: Header) -> tuple[Finding, ...]:
    nbits = {band.nbits for band in header.bands if band.nbits}
    if not nbits:
        return ()
    bits = max(nbits)
    message = f"The pixels have {bits} bits each; they are written as {header.bands[0].dtype}."
    return (info("BITS_WIDENED", message, nbits=bits),)


def item_bytes(dtype: str) -> int:
    """Of one pixel of one band; complex integers of GDAL's included."""
    if dtype.startswith("complex_int"):
        return 2 * int(dtype.removeprefix("complex_int")) // 8
    return np.dtype(dtype).itemsize


def _unsupported(dtype: str) -> PermanentTaskError:
    remedy = f"Convert the raster to one of {', '.join(TAKEN)}."
    if dtype.startswith("complex"):
        remedy = f"Complex pixels cannot be shown: publish amplitude and phase as bands. {remedy}"
    return PermanentTaskError(
        f"Pixels of type {dtype} are not supported.",
        code="DTYPE_UNSUPPORTED",
        remedy=remedy,
        context={"dtype": dtype},
    )
