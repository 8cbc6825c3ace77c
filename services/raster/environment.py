"""GDAL made safe for files of strangers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import rasterio
from rasterio.errors import RasterioError

from core.errors import TransientError

# Address space of an attempt at a raster task: GDAL's block cache, some rows of blocks, and its threads.
MEMORY_LIMIT_BYTES = 4 * 1024**3

# Per thread while a handler runs. GDAL_CACHEMAX is not among them: GDAL has one block cache for the whole
# process, whose size (5 % of the memory, unless the environment says otherwise) no task may change.
_HARDENED = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no sidecars: .ovr, .aux.xml, .msk, world files
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",  # the discard port: whatever would reach out, fails
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_HTTP_MAX_RETRY": "0",
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "{none}",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "PROJ_NETWORK": "OFF",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    # GDAL 3.10's short cut for whole PNGs takes what lies in memory for the rows that a file lacks, unless it
    # happens to be impossible: one cut-off file in a hundred would pass.
    "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO",
}


def hardened_gdal() -> rasterio.Env:
    """The environment for every raster task: no sidecars, no network, no code in files."""
    return rasterio.Env(**_HARDENED)


def remote_options(gdal_name: str, access: Mapping[str, str], *, etag: str) -> Mapping[str, str]:
    """On top of the hardened environment: GDAL may read this one blob, in this version.

    The name is the whole list of what its network file systems may open: whatever else a file refers to
    does not exist for them. `access` are the credentials, see `BlobStore.gdal_options`.
    """
    if not access:
        return {}
    quoted = etag.strip('"')
    return {
        **access,
        "CPL_VSIL_CURL_ALLOWED_FILENAME": gdal_name,
        "GDAL_HTTP_PROXY": "",
        "GDAL_HTTP_HEADERS": f'If-Match: "\\"{quoted}\\""',
        "GDAL_HTTP_TIMEOUT": "60",
        "GDAL_HTTP_CONNECTTIMEOUT": "5",
        "GDAL_HTTP_MAX_RETRY": "3",
        "GDAL_HTTP_RETRY_DELAY": "0.5",
        "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    }


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
