"""Reading published COGs, for the tile server."""

import attr
import rasterio
from rio_tiler.io import Reader

# A published COG is one immutable file in our own storage: no sidecars, no other formats, no other hosts.
GDAL_READING = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # the header of most COGs in one request
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_TIMEOUT": "20",
    "GDAL_HTTP_MAX_RETRY": "2",
    "GDAL_HTTP_RETRY_DELAY": "0.3",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",  # bytes, per open file
    "PROJ_NETWORK": "OFF",
}


@attr.s
class CogReader(Reader):
    """rio-tiler's reader, for the GTiff driver alone: no content of a file can choose another one.

    Raises:
        RasterioIOError: the file is not there, or is no GeoTIFF.
    """

    def __attrs_post_init__(self) -> None:
        if not self.dataset:
            self.dataset = self._ctx_stack.enter_context(rasterio.open(self.input, driver="GTiff"))
        super().__attrs_post_init__()  # type: ignore[no-untyped-call]
