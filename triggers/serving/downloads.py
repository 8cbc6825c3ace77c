"""Downloads: a vector dataset in a format of the client's choice, a raster dataset as its COG, its parts and
its products.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.errors import NotFound
from core.task_models.vector_export import ExportFormat
from geo_platform.errors import not_published
from triggers.serving.blob_answers import blob_answer
from triggers.serving.datasets import PublishedDataset
from triggers.serving.download_files import (
    MOSAICJSON,
    REJECTS,
    chosen_kind,
    files_of,
    named_file,
    no_such_file,
)
from triggers.serving.failures import add_failure_handlers
from triggers.serving.freshness import CacheHeaders, revalidate
from triggers.serving.mosaics import public_document
from triggers.serving.vector_downloads import rejects_file, vector_download


async def published_of_request(request: Request, request_id: str) -> PublishedDataset:
    """The dataset that the request has published.

    Raises:
        NotFound: (REQUEST_NOT_FOUND) there is no such request; (GONE) its data were replaced or deleted.
        Conflict: (NOT_READY) nothing is published yet.
    """
    datasets, config = request.app.state.datasets, request.app.state.config
    found: PublishedDataset | None = await datasets.of_request(request_id)
    if found:
        return found
    known = await run_in_threadpool(config.find_request, request_id)
    found = await datasets.of_request(known.request_id)
    if found:
        return found
    raise not_published(known.request_id, known.status)


Dataset = Annotated[PublishedDataset, Depends(published_of_request)]


async def download(
    request: Request,
    dataset: Dataset,
    f: Annotated[
        str | None,
        Query(
            description="gpkg, fgb, parquet, geojson, csv, shp, pmtiles, rejects; cog, mosaicjson, a product"
        ),
    ] = None,
    collection: Annotated[
        str, Query(description="one of several tables of features, or of several mosaics")
    ] = "",
    retry: Annotated[bool, Query(description="have a file made again that could not be made")] = False,
) -> Response:
    """The dataset as a file."""
    if dataset.is_raster and collection:
        dataset = await _mosaic(request, dataset, collection)
    kind = chosen_kind(dataset, f)
    if kind == MOSAICJSON:
        return await run_in_threadpool(_mosaicjson, request, dataset)
    if dataset.is_raster:
        return await run_in_threadpool(blob_answer, request, files_of(dataset)[kind])
    if kind == REJECTS:
        return await run_in_threadpool(blob_answer, request, rejects_file(dataset))
    wanted = ExportFormat(kind)
    return await vector_download(request, dataset, wanted, collection=collection, again=retry)


async def download_named(request: Request, dataset: Dataset, name: str) -> Response:
    """A part of a mosaic, or a product."""
    mosaics = request.app.state.mosaics
    file = await run_in_threadpool(named_file, dataset, name, mosaics)
    for beside in [] if file else await request.app.state.datasets.beside(dataset):
        file = file or await run_in_threadpool(named_file, beside, name, mosaics)
    if file is None:
        raise no_such_file(name)
    return await run_in_threadpool(blob_answer, request, file)


async def _mosaic(request: Request, dataset: PublishedDataset, name: str) -> PublishedDataset:
    """The mosaic of this name among those of the dataset.

    Raises:
        NotFound: (COLLECTION_NOT_FOUND) it has none.
    """
    found: PublishedDataset = await request.app.state.datasets.get(name)
    if found.request_id != dataset.request_id:
        raise NotFound(
            f"The dataset has no mosaic '{name[:80]}'.",
            code="COLLECTION_NOT_FOUND",
            remedy="Take the name from `mosaics` in the status of the request.",
        )
    return found


def _mosaicjson(request: Request, dataset: PublishedDataset) -> Response:
    revalidate(request, dataset.request_id)
    state = request.app.state
    headers = {"content-disposition": f'attachment; filename="{dataset.collection_id}.json"'}
    return JSONResponse(public_document(state.mosaics, state.config, dataset), headers=headers)


def downloads_app() -> FastAPI:
    """The app; its `state` gets `pool`, `datasets`, `mosaics` and `config` when serving starts."""
    app = FastAPI(title="Downloads", openapi_url=None)
    app.add_api_route("/{request_id}/download", download, methods=["GET", "HEAD"])
    app.add_api_route("/{request_id}/download/{name}", download_named, methods=["GET", "HEAD"])
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, {})
    return app
