"""titiler as its documentation sets it up, under uvicorn: COGs and MosaicJSON by `url`, whatever they are."""

from collections.abc import Mapping
from pathlib import Path

from cogeo_mosaic.backends import MosaicBackend
from fastapi import FastAPI
from titiler.core.errors import DEFAULT_STATUS_CODES, add_exception_handlers
from titiler.core.factory import TilerFactory
from titiler.mosaic.factory import MosaicTilerFactory

from tools.bench.measuring.uvicorn_app import UvicornApp
from tools.stack.state import StateDirectory

# https://developmentseed.org/titiler/advanced/performance_tuning/ but for HTTP/2: Azurite does not know it.
_GDAL = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.TIF,.tiff",
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
}

app = FastAPI()
app.include_router(TilerFactory(router_prefix="/cog").router, prefix="/cog")
app.include_router(
    MosaicTilerFactory(backend=MosaicBackend, router_prefix="/mosaicjson").router, prefix="/mosaicjson"
)
add_exception_handlers(app, DEFAULT_STATUS_CODES)


def plain_titiler(
    *, state: StateDirectory, root: Path, processes: int, environment: Mapping[str, str]
) -> UvicornApp:
    """The app above, with access to the platform's storage."""
    return UvicornApp(
        f"{__name__}:app",
        name="titiler",
        state=state,
        root=root,
        processes=processes,
        environment={**_GDAL, **environment},
    )
