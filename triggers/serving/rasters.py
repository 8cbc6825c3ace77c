"""Tiles, previews, values and statistics of published COGs, by titiler."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import attr
import rasterio
from fastapi import Depends, FastAPI, Query
from pydantic import Field
from rasterio.errors import RasterioError
from rio_tiler import errors
from rio_tiler.io import Reader
from starlette.requests import Request
from titiler.core.dependencies import ImageRenderingParams, PartFeatureParams
from titiler.core.errors import BadRequestError
from titiler.core.factory import ColorMapFactory, TilerFactory, TMSFactory

from core.errors import InvalidRequest, NotFound
from triggers.serving.config import ServingConfig
from triggers.serving.datasets import PublishedDataset
from triggers.serving.failures import Failure, Failures, add_failure_handlers
from triggers.serving.freshness import CacheHeaders, revalidate
from triggers.serving.stretch import stretch

LOG = logging.getLogger(__name__)

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
MAX_PIXELS_PER_SIDE = 4096
_DEFAULT_PART_SIZE = 2048
_SIZES = ("tilesize", "width", "height", "max_size", "buffer", "padding")
# Formats that carry values, not pictures: they must come as they are.
_VALUE_FORMATS = {"tif", "tiff", "npy", "npz", "raw"}


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


class UrlRefused(Exception):
    """The client names a file of its own choice."""


FAILURES: Failures = {
    UrlRefused: Failure(
        403,
        "URL_NOT_ALLOWED",
        "Only published datasets are served.",
        "Use dataset=<name>, or submit the file.",
    ),
    errors.TileOutsideBounds: Failure(404, "TILE_OUTSIDE_BOUNDS"),
    errors.PointOutsideBounds: Failure(404, "POINT_OUTSIDE_BOUNDS"),
    errors.RioTilerError: Failure(400, "VALIDATION_ERROR"),
    BadRequestError: Failure(400, "VALIDATION_ERROR"),
    RasterioError: Failure(
        503, "RASTER_UNAVAILABLE", "The raster cannot be read now.", "Try again in some seconds."
    ),
    # titiler's parsers of rescale, colormap and expression raise these for what they cannot read.
    ValueError: Failure(400, "VALIDATION_ERROR", "A parameter of the request cannot be read."),
    AssertionError: Failure(400, "VALIDATION_ERROR", "A parameter of the request cannot be read."),
    IndexError: Failure(
        400, "VALIDATION_ERROR", "The raster has no such band.", "See /api/cog/info for its bands."
    ),
}


@dataclass
class PartParams(PartFeatureParams):  # type: ignore[misc]  # the library has no types
    """Parts of a raster, never at a resolution that fills the memory."""

    max_size: Annotated[int | None, Field(description="Maximum size of the image, in pixels.")] = (
        _DEFAULT_PART_SIZE
    )


async def published_raster(
    request: Request,
    dataset: Annotated[str | None, Query(description="The name of a published raster dataset")] = None,
    url: Annotated[str | None, Query(description="The blob of a published raster dataset")] = None,
) -> PublishedDataset:
    """The raster that the request names. A client's string is looked up, and never opened.

    Raises:
        InvalidRequest: not exactly one of `dataset` and `url` is given.
        NotFound: (COLLECTION_NOT_FOUND) there is no such raster.
        UrlRefused: the URL is not that of a published dataset.
    """
    if (dataset is None) == (url is None):
        raise InvalidRequest(
            "Give either 'dataset' or 'url'.", field_errors=({"loc": "query.dataset", "msg": "missing"},)
        )
    datasets = request.app.state.datasets
    raster: PublishedDataset | None = await (datasets.get(dataset) if dataset else datasets.of_blob(url))
    if raster is None:
        raise UrlRefused
    if raster.blob_uri is None:
        raise NotFound(f"The dataset '{raster.collection_id}' is no raster.", code="COLLECTION_NOT_FOUND")
    revalidate(request, raster.request_id)
    return raster


Raster = Annotated[PublishedDataset, Depends(published_raster)]


def raster_path(request: Request, raster: Raster) -> str:
    """GDAL's name of the raster."""
    config: ServingConfig = request.app.state.config
    return config.blobs.gdal_path(raster.blob_uri or "")


def gdal_environment(request: Request) -> dict[str, str]:
    """GDAL's configuration, with the access to our storage."""
    return {**GDAL_READING, **request.app.state.config.blobs.gdal_options()}


def bounded_sizes(request: Request) -> None:
    """Refuse images that are larger than anybody can look at.

    Raises:
        InvalidRequest: a size is above the limit.
    """
    given: Mapping[str, Any] = {**request.query_params, **request.path_params}
    for name in _SIZES:
        digits = str(given.get(name, "")).split(".")[0]
        if digits.isdecimal() and (len(digits) > 6 or int(digits) > MAX_PIXELS_PER_SIDE):
            message = f"'{name}' is above {MAX_PIXELS_PER_SIDE} pixels."
            raise InvalidRequest(message, field_errors=({"loc": f"query.{name}", "msg": message},))


def rendering(
    request: Request,
    raster: Raster,
    params: Annotated[ImageRenderingParams, Depends()],
    bidx: Annotated[list[int] | None, Query()] = None,
) -> ImageRenderingParams:
    """The client's rendering, or a stretch from the data's own minimum to its maximum.

    Without one, a picture of an elevation raster would map the whole range of its type, and be black.
    """
    is_picture = str(request.path_params.get("format", "png")) not in _VALUE_FORMATS
    chosen = {"rescale", "expression", "colormap", "algorithm"} & set(request.query_params)
    if is_picture and not chosen:
        params.rescale = stretch(raster.data_characteristics, bidx) or params.rescale
    return params


def rasters_app() -> FastAPI:
    """The app; its `state` gets `datasets` and `config` when serving starts."""
    app = FastAPI(title="Raster tiles", openapi_url="/api", docs_url="/api.html", redoc_url=None)
    tiler = TilerFactory(
        reader=CogReader,
        path_dependency=raster_path,
        environment_dependency=gdal_environment,
        render_dependency=rendering,
        img_part_dependency=PartParams,
    )
    app.include_router(tiler.router, dependencies=[Depends(bounded_sizes)])
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, FAILURES)
    return app


def reference_app() -> FastAPI:
    """What tile clients look up: tile matrix sets and colour maps."""
    app = FastAPI(title="Tile matrix sets and colour maps", openapi_url=None)
    app.include_router(TMSFactory().router)
    app.include_router(ColorMapFactory().router)
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, {})
    return app
