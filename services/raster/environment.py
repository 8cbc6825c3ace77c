"""GDAL made safe for files of strangers, and its errors told apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError, RasterioIOError

from core.errors import PermanentTaskError, TransientError
from services.raster.georeference import require_georeference

# Address space of an attempt at a raster task: GDAL's block cache, some rows of blocks, and its threads.
MEMORY_LIMIT_BYTES = 4 * 1024**3

# Per thread while a handler runs. GDAL_CACHEMAX is not among them: GDAL has one block cache for the whole
# process, whose size (5 % of the memory, unless the environment says otherwise) no task may change.
_HARDENED = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no sidecars: .ovr, .aux.xml, .msk, world files
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",  # the discard port: whatever would reach out, fails
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_HTTP_MAX_RETRY": "0",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "PROJ_NETWORK": "OFF",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
}


def hardened_gdal() -> rasterio.Env:
    """The environment for every raster task: no sidecars, no network, no code in files."""
    return rasterio.Env(**_HARDENED)


@dataclass(frozen=True, slots=True)
class GeoTiff:
    """An open raster whose overviews are hidden, and the band names, which are lost with them."""

    pixels: Any
    band_names: tuple[str | None, ...]


@contextmanager
def open_geotiff(path: Path) -> Iterator[GeoTiff]:
    """Open a local file by the GTiff driver and no other; read errors become RASTER_UNREADABLE.

    Overviews are hidden: a TIFF can name another file, or a URL, as its overviews
    (metadata OVERVIEW_FILE), and GDAL would read that. A dataset opened in this way has no band names, and
    gives uninitialised memory for a geotransform that is not there (GDAL 3.10, rasterio 1.4): both are
    looked at first, in an opening of its own that reads the header alone.

    Raises:
        PermanentTaskError: RASTER_UNREADABLE, for errors here and inside the `with` block;
            CRS_MISSING or NO_GEOREFERENCE.
    """
    try:
        with rasterio.open(path, driver="GTiff") as header:
            require_georeference(header)
            band_names = tuple(header.descriptions)
        with rasterio.open(path, driver="GTiff", OVERVIEW_LEVEL="NONE") as pixels:
            yield GeoTiff(pixels, band_names)
    except RasterioIOError as exc:
        raise PermanentTaskError(
            "The raster cannot be read: the file is damaged or cut off.",
            code="RASTER_UNREADABLE",
            remedy="Check the file with gdalinfo -checksum, and upload it again.",
        ) from exc


@contextmanager
def writing() -> Iterator[None]:
    """GDAL could not write our own output: the disk is full or failing, not the caller's raster.

    Raises:
        TransientError: OUTPUT_FAILED.
    """
    try:
        yield
    except (RasterioError, OSError) as exc:
        raise TransientError(
            "The output could not be written on this worker.",
            code="OUTPUT_FAILED",
            remedy="It is tried again; if it persists, look at the free disk space of the workers.",
        ) from exc
