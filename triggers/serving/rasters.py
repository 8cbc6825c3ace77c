"""Tiles, previews, values and statistics of published rasters by name, by titiler."""

from typing import Annotated

from fastapi import FastAPI, Query
from starlette.requests import Request
from titiler.core.factory import ColorMapFactory, TMSFactory

from core.errors import InvalidRequest, NotFound
from triggers.serving.datasets import PublishedDataset
from triggers.serving.failures import Failure, add_failure_handlers
from triggers.serving.freshness import CacheHeaders, revalidate
from triggers.serving.tiler import tiler_app


class UrlRefused(Exception):
    """The client names a file of its own choice."""


_URL_REFUSED = Failure(
    403,
    "URL_NOT_ALLOWED",
    "Only published datasets are served.",
    "Use dataset=<name>, or submit the file.",
)


async def published_raster(
    request: Request,
    dataset: Annotated[str | None, Query(description="The name of a published raster dataset")] = None,
    url: Annotated[str | None, Query(description="The blob of a published raster dataset")] = None,
) -> None:
    """Find the raster that the request names. A client's string is looked up, and never opened.

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
    if not raster.is_raster:
        raise NotFound(f"The dataset '{raster.collection_id}' is no raster.", code="COLLECTION_NOT_FOUND")
    request.state.raster = raster
    revalidate(request, raster.request_id)


def rasters_app() -> FastAPI:
    """The app of `/api/cog`: one file or a mosaic, as the name says."""
    return tiler_app("Raster tiles", published_raster, failures={UrlRefused: _URL_REFUSED})


def reference_app() -> FastAPI:
    """What tile clients look up: tile matrix sets and colour maps."""
    app = FastAPI(title="Tile matrix sets and colour maps", openapi_url=None)
    app.include_router(TMSFactory().router)
    app.include_router(ColorMapFactory().router)
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, {})
    return app
