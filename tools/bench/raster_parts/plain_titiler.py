"""titiler as its documentation sets it up, under uvicorn: COGs and MosaicJSON by `url`, whatever they are."""

import sys
from collections.abc import Mapping
from pathlib import Path

from cogeo_mosaic.backends import MosaicBackend
from fastapi import FastAPI
from titiler.core.errors import DEFAULT_STATUS_CODES, add_exception_handlers
from titiler.core.factory import TilerFactory
from titiler.mosaic.factory import MosaicTilerFactory

from tools.stack.part import Launch, Part
from tools.stack.ports import answers
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


class PlainTitiler(Part):
    """The app above, in as many processes as the platform's host has, with access to the same storage."""

    def __init__(
        self, *, state: StateDirectory, root: Path, processes: int, environment: Mapping[str, str]
    ) -> None:
        super().__init__("titiler", state=state)
        self._root, self._processes, self._environment = root, processes, environment

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def _launch(self) -> Launch:
        options = {"--port": str(self.port), "--workers": str(self._processes), "--log-level": "warning"}
        arguments = [part for pair in options.items() for part in pair]
        command = [sys.executable, "-m", "uvicorn", f"{__name__}:app", "--no-access-log", *arguments]
        return Launch(command=command, cwd=self._root, environment={**_GDAL, **self._environment})

    def _is_ready(self) -> bool:
        return answers(self.port)
